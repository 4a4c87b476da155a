"""Which settings the source reads, by mypy's types: a setting's name alone is that of many other things."""

import ast
import dataclasses
import inspect
import re
import typing
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path

from hydra.core.config_store import ConfigStore
from mypy.build import build
from mypy.find_sources import create_source_list
from mypy.modulefinder import BuildSource
from mypy.options import Options
from mypy.plugin import AttributeContext, Plugin
from mypy.types import Type
from omegaconf import OmegaConf

from thawline.commands.line.settings import register_settings
from thawline.fitting.named.callbacks import CALLBACKS

ROOT = Path(__file__).resolve().parents[1]
# What only refuses a value, when a config is typed, makes nothing of it.
_CHECKS = re.compile(r"_(check|refuse)\w*")
# The dotted name of a class and a field, the file, and the line.
Read = tuple[str, Path, int]


class _Recorder(Plugin):
    """Notes each attribute that is read, by the class that declares it."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.reads: list[Read] = []

    def get_attribute_hook(self, fullname: str) -> typing.Callable[[AttributeContext], Type]:
        return partial(self._note, fullname)

    def _note(self, fullname: str, context: AttributeContext) -> Type:
        if not context.is_lvalue:
            self.reads.append((fullname, ROOT / context.api.path, context.context.line))
        return context.default_attr_type


def read_by(*modules: Path) -> set[str]:
    """The fields, `package.module.Class.field`, that the source or one of `modules` reads for more than a check."""
    options = Options()
    options.incremental, options.cache_dir = False, "/dev/null"
    # Nothing of ours is a type of another library's, and these take five times as long.
    options.follow_imports, options.ignore_missing_imports = "skip", True
    sources = create_source_list([str(ROOT / "src" / "thawline")], options)
    recorder = _Recorder(options)
    build([*sources, *(BuildSource(str(path), path.stem) for path in modules)], options, extra_plugins=[recorder])
    return {
        name
        for name, path, line in recorder.reads
        if (line, name.rpartition(".")[2]) in _loaded(path) and not _only_checks(path, line)
    }


def _only_checks(path: Path, line: int) -> bool:
    """Whether the innermost function around the line only checks; a line in none is the field's own declaration."""
    around = [(end - start, name) for start, end, name in _functions(path) if start <= line <= end]
    if not around:
        return True
    _, name = min(around)
    return name == "__post_init__" or (path.name == "settings.py" and bool(_CHECKS.fullmatch(name)))


@cache
def _loaded(path: Path) -> set[tuple[int, str]]:
    """The attributes that are read, each with its line: mypy looks at what is assigned to as well."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    loads = (node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load))
    return {(node.lineno, node.attr) for node in loads}


@cache
def _functions(path: Path) -> list[tuple[int, int, str]]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [
        (node.lineno, node.end_lineno or 0, node.name)
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def settings_classes() -> list[type]:
    """All classes of settings: what `conf/` is typed by, what these hold, and what they come from."""
    register_settings()
    found: dict[type, None] = {}
    todo = [*_schemas(ConfigStore.instance().repo), *(each.settings for each in CALLBACKS.values())]
    while todo:
        kind = todo.pop()
        if kind not in found and kind.__module__.startswith("thawline."):
            found[kind] = None
            todo += [base for base in kind.__mro__ if dataclasses.is_dataclass(base)]
            todo += [each for hint in typing.get_type_hints(kind).values() for each in _classes_in(hint)]
    return sorted(found, key=lambda kind: kind.__qualname__)


def _schemas(repo: dict[str, typing.Any]) -> Iterator[type]:
    for node in repo.values():
        if isinstance(node, dict):
            yield from _schemas(node)
        elif dataclasses.is_dataclass(kind := OmegaConf.get_type(node.node)):
            yield typing.cast(type, kind)


def _classes_in(hint: typing.Any) -> Iterator[type]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield hint
    for each in typing.get_args(hint):
        yield from _classes_in(each)


def dead_fields(classes: Iterable[type], read: set[str]) -> set[str]:
    """The fields, `Class.field`, of which no class that has them is read."""
    classes = list(classes)
    dead = set()
    for kind in classes:
        for name in inspect.get_annotations(kind).keys() & {each.name for each in dataclasses.fields(kind)}:
            related = [each for each in classes if issubclass(each, kind) or issubclass(kind, each)]
            if not any(f"{each.__module__}.{each.__qualname__}.{name}" in read for each in related):
                dead.add(f"{kind.__qualname__}.{name}")
    return dead
