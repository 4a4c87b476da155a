"""Few-shot methods beside the code of their papers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from tests.fitting.conftest import ArrayRows

from thawline.errors import UserError
from thawline.fitting.auto import AutoSettings
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.few_shot import ClapSettings, SSTextSettings, TipAdapterSettings, WiseFTSettings
from thawline.fitting.heads.cache import CacheHead
from thawline.fitting.heads.head import ProbeHead, PromptHead
from thawline.fitting.methods.clap import fit_clap
from thawline.fitting.methods.gda import fit_gda
from thawline.fitting.methods.ss_text import fit_ss_text
from thawline.fitting.methods.tip_adapter import fit_tip_adapter
from thawline.fitting.methods.wise_ft import fit_wise_ft
from thawline.fitting.settings import GaussianSettings, GradientSettings, LogisticSettings
from thawline.fitting.tail import Tail, predict

SCALE, DIM, CLASSES = 20.0, 16, 3
CLAP = ClapSettings(name="clap", head="probe", steps=300, lr=0.1)
SS_TEXT = SSTextSettings(name="ss_text", head="probe")
GDA = GaussianSettings(name="gda_zero_shot", head="probe", shrinkage=[0.7], folds=3)
TIP_ADAPTER = TipAdapterSettings(
    name="tip_adapter", head="cache", alpha=[1.0, 3.0], beta=[2.0, 5.0], epochs=20, lr=1e-3, folds=3
)
WISE_FT = WiseFTSettings(name="wise_ft", head="probe", steps=100, lr=0.1, alpha=[0.0, 0.5, 1.0], folds=3)
METHODS = pytest.mark.parametrize(
    ("fit", "settings"),
    [(fit_clap, CLAP), (fit_ss_text, SS_TEXT), (fit_gda, GDA), (fit_tip_adapter, TIP_ADAPTER), (fit_wise_ft, WISE_FT)],
    ids=["clap", "ss_text", "gda", "tip_adapter", "wise_ft"],
)


def drawn(n, seed, *, noise=1.5, classes=CLASSES):
    """Samples about one direction a class, as long as those of a CLIP, each a group of its own."""
    draw = np.random.default_rng(seed)
    targets = np.arange(n) % classes
    rows = 2 * (5 * directions()[targets] + noise * draw.normal(size=(n, DIM)))
    return FeatureSet(ArrayRows(rows.astype(np.float32)), np.arange(n), targets, np.arange(n))


def directions():
    return np.random.default_rng(99).normal(size=(CLASSES, DIM)) / np.sqrt(DIM) + 0.5


def prompts(noise=0.35):
    """Two prompts a class, which point about where its photos are."""
    draw = np.random.default_rng(5)
    texts = np.repeat(directions(), 2, axis=0) + noise * draw.normal(size=(2 * CLASSES, DIM))
    return PromptHead({"features": torch.from_numpy(8 * texts)}, torch.arange(CLASSES).repeat_interleave(2), SCALE)


class Stages(torch.nn.Module):
    def forward(self, features):
        return features


def fitted(fit, train, settings):
    """The fitted tail, and what was chosen."""
    kind = CacheHead if settings.head == "cache" else ProbeHead
    found = fit(Tail(Stages(), kind.of(prompts())), train, None, settings, 0)
    again = Tail(Stages(), kind.of(prompts()))
    again.load_state_dict(found.state)
    return again, found.chosen


def accuracy(tail, samples):
    return float((predict(tail, samples).argmax(axis=1) == samples.targets).mean())


@pytest.mark.parametrize("kind", [ProbeHead, CacheHead])
def test_a_head_that_is_not_fitted_says_what_zero_shot_says(kind):
    samples = drawn(30, 1)
    wanted = predict(Tail(Stages(), prompts()), samples)
    np.testing.assert_allclose(predict(Tail(Stages(), kind.of(prompts())), samples), wanted, atol=1e-6)


@METHODS
def test_twelve_photos_a_class_are_worth_more_than_its_prompts_alone(fit, settings):
    held = drawn(600, 7)
    zero_shot = accuracy(Tail(Stages(), prompts()), held)
    found = accuracy(fitted(fit, drawn(36, 2), settings)[0], held)
    assert found > zero_shot + 0.005
    assert zero_shot > 0.6


@METHODS
def test_a_photo_of_twice_the_weight_counts_as_two(fit, settings):
    train = drawn(12, 3)
    twice = np.append(np.arange(12), [0, 1, 2])
    heavy = FeatureSet(
        train.rows, train.indices, train.targets, train.groups, weights=np.where(np.arange(12) < 3, 2.0, 1.0)
    )
    if hasattr(settings, "folds"):  # what is held out counts once, whatever its weight
        heavy = FeatureSet(heavy.rows, heavy.indices, heavy.targets, heavy.targets, weights=heavy.weights)
        train = FeatureSet(train.rows, train.indices, train.targets, train.targets)
    if fit is fit_tip_adapter:  # AdamW's steps are the same however much a sample counts
        settings = replace(settings, epochs=0)
    (one, _), (two, _) = fitted(fit, heavy, settings), fitted(fit, train.subset(twice), settings)
    np.testing.assert_allclose(predict(one, drawn(30, 4)), predict(two, drawn(30, 4)), atol=1e-5)


def test_clap_is_what_the_authors_code_computes():
    train = drawn(24, 2)
    features, targets = torch.from_numpy(train.matrix()), torch.from_numpy(train.targets)
    head = prompts()
    start = head.class_embeddings().double() * head.prompt_features.double().norm(dim=-1).mean()
    unit = F.normalize(features, dim=-1)

    def logits(prototypes):
        return SCALE * unit @ F.normalize(prototypes, dim=-1).T

    one_hot = F.one_hot(targets).double()
    alpha = torch.diag(one_hot.T @ torch.softmax(logits(start), -1)) / one_hot.sum(0)
    prototypes = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.SGD([prototypes], lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 300)
    for _ in range(300):
        pull = torch.mean(alpha * (prototypes - start).pow(2).sum(-1))
        optimiser.zero_grad()
        (F.cross_entropy(logits(prototypes), targets) + pull).backward()
        optimiser.step()
        schedule.step()
    made, chosen = fitted(fit_clap, train, CLAP)
    wanted = torch.softmax(logits(prototypes), -1).detach().numpy()
    np.testing.assert_allclose(predict(made, train), wanted, atol=1e-4)
    np.testing.assert_allclose(chosen["pull"], alpha.numpy(), atol=1e-6)
    free, _ = fitted(fit_clap, train, ClapSettings(name="zs_lp", head="probe", steps=300, lr=0.1, constrained=False))
    assert np.abs(predict(free, train) - wanted).max() > 1e-3


@pytest.mark.parametrize(("text", "pull"), [("per_sample", 1 / 30), ("per_class", None), (0.25, 0.25)])
def test_ss_text_is_what_the_authors_solver_computes(text, pull):
    train = drawn(30, 2).subset(np.array([0, 1, 3, 4, 6, 7, 9, 2, 5] + [12] * 21))
    unit = F.normalize(torch.from_numpy(train.matrix()), dim=-1)
    one_hot = F.one_hot(torch.from_numpy(train.targets)).double()
    weight = 1 / one_hot.sum(0) if pull is None else torch.full((CLASSES,), pull)
    start = prompts().class_embeddings().double()
    solved = (1 / 30) * (1 / weight.clamp(min=1e-3)).unsqueeze(-1) * SCALE * (one_hot.T @ unit) + start
    made, _ = fitted(fit_ss_text, train, SSTextSettings(name="ss_text", head="probe", text=text))
    wanted = torch.softmax(SCALE * unit @ F.normalize(solved, dim=-1).T, -1)
    np.testing.assert_allclose(predict(made, train), wanted.numpy(), atol=1e-5)


def test_a_class_without_photos_keeps_its_text():
    train = drawn(30, 2)
    made, _ = fitted(fit_ss_text, train.subset(np.flatnonzero(train.targets < 2)), SS_TEXT)
    torch.testing.assert_close(made.head.weight[2], SCALE * prompts().class_embeddings()[2], rtol=1e-5, atol=1e-5)


def test_gda_is_added_to_zero_shot():
    train = drawn(48, 2)
    made, chosen = fitted(fit_gda, train, GDA)
    unit = F.normalize(torch.from_numpy(train.matrix()), dim=-1)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.7).fit(unit.numpy(), train.targets)
    said = chosen["scale"] * model.decision_function(unit.numpy())
    zero_shot = SCALE * unit @ prompts().class_embeddings().double().T
    wanted = torch.softmax(zero_shot + torch.from_numpy(said), -1)
    np.testing.assert_allclose(predict(made, train), wanted.numpy(), atol=1e-4)


def test_tip_adapter_is_what_the_authors_code_computes():
    train = drawn(24, 2)
    made, chosen = fitted(fit_tip_adapter, train, TIP_ADAPTER)
    unit = F.normalize(torch.from_numpy(train.matrix()), dim=-1)
    targets, alpha, beta = torch.from_numpy(train.targets), chosen["alpha"], chosen["beta"]
    values, zero_shot = F.one_hot(targets).double(), SCALE * unit @ prompts().class_embeddings().double().T
    adapter = torch.nn.Linear(DIM, 24, bias=False, dtype=torch.float64)
    adapter.weight = torch.nn.Parameter(unit.clone())
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=1e-3, eps=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 20)
    for _ in range(20):
        affinity = adapter(unit)
        optimiser.zero_grad()
        F.cross_entropy(zero_shot + ((-1) * (beta - beta * affinity)).exp() @ values * alpha, targets).backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        wanted = torch.softmax(zero_shot + ((-1) * (beta - beta * adapter(unit))).exp() @ values * alpha, -1)
    np.testing.assert_allclose(predict(made, train), wanted.numpy(), atol=1e-4)
    assert np.abs(made.head.keys.numpy() - unit.numpy()).max() > 1e-4
    assert chosen["inner_log_loss"][f"alpha {alpha:g}, beta {beta:g}"] == min(chosen["inner_log_loss"].values())


def test_wise_ft_lies_between_zero_shot_and_the_probe():
    train, texts = drawn(24, 2), SCALE * prompts().class_embeddings()
    ends = [
        fitted(fit_wise_ft, train, WiseFTSettings(name="w", head="probe", steps=100, lr=0.1, alpha=[alpha]))[0]
        for alpha in (0.0, 0.3, 1.0)
    ]
    zero_shot, between, probe = (one.head.weight for one in ends)
    free, _ = fitted(fit_clap, train, ClapSettings(name="c", head="probe", steps=100, lr=0.1, constrained=False))
    torch.testing.assert_close(zero_shot, texts, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(probe, free.head.weight, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(between, 0.7 * texts + 0.3 * probe, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ClapSettings(name="clap", head="linear", steps=1, lr=1.0), "use method.head=probe"),
        (lambda: ClapSettings(name="clap", head="probe", steps=0, lr=1.0), "method.steps=0 must be at least 1"),
        (lambda: ClapSettings(name="clap", head="probe", steps=1, lr=0.0), "method.lr=0.0 must be above 0"),
        (lambda: SSTextSettings(name="ss_text", head="probe", text="some"), "method.text=some is not known"),
        (lambda: SSTextSettings(name="ss_text", head="probe", text=0), "method.text=0 must be above 0"),
        (
            lambda: TipAdapterSettings(name="t", head="probe", alpha=[1.0], beta=[1.0], epochs=1, lr=1.0),
            "use method.head=cache",
        ),
        (
            lambda: TipAdapterSettings(name="t", head="cache", alpha=[0.0], beta=[1.0], epochs=1, lr=1.0),
            "method.alpha=.* all above 0",
        ),
        (lambda: WiseFTSettings(name="w", head="probe", steps=1, lr=1.0, alpha=[2.0]), "numbers from 0 to 1"),
        (lambda: AutoSettings(name="auto"), "must name methods to choose from, each once"),
        (lambda: AutoSettings(name="auto", methods=["auto", "gda"]), "must name methods to choose from"),
        (lambda: AutoSettings(name="auto", methods=["gda"], folds=1), "method.folds=1 must be at least 2"),
        (lambda: GaussianSettings(name="gda", head="mlp", shrinkage=[0.5]), "use linear, or probe"),
        (lambda: LogisticSettings(name="logistic", head="probe", c=[1.0]), "use linear"),
        (
            lambda: GradientSettings(name="linear", head="probe", epochs=1, batch_size=1, lr=1.0, patience=1),
            "method.head=probe is not for method=linear",
        ),
    ],
)
def test_what_does_not_suit_is_refused(make, sentence):
    with pytest.raises(UserError, match=sentence):
        make()
