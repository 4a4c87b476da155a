"""Data sets of the library `datasets`: of the Hub, saved on disk, or in Parquet files."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thawline.data.datasets.settings import SAVED, DatasetSettings, is_hub_id
from thawline.errors import UserError
from thawline.files import read_json

_PATIENCE = 5.0  # seconds for the Hub's first answer
# Read when the libraries are imported: nothing is told to anyone but what fetching a data set takes.
_QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0"}


@contextmanager
def open_splits(path: str, wanted: DatasetSettings, room: Path) -> Iterator[dict[str, Any]]:
    """The splits of a data set by their names, each a `datasets.Dataset` with rows; use them within.

    Args:
        path: A name on the Hub, a folder that `save_to_disk` wrote, a Parquet file, or a folder of such files.
        wanted: Which configuration, revision and splits.
        room: A folder with room for what the library makes of Parquet files meanwhile.

    Raises:
        UserError: The library is not installed, or there is no such data set or split, or it has no rows.
    """
    _import()
    room.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=room, prefix=".reading-") as scratch:
        there = _splits(_load(path, wanted, scratch))
        chosen = list(there) if wanted.splits is None else wanted.splits
        if not chosen:
            raise UserError(f"data.dataset.splits names none; {path} has: {', '.join(there)}")
        for name in chosen:
            if name not in there:
                raise UserError(f"{path} has no split '{name}'; it has: {', '.join(there)}")
            if not len(there[name]):
                raise UserError(f"the split '{name}' of {path} has no rows; choose others by data.dataset.splits=[…]")
        yield {name: there[name].with_format(None) for name in chosen}


def _import() -> Any:
    """The library, quiet.

    Raises:
        UserError: It is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import datasets
    except ImportError as error:
        raise UserError("data.reader=datasets needs the extra 'datasets': pip install 'thawline[datasets]'") from error
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    return datasets


def _load(path: str, wanted: DatasetSettings, scratch: str) -> Any:
    """A `Dataset`, or a `DatasetDict`."""
    import datasets

    place = Path(path).expanduser()
    if not os.path.lexists(place):
        return _of_hub(path, wanted)
    try:
        if place.is_file():
            return datasets.load_dataset("parquet", data_files={"train": str(place)}, cache_dir=scratch)
        if any((place / name).is_file() for name in SAVED):
            return _saved(place, wanted)
        return datasets.load_dataset(str(place), wanted.config, cache_dir=scratch)
    except Exception as error:  # whatever the library, pyarrow or fsspec make of a file that is none
        _raise_of_disk(error)
        raise UserError(
            f"{path} can't be read as a data set ({_first_line(error)}); give a name on the Hub, a folder that "
            "save_to_disk wrote, or Parquet; tables and folders of files are read by data.reader=auto"
        ) from error


def _saved(place: Path, wanted: DatasetSettings) -> Any:
    """What `save_to_disk` wrote; of several splits those that are wanted."""
    if (place / SAVED[0]).is_file():
        return _saved_split(place)
    names: list[str] = read_json(place / SAVED[1])["splits"]
    taken = names if wanted.splits is None else wanted.splits
    return {name: _saved_split(place / name) if name in taken else () for name in names}


def _saved_split(folder: Path) -> Any:
    """One split; the library can't read one without rows."""
    import datasets

    return datasets.load_from_disk(str(folder)) if read_json(folder / "state.json")["_data_files"] else ()


def _of_hub(name: str, wanted: DatasetSettings) -> Any:
    if not is_hub_id(name):
        raise UserError(f"there is no data set {name}; check the path, or give a name on the Hub, owner/name")
    import datasets

    reason = _why_not(name, wanted.revision)
    try:
        with _offline(on=reason is not None):
            return datasets.load_dataset(name, wanted.config, revision=wanted.revision)
    except Exception as error:  # what carries the Hub's requests differs by release, and so do its errors
        _raise_of_disk(error)
        raise UserError(f"the data set {name} can't be fetched: {reason or _first_line(error)}") from error


def _why_not(name: str, revision: str | None) -> str | None:
    """Why the Hub does not give a data set, asked once; None: it does.

    By itself the library asks six times, for half a minute, whether there is a network.
    """
    from huggingface_hub import HfApi, constants, errors

    try:
        HfApi().dataset_info(name, revision=revision, timeout=_PATIENCE)
    except errors.GatedRepoError:
        return "it asks for consent; give it on its page there and set HF_TOKEN"
    except errors.RepositoryNotFoundError:
        return "there is nothing of that name on this disk, and no such data set on the Hub, or it is not public"
    except errors.RevisionNotFoundError:
        return f"it has no revision {revision}; mend data.dataset.revision"
    except Exception:  # of what carries the requests: there is no network
        how = "unset HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else "check the network"
        return f"there is nothing of that name on this disk, and the Hub can't be reached; {how}"
    return None


@contextmanager
def _offline(*, on: bool) -> Iterator[None]:
    """Within, the libraries take what they fetched before, and ask nobody."""
    from datasets import config
    from huggingface_hub import constants

    before = config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    if on:
        config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def _splits(loaded: Any) -> dict[str, Any]:
    if isinstance(loaded, Mapping):
        return {str(name): one for name, one in loaded.items()}
    return {str(getattr(loaded, "split", None) or "train"): loaded}


def _raise_of_disk(error: Exception) -> None:
    """Errors of the disk say what they are themselves."""
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, FileNotFoundError):
        raise error


def _first_line(error: Exception) -> str:
    error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
