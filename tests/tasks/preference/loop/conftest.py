"""What the tests of the loop share."""

import pytest

from thawline.versions.database import open_database


@pytest.fixture
def database(tmp_path):
    """A fresh database."""
    with open_database(f"sqlite:///{tmp_path / 'versions.sqlite3'}") as opened:
        yield opened
