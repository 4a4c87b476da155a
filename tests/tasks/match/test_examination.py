"""What is said of pairs besides accuracy, against sums by hand."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from tests.tasks.match.test_problem import CPU, file, fitting, folder, run_of  # noqa: F401  # fixtures

from thawline.fitting.fit import fit_fold
from thawline.fitting.predict import predict_fold
from thawline.runs.predictions import join_predictions
from thawline.tasks.capabilities import examine
from thawline.tasks.match.fitted import cosines, embed
from thawline.tasks.match.read import read_match
from thawline.tasks.planning import plan_run


@pytest.fixture(scope="module")
def found(run_of, tmp_path_factory):  # noqa: F811
    settings = dataclasses.replace(run_of(epochs=2), cv=2)
    problem = read_match(settings, CPU)
    plan = plan_run(problem, settings)
    judged = [(fold, fit_fold(problem, fold, fitting(settings, tmp_path_factory.mktemp("run")))) for fold in plan]
    said = join_predictions([predict_fold(problem, fold, fit, CPU) for fold, fit in judged])
    return problem, judged, said, examine(problem, judged, said, CPU)


def test_the_majority_is_the_best_single_answer(found):
    _, _, said, examined = found
    share = np.mean(said.labels == said.classes.index(examined["majority"]["answer"]))
    assert examined["majority"]["accuracy"]["value"] == share >= 0.5


def test_pretrained_clip_ranks_the_same_pairs(found):
    problem, judged, said, examined = found
    scores = {}
    for fold, fit in judged:
        cosine = cosines(problem.zero_shot(fit), problem.samples(fold.test))
        scores |= dict(zip((problem.names[i] for i in fold.test), cosine, strict=True))
    expected = roc_auc_score(said.labels, [scores[path] for path in said.paths])
    assert examined["zero_shot"]["roc_auc"]["value"] == pytest.approx(expected)
    assert examined["roc_auc"]["value"] == pytest.approx(roc_auc_score(said.labels, said.probabilities[:, 1]))


def test_difficulties_are_those_of_the_file(found):
    problem, _, said, examined = found
    hard = {name for name, pair in zip(problem.names, problem.pairs, strict=True) if pair.difficulty == "hard"}
    rows = np.array([path in hard for path in said.paths])
    assert set(examined["by_difficulty"]) == {"hard", "random"}
    assert examined["by_difficulty"]["hard"]["pairs"] == len(hard)
    assert examined["by_difficulty"]["hard"]["accuracy"]["value"] == np.mean(said.said[rows] == said.labels[rows])


def test_retrieval_is_among_each_folds_own_images_and_texts(found):
    problem, judged, _, examined = found
    checked, hits, sizes = problem.surveyed.checked, [], []
    for fold, fit in judged:
        tail = problem.tail()
        tail.load_state_dict(fit.state)
        images, texts = embed(tail, problem.samples(fold.test))
        of_image = dict(zip(checked.images[fold.test].tolist(), images, strict=True))
        of_text = dict(zip(checked.texts[fold.test].tolist(), texts, strict=True))
        true = {(int(checked.images[i]), int(checked.texts[i])) for i in fold.test if problem.labels[i]}
        for image, vector in of_image.items():
            if not any(image == one for one, _ in true):
                continue
            best = max(of_text, key=lambda text: torch.dot(vector, of_text[text]).item())
            hits.append((image, best) in true)
        sizes.append((len(of_image), len(of_text)))
    assert examined["retrieval"]["image_to_text"]["1"]["value"] == pytest.approx(np.mean(hits))
    assert list(zip(examined["retrieval"]["images"], examined["retrieval"]["texts"], strict=True)) == sizes
    assert examined["retrieval"]["text_to_image"]["10"]["value"] >= examined["retrieval"]["text_to_image"]["1"]["value"]


def test_the_gap_is_what_the_training_side_is_ahead(found):
    problem, judged, said, examined = found
    learnt = examined["learnt"]
    right = [
        predict_fold(problem, type(fold)(fold.name, fold.train, None, fold.train), fit, CPU) for fold, fit in judged
    ]
    expected = np.mean(np.concatenate([p.said == p.labels for p in right]))
    assert learnt["train_accuracy"] == pytest.approx(expected)
    assert learnt["held_out_accuracy"] == np.mean(said.said == said.labels)
    assert learnt["gap"] == pytest.approx(learnt["train_accuracy"] - learnt["held_out_accuracy"])


def test_predictions_alone_are_examined_without_models(found):
    problem, _, said, _ = found
    alone = examine(problem, [], said, CPU)
    assert alone["roc_auc"]["value"] == pytest.approx(roc_auc_score(said.labels, said.probabilities[:, 1]))
    assert (alone["zero_shot"], alone["retrieval"], alone["learnt"], alone["set_aside"]) == (None, None, None, {})
