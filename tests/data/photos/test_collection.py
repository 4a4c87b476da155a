import pytest

from thawline.data.listing import LeftOut, list_photos
from thawline.data.photos.collection import build_collection
from thawline.data.photos.photo import read_photo
from thawline.errors import UserError


def collect(root, **options):
    listing = list_photos(root, **options)
    return build_collection(listing, {photo.name: read_photo(photo.path, None)[0] for photo in listing.photos})


@pytest.fixture
def write(tmp_path):
    def write(name: str, data: bytes) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return write


def test_broken_files_are_left_out_and_named(tmp_path, write, scene, encode, huge_png) -> None:
    """Every broken file of the issue's list; what is readable stays, whatever its name."""
    good = encode(scene(1))
    write("a/good.jpg", good)
    write("a/palette.jpg", encode(scene(2).quantize(32), "PNG"))
    write("a/truncated.jpg", good[: len(good) // 2])
    write("a/text.jpg", b"hello")
    write("a/empty.png", b"")
    write("b/good.webp", encode(scene(3), "WEBP"))
    write("b/deep.png", encode(scene(4).convert("I;16"), "PNG"))
    write("b/cmyk.jpg", encode(scene(5).convert("CMYK")))
    write("b/bomb.png", huge_png(30000, 30000))
    write("b/phone.heic", b"\0\0\0\x18ftypheic")
    write("b/phone as.jpg", b"\0\0\0\x18ftypheic")
    (tmp_path / "b/self.jpg").symlink_to("self.jpg")
    collection = collect(tmp_path)
    assert collection.names == ("a/good.jpg", "a/palette.jpg", "b/cmyk.jpg", "b/deep.png", "b/good.webp")
    assert collection.classes == ("a", "b")
    assert collection.labels.tolist() == [0, 0, 1, 1, 1]
    assert [fact.format for fact in collection.facts] == ["JPEG", "PNG", "JPEG", "PNG", "WEBP"]
    assert collection.sides is None
    left = {out.name: out.reason for out in collection.left_out}
    assert list(left) == sorted(left)
    truncated = left.pop("a/truncated.jpg")
    assert truncated.startswith("broken JPEG: ")
    assert left == {
        "a/empty.png": "empty file",
        "a/text.jpg": "not an image (JPEG, PNG and WebP are)",
        "b/bomb.png": "too large: 30000 by 30000 pixels, more than data.max_megapixels=110",
        "b/phone as.jpg": "HEIC is not supported (JPEG, PNG and WebP are)",
        "b/phone.heic": "not supported (HEIC)",
        "b/self.jpg": "a link that leads nowhere",
    }


def test_groups_belong_to_the_usable_photos(tmp_path, write, scene, encode) -> None:
    write("a/0 broken.jpg", b"x")
    write("a/1.jpg", encode(scene(1)))
    write("a/2.jpg", encode(scene(1), quality=40))
    write("b/1.jpg", encode(scene(1)))
    collection = collect(tmp_path)
    assert collection.grouping.ids.tolist() == [0, 0, 0]
    assert collection.grouping.exact_duplicates == [(0, 2)]
    assert collection.grouping.near_duplicates == [(0, 1)]
    assert collection.grouping.two_labels == [(0, 2)]


def test_a_class_without_usable_photos_is_no_class(tmp_path, write, scene, encode) -> None:
    for label in "abc":
        write(f"{label}/1.jpg", b"broken" if label == "b" else encode(scene(ord(label))))
    collection = collect(tmp_path)
    assert collection.classes == ("a", "c")
    assert collection.labels.tolist() == [0, 1]
    assert collection.left_out == (LeftOut("b/1.jpg", "not an image (JPEG, PNG and WebP are)"),)


def test_given_sides(tmp_path, write, scene, encode) -> None:
    for seed, name in enumerate(["test/a/1.jpg", "test/b/1.jpg", "train/a/1.jpg", "train/b/1.jpg"]):
        write(name, encode(scene(seed)))
    assert collect(tmp_path).sides.tolist() == ["test", "test", "train", "train"]


def test_one_class_only(tmp_path, write, scene, encode) -> None:
    write("a/1.jpg", encode(scene(1)))
    with pytest.raises(UserError, match="has usable photos of one class only, 'a'; at least two classes"):
        collect(tmp_path)
    write("b/1.jpg", b"")
    with pytest.raises(UserError, match=r"one class only, 'a' \(b/1.jpg: empty file\); at least two"):
        collect(tmp_path)


def test_nothing_usable(tmp_path, write) -> None:
    write("a/1.jpg", b"")
    write("b/1.jpg", b"text")
    with pytest.raises(UserError, match=r"none of the 2 photos in .* can be used; a/1.jpg: empty file"):
        collect(tmp_path)


def test_classes_of_too_few_groups_are_left_out_where_asked(tmp_path, scene, encode) -> None:
    names = ["a/1.jpg", "a/2.jpg", "b/1.jpg", "c/shoot/1.jpg", "c/shoot/2.jpg", "d/1.jpg", "d/2.jpg"]
    for seed, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encode(scene(seed)))
    listing = list_photos(tmp_path)
    facts = {photo.name: read_photo(photo.path, None)[0] for photo in listing.photos}
    collection = build_collection(listing, facts, min_groups=2)
    assert collection.classes == ("a", "d")
    assert collection.labels.tolist() == [0, 0, 1, 1]
    reason = "a class of 1 group, fewer than data.min_groups=2"
    assert collection.left_out == (LeftOut("b/", reason), LeftOut("c/", reason))
    assert build_collection(listing, facts).classes == ("a", "b", "c", "d")
    with pytest.raises(UserError, match=r"every class in .* has fewer than data\.min_groups=3 groups"):
        build_collection(listing, facts, min_groups=3)
