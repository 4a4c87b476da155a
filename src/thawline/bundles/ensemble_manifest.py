"""What the bundle of an ensemble consists of, and whether it is still what was written.

A directory with `ensemble.json`, a card, `members/NAME/`, each of them a bundle of its own, and a manifest of every
file of the whole tree.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from thawline.bundles.manifest import (
    CARD,
    FORMAT,
    MANIFEST,
    SEAL,
    check_bundle,
    check_config,
    digest,
    read_manifest,
    refusal,
    seal_of,
    verify,
)
from thawline.files import write_json, write_text

ENSEMBLE, MEMBERS = "ensemble.json", "members"
_OWN = frozenset({ENSEMBLE, CARD})
_FOLDER = re.compile(r"[A-Za-z0-9_-]{1,100}")
_OF_MEMBER = re.compile(rf"{MEMBERS}/{_FOLDER.pattern}/[^/\\]+")


def member_folders(names: list[str]) -> list[str]:
    """A folder's name for each of the members' names, all different, that any filesystem takes."""
    folders: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:80].strip("_") or "member"
        folder, number = plain, 1
        while folder.casefold() in {taken.casefold() for taken in folders}:
            number += 1
            folder = f"{plain}_{number}"
        folders.append(folder)
    return folders


def seal_ensemble(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest of all that lies in `folder`, whose members are sealed, with `facts`, and its own digest."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = {
        path.relative_to(folder).as_posix(): {"sha256": digest(path), "size": path.stat().st_size} for path in paths
    }
    write_json(folder / MANIFEST, {"format": FORMAT, **facts, "files": files})
    write_text(folder / SEAL, seal_of((folder / MANIFEST).read_bytes()))


def is_ensemble(folder: Path) -> bool:
    """Whether what lies in `folder` is, sound or not, the bundle of an ensemble."""
    try:
        named = f'"{ENSEMBLE}"'.encode() in (folder / MANIFEST).read_bytes()
    except OSError:
        named = False
    return named or ((folder / ENSEMBLE).is_file() and (folder / MEMBERS).is_dir())


def verify_ensemble(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Check every file below `folder` against the manifests, its own and the members'.

    Returns:
        What the manifest says, and what that of each member says, by the member's folder.

    Raises:
        UserError: A file was changed, added or taken away, or is of a kind that no bundle holds.
    """
    check_bundle(folder)
    found = set(_files(folder))
    manifest = read_manifest(folder)
    files: dict[str, Any] = manifest["files"]
    if odd := sorted(file for file in files if file not in _OWN and not _OF_MEMBER.fullmatch(file)):
        raise refusal(folder, f"its manifest names '{odd[0]}', and no bundle holds such a file")
    if odd := sorted(found - set(files) - {MANIFEST, SEAL}):
        raise refusal(folder, f"{odd[0]} is not in its manifest")
    if missing := sorted((_OWN | set(files)) - found):
        raise refusal(folder, f"{missing[0]} is missing")
    if odd := sorted(_OWN - set(files)):
        raise refusal(folder, f"its manifest lacks {odd[0]}")
    members = {}
    for name in sorted({Path(file).parts[1] for file in files if file not in _OWN}):
        members[name] = verify(folder / MEMBERS / name)
        # Its files are what its manifest says, so they need not be read once more.
        said = {
            f"{MEMBERS}/{name}/{file}": entry
            for file, entry in [*members[name]["files"].items(), *_sealed(folder / MEMBERS / name)]
        }
        if changed := sorted(file for file, entry in said.items() if files.get(file) != entry):
            raise refusal(folder, f"{changed[0]} was changed since it was written")
    for name in sorted(_OWN):
        if _entry(folder / name) != files[name]:
            raise refusal(folder, f"{name} was changed since it was written")
    check_config(folder, ENSEMBLE)
    return manifest, members


def _files(folder: Path) -> Iterator[str]:
    """The files of the tree, relative; refuses links, and folders where none belongs."""
    for path in sorted(folder.iterdir()):
        if path.name != MEMBERS:
            yield _name(folder, path)
    members = folder / MEMBERS
    if members.is_symlink() or not members.is_dir():
        raise refusal(folder, f"{MEMBERS} is no folder")
    for member in sorted(members.iterdir()):
        if member.is_symlink() or not member.is_dir() or not _FOLDER.fullmatch(member.name):
            raise refusal(folder, f"{MEMBERS}/{member.name} is no folder of a member")
        for path in sorted(member.iterdir()):
            yield _name(folder, path)


def _name(folder: Path, path: Path) -> str:
    name = path.relative_to(folder).as_posix()
    if path.is_symlink() or not path.is_file():
        raise refusal(folder, f"{name} is no ordinary file")
    return name


def _entry(path: Path) -> dict[str, Any]:
    return {"sha256": digest(path), "size": path.stat().st_size}


def _sealed(member: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(name, _entry(member / name)) for name in (MANIFEST, SEAL)]
