"""Classes that a table renames, or makes one of, from training to a bundle in use."""

import csv
import json
import shutil

import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf

import thawline as package

FAST = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=gda")
NAMES = {"wedding": "celebration", "birthday": "celebration", "beach_day": "seaside"}


def write_table(path, rows, columns=("from", "to")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def only(sample, root, *names):
    """A copy of some of the sample's classes."""
    for name in names:
        shutil.copytree(sample / name, root / name)
    return root


def predictions_of(run):
    return pq.read_table(run / "predictions.parquet").to_pylist()


def test_a_run_renames_classes_and_remembers_it(thawline, sample):
    root = only(sample, thawline.directory / "Photos", *NAMES, "campfire_night")
    table = write_table(thawline.directory / "new names.csv", NAMES.items())
    thawline("train", root, *FAST)
    thawline("data", "check", root, f"data.rename={table}")
    (report,) = (thawline.directory / "outputs" / "check").rglob("data_report.json")
    assert list(json.loads(report.read_text())["classes"]) == ["campfire_night", "celebration", "seaside"]
    thawline("train", root, *FAST, f"data.rename={table}")
    facts = thawline.metrics()
    assert facts["judged"]["classes"] == ["campfire_night", "celebration", "seaside"]
    assert facts["features"]["computed"] == 2 * 4  # no photo again: the prompts of two new names
    run = thawline.runs()[-1]
    table.unlink()  # the run knows what it said
    assert OmegaConf.load(run / "config.yaml").data.rename == [list(pair) for pair in NAMES.items()]
    thawline("evaluate", run, "logger=none")
    assert thawline.metrics("evaluate")["judged"] == facts["judged"]
    thawline("export", run)
    assert json.loads((run / "bundle" / "decision.json").read_text())["renamed"] == NAMES
    bundle = package.load(run / "bundle")
    assert {one.label for one in bundle.predict(sorted(root.glob("*/*.jpg"))[:20])} - {None} <= set(bundle.labels)


@pytest.mark.usefixtures("shared_store")
def test_new_data_may_call_classes_by_either_name(thawline, sample):
    root = only(sample, thawline.directory / "Photos", *NAMES, "campfire_night")
    table = write_table(thawline.directory / "names.csv", NAMES.items())
    thawline("train", root, *FAST, f"data.rename={table}")
    (run,) = thawline.runs()
    thawline("export", run)
    new = thawline.directory / "New"
    for path in (new / "wedding", new / "seaside"):
        path.mkdir(parents=True)
    for i, photo in enumerate(sorted((sample / "football_match").rglob("*.jpg"))[:12]):
        shutil.copy(photo, new / ("wedding" if i % 2 else "seaside"))
    for judged in (run, run / "bundle"):
        thawline("evaluate", judged, new, "logger=none")
        rows = predictions_of(thawline.runs("evaluate")[-1])
        assert {row["label"] for row in rows} == {"celebration", "seaside"}
    # Another system says the names of before.
    told = [(row["path"], "birthday" if row["label"] == "celebration" else row["label"]) for row in predictions_of(run)]
    write_table(thawline.directory / "api.csv", told, ("path", "prediction"))
    said = thawline("compare", run, "others=[api.csv]")
    assert "100.0" in said


@pytest.mark.usefixtures("shared_store")
def test_tables_several_labels_and_sweeps_take_it_too(thawline, sample):
    root = only(sample, thawline.directory / "Photos", *NAMES, "campfire_night")
    table = write_table(thawline.directory / "names.csv", NAMES.items())
    photos = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    rows = [(f"Photos/{name}", f"{name.partition('/')[0]}|extra") for name in photos]
    labels = write_table(thawline.directory / "labels.csv", rows, ("path", "label"))
    words = (*FAST[:3], f"data.rename={table}")
    thawline("train", labels, *words, "-m", "method=gda,logistic")
    swept = thawline.metrics("sweep")
    assert swept["judged"]["classes"] == ["campfire_night", "celebration", "seaside"]
    write_table(table, [*NAMES.items(), ("extra", "celebration")])
    thawline("train", labels, *words, "method=logistic", "data.labels=several")
    run = thawline.runs()[-1]
    names = {tuple(row["labels"]) for row in predictions_of(run)}
    assert names == {("celebration",), ("celebration", "seaside"), ("campfire_night", "celebration")}


@pytest.mark.usefixtures("shared_store")
def test_a_table_that_says_nothing_or_too_much_is_refused(thawline, sample):
    for rows, columns, sentence in (
        ([("weding", "celebration")], ("from", "to"), "renames 'weding', which is no class of"),
        ([("wedding", "a"), ("wedding", "b")], ("from", "to"), "calls 'wedding' both 'a' and 'b'; keep one row"),
        ([("wedding", "")], ("from", "to"), "row 2 lacks a name"),
        ([("wedding", "a")], ("old", "new"), "has no column from and no column to"),
    ):
        table = write_table(thawline.directory / "wrong.csv", rows, columns)
        assert sentence in thawline.refused("train", sample, *FAST, f"data.rename={table}")
    assert "absent.csv" in thawline.refused("train", sample, *FAST, "data.rename=absent.csv")
    every = write_table(thawline.directory / "one.csv", [(name, "event") for name in NAMES])
    some = only(sample, thawline.directory / "Photos", *NAMES)
    assert "of one class only, 'event'" in thawline.refused("train", some, *FAST, f"data.rename={every}")
    assert "data.rename is for folders" in thawline.refused("train", "x.json", "task=library", f"data.rename={every}")
