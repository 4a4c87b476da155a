"""Where nothing may be written, versions are listed, verified and read."""

import shutil
import tempfile
from pathlib import Path

import pytest
from tests.bundles.conftest import Kind
from tests.features.test_read_only import protected, snapshot
from tests.serving.conftest import files, running
from tests.serving.test_versions import source_of

from thawline.errors import UserError
from thawline.tasks.versions import both_judged, open_registry
from thawline.versions.feedback import add_item, answered, candidates, record
from thawline.versions.settings import VersionsSettings


@pytest.fixture
def settings(write):
    """A registry of two versions and an answer, in a place that another user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    settings = VersionsSettings(str(folder / "versions"))
    with open_registry(settings) as registry:
        for thaw in ("head", 2):
            registry.import_(write(Kind("clip", "prompts", thaw))[0])
        registry.activate(1)
        with registry.database.session() as session:
            record(session, add_item(session, folder / "a.jpg", "a" * 64), "like")
            add_item(session, folder / "b.jpg", "b" * 64)
    yield settings
    shutil.rmtree(folder)


def test_nothing_is_written_where_nothing_may_be_and_all_can_be_read(settings):
    with protected(settings.root):
        before = snapshot(settings.root)
        with open_registry(settings, made=True) as registry:
            assert registry.database.read_only
            assert [version.number for version in registry.versions()] == [1, 2]
            assert registry.active().number == 1
            assert [wrong for _, wrong in registry.verify()] == [None, None]
            with registry.database.reading() as session:
                assert [one.answer for one in answered(session)] == ["like"]
                assert [Path(one.path).name for one in candidates(session)] == ["b.jpg"]
            assert len(both_judged(registry, registry.find(1), registry.find(2)).yes) == 0
            with pytest.raises(UserError, match="it may not be written; change the permissions"):
                registry.activate(2, force=True)
        assert snapshot(settings.root) == before
    with open_registry(settings) as registry:
        assert not registry.database.read_only
        assert registry.activate(2, force=True).is_active


def test_a_service_answers_there_and_says_that_nothing_is_kept(settings, photos):
    given = files(photos[:1])

    def ask():
        with (
            open_registry(settings, made=True) as registry,
            running(source_of(registry), registry, versions=settings) as client,
        ):
            (one,) = client.post("/predict", files=given).json()["results"]
            known = client.get("/models/versions").json()["versions"]
            refused = client.post("/models/versions/2/activate", json={})
            return one, len(known), client.get("/health").json()["problems"], refused.json()["detail"]

    assert ask()[0]["result_id"]  # here it may be written; and whoever it is that may not can't import from everywhere
    with protected(settings.root):
        one, known, (problem,), refused = ask()
    assert (one["label"] is not None, one["result_id"], known) == (True, None, 2)
    assert problem.startswith("answers are not kept: the database ")
    assert "v2 is not activated, v1 stays" in refused


def test_answers_that_are_in_the_log_alone_are_not_passed_over(settings):
    with open_registry(settings) as registry:
        with registry.database.session() as session:
            record(session, add_item(session, settings.root / "c.jpg", "c" * 64), "like")
        copy = settings.root.with_name("killed")  # as a process leaves it that is killed now
        shutil.copytree(settings.root, copy)
    (copy / "versions.sqlite3-shm").unlink()
    assert (copy / "versions.sqlite3-wal").stat().st_size
    with (
        protected(copy),
        pytest.raises(UserError, match=r"versions\.sqlite3: it can't be opened"),
        open_registry(VersionsSettings(str(copy)), made=True),
    ):
        pass
