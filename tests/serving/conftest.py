"""A service that runs: a real uvicorn on a free port, in a thread, and clients that ask it."""

import struct
import threading
import time
import zlib
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
import uvicorn
from tests.bundles.conftest import Kind, fit, networks, photos, write  # noqa: F401  # fixtures

import thawline
from thawline.encoders.settings import EncoderSettings
from thawline.features.settings import StoreSettings
from thawline.serving.app import create_app
from thawline.serving.server import listen
from thawline.serving.settings import ServeSettings
from thawline.serving.source import FixedSource
from thawline.tasks.bundle.serving import Served

SETTINGS = ServeSettings(encoder=EncoderSettings("clip", "none"), store=StoreSettings(dir="none"))


@contextmanager
def running(source, registry=None, **changes):
    """A service of `source`, and a client of it."""
    app = create_app(source, replace(SETTINGS, **changes), registry)
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = listening.getsockname()[1]
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
                client.app = app
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def folder(write):  # noqa: F811  # a fixture
    """The bundle of a small CLIP with prompts."""
    return write(Kind("clip", "prompts", "projection"))[0]


@pytest.fixture(scope="session")
def bundle(folder):
    return thawline.load(folder, device="cpu")


@pytest.fixture(scope="module")
def client(bundle):
    with running(FixedSource(Served(bundle, "Model"), []), max_upload_mb=2, max_files=8) as client:
        yield client


def files(paths):
    """What httpx sends for `paths`."""
    return [("files", (path.name, path.read_bytes())) for path in paths]


def png_header(width, height):
    """A PNG that says that it is so large, and holds next to nothing."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
