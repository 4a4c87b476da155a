"""What a user can do after a run has ended: commands to copy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from thawline.fitting.fit import is_fitted
from thawline.fitting.folds import HOLDOUT, REFIT, fold_directory
from thawline.runs.directory import REFIT_WORD
from thawline.runs.finished import CORRECTIONS_FILE
from thawline.runs.signals import Stopped
from thawline.screen import as_word, say_next, say_whole


def say_after_training(console: Console, run: Path, fitted: Path) -> None:
    """Print what can be done with the finished run or sweep `run`, whose model is in the run directory `fitted`."""
    name = as_word(run)
    usable = any(is_fitted(fold_directory(fitted, fold)) for fold in (REFIT, HOLDOUT))
    of_model = [f"thawline export {name}", f"thawline evaluate {name} NEWDATA"]
    no_model = [f"thawline train {name} {REFIT_WORD}"]
    # What lies in a folder is compared by the labels that it was judged by; two that are named, by the corrected ones.
    corrected = (run / CORRECTIONS_FILE).is_file()
    compared = f"thawline compare RUN_BEFORE {name}" if corrected else f"thawline compare {as_word(run.parent)}"
    say_next(console, [*(of_model if usable else no_model), compared])


@contextmanager
def saying_how_to_go_on(run: Path) -> Iterator[None]:
    """Where the run or sweep in `run` is interrupted within, print the command that goes on with it."""
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        say_whole(Console(stderr=True), f"goes on with: thawline train {as_word(run)}")
        raise
