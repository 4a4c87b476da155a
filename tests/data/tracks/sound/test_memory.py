"""Samples in memory: the windows, the facts and the problems of a WAV file of them."""

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thawline.data.tracks.track import read_track, read_windows
from thawline.data.tracks.windows import Windowing
from thawline.errors import UserError

RATE = 22050
SUBTYPES = {"float32": "FLOAT", "int16": "PCM_16"}


@pytest.fixture(scope="module")
def stereo(piece):
    sound = piece(1, 3, RATE)
    return np.stack([sound, 0.5 * np.roll(sound, 400)], axis=1)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["float32", "int16"]),
    channels=st.integers(1, 2),
    rate=st.sampled_from([8000, RATE, 44100]),
    windowing=st.sampled_from([Windowing(16000, 1), Windowing(RATE, 0.7, hop=0.3), Windowing(8000, 9, whole=True)]),
)
def test_an_array_is_read_to_the_bit_as_a_wav_file_of_it(stereo, tmp_path, kind, channels, rate, windowing):
    array = stereo[:, :channels] if kind == "float32" else (stereo[:, :channels] * 32767).astype(np.int16)
    path = tmp_path / "same.wav"
    soundfile.write(path, array, rate, subtype=SUBTYPES[kind])
    wanted_facts, wanted = read_track(path, windowing)
    facts, windows = read_track((array, rate), windowing)
    assert facts == type(facts)(**{**wanted_facts.to_json(), "digest": ""})
    starts = [window.start for window in wanted]
    again = read_windows((array, rate), windowing, starts)
    assert len(wanted) == len(windows) == len(again) > 0
    for one, two, three in zip(wanted, windows, again, strict=True):
        assert one.start == two.start == three.start
        assert torch.equal(one.samples, two.samples)
        assert torch.equal(one.samples, three.samples)


def test_one_axis_other_floats_and_other_layouts_are_the_same_sound(stereo):
    windowing = Windowing(16000, 1)
    mono = stereo[:, 0]
    _, (wanted, *_) = read_track((mono, RATE), windowing)
    for array in (mono[:, None], mono.astype(np.float64), mono.astype(">f4"), np.repeat(mono, 2)[::2]):
        _, (window, *_) = read_track((array, float(RATE)), windowing)
        assert torch.equal(window.samples, wanted.samples)


@pytest.mark.parametrize(
    ("change", "rate", "problem"),
    [
        (lambda sound: sound[:0], RATE, "too short: 0.0 s, less than 0.1 s"),
        (lambda sound: sound[:100], RATE, "too short: 0.0045 s, less than 0.1 s"),
        (lambda sound: sound * np.nan, RATE, "samples that are not finite (NaN or infinity)"),
        (lambda sound: sound.astype(np.float64) * 1e300, RATE, "samples that are not finite (NaN or infinity)"),
        (lambda sound: sound * 32768, RATE, "out of range: samples up to 2.62e+04, where full scale is 1"),
        (lambda sound: sound * 0, RATE, "silent: nothing above -60 dB"),
        (lambda sound: np.stack([sound, -sound], axis=1), RATE, "silent in mono: its channels cancel each other"),
        (lambda sound: np.broadcast_to(sound[1000], 3601 * 2000), 2000, "too long: 3601.0 s, more than 60 minutes"),
        (lambda sound: sound, 0, "a rate of 0 Hz (2000 to 768000 are supported)"),
        (lambda sound: sound, -44100, "a rate of -44100 Hz (2000 to 768000 are supported)"),
        (lambda sound: sound, 10**9, "a rate of 1000000000 Hz (2000 to 768000 are supported)"),
    ],
)
def test_what_is_wrong_with_samples_is_said_as_of_files(stereo, change, rate, problem):
    facts, windows = read_track((change(stereo[:, 0]), rate), Windowing(16000, 1))
    assert (facts.problem, facts.digest, windows) == (problem, "", [])


@pytest.mark.parametrize(
    ("change", "rate", "sentence"),
    [
        (
            lambda s: s.astype(np.int32),
            RATE,
            "an array of int32 is no sound; give floats, of which full scale is 1, or",
        ),
        (lambda s: s.astype(np.uint8), RATE, "an array of uint8 is no sound"),
        (lambda s: s.astype(complex), RATE, "an array of complex128 is no sound"),
        (lambda s: s.astype(object), RATE, "an array of object is no sound"),
        (lambda s: s[None], RATE, "an array of shape [1, 66150, 2] is no sound; give [samples] or [samples, channels]"),
        (lambda s: s[0, 0], RATE, "an array of shape [] is no sound"),
        (lambda s: s.T, RATE, "an array of shape [2, 66150] would be 2 samples of 66150 channels; give [samples, "),
        (lambda s: s[:2], RATE, "an array of shape [2, 2] would be 2 samples of 2 channels"),
        (lambda s: s[:, :0], RATE, "an array of shape [66150, 0] would be 66150 samples of 0 channels"),
        (lambda s: s, 44100.5, "a rate is a whole number of samples a second, such as 44100, and 44100.5 is none"),
        (lambda s: s, float("nan"), "such as 44100, and nan is none"),
        (lambda s: s, float("inf"), "such as 44100, and inf is none"),
        (lambda s: s, "44100", "such as 44100, and '44100' is none"),
        (lambda s: s, True, "such as 44100, and True is none"),
        (lambda s: s, None, "such as 44100, and None is none"),
    ],
)
def test_what_is_no_sound_at_all_is_refused_by_a_sentence(stereo, change, rate, sentence):
    with pytest.raises(UserError) as refused:
        read_track((np.asarray(change(stereo)), rate), Windowing(16000, 1))
    assert sentence in str(refused.value)
