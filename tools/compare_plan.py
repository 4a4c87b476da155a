"""What `thawline plan` says of a command line against what that then takes: seconds, bytes of the store, memory.

python tools/compare_plan.py                          # two shapes on the sample photos, and the sample pairs
python tools/compare_plan.py --events DIR --weights FILE --pairs FILE      # those of real data besides
python tools/compare_plan.py --only linear,pairs      # some of them
python tools/compare_plan.py --line "data.path=/Photos -m encoder=squeezenet method=finetune thaw=1,2"      # any other

Seconds of the processor are those to look at where the machine has other work. Exit status 1 where these or memory are
off by more than 1.5 times, or bytes by more than 5 %.
"""

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thawline.samples.events import make_events
from thawline.samples.pairs import make_pairs

SECONDS, BYTES = 1.5, 1.05
COMMON = ("trainer=cpu", "logger=csv")
TINY = "encoder=tiny_clip"
_FORESEE = """
import json, sys
from functools import partial
from thawline.commands.forecast.plan import foresee, of_process
from thawline.commands.line.composing import compose
from thawline.commands.line.settings import register_settings
register_settings()
words = [word for word in sys.argv[1:] if word != "-m"]
found = foresee(words, partial(compose, "train"), many="-m" in sys.argv, before=of_process())
total = found.total
print(json.dumps({"wall": total.wall, "processor": total.processor, "bytes": found.bytes, "memory": found.memory}))
"""


@dataclass(frozen=True)
class Took:
    """What a command took, or is expected to take.

    Attributes:
        wall: Seconds by the clock.
        processor: Seconds of the processor, its children's too.
        bytes: That the store grew by.
        memory: The most bytes in memory at a time.
    """

    wall: float
    processor: float
    bytes: int
    memory: int


def shapes(
    events: Path, pairs: Path, real: Path | None, weights: Path | None, given: Path | None
) -> dict[str, list[str]]:
    """The command lines that are compared, by name."""
    found = {
        "single": [f"data.path={events}", TINY],
        "logistic": [f"data.path={events}", TINY, "method=logistic", "cv=5"],
        "linear": [
            f"data.path={events}",
            "-m",
            TINY,
            "method=linear",
            "thaw=head,projection",
            "method.lr=1e-4,1e-3,1e-2",
        ],
        "basic": [f"data.path={events}", "-m", TINY, "method=linear", "seed=0,1", "hydra/launcher=basic"],
        "pairs": [f"data.path={pairs}", "-m", "task=match", TINY, "method.lr=1e-3,1e-2"],
    }
    if real is not None and weights is not None:
        network = [f"data.path={real}", "encoder=mobilenetv2_035", f"encoder.weights={weights}"]
        found |= {
            "real linear": [*network, "experiment=events_linear", "cv=5"],
            "real thaw": [*network, "-m", "method=finetune", "thaw=1,2", "method.lr=3e-4,1e-3"],
            "real packed": [*network, "-m", "method=linear", "method.lr=1e-4,1e-3,1e-2", "seed=0,1,2,3"],
        }
    if given is not None:
        found["real pairs"] = [f"data.path={given}", "task=match", "encoder=tiny_clip"]
    return found


def foresee(words: Sequence[str], store: Path, folder: Path) -> Took:
    """What the words are expected to take."""
    said = _run([sys.executable, "-c", _FORESEE, *words], store, folder)
    return Took(**json.loads(said.splitlines()[-1]))


def run(words: Sequence[str], store: Path, folder: Path) -> Took:
    """What they take."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    program = "from thawline.cli import program; program()"
    path, *rest = words
    child = [sys.executable, "-c", program, "train", path.removeprefix("data.path="), *rest]
    _run(child, store, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    return Took(time.perf_counter() - started, processor, size, _PEAKS.pop())


_PEAKS: list[int] = []


def _run(command: Sequence[str], store: Path, folder: Path) -> str:
    with (folder / "said.txt").open("w+") as said:
        child = subprocess.Popen(  # noqa: S603
            command, cwd=folder, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, "THAWLINE_STORE": str(store)}
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit status {child.returncode}:\n{text[-2000:]}")
    _PEAKS[:] = [usage.ru_maxrss * 1024]
    return text


def compare(name: str, words: Sequence[str]) -> bool:
    """Whether what was said of the words came so; it is printed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        started = time.perf_counter()
        said = foresee([*words, *COMMON], folder / "store", folder)
        took = time.perf_counter() - started
        if (folder / "store").exists() or (folder / "outputs").exists():
            raise SystemExit("planning wrote into the store, or into outputs")
        found = run([*words, *COMMON], folder / "store", folder)
    ratios = {key: getattr(said, key) / getattr(found, key) for key in ("processor", "wall", "memory", "bytes")}
    print(
        f"{name:<12} planned in {took:.0f} s; "
        f"processor {said.processor:.1f} of {found.processor:.1f} s ({ratios['processor']:.2f}), "
        f"wall {said.wall:.1f} of {found.wall:.1f} s ({ratios['wall']:.2f}), "
        f"memory {said.memory / 1e6:.0f} of {found.memory / 1e6:.0f} MB ({ratios['memory']:.2f}), "
        f"store {said.bytes / 1e6:.3f} of {found.bytes / 1e6:.3f} MB ({ratios['bytes']:.3f})",
        flush=True,
    )
    near = all(1 / SECONDS < ratios[key] < SECONDS for key in ("processor", "memory"))
    return near and 1 / BYTES < ratios["bytes"] < BYTES


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, help="a folder of photos by class")
    parser.add_argument("--weights", type=Path, help="of MobileNetV2 0.35, as timm has them")
    parser.add_argument("--pairs", type=Path, help="a table of pairs")
    parser.add_argument("--only", default="", help="names of shapes, with commas")
    parser.add_argument(
        "--line", default=[], action="append", help="a command line with absolute paths, instead; can be repeated"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        events, pairs = Path(place) / "events", Path(place) / "pairs"
        make_events(events, photos_per_class=150, seed=0)
        table = make_pairs(pairs, pictures=200, seed=0).file
        found = shapes(events, table, given.events, given.weights, given.pairs)
        if given.line:
            found = {f"line {number}": shlex.split(line) for number, line in enumerate(given.line, start=1)}
        wanted = [name for name in found if not given.only or name in given.only.split(",")]
        near = [compare(name, found[name]) for name in wanted]
    sys.exit(0 if all(near) else 1)


if __name__ == "__main__":
    main()
