"""Every method of `conf/` with every encoder and task: it suits them, or one sentence says what to use instead."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.fitting.known import METHODS
from thawline.runs.settings import LoggerSettings
from thawline.tasks.genre.settings import TracksSettings
from thawline.tasks.library.settings import LibrarySettings
from thawline.tasks.match.settings import PairsSettings
from thawline.tasks.needs import tasks_with
from thawline.tasks.preference.settings import FeedbackSettings
from thawline.tasks.settings import RunSettings
from thawline.tasks.task import task_names

CONF = Path(__file__).parents[2] / "conf"
DATA = {
    "match": PairsSettings(path="p.csv"),
    "genre": TracksSettings(path="Music"),
    "preference": FeedbackSettings(path="f.csv"),
    "library": LibrarySettings(path="l.json"),
}
# What needs an encoder with text.
TEXT = {
    "clap",
    "clip_lora",
    "contrastive",
    "gda_zero_shot",
    "projection",
    "ss_text",
    "tip_adapter",
    "wise_ft",
    "zero_shot",
}
CLASSES = TEXT | {"auto", "finetune", "gda", "linear", "logistic", "mel_cnn", "mlp"}
SOUND = {"auto", "finetune", "gda", "hints", "linear", "logistic", "mel_cnn", "mlp", "trees"}


def read(group):
    files = sorted((CONF / group).glob("*.yaml"))
    return {path.stem: OmegaConf.to_container(OmegaConf.load(path)) for path in files}


def method(given):
    schema, *_ = (name for name in given["defaults"] if name != "_self_")
    return METHODS[schema.removesuffix("_schema")](**{key: value for key, value in given.items() if key != "defaults"})


def encoder(name, encoders):
    """The settings in the file `name`, with those of the files that it builds on."""
    given = dict(encoders[name])
    values = {}
    for base in given.pop("defaults"):
        if isinstance(base, str) and base in encoders:
            values |= encoder(base, encoders)
    return {**values, **given}


def refusal(task, encoder, method, data=None, thaw=None):
    """What is said where they don't suit each other; empty: they do."""
    try:
        RunSettings(
            task=task,
            data=data or DATA.get(task, DataSettings(path="Photos")),
            encoder=encoder,
            method=method,
            thaw=thaw,
            logger=LoggerSettings(name="csv"),
        )
    except UserError as error:
        return str(error)
    return ""


def suiting_methods(task, name, data=None):
    settings = EncoderSettings(**encoder(name, read("encoder")))
    return {how for how, given in read("method").items() if not refusal(task, settings, method(given), data)}


@pytest.mark.parametrize(
    ("task", "name", "suiting"),
    [
        ("events", "tiny_clip", CLASSES),
        ("events", "resnet50", CLASSES - TEXT),
        ("events", "ast", set()),
        ("match", "tiny_clip", {"pairs", "pairs_towers", "zero_shot"}),
        ("match", "resnet50", {"pairs", "pairs_towers"}),
        ("match", "mel_cnn", set()),
        ("genre", "ast", SOUND | {"layers", "own"}),
        ("genre", "ast_stems", SOUND),
        ("genre", "mel_cnn", {"finetune", "linear", "mel_cnn", "mlp"}),
        ("genre", "descriptors", SOUND | {"rules"}),
        ("genre", "mfcc", SOUND),
        ("genre", "clip", set()),
        ("preference", "tiny_clip", {"auto", "finetune", "gda", "linear", "logistic", "mel_cnn", "mlp"}),
        ("library", "tiny_clip", {"auto", "finetune", "linear", "logistic", "mel_cnn", "mlp"}),
        ("preference", "resnet50", {"auto", "finetune", "gda", "linear", "logistic", "mel_cnn", "mlp"}),
    ],
)
def test_which_methods_suit_an_encoder_and_a_task(task, name, suiting):
    assert suiting_methods(task, name) == suiting


@pytest.mark.parametrize(
    ("task", "name", "how", "thaw", "sentence"),
    [
        ("events", "tiny_clip", "trees", None, "method=trees is not for task=events; add task=genre"),
        ("genre", "ast", "rules", None, "method=rules is a table over descriptors; use encoder=descriptors"),
        (
            "genre",
            "descriptors",
            "layers",
            None,
            "method=layers needs a transformer's layers and head, which encoder=descriptors has not; use encoder=ast, "
            "wav2vec2_base or hubert_base",
        ),
        (
            "genre",
            "ast_stems",
            "own",
            None,
            "method=own has no place for several stems; with encoder.stems use linear, mlp, logistic or hints",
        ),
        (
            "genre",
            "ast_stems",
            "linear",
            1,
            "thaw=1 can't be used with encoder.stems: only a head is fitted; use thaw=head",
        ),
        (
            "genre",
            "ast",
            "zero_shot",
            None,
            "method=zero_shot compares photos with text; of sound use method=linear, mlp or logistic",
        ),
        (
            "genre",
            "mel_cnn",
            "linear",
            "head",
            "encoder=mel_cnn has no pretrained weights, and thaw=head leaves some of it untrained; use method=mel_cnn "
            "without thaw, or encoder=descriptors",
        ),
        (
            "genre",
            "mel_cnn",
            "logistic",
            None,
            "encoder=mel_cnn has no pretrained weights, and method=logistic leaves some of it untrained; use "
            "method=mel_cnn without thaw, or encoder=descriptors",
        ),
        (
            "events",
            "resnet50",
            "clap",
            None,
            "method=clap compares photos with text, but encoder 'resnet50.a1_in1k' has none; use encoder=clip, or "
            "method=linear or logistic",
        ),
        (
            "events",
            "resnet50",
            "clip_lora",
            None,
            "method=clip_lora compares photos with text, but encoder 'resnet50.a1_in1k' has none; use encoder=clip, or "
            "method=linear or logistic",
        ),
        (
            "events",
            "tiny_clip",
            "clip_lora",
            "projection",
            "method=clip_lora adds to the attention of blocks, and thaw=projection leaves all of them frozen; use "
            "thaw=1, 2, … or all",
        ),
        (
            "library",
            "tiny_clip",
            "clip_lora",
            1,
            "method=clip_lora tells one class of each sample; of several take logistic, linear, mlp or finetune, of "
            "tracks layers, own and mel_cnn too",
        ),
        (
            "preference",
            "tiny_clip",
            "ss_text",
            None,
            "method=ss_text begins with words; give data.likes='sunsets, mountains' or data.dislikes, or another "
            "method",
        ),
        (
            "events",
            "tiny_clip",
            "logistic",
            2,
            "method=logistic trains nothing below the head, so thaw=2 can't be used; use thaw=head",
        ),
    ],
)
def test_what_lacks_and_what_to_use_instead(task, name, how, thaw, sentence):
    given = method(read("method")[how])
    assert refusal(task, EncoderSettings(**encoder(name, read("encoder"))), given, thaw=thaw) == sentence


def test_matrices_beside_the_attention_need_attention():
    given = method({**read("method")["clip_lora"], "head": "linear", "train_text": False})
    said = refusal("events", EncoderSettings(**encoder("resnet50", read("encoder"))), given)
    assert said == (
        "method=clip_lora adds to the matrices of a transformer's attention, which encoder 'resnet50.a1_in1k' has not; "
        "use encoder=clip, siglip2, dinov2 or vit_base_patch16_224_in21k, or method=finetune"
    )
    vit = EncoderSettings(**encoder("vit_base_patch16_224_in21k", read("encoder")))
    assert refusal("events", vit, given) == ""
    linear = method({**read("method")["linear"], "patience": None})
    assert refusal("events", vit, linear) == ""
    assert refusal("library", vit, linear) == (
        "method.patience=null holds out no samples, by which thresholds are fitted; give a number of epochs"
    )


@pytest.mark.parametrize("task", task_names())
def test_whatever_does_not_suit_is_one_sentence(task):
    encoders = read("encoder")
    methods = {how: method(given) for how, given in read("method").items()}
    for name in encoders:
        settings = EncoderSettings(**encoder(name, encoders))
        for how in methods.values():
            for thaw in (None, 2):
                said = refusal(task, settings, how, thaw=thaw)
                assert not said or (";" in said and "\n" not in said), said


def test_several_labels_take_only_methods_that_tell_each_by_itself():
    found = suiting_methods("genre", "ast", TracksSettings(path="m.csv", labels="several"))
    assert found == {"auto", "finetune", "layers", "linear", "logistic", "mel_cnn", "mlp", "own"}


def test_tasks_are_named_by_what_they_ask_and_hear():
    assert (tasks_with("pairs"), tasks_with(sound=True)) == ("task=match", "task=genre")
