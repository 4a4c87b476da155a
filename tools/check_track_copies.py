"""Edit tracks in several ways and say of how many the copy is found; and how many distinct tracks are joined.

python tools/check_track_copies.py FOLDER [--tracks 20] [--seconds 30] [--seed 0]
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import librosa
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from thawline.data.tracks.fingerprints import near_pairs
from thawline.data.tracks.pitches import shifted_pairs
from thawline.data.tracks.track import TrackFacts, read_track

Sound = NDArray[np.float32]
Edit = Callable[[Sound, int], Sound]
KINDS = (".flac", ".wav", ".mp3", ".ogg")


def encoded(kind: str) -> Edit:
    """Written and read again as MP3 or OGG."""

    def encode(sound: Sound, rate: int) -> Sound:
        out = io.BytesIO()
        soundfile.write(out, sound, rate, format=kind)
        out.seek(0)
        read: Sound = soundfile.read(out, dtype="float32")[0]
        return read

    return encode


def shifted(factor: float) -> Edit:
    """As long as before, in another pitch."""
    return lambda sound, rate: librosa.effects.pitch_shift(sound, sr=rate, n_steps=12 * math.log2(factor))


def played(factor: float) -> Edit:
    """Faster or slower, and so higher or lower."""
    return lambda sound, rate: soxr.resample(sound, rate * factor, rate)


EDITS: dict[str, Edit] = {
    "as MP3": encoded("MP3"),
    "as OGG": encoded("OGG"),
    "a fifth as loud": lambda sound, _: 0.2 * sound,
    "without the first half second": lambda sound, rate: sound[rate // 2 :],
    "3 % higher": shifted(1.03),
    "3 % lower": shifted(1 / 1.03),
    "3 % faster": played(1.03),
    "3 % slower": played(1 / 1.03),
    "1.5 % higher": shifted(1.015),
    "6 % higher": shifted(1.06),
}


def facts_of(sounds: Sequence[tuple[Sound, int]], folder: Path) -> list[TrackFacts]:
    """What the product knows of sounds as WAV files."""
    found = []
    for sound, rate in sounds:
        soundfile.write(folder / "track.wav", sound, rate)
        found.append(read_track(folder / "track.wav", None)[0])
    return found


def pairs_among(facts: Sequence[TrackFacts]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Near-duplicates by plain marks, and by those of another pitch."""
    plain = [(i, fact.fingerprint) for i, fact in enumerate(facts) if fact.fingerprint]
    other = [(i, fact.pitches) for i, fact in enumerate(facts) if fact.pitches]
    near = {(plain[a][0], plain[b][0]) for a, b in near_pairs([text for _, text in plain])}
    return near, {(other[a][0], other[b][0]) for a, b in shifted_pairs([text for _, text in other])}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tracks", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in KINDS)
    every = pairs_among([read_track(path, None)[0] for path in paths])
    print(f"{len(paths)} tracks: {len(every[0])} pairs joined, {len(every[1] - every[0])} more in another pitch")
    Random(arguments.seed).shuffle(paths)
    with TemporaryDirectory() as place:
        folder, sounds = Path(place), []
        for path in paths[: arguments.tracks]:
            sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
            sounds.append((sound[: round(arguments.seconds * rate)].mean(axis=1), rate))
        originals, count = facts_of(sounds, folder), len(sounds)
        for name, edit in EDITS.items():
            near, other = pairs_among([*originals, *facts_of([(edit(*one), one[1]) for one in sounds], folder)])
            found = sum((i, i + count) in near | other for i in range(count))
            print(f"{name:30} {found:3} of {count}", flush=True)


if __name__ == "__main__":
    main()
