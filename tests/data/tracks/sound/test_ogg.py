"""Ogg files that lack pages, and such as lack none."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thawline.data.tracks.sound.ogg import damage
from thawline.data.tracks.track import TrackFacts, read_track, read_windows
from thawline.data.tracks.windows import Windowing

HOLE = "a part in its middle is missing or damaged"
TORN = "it ends in the middle of a page, so a part is missing"


def encoded(sound: np.ndarray, codec: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, 48000, format="OGG", subtype=codec)
    return buffer.getvalue()


@pytest.fixture(scope="module", params=["VORBIS", "OPUS"])
def pages(request, piece) -> list[bytes]:
    noise = np.random.default_rng(0).normal(0, 0.05, 12 * 48000)  # so that there are many pages
    data = encoded(np.tile(piece(3, 3, 48000), 4) * 0.5 + noise, request.param)
    pages = [b"OggS" + page for page in data.split(b"OggS")[1:]]
    assert len(pages) > 10
    return pages


def facts_of(data: bytes, path: Path) -> TrackFacts:
    path.write_bytes(data)
    return read_track(path, None)[0]


def damage_of(data: bytes, path: Path) -> str | None:
    path.write_bytes(data)
    with path.open("rb") as file:
        return damage(file.fileno())


def test_whole_files_are_whole(tmp_path, pages) -> None:
    path, whole = tmp_path / "track.ogg", b"".join(pages)
    for behind in (b"", bytes(3000), b"\r\n", b"TAG" + bytes(125)):
        facts = facts_of(whole + behind, path)
        assert (facts.problem, facts.seconds) == (None, 12.0)


def test_a_quarter_that_was_cut_out_is_named(tmp_path, pages) -> None:
    path, whole = tmp_path / "track.ogg", b"".join(pages)
    quarter, count = len(whole) // 4, len(pages)
    without_pages = b"".join(pages[: count * 3 // 8] + pages[count * 5 // 8 :])
    # The lengths that are stated and decoded agree: the codec fills the gap.
    assert facts_of(without_pages, path).problem == f"broken OGG: {HOLE}"
    without_bytes = whole[: 3 * quarter // 2] + whole[5 * quarter // 2 :]
    assert facts_of(without_bytes, path).problem == f"broken OGG: {HOLE}"
    zeroed = whole[: 3 * quarter // 2] + bytes(quarter) + whole[5 * quarter // 2 :]
    assert facts_of(zeroed, path).problem is not None
    assert facts_of(whole[: 3 * quarter], path).problem == f"broken OGG: {TORN}"


def test_each_kind_of_damage(tmp_path, pages) -> None:
    path, whole = tmp_path / "track.ogg", b"".join(pages)
    assert damage_of(b"".join([*pages[:4], *pages[5:]]), path) == HOLE
    assert damage_of(b"".join([*pages[:4], pages[5], pages[4], *pages[6:]]), path) == HOLE
    assert damage_of(b"".join([*pages[:4], b"words", *pages[4:]]), path) == HOLE
    for end in (1, 30, len(pages[-1]) - 2):  # the last leaves "Og" of the last page
        assert damage_of(whole[:-end], path) == TORN
    middle = len(pages[0]) + len(pages[1]) + 100
    assert damage_of(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :], path) == HOLE


def test_recordings_one_behind_another(tmp_path, pages, piece) -> None:
    """What is left of a radio's stream; libsndfile reads the first alone."""
    other = encoded(piece(4, 2, 48000), soundfile.info(io.BytesIO(b"".join(pages))).subtype)
    path, first, second = tmp_path / "radio.ogg", tmp_path / "first.ogg", tmp_path / "second.ogg"
    assert facts_of(b"".join(pages), first).seconds == 12.0
    assert facts_of(other, second).seconds == 2.0
    facts = facts_of(b"".join(pages) + other + b"".join(pages), path)
    assert (facts.problem, facts.seconds) == (None, 26.0)
    windowing = Windowing(48000, 1)
    _, windows = read_track(path, windowing)
    _, alone = read_track(second, windowing)
    assert len(windows) == 8
    again = read_windows(path, windowing, [12.0, 13.0])
    assert all(torch.equal(one.samples, two.samples) for one, two in zip(again, alone, strict=True))
    slower = io.BytesIO()
    soundfile.write(slower, piece(4, 2, 24000), 24000, format="OGG", subtype="VORBIS")
    problem = facts_of(b"".join(pages) + slower.getvalue(), path).problem
    assert problem == "several recordings of different rates or channels; save each as a file of its own"
    assert facts_of((b"".join(pages) + other)[:-500], path).problem == f"broken OGG: {TORN}"


def test_streams_side_by_side(tmp_path, pages) -> None:
    """Each counts its own pages, as those of a picture and its sound do."""
    other = [soundless(page, number) for number, page in enumerate(pages)]
    both = [page for pair in zip(pages, other, strict=True) for page in pair]
    assert damage_of(b"".join(both), tmp_path / "both.ogg") is None
    assert damage_of(b"".join(both[:9] + both[10:]), tmp_path / "both.ogg") == HOLE


def soundless(page: bytes, number: int) -> bytes:
    """An empty page of another stream; its checksum is worked out bit by bit."""
    page = page[:14] + b"\1\2\3\4" + number.to_bytes(4, "little") + bytes(5)
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = crc << 1 ^ (0x04C11DB7 if crc & 1 << 31 else 0)
        crc &= 0xFFFFFFFF
    return page[:22] + crc.to_bytes(4, "little") + page[26:]


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(begin=st.floats(0, 1), length=st.integers(1, 30_000), filled=st.booleans())
def test_no_byte_goes_missing_or_changes_unnoticed(tmp_path, pages, begin, length, filled) -> None:
    whole = b"".join(pages)
    first = len(pages[0]) + round(begin * (len(whole) - len(pages[0]) - length))
    hurt = whole[:first] + bytes(length if filled else 0) + whole[first + length :]
    borders = np.cumsum([len(page) for page in pages]).tolist()
    cut_at_a_border = first in borders and first + length == len(whole)
    assert (damage_of(hurt, tmp_path / "hurt.ogg") is None) == (cut_at_a_border or hurt == whole)
