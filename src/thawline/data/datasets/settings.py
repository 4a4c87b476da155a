"""Settings of data sets of the library `datasets`, and what a task reads of one. Nothing heavy is imported here."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thawline.errors import UserError

READER = "datasets"  # the value of `data.reader`
SAVED = ("dataset_info.json", "dataset_dict.json")  # one of them lies in a folder that `save_to_disk` wrote
FOLDER = "datasets"  # below the feature store, where the files of data sets are kept
IMAGE, AUDIO = "image", "audio"  # what the column of files is called, unless a setting names another
_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


def refuse_saved(path: str) -> None:
    """Refuse a folder that `save_to_disk` wrote where a folder or a table is read; raises UserError."""
    if any((Path(path) / name).is_file() for name in SAVED):
        raise UserError(f"{path} is a data set that save_to_disk wrote; add data.reader={READER}")


def is_hub_id(name: str) -> bool:
    """Whether `name` can be a data set's on the Hub, and is nothing on this disk."""
    return _ID.fullmatch(name) is not None and not name.startswith(".") and not os.path.lexists(name)


@dataclass
class DatasetSettings:
    """What is read of a data set of the library `datasets`.

    Attributes:
        config: Of a data set that has several configurations, which; null: its only one.
        revision: Of one of the Hub, a branch, a tag or a commit; null: the newest.
        splits: Which splits; null: all. Several are taken as the split that the data come with.
        columns: Its columns by what the task calls them, `{image: photo, label: event}`; those of the same name are
            found by themselves; null: all are.
    """

    config: str | None = None
    revision: str | None = None
    splits: list[str] | None = None
    columns: Any = None

    def __post_init__(self) -> None:
        """Check the columns: no type of OmegaConf's allows both null and a mapping."""
        given = self.columns
        if given is not None and not (
            isinstance(given, dict) and all(isinstance(name, str) for name in given.values())
        ):
            raise UserError(f"data.dataset.columns={given} must name columns: '{{label: event}}'")


@dataclass(frozen=True)
class Fields:
    """What a task reads of a data set.

    Attributes:
        media: What the column of files is called: `image` or `audio`.
        path: The column of the task's table that names the file.
        columns: The other columns of that table, each with the names by which it is looked for.
        needed: Those of them that samples to learn from need.
        asked: Those that samples to be judged need.
        judged: Whether the rows are judged, whatever splits they are of.
        shared: Whether several rows may have one file, which is then written once.
        numbered: Which of them has the number of a row where the data set has no such column; "": none.
    """

    media: str
    path: str
    columns: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...] = ("label",)
    asked: tuple[str, ...] = ()
    judged: bool = False
    shared: bool = False
    numbered: str = ""

    @property
    def known(self) -> tuple[str, ...]:
        """All that a column can be called."""
        return (self.media, *self.columns)
