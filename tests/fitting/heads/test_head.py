import pytest
import torch
import torch.nn.functional as F
from torch import nn

from thawline.fitting.heads.head import DenseHead, PromptHead, Standardise


def test_standardise_centres_each_feature_and_scales_all_alike():
    features = torch.tensor([[0.0, 10.0], [2.0, 10.0]])
    layer = Standardise(2)
    layer.measure(features)
    # Variances 1 and 0 (population), so the common standard deviation is sqrt(1/2).
    torch.testing.assert_close(layer(features), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]) * 2**0.5)


def test_constant_features_are_not_divided_by_zero():
    layer = Standardise(2)
    layer.measure(torch.ones(3, 2))
    assert torch.equal(layer(torch.ones(3, 2)), torch.zeros(3, 2))


@pytest.mark.parametrize(("hidden", "parameters"), [(None, 5 * 3 + 3), (7, 5 * 7 + 7 + 7 * 3 + 3)])
def test_dense_heads_have_the_layers_they_say(hidden, parameters):
    head = DenseHead(5, 3, hidden=hidden)
    assert head(torch.zeros(2, 5)).shape == (2, 3)
    assert sum(p.numel() for p in head.parameters()) == parameters


def test_a_class_is_the_mean_direction_of_its_prompts():
    prompts = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
    head = PromptHead({"features": prompts}, torch.tensor([0, 0, 1]), logit_scale=10.0)
    expected = torch.tensor([[2**-0.5, 2**-0.5], [-1.0, 0.0]])
    torch.testing.assert_close(head.class_embeddings(), expected)
    image = torch.tensor([[3.0, 4.0]])
    torch.testing.assert_close(head(image), 10 * F.normalize(image, dim=1) @ expected.T)
    assert not list(head.parameters())


class Projection(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Linear(2, 2, bias=False)

    def forward(self, features):
        return {"features": self.weight(features["pooled"])}


def test_a_trained_text_projection_gets_a_gradient():
    head = PromptHead({"pooled": torch.eye(2)}, torch.tensor([0, 1]), 1.0, text_stages=Projection())
    head(torch.tensor([[1.0, 0.5]]))[0, 0].backward()
    assert head.text_stages.weight.weight.grad.abs().sum() > 0
