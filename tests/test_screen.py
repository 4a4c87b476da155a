"""What is printed fits the screen; what is there to be copied stays whole."""

import io
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from thawline.screen import as_word, say, say_next, say_whole


def printed(width, *what):
    file = io.StringIO()
    console = Console(file=file, width=width)
    for show, *more in what:
        show(console, *more)
    return file.getvalue()


@given(st.lists(st.text("abc-", min_size=1, max_size=20), min_size=1), st.integers(10, 60))
def test_a_sentence_is_folded_between_words_and_nothing_is_lost(words, width):
    lines = printed(width, (say, " ".join(words))).splitlines()
    assert " ".join(lines).split() == words
    assert all(len(line) <= width or line in words for line in lines)


def test_a_long_word_and_markup_stay_as_they_are():
    path = "/" + "x" * 30
    assert printed(20, (say, f"[red]in {path} [1/2]")) == f"[red]in\n{path}\n[1/2]\n"
    assert printed(20, (say_whole, f"run    {path} {path}")) == f"run    {path} {path}\n"
    assert printed(20, (say, "a\x1bb \udcff")) == "a\\x1bb \\udcff\n"


def test_what_follows_an_indented_line_is_indented():
    assert printed(12, (say, "  one two three")) == "  one two\n  three\n"


def test_commands_stand_below_each_other():
    assert printed(20, (say_next, ["thawline a", "thawline b"])) == "next   thawline a\n       thawline b\n"


def test_a_path_is_a_word_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert as_word(tmp_path / "a b") == "'a b'"
    assert as_word(Path("outputs/x")) == "outputs/x"
    assert as_word(Path(os.sep) / "elsewhere") == "/elsewhere"
    assert as_word(tmp_path).endswith(tmp_path.name)
