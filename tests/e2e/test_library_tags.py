"""Tags learnt from a library's entries, from the file to a bundle in use."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import thawline as package
from thawline.data.walking import walk_photos
from thawline.tasks.library import tagging
from thawline.tasks.library.entries.entry import Entry

FAST = ("task=library", "encoder=tiny_clip", "trainer=cpu", "logger=none", "data.min_groups=5")
TAGS = {
    "wedding": ["Couple", "party"],
    "beach_day": ["sea", "outside"],
    "campfire_night": ["fire", "outside", "party"],
    "football_match": ["outside"],
}
pytestmark = pytest.mark.usefixtures("shared_store")


def write_library(path, sample, first, last, **changes):
    """Entries with some of the photos of each class; `changes` are fields of the first one."""
    entries = []
    for name, tags in TAGS.items():
        for photo in sorted(walk_photos([str(sample / name)], {}))[first:last]:
            entries.append({"id": len(entries), "image_path": photo, "meta_tags": tags, "description": "a photo"})
    entries[0] |= changes
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


@pytest.fixture
def library(sample, thawline):
    return write_library(thawline.directory / "library.json", sample, 0, 12, meta_tags=["COUPLE", "couple", "once"])


def test_tags_are_checked_trained_judged_exported_and_told(thawline, sample, library):
    said = thawline("data", "check", library, "task=library", "data.min_groups=5")
    assert "with 5 tags" in said
    assert "1 other tags are on too few groups" in said
    said = thawline("train", library, *FAST, "method.c=[1]", "cv=3")
    (run,) = thawline.runs()
    facts = thawline.metrics()
    assert facts["method"] == "logistic"
    assert facts["baseline"] == "most usual labels"
    assert facts["judged"]["classes"] == ["Couple", "fire", "outside", "party", "sea"]
    recall = facts["examined"]["recall_at"]["5"]
    assert recall["suggested"]["value"] == 1.0  # there are no more than five
    assert facts["judged"]["overlap"]["value"] > facts["judged_baseline"]["overlap"]["value"]
    assert "share of a photo's tags among the first 5" in said
    rows = pq.read_table(run / "predictions.parquet").to_pylist()
    thresholds = facts["examined"]["thresholds"]
    for row in rows:
        edges = thresholds[row["fold"]]
        assert row["predictions"] == sorted(name for name in edges if row[f"probability:{name}"] >= edges[name])

    thawline("export", run, "out=Tagger")
    bundle = package.load(thawline.directory / "Tagger")
    assert bundle.thresholds == {name: pytest.approx(edge) for name, edge in bundle.thresholds.items()}
    assert "each by itself" in (thawline.directory / "Tagger" / "README.md").read_text()
    thawline("predict", "Tagger", sample / "beach_day", "out=said.jsonl")
    lines = list(map(json.loads, (thawline.directory / "said.jsonl").read_text().splitlines()))
    usable = [line for line in lines if line["problem"] is None]
    for line in usable:
        reached = {name for name, edge in bundle.thresholds.items() if line["probabilities"][name] >= edge}
        assert set(line["tags"]) == reached
    assert sum("sea" in line["tags"] for line in usable) > len(usable) / 2
    assert any(sum(line["probabilities"].values()) > 1.2 for line in usable)  # each is told by itself

    thawline("predict", "Tagger", sample / "beach_day", "out=said.parquet")
    table = pq.read_table(thawline.directory / "said.parquet").to_pylist()
    assert [row["tags"] for row in table if row["problem"] is None] == [line["tags"] for line in usable]

    said = thawline("library", "train", library, f"tagger={run}", "out=Learnt")
    figures = json.loads((thawline.directory / "Learnt" / "training_report.json").read_bytes())["quality"]["tags"]
    assert set(figures["untagged"]["recall@5"]) == {"frequent", "text", "image", "fused"}
    assert figures["suggested"]["precision"]["value"] > 0.5
    assert {"image against frequent", "fused against text", "fused against image"} <= set(figures["untagged"]["tests"])
    suggester = tagging.load(thawline.directory / "Learnt")
    photo = next(walk_photos([str(sample / "beach_day")], {}))
    seen = suggester.suggest(Entry("1", photo, Path(photo)))
    assert seen[0].by == ("image",)
    assert {"sea", "outside"} <= {one.tag for one in seen}
    assert suggester.suggest(Entry("1", "gone.jpg", Path("gone.jpg"))) == []
    assert "judged none of the library's photos" in thawline.refused(
        "library", "train", write_library(thawline.directory / "others.json", sample, 12, 24), f"tagger={run}", "out=No"
    )

    other = write_library(thawline.directory / "new.json", sample, 12, 24)
    thawline("evaluate", "Tagger", other, "logger=none")
    again = thawline.metrics("evaluate")
    assert again["judged"]["overlap"]["value"] > again["judged_baseline"]["overlap"]["value"]
    assert again["examined"]["recall_at"]["5"]["suggested"]["value"] == 1.0


def test_gradient_descent_tells_tags_too_and_a_sweep_ranks_both(thawline, library):
    thawline("train", library, *FAST, "method=linear", "method.epochs=3", "data.holdout=0.4", "data.inner=0.4")
    assert thawline.metrics()["method"] == "linear"
    thawline("train", library, *FAST, "-m", "method.c=[0.01],[1.0]")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("method=zero_shot",), "tells one class of each sample"),
        (("method=gda",), "tells one class of each sample; of several take logistic"),
        (("data.classes=[sea]",), "data.classes is for folders of photos"),
        (("data.since=yesterday",), "data.since=yesterday is no time"),
        (("data.min_groups=50",), "fewer than 2 tags on 50 groups of photos each; its most frequent: outside"),
    ],
)
def test_what_does_not_suit_tags_is_refused(thawline, library, words, said):
    assert said in thawline.refused("train", library, *FAST, *words)


def test_a_library_without_photos_or_tags_says_so(thawline, sample):
    gone = [{"id": 1, "image_path": "nowhere.jpg", "meta_tags": ["a"]}, {"id": 2, "image_path": "b.jpg"}]
    (thawline.directory / "gone.json").write_text(json.dumps(gone))
    said = thawline.refused("train", "gone.json", *FAST)
    assert "gone.json has no photo with tags that is there; nowhere.jpg: nothing is there" in said
    assert "is a folder; name a library's file" in thawline.refused("train", sample, *FAST)
