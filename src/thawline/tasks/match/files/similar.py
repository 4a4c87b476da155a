"""Which matches have similar texts or images, by an encoder's features from the store."""

from dataclasses import replace

import numpy as np
import torch

from thawline.data.pairs.mismatches import FloatArray, Similar, find_similar
from thawline.data.pairs.table import listed_images
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.features.encoders import load_late
from thawline.features.media import Photos
from thawline.features.settings import StoreSettings
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.texts import encode_texts
from thawline.features.wanted import wanted_features
from thawline.tasks.match.files.checked import CheckedPairs
from thawline.tasks.match.settings import PairsSettings

_SPARE = 16  # neighbours looked for beyond those that are surely not true of an image


def similar_matches(
    checked: CheckedPairs,
    data: PairsSettings,
    encoder: EncoderSettings,
    store: StoreSettings,
    *,
    by: str | None,
    hard: int,
    device: torch.device,
) -> tuple[Similar, str]:
    """The most similar matches of each, enough for `hard` mismatches each; and what they are similar by.

    Args:
        checked: The matches.
        data: How photos are decoded, and which are too large.
        encoder: Whose features say what is similar.
        store: Where the features are kept.
        by: "texts" or "images"; None: texts where the encoder has text.
        hard: Mismatches for each match.
        device: What computes the features.

    Raises:
        UserError: The encoder's weights are absent, or texts are asked of an encoder without text.
    """
    loaded = load_late(encoder, store.root)
    name = encoder.model or encoder.name
    if by == "texts" and not isinstance(loaded, ClipTowers):
        raise UserError(f"encoder '{name}' has no text; use similar=images, or encoder=clip")
    by = by or ("texts" if isinstance(loaded, ClipTowers) else "images")
    if by == "texts":
        assert isinstance(loaded, ClipTowers)  # noqa: S101  # said above
        features = _texts(checked, loaded, name, store, device)
    else:
        image = loaded.image if isinstance(loaded, ClipTowers) else loaded
        features = _images(checked, image, data, name, store, device)
    each = np.bincount(checked.images)  # matches of each image: each brings a text that is true, and takes `hard` more
    neighbours = int(each.max()) * (1 + hard) + _SPARE
    return find_similar(features, checked.texts if by == "texts" else checked.images, neighbours), by


def _texts(
    checked: CheckedPairs, towers: ClipTowers, name: str, store: StoreSettings, device: torch.device
) -> FloatArray:
    cut = towers.text.cut_for("head")
    key = shelf_key(towers.text.key(cut), None, cut=cut, dtype=store.dtype, device=device.type)
    found = encode_texts(
        [pair.text for pair in checked.table.pairs],
        FeatureStore(store.root),
        key,
        towers.tokenize,
        lambda: towers.text.prefix(cut).to(device),
        entering=towers.text.key(towers.text.end),
        device=device,
        label=f"texts of {name} at {towers.text.borders[cut]}",
    )
    return found.rows[:]["features"].float().numpy()


def _images(
    checked: CheckedPairs, encoder: Encoder, data: PairsSettings, name: str, store: StoreSettings, device: torch.device
) -> FloatArray:
    assert encoder.preprocessing is not None  # noqa: S101  # image encoders have one
    wanted = wanted_features(
        encoder,
        FeatureStore(store.root),
        Photos(replace(encoder.preprocessing, decode=data.decode), data.max_megapixels),
        cuts=[encoder.cut_for("head")],
        dtype=store.dtype,
        device=device,
        label=name,
    )
    found = survey(listed_images(checked.table), FeatureStore(store.root), wanted)
    return found.rows([pair.image for pair in checked.table.pairs])[:]["features"].float().numpy()
