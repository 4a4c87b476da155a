"""The part of requirements.lock that the package, some of its extras and some packages need, hashes and all.

python tools/lock_part.py serve postgres hatchling > serve.lock
pip install --require-hashes --no-deps -r serve.lock

`requirements.lock` has what developers need besides. Each of its entries says by whom it is needed (`# via`); kept is
what the package needs by itself or by an extra that is named, packages that are named, and what these need in turn.

A package of the lock that the Python at work has already in a build of its own, such as PyTorch for processors alone
("2.14.1+cpu"), is left out, and with it what only that package needs: NVIDIA's libraries.
"""

import re
import sys
import tomllib
from collections.abc import Collection
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)
_VIA = re.compile(r"#(?: via)?\s+([A-Za-z0-9._-]+)")
_OWN_EXTRAS = re.compile(r"thawline\[([^]]*)\]")


def part(lock: str, project: dict[str, Any], names: list[str], without: Collection[str] = ()) -> str:
    """The entries of `lock` that `project` (of pyproject.toml) needs with the extras and packages `names`.

    Those of `without` are left out, and what no other package that is kept needs.
    """
    # Several entries of one package are for different versions of Python.
    entries = [(_name(text), text) for text in re.split(r"(?m)^(?=[A-Za-z0-9])", lock) if _ENTRY.match(text)]
    extras, there = project["optional-dependencies"], {name for name, _ in entries}
    if unknown := [name for name in names if name not in extras and name not in there]:
        raise SystemExit(f"'{unknown[0]}' is neither an extra nor in the lock; extras are: {', '.join(extras)}")
    wanted = [*project["dependencies"], *(one for name in names for one in _requirements(name, extras))]
    kept = {_normal(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in wanted} - set(without)
    while more := {name for name, text in entries if name not in kept and kept & _users(text)} - set(without):
        kept |= more
    return "".join(text for name, text in entries if name in kept)


def own_builds() -> list[str]:
    """The packages that this Python has in a build with a name of its own: `torch` 2.14.1+cpu."""
    own = []
    for found in distributions():
        with suppress(FileNotFoundError):  # half removed; Python's own reader gives None, importlib_metadata's raises
            own += [_normal(found.name)] if "+" in (found.version or "") else []
    if "torch" in own and "torchvision" not in own:
        raise SystemExit(
            "torch is there in a build of its own, and that of torchvision is missing: install it likewise"
        )
    return own


def _requirements(name: str, extras: dict[str, list[str]]) -> list[str]:
    """What an extra asks for, with that of the extras that it consists of; of a package its own name."""
    found = []
    for requirement in extras.get(name, [name]):
        own = _OWN_EXTRAS.match(requirement)
        parts = re.split(r"[\s,]+", own[1]) if own else []
        found += [one for part in parts for one in _requirements(part, extras)] if own else [requirement]
    return found


def _name(entry: str) -> str:
    found = _ENTRY.match(entry)
    return _normal(found[1]) if found else ""


def _users(entry: str) -> set[str]:
    """Who needs the package of an entry."""
    return {_normal(name) for name in _VIA.findall(entry)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Print it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    print(part(lock, project, sys.argv[1:], own_builds()), end="")


if __name__ == "__main__":
    main()
