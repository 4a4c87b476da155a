"""PostgreSQL and SQLite give the same versions from the same feedback."""

import pytest
from tests.e2e.test_preference_loop import ANSWERS, TRAIN, write_answers
from tests.postgresql import running_server

from thawline.files import digest_of
from thawline.tasks.versions import open_registry
from thawline.versions.settings import VersionsSettings


@pytest.fixture(scope="module")
def server():
    with running_server() as found:
        if found is None:
            pytest.skip("no PostgreSQL here")
        yield found


@pytest.mark.usefixtures("shared_store")
def test_the_same_feedback_makes_the_same_versions_in_both(thawline, sample, server):
    answers = write_answers(thawline.directory / "in.csv", sample, 0, 4, **ANSWERS)
    made = {}
    for name, database in {"sqlite": None, "postgresql": server.new()}.items():
        folder = thawline.directory / name
        words = [f"versions.dir={folder}", *([f"versions.database='{database}'"] if database else [])]
        thawline("preference", "import", answers, *words)
        thawline(*TRAIN, "method=gda", *words)
        with open_registry(VersionsSettings(dir=str(folder), database=database)) as registry:
            versions = registry.versions()
            weights = [
                {path.name: digest_of(path) for path in sorted(registry.folder(one).rglob("*.safetensors"))}
                for one in versions
            ]
            made[name] = [(one.number, one.type, one.samples, one.is_active, one.metrics) for one in versions], weights
    assert len(made["sqlite"][0]) == 2
    assert all(made["sqlite"][1])
    assert made["sqlite"] == made["postgresql"]
