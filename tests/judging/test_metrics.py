import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from thawline.errors import UserError
from thawline.judging.intervals import Estimate
from thawline.judging.metrics import judge, judge_predictions

CLASSES = ("beach", "christmas", "family")


def simulate(samples, classes, seed, signal=1.5):
    """Labels, probabilities and groups of about three samples, one class a group."""
    generator = np.random.default_rng(seed)
    groups = np.sort(generator.integers(0, max(1, samples // 3), samples))
    labels = generator.integers(0, classes, samples)[groups]
    scores = generator.normal(size=(samples, classes))
    scores[np.arange(samples), labels] += signal
    return labels, np.exp(scores) / np.exp(scores).sum(1, keepdims=True), groups


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 120))
def test_values_are_scikit_learns(seed, classes, samples):
    labels, probabilities, groups = simulate(samples, classes, seed)
    found = judge(labels, probabilities, groups, [str(i) for i in range(classes)])
    said, names = probabilities.argmax(1), range(classes)
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        labels, said, labels=names, zero_division=np.nan
    )
    assert found.accuracy.value == pytest.approx(reference.accuracy_score(labels, said))
    assert found.confusion.counts.tolist() == reference.confusion_matrix(labels, said, labels=names).tolist()
    assert found.log_loss.value == pytest.approx(reference.log_loss(labels, probabilities, labels=names))
    assert found.balanced_accuracy.value == pytest.approx(np.mean(recall[support > 0]))
    assert found.macro_f1.value == pytest.approx(np.mean(f1[support > 0]))
    for i, one in enumerate(found.per_class):
        assert one.support == support[i]
        for mine, theirs in ((one.precision, precision[i]), (one.recall, recall[i]), (one.f1, f1[i])):
            assert (mine is None) == bool(np.isnan(theirs))
            assert mine is None or (mine.value == pytest.approx(theirs) and 0 <= mine.low <= mine.value <= mine.high)


def test_the_answers_may_be_others_than_the_most_probable_classes():
    labels, probabilities, groups = simulate(30, 3, 0)
    said = (probabilities.argmax(1) + 1) % 3
    found, plain = (judge(labels, probabilities, groups, CLASSES, answers) for answers in (said, None))
    assert found.accuracy.value == np.mean(said == labels)
    assert found.confusion.counts.tolist() == reference.confusion_matrix(labels, said, labels=range(3)).tolist()
    assert found.log_loss == plain.log_loss


def test_a_case_by_hand():
    labels = [0, 0, 0, 1, 1, 2]
    said = [0, 0, 1, 1, 1, 0]
    found = judge_predictions(labels, said, range(6), CLASSES)
    assert found.confusion.counts.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert found.confusion.shares.value[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    beach, christmas, family = found.per_class
    assert [e.value for e in (beach.precision, beach.recall, beach.f1)] == pytest.approx([2 / 3] * 3)
    assert [e.value for e in (christmas.precision, christmas.recall, christmas.f1)] == pytest.approx([2 / 3, 1, 0.8])
    assert family.precision is None
    assert (family.recall.value, family.f1.value) == (0.0, 0.0)
    assert family.f1.high > 0.5
    assert found.notes == ("Class family was never predicted: its precision is undefined.",)
    # Independent samples: Wilson as scipy has it, for F1 through the share of hits among its four samples.
    recall = stats.binomtest(2, 3).proportion_ci(method="wilson")
    hits = stats.binomtest(2, 4).proportion_ci(method="wilson")
    assert (beach.recall.low, beach.recall.high) == pytest.approx((recall.low, recall.high))
    assert (beach.f1.low, beach.f1.high) == pytest.approx([2 * x / (1 + x) for x in (hits.low, hits.high)])


def test_a_class_without_samples_and_a_class_of_one_group_are_named():
    found = judge_predictions([0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 1, 2], CLASSES)
    assert found.per_class[2].recall is None
    assert found.per_class[2].f1 is None
    assert found.balanced_accuracy.value == pytest.approx(0.75)
    assert found.notes == (
        "The 4 samples are of 3 groups only: with so few, the intervals are rough.",
        "All 2 samples of class beach are of one group: they count as one sample.",
        "No sample is of class family: its recall is undefined.",
        "Class family was never predicted: its precision is undefined.",
    )


def test_all_right_is_no_point():
    labels = np.repeat([0, 1, 2], 20)
    found = judge_predictions(labels, labels, np.repeat(np.arange(30), 2), CLASSES)
    low = stats.binomtest(30, 30).proportion_ci(method="wilson").low
    assert found.accuracy == Estimate(1.0, pytest.approx(low), 1.0)
    assert found.macro_f1 == found.accuracy


def test_json_has_no_nan_and_the_rows_say_the_same():
    labels, probabilities, groups = simulate(90, 3, seed=1)
    labels[labels == 2] = 0
    found = judge(labels, probabilities, groups, CLASSES)
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["confusion"]["value"][2] == [None, None, None]
    assert plain["per_class"]["family"]["recall"] is None
    assert plain["samples"] == 90
    assert plain["interval"] == "95 %, Wilson over effective samples"
    rows = {row.name: row for row in found.rows()}
    assert len(rows) == len(found.rows()) == 4 + 9 + 1 + 2 + 3
    assert rows["accuracy"][1:] == tuple(plain["accuracy"].values())
    assert rows["recall/beach"][1:] == tuple(plain["per_class"]["beach"]["recall"].values())
    assert rows["recall/family"][1:] == (None, None, None)
    assert rows["support/family"].value == 0
    assert rows["calibration_error"].value == plain["calibration"]["error"]


def test_predictions_alone_have_no_loss():
    plain = judge_predictions([0, 1], [0, 0], [0, 1], ("a", "b")).to_json()
    assert plain["log_loss"] is None
    assert plain["calibration"] is None
    assert plain["interval"] == "95 %, Wilson"


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.45, 0.55], [0.0, 1.0]])
    found = judge([0, 1, 1, 1], probabilities, range(4), ("a", "b")).calibration
    assert [one.samples for one in found.bins] == [1, 3]
    assert found.bins[1].confidence == pytest.approx((0.95 + 0.95 + 1) / 3)
    assert found.error == pytest.approx((0.45 + abs(2.9 - 2)) / 4)


@pytest.mark.parametrize(
    ("sure", "low", "high"), [(0.75, 0.7, 0.8), (0.71, 0.7, 0.8), (0.79, 0.7, 0.8), (1.0, 0.9, 1.0)]
)
def test_a_bin_holds_the_confidences_from_its_lower_bound_on(sure, low, high):
    found = judge([0, 1, 0], np.tile([sure, 1 - sure], (3, 1)), range(3), ("a", "b")).calibration
    assert [(one.low, one.high, one.samples) for one in found.bins] == [(low, high, 3)]


def test_confidence_is_that_of_the_answers():
    # From 0.3 on it is b; of both samples of which that is said one is right.
    probabilities = np.array([[0.68, 0.32], [0.65, 0.35], [0.9, 0.1]])
    found = judge([1, 0, 0], probabilities, range(3), ("a", "b"), said=[1, 1, 0]).calibration
    assert [(one.low, one.samples, one.accuracy.value) for one in found.bins] == [(0.3, 2, 0.5), (0.9, 1, 1.0)]
    assert found.bins[0].confidence == pytest.approx(0.335)
    assert found.error == pytest.approx((2 * (0.5 - 0.335) + 0.1) / 3)


def test_two_classes_have_ranking_figures_and_more_have_none():
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(2, size=50), generator.random(50)
    found = judge(labels, np.column_stack([1 - scores, scores]), range(50), ("a", "b"))
    assert found.own["roc_auc"].value == pytest.approx(reference.roc_auc_score(labels, scores))
    assert found.own["average_precision"].value == pytest.approx(reference.average_precision_score(labels, scores))
    assert found.to_json()["roc_auc"] == found.own["roc_auc"].to_json()
    assert (found.headline, found.score) == ("accuracy", found.accuracy)
    assert judge(labels, np.full((50, 3), 1 / 3), range(50), ("a", "b", "c")).own == {}


def test_shuffled_labels_leave_chance_inside_the_interval():
    inside = 0
    for seed in range(20):
        labels, probabilities, groups = simulate(300, 4, seed, signal=3.0)
        shuffled = np.random.default_rng(100 + seed).permutation(4 * len(labels))[: len(labels)] % 4
        accuracy = judge(shuffled, probabilities, groups, [str(i) for i in range(4)]).accuracy
        inside += accuracy.low <= 0.25 <= accuracy.high
        assert judge(labels, probabilities, groups, [str(i) for i in range(4)]).accuracy.low > 0.25
    assert inside >= 17


def test_recall_precision_and_f1_cover_the_truth():
    generator = np.random.default_rng(2)
    covered, datasets = np.zeros(3), 500
    for _ in range(datasets):
        groups = np.repeat(np.arange(80), generator.integers(1, 6, 80))
        labels = generator.integers(0, 2, 80)[groups]
        # 0.85 of each class is right, so that recall, precision and F1 are all 0.85; half of the groups err as one.
        chance = generator.beta(0.85, 0.15, 80)[groups]
        said = np.where(generator.random(len(labels)) < chance, labels, 1 - labels)
        one = judge_predictions(labels, said, groups, ("a", "b")).per_class[0]
        covered += [e.low <= 0.85 <= e.high for e in (one.precision, one.recall, one.f1)]
    assert (covered / datasets >= 0.93).all()
    assert (covered / datasets <= 0.985).all()  # precision errs on the wide side


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([[0.5, 0.5], [np.nan, 0.5]], r"1 of 2 samples are not numbers \(first: row 1\): the training diverged"),
        ([[2.0, -1.0], [0.5, 0.5]], r"1 of 2 samples are negative or don't sum to 1 \(first: row 0\)"),
        ([[0.9, 0.9], [0.5, 0.5]], "give probabilities, not scores"),
    ],
)
def test_what_is_no_distribution_is_refused(probabilities, message):
    with pytest.raises(UserError, match=message):
        judge([0, 1], probabilities, [0, 1], ("a", "b"))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 samples and 3 classes"):
        judge([0, 1], [[0.5, 0.5]] * 2, [0, 1], CLASSES)
    with pytest.raises(ValueError, match="labels from 0 to 3 for 3 classes"):
        judge_predictions([0, 3], [0, 0], [0, 1], CLASSES)
    with pytest.raises(ValueError, match="predictions from -1 to 0"):
        judge_predictions([0, 1], [0, -1], [0, 1], CLASSES)
    with pytest.raises(ValueError, match="0 labels"):
        judge_predictions([], [], [], CLASSES)
    with pytest.raises(ValueError, match="3 groups"):
        judge_predictions([0, 1], [0, 1], [0, 1, 2], CLASSES)
