"""The sample of a library: entries that can all be read, people that can be told apart, and growth over three dates."""

import hashlib
import json
from itertools import combinations

import numpy as np
import pytest

from thawline.errors import UserError
from thawline.samples.library import DATES, PEOPLE, Encodings, make_library
from thawline.samples.library import _Sample as planned
from thawline.samples.settings import SampleSettings
from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import EntrySettings
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.sample import make


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_library(tmp_path_factory.mktemp("samples") / "Our photos (2024)", items=20, seed=1)


def read(path):
    skipped = Skipped()
    return list(read_entries(path, EntrySettings(), skipped)), skipped


def digests(root):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


def test_every_entry_can_be_used_and_has_its_photo(made):
    entries, skipped = read(made.file)
    assert (len(entries), made.entries, skipped.listed) == (20, 20, [])
    assert all(entry.photo.is_file() and entry.description and entry.created_at for entry in entries)
    assert sum(len(entry.tags) for entry in entries) > 3 * 20
    truth = json.loads(made.truth.read_bytes())
    assert {entry.id: len(entry.faces) for entry in entries} == {id_: len(people) for id_, people in truth.items()}
    assert sum(len(entry.faces) for entry in entries) == made.faces


def test_it_grew_over_three_dates(made):
    whole, _ = read(made.file)
    sizes = []
    for path in (*made.growth, made.file):
        entries, _ = read(path)
        assert [entry.id for entry in entries] == [entry.id for entry in whole[: len(entries)]]
        sizes.append(len(entries))
    assert sizes == [10, 15, 20]
    times = [entry.created_at for entry in whole]
    assert times == sorted(times)
    assert times[9] < DATES[1] <= times[10] < times[14] < DATES[2] <= times[15]


def test_people_can_be_told_apart_and_twins_hardly():
    encodings = Encodings(seed=0)
    first, second = encodings.of(range(PEOPLE)), encodings.of(range(PEOPLE))
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1)
    same = (first * second).sum(axis=1)
    others = {(a, b): first[a] @ second[b] for a, b in combinations(range(PEOPLE), 2)}
    twins = [others.pop(pair) for pair in ((0, 1), (2, 3))]
    assert min(same) > 0.7
    assert max(others.values()) < 0.4
    assert all(0.4 < alike < min(same) for alike in twins)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(made, tmp_path):
    assert digests(make_library(tmp_path / "again", items=20, seed=1).root) == digests(made.root)
    other = planned(items=20, seed=2)
    assert other.entries != json.loads(made.file.read_bytes())
    assert not {photo.scene for photo in other.photos.values()} & {p.scene for p in planned(20, 1).photos.values()}


def test_what_is_made_is_said(made):
    said = make(made.root, SampleSettings(collection="library", directory=str(made.root), items=20, seed=1))
    assert (said.what, said.place, said.already_there) == ("20 entries", made.file, True)
    assert f"{made.faces} faces" in said.said[0]


@pytest.mark.parametrize("items", [19, 5001])
def test_too_few_or_too_many_items_are_refused(tmp_path, items):
    with pytest.raises(UserError, match="20 to 5000 items"):
        make_library(tmp_path / "x", items=items)
