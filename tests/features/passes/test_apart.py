"""Processes that read: they find what threads find, share their memory, and what becomes of them is said."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from thawline import process
from thawline.data.listing import Listed
from thawline.data.photos.photo import read_photo
from thawline.errors import UserError
from thawline.features.facts import find_facts
from thawline.features.files import FileIndex, stamps_of
from thawline.features.kinds import PHOTOS
from thawline.features.media import Photos
from thawline.features.passes import apart, looking
from thawline.features.store.store import FeatureStore

MakePhotos = Callable[..., list[Listed]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many processes each pass started, where two files are worth one and there are two cores."""
    counts: list[int] = []
    start = apart._started

    def counted(count: int, unit: str) -> object:
        counts.append(count)
        return start(count, unit)

    monkeypatch.setattr(apart, "_WORTH", 2)
    monkeypatch.setattr(apart, "cores", lambda: 2)
    monkeypatch.setattr(process, "_kept", [True])
    monkeypatch.setattr(apart, "_started", counted)
    yield counts
    assert not multiprocessing.active_children()


def test_processes_find_and_remember_what_threads_do(
    store: FeatureStore, make_photos: MakePhotos, started: list[int], read: list[Path]
) -> None:
    photos = make_photos(20)
    broken = photos[3].path
    broken.write_bytes(broken.read_bytes()[:200])
    os.utime(broken, (1_700_000_000, 1_700_000_000))  # long enough ago to be remembered
    photos[5].path.unlink()
    found = find_facts(photos, store, Photos())
    assert started == [2]
    assert read == [photos[5].path]  # a file that is not there has no size: threads look at it
    assert found == {photo.name: read_photo(photo.path, None)[0] for photo in photos}
    assert found[photos[3].name].problem
    there = [photo for photo in photos if photo.path.exists()]
    recalled = FileIndex(store.root, PHOTOS).recall(stamps_of(there))
    assert recalled == {photo.path: found[photo.name] for photo in there}
    assert find_facts(there, store, Photos()) == {photo.name: found[photo.name] for photo in there}
    assert started == [2]


def test_files_of_known_sizes_are_hashed_rather_than_read(
    store: FeatureStore, make_photos: MakePhotos, started: list[int], read: list[Path]
) -> None:
    photos = make_photos(8)
    found = find_facts(photos, store, Photos())
    for photo in photos:
        photo.path.touch()
    assert find_facts(photos, store, Photos()) == found
    assert started == [2]
    assert not read


@pytest.mark.parametrize(("files", "command"), [(3, True), (8, False)], ids=["too few files", "another's process"])
def test_threads_read_where_processes_are_not_worth_it_or_not_ours(
    files: int,
    command: bool,
    store: FeatureStore,
    make_photos: MakePhotos,
    started: list[int],
    read: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not command:
        monkeypatch.setattr(process, "_kept", [])
    photos = make_photos(files)
    find_facts(photos, store, Photos())
    assert started == []
    assert sorted(read) == sorted(photo.path for photo in photos)


def test_threads_read_where_the_system_gives_no_processes(
    store: FeatureStore, make_photos: MakePhotos, started: list[int], read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("no semaphores here")

    monkeypatch.setattr(apart, "HelpingProcesses", refused)
    find_facts(make_photos(4), store, Photos())
    assert started == [2]
    assert len(read) == 4


def test_a_process_that_was_killed_is_told_and_what_was_read_is_remembered(
    store: FeatureStore, make_photos: MakePhotos, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = make_photos(400)
    monkeypatch.setattr(looking, "_REMEMBER", 4)
    remember = FileIndex.remember

    def kill(index: FileIndex, seen: list[object]) -> None:
        remember(index, seen)
        for child in multiprocessing.active_children():
            child.kill()

    with monkeypatch.context() as patched:
        patched.setattr(FileIndex, "remember", kill)
        with pytest.raises(UserError, match=r"^a process that read photos was ended by the system, .* is remembered$"):
            find_facts(photos, store, Photos())
    known = len(FileIndex(store.root, PHOTOS).recall(stamps_of(photos)))
    assert 4 <= known < 400
    assert len(find_facts(photos, store, Photos())) == 400


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_no_process_outlives_the_command(sent: signal.Signals, status: int, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for number in range(1200):
        path = folder / "ab"[number % 2] / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").resize((300 + number % 40, 300)).save(path, compress_level=1)
    words = [sys.executable, "-m", "thawline.cli", "data", "check", folder, f"store.dir={tmp_path}/store"]
    command = subprocess.Popen(
        words,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while len(_of_session(command.pid)) < 5:  # itself, the tracker, the server, two that read
        assert command.poll() is None, command.communicate()
        time.sleep(0.01)
    os.killpg(command.pid, sent) if sent == signal.SIGINT else command.kill()
    _, said = command.communicate(timeout=30)
    assert command.returncode == status
    assert "Traceback" not in said
    deadline = time.monotonic() + 10
    while _of_session(command.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _of_session(command.pid)


def _of_session(session: int) -> list[int]:
    """The processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        if int(of) == session and state not in "ZX":
            found.append(int(stat.parent.name))
    return found
