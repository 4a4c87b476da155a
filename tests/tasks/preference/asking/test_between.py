"""Two versions pick in turn: each its best of what is left, each pick credited to who drafted it."""

import csv

import numpy as np
import pytest
from tests.tasks.preference.asking.test_ask import (  # noqa: F401  # fixtures
    GROUPED,
    PHOTOS,
    active,
    bundle,
    fit,
    networks,
    photos,
    registry,
    thawline,
    thawline_,
)

from thawline.tasks.preference.asking.between import draft
from thawline.versions.schema import Feedback, ModelVersion


@pytest.mark.parametrize("seed", range(20))
def test_in_each_round_both_take_their_best_of_what_is_left(seed):
    rng = np.random.default_rng(seed)
    scores, groups = [rng.random(30), rng.random(30)], rng.integers(-15, 5, 30)
    picks, left = draft(scores, groups, 30, seed), set(range(30))
    for row, team in picks:
        assert row == max(left, key=lambda one: scores[team][one])
        left -= {one for one in left if one == row or (groups[row] >= 0 and groups[one] == groups[row])}
    assert not left
    teams = [team for _, team in picks]
    assert all(set(teams[start : start + 2]) == {0, 1} for start in range(0, len(teams) - 1, 2))
    assert draft(scores, groups, 7, seed) == picks[:7]


def test_what_both_like_best_is_each_ones_as_often():
    same = np.arange(4.0)
    first = [draft([same, same], np.full(4, -1), 2, seed) for seed in range(400)]
    assert {tuple(row for row, _ in one) for one in first} == {(3, 2)}
    assert 160 < sum(one[0][1] for one in first) < 240


def test_a_table_of_both_ones_picks_comes_back_with_who_picked_what(active, bundle, thawline, photos):  # noqa: F811
    active.import_(bundle)
    said = thawline("preference", "ask", "n=6", "between=[v2,1]", "out=ask.csv")
    assert f"6 of {PHOTOS} photos without an answer, picked in turn by v1 and v2" in said
    assert "next   thawline preference import ask.csv\n       thawline versions compare v2 1" in said
    table = thawline.directory / "ask.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["why"] for row in rows} == {"picked in turn by v1 and v2"}
    by = [row["picked_by"] for row in rows]
    assert sorted(by) == ["v1"] * 3 + ["v2"] * 3
    assert all(set(by[start : start + 2]) == {"v1", "v2"} for start in (0, 2, 4))
    assert "No picks of theirs were judged side by side yet" in thawline("versions", "compare", "1", "2")
    for row in rows:
        row["feedback"] = "super_like" if row["picked_by"] == "v2" else "dislike"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, {**rows[0], "path": str(photos[-1]), "picked_by": "v9"}])
    said = " ".join(thawline("preference", "import", "ask.csv").split())
    assert "row 8 is skipped: v9, which picked it, is no version here" in said
    with active.database.reading() as session:
        numbers = {one.id: f"v{one.number}" for one in session.query(ModelVersion)}
        kept = {(numbers[one.version_id], one.answer, one.why, f"{one.score:.6f}") for one in session.query(Feedback)}
    assert kept == {(row["picked_by"], row["feedback"], row["why"], row["score"]) for row in rows}
    said = thawline("versions", "compare", "1", "2")
    assert all(len(line) <= 80 for line in said.splitlines())
    said = " ".join(said.split())
    assert "version dislike like super_like v1 3 0 0 v2 0 0 3" in said
    assert "v2: likes with super-likes over all answers 100.0" in said
    assert "By like and super-like, answers in pairs: v1 and v2 cannot be told apart" in said
    assert "McNemar's exact test over 3 samples" in said


@pytest.mark.usefixtures("active")
def test_what_cannot_be_compared_is_one_sentence(thawline):  # noqa: F811
    for words in ("[1]", "[1,v1]", "[1,two]", "[1,2,3]"):
        assert "must be two versions" in thawline.refused("preference", "ask", f"between={words}")
    assert "between=[3,5]" in thawline.refused("preference", "ask", "between=3,5")
    assert "there is no version 2" in thawline.refused("preference", "ask", "between=[1,2]")


def test_a_burst_is_asked_about_once_whoever_likes_it(active, bundle, thawline, photos):  # noqa: F811
    active.import_(bundle)
    thawline("preference", "ask", f"n={PHOTOS}", "between=[1,2]")
    photos[0].unlink()
    said = thawline("preference", "ask", f"n={PHOTOS}", "between=[1,2]")
    assert f"{PHOTOS - GROUPED} of {PHOTOS} photos without an answer" in said
    assert "(the file is gone)" in said
