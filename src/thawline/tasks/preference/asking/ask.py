"""What to ask about next, of the items in the database; and `thawline preference ask`, which prints it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from rich.console import Console
from sqlalchemy.orm import Session

from thawline.data.tables.reading import check_table_name, write_rows
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.output import report
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.preference.asking.asked import Asking, QueriedItem, groups_of
from thawline.tasks.preference.asking.between import next_between
from thawline.tasks.preference.asking.scoring import load_scorer
from thawline.tasks.preference.asking.settings import AskSettings, two_versions
from thawline.tasks.preference.asking.strategies import Pick, Pool, pick
from thawline.tasks.typed import to_settings
from thawline.tasks.versions import open_registry
from thawline.versions.feedback import Candidate, answered, candidates
from thawline.versions.registry import Registry
from thawline.versions.schema import Item

_CPU = torch.device("cpu")


def next_items(
    session: Session,
    registry: Registry,
    n: int,
    strategy: str,
    *,
    store: StoreSettings,
    device: torch.device = _CPU,
    seed: int = 0,
) -> Asking:
    """What to ask about next. Nothing is recorded; the same database and seed give the same items.

    Args:
        session: The database.
        registry: Its active version scores the items; without one they are drawn at random.
        n: How many, at most: there may be fewer, and no two are of one group.
        strategy: One of `STRATEGIES`.
        store: Where features are kept. What it lacks is computed first.
        device: What computes features.
        seed: Fixes what is drawn, together with the number of answers.

    Raises:
        UserError: There is no such strategy, or the active version is not sound.
    """
    open_ = candidates(session)
    known = [_candidate(one.item) for one in answered(session)]
    version = registry.active()
    seed = int(np.random.SeedSequence([seed, len(known)]).generate_state(1)[0])
    if version is None:
        why = "random: no version is active yet that could tell photos apart"
        drawn = tuple(QueriedItem(item.id, Path(item.path), None, why) for item in _drawn(open_, n, seed))
        return Asking(drawn, len(open_), None, {})
    scorer = load_scorer(registry.folder(version), store.root)
    among = _drawn(open_, n, seed) if strategy == "random" else open_  # no feature decides at random
    features, problems = scorer.features([*among, *known], store, device)
    usable = [item for item in among if item.id not in problems]
    scores = scorer.probabilities(features[: len(usable)])
    pool = Pool(features[: len(usable)], features[len(usable) :], scores, groups_of(usable))
    rows, gone = _present(usable, pool, n, strategy, seed)
    asked = [
        QueriedItem(usable[one.row].id, Path(usable[one.row].path), float(scores[one.row]), one.reason, version)
        for one in rows
    ]
    told = {item.path: problems[item.id] for item in among if item.id in problems}
    return Asking(tuple(asked), len(open_), version, {**told, **dict.fromkeys(gone, "the file is gone")})


def ask(config: DictConfig) -> None:
    """Print what to ask about next, and write it as a table to be filled in where that is wanted.

    Raises:
        UserError: There is nothing to ask about, or the file to be written is there already.
    """
    settings: AskSettings = to_settings(config)
    out = None if settings.out is None else Path(settings.out).expanduser().absolute()
    if out is not None:
        check_table_name(out)
    if out is not None and out.exists():
        raise UserError(f"{out} is there already; give out= another name, or import it if it is filled in")
    device = find_device(settings.accelerator)
    with open_registry(settings.versions, made=True) as registry, registry.database.reading() as session:
        how: dict[str, Any] = {"store": settings.store, "device": device, "seed": settings.seed}
        if settings.between is None:
            asking = next_items(session, registry, settings.n, settings.strategy, **how)
        else:
            asking = next_between(session, registry, settings.n, two_versions(settings.between), **how)
    console = Console()
    if not asking.items:
        raise UserError(_nothing(asking, settings))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        rows = [(one.path, "", _score(one), one.why, f"v{one.by.number}" if one.by else "") for one in asking.items]
        write_rows(out, ("path", "feedback", "score", "why", "picked_by"), rows)
    report(
        items=[
            {"item": one.item_id, "path": one.path, "score": one.score, "why": one.why}
            if settings.between is None  # who knows which of two versions picked it judges it otherwise
            else {"item": one.item_id, "path": one.path}
            for one in asking.items
        ],
        open=asking.open,
        version=asking.version.number if asking.version else None,
        left_out=asking.problems,
        written={} if out is None else {"table": out},
    )
    _show(asking, settings, console, out)


def _candidate(item: Item) -> Candidate:
    return Candidate(item.id, item.path, item.digest, item.group)


def _drawn(items: Sequence[Candidate], n: int, seed: int) -> list[Candidate]:
    """`n` items whose files are there, drawn at random."""
    nothing = np.empty((len(items), 0), np.float32)
    rows, _ = _present(items, Pool(nothing, nothing[:0], None, groups_of(items)), n, "random", seed)
    return [items[one.row] for one in rows]


def _present(items: Sequence[Candidate], pool: Pool, n: int, strategy: str, seed: int) -> tuple[list[Pick], list[str]]:
    """What is picked of items whose files are there, and the files found gone. Only picked ones are looked for."""
    left, gone = np.arange(len(items)), list[str]()
    while True:
        probabilities = None if pool.probabilities is None else pool.probabilities[left]
        some = pool if len(left) == len(items) else Pool(
            pool.features[left], pool.answered, probabilities, pool.groups[left]
        )  # fmt: skip
        picks = [replace(one, row=int(left[one.row])) for one in pick(strategy, some, n, seed)]
        lost = [one.row for one in picks if not Path(items[one.row].path).is_file()]
        if not lost:
            return picks, gone
        gone += [items[row].path for row in lost]
        left = np.setdiff1d(left, lost)


def _nothing(asking: Asking, settings: AskSettings) -> str:
    if asking.problems:
        path, problem = next(iter(asking.problems.items()))
        return f"none of the {asking.open} photos left can be asked about; {path}: {problem}"
    return f"{settings.versions.root} has no photo left to ask about; 'thawline preference add DIR' adds some"


def _score(asked: QueriedItem) -> str:
    return "" if asked.score is None else f"{asked.score:.6f}"


def _show(asking: Asking, settings: AskSettings, console: Console, out: Path | None) -> None:
    how = f"by {settings.strategy}; scored by "
    how += "nobody yet" if asking.version is None else f"v{asking.version.number}"
    if settings.between is not None:
        how = asking.items[0].why
    say(console, f"{len(asking.items)} of {asking.open:,} photos without an answer, {how}")
    for one in asking.items:
        score = "   -" if one.score is None else f"{one.score:4.2f}"
        # Who knows which of two versions picked it judges it otherwise.
        say(console, f"{one.item_id:>6}  {score}  {one.why}" if settings.between is None else f"{one.item_id:>6}")
        say_whole(console, f"        {one.path}")
    for path, problem in asking.problems.items():
        say_whole(console, f"left out: {path} ({problem})")
    if out is None:
        which = "" if settings.between is None else f" between=[{','.join(settings.between)}]"
        say_next(console, [f"thawline preference ask n={settings.n}{which} out=ask.csv"])
        return
    say_whole(console, f"table  {out}")
    say(console, "Write like, dislike or super_like into the column feedback, then import it.")
    after = [f"thawline versions compare {' '.join(settings.between)}"] if settings.between is not None else []
    say_next(console, [f"thawline preference import {as_word(out)}", *after])
