import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from thawline.fitting.heads.scores import OrdinalHead, ScoreHead
from thawline.fitting.lightning.scores import ScoresModule
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail

LEVELS = np.array([1.0, 2.0, 4.0, 8.0])
TARGETS = torch.tensor([0, 3, 1, 2, 2])


class Pass(nn.Module):
    def forward(self, features):
        return features


def module(loss):
    torch.manual_seed(0)
    method = GradientSettings(name="linear", head="linear", loss=loss, epochs=1, batch_size=5, lr=0.1, patience=1)
    head = OrdinalHead(3, LEVELS) if loss == "ordinal" else ScoreHead(3)
    return ScoresModule(Tail(Pass(), head, levels=LEVELS), method, targets=TARGETS, seed=0)


@pytest.mark.parametrize("loss", [None, "mse", "huber", "ordinal"])
def test_the_loss_is_plain_pytorchs_on_standardised_scores(loss):
    fitted, rows = module(loss), torch.randn(5, 3)
    scores = torch.from_numpy(LEVELS)[TARGETS]
    batch = ({"features": rows}, TARGETS)
    said = fitted.step(batch)
    if loss == "ordinal":
        wanted = (scores[:, None] > torch.tensor(LEVELS[:-1])).float()
        plain = F.binary_cross_entropy_with_logits(said["output"], wanted, reduction="none").sum(dim=1).mean()
    else:
        z = ((scores - scores.mean()) / scores.std(correction=0)).float()[:, None]
        plain = (F.huber_loss if loss == "huber" else F.mse_loss)(said["output"], z)
        torch.testing.assert_close(
            fitted.tail({"features": rows}), (scores.mean() + scores.std(correction=0) * said["output"]).float()
        )
    torch.testing.assert_close(said["loss"], plain)
    assert not fitted.steps_by_logits  # such trials are fitted one after another
