"""The Python way does what the command line does, and says what is wrong by exceptions."""

import logging

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

import thawline as package
from thawline.api import _value

FAST = {"encoder": "tiny_clip", "method": "logistic", "trainer": "cpu", "logger": "csv"}


@pytest.fixture
def run(thawline, sample):
    return package.train(sample, "method.c=[0.1,1]", cv=2, name="by Python", **FAST)


def test_a_run_is_that_of_the_command_line(thawline, run, sample):
    thawline("train", sample, "method.c=[0.1,1]", "cv=2", *(f"{key}={value}" for key, value in FAST.items()))
    other = package.Run(next(path for path in thawline.runs() if path != run.path))
    assert run.path.name.startswith("by Python_")
    assert run.metrics["judged"] == other.metrics["judged"]
    assert run.predictions.equals(other.predictions)
    assert list(run.predictions.columns[:4]) == ["path", "group", "label", "prediction"]
    assert run.settings["method"]["c"] == [0.1, 1]
    assert set(run.figures) == {"confusion", "recall", "reliability"}
    assert run.figures["recall"]._repr_png_() == (run.path / "recall.png").read_bytes()
    assert run.path.name in run._repr_html_()
    with pytest.raises(package.UserError, match="is a single run, not a sweep"):
        package.Sweep(run.path)
    with pytest.raises(package.UserError, match="no picture 'recal'; it has confusion, recall, reliability"):
        run.figures["recal"]
    for picture in run.path.glob("*.png"):
        picture.unlink()
    with pytest.raises(package.UserError, match=r"no picture 'recall'; it has none, .*; train with logger=csv"):
        run.figures["recall"]


def test_the_loggers_of_whoever_trains_are_as_they_were(sample, tmp_path):
    root, mine = logging.getLogger(), logging.getLogger("mine")
    handler = logging.FileHandler(tmp_path / "mine.log", mode="w")
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        mine.info("before")
        package.train(sample, **FAST)
        mine.info("after")
        assert handler in root.handlers
        assert root.level == logging.INFO
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
    assert (tmp_path / "mine.log").read_text() == "before\nafter\n"


def test_its_model_says_of_files_what_the_bundle_says(thawline, sample, tmp_path):
    run = package.train(sample, **FAST)
    files = sorted((sample / "wedding").glob("*.jpg"))[:3]
    said = run.predict(*files)
    bundle = package.load(run.path / "bundle")
    assert said["label"].tolist() == [answer.label for answer in bundle.predict(files)]
    with pytest.raises(package.UserError, match="takes no out"):
        run.predict(*files, out="said.csv")
    assert run.export(tmp_path / "model") == tmp_path / "model"
    assert (tmp_path / "model" / "manifest.json").is_file()
    again = package.evaluate(run)
    assert again.metrics["verb"] == "evaluate"
    assert again.metrics["judged"]["accuracy"] == run.metrics["judged"]["accuracy"]


def test_a_sweep_has_a_leaderboard_and_a_winner(thawline, sample):
    sweep = package.sweep(sample, "method.c=[0.1],[1]", **FAST | {"logger": "none"})
    assert isinstance(sweep, package.Sweep)
    board = sweep.leaderboard
    assert len(board) == 2
    assert board["rank"].tolist() == [1, 2]
    assert sweep.winner.path.parent == sweep.path
    assert sweep.winner.settings["method"]["c"] in ([0.1], [1])


def test_runs_are_joined(thawline, run, sample):
    other = package.train(sample, cv=2, **FAST | {"method": "zero_shot"})
    joined = package.ensemble(run, other.path, weights=[0.75, 0.25])
    assert isinstance(joined, package.Run)
    assert joined.path.parent == thawline.directory / "outputs" / "ensemble"
    assert [one["weight"] for one in joined.metrics["components"]] == [0.75, 0.25]
    assert joined.predictions["path"].tolist() == run.predictions["path"].tolist()
    with pytest.raises(package.UserError, match="at least two finished runs"):
        package.ensemble(run)


def test_a_sample_is_what_train_takes(thawline):
    table = package.sample("pairs", "Products", products=8)
    assert table == thawline.directory / "Products" / "pairs.csv"
    assert table.read_text(encoding="utf-8").startswith("image_path,text,label")
    before = table.stat().st_mtime_ns
    assert package.sample("pairs", "Products", products=8) == table
    assert table.stat().st_mtime_ns == before
    with pytest.raises(package.UserError, match="Products"):
        package.sample("pairs", "Products", products=9)


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        (["--cfg"], {}, "'--cfg' is an option of the command line"),
        (["-m"], {}, "a sweep is thawline.sweep"),
        ([], {"cv": object()}, "a setting can't be <object"),
        ([], {"cv": b"5"}, "a setting can't be b'5'"),
        ([], {"kv": 3}, "there is no setting 'kv'"),
        (["cv"], {}, "can't use 'cv'"),
        ([], {"seed": "0,1"}, "seed"),
    ],
)
def test_wrong_use_is_one_sentence(thawline, sample, words, settings, said):
    with pytest.raises(package.UserError, match=said) as raised:
        package.train(sample, *words, **settings)
    assert "\n" not in str(raised.value)
    assert not (thawline.directory / "outputs").exists()


def test_a_directory_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(package.UserError, match="is not a run directory"):
        package.Run(tmp_path)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="$"), max_size=20)
)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=6))
def test_hydra_reads_each_value_as_it_was_given(value):
    (override,) = OverridesParser.create().parse_overrides([f"key={_value(value)}"])
    assert _plain(override.value()) == value


@pytest.mark.parametrize(
    ("value", "word"), [(np.float64(0.1), "0.1"), (np.float32(0.5), "0.5"), (np.int64(3), "3"), ([np.int32(1)], "[1]")]
)
def test_numbers_of_numpy_are_numbers(value, word):
    assert _value(value) == word


def _plain(value):
    return [_plain(one) for one in value] if isinstance(value, list) else getattr(value, "text", value)
