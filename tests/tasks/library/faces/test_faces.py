"""Faces in photos by dlib's own detector and network: found, encoded, kept, and grouped."""

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from tests.extras import require

from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.features.store.store import FeatureStore, Shelf
from thawline.tasks.library.faces import stored
from thawline.tasks.library.faces.settings import FacesSettings, check_faces
from thawline.tasks.library.faces.stored import find_faces
from thawline.tasks.library.people.forget import forget_person
from thawline.tasks.library.people.store import read_people
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.train import train_library

require("faces", "dlib", "face_recognition_models")
pytestmark = pytest.mark.extra
DLIB = FacesSettings("dlib", upsample=0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Rear Admiral Hopper, whom matplotlib brings, as she is, in other lights, on her side, and not at all."""
    from matplotlib.cbook import get_sample_data

    folder = tmp_path_factory.mktemp("photos")
    plain = Image.open(get_sample_data("grace_hopper.jpg")).convert("RGB")
    plain.save(folder / "plain.png")
    ImageOps.mirror(plain).save(folder / "mirrored.png")
    ImageEnhance.Brightness(plain).enhance(1.3).save(folder / "bright.jpg", quality=90)
    plain.resize((256, 300)).save(folder / "small.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    plain.rotate(90, expand=True).save(folder / "turned.jpg", exif=exif, quality=95)
    Image.new("RGB", (300, 200), (90, 120, 60)).save(folder / "nobody.png")
    (folder / "cut.jpg").write_bytes((folder / "bright.jpg").read_bytes()[:3000])
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return FeatureStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def looked(photos, store):
    return find_faces(sorted(photos.iterdir()), store, DLIB)


def test_one_face_is_found_in_each_photo_of_her_whatever_its_light_size_and_turn(photos, looked):
    found = {path.name: faces for path, faces in looked.found.items()}
    assert {name: len(faces) for name, faces in found.items()} == {
        **dict.fromkeys(("plain.png", "mirrored.png", "bright.jpg", "small.png", "turned.jpg"), 1),
        "nobody.png": 0,
    }
    assert list(looked.problems) == [photos / "cut.jpg"]
    assert looked.problems[photos / "cut.jpg"].startswith("broken JPEG")
    assert looked.computed == 6
    left, top, right, bottom = found["plain.png"].looks[0, :4]
    assert [left, top, right, bottom] == [161, 137, 377, 353]
    for name, scale in (("bright.jpg", 1), ("turned.jpg", 1), ("small.png", 0.5)):
        box = found[name].looks[0, :4] / scale
        assert np.abs(box - [left, top, right, bottom]).max() < 40, name
    encodings = {name: faces.encodings[0] for name, faces in found.items() if len(faces)}
    apart = {name: float(np.linalg.norm(one - encodings["plain.png"])) for name, one in encodings.items()}
    assert max(apart.values()) < 0.35
    assert all(1.2 < np.linalg.norm(one) < 1.6 for one in encodings.values())
    quality, score, sharpness = found["plain.png"].looks[0, 4:]
    assert 0.6 < quality < 0.9
    assert score > 1
    assert sharpness > found["small.png"].looks[0, 6] / 2 > 1


def test_another_face_is_farther(looked, shared_data, photos, tmp_path):
    family = sorted((shared_data / "events" / "family").iterdir())[:4]
    others = find_faces(family, FeatureStore(tmp_path), FacesSettings("dlib"))
    faces = np.concatenate([found.encodings for found in others.found.values()])
    her = looked.found[photos / "plain.png"].encodings[0]
    assert len(faces) >= 2
    assert np.linalg.norm(faces - her, axis=1).min() > 0.6


def test_a_content_is_looked_at_once_and_what_is_damaged_in_the_store_again(photos, looked, store, tmp_path, capfd):
    copy = tmp_path / "copy.png"
    copy.write_bytes((photos / "plain.png").read_bytes())
    again = find_faces([copy, photos / "nobody.png"], store, DLIB)
    assert again.computed == 0
    assert np.array_equal(again.found[copy].looks, looked.found[photos / "plain.png"].looks)
    (rows,) = store.shelves.glob("*/encoding.*.rows")
    whole = rows.read_bytes()
    rows.write_bytes(whole[:40] + b"\xff" * 8 + whole[48:])
    healed = find_faces(list(looked.found), store, DLIB)
    assert healed.computed == 1
    assert "1 stored features of faces by dlib were damaged" in capfd.readouterr().err
    for path, faces in looked.found.items():
        assert np.array_equal(healed.found[path].encodings, faces.encodings)


def test_processes_find_what_one_does_and_one_that_is_killed_is_told(photos, looked, tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "_WORTH", 3)
    monkeypatch.setattr(stored, "_TOGETHER", 1)
    settings = replace(DLIB, processes=2)
    killed = FeatureStore(tmp_path / "killed")
    keep = Shelf.append

    def kill(shelf, *rows):
        keep(shelf, *rows)
        for child in multiprocessing.active_children():
            child.kill()

    with monkeypatch.context() as patched:
        patched.setattr(Shelf, "append", kill)
        with pytest.raises(UserError, match=r"^a process that looked for faces was ended by the system, .* is short$"):
            find_faces(sorted(photos.iterdir()), killed, settings)
    rest = find_faces(sorted(photos.iterdir()), killed, settings)
    assert 1 <= rest.computed < 6
    for found in (rest, find_faces(sorted(photos.iterdir()), FeatureStore(tmp_path / "whole"), settings)):
        assert found.problems == looked.problems
        assert all(np.array_equal(found.found[path].looks, faces.looks) for path, faces in looked.found.items())


def train(folder: Path, photos: Path, store: FeatureStore, faces: FacesSettings):
    names = ["plain.png", "bright.jpg", "nobody.png", "cut.jpg", "gone.png"]
    rows = [{"id": name, "image_path": name} for name in names]
    own = np.random.default_rng(3).normal(size=128)
    rows.append({"id": "own", "image_path": "small.png", "face_encodings": [list(own / np.linalg.norm(own))]})
    (folder / "library.json").write_text(json.dumps(rows))
    settings = {"file": str(folder / "library.json"), "images": str(photos), "out": str(folder / "learnt")}
    return train_library(LibraryTrainSettings(**settings, faces=faces, store=StoreSettings(str(store.root))))


def test_a_training_finds_faces_where_entries_have_none(tmp_path, photos, looked, store):
    learnt = tmp_path / "learnt"
    report = train(tmp_path, photos, store, DLIB)
    assert report["quality"]["faces"] == {
        "photos": 4, "computed": 0, "unusable": 1, "absent": 1, "with_faces": 2, "faces": 2, "network": "dlib",
    }  # fmt: skip
    assert (report["images_with_faces"], report["faces"]) == (3, 3)
    (skipped,) = json.loads((learnt / "skipped.json").read_bytes())
    assert (skipped["place"], skipped["field"]) == ("entry 4 (id cut.jpg)", "image_path")
    words = json.loads((learnt / "face_clusters.json").read_bytes())
    assert [one["faces"] for one in words["people"]] == [["bright.jpg#0", "plain.png#0"], ["own#0"]]
    assert list(words["seen"]) == ["bright.jpg#0", "plain.png#0"]
    looks = looked.found[photos / "plain.png"].looks[0]
    seen = words["seen"]["plain.png#0"]
    assert seen["box"] == [161, 137, 377, 353]
    assert [seen["quality"], seen["score"], seen["sharpness"]] == pytest.approx(looks[4:].tolist(), abs=1e-4)
    # A training that doesn't look at photos keeps what one before found in them.
    train(tmp_path, photos, store, FacesSettings())
    assert json.loads((learnt / "face_clusters.json").read_bytes()) == words
    her = words["people"][0]["id"]
    left, _ = forget_person(learnt, read_people(learnt), her)
    assert left.faces.keys == ("own#0",)
    again = train(tmp_path, photos, store, DLIB)
    assert again["quality"]["people"]["faces"] == 1
    assert json.loads((learnt / "face_clusters.json").read_bytes())["seen"] == {}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"network": "sface"}, "faces.network=sface is not known; use dlib, or null"),
        ({"detector": "yunet"}, "faces.detector=yunet is not known; use hog or cnn"),
        ({"upsample": 4}, "faces.upsample=4 must be 0 to 3"),
        ({"side": 10}, "faces.side=10 must be 80 to 8192 px"),
        ({"max_megapixels": 0.0}, "faces.max_megapixels=0 must be more than 0"),
        ({"processes": 0}, "faces.processes=0 must be 1 or more, or null for one a core"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(UserError, match=f"^{said}$"):
        check_faces(FacesSettings(**settings))
