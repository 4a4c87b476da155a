import pytest
import torch

from thawline.encoders.load import load, load_text
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.text.scratch import PADDING, start_anew
from thawline.errors import UserError

TEXTS = ["A red mug with a handle", "blue shoes", "...", "one two three four five six seven eight nine ten"]


def scratch(**model_args):
    return load_text(EncoderSettings(family="scratch", name="scratch", model_args=model_args))


@pytest.fixture(scope="module")
def found():
    return scratch(width=16, layers=2, heads=2, buckets=50, longest=8)


def through(encoder, features, start=0):
    with torch.no_grad():
        return encoder.prefix(len(encoder.stages), start)(features)["features"]


def test_a_text_has_the_same_numbers_whatever_its_case_and_form(found):
    fullwidth = "".join(chr(ord(letter) + 0xFEE0) for letter in "REDmug")
    fullwidth = f"{fullwidth[:3]}\u3000{fullwidth[3:]}"
    words = found.tokenize(["red mug", "RED, Mug!", fullwidth, "mug red", "café", "cafe\u0301"])["words"]
    assert words.dtype == torch.int64
    assert torch.equal(words[0], words[1])
    assert torch.equal(words[0], words[2])
    assert torch.equal(words[0].flip(0), words[3])
    assert torch.equal(words[4], words[5])
    # crc32 is the same everywhere, unlike Python's hash of a string.
    assert words[0].tolist() == [1 + 4200685455 % 50, 1 + 1053882409 % 50]


def test_words_are_cut_at_the_longest_and_the_rest_is_padding(found):
    words = found.tokenize(TEXTS)["words"]
    assert words.shape == (4, 8)
    assert (words != PADDING).sum(dim=1).tolist() == [6, 2, 1, 8]
    assert words.max() <= 50
    assert found.tokenize.lengths(TEXTS) == [6, 2, 0, 10]
    assert found.tokenize(["blue shoes"])["words"].shape == (1, 2)


def test_a_text_without_words_has_features(found):
    (one,) = through(found.text, found.tokenize(["?!"]))
    (other,) = through(found.text, found.tokenize(["…"]))
    assert torch.isfinite(one).all()
    assert torch.equal(one, other)


def test_padding_and_neighbours_never_change_features(found):
    together = through(found.text, found.tokenize(TEXTS))
    for number, text in enumerate(TEXTS):
        alone = through(found.text, found.tokenize([text]))[0]
        torch.testing.assert_close(together[number], alone, atol=1e-5, rtol=0)
    assert (together[0] - together[1]).abs().max() > 0.1


def test_the_stages_above_a_cut_make_the_same_of_what_those_below_give(found):
    encoder = found.text
    words = found.tokenize(TEXTS)
    whole = through(encoder, words)
    assert whole.shape == (4, encoder.dim)
    assert encoder.borders == ("words", "embedding", "block0", "block1", "features")
    for cut in range(len(encoder.stages) + 1):
        below = encoder.prefix(cut)(words)
        assert torch.equal(through(encoder, below, cut), whole)


def test_it_has_no_weights_of_anyone_and_is_the_same_each_time(found):
    assert found.text.licence is None
    again = scratch(width=16, layers=2, heads=2, buckets=50, longest=8)
    assert found.text.key(len(found.text.stages)) == again.text.key(len(again.text.stages))
    assert found.text.key(0) == {"family": "text", "words": "crc32", "buckets": 50, "longest": 8}
    assert found.text.cut_for("all") == 0


def test_new_weights_follow_the_generator(found):
    stages = list(scratch(width=16, heads=2).text.stages)
    drawn = []
    for seed in (1, 1, 2):
        start_anew(stages, torch.Generator().manual_seed(seed))
        drawn.append([p.detach().clone() for stage in stages for p in stage.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(drawn[0], drawn[1], strict=True))
    # Every matrix differs; norms and biases are as they are by design.
    assert all(torch.equal(a, b) == (a.ndim == 1) for a, b in zip(drawn[0], drawn[2], strict=True))
    words = stages[0].words.weight
    assert not words[PADDING].any()
    assert words[1:].std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    ("model_args", "sentence"),
    [
        ({"depth": 3}, "encoder.model_args.depth is not known here; there are: width, layers, heads, buckets, longest"),
        ({"width": 10, "heads": 4}, "encoder.model_args.width=10 must be a multiple of heads=4"),
        ({"layers": -1}, "layers at least 0"),
        ({"buckets": 0}, "encoder.model_args.buckets=0 must be at least 1"),
        ({"longest": 0}, "encoder.model_args.longest=0 must be at least 1"),
        ({"dropout": 1.0}, "encoder.model_args.dropout=1.0 must be at least 0 and below 1"),
    ],
)
def test_sizes_that_make_no_network(model_args, sentence):
    with pytest.raises(UserError) as error:
        scratch(**model_args)
    assert sentence in str(error.value)


def test_what_reads_text_and_what_reads_photos():
    with pytest.raises(UserError, match="encoder=scratch reads text, not photos"):
        load(EncoderSettings(family="scratch", name="scratch"))
    with pytest.raises(UserError, match="encoder@text=resnet18 reads no text; use minilm, clip or scratch"):
        load_text(EncoderSettings(family="timm", name="x", model="resnet18"))
