"""Databases of both kinds."""

import pytest
from tests.bundles.conftest import fit, networks, photos, write  # noqa: F401  # fixtures

from thawline.versions.database import open_database


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Where a fresh database of each kind will be."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'versions.sqlite3'}"
    return request.getfixturevalue("postgresql").new()


@pytest.fixture
def database(url):
    """A fresh database of each kind."""
    with open_database(url) as opened:
        yield opened
