"""Bundles in open_clip's format, by open_clip itself."""

import json
import shutil

import pytest
import torch
from tests.bundles.conftest import Kind
from torch import nn

open_clip = pytest.importorskip("open_clip")

import thawline  # noqa: E402
from thawline.bundles.bounds import check_bounds  # noqa: E402
from thawline.bundles.manifest import seal  # noqa: E402
from thawline.bundles.networks.classifier import read_preprocessing  # noqa: E402
from thawline.bundles.networks.families import load_towers  # noqa: E402
from thawline.errors import UserError  # noqa: E402

TEXTS = ["a birthday cake", "Snow!"]
OWN, SIGLIP, TIMM = (
    Kind("open_clip", "prompts and text", "projection"),
    Kind("open_clip:siglip", "prompts", "head"),
    Kind("open_clip:timm", "linear", 2),
)


@pytest.mark.parametrize("kind", [OWN, SIGLIP, TIMM], ids=lambda kind: kind.name)
def test_open_clip_loads_the_tuned_network(write, networks, kind):
    folder, _ = write(kind)
    model = open_clip.create_model(f"local-dir:{folder}").eval()
    towers = load_towers(folder, "open_clip", read_preprocessing(folder))
    how = towers.image.preprocessing
    mean, std = (torch.tensor(one).view(1, 3, 1, 1) for one in (how.mean, how.std))
    coarse = torch.randint(0, 256, (2, 3, 4, 4), generator=torch.Generator().manual_seed(1)).float()
    entering = nn.functional.interpolate(coarse, (how.size, how.size), mode="bilinear").round().to(torch.uint8)
    with torch.no_grad():
        said, read = model.encode_image((entering / 255 - mean) / std), model.encode_text(tokens(folder))
        untuned = open_clip.create_model(f"local-dir:{networks(kind.network).name}").eval()
        before = untuned.encode_image((entering / 255 - mean) / std)
    assert (said - towers.image.prefix(towers.image.end)({"pixels": entering})["features"]).abs().max() <= 1e-5
    assert (read - towers.text.prefix(towers.text.end)(towers.tokenize(TEXTS))["features"]).abs().max() <= 1e-5
    assert torch.equal(said, before) == (kind.thaw == "head")
    _, prepare = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    assert str(prepare) == str(open_clip.create_model_from_pretrained(f"local-dir:{networks(kind.network).name}")[1])
    assert '`open_clip.create_model("local-dir:DIR")` loads the tuned network' in (folder / "README.md").read_text()


def tokens(folder):
    return open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS)


@pytest.mark.parametrize(
    ("part", "name", "value", "says"),
    [
        ("vision_cfg", "timm_model_name", "local-dir:/etc", "is no name of timm's"),
        ("text_cfg", "hf_model_name", "somebody/code", "a text tower of transformers'"),
        ("text_cfg", "tokenizer_kwargs", {"bpe_path": "/etc/passwd"}, "a tokenizer with bpe_path is not used"),
        ("text_cfg", "width", 4096, r"of a network of [\d,]+ numbers"),
    ],
)
def test_a_config_that_leads_elsewhere_is_refused(write, tmp_path, part, name, value, says):
    copy = shutil.copytree(write(OWN)[0], tmp_path / "copy")
    for file in ("config.json", "open_clip_config.json"):
        config = json.loads((copy / file).read_text())
        config["model_cfg"][part][name] = value
        (copy / file).write_text(json.dumps(config))
    reseal(copy)
    with pytest.raises(UserError, match=says):
        thawline.load(copy, device="cpu")


def test_both_configs_are_of_one_model(write, tmp_path):
    copy = shutil.copytree(write(OWN)[0], tmp_path / "copy")
    config = json.loads((copy / "open_clip_config.json").read_text())
    config["model_cfg"]["quick_gelu"] = False
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    reseal(copy)
    with pytest.raises(UserError, match=r"config\.json and open_clip_config\.json are of two models"):
        thawline.load(copy, device="cpu")


def test_a_size_that_no_such_network_has_is_refused(write, tmp_path):
    copy = shutil.copytree(write(OWN)[0], tmp_path / "copy")
    config = json.loads((copy / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["layers"] = 10**6
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"has 'model_cfg\.vision_cfg\.layers' as 1,000,000"):
        check_bounds(copy, {"open_clip_config.json": {}})


def reseal(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in ("manifest.json", "manifest.sha256"):
        (folder / name).unlink()
    seal(folder, {key: value for key, value in manifest.items() if key not in ("format", "files")})
