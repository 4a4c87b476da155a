"""Descriptors of sounds whose descriptors are known."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.descriptors import Describe
from thawline.encoders.sound.names import DESCRIPTORS, MFCC, RATE
from thawline.errors import UserError

TIME = np.arange(8 * RATE, dtype=np.float32) / RATE
NOISE = np.random.default_rng(0).normal(size=len(TIME)).astype(np.float32)


def said(samples, kind="descriptors"):
    row = Describe(kind)(torch.from_numpy(np.asarray(samples, dtype=np.float32)))["features"]
    assert row.dtype == torch.float32
    assert torch.isfinite(row).all()
    return dict(zip(Describe(kind).names, row.tolist(), strict=True))


@pytest.fixture(scope="module")
def clicks():
    """A click twice a second, each a decaying noise."""
    return 0.5 * NOISE * np.exp(-60 * (TIME % 0.5))


@pytest.fixture(scope="module")
def chord():
    """C major, softly swelling."""
    notes = {261.63: 1.0, 329.63: 0.6, 392.0: 0.8}
    return 0.1 * (1.2 + np.sin(TIME)) * sum(a * np.sin(2 * np.pi * f * TIME) for f, a in notes.items())


def test_tempo_onsets_and_pulse_are_the_clicks(clicks, chord):
    heard, other = said(clicks), said(chord)
    assert heard["tempo"] == pytest.approx(120, rel=0.03)
    assert heard["onset_rate"] == pytest.approx(2, abs=0.15)
    assert heard["pulse"] > 0.4 > other["pulse"]
    assert other["onset_rate"] < 0.5


def test_the_spectrum_of_a_sine_lies_at_its_frequency():
    heard = said(0.5 * np.sin(2 * np.pi * 1000 * TIME))
    assert heard["centroid_mean"] == pytest.approx(1.0, rel=0.05)
    assert heard["rolloff_mean"] == pytest.approx(1.0, rel=0.03)
    assert heard["zero_crossings_mean"] == pytest.approx(2000 / RATE, rel=0.02)
    assert heard["energy"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.2)
    assert heard["crest"] == pytest.approx(3.01, abs=0.05)
    assert heard["flatness_mean"] < -40 < -10 < said(NOISE)["flatness_mean"]


def test_the_notes_of_a_chord_are_its_chroma(chord):
    heard = said(chord)
    chroma = {name: value for name, value in heard.items() if name.startswith("chroma_")}
    assert set(sorted(chroma, key=chroma.get)[-3:]) == {"chroma_c", "chroma_e", "chroma_g"}
    assert heard["key_strength"] > 0.6 > said(NOISE)["key_strength"]
    assert heard["major"] > 0


def test_a_swelling_chord_is_more_acoustic_than_clicks(clicks, chord):
    assert said(chord)["acousticness"] > 0.6 > 0.4 > said(clicks)["acousticness"]
    assert said(chord)["harmonic_share"] > 0.8 > 0.5 > said(clicks)["harmonic_share"]


def test_the_formula_of_acousticness():
    from thawline.encoders.sound.measures import acousticness

    half = {"harmonic_share": 0.5, "flatness_mean": -30, "centroid_mean": 2.5, "dynamics": 18}
    assert acousticness(half) == pytest.approx(0.5)
    assert acousticness({"harmonic_share": 1, "flatness_mean": -90, "centroid_mean": 0, "dynamics": 60}) == 1
    assert acousticness({"harmonic_share": 0, "flatness_mean": 0, "centroid_mean": 9, "dynamics": 0}) == 0


def test_what_comes_without_compiling_is_librosas(clicks):
    crossings = librosa.feature.zero_crossing_rate(clicks + 0.1, frame_length=2048, hop_length=512, pad=False)
    assert said(clicks + 0.1)["zero_crossings_mean"] == pytest.approx(crossings.mean(), rel=0.03)
    mfcc = librosa.feature.mfcc(y=clicks, sr=RATE, n_mfcc=20)
    heard = said(clicks, "mfcc")
    rows = (mfcc.mean(axis=1), mfcc.std(axis=1), librosa.feature.delta(mfcc).mean(axis=1))
    np.testing.assert_allclose(list(heard.values())[:60], np.concatenate(rows), rtol=1e-3, atol=1e-3)
    chroma = librosa.feature.chroma_stft(y=NOISE, sr=RATE, tuning=0.0).mean(axis=1)
    heard = [value for name, value in said(NOISE).items() if name.startswith("chroma_")]
    np.testing.assert_allclose(heard, chroma, rtol=1e-4)


@pytest.mark.parametrize("samples", [np.zeros(1), np.ones(1), np.zeros(RATE), NOISE[: RATE // 5], np.full(RATE, 0.5)])
def test_short_and_silent_clips_have_descriptors_without_a_warning(samples):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(said(samples)) == len(DESCRIPTORS) == 81
        assert len(said(samples, "mfcc")) == len(MFCC) == 80
    assert 0 <= said(samples)["acousticness"] <= 1


def test_the_number_of_blas_threads_moves_no_bit(clicks):
    describe, waveform = Describe("descriptors"), torch.from_numpy(clicks)
    rows = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            rows.append(describe(waveform)["features"])
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(rows[0], rows[2])


def test_threads_give_the_same_bits(clicks):
    describe, waveform = Describe("descriptors"), torch.from_numpy(clicks)
    alone = describe(waveform)["features"]
    with ThreadPoolExecutor(4) as threads:
        rows = list(threads.map(lambda _: describe(waveform)["features"], range(8)))
    assert all(torch.equal(row, alone) for row in rows)
    assert torch.equal(waveform, torch.from_numpy(clicks))


def test_the_encoder_has_one_border_and_hears_one_stretch():
    encoder = load(EncoderSettings(family="descriptors", name="mfcc"), fresh=True)
    assert (encoder.borders, encoder.dim, encoder.cut_for("head"), encoder.modality) == (("features",), 80, 0, "audio")
    assert encoder.hearing.windowing.starts(60.0) == (15.0,)
    assert encoder.hearing.windowing.starts(0.2) == (0.0,)
    row = encoder.hearing.front(torch.from_numpy(NOISE[:4000]))
    assert torch.equal(encoder.prefix(0)(row)["features"], row["features"])
    both = [load(EncoderSettings(family="descriptors", name=name), fresh=True).hearing.key() for name in KINDS]
    assert both[0] != both[1]


KINDS = ("descriptors", "mfcc")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "chroma"}, "encoder.name=chroma is not known here; use descriptors or mfcc"),
        ({"name": "mfcc", "windows": 3}, "encoder.hop and windows are not for mfcc"),
    ],
)
def test_what_it_cannot_do_is_said(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        load(EncoderSettings(family="descriptors", **settings), fresh=True)
