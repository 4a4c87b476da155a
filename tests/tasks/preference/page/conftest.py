"""A service with two versions of a model, of which the first is active, and photos to judge."""

import dataclasses
import hashlib

import numpy as np
import pytest
from PIL import Image
from tests.bundles import conftest as networks_
from tests.bundles.conftest import FACTS, Kind, fit, networks  # noqa: F401  # fixtures
from tests.serving.conftest import running

from thawline.bundles.write import Extras, write_bundle
from thawline.features.settings import StoreSettings
from thawline.serving.active import ActiveSource
from thawline.tasks.bundle.load import load_bundle
from thawline.tasks.bundle.serving import Served
from thawline.tasks.versions import open_registry
from thawline.versions.feedback import add_item
from thawline.versions.settings import VersionsSettings

# Files may be called anything.
NAMES = ("beach.jpg", "<img src=x onerror=window.broken=1>.jpg", "two words é.jpg", "last.jpg")


@pytest.fixture
def settings(tmp_path):
    return VersionsSettings(str(tmp_path / "outputs" / "versions"))


@pytest.fixture(scope="session")
def tastes(fit, tmp_path_factory):  # noqa: F811  # a fixture
    """Two small tastes of one network with random weights."""
    folders = []
    for thaw in ("head", 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(networks_, "CLASSES", ("dislike", "like"))
            tuned = fit(Kind("timm:test_resnet", "linear", thaw)).tuned
        folders.append(tmp_path_factory.mktemp("taste") / "bundle")
        tuned = dataclasses.replace(tuned, task="preference", classes=("dislike", "like"))
        write_bundle(folders[-1], tuned, Extras((), 1e-5, FACTS))
    return folders


@pytest.fixture
def registry(tastes, settings, tmp_path):
    """Two versions, and four photos that nobody judged."""
    with open_registry(settings) as registry:
        for folder in tastes:
            registry.import_(folder)
        registry.activate(1)
        with registry.database.session() as session:
            for number, name in enumerate(NAMES):
                path = tmp_path / name
                pixels = np.random.default_rng(number).integers(0, 256, (60, 1400, 3), np.uint8)
                Image.fromarray(pixels).save(path, quality=60)
                add_item(session, path, hashlib.sha256(path.read_bytes()).hexdigest())
        yield registry


@pytest.fixture
def serve(registry, settings):
    """Begin the service with other settings than usual."""

    def load_version(version):
        return Served(load_bundle(registry.folder(version), device="cpu"), f"v{version.number}", version)

    def begin(**changes):
        store = StoreSettings(str(registry.root.parent / "store"))
        source = ActiveSource(registry, load_version, None)
        return running(source, registry, versions=settings, store=store, **changes)

    return begin


@pytest.fixture
def client(serve):
    with serve() as client:
        yield client
