"""What a GPU makes of a feature pass and of fine-tuning, on one machine. It is meant to take under four minutes.

- forward: CLIP ViT-B/32's image tower in the half precision that the GPU has, on as many photos at once as a pass
  takes, as it is and compiled, over the peak: that of a large product of two matrices, measured here.
- pass: photos a second from files to the store, over those that all cores decode alone.
- difference: features against the CPU's in float32, relative to their norm.
- steps: of AdamW a second over the last two blocks and a new head, 64 photos each.

Weights are random: the speed does not depend on them. In seconds, without a GPU: --device cpu --small.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from common import finish, make_clip, make_photos, parser, say, workspace
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from thawline.data.listing import Listed
from thawline.data.photos.photo import read_photo
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.device import find_device, require_precision
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.features.media import Photos
from thawline.features.passes.computing import samples_at_once
from thawline.features.passes.filling import threads
from thawline.features.passes.workers import BATCH
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.wanted import wanted_features
from thawline.fitting.lightning.optimiser import adamw

AIMS = {
    "forward_over_peak": "compiled at least 0.5",
    "pass_over_decoding": "at least 0.9",
    "difference": "float32 at most 1e-4, half precision 1e-2",
}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        seconds: Of each measurement, at least.
        repeats: Times that something runs between two looks at the clock.
        matrix: Side of the matrices whose product is the peak.
        photo: Width and height, px.
        copies: Files of each generated photo, the same picture in other bytes: drawing takes longer than decoding.
        batch: Photos of a step.
    """

    seconds: float = 3.0
    repeats: int = 5
    matrix: int = 8192
    photo: tuple[int, int] = (1024, 768)
    copies: int = 16
    batch: int = 64


SMALL = Size(seconds=0.0, repeats=1, matrix=64, photo=(64, 48), copies=2, batch=2)


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds_each(work: Callable[[], object], device: torch.device, size: Size) -> float:
    """Seconds that `work` takes, once it has run a few times."""
    for _ in range(size.repeats):
        work()
    wait(device)
    start, count = time.perf_counter(), 0
    while True:
        for _ in range(size.repeats):
            work()
        wait(device)
        count += size.repeats
        if (spent := time.perf_counter() - start) >= size.seconds:
            return spent / count


def half_precision(device: torch.device) -> torch.dtype:
    """The one that the device computes in."""
    try:
        require_precision("", torch.bfloat16, device.type, "")
    except UserError:
        return torch.float16
    return torch.bfloat16


def peak(device: torch.device, half: torch.dtype, size: Size) -> float:
    """Operations a second of a product of two square matrices."""
    left, right = (torch.randn(size.matrix, size.matrix, device=device).to(half) for _ in range(2))
    return 2 * size.matrix**3 / seconds_each(lambda: left @ right, device, size)


def operations(encoder: Encoder) -> int:
    """Of one photo's forward pass, a multiplication and an addition as two."""
    with FlopCounterMode(display=False) as counter:
        encoder.prefix(len(encoder.stages))({"pixels": some_pixels(encoder, 1)})
    return int(counter.get_total_flops())


def some_pixels(encoder: Encoder, count: int) -> torch.Tensor:
    """Soft random pictures, uint8 [count, 3, size, size]."""
    assert encoder.preprocessing is not None  # noqa: S101  # it sees photos
    size, generator = encoder.preprocessing.size, torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (count, 3, 7, 7), generator=generator).float()
    return nn.functional.interpolate(coarse, (size, size), mode="bilinear").round().to(torch.uint8)


def measure_forward(encoder: Encoder, device: torch.device, size: Size) -> dict[str, float]:
    """Photos a second by the encoder's precision, as it is and compiled; compiled on CUDA alone."""
    batch = samples_at_once(BATCH, device)
    given = {"pixels": some_pixels(encoder, batch).to(device)}
    found = {}
    for name in ("as it is", "compiled")[: 2 if device.type == "cuda" else 1]:
        prefix = encoder.prefix(len(encoder.stages)).to(device)
        if name == "compiled":
            prefix.compile_stages()
        with torch.inference_mode():
            found[name] = batch / seconds_each(partial(prefix, given), device, size)
    return found


def differences(encoder: Encoder, device: torch.device, half: torch.dtype, size: Size) -> dict[str, float]:
    """How far features of photos are from the CPU's in float32, relative to their norm, by precision."""
    last, pixels = len(encoder.stages), some_pixels(encoder, size.batch)
    encoder.precision = torch.float32
    wanted = encoder.prefix(last)({"pixels": pixels})["features"]
    found = {}
    for precision in (torch.float32, half):
        encoder.precision = precision
        features = encoder.prefix(last).to(device)({"pixels": pixels.to(device)})["features"].cpu()
        found[str(precision).removeprefix("torch.")] = ((features - wanted).norm() / wanted.norm()).item()
    return found


def listed(photos: Path, scratch: Path, copies: int) -> list[Listed]:
    """The photos and copies of them whose files differ, after the end of the picture."""
    found = []
    for path in sorted(photos.rglob("*.jpg")):
        content = path.read_bytes()
        for number in range(copies):
            copy = scratch / f"{path.stem}-{number}.jpg"
            copy.write_bytes(content + number.to_bytes(4, "little"))
            found.append(Listed(copy, copy.name, "", "", None))
    return found


def measure_pass(
    photos: Sequence[Listed], encoder: Encoder, device: torch.device, scratch: Path
) -> tuple[float, float]:
    """Photos a second that are decoded by all cores, and that come from files to the store."""
    preprocessing = encoder.preprocessing
    assert isinstance(preprocessing, Preprocessing)  # noqa: S101  # it sees photos
    preprocessing = replace(preprocessing, decode="reduced")
    medium = Photos(preprocessing)
    with threads(device) as workers:
        assert isinstance(workers.read, ThreadPoolExecutor)  # noqa: S101  # so are both kinds
        start = time.perf_counter()
        for _ in workers.read.map(lambda one: read_photo(one.path, preprocessing, medium.max_megapixels)[0], photos):
            pass
        decoding = len(photos) / (time.perf_counter() - start)

    def through(some: Sequence[Listed], name: str) -> float:
        store = FeatureStore(scratch / name)
        cuts = [encoder.cut_for("head")]
        wanted = wanted_features(encoder, store, medium, cuts=cuts, dtype="float32", device=device, label="CLIP")
        start = time.perf_counter()
        done = survey(some, store, wanted)
        spent = time.perf_counter() - start
        if done.computed != len(some):
            raise SystemExit(f"{len(some)} photos gave {done.computed} features")
        return len(some) / spent

    through(photos[: max(1, len(photos) // 16)], "warm")
    return decoding, through(photos, "store")


def steps_a_second(encoder: Encoder, device: torch.device, half: torch.dtype, size: Size) -> dict[str, float]:
    """Of AdamW over the last two blocks and a new head, from features at the cut, by precision."""
    encoder.precision = torch.float32
    cut, batch = encoder.cut_for(2), size.batch
    features = encoder.prefix(cut).to(device)({"pixels": some_pixels(encoder, batch).to(device)})
    targets = torch.arange(batch, device=device) % 5
    found = {}
    for precision in (torch.float32, half):
        tail, head = encoder.tail(cut).to(device), nn.Linear(encoder.dim, 5).to(device)
        optimiser = adamw([*tail.parameters(), *head.parameters()], device, lr=1e-5)

        def step() -> None:
            with torch.autocast(device.type, precision, enabled=precision != torch.float32):  # noqa: B023
                logits = head(tail(features)["features"])  # noqa: B023
                loss = nn.functional.cross_entropy(logits, targets)
            optimiser.zero_grad()  # noqa: B023
            torch.autograd.backward(loss)
            optimiser.step()  # noqa: B023

        found[str(precision).removeprefix("torch.")] = 1 / seconds_each(step, device, size)
    return found


def main() -> None:
    """Measure everything."""
    options = parser(__doc__ or "", photos=512)
    options.add_argument("--device", default="gpu", choices=("auto", "cpu", "gpu", "mps"), help="what computes (gpu)")
    options.add_argument("--small", action="store_true", help="in seconds, by the package's tiny CLIP: no figures")
    given = options.parse_args()
    try:
        device = find_device(given.device)
    except UserError as error:
        raise SystemExit(str(error)) from error
    half, size = half_precision(device), SMALL if given.small else Size()
    start = time.perf_counter()
    with workspace(given.data) as (data, scratch):
        name = "package:tiny_clip" if given.small else str(make_clip(data))
        towers = load(EncoderSettings(family="clip", name=name))
        assert isinstance(towers, ClipTowers)  # noqa: S101  # its family says so
        encoder = towers.image
        counted = operations(encoder)
        far = differences(encoder, device, half, size)
        most = peak(device, half, size)
        encoder.precision = half
        forward = measure_forward(encoder, device, size)
        say(f"peak {most / 1e12:.1f} TFLOPS, " + ", ".join(f"{how} {rate:.0f}/s" for how, rate in forward.items()))
        files = scratch / "photos"
        files.mkdir()
        drawn = make_photos(data, 2 if given.small else given.photos, *size.photo)
        photos = listed(drawn, files, size.copies)
        decoding, passing = measure_pass(photos, encoder, device, scratch)
        steps = steps_a_second(encoder, device, half, size)
    finish(
        given,
        {
            "forward_over_peak": {how: rate * counted / most for how, rate in forward.items()},
            "pass_over_decoding": passing / decoding,
            "difference": far,
        },
        {
            "aims": AIMS,
            "card": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
            "half": str(half),
            "peak_tflops": most / 1e12,
            "forward_photos_a_second": forward,
            "decoded_photos_a_second": decoding,
            "pass_photos_a_second": passing,
            "photos": len(photos),
            "steps_a_second": steps,
            "seconds": time.perf_counter() - start,
            "small": given.small,
        },
    )


if __name__ == "__main__":
    main()
