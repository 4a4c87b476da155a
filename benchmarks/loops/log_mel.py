"""Decode, resample and log-mel spectrogram of every clip: with librosa one after another, with Thawline on all cores.

`first` is what Thawline does with a file that it has not seen: hash, checks and fingerprint besides, which are then
remembered. `again` is the same work as librosa's: the windows of a file whose facts are known.

`compare` prints the largest difference of their values, where librosa's are above -80 dB of the clip's loudest.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch

from thawline.data.tracks.track import read_track, read_windows
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.hearing import Hearing

SECONDS = 30


def hearing() -> Hearing:
    """What the mel-CNN takes of a track, in one window of a whole clip."""
    heard = load(EncoderSettings(family="mel_cnn", name="mel_cnn", seconds=SECONDS, windows=1)).hearing
    if heard is None:
        raise TypeError("the mel-CNN hears nothing")
    return heard


def first(path: Path, heard: Hearing) -> np.ndarray[Any, Any]:
    """Decibels [mels, frames]."""
    _, windows = read_track(path, heard.windowing)
    return heard.front(windows[0].samples)["mel"].numpy()


def again(path: Path, heard: Hearing) -> np.ndarray[Any, Any]:
    """The same of a file whose facts are known."""
    windows = read_windows(path, heard.windowing, (0.0,))
    return heard.front(windows[0].samples)["mel"].numpy()


def theirs(path: Path, heard: Hearing) -> np.ndarray[Any, Any]:
    """The same as librosa gives it."""
    key: Mapping[str, Any] = heard.front_key
    waveform, rate = librosa.load(path, sr=heard.windowing.rate)
    power = librosa.feature.melspectrogram(
        y=waveform, sr=rate, n_fft=key["fft"], hop_length=key["hop"], n_mels=key["mels"]
    )
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)


def difference(files: Iterable[Path], heard: Hearing) -> float:
    """The largest one, in dB."""
    largest = 0.0
    for path in files:
        expected, found = theirs(path, heard), first(path, heard)
        frames = min(expected.shape[1], found.shape[1])
        expected, found = expected[:, :frames], found[:, :frames]
        audible = expected > expected.max() - 80
        largest = max(largest, float(np.abs(expected - found)[audible].max()))
    return largest


def main() -> None:
    """Print the seconds, or the largest difference."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("librosa", "first", "again", "compare"))
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    files, heard = sorted(path for path in given.folder.rglob("*.*") if path.suffix in (".wav", ".mp3")), hearing()
    if given.what == "compare":
        print(json.dumps({"difference_db": difference(files, heard)}))
        return
    if given.what == "librosa":
        theirs(files[0], heard)
        started, used = time.perf_counter(), time.process_time()
        for path in files:
            theirs(path, heard)
    else:
        torch.set_num_threads(1)  # each clip on one core, as many clips as cores
        ours = {"first": first, "again": again}[given.what]
        ours(files[0], heard)
        started, used = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(lambda path: ours(path, heard).shape, files):
                pass
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    print(json.dumps({"seconds": seconds, "cpu": cpu, "ms_per_clip": 1000 * seconds / len(files)}))


if __name__ == "__main__":
    main()
