"""One small sample, made once."""

from pathlib import Path

import pytest

from thawline.samples.events import SampleSummary, make_events


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleSummary:
    """Twelve photos a class, seed 3."""
    return make_events(tmp_path_factory.mktemp("samples") / "events", photos_per_class=12, seed=3)


@pytest.fixture(scope="session")
def sample_files(sample: SampleSummary) -> dict[str, Path]:
    """Its files by name, the marker apart."""
    files = (path for path in sample.root.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(sample.root).as_posix(): path for path in files}
