import io

import numpy as np
import pytest
from rich.console import Console

from thawline.judging.intervals import Estimate
from thawline.judging.metrics import judge_predictions
from thawline.judging.paired import compare, compare_errors
from thawline.judging.wording import in_its_unit, percent
from thawline.reports.tables import ComparisonRow, print_classes, print_comparison
from thawline.targets.scores import judge_scores

CLASSES = ("beach", "christmas", "family")


def printed(show, *given, **console):
    """What `show` prints to something that is no terminal."""
    out = io.StringIO()
    show(*given, Console(file=out, **console))
    return out.getvalue()


@pytest.fixture
def comparison(judged):
    labels, probabilities, groups, head = judged(CLASSES)
    majority = np.zeros_like(labels)
    against = compare(labels, probabilities.argmax(1), majority, groups, name_a="head", name_b="majority class")
    return [
        ComparisonRow("majority class", judge_predictions(labels, majority, groups, CLASSES)),
        ComparisonRow("head", head, against),
    ]


def test_comparison_shows_each_method_with_its_interval_and_test(comparison):
    text = printed(print_comparison, comparison, width=80)
    lines = [line.split() for line in text.splitlines()]
    head = comparison[1]
    assert text.startswith("72 samples in 36 groups")
    accuracy = percent(head.judgement.accuracy).split()
    gain = percent(head.against.difference, sign="+").split()
    assert ["head", *accuracy, f"{head.judgement.log_loss.value:.3f}", *gain, "<", "0.0001"] in lines
    assert ["majority", "class", *percent(comparison[0].judgement.accuracy).split(), "-", "-", "-"] in lines
    assert text.replace("\n", " ").rstrip().endswith(head.against.summary())
    assert max(map(len, text.splitlines())) <= 80


def test_tables_fit_80_columns_and_long_names_are_kept(comparison):
    name = "projection of a model in /a/very/long/path/that/does/not/fit"
    rows = [comparison[0], ComparisonRow(name, comparison[1].judgement, comparison[1].against)]
    lines = printed(print_comparison, rows, width=80).splitlines()
    table = lines[:-1]  # the last line is the sentence, which the terminal wraps
    assert max(map(len, table)) <= 80
    column = "".join(line[:22].strip() for line in table)
    assert name.replace(" ", "") in column.replace(" ", "")
    assert "…" not in "".join(lines)


@pytest.mark.parametrize("unit", [1.0, 450_000.0, 1e-5, 1e-15])
def test_scores_of_any_size_are_shown_whole_with_the_method_that_they_are_of(unit):
    rng = np.random.default_rng(0)
    true, groups = rng.normal(3, 1, 48) * unit, np.arange(48)
    said, mean = true + rng.normal(0, 0.9, 48) * unit, np.full(48, 3 * unit)
    names = ("ridge", "training mean")
    against = compare_errors(abs(said - true), abs(mean - true), groups, name_a=names[0], name_b=names[1])
    rows = [
        ComparisonRow(names[0], judge_scores(true, said, groups), against),
        ComparisonRow(names[1], judge_scores(true, mean, groups, ranking=False)),
    ]
    text = printed(print_comparison, rows, width=80)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in text
    assert [line.split("  ")[0].strip() for line in lines if line.startswith((" ridge ", " training mean "))] == [
        *names
    ]
    shown = in_its_unit("mae", against.difference, sign="+")
    table = "".join(line for line in lines if line.startswith(" ridge "))
    assert (shown if unit == 1 else shown.split()[0]) in table
    assert text.replace("\n", " ").rstrip().endswith(against.summary())


def test_classes_are_shown_with_means_and_notes(judged):
    labels, _, groups, _ = judged(CLASSES)
    judgement = judge_predictions(labels, np.where(labels == 2, 0, labels), groups, CLASSES)
    text = printed(print_classes, judgement, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert ["family", "24", "-", "0.0", "[0,", "24]", "0.0", "[0,", "39]"] in [
        line.split() for line in text.splitlines()
    ]
    assert "class mean" in text
    assert "Class family was never predicted: its precision is undefined." in text


def test_names_are_no_markup(judged):
    names = ("[bold]corporate[/bold]", "[/oops]", "été à Saint-Étienne")
    text = printed(print_classes, judged(names)[3], width=120)
    assert all(name in text for name in names)


def test_a_plain_ascii_file_takes_the_table(comparison, tmp_path):
    path = tmp_path / "table.txt"
    with path.open("w", encoding="ascii") as file:
        print_comparison(comparison, Console(file=file, width=80))
    assert "majority class" in path.read_text(encoding="ascii")


def test_percent():
    estimate = Estimate(0.9254, 0.881, 1.0)
    assert percent(estimate) == "92.5 [88.1, 100.0]"
    assert percent(estimate, digits=0) == "92.5 [88, 100]"
    assert percent(Estimate(0.02, -0.01, 0.05), sign="+") == "+2.0 [-1.0, 5.0]"
    assert percent(None) == "-"
