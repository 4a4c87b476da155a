import io

from rich.console import Console

from thawline.tasks.match.shown import print_examined_pairs

SURE = {"value": 0.75, "low": 0.7, "high": 0.8}
THRESHOLD = {"value": 0.31, "balance": "f1", "attained": 0.75, "held": True}
EXAMINED = {
    "majority": {"answer": "match", "accuracy": SURE},
    "roc_auc": SURE,
    "average_precision": None,
    "zero_shot": None,
    "groups": "components",
    "set_aside": {"holdout": 0},
    "thresholds": {"holdout": THRESHOLD},
    "by_difficulty": {},
    "retrieval": None,
    "learnt": {"train_accuracy": 0.8, "held_out_accuracy": 0.75, "gap": 0.05},
}


def printed(**changes):
    console = Console(file=io.StringIO(), width=200)
    print_examined_pairs({**EXAMINED, **changes}, console)
    return console.file.getvalue().splitlines()


def test_the_threshold_is_said():
    assert printed() == [
        "holdout: a match from probability 0.310 on, fitted for f1 (75.0 % where it was fitted)",
    ]


def test_what_pretrained_clip_ranks_and_what_is_told_of_each_difficulty():
    said = printed(
        zero_shot={"roc_auc": SURE, "average_precision": SURE}, by_difficulty={"hard": {"pairs": 7, "accuracy": SURE}}
    )
    assert "zero-shot: ROC AUC 75.0 [70.0, 80.0], average precision 75.0 [70.0, 80.0]" in said
    assert "difficulty hard: accuracy 75.0 [70.0, 80.0] of 7 pairs" in said


def test_what_weakens_the_result_is_said():
    said = printed(
        groups="images",
        set_aside={"fold0": 0, "fold1": 12},
        thresholds={"fold1": {**THRESHOLD, "balance": "precision", "held": False}},
        learnt={"train_accuracy": 0.95, "held_out_accuracy": 0.75, "gap": 0.2},
    )
    assert any(line.startswith("intervals are over images") for line in said)
    assert "fold1: 12 pairs were not trained on, since their text is held out or chosen by" in said
    assert not any(line.startswith("fold0") for line in said)
    assert any("fitted for precision, which was not reached (75.0 %" in line for line in said)
    assert any(line.startswith("gap: 95.0 % of the pairs on the training side are right, and 75.0 %") for line in said)


def test_retrieval_names_how_many_there_were_to_find_it_among():
    ranks = {"1": SURE, "5": SURE, "10": SURE}
    said = printed(retrieval={"image_to_text": ranks, "text_to_image": ranks, "images": [3, 4], "texts": [9, 8]})
    figures = "first 1: 75.0 [70.0, 80.0], first 5: 75.0 [70.0, 80.0], first 10: 75.0 [70.0, 80.0]"
    assert f"the right text of an image among 3 images and 9 texts, 4 images and 8 texts: {figures}" in said
