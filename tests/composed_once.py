"""Hydra's composing, once for each choice of files: it was a third of the time of tests that run the command.

What it composes of the same files, before it sets a value in that, is a copy of the first. A file that changed, or a
folder or a schema that came, is another choice. Processes that tests start compose all.
"""

import copy
import dataclasses
import os
import pickle
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any

_LISTS: dict[Hashable, Any] = {}
_CONFIGS: dict[Hashable, Any] = {}
_READ: dict[Hashable, Any] = {}


def remember_composed() -> None:
    """Have Hydra's loader look here first."""
    # Late: `conftest.py` is imported by more processes than run tests.
    from hydra._internal import config_loader_impl as loading
    from hydra._internal import defaults_list
    from hydra.core.config_store import ConfigStore
    from hydra.core.plugins import Plugins

    Plugins.instance()  # to look for plugins, Hydra makes their classes anew
    from hydra._internal.core_plugins.file_config_source import FileConfigSource

    create, merge = loading.create_defaults_list, loading.ConfigLoaderImpl._compose_config_from_defaults_list
    read, store, choices = FileConfigSource.load_config, ConfigStore.store, defaults_list._create_interpolation_map

    def create_once(repo, config_name, overrides_list, **how):
        chosen = defaults_list.Overrides(repo=repo, overrides_list=overrides_list)
        values = set(map(id, chosen.config_overrides))
        files = [one.input_line for one in overrides_list if id(one) not in values and not one.is_sweep_override()]
        key = _files(repo), config_name, *files, *how.items()
        if key not in _LISTS:
            _LISTS[key] = create(repo=repo, config_name=config_name, overrides_list=overrides_list, **how)
        return dataclasses.replace(_LISTS[key], config_overrides=chosen.config_overrides)

    def merge_once(loader, defaults, repo):
        key = _files(repo), *map(dataclasses.astuple, defaults)
        if key not in _CONFIGS:
            _CONFIGS[key] = _kept(merge(loader, defaults, repo))
        return _CONFIGS[key]()

    def read_once(source, config_path):
        try:
            facts = os.stat(os.path.join(source.path, source._normalize_file_name(config_path)))  # noqa: PTH116, PTH118
        except OSError:
            return read(source, config_path)
        key = source.provider, source.path, config_path, facts.st_mtime_ns, facts.st_size
        if key not in _READ:
            _READ[key] = _kept(read(source, config_path))
        return _READ[key]()

    def choices_if_asked(overrides, entries, self_added):
        """They are asked for by entries that name another choice, and made at each file."""
        asked = any(not entry.is_self() and entry.is_interpolation() for entry in entries)
        return choices(overrides, entries, self_added) if asked else None

    def store_anew(self, *schema, **more):
        _LISTS.clear()
        _CONFIGS.clear()
        store(self, *schema, **more)

    loading.create_defaults_list = create_once
    loading.ConfigLoaderImpl._compose_config_from_defaults_list = merge_once
    FileConfigSource.load_config = read_once
    defaults_list._create_interpolation_map = choices_if_asked
    ConfigStore.store = store_anew


def _kept(made: Any) -> Callable[[], Any]:
    """What gives copies of `made`: pickle makes one four times as fast as `copy`, and can't of a class of one test."""
    try:
        return partial(pickle.loads, pickle.dumps(made))
    except (pickle.PicklingError, AttributeError):
        return partial(copy.deepcopy, made)


def _files(repo) -> Hashable:
    """Where Hydra looks, and what lies there."""
    if not hasattr(repo, "files_then"):
        repo.files_then = tuple(
            (source.provider, source.path, *(_below(source.path) if source.scheme() == "file" else ()))
            for source in repo.get_sources()
        )
    return repo.files_then


def _below(folder: str) -> Iterator[tuple[str, int, int]]:
    try:
        found = list(os.scandir(folder))
    except OSError:
        return
    for entry in found:
        if entry.is_dir():
            yield from _below(entry.path)
        else:
            facts = entry.stat()
            yield entry.path, facts.st_mtime_ns, facts.st_size
