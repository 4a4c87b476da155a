"""What every test may use."""

import ctypes
import ctypes.util
import gc
import itertools
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock
from tests.composed_once import remember_composed
from tests.postgresql import Server, running_server

# Set before torch is imported: the machine may be shared, and results must not depend on how many cores it has.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Importing lightning imports onnxruntime where it is installed, which looks up a telemetry host.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

SMALL = 4_000_000  # bytes of the small disk
STORES = itertools.count()

# The same examples in every run: what fails can be repeated, and a busy machine is no reason to fail.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=40)
hypothesis.settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """What the libraries hold stays to the end, and looking through it for garbage took a tenth of the time."""
    remember_composed()
    if wandb := sys.modules.get("wandb.util"):
        # Each of W&B's runs looks through all installed packages for their versions, for a quarter of a second.
        wandb.working_set = cache(lambda look=wandb.working_set: list(look()))
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def files_left_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk, a tenth of the time: what it would change shows where the machine itself goes down.

    Tests of what is synced, and when, put their own `os.fsync` in its place; other processes have the real one.
    """
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photos that are not part of the project; tests that need them skip where they are absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("THAWLINE_SHARED_DATA", default))
    if not path.is_dir():
        pytest.skip("the shared data are not on this machine")
    return path


@pytest.fixture(scope="session")
def everyones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of these tests share; who makes something there holds a lock."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's feature store.

    Its own is not made before it is used: pytest's numbered folders cost more than most tests.
    """
    monkeypatch.setenv("THAWLINE_STORE", str(tmp_path_factory.getbasetemp() / "stores" / str(next(STORES))))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MB."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    if not hasattr(libc, "umount2"):
        pytest.skip("only on Linux")
    place = tmp_path / "small disk"
    place.mkdir()
    if libc.mount(b"none", os.fsencode(place), b"tmpfs", 0, f"size={SMALL}".encode()):
        pytest.skip("this user may not mount a tmpfs")
    yield place
    libc.umount2(os.fsencode(place), 2)


@pytest.fixture
def only_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No other process of these tests has Ray meanwhile: it would meet theirs, and theirs would be among its own."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "ray.lock"):
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A real PostgreSQL server; its tests skip where none is installed."""
    with running_server() as server:
        if server is None:
            pytest.skip("PostgreSQL is not installed")
        yield server
