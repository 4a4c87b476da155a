"""The settings of `thawline versions …`."""

import re
from dataclasses import dataclass

from omegaconf import MISSING

from thawline.errors import UserError
from thawline.runs.settings import PathsSettings
from thawline.versions.settings import VersionsSettings


@dataclass
class VersionsVerbsSettings:
    """`thawline versions list|show|compare|activate|rollback|export|import|verify|prune|forget`.

    Attributes:
        versions: The registry.
        paths: Where runs are written, and the registry if it is nowhere else.
        number: A version, `2` or `v2`; `verify`: null is every one.
        other: `compare`: the other version.
        force: `activate`: whether the gate is not asked.
        out: `export`: the directory to write.
        bundle: `import`: a directory that `thawline export` wrote.
        keep: `prune`: how many of the newest versions stay in any case.
        item: `forget`: a file, the number of an item, or a content's sha256.
    """

    versions: VersionsSettings = MISSING
    paths: PathsSettings = MISSING
    number: str | None = None
    other: str | None = None
    force: bool = False
    out: str | None = None
    bundle: str | None = None
    keep: int = 5
    item: str | None = None


def number_of(text: str | None) -> int:
    """The version that `text` names.

    Raises:
        UserError: It names none.
    """
    found = re.fullmatch(r"v?(\d{1,9})", text or "", re.ASCII)
    if found is None:
        raise UserError(f"'{text}' is no number of a version; 'thawline versions list' shows them")
    return int(found[1])
