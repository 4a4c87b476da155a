"""The config of a command line, checked before anything that it names could run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from thawline.commands.line.explain import explain_config_file, explain_key
from thawline.commands.line.paths import conf_directory
from thawline.commands.line.quoting import quote
from thawline.data.renaming import read_renames
from thawline.errors import UserError
from thawline.output import silence_libraries
from thawline.plugins import conf_folders
from thawline.runs.directory import as_config
from thawline.runs.secrets import names_secret, remember

# All that Hydra may make of a config, by the key that names it. Thawline itself makes nothing of a name in a config.
ALLOWED = {
    "hydra.launcher._target_": (
        "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
        "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
        "hydra_plugins.thawline.LocalLauncher",
        "hydra_plugins.thawline.SlurmLauncher",
        "hydra_plugins.thawline.RayLauncher",
        "hydra_plugins.thawline.PackedLauncher",
    ),
    "hydra.sweeper._target_": (
        "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
        "hydra_plugins.thawline.SearchSweeper",
    ),
}
# What a run may be called: not hidden, no folder, no option.
_NAME = re.compile(r"\w[\w .+-]{0,79}")
_TARGET = "_target_"
# Logging is configured by names of classes and functions as well.
_NO_LOGS = {"version": 1, "root": None, "disable_existing_loggers": False}
_FIXED: dict[str, Any] = {
    "hydra.callbacks": {},
    "hydra.job_logging": _NO_LOGS,
    "hydra.hydra_logging": _NO_LOGS,
    "hydra.job.env_set": {},
    "hydra.job.chdir": False,
    "hydra.output_subdir": None,
    "hydra.mode": None,
    "hydra.sweep.subdir": "${hydra.job.num}",
}


def compose(config_name: str, words: Sequence[str]) -> DictConfig:
    """The config that `words` make of the primary config `config_name`, Hydra's own part included.

    Raises:
        UserError: It names something to run that is not allowed, or would put a secret into a directory's name.
    """
    for word in words:
        _refuse_nul(word, word.partition("=")[0])
    refuse_packages(words)
    _refuse_numbers(words)
    _find_added_confs()
    try:
        with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
            config = hydra.compose(config_name, [*words, *user_conf(words)], return_hydra_config=True)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise explain_config_file(error, words) from error
    refuse_targets(config)
    given = OmegaConf.to_container(config)
    _refuse_nul(given, "")
    _refuse_unknown(config, config_name, words)
    _call(config, words)
    _keep_renames(config)
    _remember(config, given)
    _refuse_secret_places(config)
    return config


def _refuse_numbers(words: Sequence[str]) -> None:
    """Files are chosen by name: of `encoder=1` Hydra would make a traceback.

    Raises:
        UserError: A number, true or false is to choose a file.
    """
    for word in words:
        group, _, value = word.partition("=")
        if re.fullmatch(r"[\w/@]+", group) and (conf_directory() / group.partition("@")[0]).is_dir():
            (override,) = OverridesParser.create().parse_overrides([word])
            if not override.is_sweep_override() and isinstance(override.value(), bool | int | float):
                raise UserError(f"{word}: there is no file '{value}' to choose; 'thawline settings {group}' lists them")


@cache
def _find_added_confs() -> None:
    """Have Hydra look for configs in the folders of installed packages too, after the project's and the user's."""

    class AddedConfs(SearchPathPlugin):
        def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
            for folder in conf_folders():
                search_path.append("thawline", f"file://{folder}")

    if conf_folders():
        Plugins.instance().register(AddedConfs)


def _call(config: DictConfig, words: Sequence[str]) -> None:
    """Let the names of the directories of runs and sweeps begin with `name`, where they are not given themselves.

    Raises:
        UserError: It can't begin the name of a directory.
    """
    name = config.get("name") if "paths" in config else None
    if name is None:
        return
    if not _NAME.fullmatch(name):
        raise UserError(
            f"name={name} can't begin a directory's name; use up to 80 letters, digits, blanks and '_.+-', and begin "
            "with a letter or a digit"
        )
    for part in ("run", "sweep"):
        if not any(word.lstrip("+").startswith(f"hydra.{part}.dir=") for word in words):
            place = Path(config.hydra[part].dir)
            with read_write(config.hydra), open_dict(config.hydra):
                config.hydra[part].dir = str(place.with_name(f"{name}_{place.name}")).replace("${", r"\${")


def _keep_renames(config: DictConfig) -> None:
    """Put what a table of new names of classes says into the place of its path: a run keeps it with its config.

    Raises:
        UserError: It can't be read.
    """
    table = OmegaConf.select(config, "data.rename")
    if isinstance(table, str):
        with read_write(config.data), open_dict(config.data):
            config.data.rename = as_config([list(names) for names in read_renames(Path(table)).items()])


def begin(config: DictConfig) -> DictConfig:
    """What Hydra does for a single run before it calls its function; gives the config without Hydra's own part.

    The output directory is named and not made: whoever writes makes it, and a run that goes on elsewhere leaves none.
    """
    hydra_config = HydraConfig.instance()
    hydra_config.set_config(config)
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = str(Path(config.hydra.run.dir).absolute())
    hydra_config.set_config(config)
    silence_libraries()
    own = config.copy()
    with read_write(own), open_dict(own):
        del own["hydra"]
    return own


def of_run(config: DictConfig) -> DictConfig:
    """`config` without what is the whole sweep's: what a run, or a trial, keeps of it."""
    own = config.copy()
    with read_write(own), open_dict(own):
        for key in ("hydra", "sweep"):
            own.pop(key, None)
    return own


def user_conf(words: Sequence[str]) -> list[str]:
    """The override that makes the user's own ./conf findable, after the project's."""
    own = Path.cwd() / "conf"
    if not own.is_dir() or own.resolve() == conf_directory().resolve():
        return []
    if any(word.lstrip("+").startswith("hydra.searchpath=") for word in words):
        return []
    return [f"hydra.searchpath=[{quote(f'file://{own}')}]"]


def refuse_packages(words: Sequence[str]) -> None:
    """Configs come from folders: to look for them in a package imports it.

    Raises:
        UserError: `hydra.searchpath` names something else than folders.
    """
    places = [word for word in words if word.lstrip("+~").startswith("hydra.searchpath")]
    for override in OverridesParser.create().parse_overrides(places):
        value = override.value()
        for place in value if isinstance(value, list) else [value]:
            _, scheme, _ = str(place).rpartition("://")
            folder = str(place).removeprefix("file://")
            if "${" in folder or "://" in folder or (scheme and not str(place).startswith("file://")):
                raise UserError(f"hydra.searchpath={place} is no folder; give folders alone, as file://…")


def refuse_targets(config: DictConfig) -> None:
    """Let nothing run that is not on the list.

    Raises:
        UserError: The config names a class or function, in words or by a setting that Hydra takes names from.
    """
    given = OmegaConf.to_container(config)
    for key, value in _targets(given, ""):
        if value not in ALLOWED.get(key, ()):
            raise UserError(_refusal(key, value))
    for part in ("hydra.launcher", "hydra.sweeper"):
        # What an interpolation makes shows only when it is resolved.
        for key, value in _targets(_resolved(config, part), part):
            if value not in ALLOWED.get(key, ()):
                raise UserError(_refusal(key, value))
    for key, fixed in _FIXED.items():
        if _at(given, key) != fixed:
            raise UserError(f"'{key}' is Thawline's alone to set, since it decides what runs and where; leave it out")


def _refuse_unknown(config: DictConfig, config_name: str, words: Sequence[str]) -> None:
    """`+foo=1` adds to what takes free keys, and to nothing else: a setting that nothing reads is a slip of the pen.

    Raises:
        UserError: A setting was added that there is not.
    """
    groups = config.hydra.runtime.choices
    for override in OverridesParser.create().parse_overrides([word for word in words if word.startswith("+")]):
        key = override.key_or_group
        if key not in groups and key.partition(".")[0] != "hydra" and not is_setting(config, key):
            raise UserError(explain_key(key, config_name, words))


def is_setting(config: DictConfig, key: str) -> bool:
    """Whether the typed settings know the dotted `key`; below a plain mapping any is known."""
    node: Any = config
    for name in key.split("."):
        kind = OmegaConf.get_type(node)
        if not is_dataclass(kind):
            return isinstance(node, DictConfig)
        if name not in {field.name for field in fields(kind)}:
            return False
        node = node[name] if not OmegaConf.is_missing(node, name) else None
    return True


def _refuse_nul(node: Any, path: str) -> None:
    """No name of a file may hold a NUL byte, and no other text needs one."""
    if isinstance(node, Mapping | list):
        for key, value in node.items() if isinstance(node, Mapping) else enumerate(node):
            _refuse_nul(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, str) and "\0" in node:
        raise UserError(f"the setting '{path}' holds a NUL byte; leave that out")


def _resolved(config: DictConfig, part: str) -> Any:
    node = OmegaConf.select(config, part)
    if not isinstance(node, DictConfig) or _TARGET not in node:
        raise UserError(f"'{part}' names nothing that can launch a sweep; leave it out")
    return OmegaConf.to_container(node, resolve=True)


def _targets(node: Any, path: str) -> list[tuple[str, Any]]:
    """The dotted keys named `_target_`, at any depth, and their values."""
    if isinstance(node, Mapping):
        inner = [(f"{path}.{key}" if path else str(key), value) for key, value in node.items()]
    elif isinstance(node, list):
        inner = [(f"{path}.{i}", value) for i, value in enumerate(node)]
    else:
        return []
    found = [(key, value) for key, value in inner if key.rpartition(".")[2] == _TARGET]
    return found + [target for key, value in inner for target in _targets(value, key)]


def _refusal(key: str, value: Any) -> str:
    allowed = " or ".join(name.rpartition(".")[2] for name in ALLOWED.get(key, ()))
    there = f"it may be {allowed}" if allowed else "nothing may be named there"
    return f"{key}={value} is not on the list of what a config may run ({there}); leave it out"


def _remember(config: DictConfig, given: Any) -> None:
    """Know the secrets of each part, resolved where it can be; one that can not fails later, and says so."""
    for key in given.keys() - {"hydra"}:
        try:
            part = OmegaConf.select(config, key)
            remember({key: OmegaConf.to_container(part, resolve=True) if OmegaConf.is_config(part) else part})
        except Exception:  # a missing variable of the environment, a missing value
            remember({key: given[key]})


def _at(given: Any, key: str) -> Any:
    """The value of a dotted key of a config as it was given: interpolations stand as they are."""
    node = given
    for name in key.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _refuse_secret_places(config: DictConfig) -> None:
    given = {"hydra": OmegaConf.to_container(config.hydra)}
    for key in ("hydra.run.dir", "hydra.sweep.dir"):
        if names_secret(str(_at(given, key)), str(OmegaConf.select(config, key))):
            raise UserError(f"'{key}' would put a secret into a directory's name; take it out of there")
