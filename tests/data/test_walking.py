import os

from thawline.data.walking import walk_photos


def walked(*paths):
    unopened = {}
    found = list(walk_photos(map(str, paths), unopened))
    return found, unopened


def test_a_folder_gives_its_photos_sorted_and_then_those_of_its_folders(tmp_path):
    for name in (
        "b.JPG",
        "a.png",
        "sub/z.webp",
        "sub/deep/y.jpeg",
        "also/x.heic",
        "note.txt",
        ".hidden.jpg",
        ".h/a.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found, unopened = walked(tmp_path)
    names = ["a.png", "b.JPG", "also/x.heic", "sub/z.webp", "sub/deep/y.jpeg"]
    assert found == [str(tmp_path / name) for name in names]
    assert unopened == {}


def test_what_is_named_is_given_whatever_it_is(tmp_path):
    (tmp_path / "note.txt").touch()
    (tmp_path / ".hidden.jpg").touch()
    named = [tmp_path / "note.txt", tmp_path / ".hidden.jpg", tmp_path / "gone.jpg", tmp_path / ("x" * 300)]
    assert walked(*named) == (list(map(str, named)), {})


def test_the_way_a_folder_is_named_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.jpg").touch()
    assert walked("p", "p/")[0] == ["p/a.jpg", "p/a.jpg"]


def test_a_loop_of_links_ends(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    assert walked(tmp_path)[0] == [str(tmp_path / "a.jpg"), str(tmp_path / "self.jpg")]


def test_a_folder_that_cannot_be_opened_is_given_with_the_reason(tmp_path, monkeypatch):
    locked = tmp_path / "locked"
    locked.mkdir()
    (tmp_path / "z.jpg").touch()
    scan = os.scandir

    def refuse(path):  # root may open everything
        if os.fspath(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert walked(tmp_path) == (
        [str(tmp_path / "z.jpg"), str(locked)],
        {str(locked): "the folder cannot be opened: Permission denied"},
    )
