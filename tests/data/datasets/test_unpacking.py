"""Data sets of the library `datasets` as the files and tables that tasks read."""

import json
import sys
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, List
from huggingface_hub import constants
from tests.data.conftest import draw_scene, encode_image

from thawline.data.datasets.settings import DatasetSettings
from thawline.data.photos.groups import find_groups
from thawline.data.photos.photo import PhotoFacts
from thawline.data.photos.table import list_table
from thawline.data.settings import DataSettings
from thawline.data.tracks.listing import list_tracks
from thawline.errors import UserError
from thawline.tasks.genre.settings import TracksSettings
from thawline.tasks.library.settings import LibrarySettings
from thawline.tasks.match.settings import PairsSettings

SCENES = [encode_image(draw_scene(seed, (64, 48))) for seed in range(4)]
PHOTOS = Features({"image": Image(), "label": ClassLabel(names=["barat", "mehndi"])})


def photos(labels=(0, 1, 0, 1), features=PHOTOS):
    """A data set of the four scenes; none of them is decoded."""
    rows = [{"bytes": scene, "path": None} for scene in SCENES]
    return Dataset.from_dict({"image": rows, "label": list(labels)}, features=features)


def opened(path, store, kind=DataSettings, **dataset):
    settings = kind(path=str(path), reader="datasets", dataset=DatasetSettings(**dataset))
    return settings.opened(store)


def listed(data, labels="one"):
    return list_table(Path(data.path), labels=labels)


def contents(data):
    return [(photo.name, photo.label, photo.side, photo.path.read_bytes()) for photo in listed(data).photos]


def test_a_saved_data_set_becomes_a_table_beside_its_very_bytes(tmp_path):
    photos().save_to_disk(tmp_path / "saved")
    data = opened(tmp_path / "saved", tmp_path / "store")
    assert (data.reader, data.layout, data.dataset) == ("auto", "auto", DatasetSettings())
    assert contents(data) == [
        ("000000.jpeg", "barat", None, SCENES[0]),
        ("000001.jpeg", "mehndi", None, SCENES[1]),
        ("000002.jpeg", "barat", None, SCENES[2]),
        ("000003.jpeg", "mehndi", None, SCENES[3]),
    ]
    about = json.loads((Path(data.path).parent / "about.json").read_text())
    assert about == {"data set": str(tmp_path / "saved"), "rows": {"train": 4}}


def test_what_was_unpacked_is_found_again_without_the_library_and_anew_when_the_data_set_changed(tmp_path, monkeypatch):
    photos().save_to_disk(tmp_path / "saved")
    first = opened(tmp_path / "saved", tmp_path / "store")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "datasets", None)  # as if it were not installed
        assert opened(tmp_path / "saved", tmp_path / "store") == first
        with pytest.raises(UserError, match=r"needs the extra 'datasets': pip install 'thawline\[datasets\]'"):
            opened(tmp_path / "saved", tmp_path / "store", splits=["train"])
    photos((1, 1, 0, 0)).save_to_disk(tmp_path / "saved")
    again = opened(tmp_path / "saved", tmp_path / "store")
    assert again.path != first.path
    assert [photo.label for photo in listed(again).photos] == ["mehndi", "mehndi", "barat", "barat"]


def test_splits_are_the_given_split_and_one_alone_is_none(tmp_path):
    DatasetDict({"train": photos(), "validation": photos((1, 0, 1, 0))}).save_to_disk(tmp_path / "saved")
    found = contents(opened(tmp_path / "saved", tmp_path / "store"))
    assert [one[:3] for one in found[3:5]] == [
        ("train/000003.jpeg", "mehndi", "train"),
        ("validation/000000.jpeg", "mehndi", "val"),
    ]
    alone = opened(tmp_path / "saved", tmp_path / "store", splits=["validation"])
    assert contents(alone)[1] == ("000001.jpeg", "barat", None, SCENES[1])


def test_files_that_a_parquet_names_are_used_where_they_lie(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(SCENES[0])
    paths = [{"bytes": None, "path": str(tmp_path / "photo.jpg")}, {"bytes": None, "path": "/old/000002.jpg"}]
    rows = [*paths, {"bytes": SCENES[1], "path": "other.JPG"}, None]
    columns = {"photo": rows, "event": ["a/b", "c", "c", "c"], "group": ["x", "x", "y", None]}
    pq.write_table(pa.table(columns), tmp_path / "set.parquet")
    data = opened(tmp_path / "set.parquet", tmp_path / "store", columns={"image": "photo", "label": "event"})
    here, there = sorted(listed(data).photos, key=lambda photo: photo.label)
    assert (here.path, here.name, here.label, here.group) == (
        *(tmp_path / "photo.jpg", str(tmp_path / "photo.jpg")),
        *("a/b", "x"),
    )
    assert (there.name, there.path.read_bytes(), there.group) == ("000002.jpg", SCENES[1], "y")
    left_out = [(left.name, left.reason) for left in listed(data).left_out]
    assert left_out == [("absent/old/000002.jpg", "row 3: nothing is there"), ("table.parquet", "row 5: no path")]


def test_photos_of_an_album_are_of_one_group(tmp_path):
    (tmp_path / "albums.csv").write_text("path,label,group\na.jpg,x,one\nb.jpg,x,\nc.jpg,y,one\nd.jpg,y,\n")
    for name in "abcd":
        (tmp_path / f"{name}.jpg").touch()
    found = list_table(tmp_path / "albums.csv", labels="one").photos
    grouping = find_groups(found, [PhotoFacts(photo.name) for photo in found])
    assert grouping.ids.tolist() == [0, 1, 0, 2]
    assert grouping.reasons["group"] == 1


def test_a_photo_of_several_labels_has_them_all_and_one_of_none_is_left_out(tmp_path):
    features = Features({"image": Image(), "label": List(ClassLabel(names=["formal", "romantic; sweet"]))})
    photos([[0, 1], [1], [0], []], features).save_to_disk(tmp_path / "saved")
    listing = listed(opened(tmp_path / "saved", tmp_path / "store"), labels="several")
    assert {photo.name: photo.labels for photo in listing.photos} == {
        "000000.jpeg": ("formal", "romantic / sweet"),
        "000001.jpeg": ("romantic / sweet",),
        "000002.jpeg": ("formal",),
    }
    assert [(left.name, left.reason) for left in listing.left_out] == [("000003.jpeg", "row 5: no label")]


def test_pairs_tracks_and_a_library_become_tables(tmp_path):
    pairs = photos().rename_column("label", "matches").add_column("caption", ["a", "b", "c", "d"])
    pairs = DatasetDict({"train": pairs, "test": pairs})
    pairs.save_to_disk(tmp_path / "pairs")
    data = opened(tmp_path / "pairs", tmp_path / "store", PairsSettings, columns={"label": "matches"})
    assert pq.read_table(data.path).slice(3, 2).to_pylist() == [
        {"image_path": "train/000003.jpeg", "text": "d", "label": "mehndi", "split": "train"},
        {"image_path": "train/000000.jpeg", "text": "a", "label": "barat", "split": "test"},
    ]
    assert (Path(data.path).parent / "train" / "000000.jpeg").read_bytes() == SCENES[0]
    assert list((Path(data.path).parent / "test").iterdir()) == []  # an image that several pairs have is one file

    sounds = [{"bytes": b"fLaC rest", "path": None}, {"bytes": b"ID3", "path": "a.mp3"}]
    genres = pa.table({"clip": sounds, "genre": [["jazz", "blues"], ["rock"]], "artist": ["x", None]})
    pq.write_table(genres, tmp_path / "tracks.parquet")
    tracks = opened(tmp_path / "tracks.parquet", tmp_path / "store", TracksSettings, columns={"audio": "clip"})
    listing = list_tracks(Path(tracks.path))
    assert [(one.name, one.labels, one.artist) for one in listing.tracks] == [
        ("000000.flac", ("jazz", "blues"), "x"),
        ("000001.mp3", ("rock",), None),
    ]

    tagged = photos().remove_columns("label").add_column("tags", [["sea", "sun"], ["sea"], [], ["sun"]])
    tagged.save_to_disk(tmp_path / "library")
    library = opened(tmp_path / "library", tmp_path / "store", LibrarySettings)
    assert pq.read_table(library.path).slice(0, 1).to_pylist() == [
        {"image_path": "000000.jpeg", "meta_tags": "sea|sun", "id": "0"}
    ]


@pytest.mark.parametrize(
    ("dataset", "kind", "said"),
    [
        ({"splits": ["dev"]}, DataSettings, "has no split 'dev'; it has: train, extra"),
        ({}, DataSettings, "'extra' is none of train, validation and test; choose by data.dataset.splits="),
        ({}, LibrarySettings, "this task takes no given split; choose one"),
        ({"splits": ["empty"]}, DataSettings, "the split 'empty' of .* has no rows"),
        ({"splits": []}, DataSettings, "names none; .* has: train, extra, empty"),
        ({"columns": {"label": "event"}}, DataSettings, "has no column 'event'; it has: image, label, number"),
        ({"columns": {"event": "label"}}, DataSettings, "names 'event'; this task reads image, label"),
        ({"columns": {"image": "number"}}, DataSettings, "the column 'number' of .* is int64, not an image file"),
        ({}, PairsSettings, "has no column 'text'; say which it is by 'data.dataset.columns={text: …}'"),
        ({}, TracksSettings, "has no column 'audio'; .* it has image, label, number"),
        ({"columns": {"audio": "image"}}, TracksSettings, "the column 'image' of .* is Image, not an audio file"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path, dataset, kind, said):
    some = photos().add_column("number", [1, 2, 3, 4])
    DatasetDict({"train": some, "extra": some, "empty": some.select([])}).save_to_disk(tmp_path / "saved")
    if not dataset and kind is not TracksSettings and kind is not PairsSettings:
        dataset = {"splits": ["train", "extra"]}
    elif "splits" not in dataset:
        dataset = {**dataset, "splits": ["train"]}
    with pytest.raises(UserError, match=said):
        opened(tmp_path / "saved", tmp_path / "store", kind, **dataset)
    assert [path.name for path in (tmp_path / "store" / "datasets").iterdir() if path.suffix != ".lock"] == []


def test_what_is_no_data_set_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_text("no Parquet")
    with pytest.raises(UserError, match=r"a\.parquet can't be read as a data set \(Parquet magic .*data\.reader=auto$"):
        opened(tmp_path / "a.parquet", tmp_path / "store")
    with pytest.raises(UserError, match=r"there is no data set .*nowhere; check the path, or give a name on the Hub"):
        opened(tmp_path / "nowhere", tmp_path / "store")
    photos().save_to_disk(tmp_path / "saved")
    with pytest.raises(UserError, match=r"is a data set that save_to_disk wrote; add data\.reader=datasets"):
        DataSettings(path=str(tmp_path / "saved")).opened(tmp_path / "store")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"owner/name can't be fetched: .* the Hub can't be reached; unset HF_HUB_OFFL"):
        opened("owner/name", tmp_path / "store")
    assert not datasets.config.HF_HUB_OFFLINE
    with pytest.raises(
        UserError, match=r"data\.split=train is no table of a split; .* data\.dataset\.splits=\[train\]"
    ):
        DataSettings(path="owner/name", reader="datasets", split="train")
    with pytest.raises(UserError, match=r"data\.dataset says what is read of a data set; add data\.reader=datasets"):
        DataSettings(path="Photos", dataset=DatasetSettings(splits=["train"]))
    with pytest.raises(UserError, match=r"data\.reader=artist is not known; use auto or datasets"):
        DataSettings(path="Photos", reader="artist")
    with pytest.raises(UserError, match=r"columns=event must name columns"):
        DatasetSettings(columns="event")
