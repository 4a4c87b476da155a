"""Errors of Hydra, OmegaConf and the system as one sentence: what is wrong, where, and the nearest valid name."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.verbs import VERBS
from thawline.errors import UserError
from thawline.fitting.named.callbacks import check_callbacks
from thawline.plugins import conf_folders

# Hydra's words for an experiment that lacks `# @package _global_`: it puts the file's settings below `experiment`.
_MISPLACED = re.compile(
    r"In 'experiment/([^']+)': (?:Could not override '[^']*@experiment\.|\w+ raised .*\nKey 'experiment')"
)
# Its words for `override method` in an experiment, which it looks for in the folder `experiment`.
_UNSLASHED = re.compile(r"In 'experiment/([^']+)': Could not override 'experiment/([^'@]+)@")


def explain_config_file(error: Exception, words: Sequence[str]) -> UserError:
    """A config file that is no YAML, names a class of Python's, or has no end: what, and where."""
    chosen = [word for word in words if word.lstrip("+").startswith("experiment=")]
    where, what = f"a config file{f' ({chosen[0]})' if chosen else ''}", str(error).splitlines()[0]
    if isinstance(error, RecursionError):
        what = "it is nested too deeply, or within itself"
    if isinstance(error, yaml.MarkedYAMLError):
        what = error.problem or what
        mark = error.problem_mark or error.context_mark
        where = f"{mark.name}, line {mark.line + 1}" if mark is not None else where
    return UserError(f"{where} can't be read ({what}); configs are plain YAML in UTF-8, without tags: key: value")


def explain(error: Exception, config_name: str, arguments: Sequence[str]) -> str:
    """One sentence for an error of Hydra or OmegaConf: what is wrong, where, and the nearest valid name."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(error, OverrideParseException):
        return f"can't read the setting '{error.override}'; write key=value, with special characters in quotes"
    if isinstance(error, MissingConfigException):
        return _explain_choice(error)
    text = str(error)
    if misplaced := _MISPLACED.match(text):
        return (
            f"experiment={misplaced[1]}: the file must begin with the line '# @package _global_', so that its settings "
            "are the run's, and none of them may be called 'experiment'"
        )
    if unslashed := _UNSLASHED.match(text):
        return f"experiment={unslashed[1]}: write 'override /{unslashed[2]}: …', with a slash before the group's name"
    unknown = re.search(
        r"Could not override '([^']+)'|Key '([^']+)' is not in struct|Key '([^']+)' not in '", text + str(cause)
    )
    if unknown and "could not be converted" not in str(cause):
        return _explain_key(error, next(group for group in unknown.groups() if group), config_name, arguments)
    first, *more = str(cause).strip().splitlines()
    if first.endswith(":") and more:
        first = f"{first} {more[0].strip()}"
    key = getattr(cause, "full_key", None)
    said = re.search(r"Error merging override (.+)", text)
    if said and "is not a ListConfig" in first:
        name, _, value = said[1].partition("=")
        return f"{name} is a list; write '{name}=[{value}]'"
    where = f"in '{said.group(1)}'" if said else f"in '{key}'" if key else "in the config"
    return f"{where}: {first[0].lower()}{first[1:]}"


def _explain_choice(error: MissingConfigException) -> str:
    """`method=lineer`: there is no such file in the group."""
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    options = [name for name in error.options or [] if not name.endswith("_schema")]  # those only give types
    # Of a list, [ema,swa], Hydra doesn't say which there are.
    places = [place / group for place in (conf_directory(), *conf_folders()) if group]
    options = options or sorted(file.stem for place in places for file in place.glob("*.yaml"))
    near = difflib.get_close_matches(choice, options, n=1)
    hint = f"did you mean {group}={near[0]}? " if near else ""
    there = f"there are: {', '.join(options)}" if options else "there is no such group"
    return f"there is no {group}={choice}; {hint}{there}" if group else f"there is no '{choice}'; {there}"


def _explain_key(error: Exception, key: str, config_name: str, arguments: Sequence[str]) -> str:
    """`method.lrr=1`: the config has no such key."""
    full = getattr(error.__cause__, "full_key", None) or key
    return explain_key(full if full.count(".") >= key.count(".") else key, config_name, arguments)


def explain_key(key: str, config_name: str, arguments: Sequence[str]) -> str:
    """That there is no setting `key`, and the nearest that there is."""
    valid = _valid_keys(config_name, arguments)
    if key in valid:
        return f"not every choice on the command line has the setting '{key}'; leave it out, or sweep over them apart"
    if key.startswith("method.optimiser_settings."):  # which holds nothing but what is added
        return f"'{key}' is not set yet; add it as '+{key}=…'"
    if key.startswith("callbacks."):
        return _explain_callback(key)
    verb = next((verb.name for verb in VERBS.values() if verb.config == config_name), config_name)
    near = _nearest_key(key, valid)
    hint = f"did you mean '{near}'?" if near else f"'thawline settings {verb}' lists those that there are"
    return f"there is no setting '{key}'; {hint}"


def _explain_callback(key: str) -> str:
    """`callbacks.ema.decai=1`: what such a callback takes; where it takes that, it was not chosen."""
    _, name, *rest = key.split(".")
    try:
        check_callbacks({name: dict.fromkeys(rest[:1])})
    except UserError as error:
        if "no setting" in str(error) or "no callback" in str(error):
            return str(error)
    return f"there is no setting '{key}', since that callback was not chosen; add 'callbacks=[{name}]'"


def _nearest_key(key: str, valid: Sequence[str]) -> str | None:
    """The setting that `key` was meant to be: one beside it, one of a name much like it, one that it begins."""
    parent, _, name = key.rpartition(".")
    beside = {other.rpartition(".")[2]: other for other in valid if other.rpartition(".")[0] == parent}
    anywhere = {other.rpartition(".")[2]: other for other in reversed(valid)}
    if parent not in valid and (whole := difflib.get_close_matches(key, valid, n=1, cutoff=0.7)):
        return whole[0]
    for names in (beside, anywhere):
        if found := difflib.get_close_matches(name, names, n=1, cutoff=0.7):
            return names[found[0]]
    return next((other for other in valid if other.startswith(f"{key}_")), None)


def _valid_keys(config_name: str, arguments: Sequence[str]) -> list[str]:
    """The dotted keys and groups of the config, with the groups that the user chose where they exist."""
    groups = {p.name for p in conf_directory().iterdir() if p.is_dir()}
    chosen = [a for a in arguments if a.partition("=")[0] in groups and "," not in a]
    for overrides in (chosen, []):
        try:
            GlobalHydra.instance().clear()
            with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
                config = hydra.compose(config_name, overrides=overrides, return_hydra_config=True)
            choices = [str(name) for name in config.hydra.runtime.choices if not str(name).startswith("hydra")]
            del config.hydra
            return sorted({*_dotted(OmegaConf.to_container(config)), *choices})
        except HydraException:
            continue
    return sorted(groups)


def _dotted(node: Any, prefix: str = "") -> Iterator[str]:
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        yield f"{prefix}{key}"
        yield from _dotted(value, f"{prefix}{key}.")
