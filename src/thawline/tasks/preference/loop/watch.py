"""`thawline preference watch`: a training whenever enough was answered, corrected or deleted since the newest one."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.errors import RunError, UserError
from thawline.runs.ends import reason_of
from thawline.screen import say, say_whole
from thawline.tasks.preference.loop.base import with_encoder_of
from thawline.tasks.preference.loop.settings import WatchSettings
from thawline.tasks.preference.loop.train import check_encoder, check_given, train_once
from thawline.tasks.typed import to_settings
from thawline.tasks.versions import open_registry
from thawline.versions.feedback import answered
from thawline.versions.jobs import News, fail_own_jobs, news
from thawline.versions.registry import Registry

_PATIENCE = 600.0  # seconds that the database may refuse without a break
_PARTS = 5  # between two trainings it says so often how many answers have come
_UNNOTED = "the database refused to note how it ended"


def watch(config: DictConfig) -> None:
    """Train whenever enough answers have come, until a signal ends it.

    Raises:
        UserError: The settings don't suit, or the database refuses for minutes.
        Stopped: A signal came; a training that ran is noted as interrupted.
    """
    settings: WatchSettings = to_settings(config)
    with open_registry(settings.versions) as registry:
        with_encoder_of(registry, settings)  # what does not suit is refused now, not after the fiftieth answer
        _Watcher(registry, settings, config, Console()).stay()


class _Watcher:
    """Looks at the database again and again, and trains."""

    def __init__(self, registry: Registry, settings: WatchSettings, config: DictConfig, console: Console) -> None:
        self._registry, self._settings, self._config, self._console = registry, settings, config, console
        self._said: int | None = None  # the part of the answers that was there when it was said last
        self._useless: News | None = None  # answers that nothing can be learnt from, as they were
        self._refused_since: float | None = None
        self._unnoted = False  # whether a training may not have been noted as failed

    def stay(self) -> None:
        """Look, and look again."""
        say_whole(self._console, f"versions  {self._registry.root}")
        say(self._console, f"it trains after every {self._settings.every:,} answers; SIGTERM or Ctrl-C ends it")
        while True:
            self._patiently(self._look)
            time.sleep(self._settings.poll)

    def _patiently(self, look: Callable[[], None]) -> None:
        """Do so, and bear that the database refuses for a while; it says so once."""
        try:
            look()
        except UserError as error:
            now = time.monotonic()
            if self._refused_since is None:
                self._refused_since = now
                say(self._console, f"{error}. It goes on trying for {_PATIENCE / 60:.0f} minutes.")
            elif now - self._refused_since > _PATIENCE:
                raise
            return
        if self._refused_since is not None:
            say(self._console, "the database can be read and written again")
        self._refused_since = None

    def _look(self) -> None:
        database = self._registry.database
        if self._unnoted:
            with database.session() as session:
                fail_own_jobs(session, _UNNOTED)
            self._unnoted = False
        with database.reading() as session:
            came = news(session, tried=True)
        due = came.items >= self._settings.every or came.forgotten > 0
        if not due or came == self._useless:
            self._say_count(came)
            return
        self._train(came)

    def _say_count(self, came: News) -> None:
        """Say how many answers there are, but not each one."""
        part = came.items * _PARTS // self._settings.every
        if part != self._said and came != self._useless:
            say(self._console, f"{came.items:,} of {self._settings.every:,} answers")
        self._said = part

    def _train(self, came: News) -> None:
        """A training, as the verb does it; one that fails was tried, and waits for further answers."""
        registry, console = self._registry, self._console
        if came.forgotten:
            what = "1 deleted answer" if came.forgotten == 1 else f"{came.forgotten:,} deleted answers"
            say(console, f"{what} that a version was trained on: training without")
        else:
            say(console, f"{came.items:,} of {self._settings.every:,} answers: training")
        self._said, self._useless = None, None
        settings, config = self._fresh_run()
        with registry.database.reading() as session:
            answers = answered(session)
        try:
            check_given(answers, settings)
            check_encoder(settings)
        except UserError as error:
            say(console, str(error))
            self._useless = came
            return
        try:
            train_once(registry, settings, config, console)
        except UserError:  # it did not even begin
            self._unnoted = True
            raise
        except RunError as error:
            self._unnoted = True
            say(console, f"{error}. It is tried again with further answers.")
        except Exception as error:  # whatever it is, it stands in the job, and the next one may succeed
            self._unnoted = True
            say(console, f"the training failed: {reason_of(error)}. It is tried again with further answers.")

    def _fresh_run(self) -> tuple[WatchSettings, DictConfig]:
        """The settings of one training, with a run directory of its own."""
        stamp, name = f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}", self._settings.name
        run = Path(self._settings.paths.run).with_name(stamp if name is None else f"{name}_{stamp}")
        config = self._config.copy()
        OmegaConf.update(config, "paths.run", str(run))
        return replace(self._settings, job=None, paths=replace(self._settings.paths, run=str(run))), config
