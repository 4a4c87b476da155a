"""The sample of event photos: synthetic, one folder a class, with what real collections have and shouldn't."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random

from PIL import Image

from thawline.errors import UserError
from thawline.samples.camera import encode, take
from thawline.samples.marker import write_sample
from thawline.samples.scenes.occasions import OCCASIONS
from thawline.samples.shoots import Photo, Photographers

_WHAT = (
    "Synthetic photos drawn by `thawline sample events`: no person, place or event in them exists. For trying Thawline "
    "out and for tests; results on them say nothing about real photos."
)
# Raised when other bytes come out of the same seed.
_EDITION = 1


@dataclass(frozen=True)
class SampleSummary:
    """What a sample holds.

    Attributes:
        root: Where it lies.
        classes: Class folders, sorted.
        photos: Readable photos.
        bursts: Scenes that were photographed more than once.
        shoot_folders: Folders below the class folders.
        copies: Photos that are byte for byte another one of their class.
        left_out: Files that cannot be used, name to reason.
        already_there: The directory held this very sample, so nothing was written.
    """

    root: Path
    classes: tuple[str, ...]
    photos: int
    bursts: int
    shoot_folders: int
    copies: int
    left_out: dict[str, str]
    already_there: bool


def make_events(directory: Path, *, photos_per_class: int = 100, seed: int = 0) -> SampleSummary:
    """Make the sample of event photos.

    The same seed gives the same bytes with the same library versions. A marker file is written first and completed
    last: a run that was killed is taken up by the same call, and nothing that isn't the sample's is ever touched.

    Args:
        directory: New or empty, or a sample made by the same call.
        photos_per_class: Readable photos in each class.
        seed: Any whole number.

    Raises:
        UserError: `directory` holds something else, or cannot be written; or too few photos were asked for.
    """
    if photos_per_class < 2:
        raise UserError(f"a sample needs at least 2 photos a class, not {photos_per_class}: raise photos_per_class")
    sample = _Sample(photos_per_class, seed)
    already_there = write_sample(directory, sample)
    return sample.summary(directory, already_there=already_there)


class _Sample:
    """Everything about a sample that is known before a picture is drawn."""

    about = _WHAT

    def __init__(self, photos_per_class: int, seed: int) -> None:
        self.settings = {"sample": "events", "edition": _EDITION, "photos_per_class": photos_per_class, "seed": seed}
        self.photos: list[Photo] = []
        self.copies: dict[str, Photo] = {}  # name of the copy -> what it is a copy of
        self.formats: dict[str, str] = {}  # name of the photo -> "png", "webp" or "palette"
        self.broken: dict[str, str] = {}  # name -> kind
        people = Photographers(seed)
        for number, occasion in enumerate(OCCASIONS):
            rich = photos_per_class >= 10  # too small a class has no room for oddities
            copies = int(rich and number % 2 == 0)
            photos = people.photos(occasion, photos_per_class - copies)
            self.photos += photos
            flat = [photo for photo in photos if photo.name.count("/") == 1]
            if copies:
                path = PurePosixPath(flat[0].name)
                self.copies[str(path.with_name(f"{path.stem} (1){path.suffix}"))] = flat[0]
            if rich:
                self.formats[flat[-1].name] = ("webp", "palette", "png")[number % 3]
            if number < len(_BROKEN):
                pattern, _ = _BROKEN[list(_BROKEN)[number]]
                self.broken[f"{occasion}/{people.next_name(pattern)}"] = list(_BROKEN)[number]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of all files, drawn one by one."""
        for photo in self.photos:
            name, content = self._file(photo)
            yield name, content
            for copy, original in self.copies.items():
                if original is photo:
                    yield copy, content
        first = self.photos[0]
        whole = encode(take(first.scene, first.camera, first.shot), first.camera, None, ".jpg")
        for name, kind in self.broken.items():
            yield name, _broken_bytes(kind, whole)

    def names(self) -> set[str]:
        """Names of all files."""
        return {self._name(photo) for photo in self.photos} | set(self.copies) | set(self.broken)

    def _name(self, photo: Photo) -> str:
        kind = self.formats.get(photo.name)
        return str(PurePosixPath(photo.name).with_suffix(f".{kind}")) if kind in ("png", "webp") else photo.name

    def _file(self, photo: Photo) -> tuple[str, bytes]:
        name, image = self._name(photo), take(photo.scene, photo.camera, photo.shot)
        if self.formats.get(photo.name) == "palette":
            out = io.BytesIO()
            image.quantize(128).save(out, "PNG")
            return name, out.getvalue()
        quality = photo.camera.quality - (Random(name).randint(0, 8) if photo.shot.moment else 0)
        return name, encode(image, photo.camera, photo.taken, PurePosixPath(name).suffix, quality=quality)

    def summary(self, root: Path, *, already_there: bool) -> SampleSummary:
        sizes: dict[int, int] = {}
        for photo in self.photos:
            sizes[photo.burst] = sizes.get(photo.burst, 0) + 1
        folders = {str(PurePosixPath(photo.name).parent) for photo in self.photos if photo.name.count("/") > 1}
        return SampleSummary(
            root=root,
            classes=tuple(sorted(OCCASIONS)),
            photos=len(self.photos) + len(self.copies),
            bursts=sum(size > 1 for size in sizes.values()),
            shoot_folders=len(folders),
            copies=len(self.copies),
            left_out={name: _BROKEN[kind][1] for name, kind in sorted(self.broken.items())},
            already_there=already_there,
        )


# Kind -> (pattern of the file's name, what is wrong with it).
_BROKEN = {
    "truncated": ("IMG_{:04d}.JPG", "the JPEG ends in the middle"),
    "text": ("DSC_{:04d}.jpg", "a text file, not a photo"),
    "empty": ("IMG_{:04d}.jpg", "an empty file"),
    "heic": ("IMG_{:04d}.HEIC", "HEIC is not supported"),
    "cut png": ("scan-{:04d}.png", "the PNG ends in the middle"),
}


def _broken_bytes(kind: str, whole: bytes) -> bytes:
    """Content of a file that cannot be used; `whole` is a sound JPEG."""
    if kind == "truncated":
        return whole[: len(whole) * 2 // 5]
    if kind == "text":
        return b"Remember to copy the rest of the photos from the other phone.\n"
    if kind == "heic":
        return b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + Random("heic").randbytes(4000)
    if kind == "cut png":
        out = io.BytesIO()
        Image.frombytes("L", (80, 60), Random("png").randbytes(4800)).save(out, "PNG")
        return out.getvalue()[:900]
    return b""
