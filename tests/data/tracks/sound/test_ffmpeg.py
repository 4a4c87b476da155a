"""Sound that ffmpeg decodes, and what is said where there is none."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from thawline.data.tracks.sound import ffmpeg
from thawline.data.tracks.track import TrackFacts, read_track, read_windows
from thawline.data.tracks.windows import Windowing

RATE = 16000
KINDS = {"m4a": "M4A", "aac": "AAC", "wma": "WMA", "mka": "Matroska", "wv": "WavPack"}
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on this machine")


@pytest.fixture(scope="module")
def sound(piece: Callable[..., np.ndarray]) -> np.ndarray:
    return np.stack([piece(10, 4, RATE), piece(11, 4, RATE)], axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sound: np.ndarray) -> Path:
    """The same sound as each kind of file, encoded by one ffmpeg."""
    folder = tmp_path_factory.mktemp("kinds")
    soundfile.write(folder / "track.wav", sound, RATE)
    written = [str(folder / f"track.{kind}") for kind in KINDS]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", folder / "track.wav", *written], check=True)
    return folder


@needs_ffmpeg
@pytest.mark.parametrize("suffix", KINDS)
def test_each_kind(folder, sound, suffix) -> None:
    path, windowing = folder / f"track.{suffix}", Windowing(RATE, 1)
    facts, windows = read_track(path, windowing)
    assert (facts.problem, facts.rate, facts.channels) == (None, RATE, 2)
    assert facts.decoder == ffmpeg.version()
    assert facts.decoder.startswith("ffmpeg ")
    assert 3.9 < facts.seconds < 4.2
    mono = sound.mean(axis=1)
    assert len(windows) == int(facts.seconds)
    heard = windows[1].samples.numpy()
    # Some files do not tell their encoder's delay.
    lag = 3000 - int(np.argmax(np.correlate(mono[RATE - 3000 : 2 * RATE + 3000], heard, "valid")))
    assert np.corrcoef(heard, mono[RATE - lag : 2 * RATE - lag])[0, 1] > 0.99
    (again,) = read_windows(path, windowing, [1.0])
    assert torch.equal(again.samples, windows[1].samples)


@needs_ffmpeg
@pytest.mark.parametrize("suffix", KINDS)
def test_a_part_that_is_missing_is_named(folder, tmp_path, suffix) -> None:
    data, path = (folder / f"track.{suffix}").read_bytes(), tmp_path / "a part.bin"
    third = len(data) // 3
    for kept in (data[: 2 * third], data[:third] + data[2 * third :], data[:third] + bytes(third) + data[2 * third :]):
        path.write_bytes(kept)
        problem = read_track(path, None)[0].problem
        assert problem is not None
        assert problem.startswith(f"broken {KINDS[suffix]}: ")
        assert str(path) not in problem
        assert "\n" not in problem


@needs_ffmpeg
def test_names_are_no_options_and_no_addresses(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-y.m4a", "concat:a.m4a", "http:x.m4a", "a %d b.m4a", "späß.m4a"):
        shutil.copy(folder / "track.m4a", name)
        assert (name, read_track(Path(name), None)[0].problem) == (name, None)


@needs_ffmpeg
def test_a_list_of_other_files_is_not_followed(folder, tmp_path) -> None:
    for name, text in {
        "list.m4a": f"ffconcat version 1.0\nfile {folder}/track.m4a\n",
        "stream.aac": f"#EXTM3U\n#EXTINF:4,\n{folder}/track.aac\n",
    }.items():
        (tmp_path / name).write_text(text)
        facts, _ = read_track(tmp_path / name, None)
        assert facts == TrackFacts("", problem="not audio (WAV, FLAC, OGG, MP3, AIFF and others are)")


@needs_ffmpeg
def test_what_holds_no_sound(tmp_path) -> None:
    path = tmp_path / "film.mkv"
    video = ["-f", "lavfi", "-i", "color=size=16x16:duration=1", "-c:v", "mpeg4"]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *video, path], check=True)
    assert read_track(path, None)[0] == TrackFacts("", problem="no sound in this Matroska")


@needs_ffmpeg
def test_too_long_is_said_before_it_is_decoded(tmp_path, monkeypatch, folder) -> None:
    monkeypatch.setattr("thawline.data.tracks.track.MAX_SECONDS", 3)
    facts, _ = read_track(folder / "track.m4a", None)
    assert facts == TrackFacts("", problem="too long: 4.0 s, more than 0 minutes")


@needs_ffmpeg
def test_one_that_hangs_is_ended(folder, monkeypatch) -> None:
    monkeypatch.setattr(ffmpeg, "_SECONDS", 0)
    monkeypatch.setattr(
        "thawline.data.tracks.sound.ffmpeg.threading.Timer.start", lambda timer: timer.function(*timer.args)
    )
    facts, _ = read_track(folder / "track.wv", None)
    assert facts.problem == "ffmpeg did not decode this WavPack within 0 s"


def test_without_ffmpeg_it_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ffmpeg.version.cache_clear()
    heads = {
        "M4A": b"\0\0\0\x20ftypM4A ",
        "AAC": b"\xff\xf1\x50\x80\x02\x1f\xfc",
        "WMA": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
        "WavPack": b"wvpk",
        "Monkey's Audio": b"MAC ",
        "Matroska": b"\x1aE\xdf\xa3",
        "Speex": b"OggS\0\2" + bytes(20) + b"\1\x50Speex   ",
    }
    for kind, head in heads.items():
        (tmp_path / "track").write_bytes(head + bytes(400))
        facts, _ = read_track(tmp_path / "track", None)
        # Without a digest it is not remembered: with ffmpeg the next run reads it.
        assert facts == TrackFacts("", problem=f"{kind} needs ffmpeg, which is not installed")
    ffmpeg.version.cache_clear()
