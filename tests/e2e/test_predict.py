"""`thawline predict` from the command line: what goes in, what comes out, and how it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.usefixtures("shared_store")
BASE = ("base", "encoder=tiny_clip", "accelerator=cpu")


@pytest.fixture
def bundle(tuned):
    return tuned[1]


def lines(text):
    """The JSON lines in what was printed."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def first(sample, count, name="wedding"):
    """Some photos that can be used."""
    found = [path for path in sorted((sample / name).rglob("*.jpg")) if path.stat().st_size > 4000]
    return found[:count]


def start(thawline, *words, **more):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "thawline.cli", "predict", *map(os.fspath, words)]
    return subprocess.Popen(command, cwd=thawline.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def test_a_folder_gives_the_runs_own_probabilities(thawline, sample, tuned):
    run, bundle = tuned
    said = {one["path"]: one for one in lines(thawline("predict", bundle, sample))}
    judged = pq.read_table(run / "predictions.parquet").to_pylist()
    assert len(judged) > 20
    for row in judged:
        one = said[str(sample / row["path"])]
        assert (one["label"], one["problem"]) == (row["prediction"], None)
        wanted = {key.removeprefix("probability:"): row[key] for key in row if key.startswith("probability:")}
        assert one["probabilities"] == pytest.approx(wanted, abs=1e-5)
        assert one["probability"] == max(one["probabilities"].values())
    photos = [path for path in sample.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp", ".heic")]
    assert sorted(said) == sorted(map(str, photos))


def test_files_that_cannot_be_used_have_their_line(thawline, sample, bundle, tmp_path):
    (good,) = first(sample, 1)
    (tmp_path / "half.jpg").write_bytes(good.read_bytes()[:2000])
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    names = ["half.jpg", "empty.jpg", "pipe.jpg", "gone.jpg"]
    said = thawline("predict", bundle, *(tmp_path / name for name in names), good)
    problems = [one["problem"] for one in lines(said)]
    assert [problem.split(":")[0] for problem in problems[:4]] == [
        "broken JPEG",
        "empty file",
        "not a regular file",
        "cannot be read",
    ]
    assert problems[4] is None
    broken = lines(said)[0]
    assert (broken["label"], broken["probability"], broken["probabilities"]) == (None, None, None)
    assert "4 of 5 files can't be used; the line of each says why" in said


def test_nothing_to_judge_is_status_1(thawline, bundle, tmp_path):
    (tmp_path / "none").mkdir()
    assert "thawline: there is no photo among what was named" in thawline(
        "predict", bundle, tmp_path / "none", status=1
    )
    said = thawline("predict", bundle, tmp_path / "a.jpg", status=1)
    assert "thawline: none of the 1 files can be used; the line of each says why" in said
    assert len(lines(said)) == 1


NAMES = (
    "a=b.jpg",
    "x,y [1] {2} 'q' \"d\" $HOME ${x} #1.jpg",
    "line\nbreak.jpg",
    "été\\.jpg",
    "null",
    "data.path=p.jpg",
)


def test_any_name_is_taken_as_it_is(thawline, sample, bundle, monkeypatch):
    (photo,) = first(sample, 1)
    for name in NAMES:
        shutil.copy(photo, thawline.directory / name)
    odd = os.fsdecode(b"\xff.jpg")
    shutil.copy(photo, thawline.directory / odd)
    said = lines(thawline("predict", bundle, *NAMES, odd))
    assert [one["path"] for one in said] == [*NAMES, r"\xff.jpg"]
    assert {one["problem"] for one in said} == {None}


@pytest.fixture
def listed(monkeypatch, tmp_path):
    """Makes bytes the standard input."""
    with ExitStack() as stack:

        def make(data):
            (tmp_path / "list").write_bytes(data)
            monkeypatch.setattr(sys, "stdin", stack.enter_context((tmp_path / "list").open()))

        yield make


def test_a_list_on_standard_input(thawline, sample, bundle, listed):
    photos = first(sample, 3)
    listed(b"\n".join(os.fsencode(photo) for photo in photos) + b"\n\ngone.jpg")
    said = lines(thawline("predict", bundle, "-"))
    assert [one["path"] for one in said] == [*map(str, photos), "gone.jpg"]
    odd = thawline.directory / os.fsdecode(b"a\n\xff.jpg")
    shutil.copy(photos[0], odd)
    listed(os.fsencode(odd) + b"\0" + os.fsencode(photos[2]) + b"\0")
    said = lines(thawline("predict", bundle, photos[1], "-", "nul=true"))
    assert [one["path"] for one in said] == [str(photos[1]), f"{odd.parent}/a\n\\xff.jpg", str(photos[2])]
    assert [one["problem"] for one in said] == [None] * 3
    listed(b"a\0b\n")
    assert "is separated by NUL; give nul=true" in thawline.refused("predict", bundle, "-")
    assert "name it once" in thawline.refused("predict", bundle, "-", "-")


def test_a_list_that_another_program_wrote(thawline, sample, bundle, listed):
    photos = first(sample, 2)
    shutil.copy(photos[0], thawline.directory / unicodedata.normalize("NFD", "fête.jpg"))
    text = "".join(f"{path}\r\n" for path in (photos[1], ".\\fête.jpg"))
    for data in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"), text.encode("cp1252")):
        listed(data)
        said = lines(thawline("predict", bundle, "-"))
        assert [(Path(one["path"]).name, one["problem"]) for one in said] == [
            (photos[1].name, None),
            (unicodedata.normalize("NFD", "fête.jpg"), None),
        ]


def test_a_long_list_is_read_in_pieces(thawline, bundle, listed):
    names = [f"{i:05d}{'x' * 200}.jpg" for i in range(1000)]
    listed("\n".join(names).encode())
    said = lines(thawline("predict", bundle, "-", status=1))
    assert [one["path"] for one in said] == names


def test_parquet_and_json_lines_say_the_same(thawline, sample, bundle, tmp_path):
    folder = sample / "wedding"
    shown = thawline("predict", bundle, folder, tmp_path / "gone.jpg", f"out={tmp_path}/new folder/a (1).parquet")
    assert "wedding" in shown
    assert "{" not in shown
    thawline("predict", bundle, folder, tmp_path / "gone.jpg", f"out={tmp_path}/b.jsonl")
    text = (tmp_path / "b.jsonl").read_text()
    assert (
        text
        == thawline("predict", bundle, folder, tmp_path / "gone.jpg").partition("\n1 ")[0].rpartition("}")[0] + "}\n"
    )
    frame = pd.read_parquet(tmp_path / "new folder" / "a (1).parquet")
    for row, one in zip(frame.to_dict("records"), lines(text), strict=True):
        assert row["path"] == one["path"]
        if one["label"] is None:
            assert (row["problem"], pd.isna(row["label"]), pd.isna(row["probability"])) == (one["problem"], True, True)
        else:
            said = {name: row[f"probability:{name}"] for name in one["probabilities"]}
            assert said == pytest.approx(one["probabilities"], rel=1e-7)
            assert (row["label"], row["probability"]) == (one["label"], pytest.approx(one["probability"], rel=1e-7))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["b.jsonl"]


def test_calibrated_probabilities_are_at_the_bundles_temperature(thawline, sample, bundle):
    photos = first(sample, 2)
    temperature = json.loads((bundle / "decision.json").read_text())["temperature"]["value"]
    assert abs(temperature - 1) > 0.01
    plain = lines(thawline("predict", bundle, *photos))
    soft = lines(thawline("predict", bundle, *photos, "calibrated=true"))
    for before, after in zip(plain, soft, strict=True):
        roots = {name: value ** (1 / temperature) for name, value in before["probabilities"].items()}
        wanted = {name: value / sum(roots.values()) for name, value in roots.items()}
        assert after["probabilities"] == pytest.approx(wanted, rel=1e-4)


def test_base_says_what_a_zero_shot_run_says(thawline, sample):
    thawline("train", sample, "experiment=events_zero_shot", "encoder=tiny_clip", "trainer=cpu", "logger=none")
    (run,) = thawline.runs()
    judged = pq.read_table(run / "predictions.parquet").to_pylist()
    classes = json.loads((run / "metrics.json").read_text())["judged"]["classes"]
    text = thawline("predict", *BASE, *(sample / row["path"] for row in judged), f"data.classes=[{','.join(classes)}]")
    assert "no tuned bundle is used: package:tiny_clip is asked zero-shot for 6 classes (model: base)" in text
    for row, one in zip(judged, lines(text), strict=True):
        assert one["model"] == "base"
        wanted = {name: row[f"probability:{name}"] for name in classes}
        assert one["probabilities"] == pytest.approx(wanted, abs=1e-5)


def test_what_cannot_be_used_is_refused(thawline, sample, bundle, tmp_path):
    (photo,) = first(sample, 1)
    broken = shutil.copytree(bundle, tmp_path / "broken")
    data = bytearray((broken / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (broken / "model.safetensors").write_bytes(data)
    assert "model.safetensors was changed" in thawline.refused("predict", broken, photo)
    assert "there is no bundle" in thawline.refused("predict", tmp_path / "nothing", photo)
    assert "is no bundle" in thawline.refused("predict", sample, photo)
    assert "needs PATHS" in thawline.refused("predict", bundle)
    assert "ends in .jsonl or .parquet" in thawline.refused("predict", bundle, photo, "out=said.csv")
    assert "leave out 'encoder=clip'" in thawline.refused("predict", bundle, photo, "encoder=clip")
    assert "base knows no classes of its own" in thawline.refused("predict", *BASE, photo)
    assert "at least two classes" in thawline.refused("predict", *BASE, photo, "data.classes=[a,a]")
    assert "has none; use encoder=clip" in thawline.refused(
        "predict", "base", photo, "data.classes=[a,b]", "encoder=resnet50"
    )
    assert not (thawline.directory / "said.csv").exists()


@pytest.mark.long
def test_a_reader_that_has_seen_enough_is_no_error(thawline, sample, bundle):
    process = start(thawline, bundle, *first(sample, 10) * 100)
    assert json.loads(process.stdout.readline())["label"]
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""


@pytest.mark.long
def test_an_interrupted_prediction_leaves_no_file(thawline, sample, bundle):
    process = start(
        thawline,
        bundle,
        "-",
        "out=said.jsonl",
        stdin=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    process.stdin.write(b"".join(os.fsencode(path) + b"\n" for path in first(sample, 20)) * 10)
    process.stdin.flush()  # and stays open: the list has no end
    for _ in range(600):
        beside = list(thawline.directory.glob(".said.jsonl.*"))
        if beside and beside[0].stat().st_size:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"thawline: interrupted\n")
    assert list(thawline.directory.iterdir()) == []


def test_a_terminal_gets_a_table(thawline, sample, bundle, monkeypatch):
    photos = first(sample, 2)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = thawline("predict", bundle, *photos, "gone.jpg").splitlines()
    assert shown[0].split() == ["label", "%", "photo"]
    assert [line.partition("  ")[2].split("  ")[-1] for line in shown[1:3]] == list(map(str, photos))
    assert shown[3].endswith("gone.jpg: cannot be read: No such file or directory")
    assert shown[4] == "1 of 3 files can't be used; the line of each says why"


def test_a_limit_is_for_bundles_too(thawline, sample, bundle):
    [photo] = first(sample, 1)
    said = thawline("predict", bundle, photo, "data.max_megapixels=0.001", status=1)
    assert lines(said)[0]["problem"].endswith("more than data.max_megapixels=0.001")
    assert lines(thawline("predict", bundle, photo, "data.max_megapixels=200"))[0]["problem"] is None
    assert "data.max_megapixels=0 must be more" in thawline.refused("predict", bundle, photo, "data.max_megapixels=0")
