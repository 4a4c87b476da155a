"""Memory and time a photo do not grow with the number of photos: `thawline train` on more and more tiny photos.

The memory is the process's peak less the bytes of the features that it computed. The encoder is the package's tiny
CLIP, whose features take little, so that what else grows would show. Quick: --photos 100 1000.
"""

from pathlib import Path
from typing import Any

import numpy as np
from common import CLASSES, finish, parser, say, thawline_train, workspace
from PIL import Image

SIDE = 32  # px


def make_tiny(data: Path, count: int) -> Path:
    """A folder of `count` PNGs of 32 px, evenly over five classes, no two of which look alike; a second for 3,000."""
    folder = data / f"tiny-{count}"
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cells = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(cells).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        picture.save(folder / CLASSES[number % len(CLASSES)] / f"{number:07}.png", compress_level=1)
    return folder


def stored(store: Path) -> int:
    """Bytes of all features."""
    return sum(path.stat().st_size for path in store.rglob("*.rows"))


def measure(count: int, data: Path, scratch: Path) -> dict[str, Any]:
    """One run from an empty store."""
    photos = make_tiny(data, count)
    store = scratch / f"store-{count}"
    words = ("encoder=tiny_clip", "method=linear", "method.epochs=2")
    done = thawline_train(photos, store, scratch / f"outputs-{count}", *words)
    features = stored(store)
    seconds = done["spent"]["photos, network, features"]
    result = {
        **done,
        "photos": count,
        "feature_mb": features / 2**20,
        "peak_less_features_mb": done["peak_mb"] - features / 2**20,
        "pass_ms_per_photo": 1000 * seconds / count,
    }
    say(", ".join(f"{name} {value:.1f}" for name, value in result.items() if isinstance(value, int | float)))
    return result


def main() -> None:
    """Measure each number of photos."""
    options = parser(__doc__, photos=0)
    options.set_defaults(photos=[500, 5_000, 50_000])
    next(action for action in options._actions if action.dest == "photos").nargs = "+"
    given = options.parse_args()
    with workspace(given.data) as (data, scratch):
        found = [measure(count, data, scratch) for count in given.photos]
    first, last = found[0], found[-1]
    times = last["photos"] / first["photos"]
    cpu = {name: run["cpu"] / run["photos"] for name, run in (("first", first), ("last", last))}
    ratios = {
        "photos": times,
        "peak_less_features": last["peak_less_features_mb"] / first["peak_less_features_mb"],
        "pass_seconds_per_photo": last["pass_ms_per_photo"] / first["pass_ms_per_photo"],
        "cpu_seconds_per_photo": cpu["last"] / cpu["first"],
    }
    grown = (
        (last["peak_less_features_mb"] - first["peak_less_features_mb"])
        * 2**20
        / max(1, last["photos"] - first["photos"])
    )
    finish(given, ratios, {"bytes_more_per_photo": grown, "runs": found})


if __name__ == "__main__":
    main()
