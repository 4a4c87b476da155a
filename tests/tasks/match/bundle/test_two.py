"""A matcher of two networks that were trained apart: written, loaded, asked, and made by someone hostile."""

import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.bundles.conftest import FACTS
from tests.bundles.test_manifest import change, reseal
from tests.encoders.text.readers import PLAIN, UNIT, WIDTH, save_sentences
from tests.encoders.text.test_sentences import dense

import thawline
from thawline.bundles.manifest import DECISION, TEXT_CONFIG, TEXT_MODEL, verify
from thawline.bundles.write import Extras, write_bundle
from thawline.decisions.temperature import Temperature
from thawline.decisions.threshold import Threshold
from thawline.encoders.load import load, load_text
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import RunError, UserError
from thawline.fitting.settings import GradientSettings
from thawline.tasks.match.build import fresh_tail
from thawline.tasks.match.bundle.write import TunedPairs
from thawline.tasks.match.features import Pretrained
from thawline.tasks.match.tail import split_state

TEXTS = ["the snow", "people at the beach with a cake", "a"]
METHOD = {"name": "pairs", "head": "pairs", "loss": "infonce", "epochs": 1, "batch_size": 8, "lr": 1e-3, "patience": 1}
SIZES = {"width": 8, "layers": 1, "heads": 2, "buckets": 50, "longest": 8, "dropout": 0.1}
# Image and text encoder, and where both are cut.
KINDS = {
    "head": ("timm:test_efficientnet", "bert", "head"),
    "blocks": ("timm:test_resnet", "distilbert", 2),
    "all": ("vit", "mpnet", "all"),
    "of a clip": ("clip", "xlm-roberta", 1),
    "scratch": ("torchvision:squeezenet1_1", "scratch", "head"),
}


@pytest.fixture(scope="module")
def made(networks, tmp_path_factory):
    """What a run fitted of two networks, and what it says of pictures' pixels with texts."""
    folder = tmp_path_factory.mktemp("readers")

    def make(kind):
        network, text, thaw = KINDS[kind]
        settings = networks(network)
        reading = EncoderSettings(family="scratch", name="scratch", model_args=SIZES)
        if text != "scratch":
            place = save_sentences(folder / kind, text, modules=[*PLAIN, dense(WIDTH, 12), UNIT])
            reading = EncoderSettings(family="sentences", name=str(place), licence="Apache-2.0")
        seeing, tower = load(settings, fresh=True), load_text(reading)
        image = seeing.image if isinstance(seeing, ClipTowers) else seeing
        pretrained = Pretrained(image, tower.text, tower.tokenize, None, scratch=text == "scratch")
        torch.manual_seed(3)
        tail = fresh_tail(pretrained, thaw, GradientSettings(**METHOD, hidden=10))
        with torch.no_grad():
            for parameter in tail.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        tail.head.image.standardise.scale.fill_(0.7)
        tail.head.text.standardise.mean.fill_(0.1)
        state, cuts = tail.state_dict(), pretrained.cuts(thaw)
        parts = split_state(state)
        own = {f"stages.{name}": one for name, one in parts.text.items()} if text == "scratch" else parts.text
        tuned = TunedPairs(
            task="match",
            encoder=settings,
            decode="full",
            tails=list(zip(cuts, (parts.image, own), strict=True)),
            scale=parts.scale,
            bias=parts.bias,
            threshold=Threshold(0.4, "f1", 0.8),
            temperature=Temperature(2.0, "inner", 10, (0.5, 0.4)),
            text=reading,
            projections=parts.projections,
        )
        tail.eval()

        @torch.no_grad()
        def say(pixels, texts):
            seen, read = image.prefix(cuts[0])({"pixels": pixels}), tower.text.prefix(cuts[1])(tower.tokenize(texts))
            features = {f"image.{name}": one for name, one in seen.items()}
            features |= {f"text.{name}": one for name, one in read.items()}
            return torch.softmax(tail(features), dim=-1)[:, 1].numpy()

        return tuned, say

    return make


@pytest.fixture(scope="module")
def written(made, tmp_path_factory):
    """The bundle of a kind, and what the run says: once for all tests that do not change it."""
    bundles = {}

    def write(kind):
        if kind not in bundles:
            tuned, say = made(kind)
            target = tmp_path_factory.mktemp("two") / "bundle"
            write_bundle(target, tuned, Extras((), 1e-5, FACTS))
            bundles[kind] = target, say
        return bundles[kind]

    return write


@pytest.mark.parametrize("kind", KINDS)
def test_the_bundle_says_what_the_run_did(kind, written, photos):
    folder, say = written(kind)
    matcher = thawline.load(folder, device="cpu")
    paths = [photos[0], photos[5], photos[-1]]
    found = list(matcher.predict(zip(paths, TEXTS, strict=True)))
    pixels = torch.stack([matcher.pixels(path) for path in paths])
    assert np.abs(np.array([one.probability for one in found]) - say(pixels, TEXTS)).max() <= 1e-5
    assert matcher.check() == 0
    assert verify(folder)["base"]["text"]["family"] == ("scratch" if kind == "scratch" else "sentences")


def test_the_card_names_both_and_their_licences(written):
    card = (written("head")[0] / "README.md").read_text(encoding="utf-8")
    assert "for images and `head` for texts, tuned by Thawline on pairs" in card
    assert "Text encoder: head. Licence of its weights: Apache-2.0." in card
    assert "`text_tokenizer.json` its tokenizer" in card
    assert "CLIPModel" not in card
    card = (written("scratch")[0] / "README.md").read_text(encoding="utf-8")
    assert "The text encoder was trained from scratch." in card


@pytest.mark.long
@pytest.mark.skipif(find_spec("onnxscript") is None, reason="thawline[onnx] is not installed")
def test_the_graphs_give_the_cosine(made, photos, tmp_path):
    import onnxruntime

    tuned, _ = made("head")
    manifest = write_bundle(tmp_path / "bundle", tuned, Extras((), 1e-5, FACTS, onnx=True))
    assert max(manifest["largest_difference"][f"{name}.onnx"] for name in ("vision", "text")) <= 1e-3
    matcher = thawline.load(tmp_path / "bundle", device="cpu")
    session = onnxruntime.InferenceSession(tmp_path / "bundle" / "text.onnx", providers=["CPUExecutionProvider"])
    tokens = {name: one.numpy() for name, one in matcher.towers.text.tokenize(TEXTS[:2]).items()}
    [units] = session.run(["text_embeds"], tokens)
    seen = onnxruntime.InferenceSession(tmp_path / "bundle" / "vision.onnx", providers=["CPUExecutionProvider"])
    how = matcher.preprocessing
    pixels = torch.stack([matcher.pixels(path) for path in photos[:2]])
    mean, std = (torch.tensor(one).view(1, 3, 1, 1) for one in (how.mean, how.std))
    [images] = seen.run(["image_embeds"], {"pixel_values": ((pixels / 255 - mean) / std).numpy()})
    assert np.abs((units * images).sum(axis=1) - matcher.cosines(pixels, TEXTS[:2])).max() <= 1e-3
    scratch, _ = made("scratch")
    with pytest.raises(UserError, match="format=onnx: the text encoder scratch reads no tokens; leave it out"):
        write_bundle(tmp_path / "other", scratch, Extras((), 1e-5, FACTS, onnx=True))


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written("head")[0], tmp_path / "copy")


def of_config(**changes):
    """Changes of the transformer's own config, within text.json."""

    def make(folder):
        about = json.loads((folder / TEXT_CONFIG).read_text())
        change(folder / TEXT_CONFIG, config={**about["config"], **changes})

    return make


def of_filling(folder):
    about = json.loads((folder / TEXT_CONFIG).read_text())
    change(folder / TEXT_CONFIG, filling={**about["filling"], "longest": 10**9})


HOSTILE = {
    "code": (of_config(auto_map={"AutoModel": "x.Model"}), "text.json names code to run ('auto_map')"),
    "another setting": (of_config(quantization=1), "text.json has 'quantization', which no BertConfig has"),
    "a larger network": (of_config(intermediate_size=60_000), "text.json is of a network of"),
    "endless layers": (of_config(num_hidden_layers=10**6), "as 1,000,000, more than"),
    "a width that is none": (of_config(hidden_size=10**9), "as 1,000,000,000, more than"),
    "no kind": (of_config(model_type="unheard"), "unheard"),
    "another kind": (of_config(model_type="bart"), "which no BartConfig has"),
    "no end of tokens": (of_filling, "as 1,000,000,000, more than"),
    "more settings": (lambda folder: change(folder / TEXT_CONFIG, more=1), "other settings than this program writes"),
    "another family": (lambda folder: change(folder / DECISION, text={"family": "pickle"}), "'pickle' is not known"),
    "no text": (lambda folder: (folder / TEXT_MODEL).unlink(), "text.safetensors"),
    "no way to one space": (lambda folder: (folder / "head.safetensors").unlink(), "head.safetensors"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_bundle_is_refused(what, copy):
    spoil, reason = HOSTILE[what]
    spoil(copy)
    reseal(copy)
    with pytest.raises(UserError) as refused:
        thawline.load(copy)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_projections_of_other_features_are_refused(copy):
    state = load_file(copy / "head.safetensors")
    state["text.layer.weight"], state["text.standardise.mean"] = torch.zeros(10, 5), torch.zeros(5)
    save_file(state, copy / "head.safetensors")
    reseal(copy)
    with pytest.raises(UserError, match=r"head\.safetensors takes other features than sentences:bert gives"):
        thawline.load(copy)


def test_what_the_run_did_not_say_is_not_written(made, written, photos, tmp_path):
    from hashlib import sha256

    from thawline.tasks.match.bundle.write import KnownPair

    tuned, _ = made("head")
    digest = sha256(photos[0].read_bytes()).hexdigest()
    said = thawline.load(written("head")[0], device="cpu").detect_mismatch(photos[0], "the snow")["probability"]
    for probability, right in ((said, True), (said - 0.01, False)):
        known = [KnownPair(photos[0], digest, np.array([probability], dtype=np.float32), "the snow")]
        if right:
            write_bundle(tmp_path / "bundle", tuned, Extras(known, 1e-5, FACTS))
        else:
            with pytest.raises(RunError, match="nothing was written"):
                write_bundle(tmp_path / "other", tuned, Extras(known, 1e-5, FACTS))
