"""What the passes show."""

import re

import pytest

from thawline.features.progress import bar, say


def count(total: int) -> None:
    with bar("computing features", "photos", total) as advance:
        for _ in range(total // 10):
            advance(10)


def test_a_terminal_sees_speed_and_count(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    count(200)
    shown = capsys.readouterr()
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.err)
    assert shown.out == ""
    assert re.search(r"computing features .*200/200 .*photos/s", plain)


def test_nothing_else_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    count(200)
    shown = capsys.readouterr()
    assert (shown.out, shown.err.strip()) == ("", "")


def test_lines_keep_their_brackets_and_no_word_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    say("waiting for [another] process " + "x" * 200)
    assert capsys.readouterr().err == "waiting for [another] process\n" + "x" * 200 + "\n"
