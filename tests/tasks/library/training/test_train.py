"""A training on a library: its files, what it says, and a second one that does the new part alone."""

import json
import multiprocessing
import os
import re
import signal
from pathlib import Path

import filelock
import numpy as np
import pytest
from omegaconf import OmegaConf

from thawline.errors import UserError
from thawline.runs.settings import PathsSettings
from thawline.tasks.library.training import patterns
from thawline.tasks.library.training.remembered import read_remembered
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.stage import Learnt
from thawline.tasks.library.training.stages import Stage
from thawline.tasks.library.training.train import train_library

LEARNT = ["category_patterns.json", "description_patterns.json"]
THINGS = {"sea": "waves roll to the shore", "snow": "white hills in winter", "dog": "a dog runs over the grass"}


def entries(numbers, said=""):
    rows = []
    for number in numbers:
        tag = list(THINGS)[number % 3]
        row = {"id": number, "image_path": f"{number}.jpg", "description": f"Photo {number}: {THINGS[tag]} {said}"}
        row |= {"meta_tags": [tag, "all", f"x{number % 4}"]}
        row |= {"detailed_description": "More of it."} if number % 2 else {"face_encodings": [[0.6, 0.8], [1, 0]]}
        rows.append(row)
    return rows


def train(folder, rows, out="learnt", **settings):
    path = folder / "library.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    before = path.read_bytes()
    report = train_library(LibraryTrainSettings(file=str(path), out=str(folder / out), **settings))
    assert path.read_bytes() == before
    return report


def contents(folder):
    return {name: (folder / name).read_bytes() for name in LEARNT}


def test_it_writes_what_it_learnt_and_what_it_did(tmp_path, capsys):
    report = train(
        tmp_path, [*entries(range(30)), {"id": 1}, 5, {"id": 99, "image_path": "a", "meta_tags": ["<b>x</b>"]}]
    )
    learnt = tmp_path / "learnt"
    assert sorted(path.name for path in learnt.iterdir() if path.name[0] != ".") == sorted(
        [
            *LEARNT,
            "description_parts.json",
            "face_clusters.json",
            "face_clusters.npz",
            "generated.npz",
            "improved_descriptions.json",
            "search",
            "search_index.json",
            "skipped.json",
            "tagger.json",
            "tagger.npz",
            "texts.npz",
            "training.log",
            "training_report.json",
        ]
    )
    assert report == json.loads((learnt / "training_report.json").read_bytes())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["timestamp"])
    told = ("status", "total_images", "total_tags", "images_with_faces", "images_with_detailed_desc", "faces")
    assert [report[name] for name in told] == ["completed", 31, 8, 15, 15, 30]
    assert report["top_categories"][:2] == [["all", 30], ["dog", 10]]
    assert report["skipped"]["entries"] == 2
    assert report["skipped"]["fields"] == 1
    skipped = json.loads((learnt / "skipped.json").read_bytes())
    assert [one["place"] for one in skipped] == ["entry 31 (id 1)", "entry 32", "entry 33 (id 99)"]
    assert report["stages"]["patterns"]["entries"] == {"new": 31, "changed": 0, "gone": 0, "kept": 0}
    assert report["quality"]["patterns"]["co_occurrence"]["recall@5"]["value"] > 0.5
    categories, words = (json.loads((learnt / name).read_bytes()) for name in LEARNT)
    assert categories["common_tags"][0] == ["all", 30]
    assert set(categories["patterns"]["sea"][0]) == {"description", "other_tags"}
    assert {"waves", "shore"} <= set(words["sea"]["common_words"])
    log = (learnt / "training.log").read_text(encoding="utf-8")
    assert "entry 32: a number, not an object with its fields (5)" in log
    assert "patterns: 31 new" in log
    assert "completed in" in log
    assert "entry 33 (id 99): meta_tags: a tag with markup (HTML)" in " ".join(capsys.readouterr().err.split())


def test_a_second_training_does_the_new_part_alone_and_comes_to_the_same(tmp_path, monkeypatch):
    train(tmp_path, entries(range(40)))
    cut = []
    encode = patterns.encode
    monkeypatch.setattr(patterns, "encode", lambda parts, words: encode((cut.append(p) or p for p in parts), words))

    report = train(tmp_path, entries(range(40)))
    assert cut == []
    assert report["stages"]["patterns"]["entries"] == {"new": 0, "changed": 0, "gone": 0, "kept": 40}
    assert report["quality"]["patterns"]["co_occurrence"] is not None
    assert "patterns: nothing new in 40 entries" in (tmp_path / "learnt" / "training.log").read_text(encoding="utf-8")

    grown = entries(range(50))
    grown[7]["description"] = "Something else entirely, with zebras"
    grown[8]["meta_tags"] = ["zebra"]
    del grown[3]
    report = train(tmp_path, grown)
    assert report["stages"]["patterns"]["entries"] == {"new": 10, "changed": 2, "gone": 1, "kept": 37}
    assert len(cut) == 12
    incremental = contents(tmp_path / "learnt")
    train(tmp_path, grown, out="anew")
    assert contents(tmp_path / "anew") == incremental


def test_many_small_steps_come_to_the_same_as_one(tmp_path):
    rng = np.random.default_rng(0)
    now = entries(range(5))
    for step in range(6):
        now = [row for row in now if rng.random() > 0.2] + entries(range(10 * step + 5, 10 * step + 15), f"step {step}")
        rng.shuffle(now)
        train(tmp_path, now)
    train(tmp_path, now, out="anew")
    assert contents(tmp_path / "learnt") == contents(tmp_path / "anew")
    again = read_remembered(tmp_path / "learnt")
    assert again.ids == [str(row["id"]) for row in now]


@pytest.mark.parametrize("harm", ["deleted", "damaged", "cut", "a pickle"])
def test_what_was_remembered_may_be_lost(tmp_path, harm):
    train(tmp_path, entries(range(20)))
    state, whole = tmp_path / "learnt" / "texts.npz", contents(tmp_path / "learnt")
    data = state.read_bytes()
    if harm == "deleted":
        (tmp_path / "learnt" / LEARNT[0]).unlink()
    elif harm == "a pickle":
        np.savez(state, about=np.array([{"edition": 1}], object))
    else:
        state.write_bytes(data[: len(data) // 2] if harm == "cut" else b"x" * 50)
    report = train(tmp_path, entries(range(20)))
    assert contents(tmp_path / "learnt") == whole
    assert report["stages"]["patterns"]["entries"]["kept"] == (20 if harm == "deleted" else 0)


def break_down(work):
    raise UserError("the stage fails, as it should")


def count(work):
    return Learnt(f"counted: {len(work.library)}", {"new": len(work.library)}, {"n": 1}, ("and a note",))


def test_a_stage_that_fails_is_reported_and_what_was_learnt_before_it_stays(tmp_path, monkeypatch):
    path = tmp_path / "library.json"
    path.write_text(json.dumps(entries(range(10))), encoding="utf-8")
    settings = LibraryTrainSettings(file=str(path), out=str(tmp_path / "learnt"))
    functions = {"counted": count, "broken": break_down}
    monkeypatch.setattr(Stage, "load", lambda stage: functions[stage.name])
    with pytest.raises(UserError, match="as it should"):
        train_library(settings, [Stage(name, "") for name in functions])
    report = json.loads((tmp_path / "learnt" / "training_report.json").read_bytes())
    assert (report["status"], report["reason"]) == ("failed", "the stage fails, as it should")
    assert list(report["stages"]) == ["counted"]
    log = (tmp_path / "learnt" / "training.log").read_text(encoding="utf-8")
    assert "and a note" in log
    assert "broken: failed" in log


def test_two_trainings_do_not_write_into_one_directory(tmp_path):
    (tmp_path / "learnt").mkdir()
    with filelock.FileLock(tmp_path / "learnt" / ".training.lock"), pytest.raises(UserError, match="at work in"):
        train(tmp_path, entries(range(5)))


def test_what_cannot_be_read_leaves_no_directory(tmp_path):
    with pytest.raises(UserError, match="none of the 1 entries"):
        train(tmp_path, [5])
    assert not (tmp_path / "learnt").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file; name a directory"):
        train(tmp_path, entries(range(5)), out="file")


def killed(folder, rows):
    """A training whose process ends as it renames its second file."""
    renamed = []
    replace = Path.replace

    def die_at_the_second(self, target):
        renamed.append(target)
        if len(renamed) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = die_at_the_second
    train(folder, rows)


def test_a_killed_training_leaves_whole_files_and_the_next_one_mends_them(tmp_path):
    train(tmp_path, entries(range(20)))
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=killed, args=(tmp_path, entries(range(30))), daemon=True)
    process.start()
    process.join(60)
    assert process.exitcode == -9
    for name in LEARNT:
        json.loads((tmp_path / "learnt" / name).read_bytes())
    train(tmp_path, entries(range(30)))
    train(tmp_path, entries(range(30)), out="anew")
    assert contents(tmp_path / "learnt") == contents(tmp_path / "anew")
    assert not list((tmp_path / "learnt").glob(".*.tmp"))


def test_its_settings_say_where_it_writes():
    paths = PathsSettings(outputs="out", run="out/x")
    assert LibraryTrainSettings(file="a", paths=paths).folder.as_posix() == "out/library"
    assert LibraryTrainSettings(file="a", out="b", paths=paths).folder.as_posix() == "b"
    with pytest.raises(UserError, match="limit=0 must be"):
        LibraryTrainSettings(file="a", limit=0)
    OmegaConf.structured(LibraryTrainSettings)


def test_the_people_of_the_shared_library_are_learnt_once(shared_data, tmp_path):
    file = str(shared_data / "library" / "faces_metadata.json")
    settings = LibraryTrainSettings(file=file, out=str(tmp_path / "learnt"))
    report = train_library(settings)
    assert (report["status"], report["images_with_faces"], report["skipped"]["reasons"]) == ("completed", 240, [])
    people = report["quality"]["people"]
    assert (people["faces"], people["new_faces"]) == (240, 240)
    again = train_library(settings)["quality"]["people"]
    assert (again["new_faces"], again["people"]) == (0, people["people"])


def test_the_shared_library_is_learnt(shared_data, tmp_path):
    file = str(shared_data / "library" / "images_metadata.json")
    report = train_library(LibraryTrainSettings(file=file, out=str(tmp_path / "learnt")))
    assert (report["status"], report["images_with_faces"], report["skipped"]["reasons"]) == ("completed", 0, [])
    assert report["quality"]["patterns"]["co_occurrence"]["test"]["p_value"] < 0.05
