"""Thirty broken sound files, each named with its reason, and odd ones that are nothing worse than odd."""

import io
import os
import struct
import time
from pathlib import Path
from shutil import which

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thawline.data.tracks.track import TrackFacts, read_track, read_windows, refused_track
from thawline.data.tracks.windows import Windowing
from thawline.errors import UnusableError

RATE = 22050
WINDOWING = Windowing(16000, 1)


def encode(sound, kind: str, rate: int = RATE, **options) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format=kind, **options)
    return buffer.getvalue()


def with_flac_frames(data: bytes, frames: int) -> bytes:
    """STREAMINFO has the number of frames in 36 bits at byte 18."""
    word = int.from_bytes(data[18:26], "big") >> 36 << 36 | frames
    return data[:18] + word.to_bytes(8, "big") + data[26:]


def with_xing_frames(data: bytes, frames: int) -> bytes:
    at = next(found for name in (b"Xing", b"Info") if (found := data.find(name)) > 0) + 8
    return data[:at] + struct.pack(">I", frames) + data[at + 4 :]


def with_hole(data: bytes) -> bytes:
    """Zeros in the middle, as a broken disk leaves them."""
    return data[: len(data) // 3] + bytes(len(data) // 3) + data[2 * len(data) // 3 :]


def without_xing_frame(data: bytes) -> bytes:
    """From the second frame on."""
    at = next(found for name in (b"Xing", b"Info") if (found := data.find(name)) > 0)
    return data[data.index(data[:2], at) :]


def facts_of(path: Path, data: bytes) -> TrackFacts:
    path.write_bytes(data)
    facts, windows = read_track(path, WINDOWING)
    assert bool(windows) == (facts.problem is None)
    assert read_track(path, None) == (facts, [])
    return facts


@pytest.fixture(scope="module")
def whole(piece) -> dict[str, bytes]:
    """Six seconds as every kind of file."""
    sound = piece(1, 6, RATE)
    made = {kind: encode(sound, kind.upper()) for kind in ("wav", "flac", "ogg", "mp3", "au")}
    made["vbr"] = encode(sound * np.linspace(1, 0.01, len(sound)) ** 3, "MP3", bitrate_mode="VARIABLE")
    return made


def bad_files(whole, piece) -> dict[str, tuple[bytes, str]]:
    sound = piece(1, 2, RATE)
    stereo = np.stack([sound, sound], axis=1)
    wav, flac, ogg, mp3 = (whole[kind] for kind in ("wav", "flac", "ogg", "mp3"))
    hour3 = 3 * 3600 * RATE
    spoilt = {name: sound.copy() for name in ("nan", "inf")}
    spoilt["nan"][RATE], spoilt["inf"][-1] = np.nan, -np.inf
    half = {kind: data[: len(data) // 2] for kind, data in whole.items()}
    not_audio = "not audio (WAV, FLAC, OGG, MP3, AIFF and others are)"
    too_few = "can be decoded of the 6.0 s that it should have"
    of_3_hours = "6.0 s can be decoded of the 10800.0 s that it should have"
    not_finite = "samples that are not finite (NaN or infinity)"
    torn = "broken OGG: it ends in the middle of a page, so a part is missing"
    return {
        "empty.wav": (b"", "empty file"),
        "empty.mp3": (b"", "empty file"),
        "text.wav": (b"just text, renamed\n" * 50, not_audio),
        "text.mp3": ("verse, chorus, verse".encode("utf-16-le"), not_audio),
        "one byte.flac": (b"f", not_audio),
        "zeros.wav": (bytes(4000), not_audio),
        "photo.ogg": (b"\x89PNG\r\n\x1a\n" + bytes(400), not_audio),
        "avi.wav": (b"RIFF\x00\x10\x00\x00AVI " + bytes(100), not_audio),
        "itunes.mp3": (b"\0\0\0\x20ftypM4A " + bytes(400), "broken M4A: " if which("ffmpeg") else "M4A needs ffmpeg, "),
        "half.wav": (half["wav"], f"broken WAV: 3.0 s {too_few}"),
        "half.au": (half["au"], f"broken AU: 3.0 s {too_few}"),
        "half.flac": (half["flac"], "broken FLAC: flac decoder lost sync"),
        "most.flac": (flac[: len(flac) * 6 // 10], "broken FLAC: "),
        "half.ogg": (half["ogg"], torn),
        "half.mp3": (half["mp3"], f"broken MP3: 3.0 s {too_few}"),
        "header.wav": (wav[:30], "broken WAV: "),
        "header.mp3": (mp3[:60], "broken MP3: nothing in it can be decoded"),
        "header.ogg": (ogg[:40], "broken OGG: "),
        "hole.flac": (with_hole(flac), "broken FLAC: unknown error in flac decoder"),
        "hole.ogg": (with_hole(ogg), "broken OGG: "),
        "hole.mp3": (with_hole(mp3), "broken MP3: a part in its middle is missing or damaged"),
        "nan.wav": (encode(spoilt["nan"], "WAV", subtype="FLOAT"), not_finite),
        "inf.wav": (encode(spoilt["inf"], "WAV", subtype="DOUBLE"), not_finite),
        "loud.wav": (
            encode(sound * 32768, "WAV", subtype="FLOAT"),
            "out of range: samples up to 2.62e+04, where full scale is 1",
        ),
        "silent.flac": (encode(np.zeros(RATE), "FLAC"), "silent: nothing above -60 dB"),
        "constant.wav": (encode(np.full(RATE, 0.5), "WAV"), "silent: nothing above -60 dB"),
        "cancels.wav": (encode(stereo * [1, -1], "WAV"), "silent in mono: its channels cancel each other"),
        "one sample.wav": (encode(sound[-1:], "WAV"), "too short: 4.5e-05 s, less than 0.1 s"),
        "no sample.wav": (encode(sound[:0], "WAV"), "too short: 0.0 s, less than 0.1 s"),
        "click.flac": (encode(sound[:1000], "FLAC"), "too short: 0.045 s, less than 0.1 s"),
        "3 hours.wav": (wav[:40] + struct.pack("<I", 2 * hour3) + wav[44:], f"broken WAV: {of_3_hours}"),
        "3 hours.flac": (with_flac_frames(flac, hour3), f"broken FLAC: {of_3_hours}"),
        "3 hours.mp3": (with_xing_frames(mp3, hour3 // 576), "broken MP3: 6.0 s can be decoded of the 1079"),
        "slow.wav": (encode(sound, "WAV", 100), "a rate of 100 Hz (2000 to 768000 are supported)"),
        "fast.wav": (encode(sound, "WAV", 2_000_000_000), "a rate of 2000000000 Hz (2000 to 768000 are supported)"),
    }


def test_each_bad_file_is_named_with_its_reason(tmp_path, whole, piece) -> None:
    files = bad_files(whole, piece)
    assert len(files) >= 30
    began = time.monotonic()
    found = {name: facts_of(tmp_path / name, data).problem or "" for name, (data, _) in files.items()}
    assert time.monotonic() - began < 10
    wrong = {name: found[name] for name, (_, problem) in files.items() if not found[name].startswith(problem)}
    assert wrong == {}
    assert all("\n" not in problem and not problem.endswith(".") for problem in found.values())


def test_a_bad_file_has_no_facts_but_its_digest(tmp_path, whole) -> None:
    facts = facts_of(tmp_path / "half.wav", whole["wav"][:5000])
    assert facts == TrackFacts(facts.digest, problem=facts.problem)
    assert len(facts.digest) == 64


def test_too_long_is_said_before_decoding(tmp_path) -> None:
    """An hour and a minute of silence takes FLAC 100 kB."""
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        for _ in range(61):
            file.write(np.zeros(60 * 8000, np.int16))
    began = time.monotonic()
    assert read_track(path, None)[0].problem == "too long: 3660.0 s, more than 60 minutes"
    assert time.monotonic() - began < 0.5


def test_what_size_or_header_rule_out_is_not_hashed(tmp_path, whole) -> None:
    """Hashing 5 GB takes many seconds."""
    sizes = {"5 GB.wav": 5 * 10**9, "60 GB.ogg": 60 * 10**9, "1 GB.wav": 10**9, "1 GB of zeros.flac": 10**9}
    for name, size in sizes.items():
        kind = name.rpartition(".")[2]
        head = b"" if "zeros" in name else whole[kind][:44]
        data = head[:40] + struct.pack("<I", min(size, 2**32 - 1) - 44) if name == "1 GB.wav" else head
        (tmp_path / name).write_bytes(data)
        os.truncate(tmp_path / name, size)  # sparse: no disk is filled
    large = TrackFacts("", problem="too large: more than 4 GiB")
    began = time.monotonic()
    for _ in range(2):
        found = {name: read_track(tmp_path / name, WINDOWING)[0] for name in sizes}
        assert found == {name: refused_track(tmp_path / name) for name in sizes}
    assert time.monotonic() - began < 2
    assert found["5 GB.wav"] == found["60 GB.ogg"] == large
    assert found["1 GB.wav"] == TrackFacts("", problem="too long: 22675.7 s, more than 60 minutes")
    assert found["1 GB of zeros.flac"] == TrackFacts("", problem="not audio (WAV, FLAC, OGG, MP3, AIFF and others are)")
    (tmp_path / "whole.wav").write_bytes(whole["wav"])
    assert refused_track(tmp_path / "whole.wav") is None
    assert refused_track(tmp_path / "gone.wav") is None


def test_odd_files_that_can_be_used(tmp_path, whole, piece) -> None:
    sound = piece(1, 2, RATE)
    eight = np.stack([sound * gain for gain in np.linspace(0.2, 1, 8)], axis=1)
    wav, flac, mp3 = whole["wav"], whole["flac"], whole["mp3"]
    odd = {
        "192 kHz in 8 channels.wav": (encode(eight, "WAV", 192_000, subtype="PCM_24"), 192_000, 8),
        "24 bits.flac": (encode(sound, "FLAC", subtype="PCM_24"), RATE, 1),
        "8 bits.wav": (encode(sound, "WAV", subtype="PCM_U8"), RATE, 1),
        "adpcm.wav": (encode(sound, "WAV", subtype="MS_ADPCM"), RATE, 1),
        "rf64.wav": (encode(sound, "RF64"), RATE, 1),
        "big endian.wav": (encode(sound, "WAV", endian="BIG"), RATE, 1),
        "telephone.wav": (encode(sound, "WAV", 8000), 8000, 1),
        "size unknown.wav": (wav[:40] + b"\xff" * 4 + wav[44:], RATE, 1),
        "tagged.flac": (flac + b"TAG" + bytes(125), RATE, 1),
        "padded.flac": (flac + bytes(4096), RATE, 1),
        "length unknown.flac": (with_flac_frames(flac, 0), RATE, 1),
        "flac named.mp3": (flac, RATE, 1),
        "mp3 named.wav": (mp3, RATE, 1),
        "tagged.mp3": (b"ID3\x03\0\0\0\0\x07\x76" + bytes(0x3F6) + mp3, RATE, 1),
        "hot.wav": (encode(sound * 3, "WAV", subtype="FLOAT"), RATE, 1),
        "quiet.wav": (encode(sound * 0.01, "WAV", subtype="PCM_24"), RATE, 1),
        "short.wav": (encode(sound[: RATE // 5], "WAV"), RATE, 1),
    }
    for name, (data, rate, channels) in odd.items():
        facts = facts_of(tmp_path / name, data)
        assert (name, facts.problem, facts.rate, facts.channels) == (name, None, rate, channels)


def test_what_is_no_file(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    problems = {name: read_track(tmp_path / name, None)[0] for name in ("pipe.wav", "folder.wav", "gone.wav")}
    assert problems == {
        "pipe.wav": TrackFacts("", problem="not a regular file"),
        "folder.wav": TrackFacts("", problem="cannot be read: Is a directory"),
        "gone.wav": TrackFacts("", problem="cannot be read: No such file or directory"),
    }
    impossible = tmp_path / "a\0.wav"
    assert read_track(impossible, None)[0] == TrackFacts("", problem="cannot be read: embedded null byte")
    with pytest.raises(UnusableError, match="cannot be read: embedded null byte"):
        read_windows(impossible, WINDOWING, [0.0])


def test_a_lack_of_memory_is_not_blamed_on_the_file(tmp_path, whole, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    (tmp_path / "track.wav").write_bytes(whole["wav"])
    monkeypatch.setattr("soundfile.SoundFile.read", fail)
    facts, _ = read_track(tmp_path / "track.wav", None)
    assert facts == TrackFacts("", problem="not enough memory to decode it")


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["wav", "flac", "ogg", "mp3", "au"]),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=4),
    kept=st.floats(0, 1),
)
def test_damaged_bytes_never_raise(tmp_path, whole, kind, cuts, kept) -> None:
    data = whole[kind][: round(len(whole[kind]) * kept)]
    for where, replacement in cuts:
        start = int(where * len(data) ** 0.7)  # headers more often than sound
        data = data[:start] + replacement + data[start + max(1, len(replacement)) :]
    facts_of(tmp_path / f"damaged.{kind}", data)
