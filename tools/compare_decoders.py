"""Ask Thawline and Pillow about the images of a folder and about damaged copies of each, and list where they disagree.

    python tools/compare_decoders.py FOLDER… [--damaged 11] [--bombs 8] [--seed 0] [--threads 8] [--memory 1500]

FOLDER may hold images of any origin, such as the tests of another project; JPEG, PNG and WebP are found by content.
Copies are cut short, have bits flipped, bytes zeroed, taken out or put in, or are closed early, by the seed. What
Pillow decodes in full must be used and what it refuses must be refused, at every way of decoding; beyond that the size
limits hold, and pictures of which a part is missing are counted by themselves, since Pillow fills these up without a
word. Meanwhile so many bombs, pictures just below the size limit, are decoded beside. Exit status 1 where they
disagree, where anything but a reason was raised, or where this process took more memory (MB) than it may.
"""

import argparse
import io
import multiprocessing
import random
import resource
import struct
import sys
import tempfile
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from thawline.data.photos.decoding.budget import DECODING
from thawline.data.photos.decoding.headers import READABLE, read_header, sniff
from thawline.data.photos.photo import read_photo, read_pixels
from thawline.data.photos.preprocessing import Preprocessing
from thawline.errors import UnusableError
from thawline.process import keep_freed_memory

WAYS = (Preprocessing(224, 256), Preprocessing(224, 256, decode="full"))
SIDE = 10_000  # px, of a bomb: 100 megapixels


def main() -> int:
    """Compare, print what was found, and return the exit status."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folders", nargs="+", type=Path)
    words.add_argument("--damaged", type=int, default=11)
    words.add_argument("--bombs", type=int, default=0)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--threads", type=int, default=8)
    words.add_argument("--memory", type=int, default=1500)
    asked = words.parse_args()
    keep_freed_memory()  # as the command does
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None
    torch.set_num_threads(1)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.threads) as pool:
        bombs = [pool.submit(_explode, path, i) for i, path in enumerate(_bombs(Path(folder), asked.bombs))]
        jobs = _jobs(asked)
        while batch := list(islice(jobs, 8 * asked.threads)):  # a pool would draw them all at once
            for name, verdict, detail in pool.map(lambda job: _compare(Path(folder), *job), batch):
                found[verdict] += 1
                if verdict in ("DISAGREEMENT", "TRACEBACK"):
                    print(f"{verdict} {name}: {detail}")
        for bomb in bombs:
            print(bomb.result())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(found.items())))
    print(f"{sum(found.values())} files in all, peak memory {peak} MB")
    return int(bool(found["DISAGREEMENT"] or found["TRACEBACK"] or peak > asked.memory))


def _jobs(asked: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    for folder in asked.folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            data = path.read_bytes()
            if sniff(data) not in READABLE:
                continue
            yield str(path), data
            rng = random.Random(f"{asked.seed} {path.name} {len(data)}")  # a repeatable one is meant
            for number in range(asked.damaged):
                how, damaged = _damage(data, rng)
                yield f"{path} ({how}, {number})", damaged


def _damage(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    at = rng.randrange(len(data))
    length = min(len(data) - at, rng.choice((1, 4, 64, 1024)))
    match rng.choice(("cut", "cut", "flip", "flips", "zeroed", "out", "in", "closed")):
        case "cut":
            return "cut", data[:at]
        case "flip":
            return "flip", _flipped(data, [at], rng)
        case "flips":
            return "flips", _flipped(data, [rng.randrange(len(data)) for _ in range(20)], rng)
        case "zeroed":
            return "zeroed", data[:at] + bytes(length) + data[at + length :]
        case "out":
            return "out", data[:at] + data[at + length :]
        case "in":
            return "in", data[:at] + rng.randbytes(length) + data[at:]
        case _:
            return "closed", data[:at] + (b"\xff\xd9" if sniff(data) == "JPEG" else data[-12:])


def _flipped(data: bytes, places: list[int], rng: random.Random) -> bytes:
    changed = bytearray(data)
    for at in places:
        changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _compare(folder: Path, name: str, data: bytes) -> tuple[str, str, str]:
    """The name, a verdict, and what to say of it."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(data)
            file.flush()
            path = Path(file.name)
            problems = [read_photo(path, how)[0].problem for how in (None, *WAYS)] + [_alone(path, how) for how in WAYS]
    except Exception:  # what is looked for
        return name, "TRACEBACK", traceback.format_exc()
    if any(problem and problem.startswith("too large") for problem in problems):
        return name, "too large", ""
    if len({problem is None for problem in problems}) > 1:
        return name, "DISAGREEMENT", f"between ways of decoding: {problems}"
    pillow = _pillow(data)
    ours = problems[0]
    if pillow is None and ours and ": truncated, " in ours:
        return name, "truncated, though Pillow fills it up", ""
    if (pillow is None) != (ours is None):
        return name, "DISAGREEMENT", f"Thawline: {ours}; Pillow: {pillow}"
    return name, "used by both" if ours is None else "refused by both", ""


def _alone(path: Path, how: Preprocessing) -> str | None:
    try:
        read_pixels(path, how)
    except UnusableError as error:
        return str(error)
    return None


def _pillow(data: bytes) -> str | None:
    """What Pillow says against the file; None if nothing. Of several pictures the first counts."""
    header = read_header(io.BytesIO(data))
    try:
        with DECODING.hold(20 * header.pixels if header else 0):
            Image.open(io.BytesIO(data), formats=READABLE).load()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _explode(path: Path, number: int) -> str:
    """Decode a large picture of few bytes."""
    facts, _ = read_photo(path, WAYS[number // 4 % 2])
    return f"bomb {number}, {path.name}, {path.stat().st_size} bytes: {facts.problem or 'used'}"


def _bombs(folder: Path, count: int) -> list[Path]:
    """Large pictures of few bytes, made in another process, whose memory does not count."""
    kinds = list(_OPTIONS)[:count]
    with multiprocessing.get_context("spawn").Pool(1) as other:
        other.map(_write_bomb, [folder / kind for kind in kinds])
    return [folder / kinds[number % len(kinds)] for number in range(count)]


def _write_bomb(path: Path) -> None:
    path.write_bytes(_bomb(path.name))


def _bomb(kind: str) -> bytes:
    if kind == "png":
        packer, row = zlib.compressobj(1), b"\0" + bytes(range(1, 251)) * (4 * SIDE // 250)
        packed = b"".join(packer.compress(row) for _ in range(SIDE)) + packer.flush()
        chunks = [(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 6, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b"")]
        made = (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
        return b"\x89PNG\r\n\x1a\n" + b"".join(made)
    file = io.BytesIO()
    side = 6250 if kind == "webp" else SIDE
    image = Image.fromarray(np.tile(np.arange(250, dtype=np.uint8), (side, side // 250)))
    image.save(file, "WEBP" if kind == "webp" else "JPEG", **_OPTIONS[kind])
    return file.getvalue()


_OPTIONS: dict[str, dict[str, bool]] = {
    "png": {},
    "jpeg": {},
    "webp": {"lossless": True},
    "progressive": {"progressive": True},
}

if __name__ == "__main__":
    sys.exit(main())
