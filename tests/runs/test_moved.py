"""Where a run's data are now."""

import pytest
from omegaconf import OmegaConf

from thawline.errors import UserError
from thawline.runs.directory import CONFIG_FILE, STATUS_FILE
from thawline.runs.moved import absent_place, keep_places, moved_with, placed, places_of, refuse_absent

OLD = "/nowhere/at/all"


@pytest.fixture
def run(tmp_path):
    """A run's directory beside its data, both moved from `OLD`."""
    for name in ("Photos", "run"):
        (tmp_path / name).mkdir()
    for name in ("split.csv", "run/status.json"):
        (tmp_path / name).write_text("{}")
    return tmp_path / "run"


def config(**data):
    return OmegaConf.create({"data": data, "paths": {"run": f"{OLD}/run"}})


def test_what_moved_with_the_run_is_found(run):
    before = config(path=f"{OLD}/Photos", split=f"{OLD}/split.csv", splits=[f"{OLD}/split.csv", f"{OLD}/none.txt"])
    now = placed(run, before, {})
    assert now.data.path == str(run.parent / "Photos")
    assert now.data.split == str(run.parent / "split.csv")
    assert list(now.data.splits) == [str(run.parent / "split.csv"), f"{OLD}/none.txt"]
    assert absent_place(now) == ("data.splits", f"{OLD}/none.txt")
    assert before.data.path == f"{OLD}/Photos"


def test_what_is_there_stays_and_what_is_given_counts(run, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "split.csv").touch()
    there = str(tmp_path / "Photos")
    assert placed(run, config(path=there, split=None), {}).data == {"path": there, "split": None}
    # A file beside what is given moved with it, rather than with the run.
    given = {"data.path": str(tmp_path / "other" / "Photos")}
    now = placed(run, config(path=f"{OLD}/Photos", split=f"{OLD}/split.csv"), given)
    assert now.data == {"path": given["data.path"], "split": str(tmp_path / "other" / "split.csv")}
    with pytest.raises(UserError, match=r"has no setting 'data.image_base'; its data are given by data.path"):
        placed(run, config(path=there), {"data.image_base": "x"})


def test_a_place_that_is_not_there_is_named_with_its_setting(run):
    now = placed(run, config(path=f"{OLD}/none", image_base=None), {})
    with pytest.raises(UserError) as refused:
        refuse_absent("train", run, now)
    assert str(refused.value) == (
        f"the run's data (data.path) are not at {OLD}/none any more; say where: thawline train {run} data.path=NEW"
    )
    assert absent_place(config(path="", train_csv=str(run))) is None


def test_places_are_absolute_and_kept_as_they_are(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    places = places_of({"path": "a ${b}", "splits": ["c.txt"], "split": None, "holdout": 0.2})
    assert places == {"data.path": str(run.parent / "a ${b}"), "data.splits": [str(run.parent / "c.txt")]}
    (run / STATUS_FILE).write_text("{}")
    (run / CONFIG_FILE).write_text("data: {path: old, splits: null}\nkey: ${oc.env:THAWLINE_NO_SUCH}\n")
    keep_places(run, places)
    kept = OmegaConf.load(run / CONFIG_FILE)
    assert (kept.data.path, kept.data.splits) == (str(run.parent / "a ${b}"), [str(run.parent / "c.txt")])
    assert "key: ${oc.env:THAWLINE_NO_SUCH}" in (run / CONFIG_FILE).read_text()


def test_a_folder_moves_what_lies_near_it(run):
    assert moved_with(f"{OLD}/Photos", f"{OLD}/run", run) == run.parent / "Photos"
    assert moved_with(f"{OLD}/none", f"{OLD}/run", run).as_posix() == f"{OLD}/none"
