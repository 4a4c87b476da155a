"""A CLIP that is written as transformers has it, and read without that library."""

import json

import pytest
import torch
from tests.encoders.conftest import save_clip
from transformers import CLIPModel, CLIPTextModelWithProjection

from thawline.bundles.networks.families import load_towers, save_network
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings

IDS = {"bos_token_id": 59, "pad_token_id": 60, "eos_token_id": 60}


@pytest.mark.parametrize(
    ("changed", "of_text"),
    [
        ({}, {}),
        # What transformers' own class would refuse.
        ({"initializer_factor": 1, "logit_scale_init_value": 2}, {"initializer_factor": 1, "projection_dim": None}),
    ],
)
def test_what_is_written_is_what_was_loaded_whatever_else_its_config_says(tmp_path, changed, of_text):
    source, folder = save_clip(tmp_path / "source"), tmp_path / "bundle"
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config = {**config, **changed, "text_config": {**config["text_config"], **of_text}}
    (source / "config.json").write_text(json.dumps(config), encoding="utf-8")
    settings = EncoderSettings(family="clip", name=str(source))
    towers = load(settings, fresh=True)
    folder.mkdir()
    assert not save_network(folder, settings, towers.image, None, ())
    read = load_towers(folder, "clip", towers.image.preprocessing)
    tokens = read.tokenize(["a cat", "the photo in it"])
    wanted = towers.text.prefix(towers.text.end)(tokens)["features"]
    assert torch.equal(read.text.prefix(read.text.end)(tokens)["features"], wanted)
    theirs = CLIPModel.from_pretrained(folder)
    assert {name: getattr(theirs.config.text_config, name) for name in IDS} == IDS
    # The towers' own classes read the width from their own configs.
    alone = CLIPTextModelWithProjection.from_pretrained(folder).eval()
    with torch.no_grad():
        assert torch.equal(alone(**tokens).text_embeds, wanted)
