"""AST, wav2vec 2.0 and HuBERT at every cut, against the library's own classifying model, which nothing has touched."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.encoders.hearers import LABELS, VARIANTS, build, save, sounds
from transformers import (
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    CLIPImageProcessor,
    Wav2Vec2Config,
    Wav2Vec2ForPreTraining,
    WavLMConfig,
    WavLMForSequenceClassification,
)

from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.audio import load_extractor, moments
from thawline.errors import UserError

SECONDS = {"ast": 0.64, "wav2vec2": 0.5, "hubert": 0.5}
# A key's bias shifts all scores of a query alike, and the softmax takes that out again.
NO_GRADIENT = ("k_proj.bias",)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return {name: save(tmp_path_factory.mktemp(name), name) for name in VARIANTS}


def read(directory, family, **given):
    seconds = {} if family == "ast" else {"seconds": SECONDS.get(family, 0.5)}
    return load(EncoderSettings(**{"family": family, "name": str(directory), **seconds, **given}), fresh=True)


def front(encoder, waveforms):
    rows = [encoder.hearing.front(waveform) for waveform in waveforms]
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_cut_is_the_librarys_model(variant, saved):
    family = VARIANTS[variant][0]
    encoder = read(saved[variant], family)
    waveforms = sounds(encoder.hearing.windowing.samples)
    # As anyone does it with the library alone.
    extractor = AutoFeatureExtractor.from_pretrained(saved[variant])
    given = extractor(list(waveforms.numpy()), sampling_rate=16_000, return_tensors="pt")["input_values"]
    model = AutoModelForAudioClassification.from_pretrained(saved[variant]).eval()
    with torch.no_grad():
        whole = model(given, output_hidden_states=True)
    assert (whole.logits[0] - whole.logits[1]).abs().max() > 0.01, "the logits hardly depend on what enters"
    stack = torch.stack(whole.hidden_states, dim=1)
    layers = torch.stack([stack.mean(dim=2), stack.std(dim=2, correction=0)], dim=2)

    features, reached = front(encoder, waveforms), 0
    assert len(encoder.borders) == 6
    for cut, border in enumerate(encoder.borders):
        features, reached = encoder.prefix(cut, start=reached).train()(features), cut
        assert not any(tensor.requires_grad for tensor in features.values())
        if "hidden" in features:
            assert (features["hidden"] - whole.hidden_states[cut - 1]).abs().max() <= 1e-5, border
        tail = encoder.tail(cut).train()
        out = tail(features)
        assert (out["layers"] - layers).abs().max() <= 1e-5, border
        assert (out["features"] - layers.mean(dim=1).flatten(1)).abs().max() <= 1e-5, border
        assert out["features"].shape == (3, encoder.dim)
        logits = encoder.classifier(out)
        assert (logits - whole.logits).abs().max() <= 1e-5, border
        if list(tail.parameters()):
            weights = torch.randn(out["features"].shape, generator=torch.Generator().manual_seed(2))
            (logits.square().sum() + (out["features"] * weights).sum() + out["pooled"].square().sum()).backward()
            without = [name for name, p in tail.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
            assert all(name.endswith(NO_GRADIENT) for name in without), (border, without)
        assert not any(module.training for module in tail.modules())
    assert all(p.grad is None and not p.requires_grad for p in encoder.model.parameters())
    assert encoder.labels == LABELS
    assert [encoder.cut_for(thaw) for thaw in ("all", 3, 2, 1, "head")] == [0, 1, 2, 3, 5]


@pytest.mark.parametrize("variant", ["ast", "wav2vec2_stable", "hubert_batch_norm"])
def test_a_tail_goes_back_and_has_the_models_names(variant, saved):
    encoder = read(saved[variant], VARIANTS[variant][0])
    names = encoder.names(0)
    assert set(names.values()) == set(encoder.model.state_dict()) - {"masked_spec_embed"}
    state = {name: tensor + 1 for name, tensor in encoder.tail(2).state_dict().items()}
    encoder.load_tail(2, state)
    own = encoder.model.state_dict()
    assert all(torch.equal(own[encoder.names(2)[name]], tensor) for name, tensor in state.items())


def test_windows_are_normalised_as_the_checkpoint_says(tmp_path):
    waveform = sounds(8000)[0]
    plain = read(save(tmp_path / "plain", "wav2vec2", normalise=False), "wav2vec2")
    scaled = read(save(tmp_path / "scaled", "wav2vec2"), "wav2vec2")
    assert torch.equal(plain.hearing.front(waveform)["waveform"], waveform)
    wanted = (waveform - waveform.mean()) / (waveform.var(correction=0) + 1e-7).sqrt()
    assert torch.allclose(scaled.hearing.front(waveform)["waveform"], wanted, atol=1e-5)
    assert plain.hearing.key() != scaled.hearing.key()
    assert json.loads(json.dumps(plain.hearing.key())) == plain.hearing.key()


@pytest.mark.parametrize("variant", ["ast", "hubert", "mel_cnn"])
def test_fronts_give_the_same_bits_from_several_threads(variant, saved):
    encoder = (
        load(EncoderSettings(family="mel_cnn", name="mel_cnn", seconds=0.5))
        if variant == "mel_cnn"
        else read(saved[variant], variant)
    )
    waveforms = sounds(encoder.hearing.windowing.samples, count=12)
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(encoder.hearing.front, waveforms))
    for waveform, row in zip(waveforms, rows, strict=True):
        again = encoder.hearing.front(waveform)
        assert set(row) == {encoder.borders[0]}
        assert all(torch.equal(again[name], tensor) for name, tensor in row.items())
        assert all(tensor.dtype == torch.float32 and tensor.is_contiguous() for tensor in row.values())


def test_what_does_not_vary_has_finite_gradients():
    hidden = torch.ones(2, 5, 3, requires_grad=True)
    found = moments(hidden)
    assert torch.allclose(found, torch.tensor([[1.0], [0.0]]).expand(2, 1, 2, 3), atol=1e-5)
    found.sum().backward()
    assert torch.equal(hidden.grad, torch.full((2, 5, 3), 0.2))


def test_a_network_without_a_classifier(tmp_path):
    encoder = read(save(tmp_path, "hubert", bare=True), "hubert")
    assert encoder.labels is None
    assert encoder.classifier is None
    assert encoder.new_classifier(7).classifier.weight.shape == (7, 12)


def test_a_pretraining_checkpoint_that_lacks_the_mask(tmp_path):
    save(tmp_path, "wav2vec2")
    config = Wav2Vec2Config.from_pretrained(tmp_path)
    config.num_codevectors_per_group, config.codevector_dim, config.proj_codevector_dim = 4, 8, 8
    Wav2Vec2ForPreTraining(config).save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    del state["wav2vec2.masked_spec_embed"]
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    encoder = read(tmp_path, "wav2vec2")
    assert encoder.classifier is None
    assert not encoder.model.masked_spec_embed.any()
    del state["wav2vec2.encoder.layers.1.feed_forward.output_dense.weight"]
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"they lack encoder\.layers\.1\.feed_forward\.output_dense\.weight"):
        read(tmp_path, "wav2vec2")


def test_windows_that_the_network_does_not_hear(saved, tmp_path):
    assert read(saved["ast"], "ast").hearing.windowing.seconds == 0.64
    with pytest.raises(UserError, match=r"hears 0\.64 s and drops the rest"):
        read(saved["ast"], "ast", seconds=0.68)
    wide = save(tmp_path, "hubert", conv_kernel=(10, 3, 12))
    with pytest.raises(UserError, match=r"seconds=0\.014 is too short for .*, which needs at least 0\.015 s"):
        read(wide, "hubert", seconds=0.014)
    encoder = read(wide, "hubert", seconds=0.015)
    assert encoder.prefix(5)(front(encoder, sounds(240)))["features"].shape == (3, 48)
    windowing = read(saved["hubert"], "hubert", seconds=2.0, hop=1.0, windows=3).hearing.windowing
    assert (windowing.rate, windowing.seconds, windowing.hop, windowing.most) == (16_000, 2.0, 1.0, 3)
    with pytest.raises(UserError, match=r"encoder\.hop is for sound, which encoder\.family=clip does not hear"):
        EncoderSettings(family="clip", name="x", hop=1.0)
    with pytest.raises(UserError, match=r"encoder\.windows=0 must be above 0"):
        EncoderSettings(family="ast", name="x", windows=0)


def test_an_extractor_that_is_not_the_networks(tmp_path):
    directory = save(tmp_path, "ast")
    config = json.loads((directory / "preprocessor_config.json").read_text())
    (directory / "preprocessor_config.json").write_text(json.dumps({**config, "max_length": 128}))
    with pytest.raises(UserError, match="max_length=128, and the network 64"):
        read(directory, "ast")
    (directory / "preprocessor_config.json").write_text(json.dumps({**config, "sampling_rate": 8000}))
    with pytest.raises(UserError, match="asks for 8000 Hz, not 16000"):
        read(directory, "ast")
    (directory / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match=r"has no preprocessor_config\.json"):
        read(directory, "ast")


@pytest.fixture
def wavlm(tmp_path):
    """A network of a family that is not cut."""
    settings = build("wav2vec2").config.to_dict()
    own = {name: value for name, value in settings.items() if name not in ("model_type", "architectures")}
    torch.manual_seed(0)
    WavLMForSequenceClassification(WavLMConfig(**own, num_buckets=8)).save_pretrained(tmp_path)
    save(tmp_path / "other", "wav2vec2")
    (tmp_path / "other" / "preprocessor_config.json").rename(tmp_path / "preprocessor_config.json")
    return tmp_path


def test_another_network_in_several_threads_catches_what_is_its_own(wavlm):
    encoder = read(wavlm, "audio", seconds=0.05)
    prefix = encoder.prefix(1)
    batches = [{"waveform": torch.randn(1, 800, generator=torch.Generator().manual_seed(i))} for i in range(40)]
    wanted = [prefix(batch)["features"] for batch in batches]
    with ThreadPoolExecutor(2) as pool:
        found = [out["features"] for out in pool.map(prefix, batches)]
    assert all(torch.equal(ours, alone) for ours, alone in zip(found, wanted, strict=True))
    assert (wanted[0] - wanted[1]).abs().max() > 1e-3


def test_another_network_is_used_in_one_piece(wavlm):
    tmp_path = wavlm
    encoder = read(tmp_path, "audio")
    model = AutoModelForAudioClassification.from_pretrained(tmp_path).eval()
    entering = front(encoder, sounds(8000))
    caught = []
    model.classifier.register_forward_pre_hook(lambda _, args: caught.append(args[0]))
    with torch.no_grad():
        whole = model(entering["waveform"]).logits
        out = encoder.prefix(encoder.cut_for("head"))(entering)
    assert (encoder.classifier(out) - whole).abs().max() <= 1e-5
    assert (out["features"] - caught[0]).abs().max() <= 1e-5
    assert encoder.dim == 12
    assert encoder.labels == LABELS
    tail = encoder.tail(encoder.cut_for("all"))
    tail(entering)["features"].sum().backward()
    assert encoder.model.classifier.weight.grad is None
    with pytest.raises(UserError, match="can't be cut into blocks"):
        encoder.cut_for(1)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("config.json", "{", r"config\.json is no JSON"),
        ("config.json", "[1]", r"config\.json holds no JSON object"),
        ("config.json", "\xff", r"config\.json is no JSON"),
        ("preprocessor_config.json", "oops", r"preprocessor_config\.json is no JSON"),
        ("preprocessor_config.json", "[]", r"preprocessor_config\.json holds no JSON object"),
    ],
)
@pytest.mark.parametrize("family", ["hubert", "audio"])
def test_settings_of_a_model_that_are_damaged(tmp_path, name, text, problem, family):
    directory = save(tmp_path, "hubert")
    (directory / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=problem):
        read(directory, family)


def test_an_extractor_that_is_not_for_sound(tmp_path):
    directory = save(tmp_path, "hubert")
    (directory / "preprocessor_config.json").write_text("{}")
    with pytest.raises(UserError, match="is not one for sound"):
        load_extractor(CLIPImageProcessor, directory)


def test_an_ast_is_pointed_to_its_own_family(saved):
    with pytest.raises(UserError, match=r"holds an AST; set encoder\.family=ast"):
        read(saved["ast"], "audio")
    with pytest.raises(UserError, match="another model than HuBERT"):
        read(saved["wav2vec2"], "hubert")
