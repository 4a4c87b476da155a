"""The log-mel front and the network on it."""

import json

import librosa
import numpy as np
import pytest
import torch
from tests.encoders.hearers import sounds

from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.log_mel import LogMel
from thawline.errors import UserError

SMALL = {"channels": 4, "blocks": 3, "mels": 32}


def read(**args):
    return load(
        EncoderSettings(family="mel_cnn", name="mel_cnn", seconds=0.5, model_args={**SMALL, **args}), fresh=True
    )


@pytest.mark.parametrize("mels", [64, 128])
@pytest.mark.parametrize("samples", [66_150, 100])
def test_decibels_are_librosas(mels, samples):
    for waveform in sounds(samples, rate=22_050):
        ours = LogMel(mels=mels)(waveform).numpy()
        power = librosa.feature.melspectrogram(y=waveform.numpy(), sr=22_050, n_mels=mels)
        theirs = librosa.power_to_db(power, top_db=None)
        assert ours.shape == theirs.shape == (mels, 1 + samples // 512)
        assert np.abs(ours - theirs)[theirs > -80].max() < 1e-3
        assert (theirs > -80).any()


def test_the_number_of_threads_does_not_matter():
    before, waveforms = torch.get_num_threads(), sounds(11_025, rate=22_050)
    wanted = [LogMel()(waveform) for waveform in waveforms]
    try:
        torch.set_num_threads(4)
        assert all(torch.equal(LogMel()(waveform), row) for waveform, row in zip(waveforms, wanted, strict=True))
    finally:
        torch.set_num_threads(before)


def test_silence_is_the_floor():
    assert torch.equal(LogMel()(torch.zeros(3000)), torch.full((64, 6), -100.0))


def test_every_cut_is_the_whole():
    encoder = read()
    with torch.no_grad():  # statistics of its own, as after a training
        for name, buffer in encoder.model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(generator=torch.Generator().manual_seed(0))
    rows = [encoder.hearing.front(waveform)["mel"] for waveform in sounds(11_025, rate=22_050)]
    features = {"mel": torch.stack(rows)}
    whole = encoder.prefix(len(encoder.stages))(features)["features"]
    assert whole.shape == (3, encoder.dim) == (3, 16)
    for cut in range(len(encoder.borders)):
        tail = encoder.tail(cut).eval()
        out = tail(encoder.prefix(cut)(features))["features"]
        assert (out - whole).abs().max() <= 1e-5
        if list(tail.parameters()):
            out.square().sum().backward()
            assert all(p.grad.abs().sum() > 0 for p in tail.parameters())


def test_it_trains_its_statistics_though_pretrained_networks_keep_theirs():
    encoder = read()
    tail = encoder.tail(0).train()
    before = tail.state_dict()["stages.0.norm.running_mean"].clone()
    tail({"mel": torch.randn(2, 32, 20) - 30})
    assert (tail.state_dict()["stages.0.norm.running_mean"] < before - 1).all()
    assert encoder.model.state_dict()["0.norm.running_mean"].eq(0).all()
    assert not encoder.pretrained


def test_the_initial_weights_are_a_function_of_the_seed():
    torch.manual_seed(1)
    first = read().model.state_dict()
    torch.manual_seed(2)
    again, other = read().model.state_dict(), read(seed=1).model.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["1.conv1.weight"], other["1.conv1.weight"])
    assert read().key(1) == read().key(1)


def test_it_hears_windows_of_three_seconds():
    encoder = load(EncoderSettings(family="mel_cnn", name="mel_cnn", model_args=dict(SMALL)))
    windowing = encoder.hearing.windowing
    assert (windowing.rate, windowing.seconds, windowing.samples) == (22_050, 3.0, 66_150)
    assert encoder.hearing.front(torch.zeros(windowing.samples))["mel"].shape == (32, 130)
    assert read().hearing.key() != read(hop=256).hearing.key()
    assert json.loads(json.dumps(encoder.hearing.key())) == encoder.hearing.key()
    with pytest.raises(UserError, match="mel_cnn can't be cut into blocks"):
        encoder.cut_for(1)


def test_sizes_that_make_no_network():
    with pytest.raises(UserError, match=r"model_args\.depth is not known here; there are: channels"):
        read(depth=3)
    with pytest.raises(UserError, match=r"model_args\.channels=0 must be a whole number"):
        read(channels=0)
    for name, value in {
        "channels": 513,
        "blocks": 9,
        "seed": 2**63,
        "rate": 1999,
        "mels": True,
        "fft": 15,
        "hop": 0,
    }.items():
        with pytest.raises(UserError, match=rf"model_args\.{name}={value} must be a whole number from"):
            read(**{name: value})
    with pytest.raises(UserError, match="hop=4096 must not be more than fft=2048"):
        read(hop=4096)
