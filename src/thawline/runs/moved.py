"""Where a run's data are now: they, or the run's directory with them, may have been moved since it began."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from thawline.data.datasets.settings import READER, is_hub_id
from thawline.errors import UserError
from thawline.files import write_text
from thawline.runs.directory import CONFIG_FILE, as_config, read_config

# The settings that say where data are. Others that name files say what is computed.
PLACES = (
    "data.path",
    "data.image_base",
    "data.train_csv",
    "data.val_csv",
    "data.test_csv",
    "data.split",
    "data.splits",
    "data.corrections",
)


def places_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The places that a plain part `data` of a config gives, absolute, by their dotted keys."""
    given = {f"data.{name}": value for name, value in config.items() if f"data.{name}" in PLACES and value}
    hub = config.get("reader") == READER and is_hub_id(str(config.get("path") or ""))
    return {key: value if hub and key == "data.path" else _absolute(value) for key, value in given.items()}


def placed(run: Path, config: DictConfig, given: Mapping[str, Any]) -> DictConfig:
    """The config of the run in `run` with its data where they are now.

    A place that is not `given` and not there any more is looked for where it would be if it had moved together with the
    run's directory, or with a place that is given.

    Args:
        run: The directory.
        config: What it keeps.
        given: Places by their dotted keys, absolute.

    Raises:
        UserError: The task has no such place.
    """
    now = config.copy()
    before = {key: value for key in PLACES if (value := OmegaConf.select(config, key))}
    moves = [(str(before[key]), Path(value)) for key, value in given.items() if isinstance(before.get(key), str)]
    if then := OmegaConf.select(config, "paths.run"):
        moves.append((str(then), run.absolute()))
    for key, value in before.items():
        if key not in given:
            _update(now, key, _along(value, moves))
    for key, value in given.items():
        if key.partition(".")[2] not in config.data:
            raise UserError(f"the run {run} has no setting '{key}'; its data are given by {' and '.join(before)}")
        _update(now, key, value)
    return now


def moved_with(place: str, then: str, now: Path) -> Path:
    """Where `place` is if it moved as the folder `then` did, which is `now`; `place` if it is there itself."""
    return Path(_along(place, [(then, now)]))


def members_of(source: Path, components: Iterable[Mapping[str, Any]]) -> list[Path]:
    """Where the runs are that the ensemble `source` was made of; they may have been moved together with it.

    Raises:
        UserError: One of them is not there any more.
    """
    then = str(read_config(source).paths.run)
    paths = [moved_with(one["run"], then, source.absolute()) for one in components]
    if gone := [path for path in paths if not path.is_dir()]:
        raise UserError(f"the ensemble {source} was made of the run {gone[0]}, which is not there any more")
    return paths


def absent_place(config: DictConfig) -> tuple[str, str] | None:
    """The first place of the data that is not there, by its key; None: all are."""
    on_hub = OmegaConf.select(config, "data.reader") == READER and is_hub_id(OmegaConf.select(config, "data.path"))
    for key in PLACES:
        if on_hub and key == "data.path":
            continue
        for place in _each(OmegaConf.select(config, key)):
            if not os.path.lexists(Path(place).expanduser()):
                return key, place
    return None


def refuse_absent(verb: str, run: Path, config: DictConfig) -> None:
    """Refuse to go on where the data of `run` are not there.

    Args:
        verb: What is done with the run, for the message.
        run: The directory that the user named.
        config: Its config, `placed`.

    Raises:
        UserError: It says by which setting to say where they are.
    """
    if (absent := absent_place(config)) is not None:
        raise UserError(f"{not_there(*absent)}; say where: thawline {verb} {run} {absent[0]}=NEW")


def not_there(key: str, place: str) -> str:
    """The beginning of a sentence on data that are not there."""
    return f"the run's data ({key}) are not at {place} any more"


def keep_places(run: Path, places: Mapping[str, Any]) -> None:
    """Write into the config of the run in `run` where its data are now."""
    config = read_config(run)
    for key, value in places.items():
        _update(config, key, value)
    write_text(run / CONFIG_FILE, OmegaConf.to_yaml(config))


def _update(config: DictConfig, key: str, value: Any) -> None:
    OmegaConf.update(config, key, as_config(value))


def _each(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from [value] if value else []
    else:
        yield from map(str, value or ())


def _absolute(value: Any) -> Any:
    if isinstance(value, str):
        return str(Path(value).expanduser().absolute())
    return [str(Path(one).expanduser().absolute()) for one in value]


def _along(value: Any, moves: list[tuple[str, Path]]) -> Any:
    """A place, or several, as it is or as it moved along."""
    if not isinstance(value, str):
        return [_along(str(one), moves) for one in value]
    if os.path.lexists(Path(value).expanduser()):
        return value
    for then, now in moves:
        candidate = os.path.normpath(now / os.path.relpath(value, then))
        if os.path.lexists(candidate):
            return candidate
    return value
