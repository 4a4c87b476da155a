"""`thawline versions …`, as it is typed."""

import dataclasses
import os
import shutil

import pytest
from tests.bundles.conftest import Kind, fit, networks, photos, write  # noqa: F401  # fixtures
from tests.e2e.conftest import thawline as thawline_  # noqa: F401

import thawline as package
from thawline.cli import main
from thawline.tasks.events import task as events
from thawline.tasks.task import Rate
from thawline.versions.database import open_database
from thawline.versions.feedback import add_item, record
from thawline.versions.registry import Registry
from thawline.versions.usage import count_predictions

BASE, BLOCKS = Kind("clip", "prompts", "head"), Kind("clip", "prompts", 2)
ANSWERS = ("no", "yes", "very")


@pytest.fixture
def thawline(thawline_, monkeypatch):  # noqa: F811
    monkeypatch.setenv("COLUMNS", "80")
    return thawline_


@pytest.fixture
def answers(monkeypatch):
    """A task that learns from answers."""
    rates = (Rate("yes of yes and no", ("yes",), ("yes", "no")), Rate("yes and very of all", ("yes", "very"), ANSWERS))
    learns = dataclasses.replace(events.TASK, answers=ANSWERS, yes=("yes", "very"), rates=rates)
    monkeypatch.setattr(events, "TASK", learns)


@pytest.fixture(scope="session")
def made(write, tmp_path_factory):  # noqa: F811
    """What `two` is a copy of."""
    root = tmp_path_factory.mktemp("made") / "versions"
    for kind in (BASE, BLOCKS):
        main(["versions", "import", str(write(kind)[0]), f"versions.dir={root}"])
    main(["versions", "activate", "1", f"versions.dir={root}"])
    return root


@pytest.fixture
def two(made, thawline):
    """A base that is active, and a version that trained two blocks."""
    return shutil.copytree(made, thawline.directory / "outputs" / "versions", copy_function=_link)


@pytest.fixture
def few(photos):  # noqa: F811
    """Small photos."""
    return [photo for photo in photos if photo.name.startswith(("side", "grey", "small"))]


def _link(source, target):
    """As the registry has it: what two versions share is one file; the database is a copy."""
    if "v0" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def opened(root):
    return open_database(f"sqlite:///{root / 'versions.sqlite3'}")


def answer(root, photos, words):  # noqa: F811
    """Answers about photos, the first shown by v1; all of them what v2 says now: its rows."""
    bundle = package.load(root / "v0002", device="cpu")
    with opened(root) as database, database.session() as session:
        first = Registry(root, database).versions()[0]
        count_predictions(session, first, 40)
        for number, (photo, said) in enumerate(zip(photos, bundle.predict(photos), strict=True)):
            word = words[said.probabilities[bundle.labels[-1]] >= 0.5]
            shown = {"version": first, "score": 0.4} if number % 2 else {}
            record(session, add_item(session, photo, f"{number:064x}"), word, **shown)


def test_from_an_import_to_a_way_back(thawline, two, write, tmp_path):  # noqa: F811
    said = thawline("versions", "list")
    heading, first, second, *_ = said.splitlines()
    assert heading.split() == ["version", "type", "made", "answers", "accuracy,", "%", "is"]
    assert [first.split()[i] for i in (0, 1, 2, 5, 6, 9)] == ["*", "v1", "base", "0", "75.0", "active"]
    assert [second.split()[i] for i in (0, 1, 4, 5, 6, 7)] == ["v2", "imported", "0", "75.0", "[40.0,", "90.0]"]
    assert max(map(len, (heading, first, second))) <= 80
    assert "not activated, v1 stays: there is no answer yet" in thawline.refused("versions", "activate", "v2")
    assert "v2 is active, v1 was" in thawline("versions", "activate", "2", "force=true")
    assert "v2 is the active version already" in thawline("versions", "activate", "2")
    assert "v1 is active again, v2 was" in thawline("versions", "rollback")
    assert "v1 is the first version that was active" in thawline.refused("versions", "rollback")
    shown = thawline("versions", "show", "2")
    assert "v2, imported\n" in shown
    assert "trained on no answer" in shown
    assert "forced" in shown
    for _ in range(2):  # the second time it is there
        thawline("versions", "export", "2", tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        path.name: path.read_bytes() for path in write(BLOCKS)[0].iterdir()
    }


def test_the_gate_opens_by_answers(thawline, two, few, answers):
    answer(two, few, ("no", "yes"))
    compared = thawline("versions", "compare", "1", "v2")
    assert f"v2 {len(few)} 100.0" in " ".join(compared.split())
    said = thawline("versions", "activate", "2")
    assert "v2 is active, v1 was" in said
    listed = " ".join(thawline("versions", "list").split())
    assert "v1: yes and very of all" in listed
    assert "can't be compared with each other" in listed
    with opened(two) as database:
        assert Registry(two, database).versions()[0].predictions == 40


def test_a_worse_version_stays_outside(thawline, two, few, answers):
    thawline("versions", "activate", "2", "force=true")
    bundle = package.load(two / "v0001", device="cpu")
    says = [one.probabilities[bundle.labels[-1]] >= 0.5 for one in bundle.predict(few)]
    with opened(two) as database, database.session() as session:
        # What v1 shows of each is the opposite of the answer.
        for number, (photo, yes) in enumerate(zip(few, says, strict=True)):
            record(session, add_item(session, photo, f"{number:064x}"), "no" if yes else "very")
    refused = thawline.refused("versions", "activate", "1")
    assert "v1 is not activated, v2 stays: " in refused
    assert "more than the 2.0 points that v1 may be worse by; force=true activates it anyway" in refused
    assert "v1 is active" in thawline("versions", "activate", "1", "versions.margin=1")


def test_a_damaged_version_is_named_and_the_active_one_stays(thawline, two):
    shard = max((two / "v0002").glob("model-*"), key=lambda path: path.stat().st_nlink == 1)
    damaged = shard.read_bytes()[:-1] + b"!"
    shard.unlink()  # the other tests' versions have this file, too
    shard.write_bytes(damaged)
    assert f"{shard.name} was changed" in thawline.refused("versions", "activate", "2", "force=true")
    said = thawline("versions", "verify", status=1)
    assert "v1 is sound" in said
    assert "v2 of 2 checked can't be used" in said
    assert "v1 is sound" in thawline("versions", "verify", "1")


def test_an_active_version_that_is_damaged_is_why_nothing_is_held_against_it(thawline, two, few, answers):
    with opened(two) as database, database.session() as session:  # neither version showed these: both are asked
        for number, photo in enumerate(few):
            record(session, add_item(session, photo, f"{number:064x}"), ("no", "yes")[number % 2])
    config = two / "v0001" / "decision.json"
    content = config.read_bytes()
    config.unlink()  # the other tests' versions have this file, too
    config.write_bytes(content + b" ")
    said = thawline.refused("versions", "activate", "2")
    assert "v2 can't be held against the active version, which is damaged: v1 is not sound: " in said
    assert "decision.json" in said
    assert "force=true activate v2 without asking it" in said
    assert "v2 is active, v1 was" in thawline("versions", "activate", "2", "force=true")


def test_what_was_forgotten_is_proved(thawline, two, write, photos):  # noqa: F811
    with opened(two) as database:
        registry = Registry(two, database)
        with database.session() as session:
            row = record(session, add_item(session, photos[0], "a" * 64), "yes").id
        registry.add(write(BLOCKS)[0], type="blocks", samples=1, feedback_ids=[row], parent=registry.find(1))
    thawline("versions", "activate", "3", "force=true")
    said = thawline("versions", "forget", photos[0], status=1)
    assert "1 answer was deleted now" in said
    assert "v3 still knows of it" in said
    assert "active, stale" in thawline("versions", "list")
    thawline("versions", "rollback")
    assert "pruned v3" in thawline("versions", "prune")
    assert "no version that is there knows of it" in thawline("versions", "forget", photos[0])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "9"], "there is no version 9 in"),
        (["show", "x"], "'x' is no number of a version"),
        (["compare", "1"], "'thawline versions compare' needs NUMBER"),
        (["compare", "1", "v1"], "v1 can't be held against itself"),
        (["export", "1", "outputs"], "holds something else than a bundle"),
        (["export", "1", "outputs/versions/v0009"], "lies within the registry"),
        (["import", "nowhere"], "there is no bundle"),
        (["forget", "nothing.jpg"], "nothing was ever answered of 'nothing.jpg'"),
        (["prune", "keep=-1"], "keep=-1 is no number of versions"),
        (["list", "versions.margin=2"], "versions.margin=2"),
        (["list", "versions.database=nonsense"], "the database's URL can't be read"),
    ],
)
def test_wrong_use_is_one_sentence(thawline, two, words, sentence):
    assert sentence in thawline.refused("versions", *words)


def test_where_there_is_no_registry(thawline, write, tmp_path):  # noqa: F811
    assert "'thawline versions import BUNDLE' makes a first one" in thawline.refused("versions", "list")
    assert not (thawline.directory / "outputs").exists()
    (tmp_path / "Photos").mkdir()
    (tmp_path / "Photos" / "a.jpg").touch()
    for verb in (["list"], ["import", write(BASE)[0]]):
        said = thawline.refused("versions", *verb, f"versions.dir={tmp_path / 'Photos'}")
        assert "is no registry of versions, and holds something else" in said
    assert [path.name for path in (tmp_path / "Photos").iterdir()] == ["a.jpg"]


def test_a_full_disk_is_one_sentence_and_the_versions_stay(thawline, write, small_disk):  # noqa: F811
    place = f"versions.dir={small_disk / 'versions'}"
    thawline("versions", "import", write(BASE)[0], place)
    (small_disk / "filler").write_bytes(b"0" * (shutil.disk_usage(small_disk).free - 20_000))
    refused = thawline.refused("versions", "import", write(BLOCKS)[0], place)
    assert "disk is full" in refused or "no room left" in refused
    (small_disk / "filler").unlink()
    assert thawline("versions", "verify", place).count("is sound") == 1
    assert sorted(path.name for path in (small_disk / "versions").glob("v0*")) == ["v0001"]
