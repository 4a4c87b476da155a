"""Pictures of which a part is missing though the file says that it has ended: decoders fill them up without a word."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from thawline.data.photos.photo import read_photo
from thawline.data.photos.preprocessing import Preprocessing

PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
WAYS = (None, Preprocessing(64, 64), Preprocessing(64, 64, decode="full"))
INPUTS = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def problem_of(tmp_path: Path, data: bytes) -> str | None:
    """What is wrong with the file, however it is decoded. Pillow shows it all the same."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    Image.open(io.BytesIO(data)).load()
    problems = {read_photo(path, how)[0].problem for how in WAYS}
    assert len(problems) == 1
    return problems.pop()


def closed_early(data: bytes, share: float) -> bytes:
    """The JPEG file with a `share` of its coded bytes, then its end."""
    start = data.rindex(b"\xff\xda") if data.count(b"\xff\xda") == 1 else data.index(b"\xff\xda")
    cut = start + 14 + int(share * (len(data) - start - 16))
    cut -= data[cut - 1] == 0xFF  # not within an escaped byte
    return data[:cut] + b"\xff\xd9"


def write_png(array: np.ndarray, colour: int, *, rows: int | None = None, interlaced: bool = False) -> bytes:
    """`array` [height, width, channels] as a PNG of which `rows` rows of its last pass are there, and its end."""
    height, width, _ = array.shape
    parts = [array[y::down, x::across] for x, y, across, down in PASSES] if interlaced else [array]
    parts[-1] = parts[-1][:rows]
    raw = b"".join(b"\0" + row.tobytes() for part in parts if part.shape[1] for row in part)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8 * array.dtype.itemsize, colour, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(range(0, 192)) * 4) if colour == 3 else b""
    image_data = zlib.compress(raw)
    half = len(image_data) // 2
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            palette,
            chunk(b"IDAT", image_data[:half]),
            chunk(b"IDAT", image_data[half:]),
            chunk(b"IEND", b""),
        ]
    )


@INPUTS
@given(
    share=st.floats(0, 0.85),
    quality=st.integers(20, 95),
    subsampling=st.integers(0, 2),
    grey=st.booleans(),
    restart=st.sampled_from([0, 3]),
)
def test_a_jpeg_that_was_closed_early(tmp_path, scene, encode, share, quality, subsampling, grey, restart) -> None:
    image = scene(1, (200, 400)).convert("L" if grey else "RGB")
    data = encode(image, quality=quality, subsampling=subsampling, restart_marker_rows=restart)
    found = problem_of(tmp_path, closed_early(data, share))
    assert found is not None
    assert found.startswith("broken JPEG: truncated, the lower ")
    assert problem_of(tmp_path, data) is None


def test_how_much_is_missing_is_said(tmp_path, encode) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (800, 200, 3), dtype=np.uint8))
    data = encode(noise)
    for share in (0.25, 0.5, 0.75):
        found = problem_of(tmp_path, closed_early(data, share))
        assert found is not None
        missing = int(found.removeprefix("broken JPEG: truncated, the lower ").removesuffix(" % are missing"))
        assert missing == pytest.approx(100 - 100 * share, abs=3)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.6])
@pytest.mark.parametrize("grey", [False, True])
def test_a_progressive_jpeg_that_was_closed_early(tmp_path, scene, encode, share, grey) -> None:
    data = encode(scene(1, (200, 400)).convert("L" if grey else "RGB"), progressive=True)
    assert problem_of(tmp_path, closed_early(data, share)) == "broken JPEG: truncated, some of its scans are missing"
    assert problem_of(tmp_path, data) is None


@pytest.mark.parametrize("colour", ["white", "black", (12, 200, 30)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_is_of_one_colour_is_whole(tmp_path, scene, encode, colour, kind) -> None:
    image = Image.new("RGB", (640, 960), colour)
    assert problem_of(tmp_path, encode(image, kind)) is None
    image.paste(scene(1, (640, 480)))
    assert problem_of(tmp_path, encode(image, kind)) is None
    assert problem_of(tmp_path, encode(image.convert("L"), kind)) is None
    assert problem_of(tmp_path, encode(image, kind, **({"progressive": True} if kind == "JPEG" else {}))) is None


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("colour", "channels", "dtype"),
    [(0, 1, ">u2"), (2, 3, "u1"), (2, 3, ">u2"), (3, 1, "u1"), (4, 2, "u1"), (6, 4, "u1")],
)
def test_a_png_that_lacks_rows(tmp_path, colour, channels, dtype, interlaced) -> None:
    rng = np.random.default_rng(0)
    for height, width in [(90, 61), (61, 90), (2, 3), (1, 1)]:
        array = rng.integers(1, 256, (height, width, channels)).astype(dtype)
        assert problem_of(tmp_path, write_png(array, colour, interlaced=interlaced)) is None
        black = array.copy()
        black[height // 2 :] = 0
        assert problem_of(tmp_path, write_png(black, colour, interlaced=interlaced)) is None
        last = len(array[1::2] if interlaced else array)
        for rows in {max(1, last // 3), last - 1} if last > 1 else ():
            cut = problem_of(tmp_path, write_png(array, colour, rows=rows, interlaced=interlaced))
            assert cut is not None
            assert cut.startswith("broken PNG: truncated, ")


def test_a_share_of_a_png_is_said(tmp_path) -> None:
    array = np.full((1000, 40, 3), 99, dtype=np.uint8)
    assert problem_of(tmp_path, write_png(array, 2, rows=20)) == "broken PNG: truncated, 98 % are missing"
    assert problem_of(tmp_path, write_png(array, 2, rows=999)) == "broken PNG: truncated, 1 % are missing"


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_that_was_closed_early_is_refused_by_its_decoder(tmp_path, scene, encode, lossless) -> None:
    data = encode(scene(1), "WEBP", lossless=lossless)
    cut = data[: len(data) // 2 & ~1]
    size = len(cut)
    path = tmp_path / "photo.webp"
    path.write_bytes(b"RIFF" + struct.pack("<I", size - 8) + cut[8:16] + struct.pack("<I", size - 20) + cut[20:])
    for how in WAYS:
        assert (read_photo(path, how)[0].problem or "").startswith("broken WEBP: ")


def test_real_bombs_are_truncated(shared_data) -> None:
    bombs = shared_data / "cases" / "bombs"
    for name, problem in {
        "jpg_10900.jpg": "broken JPEG: truncated, the lower 100 % are missing",
        "png_119mp_rgba16.png": "broken PNG: truncated, 98 % are missing",
    }.items():
        assert read_photo(bombs / name, WAYS[1], max_megapixels=200)[0].problem == problem
