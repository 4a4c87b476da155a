"""What installed packages add, found by their entry points; nothing of them is imported before a run uses it.

A package's `pyproject.toml` says what it adds, and its conf files lie in `conf/` beside its modules:

    [project.entry-points."thawline.tasks"]
    sharpness = "sharpness.task"               # a package with `task.py`, whose `TASK` is the record
    [project.entry-points."thawline.encoders"]
    doubled = "sharpness.encoder:load"         # a function: `EncoderSettings` to an `Encoder`
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from thawline.errors import UserError

KINDS = ("tasks", "encoders")


@dataclass(frozen=True)
class Added:
    """One thing that a package adds.

    Attributes:
        name: What settings call it.
        where: `module:function`, or of a task its package.
        package: The name under which the package was installed.
        version: The package's.
    """

    name: str
    where: str
    package: str
    version: str


@cache
def added(kind: str) -> Mapping[str, Added]:
    """What installed packages add of a kind, `tasks` or `encoders`, by name.

    Raises:
        UserError: Two packages add something of one name.
    """
    found: dict[str, Added] = {}
    for entry in sorted(entry_points(group=f"thawline.{kind}"), key=lambda entry: entry.name):
        package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("?", "?")
        if entry.name in found and found[entry.name].where != entry.value:
            raise UserError(
                f"the packages {found[entry.name].package} and {package} both add '{entry.name}' to the {kind}; "
                "uninstall one"
            )
        found[entry.name] = Added(entry.name, entry.value, package, version)
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
    tops = {one.where.partition(":")[0].partition(".")[0] for kind in KINDS for one in added(kind).values()}
    found = []
    for top in sorted(tops):
        spec = find_spec(top)  # which imports no package, and finds those that were installed with -e, too
        places = spec.submodule_search_locations if spec else None
        found += [Path(place) / "conf" for place in places or () if (Path(place) / "conf").is_dir()]
    return tuple(found)
