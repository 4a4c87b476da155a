"""What can be said of a sound in numbers that have names: tempo, energy, spectrum, chroma, acousticness, MFCC.

All of it is a pure function of a mono waveform at 22.05 kHz. librosa computes the parts from one spectrogram, which is
faster than a spectrogram for each. Of its functions those are taken that compile nothing at their first call: tuning
and its peak picking cost seconds there, so the tuning is taken as given and onsets are picked by SciPy.
"""

from functools import cache
from typing import Any

import librosa
import numpy as np
import scipy.signal
import scipy.sparse
from numpy.typing import NDArray

from thawline.encoders.sound.names import DESCRIPTORS, MFCC, MFCC_NAMES, MFCCS, PITCHES, RATE

Floats = NDArray[np.floating[Any]]

FFT, HOP = 2_048, 512
SHORTEST = 2 * FFT  # samples; a shorter clip is followed by silence: a slope spans nine frames
AUDIBLE = 60.0  # dB below the loudest frame: what is quieter has no spectrum worth describing
FLOOR = -100.0  # dB of full scale, of silence

# Krumhansl and Kessler's probe-tone profiles (Krumhansl, "Cognitive Foundations of Musical Pitch", 1990, chapter 2).
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def describe(samples: Floats) -> dict[str, float]:
    """The `DESCRIPTORS` of the mono waveform `samples` [n] at 22.05 kHz, each under its name."""
    peak, rms = _decibels(np.array([np.abs(samples).max(), np.sqrt(np.mean(np.square(samples)))])).tolist()
    samples = _long_enough(samples)
    power = _power(samples)
    mel_db = _mel_db(power)
    audible = _audible(power)
    said = {
        "crest": peak - rms,
        **_rhythm(mel_db),
        **_energy(samples, audible),
        **_spectrum(samples, power, audible),
        **_harmony(power[:, audible]),
        **_mfcc(mel_db[:, audible]),
    }
    said["harmonic_share"] = _harmonic_share(mel_db)
    said["acousticness"] = acousticness(said)
    return {name: said[name] for name in DESCRIPTORS}


def describe_mfcc(samples: Floats) -> dict[str, float]:
    """The `MFCC` of the mono waveform `samples` [n] at 22.05 kHz: mean and deviation of each, and of its slope."""
    coefficients = librosa.feature.mfcc(S=_mel_db(_power(_long_enough(samples))), n_mfcc=MFCCS)
    slopes = librosa.feature.delta(coefficients)
    rows = (coefficients.mean(axis=1), coefficients.std(axis=1), slopes.mean(axis=1), slopes.std(axis=1))
    return dict(zip(MFCC, np.concatenate(rows).tolist(), strict=True))


def acousticness(said: dict[str, float]) -> float:
    """How acoustic a recording sounds, 0 to 1: a weighted mean of four signs, each 0 to 1.

    - 0.35: the share of the energy that lasts rather than strikes (drum machines strike);
    - 0.25: tones rather than noise: the flatness from −15 dB (0) down to −45 dB (1);
    - 0.20: mellow rather than bright: the centroid from 4 kHz (0) down to 1 kHz (1);
    - 0.20: uncompressed dynamics: from 6 dB (0) up to 30 dB (1).

    A rule of thumb, not a measurement: no listener was asked.
    """
    tonal = _ramp(said["flatness_mean"], -15, -45)
    mellow = _ramp(said["centroid_mean"], 4, 1)
    breathing = _ramp(said["dynamics"], 6, 30)
    return 0.35 * said["harmonic_share"] + 0.25 * tonal + 0.2 * mellow + 0.2 * breathing


def _ramp(value: float, nothing: float, full: float) -> float:
    return float(np.clip((value - nothing) / (full - nothing), 0, 1))


def _long_enough(samples: Floats) -> Floats:
    missing = SHORTEST - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples


def _power(samples: Floats) -> Floats:
    """Power spectrogram, [bins, frames]."""
    spectrum = librosa.stft(samples, n_fft=FFT, hop_length=HOP)
    power: Floats = spectrum.real**2 + spectrum.imag**2
    return power


def _mel_db(power: Floats) -> Floats:
    """Log-mel spectrogram, [128, frames], at most 80 dB deep, as librosa's MFCC has it."""
    decibels: Floats = librosa.power_to_db(_filters("mel") @ power)
    return decibels


@cache
def _filters(kind: str) -> scipy.sparse.csr_array:
    """The filters of librosa, `mel` [128, bins] or `chroma` [12, bins].

    Sparse, since the sums of a dense product depend in their last bits on how many threads BLAS has.
    """
    mel = kind == "mel"
    dense = librosa.filters.mel(sr=RATE, n_fft=FFT) if mel else librosa.filters.chroma(sr=RATE, n_fft=FFT)
    return scipy.sparse.csr_array(dense)


def _audible(power: Floats) -> NDArray[np.bool_]:
    """The frames that are not silence beside the loudest, [frames]; all, where nothing sounds."""
    energy = power.sum(axis=0)
    audible: NDArray[np.bool_] = energy >= energy.max() * 10 ** (-AUDIBLE / 10)
    return audible


def _rhythm(mel_db: Floats) -> dict[str, float]:
    """Tempo, and what can be said of onsets."""
    strength = librosa.onset.onset_strength(S=mel_db, sr=RATE, hop_length=HOP, n_fft=FFT)
    tempo = float(librosa.feature.tempo(onset_envelope=strength, sr=RATE, hop_length=HOP)[0])
    # A third of the strongest change, and at least 1 dB over all bands, so that a steady noise has no onsets.
    onsets, _ = scipy.signal.find_peaks(strength, height=max(1.0, float(strength.max()) / 3), distance=3)
    pulse = _recurrence(strength, round(60 * RATE / HOP / tempo)) if len(onsets) else 0.0
    seconds = mel_db.shape[1] * HOP / RATE
    return {"tempo": tempo, "pulse": pulse, "onset_rate": len(onsets) / seconds}


def _recurrence(curve: Floats, lag: int) -> float:
    """The autocorrelation of `curve` at `lag`, 0 to 1; what is negative counts as 0."""
    around = curve - curve.mean()
    return max(float(np.sum(around[lag:] * around[: len(around) - lag]) / np.sum(around * around)), 0.0)


def _energy(samples: Floats, audible: NDArray[np.bool_]) -> dict[str, float]:
    """Level and how it varies, in decibels."""
    rms = librosa.feature.rms(y=samples, frame_length=FFT, hop_length=HOP)[0]
    level = _decibels(rms[audible])
    loud, soft = np.percentile(level, [95, 10])
    return {
        "energy": float(level.mean()),
        "energy_std": float(level.std()),
        "dynamics": float(loud - soft),
        "sustain": float(np.mean(_decibels(rms) > level.max() - 20)),
    }


def _decibels(amplitude: Floats) -> Floats:
    decibels: Floats = 20 * np.log10(np.maximum(amplitude, 10 ** (FLOOR / 20)))
    return decibels


def _spectrum(samples: Floats, power: Floats, audible: NDArray[np.bool_]) -> dict[str, float]:
    """Where the spectrum lies and how it is shaped, over the audible frames."""
    magnitude = np.sqrt(power[:, audible])
    crossings = np.diff(np.signbit(samples), prepend=False).astype(np.float32)
    curves = {
        # kHz: in Hz they would outweigh all others where features are scaled by one number.
        "centroid": librosa.feature.spectral_centroid(S=magnitude, sr=RATE) / 1000,
        "bandwidth": librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE) / 1000,
        "rolloff": librosa.feature.spectral_rolloff(S=magnitude, sr=RATE) / 1000,
        "flatness": 10 * np.log10(librosa.feature.spectral_flatness(S=magnitude)),
        # librosa's compiles.
        "zero_crossings": librosa.util.frame(np.pad(crossings, FFT // 2), frame_length=FFT, hop_length=HOP).mean(
            axis=0
        )[audible],
    }
    said = {}
    for name, curve in curves.items():
        said[f"{name}_mean"], said[f"{name}_std"] = float(curve.mean()), float(curve.std())
    contrast = librosa.feature.spectral_contrast(S=magnitude, sr=RATE).mean(axis=1)
    return said | {f"contrast_{i}": float(value) for i, value in enumerate(contrast, start=1)}


def _harmony(power: Floats) -> dict[str, float]:
    """Pitch classes and how well they fit a key (Krumhansl's key finding: the profile that correlates most)."""
    chroma = librosa.util.normalize(_filters("chroma") @ power, axis=0).mean(axis=1)
    major, minor = (max(_correlation(chroma, np.roll(profile, i)) for i in range(12)) for profile in (_MAJOR, _MINOR))
    said = {f"chroma_{pitch}": float(value) for pitch, value in zip(PITCHES, chroma, strict=True)}
    return said | {"key_strength": max(major, minor, 0.0), "major": major - minor}


def _correlation(a: Floats, b: Floats) -> float:
    """Pearson's correlation; 0 where one of them is constant."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / size if size > 1e-12 else 0.0


def _harmonic_share(mel_db: Floats) -> float:
    """Of the energy, what median filters along time keep rather than those along frequency (Fitzgerald, DAFx 2010).

    On 128 mel bands rather than 1,025 bins: an eighth of the time, and a share needs no finer spectrum.
    """
    amplitude = librosa.db_to_amplitude(mel_db - mel_db.max())
    harmonic, _ = librosa.decompose.hpss(amplitude, kernel_size=(31, 13), mask=True)
    energy = np.square(amplitude)
    return float(np.sum(harmonic * energy) / np.sum(energy))


def _mfcc(mel_db: Floats) -> dict[str, float]:
    """Mean and standard deviation of each coefficient."""
    coefficients = librosa.feature.mfcc(S=mel_db, n_mfcc=MFCCS)
    rows = (coefficients.mean(axis=1), coefficients.std(axis=1))
    return dict(zip(MFCC_NAMES, np.concatenate(rows).tolist(), strict=True))
