"""Networks for sound, fine-tuned, written and read back, by plain transformers too."""

import json

import numpy as np
import pytest
import torch
from tests.encoders.hearers import VARIANTS, save, sounds
from torch.nn import functional as F
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from thawline.bundles.networks.audio import WindowClassifier, load_audio, save_audio
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.fitting.heads.audio import LayersHead, own_head, rebuild_layers, rebuild_own
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.tail import Tail

CPU = torch.device("cpu")
CLASSES = ("country", "rock", "jazz")
MEL_CNN = {"channels": 4, "blocks": 3, "mels": 32}


def settings_for(variant, tmp_path):
    if variant == "mel_cnn":
        return EncoderSettings(family="mel_cnn", name="mel_cnn", seconds=0.5, hop=0.25, model_args=dict(MEL_CNN))
    directory = save(tmp_path / "pretrained", variant)
    seconds = None if variant == "ast" else 0.5
    return EncoderSettings(family=VARIANTS[variant][0], name=str(directory), seconds=seconds)


def new_head(kind, encoder):
    if kind == "own":
        return own_head(encoder, CLASSES)
    if kind == "dense":
        return DenseHead(encoder.dim, len(CLASSES), hidden=5)
    return LayersHead(4, encoder.dim, len(CLASSES), hidden=5 if kind == "layers_mlp" else None)


def fine_tune(encoder, thaw, kind, waveforms):
    """A few steps, large ones; what was trained, joined with what was not."""
    cut = encoder.cut_for(thaw)
    rows = [encoder.hearing.front(waveform) for waveform in waveforms]
    features = encoder.prefix(cut)({name: torch.stack([row[name] for row in rows]) for name in rows[0]})
    torch.manual_seed(0)
    tail = Tail(encoder.tail(cut), new_head(kind, encoder)).train()
    optimiser = torch.optim.AdamW(tail.parameters(), lr=0.01)
    for _ in range(3):
        optimiser.zero_grad()
        F.cross_entropy(tail(features), torch.arange(3)).backward()
        optimiser.step()
    tail.eval()
    encoder.load_tail(cut, tail.stages.state_dict())
    with torch.no_grad():
        return tail.head, tail(features).numpy()


@pytest.mark.parametrize("variant", VARIANTS)
def test_plain_transformers_says_the_same_of_a_window(variant, tmp_path):
    settings = settings_for(variant, tmp_path)
    encoder = load(settings, fresh=True)
    waveforms = sounds(encoder.hearing.windowing.samples)
    head, wanted = fine_tune(encoder, 2 if variant != "hubert" else "all", "own", waveforms)
    assert np.ptp(wanted, axis=0).max() > 1e-2  # the windows are told apart at all
    folder = tmp_path / "bundle"
    folder.mkdir()
    assert save_audio(folder, settings, encoder, head, CLASSES) == "classifier"

    extractor = AutoFeatureExtractor.from_pretrained(folder)
    model = AutoModelForAudioClassification.from_pretrained(folder).eval()
    assert model.config.id2label == dict(enumerate(CLASSES))
    for waveform, row in zip(waveforms, wanted, strict=True):
        with torch.no_grad():
            said = model(**extractor(waveform.numpy(), sampling_rate=16_000, return_tensors="pt")).logits
        assert np.abs(said.numpy()[0] - row).max() <= 1e-4
    again = WindowClassifier(*load_audio(folder, settings.family, CLASSES, "classifier"), CPU)
    assert np.abs(again.logits(waveforms) - wanted).max() <= 1e-5
    assert again.hearing.key()["front"] == encoder.hearing.key()["front"]


@pytest.mark.parametrize(
    ("variant", "thaw", "kind"),
    [
        ("ast", 1, "layers"),
        ("wav2vec2_stable", "head", "layers_mlp"),
        ("hubert", 1, "dense"),
        ("mel_cnn", "all", "dense"),
    ],
)
def test_another_head_lies_beside_the_network(variant, thaw, kind, tmp_path):
    settings = settings_for(variant, tmp_path)
    encoder = load(settings, fresh=True)
    windowing = encoder.hearing.windowing
    waveforms = sounds(windowing.samples, rate=windowing.rate)
    head, wanted = fine_tune(encoder, thaw, kind, waveforms)
    folder = tmp_path / "bundle"
    folder.mkdir()
    said = save_audio(folder, settings, encoder, head, CLASSES)
    assert said == kind.split("_")[0]
    assert (folder / "head.safetensors").exists()
    again = WindowClassifier(*load_audio(folder, settings.family, CLASSES, said), CPU)
    assert np.abs(again.logits(waveforms) - wanted).max() <= 1e-5
    assert np.array_equal(again.logits(waveforms[1:2]), again.logits(waveforms)[1:2])
    assert again.hearing.key() == encoder.hearing.key()
    assert again.hearing.windowing == windowing


def test_a_config_that_no_such_network_has_is_refused(tmp_path):
    settings = settings_for("ast", tmp_path)
    encoder = load(settings, fresh=True)
    save_audio(tmp_path, settings, encoder, own_head(encoder, CLASSES), CLASSES)
    with pytest.raises(ValueError, match="no classifier of these labels"):
        load_audio(tmp_path, "ast", ("a", "b", "c"), "classifier")
    with pytest.raises(ValueError, match="is of a 'audio-spectrogram-transformer', not of a 'hubert'"):
        load_audio(tmp_path, "hubert", CLASSES, "classifier")
    with pytest.raises(ValueError, match="the network's family 'audio' is not known"):
        load_audio(tmp_path, "audio", CLASSES, "classifier")
    for name in ("preprocessor_config.json", "config.json", "preprocessing.json"):
        values = json.loads((tmp_path / name).read_text())
        (tmp_path / name).write_text(json.dumps({**values, "auto_map": {"AutoModel": "code.Model"}}))
        with pytest.raises(ValueError, match=r"has (something else|settings)"):
            load_audio(tmp_path, "ast", CLASSES, "classifier")
        (tmp_path / name).write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"family=audio can't be exported; use ast"):
        save_audio(tmp_path, EncoderSettings(family="audio", name="x"), encoder, DenseHead(48, 3), CLASSES)


def test_heads_are_rebuilt_from_their_state(tmp_path):
    encoder = load(settings_for("wav2vec2_stable", tmp_path), fresh=True)
    leaving = {"layers": torch.randn(2, 4, 2, 24), "pooled": torch.randn(2, 24)}
    head = own_head(encoder, CLASSES)
    assert torch.equal(rebuild_own(encoder, head.state_dict())(leaving), head(leaving))
    for hidden in (None, 5):
        layers = LayersHead(4, 48, 3, hidden=hidden).eval()
        layers.standardise.measure(torch.randn(9, 48))
        assert torch.equal(rebuild_layers(layers.state_dict())(leaving), layers(leaving))
    with pytest.raises(ValueError, match="not that of a network's own head"):
        rebuild_own(encoder, layers.state_dict())
