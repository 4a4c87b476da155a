"""What the module logs of the inner samples."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.fitting.problems import Module
from tests.fitting.test_gradient import fit, new_module, rows

from thawline.errors import RunError


def test_an_inner_loss_that_is_not_finite_is_no_best_epoch(halves, tmp_path):
    class Lost(Module):
        def validation_step(self, batch, batch_idx):
            features, targets = batch
            targets_of_nothing = ({"features": features["features"] * float("nan")}, targets)
            super().validation_step(targets_of_nothing if batch_idx else batch, batch_idx)

    train, inner = halves
    many = inner.subset(np.arange(45).repeat(12))  # two batches and a part, of which the first says something
    assert len(many) > 2 * many.at_once
    with pytest.raises(RunError, match="the inner loss became inf; try a smaller"):
        fit(train, many, tmp_path, module=new_module(train, Lost))


def test_inner_means_are_over_samples_whatever_the_batches(halves, tmp_path):
    train, inner = halves
    many = inner.subset(np.arange(45).repeat(12)[:-7])
    result = fit(train, many, tmp_path, epochs=1)
    tail = new_module(train).tail
    tail.load_state_dict(result.state)
    features, targets = many[np.arange(len(many))]
    with torch.no_grad():
        logits = tail.eval()(features)
    [row] = rows(tmp_path)
    assert float(row["inner_accuracy"]) == np.float32((logits.argmax(dim=1) == targets).sum().item() / len(many))
    assert float(row["inner_loss"]) == pytest.approx(F.cross_entropy(logits, targets).item(), rel=1e-6)


def test_a_steps_random_numbers_follow_from_seed_and_step_without_a_look_at_accelerators(halves, monkeypatch):
    module = new_module(halves[0])
    torch.manual_seed(module.seed * 1_000_003)
    wanted = torch.rand(3)
    monkeypatch.setattr(torch, "manual_seed", None)  # takes as long as a step
    module.on_train_batch_start(None, 0)
    assert torch.equal(torch.rand(3), wanted)
