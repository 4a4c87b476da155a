"""LoRA's matrices in the attention of each family: they begin at nothing, alone train, and end up in the weights."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from tests.encoders.conftest import save_clip, save_dino, save_siglip, save_vit

from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.few_shot import LoraSettings
from thawline.fitting.heads.head import DenseHead, PromptHead
from thawline.fitting.lightning import adapters
from thawline.fitting.lightning.classes import ClassesModule
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.methods.gradient import Course, fit_gradient
from thawline.fitting.settings import DebugSettings, TrainerSettings
from thawline.fitting.tail import Tail

pytest.importorskip("peft")
SAVE = {"clip": save_clip, "siglip": save_siglip, "vit": save_vit, "dinov2": save_dino, "dinov3": save_dino}
GIVEN = {"rank": 2, "alpha": 1, "dropout": 0.25, "steps": 500, "epochs": 20, "batch_size": 32, "lr": 2e-4}
LORA = LoraSettings(name="clip_lora", head="prompts", train_text=True, **GIVEN)


@pytest.fixture(scope="module", params=SAVE)
def encoder(request, tmp_path_factory):
    family = request.param
    more = (family,) if family.startswith("dino") else ()
    directory = SAVE[family](tmp_path_factory.mktemp(family), *more)
    return load(EncoderSettings(family=family, name=str(directory)), fresh=True)


@pytest.fixture
def make(encoder):
    """What enters a tail of one block of each tower, and such a tail, the same each time."""
    image = encoder.image if isinstance(encoder, ClipTowers) else encoder
    side = image.preprocessing.size
    pixels = torch.randint(0, 256, (6, 3, side, side), generator=torch.Generator().manual_seed(0)).to(torch.uint8)

    def tail():
        torch.manual_seed(1)
        stages = image.tail(image.cut_for(1))
        if not isinstance(encoder, ClipTowers):
            return Tail(stages, DenseHead(image.dim, 3))
        cut = encoder.cut_text(1)
        prompts = encoder.text.prefix(cut)(encoder.tokenize(["a photo", "the photo", "photos of a path"]))
        return Tail(stages, PromptHead(prompts, torch.arange(3), 10.0, encoder.text.tail(cut)))

    return image.prefix(image.cut_for(1))({"pixels": pixels}), tail


def trained(tail, entering):
    """`tail` after some steps at a high rate, and what it then says."""
    optimiser = torch.optim.AdamW([each for each in tail.parameters() if each.requires_grad], lr=0.05)
    tail.train()
    for _ in range(3):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(tail(entering), torch.arange(6) % 3).backward()
        optimiser.step()
    tail.eval()
    return tail(entering)


def test_they_begin_at_what_the_network_says_and_nothing_else_of_it_trains(make):
    entering, tail = make
    plain, added = tail().eval(), tail().eval()
    adapters.add_adapters(added, LORA)
    assert (added(entering) - plain(entering)).abs().max() < 1e-5
    names = {
        name for name, each in added.named_parameters() if each.requires_grad and not name.startswith("head.layers")
    }
    towers = 2 if isinstance(plain.head, PromptHead) else 1
    assert len(names) == 2 * 3 * towers  # A and B beside queries, keys and values of a block
    assert all(".lora_A." in name or ".lora_B." in name for name in names)
    new_head = sum(each.numel() for each in plain.head.parameters()) if towers == 1 else 0
    assert sum(each.numel() for each in added.parameters() if each.requires_grad) - new_head == sum(
        2 * (each.shape[0] + each.shape[1])
        for name, each in plain.named_parameters()
        if name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))
    )


def test_what_they_learnt_is_in_a_plain_tail_that_says_the_same(make):
    entering, tail = make
    added, plain = tail(), tail()
    before = plain.eval()(entering)
    adapters.add_adapters(added, LORA)
    said = trained(added, entering)
    assert (said - before).abs().max() > 0.01
    kept = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    plain.load_state_dict(adapters.merged_state(added))
    assert (plain(entering) - said).abs().max() < 1e-5
    changed = {name for name, tensor in plain.state_dict().items() if not torch.equal(tensor, kept[name])}
    attention = {name for name in changed if name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))}
    assert len(attention) in (3, 6)
    assert all(name.startswith("head.layers") for name in changed - attention)


def test_a_matrix_is_added_alpha_by_the_root_of_the_rank_times(make):
    entering, tail = make
    added, plain = tail(), tail()
    adapters.add_adapters(added, LORA)
    trained(added, entering)
    state, base = added.state_dict(), plain.state_dict()
    name = next(each for each in base if each.endswith("q_proj.weight"))
    stem = name.removesuffix(".weight")
    product = state[f"{stem}.lora_B.default.weight"] @ state[f"{stem}.lora_A.default.weight"]
    wanted = base[name] + product / math.sqrt(2)
    torch.testing.assert_close(adapters.merged_state(added)[name], wanted)


def test_their_dropout_is_on_in_training_alone(make):
    entering, tail = make
    added = tail()
    adapters.add_adapters(added, LORA)
    trained(added, entering)
    assert torch.equal(added(entering), added(entering))
    added.train()
    assert (added(entering) - added(entering)).abs().max() > 1e-4
    added.eval()
    assert torch.equal(added(entering), added(entering))


def test_a_checkpoint_holds_what_trains(make):
    _, tail = make
    module = ClassesModule(tail(), LORA, targets=torch.arange(6) % 3, seed=0)
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    parameters = {name for name, _ in module.named_parameters()}
    assert {name for name in checkpoint["state_dict"] if name in parameters} == {
        name for name, each in module.named_parameters() if each.requires_grad
    }
    assert not module.strict_loading


class CutError(Exception):
    pass


class Cut(ClassesModule):
    """Breaks off at a step."""

    at = None

    def training_step(self, batch, batch_idx):
        if self.global_step == self.at:
            raise CutError
        return super().training_step(batch, batch_idx)


class Rows:
    """What lies at the thaw line."""

    def __init__(self, entering):
        self._entering = entering

    def __getitem__(self, indices):
        return {name: tensor[torch.from_numpy(indices)] for name, tensor in self._entering.items()}


def test_a_training_that_was_cut_off_is_resumed_to_the_same_bits(make, tmp_path):
    entering, tail = make
    how = dataclasses.replace(LORA, epochs=3, batch_size=2, lr=0.01)
    samples = FeatureSet(Rows(entering), np.arange(6), np.arange(6) % 3, np.arange(6))

    def fit(directory, at=None):
        module = Cut(tail(), how, targets=torch.arange(6) % 3, seed=0)
        module.at = at
        course = Course(TrainerSettings(accelerator="cpu", checkpoint_every=1), DebugSettings(), torch.device("cpu"))
        return fit_gradient(module, TailData(samples, None, Feeding(2, seed=0)), how, course, directory)

    whole = fit(tmp_path / "whole")
    with pytest.raises(CutError):
        fit(tmp_path / "cut", at=5)
    resumed = fit(tmp_path / "cut")
    assert whole.chosen == resumed.chosen == {"epochs": 3}
    assert whole.state.keys() == tail().state_dict().keys()
    assert all(torch.equal(tensor, resumed.state[name]) for name, tensor in whole.state.items())


@pytest.mark.parametrize(
    ("samples", "classes", "passes"),
    # 24 photos make one batch, and 4 of a class 2,000 steps in 20 epochs; 160 make five, 16 of a class 8,000.
    [(24, 6, 100), (160, 10, 80), (6000, 6, 2), (100_000, 5, 1)],
)
def test_an_epoch_goes_over_the_photos_so_often_that_all_have_the_papers_steps(samples, classes, passes):
    assert LORA.passes(samples, classes) == passes
    assert dataclasses.replace(LORA, steps=0).passes(samples, classes) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rank": 0}, "method.rank=0 must be at least 1"),
        ({"alpha": 0}, "method.alpha=0 must be above 0"),
        ({"steps": -1}, "method.steps=-1 must be at least 0"),
        ({"dropout": 1.0}, "method.dropout=1.0 must be at least 0 and below 1"),
        ({"head": "mlp", "train_text": False}, "method.head=mlp is not for method=clip_lora; use prompts or linear"),
        ({"patience": 0}, "method.patience=0 must be at least 1"),
        (
            {"penalty": 0.1},
            "method.penalty draws pretrained weights back, which low-rank matrices leave as they are; use null, or "
            "method.weight_decay",
        ),
    ],
)
def test_what_it_can_not_do_is_refused(changes, sentence):
    with pytest.raises(UserError) as refused:
        LoraSettings(**{"name": "clip_lora", "head": "prompts", "train_text": True, **GIVEN, **changes})
    assert str(refused.value) == sentence


def test_without_peft_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("thawline.fitting.few_shot.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs peft, not installed; run: pip install 'thawline\[lora\]'"):
        LoraSettings(name="clip_lora", head="prompts", **GIVEN)
