"""Photos by a CLIP: its image tower over each photo, once, and its text tower over what is searched for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thawline.data.listing import Listed
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.features.media import Photos
from thawline.features.settings import StoreSettings
from thawline.features.store.key import shelf_id
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.wanted import wanted_features
from thawline.tasks.library.search.indexes.embedded import unit
from thawline.tasks.library.search.indexes.sentences import Vectors


class Pictures:
    """Photos and texts as one CLIP sees them, in one space.

    Attributes:
        name: Of the CLIP.
        digest: Of both towers, by which what they gave is known again.
    """

    def __init__(self, name: str) -> None:
        """Load it.

        Args:
            name: A directory or a Hub id, as `encoder.name` has it.

        Raises:
            UserError: It is not on this machine, or is no CLIP.
        """
        towers = load(EncoderSettings(family="clip", name=name))
        if not isinstance(towers, ClipTowers):
            raise UserError(f"search.clip={name} is no CLIP")
        self.name, self._towers = name, towers
        self._cut = towers.image.cut_for("head"), towers.text.cut_for("head")
        image, text = towers.image.key(self._cut[0]), towers.text.key(self._cut[1])
        self.digest = shelf_id({"image": dict(image), "text": dict(text)})

    def photos(self, paths: Sequence[str], store: StoreSettings) -> tuple[Vectors, int]:
        """([n, d] of each photo, of length 1, or 0 where it is not there or can't be used; how many were computed)."""
        image: Any = self._towers.image
        there = [path for path in dict.fromkeys(paths) if Path(path).is_file()]
        listed = [Listed(Path(path), str(number), "", "", None) for number, path in enumerate(there)]
        kept = FeatureStore(store.root)
        wanted = wanted_features(
            image,
            kept,
            Photos(image.preprocessing),
            cuts=[self._cut[0]],
            dtype=store.dtype,
            device=torch.device("cpu"),
            label=self.name,
        )
        found = survey(listed, kept, wanted)
        usable = [one for one in listed if found.facts[one.name].problem is None]
        if not usable:
            return np.zeros((len(paths), 0), np.float32), 0
        digests = [found.facts[one.name].digest for one in usable]
        features = unit(found.kept[wanted.target(self._cut[0])].of(digests)[:]["features"].float().numpy())
        at = {there[int(one.name)]: row for row, one in enumerate(usable)}
        vectors = np.zeros((len(paths), features.shape[1]), np.float32)
        for row, path in enumerate(paths):
            if path in at:
                vectors[row] = features[at[path]]
        return vectors, found.computed

    def texts(self, texts: Sequence[str]) -> Vectors:
        """[q, d] Of what is searched for, of length 1."""
        prefix = self._towers.text.prefix(self._cut[1]).eval()
        found = [prefix(self._towers.tokenize([text]))["features"].float().numpy() for text in texts]
        return unit(np.concatenate(found))
