"""Each verb is a Hydra app: this composes its config, checks it, calls the verb, and turns errors into one sentence."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from thawline.commands.explain import explain, explain_os_error
from thawline.commands.paths import conf_directory
from thawline.commands.quoting import quote
from thawline.commands.settings import register_settings
from thawline.errors import UserError

_SWEPT = "train"
_MULTIRUN = ("--multirun", "-m")


def run_verb(target: str, config_name: str, arguments: Sequence[str]) -> None:
    """Compose `config_name` with `arguments` and call `target` ("module:function") with the config.

    Raises:
        UserError: The arguments do not compose, or the verb refuses its input.
    """
    register_settings()
    # Otherwise Hydra prints the exception itself and exits with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        _run(target, config_name, arguments)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, config_name, arguments)) from error
    except OSError as error:
        raise explain_os_error(error) from error


def _run(target: str, config_name: str, arguments: Sequence[str]) -> None:
    many = any(word in _MULTIRUN for word in arguments)
    if many and config_name != _SWEPT:
        raise UserError(f"-m sweeps over 'thawline {_SWEPT}' alone; leave it out")
    cut_off = _sweep_to_resume(arguments) if config_name == _SWEPT else None
    if not many and cut_off is None:
        _run_once(target, config_name, arguments)
        return
    from thawline.commands.sweep import resume_sweep, run_sweep  # late: a single run needs none of it

    def compose(words: Sequence[str]) -> DictConfig:
        with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
            return hydra.compose(config_name, [*words, *_user_conf(words)], return_hydra_config=True)

    def launch(task: Callable[[DictConfig], None], words: Sequence[str]) -> None:
        _call_hydra(task, config_name, words)

    if cut_off is not None:
        resume_sweep(cut_off, compose, launch)
    else:
        run_sweep([word for word in arguments if word not in _MULTIRUN], compose, launch)


def _run_once(target: str, config_name: str, arguments: Sequence[str]) -> None:
    module, _, name = target.partition(":")
    failures: list[Exception] = []

    def call(config: DictConfig) -> None:
        verb: Callable[[DictConfig], None] = getattr(importlib.import_module(module), name)
        try:
            verb(config)
        except Exception as error:
            failures.append(error)  # raised below: Hydra would print the command line before it
        finally:
            _remove_if_empty(HydraConfig.get().runtime.output_dir)

    _call_hydra(call, config_name, arguments)
    if failures:
        raise failures[0]


def _call_hydra(task: Callable[[DictConfig], None], config_name: str, arguments: Sequence[str]) -> None:
    """Have Hydra call `task` with the config of `arguments`, or of each trial of a sweep."""
    saved = sys.argv
    sys.argv = ["thawline", *arguments, *_user_conf(arguments)]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name=config_name)(task)()
    finally:
        sys.argv = saved


def _sweep_to_resume(arguments: Sequence[str]) -> Path | None:
    """The directory of a sweep in place of a folder of photos, if that is what the command line names."""
    from thawline.runs.sweep import is_sweep_directory

    given = [word.removeprefix("data.path=") for word in arguments if word.startswith("data.path=")]
    path = Path(given[0].strip("'")) if given else None
    if path is None or not is_sweep_directory(path):
        return None
    if surplus := [word for word in arguments if not word.startswith("data.path=")]:
        raise UserError(f"a sweep is resumed with the settings that it began with; leave out '{surplus[0]}'")
    return path


def _user_conf(arguments: Sequence[str]) -> list[str]:
    """The override that makes the user's own ./conf findable, after the project's."""
    own = Path.cwd() / "conf"
    if not own.is_dir() or own.resolve() == conf_directory().resolve():
        return []
    if any(argument.startswith("hydra.searchpath=") for argument in arguments):
        return []
    return [f"hydra.searchpath=[{quote(f'file://{own}')}]"]


def _remove_if_empty(directory: str) -> None:
    """A verb that refused its input before it began leaves no empty run directory."""
    path = Path(directory)
    if path.is_dir() and path != Path.cwd() and not any(path.iterdir()):
        path.rmdir()
