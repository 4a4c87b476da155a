"""Tags suggested by other tags."""

import numpy as np
import pytest

from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import EntrySettings
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.patterns.suggesting import SHRINK, judge_together, learn_together
from thawline.tasks.library.patterns.tags import number_tags


def test_a_tag_suggests_what_comes_with_it():
    tags = number_tags([("sea", "sand")] * 10 + [("snow", "ski")] * 8 + [("sea", "gull")] + [("frequent",)] * 30)
    sea_sand, sea_gull, none = learn_together(tags.has).scores(tags.has[[0, 18, 48]])
    names = np.array(tags.names)
    assert (names[sea_sand.argmax()], names[sea_gull.argmax()]) == ("gull", "sand")
    assert set(names[np.isneginf(sea_gull)]) == {"sea", "gull"}
    assert set(names[np.isneginf(none)]) == {"frequent"}


def test_scores_are_those_of_naive_bayes():
    rng = np.random.default_rng(0)
    rows = [tuple(f"t{n}" for n in rng.choice(8, rng.integers(1, 5), replace=False)) for _ in range(60)]
    tags = number_tags(rows)
    has = tags.has.toarray()
    scores = learn_together(tags.has).scores(tags.has)
    counts, share = has.sum(0), has.sum(0) / 60
    for row, entry in enumerate(has):
        for tag in np.flatnonzero(entry == 0):
            expected = np.log(share[tag])
            for other in np.flatnonzero(entry):
                both = (has[:, tag] * has[:, other]).sum()
                expected += np.log((both + SHRINK * share[other]) / (counts[tag] + SHRINK)) - np.log(share[other])
            assert scores[row, tag] == pytest.approx(expected)


def test_what_they_are_worth_is_measured_on_entries_held_out():
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(400):
        group = rng.integers(0, 20)
        rows.append((f"a{group}", f"b{group}", *(["x", "y", "z", "u", "v", "w"][: rng.integers(0, 7)])))
    figures = judge_together([str(n) for n in range(400)], number_tags(rows))
    assert figures["recall@5"]["low"] > figures["recall@5_of_the_most_frequent"]["high"]
    assert figures["test"]["p_value"] < 0.01
    assert judge_together(["1", "2"], number_tags(rows[:2])) is None


def test_on_the_shared_library_other_tags_say_more_than_frequency(shared_data):
    entries = list(read_entries(shared_data / "library" / "images_metadata.json", EntrySettings(), Skipped()))
    figures = judge_together([entry.id for entry in entries], number_tags(entry.tags for entry in entries))
    assert figures["recall@5"]["value"] > figures["recall@5_of_the_most_frequent"]["value"]
    assert figures["test"]["p_value"] < 0.05
