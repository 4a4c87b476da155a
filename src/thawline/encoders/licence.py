"""The licence of an encoder's weights, and whether it allows what they are used for."""

import re
from pathlib import Path

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.weights import locate
from thawline.errors import UserError

CARD = "README.md"
_GAP = r"[\s_\u2010\u2011-]"  # also the hyphens that are not ASCII's
# cc-by-nc-4.0, CC BY-NC-SA, "Non-Commercial", fair-noncommercial-research-license, "not for commercial use", "no
# commercial use", "for research use only", "for research purposes only", apple-amlr (Apple's, of MobileCLIP 2: for
# research alone).
_FORBIDS = re.compile(
    rf"(?<![a-z])nc(?![a-z])|non{_GAP}?commercial|\b(not{_GAP}for|no){_GAP}commercial{_GAP}(use|purposes?)"
    rf"|\b(research|academic){_GAP}((use|purposes?){_GAP})?only|\bamlr\b",
    re.I,
)


def check_licence(settings: EncoderSettings) -> str | None:
    """The licence of the weights that `settings` name: what the settings state, else what the model card does.

    Both are looked at: the stricter one decides.

    Raises:
        UserError: It forbids commercial use, and `encoder.allow_noncommercial` is false.
    """
    card = _card_licence(settings)
    return check_allowed(settings.name, settings.licence, card, allowed=settings.allow_noncommercial)


def check_allowed(name: str, stated: str | None, card: str | None, *, allowed: bool) -> str | None:
    """The licence of the weights `name`: what is `stated`, else what the `card` says; the stricter one decides.

    Raises:
        UserError: It forbids commercial use, and weights of that kind are not `allowed`.
    """
    licences = [licence for licence in (stated, card) if licence]
    for licence in licences:
        if is_noncommercial(licence) and not allowed:
            raise UserError(
                f"the weights of {name} are under '{licence}', which forbids commercial use; set "
                "encoder.allow_noncommercial=true if yours is none, or choose another encoder"
            )
    return licences[0] if licences else None


def is_noncommercial(licence: str) -> bool:
    """Whether the name of a licence says that it forbids commercial use."""
    return _FORBIDS.search(licence) is not None


def read_card_licence(card: Path) -> str | None:
    """The licence in the front matter of a model card; None if there is no card or it states none.

    Where it only says `other`, this is the name that it gives besides, where it gives one.
    """
    if not card.is_file():
        return None
    import yaml
    from huggingface_hub.repocard import metadata_load  # late: it takes long to import

    try:
        facts = metadata_load(card) or {}
    except (OSError, ValueError, yaml.YAMLError):  # front matter that is none
        return None
    licence, name = facts.get("license"), facts.get("license_name")
    chosen = name if licence in (None, "other") and name else licence
    return ", ".join(map(str, chosen)) if isinstance(chosen, list) else chosen and str(chosen)


def _card_licence(settings: EncoderSettings) -> str | None:
    if settings.without_files or settings.weights:
        return None
    try:
        return read_card_licence(locate(settings) / CARD)
    except UserError:  # loading says better what is amiss
        return None
