import numpy as np
import pytest
import torch
import torch.nn.functional as F

from thawline.bundles.heads import fold, rebuild_dense
from thawline.fitting.heads.scores import OrdinalHead, ScoreHead

LEVELS = np.array([1.0, 2.0, 4.0])


def features(count=6, dim=5):
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(0))


def test_a_head_gives_scores_in_the_unit_of_those_it_measured():
    head = ScoreHead(5)
    scores = np.array([10.0, 20.0, 60.0])
    head.measure(scores)
    z = head.raw(features())
    torch.testing.assert_close(head(features()), 30 + float(scores.std()) * z)
    torch.testing.assert_close(head.standardised(head(features())), z)
    same = ScoreHead(5)
    same.measure(np.full(4, 7.0))
    torch.testing.assert_close(same(features()) - 7, same.raw(features()))


@pytest.mark.parametrize("hidden", [None, 4])
@pytest.mark.parametrize("kind", ["score", "ordinal"])
def test_a_bundle_makes_the_head_again(kind, hidden):
    head = (ScoreHead(5, hidden=hidden) if kind == "score" else OrdinalHead(5, LEVELS, hidden=hidden)).eval()
    head.standardise.measure(features(20))
    head.measure(np.array([1.0, 2.0, 2.0, 4.0]))
    again = rebuild_dense(head.state_dict())
    assert again.kind == kind
    assert torch.equal(again(features()), head(features()))
    if kind == "score" and hidden is None:
        torch.testing.assert_close(fold(head)(features()), head(features()))


def test_ordered_answers_are_told_as_in_plain_pytorch():
    head = OrdinalHead(5, LEVELS)
    head.measure(np.array([1.0, 1.0, 2.0, 4.0]))
    # Before anything is trained the cuts say how often scores are above each answer.
    torch.testing.assert_close(torch.sigmoid(head.cuts), torch.tensor([0.5, 0.25]))
    assert not head.layers.bias.requires_grad
    rows = features()
    latent = head.standardise(rows) @ head.layers.weight.T
    logits = torch.cat([latent + head.cuts[0], latent + head.cuts[1]], dim=1)
    torch.testing.assert_close(head.raw(rows), logits)
    above = torch.sigmoid(logits)
    shares = torch.stack([1 - above[:, 0], above[:, 0] - above[:, 1], above[:, 1]], dim=1)
    torch.testing.assert_close(head(rows)[:, 0], shares @ torch.from_numpy(LEVELS).float())


def test_a_head_of_other_answers_takes_those_of_what_it_loads():
    head, other = OrdinalHead(5, LEVELS), OrdinalHead(5, np.arange(7.0))
    other.load_state_dict(head.state_dict())
    assert torch.equal(other(features()), head(features()))


def test_training_orders_samples_by_one_direction():
    torch.manual_seed(0)
    rows = torch.randn(200, 5)
    scores = 1 + (rows[:, 0] > -0.5).float() + 2 * (rows[:, 0] > 0.5).float()
    head = OrdinalHead(5, LEVELS)
    head.measure(scores.double().numpy())
    optimiser = torch.optim.Adam([one for one in head.parameters() if one.requires_grad], lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        wanted = (scores[:, None] > head.levels[:-1]).float()
        F.binary_cross_entropy_with_logits(head.raw(rows), wanted, reduction="sum").div(200).backward()
        optimiser.step()
    assert head(rows)[:, 0].sub(scores).abs().mean() < 0.3
    assert head.layers.weight[0, 0] > 4 * head.layers.weight[0, 1:].abs().max()
    assert head.cuts[0] > head.cuts[1]  # rank-consistent
