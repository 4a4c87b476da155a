"""Few-shot methods beside the code of their papers."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from tests.fitting.conftest import ArrayRows

from thawline.errors import UserError
from thawline.fitting.auto import AutoSettings
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.few_shot import ClapSettings, SSTextSettings
from thawline.fitting.heads.head import ProbeHead, PromptHead
from thawline.fitting.methods.clap import fit_clap
from thawline.fitting.methods.gda import fit_gda
from thawline.fitting.methods.ss_text import fit_ss_text
from thawline.fitting.settings import GaussianSettings, GradientSettings, LogisticSettings
from thawline.fitting.tail import Tail, predict

SCALE, DIM, CLASSES = 20.0, 16, 3
CLAP = ClapSettings(name="clap", head="probe", steps=300, lr=0.1)
SS_TEXT = SSTextSettings(name="ss_text", head="probe")
GDA = GaussianSettings(name="gda_zero_shot", head="probe", shrinkage=[0.7], folds=3)
METHODS = pytest.mark.parametrize(
    ("fit", "settings"), [(fit_clap, CLAP), (fit_ss_text, SS_TEXT), (fit_gda, GDA)], ids=["clap", "ss_text", "gda"]
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
    tail = Tail(Stages(), ProbeHead.of(prompts()))
    found = fit(tail, train, None, settings, 0)
    again = Tail(Stages(), ProbeHead.of(prompts()))
    again.load_state_dict(found.state)
    return again, found.chosen


def accuracy(tail, samples):
    return float((predict(tail, samples).argmax(axis=1) == samples.targets).mean())


def test_a_probe_that_is_not_fitted_says_what_zero_shot_says():
    samples = drawn(30, 1)
    wanted = predict(Tail(Stages(), prompts()), samples)
    np.testing.assert_allclose(predict(Tail(Stages(), ProbeHead.of(prompts())), samples), wanted, atol=1e-6)


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
    if fit is fit_gda:  # what is held out counts once, whatever its weight
        settings = GaussianSettings(name="gda_zero_shot", head="probe", shrinkage=[0.7], folds=20)
        heavy = FeatureSet(heavy.rows, heavy.indices, heavy.targets, heavy.targets, weights=heavy.weights)
        train = FeatureSet(train.rows, train.indices, train.targets, train.targets)
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


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ClapSettings(name="clap", head="linear", steps=1, lr=1.0), "use method.head=probe"),
        (lambda: ClapSettings(name="clap", head="probe", steps=0, lr=1.0), "method.steps=0 must be at least 1"),
        (lambda: ClapSettings(name="clap", head="probe", steps=1, lr=0.0), "method.lr=0.0 must be above 0"),
        (lambda: SSTextSettings(name="ss_text", head="probe", text="some"), "method.text=some is not known"),
        (lambda: SSTextSettings(name="ss_text", head="probe", text=0), "method.text=0 must be above 0"),
        (lambda: AutoSettings(name="auto"), "must name methods to choose from, each once"),
        (lambda: AutoSettings(name="auto", methods=["auto", "gda"]), "must name methods to choose from"),
        (lambda: AutoSettings(name="auto", methods=["gda"], folds=1), "method.folds=1 must be at least 2"),
        (lambda: GaussianSettings(name="gda", head="mlp", shrinkage=[0.5]), "use linear, or probe"),
        (lambda: LogisticSettings(name="logistic", head="probe", c=[1.0]), "use linear"),
        (
            lambda: GradientSettings(name="linear", head="probe", epochs=1, batch_size=1, lr=1.0, patience=1),
            "method=linear takes linear or mlp",
        ),
    ],
)
def test_what_does_not_suit_is_refused(make, sentence):
    with pytest.raises(UserError, match=sentence):
        make()
