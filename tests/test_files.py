import json
import os

import pytest

from thawline.files import read_json, write_atomically, write_folder, write_json, write_text


def test_json_comes_back(tmp_path):
    value = {"name": "été", "numbers": [1, 2.5, None]}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_is_not_a_number_is_refused_and_the_old_file_stays(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def fail(beside):
        beside.write_text("half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_atomically(tmp_path / "a.txt", fail)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


class Syncs:
    """Notes which files and folders are made durable, and what lay at a place at that moment."""

    def __init__(self, monkeypatch, watched):
        self.synced, self.early = set(), set()
        sync = os.fsync

        def fsync(descriptor):
            status = os.fstat(descriptor)
            self.synced.add((status.st_dev, status.st_ino))
            if not watched.exists():
                self.early.add((status.st_dev, status.st_ino))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)


def identity(path):
    return path.stat().st_dev, path.stat().st_ino


def test_a_file_is_durable_before_it_has_its_name_and_its_name_is_afterwards(tmp_path, monkeypatch):
    syncs = Syncs(monkeypatch, tmp_path / "a.txt")
    write_text(tmp_path / "a.txt", "a")
    assert identity(tmp_path / "a.txt") in syncs.early
    assert identity(tmp_path) in syncs.synced - syncs.early


@pytest.mark.parametrize("replaced", [False, True])
def test_everything_in_a_folder_is_durable_before_it_has_its_name(tmp_path, monkeypatch, replaced):
    target = tmp_path / "bundle"
    if replaced:
        write_folder(target, lambda beside: (beside / "old.txt").write_text("old"))

    def fill(beside):
        (beside / "inner").mkdir()
        for name in ("a.txt", "inner/b.txt"):
            (beside / name).write_text(name)

    syncs = Syncs(monkeypatch, target / "inner")
    write_folder(target, fill)
    everything = [target, *target.rglob("*")]
    assert len(everything) == 4
    assert {identity(path) for path in everything} <= syncs.early
    assert identity(tmp_path) in syncs.synced - syncs.early
    assert list(tmp_path.iterdir()) == [target]
