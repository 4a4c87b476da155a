import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.data.tracks.windows import Windowing, window_digest
from thawline.errors import UserError


@pytest.mark.parametrize(
    ("windowing", "duration", "starts"),
    [
        (Windowing(16000, 10.24), 5, (0.0,)),
        (Windowing(16000, 10.24), 10.24, (0.0,)),
        (Windowing(16000, 10.24), 30, (0.0, 10.24)),
        (Windowing(16000, 10.24), 30.72, (0.0, 10.24, 20.48)),
        (Windowing(16000, 3, hop=1.5), 7, (0.0, 1.5, 3.0)),
        (Windowing(16000, 10, most=4), 100, (0.0, 30.0, 60.0, 90.0)),
        (Windowing(16000, 10, most=1), 100, (45.0,)),
        (Windowing(22050, 30, whole=True), 90, (30.0,)),
        (Windowing(22050, 30, whole=True), 12, (0.0,)),
    ],
)
def test_starts(windowing, duration, starts) -> None:
    assert windowing.starts(duration) == starts


@settings(deadline=None, derandomize=True)
@given(
    seconds=st.floats(0.1, 60),
    hop=st.none() | st.floats(0.1, 60),
    most=st.integers(1, 20),
    whole=st.booleans(),
    duration=st.floats(0, 4000),
)
def test_windows_lie_within_the_track(seconds, hop, most, whole, duration) -> None:
    starts = Windowing(16000, seconds, hop, most, whole).starts(duration)
    assert 1 <= len(starts) <= (1 if whole else most)
    assert list(starts) == sorted(set(starts))
    if len(starts) > 1:
        assert starts[0] == 0
    assert starts[-1] + seconds <= max(duration, seconds) + 2e-6


def test_a_key_says_what_decides_the_samples_and_no_more() -> None:
    key = Windowing(16000, 10, hop=5, most=3).key()
    assert key == Windowing(16000, 10).key()
    assert key["decoders"]["soxr"]
    for other in (Windowing(22050, 10), Windowing(16000, 5), Windowing(16000, 10, whole=True)):
        assert other.key() != key


def test_digests() -> None:
    digests = {window_digest(digest, start) for digest in ("a" * 64, "b" * 64) for start in (0.0, 0.001, 10.24)}
    assert len(digests) == 6
    assert {len(digest) for digest in digests} == {64}
    assert window_digest("a" * 64, 0.1 + 0.2) == window_digest("a" * 64, 0.3)


@pytest.mark.parametrize("options", [{"rate": 10}, {"seconds": 0}, {"hop": -1.0}, {"most": 0}])
def test_impossible_windows(options) -> None:
    with pytest.raises(UserError, match="is not possible; use "):
        Windowing(**({"rate": 16000, "seconds": 10.0} | options))
