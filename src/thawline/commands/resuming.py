"""What a run or sweep that was cut off goes on with: its settings, its secrets given anew, its data where they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from thawline.commands.line.quoting import quote
from thawline.errors import UserError
from thawline.runs.directory import REFIT_WORD, is_run_directory, read_config, read_status
from thawline.runs.moved import PLACES, moved_with, placed, places_of, refuse_absent
from thawline.runs.secrets import MASK, masked_keys, unmasked_words

_DATA = "data.path="
_SWEEP_DIRECTORY = "hydra.sweep.dir"


def to_resume(arguments: Sequence[str]) -> tuple[Path, list[str]] | None:
    """The directory of a run or sweep in place of data, if the command line begins with one, and its other words.

    Raises:
        UserError: It names data twice, and the first are no run.
    """
    named = [word for word in arguments if word.startswith(_DATA)]
    if not named:
        return None
    path, *others = (_value(word) for word in named)
    if isinstance(path, str) and path and is_run_directory(Path(path)):
        left = list(arguments)
        left.remove(named[0])
        return Path(path), left
    if others:
        raise UserError(
            f"{path} is no run to go on with, and data.path={others[0]} names the data again; leave one of them out"
        )
    return None


def resumed_config(path: Path, given: Sequence[str]) -> tuple[DictConfig, str]:
    """The config of the run in `path`, in whose directory the run goes on, and how it ended.

    Args:
        path: The directory.
        given: Settings of the command line: secrets that were not saved, and where the data are now.

    Raises:
        UserError: The run can't go on, or something else is given.
    """
    status = read_status(path)
    if status["verb"] != "train":
        raise UserError(f"{path} is a run of 'thawline {status['verb']}', which can't be resumed")
    config, _ = config_now(
        path, [word for word in given if word != REFIT_WORD], finished=status["status"] == "finished"
    )
    config.paths.run = str(path)
    config.refit = True if REFIT_WORD in given else config.refit
    return config, status["status"]


def config_now(
    path: Path, given: Sequence[str], *, finished: bool = False, mirrored: bool = True
) -> tuple[DictConfig, dict[str, Any]]:
    """The config of the run in `path` with its secrets and with its data where they are now, and these places.

    Args:
        path: The directory.
        given: Settings of the command line that say so.
        finished: Whether there is nothing left to do, which is then what is wrong first.
        mirrored: Whether it goes on with its mirror, which may take a secret.

    Raises:
        UserError: A secret is not given, something else is, or the data are not there.
    """
    config = read_config(path)
    places, others = split_places(given)
    lost = [key for key in masked_keys(config) if mirrored or not key.startswith("logger.")]
    secrets = unmasked_words([f"{key}={MASK}" for key in lost], others)
    if finished:
        raise UserError(
            f"the run {path} is finished; 'thawline evaluate {path}' judges it again, and 'thawline train {path} "
            f"{REFIT_WORD}' fits all its data"
        )
    config = placed(path, config, places)
    refuse_absent("train", path, config)
    for override in OverridesParser.create().parse_overrides(secrets):
        OmegaConf.update(config, override.key_or_group, override.value())
    return config, places


def split_places(given: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Where the data are now, absolute, by dotted keys; and the settings of `given` that say something else."""
    here = [word for word in given if _key(word) in PLACES]
    values = {_key(word).partition(".")[2]: _value(word) for word in here}
    return places_of(values), [word for word in given if word not in here]


def resumed_words(directory: Path, saved: Sequence[str], given: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """The settings that the sweep in `directory` goes on with, and where its data are now, if they were moved.

    Args:
        directory: Where the sweep lies now.
        saved: Its command line.
        given: Settings of the command line that resumes it.

    Raises:
        UserError: A secret is not given, or something else is.
    """
    places, others = split_places(given)
    words = unmasked_words(saved, others)
    then = next((_value(word) for word in words if _key(word) == _SWEEP_DIRECTORY), str(directory))
    for word in words:
        key, value = _key(word), _value(word)
        if key in PLACES and key not in places and isinstance(value, str) and value:
            now = moved_with(value, then, directory)
            places |= {key: str(now)} if str(now) != value else {}
    changed = {**places, _SWEEP_DIRECTORY: str(directory)}
    kept = [word for word in words if _key(word) not in changed]
    return [*kept, *(f"{key}={_quoted(value)}" for key, value in changed.items())], places


def _quoted(value: Any) -> str:
    return quote(value) if isinstance(value, str) else f"[{','.join(quote(one) for one in value)}]"


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+")


def _value(word: str) -> Any:
    """What a setting of the command line says; None of a sweep."""
    override = OverridesParser.create().parse_override(word)
    return None if override.is_sweep_override() else override.value()
