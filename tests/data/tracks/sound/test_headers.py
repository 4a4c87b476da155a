"""Files that say how long they are, whole and cut short."""

import io
import struct

import numpy as np
import pytest
import soundfile
import torch

from thawline.data.tracks.track import read_track, read_windows
from thawline.data.tracks.windows import Windowing

RATE = 16000
KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAV", "MS_ADPCM"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("W64", "IMA_ADPCM"),
    ("AIFF", "PCM_16"),
    ("AIFF", "FLOAT"),
    ("AIFF", "IMA_ADPCM"),
    ("AU", "ULAW"),
    ("CAF", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("FLAC", "PCM_16"),
]


@pytest.fixture(scope="module")
def sound(piece) -> np.ndarray:
    return piece(9, 3, RATE)


def encoded(sound: np.ndarray, kind: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, RATE, format=kind, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
def test_whole_files_are_read_and_cut_ones_named(tmp_path, sound, kind, subtype) -> None:
    data, path = encoded(sound, kind, subtype), tmp_path / "track"
    path.write_bytes(data)
    windowing = Windowing(RATE, 1)
    facts, windows = read_track(path, windowing)
    assert (facts.problem, facts.rate, facts.channels) == (None, RATE, 1)
    assert 3 <= facts.seconds < 3.1  # the last block of ADPCM is filled
    (window,) = read_windows(path, windowing, [1.0])
    assert torch.equal(window.samples, windows[1].samples)
    assert np.abs(window.samples.numpy() - sound[RATE : 2 * RATE]).mean() < 0.01
    middle = len(data) * 2 // 5
    for cut in (data[: len(data) * 3 // 5], data[:middle] + data[middle + len(data) // 4 :]):
        path.write_bytes(cut)
        problem = read_track(path, None)[0].problem
        assert problem is not None
        assert problem.startswith("broken ")


def test_sizes_that_nobody_filled_in(tmp_path, sound) -> None:
    """A program that writes to a pipe can't go back to say how much it wrote."""
    path = tmp_path / "track"
    for kind, at in {"WAV": 40, "AU": 8}.items():
        data = encoded(sound, kind, "PCM_16")
        path.write_bytes(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])
        assert (kind, read_track(path, None)[0].problem) == (kind, None)


def test_rf64_whose_sound_is_too_long(tmp_path, sound) -> None:
    """The size that counts stands in a chunk of its own, in 64 bits."""
    data = encoded(sound, "RF64", "PCM_16")
    assert data[12:16] == b"ds64"
    path = tmp_path / "track.wav"
    path.write_bytes(data[:28] + struct.pack("<Q", 7 * 2**30) + data[36:])
    problem = read_track(path, None)[0].problem
    assert problem is not None
    assert problem.startswith("broken WAV: 3.0 s can be decoded of the")
