"""How many bytes a version takes that trained two blocks of a CLIP of ViT-B/32's size.

python tools/measure_sharing.py

The network is built from CLIP's own config with random weights, since nothing is fetched. Its zero-shot bundle is v1,
and the bundle of a run that trained the last two blocks of the image tower is v2.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

from thawline.bundles.golden import golden_pixels
from thawline.cli import main as thawline
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.weights import locate
from thawline.samples.events import make_events
from thawline.tasks.bundle.opening import load
from thawline.tasks.versions import golden
from thawline.versions.database import open_database
from thawline.versions.registry import Registry
from thawline.versions.settings import SQLITE
from thawline.versions.sharing import own_bytes

MB = 1e6


def make_clip(directory: Path) -> None:
    """A CLIP of ViT-B/32's size, with the words of the tiny one."""
    create: Any = CLIPTokenizer
    tokens = create.from_pretrained(locate(EncoderSettings(family="clip", name="package:tiny_clip")))
    ends = {f"{name}_token_id": getattr(tokens, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    torch.manual_seed(0)
    model: Any = CLIPModel(CLIPConfig(text_config=ends))
    model.save_pretrained(directory)
    processor: Any = CLIPProcessor
    processor(image_processor=CLIPImageProcessor(), tokenizer=tokens).save_pretrained(directory)


def make_bundles(folder: Path) -> list[Path]:
    """The bundle of the network as it is, and that of a run that trained two blocks."""
    make_events(folder / "photos", photos_per_class=12, seed=0)
    make_clip(folder / "clip")
    os.environ["THAWLINE_STORE"] = str(folder / "store")
    shared = ("encoder=clip", f"encoder.name={folder / 'clip'}", "encoder.revision=null", "trainer=cpu", "logger=csv")
    bundles = []
    for name, method in [
        ("base", ("method=zero_shot",)),
        ("blocks", ("method=finetune", "thaw=2", "method.epochs=2")),
    ]:
        thawline(["train", str(folder / "photos"), *shared, *method, f"paths.outputs={folder / name}"])
        (run,) = (folder / name / "train").iterdir()
        bundles.append(folder / f"{name} bundle")
        thawline(["export", str(run), f"out={bundles[-1]}"])
    return bundles


def main() -> None:
    """Make the bundles, add both, and print what each takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundles, root = make_bundles(folder), folder / "versions"
        root.mkdir()
        with open_database(f"sqlite:///{root / SQLITE}") as database:
            registry = Registry(root, database, golden)
            for bundle in bundles:
                started = time.monotonic()
                version = registry.add(bundle, type="base" if bundle is bundles[0] else "blocks")
                seconds = time.monotonic() - started
                stored = registry.folder(version)
                size = sum(path.stat().st_size for path in bundle.iterdir())
                added = size if bundle is bundles[0] else own_bytes(stored)
                one, two = load(bundle, device="cpu"), load(stored, device="cpu")
                pixels = golden_pixels(one.preprocessing.size)  # a bundle of photos
                same = bool((one.logits(pixels) == two.logits(pixels)).all())
                print(
                    f"v{version.number}: a bundle of {size / MB:.1f} MB, stored anew {added / MB:.1f} MB, "
                    f"added in {seconds:.1f} s; the same logits: {same}"
                )
                started = time.monotonic()
                registry.activate(version.number, force=True)
                print(f"v{version.number}: checked and activated in {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
