"""Each verb is a Hydra app: this composes its config, checks it, calls the verb, and turns errors into one sentence."""

import difflib
import errno
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import thawline
from thawline.commands.quoting import quote
from thawline.commands.settings import register_settings
from thawline.errors import UserError


def conf_directory() -> Path:
    """The project's `conf/`: inside the package when installed from a wheel, at the top of the repository otherwise."""
    package = Path(thawline.__file__).parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def run_verb(target: str, config_name: str, arguments: Sequence[str]) -> None:
    """Compose `config_name` with `arguments` and call `target` ("module:function") with the config.

    Raises:
        UserError: The arguments do not compose, or the verb refuses its input.
    """
    module, _, name = target.partition(":")
    register_settings()

    failures: list[Exception] = []

    def call(config: DictConfig) -> None:
        verb: Callable[[DictConfig], None] = getattr(importlib.import_module(module), name)
        try:
            verb(config)
        except Exception as error:
            failures.append(error)  # raised below: Hydra would print the command line before it
        finally:
            _remove_if_empty(HydraConfig.get().runtime.output_dir)

    # Otherwise Hydra prints the exception itself and exits with status 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    saved = sys.argv
    sys.argv = ["thawline", *arguments, *_user_conf(arguments)]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name=config_name)(call)()
        if failures:
            raise failures[0]
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, config_name, arguments)) from error
    except OSError as error:
        raise _explain_os_error(error) from error
    finally:
        sys.argv = saved


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


def _explain_os_error(error: OSError) -> Exception:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"the disk is full{where}; free some space, or set store.dir=… and paths.outputs=… to another disk"
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return UserError(f"this may not be read or written{where}; change its permissions or choose another place")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return UserError(f"there is a file where a folder is needed{where}; move it or set paths.outputs=…")
    return error


def explain(error: Exception, config_name: str, arguments: Sequence[str]) -> str:
    """One sentence for an error of Hydra or OmegaConf: what is wrong, where, and the nearest valid name."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(error, OverrideParseException):
        return f"can't read the setting '{error.override}'; write key=value, with special characters in quotes"
    if isinstance(error, MissingConfigException):
        return _explain_choice(error)
    text = str(error)
    unknown = re.search(
        r"Could not override '([^']+)'|Key '([^']+)' is not in struct|Key '([^']+)' not in '", text + str(cause)
    )
    if unknown and "could not be converted" not in str(cause):
        return _explain_key(error, next(group for group in unknown.groups() if group), config_name, arguments)
    first = str(cause).strip().splitlines()[0]
    key = getattr(cause, "full_key", None)
    said = re.search(r"Error merging override (.+)", text)
    where = f"in '{said.group(1)}'" if said else f"in '{key}'" if key else "in the config"
    return f"{where}: {first[0].lower()}{first[1:]}"


def _explain_choice(error: MissingConfigException) -> str:
    """`method=lineer`: there is no such file in the group."""
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    options = list(error.options or [])
    near = difflib.get_close_matches(choice, options, n=1)
    hint = f"did you mean {group}={near[0]}? " if near else ""
    there = f"there are: {', '.join(options)}" if options else "there is no such group"
    return f"there is no {group}={choice}; {hint}{there}" if group else f"there is no '{choice}'; {there}"


def _explain_key(error: Exception, key: str, config_name: str, arguments: Sequence[str]) -> str:
    """`method.lrr=1`: the config has no such key."""
    full = getattr(error.__cause__, "full_key", None) or key
    full = full if full.count(".") >= key.count(".") else key
    valid = _valid_keys(config_name, arguments)
    near = difflib.get_close_matches(full, valid, n=1, cutoff=0.5)
    last = {name.rpartition(".")[2]: name for name in valid}
    if not near:
        near = [last[name] for name in difflib.get_close_matches(full.rpartition(".")[2], last, n=1)]
    hint = f"did you mean '{near[0]}'?" if near else f"'--cfg job' lists the settings of this verb ({config_name})"
    return f"there is no setting '{full}'; {hint}"


def _valid_keys(config_name: str, arguments: Sequence[str]) -> list[str]:
    """The dotted keys and groups of the config, with the groups that the user chose where they exist."""
    groups = {p.name for p in conf_directory().iterdir() if p.is_dir()}
    chosen = [a for a in arguments if a.lstrip("+").partition("=")[0] in groups and "," not in a]
    for overrides in (chosen, []):
        try:
            GlobalHydra.instance().clear()
            with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
                config = hydra.compose(config_name, overrides=overrides)
            return sorted({*_dotted(OmegaConf.to_container(config)), *groups})
        except HydraException:
            continue
    return sorted(groups)


def _dotted(node: Any, prefix: str = "") -> Iterator[str]:
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        yield f"{prefix}{key}"
        yield from _dotted(value, f"{prefix}{key}.")
