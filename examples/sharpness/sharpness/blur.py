"""Photos blurred by known amounts, with the table of these: `python -m sharpness.blur PHOTOS OUT`."""

import argparse
import csv
import random
from pathlib import Path

from PIL import Image, ImageFilter

SIDE, RADIUS, COPIES = 256, 4.0, 2


def main() -> None:
    """Blur each photo below PHOTOS, and write OUT/blur.csv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    drawn = random.Random(given.seed)
    given.out.mkdir(parents=True)
    rows = []
    for path in sorted(path for path in given.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")):
        try:
            with Image.open(path) as photo:
                rows += _blurred(photo.convert("RGB"), path.relative_to(given.photos), given.out, drawn)
        except (OSError, SyntaxError) as error:
            print(f"left out: {path} ({error})")
    with (given.out / "blur.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "score", "group"), *rows])
    print(f"{len(rows)} photos in {given.out / 'blur.csv'}")


def _blurred(photo: Image.Image, name: Path, out: Path, drawn: random.Random) -> list[tuple[str, float, str]]:
    """Write copies of one photo, all of one size: the name, the radius in pixels and the photo that each is of."""
    scale = SIDE / min(photo.size)
    photo = photo.resize((round(photo.width * scale), round(photo.height * scale)))
    rows = []
    for copy in range(COPIES):
        radius = round(drawn.uniform(0, RADIUS), 2)
        copied = f"{'_'.join(name.parts)}_{copy}.jpg"
        photo.filter(ImageFilter.GaussianBlur(radius)).save(out / copied, quality=92)
        rows.append((copied, radius, str(name)))
    return rows


if __name__ == "__main__":
    main()
