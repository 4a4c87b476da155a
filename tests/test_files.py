import json

import pytest

from thawline.files import read_json, write_atomically, write_json, write_text


def test_json_comes_back(tmp_path):
    value = {"name": "été", "numbers": [1, 2.5, None]}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_is_not_a_number_is_refused_and_the_old_file_stays(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def fail(beside):
        beside.write_text("half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_atomically(tmp_path / "a.txt", fail)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]
