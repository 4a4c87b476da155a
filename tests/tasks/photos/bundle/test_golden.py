"""Golden cases of photos: a class alone."""

import pytest

from thawline.errors import UserError
from thawline.tasks.photos.bundle.golden import read_cases


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
