"""What the page shows of two classes, of pairs above all: curves, what was decided, difficulties and texts."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.reports.made import make_run, predictions
from tests.reports.test_texts import NAMES, TEXTS, run  # noqa: F401  # a fixture

from thawline.reports.gather import gather
from thawline.reports.page.document import draw_page
from thawline.reports.page.examined import draw_examined
from thawline.reports.page.ranking import draw_ranking
from thawline.reports.page.svg import HEIGHT, LEFT, RIGHT, TOP, WIDTH, number_axis

SHARE = {"value": 0.5, "low": 0.25, "high": 0.75}
EXAMINED = {
    "zero_shot": {"roc_auc": {"value": 0.6, "low": 0.4, "high": 0.8}, "average_precision": None},
    "thresholds": {"holdout": {"value": 0.3125, "balance": "f1", "attained": 0.75, "held": True}},
    "by_difficulty": {"hard": {"pairs": 1000, "accuracy": SHARE}, "easy <b>": {"pairs": 2, "accuracy": None}},
    "retrieval": {
        "image_to_text": {"1": SHARE, "5": SHARE},
        "text_to_image": {"1": None, "5": SHARE},
        "images": [7],
        "texts": [9],
    },
    "learnt": None,
}


def decided(right, decides):
    """Predictions whose answer is a threshold's, not the most probable class."""
    said = predictions(right)
    return replace(said, decided=np.where(said.probabilities[:, 1] >= decides, 1, 0))


def rows(table):
    return [re.findall("<td.*?>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", table)[1:]]


def plain(cell):
    return re.sub("<.*?>", "", cell)


def test_both_curves_have_the_dot_of_what_each_run_decided(tmp_path):
    # Of 40 samples 30 are called by their class with 0.75; from 0.8 on the other run says the second class never.
    make_run(tmp_path / "a", decided(30, 0.5))
    make_run(tmp_path / "b", decided(30, 0.8), lr=0.2)
    [board] = gather([tmp_path / "a", tmp_path / "b"]).boards
    roc, precision = re.findall("<figure.*?</figure>", draw_ranking(board))
    assert "a: 75.0 % found, 25.0 % of the others too" in roc
    assert "b: 0.0 % found, 0.0 % of the others too" in roc
    assert "a: precision 75.0 %, recall 75.0 %" in precision
    assert "b: precision" not in precision
    places = re.findall('<circle cx="(.*?)" cy="(.*?)" r="4"/>', roc)
    axis = number_axis("", [0.0, 100.0])
    across = LEFT + axis.at(25.0) * (WIDTH - LEFT - RIGHT)
    assert (f"{across:.1f}") in [x for x, _ in places]
    assert all(TOP <= float(y) <= HEIGHT for _, y in places)
    assert len(places) == 2
    # Two curves and chance.
    assert roc.count('class="line"') == precision.count('class="line"') == 3
    assert "probability of <strong><bdi>wedding</bdi></strong>" in draw_ranking(board)


def test_more_classes_have_no_such_curves(tmp_path):
    make_run(tmp_path / "a", predictions(30, classes=("a", "b", "c")))
    [board] = gather([tmp_path / "a"]).boards
    assert draw_ranking(board) is None


def test_the_page_says_thresholds_difficulties_retrieval_and_zero_shots_ranking(tmp_path):
    page = draw_page(gather([make_run(tmp_path / "a", predictions(30), facts={"examined": EXAMINED})]))
    thresholds, difficulties, retrieval = (
        re.search(f'aria-label="{about}">(.*?)</div>', page)[1]
        for about in ("Thresholds", "Accuracy by difficulty", "Retrieval")
    )
    assert [list(map(plain, row)) for row in rows(thresholds)] == [["holdout", "0.312", "f1", "75.0 %"]]
    assert [list(map(plain, row)) for row in rows(difficulties)] == [
        ["hard", "1,000", "50.0 [25.0, 75.0]"],
        ["easy &lt;b&gt;", "2", "-"],
    ]
    assert [list(map(plain, row)) for row in rows(retrieval)] == [
        ["the right text of an image", "50.0 [25.0, 75.0]", "50.0 [25.0, 75.0]"],
        ["the right image of a text", "-", "50.0 [25.0, 75.0]"],
    ]
    assert "Among 7 images and 9 texts." in page
    assert "<li>ROC AUC: 60.0 % <span" in page


def test_on_common_samples_nothing_is_said_of_others(tmp_path):
    make_run(tmp_path / "all", predictions(30), facts={"examined": EXAMINED})
    some = predictions(30).subset(np.arange(20))
    make_run(tmp_path / "some", some, facts={"examined": EXAMINED})
    [board] = gather([tmp_path / "all", tmp_path / "some"]).boards
    kept = {line.entry.name: set(line.entry.examined) for line in board.lines}
    assert kept == {"all": {"thresholds"}, "some": set(EXAMINED)}


def test_of_several_labels_each_class_has_its_threshold():
    thresholds = {"fold0": {"drums": 0.25, "piano": 0.5}, "fold1": {"drums": 1, "piano": 0}}
    [_, table] = draw_examined({"thresholds": thresholds})
    assert [list(map(plain, row)) for row in rows(table)] == [["drums", "0.25", "1.00"], ["piano", "0.50", "0.00"]]
    assert draw_examined({}) == []


@pytest.mark.usefixtures("run")
def test_mistakes_have_their_texts_beside_their_names(tmp_path):
    page = draw_page(gather([tmp_path / "run"]))
    items = re.findall("<li>(<strong>.*?)</li>", page)
    assert [plain(item) for item in items[:2]] == [
        f"mismatch, called match with 75 %: {NAMES[0]}a red &lt;b&gt;chair&lt;/b&gt;",
        f"match, called mismatch with 75 %: {NAMES[1]}{TEXTS[1]}",
    ]
    assert f"<q><bdi>{'x' * 299}…</bdi></q>" in items[2]
    assert "It holds the texts of the worst mistakes, and no others." in page


@pytest.mark.usefixtures("run")
def test_mistakes_among_pairs_have_their_pictures_where_they_are_asked_for(tmp_path):
    (tmp_path / "pairs" / "2.png").unlink()
    comparison = gather([tmp_path / "run"])
    assert "<img" not in draw_page(comparison)
    page = draw_page(comparison, thumbnails=True)
    shown = re.findall('<img src="data:image/jpeg;base64,([^"]*)" alt="photo ([^"]*)">', page)
    assert [name for _, name in shown] == [NAMES[0], NAMES[1], NAMES[3]]
    # Each is the image of its own row: the red of its pixels tells.
    reds = [Image.open(io.BytesIO(base64.b64decode(url))).getpixel((4, 4))[0] for url, _ in shown]
    assert reds == pytest.approx([0, 40, 120], abs=8)


def test_in_the_confusion_matrix_true_classes_are_rows(tmp_path):
    said = predictions(40)
    # Of 20 of each class five of the first are called by the second's name, and one the other way round.
    wrong = np.isin(np.arange(40), [0, 2, 4, 6, 8, 1])
    said = replace(said, decided=np.where(wrong, 1 - said.labels, said.labels))
    page = draw_page(gather([make_run(tmp_path / "a", said)]))
    body = re.search(r'<table class="confusion">.*?<tbody>(.*?)</tbody>', page)[1]
    found = [re.findall("<t[hd].*?>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", body)]
    assert [list(map(plain, row)) for row in found] == [["beach", "15", "5"], ["wedding", "1", "19"]]
    assert "true ↓ said →" in page
