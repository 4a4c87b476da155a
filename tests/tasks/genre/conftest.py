"""Pieces of music, as the tests of data have them."""

from tests.data.conftest import piece  # noqa: F401
