import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from thawline.errors import UserError
from thawline.judging.calibration import measure_calibration
from thawline.judging.metrics import judge_predictions
from thawline.reports.pictures import draw_confusion, draw_recall, draw_reliability, draw_training, shorten

AWKWARD = ("$x_1$", "50% $off", "mehndi_night", r"\frac{a}{b}", "Été à Saint-Étienne-du-Rouvray et environs", "誕生日")


def pixels(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("classes", [2, 20, 50, 130])
def test_pictures_of_few_and_many_classes(judged, tmp_path, classes):
    judgement = judged([f"class {i}" for i in range(classes)])[3]
    draw_confusion(judgement, tmp_path / "confusion.png")
    draw_recall(judgement, tmp_path / "recall.png")
    for name in ("confusion", "recall"):
        image = pixels(tmp_path / f"{name}.png")
        assert image.std() > 10  # something is drawn
        assert max(image.shape) < 6000
        edges = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert (edges == 255).all()  # nothing is cut off


def test_awkward_names_are_drawn_without_formulas_or_warnings(judged, tmp_path):
    judgement = judged(AWKWARD)[3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_confusion(judgement, tmp_path / "confusion.png")
        draw_recall(judgement, tmp_path / "recall.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["confusion.png", "recall.png"]


def test_the_same_numbers_give_the_same_bytes(judged, tmp_path):
    judgement = judged(("a", "b", "c"))[3]
    for draw, given in (
        (draw_confusion, judgement),
        (draw_recall, judgement),
        (draw_reliability, judgement.calibration),
    ):
        draw(given, tmp_path / "one.png")
        draw(given, tmp_path / "two.png")
        assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
        assert b"matplotlib" not in (tmp_path / "one.png").read_bytes()


def test_the_shading_is_the_share_of_the_true_class(tmp_path):
    labels = np.repeat([0, 1], 50)
    right = judge_predictions(labels, labels, range(100), ("a", "b"))
    wrong = judge_predictions(labels, 1 - labels, range(100), ("a", "b"))
    images = []
    for name, judgement in (("right", right), ("wrong", wrong)):
        draw_confusion(judgement, tmp_path / f"{name}.png")
        images.append(pixels(tmp_path / f"{name}.png").astype(int))
    # Dark blue cells change places between the two pictures.
    dark = [(image[..., 2] > image[..., 0] + 60) & (image[..., 0] < 30) for image in images]
    assert dark[0].sum() > 5000
    assert (dark[0] & dark[1])[:, : dark[0].shape[1] * 3 // 4].sum() < 0.02 * dark[0].sum()


def test_a_class_without_samples_is_drawn(tmp_path):
    judgement = judge_predictions([0, 1, 1], [0, 2, 1], [0, 1, 2], ("a", "b", "c"))
    draw_confusion(judgement, tmp_path / "confusion.png")
    draw_recall(judgement, tmp_path / "recall.png")
    assert len(list(tmp_path.iterdir())) == 2


def test_reliability_with_one_bin(judged, tmp_path):
    labels, _, groups, _ = judged(("a", "b"))
    certain = np.eye(2)[labels]
    draw_reliability(measure_calibration(labels, certain, groups, said=labels), tmp_path / "reliability.png")
    assert pixels(tmp_path / "reliability.png").std() > 10


def test_training_curves_of_a_history(tmp_path):
    history = tmp_path / "history.csv"
    history.write_text("epoch,train_loss,inner_loss,inner_accuracy\n0,1.5,1.4,0.5\n1,1.0,1.2,0.6\n2,0.8,,\n")
    draw_training(history, tmp_path / "training.png")
    image = pixels(tmp_path / "training.png")
    assert image.shape[1] > 2 * image.shape[0]  # two panels
    for colour in ((0x2A, 0x6F, 0x97), (0xE0, 0x7A, 0x1F)):
        assert (image == colour).all(axis=2).sum() > 100


@pytest.mark.parametrize("text", ["", "epoch,train_loss\n", "epoch,train_loss\n0,\n"])
def test_a_history_without_curves_is_refused(tmp_path, text):
    history = tmp_path / "history.csv"
    history.write_text(text)
    with pytest.raises(UserError, match="no curves to draw"):
        draw_training(history, tmp_path / "training.png")
    assert list(tmp_path.iterdir()) == [history]


def test_shorten_keeps_both_ends():
    assert shorten("beach") == "beach"
    assert shorten("x" * 26) == "x" * 26
    assert shorten("Été à Saint-Étienne-du-Rouvray et environs") == "Été à Saint-É… et environs"
    assert len(shorten("a" * 500)) == 26


def test_importing_pictures_leaves_matplotlib_for_later():
    code = "import sys, thawline.reports.pictures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
