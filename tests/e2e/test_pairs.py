"""The verbs that prepare image–text pairs, from the command line."""

import csv
import json

import pytest

from thawline.samples.pairs import make_pairs


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    return make_pairs(tmp_path_factory.mktemp("pairs") / "Products, été #1", pictures=60, seed=1).file


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def captions_of(products, path):
    """The sample's matches as a file of captions, without labels."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image_path", "text"))
        writer.writerows((row["image_path"], row["text"]) for row in rows_of(products) if row["label"] == "1")
    return path


def test_check_names_rows_counts_tokens_and_writes_a_report(thawline, products, tmp_path):
    bad = tmp_path / "bad.csv"
    lines = products.read_text(encoding="utf-8").splitlines()
    image = lines[1].partition(",")[0]
    more = ["images/none.jpg,a text of five words,1,", f"{image},{'tent ' * 40},1,"]
    bad.write_text("\n".join([*lines, *more]), encoding="utf-8")
    said = thawline("data", "check", bad, "task=match", "encoder=tiny_clip", f"data.image_base={products.parent}")
    assert f"bad.csv, row {len(lines) + 1}: 'images/none.jpg' is no file" in said
    assert f"bad.csv, row {len(lines) + 2}: 42 tokens; the text encoder takes 32" in said
    assert "In 1 row the text is longer than the 32 tokens of package:tiny_clip." in said
    report = json.loads((thawline.runs("check")[0] / "data_report.json").read_text())
    assert report["pairs"] == len(lines)
    assert report["dropped"] == 1
    assert report["groups"]["whole"]
    assert "not measured in tokens" in thawline("data", "check", products, "task=match")


def test_check_takes_a_file_for_each_side_and_warns_of_what_they_share(thawline, products):
    said = thawline("data", "check", "task=match", f"data.train_csv={products}", f"data.test_csv={products}")
    assert "The split has the same image on two sides" in said
    assert "side test: " in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["check", "task=match"], "'thawline data check' needs DIR"),
        (
            ["check", "task=match", "data.train_csv=a.csv"],
            "give one file of pairs, or data.train_csv and data.test_csv",
        ),
        (["check", "{file}"], "is a table with the columns image_path,text, which task=match reads; add that"),
        (["check", "{folder}", "task=match"], "is a folder; task=match reads a CSV"),
        (["check", "{file}", "task=match", "data=photos"], "leave out data=photos"),
        (["check", "{file}", "task=matches"], "there is no task=matches; did you mean task=match?"),
        (["mismatches", "{file}", "encoder=tiny_clip"], "is a mismatch (label 0); give matches only"),
        (["mismatches", "{file}", "encoder=clip"], "is a mismatch (label 0); give matches only"),
        (["mismatches", "{file}", "out=made.xlsx"], "must be a file whose name ends in .csv"),
        (["mismatches", "{file}", "hard=0", "random=0"], "random=0 hard=0 makes nothing"),
        (["mismatches", "{file}", "similar=sounds"], "similar=sounds is not known"),
        (["mismatches", "{file}", "random=-1"], "random=-1 must be 0 to 100"),
        (["split", "{file}", "out={folder}/taken"], "there is a file"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(thawline, products, words, sentence):
    taken = products.parent / "taken"
    taken.mkdir(exist_ok=True)
    (taken / "val.csv").write_text("somebody's work")
    words = [word.format(file=products, folder=products.parent) for word in words]
    assert sentence in thawline.refused("data", *words)
    assert (taken / "val.csv").read_text() == "somebody's work"


def test_split_writes_three_files_that_share_nothing(thawline, products):
    said = thawline("data", "split", products, "out=parts")
    assert "connected components" in said
    parts = {side: rows_of(thawline.directory / "parts" / f"{side}.csv") for side in ("train", "val", "test")}
    for column in ("image_path", "text"):
        values = [{row[column].lower() for row in rows} for rows in parts.values()]
        assert not values[0] & values[1] | values[1] & values[2] | values[0] & values[2]
    assert sum(len(rows) for rows in parts.values()) == len(rows_of(products))
    for rows in parts.values():
        assert 0.35 < sum(row["label"] == "1" for row in rows) / len(rows) < 0.65
    given = (f"data.{side}_csv=parts/{side}.csv" for side in parts)
    said = thawline("data", "check", "task=match", *given)
    assert "rows left out: 0" in said
    assert "two sides" not in said
    thawline("data", "split", products, "out=again")
    thawline("data", "split", products, "out=other", "seed=1")
    texts = [(thawline.directory / name / "test.csv").read_text() for name in ("parts", "again", "other")]
    assert texts[0] == texts[1] != texts[2]


def test_mismatches_complete_captions_and_the_result_can_be_checked(thawline, products, tmp_path):
    captions = captions_of(products, tmp_path / "captions.csv")
    base = f"data.image_base={products.parent}"
    matches = len(rows_of(captions))
    said = thawline("data", "mismatches", captions, base, "encoder=tiny_clip")
    assert "similar texts" in said
    rows = rows_of(tmp_path / "captions-mismatches.csv")
    assert [(row["image_path"], row["text"]) for row in rows if row["label"] == "1"] == [
        (row["image_path"], row["text"]) for row in rows_of(captions)
    ]
    made = [row for row in rows if row["label"] == "0"]
    assert [sum(row["difficulty"] == kind for row in made) for kind in ("hard", "random")] == [matches, matches]
    assert all(bool(row["similarity"]) == (row["difficulty"] == "hard") for row in rows)
    thawline("data", "check", tmp_path / "captions-mismatches.csv", "task=match", base)
    (check,) = thawline.runs("check")
    assert json.loads((check / "data_report.json").read_text())["dropped"] == 0
    assert "there is a file" in thawline.refused("data", "mismatches", captions, base, "encoder=tiny_clip")


def test_mismatches_by_images_follow_the_seed(thawline, products, tmp_path):
    captions = captions_of(products, tmp_path / "captions.csv")
    common = (captions, f"data.image_base={products.parent}", "encoder=tiny_clip", "similar=images", "hard=2")
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        said = thawline("data", "mismatches", *common, f"seed={seed}", f"out={name}.csv")
        assert "similar images" in said
    first, same, other = ((thawline.directory / f"{name}.csv").read_text() for name in "abc")
    assert first == same != other


def test_matches_alone_are_split_and_each_part_completed(thawline, products, tmp_path):
    captions = captions_of(products, tmp_path / "captions.csv")
    base = f"data.image_base={products.parent}"
    thawline("data", "split", captions, base)
    for side in ("train", "val", "test"):
        thawline("data", "mismatches", tmp_path / f"{side}.csv", base, "hard=0")
    given = (f"data.{side}_csv={tmp_path}/{side}-mismatches.csv" for side in ("train", "val", "test"))
    assert "two sides" not in thawline("data", "check", "task=match", base, *given)


def test_the_sample_is_made_where_asked(thawline):
    said = thawline("sample", "pairs", "New sample", "products=20")
    assert "20 pictures" in said
    assert "task=match encoder=tiny_clip" in said
    assert (thawline.directory / "New sample" / "pairs.csv").is_file()
    assert "there are: events, pairs" in thawline.refused("sample", "sounds", "x")
