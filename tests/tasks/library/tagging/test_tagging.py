"""Tags suggested by text and by other tags: what is learnt of a library, and what is said of new entries."""

import json
from pathlib import Path

import numpy as np
import pytest

from thawline.errors import UserError
from thawline.judging.ranking import recall_of_labels
from thawline.tasks.library import tagging
from thawline.tasks.library.entries.entry import Entry
from thawline.tasks.library.tagging.evidence import CO_OCCURRENCE, TEXT, Evidence
from thawline.tasks.library.tagging.fusing import fit_thresholds, fit_weights, sets_of
from thawline.tasks.library.tagging.learn import folds_of, group
from thawline.tasks.library.training.gathered import gather
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.train import train_library

SAID = {"Beach": "waves roll to the shore", "snow": "white hills in winter", "dog": "a puppy runs over the grass"}
BESIDE = {"Beach": "sand", "snow": "ski", "dog": "pet"}


def entries(count):
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        tag = list(SAID)[number % 3]
        tags = [tag, *([BESIDE[tag]] if rng.random() < 0.9 else []), *(["boat"] if number % 30 == 0 else [])]
        said = f"{SAID[tag]}, said {rng.integers(1000)} n{number} {'a boat' if number % 30 == 0 else ''}"
        text = {} if number % 10 == 9 else {"description": said}
        rows.append({"id": number, "image_path": f"{number}.jpg", "meta_tags": tags, **text})
    return rows


def entry(text="", *tags):
    return Entry("new", "new.jpg", Path("new.jpg"), description=text, tags=tags)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tagging")
    (folder / "library.json").write_text(json.dumps(entries(210)), encoding="utf-8")
    settings = LibraryTrainSettings(file=str(folder / "library.json"), out=str(folder / "learnt"))
    return settings, train_library(settings)


def test_a_text_and_known_tags_suggest_the_tags_that_go_with_them(learnt):
    suggester = tagging.load(learnt[0].folder)
    by_text = suggester.suggest(entry("The puppy on the grass"))
    assert {one.tag for one in by_text} == {"dog", "pet"}
    assert {one.by for one in by_text} == {(TEXT,)}
    assert by_text[0].probability >= by_text[1].probability > 0.5
    assert [(one.tag, one.by) for one in suggester.suggest(entry("", "beach"))] == [("sand", (CO_OCCURRENCE,))]
    both = suggester.suggest(entry("waves on the shore", "BEACH"))
    assert [(one.tag, one.by) for one in both] == [("sand", (CO_OCCURRENCE, TEXT))]
    assert suggester.suggest(entry("The puppy on the grass"), count=1) == by_text[:1]
    assert set(suggester.probabilities(entry("puppy"))) == {"Beach", "snow", "dog", "sand", "ski", "pet"}


def test_a_rare_tag_is_suggested_where_a_text_names_it(learnt):
    suggester = tagging.load(learnt[0].folder)
    assert "boat" in {one.tag for one in suggester.suggest(entry("A BOAT at the shore"))}
    assert "boat" not in {one.tag for one in suggester.suggest(entry("boats at the shore"))}


def test_it_says_nothing_where_it_does_not_know(learnt):
    suggester = tagging.load(learnt[0].folder)
    assert suggester.suggest(entry()) == []
    assert suggester.probabilities(entry()) == {}
    assert suggester.suggest(entry("committee minutes, page two")) == []


def test_what_it_is_worth_is_measured_on_entries_held_out(learnt):
    figures = learnt[1]["quality"]["tags"]
    assert (figures["tags"], figures["entries"]) == (6, 210)
    untagged, known = figures["untagged"], figures["half_of_the_tags_known"]
    assert untagged["recall@5"]["text"]["value"] > untagged["recall@5"]["frequent"]["value"]
    assert list(untagged["tests"]) == ["text against frequent"]
    assert known["recall@5"]["fused"]["value"] >= known["recall@5"]["co-occurrence"]["value"] > 0.9
    assert figures["suggested"]["precision"]["value"] == pytest.approx(
        figures["suggested"]["mean_probability"], abs=0.1
    )
    assert figures["suggested"]["none"] >= 0.1  # those without a text


def test_a_library_that_did_not_change_is_taken_over_and_one_that_did_is_learnt(learnt, tmp_path):
    settings, report = learnt
    before = {name: (settings.folder / name).read_bytes() for name in ("tagger.json", "tagger.npz")}
    again = train_library(settings)
    assert again["stages"]["tags"]["entries"] == {"new": 0}
    assert again["quality"]["tags"] == report["quality"]["tags"]
    assert before == {name: (settings.folder / name).read_bytes() for name in before}
    (settings.folder / "photo_tags").mkdir()  # a model of photos that this training is not given
    (settings.folder / "tagger.npz").unlink()
    train_library(settings)
    assert not (settings.folder / "photo_tags").exists()
    assert "give tagger=RUN again" in (settings.folder / "training.log").read_text()
    assert before == {name: (settings.folder / name).read_bytes() for name in before}
    rows = entries(210)
    rows[3]["meta_tags"] = ["other"]
    (tmp_path / "library.json").write_text(json.dumps(rows), encoding="utf-8")
    changed = train_library(LibraryTrainSettings(file=str(tmp_path / "library.json"), out=str(tmp_path / "out")))
    assert changed["stages"]["tags"]["entries"] == {"new": 210}


def test_what_is_absent_or_damaged_is_refused_in_a_sentence(learnt, tmp_path):
    with pytest.raises(UserError, match="nothing was learnt of tags"):
        tagging.load(tmp_path)
    for name in ("tagger.json", "tagger.npz"):
        (tmp_path / name).write_bytes((learnt[0].folder / name).read_bytes())
    about = json.loads((tmp_path / "tagger.json").read_bytes())
    (tmp_path / "tagger.json").write_text(json.dumps(about | {"words": about["words"][1:]}), encoding="utf-8")
    with pytest.raises(UserError, match="do not fit each other"):
        tagging.load(tmp_path)
    (tmp_path / "tagger.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(UserError, match="delete both"):
        tagging.load(tmp_path)


def test_a_library_of_few_tags_is_told_none(tmp_path):
    rows = [{"id": n, "image_path": f"{n}.jpg", "meta_tags": [f"t{n}"]} for n in range(40)]
    (tmp_path / "library.json").write_text(json.dumps(rows), encoding="utf-8")
    report = train_library(LibraryTrainSettings(file=str(tmp_path / "library.json"), out=str(tmp_path / "out")))
    assert "tags" not in report["quality"]
    assert not (tmp_path / "out" / "tagger.json").exists()


def test_entries_of_one_photo_or_one_text_stay_in_one_fold():
    texts = ["a dog on the grass", "A  dog on the Grass", "", "a photo", "cat", "a photo"]
    photos = ["1", "2", "3", "4", "1", "5"]
    library = gather(
        Entry(str(n), photo, Path(photo), description=text)
        for n, (photo, text) in enumerate(zip(photos, texts, strict=True))
    )
    groups = group(library)
    assert groups.tolist() == [0, 0, 1, 2, 0, 3]
    folds = folds_of(groups)
    assert folds[0] == folds[1] == folds[4]
    assert set(folds_of(np.arange(100)).tolist()) == {0, 1, 2, 3, 4}


def test_the_weights_of_sources_are_those_that_made_the_tags():
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=(4000, 5, 3))
    evidence = Evidence(np.zeros(5), {TEXT: numbers})
    true = rng.random((4000, 5)) < 1 / (1 + np.exp(-(numbers @ [2.0, -1.0, 0.0] - 0.5)))
    weights = fit_weights((TEXT,), evidence.of((TEXT,)), true, np.ones_like(true))
    assert weights.weights == pytest.approx([0, 2, -1, 0], abs=0.12)
    assert weights.bias == pytest.approx(-0.5, abs=0.1)
    said = weights.probabilities(evidence)
    assert said[said > 0.7].mean() == pytest.approx(true[said > 0.7].mean(), abs=0.02)
    assert fit_weights((TEXT,), evidence.of((TEXT,)), np.zeros_like(true), np.ones_like(true)) is None
    assert sets_of((TEXT, CO_OCCURRENCE)) == [(CO_OCCURRENCE,), (TEXT,), (CO_OCCURRENCE, TEXT)]
    assert fit_thresholds(said, np.zeros_like(true), np.ones_like(true)).tolist() == [0.3] * 5


def test_the_share_of_labels_among_the_first():
    true = np.array([[True, True, False], [False, False, True], [False, False, False]])
    scores = np.array([[0.9, 0.1, 0.5], [0.2, 0.2, 0.2], [1, 2, 3]])
    assert recall_of_labels(true, scores, 1).tolist()[:2] == [0.5, 0.0]
    assert recall_of_labels(true, scores, 3).tolist()[:2] == [1.0, 1.0]
    assert np.isnan(recall_of_labels(true, scores, 1)[2])
