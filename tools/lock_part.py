"""The part of requirements.lock that the package, some of its extras and some packages need, hashes and all.

python tools/lock_part.py serve postgres hatchling > serve.lock
pip install --require-hashes -r serve.lock

`requirements.lock` has what developers need besides. Each of its entries says by whom it is needed (`# via`); kept is
what the package needs by itself or by an extra that is named, packages that are named, and what these need in turn.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)
_VIA = re.compile(r"#(?: via)?\s+([A-Za-z0-9._-]+)")


def part(lock: str, project: dict[str, Any], names: list[str]) -> str:
    """The entries of `lock` that `project` (of pyproject.toml) needs with the extras and packages `names`."""
    # Several entries of one package are for different versions of Python.
    entries = [(_name(text), text) for text in re.split(r"(?m)^(?=[A-Za-z0-9])", lock) if _ENTRY.match(text)]
    extras, there = project["optional-dependencies"], {name for name, _ in entries}
    if unknown := [name for name in names if name not in extras and name not in there]:
        raise SystemExit(f"'{unknown[0]}' is neither an extra nor in the lock; extras are: {', '.join(extras)}")
    wanted = [*project["dependencies"], *(one for name in names for one in extras.get(name, [name]))]
    kept = {_normal(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in wanted}
    while more := {name for name, text in entries if name not in kept and kept & _users(text)}:
        kept |= more
    return "".join(text for name, text in entries if name in kept)


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
    print(part((ROOT / "requirements.lock").read_text("utf-8"), project, sys.argv[1:]), end="")


if __name__ == "__main__":
    main()
