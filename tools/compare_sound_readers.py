"""Reads every sound file below some folders as Thawline does and as ffmpeg does, and prints where the two disagree.

`python tools/compare_sound_readers.py FOLDER …` ends with status 1 where Thawline raised, or where the durations of a
file that both can read differ by more than two frames of an MP3.
"""

import argparse
import os
import shutil
import subprocess
import sys
import traceback
from collections import Counter
from pathlib import Path

from thawline.data.tracks.listed import TRACKS
from thawline.data.tracks.track import read_track

_FRAMES = 0.15  # s; two frames at 16 kHz
_HEARD = ("silent", "too short", "too long", "out of range", "samples that")  # said of what was decoded


def main() -> int:
    """Compare, and print a table of verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    if shutil.which("ffmpeg") is None:
        parser.error("ffmpeg is not installed")
    verdicts: Counter[str] = Counter()
    paths = sorted(path for folder in parser.parse_args().folders for path in folder.rglob("*"))
    for path in paths:
        if path.is_file() and TRACKS.looks_like_one(path):
            verdict, said = _compare(path)
            verdicts[verdict] += 1
            if verdict not in ("both read it, as long", "both read it, nothing to use", "neither reads it"):
                print(f"{path}: {verdict}: {said}")
    for verdict, count in verdicts.most_common():
        print(f"{count:6} {verdict}")
    return int(bool(verdicts["Thawline raised"] or verdicts["both read it, not as long"]))


def _compare(path: Path) -> tuple[str, str]:
    try:
        facts, _ = read_track(path, None)
    except Exception:
        return "Thawline raised", traceback.format_exc()
    seconds, errors = _by_ffmpeg(path)
    said = f"{facts.problem or f'{facts.seconds:.3f} s'}, ffmpeg {seconds:.3f} s{f', {errors}' if errors else ''}"
    if facts.problem is not None and facts.problem.startswith(_HEARD):
        return "both read it, nothing to use", said
    if facts.problem is not None:
        return ("only ffmpeg reads it" if seconds and not errors else "neither reads it"), said
    if abs(facts.seconds - seconds) < _FRAMES:
        return "both read it, as long", said
    return ("both read it, not as long" if seconds else "only Thawline reads it"), said


def _by_ffmpeg(path: Path) -> tuple[float, str]:
    """How many seconds it decodes, and the first of the errors that it prints."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0", "-ac", "1", "-ar", "8000"]
    done = subprocess.run(  # noqa: S603  # the words are our own
        [*command, "-f", "s16le", "pipe:1"], stdin=subprocess.DEVNULL, capture_output=True, timeout=600
    )
    errors = done.stderr.decode(errors="replace").strip().splitlines()
    return len(done.stdout) / 16000, errors[0][-100:] if errors else ""


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
