"""How a bundle's head is made again: those of any network for sound, and those that answer by tables of genres."""

from collections.abc import Sequence

from thawline.bundles.heads import AUDIO_HEADS, Rebuilds, State, reloaded
from thawline.encoders.encoder import Encoder
from thawline.fitting.heads.head import Head
from thawline.tasks.genre.heads.hints import rebuild_hints
from thawline.tasks.genre.heads.rules import RulesHead
from thawline.tasks.genre.tables.taxonomy import canonical


def _rules(_encoder: Encoder, labels: Sequence[str], state: State) -> Head:
    """The rules whose state-dict is `state`; raises UserError or RuntimeError where they are of other classes."""
    return reloaded(RulesHead([canonical(name) or name for name in labels]), state)


HEADS: Rebuilds = {**AUDIO_HEADS, "rules": _rules, "hints": rebuild_hints}
