"""Callbacks by name: their settings are typed, what is unknown is told with what there is, none is imported unused."""

import pickle
import subprocess
import sys

import pytest

from thawline.errors import UserError
from thawline.fitting.named.callbacks import CALLBACKS, CallbackSettings, EmaSettings, callbacks_of, check_callbacks
from thawline.fitting.settings import GradientSettings

METHOD = GradientSettings(name="x", head="linear", epochs=10, batch_size=4, lr=0.1, patience=3)


def test_settings_are_typed_and_what_is_null_is_left_out():
    chosen = check_callbacks({"ema": {"decay": 0.9}, "lr_monitor": {}, "timer": None})
    assert chosen == {"ema": EmaSettings(decay=0.9), "lr_monitor": CallbackSettings()}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"emma": {}}, "there is no callback 'emma'; there are early_stopping, ema, gradient_norm, .*, swa, timer$"),
        ({"ema": {"decai": 0.9}}, "callbacks.ema has no setting 'decai'; it takes decay, warmup, update_every"),
        ({"lr_monitor": {"every": 1}}, "callbacks.lr_monitor has no setting 'every'; it takes none$"),
        ({"ema": 0.9}, "callbacks.ema=0.9 must hold its settings, or null; it takes decay,"),
        (
            {"ema": {"decay": "much"}},
            "callbacks.ema.decay: Value 'much' of type 'str' could not be converted to Float$",
        ),
        ({"ema": {"decay": 1.0}}, "callbacks.ema.decay=1.0 must be above 0 and below 1$"),
        ({"ema": {"update_every_n_steps": 0}}, "callbacks.ema.update_every_n_steps=0 must be at least 1$"),
        ({"swa": {"start": 1.0}}, "callbacks.swa.start=1.0 must be at least 0 and below 1$"),
        ({"swa": {"lr": 0.0}}, "callbacks.swa.lr=0.0 must be above 0, or null$"),
        (
            {"early_stopping": {"monitor": "loss"}},
            "early_stopping.monitor=loss is not known; use inner_loss or inner_acc",
        ),
        ({"early_stopping": {"patience": 0}}, "callbacks.early_stopping.patience=0 must be at least 1, or null$"),
        ({"timer": {"minutes": 0}}, "callbacks.timer.minutes=0.0 must be above 0$"),
        ({"lr_finder": {"max_lr": 1e-9}}, "callbacks.lr_finder.max_lr=1e-09 must be above min_lr=1e-06$"),
        ({"lr_finder": {"steps": 3}}, "callbacks.lr_finder.steps=3 must be at least 20$"),
        ({"ema": {}, "swa": {}}, "callbacks ema and swa both say which weights are kept"),
    ],
)
def test_what_can_not_be_called_is_one_sentence(given, said):
    with pytest.raises(UserError, match=said):
        check_callbacks(given)


def test_a_refit_has_all_but_those_that_decide_when_it_ends():
    chosen = check_callbacks({name: {} for name in CALLBACKS if name != "swa"})
    made = callbacks_of(chosen, METHOD, refit=False)
    assert [type(each).__name__ for each in made] == [
        "Ema",
        "EarlyStopping",
        "Timer",
        "LearningRateMonitor",
        "GradientNorm",
    ]
    refit = callbacks_of(chosen, METHOD, refit=True)
    assert [type(each).__name__ for each in refit] == ["Ema", "LearningRateMonitor", "GradientNorm"]
    # As they travel to the processes of DDP.
    assert len(pickle.dumps(made)) > 100


def test_callbacks_are_checked_without_importing_what_they_name():
    code = (
        "import sys; from thawline.fitting.named.callbacks import check_callbacks; check_callbacks({'ema': {}}); "
        "print({'torch', 'lightning'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
