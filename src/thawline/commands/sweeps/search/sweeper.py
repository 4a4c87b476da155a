"""Hydra's sweeper for searches: asks the study, has the launcher run what it asked for, and tells what came of it."""

import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from thawline.commands.line.composing import is_setting, refuse_targets
from thawline.commands.results import show_report
from thawline.commands.sweeps.launchers.jobs import JobLauncher
from thawline.commands.sweeps.launchers.packed import PackedLauncher
from thawline.commands.sweeps.launchers.settings import side_by_side
from thawline.commands.sweeps.search.settings import SweepSettings
from thawline.commands.sweeps.search.space import read_space
from thawline.commands.sweeps.search.study import AskedTrial, Study
from thawline.errors import UserError
from thawline.runs.directory import mark_failed
from thawline.runs.reading import read_record
from thawline.runs.sweep import read_sweep, write_overrides
from thawline.runs.unpacked import REPORT_FILE

_AGAIN = 1.0  # seconds after which it is asked once more whether another process has ended its trials


class SearchSweeper(Sweeper):
    """Runs trials until the study has enough of them."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra hands over."""
        self._config, self._context = config, hydra_context
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        if type(self.launcher) is BasicLauncher:
            # Runs each trial as that does, but reads once what several have in common.
            self.launcher = PackedLauncher(1, least=0)
            self.launcher.setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self._composed: dict[tuple[str, ...], str | None] = {}
        self._with_groups: dict[tuple[str, ...], DictConfig] = {}

    def sweep(self, arguments: list[str]) -> Any:
        """Run the search; what each trial came to stands in its directory, and in the study.

        Raises:
            UserError: The study can't be kept where it is asked for.
        """
        config = self._config
        sweep = Path(config.hydra.sweep.dir).absolute()
        settings: SweepSettings = OmegaConf.to_object(config.sweep)  # type: ignore[assignment]  # by its schema
        loader = self._context.config_loader
        overrides = OverridesParser.create(config_loader=loader).parse_overrides(arguments)
        fixed = [one for one in overrides if not one.is_sweep_override()]
        self._fixed = tuple(f"{one.get_key_element()}={one.get_value_element_as_str()}" for one in fixed)
        space = self._space = read_space(settings.space, arguments, config.hydra.runtime.choices, loader)
        seed = config.seed if settings.seed is None else settings.seed
        study = Study(sweep, read_sweep(sweep)["study"], settings, seed, space, self._applies)
        width = side_by_side(config.hydra.launcher)
        # Jobs say what the collection holds where nobody looks.
        unsaid = isinstance(self.launcher, JobLauncher) and not (sweep / REPORT_FILE).exists()
        while (asked := study.take(width)) or study.is_waited_for():
            if not asked:
                time.sleep(_AGAIN)
            self._launch(sweep, [one for one in asked if self._is_composed(sweep, one)])
            for one in asked:
                study.tell(one)
            if unsaid and (sweep / REPORT_FILE).exists():
                unsaid = False
                show_report(sweep, read_record(sweep / REPORT_FILE), Console(), config.task)
        return None

    def _launch(self, sweep: Path, asked: Sequence[AskedTrial]) -> None:
        """Run trials, those of consecutive numbers side by side: a launcher counts on from a first number."""
        numbered = sorted(asked, key=lambda one: one.number)
        for _, together in groupby(enumerate(numbered), key=lambda pair: pair[1].number - pair[0]):
            batch = [one for _, one in together]
            words = [[*self._fixed, *one.words] for one in batch]
            self.launcher.launch(words, initial_job_idx=batch[0].number)

    def _is_composed(self, sweep: Path, asked: AskedTrial) -> bool:
        """Whether the trial's config can be made and names nothing that may not run; otherwise the trial failed."""
        signature = self._space.signature(asked.words)
        if signature not in self._composed:
            self._composed[signature] = self._refusal(asked.words)
        reason = self._composed[signature]
        if reason is not None:
            directory = sweep / str(asked.number)
            directory.mkdir(exist_ok=True)
            write_overrides(directory, [*self._fixed, *asked.words])
            mark_failed(directory, reason)
            print(f"trial {asked.number} failed: {reason}", flush=True)
        return reason is None

    def _refusal(self, words: Sequence[str]) -> str | None:
        try:
            config = self._compose(words)
            with read_write(config.hydra):
                config.hydra.mode = None  # by now Hydra has set that itself
            refuse_targets(config)
        except (HydraException, OmegaConfBaseException, UserError) as error:
            return " ".join(str(error).split())
        return None

    def _compose(self, words: Sequence[str]) -> DictConfig:
        return self._context.config_loader.load_sweep_config(self._config, [*self._fixed, *words])

    def _applies(self, groups: Sequence[str], key: str) -> bool:
        """Whether a config with these choices of groups has the setting `key`."""
        chosen = tuple(groups)
        if chosen not in self._with_groups:
            try:
                self._with_groups[chosen] = self._compose(chosen)
            except (HydraException, OmegaConfBaseException):
                return True  # which is said when the trial is composed
        return is_setting(self._with_groups[chosen], key)
