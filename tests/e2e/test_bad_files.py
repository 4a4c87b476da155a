"""A folder full of what folders should not hold: the run completes and names each thing that it left out."""

import json
import shutil
import struct
import zlib

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image


def bomb(path, side=30_000):
    """A PNG of `side` × `side` pixels in a few kilobytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


@pytest.mark.usefixtures("shared_store")
def test_the_run_completes(thawline, sample, tmp_path):
    root = tmp_path / "Photos (2024), été #1"
    for name in ("wedding", "beach_day"):
        shutil.copytree(sample / name, root / name)
    folder = root / "wedding"
    whole = next(path for path in sorted((sample / "wedding").glob("*.jpg")) if path.stat().st_size > 4000).read_bytes()
    good = Image.open(next(iter(sorted((sample / "beach_day").glob("*.jpg")))))
    before = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "empty.jpg").touch()
    bomb(folder / "bomb.png")
    (folder / "new.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    good.convert("P").save(folder / "palette.jpg", format="PNG")
    deep = np.asarray(good.convert("L"), dtype=np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    good.convert("CMYK").rotate(90).save(folder / "cmyk.jpg")

    said = thawline(
        "train", root, "encoder=tiny_clip", "experiment=events_linear", "method.c=[1]", "trainer=cpu", "logger=none"
    )
    (run,) = thawline.runs()
    report = json.loads((run / "data_report.json").read_text())
    left_out = {left["name"]: left["reason"] for left in report["left_out"] if left["name"] not in before}
    names = ("truncated.jpg", "text.jpg", "empty.jpg", "bomb.png", "new.heic", "loop.jpg")
    assert sorted(left_out) == sorted(f"wedding/{name}" for name in names)
    assert all(left_out.values())
    assert f"left out {len(report['left_out'])}: " in said.replace("\n", " ")
    assert "HEIC" in left_out["wedding/new.heic"]
    split = (run / "split.csv").read_text()
    for name in ("palette.jpg", "deep.png", "cmyk.jpg"):
        assert f"wedding/{name}" in split
    assert json.loads((run / "status.json").read_text())["status"] == "finished"
    assert pq.read_table(run / "predictions.parquet").num_rows > 0
