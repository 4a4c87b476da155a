import csv
import dataclasses
import hashlib
import os

import numpy as np
import pytest
from PIL import Image
from tests.bundles import conftest as networks_
from tests.bundles.conftest import FACTS, Kind, fit, networks  # noqa: F401  # fixtures
from tests.e2e.conftest import thawline as thawline_  # noqa: F401

from thawline.bundles.networks import classifier
from thawline.bundles.write import Extras, write_bundle
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.tasks.bundle.load import load_bundle
from thawline.tasks.preference.asking.ask import next_items
from thawline.tasks.preference.asking.scoring import load_scorer
from thawline.versions.database import open_database
from thawline.versions.feedback import add_item, record, unanswered
from thawline.versions.registry import Registry
from thawline.versions.schema import Feedback

PHOTOS, GROUPED = 14, 3  # the last few are of one group


@pytest.fixture(scope="session")
def bundle(fit, tmp_path_factory):  # noqa: F811
    """A small taste with random weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks_, "CLASSES", ("dislike", "like"))
        tuned = fit(Kind("timm:test_resnet", "linear", "head")).tuned
    folder = tmp_path_factory.mktemp("taste") / "bundle"
    tuned = dataclasses.replace(tuned, task="preference", classes=("dislike", "like"))
    write_bundle(folder, tuned, Extras((), 1e-5, FACTS))
    return folder


@pytest.fixture
def photos(tmp_path):
    rng, made = np.random.default_rng(0), []
    for number in range(PHOTOS):
        path = tmp_path / "photos" / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        colours = rng.integers(0, 256, (3, 3, 3)).astype(np.uint8)
        Image.fromarray(colours).resize((64, 64), Image.Resampling.BICUBIC).save(path)
        made.append(path)
    return made


@pytest.fixture
def thawline(thawline_, monkeypatch):  # noqa: F811
    monkeypatch.setenv("COLUMNS", "80")
    return thawline_


@pytest.fixture
def registry(thawline, photos):
    """A registry whose database has the photos, in the place where the command looks for it."""
    root = thawline.directory / "outputs" / "versions"
    root.mkdir(parents=True)
    with open_database(f"sqlite:///{root / 'versions.sqlite3'}") as database:
        with database.session() as session:
            for number, path in enumerate(photos):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                add_item(session, path, digest, group=7 if number >= PHOTOS - GROUPED else None)
        yield Registry(root, database)


@pytest.fixture
def active(registry, bundle):
    registry.import_(bundle)
    registry.activate(1)
    return registry


@pytest.fixture
def ask(thawline, tmp_path):
    """Ask a registry."""

    def some(registry, n=4, strategy="uncertainty", seed=0):
        store = StoreSettings(str(tmp_path / "store"))
        with registry.database.reading() as session:
            return next_items(session, registry, n, strategy, store=store, seed=seed)

    return some


def answer(registry, wanted, said="like"):
    with registry.database.session() as session:
        for item in unanswered(session):
            if item.path in map(str, wanted):
                record(session, item, said)


def test_what_the_active_version_is_least_sure_of_is_asked_about_with_its_score(active, ask, photos, bundle):
    answer(active, photos[:1])
    said = {one.path: one.probabilities["like"] for one in load_bundle(bundle).predict(photos, calibrated=True)}
    asking = ask(active)
    alone = photos[1 : PHOTOS - GROUPED]
    burst = sorted(photos[PHOTOS - GROUPED :], key=lambda path: abs(said[str(path)] - 0.5))
    wanted = sorted([*alone, burst[0]], key=lambda path: abs(said[str(path)] - 0.5))[:4]
    assert [one.path for one in asking.items] == wanted
    assert [one.score for one in asking.items] == pytest.approx([said[str(path)] for path in wanted], abs=1e-5)
    assert [one.why for one in asking.items] == [f"least sure: {one.score:.2f}" for one in asking.items]
    assert (asking.open, asking.version.number, asking.problems) == (PHOTOS - 1, 1, {})
    with active.database.reading() as session:
        assert session.query(Feedback).count() == 1


def test_no_photo_is_opened_for_what_is_stored_and_one_that_is_gone_gives_way(active, ask, photos):
    answer(active, photos[:1])
    before = ask(active, 3)
    for path in photos:
        if path != before.items[0].path:
            path.write_bytes(b"no picture any more")  # that would be noticed if it were read
    assert ask(active, 3) == before
    before.items[0].path.unlink()
    after = ask(active, 3)
    assert after.items[:2] == before.items[1:]
    assert after.problems == {str(before.items[0].path): "the file is gone"}


def test_photos_that_cannot_be_used_are_named(active, ask, photos):
    answer(active, photos[:1])
    photos[1].write_bytes(b"no picture")
    Image.new("RGB", (64, 64)).save(photos[2])
    photos[3].unlink()
    asking = ask(active, PHOTOS)
    assert set(asking.problems) == {str(path) for path in photos[1:4]}
    assert asking.problems[str(photos[2])] == "the file has another content by now"
    assert len(asking.items) == PHOTOS - 4 - (GROUPED - 1)


def test_as_long_as_nothing_is_answered_it_asks_about_unlike_photos(active, ask):
    asking = ask(active, 3, "badge")
    assert [one.why for one in asking.items] == ["typical of all, to begin with", *["unlike anything asked so far"] * 2]
    assert all(0 < one.score < 1 for one in asking.items)


def test_without_a_version_photos_are_drawn(registry, ask, photos):
    photos[0].unlink()
    asking = ask(registry, PHOTOS, "badge")
    assert {one.path for one in asking.items} < set(photos[1:])
    assert len(asking.items) == PHOTOS - 1 - (GROUPED - 1)
    assert {(one.score, one.why) for one in asking.items} == {
        (None, "random: no version is active yet that could tell photos apart")
    }
    assert asking.version is None


def test_random_is_another_draw_for_each_seed_and_after_each_answer(active, ask, photos):
    first = ask(active, 4, "random")
    assert first == ask(active, 4, "random")
    assert first.items != ask(active, 4, "random", seed=1).items
    answer(active, [next(path for path in photos if path not in [one.path for one in first.items])])
    assert first.items != ask(active, 4, "random").items
    assert {one.why for one in first.items} == {"random, to keep exploring"}
    assert all(0 < one.score < 1 for one in first.items)


@pytest.mark.usefixtures("active")
def test_the_command_prints_each_with_its_reason_and_writes_a_table_to_fill_in(thawline, photos):
    said = thawline("preference", "ask", "n=2", "strategy=diversity", "out=ask.csv")
    out = thawline.directory / "ask.csv"
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [list(row) for row in rows] == [["path", "feedback", "score", "why", "picked_by"]] * 2
    assert {row["path"] for row in rows} < set(map(str, photos))
    assert [row["feedback"] for row in rows] == ["", ""]
    assert f"2 of {PHOTOS} photos without an answer, by diversity; scored by v1" in said
    for row in rows:
        assert f"{float(row['score']):.2f}  {row['why']}" in said
        assert row["path"] in said.split()
    assert all(len(line) <= 80 or "/" in line for line in said.splitlines())
    assert "next   thawline preference import ask.csv" in said
    assert f"{out} is there already" in thawline.refused("preference", "ask", "out=ask.csv")


def test_what_cannot_be_asked_is_one_sentence(thawline, registry, photos):
    assert "n=0 must be at least 1" in thawline.refused("preference", "ask", "n=0")
    said = thawline.refused("preference", "ask", "strategy=best")
    assert "strategy=best is not known; use uncertainty, diversity, badge, random" in said
    assert "there are no versions in" in thawline.refused("preference", "ask", "versions.dir=elsewhere")
    answer(registry, photos)
    assert "has no photo left to ask about" in thawline.refused("preference", "ask")


def age(active):
    """Set the time of the version's files back: they were written just now, which is not believed."""
    for path in active.folder(active.find(1)).iterdir():
        os.utime(path, (0, 0))


def test_where_all_features_are_stored_the_version_s_network_is_not_built(active, ask, monkeypatch):
    age(active)
    first = ask(active)
    load_scorer.cache_clear()

    def refuse(*_):
        raise AssertionError("the network is not needed")

    monkeypatch.setattr(classifier, "load_parts", refuse)
    again = ask(active)
    assert again == first
    assert [one.score for one in again.items] == [one.score for one in first.items]


def test_an_item_without_features_has_the_network_built(active, ask, photos):
    age(active)
    ask(active)
    load_scorer.cache_clear()
    path = photos[0].with_name("new.png")
    Image.new("RGB", (64, 64), (200, 30, 30)).save(path)
    with active.database.session() as session:
        add_item(session, path, hashlib.sha256(path.read_bytes()).hexdigest())
    asking = ask(active, n=PHOTOS + 1)
    (said,) = load_bundle(active.folder(active.find(1))).predict([path], calibrated=True)
    scores = {one.path: one.score for one in asking.items}
    assert scores[path] == pytest.approx(said.probabilities["like"], abs=1e-5)


@pytest.mark.parametrize("file", ["model-*.safetensors", "decision.json"])
def test_a_version_that_was_changed_is_refused_although_it_is_remembered(active, ask, file):
    age(active)
    ask(active)
    load_scorer.cache_clear()
    path = next(active.folder(active.find(1)).glob(file))
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.unlink()  # other versions may have the same file
    path.write_bytes(content)
    age(active)
    with pytest.raises(UserError, match=f"{path.name} was changed since it was written"):
        ask(active)
