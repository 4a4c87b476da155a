"""Genres by the instruments that a tagging network hears. Nothing is fitted."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from thawline.encoders.encoder import Encoder
from thawline.errors import UserError
from thawline.fitting.feature_set import Features
from thawline.fitting.heads.audio import TaggingHead
from thawline.tasks.genre.tables.hints import hint_table
from thawline.tasks.genre.tables.instruments import instrument_of
from thawline.tasks.genre.tables.taxonomy import project

# What each class has of its own, so that a track without hints says nothing rather than something infinite.
_LEAST = 1e-2


class HintsHead(TaggingHead):
    """The network's own labels, those of instruments to genres by the table of hints, as logits.

    An instrument's score is the highest of its labels', each a sigmoid, as AudioSet's networks are trained.
    """

    kind = "hints"
    shares: torch.Tensor  # float32 [instruments, classes]: what an instrument adds, in shares of its score
    label: torch.Tensor  # int64 [labels]: places of the instruments' labels among the network's
    instrument: torch.Tensor  # int64 [labels]: whose they are

    def __init__(self, tagger: nn.Module, shares: torch.Tensor, label: torch.Tensor, instrument: torch.Tensor) -> None:
        """Take the network's own classifier, and what of the table is of use; see the class for the shapes."""
        super().__init__(tagger, shares.shape[1])
        self.register_buffer("shares", shares)
        self.register_buffer("label", label)
        self.register_buffer("instrument", instrument)

    def heard(self, features: Features) -> torch.Tensor:
        """Score of each instrument of the table, 0 to 1, [batch, instruments]."""
        scores = torch.sigmoid(self.tagger(features))[:, self.label]
        none = scores.new_zeros(len(scores), len(self.shares))
        return none.scatter_reduce(1, self.instrument.expand_as(scores), scores, "amax")

    def forward(self, features: Features) -> torch.Tensor:
        """All that leaves the encoder to logits [batch, classes]: their softmax is what is added, as shares."""
        return torch.log(self.heard(features) @ self.shares + _LEAST)


def hints_head(encoder: Encoder, classes: Sequence[str]) -> HintsHead:
    """The classifier of `encoder`, and what the table of hints says of `classes`, which are named as in the taxonomy.

    Raises:
        UserError: The network has no classifier that knows instruments, or the table says nothing of the classes.
    """
    if encoder.classifier is None or encoder.labels is None:
        raise UserError("method=hints needs a network that hears instruments; use encoder=ast, tuned on AudioSet")
    names = [instrument_of(label) for label in encoder.labels]
    table = {name: project(added, classes) for name, added in hint_table().items() if name in names}
    table = {name: shares for name, shares in table.items() if shares.any()}
    if not table:
        raise UserError(
            f"method=hints knows no instrument that {encoder.family} hears and that hints at {', '.join(classes)}"
        )
    places = [(place, list(table).index(name)) for place, name in enumerate(names) if name in table]
    return HintsHead(
        encoder.classifier,
        torch.tensor([list(shares) for shares in table.values()], dtype=torch.float32),
        torch.tensor([place for place, _ in places]),
        torch.tensor([instrument for _, instrument in places]),
    )


def rebuild_hints(encoder: Encoder, labels: Sequence[str], state: Mapping[str, torch.Tensor]) -> HintsHead:
    """The `HintsHead` on `encoder` over `labels` whose state-dict is `state`, with the table as it was then.

    Raises:
        ValueError, KeyError: `state` is another head's, or of another network.
    """
    if encoder.classifier is None or encoder.labels is None:
        raise ValueError(f"{encoder.family} has no classifier, which hints need")
    table = {name: state[name] for name in ("shares", "label", "instrument")}
    for name, count in (("label", len(encoder.labels)), ("instrument", len(table["shares"]))):
        places = table[name]
        if len(places) != len(table["label"]) or not ((places >= 0) & (places < count)).all():
            raise ValueError(f"the table of hints has a place of no {name}")
    if table["shares"].shape[1] != len(labels):
        raise ValueError("the table of hints is of other classes")
    return HintsHead(encoder.classifier, **table).eval().requires_grad_(False)
