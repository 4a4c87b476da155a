"""What versions showed, what was answered of it, and the rates that come of that."""

from datetime import UTC, datetime, timedelta

import pytest

from thawline.versions.feedback import add_item, correct, record, retract
from thawline.versions.results import UnknownResultError, give_feedback, keep_result
from thawline.versions.schema import ModelVersion
from thawline.versions.usage import count_predictions, usage

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def versions(session, count=2):
    made = [ModelVersion(number=n + 1, type="base", path=f"v{n + 1:04}", metrics={}) for n in range(count)]
    session.add_all(made)
    session.flush()
    return made


def test_each_version_has_the_answers_about_what_it_showed(database):
    with database.session() as session:
        one, two = versions(session)
        items = [add_item(session, f"/photos/{n}.jpg", f"{n:064x}") for n in range(5)]
        count_predictions(session, one, 100)
        count_predictions(session, one)
        for item, answer in zip(items, ("yes", "no", "great", "no", "yes"), strict=True):
            record(session, item, answer, version=one)
        record(session, items[0], "no")  # that no version showed
        record(session, items[0], "great", version=two)
        correct(session, record(session, items[1], "no", version=two), "yes")
        retract(session, record(session, items[2], "no", version=two))
    with database.reading() as session:
        first, second = usage(session)
    assert (first.predictions, first.counts) == (101, {"yes": 2, "no": 2, "great": 1})
    assert (second.predictions, second.counts) == (0, {"great": 1, "yes": 1})
    rate = first.rate(["yes"], among=["yes", "no"])
    assert rate.value == 0.5
    # Wilson's interval for 2 of 4.
    assert (rate.low, rate.high) == (pytest.approx(0.1500, abs=1e-4), pytest.approx(0.8500, abs=1e-4))
    assert first.rate(["yes", "great"]).value == 0.6
    assert second.rate(["no"], among=["no"]) is None


def test_answers_of_one_group_hang_together(database):
    with database.session() as session:
        [alone, grouped] = versions(session)
        for n in range(8):
            item = add_item(session, f"/photos/{n}.jpg", f"{n:064x}", group=None if n < 4 else n // 6)
            record(session, item, "yes" if n % 4 < 2 else "no", version=alone if n < 4 else grouped)
    with database.reading() as session:
        wide = {use.version.number: use.rate(["yes"]) for use in usage(session)}
    assert wide[1].value == wide[2].value == 0.5
    assert wide[2].high - wide[2].low > wide[1].high - wide[1].low


def test_what_is_said_of_a_result_counts_once_a_content(database):
    with database.session() as session:
        [one] = versions(session, 1)
        results = [
            keep_result(session, version=one, name=name, digest=f"{n:064x}", label="cat", score=0.75)
            for n, name in enumerate(("a.jpg", "../b.jpg", "c\0.jpg"))
        ]
        unbound = keep_result(session, version=None, name="d.jpg", digest="d" * 64, label="cat", score=0.5)
        item = add_item(session, "/photos/a.jpg", f"{0:064x}")
        record(session, item, "no", version=one, at=NOON)
    with database.session() as session:
        assert give_feedback(session, results[0].id, "yes", at=NOON + timedelta(seconds=1)).user_feedback == "yes"
        give_feedback(session, results[1].id, "no")
        give_feedback(session, results[1].id, "great")
        give_feedback(session, unbound.id, "dog")
    with database.reading() as session:
        [use] = usage(session)
        assert (use.predictions, use.counts) == (3, {"yes": 1, "great": 1})
    with pytest.raises(UnknownResultError, match="there is no result 'none'"), database.session() as session:
        give_feedback(session, "none", "yes")
