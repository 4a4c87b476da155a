"""What the page shows besides the photo: counts, versions with their rates, the training that runs."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select

from thawline.errors import UserError
from thawline.files import read_json
from thawline.tasks.bundle.serving import Served
from thawline.tasks.preference.answers import ANSWERS
from thawline.tasks.preference.asking.simulate import PICTURE, RESULTS
from thawline.tasks.preference.page.schemas import Compared, Figure, Overview, Side, VersionOut
from thawline.tasks.preference.task import TASK
from thawline.versions.contents import headline
from thawline.versions.feedback import answered
from thawline.versions.interleaved import Interleaved, interleaved
from thawline.versions.jobs import list_jobs, news, note_ends
from thawline.versions.lineage import active_before
from thawline.versions.registry import Registry
from thawline.versions.schema import PENDING, RUNNING, Item
from thawline.versions.usage import Usage, usage


def overview(registry: Registry, served: Served, between: tuple[int, int] | None = None) -> Overview:
    """What there is now, and how the two versions do that are compared, `between`.

    Raises:
        UserError: There is no such version.
    """
    pair = None if between is None else [registry.find(number) for number in between]
    note_ends(registry.database, registry.root)
    with registry.database.reading() as session:
        standing = answered(session)
        used = usage(session)
        counts = Counter(one.answer for one in standing)
        running = [job.id for job in list_jobs(session) if job.status in (PENDING, RUNNING)]
        return Overview(
            model=f"{served.name} answers now.",
            items=session.scalar(select(func.count()).where(Item.removed_at.is_(None))) or 0,
            answers={answer: counts[answer] for answer in ANSWERS},
            fresh=news(session).items,
            versions=[_version(one) for one in reversed(used)],
            compared=None if pair is None else _compared(interleaved(session, pair[0], pair[1], TASK.yes)),
            can_roll_back=active_before(session) is not None,
            job=min(running, default=None),
            plot=(plot := newest_plot(registry.root)) is not None,
            verdict=None if plot is None else _verdict(plot),
        )


def newest_plot(root: Path) -> Path | None:
    """The plot of the newest simulation beside the registry in `root`; None: there is none."""
    return max(root.parent.glob(f"simulate/*/{PICTURE}"), default=None)


def _verdict(plot: Path) -> str | None:
    """What the simulation whose plot it is came to, in words: a plot tells nothing to who can't see it."""
    try:
        said = read_json(plot.with_name(RESULTS))["verdict"]
    except (OSError, UserError, ValueError, KeyError, TypeError):
        return None
    return said if isinstance(said, str) else None


def _version(used: Usage) -> VersionOut:
    version, figure = used.version, headline(used.version.metrics)
    return VersionOut(
        number=version.number,
        type=version.type,
        created_at=version.created_at,
        samples=version.samples,
        headline=None if figure is None else Figure(name=figure[0].replace("_", " "), **vars(figure[1])),
        predictions=version.predictions,
        rates=list(_rates(used)),
        is_active=version.is_active,
        stale=version.stale_since is not None,
        pruned=version.pruned_at is not None,
    )


def _compared(found: Interleaved) -> Compared:
    sides = [Side(version=one.version.number, answers=_answers(one), rates=list(_rates(one))) for one in found.uses]
    sentence = "There are no answers to the picks of both yet." if found.test is None else found.test.summary()
    return Compared(sides=sides, sentence=sentence)


def _answers(used: Usage) -> dict[str, int]:
    return {answer: used.counts[answer] for answer in ANSWERS}


def _rates(used: Usage) -> Iterator[Figure]:
    for rate in TASK.rates:
        if (share := used.rate(rate.wanted, rate.among)) is not None:
            yield Figure(name=rate.name, **vars(share))
