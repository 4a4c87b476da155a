"""Lists of paths on standard input, as other programs write them."""

import os
import threading
import unicodedata
from pathlib import Path

import pytest

from thawline.data.tables.lists import read_list
from thawline.data.tables.places import Finder
from thawline.errors import UserError


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """What is read of a list that comes in small pieces, in a folder with `a.jpg`, `b/fête.jpg` (taken apart)."""
    (tmp_path / "b").mkdir()
    for name in ("a.jpg", "b/" + unicodedata.normalize("NFD", "fête.jpg"), " blank.jpg"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)

    def listed(data, nul=False, piece=1):
        out, into = os.pipe()

        def write():
            with os.fdopen(into, "wb", buffering=0) as pipe:
                for start in range(0, len(data), piece):
                    pipe.write(data[start : start + piece])

        thread = threading.Thread(target=write)
        thread.start()
        try:
            return list(read_list(out, nul=nul, finder=Finder(Path.cwd())))
        finally:
            os.close(out)
            thread.join()

    return listed


THERE = ["a.jpg", "b/" + unicodedata.normalize("NFD", "fête.jpg"), "gone.jpg"]


@pytest.mark.parametrize("piece", [1, 3, 1000])
@pytest.mark.parametrize(
    "data",
    [
        "a.jpg\nb/fête.jpg\n\ngone.jpg".encode(),
        "a.jpg\r\nb/fête.jpg\r\n\r\ngone.jpg\r\n".encode(),
        "\ufeffa.jpg\r\nb\\fête.jpg\r\ngone.jpg\r\n".encode(),
        "a.jpg\r\nb\\fête.jpg\r\ngone.jpg\r\n".encode("utf-16"),
        b"\xfe\xff" + "a.jpg\nb/fête.jpg\ngone.jpg\n".encode("utf-16-be"),
        "a.jpg\r\nb\\fête.jpg\r\ngone.jpg\r\n".encode("cp1252"),
        '"a.jpg"\n  b/fête.jpg \ngone.jpg\n'.encode(),
        ("./a.jpg\n./b/fête.jpg\n./gone.jpg\n").encode(),
    ],
)
def test_the_same_paths_however_the_list_is_written(listed, data, piece):
    assert [os.path.normpath(path) for path in listed(data, piece=piece)] == THERE


def test_a_path_that_is_there_as_it_is_written_is_that(listed, tmp_path):
    (tmp_path / "odd\r").touch()
    assert listed(b"odd\r\n blank.jpg\n\xff.jpg\n", piece=1000) == ["odd\r", " blank.jpg", "\udcff.jpg"]


def test_nothing_is_taken_from_names_between_nuls(listed):
    assert listed(b"a.jpg\0odd\r\0\0b\\c\n.jpg", nul=True) == ["a.jpg", "odd\r", "b\\c\n.jpg"]
    with pytest.raises(UserError, match="give nul=true"):
        listed(b"a.jpg\0b.jpg\0")
    assert listed(b"") == []
