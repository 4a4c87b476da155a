"""`thawline data mismatches FILE`: negatives for image–text pairs that match."""

import os
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.data.pairs.mismatches import Mismatch, Similar, make_mismatches
from thawline.data.pairs.report import findings_line
from thawline.data.tables.reading import check_table_name, write_rows
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.features.store.store import FeatureStore
from thawline.output import report
from thawline.screen import say
from thawline.tasks.match.files.checked import CheckedPairs, checked_pairs
from thawline.tasks.match.files.split import only_file, refuse_existing
from thawline.tasks.match.settings import MismatchesSettings
from thawline.tasks.typed import to_settings

_COLUMNS = ("image_path", "text", "label", "difficulty", "similarity")


def data_mismatches(config: DictConfig) -> None:
    """Make mismatches, and write them with the matches.

    Raises:
        UserError: The pairs can't be read, are not matches only, or the file to be written is there already.
    """
    settings: MismatchesSettings = to_settings(config)
    source = only_file(settings.data)
    out = (
        Path(settings.out).expanduser().absolute()
        if settings.out
        else source.with_name(f"{source.stem}-mismatches.csv")
    )
    check_table_name(out)
    refuse_existing(out)
    checked = checked_pairs(settings.data, FeatureStore(settings.store.root), labels=False)
    not_matches = [pair for pair in checked.table.pairs if pair.label == 0]
    if not_matches:
        raise UserError(
            f"row {not_matches[0].row} of {source} is a mismatch (label 0); give matches only (label 1, or no labels)"
        )
    similar, by = _similar(checked, settings)
    made = make_mismatches(
        checked.images,
        checked.texts,
        random=settings.random,
        hard=settings.hard,
        similar=similar,
        seed=settings.seed,
    )
    if not made:
        raise UserError(f"every text in {source} is true of every image; add pairs of other images and texts")
    _write(out, checked, made, settings.data.base or out.parent)
    hard = sum(mismatch.difficulty == "hard" for mismatch in made)
    report(file=out, matches=len(checked.table.pairs), hard=hard, random=len(made) - hard, similar=by or None)
    for line in filter(None, _lines(out, checked, made, settings, by)):
        say(Console(), line)


def _similar(checked: CheckedPairs, settings: MismatchesSettings) -> tuple[Similar | None, str]:
    if not settings.hard:
        return None, ""
    from thawline.tasks.match.files.similar import similar_matches  # late: the encoders take seconds to import

    return similar_matches(
        checked,
        settings.data,
        settings.encoder,
        settings.store,
        by=settings.similar,
        hard=settings.hard,
        device=find_device(settings.accelerator),
    )


def _write(out: Path, checked: CheckedPairs, made: list[Mismatch], root: Path) -> None:
    """Each match with its mismatches below it."""
    pairs = checked.table.pairs
    below: dict[int, list[Mismatch]] = {}
    for mismatch in made:
        below.setdefault(mismatch.match, []).append(mismatch)
    rows: list[tuple[str, str, int, str, str]] = []
    for match, pair in enumerate(pairs):
        image = Path(os.path.relpath(pair.path, root)).as_posix()
        rows.append((image, pair.text, 1, "", ""))
        for mismatch in below.get(match, []):
            similarity = "" if mismatch.similarity is None else f"{mismatch.similarity:.4f}"
            rows.append((image, pairs[mismatch.source].text, 0, mismatch.difficulty, similarity))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_rows(out, _COLUMNS, rows)


def _lines(out: Path, checked: CheckedPairs, made: list[Mismatch], settings: MismatchesSettings, by: str) -> list[str]:
    matches = len(checked.table.pairs)
    hard = sum(mismatch.difficulty == "hard" for mismatch in made)
    how = f" (similar {by})" if hard else ""
    fewer = matches * (settings.random + settings.hard) - len(made)
    return [
        findings_line(checked.table),
        f"{out}: {matches} matches, {len(made)} mismatches: {hard} hard{how}, {len(made) - hard} random",
        f"{fewer} fewer than asked for: too few other texts for some images" if fewer else "",
        "Look through the hard ones: a similar text can be true of an image that it does not stand with."
        if hard
        else "",
    ]
