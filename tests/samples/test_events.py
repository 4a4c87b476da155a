"""The sample of event photos holds exactly what it declares, and the same seed gives the same bytes."""

import hashlib
import io
import json
import re

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps, UnidentifiedImageError

from thawline.errors import UserError
from thawline.samples.camera import take
from thawline.samples.events import make_events
from thawline.samples.marker import MARKER
from thawline.samples.scenes.occasions import OCCASIONS
from thawline.samples.shoots import Photographers

CLASSES = ("beach_day", "birthday", "campfire_night", "football_match", "wedding", "winter_holiday")


def digests(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def opens(path):
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError, UnidentifiedImageError):
        return False
    return True


def test_counts_are_what_was_asked_for(sample, sample_files):
    assert sample.classes == CLASSES
    assert sample.photos == 72
    assert sample.copies == 3
    assert sample.bursts > 6
    assert sample.shoot_folders == 6
    assert len(sample_files) == 72 + 5
    for name in CLASSES:
        usable = [file for file in sample_files if file.startswith(f"{name}/") and file not in sample.left_out]
        assert len(usable) == 12


def test_exactly_the_declared_files_are_broken(sample, sample_files):
    assert {name for name, path in sample_files.items() if not opens(path)} == set(sample.left_out)
    assert sorted(sample.left_out.values()) == [
        "HEIC is not supported",
        "a text file, not a photo",
        "an empty file",
        "the JPEG ends in the middle",
        "the PNG ends in the middle",
    ]
    truncated = next(name for name, why in sample.left_out.items() if why == "the JPEG ends in the middle")
    assert sample_files[truncated].read_bytes()[:3] == b"\xff\xd8\xff"


def test_the_formats_of_real_collections_occur(sample, sample_files):
    found = set()
    for name, path in sample_files.items():
        if name not in sample.left_out:
            with Image.open(path) as image:
                found.add((path.suffix.lower(), image.format, image.mode))
    assert {(".jpg", "JPEG", "RGB"), (".png", "PNG", "RGB"), (".webp", "WEBP", "RGB"), (".jpg", "PNG", "P")} <= found


def test_some_photos_have_exif_and_some_do_not(sample, sample_files):
    stamps, turned = [], 0
    for name, path in sample_files.items():
        if name in sample.left_out:
            continue
        with Image.open(path) as image:
            exif = image.getexif()
            stamps.append(exif.get_ifd(0x8769).get(0x9003))
            turned += exif.get(0x0112) == 6
            assert bool(exif.get(0x0110)) == (stamps[-1] is not None)
            upright = ImageOps.exif_transpose(image)
            assert (upright.height > upright.width) if exif.get(0x0112) == 6 else True
    assert 0.3 < np.mean([stamp is not None for stamp in stamps]) < 0.95
    assert turned > 0


def test_no_two_names_differ_only_in_case(sample_files):
    assert len({name.lower() for name in sample_files}) == len(sample_files)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(sample, tmp_path):
    again = make_events(tmp_path / "again", photos_per_class=12, seed=3)
    assert digests(again.root) == digests(sample.root)
    small, other = (make_events(tmp_path / f"{seed}", photos_per_class=2, seed=seed).root for seed in (0, 1))
    images = [set(digests(root).values()) for root in (small, other)]
    # Only what is not drawn is alike: the text, the empty file, the HEIC and the cut PNG.
    assert len(images[0] & images[1]) == 4


def test_bursts_look_alike_and_scenes_do_not():
    people = Photographers(5)
    photos = [photo for occasion in OCCASIONS for photo in people.photos(occasion, 8)]
    hashes = np.array([imagehash.phash(take(p.scene, p.camera, p.shot)).hash.ravel() for p in photos])
    bursts = np.array([photo.burst for photo in photos])
    distances = (hashes[:, None] != hashes[None]).sum(-1)
    same = (bursts[:, None] == bursts[None]) & ~np.eye(len(photos), dtype=bool)
    different = bursts[:, None] != bursts[None]
    assert same.any()
    assert np.median(distances[same]) <= 6
    assert distances[different].min() > np.median(distances[same])
    assert np.median(distances[different]) > 24


def test_a_camera_photographs_one_scene_within_minutes_and_another_on_another_day():
    people = Photographers(0)
    photos = [p for occasion in OCCASIONS for p in people.photos(occasion, 60) if p.taken is not None]
    by_burst, by_day = {}, {}
    for photo in photos:
        by_burst.setdefault(photo.burst, []).append(photo)
        folder = photo.name.rpartition("/")[0]
        shoot = folder if "/" in folder else photo.burst
        by_day.setdefault((photo.camera.model, photo.taken.date()), set()).add(shoot)
    for burst in by_burst.values():
        times = [photo.taken for photo in burst]
        assert times == sorted(times)
        assert (times[-1] - times[0]).total_seconds() < 240
    assert all(len(shoots) == 1 for shoots in by_day.values())


def test_a_second_call_finds_the_sample_and_writes_nothing(sample):
    before = {path: path.stat().st_mtime_ns for path in sample.root.rglob("*")}
    again = make_events(sample.root, photos_per_class=12, seed=3)
    assert again.already_there
    assert not sample.already_there
    assert {path: path.stat().st_mtime_ns for path in sample.root.rglob("*")} == before


def test_the_marker_says_what_it_is(sample):
    marker = json.loads((sample.root / MARKER).read_text(encoding="utf-8"))
    assert "Synthetic" in marker["about"]
    assert marker["cannot be used"] == sorted(sample.left_out)
    assert len(marker["files"]) == 77


def test_a_killed_run_is_taken_up(tmp_path):
    whole = make_events(tmp_path / "whole", photos_per_class=2).root
    cut = make_events(tmp_path / "cut", photos_per_class=2).root
    marker = json.loads((cut / MARKER).read_text(encoding="utf-8"))
    (cut / MARKER).write_text(json.dumps(marker | {"files": {}}), encoding="utf-8")
    photos = sorted(path for path in cut.rglob("*.*") if path.is_file() and path.name != MARKER)
    photos[0].unlink()
    photos[1].write_bytes(b"half")
    assert not make_events(cut, photos_per_class=2).already_there
    assert digests(cut) == digests(whole)


def _of_the_user(root):
    (root / "mine.txt").write_text("mine", encoding="utf-8")


def _changed_photo(root):
    next(path for path in root.rglob("*.JPG")).write_bytes(b"edited")


@pytest.mark.parametrize(
    ("spoil", "count", "says"),
    [
        (_of_the_user, 2, "other files (mine.txt)"),
        (_changed_photo, 2, "was changed"),
        (lambda _: None, 3, "another sample"),
    ],
)
def test_what_is_not_this_sample_is_refused_and_kept(tmp_path, spoil, count, says):
    root = make_events(tmp_path / "sample", photos_per_class=2).root
    spoil(root)
    before = digests(root)
    with pytest.raises(UserError, match=re.escape(says)):
        make_events(root, photos_per_class=count)
    assert digests(root) == before


def test_a_foreign_directory_a_file_and_a_wrong_count_are_refused(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(UserError, match="is not empty"):
        make_events(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        make_events(tmp_path / "photo.jpg")
    with pytest.raises(UserError, match="at least 2 photos"):
        make_events(tmp_path / "new", photos_per_class=1)
    with pytest.raises(UserError, match="cannot be written"):
        make_events(tmp_path / "photo.jpg" / "below")
    assert not (tmp_path / "new").exists()


def test_an_empty_directory_and_an_odd_name_will_do(tmp_path):
    root = tmp_path / "Photos (2024), été #1"
    root.mkdir()
    assert make_events(root, photos_per_class=2).photos == 12


def test_a_palette_png_named_jpg_is_among_them(sample, sample_files):
    content = next(
        path.read_bytes()
        for path in sample_files.values()
        if path.read_bytes()[:4] == b"\x89PNG" and path.suffix.lower() == ".jpg"
    )
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "P"
