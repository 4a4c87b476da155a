"""Photos as items."""

import shutil

import pytest
from PIL import Image
from sqlalchemy import select

from thawline.errors import UserError
from thawline.files import digest_of
from thawline.tasks.preference.loop.items import add_folder, answer_item, remove_item
from thawline.versions.feedback import answered, unanswered
from thawline.versions.schema import Feedback, Item, ModelVersion, VersionFeedback


@pytest.fixture
def photos(tmp_path):
    """Three photos of noise, a copy of one, and a file that is none."""
    folder = tmp_path / "Photos"
    (folder / "ann").mkdir(parents=True)
    for i, name in enumerate(("one.png", "ann/two.png", "ann/three.png")):
        Image.effect_noise((64, 64), 40 + 60 * i).save(folder / name)
    shutil.copy(folder / "one.png", folder / "one again.png")
    (folder / "note.jpg").write_text("no photo")
    return folder


def add(folder, database, tmp_path, *, by_folder=False):
    return add_folder(folder, database, tmp_path / "store", by_folder=by_folder, max_megapixels=110)


def by_name(database):
    """The items by the names of their files."""
    with database.reading() as session:
        return {item.path.rsplit("/", 1)[-1]: item for item in session.scalars(select(Item))}


def test_photos_become_items_by_content_with_copies_named(photos, database, tmp_path):
    done = add(photos, database, tmp_path)
    assert (done.new, done.known, done.groups) == (3, 0, 0)
    assert done.copies == (("one.png", "one again.png"),)
    assert [left.name for left in done.left_out] == ["note.jpg"]
    with database.reading() as session:
        digests = {item.digest for item in unanswered(session)}
    assert digests == {digest_of(photos / name) for name in ("one.png", "ann/two.png", "ann/three.png")}
    again = add(photos, database, tmp_path)
    assert (again.new, again.known) == (0, 3)


def test_folders_can_be_groups_and_groups_that_meet_become_one(photos, database, tmp_path):
    add(photos, database, tmp_path, by_folder=True)
    items = by_name(database)
    assert items["two.png"].group == items["three.png"].group is not None
    assert items["one again.png"].group is None
    other = tmp_path / "Other" / "bob"
    other.mkdir(parents=True)
    shutil.copy(photos / "one.png", other)
    Image.effect_noise((64, 64), 250).save(other / "four.png")
    add(other.parent, database, tmp_path, by_folder=True)
    items = by_name(database)
    assert items["one.png"].group == items["four.png"].group not in (None, items["two.png"].group)
    shutil.copy(photos / "ann" / "two.png", other)
    add(other.parent, database, tmp_path, by_folder=True)
    assert len({item.group for item in by_name(database).values()}) == 1


def test_what_was_taken_out_stays_out_when_its_folder_is_added_again(photos, database, tmp_path):
    add(photos, database, tmp_path)
    with database.session() as session:
        remove_item(session, str(photos / "one.png"))
    done = add(photos, database, tmp_path)
    assert (done.new, done.known, done.removed) == (0, 2, 1)
    with database.session() as session:
        assert len(unanswered(session)) == 2
        answer_item(session, str(photos / "one.png"), "like")
        assert len(answered(session)) == 1


def test_an_answer_by_hand_is_corrected_and_deleted_as_facts(photos, database):
    with database.session() as session:
        item, before = answer_item(session, str(photos / "one.png"), "like")
        assert before is None
        assert answer_item(session, str(item.id), "super_like") == (item, "like")
        assert answer_item(session, item.digest, "super_like") == (item, "super_like")
        version = ModelVersion(number=1, type="logistic", path="v0001")
        session.add(version)
        session.flush()
        session.add(VersionFeedback(version_id=version.id, feedback_id=2))
        assert answer_item(session, str(item.id), None) == (item, "super_like")
        rows = list(session.scalars(select(Feedback).order_by(Feedback.id)))
        assert [(row.answer, row.corrects_id) for row in rows] == [("like", None), ("super_like", 1)]
        assert all(row.retracted_at is not None for row in rows)
        session.refresh(version)
        assert version.stale_since is not None
        assert unanswered(session) == [item]
        _, deleted, versions = remove_item(session, str(item.id))
        assert (deleted, versions) == (0, [version])
        assert unanswered(session) == []


def test_what_is_no_item_or_no_folder_is_refused(database, tmp_path):
    with database.session() as session, pytest.raises(UserError, match="there is no item '7'"):
        remove_item(session, "7")
    with pytest.raises(UserError, match="is no folder"):
        add(tmp_path / "nowhere", database, tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no photo that can be used"):
        add(tmp_path / "empty", database, tmp_path)
