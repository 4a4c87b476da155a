"""Which trials are fitted together is a function of their settings."""

from dataclasses import replace

import pytest

from thawline.commands.app import settings_of
from thawline.commands.line.composing import compose
from thawline.commands.sweeps.alike import MAY_DIFFER, Alike
from thawline.commands.sweeps.packing import alone_for, packs
from thawline.data.photos.augmentation import AugmentationSettings
from thawline.fitting.settings import DebugSettings, LogisticSettings, TrainerSettings


@pytest.fixture(scope="module")
def linear():
    return settings_of("train", ["data.path=photos", "encoder=tiny_clip", "logger=none", "method=linear"])


def test_small_tails_above_one_line_are_fitted_together(linear):
    assert packs(linear)
    given = {"lr": 0.5, "body_lr": 0.1, "layer_decay": 0.5, "warmup": 1.0, "schedule": "cosine", "weight_decay": 1.0}
    given |= {"penalty": 0.1, "label_smoothing": 0.1, "class_weights": "balanced", "dropout": 0.1}
    given |= {"epochs": 3, "patience": 2}
    assert {*(f"method.{key}" for key in given), "seed"} == MAY_DIFFER
    assert packs(replace(linear, seed=1, method=replace(linear.method, **given)))
    assert packs(replace(linear, thaw="projection", augmentation=AugmentationSettings(name="light", views=2, flip=0.5)))


@pytest.mark.parametrize(
    "other",
    [
        {"method": LogisticSettings(name="logistic", head="linear", c=[1.0])},
        {"thaw": 1},
        {"augmentation": AugmentationSettings(name="mixup", mixup=0.2)},
        {"debug": DebugSettings(name="limit", limit_batches=2)},
        {"debug": DebugSettings(name="profiler", profiler="simple")},
        {"trainer": TrainerSettings(accelerator="cpu", precision="bf16-mixed")},
        {"trainer": TrainerSettings(accelerator="cpu", threads=2)},
    ],
)
def test_what_else_is_asked_of_a_training_is_done_alone(linear, other):
    assert not packs(replace(linear, **other))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"optimiser": "sgd"}, "method.optimiser=sgd"),
        ({"optimiser_settings": {"eps": 1e-6}}, "method.optimiser_settings={'eps': 1e-06}"),
        ({"gradient_clip_val": 1.0}, "method.gradient_clip_val=1.0"),
        ({"accumulate_grad_batches": 2}, "method.accumulate_grad_batches=2"),
    ],
)
def test_steps_of_another_kind_are_taken_alone_and_it_is_known_why(linear, given, why):
    other = replace(linear, method=replace(linear.method, **given))
    assert not packs(other)
    assert alone_for(other) == why
    assert alone_for(linear) is None


def test_a_training_with_callbacks_is_run_alone(linear):
    other = replace(linear, callbacks={"ema": {"decay": 0.9}, "lr_monitor": {}})
    assert not packs(other)
    assert alone_for(other) == "callbacks=[ema,lr_monitor]"


@pytest.mark.usefixtures("linear")
def test_what_is_interpolated_from_what_differs_is_a_trials_own_or_the_trial_is_left_alone(tmp_path):
    base = ["data.path=photos", "encoder=tiny_clip", "logger=none", "method=linear"]

    def settings(*words):
        trials = {n: [*base, *words, f"method.epochs={epochs}"] for n, epochs in enumerate((8, 16))}
        found = Alike(tmp_path, lambda given: compose("train", given)).settings(trials)
        return {number: own.method for number, _, own in found}

    assert [(one.epochs, one.patience) for one in settings("method.patience=${method.epochs}").values()] == [
        (8, 8),
        (16, 16),
    ]
    # What else is interpolated may decide the data.
    assert [(n, one.hidden) for n, one in settings("method.hidden=${method.epochs}").items()] == [(0, 8)]
