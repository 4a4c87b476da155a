"""Errors of Hydra, OmegaConf and the system as one sentence: what is wrong, where, and the nearest valid name."""

import difflib
import errno
import re
from collections.abc import Iterator, Sequence
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.commands.paths import conf_directory
from thawline.errors import UserError


def explain_os_error(error: OSError) -> Exception:
    """What the system refused, for the user; the error itself where there is nothing to add."""
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
    options = [name for name in error.options or [] if not name.endswith("_schema")]  # those only give types
    near = difflib.get_close_matches(choice, options, n=1)
    hint = f"did you mean {group}={near[0]}? " if near else ""
    there = f"there are: {', '.join(options)}" if options else "there is no such group"
    return f"there is no {group}={choice}; {hint}{there}" if group else f"there is no '{choice}'; {there}"


def _explain_key(error: Exception, key: str, config_name: str, arguments: Sequence[str]) -> str:
    """`method.lrr=1`: the config has no such key."""
    full = getattr(error.__cause__, "full_key", None) or key
    full = full if full.count(".") >= key.count(".") else key
    valid = _valid_keys(config_name, arguments)
    if full in valid:
        return f"not every choice on the command line has the setting '{full}'; leave it out, or sweep over them apart"
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
