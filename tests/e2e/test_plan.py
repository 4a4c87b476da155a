"""`thawline plan`: what a command line will take, said before anything runs."""

from functools import partial

import pytest

from thawline.commands.forecast.plan import foresee
from thawline.commands.line.composing import compose
from thawline.commands.line.settings import register_settings
from thawline.features.rehearsing.costs import Cost

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


def test_bad_input_is_refused_as_training_refuses_it(thawline, tmp_path):
    (tmp_path / "empty").mkdir()
    for words in (
        [tmp_path / "absent", *WORDS],
        [tmp_path / "empty", *WORDS, "-m", "method.lr=interval(1e-4,1e-1)"],
    ):
        assert thawline.refused("plan", *words) == thawline.refused("train", *words)


def test_a_run_that_has_begun_is_not_planned(thawline, tuned):
    assert "has begun" in thawline.refused("plan", tuned[0])
