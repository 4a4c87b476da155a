"""`thawline ensemble` from the command line, on runs made in no time."""

import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from tests.reports.made import FACTS, make_sweep, predictions

from thawline.cli import main
from thawline.commands.ensembles.ensemble import parse_weights
from thawline.errors import UserError
from thawline.files import write_json
from thawline.reports.gather import gather
from thawline.runs.directory import RunDirectory
from thawline.runs.finished import METRICS_FILE
from thawline.runs.predictions import PREDICTIONS_FILE, Predictions, read_predictions, write_predictions
from thawline.runs.split import SplitRow, read_split_rows, write_split

NAMES = np.array(["beach", "snow", "wedding"])


def said(right, *, order=(0, 1, 2), kept=None, **changes):
    """Predictions in three folds; `order` is that of the classes, `kept` the samples that could be judged."""
    plain = predictions(right, classes=tuple(NAMES), paths=[f"{i:04}.jpg" for i in range(40)], samples=40)
    back = np.argsort(order)
    mixed = Predictions(
        paths=plain.paths,
        groups=plain.groups,
        labels=back[plain.labels],
        folds=tuple(f"fold{group % 3 + 1}" for group in plain.groups),
        probabilities=plain.probabilities[:, list(order)],
        baseline=back[plain.baseline],
        classes=tuple(NAMES[list(order)]),
    )
    mixed = replace(mixed, **changes)
    return mixed if kept is None else mixed.subset(np.array(kept))


def make(
    path, told, *, task="events", method="linear", verb="train", left_out=(), failed=None, splits=None, facts=None
):
    """A run that said `told`; the last two files were only trained on."""
    names = np.array(told.classes)
    rows = [
        SplitRow(name, f"digest {name}", "", str(names[label]), int(group), fold)
        for name, label, group, fold in zip(told.paths, told.labels, told.groups, told.folds, strict=True)
    ]
    rows += [SplitRow(f"trained{i}.jpg", "", "", "beach", 100 + i, "") for i in range(2)]
    config = OmegaConf.create(
        {"task": task, "data": {"path": "/photos"}, "method": {"name": method}, "decision": {"balance": "f1"}}
    )
    try:
        with RunDirectory(path, verb, config) as run:
            write_split(run.file("split.csv"), splits or rows)
            if failed:
                raise RuntimeError(failed)
            write_predictions(run.file(PREDICTIONS_FILE), told)
            write_json(run.file(METRICS_FILE), {**FACTS, "method": method, **(facts or {})})
            write_json(run.file("data_report.json"), {"left_out": [{"name": n, "reason": "cut off"} for n in left_out]})
    except RuntimeError:
        pass
    return path


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run `thawline ensemble` in an empty folder: what it printed, and the run directory if there is one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")

    def run(*words, status=0):
        code = 0
        try:
            main(["ensemble", *map(str, words)])
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        assert code == status, out + err
        if status:
            (line,) = [line for line in (out + err).splitlines() if line.startswith("thawline: ")]
            assert not (tmp_path / "outputs" / "ensemble").exists() or not any(
                (tmp_path / "outputs/ensemble").iterdir()
            )
            return line
        return out, max((tmp_path / "outputs" / "ensemble").iterdir())

    return run


def read(run):
    return read_predictions(run / PREDICTIONS_FILE), json.loads((run / METRICS_FILE).read_text())


def test_samples_are_matched_across_unicode_forms(command, tmp_path):
    runs = []
    for form in ("NFC", "NFD"):
        told = said(30)
        paths = tuple(unicodedata.normalize(form, f"fête {path}") for path in told.paths)
        labels = NAMES[told.labels]
        rows = [
            SplitRow(path, "digest", "", str(label), int(group), fold)
            for path, label, group, fold in zip(paths, labels, told.groups, told.folds, strict=True)
        ]
        runs.append(make(tmp_path / form, replace(told, paths=paths), method=form, splits=rows))
    _, run = command(*runs)
    joined, facts = read(run)
    assert joined.paths == tuple(f"fête {path}" for path in said(30).paths)
    assert facts["judged"]["samples"] == 40


def test_it_leaves_a_run_that_compare_shows(command, tmp_path, capsys):
    a, b = make(tmp_path / "a", said(30)), make(tmp_path / "b", said(36), method="logistic")
    printed, run = command(a, b)
    joined, facts = read(run)
    assert json.loads((run / "status.json").read_text())["status"] == "finished"
    assert OmegaConf.load(run / "config.yaml").runs == [str(a), str(b)]
    assert (facts["method"], facts["baseline"]) == ("ensemble (fitted weights)", "logistic")
    assert joined.paths == said(30).paths
    assert joined.folds == said(30).folds
    assert joined.groups.tolist() == said(30).groups.tolist()
    assert (joined.baseline == said(36).said).all()  # the best member's answers
    assert facts["test"]["name_b"] == "logistic"
    assert facts["judged_baseline"]["accuracy"]["value"] == pytest.approx(36 / 40)
    one, other = facts["components"]
    assert (one["name"], other["name"]) == ("linear", "logistic")
    assert one["judged"]["accuracy"]["value"] == pytest.approx(30 / 40)
    assert one["weight"] + other["weight"] == pytest.approx(1)
    assert other["weight"] > 0.9  # it is right wherever the other is, and more often
    assert set(facts["weights_by_fold"]) == {"fold1", "fold2", "fold3"}
    assert one["temperature"]["fitted_on"] == "out-of-fold"
    assert re.search(r"logistic +0\.9\d\d|logistic +1\.000", printed)
    assert f"run    {run}" in printed.splitlines()
    assert printed.splitlines()[-1].startswith("next   thawline compare ")
    main(["compare", str(tmp_path)])
    assert "ensemble (fitted weights)" in capsys.readouterr().out
    assert {line.entry.photos for line in gather([a, run]).lines} == {Path("/photos")}
    with pytest.raises(SystemExit):
        main(["evaluate", str(run)])
    assert "a run of 'thawline ensemble'" in capsys.readouterr().err


def test_classes_are_matched_by_name_and_weights_by_the_order_of_the_runs(command, tmp_path):
    a = make(tmp_path / "a", said(30))
    b = make(tmp_path / "b", said(40, order=(2, 0, 1)), method="logistic")
    _, run = command(a, b, "weights=20/80")
    joined, facts = read(run)
    assert joined.classes == tuple(NAMES)
    assert facts["method"] == "ensemble (20/80 weights)"
    assert [one["weight"] for one in facts["components"]] == [0.2, 0.8]
    assert facts["weights_by_fold"]["fold2"] == [0.2, 0.8]
    assert facts["judged"]["accuracy"]["value"] == 1.0
    assert facts["judged"]["classes"] == list(NAMES)
    assert (joined.baseline == joined.labels).all()  # the second run, which is always right
    _, run = command(b, a, "weights=[0.8,0.2]")
    again, facts = read(run)
    assert again.classes == ("wedding", "beach", "snow")
    assert again.probabilities[:, [1, 2, 0]] == pytest.approx(joined.probabilities)
    assert facts["method"] == "ensemble (80/20 weights)"


def test_a_class_that_only_one_run_knows_gets_what_that_says(command, tmp_path):
    a = make(tmp_path / "a", said(30))
    wide = said(30)
    more = np.concatenate([wide.probabilities * np.float32(0.8), np.full((40, 1), 0.2, np.float32)], axis=1)
    b = make(tmp_path / "b", replace(wide, probabilities=more, classes=(*NAMES, "storm")), method="logistic")
    _, run = command(a, b, "weights=50/50")
    joined, _ = read(run)
    assert joined.classes == (*NAMES, "storm")
    assert joined.probabilities.sum(axis=1) == pytest.approx(1)
    assert joined.probabilities[:, 3].min() > 0
    assert joined.probabilities[:, 3].max() < 0.25


def test_what_is_missing_is_left_out_and_named(command, tmp_path):
    a = make(tmp_path / "a", said(30))
    b = make(tmp_path / "b", said(20, kept=range(2, 40)), method="logistic", left_out=["0000.jpg", "0001.jpg"])
    c = make(tmp_path / "c", said(40), method="trees", failed="the loss became nan")
    printed, run = command(a, b, c, "weights=60/20/20")
    joined, facts = read(run)
    assert facts["method"] == "ensemble (60/20/20 weights, without trees, without logistic for 2 of 40 samples)"
    assert facts["left_out"] == [
        {"name": "trees", "run": str(c), "reason": "failed: RuntimeError: the loss became nan"}
    ]
    assert f"left out: {c} (failed: RuntimeError: the loss became nan)" in printed
    assert [one["weight"] for one in facts["components"]] == pytest.approx([0.75, 0.25])
    assert facts["components"][1]["judged"]["samples"] == 38
    assert len(joined.paths) == 40
    assert joined.probabilities.sum(axis=1) == pytest.approx(1)
    assert len(read_split_rows(run / "split.csv")) == 40


def test_runs_of_one_method_get_names_of_their_own(command, tmp_path):
    runs = [make(tmp_path / name, said(30)) for name in ("a", "b")]
    _, run = command(*runs, make(tmp_path / "c", said(35), method="logistic"))
    _, facts = read(run)
    assert [one["name"] for one in facts["components"]] == ["linear tiny_clip a", "linear tiny_clip b", "logistic"]


def test_one_held_out_fold_takes_given_weights_only(command, tmp_path):
    told = [said(right, folds=("holdout",) * 40) for right in (30, 36)]
    # The second is right more often, and so sure where it is wrong that its log-loss is higher.
    told[1] = replace(told[1], probabilities=np.where(told[1].probabilities > 0.5, 0.99998, 1e-5).astype(np.float32))
    a, b = (make(tmp_path / name, one) for name, one in zip("ab", told, strict=True))
    assert "the runs judged one fold" in command(a, b, status=2)
    _, run = command(a, b, "weights=50/50")
    _, facts = read(run)
    assert [one["temperature"]["value"] for one in facts["components"]] == [1.0, 1.0]
    losses = [one["judged"]["log_loss"]["value"] for one in facts["components"]]
    assert losses[0] < losses[1]
    assert facts["baseline"] == "linear tiny_clip b"


def test_a_threshold_that_decides_one_fold_is_that_of_the_members(command, tmp_path):
    """Of all the weight it is the member's own, and its answers those of the member."""
    two = predictions(30, classes=("mismatch", "match"), paths=[f"{i:04}.jpg (row {i})" for i in range(40)])
    two = replace(two, probabilities=np.linspace((1, 0), (0, 1), 40, dtype=np.float32))
    runs = []
    for name, edge in (("a", 0.8), ("b", 0.4)):
        threshold = {"value": edge, "balance": "f1", "attained": 0.7, "held": True}
        facts = {"kind": "pairs", "examined": {"thresholds": {"holdout": threshold}}}
        decided = (two.probabilities[:, 1] >= edge).astype(np.int64)
        rows = [SplitRow(path, "", "", "mismatch", int(i // 2), "holdout") for i, path in enumerate(two.paths)]
        rows = [replace(row, label=two.classes[label]) for row, label in zip(rows, two.labels, strict=True)]
        told = replace(two, decided=decided)
        runs.append(make(tmp_path / name, told, task="match", method=name, splits=rows, facts=facts))
    _, run = command(*runs, "weights=100/0")
    joined, facts = read(run)
    assert (joined.said == read_predictions(runs[0] / PREDICTIONS_FILE).said).all()
    assert facts["threshold"]["value"] == facts["examined"]["thresholds"]["holdout"]["value"] == 0.8
    assert not (joined.said == joined.probabilities.argmax(axis=1)).all()
    printed, run = command(*runs, "weights=50/50", "name=half")
    assert read(run)[1]["threshold"]["value"] == pytest.approx(0.6)
    assert "holdout: a match from probability 0.600 on, fitted for f1 (70.0 % where it was fitted)" in printed


def other_fold(told):
    return replace(told, folds=("fold2", *told.folds[1:]))


@pytest.mark.parametrize(
    ("second", "words", "sentence"),
    [
        ({"told": other_fold(said(30))}, (), "do not share a split (0000.jpg is judged by fold1 in one and"),
        ({"told": said(30, kept=range(39))}, (), "b lacks 1 samples, such as 0039.jpg of the run"),
        ({"told": said(30, paths=tuple(f"x{i}" for i in range(40)))}, (), "a lacks 40 samples, such as x0 of the run"),
        ({"told": said(30), "verb": "evaluate"}, (), "b is a run of 'thawline evaluate', which fits nothing"),
        ({"told": said(30), "failed": "nan"}, (), "needs at least two finished runs, and"),
        ({"told": said(30)}, ("weights=60/20/20",), "weights=60/20/20 gives 3 shares to 2 runs; give one to each"),
        ({"told": said(30)}, ("weights=60/50",), "weights=60/50 must be shares of 0 or more that sum to 100"),
        ({"told": said(30)}, ("weights=best",), "weights=best is not known; use fitted, 60/20/20 (percent) or"),
        ({"told": said(30, paths=("0001.jpg", *said(30).paths[1:]))}, (), "b judged samples by several seeds"),
    ],
)
def test_what_can_not_be_joined_is_one_sentence(command, tmp_path, second, words, sentence):
    make(tmp_path / "a", said(30))
    make(tmp_path / "b", **second)
    assert sentence in command("a", "b", *words, status=2)


def test_the_same_run_twice_and_no_run_at_all_are_refused(command, tmp_path):
    make(tmp_path / "a", said(30))
    assert "is named twice" in command("a", "./a", status=2)
    assert "there is no run directory" in command("a", "nowhere", status=2)


def test_a_sweep_enters_with_what_it_chose_and_a_damaged_run_is_named(command, tmp_path):
    sweep = make_sweep(tmp_path / "sweep", {"lr=0.1": 30, "lr=0.2": 38})
    chosen = read_predictions(sweep / PREDICTIONS_FILE)
    other = make(tmp_path / "a", chosen, method="logistic")
    assert "sweep is damaged (FileNotFoundError" in command(sweep, other, "weights=50/50", status=2)
    split = (other / "split.csv").read_text()
    (sweep / "1" / "split.csv").write_text(split.replace("holdout", "fold1"))
    assert "judged samples by several seeds" in command(sweep, other, "weights=50/50", status=2)
    (sweep / "1" / "split.csv").write_text(split)
    _, run = command(sweep, other, "weights=50/50")
    joined, facts = read(run)
    assert joined.probabilities == pytest.approx(chosen.probabilities)
    assert [one["name"] for one in facts["components"]] == ["linear", "logistic"]


def test_a_run_that_is_silent_on_a_class_it_does_not_know_is_refused(command, tmp_path):
    """Only samples of the classes it knows have its answer: that it answers would tell the class."""
    whole = said(30)
    known = np.flatnonzero(whole.labels < 2)
    two = whole.subset(known)
    two = replace(two, probabilities=two.probabilities[:, :2], classes=tuple(NAMES[:2]), baseline=two.labels)
    gone = [path for i, path in enumerate(whole.paths) if i not in known]
    make(tmp_path / "a", whole)
    make(tmp_path / "b", two, left_out=gone)
    assert "b does not know the class 'wedding', of which there are samples" in command("a", "b", status=2)


def test_weights_are_read_as_they_are_written():
    assert parse_weights("fitted", 3) is None
    assert parse_weights("60/20/10/10", 4) == pytest.approx([0.6, 0.2, 0.1, 0.1])
    assert parse_weights([0.5, 0.3, 0.2], 3) == pytest.approx([0.5, 0.3, 0.2])
    for wrong in ([0.5, 0.2], [1.5, -0.5], ["x", 1], "120/-20", "nan/100"):
        with pytest.raises(UserError):
            parse_weights(wrong, 2)
