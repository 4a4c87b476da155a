"""What is learnt of tags and descriptions."""

import json
import math

import numpy as np
import pytest
from scipy import sparse

from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import EntrySettings
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.patterns import descriptions
from thawline.tasks.library.patterns.categories import EXAMPLES, co_occurrence, learn_categories, pairs_of
from thawline.tasks.library.patterns.descriptions import learn_descriptions, phrases_of, presence
from thawline.tasks.library.patterns.log_odds import log_odds
from thawline.tasks.library.patterns.tags import MOST_OF_ENTRY, number_tags
from thawline.tasks.library.patterns.words import encode

ROWS = [
    ("1", "A dog on the beach", ("dog", "beach")),
    ("2", "A dog runs", ("Dog", "grass")),
    ("3", "", ("dog", "beach", "sea")),
    ("4", "A cat", ("cat",)),
    ("5", "A dog runs", ("dog",)),
]
IDS, SAID, TAGGED = (list(column) for column in zip(*ROWS, strict=True))


def test_tags_are_counted_and_named_as_they_are_most_often_written():
    tags = number_tags(TAGGED)
    assert tags.names == ("dog", "beach", "cat", "grass", "sea")
    assert tags.counts.tolist() == [4, 2, 1, 1, 1]
    assert tags.has.toarray()[2].tolist() == [1, 1, 0, 0, 1]
    assert number_tags([]).has.shape == (0, 0)


def test_categories_have_the_counts_examples_and_pairs():
    learnt = learn_categories(IDS, SAID, number_tags(TAGGED))
    assert learnt["entries"] == 5
    assert learnt["common_tags"] == [["dog", 4], ["beach", 2], ["cat", 1], ["grass", 1], ["sea", 1]]
    assert learnt["co_occurrence"] == [{"tags": ["dog", "beach"], "count": 2, "lift": 1.25, "pmi": 0.3219}]
    assert learnt["patterns"]["beach"] == [{"description": "A dog on the beach", "other_tags": ["dog"]}]
    assert {one["description"] for one in learnt["patterns"]["dog"]} == {"A dog on the beach", "A dog runs"}
    assert learnt["patterns"]["sea"] == []
    json.dumps(learnt, allow_nan=False)


def test_examples_are_few_and_the_same_in_any_order():
    ids = [str(number) for number in range(300)]
    said = [f"photo {number}" for number in range(300)]
    tags = [("all", "even") if number % 2 == 0 else ("all",) for number in range(300)]
    learnt = learn_categories(ids, said, number_tags(tags))
    order = np.random.default_rng(0).permutation(300)
    again = learn_categories(
        *([column[n] for n in order] for column in (ids, said)), number_tags([tags[n] for n in order])
    )
    assert learnt == again
    assert len(learnt["patterns"]["all"]) == EXAMPLES
    numbers = [int(one["description"].split()[1]) for one in learnt["patterns"]["even"]]
    assert len(set(numbers)) == EXAMPLES
    assert max(numbers) > 150  # not the first ones


def test_pairs_are_counted_as_one_counts_them_by_hand():
    rng = np.random.default_rng(1)
    rows = [tuple(f"t{n}" for n in rng.choice(12, rng.integers(0, 6), replace=False)) for _ in range(200)]
    tags = number_tags(rows)
    counted = {}
    for row in rows:
        for a in row:
            for b in row:
                if tags.names.index(a) < tags.names.index(b):
                    counted[a, b] = counted.get((a, b), 0) + 1
    found = {(tags.names[a], tags.names[b]): n for a, b, n in zip(*pairs_of(tags), strict=True)}
    assert found == {pair: n for pair, n in counted.items() if n >= 2}
    for one in co_occurrence(tags):
        a, b = one["tags"]
        share = one["count"] * 200 / (tags.counts[tags.names.index(a)] * tags.counts[tags.names.index(b)])
        assert one["lift"] == pytest.approx(share, abs=1e-4)
        assert one["pmi"] == pytest.approx(math.log2(share), abs=1e-4)


def test_an_entry_with_hundreds_of_tags_is_paired_by_its_most_frequent():
    rows = [tuple(f"t{n}" for n in range(400))] * 3 + [("t5", "t7")]
    tags = number_tags(rows)
    first, second, _ = pairs_of(tags)
    assert len(first) == MOST_OF_ENTRY * (MOST_OF_ENTRY - 1) // 2
    assert {tags.names[n] for n in (*first, *second)} >= {"t5", "t7"}
    assert len(co_occurrence(tags)) == len(first)


def by_hand(counts, totals, prior):
    """Monroe et al. (2008), equations 16, 20 and 22, for a group against the rest."""
    z = np.zeros(counts.shape)
    alpha = prior * totals / totals.sum()
    for group, here in enumerate(counts):
        there = totals - here
        n, m = here.sum(), there.sum()
        for word in range(len(totals)):
            a = alpha[word]
            delta = math.log((here[word] + a) / (n + prior - here[word] - a))
            delta -= math.log((there[word] + a) / (m + prior - there[word] - a))
            z[group, word] = delta / math.sqrt(1 / (here[word] + a) + 1 / (there[word] + a))
    return z


def test_log_odds_are_those_of_the_paper():
    counts = np.random.default_rng(2).poisson(3, (3, 7)) + 1
    totals = counts.sum(axis=0) + 5
    z = log_odds(sparse.csr_array(counts), totals, prior=50).toarray()
    np.testing.assert_allclose(z, by_hand(counts, totals, 50))
    assert np.isfinite(log_odds(sparse.csr_array([[3]]), np.array([3])).toarray()).all()


def test_words_of_a_tag_are_those_that_others_lack():
    said = ["the red ball rolls"] * 20 + ["the blue ball flies"] * 20 + ["the dog"] * 20
    tags = number_tags([("red",)] * 20 + [("blue",)] * 20 + [("dog", "rare")] + [("dog",)] * 19)
    learnt = learn_descriptions(tags, encode([(text,) for text in said]))
    assert learnt["red"] == {
        "count": 20,
        "common_words": ["red", "rolls"],
        "avg_length": 4.0,
        "weights": learnt["red"]["weights"],
        "phrases": ["ball rolls", "red ball"],
    }
    assert learnt["red"]["weights"][0] == learnt["red"]["weights"][1] > 2
    assert learnt["dog"]["common_words"] == ["dog"]
    assert learnt["rare"]["common_words"] == []
    json.dumps(learnt, allow_nan=False)


def test_a_word_counts_once_in_an_entry_and_a_length_is_of_descriptions_alone():
    texts = encode([("dog dog dog", "dog cat"), ("", "cat"), ("", "")])
    has, names = presence(texts)
    assert names == ["dog", "cat"]
    assert has.toarray().tolist() == [[1, 1], [0, 1], [0, 0]]
    learnt = learn_descriptions(number_tags([("a",), ("a", "b"), ("c",)]), texts)
    assert [learnt[tag]["avg_length"] for tag in "abc"] == [3.0, 0.0, 0.0]


def test_phrases_stay_within_a_sentence():
    texts = encode([("Black dog. White cat in the hat", ""), ("black dog, the cat", ""), ("dog of black dog", "")])
    has, names = phrases_of(texts)
    assert names == ["black dog"]
    assert has.toarray().tolist() == [[1], [1], [1]]
    many = encode([("dog of the house; man in hat", "")] * 3)
    assert phrases_of(many)[1] == ["man in hat"]
    assert phrases_of(encode([]))[1] == []


def test_too_many_phrases_are_cut_at_a_count(monkeypatch):
    monkeypatch.setattr(descriptions, "MOST_PHRASES", 2)
    texts = encode([("red ball. blue ball. green ball", "")] * 3 + [("red ball. blue ball", "")] + [("red ball", "")])
    assert phrases_of(texts)[1] == ["red ball"]


def test_nothing_is_learnt_of_nothing():
    for rows in ([], [()]):
        tags = number_tags(rows)
        assert learn_categories(["1"] * len(rows), [""] * len(rows), tags)["common_tags"] == []
        assert learn_descriptions(tags, encode([("",)] * len(rows))) == {}


def test_the_shared_library_teaches_its_words(shared_data):
    entries = list(read_entries(shared_data / "library" / "images_metadata.json", EntrySettings(), Skipped()))
    tags = number_tags(entry.tags for entry in entries)
    learnt = learn_descriptions(tags, encode((entry.description, entry.detailed_description) for entry in entries))
    assert tags.names[0] == "dog"
    assert {"dog", "running"} <= set(learnt["dog"]["common_words"])
    assert "brown dog" in learnt["dog"]["phrases"]
    assert "group of people" in learnt["people"]["phrases"]
