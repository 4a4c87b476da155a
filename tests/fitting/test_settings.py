import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.errors import UserError
from thawline.fitting.settings import DebugSettings, GradientSettings, LogisticSettings, TrainerSettings

GRADIENT = {"name": "x", "head": "linear", "epochs": 10, "batch_size": 4, "lr": 0.1, "patience": 1}
NAN = float("nan")


def gradient(**changes):
    return GradientSettings(**{**GRADIENT, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lr": 0.0}, "method.lr=0.0 must be above 0"),
        ({"lr": NAN}, "method.lr=nan must be above 0"),
        ({"body_lr": -0.1}, "method.body_lr=-0.1 must be at least 0"),
        ({"head": "prompts", "body_lr": 0.1}, "body_lr is for a new head"),
        ({"layer_decay": 0.0}, "method.layer_decay=0.0 must be above 0 and at most 1"),
        ({"layer_decay": 1.01}, "method.layer_decay=1.01 must be above 0 and at most 1"),
        ({"warmup": -1.0}, "method.warmup=-1.0 must be at least 0 and less than method.epochs=10"),
        ({"warmup": 10.0}, "method.warmup=10.0 must be at least 0 and less than method.epochs=10"),
        ({"warmup": NAN}, "method.warmup=nan must be at least 0"),
        ({"schedule": "linear"}, "method.schedule=linear is not known; use one of constant, cosine"),
        ({"batch_norm": "eval"}, "method.batch_norm=eval is not known; use one of frozen, train"),
        ({"label_smoothing": 1.0}, "method.label_smoothing=1.0 must be at least 0 and below 1"),
        ({"label_smoothing": -0.1}, "method.label_smoothing=-0.1 must be at least 0 and below 1"),
        ({"class_weights": "inverse"}, "method.class_weights=inverse is not known; use balanced or null"),
        ({"head": "prompts", "loss": "contrastive", "label_smoothing": 0.1}, "are for method.loss=cross_entropy"),
        ({"head": "prompts", "loss": "contrastive", "class_weights": "balanced"}, "are for method.loss=cross_entropy"),
        ({"loss": "contrastive"}, "need method.head=prompts, not linear"),
        ({"train_text": True}, "need method.head=prompts, not linear"),
        ({"penalty": "per_photo"}, "method.penalty=per_photo is not known"),
        ({"penalty": -0.5}, "method.penalty=-0.5 must be at least 0"),
        ({"penalty": -1}, "method.penalty=-1 must be at least 0"),
        ({"weight_decay": -0.1}, "method.weight_decay=-0.1 must be at least 0"),
        ({"dropout": 1.0}, "method.dropout=1.0 must be at least 0 and below 1"),
        ({"epochs": 0}, "method.epochs=0 must be at least 1"),
        ({"optimiser": "adammw"}, "method.optimiser=adammw is not known; use one of .*adamw"),
        ({"optimiser_settings": {"momentum": 0.9}}, "method.optimiser=adamw has no setting 'momentum'; "),
        ({"gradient_clip_val": 0.0}, "method.gradient_clip_val=0.0 must be above 0; null clips nothing"),
        ({"gradient_clip_val": NAN}, "method.gradient_clip_val=nan must be above 0"),
        ({"gradient_clip_algorithm": "l2"}, "method.gradient_clip_algorithm=l2 is not known; use one of norm, value"),
        ({"accumulate_grad_batches": 0}, "method.accumulate_grad_batches=0 must be at least 1"),
    ],
)
def test_what_a_gradient_method_cannot_do_is_refused(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        gradient(**changes)


def test_the_borders_of_the_ranges_are_taken():
    gradient(layer_decay=1.0, warmup=9.99, label_smoothing=0.0, body_lr=0.0, dropout=0.0, penalty=0.0)
    gradient(schedule="cosine", class_weights="balanced", batch_norm="train", label_smoothing=0.99)


@pytest.mark.parametrize(
    ("changes", "rate"),
    [({}, 0.01), ({"body_lr": 0.3}, 0.3), ({"body_lr": 0.0}, 0.0), ({"head": "prompts"}, 0.1)],
)
def test_the_uppermost_pretrained_stage_learns_at_a_tenth_unless_told_or_under_prompts(changes, rate):
    assert gradient(**changes).top_lr == pytest.approx(rate)


@pytest.mark.parametrize("key", ["warm_up", "scheduler", "mixup"])
def test_unknown_keys_are_refused(key):
    with pytest.raises(OmegaConfBaseException, match=key):
        OmegaConf.merge(OmegaConf.structured(GradientSettings), {**GRADIENT, key: 1})


@pytest.mark.parametrize("given", [0.01, "per_class", None])
def test_a_penalty_from_the_command_line_is_a_number_or_a_word(given):
    config = OmegaConf.merge(OmegaConf.structured(GradientSettings), {**GRADIENT, "penalty": given})
    assert OmegaConf.to_object(config).penalty == given


def test_the_penalty_may_be_a_whole_number():
    config = OmegaConf.merge(OmegaConf.structured(GradientSettings), {**GRADIENT, "penalty": 1})
    assert OmegaConf.to_object(config).penalty == 1.0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"accelerator": "tpu"}, "trainer.accelerator=tpu is not known"),
        ({"precision": "16"}, "trainer.precision=16 is not known"),
        ({"threads": 0}, "trainer.threads=0 must be at least 1"),
        ({"devices": 0}, "trainer.devices=0 must be at least 1"),
        ({"workers": -1}, "trainer.workers=-1 must be at least 0"),
    ],
)
def test_what_the_trainer_cannot_do_is_refused(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainerSettings(**{"accelerator": "cpu", **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 0}, "debug.epochs=0 must be at least 1"),
        ({"limit_batches": 0}, "debug.limit_batches=0 must be at least 1"),
        ({"profiler": "pytorch"}, "debug.profiler=pytorch is not known; use simple, advanced or null"),
    ],
)
def test_what_debugging_cannot_do_is_refused(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        DebugSettings(**changes)


@pytest.mark.parametrize(("changes", "sentence"), [({"c": []}, "must list"), ({"folds": 1}, "must be at least 2")])
def test_what_logistic_regression_cannot_do_is_refused(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        LogisticSettings(**{"name": "x", "head": "linear", "c": [1.0], **changes})
