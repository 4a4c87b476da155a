"""The registry: complete or absent, one active, and a way back."""

import contextlib
import dataclasses
import re
import shutil
import threading
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from sqlalchemy import select
from tests.bundles.conftest import FACTS, Kind

import thawline
from thawline.bundles.write import Extras, write_bundle
from thawline.errors import UserError
from thawline.versions.database import open_database
from thawline.versions.feedback import add_item, record
from thawline.versions.gate import CandidateVerdict
from thawline.versions.registry import Registry
from thawline.versions.schema import Activation

BASE, BLOCKS = Kind("clip", "prompts", "head"), Kind("clip", "prompts", 2)
GOOD, BAD = CandidateVerdict(True, False, "as good"), CandidateVerdict(False, False, "v2 is worse by 9.0 points")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "versions"


@pytest.fixture
def database(root):
    root.mkdir()
    with open_database(f"sqlite:///{root / 'versions.sqlite3'}") as opened:
        yield opened


@pytest.fixture
def registry(root, database):
    return Registry(root, database, golden=lambda folder: thawline.load(folder, device="cpu").check())


@pytest.fixture
def three(registry, write):
    """A base and two versions, none of them active."""
    registry.add(write(BASE)[0], type="base")
    for _ in range(2):
        registry.add(write(BLOCKS)[0], type="blocks", samples=3, parent=registry.find(1))
    return registry


def numbers(registry):
    return [version.number for version in registry.versions()]


def active(registry):
    version = registry.active()
    return version and version.number


def damage(folder):
    """Change a byte of the last block; the file's name."""
    shard = sorted(folder.glob("model-*"))[-1]
    shard.chmod(0o644)
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    return shard.name


def test_a_version_is_a_bundle_and_a_row(three, write, root):
    assert [(v.number, v.type, v.samples, v.path, v.is_active) for v in three.versions()] == [
        (1, "base", 0, "v0001", False),
        (2, "blocks", 3, "v0002", False),
        (3, "blocks", 3, "v0003", False),
    ]
    assert three.find(2).parent_id == three.find(1).id
    assert thawline.load(three.folder(three.find(2)), device="cpu").labels == thawline.load(write(BLOCKS)[0]).labels
    assert [(version.number, wrong) for version, wrong in three.verify()] == [(1, None), (2, None), (3, None)]
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == ["v0001", "v0002", "v0003"]


def test_activation_follows_the_gate_and_rollback_the_history(three):
    assert three.active() is None
    three.activate(1)
    for gate, why in [(None, "nothing judged it yet"), (BAD, "v2 is worse by 9.0 points")]:
        with pytest.raises(UserError, match=f"v2 is not activated, v1 stays: {why}; force=true"):
            three.activate(2, gate=gate)
        assert active(three) == 1
    three.activate(2, gate=GOOD)
    three.activate(3, gate=BAD, force=True)
    assert active(three) == 3
    assert [three.rollback().number, three.rollback().number] == [2, 1]
    with pytest.raises(UserError, match="v1 is the first version that was active; there is none before it"):
        three.rollback()
    assert active(three) == 1
    with three.database.reading() as session:
        rows = list(session.scalars(select(Activation).order_by(Activation.id)))
    assert [(row.version_id, row.rollback, row.reason) for row in rows] == [
        (1, False, "the first"),
        (2, False, "as good"),
        (3, False, "forced"),
        (2, True, "rolled back from v3"),
        (1, True, "rolled back from v2"),
    ]
    # What comes after a way back has that before it which was gone back to.
    three.activate(3, gate=GOOD)
    assert three.rollback().number == 1


def test_a_version_that_missed_a_gate_is_activated_only_by_force_and_that_is_written_down(three, write, tmp_path):
    def gate(label, wanted, verdict):
        reached = {"value": 0.8, "low": 0.7, "high": 0.88}
        figure = "accuracy" if label is None else "recall"
        return {"figure": figure, "class": label, "wanted": wanted, "reached": reached, "verdict": verdict}

    gates = [gate(None, 0.9, "missed"), gate("snow", 0.85, "undecidable"), gate("wedding", 0.95, "missed")]
    for number, some in ((4, gates[1:2]), (5, gates)):
        bundle = tmp_path / str(number)
        write_bundle(bundle, write(BLOCKS)[1].tuned, Extras((), 1e-5, {**FACTS, "gates": some}))
        three.add(bundle, type="blocks")
    missed = "2 gates (accuracy is 80.0 [70.0, 88.0], wanted 90; recall of wedding is 80.0 [70.0, 88.0], wanted 95)"
    with pytest.raises(UserError, match=re.escape(f"v5 is not activated: it missed {missed} when it was exported")):
        three.activate(5)
    three.activate(4)
    with pytest.raises(UserError, match=r"v5 is not activated, v4 stays: it missed 2 gates .*; force=true activates"):
        three.activate(5, gate=GOOD)
    assert active(three) == 4
    three.activate(5, gate=GOOD, force=True)
    three.activate(1, gate=GOOD)
    three.activate(5, gate=BAD, force=True)
    with three.database.reading() as session:
        reasons = list(session.scalars(select(Activation.reason).order_by(Activation.id)))
    though = f", though it missed {missed}"
    assert reasons == ["the first", f"as good{though}", "as good", f"forced{though}"]


def test_nothing_is_rolled_back_where_nothing_is_active(three):
    with pytest.raises(UserError, match="is active yet, so there is nothing to roll back"):
        three.rollback()


def test_what_is_damaged_is_named_and_not_activated(three):
    three.activate(1)
    name = damage(three.folder(three.find(3)))
    with pytest.raises(UserError, match=f"v3 is not sound: .*{name} was changed since it was written"):
        three.activate(3, force=True)
    assert active(three) == 1
    # The file is one of v2, too, which trained the same blocks.
    assert [(version.number, bool(wrong)) for version, wrong in three.verify()] == [(1, False), (2, True), (3, True)]
    assert [(version.number, name in wrong) for version, wrong in three.verify(2)] == [(2, True)]
    with pytest.raises(UserError, match=name):
        three.export(3, three.root.parent / "out")


def test_golden_examples_that_fail_keep_the_active_one(root, database, write):
    registry = Registry(root, database, golden=lambda _: 0.5)
    registry.add(write(BASE)[0], type="base")
    with pytest.raises(UserError, match=r"v1 is not used: of its golden examples .* 0\.5 .* 0\.001 is the most"):
        registry.activate(1)
    assert registry.active() is None


def test_what_fails_leaves_nothing(three, write, monkeypatch, root):
    class BrokenError(Exception):
        pass

    @contextlib.contextmanager
    def refuse():
        raise BrokenError
        yield

    monkeypatch.setattr(three.database, "session", refuse)
    with pytest.raises(BrokenError):
        three.add(write(BASE)[0], type="base")
    assert sorted(path.name for path in root.glob("v0*")) == ["v0001", "v0002", "v0003"]
    with pytest.raises(UserError, match="there is no bundle"):
        three.add(root / "nowhere", type="base")


def test_a_directory_that_a_kill_left_goes_at_the_next_start_and_no_other(three, root, database):
    shutil.copytree(root / "v0003", root / "v0004")
    (root / ".adding").write_text("v0004")
    shutil.copytree(root / "v0003", root / "v0009")  # nobody was adding this one
    again = Registry(root, database)
    assert sorted(path.name for path in root.glob("v0*")) == ["v0001", "v0002", "v0003", "v0009"]
    assert not (root / ".adding").exists()
    # A kill right after the row was written leaves the note alone.
    (root / ".adding").write_text("v0003")
    assert numbers(Registry(root, database)) == numbers(again) == [1, 2, 3]
    assert (root / "v0003").is_dir()


def test_another_database_costs_no_version(three, root, tmp_path, write):
    with open_database(f"sqlite:///{tmp_path / 'other.sqlite3'}") as other:
        registry = Registry(root, other)
        with pytest.raises(UserError, match=r"v0001 is there, and the database .* does not know it"):
            registry.add(write(BASE)[0], type="base")
    assert len(list(root.glob("v0*"))) == 3


def test_a_bundle_of_another_base_is_refused(three, write):
    with pytest.raises(UserError, match=r"another base: it is test_resnet \(timm\) .* the versions in .* are clip"):
        three.import_(write(Kind("timm:test_resnet", "linear", "all"))[0])
    assert numbers(three) == [1, 2, 3]


def test_a_bundle_of_other_weights_is_refused_whatever_they_are_called(three, write, tmp_path):
    """All weights alike but one of the frozen ones, below what was trained: names and shapes tell nothing."""
    tuned = write(BLOCKS)[1].tuned
    other = shutil.copytree(tuned.encoder.name, tmp_path / Path(tuned.encoder.name).name)
    state = load_file(other / "model.safetensors")
    state["vision_model.embeddings.class_embedding"][0] += 0.01
    save_file(state, other / "model.safetensors", metadata={"format": "pt"})
    settings = dataclasses.replace(tuned.encoder, name=str(other))
    bundle = tmp_path / "bundle"
    write_bundle(bundle, dataclasses.replace(tuned, encoder=settings), Extras((), 1e-5, FACTS))
    with pytest.raises(UserError, match=r"another base: it is clip.* but was trained from other weights"):
        three.import_(bundle)
    assert numbers(three) == [1, 2, 3]


def test_an_import_is_the_next_version_and_the_first_of_all_the_base(registry, write):
    assert [registry.import_(write(kind)[0]).type for kind in (BASE, BLOCKS)] == ["base", "imported"]
    assert registry.find(1).metrics["estimates"]["accuracy"]["value"] == 0.75


def test_prune_keeps_what_was_active_what_others_began_with_and_the_newest(three, write, database):
    three.activate(1)
    three.add(write(BLOCKS)[0], type="blocks", parent=three.find(3))
    assert [version.number for version in three.prune(1)] == [2]
    assert three.find(2).pruned_at is not None
    assert not (three.root / "v0002").exists()
    with pytest.raises(UserError, match="v2 was pruned on 20"):
        three.activate(2)
    assert [version.number for version, wrong in three.verify() if not wrong] == [1, 3, 4]
    assert three.prune(10) == []
    with pytest.raises(UserError, match="keep=-1 is no number"):
        three.prune(-1)


def test_unknown_numbers_and_folders_that_are_no_registry(registry, tmp_path, database):
    with pytest.raises(UserError, match=r"there is no version 3 in .*; there are none yet"):
        registry.find(3)
    (tmp_path / "Photos").mkdir()
    (tmp_path / "Photos" / "a.jpg").touch()
    with pytest.raises(UserError, match="Photos is no registry of versions, and holds something else"):
        Registry(tmp_path / "Photos", database)
    with pytest.raises(UserError, match=r"a.jpg is a file"):
        Registry(tmp_path / "Photos" / "a.jpg", database)


def test_at_once_two_add_and_activate_and_one_is_active(three, write, root):
    def work(number):
        with open_database(three.database.url) as database:
            registry = Registry(root, database)
            registry.add(write(BLOCKS)[0], type="blocks")
            with contextlib.suppress(UserError):  # the other was faster
                registry.activate(number, force=True)

    threads = [threading.Thread(target=work, args=[number]) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(three) == [1, 2, 3, 4, 5]
    assert active(three) in (1, 2)
    assert all(wrong is None for _, wrong in three.verify())


def test_what_an_item_taught_is_found_in_every_version_of_the_lineage(three, database, write):
    with database.session() as session:
        item = add_item(session, "/photos/a.jpg", "a" * 64)
        other = add_item(session, "/photos/b.jpg", "b" * 64)
        rows = [record(session, item, "yes").id, record(session, other, "no").id]
    four = three.add(write(BLOCKS)[0], type="blocks", feedback_ids=rows, out_of_fold={rows[0]: 0.9})
    three.add(write(BLOCKS)[0], type="blocks", parent=four)
    three.add(write(BLOCKS)[0], type="blocks", feedback_ids=rows[1:])
    forgotten = three.forget("/photos/a.jpg")
    assert (forgotten.retracted, [v.number for v in forgotten.users]) == (1, [4, 5])
    assert [v.number for v in three.versions() if v.stale_since] == [4, 5]
    assert forgotten.left == forgotten.users
    three.prune(0)
    again = three.forget("a" * 64)
    assert (again.retracted, [v.number for v in again.users], again.left) == (0, [4, 5], ())
    assert three.forget(str(item.id)).item.removed_at is not None
    with pytest.raises(UserError, match=r"nothing was ever answered of 'c\.jpg'"):
        three.forget("c.jpg")
