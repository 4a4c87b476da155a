"""A frozen part that computes in bfloat16."""

import pytest
import torch
import torch._dynamo

from thawline.encoders.device import _has_bfloat16, require_precision
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.clip import load_clip
from thawline.errors import UserError


def pair(clip_directory):
    settings = {"family": "clip", "name": str(clip_directory)}
    return load(EncoderSettings(**settings)), load(EncoderSettings(**settings, precision="bfloat16"))


def test_its_features_are_float32_and_near(clip_directory, pixels):
    exact, rounded = pair(clip_directory)
    given = {"pixels": pixels(32)}
    wanted = exact.image.prefix(len(exact.image.stages))(given)["features"]
    found = rounded.image.prefix(len(rounded.image.stages))(given)["features"]
    assert found.dtype == torch.float32
    error = ((found - wanted).norm() / wanted.norm()).item()
    assert 1e-4 < error < 0.03


def test_features_are_the_same_bits_by_way_of_every_border(clip_directory, pixels, make):
    networks = [pair(clip_directory)[1].image, make("test_efficientnet")[1], make("resnet18")[1]]
    for encoder in networks:
        encoder.precision = torch.bfloat16
        last = len(encoder.stages)
        size = encoder.preprocessing.size
        whole = encoder.prefix(last)({"pixels": pixels(size)})["features"]
        for cut in range(1, last):
            middle = encoder.prefix(cut)({"pixels": pixels(size)})
            assert all(tensor.dtype == torch.float32 for tensor in middle.values())
            assert torch.equal(encoder.prefix(last, cut)(middle)["features"], whole), encoder.borders[cut]


def test_texts_too(clip_directory, texts):
    exact, rounded = pair(clip_directory)
    tokens = exact.tokenize(texts)
    wanted, found = (towers.text.prefix(len(towers.text.stages))(tokens)["features"] for towers in (exact, rounded))
    assert not torch.equal(wanted, found)
    assert ((found - wanted).norm() / wanted.norm()).item() < 0.03


def test_a_tail_stays_float32(clip_directory, pixels):
    exact, rounded = pair(clip_directory)
    hidden = exact.image.prefix(3)({"pixels": pixels(32)})
    assert torch.equal(exact.image.tail(3)(hidden)["features"], rounded.image.tail(3)(hidden)["features"])


def test_the_key_says_so_but_for_pixels(clip_directory):
    exact, rounded = pair(clip_directory)
    assert exact.image.key(0) == rounded.image.key(0)
    for cut in range(1, len(exact.image.borders)):
        assert rounded.image.key(cut) == {**exact.image.key(cut), "precision": "torch.bfloat16"}
    assert "precision" not in load_clip(EncoderSettings(family="clip", name=str(clip_directory))).image.key(3)


def test_an_unknown_one_is_refused():
    with pytest.raises(UserError, match=r"encoder\.precision=float8 is not known; use float32, bfloat16 or float16"):
        EncoderSettings(family="clip", name="x", precision="float8")


def test_float16_is_nearer_and_has_a_key_of_its_own(clip_directory, pixels):
    exact, _ = pair(clip_directory)
    rounded = load(EncoderSettings(family="clip", name=str(clip_directory), precision="float16"))
    last = len(exact.image.stages)
    wanted, found = (towers.image.prefix(last)({"pixels": pixels(32)})["features"] for towers in (exact, rounded))
    assert found.dtype == torch.float32
    assert 1e-5 < ((found - wanted).norm() / wanted.norm()).item() < 3e-3
    assert rounded.image.key(last) == {**exact.image.key(last), "precision": "torch.float16"}


def test_numbers_that_float16_does_not_hold_are_refused(make, pixels):
    encoder = make("resnet18")[1]
    next(encoder.stages[0].first.parameters()).data.mul_(1e6)
    given = {"pixels": pixels(64)}
    assert encoder.prefix(1)(given)["hidden"].isfinite().all()
    encoder.precision = torch.float16
    with pytest.raises(UserError, match=r"encoder\.precision=float16: numbers within the network are too large for it"):
        encoder.prefix(1)(given)


def test_a_gpu_without_bfloat16_is_told_what_it_has(monkeypatch):
    ask = ("encoder.precision=bfloat16", torch.bfloat16), ("encoder.precision=float16", torch.float16)
    answers = {"cuda": lambda including_emulation: including_emulation, "mps": lambda *version: version < (14, 0)}
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", answers["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", answers["mps"])
    _has_bfloat16.cache_clear()
    try:
        for device in answers:
            require_precision(*ask[1], device, "?")
            with pytest.raises(UserError) as refused:
                require_precision(*ask[0], device, "encoder.precision=float16")
            assert str(refused.value) == (
                "encoder.precision=bfloat16: this machine's GPU does not compute in bfloat16; "
                "use encoder.precision=float16"
            )
        require_precision(*ask[0], "cpu", "?")
    finally:
        _has_bfloat16.cache_clear()


@pytest.fixture(autouse=True)
def _dynamo():
    """What is compiled sets is set for all."""
    with torch._dynamo.config.patch(suppress_errors=False):
        yield


def compiled(prefix, **given):
    """The graphs that PyTorch makes of a prefix, which is then compiled."""
    graphs = []

    def backend(graph, example):
        graphs.append(graph)
        return graph

    prefix.compile_stages(**{"backend": backend, **given})
    return graphs


def test_blocks_that_are_alike_are_compiled_once(clip_directory, pixels):
    encoder = pair(clip_directory)[1].image
    last, given = len(encoder.stages), {"pixels": pixels(32)}
    prefix = encoder.prefix(last)
    graphs = compiled(prefix)
    with torch.inference_mode():
        found = [prefix(given)["features"] for _ in range(2)]
    assert all(torch.equal(one, encoder.prefix(last)(given)["features"]) for one in found)
    # The entry, the three blocks, pooling, projection.
    assert [last, len(graphs)] == [6, 4]


def test_what_can_not_be_compiled_runs_as_it_is(clip_directory, pixels):
    encoder, given = pair(clip_directory)[0].image, {"pixels": pixels(32)}
    prefix = encoder.prefix(1)

    def backend(graph, example):
        raise RuntimeError("no C compiler")

    compiled(prefix, backend=backend)
    assert torch.equal(prefix(given)["hidden"], encoder.prefix(1)(given)["hidden"])
