"""`thawline settings [VERB|KEY]`: the settings there are, what they are by themselves, and what they mean.

What one means is what the docstrings of the typed settings and the comments of `conf/` say; it is written nowhere else.
"""

import difflib
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.commands.line.composing import compose
from thawline.commands.line.explain import explain
from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings
from thawline.commands.line.verbs import VERBS
from thawline.errors import UserError
from thawline.output import report
from thawline.plugins import conf_folders

_COLUMNS = 80
_LONGEST = 48  # characters of a default; prompts have thousands
_USUAL = "train"
_MISSING = "???"


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        key: Dotted, as it stands on the command line.
        default: What it is by itself, as it is written there; `???` where a value must be given.
        meaning: What the docstring of its class says, or else the comment in `conf/`.
        choices: The names of the files to choose from, with the first sentence of each; none: it is no such choice.
    """

    key: str
    default: str
    meaning: str
    choices: tuple[tuple[str, str], ...] = ()


def list_settings(words: Sequence[str]) -> None:
    """Print the settings of a verb, of a group, or one of them; `words` may choose, as on any command line.

    Raises:
        UserError: There is no such verb or setting.
    """
    register_settings()
    chosen = [word for word in words if "=" in word]
    name = " ".join(word for word in words if "=" not in word) or _USUAL
    verb = VERBS[name if name in VERBS and VERBS[name].config else _USUAL]
    try:
        settings = settings_of(verb.config, chosen)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, verb.config, chosen)) from error
    if name == verb.name:
        report(settings=settings)
        print(_of_verb(name, settings))
        return
    if not _at(name, settings) and (word := _choice_with(name, settings, verb.config)):
        print(f"With {word}:")
        settings = settings_of(verb.config, [*chosen, word])
    print(_of_key(name, settings))


def settings_of(config_name: str, chosen: Sequence[str] = ()) -> list[Setting]:
    """All settings of the verb with the primary config `config_name`, with the choices `chosen`."""
    config = compose(config_name, chosen)
    choices = {str(group): file for group, file in config.hydra.runtime.choices.items()}
    del config.hydra
    groups = {
        (group.partition("@")[2] or group).replace("/", "."): group
        for group in choices
        if group.partition("/")[0] != "hydra" and group != "quiet"
    }
    comments = comments_of(conf_directory() / f"{config_name}.yaml")
    found: list[Setting] = []
    for key, value, kind in walk(config, ""):
        first, _, name = key.rpartition(".")
        meaning = documented(kind, name) or comments.get(name if not first else key, "")
        group = groups.pop(key, None)
        if isinstance(value, dict) and not first and (files := tuple(_choices(key))):
            found += _several(key, value, meaning, files)
        elif group:
            found.append(Setting(group, str(choices[group] or "null"), meaning, tuple(_choices(group))))
        elif not isinstance(value, DictConfig):
            file = _conf_file(key.partition(".")[0], choices)
            of_file = comments_of(file) if file else comments
            found.append(Setting(key, shown(value), meaning or of_file.get(name, "")))
    more = [
        Setting(group, str(choices[group] or "null"), comments.get(key, ""), tuple(_choices(group)))
        for key, group in groups.items()
    ]
    return [*more, *found]


def _several(
    group: str, chosen: Mapping[str, Any], meaning: str, files: tuple[tuple[str, str], ...]
) -> Iterator[Setting]:
    """A group of which several files may be chosen at once, and the settings of those that are `chosen`, by name."""
    yield Setting(group, f"[{','.join(chosen)}]", meaning, files)
    for name, own in chosen.items():
        file = _conf_file(group, {group: name})
        of_file = comments_of(file) if file else {}
        for key, value in (own or {}).items():
            yield Setting(f"{group}.{name}.{key}", shown(value), of_file.get(key, ""))


def _conf_file(group: str, choices: Mapping[str, str]) -> Path | None:
    """The file that was chosen of a group; None where there is no such group, or its file lies elsewhere."""
    name = choices.get(group)
    places = (conf_directory(), *conf_folders(), Path.cwd() / "conf")
    return next((path for place in places if (path := place / group / f"{name}.yaml").is_file()), None)


def walk(config: DictConfig, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    """The dotted keys, each with its value and the type of what it stands in; typed parts are walked through."""
    plain: Any = OmegaConf.to_container(config)
    for name, value in plain.items():
        node = config._get_node(name)
        typed = isinstance(node, DictConfig) and is_dataclass(OmegaConf.get_type(node)) and isinstance(value, dict)
        yield f"{prefix}{name}", node if typed else value, OmegaConf.get_type(config)
        if typed and isinstance(node, DictConfig):
            yield from walk(node, f"{prefix}{name}.")


def documented(kind: Any, name: str) -> str:
    """What the docstring of the settings class `kind`, or of one that it comes from, says of the attribute `name`."""
    for one in inspect.getmro(kind) if is_dataclass(kind) and isinstance(kind, type) else ():
        _, _, attributes = (inspect.getdoc(one) or "").partition("Attributes:\n")
        if found := re.search(rf"^ +{name}: (.+(?:\n {{8,}}.+)*)", attributes, re.MULTILINE):
            return " ".join(found.group(1).replace("`", "").split())
    return ""


def comments_of(path: Path) -> dict[str, str]:
    """The comment above each key, or above each group in the list of defaults, of a conf file."""
    found: dict[str, str] = {}
    said: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("#"):
            said.append(line.strip(" #"))
            continue
        key = re.match(r" *(?:- )?([\w@]+):", line)
        if key and said:
            found[key[1].partition("@")[2] or key[1]] = " ".join(said)
        said = []
    return found


def _choices(group: str) -> Iterator[tuple[str, str]]:
    """The files of a group, those of packages and the user's own among them, and the first sentence of each."""
    places = (conf_directory(), *conf_folders(), Path.cwd() / "conf")
    folders = dict.fromkeys(place / group.partition("@")[0] for place in places)
    for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "@package" not in line]
        end = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
        said = " ".join(line.strip("# ") for line in lines[:end])
        yield path.stem, re.split(r"(?<=\w\w[.:]) ", said, maxsplit=1)[0].rstrip(".:")


def _of_verb(name: str, settings: Sequence[Setting]) -> str:
    """The settings of a verb that are in no group, and which groups there are."""
    groups = [one.key for one in settings if one.choices]
    alone = [one for one in settings if one.key.partition(".")[0] not in groups or one.choices]
    lines = [f"Settings of 'thawline {name}', written key=value:", "", *map(_entry, alone)]
    if full := [group for group in groups if _below(group, settings)]:
        lines += ["", _fold(f"'thawline settings {full[0]}' lists what is in a group: {', '.join(full)}.")]
    return "\n".join(lines)


def _choice_with(key: str, settings: Sequence[Setting], config_name: str) -> str | None:
    """The choice of its group that has the setting `key`: `method=logistic` for `method.c`."""
    group = next((one for one in settings if one.choices and key.startswith(f"{one.key}.")), None)
    words = [f"{group.key}={name}" for name, _ in group.choices] if group else []
    return next((word for word in words if _at(key, settings_of(config_name, [word]))), None)


def _at(key: str, settings: Sequence[Setting]) -> list[Setting]:
    return [one for one in settings if one.key == key or one.key.startswith(f"{key}.")]


def _of_key(key: str, settings: Sequence[Setting]) -> str:
    """The setting `key` and all that are below it."""
    own = [one for one in settings if one.key == key]
    report(settings=[*own, *_below(key, settings)])
    shown = [*(_entry(one, whole=True) for one in own), *map(_entry, _below(key, settings))]
    if shown:
        return "\n".join(shown)
    near = [one.key for one in settings if one.key.rpartition(".")[2] == key] or difflib.get_close_matches(
        key, [*VERBS, *(one.key for one in settings)], n=1
    )
    hint = f"did you mean 'thawline settings {near[0]}'?" if near else "'thawline settings' lists those of train"
    raise UserError(f"there is no verb and no setting '{key}'; {hint}")


def _below(key: str, settings: Sequence[Setting]) -> list[Setting]:
    return [one for one in settings if one.key.startswith(f"{key}.")]


def shown(value: Any) -> str:
    """A default as it is written on the command line, cut short where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _entry(one: Setting, *, whole: bool = False) -> str:
    """A line with the key and its default, and below it what it means and can be."""
    lines = [f"{one.key}=… (a value is needed)" if one.default == _MISSING else f"{one.key}={one.default}"]
    lines += [_fold(one.meaning, "    ")] if one.meaning else []
    if whole:
        lines += [_fold(f"{name}: {said}" if said else name, "    ", "      ") for name, said in one.choices]
    elif len(one.choices) > 1:
        lines.append(_fold(f"one of {', '.join(name for name, _ in one.choices)}", "    "))
    return "\n".join(lines)


def _fold(text: str, indent: str = "", hanging: str | None = None) -> str:
    return textwrap.fill(
        text,
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
