"""Where a separator's weights are: a local directory or the Hub's cache, in the layout of Demucs' own repositories."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from thawline.encoders.licence import CARD, check_allowed, read_card_licence
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.weights import Cached, download, is_hub_id
from thawline.errors import UserError

_WANTED = ["*.yaml", "*.safetensors", CARD]


def check_installed() -> None:
    """Is Demucs there?

    Raises:
        UserError: It is not.
    """
    if find_spec("demucs") is None:
        raise UserError("stems need Demucs, which is not installed; run: pip install 'thawline[stems]'")


def locate_separator(settings: EncoderSettings) -> Path:
    """The directory of the separator that `settings` name. The network is not asked.

    Raises:
        UserError: It is not on this machine.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name = settings.separator
    local = Path(name).expanduser()
    if local.is_dir():
        return local
    if not is_hub_id(name):
        raise UserError(f"'{name}' is neither a directory nor a Hub id; set encoder.separator to one of these")
    try:
        revision = settings.separator_revision
        return Path(snapshot_download(name, revision=revision, allow_patterns=_WANTED, local_files_only=True))
    except LocalEntryNotFoundError as error:
        raise UserError(
            f"the weights of {name}, which separates, are not on this machine; fetch the default's with 'thawline "
            "weights fetch ast_stems', or set encoder.separator to a local directory"
        ) from error


def find_separator(settings: EncoderSettings) -> tuple[Path, float | None]:
    """The safetensors file, and how many seconds go through the network at a time (None: the network's own).

    Raises:
        UserError: It is not on this machine, or not a single network in safetensors.
    """
    folder = locate_separator(settings)
    bags = sorted(folder.glob("*.yaml"))
    if len(bags) != 1:
        what = "several" if bags else "no"
        old = ", only .th files, which are not read: they can run code" if not bags and any(folder.glob("*.th")) else ""
        raise UserError(
            f"{folder} has {what} .yaml files that say which network separates{old}; set encoder.separator to "
            "adefossez/HTDemucs or a directory like it"
        )
    model, segment = _read_bag(bags[0])
    file = folder / f"{model}.safetensors"
    if not file.is_file():
        old = "; .th files are not read: they can run code" if any(folder.glob("*.th")) else ""
        raise UserError(
            f"{folder} lacks {file.name}, which {bags[0].name} names{old}; fetch it again, or mend encoder.separator"
        )
    return file, segment


def separator_files(settings: EncoderSettings) -> list[Path]:
    """The files that decide what separates.

    Raises:
        UserError: Demucs is not installed, or the weights are not on this machine.
    """
    check_installed()
    file, _ = find_separator(settings)
    return [*sorted(file.parent.glob("*.yaml")), file]


def look_up_separator(settings: EncoderSettings) -> Cached:
    """What of the separator is on this machine. Neither writes nor asks the network."""
    try:
        file, _ = find_separator(settings)
        return Cached(file.parent, file.stat().st_size)
    except (UserError, OSError):
        return Cached(None, 0)


def fetch_separator(settings: EncoderSettings) -> Path:
    """Bring the separator's weights to this machine, at the pinned revision; a local directory is left as it is.

    Raises:
        UserError: The Hub can't be reached, or has no such repository or revision, or not one network in safetensors.
    """
    local = Path(settings.separator).expanduser()
    repository, revision = settings.separator, settings.separator_revision
    where = local if local.is_dir() else download(repository, revision, _WANTED, setting="encoder.separator")
    find_separator(settings)
    return where


def read_separator_licence(settings: EncoderSettings) -> str | None:
    """The licence of the separator's weights: what the settings state, else what the model card does.

    Raises:
        UserError: The weights are not on this machine, or the licence forbids commercial use and
            `encoder.allow_noncommercial` is false.
    """
    card = read_card_licence(locate_separator(settings) / CARD)
    return check_allowed(settings.separator, settings.separator_licence, card, allowed=settings.allow_noncommercial)


def _read_bag(path: Path) -> tuple[str, float | None]:
    """The name of the one network in a bag of Demucs', and the segment's length."""
    try:
        bag: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        models, segment = bag["models"], bag.get("segment")
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} does not say which network separates; mend encoder.separator") from error
    if isinstance(models, list) and len(models) > 1:
        raise UserError(
            f"{path} joins {len(models)} networks, and one is supported; set encoder.separator to adefossez/HTDemucs"
        )
    if not isinstance(models, list) or len(models) != 1 or not re.fullmatch(r"[\w-]+", str(models[0]), re.ASCII):
        raise UserError(f"{path} does not name one network, {{models: ['955717e8']}} say; mend encoder.separator")
    if segment is not None and (isinstance(segment, bool) or not isinstance(segment, int | float) or segment <= 0):
        raise UserError(f"{path} has segment={segment}, which must be above 0; mend encoder.separator")
    return str(models[0]), segment
