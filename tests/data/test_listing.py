import os
from pathlib import Path

import pytest

from thawline.data.listing import LeftOut, list_photos
from thawline.data.walking import walk_photos
from thawline.errors import UserError


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def names_of(root: Path, **options) -> list[str]:
    return [photo.name for photo in list_photos(root, **options).photos]


def test_a_folder_per_class(tmp_path) -> None:
    make(tmp_path, "b/2.JPG", "b/shoot 1/x/3.jpeg", "a/1.jpg", "a/4.PNG", "a/5.WebP")
    listing = list_photos(tmp_path)
    assert listing.root == tmp_path.resolve()
    assert listing.classes == ("a", "b")
    assert listing.left_out == ()
    found = [(photo.name, photo.label, photo.folder, photo.side) for photo in listing.photos]
    assert found == [
        ("a/1.jpg", "a", "", None),
        ("a/4.PNG", "a", "", None),
        ("a/5.WebP", "a", "", None),
        ("b/2.JPG", "b", "", None),
        ("b/shoot 1/x/3.jpeg", "b", "shoot 1/x", None),
    ]
    assert all(photo.path == tmp_path.resolve() / photo.name for photo in listing.photos)


def test_other_files_are_named_with_their_reason(tmp_path) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.HEIC", "b/3.heif", "b/4.gif", "b/5.mp4", "b/6", "b/x/7.avif", "loose.jpg")
    make(tmp_path, "notes.txt", "empty/readme.md")
    assert list_photos(tmp_path).left_out == (
        LeftOut("b/2.HEIC", "not supported (HEIC)"),
        LeftOut("b/3.heif", "not supported (HEIC)"),
        LeftOut("b/4.gif", "not supported (GIF)"),
        LeftOut("b/5.mp4", "not supported (.mp4)"),
        LeftOut("b/6", "not supported (no suffix)"),
        LeftOut("b/x/7.avif", "not supported (AVIF)"),
        LeftOut("empty", "no photo in this class folder"),
        LeftOut("empty/readme.md", "not supported (.md)"),
        LeftOut("loose.jpg", "not in a class folder"),
        LeftOut("notes.txt", "not in a class folder"),
    )


def test_hidden_files_and_folders_are_skipped_silently(tmp_path) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg", "a/.2.jpg", "a/._1.jpg", ".git/1.jpg", "a/.cache/1.jpg", ".DS_Store")
    make(tmp_path, "__MACOSX/a/1.jpg", "a/@eaDir/1.jpg/THUMB_M.jpg")
    listing = list_photos(tmp_path)
    assert [photo.name for photo in listing.photos] == ["a/1.jpg", "b/1.jpg"]
    assert listing.left_out == ()


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_a_given_split(tmp_path, val) -> None:
    make(tmp_path, "train/a/1.jpg", "train/b/s/1.jpg", f"{val}/a/1.jpg", "test/b/1.jpg", "split.csv", "test/odd.jpg")
    listing = list_photos(tmp_path)
    assert listing.classes == ("a", "b")
    assert {photo.name: (photo.label, photo.folder, photo.side) for photo in listing.photos} == {
        "train/a/1.jpg": ("a", "", "train"),
        "train/b/s/1.jpg": ("b", "s", "train"),
        f"{val}/a/1.jpg": ("a", "", "val"),
        "test/b/1.jpg": ("b", "", "test"),
    }
    assert [left.name for left in listing.left_out] == ["split.csv", "test/odd.jpg"]


SPLIT = "test/, train/ and val/ are the split, the folders in them the classes."


@pytest.mark.parametrize(
    "names", [("train", "test", "val"), ("Train", "TEST", "dev"), ("training", "testing", "Valid")]
)
def test_what_was_taken_for_the_split_is_said(tmp_path, names) -> None:
    train, test, val = names
    make(tmp_path, f"{train}/a/1.jpg", f"{train}/b/2.jpg", f"{test}/a/3.jpg", f"{val}/b/4.jpg")
    listing = list_photos(tmp_path)
    assert {photo.side for photo in listing.photos} == {"train", "val", "test"}
    named = ", ".join(f"{name}/" for name in sorted(names)[:2]) + f" and {max(names)}/"
    assert listing.layout == f"{named} are the split, the folders in them the classes."
    assert list_photos(tmp_path / train).layout == "Each folder is a class."


@pytest.mark.parametrize(
    "foreign",
    [
        *("lost+found", "#recycle", "@Recycle", "$RECYCLE.BIN", "$Recycle.Bin", "System Volume Information", "Thumbs"),
        *("wandb", "lightning_logs", "#snapshot", "@tmp", "RECYCLER"),
    ],
)
def test_what_systems_and_programs_put_there_is_no_class(tmp_path, foreign) -> None:
    flat = make(tmp_path / "flat", "a/1.jpg", "b/1.jpg", f"{foreign}/a/1.jpg", ".Trash-1000/1.jpg", "Thumbs.db")
    listing = list_photos(flat)
    assert listing.classes == ("a", "b")
    left = LeftOut(foreign, "a folder of the system's or of another program's, and no class")
    assert listing.left_out == (left,)
    split = make(tmp_path / "split", "train/a/1.jpg", "val/b/1.jpg", "test/a/1.jpg", f"{foreign}/1.jpg")
    make(split, f"train/{foreign}/1.jpg")
    listing = list_photos(split)
    assert (listing.classes, listing.layout) == (("a", "b"), SPLIT)
    assert [each.name for each in listing.left_out] == sorted([foreign, f"train/{foreign}"])


def test_an_empty_folder_beside_a_split_is_no_class(tmp_path) -> None:
    make(tmp_path, "train/a/1.jpg", "val/b/1.jpg", "test/a/1.jpg", "docs/notes.txt", "docs/.thumb.jpg")
    (tmp_path / "empty").mkdir()
    listing = list_photos(tmp_path)
    assert (listing.classes, listing.layout) == (("a", "b"), SPLIT)
    why = "beside test/, train/ and val/, whose folders are the classes"
    assert listing.left_out == (LeftOut("docs", why), LeftOut("empty", why))


@pytest.mark.parametrize("found", ["train", "sweep", "check"])
@pytest.mark.parametrize("record", ["status.json", "config.yaml", "data_report.json"])
def test_this_programs_own_runs_are_no_class(tmp_path, found, record) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg", f"results/{found}/2026-01-01/{record}", "results/cards/1.png")
    listing = list_photos(tmp_path)
    assert listing.classes == ("a", "b")
    assert listing.left_out == (LeftOut("results", "runs of this program, and no class"),)


def test_photos_beside_a_split_can_be_read_in_two_ways(tmp_path) -> None:
    make(tmp_path, "train/a/1.jpg", "test/b/1.jpg", "birthday/1.jpg", "test/odd.txt")
    with pytest.raises(UserError) as refused:
        list_photos(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path} can be read in two ways: test/ and train/ have folders in them, and birthday/ beside them has "
        "photos; data.layout=split takes the former for the split and leaves the rest out; data.layout=classes makes "
        "each folder a class"
    )
    split = list_photos(tmp_path, layout="split")
    assert (split.classes, [photo.side for photo in split.photos]) == (("a", "b"), ["test", "train"])
    assert [left.name for left in split.left_out] == ["birthday", "test/odd.txt"]
    listing = list_photos(tmp_path, layout="classes")
    assert (listing.classes, listing.layout) == (("birthday", "test", "train"), "Each folder is a class.")
    assert {photo.side for photo in listing.photos} == {None}
    assert [left.name for left in listing.left_out] == ["test/odd.txt"]


def test_one_class_called_like_a_side_is_a_class(tmp_path) -> None:
    make(tmp_path, "train/steam/1.jpg", "car/1.jpg", "bus/1.jpg")
    listing = list_photos(tmp_path)
    assert (listing.classes, listing.layout) == (("bus", "car", "train"), "Each folder is a class.")


def test_one_side_alone_is_no_split(tmp_path) -> None:
    listing = list_photos(make(tmp_path, "train/a/1.jpg", "train/b/1.jpg"))
    assert (listing.classes, listing.layout) == (("a", "b"), "The folders in train/ are the classes.")
    assert {photo.side for photo in listing.photos} == {None}


def test_a_split_that_is_asked_for_must_be_there(tmp_path) -> None:
    with pytest.raises(UserError, match="has no train/, val/ or test/ with folders in it"):
        list_photos(make(tmp_path, "train/1.jpg", "test/1.jpg"), layout="split")


def test_photos_are_recognised_by_content(tmp_path, scene, encode) -> None:
    make(tmp_path, "a/text.jfif", "a/none")
    names = ["a/1.jfif", "a/2.jpe", "a/3", "a/4.tmp", "b/5.JPG", "b/6.heic"]
    for name, kind in zip(names, ["JPEG", "JPEG", "PNG", "WEBP", "JPEG", "JPEG"], strict=True):
        make(tmp_path, name)
        (tmp_path / name).write_bytes(encode(scene(1, (32, 32)), kind))
    (tmp_path / "b/7").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    (tmp_path / "b/8.bin").write_bytes(b"GIF89a" + bytes(50))
    listing = list_photos(tmp_path)
    assert [photo.name for photo in listing.photos] == names
    assert listing.left_out == (
        LeftOut("a/none", "not supported (no suffix)"),
        LeftOut("a/text.jfif", "not supported (.jfif)"),
        LeftOut("b/7", "not supported (HEIC)"),
        LeftOut("b/8.bin", "not supported (GIF)"),
    )
    assert list(walk_photos([str(tmp_path)], {})) == [str(tmp_path / name) for name in names]


def test_no_split_when_the_folders_hold_photos_only(tmp_path) -> None:
    assert list_photos(make(tmp_path, "train/1.jpg", "test/1.jpg")).classes == ("test", "train")


def test_classes_take_a_subset(tmp_path) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg", "c/1.jpg", "c/1.txt")
    listing = list_photos(tmp_path, classes=["b", "a", "b"])
    assert listing.classes == ("a", "b")
    assert listing.left_out == ()


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["mehndi", "walma"], "no class 'walma' in .*; did you mean 'walima'"),
        (["zzz"], "did you mean 'barat' or 'mehndi' or 'walima'"),
        ([], "data.classes is empty"),
    ],
)
def test_unknown_classes_are_refused(tmp_path, classes, message) -> None:
    make(tmp_path, "walima/1.jpg", "mehndi/1.jpg", "barat/1.jpg")
    with pytest.raises(UserError, match=message):
        list_photos(tmp_path, classes)


def test_decomposed_names_are_found(tmp_path) -> None:
    make(tmp_path, "e\u0301te\u0301/1.jpg", "b/1.jpg")  # as macOS stores them
    listing = list_photos(tmp_path, classes=["\u00e9t\u00e9", "b"])
    assert listing.classes == ("b", "\u00e9t\u00e9")
    assert all(photo.path.exists() for photo in listing.photos)


def test_any_name_works(tmp_path) -> None:
    root = tmp_path / "Photos (2024), été #1"
    odd = ["a/x, y=1 & [z].jpg", "a/ж\n.jpg", "b/100%.jpg", "b/'\".jpg"]
    make(root, *odd)
    assert names_of(root) == sorted(odd)


def test_undecodable_names_become_text(tmp_path) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg")
    raw = os.fsencode(tmp_path) + b"/b/caf\xe9.jpg"
    try:
        Path(os.fsdecode(raw)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    photo = list_photos(tmp_path).photos[-1]
    assert photo.name == "b/caf\\xe9.jpg"
    assert photo.name.encode() == b"b/caf\\xe9.jpg"
    assert photo.path.read_bytes() == b"x"


def test_links(tmp_path) -> None:
    """Photos are found through links; what leads nowhere or back is named; nothing hangs."""
    root = make(tmp_path / "root", "a/1.jpg", "b/1.jpg", "b/deep/2.jpg")
    elsewhere = make(tmp_path / "elsewhere", "3.jpg", "in/4.jpg")
    (root / "a" / "self.jpg").symlink_to("self.jpg")
    (root / "a" / "dangling.jpg").symlink_to("nothing.jpg")
    (root / "a" / "other.jpg").symlink_to("../b/1.jpg")
    (root / "a" / "loop").symlink_to("..")
    (root / "a" / "sister").symlink_to("../b/deep")
    (root / "a" / "out").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root / "a")
    (root / "a_link_to_b").symlink_to("b")
    (root / "c").symlink_to(elsewhere / "in")
    listing = list_photos(root)
    assert [photo.name for photo in listing.photos] == [
        "a/1.jpg",
        "a/other.jpg",
        "a/out/3.jpg",
        "b/1.jpg",
        "b/deep/2.jpg",
        "c/4.jpg",
    ]
    again = "a link to a folder that is in the collection already"
    assert {left.name: left.reason for left in listing.left_out} == {
        "a/self.jpg": "a link that leads nowhere",
        "a/dangling.jpg": "a link that leads nowhere",
        "a/loop": again,
        "a/sister": again,
        "a/out/back": again,
        "a/out/in": "a folder that is in the collection already, by a link",
        "a_link_to_b": again,
    }


def test_many_folders_that_link_to_each_other_end(tmp_path) -> None:
    folders = [f"a/{i}" for i in range(12)]
    make(tmp_path, "b/1.jpg", *(f"{folder}/1.jpg" for folder in folders))
    for one in range(12):
        for other in range(12):
            (tmp_path / f"a/{one}/to{other}").symlink_to(f"../{other}")
    assert len(names_of(tmp_path)) == 13


def test_a_pipe_is_not_opened(tmp_path) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    assert list_photos(tmp_path).left_out == (LeftOut("a/pipe.jpg", "not a regular file"),)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_closed_folder_is_named(tmp_path) -> None:
    make(tmp_path, "a/1.jpg", "b/1.jpg", "b/closed/1.jpg")
    (tmp_path / "b/closed").chmod(0)
    left = list_photos(tmp_path).left_out
    (tmp_path / "b/closed").chmod(0o755)
    assert left == (LeftOut("b/closed", "the folder cannot be opened: Permission denied"),)


def test_wrong_roots(tmp_path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    flat = make(tmp_path / "flat", "1.jpg", "2.jpg")
    bare = make(tmp_path / "bare", "a/1.txt")
    for root, message in [
        (tmp_path / "gone", "there is no folder .*gone; check the path"),
        (file, "file is a file; give the folder"),
        (loop, "cannot be opened|check the path"),
        (flat, "has no folders; put the photos of each class into a folder"),
        (bare, "no .jpg, .jpeg, .png, .webp file lies in a class folder"),
    ]:
        with pytest.raises(UserError, match=message):
            list_photos(root)
