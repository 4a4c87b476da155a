"""The sample of a taste: the same seed gives the same bytes, and its answers are the truth but for a tenth."""

import csv
import hashlib
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from transformers import CLIPImageProcessor, CLIPModel

from thawline.errors import UserError
from thawline.judging.intervals import proportion
from thawline.samples.preference import TASTES, make_preference
from thawline.samples.weights import tiny_clip_directory
from thawline.tasks.preference.settings import FeedbackSettings
from thawline.tasks.preference.table import read_feedback


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_preference(tmp_path_factory.mktemp("samples") / "Taste (2024)", items=40, seed=1)


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def digests(root):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


def test_its_answers_are_the_truth_but_for_some(made):
    truth, answers = rows(made.truth), rows(made.file)
    assert len(truth) == made.items == 40
    assert len(answers) == made.answered == 20
    wrong = [name for name, row in answers.items() if row["feedback"] != truth[name]["feedback"]]
    assert 0 <= len(wrong) <= 6
    assert Counter(row["taste"] for row in truth.values()) == Counter(
        {"the sea": 8, "the night": 8, "noise": 8, "none": 16}
    )
    for row in truth.values():
        said = {answer for answer, taste in TASTES.values() if taste == row["taste"]}
        assert row["feedback"] in (said if said != {""} else {"like", "dislike"})


def test_two_tastes_can_be_learnt_and_the_noise_cannot(made):
    truth = list(rows(made.truth).values())
    photos = [ImageOps.exif_transpose(Image.open(made.root / row["path"])).convert("RGB") for row in truth]
    pixels = CLIPImageProcessor.from_pretrained(tiny_clip_directory())(images=photos, return_tensors="pt")
    with torch.inference_mode():
        model = CLIPModel.from_pretrained(tiny_clip_directory()).eval()
        features = model.get_image_features(**pixels).pooler_output.numpy()
    liked = np.array([row["feedback"] != "dislike" for row in truth])
    taste = np.array([row["taste"] for row in truth])

    def out_of_fold(chosen):
        folds = StratifiedKFold(4, shuffle=True, random_state=0)
        said = cross_val_predict(
            LogisticRegression(), features[chosen], liked[chosen], cv=folds, method="predict_proba"
        )
        return said[:, 1]

    for learnt in ("the sea", "the night"):
        chosen = (taste == learnt) | (taste == "none")
        assert roc_auc_score(liked[chosen], out_of_fold(chosen)) > 0.9
    noise = taste == "noise"
    assert Counter(liked[noise]) == {True: 4, False: 4}
    assert proportion((out_of_fold(noise) > 0.5) == liked[noise], np.arange(8)).low < 0.5


def test_every_answer_can_be_used_and_no_name_tells(made):
    feedback = read_feedback(FeedbackSettings(path=str(made.file)))
    assert len(feedback.answered) == 20
    assert not feedback.listing.left_out
    names = " ".join(path.name for path in (made.root / "items").iterdir())
    assert not any(occasion in names for occasion in TASTES)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(made, tmp_path):
    assert digests(make_preference(tmp_path / "again", items=40, seed=1).root) == digests(made.root)
    other = digests(make_preference(tmp_path / "other", items=20, seed=2).root)
    assert not set(other.values()) & set(digests(made.root).values())


def test_a_second_call_finds_it(made):
    assert not made.already_there
    assert make_preference(made.root, items=40, seed=1).already_there


@pytest.mark.parametrize("items", [19, 1001])
def test_too_few_or_too_many_items_are_refused(tmp_path, items):
    with pytest.raises(UserError, match="20 to 1000 items"):
        make_preference(tmp_path / "x", items=items)
