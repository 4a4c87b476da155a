import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from torchvision.transforms import v2

from thawline.data.photos.decoding.headers import sniff
from thawline.data.photos.decoding.pictures import open_image, orient, stored_box
from thawline.data.photos.photo import read_photo, read_upright
from thawline.data.photos.preprocessing import Preprocessing
from thawline.errors import TooLargeError, UnusableError

EXACT = Preprocessing(64, 64, decode="full")


def pixels_of(tmp_path: Path, data: bytes, preprocessing: Preprocessing = EXACT) -> np.ndarray:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    facts, pixels = read_photo(path, preprocessing)
    assert facts.problem is None
    assert pixels is not None
    assert pixels.shape == (3, preprocessing.size, preprocessing.size)
    assert str(pixels.dtype) == "torch.uint8"
    assert pixels.is_contiguous()
    return pixels.numpy().astype(int)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).mean())


@pytest.mark.parametrize("size", [(480, 360), (360, 480), (481, 367), (100, 99), (64, 64), (30, 20)])
@pytest.mark.parametrize("resize", [64, 73])
def test_pixels_are_those_of_the_usual_transforms(tmp_path, scene, encode, size, resize) -> None:
    image = scene(1, size)
    usual = v2.Compose(
        [v2.PILToTensor(), v2.Resize(resize, v2.InterpolationMode.BICUBIC, antialias=True), v2.CenterCrop(64)]
    )
    got = pixels_of(tmp_path, encode(image, "PNG"), Preprocessing(64, resize))
    assert np.array_equal(got, usual(image).numpy())


def test_squash_shows_the_whole_photo(tmp_path, scene, encode) -> None:
    image = scene(1)
    got = pixels_of(tmp_path, encode(image, "PNG"), Preprocessing(64, 64, crop="squash", interpolation="bilinear"))
    usual = v2.Resize((64, 64), v2.InterpolationMode.BILINEAR, antialias=True)
    assert np.array_equal(got, usual(v2.PILToTensor()(image)).numpy())


@pytest.mark.parametrize("size", [(1600, 1203), (1001, 2003), (1283, 961)])
@pytest.mark.parametrize("crop", ["center", "squash"])
def test_reduced_decode_stays_close_to_the_full_one(tmp_path, scene, encode, size, crop) -> None:
    data = encode(scene(2, size))
    full = pixels_of(tmp_path, data, Preprocessing(64, 64, crop=crop, decode="full"))
    reduced = pixels_of(tmp_path, data, Preprocessing(64, 64, crop=crop))
    assert 0 < apart(full, reduced) < 1.0  # half a pixel of shift moves these scenes by more than 2


def test_full_decode_agrees_with_pillow(tmp_path, scene, encode) -> None:
    data = encode(scene(3, (800, 600)))
    pillow = np.asarray(Image.open(io.BytesIO(data)).resize((85, 64), Image.Resampling.BICUBIC).crop((10, 0, 74, 64)))
    assert apart(pixels_of(tmp_path, data), pillow.transpose(2, 0, 1)) < 0.05


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("decode", ["reduced", "full"])
def test_exif_orientation(tmp_path, scene, encode, orientation, decode) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = scene(4, (960, 640))
    data = encode(stored, exif=exif.tobytes())
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    path = tmp_path / "upright.png"
    upright.save(path)
    wanted, plain = read_photo(path, Preprocessing(64, 64, decode="full"))
    got = pixels_of(tmp_path, data, Preprocessing(64, 64, decode=decode))
    assert apart(got, plain.numpy().astype(int)) < 1.0
    facts, _ = read_photo(tmp_path / "photo.jpg", None)
    assert (facts.width, facts.height) == upright.size == (wanted.width, wanted.height)


def test_orient_is_pillows_transpose(scene) -> None:
    image = scene(5, (7, 5))
    for orientation in range(1, 9):
        image.getexif()[0x0112] = orientation
        assert np.array_equal(orient(np.asarray(image), orientation), np.asarray(ImageOps.exif_transpose(image)))
    assert np.array_equal(orient(np.asarray(image), 99), np.asarray(image))


@pytest.mark.parametrize("kind", ["grey", "16-bit", "1-bit", "palette", "LA", "RGBA", "CMYK", "webp"])
def test_every_mode_gives_the_same_picture(tmp_path, scene, encode, kind) -> None:
    image = scene(6, (128, 96))
    grey = image.convert("L")
    wanted = image if kind in ("palette", "RGBA", "CMYK", "webp") else grey.convert("RGB")
    if kind == "grey":
        data = encode(grey)
    elif kind == "16-bit":
        data = encode(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "PNG")
    elif kind == "1-bit":
        wanted = grey.convert("1").convert("RGB")
        data = encode(grey.convert("1"), "PNG")
    elif kind == "palette":
        data = encode(image.quantize(256), "PNG")
    elif kind == "CMYK":
        data = encode(image.convert("CMYK"))
    elif kind == "webp":
        data = encode(image, "WEBP", lossless=True)
    else:
        data = encode((grey if kind == "LA" else image).convert(kind), "PNG")
    tolerance = {"grey": 1.5, "palette": 3, "CMYK": 3}.get(kind, 0)
    expected = pixels_of(tmp_path, encode(wanted, "PNG"))
    for decode in ("reduced", "full"):
        got = pixels_of(tmp_path, data, Preprocessing(64, 64, decode=decode))
        assert apart(got, expected) <= tolerance


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.array([[0, 128, 257, 32768, 65407, 65535]], dtype=np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    rgb = open_image(buffer.getvalue()).decode().rgb()
    assert np.asarray(rgb)[0, :, 0].tolist() == [0, 0, 1, 128, 255, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_over_white(encode, mode) -> None:
    if mode == "P":
        image = Image.new("P", (4, 4), 0)
        image.putpalette([10, 20, 30, 40, 50, 60])
        data = encode(image, "PNG", transparency=0)
    else:
        data = encode(Image.new(mode, (4, 4), (10, 20, 30, 0) if mode == "RGBA" else (10, 0)), "PNG")
    assert np.asarray(open_image(data).decode().rgb()).min() == 255


@pytest.mark.parametrize("size", [(1, 1), (1, 30000), (30000, 1), (2, 5000), (3, 1)])
@pytest.mark.parametrize("crop", ["center", "squash"])
def test_extreme_shapes(tmp_path, encode, size, crop) -> None:
    array = np.full((size[1], size[0], 3), 200, dtype=np.uint8)
    got = pixels_of(tmp_path, encode(Image.fromarray(array), "PNG"), Preprocessing(224, 256, crop=crop))
    assert (got == 200).all()


def test_a_panorama_is_cut_to_its_middle(tmp_path, scene, encode) -> None:
    middle = scene(7, (400, 100))
    panorama = Image.new("RGB", (1600, 100), "red")
    panorama.paste(middle, (600, 0))
    assert np.array_equal(pixels_of(tmp_path, encode(panorama, "PNG")), pixels_of(tmp_path, encode(middle, "PNG")))


def test_size_is_judged_by_the_header(huge_png) -> None:
    with pytest.raises(TooLargeError, match=r"too large: 30000 by 30000 pixels, more than data\.max_megapixels=110"):
        open_image(huge_png(30000, 30000))
    assert open_image(huge_png(12000, 9000)).size == (12000, 9000)
    assert open_image(huge_png(30000, 30000), 900).size == (30000, 30000)
    with pytest.raises(TooLargeError, match=r"too large: 12000 by 9000 pixels, more than data\.max_megapixels=107.9"):
        open_image(huge_png(12000, 9000), 107.9)


def test_size_of_a_webp_is_judged_before_its_canvas_is_made() -> None:
    canvas = bytes([16, 0, 0, 0]) + (0xFFFF).to_bytes(3, "little") * 2
    data = b"RIFF" + (22).to_bytes(4, "little") + b"WEBPVP8X" + (10).to_bytes(4, "little") + canvas
    with pytest.raises(TooLargeError, match=r"too large: 65536 by 65536 pixels, more than data\.max_megapixels=110"):
        open_image(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_strips_give_the_pixels_of_the_whole(tmp_path, scene, encode, monkeypatch, orientation, mode) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = scene(9, (211, 97)).convert(mode)
    data = encode(image, "PNG", exif=exif.tobytes())
    for how in (EXACT, Preprocessing(32, 40), Preprocessing(48, 48, crop="squash", decode="full")):
        whole = pixels_of(tmp_path, data, how)
        facts = read_photo(tmp_path / "photo.jpg", None)[0]
        with monkeypatch.context() as patch:
            patch.setattr("thawline.data.photos.decoding.pictures.STRIP", 1000)
            assert np.array_equal(pixels_of(tmp_path, data, how), whole)
            assert read_photo(tmp_path / "photo.jpg", None)[0] == facts
            rgb = read_upright(tmp_path / "photo.jpg")
        expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        assert np.array_equal(np.asarray(rgb), np.asarray(expected.convert("RGB")))
        assert "exif" not in rgb.info


def test_a_box_lies_where_orientation_says(scene) -> None:
    stored = np.arange(7 * 5).reshape(5, 7)
    for orientation in range(1, 9):
        upright = orient(stored, orientation)
        left, top, right, bottom = stored_box((1, 2, 4, 5), (upright.shape[1], upright.shape[0]), orientation)
        assert np.array_equal(orient(stored[top:bottom, left:right], orientation), upright[2:5, 1:4])


@pytest.mark.parametrize("lossless", [False, True])
def test_a_large_webp_is_decoded_by_torchvision_to_the_same(tmp_path, scene, encode, monkeypatch, lossless) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Fuji"
    for image in (scene(2), scene(2).convert("RGBA").rotate(30)):  # what is turned away is transparent
        data = encode(image, "WEBP", lossless=lossless, exif=exif.tobytes())
        pillow = pixels_of(tmp_path, data)
        facts = read_photo(tmp_path / "photo.jpg", None)[0]
        assert facts.camera == "Fuji"
        with monkeypatch.context() as patch:
            patch.setattr("thawline.data.photos.decoding.pictures.PILLOWS_WEBP", 1000)
            assert np.array_equal(pixels_of(tmp_path, data), pillow)
            assert read_photo(tmp_path / "photo.jpg", None)[0] == facts
            (tmp_path / "half.webp").write_bytes(data[: len(data) // 2])
            assert (read_photo(tmp_path / "half.webp", EXACT)[0].problem or "").startswith("broken WEBP: ")


def test_a_picture_that_takes_much_memory_is_refused_before_it_is_decoded(encode, scene) -> None:
    """A large WebP takes almost three times as much as a PNG, and a progressive JPEG its coefficients."""
    canvas = bytes([0] * 4) + (2999).to_bytes(3, "little") * 2
    webp = b"RIFF" + (22).to_bytes(4, "little") + b"WEBPVP8X" + (10).to_bytes(4, "little") + canvas
    assert open_image(webp, 24.8).size == (3000, 3000)
    with pytest.raises(TooLargeError, match="3000 by 3000 pixels that take 94 MiB to decode"):
        open_image(webp, 24.7)
    jpeg = encode(scene(1, (800, 600)), progressive=True, subsampling=0)
    assert open_image(jpeg, 1.3, side=100).size == (800, 600)
    for most, side in ((0.7, 100), (1.19, None)):
        with pytest.raises(TooLargeError, match="to decode"):
            open_image(jpeg, most, side=side)
    assert open_image(encode(scene(1, (800, 600))), 0.49).size == (800, 600)


def test_scans_are_counted_before_they_are_decoded(encode, scene) -> None:
    jpeg = encode(scene(1, (800, 600)), progressive=True)
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    bomb = jpeg[:-2] + 2300 * scan[: 4 + 2 * scan[4] + 10] + b"\xff\xd9"
    assert open_image(bomb, 110).size == (800, 600)
    with pytest.raises(TooLargeError, match=r"800 by 600 pixels in 23\d\d scans, more than data\.max_megapixels=50"):
        open_image(bomb, 50)
    many_names = jpeg[:2] + b"\xff\xfe\xea\x62" + b"\xff\xda" * 30000 + jpeg[2:]  # a comment
    assert open_image(many_names, 1).decode().size == (800, 600)


def test_a_file_of_two_sizes_is_broken(encode, scene) -> None:
    data = bytearray(encode(scene(1), "PNG"))
    again = bytearray(data[8:33])
    again[8:16] = struct.pack(">II", 20000, 20000)
    again[21:25] = struct.pack(">I", zlib.crc32(again[4:21]))
    with pytest.raises(UnusableError, match="broken PNG"):
        open_image(bytes(data[:33] + again + data[33:])).decode()


def test_a_draft_of_an_odd_size_is_not_shifted(tmp_path, scene, encode) -> None:
    """At an eighth, 1025 px become 129, of which the last is padding: read as picture it would move everything."""
    data = encode(scene(8, (1537, 1025)), quality=98, subsampling=0)
    full = pixels_of(tmp_path, data, Preprocessing(64, 64, decode="full"))
    assert apart(full, pixels_of(tmp_path, data, Preprocessing(64, 64))) < 0.8


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x1cftypavif", "AVIF"),
        (b"GIF89a", "GIF"),
        (b"BM\0\0", "BMP"),
        (b"II*\0", "TIFF"),
        (b"%PDF-1.7", "PDF"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"<!DOCTYPE html>", None),
    ],
)
def test_other_content_is_named(start, kind) -> None:
    assert sniff(start) == kind
    reason = f"{kind} is not supported" if kind else "not an image"
    with pytest.raises(UnusableError, match=reason):
        open_image(start + bytes(100))
