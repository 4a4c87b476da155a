"""What installed packages add, found by their entry points; nothing of them is imported before a run uses it.

A package's `pyproject.toml` says what it adds, and its conf files lie in `conf/` beside its modules:

    [project.entry-points."thawline.tasks"]
    sharpness = "sharpness"                    # a package with `task.py`, whose `TASK` is the record
    [project.entry-points."thawline.encoders"]
    doubled = "sharpness.encoder:load"         # a function: `EncoderSettings` to an `Encoder`
    [project.entry-points."thawline.methods"]
    centroids = "sharpness.named:CENTROIDS"    # a `thawline.fitting.known.NamedMethod`
    [project.entry-points."thawline.callbacks"]
    noise = "sharpness.named:NOISE"            # a `thawline.fitting.named.callbacks.NamedCallback`
"""

import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from thawline.errors import UserError
from thawline.process import importing

KINDS = ("tasks", "encoders", "methods", "callbacks")


@dataclass(frozen=True)
class Added:
    """One thing that a package adds.

    Attributes:
        name: What settings call it.
        kind: One of `KINDS`.
        where: `module:name`, or of a task its package.
        package: The name under which the package was installed.
        version: The package's.
    """

    name: str
    kind: str
    where: str
    package: str
    version: str

    @property
    def top(self) -> str:
        """The package, or module of one file, that it is imported from."""
        return self.where.partition(":")[0].partition(".")[0]

    def imported(self) -> Any:
        """What `where` names.

        Raises:
            UserError: It can't be imported.
        """
        module, _, name = self.where.partition(":")
        try:
            with importing():
                return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UserError(
                f"the {self.kind.removesuffix('s')} '{self.name}' of the package {self.package} can't be imported: "
                f"{error}"
            ) from error


@cache
def _entries() -> Any:
    """The entry points of all that is installed, read once: to look for them takes a while."""
    return entry_points()


@cache
def added(kind: str) -> Mapping[str, Added]:
    """What installed packages add of a kind, one of `KINDS`, by name.

    Raises:
        UserError: Two packages add something of one name.
    """
    found: dict[str, Added] = {}
    entries = [
        (entry, *((entry.dist.name, entry.dist.version) if entry.dist else ("?", "?")))
        for entry in _entries().select(group=f"thawline.{kind}")
    ]
    for entry, package, version in sorted(entries, key=lambda one: (one[0].name, one[1])):
        if entry.name in found and found[entry.name].where != entry.value:
            raise UserError(
                f"the packages {found[entry.name].package} and {package} both add '{entry.name}' to the {kind}; "
                "uninstall one"
            )
        found[entry.name] = Added(entry.name, kind, entry.value, package, version)
    return found


def added_beside(kind: str, own: Collection[str]) -> Mapping[str, Added]:
    """What packages add of a kind beside Thawline's own.

    Raises:
        UserError: A package adds one by a name that Thawline has.
    """
    for name, one in added(kind).items():
        if name in own:
            raise UserError(
                f"the package {one.package} adds '{name}' to the {kind}, which Thawline has already; uninstall it, or "
                "have it take another name"
            )
    return added(kind)


@cache
def conf_folders() -> tuple[Path, ...]:
    """The `conf/` of each package that adds something, by the packages' names."""
    tops = {one.top for kind in KINDS for one in added(kind).values()}
    found = []
    for top in sorted(tops):
        spec = find_spec(top)  # which imports no package, and finds those that were installed with -e, too
        places = spec.submodule_search_locations if spec else None
        found += [Path(place) / "conf" for place in places or () if (Path(place) / "conf").is_dir()]
    return tuple(found)
