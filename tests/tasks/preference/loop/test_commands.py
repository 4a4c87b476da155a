"""The verbs on the database of answers, as they are typed."""

import pytest

from thawline.cli import main


@pytest.fixture
def thawline(tmp_path, monkeypatch, capsys):
    """What a verb prints in a folder with two files, and its exit status."""
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_bytes(name.encode())

    def run(*words):
        try:
            main(["preference", *words])
        except SystemExit as end:
            return end.code, capsys.readouterr().err
        return 0, capsys.readouterr().out

    return run


def test_answers_come_in_are_corrected_taken_out_and_go_out(thawline, tmp_path):
    (tmp_path / "in.csv").write_text("path,feedback\na.jpg,like\nb.jpg,dislike\ngone.jpg,like\n")
    status, said = thawline("import", "in.csv")
    assert status == 0
    assert said.splitlines()[:2] == [
        "row 4 is skipped: gone.jpg is not there",
        "2 answers added, 1 skipped; 2 items have an answer",
    ]
    assert "0 answers added, 2 there before, 1 skipped; 2 items" in thawline("import", "in.csv")[1]
    assert thawline("answer", "a.jpg", "Super-Like")[1] == "item 1, a.jpg: super_like (before: like)\n"
    assert thawline("remove", "2")[1].splitlines() == [
        "item 2, b.jpg, is taken out",
        "1 answer deleted; no version was trained on it",
    ]
    assert thawline("export")[1] == "1 answer written to feedback.csv\n"
    assert thawline("export", "all=true", "out=all.csv")[1] == "3 answers written to all.csv\n"
    assert thawline("export")[0] == 0  # over what it wrote
    assert (tmp_path / "feedback.csv").read_text().splitlines()[1].startswith(f"{tmp_path / 'a.jpg'},super_like,")


def test_export_overwrites_nothing_that_it_did_not_write(thawline, tmp_path):
    mine = tmp_path / "feedback.csv"
    mine.write_text("path,feedback\na.jpg,like\n")
    status, said = thawline("export")
    assert status == 2
    assert "is there already, and no export wrote it; give out= another name" in said
    assert mine.read_text() == "path,feedback\na.jpg,like\n"
    thawline("import", "feedback.csv")
    assert thawline("export", "out=other.csv")[1] == "1 answer written to other.csv\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "nowhere.csv"), "there is no file"),
        (("export", "out=x.xlsx"), "x.xlsx must be a file whose name ends in .csv, which is what is written"),
        (("ask", "out=x.parquet"), "x.parquet must be a file whose name ends in .csv"),
        (("answer", "a.jpg", "lovely"), "'lovely' is no answer; say dislike, like, super_like, or none"),
        (("answer", "c.jpg", "like"), "there is no item 'c.jpg'"),
        (("remove", "a.jpg"), "there is no item 'a.jpg'"),
        (("add", "nowhere"), "is no folder; give one with photos"),
    ],
)
def test_wrong_use_is_a_sentence(thawline, words, said):
    status, error = thawline(*words)
    assert status == 2
    assert said in error
    assert "Traceback" not in error
