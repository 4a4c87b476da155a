import librosa
import numpy as np
import pytest
import soxr

from thawline.data.tracks.fingerprints import RATE, Listener, fingerprint_of, near_pairs
from thawline.data.tracks.groups import shifted_kinds
from thawline.data.tracks.pitches import FEW_MARKS, find_pitches, shifted_pairs
from thawline.data.tracks.track import TrackFacts

PIECE_RATE = 22050
STEP = 2 ** (1 / 24)
# Interval, time between and time of 100 pairs of peaks, and the tone of the first.
NOTES = np.random.default_rng(0).permutation(1000)[:100]


def facts(sound, rate: int = PIECE_RATE) -> TrackFacts:
    listener = Listener(rate)
    listener.add(sound)
    peaks = listener.peaks()
    pitches = find_pitches(peaks.times, peaks.fine)
    return TrackFacts("", len(sound) / rate, rate, 1, fingerprint_of(peaks), pitches=pitches)


def marks(notes, times, higher: int = 0) -> str:
    """Marks of one note each, so many steps higher."""
    made = np.empty(len(notes), [("value", ">u4"), ("time", ">u2")])
    made["value"], made["time"] = notes * 512 + 100 + higher, times
    return made.tobytes().hex()


@pytest.mark.parametrize("speed", [1.03, 1 / 1.03])
def test_copies_that_are_faster_or_slower_are_found_and_strangers_are_not(piece, speed) -> None:
    pieces = [piece(seed, 12) for seed in range(1, 9)]
    known = [facts(sound) for sound in pieces]
    copies = [facts(soxr.resample(sound, PIECE_RATE * speed, PIECE_RATE).astype(np.float32)) for sound in pieces]
    every = [*known, *copies]
    found = shifted_pairs([fact.pitches for fact in every])
    assert found == [(i, i + 8) for i in range(8)]
    assert near_pairs([fact.fingerprint for fact in every]) == []
    assert shifted_kinds(found, every) == dict.fromkeys(found, "shifted in pitch")
    assert shifted_kinds([(0, 0), (0, 1)], every) == {}


def test_copies_as_long_as_before_are_found_too(piece) -> None:
    pieces = [piece(seed, 12) for seed in range(1, 5)]
    copies = [librosa.effects.pitch_shift(sound, sr=PIECE_RATE, n_steps=0.5) for sound in pieces]
    found = shifted_pairs([facts(sound).pitches for sound in [*pieces, *copies]])
    assert found == [(i, i + 4) for i in range(4)]


def test_a_piece_is_no_shifted_copy_of_itself(piece) -> None:
    same = facts(piece(1, 8)).pitches
    assert shifted_pairs([same, same]) == []


def test_common_marks_count_at_one_distance_in_time_only() -> None:
    times = np.arange(100) * 30
    plain = marks(NOTES, times)
    later, faster = marks(NOTES, times + 500, 1), marks(NOTES, np.round((times + 77) / STEP), 1)
    assert shifted_pairs([plain, later]) == shifted_pairs([later, plain]) == [(0, 1)]
    assert shifted_pairs([plain, faster]) == shifted_pairs([faster, plain]) == [(0, 1)]
    assert shifted_pairs([plain, marks(NOTES, times, 2)]) == shifted_pairs([plain, marks(NOTES, times)]) == []
    elsewhere = np.random.default_rng(1).permutation(100) * 30
    assert shifted_pairs([plain, marks(NOTES, elsewhere, 1)]) == []
    # Of so few marks a quarter has to lie as it did.
    for alike, found in ((12, []), (24, []), (26, [(0, 1)])):
        some = np.where(np.arange(100) < alike, times, elsewhere + 7)
        assert shifted_pairs([plain, marks(NOTES, some, 1)]) == found
    assert shifted_pairs([marks(NOTES[:11], times[:11]), marks(NOTES[:11], times[:11], 1)]) == []
    assert shifted_pairs([plain]) == shifted_pairs([]) == []


def test_marks_within_three_seconds_have_to_be_alike_more_often() -> None:
    notes = np.random.default_rng(3).permutation(1000)[:192]
    for seconds, found in ((2.5, []), (12, [(0, 1)])):
        times = np.linspace(0, seconds * 31.25, 192).astype(int)
        some = np.where(np.arange(192) % 8 == 0, times, times[::-1] * 40 + 7)
        assert shifted_pairs([marks(notes, times), marks(notes, some, 1)]) == found


def test_an_interval_and_the_time_between_are_kept_where_the_tone_differs() -> None:
    draw = np.random.default_rng(2)
    times, bins = np.sort(draw.integers(0, 900, 300)), draw.uniform(20, 400, 300)
    plain, higher = (np.frombuffer(bytes.fromhex(find_pitches(times, some)), ">u4,>u2") for some in (bins, bins * STEP))
    assert (plain["f0"].astype(int) + 1).tolist() == higher["f0"].astype(int).tolist()
    assert plain["f1"].tolist() == higher["f1"].tolist()
    assert find_pitches(times[:4], bins[:4]) is None
    assert find_pitches(times[:0], bins[:0]) is None
    assert len(plain) > FEW_MARKS


def test_silence_has_no_pitches() -> None:
    assert facts(np.zeros(RATE, np.float32), RATE).pitches is None
