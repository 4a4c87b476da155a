"""Edit photos in fourteen ways and say of how many the copy is found; and how many of like photos are joined.

Like photos are two of one scene: the view has moved on and somebody else stands in it. They may not be joined by their
parts, whatever the perceptual hash of the whole says of them.

    python tools/check_copies.py FOLDER [--photos 40] [--like 500] [--seed 0]
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from thawline.data.photos.groups import find_copies
from thawline.data.photos.photo import PhotoFacts, read_photo, read_upright

Edit = Callable[[Image.Image], Image.Image]
QUALITY = 75


def cropped(left: float, top: float, right: float, bottom: float) -> Edit:
    """Cut out a part, in shares of the width and height."""

    def crop(photo: Image.Image) -> Image.Image:
        width, height = photo.size
        return photo.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))

    return crop


def captioned(photo: Image.Image) -> Image.Image:
    """A black bar over the lower seventh, with words."""
    width, height = photo.size
    copy = photo.copy()
    pen = ImageDraw.Draw(copy)
    pen.rectangle((0, round(height * 6 / 7), width, height), fill="black")
    pen.text((width / 20, height * 0.88), "A day to remember", fill="white", font_size=max(8, height // 12))
    return copy


EDITS: dict[str, Edit] = {
    "recompressed": lambda photo: photo,
    "halved": lambda photo: photo.reduce(2),
    "brightened": lambda photo: ImageEnhance.Brightness(photo).enhance(1.3),
    "greyed": lambda photo: photo.convert("L").convert("RGB"),
    "blurred": lambda photo: photo.filter(ImageFilter.GaussianBlur(2)),
    "captioned": captioned,
    "turned by 3 degrees": lambda photo: photo.rotate(3, Image.Resampling.BICUBIC),
    "cropped by 5 %": cropped(0.025, 0.025, 0.975, 0.975),
    "cropped by 15 %": cropped(0.075, 0.075, 0.925, 0.925),
    "a corner of it": cropped(0, 0, 0.7, 0.7),
    "mirrored": ImageOps.mirror,
    "turned by 90 degrees": lambda photo: photo.transpose(Image.Transpose.ROTATE_90),
    "turned by 180 degrees": lambda photo: photo.transpose(Image.Transpose.ROTATE_180),
    "framed": lambda photo: ImageOps.expand(photo, round(0.1 * max(photo.size)), "white"),
}
# Harder ones, and other ways to do the same.
MORE: dict[str, Edit] = {
    "cropped by 15 % each side": cropped(0.15, 0.15, 0.85, 0.85),
    "the upper left quarter": cropped(0, 0, 0.5, 0.5),
    "the lower right quarter": cropped(0.5, 0.5, 1, 1),
    "the left half": cropped(0, 0, 0.5, 1),
    "in a thin black frame": lambda photo: ImageOps.expand(photo, round(0.04 * max(photo.size)), "black"),
    "with bars above and below": lambda photo: ImageOps.expand(photo, (0, round(0.15 * photo.height)), "black"),
    "cropped and a third as large": lambda photo: cropped(0.1, 0.2, 0.8, 0.9)(photo).reduce(3),
}


def facts_of(photos: Sequence[Image.Image], folder: Path, quality: int = QUALITY) -> list[PhotoFacts]:
    """What the product knows of pictures as JPEG files."""
    found = []
    for photo in photos:
        out = io.BytesIO()
        photo.save(out, "JPEG", quality=quality)
        (folder / "photo.jpg").write_bytes(out.getvalue())
        found.append(read_photo(folder / "photo.jpg", None)[0])
    return found


def found_copies(originals: Sequence[PhotoFacts], copies: Sequence[PhotoFacts]) -> int:
    """How many of the copies are found among all of both."""
    ids = find_copies([*originals, *copies])
    return int((ids[: len(originals)] == ids[len(originals) :]).sum())


def like_photos(photo: Image.Image, other: Image.Image, rng: Random) -> Iterator[Image.Image]:
    """Two photos of one scene, each with somebody else in it; the view has moved by a tenth of it or more."""
    away = rng.uniform(0.1, 0.25)
    for moment in (0, 1):
        view = cropped(away * moment, 0, 0.75 + away * moment, 1)(photo)
        size = (view.width // 4, view.height // 2)
        somebody = other.resize((4 * size[0], 2 * size[1])).crop((moment * size[0], 0, (moment + 1) * size[0], size[1]))
        view.paste(somebody, (rng.randrange(view.width - size[0]), view.height - size[1]))
        yield view


def distinct(paths: Sequence[Path], folder: Path) -> list[Path]:
    """One of those that are copies of each other as they are: what is made of two such is rightly joined."""
    groups = find_copies(facts_of([read_upright(path) for path in paths], folder))
    return [paths[int((groups == group).argmax())] for group in range(int(groups.max()) + 1)]


def joined(facts: Sequence[PhotoFacts]) -> int:
    """How many groups of photos the photos make less than there are photos."""
    return len(facts) - int(find_copies(facts).max() + 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--like", type=int, default=500, help="scenes of two like photos each")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = Random(arguments.seed)
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    rng.shuffle(paths)
    with TemporaryDirectory() as place:
        folder = Path(place)
        photos = [read_upright(path) for path in paths[: arguments.photos]]
        originals = facts_of(photos, folder, quality=90)
        for edits in (EDITS, MORE):
            for name, edit in edits.items():
                found = found_copies(originals, facts_of([edit(photo) for photo in photos], folder))
                print(f"{name:30} {found:3} of {len(photos)}", flush=True)
        scenes = distinct(paths[: arguments.like], folder)
        like = [
            view
            for path, other in zip(scenes, scenes[1:] + scenes[:1], strict=True)
            for view in like_photos(read_upright(path), read_upright(other), rng)
        ]
        facts = facts_of(like, folder)
        whole = joined([replace(fact, sketch=None) for fact in facts])
        print(f"{len(like)} like photos: {whole} joined by hashes, {joined(facts) - whole} more by parts")


if __name__ == "__main__":
    main()
