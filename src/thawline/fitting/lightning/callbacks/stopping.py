"""What ends a training before its last epoch."""

from datetime import timedelta

from thawline.fitting.lightning.callbacks.averaging import is_kept
from thawline.fitting.lightning.imported import L
from thawline.fitting.named.callbacks import EarlyStoppingSettings, TimerSettings
from thawline.fitting.settings import GradientSettings


class EarlyStopping(L.callbacks.EarlyStopping):
    """Lightning's, which looks at no epoch whose weights are not kept."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the epoch."""
        if is_kept(trainer):
            super().on_train_epoch_end(trainer, pl_module)


def early_stopping(own: EarlyStoppingSettings, method: GradientSettings) -> EarlyStopping:
    """Early stopping as a config states it."""
    patience = method.patience if own.patience is None else own.patience
    assert patience is not None  # noqa: S101  # the settings were checked
    return EarlyStopping(
        own.monitor,
        mode="min" if own.monitor == "inner_loss" else "max",
        patience=patience,
        min_delta=own.min_delta,
        stopping_threshold=own.stopping_threshold,
        divergence_threshold=own.divergence_threshold,
        check_finite=True,
    )


def timer(own: TimerSettings, method: GradientSettings) -> L.callbacks.Timer:  # noqa: ARG001  # as all are made
    """Lightning's timer, which looks at the end of each epoch."""
    return L.callbacks.Timer(timedelta(minutes=own.minutes), interval="epoch", verbose=False)
