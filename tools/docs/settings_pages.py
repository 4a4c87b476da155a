"""The reference of settings: a page a group of `conf/`, and one of the verbs' own settings.

All that is said is what `thawline settings` says: docstrings of the settings classes, and comments of `conf/`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
import yaml
from omegaconf import DictConfig

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings
from thawline.commands.line.verbs import VERBS
from thawline.commands.list_settings import Setting, comments_of, documented, settings_of, shown, walk

FOLDER = "reference/settings"
# Groups whose files are shown as they are: they set what is in other groups, or hold texts.
_WHOLE = ("experiment", "prompts", "sweep/space", "task")
_LAUNCHER = "hydra/launcher"
_HEAD = """# Settings

Settings are written `key=value` on the command line, in any order: `thawline train Photos cv=5 method.lr=1e-3`. A wrong
name is refused with the nearest right one. `thawline settings KEY` shows a setting on the screen, and
`thawline train DIR --cfg job` all those of a run.

## Groups

`GROUP=NAME` chooses a file of `conf/GROUP`, or of your own `./conf/GROUP`. Each group has a page.

| group | choices | what it is |
| --- | --- | --- |"""
_VERBS = """# Settings of the other commands

What each command takes besides the groups that it shares with others, which have pages of their own.
"""
_OWN = """## A run's own settings

Those of `thawline train` and `thawline plan` that are in no group. The [other commands](verbs.md) have their own.
"""


@dataclass
class Entry:
    """A setting of a group, over all files that can be chosen.

    Attributes:
        key: Dotted, as on the command line.
        meaning: What it means.
        defaults: What it is by itself, and the choices by which it is that.
    """

    key: str
    meaning: str
    defaults: dict[str, list[str]] = field(default_factory=dict)


def settings_pages() -> dict[str, str]:
    """The pages, by their place below `docs/`."""
    register_settings()
    conf = conf_directory()
    verbs = {verb.config: settings_of(verb.config) for verb in VERBS.values() if verb.config}
    groups = sorted({path.parent.relative_to(conf).as_posix() for path in conf.rglob("*/*.yaml")} - {"hydra/sweeper"})
    pages = {f"{FOLDER}/{name_of(group)}.md": _group_page(group, verbs) for group in groups}
    return {
        f"{FOLDER}/index.md": _index(groups, verbs["train"]),
        f"{FOLDER}/verbs.md": _verbs_page(verbs, set(groups)),
        **pages,
    }


def name_of(group: str) -> str:
    """The name of a group's page."""
    return group.replace("/", "-")


def plain(text: str) -> str:
    """A text as Markdown that shows it as it is."""
    text = re.sub(r"([\\`*_\[\]|#])", r"\\\1", text)
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _index(groups: list[str], train: list[Setting]) -> str:
    said = {one.key: one.meaning for one in train}
    rows = []
    for group in groups:
        choices = ", ".join(f"`{path.stem}`" for path in _files(group))
        rows.append(f"| [`{group}`]({name_of(group)}.md) | {choices} | {plain(said.get(group, ''))} |")
    alone = [one for one in train if one.key.partition(".")[0] not in {*groups, "sweep"} and not one.choices]
    own = (line for one in alone for line in _lines(Entry(one.key, one.meaning, {one.default: []})))
    return "\n".join([_HEAD, *rows, "", _OWN, *own])


def _verbs_page(verbs: Mapping[str, list[Setting]], groups: set[str]) -> str:
    lines = [_VERBS]
    for config, settings in verbs.items():
        if config == "train":
            continue
        names = [verb.name for verb in VERBS.values() if verb.config == config]
        lines += [f"## {', '.join(f'`thawline {name}`' for name in names)} {{ #{config} }}", ""]
        shared = {one.key: one for one in settings if one.choices}
        if shared:
            links = (
                f"[`{key}={one.default}`]({name_of(key.partition('@')[0])}.md)"
                for key, one in shared.items()
                if key.partition("@")[0] in groups
            )
            lines += [f"Groups: {', '.join(links)}.", ""]
        for one in settings:
            if not one.choices and one.key.partition(".")[0] not in shared:
                lines += _lines(Entry(one.key, one.meaning, {one.default: []}), anchor=f"{config}.{one.key}")
    return "\n".join(lines)


def _group_page(group: str, verbs: Mapping[str, list[Setting]]) -> str:
    meaning = next((one.meaning for settings in verbs.values() for one in settings if one.key == group), "")
    lines = [f"# `{group}`", "", *([plain(meaning), ""] if meaning else []), "## Choices", ""]
    whole = group in _WHOLE
    for path in _files(group):
        lines += [f"### `{group}={path.stem}` {{ #{path.stem} }}", "", *_header(path), ""]
        if whole:
            text = path.read_text(encoding="utf-8")
            body = text.splitlines()[len(_head(text)) :]
            lines += ["```yaml", *body, "```", ""]
    if not whole or group == "prompts":
        lines += ["## Settings", "", *(line for entry in _entries(group, verbs) for line in _lines(entry))]
    return "\n".join(lines)


def _entries(group: str, verbs: Mapping[str, list[Setting]]) -> Iterator[Entry]:
    """The settings of all files of a group."""
    said = {one.key: one.meaning for settings in verbs.values() for one in settings if one.meaning}
    found: dict[str, Entry] = {}
    for path in _files(group):
        for key, value, meaning in _settings(group, path, said):
            entry = found.setdefault(key, Entry(key, ""))
            entry.meaning = entry.meaning or meaning or said.get(key, "")
            entry.defaults.setdefault(value, []).append(path.stem)
    for settings in verbs.values():
        for one in settings:
            if one.key.startswith(f"{group}.") and one.key not in found and not one.choices:
                found[one.key] = Entry(one.key, one.meaning, {one.default: []})
    yield from found.values()


def _settings(group: str, path: Path, said: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """The settings of one file, what they are and mean; what is `said` elsewhere tells which are mappings."""
    comments = comments_of(path)
    if group == _LAUNCHER:
        from thawline.commands.sweeps.launchers import settings as launchers

        kinds = (launchers.LocalSettings, launchers.PackedSettings, launchers.RaySettings, launchers.SlurmSettings)
        kind = next(kind for kind in kinds if f"`hydra/launcher={path.stem}`" in (kind.__doc__ or ""))
        for name, value in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            if name != "defaults":
                yield f"hydra.launcher.{name}", shown(value), documented(kind, name) or comments.get(name, "")
        return
    with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = hydra.compose(f"{group}/{path.stem}")
    for key, value, kind in walk(config, ""):
        if not isinstance(value, DictConfig):
            yield from _flat(key, value, documented(kind, key.rpartition(".")[2]), {**comments, **said})


def _flat(key: str, value: Any, meaning: str, said: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """A setting, or those of a mapping that has no type."""
    meaning = meaning or said.get(key, "")
    if isinstance(value, dict) and value and ("." not in key or not meaning):
        for name, one in value.items():
            yield from _flat(f"{key}.{name}", one, "", said)
    else:
        yield key, shown(value), meaning or said.get(key.rpartition(".")[2], "")


def _lines(entry: Entry, anchor: str = "") -> Iterator[str]:
    yield f"### `{entry.key}` {{ #{anchor or entry.key} }}"
    yield ""
    if entry.meaning:
        yield plain(entry.meaning)
        yield ""
    yield _default(entry.defaults)
    yield ""


def _default(defaults: Mapping[str, list[str]]) -> str:
    if list(defaults) == ["???"]:
        return "Must be given."
    if len(defaults) == 1:
        return f"Default: {_code(*defaults)}"
    most = max(defaults, key=lambda value: len(defaults[value]))
    others = ""
    for value, names in defaults.items():
        if value != most:
            others += f"; {_code(value)} with {', '.join(f'`{name}`' for name in names)}"
    return f"Default: {_code(most)}{others}"


def _code(value: str) -> str:
    return '`""`' if value == "" else "must be given" if value == "???" else f"`{value}`"


def _files(group: str) -> list[Path]:
    return sorted((conf_directory() / group).glob("*.yaml"))


def _head(text: str) -> list[str]:
    """The comment that a file begins with."""
    lines = text.splitlines()
    return lines[: next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))]


def _header(path: Path) -> Iterator[str]:
    """What a file's first comment says; what is indented in it is code."""
    said = [line[1:] for line in _head(path.read_text(encoding="utf-8")) if "@package" not in line]
    for line in said:
        if line.startswith("   "):
            yield f"    {line.strip()}"
        else:
            yield plain(line.strip())
