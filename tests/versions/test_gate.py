"""May a version take the active one's place: by arrays, and by what the database holds."""

import numpy as np
import pytest

from thawline.versions.feedback import add_item, answered, correct, record
from thawline.versions.gate import PairedScores, fair_scores, judge, judged_by_both, judged_since
from thawline.versions.schema import ModelVersion, VersionFeedback

NAMES = ("v1", "v2")


def of(yes, first, second, groups=None):
    groups = range(len(yes)) if groups is None else groups
    return PairedScores(
        np.array(yes, bool), np.array(first, float), np.array(second, float), np.array(groups).astype(str)
    )


def right(count, n=100):
    """Scores by which `count` of `n` answers, all of them yes, are right."""
    return np.where(np.arange(n) < count, 0.9, 0.1)


@pytest.mark.parametrize(
    ("active", "candidate", "met", "better"),
    [
        (80, 80, True, False),
        (80, 78, True, False),  # worse by the margin itself
        (80, 77, False, False),
        (80, 83, True, False),  # better on these, and the test tells no difference
        (80, 95, True, True),
        (95, 80, False, False),
    ],
)
def test_not_worse_by_more_than_the_margin_and_better_only_by_the_test(active, candidate, met, better):
    verdict = judge(of(np.ones(100), right(active), right(candidate)), names=NAMES)
    assert (verdict.met, verdict.better) == (met, better)
    assert verdict.active.value == active / 100
    assert verdict.candidate.value == candidate / 100
    assert (verdict.test.difference.value > 0) == (candidate > active)
    assert ("more than the 2.0 points that v2 may be worse by" in verdict.sentence) is not met
    assert ("v2 is better than v1 by 15.0 points" in verdict.sentence) is better


def test_the_margin_is_a_setting():
    judged = of(np.ones(100), right(80), right(70))
    assert [judge(judged, names=NAMES, margin=margin).met for margin in (0.0, 0.05, 0.1)] == [False, False, True]


def test_a_burst_counts_as_one():
    """Fifteen answers more of one group are no proof, of fifteen groups they are."""
    apart = judge(of(np.ones(100), right(80), right(95)), names=NAMES)
    burst = np.where((np.arange(100) >= 80) & (np.arange(100) < 95), 1000, np.arange(100))
    joined = judge(of(np.ones(100), right(80), right(95), burst), names=NAMES)
    assert (apart.better, joined.better) == (True, False)


def test_scores_are_of_yes_and_a_half_says_it():
    verdict = judge(of([1, 1, 0, 0], [0.5, 0.49, 0.5, 0.49], [0.9, 0.9, 0.1, 0.1]), names=NAMES)
    assert (verdict.active.value, verdict.candidate.value) == (0.5, 1.0)


def test_without_answers_the_gate_is_not_met():
    verdict = judge(of([], [], []), names=NAMES)
    assert (verdict.met, verdict.better, verdict.test) == (False, False, None)
    assert verdict.sentence == "there is no answer yet, of an item that v1 was not trained on, to judge v2 by"


@pytest.fixture
def made(database):
    """Five answered items: v1 showed 1 and 2 and was trained on 4, v2 was trained on 1, 3 and 4, none on 5."""
    with database.session() as session:
        versions = [ModelVersion(number=n, type="x", path=f"v{n}") for n in (1, 2)]
        session.add_all(versions)
        session.flush()
        items = [add_item(session, f"/{n}.jpg", f"{n}" * 64, group=7 if n in (1, 2) else None) for n in range(1, 6)]
        rows = []
        for number, (item, answer) in enumerate(zip(items, ["no", "super", "yes", "no", "yes"], strict=True), start=1):
            shown = {"version": versions[0], "score": number / 10} if number in (1, 2) else {}
            rows.append(record(session, item, answer, **shown))
        session.add_all(
            VersionFeedback(version_id=versions[v].id, feedback_id=rows[n - 1].id, score=score)
            for v, n, score in [(0, 4, None), (1, 1, 0.71), (1, 3, 0.73), (1, 4, 0.74)]
        )
        first = rows[0]
    return versions, items, first


class Asked:
    """A scorer that notes what it is asked about."""

    def __init__(self):
        self.calls = []

    def __call__(self, version, items):
        self.calls.append((version.number, [item.path for item in items]))
        return [None if item.path == "/5.jpg" and version.number == 2 else 0.99 for item in items]


def test_a_fair_score_was_shown_or_out_of_fold_or_is_asked_for(database, made):
    (one, two), _, _ = made
    asked = Asked()
    with database.reading() as session:
        answers = answered(session)
        rows = [answer.feedback_id for answer in answers]
        assert fair_scores(session, one, answers) == {rows[0]: 0.1, rows[1]: 0.2}
        assert fair_scores(session, two, answers) == {rows[0]: 0.71, rows[2]: 0.73, rows[3]: 0.74}
        # v1 was trained on 4 and said nothing of it out of fold: what it says of it now is worth nothing.
        assert set(fair_scores(session, one, answers, asked)) == {*rows} - {rows[3]}
    assert asked.calls == [(1, ["/3.jpg", "/5.jpg"])]


def test_the_gate_goes_by_what_the_active_version_was_not_trained_on(database, made):
    (one, two), _, _ = made
    asked = Asked()
    with database.reading() as session:
        judged = judged_since(session, one, two, {"yes", "super"}, asked)
    assert asked.calls == [(1, ["/3.jpg", "/5.jpg"]), (2, ["/2.jpg", "/5.jpg"])]
    assert judged.yes.tolist() == [False, True, True]
    assert judged.first.tolist() == [0.1, 0.2, 0.99]
    assert judged.second.tolist() == [0.71, 0.99, 0.73]
    assert len(set(judged.groups[:2])) == 1
    assert judged.groups[2] not in judged.groups[:2]


def test_two_versions_are_compared_by_what_both_judged(database, made):
    (one, two), _, _ = made
    with database.reading() as session:
        judged = judged_by_both(session, one, two, {"yes", "super"})
    assert (judged.first.tolist(), judged.second.tolist()) == ([0.1], [0.71])


def test_an_answer_that_was_corrected_makes_its_item_no_new_one(database, made):
    (one, two), _, first = made
    with database.session() as session:
        correct(session, first, "yes")
    with database.reading() as session:
        # v2 was trained on the item with the other answer, and its score out of fold is not for this one.
        judged = judged_since(session, one, two, {"yes", "super"})
    assert judged.first.tolist() == []
