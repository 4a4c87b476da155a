"""A table of corrected labels over the folders of photos."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thawline.data.listing import LeftOut, Listed, Listing
from thawline.data.photos.corrections import correct, correct_several, settle
from thawline.data.relabelled import take_classes
from thawline.data.renaming import rename_photos
from thawline.errors import UserError
from thawline.files import digest_of


@pytest.fixture
def listing(tmp_path: Path) -> Listing:
    """Two photos of each of three classes, and a file that can't be used."""
    names = [f"{label}/{i}.jpg" for label in ("barat", "fête", "walima") for i in (1, 2)]
    photos = tuple(Listed(tmp_path / name, name, name.partition("/")[0], "", None) for name in names)
    left = LeftOut("barat/3.heic", "not supported (HEIC)")
    return Listing(tmp_path, ("barat", "fête", "walima"), photos, (left,), "Each folder is a class.")


@pytest.fixture
def table(tmp_path: Path):
    """Writes corrections.csv."""

    def write(text: str, name: str = "corrections.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def labels(listing: Listing) -> dict[str, str]:
    return {photo.name: photo.label for photo in listing.photos}


def test_labels_are_changed_photos_left_out_and_all_of_it_is_said(listing: Listing, table) -> None:
    file = table(
        "Path;Label;When;By\n"
        "barat/1.jpg;walima;2026-11-29;Anna\n"
        "barat\\2.jpg;;;\n"
        "fe\u0302te/1.jpg;fe\u0302te;;Anna\n"
        "barat/3.heic;walima;;\n"
    )
    done = correct(listing, file)
    assert labels(done) == {
        "barat/1.jpg": "walima",
        "fête/1.jpg": "fête",
        "fête/2.jpg": "fête",
        "walima/1.jpg": "walima",
        "walima/2.jpg": "walima",
    }
    assert done.classes == ("fête", "walima")
    assert [(left.name, left.reason) for left in done.left_out] == [
        ("barat/2.jpg", "left out by corrections.csv"),
        ("barat/3.heic", "not supported (HEIC)"),
    ]
    assert done.corrected is not None
    assert done.corrected.to_json() == {
        "file": str(file),
        "sha256": digest_of(file),
        "changed": [{"name": "barat/1.jpg", "from": "barat", "to": "walima"}],
        "left_out": ["barat/2.jpg"],
        "kept": 2,
        "notes": [],
    }
    # What a listing says of a photo besides its label, its side and folder among it, is as it was.
    assert {photo.name: photo.path for photo in done.photos} == {
        photo.name: photo.path for photo in listing.photos if photo.name != "barat/2.jpg"
    }


WHEN = ["", "2024-02-29", "2024-02-29T08:00", "2024-02-29T08:00+05:00", "2024-02-29 23:59:59Z", "20240301"]
ORDER = [0, 1, 3, 2, 4, 5]  # of these in time: 08:00 in Karachi is 03:00 UTC


@given(st.lists(st.tuples(st.integers(0, len(WHEN) - 1), st.sampled_from(["barat", "fête", "walima", ""])), min_size=1))
def test_of_a_photos_rows_the_latest_counts_and_of_equal_ones_the_last(tmp_path_factory, rows) -> None:
    root = tmp_path_factory.getbasetemp() / "latest"
    root.mkdir(exist_ok=True)
    photos = tuple(
        Listed(root / n, n, n.partition("/")[0], "", None) for n in ("barat/1.jpg", "fête/1.jpg", "walima/1.jpg")
    )
    file = root / "corrections.csv"
    lines = "".join(f"barat/1.jpg,{label},{WHEN[when]}\n" for when, label in rows)
    file.write_text(f"path,label,when\n{lines}", encoding="utf-8")
    done = correct(Listing(root, ("barat", "fête", "walima"), photos, ()), file)
    _, _, label = max((ORDER[when], i, label) for i, (when, label) in enumerate(rows))
    assert labels(done).get("barat/1.jpg", "") == label


def test_classes_are_chosen_by_the_corrected_labels(listing: Listing, table) -> None:
    done = correct(listing, table("path,label\nwalima/1.jpg,barat\nfête/1.jpg,nikah\n"), ["barat", "nikah"])
    taken = take_classes(done, ["nikah", "barat"])
    assert taken.classes == ("barat", "nikah")
    assert labels(taken) == {
        "barat/1.jpg": "barat",
        "barat/2.jpg": "barat",
        "fête/1.jpg": "nikah",
        "walima/1.jpg": "barat",
    }
    with pytest.raises(UserError, match="there is no class 'mayun'"):
        take_classes(done, ["barat", "mayun"])


def test_a_table_without_rows_corrects_nothing_and_one_in_the_folder_is_no_photo(listing: Listing, table) -> None:
    file = table("path,label,when,by\n")
    left = (*listing.left_out, LeftOut("corrections.csv", "not in a class folder"))
    done = correct(Listing(listing.root, listing.classes, listing.photos, left), file)
    assert done.photos == listing.photos
    assert done.left_out == listing.left_out
    assert done.corrected is not None
    assert (done.corrected.changed, done.corrected.left_out, done.corrected.kept) == ((), (), 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "path,label\nbarat/9.jpg,walima\nnowhere.jpg,fête\n",
            r"row 2: there is no photo 'barat/9.jpg' in .* \(2 such rows\)",
        ),
        ("path,label\nbarat/1.jpg,valima\n", "row 2: there is no class 'valima' in .*; did you mean 'walima'"),
        ("path,label\nbarat/1.jpg,barat|walima\n", r"row 2: 'barat\|walima' are several classes, and a photo has one"),
        ("path,label\nbarat/1.jpg,x\n", "row 2: there is no class 'x' in .*; name a new class in data.classes"),
        (
            "path,label,sure\nbarat/1.jpg,walima,yes\n",
            "has the column 'sure', which is not known; it may have path,label,when,by",
        ),
        ("path,class\nbarat/1.jpg,walima\n", "has no column label"),
        ("path,label,when\nbarat/1.jpg,walima,29.11.2026\n", "row 2: when='29.11.2026' is no date; write 2026-11-29"),
        ("path,label\nbarat/1.jpg,wal,ima,x\n", "row 2: 4 values in a table of 2 columns"),
    ],
)
def test_what_cant_be_used_is_one_sentence(listing: Listing, table, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        correct(listing, table(text))


def test_all_photos_cant_be_left_out(listing: Listing, table) -> None:
    rows = [f"{photo.name},\n" for photo in listing.photos]
    random.Random(0).shuffle(rows)
    with pytest.raises(UserError, match="leaves out every photo"):
        correct(listing, table("path,label\n" + "".join(rows)))


@pytest.fixture
def several(listing: Listing):
    """Settles a table over `listing`, where the second photo of each class is the same file in all of them."""

    def settled(file: Path, *new: str, rename: dict[str, str] | None = None):
        done = correct_several(listing, file, new)
        done = done if rename is None else rename_photos(done, rename, check=True)
        contents = [[photo] for photo in done.photos if photo.name.endswith("1.jpg")]
        return settle(done, [*contents, [photo for photo in done.photos if photo.name.endswith("2.jpg")]])

    return settled


def every_label(contents) -> dict[str, tuple[str, ...]]:
    assert all(len({photo.each_label for photo in files}) == 1 for files in contents if files[0].labels)
    return {files[0].name: files[0].labels for files in contents if files[0].labels}


def test_a_row_holds_all_labels_of_a_photo_and_counts_for_its_copies_too(listing: Listing, several, table) -> None:
    file = table(
        "path,label,by\n"
        "barat/1.jpg,walima | barat;walima,Anna\n"
        "f\u00eate/1.jpg,,\n"
        "fe\u0302te/2.jpg,fe\u0302te|barat,\n"
        "walima/1.jpg,walima,\n"
        "barat/3.heic,walima,\n"
    )
    done, contents = several(file)
    assert every_label(contents) == {
        "barat/1.jpg": ("walima", "barat"),
        "barat/2.jpg": ("fête", "barat"),
        "walima/1.jpg": ("walima",),
    }
    assert done.corrected.to_json() == {
        "file": str(file),
        "sha256": digest_of(file),
        "changed": [
            {"name": "barat/1.jpg", "from": "barat", "to": "barat|walima"},
            {"name": "barat/2.jpg", "from": "barat|fête|walima", "to": "barat|fête"},
        ],
        "left_out": ["fête/1.jpg"],
        "kept": 2,
        "notes": [],
    }
    assert LeftOut("fête/1.jpg", "left out by corrections.csv") in done.left_out


def test_of_rows_for_copies_the_latest_counts_and_no_label_leaves_all_of_them_out(several, table) -> None:
    late, early = "walima/2.jpg,{},2026-11-29\n", "barat/2.jpg,{},2026-11-28\n"
    _, contents = several(table("path,label,when\n" + late.format("barat") + early.format("walima")))
    assert every_label(contents) == {"barat/2.jpg": ("barat",)}
    done, contents = several(table("path,label,when\n" + late.format("") + early.format("walima")))
    names = [photo.name for files in contents for photo in files]
    assert names == ["barat/1.jpg", "fête/1.jpg", "walima/1.jpg"]
    assert done.corrected.left_out == ("barat/2.jpg",)
    assert {left.name for left in done.left_out if "corrections" in left.reason} == {
        "barat/2.jpg",
        "fête/2.jpg",
        "walima/2.jpg",
    }


def test_corrected_labels_are_renamed_as_all_others_and_may_be_new(listing: Listing, several, table) -> None:
    file = table("path,label\nbarat/1.jpg,barat|walima|nikah\nwalima/1.jpg,nikah\n")
    done, contents = several(file, "nikah", rename={"walima": "barat"})
    assert every_label(contents) == {"barat/1.jpg": ("barat", "nikah"), "walima/1.jpg": ("nikah",)}
    assert done.classes == ("barat", "fête", "nikah")
    assert [(one["from"], one["to"]) for one in done.corrected.to_json()["changed"]] == [
        ("barat", "barat|nikah"),
        ("barat", "nikah"),
    ]


def test_of_several_labels_too_what_cant_be_used_is_one_sentence(listing: Listing, several, table) -> None:
    with pytest.raises(UserError, match=r"row 2: there is no class 'valima' in .*; did you mean 'walima'"):
        several(table("path,label\nbarat/1.jpg,barat|valima\n"))
    with pytest.raises(UserError, match=r"row 3: there is no photo 'barat/9\.jpg'"):
        several(table("path,label\nbarat/1.jpg,barat\nbarat/9.jpg,barat\n"))
    rows = "".join(f"{photo.name},\n" for photo in listing.photos)
    with pytest.raises(UserError, match="leaves out every photo"):
        several(table("path,label\n" + rows))
