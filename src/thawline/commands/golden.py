"""`thawline evaluate BUNDLE golden=FILE`: is the answer what it must be, for files whose answer is known?"""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from thawline.commands.settings import EvaluateSettings
from thawline.errors import RunError, UserError
from thawline.reports.golden import print_golden
from thawline.tasks.events.bundle import Bundle
from thawline.tasks.genre.golden import GoldenCase, judge_golden, read_golden
from thawline.tasks.load import load
from thawline.tasks.match.bundle import PairBundle


def evaluate_golden(settings: EvaluateSettings, golden: str) -> None:
    """Judge the files that `golden` names by the bundle `settings.run`, and show a table.

    Raises:
        UserError: The bundle or the file of cases can't be used.
        RunError: A case failed.
    """
    if settings.data.path is not None:
        raise UserError(f"golden={golden} names its files itself; leave out the folder {settings.data.path}")
    bundle: Any = load(settings.run, device=settings.accelerator)
    if isinstance(bundle, PairBundle):
        raise UserError(f"{settings.run} judges pairs of images and texts, for which there are no golden cases")
    cases = read_golden(Path(golden), of_photos=isinstance(bundle, Bundle))
    _check_labels(cases, bundle.labels, golden)
    _check_themes(cases, bundle, golden)
    verdicts = list(judge_golden(cases, _records(bundle, cases)))
    print_golden(verdicts, Console())
    if failed := sum(not verdict.passed for verdict in verdicts):
        raise RunError(f"{failed} of {len(verdicts)} golden cases failed; the table says why")


def _check_labels(cases: Sequence[GoldenCase], labels: Sequence[str], golden: str) -> None:
    """A name that the bundle can't say is a slip of the pen, not a failure."""
    for case in cases:
        if case.label is not None and case.label not in labels:
            near = difflib.get_close_matches(case.label, labels, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it knows {', '.join(labels)}"
            raise UserError(f"{golden} expects '{case.label}' of {case.file.name}, which the bundle can't say; {hint}")


def _check_themes(cases: Sequence[GoldenCase], bundle: Any, golden: str) -> None:
    """A theme that the bundle can't be told is a slip of the pen too."""
    for case in cases:
        for theme in case.themes:
            if not bundle.themes:
                raise UserError(f"{golden} tells themes of {case.file.name}, and the bundle takes none; leave them out")
            if not bundle.known_themes([theme]):
                raise UserError(
                    f"{golden} has the theme '{theme}' of {case.file.name}, which the bundle does not know; it knows "
                    f"{', '.join(bundle.themes)}"
                )


def _records(bundle: Any, cases: Sequence[GoldenCase]) -> Iterator[dict[str, Any]]:
    """What a bundle of tracks says of each file; what one of photos says, by the same names."""
    if not isinstance(bundle, Bundle):
        for case in cases:  # one by one: a file may be in several cases, of which other themes are told
            yield from bundle.predict(case.file, themes={case.file: case.themes})
        return
    for said in bundle.predict([case.file for case in cases]):
        sure = None if said.label is None else said.probabilities[said.label]
        yield {"primary_genre": said.label, "confidence": sure, "problem": said.problem}
