"""Several labels a photo, by folders or by a table: trained, judged again, exported, asked and compared."""

import csv
import json
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import thawline as package
from thawline.data.walking import walk_photos

FAST = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "data.labels=several")
TAGS = {
    "wedding": ["formal", "romantic"],
    "beach_day": ["outdoor", "romantic"],
    "campfire_night": ["outdoor"],
    "birthday": ["formal"],
}
PHOTOS = 12  # of each class


def usable(sample, name):
    """The photos of a class, each content once."""
    contents = {}
    for photo in sorted(walk_photos([str(sample / name)], {})):
        with suppress(OSError), Image.open(photo) as image:
            image.load()
            contents.setdefault(Path(photo).read_bytes(), photo)
    return list(contents.values())


def labelled(sample):
    """Photos of the sample, each once, with their labels; the first has one that no other has."""
    found = [(photo, list(tags)) for name, tags in TAGS.items() for photo in usable(sample, name)[:PHOTOS]]
    found[0][1].append("rare")
    return found


def put_in_folders(root, sample):
    """Each photo in the folder of each of its labels, under names of its own."""
    for number, (photo, tags) in enumerate(labelled(sample)):
        for tag in tags:
            (root / tag).mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, root / tag / f"{number:02} {tag}.jpg")
    return root


def write_table(path, rows, columns=("path", "label")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def predictions_of(run):
    return pq.read_table(run / "predictions.parquet").to_pylist()


@pytest.mark.usefixtures("shared_store")
def test_photos_in_several_folders_from_check_to_bundle(thawline, sample):
    root = put_in_folders(thawline.directory / "Photos", sample)
    said = thawline("data", "check", root, "data.labels=several")
    assert "Labels left out, since they are on fewer than 5 groups: 'rare' (1)." in said
    copies = sum(len(tags) - 1 for _, tags in labelled(sample))
    said = thawline("train", root, *FAST, "method=logistic", "cv=3")
    assert f"left out {copies}: {copies} the same photo as another one, which has its labels too" in said
    (run,) = thawline.runs()
    facts = thawline.metrics()
    assert (facts["baseline"], facts["judged"]["classes"]) == ("most usual labels", ["formal", "outdoor", "romantic"])
    assert facts["judged"]["overlap"]["low"] > facts["judged_baseline"]["overlap"]["high"]
    examined = facts["examined"]
    assert examined["mean_average_precision"]["low"] > examined["base_rates"]["mean_average_precision"]
    assert examined["overlap_against_baseline"]["p_value"] < 0.001

    # One content is one sample: no digest is on two rows, so none on two folds; its labels are those of all folders.
    with (run / "split.csv").open(newline="") as file:
        digests = Counter(row["digest"] for row in csv.DictReader(file))
    assert set(digests.values()) == {1}
    rows = predictions_of(run)
    assert len(rows) == len(digests)
    real = {f"{number:02}": sorted(set(tags) - {"rare"}) for number, (_, tags) in enumerate(labelled(sample))}
    for row in rows:
        assert row["labels"] == real[row["path"].partition("/")[2][:2]]
        edges = examined["thresholds"][row["fold"]]
        assert row["predictions"] == sorted(name for name in edges if row[f"probability:{name}"] >= edges[name])

    thawline("evaluate", run, "logger=none")
    again = thawline.metrics("evaluate")
    assert again["judged"] == facts["judged"]
    thawline("export", run, "out=bundle")
    decision = json.loads((thawline.directory / "bundle" / "decision.json").read_text())
    chosen = json.loads((run / "folds" / "all" / "chosen.json").read_text())
    assert decision["thresholds"] == chosen["thresholds"]
    bundle = package.load(thawline.directory / "bundle")
    first = next(path for path, tags in labelled(sample) if tags == ["outdoor", "romantic"])
    (one,) = bundle.predict(first)
    assert set(one.tags) == {"outdoor", "romantic"}
    thawline("predict", "bundle", first, "out=said.jsonl")
    line = json.loads((thawline.directory / "said.jsonl").read_text())
    assert line["tags"] == list(one.tags)
    # Each label that is said of a photo counts, not the most probable one alone.
    printed = thawline("predict", "bundle", root, "out=all.jsonl")
    lines = [json.loads(text) for text in (thawline.directory / "all.jsonl").read_text().splitlines()]
    counts = Counter(tag for line in lines for tag in line["tags"])
    assert sum(counts.values()) > len(lines) > 40
    table = [text.split() for text in printed.splitlines()]
    assert all([name, str(counts[name])] in table for name in bundle.labels)
    without = sum(not line["tags"] for line in lines)
    assert f"{without} of {len(lines)} photos got no label; a photo counts for each it got." in printed
    document, _ = json.JSONDecoder().raw_decode(thawline("predict", "bundle", root, "out=all.jsonl", "--json"))
    assert (document["counts"], document["without_label"], document["unusable"]) == (dict(counts), without, 0)
    card = (thawline.directory / "bundle" / "README.md").read_text()
    assert "said.tags, said.probabilities" in card
    assert "came to lie on its other side" in card
    assert "can't be fitted: each label is told by itself" in thawline.refused("export", run, "max_error=0.1")
    assert "is for photos of one class each" in thawline.refused("export", run, "out_of_place=0.1")


@pytest.mark.usefixtures("shared_store")
def test_a_table_says_what_folders_say(thawline, sample):
    root = put_in_folders(thawline.directory / "Photos", sample)
    words = (*FAST, "method=logistic", "method.c=[1]", "data.holdout=0.4")
    thawline("train", root, *words)
    names = ["formal", "outdoor", "romantic"]
    firsts = [(f"{min(tags)}/{number:02} {min(tags)}.jpg", tags) for number, (_, tags) in enumerate(labelled(sample))]
    told = [(path, "|".join(sorted(tags))) for path, tags in firsts]
    marked = [(path, *(int(name in tags) for name in names), "by hand") for path, tags in firsts]
    mixed = [(path, tags[0], *("1.0" if name in tags else "" for name in names)) for path, tags in firsts]
    long = [(path, tag) for path, tags in firsts for tag in sorted(tags)]
    tables = [
        write_table(root / "told.csv", told),
        write_table(root / "marked.csv", marked, ("path", *names, "source")),
        write_table(root / "mixed.csv", mixed, ("path", "label", *names)),
        write_table(root / "long.csv", long),
    ]
    for table in tables:
        said = thawline("train", table, *words)
        assert ("columns of marked.csv that are no labels are not used: source" in said) == (table.name == "marked.csv")
    folders, *others = [predictions_of(run) for run in thawline.runs()]
    assert len(folders) > 15
    for rows in others:
        assert rows == folders
    # A photo of a bundle's training is known in a table as well, and one that it never saw is judged.
    run = thawline.runs()[0]
    thawline("export", run, "out=bundle")
    thawline("evaluate", "bundle", tables[0], "logger=none")
    assert [row["labels"] for row in predictions_of(thawline.runs("evaluate")[0])] == [row["labels"] for row in folders]
    half = [(path, f"{labels}|of its own") for path, labels in told[::2]]
    said = thawline("evaluate", run, write_table(root / "half.csv", half), "logger=none")
    assert "Labels left out, since the model does not know them: 'of its own'" in " ".join(said.split())
    assert thawline.metrics("evaluate")["baseline"] == "most usual labels"
    assert "most usual labels" in thawline("compare", *thawline.runs()[:2])


def test_a_class_that_is_added_has_only_its_own_photos_computed(thawline, sample, weights):
    root = put_in_folders(thawline.directory / "Photos", sample)
    words = (*FAST[1:], "encoder=mobilenetv2_035", f"encoder.weights='{weights}'", "method=logistic", "method.c=[1]")
    seen = []

    def count(module, given):
        if isinstance(module, torch.nn.Conv2d) and module.in_channels == 3:
            seen.append(len(given[0]))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(count)
    try:
        thawline("train", root, *words)
        contents = thawline.metrics()["features"]["computed"]
        assert sum(seen) >= contents == len(TAGS) * PHOTOS
        seen.clear()
        for number, (photo, _) in enumerate(labelled(sample)[:6]):
            (root / "nikah").mkdir(exist_ok=True)
            shutil.copy(photo, root / "nikah" / f"{number}.jpg")  # known photos with one more label
        thawline("train", root, *words)
        assert seen == []
        assert thawline.metrics()["judged"]["classes"] == ["formal", "nikah", "outdoor", "romantic"]
        new = usable(sample, "wedding")[PHOTOS : PHOTOS + 2]
        for photo in new:
            shutil.copy(photo, root / "nikah")
        thawline("train", root, *words)
        assert len(seen) == 1  # one batch, filled up
        assert thawline.metrics()["features"] == {"computed": len(new), "read": contents}
    finally:
        hook.remove()


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_corrections_of_several_labels_change_the_photo_and_not_one_file_of_it(thawline, sample, tmp_path):
    root = put_in_folders(thawline.directory / "Photos", sample)
    (root / "romantic" / "03 romantic.jpg").unlink()
    shutil.copy(root / "outdoor" / "30 outdoor.jpg", root / "formal" / "30 formal.jpg")
    rows = [
        ("formal/03 formal.jpg", "formal|romantic"),
        ("outdoor/30 outdoor.jpg", "outdoor"),
        ("romantic/05 romantic.jpg", ""),
        ("formal/06 formal.jpg", "romantic;formal"),
    ]
    table = write_table(tmp_path / "corrections.csv", rows)
    words = (*FAST, "method=logistic", "method.c=[1]", "cv=3")
    thawline("train", root, *words)
    (run,) = thawline.runs()
    said = thawline("data", "labels", run)
    assert "Labels on too few groups to be told ('rare') are not offered" in " ".join(said.split())
    assert "data.labels=several data.corrections=corrections.csv" in said
    with (run / "labels" / "labels.csv").open(newline="") as file:
        listed = [row["path"] for row in csv.DictReader(file)]
    assert sorted(listed) == sorted(row["path"] for row in predictions_of(run))
    assert {"formal/03 formal.jpg", "formal/30 formal.jpg"} <= set(listed[:5])
    said = thawline("train", root, *words, f"data.corrections={table}")
    changes = "2 labels changed (formal → formal|romantic 1, formal|outdoor → outdoor 1), 1 left out, 1 as they were"
    assert f"corrections: {changes}" in " ".join(said.split())
    before, after = thawline.runs()
    assert (after / "corrections.csv").read_bytes() == table.read_bytes()
    assert thawline.metrics()["features"]["computed"] == 0
    labels = [{row["path"]: row["labels"] for row in predictions_of(run)} for run in (before, after)]
    assert (labels[0]["formal/03 formal.jpg"], labels[1]["formal/03 formal.jpg"]) == (
        ["formal"],
        ["formal", "romantic"],
    )
    # A photo goes by the first of its files, whichever of them the table names.
    assert (labels[0]["formal/30 formal.jpg"], labels[1]["formal/30 formal.jpg"]) == (
        ["formal", "outdoor"],
        ["outdoor"],
    )
    assert labels[0].keys() - labels[1].keys() == {"formal/05 formal.jpg"}
    said = " ".join(thawline("compare", before, after).split())
    assert f"is judged by the corrected labels of {after.name}: 2 of the 47 photos in common had other labels." in said
    write_table(table, [("formal/03 formal.jpg", "formal|romantik")])
    refused = thawline.refused("data", "check", root, "data.labels=several", f"data.corrections={table}")
    assert "row 2: there is no class 'romantik'" in refused
    assert "did you mean 'romantic'?" in refused


@pytest.mark.usefixtures("shared_store")
def test_a_sweep_and_the_choice_of_a_method_tell_labels_too(thawline, sample):
    root = put_in_folders(thawline.directory / "Photos", sample)
    thawline("train", root, *FAST, "-m", "method=logistic", "method.c=[1]", "method.folds=2,3")
    board = (thawline.runs("sweep")[0] / "leaderboard.csv").read_text()
    assert "overlap" in board.partition("\n")[0]
    thawline("train", root, *FAST, "method=auto", "method.methods=[logistic,gda]", "method.folds=2")
    chosen = json.loads((thawline.runs("sweep")[-1] / "chosen.json").read_text())
    assert "tells one class of each sample" in str(chosen)


@pytest.mark.usefixtures("shared_store")
def test_wrong_use_is_one_sentence(thawline, sample, tmp_path):
    root = put_in_folders(thawline.directory / "Photos", sample)
    words = ("train", root, *FAST)
    assert "tells one class of each sample; of several take logistic" in thawline.refused(*words, "method=gda")
    assert "tells one class of each sample" in thawline.refused(*words)  # CLIP's projection, below prompts
    assert "augmentation.mixup mixes single classes" in thawline.refused(*words, "method=linear", "augmentation=mixup")
    said = thawline.refused(*words, "method=logistic", "data.classes=[formal,solemn]")
    assert "has no usable photo with the label 'solemn'; it has formal, outdoor, rare, romantic" in said
    said = thawline.refused(*words, "method=logistic", "data.min_groups=200")
    assert "needs at least two labels on 200 groups of photos each" in said
    path = "formal/00 formal.jpg"
    for rows, columns, sentence in (
        ([(path, "x")], ("path", "caption"), "neither a column label nor a column of 0 and 1 for each label"),
        ([("no.jpg", "x")], ("path", "label"), "names no photo that is there; no.jpg, row 2: nothing is there"),
        ([(path, 1, 0)], ("path", "sea", "sea"), "has the column sea twice"),
        ([(path, " | ")], ("path", "label"), "row 2: no label"),
    ):
        table = write_table(root / "wrong.csv", rows, columns)
        assert sentence in thawline.refused("train", table, *FAST, "method=logistic")
    split = tmp_path / "split"
    for side, name in (("train", "formal"), ("test", "romantic")):
        (split / side).mkdir(parents=True)
        shutil.copytree(root / name, split / side / name)
    said = thawline.refused("train", split, *FAST, "method=logistic")
    assert "are one photo, on two sides of the split" in said
    for task, name in (("library", "library.json"), ("preference", "feedback.csv")):
        said = thawline.refused("train", name, f"task={task}", "data.labels=several")
        assert "data.labels is for folders of photos and for tracks; leave it out" in said
