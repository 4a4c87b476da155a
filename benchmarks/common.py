"""What the benchmarks share: photos, networks, whole processes in turn, the machine's facts, the JSON file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("barat", "birthday", "corporate", "mehndi", "walima")
LOOPS = Path(__file__).parent / "loops"
_LIBRARIES = (
    *("thawline", "torch", "transformers", "lightning", "timm", "accelerate", "pillow", "onnxruntime"),
    *("librosa", "soundfile", "soxr"),
)


def parser(doc: str, photos: int | None = None) -> argparse.ArgumentParser:
    """The options that every benchmark has; `--photos` where it has photos."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if photos is not None:
        made.add_argument("--photos", type=int, default=photos, help=f"how many photos are generated ({photos})")
    made.add_argument("--json", type=Path, help="where the results are written")
    made.add_argument("--data", type=Path, help="keep the generated photos and networks here, and use them again")
    made.add_argument("--rounds", type=int, default=1, help="how often everything is run, in turn; the median counts")
    return made


Results = Mapping[str, Sequence[Mapping[str, Any]]]


@contextmanager
def workspace(data: Path | None) -> Iterator[tuple[Path, Path]]:
    """A folder for generated data (`data`, if it is to be kept) and one for stores and runs, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="thawline-benchmark-") as scratch:
        kept = data or Path(scratch) / "data"
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.absolute(), Path(scratch)


# Photos.


@cache
def _grain(width: int, height: int) -> np.ndarray[Any, Any]:
    """A sensor's noise, as soft as a camera's own processing leaves it."""
    white = np.random.default_rng(0).normal(0, 8.5, (height, width, 3)).astype(np.float32)
    noise = (white + np.roll(white, 1, 0) + np.roll(white, 1, 1) + np.roll(white, (1, 1), (0, 1))) / 2
    return noise.round().astype(np.int8)


def draw_photo(number: int, width: int, height: int) -> Image.Image:
    """A picture with a photo's spectrum: patches of all sizes, hard edges, noise. The same for the same number."""
    rng = np.random.default_rng((1, number))
    coarse = (max(8, width // 4), max(8, height // 4))
    scene = np.zeros((coarse[1], coarse[0], 3), np.float32)
    for cells, weight in ((4, 90), (12, 45), (40, 24), (120, 14), (360, 8)):
        patches = rng.normal(0, 1, (3, max(3, cells * height // width), cells)).astype(np.float32)
        scene += weight * np.stack([_enlarged(patch, coarse) for patch in patches], axis=2)
    yy, xx = np.mgrid[: coarse[1], : coarse[0]]
    for _ in range(40):  # things with edges
        x, y, r = rng.uniform(0, coarse[0]), rng.uniform(0, coarse[1]), rng.uniform(0.01, 0.1) * coarse[0]
        scene[((xx - x) ** 2 + ((yy - y) * rng.uniform(0.5, 2)) ** 2) < r * r] += rng.normal(0, 35, 3).astype(
            np.float32
        )
    picture = Image.fromarray((scene + 120).clip(0, 255).astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    shift = tuple(int(s) for s in rng.integers(0, (height, width)))
    noisy = np.asarray(picture).astype(np.int16) + np.roll(_grain(width, height), shift, (0, 1))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _enlarged(patch: np.ndarray[Any, Any], size: tuple[int, int]) -> np.ndarray[Any, Any]:
    return np.asarray(Image.fromarray(patch).resize(size, Image.Resampling.BICUBIC))


def _save_photo(number: int, folder: Path, width: int, height: int) -> None:
    path = folder / CLASSES[number % len(CLASSES)] / f"{number:06d}.jpg"
    if not path.exists():
        draw_photo(number, width, height).save(path.with_suffix(".part"), "JPEG", quality=90)
        path.with_suffix(".part").rename(path)


def make_photos(data: Path, count: int, width: int, height: int) -> Path:
    """A folder of `count` JPEGs, evenly over five classes."""
    folder = data / f"photos-{count}-{width}x{height}"
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    save = partial(_save_photo, folder=folder, width=width, height=height)
    if count < 8:
        list(map(save, range(count)))
    else:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(save, range(count), chunksize=max(1, min(16, count // 8))))
    files = list(folder.rglob("*.jpg"))
    megabytes = sum(path.stat().st_size for path in files) / len(files) / 1e6
    say(f"{len(files)} photos of {width} by {height} px, {megabytes:.2f} MB each on average")
    return folder


def make_clip(data: Path) -> Path:
    """A CLIP ViT-B/32 with random weights from its config, and a small tokenizer, as transformers saves them."""
    folder = data / "clip-vit-b-32"
    if not (folder / "done").exists():
        # In a process of its own: nothing heavy is imported where processes are timed.
        subprocess.run([sys.executable, LOOPS / "make_clip.py", folder], check=True)
        (folder / "done").touch()
    return folder


# Processes.


@dataclass(frozen=True)
class Timing:
    """A whole process, from its start to its exit.

    Attributes:
        wall: Seconds.
        cpu: Seconds of all cores together, its children's included.
        peak_mb: Largest resident memory of one of its processes.
        load: The machine's load average over the last minute, when it ended.
        output: What it printed.
    """

    wall: float
    cpu: float
    peak_mb: float
    load: float
    output: str


def run(words: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Timing:
    """Run a process to its end; what it prints is shown if it fails."""
    given = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1", **(environment or {})}
    with tempfile.TemporaryFile("w+") as printed:
        start = time.perf_counter()
        process = subprocess.Popen([str(word) for word in words], env=given, stdout=printed, stderr=printed)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, words))} ended with status {process.returncode}:\n{output}")
    unit = 1024 if sys.platform == "darwin" else 1
    return Timing(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024 / unit, os.getloadavg()[0], output)


def loop(name: str, *words: str | Path) -> dict[str, float]:
    """Run one of `loops/` and give the numbers of its last line, besides the process's own."""
    timing = run([sys.executable, LOOPS / f"{name}.py", *words])
    said: dict[str, float] = json.loads(timing.output.strip().splitlines()[-1])
    return {**said, "process_wall": timing.wall, "process_cpu": timing.cpu, "peak_mb": timing.peak_mb}


def thawline_train(photos: Path, store: Path, outputs: Path, *overrides: str) -> dict[str, Any]:
    """`thawline train` as a whole process, and where its time went by when it wrote the run directory's files."""
    began = time.time()
    words = ["train", str(photos), "logger=csv", f"paths.outputs={outputs}", *overrides]
    timing = run([sys.executable, "-m", "thawline.cli", *words], {"THAWLINE_STORE": str(store)})
    runs = sorted((outputs / "train").iterdir())
    metrics = json.loads((runs[-1] / "metrics.json").read_text())
    borders = {
        "start, imports, settings": runs[-1] / "config.yaml",
        "photos, network, features": runs[-1] / "data_report.json",
        "fit": next((runs[-1] / "folds").rglob("chosen.json")),
        "judging, reports": runs[-1] / "metrics.json",
    }
    spent, before = {}, began
    for what, path in borders.items():
        at = path.stat().st_mtime
        spent[what] = at - before
        before = at
    spent["pictures, exit"] = began + timing.wall - before
    return {
        "wall": timing.wall,
        "cpu": timing.cpu,
        "peak_mb": timing.peak_mb,
        "load": timing.load,
        "spent": spent,
        "features": metrics["facts"]["features"] if "facts" in metrics else metrics["features"],
    }


def in_turn(rounds: int, jobs: Mapping[str, Callable[[], dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Run all jobs once, then all again: a busy neighbour meets each of them alike."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in jobs}
    for number in range(rounds):
        for name, job in jobs.items():
            load = os.getloadavg()[0]
            result = {**job(), "load_before": load}
            found[name].append(result)
            said = ", ".join(f"{k} {v:.1f}" for k, v in result.items() if isinstance(v, float))
            say(f"round {number + 1} {name}: {said}")
    return found


def middle(found: Sequence[Mapping[str, Any]], key: str) -> float:
    """The median over the rounds."""
    return float(median(one[key] for one in found))


# Results.


def machine() -> dict[str, Any]:
    """What was measured on."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    flags = {flag for line in text.splitlines() if line.startswith("flags") for flag in line.split()}
    model = next(
        (line.split(":")[1].strip() for line in text.splitlines() if "model name" in line), platform.processor()
    )
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "bfloat16": sorted(flags & {"avx512_bf16", "amx_bf16"}),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "load": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        "versions": versions,
        "children_peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
    }


def finish(arguments: argparse.Namespace, ratios: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    """Print the ratios, and write everything where the user wants it."""
    result = {"command": " ".join(["python", *sys.argv]), "ratios": dict(ratios), **details, "machine": machine()}
    say(json.dumps({"ratios": result["ratios"]}, indent=1))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
        say(f"written to {arguments.json}")


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)
