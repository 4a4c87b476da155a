"""`method=clip_lora` through the command: what lies below its blocks is stored, and what is kept is a plain tail."""

import json
import re

import pytest
from safetensors.torch import load_file

pytest.importorskip("peft")
WORDS = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=clip_lora", "method.steps=1", "method.epochs=1")
TWO = "data.classes=[birthday,wedding]"


@pytest.mark.long
def test_what_lies_below_the_blocks_is_computed_once_for_all_trials(thawline, sample):
    thawline("train", sample, *WORDS, TWO, "thaw=1", "-m", "method.rank=1,2", "method.lr=1e-2")
    [sweep] = thawline.runs("sweep")
    first = json.loads((sweep / "sweep.json").read_text())
    assert {trial["status"] for trial in first["trials"]} == {"finished"}
    features = [json.loads((sweep / trial / "metrics.json").read_text())["features"] for trial in "01"]
    # The sweep brought the photos to the thaw line; the first trial brings the prompts there.
    assert [each["computed"] for each in features] == [15, 0]
    assert len({each["computed"] + each["read"] for each in features}) == 1
    for trial in (sweep / "0", sweep / "1"):
        # Inner samples are scored by a fit without them, as those of closed forms are.
        names = set(load_file(trial / "folds" / "holdout-inner" / "tail.safetensors"))
        assert not [name for name in names if "lora" in name or "base_layer" in name]
        assert "stages.stages.0.layer.self_attn.q_proj.weight" in names
        assert "head.text_stages.stages.0.layer.self_attn.q_proj.weight" in names


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("thaw=head",), "thaw=head leaves all of them frozen; use thaw=1, 2, … or all"),
        (("encoder=resnet50",), "has none; use encoder=clip, or method=linear or logistic"),
        (("thaw=9",), "clip has 3 blocks; use 1 to 3, or all"),
    ],
)
def test_what_it_can_not_adapt_is_one_sentence(thawline, sample, words, sentence):
    assert sentence in thawline.refused("train", sample, *WORDS, *words)


def test_what_it_will_take_is_told_by_some_of_its_batches(thawline, sample):
    said = thawline(
        "plan", sample, "encoder=tiny_clip", "trainer=cpu", "logger=none", "method=clip_lora", TWO, "thaw=1"
    )
    [row] = [line for line in said.splitlines() if " clip_lora " in line]
    # 8,000 steps, of which 12 were taken: minutes, even where a step takes a hundredth of a second.
    assert re.search(r"clip_lora +1 +\S+( s)? +(\d+ min|[\d.]+ h)", row), row
