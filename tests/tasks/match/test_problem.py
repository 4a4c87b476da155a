"""Real pairs through real encoders: what is read, fitted and said of them."""

import dataclasses
import json

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from tests.tasks.match.conftest import gradient
from torch import nn

from thawline.data.photos.augmentation import AugmentationSettings
from thawline.decisions.threshold import DecisionSettings, fit_threshold
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.fitting.fit import fit_fold
from thawline.fitting.lightning.optimiser import parameter_groups
from thawline.fitting.methods import FittedTail
from thawline.fitting.predict import predict_fold
from thawline.fitting.settings import TrainerSettings, ZeroShotSettings
from thawline.fitting.tail import predict
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.samples.pairs import make_pairs
from thawline.tasks.capabilities import examine
from thawline.tasks.match.fitted import ZERO_SHOT_THRESHOLD, cosines
from thawline.tasks.match.module import MatchModule
from thawline.tasks.match.read import read_match
from thawline.tasks.match.settings import PairsSettings
from thawline.tasks.match.tail import PairTail, Towers
from thawline.tasks.planning import how_to_fit, plan_run
from thawline.tasks.settings import RunSettings

CPU = torch.device("cpu")
STEPS, BATCH = 8, 12
CLIP = EncoderSettings(family="clip", name="package:tiny_clip")
SMALL = {"width": 16, "layers": 1, "heads": 2, "buckets": 200, "longest": 24, "dropout": 0.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the pairs, random weights and a store lie."""
    folder = tmp_path_factory.mktemp("match")
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", num_classes=0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics that matter: those of a trained network are not 0 and 1
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    save_file(network.state_dict(), folder / "test_resnet.safetensors")
    return folder


@pytest.fixture(scope="module")
def file(folder):
    return make_pairs(folder / "products", pictures=40, seed=3).file


@pytest.fixture(scope="module")
def run_of(folder, file):
    """Settings of a run over the pairs."""

    def make(*, scratch=False, path=None, thaw=None, dropout=0.0, augmentation=None, **method):
        resnet = EncoderSettings(family="timm", name="x", model="test_resnet", weights=str(folder), size=64)
        text = EncoderSettings(family="scratch", name="scratch", model_args={**SMALL, "dropout": dropout})
        return RunSettings(
            task="match",
            data=PairsSettings(path=str(path or file)),
            encoder=resnet if scratch else CLIP,
            text=text if scratch else None,
            augmentation=augmentation or AugmentationSettings(name="none"),
            method=gradient(**{"hidden": 8, "epochs": 3, **method}),
            trainer=TrainerSettings(accelerator="cpu"),
            logger=LoggerSettings(name="csv"),
            store=StoreSettings(dir=str(folder / "store")),
            paths=PathsSettings(),
            thaw=thaw,
        )

    return make


def fitting(settings, run):
    return how_to_fit(settings, run, CPU, None)


def train(problem, tail, samples):
    """A few steps of the run's own optimiser; the logits of each step."""
    module = MatchModule(problem, samples, tail)
    how = module.configure_optimizers()
    optimiser, scheduler = how["optimizer"], how["lr_scheduler"]["scheduler"]
    module.train()
    order = np.random.default_rng(0).permutation(len(samples))
    seen = []
    for step in range(STEPS):
        batch = samples[order[(step * BATCH + np.arange(BATCH)) % len(order)]]
        optimiser.zero_grad()
        out = module.step(batch)
        out["loss"].backward()
        optimiser.step()
        scheduler.step()
        seen.append(out["output"].detach()[:, 1])
    return torch.stack(seen)


@pytest.mark.parametrize(
    ("scratch", "thaw", "loss"),
    [
        (False, "projection", "sigmoid"),
        (False, "projection", "infonce"),
        (False, 1, "siglip"),
        (False, 2, "triplet"),
        (True, "head", "sigmoid"),
        (True, 1, "infonce"),
    ],
)
def test_steps_from_the_store_give_the_logits_of_both_whole_networks(run_of, scratch, thaw, loss):
    how = {"weight_decay": 0.01, "layer_decay": 0.7, "penalty": 0.1, "lr": 1e-4}
    from_store = read_match(run_of(scratch=scratch, thaw=thaw, loss=loss, **how), CPU)
    # From the pixels and the tokens up; what lies below the thaw lines is frozen, as in any usual fine-tune.
    whole = read_match(run_of(scratch=scratch, thaw="all", loss=loss, **how), CPU)
    indices = np.arange(0, len(whole.labels), 2)
    tail = from_store.tail()
    full = PairTail(Towers(whole.pretrained.image.tail(0), whole.tail().stages.text), from_store.tail().head)
    full.load_state_dict({**full.state_dict(), **{f"head.{n}": t for n, t in tail.head.state_dict().items()}})
    if scratch:
        full.stages.text.load_state_dict(tail.stages.text.state_dict())
    for mine, theirs in ((tail.stages.image, full.stages.image), (tail.stages.text, full.stages.text)):
        below = len(getattr(theirs, "stages", theirs)) - len(getattr(mine, "stages", mine))
        for number, stage in enumerate(getattr(theirs, "stages", theirs)):
            stage.requires_grad_(number >= below)
    trains = [sum(p.numel() for p in one.parameters() if p.requires_grad) for one in (tail, full)]
    assert trains[0] == trains[1] > 0

    before = {name: p.detach().clone() for name, p in tail.named_parameters() if p.requires_grad}

    a = train(from_store, tail, from_store.samples(indices))
    b = train(whole, full, whole.samples(indices))
    assert (a - b).abs().max() <= 1e-5 * max(1.0, a.abs().max().item())
    after = dict(tail.named_parameters())
    # All of it did train, but the bias where the loss has none.
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still <= ({"head.bias"} if loss == "infonce" else set())


def test_what_is_new_learns_at_lr_and_what_was_pretrained_at_its_own_rate(run_of):
    settings = run_of(scratch=True, thaw=1, lr=1e-2, body_lr=1e-4)
    tail = read_match(settings, CPU).tail()
    rate = {id(p): group["lr"] for group in parameter_groups(tail, settings.method) for p in group["params"]}
    assert {rate[id(p)] for p in tail.stages.image.parameters() if p.requires_grad} == {1e-4}
    assert {rate[id(p)] for part in (tail.stages.text, tail.head) for p in part.parameters()} == {1e-2}
    settings = run_of(thaw=1, lr=1e-2, layer_decay=0.5)
    tail = read_match(settings, CPU).tail()
    groups = parameter_groups(tail, settings.method)
    # Of each tower a block, the pooling's norm and the projection; without body_lr all of it at lr.
    assert [group["lr"] for group in groups] == pytest.approx([2.5e-3, 5e-3, 1e-2, 2.5e-3, 5e-3, 1e-2, 1e-2])
    assert {id(p) for p in groups[-1]["params"]} == {id(tail.head.log_scale), id(tail.head.bias)}


def test_the_penalty_holds_pretrained_towers_and_lets_go_of_new_ones(run_of):
    problem = read_match(run_of(scratch=True, thaw=1, penalty=0.5), CPU)
    samples = problem.samples(np.arange(20))
    module = MatchModule(problem, samples)
    trained = [p for p in module.tail.stages.image.parameters() if p.requires_grad]
    with torch.no_grad():
        for p in module.tail.stages.text.parameters():
            p += 1.0
        assert module._distance() == 0
        trained[0] += 1.0
    assert module._distance().item() == pytest.approx(0.5 * trained[0].numel(), rel=1e-4)


def test_dropout_of_a_new_text_tower_is_on_in_training_and_off_in_saying(run_of):
    problem = read_match(run_of(scratch=True, dropout=0.5), CPU)
    samples = problem.samples(np.arange(30))
    tail = problem.tail()
    assert np.array_equal(predict(tail, samples), predict(tail, samples))
    module = MatchModule(problem, samples, tail)
    module.on_train_start()
    features, _ = samples[np.arange(30)]
    assert (module(features) - module(features)).abs().max() > 1e-3
    assert not tail.stages.image.training  # a frozen network's BatchNorm stays as it is
    module.eval()
    assert torch.equal(module(features), module(features))


def test_the_same_seed_gives_the_same_bits(run_of, tmp_path):
    settings = run_of(scratch=True, dropout=0.2)
    problem = read_match(settings, CPU)
    (fold,) = plan_run(problem, settings)
    states = [fit_fold(problem, fold, fitting(settings, tmp_path / name)).state for name in ("a", "b")]
    assert all(torch.equal(states[0][name], tensor) for name, tensor in states[1].items())
    seeded = dataclasses.replace(settings, seed=1)
    other = fit_fold(dataclasses.replace(problem, settings=seeded), fold, fitting(seeded, tmp_path / "c")).state
    assert not torch.equal(other["head.image.layer.weight"], states[0]["head.image.layer.weight"])


def test_pretrained_clip_says_match_from_its_best_inner_threshold_on(run_of, tmp_path):
    settings = dataclasses.replace(run_of(), method=ZeroShotSettings(name="zero_shot", head="prompts"))
    alone, against = read_match(settings, CPU), read_match(run_of(epochs=1), CPU)
    (fold,) = plan_run(against, against.settings)
    inner = fitting(against.settings, tmp_path).inner_fold(against, fold)
    fit = fit_fold(against, fold, fitting(against.settings, tmp_path / "pairs"))
    tail = against.zero_shot(fit)
    held = against.samples(inner.test)
    best = fit_threshold(cosines(tail, held), held.targets, DecisionSettings(), lowest=-1.0)
    assert fit.chosen[ZERO_SHOT_THRESHOLD] == best.value
    test = against.samples(fold.test)
    expected = cosines(tail, test) >= best.value
    said = predict_fold(against, fold, fit, CPU)
    assert said.baseline.tolist() == expected.astype(int).tolist()
    assert 0 < expected.mean() < 1
    assert (against.baseline, alone.baseline) == ("zero-shot", "majority class")
    # As the method itself: the same network, its threshold from the whole training side, on which nothing was trained.
    own = fit_fold(alone, fold, fitting(settings, tmp_path / "alone"))
    assert alone.zero_shot(own) is None
    assert (
        predict_fold(alone, fold, own, CPU).decided.tolist()
        == alone.answers(predict_fold(alone, fold, own, CPU).probabilities, own).tolist()
    )
    train_side = alone.samples(fold.train)
    assert own.chosen["threshold"]["attained"] == pytest.approx(
        fit_threshold(cosines(alone.tail(), train_side), train_side.targets, DecisionSettings(), lowest=-1.0).attained
    )


def test_the_answer_is_the_thresholds_and_not_the_more_probable_one(run_of):
    problem = read_match(run_of(), CPU)
    fit = FittedTail({}, {"threshold": {"value": 0.7, "balance": "precision", "attained": 0.9, "held": True}})
    probabilities = np.array([[0.4, 0.6], [0.3, 0.7], [0.25, 0.75]], dtype=np.float32)
    assert problem.answers(probabilities, fit).tolist() == [0, 0, 1]  # 0.7 in single precision is a little less


def test_a_pair_has_its_images_and_its_texts_features(run_of):
    problem = read_match(run_of(), CPU)
    indices = np.array([7, 0, 7])
    batch, targets = problem.samples(indices)[np.arange(3)]
    assert targets.tolist() == problem.labels[indices].tolist()
    assert all(torch.equal(tensor[0], tensor[2]) for tensor in batch.values())
    pretrained = problem.pretrained
    pair = problem.pairs[7]
    with torch.no_grad():
        (text,) = pretrained.text.prefix(len(pretrained.text.stages))(pretrained.tokenize([pair.text]))["features"]
        joined = problem.tail().stages(batch)["features"][0]
    torch.testing.assert_close(joined[pretrained.image.dim :], text, atol=1e-5, rtol=0)
    assert batch["pair.image"][1] == problem.surveyed.checked.images[0]
    assert batch["pair.text"][1] == problem.surveyed.checked.texts[0]


def test_views_are_of_images_and_pixels_are_varied_as_they_are_asked_for(run_of):
    jitter = AugmentationSettings(name="x", views=2, jitter=[0.2, 0.2, 0.0, 0.0], average=True)
    stored = read_match(run_of(augmentation=jitter), CPU)
    pixels = read_match(run_of(augmentation=jitter, thaw="all"), CPU)
    assert (len(stored.views), len(pixels.views)) == (2, 0)
    each = [pixels.judged(np.arange(6)), stored.judged(np.arange(6))]
    assert [len(views) for views in each] == [3, 3]
    tails = (
        pixels.zero_shot(FittedTail({}, {ZERO_SHOT_THRESHOLD: 0.0})),
        stored.zero_shot(FittedTail({}, {ZERO_SHOT_THRESHOLD: 0.0})),
    )
    for number in range(3):
        # View 1 of a stored photo is view 1 of its stored pixels.
        a, b = (cosines(tail, views[number]) for tail, views in zip(tails, each, strict=True))
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert np.abs(cosines(tails[1], each[1][0]) - cosines(tails[1], each[1][1])).max() > 1e-3


def test_no_image_and_no_text_is_on_two_sides(run_of, tmp_path):
    settings = dataclasses.replace(run_of(), cv=3)
    problem = read_match(settings, CPU)
    assert problem.grouping.whole
    images = np.array([pair.image for pair in problem.pairs])
    texts = np.array([pair.text for pair in problem.pairs])
    plan = plan_run(problem, settings)
    assert sorted(i for fold in plan for i in fold.test) == list(range(len(images)))
    for fold in plan:
        inner = fitting(settings, tmp_path).inner_fold(problem, fold)
        for a, b in ((fold.train, fold.test), (inner.train, inner.test), (inner.train, fold.test)):
            assert not set(images[a]) & set(images[b])
            assert not set(texts[a]) & set(texts[b])


def entangled(path, file, shared):
    """The same pairs, of which many share one of a few texts, so that components can't be split."""
    lines = file.read_text().splitlines()
    rows = [line.rsplit(",", 2) for line in lines[1:]]
    written = [lines[0]]
    for number, (front, label, difficulty) in enumerate(rows):
        image, text = front.split(",", 1)
        if number % shared == 0:
            text = f"any product of kind {'abcdef'[number // shared % 6]} at all"
        written.append(f"{image},{text},{label},{difficulty}")
    path.write_text("\n".join(written) + "\n")
    return path


def test_where_texts_are_shared_widely_pairs_stand_aside(run_of, file, tmp_path):
    path = entangled(file.parent / "entangled.csv", file, 9)
    settings = run_of(path=path)
    problem = read_match(settings, CPU)
    assert not problem.grouping.whole
    (fold,) = plan_run(problem, settings)
    inner = fitting(settings, tmp_path).inner_fold(problem, fold)
    images, texts = problem.surveyed.checked.images, problem.surveyed.checked.texts
    for a, b in ((fold.train, fold.test), (inner.train, inner.test), (inner.train, fold.test)):
        assert not set(images[a]) & set(images[b])
        assert not set(texts[a]) & set(texts[b])
    fit = fit_fold(problem, fold, fitting(settings, tmp_path))
    said = predict_fold(problem, fold, fit, CPU)
    examined = examine(problem, [(fold, fit)], said, CPU)
    assert examined["groups"] == "images"
    assert examined["set_aside"] == {"holdout": len(problem.labels) - len(fold.train) - len(fold.test)}
    assert examined["set_aside"]["holdout"] > 0


def test_a_side_that_is_left_without_a_label_is_refused(run_of):
    problem = read_match(run_of(), CPU)
    matches = np.flatnonzero(problem.labels == 1)
    with pytest.raises(UserError, match="there are no mismatches left to train on or to choose by; add pairs"):
        problem.apart(matches, matches[:0])


def test_pairs_that_share_an_image_or_a_text_with_a_run_are_found(run_of):
    settings = run_of()
    problem = read_match(settings, CPU)
    rows = problem.split_rows(plan_run(problem, settings))
    assert len({row.path for row in rows}) == len(rows) == len(problem.labels)
    assert rows[0].path == f"{problem.pairs[0].image} (row 2)"
    assert problem.pairs[0].text not in json.dumps([dataclasses.asdict(row) for row in rows])
    assert problem.related_to(rows).tolist() == list(range(len(rows)))
    of = [dataclasses.replace(rows[5], text="")]
    same_image = [i for i, pair in enumerate(problem.pairs) if pair.image == problem.pairs[5].image]
    assert problem.related_to(of).tolist() == same_image
    foreign = [dataclasses.replace(rows[5], digest="0" * 64, phash="")]
    same_text = [i for i, pair in enumerate(problem.pairs) if pair.text == problem.pairs[5].text]
    assert problem.related_to(foreign).tolist() == same_text
    assert problem.related_to([dataclasses.replace(foreign[0], text="")]).tolist() == []
