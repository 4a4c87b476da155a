import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from thawline.reports.leaderboard import COLUMNS, leaderboard_csv, print_leaderboard
from thawline.runs.predictions import Predictions
from thawline.targets.leaderboard import Scored, rank

CLASSES = ("beach", "wedding")


def scored(number, right, *, setting=None, samples=40, seconds=12.3, computed=0, read=480):
    """A trial with `right` of its samples right."""
    labels = np.arange(samples) % 2
    said = np.where(np.arange(samples) < right, labels, 1 - labels)
    inner = Predictions(
        paths=tuple(f"{i:04}.jpg" for i in range(samples)),
        groups=np.arange(samples) // 2,
        labels=labels,
        folds=("holdout",) * samples,
        probabilities=np.where(np.arange(2) == said[:, None], 0.75, 0.25).astype(np.float32),
        baseline=np.zeros(samples, dtype=np.int64),
        classes=CLASSES,
    )
    return Scored(number, setting or f"method.lr=1e-{number}", 0, inner, "zero-shot", seconds, computed, read, (0.0, 0))


def printed(rows, width=80):
    out = io.StringIO()
    print_leaderboard(rows, Console(file=out, width=width))
    return out.getvalue()


def words(text):
    return [line.split() for line in text.splitlines()]


def test_each_setting_has_a_line_with_its_tests():
    text = printed(rank([scored(1, 30), scored(2, 38)]))
    assert text.startswith("leaderboard: 40 inner samples in 20 groups; in percent, [95 %]")
    lines = words(text)
    assert ["1", "method.lr=1e-2", "95.0", "[76,", "99]", "-", "-", "+45.0", "<.0001", "12", "0+480"] in lines
    (second,) = [line for line in lines if line[:2] == ["2", "method.lr=1e-1"]]
    assert second[2] == "75.0"
    assert second[5:7] == ["-20.0", ".125"]  # four groups of two


def test_the_number_of_trials_is_told_where_there_are_several():
    text = printed(rank([scored(1, 30, setting="x"), replace(scored(2, 30, setting="x"), seed=1), scored(3, 2)]))
    assert "x x2" in text
    assert "x3" not in text


LONG = "encoder=timm/resnet50 thaw=2 augmentation=randaugment method.layer_decay=0.75 method.lr={}"


def read_table(text):
    """The table's rows, put together again: the rank, the setting, and the words beside its first line."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if "setting" in line)
    body = lines[start + 2 : lines.index("", start)]
    place = lines[start].index("setting")
    end = min(found.start() for line in body if (found := re.search(r"\d+\.\d \[", line)))
    rows = []
    for line in body:
        if line[:place].strip():
            rows.append([line[:place].strip(), "", line[end:].split()])
        rows[-1][1] += line[place:end].replace(" ", "")
    return rows


@pytest.mark.parametrize(
    ("facts", "seconds", "features"),
    [
        ({}, "12", "0+480"),
        ({"seconds": 0.04, "computed": 3, "read": 0}, "0.0", "3+0"),
        ({"seconds": 7205.4, "computed": 0, "read": 61_000}, "7205", "0+61000"),
        ({"seconds": 98_765.4, "computed": 305_000, "read": 1_220_000}, "98765", "305k+1220k"),
    ],
    ids=["short", "nothing", "hours", "a day"],
)
def test_twenty_four_rows_with_long_settings_fit_80_columns_and_nothing_is_cut_off(facts, seconds, features):
    text = printed(rank([scored(i, 40 - i, setting=LONG.format(i), **facts) for i in range(24)]))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in text
    headings = next(line for line in lines if "setting" in line)
    assert headings.split() == ["setting", "accuracy", "-best", "p", "-base", "p", "s", "feat."]
    table = read_table(text)
    assert [rank for rank, _, _ in table] == [str(i) for i in range(1, 25)]
    assert [setting for _, setting, _ in table] == [LONG.format(i).replace(" ", "") for i in range(24)]
    assert all(words[-2:] == [seconds, features] for _, _, words in table)
    assert table[0][2][:-2] == ["100.0", "[84,", "100]", "-", "-", "+50.0", "<.0001"]
    # Groups on either side: 0 against 12, and 8 against 11.
    assert table[23][2][:-2] == ["42.5", "[24,", "63]", "-57.5", ".0005", "-7.5", ".648"]


def test_the_widest_figures_fit():
    best, worst = scored(0, 1000, samples=1000, setting="x" * 30), scored(1, 0, samples=1000, setting="y" * 30)
    best, worst = (replace(one, computed=999_999, read=9_999_999, seconds=99_999) for one in (best, worst))
    text = printed(rank([best, worst]))
    assert max(map(len, text.splitlines())) <= 80
    assert [setting for _, setting, _ in read_table(text)] == ["x" * 30, "y" * 30]
    assert read_table(text)[1][2][:5] == ["0.0", "[0,", "1]", "-100.0", "<.0001"]


def test_settings_are_no_markup():
    text = printed(rank([scored(0, 3, setting="data.classes=[red] encoder='[/bold]'")]), width=140)
    assert "[red]" in text
    assert "'[/bold]'" in text


def test_what_was_swept_has_a_column_for_each_key():
    settings = ("thaw=head method.lr=0.001", "thaw=1 method.lr=0.01")
    text = printed(rank([scored(i, 3 + i, setting=setting) for i, setting in enumerate(settings)]))
    heading = next(line for line in text.splitlines() if "accuracy" in line)
    assert heading.split()[:3] == ["thaw", "lr", "accuracy"]
    assert "head 0.001" in " ".join(text.split())


def test_a_sweep_over_encoders_depths_and_rates_fits_80_columns_a_line_a_row():
    names = [f"encoder=mobilenetv2_035 thaw={thaw} method.lr={lr}" for thaw in ("head", 1) for lr in (0.0003, 0.01)]
    text = printed(rank([scored(i, 39 - i, setting=name, seconds=129.9) for i, name in enumerate(names)]))
    rows = [line.split() for line in text.splitlines() if "mobilenetv2_035" in line]
    assert [row[:4] for row in rows] == [
        ["1", "mobilenetv2_035", "head", "0.0003"],
        ["2", "mobilenetv2_035", "head", "0.01"],
        ["3", "mobilenetv2_035", "1", "0.0003"],
        ["4", "mobilenetv2_035", "1", "0.01"],
    ]
    assert {row[-1] for row in rows} == {"0+480"}
    assert max(map(len, text.splitlines())) <= 80


def test_settings_with_other_keys_each_share_a_column():
    settings = ("thaw=head method.lr=0.001", "method=logistic")
    text = printed(rank([scored(i, 3 + i, setting=setting) for i, setting in enumerate(settings)]), width=140)
    assert all(setting in text for setting in settings)


def test_a_plain_ascii_file_takes_the_table(tmp_path):
    path = tmp_path / "table.txt"
    with path.open("w", encoding="ascii") as file:
        print_leaderboard(rank([scored(0, 3), scored(1, 9)]), Console(file=file, width=80))
    assert "method.lr=1e-1" in path.read_text(encoding="ascii")


def test_the_csv_has_the_exact_numbers():
    rows = rank([scored(1, 30, seconds=1.239), scored(2, 38, setting='a "b", c', computed=7)])
    first, second = csv.DictReader(io.StringIO(leaderboard_csv(rows)))
    accuracy = rows[0].judgement.accuracy
    assert {key: first[key] for key in COLUMNS} == {
        "rank": "1",
        "setting": 'a "b", c',
        "trials": "2",
        "accuracy": "0.95",
        "low": repr(accuracy.low),
        "high": repr(accuracy.high),
        "log_loss": repr(rows[0].judgement.log_loss.value),
        "over_best": "",
        "p_best": "",
        "over_baseline": repr(rows[0].against_baseline.difference.value),
        "p_baseline": repr(rows[0].against_baseline.p_value),
        "seconds": "12.3",
        "features_computed": "7",
        "features_read": "480",
    }
    assert float(second["over_best"]) == pytest.approx(-0.2)
    assert float(second["p_best"]) == 0.125
    assert (second["rank"], second["seconds"]) == ("2", "1.24")
    assert tuple(first)[: len(COLUMNS)] == COLUMNS
    beside = dict(rows[0].judgement.beside())
    assert list(beside) == ["balanced_accuracy", "macro_f1", "roc_auc", "average_precision"]
    assert tuple(first)[len(COLUMNS) :] == tuple(f"{key}{end}" for key in beside for end in ("", "_low", "_high"))
    for key, one in beside.items():
        assert [first[f"{key}{end}"] for end in ("", "_low", "_high")] == [
            repr(x) for x in (one.value, one.low, one.high)
        ]


def test_the_csv_names_all_trials_of_a_row_and_ends_its_lines_the_same_everywhere():
    text = leaderboard_csv(rank([scored(4, 30, setting="x"), replace(scored(2, 30, setting="x"), seed=1)]))
    assert text.splitlines()[1].startswith("1,x,4 2,0.75,")
    assert text.count("\n") == 2
    assert "\r" not in text
