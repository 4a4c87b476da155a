"""Small photos made on the spot."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw


def draw_scene(seed: int, size: tuple[int, int] = (480, 360)) -> Image.Image:
    """A varied picture: a gradient and forty shapes, the same for the same seed."""
    rng = np.random.default_rng(seed)
    width, height = size
    low, high = rng.integers(0, 255, (2, 3))
    ramp = np.linspace(0, 1, height)[:, None, None]
    image = Image.fromarray(np.broadcast_to(low + (high - low) * ramp, (height, width, 3)).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = rng.integers(0, width), rng.integers(0, height)
        a, b = rng.integers(width // 20, width // 4), rng.integers(height // 20, height // 4)
        shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        shape((int(x - a), int(y - b), int(x + a), int(y + b)), fill=tuple(int(c) for c in rng.integers(0, 255, 3)))
    return image


def encode_image(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 90} if kind == "JPEG" else {}) | options)
    return buffer.getvalue()


def write_black_png(width: int, height: int, rows: int = 1) -> bytes:
    """A PNG that claims to be this large and holds so many rows, all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(3 * width + 1)) for _ in range(rows)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.fixture
def scene() -> Callable[..., Image.Image]:
    return draw_scene


@pytest.fixture
def encode() -> Callable[..., bytes]:
    return encode_image


@pytest.fixture
def huge_png() -> Callable[..., bytes]:
    return write_black_png


def play_piece(seed: int, seconds: float = 6, rate: int = 22050) -> npt.NDArray[np.float32]:
    """A melody of decaying notes with harmonics over a beat, float32 [frames], the same for the same seed."""
    rng = np.random.default_rng(seed)
    piece = np.zeros(round(seconds * rate))
    root, beat, harmonics = rng.uniform(50, 110), rng.uniform(0.15, 0.35), rng.uniform(0.2, 1, 6) / np.arange(1, 7)
    for start in np.arange(0, seconds, beat):
        piece_from = round(start * rate)
        time = np.arange(min(round(0.6 * rate), len(piece) - piece_from)) / rate
        note = root * 2 ** (rng.integers(0, 36) / 12)
        waves = np.sin(2 * np.pi * note * np.arange(1, 7)[:, None] * time)
        sound = harmonics @ waves * np.exp(-5 * time) + rng.normal(0, 0.3, len(time)) * np.exp(-60 * time)
        piece[piece_from : piece_from + len(time)] += sound
    return (piece / np.abs(piece).max() * 0.8).astype(np.float32)


@pytest.fixture(scope="session")
def piece() -> Callable[..., npt.NDArray[np.float32]]:
    return play_piece
