"""A bundle against bare onnxruntime: `python benchmarks/predict.py --json predict.json`.

A CLIP ViT-B/32 with random weights (speed does not depend on them) and a linear head is a bundle and an ONNX file
of the same network. Measured in turn, round by round, and compared within each round:

- `decoded`: `Bundle.logits` of prepared pixels;
- `files`: `Bundle.predict` of JPEG files: reading, decoding, resizing, the network;
- `onnxruntime`: `InferenceSession.run` of the same pixels, normalised beforehand, in the same batches.

`ratios.decoded` and `ratios.files` are the medians of the rounds' quotients over `onnxruntime`. Aim: at most 1.3.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Set before the import, which otherwise looks up a host.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

import thawline
from thawline.bundles.write import Extras, write_bundle
from thawline.decisions.temperature import Temperature
from thawline.encoders.settings import EncoderSettings
from thawline.features.passes.workers import BATCH
from thawline.tasks.photos.bundle.photos import Bundle
from thawline.tasks.photos.bundle.write import TunedPhotos

try:
    import onnxruntime
except ImportError:
    sys.exit("benchmarks/predict.py: onnxruntime is not installed; pip install onnx onnxruntime onnxscript")

CLASSES = [f"class {i}" for i in range(10)]
TOKENIZER = Path(thawline.__file__).parent / "samples" / "tiny_clip"


class Plain(torch.nn.Module):
    """What onnxruntime runs: normalised pixels [batch, 3, 224, 224] to logits."""

    def __init__(self, folder: Path, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        model = CLIPModel.from_pretrained(folder)
        self.vision, self.projection = model.vision_model, model.visual_projection
        self.head = torch.nn.Linear(512, len(CLASSES))
        self.head.load_state_dict({name: state[f"head.layers.{name}"] for name in ("weight", "bias")})

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """To logits [batch, classes]."""
        logits: torch.Tensor = self.head(self.projection(self.vision(pixel_values=pixels).pooler_output))
        return logits


def make_photos(folder: Path, count: int, width: int, height: int) -> list[Path]:
    """JPEGs with as much detail as photos have."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(count):
        rough = random.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
        image = np.asarray(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = (image + random.integers(-6, 7, image.shape)).clip(0, 255).astype(np.uint8)
        paths.append(folder / f"{number:04d}.jpg")
        Image.fromarray(noisy).save(paths[-1], quality=90)
    return paths


def make_models(root: Path) -> tuple[Bundle, Any]:
    """The bundle and the onnxruntime session of one network."""
    torch.manual_seed(0)
    base = root / "clip"
    CLIPModel(CLIPConfig()).save_pretrained(base)
    CLIPImageProcessor().save_pretrained(base)
    CLIPTokenizer.from_pretrained(TOKENIZER).save_pretrained(base)
    state = {
        "head.standardise.mean": torch.zeros(512),
        "head.standardise.scale": torch.ones(()),
        "head.layers.weight": torch.randn(len(CLASSES), 512) * 0.1,
        "head.layers.bias": torch.zeros(len(CLASSES)),
    }
    tuned = TunedPhotos(
        "events", EncoderSettings("clip", str(base)), "reduced", "head", state, CLASSES, None, Temperature()
    )
    metrics = {"estimates": {}, "samples": 0, "groups": 0, "of": "nothing"}
    write_bundle(root / "bundle", tuned, Extras(known=(), tolerance=0.0, facts={"metrics": metrics, "hashes": {}}))
    torch.onnx.export(
        Plain(base, state).eval(),
        (torch.zeros(BATCH, 3, 224, 224),),
        root / "clip.onnx",
        input_names=["pixels"],
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(root / "clip.onnx", providers=["CPUExecutionProvider"])
    bundle = thawline.load(root / "bundle", device="cpu")
    assert isinstance(bundle, Bundle)  # noqa: S101  # it was just written
    return bundle, session


def normalised(pixels: torch.Tensor, bundle: Bundle) -> np.ndarray[Any, Any]:
    """What enters the bare network."""
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (bundle.preprocessing.mean, bundle.preprocessing.std))
    return ((pixels.float() / 255 - mean) / std).numpy()


def seconds(work: Callable[[], object]) -> float:
    """That one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--photos", type=int, default=64, help="how many, a multiple of the batch (%(default)s)")
    parser.add_argument("--size", default="1024x768", help="of the photos, px (%(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="(%(default)s)")
    given = parser.parse_args()
    if given.photos % BATCH or given.photos < BATCH:
        parser.error(f"--photos must be a multiple of {BATCH}")
    width, height = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "photos").mkdir()
        paths = make_photos(root / "photos", given.photos, width, height)
        bundle, session = make_models(root)
        pixels = torch.stack([bundle.pixels(path) for path in paths])
        ready = normalised(pixels, bundle)
        batches = [ready[i : i + BATCH] for i in range(0, len(ready), BATCH)]
        bare = np.concatenate([session.run(None, {"pixels": batch})[0] for batch in batches])
        difference = float(np.abs(bare - bundle.logits(pixels)).max())
        ways: dict[str, Callable[[], object]] = {
            "onnxruntime": lambda: [session.run(None, {"pixels": batch}) for batch in batches],
            "decoded": lambda: bundle.logits(pixels),
            "files": lambda: list(bundle.predict(paths)),
        }
        took = [{name: seconds(work) for name, work in ways.items()} for _ in range(given.rounds)]
    found = {
        "ratios": {
            name: round(statistics.median(one[name] / one["onnxruntime"] for one in took), 3)
            for name in ("decoded", "files")
        },
        "photos_per_second": {
            name: round(given.photos / statistics.median(one[name] for one in took), 1) for name in ways
        },
        "largest_difference_of_logits": difference,
        "rounds": [{name: round(value, 3) for name, value in one.items()} for one in took],
        "photos": given.photos,
        "size": given.size,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
    }
    print(json.dumps(found, indent=2))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
