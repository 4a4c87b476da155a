"""Each verb is a Hydra app: this composes its config, checks it, calls the verb, and turns errors into one sentence."""

import importlib
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.commands.line.composing import begin, compose, of_run, user_conf
from thawline.commands.line.early import reading_ahead
from thawline.commands.line.explain import explain
from thawline.commands.line.paths import conf_directory
from thawline.commands.line.quoting import quote
from thawline.commands.line.settings import register_settings
from thawline.commands.resuming import to_resume
from thawline.commands.sweeps.search.settings import GRID
from thawline.errors import UserError
from thawline.fitting.auto import AUTO
from thawline.output import form, report
from thawline.process import importing
from thawline.runs.directory import SWEEP_FILE
from thawline.runs.ends import explain_os_error
from thawline.runs.secrets import MASK, remember_words, without_secrets
from thawline.tasks.typed import to_settings

_log = logging.getLogger(__name__)
_SWEPT = "train"
_PLANNING = "thawline.commands.forecast.plan:plan"  # which takes the words of a training
_MULTIRUN = ("--multirun", "-m")
_CONFIG_DIR = ("--config-dir", "-cd")
_WITH_VALUE = ("--cfg", "-c", "--package", "-p", "--info", "-i")
_MASKED = re.compile(rf"(?m)([:-] )({re.escape(MASK)}.*)$")  # would be an alias of YAML's
_SHOWING = (*_WITH_VALUE, "--hydra-help", "--resolve")


def run_verb(target: str, config_name: str, arguments: Sequence[str]) -> Any:
    """Compose `config_name` with `arguments` and give what `target` ("module:function") gives of the config.

    Raises:
        UserError: The arguments do not compose, or the verb refuses its input.
    """
    register_settings(config_name)
    remember_words(arguments)
    # Otherwise Hydra prints the exception itself and exits with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        return _run(target, config_name, arguments)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, config_name, arguments)) from error
    except OSError as error:
        raise explain_os_error(error) from error


def settings_of(config_name: str, words: Sequence[str]) -> Any:
    """The typed settings that `words`, each `key=value`, make of `config_name`, as its verb would get them.

    Raises:
        UserError: A value is out of its range, or a required one is missing.
    """
    register_settings(config_name)
    return to_settings(begin(compose(config_name, words)))


def _run(target: str, config_name: str, arguments: Sequence[str]) -> Any:
    arguments = _without_options(arguments)
    many = any(word in _MULTIRUN for word in arguments)
    if many and config_name != _SWEPT:
        raise UserError(f"-m sweeps over 'thawline {_SWEPT}' alone; leave it out")
    cut_off = to_resume(arguments) if config_name == _SWEPT else None
    is_sweep = cut_off is not None and (cut_off[0] / SWEEP_FILE).is_file()
    if not is_sweep and any(word in _SHOWING for word in arguments):
        _show(config_name, arguments)
        return None
    if target == _PLANNING:
        _plan(config_name, arguments, cut_off, many=many)
        return None
    if cut_off is not None and not is_sweep:
        return _resume(*cut_off)
    if not many and cut_off is None:
        _refuse_several_values(config_name, arguments)
        return _run_once(target, config_name, arguments)
    if cut_off is None:
        return _sweep(config_name, [word for word in arguments if word not in _MULTIRUN])
    from thawline.commands.sweeps.sweep import resume_sweep  # late: a single run needs none of it

    return resume_sweep(*cut_off, partial(compose, config_name), partial(_launch, config_name))


def _sweep(config_name: str, words: Sequence[str]) -> Path:
    from thawline.commands.sweeps.sweep import run_sweep  # late: a single run needs none of it

    return run_sweep(words, partial(compose, config_name), partial(_launch, config_name))


def _launch(config_name: str, task: Callable[[DictConfig], None], words: Sequence[str]) -> None:
    _call_hydra(task, config_name, words)


def _plan(config_name: str, arguments: Sequence[str], cut_off: tuple[Path, list[str]] | None, *, many: bool) -> None:
    """Say what a training or a sweep will take."""
    if cut_off is not None:
        raise UserError(f"{cut_off[0]} is a run or a sweep, which has begun; 'thawline plan' takes data")
    if not many:
        _refuse_several_values(config_name, arguments)
        many = bool(_single(config_name, arguments).method.fit == AUTO)
    with importing():
        from thawline.commands.forecast.plan import plan
    plan([word for word in arguments if word not in _MULTIRUN], partial(compose, config_name), many=many)


def _refuse_several_values(config_name: str, arguments: Sequence[str]) -> None:
    """`seed=1,2` without `-m`."""
    for override in OverridesParser.create().parse_overrides(list(arguments)):
        if not override.is_sweep_override():
            continue
        word = str(override.input_line)
        key, _, value = word.partition("=")
        if "(" not in value and _is_list(config_name, key, value):
            raise UserError(f"'{word}' gives '{key}' several values one by one; a list is written '{key}=[{value}]'")
        if config_name == _SWEPT:
            raise UserError(f"'{word}' gives several values, which is a sweep; add -m, or give '{key}' one value")
        raise UserError(f"'{word}' gives several values; give '{key}' one, and quote what has a comma in it")


def _is_list(config_name: str, key: str, values: str) -> bool:
    """Whether `values`, separated by commas, can be a list in place of that many values."""
    try:
        return isinstance(OmegaConf.select(compose(config_name, [f"{key}=[{values}]"]), key), ListConfig)
    except (HydraException, OmegaConfBaseException, UserError):
        return False


def _run_once(target: str, config_name: str, arguments: Sequence[str]) -> Any:
    """Call the verb. Hydra does not run it: whatever it would make of a config is not made at all."""
    module, _, name = target.partition(":")
    config = _single(config_name, arguments)
    if config_name == _SWEPT and config.method.fit == AUTO:
        return _sweep(config_name, arguments)
    _log.info("the settings are read")
    with reading_ahead(config) if config_name == _SWEPT else nullcontext():
        with importing():
            verb: Callable[[DictConfig], Any] = getattr(importlib.import_module(module), name)
        _log.info("%s is imported", module)
        return verb(config)


def _single(config_name: str, arguments: Sequence[str]) -> DictConfig:
    """The config of a verb that runs once."""
    config = begin(compose(config_name, arguments))
    if config_name != _SWEPT:
        return config
    if config.sweep.name != GRID:
        raise UserError(f"sweep={config.sweep.name} is for a sweep; add -m, or leave it out")
    return of_run(config)


def _resume(directory: Path, given: Sequence[str]) -> Path:
    """Go on with the run in `directory`, whose config is composed already."""
    with importing():
        from thawline.commands.train import resume
    return resume(directory, given)


def _show(config_name: str, arguments: Sequence[str]) -> None:
    """Print the config, or have Hydra print what else is to be known of it; secrets are left out."""
    config = compose(config_name, _settings(arguments))
    kind, package = (_value_of(options, arguments) for options in (("--cfg", "-c"), ("--package", "-p")))
    if kind is not None:
        own = begin(config)  # names the output directory, which interpolations refer to
        shown = {"job": own, "hydra": OmegaConf.masked_copy(config, ["hydra"]), "all": config}[kind]
        text = _as_yaml(shown, package, resolve="--resolve" in arguments)
    else:
        printed = io.StringIO()
        with redirect_stdout(printed):
            _call_hydra(lambda _: None, config_name, arguments)
        text = printed.getvalue()
    text = without_secrets(text)
    if form().json:
        report(shown=text if kind is None else yaml.safe_load(_MASKED.sub(r"\1'\2'", text)))
    print(text, end="")


def _as_yaml(config: DictConfig, package: str | None, *, resolve: bool) -> str:
    """`config`, or what it has at the dotted key `package`."""
    part = config if package in (None, "_global_") else OmegaConf.select(config, str(package))
    if part is None:
        raise UserError(f"--package {package} is no part of the config; '--cfg job' shows all of it")
    return OmegaConf.to_yaml(part, resolve=resolve) if OmegaConf.is_config(part) else f"{part}\n"


def _value_of(options: Sequence[str], arguments: Sequence[str]) -> str | None:
    """The word after one of Hydra's `options`."""
    at = [i for i, word in enumerate(arguments[:-1]) if word in options]
    return arguments[at[-1] + 1] if at else None


def _call_hydra(task: Callable[[DictConfig], None], config_name: str, arguments: Sequence[str]) -> None:
    """Have Hydra call `task` with the config of each trial of a sweep, all of which were checked before."""
    saved = sys.argv
    sys.argv = ["thawline", *arguments, *user_conf(arguments)]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name=config_name)(task)()
    finally:
        sys.argv = saved


def _settings(arguments: Sequence[str]) -> list[str]:
    """The words that are settings, without Hydra's options and their values: `--cfg job`."""
    left, settings = list(arguments), []
    while left:
        word = left.pop(0)
        if word in _WITH_VALUE:
            left[:1] = []
        elif not word.startswith("-"):
            settings.append(word)
    return settings


def _without_options(arguments: Sequence[str]) -> list[str]:
    """`--config-dir DIR` as the setting that it stands for, and no `--run`, which says nothing."""
    left, kept, folders = list(arguments), [], []
    while left:
        word = left.pop(0)
        if word in _CONFIG_DIR and left:
            folders.append(Path(left.pop(0)).absolute())
        elif word not in ("--run", "-r"):
            kept.append(word)
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder} to read configs from")
    own = [*folders, *([Path.cwd() / "conf"] if folders and (Path.cwd() / "conf").is_dir() else [])]
    return [*kept, f"hydra.searchpath=[{','.join(quote(f'file://{folder}') for folder in own)}]"] if folders else kept
