"""`thawline versions activate|rollback|export|import|verify|prune|forget`."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.versions.facts import facts_of
from thawline.commands.versions.settings import VersionsVerbsSettings, number_of
from thawline.errors import RunError, UserError
from thawline.output import report
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.typed import to_settings
from thawline.tasks.versions import activate, open_registry
from thawline.versions.schema import ModelVersion


def versions_activate(config: DictConfig) -> None:
    """Make a version the active one, if it is sound and the gate lets it.

    Raises:
        UserError: It may not; the version that was active still is.
    """
    settings: VersionsVerbsSettings = to_settings(config)
    console, number = Console(), number_of(settings.number)
    with open_registry(settings.versions, made=True) as registry:
        before = registry.active()
        version, verdict = activate(registry, number, margin=settings.versions.margin, force=settings.force)
        report(active=facts_of(version), before=None if before is None else before.number, verdict=verdict)
        if before is not None and before.id == version.id:
            say(console, f"v{number} is the active version already")
            return
        if verdict is not None:
            say(console, verdict.sentence)
        say(console, f"v{number} is active" + (f", v{before.number} was" if before else ""))
        if before is not None:
            say_next(console, ["thawline versions rollback"])


def versions_rollback(config: DictConfig) -> None:
    """Make the version active again that was so before.

    Raises:
        UserError: There was none, or it is not sound.
    """
    settings: VersionsVerbsSettings = to_settings(config)
    with open_registry(settings.versions, made=True) as registry:
        before = registry.active()
        version = registry.rollback()
        report(active=facts_of(version), before=None if before is None else before.number)
        say(Console(), f"v{version.number} is active again" + (f", v{before.number} was" if before else ""))


def versions_export(config: DictConfig) -> Path:
    """Write a version as a bundle of its own, which is given back."""
    settings: VersionsVerbsSettings = to_settings(config)
    if not settings.out:
        raise UserError("'thawline versions export' needs a directory to write; add out=DIR")
    console, number = Console(), number_of(settings.number)
    with open_registry(settings.versions, made=True) as registry:
        out = registry.export(number, Path(settings.out).expanduser().absolute())
    say_whole(console, f"bundle  {out}")
    say_next(console, [f"thawline predict {as_word(out)} PATHS"])
    return out


def versions_import(config: DictConfig) -> None:
    """Keep a bundle from elsewhere as the next version."""
    settings: VersionsVerbsSettings = to_settings(config)
    console = Console()
    with open_registry(settings.versions) as registry:
        version = registry.import_(Path(str(settings.bundle)))
        report(version=facts_of(version), directory=registry.root)
        say(console, f"{settings.bundle} is v{version.number} ({version.type}); it is not active yet")
        say_whole(console, f"versions  {registry.root}")
        say_next(console, [f"thawline versions activate {version.number}"])


def versions_verify(config: DictConfig) -> None:
    """Check the files of every version, or of one, against its manifest.

    Raises:
        RunError: Something is wrong; each finding was printed.
    """
    settings: VersionsVerbsSettings = to_settings(config)
    console = Console()
    with open_registry(settings.versions, made=True) as registry:
        found = registry.verify(None if settings.number is None else number_of(settings.number))
        report(versions=[{"number": one.number, "sound": not wrong, "wrong": wrong or None} for one, wrong in found])
        for version, wrong in found:
            say(console, wrong or f"v{version.number} is sound")
        if not found:
            say(console, "there is no version yet")
        if bad := [version for version, wrong in found if wrong]:
            raise RunError(f"{_named(bad)} of {len(found)} checked can't be used; put a copy back, or activate another")


def versions_prune(config: DictConfig) -> None:
    """Delete the directories of old versions that nothing needs; their rows stay."""
    settings: VersionsVerbsSettings = to_settings(config)
    with open_registry(settings.versions, made=True) as registry:
        pruned = registry.prune(settings.keep)
        report(pruned=[version.number for version in pruned])
        say(Console(), f"pruned {_named(pruned)}" if pruned else "nothing to prune")


def versions_forget(config: DictConfig) -> None:
    """Delete the answers of an item, and prove that no version knows of it any more.

    Raises:
        RunError: A version that is not pruned still does; each is named.
    """
    settings: VersionsVerbsSettings = to_settings(config)
    console = Console()
    with open_registry(settings.versions, made=True) as registry:
        forgotten = registry.forget(str(settings.item))
    item = forgotten.item
    report(
        item={"id": item.id, "path": item.path},
        retracted=forgotten.retracted,
        trained_on_it=[version.number for version in forgotten.users],
        left=[version.number for version in forgotten.left],
    )
    deleted = "1 answer was" if forgotten.retracted == 1 else f"{forgotten.retracted} answers were"
    say(console, f"item {item.id}: {deleted} deleted now; it is not asked about any more")
    say_whole(console, f"file  {item.path}")
    for version in forgotten.users:
        gone = ", which was pruned" if version.pruned_at else ""
        say(console, f"v{version.number} was trained on it, or began with one that was{gone}")
    if forgotten.left:
        raise RunError(
            f"{_named(forgotten.left)} still knows of it; train again without it and activate that, then remove what "
            "is left (thawline versions prune)"
        )
    say(console, "no version that is there knows of it")


def _named(versions: Sequence[ModelVersion]) -> str:
    return ", ".join(f"v{version.number}" for version in versions)
