from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, jaccard_score, log_loss

from thawline.judging.ranking import mean_average_precision
from thawline.runs.predictions import Predictions, Tags
from thawline.targets.predicted import compare_baseline, compare_said, judge_baseline, judge_said
from thawline.targets.tags import NOTE, examine_tags

CLASSES = ("drums", "piano", "violin")


@pytest.fixture(scope="module")
def said():
    """40 samples in 20 groups, in which drums are usual, and probabilities that know a little."""
    generator = np.random.default_rng(0)
    true = generator.random((40, 3)) < (0.8, 0.4, 0.3)
    true[~true.any(axis=1), 0] = True
    probabilities = (0.3 * true + 0.7 * generator.random((40, 3))).astype(np.float32)
    baseline = np.tile([True, False, False], (40, 1))
    return Predictions(
        paths=tuple(f"{i:02}.wav" for i in range(40)),
        groups=np.repeat(np.arange(20), 2),
        labels=true.argmax(axis=1),
        folds=("holdout",) * 40,
        probabilities=probabilities,
        baseline=np.zeros(40, dtype=np.int64),
        classes=CLASSES,
        tags=Tags(true, probabilities >= 0.6, baseline),
    )


def examined(p):
    return examine_tags(judge_said(p), compare_baseline(p, "said", "usual"), p.tags, p.probabilities, p.groups)


def test_figures_are_scikit_learns(said):
    true, marked, scores = said.tags.true, said.tags.said, said.probabilities
    judged = judge_said(said)
    assert judged.macro_f1.value == pytest.approx(f1_score(true, marked, average="macro"))
    assert [one.f1.value for one in judged.per_class] == pytest.approx(f1_score(true, marked, average=None))
    assert [one.support for one in judged.per_class] == true.sum(axis=0).tolist()
    losses = [log_loss(true[:, i], scores[:, i].astype(float)) for i in range(3)]
    assert judged.log_loss.value == pytest.approx(np.mean(losses))
    assert judged.notes[0] == NOTE
    found = examined(said)
    assert found["micro_f1"]["value"] == pytest.approx(f1_score(true, marked, average="micro"))
    wanted = average_precision_score(true, scores, average="macro")
    assert found["mean_average_precision"]["value"] == pytest.approx(wanted)
    assert found["mean_average_precision"]["low"] < wanted < found["mean_average_precision"]["high"]
    for i, name in enumerate(CLASSES):
        one = found["per_class"][name]["average_precision"]["value"]
        assert one == pytest.approx(average_precision_score(true[:, i], scores[:, i]))


def test_base_rates_are_what_always_and_never_listening_reach(said):
    true = said.tags.true
    always = np.ones_like(true)
    found = examined(said)
    base = found["base_rates"]
    assert base["macro_f1"] == pytest.approx(f1_score(true, always, average="macro"))
    assert base["micro_f1"] == pytest.approx(f1_score(true, always, average="micro"))
    constant = average_precision_score(true, np.zeros((40, 3)), average="macro")
    assert base["mean_average_precision"] == pytest.approx(constant)
    above = found["mean_average_precision_above_chance"]
    assert 0 < above["low"] < above["value"] < found["mean_average_precision"]["value"] - constant
    assert above["p_value"] < 0.001
    assert "against an order by chance, p" in above["summary"]


def test_what_is_compared_and_ranked_by_is_the_overlap(said):
    judged, baseline = judge_said(said), judge_baseline(said)
    overlap = jaccard_score(said.tags.true, said.tags.said, average="samples")
    usual = jaccard_score(said.tags.true, said.tags.baseline, average="samples")
    assert (judged.headline, judged.score) == ("overlap", judged.own["overlap"])
    assert judged.score.value == pytest.approx(overlap)
    assert judged.score.low < overlap < judged.score.high
    assert judged.merit == (judged.score.value, -judged.log_loss.value)
    assert baseline.score.value == pytest.approx(usual)
    test = compare_baseline(said, "ours", "usual")
    assert test.difference.value == pytest.approx(overlap - usual)
    assert (test.samples, test.groups, test.method) == (40, 20, "exact sign-flip test")
    assert compare_said(said, said, "a", "b").p_value == 1
    always = replace(said, tags=replace(said.tags, said=said.tags.true))
    assert compare_said(always, said, "a", "b").difference.value == pytest.approx(1 - overlap)


def test_one_place_gives_the_figures_that_others_show(said):
    judged, found = judge_said(said), examined(said)
    plain, rows = judged.to_json(), {row.name: row for row in judged.rows()}
    for name in ("micro_f1", "macro_f1", "mean_average_precision"):
        assert found[name] == plain[name]
        assert rows[name][1:] == tuple(plain[name].values())
    for name, one in found["per_class"].items():
        assert one["f1"] == plain["per_class"][name]["f1"]
        assert one["average_precision"] == plain["per_class"][name]["average_precision"]
        assert rows[f"average_precision/{name}"].value == one["average_precision"]["value"]
    assert plain["confusion"] is None
    assert plain["headline"] == "overlap"
    # Accuracy, of the most probable class, stands in the file alone.
    right = said.tags.true[np.arange(40), said.probabilities.argmax(axis=1)]
    assert plain["accuracy"]["value"] == right.mean()
    assert [name for name, _ in judged.beside()] == [
        "balanced_accuracy",
        "macro_f1",
        "micro_f1",
        "mean_average_precision",
    ]


def test_without_ranking_the_rest_is_the_same(said):
    whole, rest = judge_said(said), judge_said(said, ranking=False)
    assert rest.merit == whole.merit
    assert "mean_average_precision" not in rest.own


def test_the_labels_of_a_sample_are_tested_together():
    # Three groups of one sample; of each three of four labels are said rightly, where the baseline says one rightly.
    true = np.array([[1, 1, 0, 0]] * 3, dtype=bool)
    marked = np.array([[1, 0, 0, 0]] * 3, dtype=bool)
    baseline = np.array([[0, 1, 1, 1]] * 3, dtype=bool)
    found = examined(
        Predictions(
            paths=("1", "2", "3"),
            groups=np.arange(3),
            labels=np.zeros(3, dtype=np.int64),
            folds=("holdout",) * 3,
            probabilities=marked.astype(np.float32),
            baseline=np.ones(3, dtype=np.int64),
            classes=tuple("abcd"),
            tags=Tags(true, marked, baseline),
        )
    )
    test = found["labels_against_baseline"]
    assert test["difference"]["value"] == 0.5
    assert test["p_value"] == 0.25  # two of the eight ways to flip three groups are as far out
    assert test["groups"] == 3
    assert found["overlap"] == {"said": 0.5, "baseline": 0.25}
    assert found["overlap_against_baseline"]["difference"]["value"] == 0.25
    assert found["overlap_against_baseline"]["p_value"] == 0.25
    assert found["mean_average_precision"] is None  # each label is on all samples or on none
    assert found["base_rates"]["mean_average_precision"] is None


def test_a_label_that_all_have_takes_no_part_in_the_mean():
    generator = np.random.default_rng(1)
    true = np.column_stack([np.ones(30, dtype=bool), generator.random(30) < 0.5])
    scores = generator.random((30, 2))
    found = mean_average_precision(true, scores, np.arange(30))
    assert found.value == pytest.approx(average_precision_score(true[:, 1], scores[:, 1]))
