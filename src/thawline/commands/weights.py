"""`thawline weights list|fetch`: the encoders' weights on this machine."""

from collections.abc import Sequence
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import WeightsSettings
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.separator_weights import fetch_separator, look_up_separator
from thawline.encoders.weights import Cached, fetch, is_hub_id, look_up
from thawline.errors import UserError
from thawline.output import report
from thawline.screen import say
from thawline.tasks.typed import to_settings


def weights_list(_: DictConfig) -> None:
    """List the encoders of `conf/encoder/` and whether their weights are here. Nothing goes on the network."""
    table = Table(box=None)
    for heading in ("encoder", "weights", "revision", "here"):
        table.add_column(heading, overflow="fold")
    encoders = []
    for name, settings in _encoders(_names()).items():
        found, separator = look_up(settings), look_up_separator(settings) if settings.stems else None
        here = decimal(found.bytes) if found.where else "-"
        if separator is not None and found.where:
            here = decimal(found.bytes + separator.bytes) if separator.where else f"{here}, no separator"
        revision = found.revision or settings.revision or "-"
        if settings.without_files:
            here = "none needed"
        names = f"{settings.name}, {settings.separator}" if settings.stems else settings.name
        encoders.append(_facts(name, settings, found, separator))
        table.add_row(name, names, revision[:8], here)
    report(encoders=encoders)
    console = Console()
    console.print(table)
    say(console, "'thawline weights fetch ENCODER' brings one here; it uses the network.")


def weights_fetch(config: DictConfig) -> None:
    """Bring the weights of an encoder of `conf/encoder/`, or of any repository of the Hub, to this machine.

    Raises:
        UserError: There is no such encoder, or the Hub can't be reached.
    """
    wanted: WeightsSettings = to_settings(config)
    name = wanted.name
    if name and is_hub_id(name):
        # Of this family are the parts of any other's repository, too.
        fetched = fetch(EncoderSettings(family="sentences", name=name))
        report(encoder=name, weights=fetched)
        say(Console(), f"{name}: {fetched}")
        return
    if name not in _names():
        raise UserError(f"there is no encoder '{name}'; there are: {', '.join(_names())}, and any Hub id")
    settings, console = _encoders([name])[name], Console()
    fetched = fetch(settings)
    report(encoder=name, weights=fetched)
    say(console, f"{name}: {fetched}")
    if settings.stems:
        separator = fetch_separator(settings)
        report(separator=separator)
        say(console, f"separator: {separator}")


def _facts(name: str, settings: EncoderSettings, found: Cached, separator: Cached | None) -> dict[str, Any]:
    """An encoder as plain JSON."""
    return {
        "name": name,
        "weights": settings.name,
        "revision": found.revision or settings.revision,
        "needs_files": not settings.without_files,
        "here": found.where is not None,
        "bytes": found.bytes if found.where else None,
        "separator": None
        if separator is None
        else {"weights": settings.separator, "here": separator.where is not None, "bytes": separator.bytes},
    }


def _names() -> list[str]:
    """The encoders that have a conf file."""
    return sorted(path.stem for path in (conf_directory() / "encoder").glob("*.yaml"))


def _encoders(names: Sequence[str]) -> dict[str, EncoderSettings]:
    """What the conf files of these encoders say; each takes a fifth of a second."""
    encoders = {}
    with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
        for name in names:
            config = hydra.compose(overrides=[f"+encoder={name}"])
            settings = OmegaConf.to_object(config.encoder)
            assert isinstance(settings, EncoderSettings)  # noqa: S101  # the schema that each file begins with
            encoders[name] = settings
    return encoders
