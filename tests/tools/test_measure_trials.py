"""What a trial costs beside its training is measured in small; the tool says it of whole sweeps."""

import pytest
from tools.measure_trials import Clock

from thawline.cli import main
from thawline.samples.events import make_events


@pytest.mark.long
def test_trials_and_their_trainings_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("THAWLINE_STORE", str(tmp_path / "store"))
    make_events(tmp_path / "photos", photos_per_class=8, seed=0)
    words = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=finetune", "thaw=1", "method.epochs=2")
    clock = Clock()
    with clock.watching():
        own = ("method.lr=1e-3,2e-3,3e-3", "hydra/launcher=basic", f"hydra.sweep.dir={tmp_path / 'sweep'}")
        main(["train", str(tmp_path / "photos"), "-m", *words, *own])
    assert len(clock.trials) == 3
    assert all(0 < trained < end - begun for begun, end, trained in clock.trials)
    assert all(0 < beside < clock.trials[-1][1] - clock.trials[0][0] for beside in clock.beside())
