"""MP3 files that other programs play, and such as lack a part."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thawline.data.tracks.sound.files import Sound
from thawline.data.tracks.sound.mp3 import find_frames, frame_of
from thawline.data.tracks.track import TrackFacts, read_track, read_windows
from thawline.data.tracks.windows import Windowing

ID3V1 = b"TAG" + bytes(125)
DELAY = 576  # samples that an encoder's index has the decoder leave out, and that are there without it


def apev2(body: bytes) -> bytes:
    def edge(*, header: bool) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2000, len(body) + 32, 1, 1 << 31 | header << 29) + bytes(8)

    return edge(header=True) + body + edge(header=False)


def id3v2(body: bytes, size: int | None = None, *, footer: bool = False) -> bytes:
    size = len(body) if size is None else size
    lengths = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    end = b"3DI\4\0\x10" + lengths if footer else b""
    return b"ID3\4\0" + (b"\x10" if footer else b"\0") + lengths + body + end


def encoded(sound: np.ndarray, rate: int, mode: str = "VARIABLE", level: float = 0.5) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format="MP3", bitrate_mode=mode, compression_level=level)
    return buffer.getvalue()


def frames_of(data: bytes) -> list[bytes]:
    """All frames, the index's first."""
    frames, at = [], 0
    while frame := frame_of(data[at : at + 4]):
        frames.append(data[at : at + frame.size])
        at += frame.size
    assert at == len(data)
    return frames


def decoded(data: bytes, path: Path) -> np.ndarray:
    path.write_bytes(data)
    with path.open("rb", buffering=0) as file, Sound(file) as sound:
        return np.concatenate([block.copy() for block in sound.blocks()])


def facts_of(data: bytes, path: Path) -> TrackFacts:
    path.write_bytes(data)
    return read_track(path, None)[0]


@pytest.fixture(scope="module")
def sound(piece: Callable[..., np.ndarray]) -> np.ndarray:
    """Four seconds that fall from loud to soft, so that a variable bit rate varies."""
    played = piece(5, 4, 22050)
    return played * np.linspace(1, 0.01, len(played)) ** 3


@pytest.fixture(scope="module")
def frames(sound: np.ndarray) -> list[bytes]:
    return frames_of(encoded(sound, 22050))


@pytest.fixture(scope="module")
def plain(frames: list[bytes]) -> bytes:
    """Without an index: what many encoders write, and what is left of a stream."""
    return b"".join(frames[1:])


@pytest.fixture(scope="module")
def reference(frames: list[bytes]) -> np.ndarray:
    return soundfile.read(io.BytesIO(b"".join(frames)), dtype="float32", always_2d=True)[0]


def test_without_an_index_all_of_it_is_read(tmp_path, frames, plain, reference) -> None:
    """libsndfile takes the first frame's size for all."""
    path = tmp_path / "plain.mp3"
    facts = facts_of(plain, path)
    assert soundfile.info(path).duration < 0.8 * facts.seconds
    assert facts.problem is None
    assert facts.seconds * 22050 == 576 * len(frames[1:]) - 529  # the decoder's own delay
    whole = decoded(plain, path)
    assert len(whole) == 576 * len(frames[1:]) - 529
    assert np.abs(whole[DELAY : DELAY + len(reference)] - reference).max() < 1e-5
    windowing = Windowing(16000, 0.5)
    _, windows = read_track(path, windowing)
    assert [window.start for window in windows] == [0.5 * i for i in range(8)]
    for window, again in zip(windows, read_windows(path, windowing, windowing.starts(facts.seconds)), strict=True):
        assert (window.samples == again.samples).all()


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (bytes(1024), b""),
        (bytes(100_000), b""),
        (bytes(range(1, 200)), b""),
        (b"\xff\xfb\x90" * 60 + b"\xff\xff", b""),  # looks like frames that nothing follows
        (b"RIFF\0\0\0\0AVI ", b""),
        (id3v2(b"TIT2" + bytes(96)), b""),
        (id3v2(bytes(100)) + bytes(5000), b""),
        (id3v2(bytes(100), footer=True), b""),
        (id3v2(bytes(100)) + id3v2(bytes(300)), b""),
        (id3v2(bytes(50), size=2**27), b""),  # reaches beyond the file
        (apev2(b"x" * 77), b""),
        (b"", ID3V1),
        (b"", apev2(b"x" * 77) + ID3V1),
        (b"", b"LYRICSBEGIN" + b"la" * 50 + b"000111LYRICS200" + ID3V1),
        (b"", id3v2(bytes(100), footer=True)),
        (b"", bytes(3000)),
        (b"", b"\r\n made by hand"),
        (b"", b"\n"),
        (id3v2(bytes(100)), bytes(777) + ID3V1),
    ],
)
@pytest.mark.parametrize("index", [True, False])
def test_what_lies_around_the_frames_is_no_damage(tmp_path, frames, plain, reference, before, behind, index) -> None:
    data = b"".join(frames) if index else plain
    path = tmp_path / "track.mp3"
    assert facts_of(before + data + behind, path).problem is None
    whole = decoded(before + data + behind, path)
    delay = 0 if index else DELAY
    assert len(whole) == (len(reference) if index else 576 * len(frames[1:]) - 529)
    assert np.abs(whole[delay : delay + len(reference)] - reference).max() < 1e-5


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT", "AVERAGE"])
def test_every_rate_and_mode(tmp_path, piece, rate, channels, mode) -> None:
    stereo = np.stack([piece(6, 1, rate), piece(7, 1, rate)], axis=1)[:, :channels]
    frames = frames_of(encoded(stereo, rate, mode))
    path = tmp_path / "track.mp3"
    for data in (b"".join(frames), b"".join(frames[1:])):
        facts = facts_of(bytes(500) + data, path)
        assert (facts.problem, facts.rate, facts.channels) == (None, rate, channels)
        assert 0 <= facts.seconds - 1 < 4 * 1152 / rate


def test_a_free_format(tmp_path, piece) -> None:
    """A bit rate of its own: the header says none, and all frames are as long."""
    frames = frames_of(encoded(piece(8, 2, 32000), 32000, "CONSTANT"))
    assert len({len(frame) for frame in frames}) == 1
    free = b"".join(bytes((*frame[:2], frame[2] & 0x0F, *frame[3:])) for frame in frames[1:])
    path = tmp_path / "free.mp3"
    assert facts_of(free, path).problem is None
    assert np.array_equal(decoded(free, path), decoded(b"".join(frames[1:]), path))
    assert facts_of(free[:-40], path).problem == "broken MP3: it ends in the middle of a frame, so a part is missing"


def test_an_index_of_another_encoder(tmp_path, frames, plain) -> None:
    """Fraunhofer's stands in a frame of its own, too, which has no sound."""
    count = len(frames) - 1
    vbri = b"VBRI" + struct.pack(">HHHII", 1, 0, 75, len(plain), count)
    index = (frames[0][:4] + bytes(32) + vbri).ljust(len(frames[0]), b"\0")
    path = tmp_path / "fraunhofer.mp3"
    facts = facts_of(index + plain, path)
    assert (facts.problem, facts.seconds) == (None, facts_of(plain, tmp_path / "plain.mp3").seconds)
    assert np.array_equal(decoded(index + plain, path), decoded(plain, path))
    cut = facts_of(index + b"".join(frames[1 : count // 2]), path)
    assert cut.problem is not None
    assert cut.problem.startswith("broken MP3: 2.0 s can be decoded of the 4.1 s that it should have")


def test_files_that_were_joined(tmp_path, frames, plain) -> None:
    """Each has its tags and its index, and that of the first counts the first's frames alone."""
    whole = id3v2(bytes(100)) + b"".join(frames) + ID3V1
    facts = facts_of(whole + whole, tmp_path / "joined.mp3")
    assert facts.problem is None
    # The second index is a frame without sound, in the middle.
    assert facts.seconds * 22050 == 576 * (2 * len(frames) - 1) - 529


def test_layer_2(tmp_path, frames) -> None:
    """It has no index; silence is all that can be written without an encoder."""
    head = b"\xff\xfd\x84\xc4"  # MPEG 1, layer 2, 128 kbit/s, 48 kHz, mono
    frame = frame_of(head)
    assert (frame.size, frame.samples, frame.rate, frame.layer) == (384, 1152, 48000, 2)
    path = tmp_path / "layer.mp2"
    silence = head + bytes(380)
    assert facts_of(50 * silence, path).problem == "silent: nothing above -60 dB"
    assert len(decoded(bytes(100) + 50 * silence, path)) in range(49 * 1152, 50 * 1152 + 1)


def test_a_part_that_is_missing_is_named(tmp_path, frames, plain) -> None:
    path = tmp_path / "track.mp3"
    half = sum(len(frame) for frame in frames[1 : len(frames) // 2])
    torn = "broken MP3: it ends in the middle of a frame, so a part is missing"
    middle = "broken MP3: a part in its middle is missing or damaged"
    assert facts_of(plain[: half + 20], path).problem == torn
    assert facts_of(plain[:half] + plain[half + 200 :], path).problem == middle
    assert facts_of(plain[:half] + bytes(5000) + plain[half:], path).problem == middle
    indexed = b"".join(frames)
    assert facts_of(indexed[: len(frames[0]) + half], path).problem.startswith(
        "broken MP3: 2.0 s can be decoded of the 4.0"
    )
    # A tag shows that the end is there, though the encoder left the last frame short.
    assert facts_of(plain[:-10] + ID3V1, path).problem is None


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(begin=st.integers(1000, 9000), length=st.integers(1, 6000))
def test_whatever_is_cut_out_is_noticed_unless_frames_still_follow_each_other(tmp_path, plain, begin, length) -> None:
    cut = plain[:begin] + plain[begin + length :]
    at = 0
    while frame := frame_of(cut[at : at + 4]):
        at += frame.size
    problem = facts_of(cut, tmp_path / "cut.mp3").problem
    assert (problem is None) == (at == len(cut))


def test_frames_are_followed_no_further_than_asked(tmp_path, plain) -> None:
    path = tmp_path / "long.mp3"
    path.write_bytes(plain * 10)
    with path.open("rb") as file:
        found = find_frames(file.fileno(), 5)
        assert found.stated == 576 * -(-5 * 22050 // 576)
        assert file.tell() == 0
        assert find_frames(file.fileno(), 1000).runs == ((0, 10 * len(plain)),)


def test_no_frames(tmp_path) -> None:
    for data in (b"", bytes(10_000), b"ID3\3\0\0\0\0\0\x7f", b"\xff" * 5000, np.random.default_rng(0).bytes(300_000)):
        path = tmp_path / "none.mp3"
        path.write_bytes(data)
        with path.open("rb") as file:
            assert find_frames(file.fileno(), 1000) is None


def test_whole_files_that_were_refused_once(shared_data) -> None:
    folder = shared_data / "cases" / "mp3"
    if not folder.is_dir():
        pytest.skip("the cases are not on this machine")
    frames = {"id3_then_padding": 129, "junk_first": 129, "zeros1024_first": 129}
    frames |= {"q2_7eb9dac0": 294, "q5_3a80061f": 312, "q5_7eb9dac0": 294}
    for name, count in frames.items():
        facts, _ = read_track(folder / f"{name}.mp3", None)
        assert (name, facts.problem, facts.rate) == (name, None, 44100)
        assert abs(facts.seconds - count * 1152 / 44100) < 2 * 1152 / 44100
