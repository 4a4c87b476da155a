"""Golden cases of photos: a class alone, which may be one of several."""

from types import SimpleNamespace

import pytest

from thawline.errors import UserError
from thawline.tasks.photos.bundle.golden import judge_photos, read_cases
from thawline.tasks.photos.bundle.photos import Prediction


def test_photos_have_a_class_alone(tmp_path):
    path = tmp_path / "golden.yaml"
    path.write_text("[{file: a.jpg, expected: snow}]")
    [case] = read_cases(path)
    assert (case.file, case.label, case.expected) == (tmp_path / "a.jpg", "snow", "snow")
    for key, value in (("instruments", "[violin]"), ("themes", "[love]"), ("genre", "rock")):
        path.write_text(f"[{{file: a.jpg, expected: snow, {key}: {value}}}]")
        with pytest.raises(UserError, match=f"has the key '{key}', which is not known; it may have file, expected$"):
            read_cases(path)
    path.write_text("[{file: a.jpg, expected: [snow]}]")
    with pytest.raises(UserError, match=r"case 1 of .* must have one name as its expected$"):
        read_cases(path)
    path.write_text("[{file: a.jpg}]")
    with pytest.raises(UserError, match=r"expects nothing of a\.jpg; add expected, say"):
        read_cases(path)


def test_of_several_labels_the_expected_one_must_be_among_those_that_reach_their_thresholds(tmp_path):
    path = tmp_path / "golden.yaml"
    path.write_text("[{file: a.jpg, expected: sea}, {file: b.jpg, expected: dog}, {file: c.jpg, expected: dog}]")
    chances = {"dog": 0.6, "sea": 0.5}
    said = [
        Prediction("a.jpg", "dog", chances, tags=("dog", "sea")),
        Prediction("b.jpg", "dog", chances, tags=("sea",)),
        Prediction("c.jpg", "dog", chances, tags=()),
    ]
    bundle = SimpleNamespace(labels=("dog", "sea"), reasons=(), predict=lambda _: said)
    verdicts = judge_photos(bundle, path)
    assert [verdict.failures for verdict in verdicts] == [(), ("sea in place of dog",), ("no label in place of dog",)]
    assert [(verdict.said, verdict.confidence) for verdict in verdicts] == [
        (("dog", "sea"), 0.5),
        (("sea",), 0.6),
        ((), 0.6),
    ]
