"""`thawline plan`: what a command line will take, said before anything runs."""

from functools import partial
from statistics import mean

import pytest

from thawline.commands.forecast.plan import foresee
from thawline.commands.line.composing import compose
from thawline.commands.line.settings import register_settings
from thawline.features.rehearsing.costs import Cost
from thawline.fitting.lightning.history import HISTORY, read_history

BEFORE = Cost(1.0, 1.0)
WORDS = ("method=linear", "encoder=tiny_clip", "trainer=cpu", "logger=csv")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def said_of(sample, *words):
    register_settings()
    many = "-m" in words
    given = [f"data.path='{sample}'", *WORDS, *(word for word in words if word != "-m")]
    return foresee(given, partial(compose, "train"), many=many, before=BEFORE)


def test_the_store_grows_as_planned_and_planning_leaves_nothing(thawline, sample, tuned, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    store = thawline.directory / "none" / "store"
    monkeypatch.setenv("THAWLINE_STORE", str(store))
    forecast = said_of(sample, "thaw=head")
    [part] = forecast.parts
    assert (part.thaw, part.method, part.trials, part.stored) == ("head", "linear", 1, False)
    filled = sum(map(len, contents(tuned[0].parents[2] / "store as it was filled").values()))
    assert forecast.bytes == pytest.approx(filled, rel=0.05)
    assert forecast.samples[0] == forecast.samples[1] > 90
    assert 1.1 < forecast.total.processor < 600
    assert forecast.start.processor < 60
    assert 10**8 < forecast.memory < 10**11
    assert not store.parent.exists()
    assert not (thawline.directory / "outputs").exists()


@pytest.mark.long
def test_what_is_stored_counts_as_stored_and_stays_as_it_is(thawline, sample, tuned, monkeypatch):
    store = tuned[0].parents[2] / "store"
    before = contents(store)
    monkeypatch.setenv("THAWLINE_STORE", str(store))
    monkeypatch.setenv("COLUMNS", "80")
    printed = thawline("plan", sample, "-m", *WORDS, "thaw=head,77", "method.lr=1e-3,1e-2", "method.epochs=3")
    assert contents(store) == before
    assert max(map(len, printed.splitlines())) <= 80
    table = [line.split() for line in printed.splitlines() if line.startswith(("tiny_clip", "package:tiny_clip"))]
    assert [row[1:5] for row in table] == [["head", "linear", "2", "stored"], ["77", "linear", "2", "fails"]]
    assert "thaw=77" in " ".join(printed.splitlines()[len(table) + 2 :])
    assert "0 bytes more" in printed
    assert not (thawline.directory / "outputs").exists()


@pytest.mark.long
def test_a_trial_ends_when_its_own_settings_have_it_end(thawline, sample, tuned, monkeypatch):
    monkeypatch.setenv("THAWLINE_STORE", str(tuned[0].parents[2] / "store"))
    words = ("-m", "thaw=head", "method.lr=1e-5,0.3", "hydra/launcher=basic")
    forecast = said_of(sample, *words)
    [part] = forecast.parts
    expected, soonest = (100 * cost.processor / part.most.processor for cost in (part.fits, part.least))
    thawline("train", sample, *WORDS, *words)
    [sweep] = (thawline.directory / "outputs" / "sweep").iterdir()
    epochs = [len(read_history(sweep / trial / "folds" / "holdout" / HISTORY)) for trial in ("0", "1")]
    assert epochs[0] == 100
    assert epochs[1] < 40
    assert soonest == pytest.approx(11)  # method.patience=10, after the first
    assert 1 / 1.5 < expected / mean(epochs) < 1.5
    assert forecast.least.processor < forecast.total.processor < forecast.most.processor


def test_bad_input_is_refused_as_training_refuses_it(thawline, tmp_path):
    (tmp_path / "empty").mkdir()
    for words in (
        [tmp_path / "absent", *WORDS],
        [tmp_path / "empty", *WORDS, "-m", "method.lr=interval(1e-4,1e-1)"],
    ):
        assert thawline.refused("plan", *words) == thawline.refused("train", *words)


def test_a_run_that_has_begun_is_not_planned(thawline, tuned):
    assert "has begun" in thawline.refused("plan", tuned[0])
