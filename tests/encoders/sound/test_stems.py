"""A network that hears stems, against Demucs, soxr and the network put together by hand."""

import numpy as np
import pytest
import soxr
import torch
from tests.encoders import separators
from tests.encoders.hearers import LABELS, save, sounds
from tests.encoders.separators import build
from tests.extras import import_extra
from transformers import (
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    WavLMConfig,
    WavLMForSequenceClassification,
)

from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.stems import AnyStem, separate
from thawline.errors import UserError

pytestmark = pytest.mark.extra
apply_model = import_extra("stems", "demucs.apply").apply_model
SECONDS = 0.5


@pytest.fixture(scope="module")
def separator(tmp_path_factory):
    return separators.save(tmp_path_factory.mktemp("separator"))


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    return {variant: save(tmp_path_factory.mktemp(variant), variant) for variant in ("ast", "wav2vec2")}


def read(network, separator, stems=4, family="ast", **given):
    where = {"separator": str(separator), "stems": stems} if stems else {}
    return load(EncoderSettings(family=family, name=str(network), seconds=SECONDS, **where, **given), fresh=True)


def by_hand(network, separator_model, waveform, stems):
    """Logits of each stem, [stems, labels], with the libraries alone."""
    reference, deviation = waveform.mean(), waveform.std() + 1e-8
    mix = ((waveform - reference) / deviation).expand(1, 2, -1)
    with torch.no_grad():
        sources = apply_model(separator_model, mix, shifts=0, split=True, overlap=0.25)[0] * deviation + reference
        drums, bass, other, vocals = sources.mean(dim=1)
        parts = [drums, bass, other, vocals] if stems == 4 else [vocals, drums + bass + other]
        rows = [soxr.resample(part.numpy(), 44_100, 16_000, "HQ")[: int(SECONDS * 16_000)] for part in parts]
        extractor = AutoFeatureExtractor.from_pretrained(network)
        model = AutoModelForAudioClassification.from_pretrained(network).eval()
        given = [extractor(row, sampling_rate=16_000, return_tensors="pt")["input_values"] for row in rows]
        return torch.cat([model(each).logits for each in given])


@pytest.mark.parametrize("family", ["ast", "wav2vec2"])
@pytest.mark.parametrize("stems", [2, 4])
def test_it_is_separator_and_network_put_together_by_hand(stems, family, networks, separator):
    encoder = read(networks[family], separator, stems, family)
    windowing = encoder.hearing.windowing
    assert (windowing.rate, windowing.seconds, windowing.samples) == (44_100, SECONDS, 22_050)
    waveforms = sounds(windowing.samples, rate=44_100)
    entering = {"waveform": torch.stack([encoder.hearing.front(each)["waveform"] for each in waveforms])}
    assert torch.equal(entering["waveform"], waveforms)
    leaving = encoder.prefix(encoder.cut_for("head"))(entering)
    assert leaving["features"].shape == (3, encoder.dim) == (3, stems * encoder.inner.dim)
    model = build()
    each = torch.stack([by_hand(networks[family], model, waveform, stems) for waveform in waveforms])
    assert each.std(dim=1).min() > 1e-3, "the stems hardly differ"
    assert len(set(each.argmax(dim=1).flatten().tolist())) > 1, "one stem is always the loudest"
    assert (encoder.classifier(leaving) - each.amax(dim=1)).abs().max() <= 1e-5
    assert encoder.labels == LABELS
    # One stem's features after another's, each as the network alone has them.
    own = leaving["features"].unflatten(1, (stems, -1))
    assert torch.allclose(own, leaving["layers"].mean(dim=2).flatten(2), atol=1e-6)
    # Every border gives the same, whether it is stored on the way or not.
    reached = entering
    for cut in range(len(encoder.stages)):
        reached = encoder.prefix(cut + 1, start=cut)(reached)
    assert torch.equal(reached["features"], leaving["features"])
    # Nor does a window's result depend on its batch, however loud the others are.
    single = encoder.prefix(len(encoder.stages))({"waveform": waveforms[1:2]})
    louder = encoder.prefix(len(encoder.stages))({"waveform": waveforms * torch.tensor([[50.0], [1.0], [0.01]])})
    for other in (single["features"][0], louder["features"][1]):
        assert (other - leaving["features"][1]).abs().max() <= 1e-4 * leaving["features"].abs().max()


def test_two_stems_are_the_vocals_and_the_sum_of_the_rest(networks, separator):
    waveforms = sounds(22_050, rate=44_100)
    two, four = (
        read(networks["wav2vec2"], separator, stems, "wav2vec2").stages[0].stems(waveforms) for stems in (2, 4)
    )
    assert (two.shape, four.shape) == ((3, 2, 8_000), (3, 4, 8_000))
    assert torch.equal(two[:, 0], four[:, 3])
    assert (two[:, 1] - four[:, :3].sum(dim=1)).abs().max() <= 1e-5
    assert separate(build(), waveforms).shape == (3, 4, 22_050)


@pytest.mark.parametrize("seconds", [0.4999, 0.500032])
def test_a_length_that_rounds_keeps_every_sample_it_needs(seconds, networks, separator):
    encoder = load(
        EncoderSettings(
            family="wav2vec2", name=str(networks["wav2vec2"]), seconds=seconds, stems=2, separator=str(separator)
        )
    )
    stems = encoder.stages[0].stems(sounds(encoder.hearing.windowing.samples, count=1, rate=44_100))
    assert stems.shape[2] == round(seconds * 16_000)


def test_an_instrument_is_heard_if_it_is_in_one_stem():
    class Planted(torch.nn.Module):
        def forward(self, features):
            assert set(features) == {"features", "pooled"}
            return features["pooled"] + features["features"].sum(dim=1, keepdim=True)

    pooled = torch.full((2, 4, 3), -5.0)
    pooled[0, 2, 1] = 3.0  # the second label, in the third stem of the first window
    pooled[1, 0, 0] = 1.0
    features = torch.zeros(2, 4 * 6)
    features[1, 18:] = 1.0  # the fourth stem of the second window
    said = AnyStem(Planted(), 4)({"features": features, "pooled": pooled})
    assert said.tolist() == [[-5.0, 3.0, -5.0], [1.0, 1.0, 1.0]]


def test_a_network_in_one_piece_hears_stems_too(tmp_path, networks, separator):
    own = AutoModelForAudioClassification.from_pretrained(networks["wav2vec2"]).config.to_dict()
    plain = {name: value for name, value in own.items() if name not in ("model_type", "architectures")}
    torch.manual_seed(0)
    WavLMForSequenceClassification(WavLMConfig(**plain, num_buckets=8)).save_pretrained(tmp_path)
    AutoFeatureExtractor.from_pretrained(networks["wav2vec2"]).save_pretrained(tmp_path)
    encoder = read(tmp_path, separator, 4, "audio")
    waveforms = sounds(22_050, rate=44_100)
    leaving = encoder.prefix(1)({"waveform": waveforms})
    assert leaving["features"].shape == (3, 4 * 12)
    each = torch.stack([by_hand(tmp_path, build(), waveform, 4) for waveform in waveforms])
    assert (encoder.classifier(leaving) - each.amax(dim=1)).abs().max() <= 1e-5


def test_the_key_names_all_that_decides_and_nothing_more(networks, separator, tmp_path):
    def key(separator=separator, stems=4, **given):
        encoder = read(networks["ast"], separator, stems, **given)
        return [encoder.key(cut) for cut in range(len(encoder.stages) + 1)], encoder.hearing.key()

    before, entering = key()
    assert key() == (before, entering)
    assert before[1]["stems"] == 4
    assert before[1]["versions_of_stems"]["demucs"] == "4.1.0"
    assert before[1]["heard"]["rate"] == 16_000
    assert entering["rate"] == 44_100
    for changed in (key(stems=2), key(separators.save(tmp_path, t_max_period=9_000.0))):
        assert all(a != b for a, b in zip(changed[0][1:], before[1:], strict=True))
        assert (changed[0][0], changed[1]) == (before[0], entering), "the same enters"
    assert key(stems=None)[1] != entering


@pytest.mark.parametrize("thaw", ["all", "projection", 1])
def test_only_a_head_is_fitted(thaw, networks, separator):
    encoder = read(networks["ast"], separator)
    assert encoder.cut_for("head") == 5
    with pytest.raises(UserError, match=f"thaw={thaw} can't be used with encoder.stems: only a head"):
        encoder.cut_for(thaw)
    assert encoder.new_classifier is None


def test_what_separates_computes_in_single_precision(networks, separator):
    single, half = (read(networks["ast"], separator, precision=each) for each in ("float32", "bfloat16"))
    waveforms = sounds(22_050, count=1, rate=44_100)
    a, b = (encoder.prefix(5)({"waveform": waveforms})["features"] for encoder in (single, half))
    assert 0 < (a - b).abs().max() <= 0.05 * a.abs().max()


def test_silence_has_finite_features(networks, separator):
    encoder = read(networks["wav2vec2"], separator, 2, "wav2vec2")
    leaving = encoder.prefix(5)({"waveform": torch.zeros(1, 22_050)})
    assert all(tensor.isfinite().all() for tensor in leaving.values())
    assert np.isfinite(encoder.classifier(leaving).detach().numpy()).all()
