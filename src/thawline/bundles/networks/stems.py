"""What separates, in the bundle of a model that hears stems."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thawline.bundles.manifest import SEPARATOR
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.separator import read_separator, save_separator
from thawline.encoders.sound.stems import StemsEncoder, stems_of


def save_stems(folder: Path, encoder: StemsEncoder) -> None:
    """Write what separates into `folder`."""
    save_separator(folder / SEPARATOR, encoder.separator)


def load_stems(folder: Path, encoder: Encoder, stems: int | None) -> Encoder:
    """`encoder` on stems as the files in `folder` say, or itself where it hears windows as they are.

    Raises:
        ValueError: There is a separator and no number of stems.
        UserError: There is no separator that can be used.
    """
    if stems is None:
        if (folder / SEPARATOR).exists():
            raise ValueError(f"there is a {SEPARATOR}, and nothing says into how many stems it separates")
        return encoder
    return stems_of(encoder, read_separator(folder / SEPARATOR), stems)


def stems_facts(settings: EncoderSettings, encoder: Encoder) -> dict[str, Any]:
    """What a manifest says of stems; of a local path only the last part, since the rest is the user's own."""
    if not isinstance(encoder, StemsEncoder):
        return {}
    name = settings.separator
    return {
        "stems": encoder.stems,
        "separator": {
            "name": Path(name).name if Path(name).expanduser().exists() else name,
            "revision": settings.separator_revision,
            "licence": encoder.separator.licence,
        },
    }


def all_licences(base: Mapping[str, Any]) -> str:
    """The licences of all weights that a manifest's `base` names, in one phrase."""
    unknown = "not stated; ask where they come from"
    if "separator" not in base:
        return base["licence"] or unknown
    return f"{base['licence'] or unknown}; of the separator's: {base['separator']['licence'] or unknown}"


def stated_licences(base: Mapping[str, Any]) -> list[str | None]:
    """The licences of all weights that a manifest's `base` names; None where one is not stated."""
    return [base["licence"], *([base["separator"]["licence"]] if "separator" in base else [])]


def stems_note(base: Mapping[str, Any]) -> list[str]:
    """What a card says of stems; nothing where there are none."""
    if "separator" not in base:
        return []
    separator = base["separator"]
    parts = "drums, bass, other and vocals" if base["stems"] == 4 else "vocals and the rest"
    return [
        f"Each window is separated into {parts} by {separator['name']}"
        + (f", revision {separator['revision']}" if separator["revision"] else "")
        + f" (`{SEPARATOR}`), before the network hears them one by one; that needs `pip install 'thawline[stems]'`. "
        f"Licence of the separator's weights: {separator['licence'] or 'not stated; ask where they come from'}."
    ]
