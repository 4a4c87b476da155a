"""Wrong use: one clear sentence, exit status 2, and nothing left behind."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thawline.runs.directory import mark_ended

TINY = ("encoder=tiny_clip", "logger=none", "trainer=cpu")


def class_folder(root, name, count):
    (root / name).mkdir(parents=True)
    for number in range(count):
        noise = np.random.default_rng((number, len(name))).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((64, 64)).save(root / name / f"{number}.png")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("experiment=events_liner",), "there is no experiment=events_liner; did you mean experiment=events_linear?"),
        (("method=lineer",), "there is no method=lineer; did you mean method=linear?"),
        (("encoder=xyz",), "there is no encoder=xyz; there are: ast, ast_stems, audio, bge_small, clip, "),
        (("method.lrr=1",), "there is no setting 'method.lrr'; did you mean 'method.lr'?"),
        (("sead=1",), "there is no setting 'sead'; did you mean 'seed'?"),
        (("name=../x",), "name=../x can't begin a directory's name; use up to 80 letters"),
        (("name=.x",), "name=.x can't begin a directory's name"),
        (("name='a/b'", "-m", "seed=0,1"), "name=a/b can't begin a directory's name"),
        (("name=a,b", "-m"), "'name' is the whole sweep's and can't be swept"),
        (("photos=5",), "there is no setting 'photos'; 'thawline settings train' lists those that there are"),
        (("methd.lr=1",), "there is no setting 'methd.lr'; did you mean 'method.lr'?"),
        (("method=logistic", "method.lr=1"), "there is no setting 'method.lr'; 'thawline settings train' lists"),
        (("+foo=1",), "there is no setting 'foo'; 'thawline settings train' lists those that there are"),
        (("++method.lrr=1",), "there is no setting 'method.lrr'; did you mean 'method.lr'?"),
        (("+decision.f1.x=1",), "there is no setting 'decision.f1.x'"),
        (("seed=1,2",), "'seed=1,2' gives several values, which is a sweep; add -m, or give 'seed' one value"),
        (("encoder=clip,resnet50",), "'encoder=clip,resnet50' gives several values, which is a sweep; add -m"),
        (("encoder=glob(*)",), "'encoder=glob(*)' gives several values, which is a sweep; add -m"),
        (("data.classes=a,b",), "'data.classes=a,b' gives 'data.classes' several values one by one; a list is written"),
        (("method.epochs=many",), "'method.epochs=many': value 'many' of type 'str' could not be converted to Integer"),
        (("method.epochs=0",), "method.epochs=0 must be at least 1"),
        (("cv=1",), "cv=1 must be at least 2"),
        (("seed=-1",), "seed=-1 must be 0 to 4294967295"),
        (("thaw=top",), "thaw=top is not known"),
        (("thaw=head",), "thaw=head leaves nothing to train"),
        (("thaw=9",), "thaw=9: clip has 3 blocks"),
        (("method=logistic", "thaw=1"), "thaw=1 can't be used; use thaw=head"),
        (("encoder=resnet50",), "has none; use encoder=clip"),
        (("data.decode=half",), "data.decode=half is not known"),
        (("data.holdout=2",), "data.holdout=2.0 must lie between 0 and 1"),
        (("data.classes=[weding]",), "wedding"),
        (("data.path=x y",), "x y"),
        (("trainer=gpu",), "finds no such device"),
        (("method=[",), "can't read the setting"),
        (("encoder.name=nowhere/model",), "not on this machine"),
        (("data.split=/no/such.csv",), "/no/such.csv"),
    ],
)
def test_settings(thawline, sample, words, sentence):
    import torch

    if words == ("trainer=gpu",) and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert sentence in thawline.refused("train", sample, *TINY, *words)
    assert not list((thawline.directory / "outputs").glob("train/*"))


def test_the_nearest_setting_is_the_verbs_own(thawline):
    assert thawline.refused("sample", "events", "X", "photos=5").endswith("did you mean 'photos_per_class'?")
    several = "'format=onnx,safetensors' gives several values; give 'format' one, and quote what has a comma in it"
    assert thawline.refused("export", "X", "format=onnx,safetensors") == several


def test_free_keys_may_be_added(thawline, sample):
    words = ("+encoder.model_args.x=1", "+prompts.classes.opera=[an opera]")
    shown = thawline("train", sample, *words, "--cfg", "job")
    assert "    x: 1\n" in shown
    assert "    - an opera\n" in shown


@pytest.mark.parametrize("words", [("--cfg", "job", "--resolve"), ("--resolve", "--cfg", "job")])
def test_hydras_options_in_any_order_show_the_resolved_config(thawline, words):
    shown = thawline("train", "x", *words, "-p", "paths")
    assert shown.startswith("outputs: outputs\nrun: ")
    assert "/outputs/train/" in shown
    assert "--package zzz is no part of the config" in thawline.refused("train", "x", *words, "-p", "zzz")


@pytest.mark.parametrize("verb", [("train",), ("data", "check"), ("train", "-m")])
def test_a_table_without_its_task(thawline, tmp_path, verb):
    more = ("seed=0,1",) if "-m" in verb else ()
    for columns, task in (("image_path,text", "match"), ("audio_path,label", "genre")):
        table = tmp_path / f"{task}.csv"
        table.write_text(f"{columns}\na,b\n")
        extra = TINY if verb[0] == "train" else ()
        said = thawline.refused(verb[0], *verb[1:], table, *extra, *more)
        assert f"{table} is a table with the columns " in said
        assert said.endswith(f", which task={task} reads; add that")
    (tmp_path / "other.csv").write_text("path,split\na,b\n")
    extra = TINY if verb[0] == "train" else ()
    said = thawline.refused(*verb, tmp_path / "other.csv", *extra, *more)
    assert said.endswith("other.csv has neither a column label nor a column of 0 and 1 for each label; add one")


def test_a_missing_folder(thawline):
    assert "nowhere" in thawline.refused("train", "nowhere", *TINY)


def test_one_class_only(thawline, tmp_path):
    class_folder(tmp_path / "p", "a", 4)
    assert "one class only" in thawline.refused("train", tmp_path / "p", *TINY)


def test_too_few_photos_for_the_folds(thawline, tmp_path):
    class_folder(tmp_path / "p", "mehndi", 3)
    class_folder(tmp_path / "p", "barat", 12)
    said = thawline.refused("train", tmp_path / "p", *TINY, "cv=5")
    assert "cv=5 needs at least 5 groups of every class, but 'mehndi' has 3 (3 samples" in said
    assert "use cv=3" in said
    assert "leave it out by data.min_groups=5" in said


def test_classes_that_look_alike_and_small_ones(thawline, tmp_path):
    root = tmp_path / "p"
    for number, name in enumerate(("Beach", "beach", "Hip-Hop", "one", "two")):
        class_folder(root, name, 12 - 11 * (number > 2))
    said = thawline.refused("train", root, *TINY)
    assert "but 'one' has 1 (1 sample; those that belong together are one group), 'two' has 1 (1 sample); " in said
    assert "leave them out by data.min_groups=2" in said
    settings = ("data.min_groups=2", "data.join_alike=true", "data.max_megapixels=0.004")
    assert "more than data.max_megapixels=0.004" in thawline.refused("data", "check", root, *settings)
    said = thawline("data", "check", root, *settings[:1])
    assert "'Beach' and 'beach' look alike; data.join_alike=true makes them one class." in " ".join(said.split())
    said = thawline("data", "check", root, *settings[:2])
    assert "look alike" not in said
    assert "one/: a class of 1 group, fewer than data.min_groups=2" in " ".join(said.split())


def test_a_split_through_a_group(thawline, tmp_path):
    for side in ("train", "test"):
        class_folder(tmp_path / "p" / side, "aa", 4)
        class_folder(tmp_path / "p" / side, "bbbb", 4)
    said = thawline.refused("train", tmp_path / "p", *TINY)
    assert "the split cuts" in said
    assert "test/aa/0.png (test) and train/aa/0.png (train)" in said


def test_weights_of_another_network(thawline, sample, weights):
    words = ("encoder=mobilenetv2", f"encoder.weights={weights}", "method=logistic", "logger=none")
    assert "another network" in thawline.refused("train", sample, *words)


def test_weights_that_are_not_here(thawline, sample):
    assert "thawline weights fetch" in thawline.refused("train", sample, "logger=none")


def test_a_run_that_is_none(thawline, tmp_path):
    assert "is not a run directory" in thawline.refused("evaluate", tmp_path)
    assert "there is no run directory" in thawline.refused("compare", tmp_path / "x")


def test_a_sample_directory_that_is_taken(thawline, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    thawline.refused("sample", "events", tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "there is no sample collection 'paintings'" in thawline.refused("sample", "paintings", tmp_path / "new")


def test_nothing_is_lost_when_the_run_directory_can_not_be_written(thawline, sample):
    (thawline.directory / "outputs").write_text("a file where a folder should be")
    said = thawline.refused("train", sample, *TINY, "method=zero_shot")
    assert "there is a file where a folder is needed" in said
    assert (thawline.directory / "outputs").read_text() == "a file where a folder should be"


def test_places_where_nothing_can_be_written(thawline, sample, tuned, small_disk):
    run, bundle = tuned
    nowhere = Path("/proc/nowhere")
    for words in (
        ("train", sample, *TINY, "method=zero_shot", f"paths.outputs={nowhere}"),
        ("train", sample, "-m", *TINY, "method=zero_shot", "seed=0,1", f"paths.outputs={nowhere}"),
        ("evaluate", run, "logger=none", f"paths.outputs={nowhere}"),
        ("export", run, f"out={nowhere}"),
        ("compare", run, f"out={nowhere}.html"),
        ("predict", bundle, sample / "wedding", f"out={nowhere}.jsonl"),
        ("predict", bundle, sample / "wedding", f"out={nowhere}.parquet"),
    ):
        place = next(word for word in words if "nowhere" in str(word)).partition("=")[2]
        assert f"there is no such file or folder ({place}" in thawline.refused(*words)
    full = small_disk / "bundle"
    assert f"the disk is full ({full})" in thawline.refused("export", run, f"out={full}")
    assert not list(small_disk.iterdir())


def test_a_checkpoint_that_is_a_folder(thawline, tuned, tmp_path):
    run = shutil.copytree(tuned[0], tmp_path / "run")
    fold = run / "folds" / "holdout"
    for name in ("tail.safetensors", "chosen.json"):
        (fold / name).unlink()
    (fold / "last.ckpt").mkdir()
    mark_ended(run, "interrupted", "SIGTERM")
    said = thawline.refused("train", run)
    assert f"there is a folder where a file is needed ({fold / 'last.ckpt'})" in said
