"""Heads on all that leaves an audio encoder."""

import pytest
import torch
from tests.encoders.hearers import LABELS, save
from torch import nn

from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.fitting.heads.audio import LayersHead, own_head
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.tail import Tail


def leaving(batch=2):
    generator = torch.Generator().manual_seed(0)
    layers = torch.randn(batch, 4, 2, 24, generator=generator)
    return {"features": layers.mean(dim=1).flatten(1), "layers": layers, "pooled": torch.randn(batch, 24)}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    directory = save(tmp_path_factory.mktemp("hubert"), "hubert")
    return load(EncoderSettings(family="hubert", name=str(directory)))


def test_an_own_head_starts_as_the_checkpoints_where_the_classes_are_its_labels(encoder):
    given = leaving()
    wanted = encoder.classifier(given)
    assert torch.equal(own_head(encoder, LABELS)(given), wanted)
    swapped = own_head(encoder, ("violin, fiddle", "FLUTE"))
    assert torch.allclose(swapped(given), wanted[:, [1, 0]], atol=1e-6)
    assert all(parameter.requires_grad for parameter in swapped.parameters())
    assert not any(parameter.requires_grad for parameter in encoder.classifier.parameters())


def test_an_own_head_on_other_classes_has_a_new_last_layer(encoder):
    torch.manual_seed(0)
    head = own_head(encoder, ("country", "rock", "jazz", "Speech"))
    state, own = head.own.state_dict(), encoder.classifier.state_dict()
    assert torch.equal(state["projector.weight"], own["projector.weight"])
    assert torch.equal(state["layer_weights"], own["layer_weights"])
    assert not torch.equal(state["classifier.weight"], own["classifier.weight"])
    assert head.classes == 4


def test_labels_without_names_are_taken_as_they_stand(tmp_path):
    names = {f"LABEL_{i}": i for i in range(3)}
    directory = save(tmp_path, "ast", id2label={i: name for name, i in names.items()}, label2id=names)
    encoder = load(EncoderSettings(family="ast", name=str(directory)))
    given = leaving()
    assert torch.equal(own_head(encoder, ("a", "b", "c"))(given), encoder.classifier(given))
    assert not torch.equal(own_head(encoder, ("a", "b"))(given), encoder.classifier(given)[:, :2])


def test_a_network_without_a_head_of_its_own():
    encoder = load(EncoderSettings(family="mel_cnn", name="x", model_args={"channels": 2, "blocks": 1}))
    with pytest.raises(UserError, match=r"method\.head=own: mel_cnn has no head of its own"):
        own_head(encoder, ("a", "b"))


def test_a_layers_head_weighs_the_layers():
    given = leaving()
    head = LayersHead(4, 48, 3)
    assert torch.allclose(head(given), head.dense(given["features"]), atol=1e-6)
    with torch.no_grad():
        head.layer_weights[2] = 100.0
    assert torch.allclose(head(given), head.dense(given["layers"][:, 2].flatten(1)), atol=1e-5)
    head(given).square().sum().backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_a_tail_gives_a_whole_head_everything():
    given = leaving()
    layers, dense = LayersHead(4, 48, 3), DenseHead(48, 3)
    assert torch.equal(Tail(nn.Identity(), layers)(given), layers(given))
    assert torch.equal(Tail(nn.Identity(), dense)(given), dense(given["features"]))
