import io
import json

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from thawline.commands.bundles.predict import print_counts
from thawline.tasks.bundle.tally import Tally
from thawline.tasks.photos.bundle.photos import Prediction
from thawline.tasks.photos.bundle.said import ROW_GROUP, print_said, write_json_lines, write_parquet

LABELS = ("a wedding", "誕生日")
GOOD = Prediction("a.jpg", "誕生日", {"a wedding": 0.25, "誕生日": 0.75})
BROKEN = Prediction("b\udcff.jpg", None, {}, "empty file")


def test_json_lines_are_whole_and_come_one_by_one():
    class Slow(io.BytesIO):
        seen = ()

        def flush(self):
            self.seen = (*self.seen, self.getvalue().count(b"\n"))

    file = Slow()
    write_json_lines(iter([GOOD, BROKEN]), file, {"model": "base"})
    assert file.seen == (1, 2)
    first, second = map(json.loads, file.getvalue().decode().splitlines())
    said = {"a wedding": 0.25, "誕生日": 0.75}
    assert first == {
        "path": "a.jpg",
        "label": "誕生日",
        "probability": 0.75,
        "probabilities": said,
        "problem": None,
        "model": "base",
    }
    nothing = dict.fromkeys(("label", "probability", "probabilities"))
    assert second == {"path": "b\\xff.jpg", **nothing, "problem": "empty file", "model": "base"}


def test_a_single_precision_number_takes_no_more_digits_than_it_has():
    file = io.BytesIO()
    third = 0.30000001192092896  # 0.3 in single precision
    write_json_lines([Prediction("a", "x", {"x": third})], file, {})
    assert b'"probability": 0.3,' in file.getvalue()


def test_parquet_has_a_column_for_each_class(tmp_path):
    write_parquet(iter([GOOD, BROKEN]), tmp_path / "said.parquet", LABELS, {"model": "base"})
    assert pq.read_table(tmp_path / "said.parquet").to_pylist() == [
        {
            "path": "a.jpg",
            "label": "誕生日",
            "problem": None,
            "probability": 0.75,
            "probability:a wedding": 0.25,
            "probability:誕生日": 0.75,
            "model": "base",
        },
        {
            "path": "b\\xff.jpg",
            "label": None,
            "problem": "empty file",
            "probability": None,
            "probability:a wedding": None,
            "probability:誕生日": None,
            "model": "base",
        },
    ]


def test_tags_that_reach_their_thresholds_are_shown_and_kept(tmp_path, capsys):
    said = [Prediction("a.jpg", "dog", {"dog": 0.9, "sea": 0.6}, tags=("dog", "sea")), BROKEN]
    said.append(Prediction("c.jpg", "sea", {"dog": 0.1, "sea": 0.2}, tags=()))
    write_parquet(said, tmp_path / "said.parquet", ("dog", "sea"), {}, several=True)
    assert pq.read_table(tmp_path / "said.parquet")["tags"].to_pylist() == [["dog", "sea"], None, []]
    many = Prediction("d.jpg", "dog", {"dog": 0.9}, tags=tuple(f"tag{n}" for n in range(20)))
    print_said([*said, many], Console(width=80), ("dog", "sea"), several=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:-1] for line in lines[:2]] == [["lab", "%", "tags"], ["dog", "90.0", "dog,", "sea"]]
    starts = [line.index(name) for line, name in zip(lines, ("photo", "a.jpg", "b\\", "c.jpg", "d.jpg"), strict=True)]
    assert len(set(starts)) == 1
    assert "…" in lines[4]


@pytest.mark.parametrize("count", [0, 1, ROW_GROUP, ROW_GROUP + 1])
def test_parquet_is_written_in_groups_of_rows(count, tmp_path):
    drawn = []

    def said():
        for i in range(count):
            drawn.append(i)
            yield Prediction(f"{i}.jpg", "誕生日", GOOD.probabilities)

    write_parquet(said(), tmp_path / "said.parquet", LABELS, {})
    file = pq.ParquetFile(tmp_path / "said.parquet")
    assert file.num_row_groups == -(-count // ROW_GROUP)
    assert file.read()["path"].to_pylist() == [f"{i}.jpg" for i in range(count)]
    assert "model" not in file.schema_arrow.names


def shown(work):
    file = io.StringIO()
    work(Console(file=file, width=80))
    return file.getvalue()


def test_a_table_lines_up_wide_characters_and_cuts_no_path():
    long = Prediction("x" * 100 + ".jpg", "a wedding", {"a wedding": 1.0, "誕生日": 0.0})
    text = shown(lambda console: print_said(iter([GOOD, long, BROKEN]), console, LABELS))
    assert text.splitlines() == [
        "label          %  photo",
        "誕生日      75.0  a.jpg",
        f"a wedding  100.0  {long.path}",
        "-              -  b\\xff.jpg: empty file",
    ]


def test_no_name_steers_the_terminal():
    odd = Prediction("\x1b[2J[red]a\nb.jpg", "[bold]x\x07", {"[bold]x\x07": 1.0})
    text = shown(lambda console: print_said([odd], console, ["[bold]x\x07"]))
    assert text.splitlines()[1] == r"[bold]x\x07  100.0  \x1b[2J[red]a\nb.jpg"
    counted = tallied(["[bold]x\x07"])
    text = shown(lambda console: print_counts(counted, ["[bold]x\x07"], console, "photos"))
    assert r"[bold]x\x07" in text


def tallied(*answers, several=False, unusable=0):
    """Samples that were given these answers, counted."""
    tally = Tally(several)
    for some in answers:
        tally.add(*some)
    for _ in range(unusable):
        tally.add_unusable()
    return tally


def test_counts_are_by_class_in_their_order():
    counted = tallied(*[["誕生日"]] * 1234, unusable=5)
    assert (counted.samples, counted.unusable, counted.without) == (1239, 5, 0)
    text = shown(lambda console: print_counts(counted, LABELS, console, "photos"))
    assert [line.split() for line in text.splitlines()] == [
        ["label", "photos"],
        ["a", "wedding", "0"],
        ["誕生日", "1,234"],
    ]


def test_a_photo_counts_for_each_of_its_labels_and_those_without_are_told():
    counted = tallied(["dog", "sea"], ["sea"], [], *[["sea", "dog"]] * 2000, several=True, unusable=2)
    text = shown(lambda console: print_counts(counted, ("dog", "sea", "snow"), console, "photos"))
    assert [line.split() for line in text.splitlines()[:-1]] == [
        ["label", "photos"],
        ["dog", "2,001"],
        ["sea", "2,002"],
        ["snow", "0"],
    ]
    assert text.splitlines()[-1] == "1 of 2,003 photos got no label; a photo counts for each it got."
