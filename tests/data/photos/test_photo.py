import hashlib
import io
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagehash
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from thawline.data.photos.copies.hashes import NEAR
from thawline.data.photos.photo import PhotoFacts, read_photo, read_pixels, refused_photo
from thawline.data.photos.preprocessing import Preprocessing
from thawline.errors import UnusableError

SMALL = Preprocessing(32, 32)


def facts_of(tmp_path: Path, data: bytes) -> PhotoFacts:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    facts, pixels = read_photo(path, SMALL)
    assert (pixels is None) == (facts.problem is not None)
    assert facts.digest == hashlib.sha256(data).hexdigest()
    assert read_photo(path, None) == (facts, None)
    return facts


def distance(a: PhotoFacts, b: PhotoFacts) -> int:
    assert a.phash is not None
    assert b.phash is not None
    return (int(a.phash, 16) ^ int(b.phash, 16)).bit_count()


def with_exif(**tags: object) -> bytes:
    names = {"make": 0x010F, "model": 0x0110, "serial": 0xA431, "taken": 0x9003}
    exif = Image.Exif()
    for name, value in tags.items():
        if name in ("serial", "taken"):
            exif.get_ifd(0x8769)[names[name]] = value
        else:
            exif[names[name]] = value
    return exif.tobytes()


def test_facts_of_a_photo(tmp_path, scene, encode) -> None:
    exif = with_exif(make="Canon", model="EOS R6\0", serial="0420", taken="2024:05:03 18:22:01")
    facts = facts_of(tmp_path, encode(scene(1), exif=exif))
    assert (facts.format, facts.width, facts.height, facts.problem) == ("JPEG", 480, 360, None)
    assert (facts.taken, facts.camera) == ("2024-05-03T18:22:01", "Canon EOS R6 0420")
    assert facts.phash is not None
    assert len(facts.phash) == 64
    assert PhotoFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_exif_of_other_formats(tmp_path, scene, encode, kind) -> None:
    facts = facts_of(tmp_path, encode(scene(1), kind, exif=with_exif(make="Fuji", taken="2024:05:03 18:22:01")))
    assert (facts.format, facts.camera, facts.taken) == (kind, "Fuji", "2024-05-03T18:22:01")


@pytest.mark.parametrize("taken", ["0000:00:00 00:00:00", "", "yesterday", "2024:13:01 00:00:00"])
def test_nonsense_in_exif_is_ignored(tmp_path, scene, encode, taken) -> None:
    facts = facts_of(tmp_path, encode(scene(1), exif=with_exif(taken=taken)))
    assert (facts.taken, facts.camera, facts.problem) == (None, None, None)


def test_broken_exif_is_ignored(tmp_path, scene, encode) -> None:
    facts = facts_of(tmp_path, encode(scene(1), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + bytes(range(64))))
    assert (facts.problem, facts.width) == (None, 480)


def test_content_counts_not_the_name(tmp_path, scene, encode) -> None:
    facts = facts_of(tmp_path, encode(scene(1).quantize(64), "PNG"))  # into photo.jpg
    assert (facts.format, facts.problem) == ("PNG", None)


def test_a_multi_picture_jpeg_is_its_first_picture(tmp_path, scene, encode) -> None:
    facts = facts_of(tmp_path, encode(scene(1), "MPO", save_all=True, append_images=[scene(2)]))
    assert (facts.format, facts.width, facts.problem) == ("JPEG", 480, None)
    assert distance(facts, facts_of(tmp_path, encode(scene(1)))) <= 8


def test_what_is_wrong_is_said(tmp_path, scene, encode) -> None:
    jpeg, png, webp = (encode(scene(1), kind) for kind in ("JPEG", "PNG", "WEBP"))
    problems = {
        "empty": (b"", "empty file"),
        "text": (b"just text", "not an image (JPEG, PNG and WebP are)"),
        "heic": (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC is not supported (JPEG, PNG and WebP are)"),
        "half a JPEG": (jpeg[: len(jpeg) // 2], "broken JPEG: "),
        "half a PNG": (png[: len(png) // 2], "broken PNG: "),
        "half a WebP": (webp[: len(webp) // 2], "broken WEBP: "),
        "start of a JPEG": (jpeg[:20], "broken JPEG: "),
    }
    for data, problem in problems.values():
        facts = facts_of(tmp_path, data)
        assert facts.problem is not None
        assert facts.problem.startswith(problem)
        assert "\n" not in facts.problem
        assert (facts.format, facts.width, facts.height, facts.phash) == (None, 0, 0, None)


def test_a_file_that_cannot_be_read(tmp_path) -> None:
    facts, pixels = read_photo(tmp_path / "gone.jpg", SMALL)
    assert (facts.digest, facts.problem, pixels) == ("", "cannot be read: No such file or directory", None)


def test_a_lack_of_memory_is_not_blamed_on_the_file(tmp_path, scene, encode, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(scene(1)))
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", fail)
    assert read_photo(path, SMALL) == (PhotoFacts("", problem="not enough memory to decode it"), None)


def test_an_enormous_file_is_neither_loaded_nor_hashed(tmp_path) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    os.truncate(path, 5 * 2**30)  # sparse: no disk is filled
    facts = PhotoFacts("", problem="too large: more than 512 MiB")
    assert read_photo(path, SMALL) == (facts, None)
    assert refused_photo(path) == facts
    os.truncate(path, 512 * 2**20)
    assert refused_photo(path) is None
    assert refused_photo(tmp_path / "gone.jpg") is None


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kind=st.sampled_from(["JPEG", "PNG", "WEBP"]), cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4))))
def test_damaged_bytes_never_raise(tmp_path, scene, encode, kind, cuts) -> None:
    data = encode(scene(1, (60, 40)), kind, exif=with_exif(make="X", taken="2024:05:03 18:22:01"))
    for where, replacement in cuts:
        start = int(where * len(data))
        data = data[:start] + replacement + data[start + max(1, len(replacement)) :]
    facts_of(tmp_path, data)


def test_the_hash_does_not_depend_on_preprocessing(tmp_path, scene, encode) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(encode(scene(3, (3600, 2700))))
    variants = [None, *(Preprocessing(side, side, decode=how) for side in (32, 448) for how in ("reduced", "full"))]
    assert len({read_photo(path, variant)[0] for variant in variants}) == 1


def test_copies_are_near_and_strangers_far(tmp_path, scene, encode) -> None:
    image = scene(4, (800, 600))
    original = facts_of(tmp_path, encode(image))
    copies = {
        "resaved": encode(image, quality=30),
        "as PNG": encode(image, "PNG"),
        "smaller": encode(image.resize((320, 240))),
        "stretched": encode(image.resize((600, 600))),
        "cropped": encode(image.crop((16, 12, 784, 588))),
        "brighter": encode(ImageEnhance.Brightness(image).enhance(1.2)),
        "grey": encode(image.convert("L")),
    }
    distances = {name: distance(original, facts_of(tmp_path, data)) for name, data in copies.items()}
    assert max(distances.values()) <= NEAR, distances
    strangers = [distance(original, facts_of(tmp_path, encode(scene(seed)))) for seed in range(5, 25)]
    assert min(strangers) > NEAR


def test_the_hash_is_that_of_imagehash(tmp_path, scene, encode) -> None:
    for seed in range(20, 30):
        picture = scene(seed, (300 + seed, 280))
        small = (
            picture.convert("L").resize((64, 280), Image.Resampling.LANCZOS).resize((64, 64), Image.Resampling.LANCZOS)
        )
        assert facts_of(tmp_path, encode(picture, "PNG")).phash == str(imagehash.phash(small, hash_size=16))


def test_a_turned_copy_is_near_when_exif_says_so(tmp_path, scene, encode) -> None:
    image = scene(4, (800, 600))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = facts_of(tmp_path, encode(image.transpose(Image.Transpose.ROTATE_90), exif=exif.tobytes()))
    assert (turned.width, turned.height) == (800, 600)
    assert distance(turned, facts_of(tmp_path, encode(image))) <= 16


@pytest.mark.parametrize("noise", [0, 3])
def test_flat_photos_have_no_hash(tmp_path, encode, noise) -> None:
    grey = np.random.default_rng(0).normal(120, noise, (200, 300)).clip(0, 255).astype(np.uint8)
    assert facts_of(tmp_path, encode(Image.fromarray(grey))).phash is None


def test_a_drawn_gradient_has_no_hash(tmp_path, encode) -> None:
    ramp = np.linspace(0, 255, 200).astype(np.uint8)
    assert facts_of(tmp_path, encode(Image.fromarray(np.tile(ramp[:, None], (1, 300))), "PNG")).phash is None


def test_threads_give_the_same_bits(tmp_path, scene, encode) -> None:
    paths = []
    for seed in range(12):
        paths.append(tmp_path / f"{seed}.jpg")
        paths[-1].write_bytes(encode(scene(seed, (900, 700))))
    alone = [read_photo(path, SMALL) for path in paths]
    barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4, initializer=barrier.wait) as pool:
        together = list(pool.map(lambda path: read_photo(path, SMALL), paths))
    for (facts, pixels), (other_facts, other_pixels) in zip(alone, together, strict=True):
        assert facts == other_facts
        assert pixels.equal(other_pixels)


def test_bytes_are_read_once(tmp_path, scene, encode, monkeypatch) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(scene(1)))
    opened = []
    real = io.open
    monkeypatch.setattr("io.open", lambda *args, **options: opened.append(args[0]) or real(*args, **options))
    read_photo(path, Preprocessing(512, 512))
    assert opened == [path]


def test_pixels_alone_are_those_that_come_with_the_facts(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.linear_gradient("L").resize((700, 500)).convert("RGB")
    picture.save(tmp_path / "side.jpg", exif=exif)
    picture.save(tmp_path / "plain.png")
    for name in ("side.jpg", "plain.png"):
        for decode in ("reduced", "full"):
            how = Preprocessing(size=64, resize=72, decode=decode)
            assert torch.equal(read_pixels(tmp_path / name, how), read_photo(tmp_path / name, how)[1])
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "side.jpg").read_bytes()[:900])
    for name in ("broken.jpg", "absent.jpg"):
        with pytest.raises(UnusableError) as refused:
            read_pixels(tmp_path / name, how)
        assert str(refused.value) == read_photo(tmp_path / name, how)[0].problem
