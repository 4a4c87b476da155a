"""`data.corrections=FILE`: trained, kept with the run, resumed, and compared with the run before."""

import csv
import json
import shutil

import pytest

import thawline as package
from thawline.files import digest_of
from thawline.runs.predictions import read_predictions
from thawline.runs.split import read_split_rows

LOGISTIC = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=logistic", "method.c=[1]", "cv=3", "refit=false")

pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture(scope="module")
def mislabelled(sample, tmp_path_factory):
    """A copy of the sample, every fourth wedding among the birthdays, and the table that says so: (folder, table)."""
    root = tmp_path_factory.mktemp("mislabelled")
    photos = shutil.copytree(sample, root / "photos")
    moved = sorted(path for path in (photos / "wedding").iterdir() if path.suffix == ".jpg")[::4]
    rows = []
    for path in moved:
        there = path.rename(photos / "birthday" / f"moved {path.name}")
        rows.append([there.relative_to(photos).as_posix(), "wedding", "2026-11-29", "Anna"])
    table = root / "corrections.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["path", "label", "when", "by"], *rows])
    return photos, table


def test_before_and_after_are_compared_by_the_corrected_labels(thawline, mislabelled):
    photos, table = mislabelled
    corrected = {row["path"] for row in csv.DictReader(table.open(encoding="utf-8"))}
    thawline("train", photos, *LOGISTIC)
    printed = thawline("train", photos, *LOGISTIC, f"data.corrections={table}")
    before, after = thawline.runs()
    changes = f"{len(corrected)} labels changed (birthday → wedding {len(corrected)})"
    assert f"corrections: {changes}, 0 left out, 0 as they were" in printed
    assert f"thawline compare RUN_BEFORE outputs/train/{after.name}" in printed
    assert (after / "corrections.csv").read_bytes() == table.read_bytes()
    assert f"{digest_of(table)}  corrections.csv" in (after / "SHA256SUMS").read_text()
    report = json.loads((after / "data_report.json").read_text())["corrections"]
    assert {one["name"] for one in report["changed"]} == corrected
    assert report["sha256"] == digest_of(table)
    labels = {row.path: row.label for row in read_split_rows(after / "split.csv")}
    assert {labels[path] for path in corrected} == {"wedding"}
    # The features were there: the folders' labels are no part of them.
    assert json.loads((after / "metrics.json").read_text())["features"]["computed"] == 0

    comparison = package.compare(before, after)
    frame = comparison.frame.set_index("name")
    old, new = read_predictions(before / "predictions.parquet"), read_predictions(after / "predictions.parquet")
    assert old.paths == new.paths
    assert frame.loc[before.name, "accuracy"] == pytest.approx((old.said == new.labels).mean())
    assert frame.loc[after.name, "accuracy"] == pytest.approx(new.right.mean())
    printed = thawline("compare", before, after)
    assert (
        f"{before.name} is judged by the corrected labels of {after.name}: {len(corrected)} of the {len(new.paths)} "
        "photos in common had another label." in " ".join(printed.split())
    )
    # Of equal samples by equal labels nothing is said.
    assert "is judged by" not in thawline("compare", before)


def test_a_run_goes_on_by_its_own_corrections_alone(thawline, mislabelled, tmp_path):
    photos, table = mislabelled
    own = shutil.copy(table, tmp_path / "own.csv")
    thawline("train", photos, *LOGISTIC, f"data.corrections={own}")
    (run,) = thawline.runs()
    own.write_text("path,label\n")
    refused = thawline.refused("train", run, "refit=true")
    assert "its samples are not what they were" in refused
    own.unlink()
    assert f"thawline train {run} data.corrections=NEW" in thawline.refused("train", run, "refit=true")
    thawline("train", run, "refit=true", f"data.corrections={run / 'corrections.csv'}")
    assert (run / "folds" / "all" / "tail.safetensors").is_file()


def test_a_bundle_is_judged_by_corrected_labels_and_a_look_shows_them(thawline, tuned, mislabelled):
    photos, table = mislabelled
    rows = list(csv.reader(table.open(encoding="utf-8")))
    assert f"{len(rows) - 1} labels changed" in thawline("data", "check", photos, f"data.corrections={table}")
    # The copies that the bundle was trained on are left out; the others are judged by their corrected labels.
    thawline("evaluate", tuned[1], photos, f"data.corrections={table}", "logger=none")
    (run,) = thawline.runs("evaluate")
    judged = read_predictions(run / "predictions.parquet")
    moved = [judged.classes[label] for path, label in zip(judged.paths, judged.labels, strict=True) if "moved" in path]
    assert set(moved) == {"wedding"}
    assert (run / "corrections.csv").read_bytes() == table.read_bytes()


def test_wrong_use_is_one_sentence(thawline, mislabelled, tmp_path):
    photos, _ = mislabelled
    table = tmp_path / "wrong.csv"
    table.write_text("path,label\nwedding/none.jpg,birthday\n")
    assert "there is no photo 'wedding/none.jpg'" in thawline.refused(
        "data", "check", photos, f"data.corrections={table}"
    )
    assert "absent.csv" in thawline.refused("data", "check", photos, "data.corrections=absent.csv")
    (tmp_path / "answers.csv").write_text("path,feedback\na.jpg,like\nb.jpg,dislike\n")
    refused = thawline.refused(
        "data", "check", tmp_path / "answers.csv", "task=preference", f"data.corrections={table}"
    )
    assert refused.startswith("data.corrections is for folders of photos; leave it out, and answer anew")
    assert not (thawline.directory / "outputs").exists()
