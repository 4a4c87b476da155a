"""What large extras bring, which `make test` does not install: tests of it skip, and `make test-extras` runs them.

Such a test, or its whole file by `pytestmark`, is marked `extra`.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

# Set where everything is installed, as `make test-extras` sees to: there an absent extra is a failure.
ALL = "THAWLINE_TEST_EXTRAS"


def require(extra: str, *modules: str) -> None:
    """Skip the test, or at a file's top all of its tests, where one of the modules is not installed."""
    absent = [name for name in modules if find_spec(name) is None]
    if absent and os.environ.get(ALL):
        raise ModuleNotFoundError(f"{absent[0]} of the extra '{extra}' is not installed")
    if absent:
        pytest.skip(f"the extra '{extra}' is not installed; `make test-extras` does that", allow_module_level=True)


def import_extra(extra: str, module: str) -> ModuleType:
    """A module of an extra, skipping as `require` does."""
    require(extra, module.partition(".")[0])
    return import_module(module)
