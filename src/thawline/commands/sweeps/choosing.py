"""`method=auto`: a sweep over the methods that suit, ranked by grouped cross-validation on inner samples in one run."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from rich.console import Console

from thawline.commands.line.composing import of_run
from thawline.commands.line.quoting import quote
from thawline.commands.sweeps.trial import run_trial
from thawline.errors import UserError
from thawline.files import write_json
from thawline.fitting.auto import AUTO, AutoSettings
from thawline.judging.intervals import Estimate
from thawline.judging.wording import ALPHA, in_its_unit, is_share
from thawline.screen import say
from thawline.tasks.typed import to_settings

Compose = Callable[[Sequence[str]], DictConfig]
Words = tuple[str, ...]
CHOSEN_FILE = "chosen.json"
_OF_THE_METHOD = re.compile(r"method[=.]|hydra\b")


@dataclass(frozen=True)
class Candidates:
    """What a choice of the method is among.

    Attributes:
        trials: What the command line would give each.
        folds: Grouped folds of the training samples by which they are ranked.
        left_out: Why a method is not among them, by its words.
    """

    trials: tuple[Words, ...]
    folds: int
    left_out: Mapping[str, str]


def chooses(config: DictConfig) -> bool:
    """Whether the method of a composed config is to be chosen."""
    return bool(config.method.fit == AUTO)


def find_candidates(trials: Sequence[Words], compose: Compose) -> Candidates | None:
    """The trials of each method that suits, in the place of those of `trials` that leave the method open.

    None: no trial does.

    Raises:
        UserError: No method suits, or the settings are no choice.
    """
    found: dict[Words, None] = {}
    left_out: dict[str, str] = {}
    folds = []
    for words in trials:
        base = compose(words)
        if not chooses(base):
            found[words] = None
            continue
        if base.thaw is not None:
            raise UserError(
                f"method=auto chooses what thaws among method.thaw; give method.thaw=[{base.thaw}] in place of "
                f"thaw={base.thaw}"
            )
        _settings_of(base)  # what suits no method at all is said of all
        auto: AutoSettings = OmegaConf.to_object(base.method)  # type: ignore[assignment]  # by its schema
        folds.append(auto.folds)
        rest = [word for word in words if not _OF_THE_METHOD.match(word)]
        for own in _candidates(auto):
            try:
                _settings_of(compose([*rest, *own]))
                found[(*rest, *own)] = None
            except UserError as error:
                left_out[" ".join(own)] = str(error)
    if not folds:
        return None
    if not found:
        raise UserError(f"no method suits: {'; '.join(f'{name}: {why}' for name, why in left_out.items())}")
    return Candidates(tuple(found), folds[0], left_out)


def _candidates(auto: AutoSettings) -> list[Words]:
    return [
        *((f"method={name}",) for name in auto.methods),
        *((f"method={auto.blocks}", f"thaw={depth}") for depth in auto.thaw),
    ]


def _settings_of(config: DictConfig) -> Any:
    own = config.copy()
    with read_write(own), open_dict(own):
        del own["hydra"]
    return to_settings(own)


def run_candidates(directory: Path, candidates: Candidates, compose: Compose) -> None:
    """Fit and score each one after another, all in this process; those that ended before stay as they are."""
    from thawline.commands.sweeps.scoring import score  # late: what plans needs none of it

    for number, words in enumerate(candidates.trials):
        config = of_run(compose([*words, f"paths.run={quote(str(directory / str(number)))}"]))
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
        run_trial(plain, words, scores=partial(score, inner_folds=candidates.folds))


def say_candidates(candidates: Candidates, console: Console) -> None:
    """What is not tried, and why, before anything is computed; of one reason once."""
    because: dict[str, list[str]] = {}
    for name, why in candidates.left_out.items():
        because.setdefault(why.partition(" ")[2], []).append(name)
    for why, names in because.items():
        say(console, f"not tried: {', '.join(names)} ({why})")


def keep_choice(
    path: Path, candidates: Candidates, rows: Sequence[Mapping[str, Any]], taken: Mapping[str, Any], console: Console
) -> None:
    """Say why a method is taken, and write it with all figures.

    Args:
        path: The run's directory.
        candidates: What there was to choose from.
        rows: The leaderboard's rows as plain dicts, the best first.
        taken: The row that is taken.
        console: Where it is said.
    """
    why = _why(rows, taken)
    say(console, f"chosen {taken['setting']}: {why}")
    write_json(
        path / CHOSEN_FILE,
        {
            "chosen": taken["setting"],
            "why": why,
            "folds": candidates.folds,
            "left_out": candidates.left_out,
            "candidates": list(rows),
        },
    )


def _why(rows: Sequence[Mapping[str, Any]], taken: Mapping[str, Any]) -> str:
    """A sentence or two, with intervals."""
    best, headline = rows[0], rows[0]["headline"]

    def figure(row: Mapping[str, Any]) -> str:
        estimate = Estimate(*(row[headline][key] for key in ("value", "low", "high")))
        if not is_share(headline):
            return in_its_unit(headline, estimate)
        value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
        return f"{value:.1f} % [{low:.1f}, {high:.1f}]"

    alike = [row for row in rows if row["against_best"] is not None and not row["against_best"]["p_value"] < ALPHA]
    if taken is best:
        others = "no simpler one is as good" if alike else "the paired test tells all others from it"
        return f"inner {headline} {figure(best)}, the best of {len(rows)}; {others}"
    return (
        f"inner {headline} {figure(taken)}, the simplest of {len(alike) + 1} that the paired test can't tell from the "
        f"best, {best['setting']}, {figure(best)}: {taken['against_best']['summary']}"
    )
