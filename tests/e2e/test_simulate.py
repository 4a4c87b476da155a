"""`thawline preference simulate` from the command line."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

COLOURS = {"red": (200, 60, 60), "green": (60, 200, 60), "blue": (60, 60, 200)}
QUICK = ("encoder=tiny_clip", "seeds=2", "start=6", "batch=6", "answers=12", "c=[0.1]")


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    """Three classes of sixteen small pictures, told apart by their colour."""
    root, rng = tmp_path_factory.mktemp("coloured"), np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (root / name).mkdir()
        for number in range(16):
            noise = rng.integers(-55, 55, (64, 64, 3))
            Image.fromarray((np.array(colour) + noise).astype(np.uint8)).save(root / name / f"{number:02}.png")
    return root


def results(thawline):
    return [json.loads((run / "simulation.json").read_text()) for run in thawline.runs("simulate")]


def test_every_strategy_is_replayed_judged_tested_and_drawn(thawline, coloured, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    words = ("preference", "simulate", coloured, "like=red", "super_like=blue", "wrong=0.1", *QUICK)
    said = thawline(*words)
    thawline(*words)
    first, again = results(thawline)
    assert first["answers"] == {"dislike": 16, "like": 16, "super_like": 16}
    assert first["rounds"] == [6, 12]
    assert first["features"] == {"computed": 48, "read": 0}
    assert again["features"] == {"computed": 0, "read": 48}
    assert list(first["strategies"]) == ["uncertainty", "diversity", "badge", "random"]
    for name, one in first["strategies"].items():
        assert [point["answers"] for point in one["points"]] == first["rounds"]
        assert one["points"][-1]["accuracy"]["value"] > 0.6
        assert ("against_random" in one) == (name != "random")
    ((run, _), untimed) = thawline.runs("simulate"), ("seconds", "features")
    assert {k: v for k, v in first.items() if k not in untimed} == {k: v for k, v in again.items() if k not in untimed}
    with (run / "curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 2 * 2
    points = [float(row["accuracy"]) for row in rows if row["strategy"] == "badge" and row["answers"] == "12"]
    mean = first["strategies"]["badge"]["points"][-1]["accuracy"]["value"]
    assert np.mean(points) == pytest.approx(mean, abs=0.02)  # held-out sides may differ in size by a photo
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((run / "status.json").read_text())["status"] == "finished"
    assert "2 seeds are too few to tell any strategy from random; use seeds=10 or more." in said
    assert f"run    {run}" in said
    assert all(len(line) <= 80 or str(run) in line for line in said.splitlines())


def test_a_file_of_answers_is_replayed_as_it_is(thawline, coloured):
    table = thawline.directory / "feedback.csv"
    answers = {"red": "like", "green": "dislike", "blue": "super_like"}
    photos = sorted(coloured.glob("*/*.png"))
    table.write_text("path,feedback\n" + "".join(f"{path},{answers[path.parent.name]}\n" for path in photos))
    thawline("preference", "simulate", table, *QUICK, "strategies=[badge]")
    (found,) = results(thawline)
    assert found["answers"] == {"dislike": 16, "like": 16, "super_like": 16}
    assert list(found["strategies"]) == ["badge", "random"]
    said = thawline.refused("preference", "simulate", table, "like=red", *QUICK)
    assert f"like= and super_like= name classes of a folder; {table} has the answers itself" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "must be told which classes are liked: like=CLASS super_like=CLASS, of blue, green, red"),
        (("like=[red,green]", "super_like=blue"), "must be told a class that is not liked"),
        (("like=pink",), "like=pink is no class of"),
        (("like=red", "super_like=red"), "super_like=red names a class twice"),
        (("like=red", "wrong=0.7"), "wrong=0.7 must be 0 to 0.5"),
        (("like=red", "seeds=1"), "seeds=1 must be at least 2"),
        (("like=red", "answers=3"), "answers=3 must be at least start=6"),
        (("like=red", "strategies=[best]"), "strategies has 'best', which is not known"),
        (("like=red", "c=[0]"), "c=[0.0] must list numbers above 0"),
        (("like=red", "answers=45"), "answers=45 is more than the"),
        (("like=red", "encoder=mel_cnn"), "encoder=mel_cnn sees no photos"),
    ],
)
def test_what_cannot_be_simulated_is_one_sentence(thawline, coloured, words, sentence):
    quick = [word for word in QUICK if not any(word.split("=")[0] in other for other in words)]
    assert sentence in thawline.refused("preference", "simulate", coloured, *quick, *words)
    assert not (thawline.directory / "outputs" / "simulate").exists() or not thawline.runs("simulate")
