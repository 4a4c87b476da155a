"""Photos as the page shows them: small, upright, without what the file says besides."""

import hashlib
import io
from functools import lru_cache
from pathlib import Path

from thawline.data.photos.photo import read_upright
from thawline.errors import UnusableError
from thawline.versions.schema import Item

_SIDE = 1024  # px of the longer side
_KEPT = 64  # pictures in memory, some 100 kB each


def small_jpeg(item: Item, max_megapixels: float) -> bytes:
    """The photo of `item` as a JPEG of at most 1,024 pixels a side.

    Raises:
        UnusableError: The file is gone, is another by now, or can't be read.
    """
    return _small(item.path, item.digest, max_megapixels)


@lru_cache(_KEPT)
def _small(path: str, digest: str, max_megapixels: float) -> bytes:
    try:
        with Path(path).open("rb") as file:
            now = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnusableError("its file is not there any more") from error
    if now != digest:
        raise UnusableError("its file is another one by now; 'thawline preference add' takes that up")
    image = read_upright(Path(path), _SIDE, max_megapixels)
    image.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()
