"""A store of which bits have changed gives what it gave before, or a sentence; never anything else."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from thawline.data.listing import Listed
from thawline.encoders.encoder import Encoder
from thawline.errors import UserError
from thawline.features.media import Photos
from thawline.features.store.disk import database
from thawline.features.store.key import shelf_key
from thawline.features.store.rows import Rows
from thawline.features.store.store import DamagedShelfError, FeatureStore, Shelf, healing
from thawline.features.survey import Survey, survey
from thawline.features.texts import encode_texts
from thawline.features.upkeep import Repaired, list_shelves, repair, verify
from thawline.features.wanted import Wanted, wanted_features

PHOTOS = 12
Filled = tuple[Path, list[Listed], tuple]
TEXTS = ["a wedding", "a birthday", "a picnic"]


def asked_of(store: FeatureStore, encoder: Encoder) -> Wanted:
    """Pixels, and what two cuts make of them: each can be computed from what is below it."""
    device = torch.device("cpu")
    return wanted_features(
        encoder, store, Photos(encoder.preprocessing), cuts=[0, 1, 3], dtype="float32", device=device, label="small"
    )


def everything(root: Path, photos: list[Listed], encoder: Encoder) -> tuple[dict, dict[str, torch.Tensor], Survey]:
    """All that a run takes from a store: facts and features of photos, features of texts."""
    store = FeatureStore(root)
    wanted = asked_of(store, encoder)
    found = survey(photos, store, wanted)
    names = [photo.name for photo in photos][::-1]
    features = {
        f"{target.cut} {name}": tensor
        for target in wanted.targets
        for name, tensor in found.rows(names, target)[:].items()
    }
    key = shelf_key({"family": "letters"}, None, cut=1, dtype="float32", device="cpu")
    texts = encode_texts(TEXTS, store, key, tokens, lambda: halved, entering={"letters": 12}, label="letters")
    return dict(found.facts), features | {"texts": texts.rows[:]["features"]}, found


def halved(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"features": inputs["ids"] * 0.5}


def tokens(texts: list[str]) -> dict[str, torch.Tensor]:
    return {"ids": torch.tensor([[float(ord(c)) for c in text.ljust(12)] for text in texts])}


def same(first: tuple, second: tuple) -> bool:
    features = zip(first[1].values(), second[1].values(), strict=True)
    return first[0] == second[0] and first[1].keys() == second[1].keys() and all(torch.equal(a, b) for a, b in features)


def flip(path: Path, chance: random.Random, bits: int = 1) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(bits):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


@pytest.fixture
def filled(
    tmp_path: Path, make_photos: Callable[..., list[Listed]], encoder: Encoder
) -> tuple[Path, list[Listed], tuple]:
    """A store, the photos that it was filled from, and what it gives."""
    photos = make_photos(PHOTOS)
    return tmp_path / "whole", photos, everything(tmp_path / "whole", photos, encoder)


def files_of(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and path.stat().st_size)


@pytest.mark.parametrize(("bits", "times"), [(1, 12), (100, 4)])
def test_changed_bits_anywhere_change_no_number(
    filled: Filled, tmp_path: Path, encoder: Encoder, bits: int, times: int
) -> None:
    whole, photos, expected = filled
    chance = random.Random(int(os.environ.get("SEED", 0)))
    said = []
    for _ in range(int(os.environ.get("FLIPS", times))):
        root = shutil.copytree(whole, tmp_path / "damaged")
        path = chance.choice(files_of(root))
        flip(path, chance, bits)
        try:
            found = everything(root, photos, encoder)
        except UserError as error:
            said.append(f"{path.name}: {error}")
        else:
            assert same(found, expected), path
            # Healed, not only survived: of a memory that was set aside, what it still gave is read at the next run.
            for opened in (PHOTOS, 0):
                again = everything(root, photos, encoder)
                assert same(again, expected), path
                assert again[2].computed == 0, path
                assert again[2].opened <= opened, path
        verify(FeatureStore(root))
        list_shelves(FeatureStore(root))
        shutil.rmtree(root)
    assert said == []


DIGESTS = [f"{number:064x}" for number in range(9)]
FEATURES = {"hidden": torch.arange(36.0).reshape(9, 4), "mask": torch.arange(9)[:, None] % 2 == 0}


def fill_shelf(shelf: Shelf) -> Rows:
    """What a pass does with a shelf."""
    if shelf.missing(DIGESTS):
        with shelf.filling():
            new = [DIGESTS.index(digest) for digest in shelf.missing(DIGESTS)]
            shelf.append([DIGESTS[i] for i in new], {name: tensor[new] for name, tensor in FEATURES.items()})
    return shelf.rows(DIGESTS[::-1])


@pytest.mark.parametrize("bits", [1, 2, 50])
def test_a_shelf_of_which_bits_changed_heals(tmp_path: Path, bits: int) -> None:
    """At many more places than whole passes have time for."""
    whole, chance = FeatureStore(tmp_path / "whole"), random.Random(int(os.environ.get("SEED", 0)))
    fill_shelf(whole.shelf({"dtype": "float32"}))
    for _ in range(int(os.environ.get("FLIPS", 12))):
        store = FeatureStore(shutil.copytree(whole.root, tmp_path / "damaged"))
        shelf = store.shelf({"dtype": "float32"})
        flip(chance.choice([shelf.index, shelf.index, *shelf.folder.iterdir()]), chance, bits)
        for _ in range(2):
            rows = healing(lambda shelf=shelf: fill_shelf(shelf))
            assert all(torch.equal(rows[:][name], tensor.flip(0)) for name, tensor in FEATURES.items())
        repair(store, verify(store).problems)
        assert verify(store).problems == []
        rows = healing(lambda shelf=shelf: fill_shelf(shelf))
        assert all(torch.equal(rows[:][name], tensor.flip(0)) for name, tensor in FEATURES.items())
        shutil.rmtree(store.root)


def test_an_index_that_leads_to_the_row_of_another_sample_is_noticed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shelf = FeatureStore(tmp_path).shelf({"dtype": "float32"}, "net")
    fill_shelf(shelf)
    with database(shelf.index) as db:  # a record is another's, with the checksum of its row
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM samples WHERE digest = ?", (DIGESTS[1],))
        db.execute("UPDATE samples SET digest = ? WHERE digest = ?", (DIGESTS[1], DIGESTS[2]))
    assert shelf.missing(DIGESTS) == [DIGESTS[2]]
    with pytest.raises(DamagedShelfError, match=r"of net \(.*\) are damaged \(1 of its rows\)"):
        shelf.rows(DIGESTS[:2])
    rows = healing(lambda: fill_shelf(shelf))
    assert torch.equal(rows[:]["hidden"], FEATURES["hidden"].flip(0))
    assert capfd.readouterr().err == "1 stored features of net were damaged: computing them again\n"


def test_a_row_that_was_dropped_is_not_given_to_another_sample(tmp_path: Path) -> None:
    """A process that began before still reads it, and those after it."""
    shelf = FeatureStore(tmp_path).shelf({"dtype": "float32"})
    before = fill_shelf(shelf)
    path = next(shelf.folder.glob("hidden.*.rows"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedShelfError) as found:
        shelf.rows(DIGESTS)
    shelf.heal(found.value)
    with shelf.filling():
        shelf.append(["new"], {name: tensor[4:5] for name, tensor in FEATURES.items()})
    assert torch.equal(before[:]["hidden"][1:], FEATURES["hidden"].flip(0)[1:])
    assert path.read_bytes()[: len(data)] == data
    assert verify(shelf.store).problems == []


def test_a_shelf_that_is_damaged_again_and_again_ends_in_a_sentence(tmp_path: Path) -> None:
    shelf, chance = FeatureStore(tmp_path).shelf({"dtype": "float32"}), random.Random(0)

    def fill_on_a_failing_disk() -> Rows:
        fill_shelf(shelf)
        flip(next(shelf.folder.glob("hidden.*.rows")), chance, 30)
        return shelf.rows(DIGESTS)

    with pytest.raises(UserError, match="'thawline store verify repair=true' drops what is"):
        healing(fill_on_a_failing_disk)


def test_only_what_is_damaged_is_dropped(filled: Filled, encoder: Encoder, capfd: pytest.CaptureFixture[str]) -> None:
    root, photos, expected = filled
    store = FeatureStore(root)
    pixels, entry, _ = asked_of(store, encoder).targets
    flip(next(pixels.shelf.folder.glob("*.rows")), random.Random(1))
    flip(next(entry.shelf.folder.glob("*.rows")), random.Random(2))
    problems = verify(store).problems
    assert {(problem.shelf, problem.label) for problem in problems} == {
        (pixels.shelf.id, "small at pixels"),
        (entry.shelf.id, "small at entry"),
    }
    assert repair(store, problems) == Repaired(samples=2, shelves=0, busy=[])
    assert verify(store).problems == []
    found = everything(root, photos, encoder)
    assert same(found, expected)
    assert (found[2].computed, found[2].opened) == (2, 1)  # the entry's from the pixels
    assert "damaged" not in capfd.readouterr().err


def test_what_another_process_heals_meanwhile_stays(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = FeatureStore(tmp_path)
    mine, others = (store.shelf({"dtype": "float32"}) for _ in range(2))
    fill_shelf(mine)
    for damage in (lambda: flip(next(mine.folder.glob("hidden.*.rows")), random.Random(0)), lambda: tear(mine.index)):
        damage()
        with pytest.raises(DamagedShelfError) as found:
            mine.rows(DIGESTS)
        healing(lambda: fill_shelf(others))
        capfd.readouterr()
        mine.heal(found.value)
        assert mine.missing(DIGESTS) == []
        assert capfd.readouterr().err == ""


def tear(path: Path) -> None:
    path.write_bytes(b"no database" * 100)


def test_a_shelf_of_an_earlier_version_is_left_alone_and_named(filled: Filled, encoder: Encoder) -> None:
    root, _, _ = filled
    store = FeatureStore(root)
    shelf = asked_of(store, encoder).targets[0].shelf
    older = store.shelf({**shelf.key, "format": 1}, "older")
    shelf.folder.rename(older.folder)
    (older.folder / "key.json").write_text(json.dumps({"label": "older", "key": older.key}))
    with database(older.index) as db:
        db.execute("ALTER TABLE columns DROP COLUMN seal")
    found = verify(store)
    assert (found.problems, found.outdated, found.shelves) == ([], 1, 3)
