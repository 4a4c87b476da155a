"""The numbers that describe a sound: what each is called, in the order in which they are given."""

RATE = 22_050  # Hz
MFCCS = 20

PITCHES = ("c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b")
_SPECTRAL = ("centroid", "bandwidth", "rolloff", "flatness", "zero_crossings")
MFCC_NAMES = tuple(f"{name}_{i}" for name in ("mfcc_mean", "mfcc_std") for i in range(1, MFCCS + 1))

DESCRIPTORS: tuple[str, ...] = (
    "tempo",  # beats a minute
    "pulse",  # 0 to 1: how much of the onsets' strength recurs at the tempo
    "onset_rate",  # onsets a second
    "energy",  # RMS of the audible frames, dB of full scale
    "energy_std",  # dB
    "dynamics",  # dB between the loud frames (95th percentile) and the soft ones (10th) of the audible
    "crest",  # dB between peak and RMS
    "sustain",  # share of the frames within 20 dB of the loudest
    *(f"{name}_{kind}" for name in _SPECTRAL for kind in ("mean", "std")),  # kHz; flatness in dB; crossings a sample
    *(f"contrast_{i}" for i in range(1, 8)),  # dB between peaks and valleys in seven bands
    *(f"chroma_{pitch}" for pitch in PITCHES),  # 0 to 1
    "key_strength",  # correlation with the best of 24 keys, 0 to 1
    "major",  # how much better the best major key fits than the best minor one
    "harmonic_share",  # 0 to 1: of the energy, what lasts rather than strikes
    "acousticness",  # 0 to 1
    *MFCC_NAMES,
)
MFCC: tuple[str, ...] = (
    *MFCC_NAMES,
    *(f"{name}_{i}" for name in ("mfcc_delta_mean", "mfcc_delta_std") for i in range(1, MFCCS + 1)),
)
