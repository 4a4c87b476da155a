"""Masks over spectrograms."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from thawline.data.tracks.spec_augment import SpecAugment, SpecAugmentSettings
from thawline.errors import UserError

MEL = torch.randn(3, 40, 100, generator=torch.Generator().manual_seed(0)) - 30


@given(st.integers(0, 2**63 - 1), st.floats(0, 1), st.floats(0, 1), st.integers(0, 4))
@example(seed=1, time=0.0, frequency=1.0, masks=4)  # all bins, so that every frame is masked, too
@example(seed=0, time=1.0, frequency=0.0, masks=4)
def test_whole_frames_and_bins_become_the_mean_and_the_rest_stays(seed, time, frequency, masks):
    widths = SpecAugmentSettings(masks, time, masks, frequency)
    before = MEL.clone()
    masked = SpecAugment(widths)(MEL, seed)
    assert torch.equal(MEL, before)
    for out, mel in zip(masked, MEL, strict=True):
        changed = out != mel
        frames, bins = changed.all(dim=0), changed.all(dim=1)
        assert torch.equal(changed, frames.unsqueeze(0) | bins.unsqueeze(1))
        assert torch.allclose(out[changed], mel.mean())
        widest = {"frames": masks * time * 100, "bins": masks * frequency * 40}
        if changed.all():  # by all frames, by all bins, or by both
            assert widest["frames"] >= 100 or widest["bins"] >= 40
        else:
            assert frames.sum() <= widest["frames"]
            assert bins.sum() <= widest["bins"]


def test_it_is_a_function_of_the_seed_and_differs_within_a_batch():
    augment = SpecAugment(SpecAugmentSettings())
    torch.manual_seed(1)
    first = augment(MEL, 5)
    state = torch.get_rng_state()
    assert torch.equal(augment(MEL, 5), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(augment(MEL, 6), first)
    places = first != MEL
    assert not torch.equal(places[0], places[1])
    assert augment(MEL[0], 5).shape == (40, 100)


def test_masks_reach_both_ends_and_all_widths():
    widths, ends = set(), torch.zeros(20, dtype=torch.bool)
    augment = SpecAugment(SpecAugmentSettings(time_masks=1, time_width=0.2, frequency_masks=0))
    mel = torch.arange(400.0).reshape(20, 20)
    for seed in range(200):
        frames = (augment(mel, seed) != mel).any(dim=0)
        widths.add(int(frames.sum()))
        ends |= frames
    assert widths == {0, 1, 2, 3, 4}
    assert ends.all()


def test_widths_are_shares():
    with pytest.raises(UserError, match=r"augmentation\.masks\.time_width=27 is a share; use 0 to 1"):
        SpecAugmentSettings(time_width=27)
    with pytest.raises(UserError, match=r"augmentation\.masks\.frequency_masks=-1 must be 0 or more"):
        SpecAugmentSettings(frequency_masks=-1)
