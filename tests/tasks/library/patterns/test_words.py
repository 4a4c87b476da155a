"""How texts are cut into words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.tasks.library.patterns.words import BREAK, MOST, STOP_WORDS, Vocabulary, encode, is_content, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A dog's T-shirt, isn\u2019t it?", ["a", "dog", "t", "shirt", "isn't", "it"]),
        ("CAFE\u0301 Stra\u00dfe 2024 _x_", ["caf\u00e9", "strasse", "2024", "x"]),
        ("\u72ac\u304c\u8d70\u308b", ["\u72ac\u304c\u8d70\u308b"]),
        ("<b>dog</b> \U0001f436 'quoted' s", ["b", "dog", "b", "quoted", "s"]),
        ("x" * 41, []),
        ("", []),
    ],
)
def test_a_text_is_cut_into_words(text, words):
    assert words_of(text) == words


def test_words_that_say_something_are_told_from_others():
    assert [word for word in ("dog", "the", "isn't", "x", "7", "2024", "\u72ac", "t4") if is_content(word)] == [
        "dog",
        "\u72ac",
        "t4",
    ]
    assert all(words_of(word) == [word] for word in STOP_WORDS)


def test_texts_become_numbers_with_breaks_between_sentences_and_parts():
    texts = encode([("A dog. The dog's", "cat"), ("", ""), ("Cat",)])
    assert texts.words == ["", "a", "dog", "the", "cat"]
    assert texts.numbers.tolist() == [1, 2, BREAK, 3, 2, BREAK, 4, BREAK, BREAK, BREAK, 4, BREAK]
    assert texts.ends.tolist() == [0, 8, 10, 12]
    assert texts.lengths.tolist() == [4, 0, 1]
    assert texts.rows.tolist() == [0] * 8 + [1, 1, 2, 2]
    assert texts.content.tolist() == [False, False, True, False, True]


def test_a_text_without_end_is_cut():
    assert len(encode([("dog " * 3000,)]).numbers) == MOST + 1


@settings(max_examples=25)
@given(st.lists(st.text("aB's \u2019e\u0301.x\u00df", max_size=20), max_size=5), st.integers(0, 5))
def test_words_keep_their_numbers_when_more_texts_come(texts, cut):
    whole = encode([(text,) for text in texts])
    first = encode([(text,) for text in texts[:cut]])
    rest = encode([(text,) for text in texts[cut:]], first.words[1:])
    assert rest.words == whole.words
    assert np.concatenate([first.numbers, rest.numbers]).tolist() == whole.numbers.tolist()
    for text, low, high in zip(texts, whole.ends, whole.ends[1:], strict=False):
        assert [whole.words[n] for n in whole.numbers[low:high] if n] == words_of(text)
    assert Vocabulary(whole.words[1:]).words == whole.words
