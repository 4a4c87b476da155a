import hashlib
import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
import soxr
import torch

from thawline.data.tracks.track import TrackFacts, read_track, read_windows
from thawline.data.tracks.windows import Windowing
from thawline.errors import UnusableError

KINDS = ("wav", "flac", "ogg", "mp3", "au")


@pytest.fixture(scope="module")
def tracks(tmp_path_factory, piece):
    """The same 7 seconds of stereo at 44.1 kHz as every kind of file."""
    folder = tmp_path_factory.mktemp("tracks")
    sound = piece(1, 7, 44100)
    stereo = np.stack([sound, 0.5 * np.roll(sound, 400)], axis=1)
    for kind in KINDS:
        soundfile.write(folder / f"track.{kind}", stereo, 44100)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_facts(tracks, kind) -> None:
    path = tracks / f"track.{kind}"
    facts, windows = read_track(path, None)
    assert windows == []
    assert facts.problem is None
    assert facts.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts.seconds, facts.rate, facts.channels) == (7.0, 44100, 2)
    assert facts.fingerprint is not None
    assert TrackFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "windowing",
    [Windowing(16000, 2), Windowing(22050, 1.5, hop=0.7), Windowing(44100, 2), Windowing(48000, 3, whole=True)],
    ids=lambda windowing: f"{windowing.rate}",
)
def test_a_window_is_part_of_the_whole_whichever_others_are_read(tracks, kind, windowing) -> None:
    path = tracks / f"track.{kind}"
    facts, windows = read_track(path, windowing)
    starts = windowing.starts(facts.seconds)
    assert tuple(window.start for window in windows) == starts
    sound = soundfile.read(path, dtype="float32")[0].mean(axis=1)
    whole = sound if windowing.rate == 44100 else soxr.resample(sound, 44100, windowing.rate, "HQ")
    for window in windows:
        begin = round(window.start * windowing.rate)
        expected = whole[begin : begin + windowing.samples]
        assert window.samples.dtype == torch.float32
        # soxr is not exact in the first and last few samples of what it is given.
        assert np.abs(window.samples.numpy() - expected)[4:-4].max() < 5e-5
        assert len(expected) == len(window.samples)
        assert len(window.samples) == windowing.samples
        (alone,) = read_windows(path, windowing, [window.start])
        assert torch.equal(alone.samples, window.samples)
    some = read_windows(path, windowing, starts[::2])
    assert all(torch.equal(one.samples, other.samples) for one, other in zip(some, windows[::2], strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_track_is_repeated_or_left_as_it_is(tracks, kind) -> None:
    path = tracks / f"track.{kind}"
    _, (as_it_is,) = read_track(path, Windowing(16000, 20, whole=True))
    _, (repeated,) = read_track(path, Windowing(16000, 20))
    assert len(as_it_is.samples) == 7 * 16000
    assert torch.equal(repeated.samples, as_it_is.samples.repeat(3)[: 20 * 16000])
    for windowing, window in ((Windowing(16000, 20, whole=True), as_it_is), (Windowing(16000, 20), repeated)):
        (again,) = read_windows(path, windowing, [0.0])
        assert torch.equal(again.samples, window.samples)


@pytest.mark.parametrize("kind", ["ogg", "mp3"])
def test_decoders_that_give_other_bits_after_a_jump(tmp_path, kind) -> None:
    path = tmp_path / f"noise.{kind}"
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * 22050) * np.linspace(0.1, 1, 20 * 22050)
    soundfile.write(path, noise, 22050)
    windowing = Windowing(22050, 1, hop=2.3)
    _, windows = read_track(path, windowing)
    whole = soundfile.read(path, dtype="float32")[0]
    assert len(windows) == 8
    for window in windows:
        begin = round(window.start * 22050)
        # soundfile.read jumps to the beginning, which moves an MP3's last bits.
        assert np.abs(window.samples.numpy() - whole[begin : begin + 22050]).max() < 1e-6
        (alone,) = read_windows(path, windowing, [window.start])
        assert torch.equal(alone.samples, window.samples)


def test_an_mp3_without_an_index_is_cut_by_its_true_length(tmp_path, piece) -> None:
    """libsndfile expects more frames than there are; windows must not reach beyond them."""
    path = tmp_path / "plain.mp3"
    soundfile.write(path, piece(2, 12, 22050), 22050, bitrate_mode="CONSTANT", compression_level=0.99)
    windowing = Windowing(16000, 3, hop=1, most=5)
    facts, windows = read_track(path, windowing)
    assert facts.problem is None
    assert soundfile.info(path).frames > facts.seconds * 22050
    starts = windowing.starts(facts.seconds)
    assert starts != windowing.starts(soundfile.info(path).duration)
    assert tuple(window.start for window in windows) == starts
    for window, again in zip(windows, read_windows(path, windowing, starts), strict=True):
        assert torch.equal(window.samples, again.samples)


@pytest.mark.parametrize("rate", [8000, 11025, 44101, 192000])
def test_odd_rates(tmp_path, piece, rate) -> None:
    path = tmp_path / "odd.wav"
    soundfile.write(path, piece(3, 3, rate), rate, subtype="FLOAT")
    facts, (window,) = read_track(path, Windowing(16000, 1, most=1))
    assert (facts.problem, facts.rate) == (None, rate)
    expected = soxr.resample(soundfile.read(path, dtype="float32")[0], rate, 16000, "HQ")[16000:32000]
    assert np.abs(window.samples.numpy() - expected).max() < 1e-4


def test_threads_give_the_same_bits(tracks) -> None:
    paths = [tracks / f"track.{kind}" for kind in KINDS] * 3
    windowing = Windowing(16000, 2)
    alone = [read_track(path, windowing) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda path: read_track(path, windowing), paths))
    for (facts, windows), (other_facts, others) in zip(alone, together, strict=True):
        assert facts == other_facts
        assert all(torch.equal(one.samples, other.samples) for one, other in zip(windows, others, strict=True))


def test_memory_does_not_grow_with_the_track(tmp_path, piece) -> None:
    peaks = []
    for minutes in (1, 4):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            for _ in range(minutes):
                file.write(piece(4, 60, 8000))
        tracemalloc.start()
        facts, windows = read_track(path, Windowing(16000, 5, most=3))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (facts.seconds, len(windows)) == (60 * minutes, 3)
    assert peaks[1] < 2.5 * peaks[0]  # the fingerprint listens to two minutes, the windows are the same
    assert peaks[1] < 40e6


def test_windows_of_a_file_that_changed(tracks, tmp_path) -> None:
    path = tmp_path / "track.wav"
    path.write_bytes((tracks / "track.wav").read_bytes()[:300_000])
    with pytest.raises(UnusableError, match=r"no sound at 4\.0 s, where there was some before"):
        read_windows(path, Windowing(16000, 2), [0.0, 4.0])
    with pytest.raises(UnusableError, match="cannot be read: No such file or directory"):
        read_windows(tmp_path / "gone.wav", Windowing(16000, 2), [0.0])
    path.write_bytes(b"")
    with pytest.raises(UnusableError, match="empty file"):
        read_windows(path, Windowing(16000, 2), [0.0])
