"""`encoder=open_clip` through the command: a CLIP in open_clip's format from a directory."""

import json
import shutil

import pytest
from tests.encoders.open_clips import save_open_clip

open_clip = pytest.importorskip("open_clip")

WORDS = ("encoder=open_clip", "encoder.licence=null", "trainer=cpu", "logger=none", "data.classes=[birthday,wedding]")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return save_open_clip(tmp_path_factory.mktemp("clips") / "own")


def test_methods_share_its_features(thawline, sample, directory):
    name = f"encoder.name={directory}"
    thawline("train", sample, *WORDS, name, "method=zero_shot")
    thawline("train", sample, *WORDS, name, "method=logistic", "cv=3")
    zero_shot, logistic = (json.loads((run / "metrics.json").read_text()) for run in thawline.runs())
    assert zero_shot["features"]["computed"] > 0
    assert logistic["features"]["computed"] == 0  # those that zero-shot stored
    assert logistic["judged"]["accuracy"]["value"] > 0.5  # random weights tell the drawn classes' colours apart
    thawline("train", sample, *WORDS, name, "method=projection", "method.epochs=1")
    run = thawline.runs()[-1]
    assert json.loads((run / "metrics.json").read_text())["features"]["read"] > 0
    thawline("export", run, "out=bundle")
    assert open_clip.create_model(f"local-dir:{thawline.directory / 'bundle'}").visual.image_size == (32, 32)
    thawline("predict", "bundle", sample, "out=said.jsonl")
    assert (thawline.directory / "said.jsonl").read_text().count("birthday") > 0


def test_what_can_not_be_used_is_one_sentence(thawline, sample, directory, tmp_path):
    def refused(name, *more):
        return thawline.refused("train", sample, *WORDS, f"encoder.name={name}", "method=zero_shot", *more)

    assert "fetch them with 'thawline weights fetch ENCODER'" in refused("Marqo/marqo-fashionSigLIP")
    assert "is neither a directory nor a Hub id" in refused(tmp_path / "absent" / "there")
    copy = shutil.copytree(directory, tmp_path / "copy")
    (copy / "README.md").write_text("---\nlicense: apple-amlr\n---\n")
    assert "encoder.allow_noncommercial=true" in refused(copy)
    (copy / "open_clip_config.json").unlink()
    said = refused(copy, "encoder.allow_noncommercial=true")
    assert "has no open_clip_config.json, so it holds no CLIP" in said
