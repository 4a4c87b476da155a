"""`thawline versions list|show|compare`: what there is, and which of two is the better one."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from thawline.commands.versions.facts import facts_of
from thawline.commands.versions.settings import VersionsVerbsSettings, number_of
from thawline.errors import UserError
from thawline.judging.paired import PairedTest
from thawline.judging.wording import NOTHING, in_its_unit, is_share, percent
from thawline.output import report
from thawline.screen import say, say_next, say_whole
from thawline.tasks.task import Rate, Task
from thawline.tasks.typed import to_settings
from thawline.tasks.versions import both_judged, open_registry, task_of
from thawline.versions.contents import headline
from thawline.versions.gate import CandidateVerdict, judge
from thawline.versions.interleaved import Interleaved, interleaved
from thawline.versions.lineage import lineage
from thawline.versions.registry import Registry
from thawline.versions.schema import ModelVersion
from thawline.versions.sharing import own_bytes
from thawline.versions.usage import Usage, usage

_ROWS = 12  # of answers that are named


def versions_list(config: DictConfig) -> None:
    """List the versions: what each is, how good, how much it was used, and which one is active."""
    settings: VersionsVerbsSettings = to_settings(config)
    console = Console()
    with open_registry(settings.versions, made=True) as registry:
        there, task = registry.versions(), task_of(registry)
        with registry.database.reading() as session:
            used = usage(session)
        report(
            versions=[facts_of(version) for version in there],
            used=[_use(one, task.rates if task else ()) for one in used],
            directory=registry.root,
        )
        if there:
            console.print(_versions_table(there))
        if any(one.shown or one.predictions for one in used):
            console.print(_usage_table(used, task.answers if task else ()))
            _say_rates(console, used, task.rates if task else ())
        if task and task.rates and any(one.shown for one in used):
            say(console, "Rates of versions that were active at different times can't be compared with each other.")
        say_whole(console, f"versions  {registry.root}")
        if there and not any(version.is_active for version in there):
            say_next(console, [f"thawline versions activate {there[0].number}"])
        elif not there:
            say(console, "there is no version yet")
            say_next(console, ["thawline versions import BUNDLE"])


def versions_show(config: DictConfig) -> None:
    """Show one version: what it was made of, what it is worth, where it lies."""
    settings: VersionsVerbsSettings = to_settings(config)
    console = Console()
    with open_registry(settings.versions, made=True) as registry:
        version = registry.find(number_of(settings.number))
        report(**facts_of(version), **_made_of(registry, version))
        for line in _facts(registry, version):
            say(console, line)
        if version.pruned_at is None:
            folder = registry.folder(version)
            report(bundle=folder)
            say(console, f"{decimal(own_bytes(folder))} that no other version has")
            say_whole(console, f"bundle  {folder}")


def versions_compare(config: DictConfig) -> None:
    """Hold two versions against each other, by the answers that both have a fair score of.

    Raises:
        UserError: There is no such version, or both are the same.
    """
    settings: VersionsVerbsSettings = to_settings(config)
    console = Console()
    with open_registry(settings.versions, made=True) as registry:
        first, second = (registry.find(number_of(text)) for text in (settings.number, settings.other))
        if first.id == second.id:
            raise UserError(f"v{first.number} can't be held against itself; name another version")
        names = (f"v{first.number}", f"v{second.number}")
        judged = both_judged(registry, first, second)
        verdict = judge(judged, names=names, margin=settings.versions.margin)
        report(versions=[first.number, second.number], verdict=verdict)
        if verdict.test is None:
            say(console, f"there is no answer that both {names[0]} and {names[1]} have judged without having seen it")
        else:
            _print_judged(console, names, verdict, verdict.test)
        if (task := task_of(registry)) is not None and task.answers:
            with registry.database.reading() as session:
                found = interleaved(session, first, second, task.yes)
                report(interleaved={"used": [_use(one, task.rates) for one in found.uses], "test": found.test})
                _say_interleaved(console, found, task)
        if not second.is_active and second.pruned_at is None:
            say_next(console, [f"thawline versions activate {second.number}"])


def _use(one: Usage, rates: Sequence[Rate]) -> dict[str, Any]:
    """A version's use as plain JSON."""
    found = {rate.name: one.rate(rate.wanted, rate.among) for rate in rates}
    return {
        "number": one.version.number,
        "predictions": one.predictions,
        "answers": dict(one.counts),
        "rates": {name: None if share is None else asdict(share) for name, share in found.items()},
    }


def _made_of(registry: Registry, version: ModelVersion) -> dict[str, Any]:
    """What a version was trained on and when it was active, as plain JSON."""
    with registry.database.reading() as session:
        made_of = lineage(session, version)
    return {
        "answers": dict(made_of.counts),
        "feedback_ids": made_of.feedback_ids,
        "activations": [{"at": at, "reason": reason} for at, reason in made_of.activations],
    }


def _print_judged(console: Console, names: Sequence[str], verdict: CandidateVerdict, test: PairedTest) -> None:
    """How often each version is right about the answers that are there."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for heading in ("version", "answers", "accuracy, %"):
        table.add_column(heading, justify="left" if heading == "version" else "right")
    for name, share in zip(names, (verdict.active, verdict.candidate), strict=True):
        table.add_row(name, str(test.samples), percent(share))
    console.print(table)
    say(console, test.summary())


def _say_interleaved(console: Console, found: Interleaved, task: Task) -> None:
    """What was answered of what the two picked in turn."""
    numbers = [use.version.number for use in found.uses]
    if not any(use.shown for use in found.uses):
        say(console, "No picks of theirs were judged side by side yet; rates of such picks alone are comparable.")
        if task.ask is not None:
            say_next(console, [f"thawline {task.ask} between=[{numbers[0]},{numbers[1]}] out=ask.csv"])
        return
    say(console, "Of what they picked in turn, at one time, so that rates are comparable:")
    console.print(_usage_table(found.uses, task.answers, predictions=False))
    _say_rates(console, found.uses, task.rates)
    if found.test is not None:
        what = " and ".join(word.replace("_", "-") for word in task.yes)
        say(console, f"By {what}, answers in pairs: {found.test.summary()}")


def _versions_table(there: Sequence[ModelVersion]) -> Table:
    figures = [headline(version.metrics) for version in there]
    names = {figure[0] for figure in figures if figure}
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for heading in ("", "version", "type", "made"):
        table.add_column(heading, no_wrap=True)
    for heading in ("answers", f"{names.pop().replace('_', ' ') if len(names) == 1 else 'figure'}, %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("is")
    for version, figure in zip(there, figures, strict=True):
        table.add_row(
            "*" if version.is_active else "",
            f"v{version.number}",
            Text(version.type),
            version.created_at.astimezone().strftime("%Y-%m-%d %H:%M"),
            str(version.samples),
            in_its_unit(*figure) if figure else NOTHING,
            _state(version),
        )
    return table


def _state(version: ModelVersion) -> str:
    states = [("active", version.is_active), ("stale", version.stale_since), ("pruned", version.pruned_at)]
    return ", ".join(name for name, held in states if held)


def _usage_table(used: Sequence[Usage], answers: Sequence[str], *, predictions: bool = True) -> Table:
    """How often each version was asked, and what was answered of what it showed."""
    known = list(dict.fromkeys([*answers, *(answer for one in used for answer in one.counts)]))
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column("version")
    for heading in (*(["asked about"] if predictions else []), *known):
        table.add_column(Text(heading), justify="right")
    for one in used:
        if one.shown or one.predictions:
            counts = (str(one.counts[answer]) for answer in known)
            table.add_row(f"v{one.version.number}", *([str(one.predictions)] if predictions else []), *counts)
    return table


def _say_rates(console: Console, used: Sequence[Usage], rates: Sequence[Rate]) -> None:
    for rate in rates:
        for one in used:
            if (share := one.rate(rate.wanted, rate.among)) is not None:
                say(console, f"v{one.version.number}: {rate.name} {percent(share)} %")


def _facts(registry: Registry, version: ModelVersion) -> Iterator[str]:
    """What there is to say of a version, a line each."""
    numbers = {one.id: one.number for one in registry.versions()}
    began = f", began with v{numbers[version.parent_id]}" if version.parent_id is not None else ""
    state = _state(version)
    yield f"v{version.number}, {version.type}{began}{f', {state}' if state else ''}"
    yield f"made {version.created_at.astimezone():%Y-%m-%d %H:%M}, asked about {version.predictions} items"
    if (figure := headline(version.metrics)) is not None:
        yield f"{figure[0]} {in_its_unit(*figure)}{' %' if is_share(figure[0]) else ''}"
    with registry.database.reading() as session:
        made_of = lineage(session, version)
    if made_of.counts:
        counted = ", ".join(f"{count} {answer}" for answer, count in sorted(made_of.counts.items()))
        rows = ", ".join(map(str, made_of.feedback_ids[:_ROWS]))
        more = f" and {len(made_of.feedback_ids) - _ROWS} more" if len(made_of.feedback_ids) > _ROWS else ""
        yield f"trained on {version.samples} answers ({counted}), rows {rows}{more}"
    else:
        yield "trained on no answer"
    for at, reason in made_of.activations:
        yield f"active from {at.astimezone():%Y-%m-%d %H:%M}: {reason}"
