"""The short form of `tools/kill_preference.py`: a kill at a moment that leaves much, and that it sees what is wrong."""

import pytest
from tools.kill_preference import TRAIN, Place, begin, kill, look

from thawline.versions.database import open_database
from thawline.versions.feedback import add_item
from thawline.versions.jobs import start_job, update_job
from thawline.versions.settings import SQLITE, sqlite_url


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A registry of which nothing but answers is known."""
    monkeypatch.chdir(tmp_path)
    return begin(tmp_path, items=40, trained=False)


@pytest.mark.long
def test_a_training_that_is_killed_leaves_nothing_half_made_and_the_next_one_succeeds(place):
    answers, root = place.answers(), place.root
    # When the second version is being added: by then the base is active.
    assert kill(place, TRAIN, lambda: _reads(root / ".adding") == "v0002")
    assert list(root.glob(".scratch-*")), "the kill left nothing to sweep"
    assert place.run("versions", "list") is None
    assert look(place, answers) == (1, [])
    assert place.run(*TRAIN) is None
    assert look(place, answers) == (2, [])


def _reads(file):
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def test_it_sees_what_is_wrong(tmp_path):
    root = tmp_path / "outputs" / "versions"
    (root / ".scratch-left").mkdir(parents=True)
    (root / "v0003").mkdir()
    with open_database(sqlite_url(root / SQLITE)) as database, database.session() as session:
        add_item(session, "/photos/a.jpg", "a")
        update_job(session, start_job(session, {}).id, running=True)
    _, wrong = look(Place(root, ()), {"a": "like"})
    assert wrong == [
        "job 1 is said to be running",
        "active: []",
        ".scratch-left is left",
        "v0003 has no row",
        "the answer 'like' to a is lost",
    ]
