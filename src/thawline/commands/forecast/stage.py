"""The place where trials are rehearsed: a store, and a folder for what they write, that are thrown away."""

import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from thawline.commands.line.composing import of_run
from thawline.data.datasets.settings import FOLDER as DATASETS
from thawline.features.rehearsing.costs import Clock, Cost
from thawline.features.rehearsing.going_on import rehearsing
from thawline.features.rehearsing.rehearsal import Rehearsal
from thawline.tasks.settings import RunSettings, saved_settings

Compose = Callable[[Sequence[str]], DictConfig]
EPOCHS = 2  # of a rehearsed fit
_TAKEN = ("remembered",)  # folders of the real store that are copied: small facts of encoders


class Stage:
    """Where a command line is rehearsed."""

    def __init__(self, folder: Path, real: Path, compose: Compose) -> None:
        """Take a folder.

        Args:
            folder: An empty one.
            real: The root of the store that counts.
            compose: Settings to the config with Hydra's own part.
        """
        self.folder, self.store = folder, folder / "store"
        self.sweep = folder / "sweep"
        self.rehearsal = Rehearsal(real)
        self._compose = compose
        self.store.mkdir(parents=True)
        for name in _TAKEN:
            if (real / name).is_dir():
                shutil.copytree(real / name, self.store / name)
        (self.store / "shelves").mkdir()
        # What is stored may be begun from; a shelf that is to be filled takes its place here, see `Rehearsal.survey`.
        for shelf in real.glob("shelves/*/"):
            (self.store / "shelves" / shelf.name).symlink_to(shelf.absolute())
        if (real / DATASETS).is_dir():  # files of data sets are the same for whoever reads them
            (self.store / DATASETS).symlink_to((real / DATASETS).absolute())

    def compose(self, words: Sequence[str], *, epochs: int = EPOCHS) -> DictConfig:
        """The config of `words`, as it is rehearsed: with few epochs, and nothing is written elsewhere."""
        config = self._compose(words)
        with read_write(config), open_dict(config):
            config.store.dir = str(self.store)
            config.trainer.devices = 1
            if config.logger.name == "wandb" and config.logger.mode != "disabled":
                config.logger.mode = "offline"
            if "epochs" in config.method:
                config.method.epochs = epochs
                config.method.warmup = min(config.method.warmup, epochs)
                if "steps" in config.method:
                    config.method.steps = 0  # each goes over the samples once
        return config

    def settings(self, words: Sequence[str], place: str, *, epochs: int | None = EPOCHS) -> RunSettings:
        """The typed settings of `words`, with the run's directory `place` in here; with all epochs for None."""
        config = of_run(self.compose(words))
        if epochs is None and "epochs" in config.method:
            whole = self._compose(words)
            for key in ("epochs", "warmup", "steps"):
                if key in config.method:
                    config.method[key] = whole.method[key]
        config.paths.run = str(self.folder / place)
        plain = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
        assert isinstance(plain, DictConfig)  # noqa: S101
        return saved_settings(plain, mirrored=True)

    def epochs(self, words: Sequence[str]) -> int:
        """How many epochs the settings have at most; 1 for what has none."""
        method = self._compose(words).method
        return int(method.epochs) if "epochs" in method else 1

    def plain(self, words: Sequence[str], place: Path) -> dict[str, Any]:
        """The resolved config of `words` with the run's directory `place`."""
        config = of_run(self.compose(words))
        config.paths.run = str(place)
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
        return plain

    @contextmanager
    def playing(self) -> Iterator["Played"]:
        """Within, passes are rehearsed, nothing is shown, and W&B's files go into this folder."""
        played, before = Played(), self.rehearsal.spent.cost
        saved = {name: os.environ.get(name) for name in ("WANDB_DIR", "WANDB_MODE")}
        with ExitStack() as stack:
            stack.callback(_restore, saved)
            os.environ["WANDB_DIR"] = str(self.folder)
            if saved["WANDB_MODE"] == "online":
                os.environ["WANDB_MODE"] = "offline"
            stack.enter_context(redirect_stdout(io.StringIO()))
            stack.enter_context(redirect_stderr(io.StringIO()))
            stack.enter_context(rehearsing(self.rehearsal))
            clock = Clock()
            yield played
            played.cost = clock.cost() - (self.rehearsal.spent.cost - before)

    def grown(self) -> int:
        """Bytes by which the real store grows besides its shelves: what is known of files and encoders."""
        real = self.rehearsal.real
        files = [path for path in self.store.rglob("*") if path.is_file() and "shelves" not in path.parts]
        sizes = ((path.stat().st_size, real / path.relative_to(self.store)) for path in files)
        return sum(max(0, size - (other.stat().st_size if other.exists() else 0)) for size, other in sizes)


class Played:
    """What a rehearsed part took, without what rehearsing it took."""

    cost = Cost()


def _restore(saved: dict[str, str | None]) -> None:
    for name, value in saved.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
