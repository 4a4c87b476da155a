"""What a version says of items by their stored features: no photo is opened for what the store has."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.bundles.bounds import answering
from thawline.bundles.manifest import DECISION, check_bundle
from thawline.bundles.networks.classifier import load_late_parts
from thawline.data.listing import Listed
from thawline.data.photos.photo import PhotoFacts
from thawline.encoders.encoder import Encoder
from thawline.errors import UserError
from thawline.features.media import Photos
from thawline.features.settings import StoreSettings
from thawline.features.store.store import FeatureStore, healing
from thawline.features.survey import survey
from thawline.features.wanted import wanted_features
from thawline.files import read_json
from thawline.tasks.preference.answers import LIKE
from thawline.versions.feedback import Candidate

_CHUNK = 4096  # rows of features that are scored at a time


@dataclass(frozen=True, eq=False)
class Scorer:
    """A version at the end of its encoder.

    Attributes:
        encoder: Its network, with its preprocessing.
        head: Features [n, d] to logits [n, classes].
        temperature: What the logits are divided by.
        column: The class that is liked.
    """

    encoder: Encoder
    head: nn.Module
    temperature: float
    column: int

    @torch.no_grad()
    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """That each item is liked, [n], from features [n, d]."""
        parts = [np.empty(0)]
        for start in range(0, len(features), _CHUNK):
            logits = self.head(torch.from_numpy(features[start : start + _CHUNK])).double() / self.temperature
            parts.append(torch.softmax(logits, dim=-1)[:, self.column].numpy())
        return np.concatenate(parts)

    def features(
        self, items: Sequence[Candidate], store: StoreSettings, device: torch.device
    ) -> tuple[NDArray[np.float32], dict[int, str]]:
        """Features of `items` at the end of the encoder, from the store or computed into it.

        Returns:
            Those of the items that can be used, in their order, [n, d]; and, by id, why others can't.
        """
        assert self.encoder.preprocessing is not None  # noqa: S101  # bundles of photos have one
        shelves = FeatureStore(store.root)
        wanted = wanted_features(
            self.encoder,
            shelves,
            Photos(self.encoder.preprocessing),
            cuts=[self.encoder.end],
            dtype=store.dtype,
            device=device,
            label="the active version",
        )
        shelf = wanted.targets[0].shelf

        def found() -> tuple[NDArray[np.float32], dict[int, str]]:
            if items and (held := shelf.rows_if_all([item.digest for item in items])) is not None:
                return held[:]["features"].float().numpy(), {}
            missing = set(shelf.missing([item.digest for item in items]))
            lacking = [item for item in items if item.digest in missing]
            problems: dict[int, str] = {}
            if lacking:
                files = [Listed(Path(item.path), str(item.id), "", "", None) for item in lacking]
                facts = survey(files, shelves, wanted).facts
                problems = {item.id: _problem(item, facts[str(item.id)]) for item in lacking}
                problems = {id_: problem for id_, problem in problems.items() if problem}
            usable = [item.digest for item in items if item.id not in problems]
            if not usable:
                return np.empty((0, self.encoder.dim), np.float32), problems
            return shelf.rows(usable)[:]["features"].float().numpy(), problems

        return healing(found)


@lru_cache(maxsize=3)  # the active version, and two that are compared
def load_scorer(folder: Path, root: Path) -> Scorer:
    """The version in `folder`, which never changes; its files are verified.

    Args:
        folder: The version's.
        root: Folder of the store that remembers its network.

    Raises:
        UserError: It is not sound, or does not say what is liked.
    """
    check_bundle(folder)
    with answering(folder):
        encoder, head = load_late_parts(folder, root)
        decision = read_json(folder / DECISION)
    if LIKE not in decision["labels"]:
        raise UserError(
            f"{folder} tells {', '.join(decision['labels'])} apart, not what is liked; activate another version"
        )
    return Scorer(encoder, head, float(decision["temperature"]["value"]), decision["labels"].index(LIKE))


def _problem(item: Candidate, facts: PhotoFacts) -> str:
    """Why an item that was looked at can't be asked about; "" if it can."""
    if facts.problem is not None:
        return str(facts.problem)
    return "" if facts.digest == item.digest else "the file has another content by now"
