"""Paths of other machines: which sample or file they mean, and when they mean none."""

import unicodedata

import pytest

from thawline.data.tables.places import Absent, Finder, comparable, find_file, find_files, match_names, moved_note

NFC, NFD = "fête.jpg", unicodedata.normalize("NFD", "fête.jpg")


@pytest.fixture
def root(tmp_path):
    for name in ("a/1.jpg", f"a/{NFD}", "b/1.jpg", "b/2.jpg", "top.jpg"):
        (tmp_path / "Photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "Photos" / name).touch()
    return tmp_path / "Photos"


NAMES = ("a/1.jpg", f"a/{NFD}", "b/1.jpg", "b/2.jpg", "top.jpg")

MEANT = {
    "a/1.jpg": "a/1.jpg",
    " ./a//1.jpg": "a/1.jpg",
    "b/../a/1.jpg": "a/1.jpg",
    f"a/{NFC}": f"a/{NFD}",
    f".\\a\\{NFC}": f"a/{NFD}",
    "a\\1.jpg": "a/1.jpg",
    "/home/someone/Photos/a/1.jpg": "a/1.jpg",
    "C:\\Users\\me\\Photos\\b\\2.jpg": "b/2.jpg",
    "D:/b/2.jpg": "b/2.jpg",
    "\\\\server\\share\\a\\1.jpg": "a/1.jpg",
    "~/Photos/b/2.jpg": "b/2.jpg",
    f"/x/a/{NFC}": f"a/{NFD}",
    "Photos/a/1.jpg": "a/1.jpg",
    "/a/1.jpg": "a/1.jpg",
}
MEANT_BY_NONE = ["gone/a/1.jpg", "c/1.jpg", "1.jpg", "/x/3.jpg", "", "..", "https://example.org/a/1.jpg"]


@pytest.mark.parametrize("written", MEANT)
def test_a_path_of_any_machine_means_a_sample_and_a_file(root, written):
    assert match_names([written], NAMES, root) == {written: MEANT[written]}
    assert find_files([written.strip()], root) == {written.strip(): root / MEANT[written]}


@pytest.mark.parametrize("written", MEANT_BY_NONE)
def test_others_mean_none(root, written):
    if not written.startswith("https"):
        assert match_names([written], NAMES, root) == {}
    assert isinstance(find_files([written], root)[written], Absent)


def test_the_longest_end_counts(root):
    (root / "Photos" / "a").mkdir(parents=True)
    (root / "Photos" / "a" / "1.jpg").touch()
    written = "/home/someone/Photos/a/1.jpg"
    assert match_names([written], [*NAMES, "Photos/a/1.jpg"], root) == {written: "Photos/a/1.jpg"}
    assert find_files([written], root) == {written: root / "Photos/a/1.jpg"}


def test_two_paths_whose_ends_are_one_file_mean_none(root):
    two = ["/x/one/b/2.jpg", "/x/two/b/2.jpg"]
    assert match_names(two, NAMES, root) == {}
    assert find_files(two, root) == dict.fromkeys(two, Absent("several", str(root / "b/2.jpg")))
    # What is named as it is called is that one's.
    assert match_names(["b/2.jpg", two[0]], NAMES, root) == {"b/2.jpg": "b/2.jpg"}
    # One path in two spellings is one.
    same = ["/x/b/2.jpg", "/x\\b/./2.jpg"]
    assert match_names(same, NAMES, root) == dict.fromkeys(same, "b/2.jpg")
    assert find_files(same, root) == dict.fromkeys(same, root / "b/2.jpg")


def test_names_in_both_forms_are_two(root):
    (root / "a" / NFC).touch()
    both = [f"a/{NFC}", f"a/{NFD}"]
    assert match_names(both, both) == {name: name for name in both}
    assert find_files(both, root) == {name: root / name for name in both}
    assert comparable([*both, "é", NFD]) == [*both, "é", NFC]
    assert comparable([f"x/{NFD}", f"x/{NFD}"]) == [f"x/{NFC}"] * 2


def test_a_folder_in_another_form_is_found(root):
    (root / unicodedata.normalize("NFD", "été")).mkdir()
    (root / unicodedata.normalize("NFD", "été") / NFC).touch()
    written = unicodedata.normalize("NFC", "été") + "/" + NFD
    assert find_file(written, root).read_bytes() == b""
    assert find_file("été/none.jpg", root) == root / "été/none.jpg"


def test_why_a_path_names_no_file(root):
    (root / "loop").symlink_to(root / "loop")
    said = {
        "a": "folder",
        "a/none.jpg": "nothing",
        "a/1.jpg/b": "nothing",
        "file:///etc/passwd": "url",
        "a\0b": "nul",
        "x" * 300: "unopened",
        "loop/a": "unopened",
        "~nobody-known/a.jpg": "home",
    }
    assert {written: found.kind for written, found in find_files(said, root).items()} == said


def test_a_fence_holds_and_what_lies_within_is_found_by_its_end(root, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.jpg").touch()
    (tmp_path / "secret.jpg").touch()
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    found = find_files(["../secret.jpg", "link.jpg", str(tmp_path / "secret.jpg"), "a/1.jpg"], root, fence=root)
    assert [at if isinstance(at, Absent) else at.name for at in found.values()] == [Absent("outside")] * 3 + ["1.jpg"]
    moved = str(tmp_path / "b" / "2.jpg")  # there as well, but not within
    assert find_files([moved], root, fence=root) == {moved: root / "b/2.jpg"}
    assert find_files([moved], root) == {moved: tmp_path / "b/2.jpg"}


def test_what_was_matched_by_its_end_is_said(root):
    here, there = str(root / "a/1.jpg"), "/x/Photos/b/2.jpg"
    found = find_files([here, there, "top.jpg"], root)
    assert moved_note("t.csv", found) == (
        "t.csv: paths that are not on this machine were matched by their ends (1), such as /x/Photos/b/2.jpg with "
        f"{root / 'b/2.jpg'}",
    )
    assert moved_note("t.csv", {here: root / "a/1.jpg", "top.jpg": root / "top.jpg"}) == ()


def test_a_path_is_spelt_as_it_is_on_the_disk(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    finder = Finder(root.parent)
    assert finder.spelt(f"Photos/a/{NFC}") == f"Photos/a/{NFD}"
    assert finder.spelt(f"{root}/a/{NFC}") == f"{root}/a/{NFD}"
    assert finder.spelt("Photos\\b\\2.jpg") == "Photos/b/2.jpg"
    assert finder.spelt("./Photos") == "./Photos"
    assert [finder.spelt(name) for name in ("", "none.jpg", "é.jpg", "a\0", "x" * 300, "http://a")] == [None] * 6
