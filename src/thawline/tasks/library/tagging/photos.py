"""What a run of `thawline train FILE task=library` says of an entry's photo, as one of the sources."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thawline.errors import UserError
from thawline.files import digest_of, read_json
from thawline.tasks.library.entries.entry import key_of

FOLDER: Final = "photo_tags"  # the model, as a bundle
_TASK = "library"


@dataclass(frozen=True)
class PhotoPredictions:
    """What a run said of the photos of n entries, by fits that had not seen them.

    Attributes:
        probabilities: [n, t] of tags; NaN: the run did not judge the photo, or does not tell the tag.
        groups: [n] which photos look the same to it; "" where it did not judge one.
    """

    probabilities: npt.NDArray[np.float64]
    groups: list[str]


def read_seen(run: Path, photos: Sequence[str], names: Sequence[str]) -> PhotoPredictions:
    """What the run in `run` said of `photos` [n], of the tags `names` [t].

    Raises:
        UserError: It is no finished run on a library's tags, or judged none of these photos.
    """
    from thawline.runs.directory import read_config  # late: torch takes two seconds to import
    from thawline.runs.finished import finished_run

    judged, _ = finished_run(run)
    if read_config(run)["task"] != _TASK or judged.tags is None:
        raise UserError(f"{run} is no run on a library's tags; make one: thawline train FILE task={_TASK} cv=5")
    root = Path(read_json(run / "data_report.json")["root"])
    places = {os.path.normpath(root / name): row for row, name in enumerate(judged.paths)}
    rows = np.array([places.get(os.path.normpath(photo), -1) for photo in photos])
    there = rows >= 0
    if not there.any():
        raise UserError(f"the run {run} judged none of the library's photos; train it on the same file")
    column = {key_of(name): number for number, name in enumerate(judged.classes)}
    columns = np.array([column.get(key_of(name), -1) for name in names])
    said = np.full((len(photos), len(names)), np.nan)
    said[np.ix_(there, columns >= 0)] = judged.probabilities[np.ix_(rows[there], columns[columns >= 0])]
    groups = ["" if row < 0 else f"{judged.groups[row]}" for row in rows.tolist()]
    return PhotoPredictions(said, groups)


def digest_of_run(run: Path) -> str:
    """A digest of what a run said.

    Raises:
        UserError: There is none.
    """
    file = run / "predictions.parquet"
    if not file.is_file():
        raise UserError(f"{run} is no run that finished; make one: thawline train FILE task={_TASK} cv=5")
    return digest_of(file)


def keep_model(run: Path, folder: Path) -> None:
    """Write the model of a run into a library's directory.

    Raises:
        UserError: The run has no model of all its data, or it can't be exported.
    """
    from thawline.tasks.bundle.exporting import write_run  # late, as above
    from thawline.tasks.run_model import find_run_model

    write_run(find_run_model(run, {}), folder / FOLDER, run.name)


def drop_model(folder: Path) -> bool:
    """Remove the model of a training before; whether there was one."""
    there = (folder / FOLDER).is_dir()
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    return there


class Looker:
    """Tells tags of photos by the model in a library's directory, which is loaded when the first is asked about."""

    def __init__(self, folder: Path) -> None:
        """Name the library's directory."""
        self._folder = folder / FOLDER
        self._bundle: Any = None

    def __call__(self, photo: Path) -> Mapping[str, float] | None:
        """Of each tag how probable it is; None: the photo is not there, or can't be used.

        Raises:
            UserError: The model is damaged.
        """
        if not photo.is_file():
            return None
        (said,) = self._loaded().predict([photo])
        return said.probabilities if said.problem is None else None

    def _loaded(self) -> Any:
        if self._bundle is None:
            from thawline.tasks.bundle.load import load_bundle  # late, as above

            self._bundle = load_bundle(self._folder)
        return self._bundle


def look_in(folder: Path) -> Looker | None:
    """What tells tags of photos in a library's directory; None: nothing does."""
    return Looker(folder) if (folder / FOLDER).is_dir() else None
