"""A version's directory: a bundle whose files are those of other versions wherever their bytes are the same.

The network's weights are split by block (`bundles/shards.py`), so a version that trained two blocks stores two blocks.
What is shared is one file with several names (hard links), so a version can be deleted without the others' loss. Where
the file system has no hard links, files are copied.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from thawline.bundles.ensemble_manifest import is_ensemble, verify_ensemble
from thawline.bundles.manifest import MANIFEST, MODEL, SEAL, check_bundle, digest, read_manifest, seal, verify
from thawline.bundles.shards import is_of_weights, join_weights, split_weights
from thawline.errors import UserError
from thawline.files import write_folder

_READ_ONLY = 0o444  # a shared file that one version's owner changed would change in all


def check_whole(folder: Path) -> dict[str, Any]:
    """Check every file of the bundle in `folder`, of one model or of an ensemble; what its manifest says.

    Raises:
        UserError: A file was changed, added or taken away; it is named.
    """
    return verify_ensemble(folder)[0] if is_ensemble(folder) else verify(folder)


def store_bundle(bundle: Path, target: Path, others: Sequence[Path]) -> None:
    """Write the verified `bundle` into the new directory `target`, complete or absent.

    Args:
        bundle: A directory; it stays as it is.
        target: Where it goes.
        others: Directories of versions, whose files are shared.
    """
    known = _known_files(others)
    write_folder(target, lambda folder: _fill(bundle, folder, known))


def write_out(version: Path, target: Path) -> None:
    """Write the bundle in the directory of a `version`, which was verified, as one of its own, as it was added."""

    def fill(folder: Path) -> None:
        if is_ensemble(version):
            for file in _files(version):
                _copy(version / file, folder / file)
            return
        for file in _files(version):
            if not (is_of_weights(file) or file in (MANIFEST, SEAL)):
                _copy(version / file, folder / file)
        join_weights(version, folder / MODEL)
        seal(folder, _facts(version))

    write_folder(target, fill)


def own_bytes(version: Path) -> int:
    """How many bytes of a version's directory no other version has: what deleting it frees."""
    facts = [file.stat() for file in version.rglob("*") if file.is_file()]
    return sum(fact.st_size for fact in facts if fact.st_nlink == 1)


def _fill(bundle: Path, folder: Path, known: Mapping[str, Path]) -> None:
    if is_ensemble(bundle):  # its manifest has the digests of its members' files, which stay as they are
        for file in _files(bundle):
            _link_or_copy(bundle / file, folder / file, known)
    else:
        for file in _files(bundle):
            if not (is_of_weights(file) or file in (MANIFEST, SEAL)):
                _link_or_copy(bundle / file, folder / file, known)
        if (bundle / MODEL).is_file():
            for name, content in split_weights(bundle):
                _link_or_write(content, folder / name, known)
        else:
            for file in filter(is_of_weights, _files(bundle)):
                _link_or_copy(bundle / file, folder / file, known)
        seal(folder, _facts(bundle))
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(_READ_ONLY)


def _known_files(versions: Sequence[Path]) -> dict[str, Path]:
    """The files of `versions` by their digests; a directory that has no sound manifest has nothing to share."""
    known: dict[str, Path] = {}
    for version in versions:
        try:
            check_bundle(version)
            files = read_manifest(version)["files"]
        except (UserError, OSError):
            continue
        for name, said in files.items():
            known.setdefault(said["sha256"], version / name)
    return known


def _link_or_copy(source: Path, target: Path, known: Mapping[str, Path]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _link(digest(source), target, known):
        _copy(source, target)


def _link_or_write(content: bytes | dict[str, Any], target: Path, known: Mapping[str, Path]) -> None:
    if isinstance(content, dict):
        content = f"{json.dumps(content, indent=2)}\n".encode()
    if not _link(hashlib.sha256(content).hexdigest(), target, known):
        target.write_bytes(content)


def _link(wanted: str, target: Path, known: Mapping[str, Path]) -> bool:
    """Make `target` another name of a known file with the digest `wanted`, if there is one that is still sound."""
    source = known.get(wanted)
    try:
        if source is None or digest(source) != wanted:
            return False
        os.link(source, target)
    except OSError:  # it is gone, or the file system has no hard links, or no more of them
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _files(folder: Path) -> Iterator[str]:
    yield from (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())


def _facts(bundle: Path) -> dict[str, Any]:
    """What the manifest says besides the files."""
    return {name: value for name, value in read_manifest(bundle).items() if name not in ("format", "files")}
