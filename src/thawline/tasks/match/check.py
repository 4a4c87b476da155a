"""What a file of image–text pairs holds, before anything is trained."""

from typing import Any

from rich.console import Console

from thawline.data.pairs.report import pair_report, print_pair_report
from thawline.data.pairs.table import PairTable, note_long_texts
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.store.store import FeatureStore
from thawline.tasks.match.files.checked import checked_pairs, pairs_settings
from thawline.tasks.settings import CheckSettings


def check_match(settings: CheckSettings, console: Console) -> dict[str, Any]:
    """Show counts, rows that can't be used and why, notes on texts, the groups of a split.

    Raises:
        UserError: A file can't be read, or no row of it can be used.
    """
    checked = checked_pairs(pairs_settings(settings.data), FeatureStore(settings.store.root))
    table, tokens = _with_token_notes(checked.table, settings.encoder)
    report = pair_report(table, checked.images, checked.texts, tokens=tokens)
    print_pair_report(report, console)
    return report


def _with_token_notes(table: PairTable, encoder: EncoderSettings | None) -> tuple[PairTable, str]:
    """The table with findings for texts that an encoder cuts off, and a sentence on whether this was looked at."""
    if encoder is None or encoder.family != "clip":
        return table, "Texts were not measured in tokens; encoder=clip measures them."
    from thawline.encoders.text.clip_tokens import token_counter  # late: transformers takes seconds to import

    try:
        count, longest = token_counter(encoder)
    except UserError as error:
        return table, f"Texts were not measured in tokens: {error}."
    table = note_long_texts(table, count, longest)
    cut = sum(finding.kind == "text too long" for finding in table.findings)
    rows = f"In {cut} row{'s' if cut != 1 else ''} the text" if cut else "No text"
    return table, f"{rows} is longer than the {longest} tokens of {encoder.name}."
