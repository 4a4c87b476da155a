"""Two versions held against each other by the answers to picks that were mixed."""

import pytest
from tests.versions.test_usage import versions

from thawline.versions.feedback import add_item, correct, record, retract
from thawline.versions.interleaved import drafted_by, interleaved

YES = ("yes", "very")


def picked(session, by, answers, why, group=None, begin=0):
    """Answers to what a version picked."""
    rows = []
    for n, answer in enumerate(answers, begin):
        item = add_item(session, f"/{by.number}/{n}.jpg", f"{by.number * 1000 + n:064x}", group)
        rows.append(record(session, item, answer, version=by, score=0.5, why=why))
    return rows


def test_answers_in_pairs_tell_whose_picks_are_liked(database):
    with database.session() as session:
        one, two, three = versions(session, 3)
        why = drafted_by(two, one)
        assert why == drafted_by(one, two) == "picked in turn by v1 and v2"
        picked(session, one, ["no"] * 8 + ["yes"] * 2, why)
        rows = picked(session, two, ["very"] * 9 + ["no", "yes"], why)
        # Neither of these counts: another comparison, another reason, a version that is not compared.
        picked(session, one, ["no"], drafted_by(one, three), begin=50)
        picked(session, one, ["no"], "it is unsure", begin=60)
        picked(session, three, ["no"], why, begin=70)
        correct(session, rows[0], "no")
        retract(session, rows[1])
    with database.reading() as session:
        found = interleaved(session, one, two, YES)
    assert [use.counts for use in found.uses] == [{"no": 8, "yes": 2}, {"no": 2, "very": 7, "yes": 1}]
    assert found.uses[1].rate(YES).value == 0.8
    test = found.test
    # In the order of the answers: v1 no×8 yes yes; v2 very×7 no yes no: 7 pairs for v2, and 1 for v1.
    assert (test.samples, test.only_a_right, test.only_b_right) == (10, 1, 7)
    assert test.p_value == pytest.approx(2 * (1 + 8) / 2**8)
    assert test.difference.value == pytest.approx(-0.6)
    assert (test.name_a, test.name_b, test.method) == ("v1", "v2", "McNemar's exact test")


def test_of_a_group_one_answer_counts_and_one_side_alone_is_no_pair(database):
    with database.session() as session:
        one, two = versions(session)
        picked(session, one, ["yes", "no", "no"], drafted_by(one, two), group=3)
        picked(session, two, ["no"], drafted_by(one, two), group=3)
    with database.reading() as session:
        found = interleaved(session, one, two, YES)
    assert [use.counts for use in found.uses] == [{"yes": 1}, {}]
    assert found.test is None
