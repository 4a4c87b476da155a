"""What is remembered of files."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from thawline.data.photos.photo import PhotoFacts
from thawline.features import files
from thawline.features.files import FileIndex, FileRecord, Stamp
from thawline.features.kinds import PHOTOS

FACTS = PhotoFacts("d" * 64, format="JPEG", width=3, height=2, phash="0f" * 8, taken="2024-01-01T00:00:00", camera="é")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"content")
    os.utime(path, (10**9, 10**9))
    return path


def test_an_unchanged_file_is_recalled(tmp_path: Path, path: Path) -> None:
    stamp = Stamp.of(path)
    assert FileIndex(tmp_path, PHOTOS).recall({path: stamp}) == {}
    FileIndex(tmp_path, PHOTOS).remember([FileRecord(path, stamp, FACTS)])
    assert FileIndex(tmp_path, PHOTOS).recall({path: stamp, path.with_name("other"): stamp}) == {path: FACTS}
    assert FileIndex(tmp_path, PHOTOS).facts("d" * 64) == FACTS
    assert FileIndex(tmp_path, PHOTOS).facts("e" * 64) is None
    assert FileIndex(tmp_path, PHOTOS).sizes() == {7}


def rewrite(path: Path) -> None:
    path.write_bytes(b"CONTENT")


def rewrite_and_set_time_back(path: Path) -> None:
    path.write_bytes(b"CONTENT")
    os.utime(path, (10**9, 10**9))


def replace_by_another_of_the_same_time(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"CONTENT")
    os.utime(other, (10**9, 10**9))
    other.replace(path)


@pytest.mark.parametrize(
    "change", [rewrite, rewrite_and_set_time_back, replace_by_another_of_the_same_time, Path.touch]
)
def test_a_changed_file_is_not(tmp_path: Path, path: Path, change: Callable[[Path], None]) -> None:
    index = FileIndex(tmp_path, PHOTOS)
    index.remember([FileRecord(path, Stamp.of(path), FACTS)])
    change(path)
    assert index.recall({path: Stamp.of(path)}) == {}


def test_a_file_read_just_after_it_was_written_is_not_trusted(tmp_path: Path, path: Path) -> None:
    """It could be written again within the resolution of its times, and nothing would show that."""
    rewrite(path)
    index, stamp = FileIndex(tmp_path, PHOTOS), Stamp.of(path)
    index.remember([FileRecord(path, stamp, FACTS)])
    assert index.recall({path: replace(stamp, settled=True)}) == {}
    assert index.sizes() == {7}
    later = replace(stamp, settled=True)
    index.remember([FileRecord(path, later, FACTS)])
    assert index.recall({path: later}) == {path: FACTS}


def test_facts_of_another_version_are_made_again(tmp_path: Path, path: Path) -> None:
    index, stamp = FileIndex(tmp_path, PHOTOS), Stamp.of(path)
    index.remember([FileRecord(path, stamp, FACTS)])
    index = FileIndex(tmp_path, replace(PHOTOS, version="next"))
    assert index.recall({path: stamp}) == {}
    assert index.facts(FACTS.digest) is None
    newer = replace(FACTS, camera=None)
    index.remember([FileRecord(path, stamp, newer)])
    assert index.recall({path: stamp}) == {path: newer}


def test_the_first_facts_of_a_content_stay(tmp_path: Path, path: Path) -> None:
    index, stamp = FileIndex(tmp_path, PHOTOS), Stamp.of(path)
    index.remember([FileRecord(path, stamp, FACTS)])
    index.remember([FileRecord(path.with_name("copy"), stamp, replace(FACTS, problem="broken"))])
    assert index.facts(FACTS.digest) == FACTS


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9.jpg"))
    index, stamp = FileIndex(tmp_path, PHOTOS), Stamp(1, 2, 3, settled=True)
    index.remember([FileRecord(path, stamp, FACTS)])
    assert index.recall({path: stamp}) == {path: FACTS}


def test_many_write_at_once(tmp_path: Path) -> None:
    stamp = Stamp(1, 2, 3, settled=True)

    def write(number: int) -> None:
        for i in range(10):
            seen = [FileRecord(tmp_path / f"{number} {i}", stamp, replace(FACTS, digest=f"{number} {i}"))]
            FileIndex(tmp_path, PHOTOS).remember(seen)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    paths = {tmp_path / f"{number} {i}": stamp for number in range(4) for i in range(10)}
    assert len(FileIndex(tmp_path, PHOTOS).recall(paths)) == 40


def test_forgetting_gives_the_room_back(tmp_path: Path) -> None:
    index, stamp = FileIndex(tmp_path, PHOTOS), Stamp(1, 2, 3, settled=True)
    index.remember(FileRecord(tmp_path / str(i), stamp, replace(FACTS, digest=str(i))) for i in range(1000))
    before = (tmp_path / "files.sqlite").stat().st_size
    index.forget()
    assert index.sizes() == set()
    assert (tmp_path / "files.sqlite").stat().st_size < before / 4


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("does", ["remember", "recall"])
def test_what_ends_the_program_within_a_checksum_ends_it_and_nothing_is_forgotten(
    tmp_path: Path, path: Path, does: str, call: int, end: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, stamp, checksum = FileIndex(tmp_path, PHOTOS), Stamp.of(path), files._checksum
    index.remember([FileRecord(path, stamp, FACTS)])
    calls = iter(range(1, 100))

    def interrupted(*values: object) -> int:
        if next(calls) == call:
            raise end
        return checksum(*values)

    others = [FileRecord(path.with_name(name), stamp, replace(FACTS, digest="e" * 64)) for name in "abc"]

    def work() -> None:
        if does == "remember":
            index.remember(others)
        else:
            index.recall({path: stamp})
            index.recall({path: stamp})

    with monkeypatch.context() as patched:
        patched.setattr(files, "_checksum", interrupted)
        with pytest.raises(end):
            work()
    assert FileIndex(tmp_path, PHOTOS).recall({path: stamp}) == {path: FACTS}
    assert FileIndex(tmp_path, PHOTOS).facts("e" * 64) is None
