"""The texts of what a run judged come from its own file, and only as they were."""

import pytest
from PIL import Image
from tests.reports.made import FACTS, predictions

from thawline.commands.line.composing import compose, of_run
from thawline.commands.line.settings import register_settings
from thawline.data.pairs.names import text_digest
from thawline.files import write_json
from thawline.reports.gather import pairs_of
from thawline.runs.directory import RunDirectory
from thawline.runs.finished import METRICS_FILE
from thawline.runs.predictions import PREDICTIONS_FILE, write_predictions
from thawline.runs.split import SplitRow, write_split

TEXTS = ["a red <b>chair</b>", "ein Stuhl, été", "x" * 400, "a table"]
NAMES = [f"{i}.png (row {i + 2})" for i in range(4)]


def write_pairs(path, texts=TEXTS):
    path.parent.mkdir(exist_ok=True)
    rows = [f'{i}.png,"{text}",{i % 2}' for i, text in enumerate(texts)]
    path.write_text("\n".join(["image_path,text,label", *rows]), encoding="utf-8")
    for i in range(len(texts)):
        Image.new("RGB", (8, 8), (40 * i, 0, 0)).save(path.parent / f"{i}.png")
    return path


def texts_of(run):
    return {name: pair.text for name, pair in pairs_of(run).items()}


def config(verb, *words):
    register_settings()
    whole = compose(verb, [*words, "paths.run=unused"])
    del whole.hydra
    return of_run(whole) if verb == "train" else whole


@pytest.fixture
def run(tmp_path):
    """A finished run on four pairs, of which none was called right."""
    table = write_pairs(tmp_path / "pairs" / "pairs.csv")
    settings = config("train", f"data.path='{table}'", "task=match", "encoder=tiny_clip")
    with RunDirectory(tmp_path / "run", "train", settings) as run:
        said = predictions(0, samples=4, classes=("mismatch", "match"), paths=NAMES)
        write_predictions(run.file(PREDICTIONS_FILE), said)
        write_json(run.file(METRICS_FILE), FACTS)
        rows = [
            SplitRow(name, "0", "", "match", i, "holdout", text_digest(text))
            for i, (name, text) in enumerate(zip(NAMES, TEXTS, strict=True))
        ]
        write_split(run.file("split.csv"), rows)
    return tmp_path / "run"


def test_each_sample_has_its_text_while_it_is_the_one_that_was_judged(run, tmp_path):
    assert texts_of(run) == dict(zip(NAMES, TEXTS, strict=True))
    assert pairs_of(run)[NAMES[0]].path == tmp_path / "pairs" / "0.png"
    write_pairs(tmp_path / "pairs" / "pairs.csv", ["A RED <b>chair</b>!", "another", *TEXTS[2:]])
    # Case and punctuation set aside, the first is the same text.
    assert list(texts_of(run)) == [NAMES[0], *NAMES[2:]]


def test_a_run_judged_again_has_the_texts_of_the_file_that_it_judged(run, tmp_path):
    for number, (words, texts) in enumerate([((), TEXTS), ((f"data.path='{tmp_path}/more/other.csv'",), ["a", "b"])]):
        write_pairs(tmp_path / "more" / "other.csv", ["a", "b"])
        with RunDirectory(tmp_path / f"again{number}", "evaluate", config("evaluate", f"run='{run}'", *words)) as again:
            pass
        assert list(texts_of(again.path).values()) == texts


def test_without_its_file_or_without_pairs_there_are_none(run, tmp_path):
    (tmp_path / "pairs" / "pairs.csv").unlink()
    assert texts_of(run) == {}
    with RunDirectory(tmp_path / "photos", "train", config("train", "data.path=x", "encoder=tiny_clip")) as photos:
        pass
    assert texts_of(photos.path) == {}
