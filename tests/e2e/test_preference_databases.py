"""PostgreSQL and SQLite give the same versions from the same feedback."""

import pytest
from tests.e2e.test_preference_loop import ANSWERS, TRAIN, write_answers

from thawline.files import digest_of
from thawline.tasks.versions import open_registry
from thawline.versions.settings import VersionsSettings


@pytest.mark.usefixtures("shared_store")
def test_the_same_feedback_makes_the_same_versions_in_both(thawline, sample, postgresql):
    answers = write_answers(thawline.directory / "in.csv", sample, 0, 4, **ANSWERS)
    made = {}
    for name, database in {"sqlite": None, "postgresql": postgresql.new()}.items():
        folder = thawline.directory / name
        words = [f"versions.dir={folder}", *([f"versions.database='{database}'"] if database else [])]
        thawline("preference", "import", answers, *words)
        thawline(*TRAIN, "cv=2", *words)  # the method is chosen
        with open_registry(VersionsSettings(dir=str(folder), database=database)) as registry:
            versions = registry.versions()
            weights = [
                {path.name: digest_of(path) for path in sorted(registry.folder(one).rglob("*.safetensors"))}
                for one in versions
            ]
            made[name] = [(one.number, one.type, one.samples, one.is_active, one.metrics) for one in versions], weights
    assert set(made["sqlite"][0][1][4]["choice"]["tried"]) == {"logistic", "gda"}
    assert len(made["sqlite"][0]) == 2
    assert all(made["sqlite"][1])
    assert made["sqlite"] == made["postgresql"]
