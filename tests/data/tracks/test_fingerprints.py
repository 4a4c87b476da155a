import io

import numpy as np
import pytest
import soundfile
import soxr

from thawline.data.tracks.fingerprints import FEW_MARKS, RATE, Listener, fingerprint_of, near_pairs

PIECE_RATE = 22050


def fingerprint(sound, rate: int = PIECE_RATE, block: int = 2**16) -> str | None:
    listener = Listener(rate)
    for start in range(0, len(sound), block):
        listener.add(sound[start : start + block])
    return fingerprint_of(listener.peaks())


def encoded(sound, kind: str, **options):
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, PIECE_RATE, format=kind, **options)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0]


def test_copies_are_near_and_strangers_far(piece) -> None:
    sound = piece(1, 8)
    trimmed = sound[round(0.37 * PIECE_RATE) :]
    copies = [
        fingerprint(encoded(sound, "MP3")),
        fingerprint(encoded(sound, "OGG", compression_level=0.7)),
        fingerprint(sound * 0.2),
        fingerprint(soxr.resample(sound, PIECE_RATE, 44100), 44100),
        fingerprint(soxr.resample(sound, PIECE_RATE, RATE), RATE),
        fingerprint(trimmed),
        fingerprint(sound[PIECE_RATE:-PIECE_RATE]),
        fingerprint(encoded(trimmed, "MP3")),
    ]
    strangers = [fingerprint(piece(seed, 8)) for seed in range(2, 12)]
    assert None not in copies + strangers
    found = near_pairs([fingerprint(sound), *copies, *strangers])
    assert [(i, j) for i, j in found if i == 0] == [(0, j) for j in range(1, 1 + len(copies))]
    assert all(j <= len(copies) for _, j in found)


def test_a_fingerprint_does_not_depend_on_blocks(piece) -> None:
    sound = piece(3, 4)
    assert fingerprint(sound, block=1000) == fingerprint(sound, block=2**20)


@pytest.mark.parametrize("sound", [np.zeros(20000, np.float32), np.empty(0, np.float32), np.eye(1, 20000)[0]])
def test_nothing_to_tell_by(sound) -> None:
    assert fingerprint(sound.astype(np.float32)) is None


def test_what_comes_after_two_minutes_does_not_count() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 121 * RATE).astype(np.float32)
    assert fingerprint(noise, RATE) == fingerprint(np.concatenate([noise, noise]), RATE)


def test_pairs_of_many() -> None:
    """By hand: some marks in common, at the border of what counts."""
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 2**32, (2_000, 192), dtype=np.uint32)
    marks[1000, :60] = marks[7, :60]
    marks[1999, :39] = marks[1000, -39:]
    marks[4, :38] = marks[3, :38]  # one too few
    texts = [np.unique(row).astype(">u4").tobytes().hex() for row in marks]
    assert near_pairs(texts) == [(7, 1000), (1000, 1999)]
    assert near_pairs(texts[:1]) == near_pairs([]) == []


def test_few_common_marks_do_not_count() -> None:
    few = np.arange(FEW_MARKS, dtype=">u4")
    other = np.concatenate([few[:11], few[11:] + 100]).astype(">u4")
    same = np.concatenate([few[:12], few[12:] + 100]).astype(">u4")
    assert near_pairs([few.tobytes().hex(), other.tobytes().hex()]) == []
    assert near_pairs([few.tobytes().hex(), same.tobytes().hex()]) == [(0, 1)]
