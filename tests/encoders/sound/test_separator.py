"""Reading what separates: Demucs' own layout, and files that would have code run."""

import json
import pickle
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.encoders.separators import KINDS, SOURCES, HDemucs, build, described, save

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.separator import load_separator, read_separator, save_separator
from thawline.encoders.sound.separator_weights import find_separator, separator_files
from thawline.errors import UserError

pytestmark = pytest.mark.extra
FILE = "955717e8.safetensors"


def settings_for(directory, **given):
    return EncoderSettings(**{"family": "ast", "name": "x", "stems": 4, "separator": str(directory), **given})


def sound(model):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 2, int(model.segment * 44_100), generator=generator) * 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_what_demucs_own_class_does(kind, tmp_path):
    separator = load_separator(settings_for(save(tmp_path, kind)))
    theirs = build(kind)
    with torch.no_grad():
        wanted = theirs(sound(theirs))
        assert torch.equal(separator.model(sound(theirs)), wanted)
    assert wanted.std() > 1e-3
    assert (separator.rate, separator.licence, separator.model.segment) == (44_100, "mit", KINDS[kind]["segment"])
    assert not separator.model.training
    assert not any(parameter.requires_grad for parameter in separator.model.parameters())
    # Written and read back, as a bundle does.
    save_separator(tmp_path / "again.safetensors", separator)
    again = read_separator(tmp_path / "again.safetensors")
    assert again.arguments == separator.arguments
    with torch.no_grad():
        assert torch.equal(again.model(sound(theirs)), wanted)


def test_arguments_of_another_release_are_left_out(tmp_path):
    change(save(tmp_path), kwargs=with_(of_another_release=1))
    separator = read_separator(tmp_path / FILE)
    assert separator.arguments.keys() == {"sources", *json.loads(described()["kwargs"])}


def test_weights_of_half_precision_compute_in_single(tmp_path):
    state = {name: tensor.half() for name, tensor in load_file(save(tmp_path) / FILE).items()}
    save_file(state, tmp_path / FILE, metadata=described())
    model = read_separator(tmp_path / FILE).model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(torch.equal(tensor, state[name].float()) for name, tensor in model.state_dict().items())


def test_the_sources_that_make_up_each_stem(tmp_path):
    save(tmp_path, sources=("vocals", "piano", "drums", "other", "bass"))
    separator = read_separator(tmp_path / FILE)
    assert separator.members(4) == [[2], [4], [1, 3], [0]], "what is told apart beyond the four is part of other"
    assert separator.members(2) == [[0], [1, 2, 3, 4]]
    save(tmp_path)
    assert read_separator(tmp_path / FILE).members(4) == [[0], [1], [2], [3]]


@pytest.mark.parametrize(("segment", "kept"), [(0.2, 0.2), (44, 0.39)])
def test_a_bags_segment_is_used_where_the_network_takes_it(segment, kept, tmp_path):
    save(tmp_path, bag=f"models: ['955717e8']\nsegment: {segment}\n")
    assert float(load_separator(settings_for(tmp_path)).model.segment) == kept


@pytest.mark.parametrize("segment", ["0.000001", ".nan", ".inf", "1000"])
def test_a_bags_segment_is_bounded(segment, tmp_path):
    save(tmp_path, HDemucs, bag=f"models: ['955717e8']\nsegment: {segment}\n")
    with pytest.raises(UserError, match=r"its bag's segment is|has segment="):
        load_separator(settings_for(tmp_path))


def test_a_hybrid_takes_any_segment(tmp_path):
    save(tmp_path, HDemucs, bag="models: ['955717e8']\nsegment: 44\n")
    assert load_separator(settings_for(tmp_path)).model.segment == 44


def test_a_licence_that_forbids_commercial_use(tmp_path):
    (save(tmp_path) / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"under 'cc-by-nc-4\.0', which forbids commercial use"):
        load_separator(settings_for(tmp_path, separator_licence="MIT"))
    assert load_separator(settings_for(tmp_path, allow_noncommercial=True)).licence == "cc-by-nc-4.0"
    (tmp_path / "README.md").unlink()
    assert load_separator(settings_for(tmp_path)).licence is None
    assert load_separator(settings_for(tmp_path, separator_licence="MIT")).licence == "MIT"


def change(directory, **said):
    state = load_file(directory / FILE)
    metadata = {name: value for name, value in {**described(), **said}.items() if value is not None}
    save_file(state, directory / FILE, metadata=metadata)


def with_(**given):
    return json.dumps({**json.loads(described()["kwargs"]), **given})


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"klass": "os.system"}, r"its class is 'os\.system', not demucs\.htdemucs\.HTDemucs or"),
        ({"klass": "demucs.htdemucs.os.system"}, "its class is"),
        ({"klass": "planted.Planted"}, "its class is"),
        ({"klass": None}, "its metadata lack klass"),
        ({"klass": "demucs.hdemucs.HDemucs"}, "Error.s. in loading state_dict"),
        ({"structure": json.dumps({"_class": "planted.Planted"})}, "its weights are packed"),
        ({"args": json.dumps([{"_class": "planted.Planted"}])}, "no plain value"),
        ({"args": "["}, "Expecting value"),
        ({"args": "5"}, "must be an iterable"),
        ({"args": json.dumps([["drums", "vocals"]])}, r"its sources are .*, and must be drums, bass, other, vocals"),
        ({"args": json.dumps([[*SOURCES, "bass"]])}, "its sources are"),
        ({"args": "[]"}, "missing a required argument: 'sources'"),
        ({"kwargs": "[]"}, "no attribute 'items'"),
        ({"kwargs": with_(segment={"_type": "fraction", "numerator": 1, "denominator": 0})}, "divided by 0"),
        ({"kwargs": with_(segment={"_type": "planted", "numerator": 1, "denominator": 2})}, "no plain value"),
        ({"kwargs": with_(segment=-1)}, "its segment is -1 s"),
        ({"kwargs": with_(segment=0.01)}, r"its segment is 0\.01 s"),
        ({"kwargs": with_(segment=10**9)}, "its segment is 1000000000 s"),
        ({"kwargs": with_(t_layers=10**9)}, "its t_layers is 1000000000, more than 64"),
        ({"kwargs": with_(nfft=2**24)}, "its nfft is 16777216, more than 16384"),
        ({"kwargs": with_(nfft=2050)}, "its nfft is 2050, no power of two"),
        ({"kwargs": with_(wiener_iters=10**9)}, "its wiener_iters is 1000000000, more than 10"),
        ({"kwargs": with_(multi_freqs=[0.1] * 13)}, "its multi_freqs are 13, more than 12"),
        ({"kwargs": with_(samplerate=10**9)}, "its rate is 1000000000 Hz"),
        ({"kwargs": with_(audio_channels=6)}, "it takes 6 channels"),
        ({"kwargs": with_(channels=1 << 40)}, "."),
        ({"kwargs": with_(channels=16)}, "Error.s. in loading state_dict"),
        ({"kwargs": with_(t_sin_random_shift=5)}, "t_sin_random_shift, which is not supported"),
        ({"kwargs": with_(t_sparse_self_attn=True)}, "t_sparse_self_attn, which is not supported"),
        ({"kwargs": "[" * 10_000}, "."),
    ],
)
def test_a_file_that_names_something_else_is_refused_and_nothing_of_it_runs(tmp_path, monkeypatch, said, problem):
    (tmp_path / "planted.py").write_text("raise SystemExit('code of a file ran')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    change(save(tmp_path), **said)
    with pytest.raises(UserError, match=rf"{FILE} holds no separator that can be used: .*{problem}") as refused:
        load_separator(settings_for(tmp_path))
    assert "\n" not in str(refused.value)
    assert "planted" not in sys.modules


def test_weights_that_are_not_the_networks(tmp_path):
    state = load_file(save(tmp_path) / FILE)
    name = next(iter(state))
    save_file({other: tensor for other, tensor in state.items() if other != name}, tmp_path / FILE, described())
    with pytest.raises(UserError, match="holds no separator"):
        load_separator(settings_for(tmp_path))
    save_file({**state, "more": torch.zeros(1)}, tmp_path / FILE, described())
    with pytest.raises(UserError, match="holds no separator"):
        load_separator(settings_for(tmp_path))
    (tmp_path / FILE).write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match="holds no separator"):
        load_separator(settings_for(tmp_path))


class Planted:
    """What runs when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_pickled_weights_are_not_read(tmp_path):
    folder, trace = tmp_path / "old", tmp_path / "trace"
    folder.mkdir()
    (folder / "955717e8-8726e21a.th").write_bytes(pickle.dumps(Planted(str(trace))))
    with pytest.raises(UserError, match=r"has no \.yaml files .*, only \.th files, which are not read"):
        load_separator(settings_for(folder))
    (folder / "htdemucs.yaml").write_text("models: ['955717e8']", encoding="utf-8")
    with pytest.raises(UserError, match=r"lacks 955717e8\.safetensors, .*; \.th files are not read"):
        load_separator(settings_for(folder))
    # Under the other name it is no safetensors file.
    (folder / "955717e8-8726e21a.th").rename(folder / FILE)
    with pytest.raises(UserError, match="holds no separator"):
        load_separator(settings_for(folder))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("bag", "problem"),
    [
        ("models: ['../955717e8']", "does not name one network"),
        ("models: ['/etc/passwd']", "does not name one network"),
        ("models: []", "does not name one network"),
        ("models: 955717e8", "does not name one network"),
        ("models: ['a', 'b', 'c', 'd']", r"joins 4 networks, and one is supported"),
        ("models: ['955717e8']\nsegment: -1", "has segment=-1, which must be above 0"),
        ("!!python/object/apply:os.system ['true']", "does not say which network separates"),
        ("- a", "does not say which network separates"),
        ("[", "does not say which network separates"),
    ],
)
def test_a_bag_that_is_not_one_network(tmp_path, bag, problem):
    save(tmp_path / "inside", bag=bag)
    save(tmp_path)
    with pytest.raises(UserError, match=problem):
        find_separator(settings_for(tmp_path / "inside"))


def test_a_directory_with_several_bags_or_none(tmp_path):
    (save(tmp_path) / "another.yaml").write_text("models: ['955717e8']", encoding="utf-8")
    with pytest.raises(UserError, match=r"has several \.yaml files"):
        find_separator(settings_for(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"has no \.yaml files that say which network separates; set"):
        find_separator(settings_for(tmp_path / "empty"))


def test_what_is_not_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"the weights of adefossez/HTDemucs, .* are not on this machine; fetch"):
        load_separator(settings_for("adefossez/HTDemucs"))
    with pytest.raises(UserError, match="'a/b/c' is neither a directory nor a Hub id"):
        load_separator(settings_for("a/b/c"))


def test_without_the_extra_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    settings = settings_for(save(tmp_path))
    monkeypatch.setitem(sys.modules, "demucs", None)
    for ask in (load_separator, separator_files):
        with pytest.raises(UserError, match=r"not installed; run: pip install 'thawline\[stems\]'$"):
            ask(settings)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"stems": 3}, r"encoder\.stems=3 is not possible; use 2, 4, or null"),
        ({"stems": True}, r"encoder\.stems=True is not possible"),
        ({"family": "mel_cnn"}, r"encoder\.stems=4 is for transformers' networks for sound, not .*mel_cnn; use ast,"),
        ({"family": "descriptors"}, "not for encoder.family=descriptors"),
        ({"family": "vit"}, "not for encoder.family=vit"),
    ],
)
def test_settings_that_do_not_go_together(given, problem):
    with pytest.raises(UserError, match=problem):
        settings_for("x", **given)


def test_demucs_is_imported_only_where_something_is_separated():
    code = (
        "import sys, thawline.encoders.sound.stems, thawline.bundles.networks.stems; sys.exit('demucs' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
