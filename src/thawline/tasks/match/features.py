"""The images' and the texts' features of pairs: from the store, or through both frozen encoders into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.data.pairs.report import pair_report
from thawline.data.pairs.table import check_labels, listed_images, usable_pairs
from thawline.data.photos.photo import PhotoFacts
from thawline.encoders.encoder import Encoder, Features
from thawline.encoders.settings import Gift
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.features.encoders import load_late, load_late_text
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey
from thawline.features.texts import EncodedTexts, encode_texts
from thawline.features.wanted import Wanted
from thawline.fitting.feature_set import Augment, AugmentedRows, FeatureRows
from thawline.tasks.capabilities import Filled
from thawline.tasks.match.files.checked import CheckedPairs, number_pairs, pairs_settings, read_table_of
from thawline.tasks.match.tail import IMAGE, IMAGE_ID, TEXT, TEXT_ID
from thawline.tasks.photos.line import encoder_name, survey_photos
from thawline.tasks.settings import RunSettings


@dataclass(frozen=True)
class Pretrained:
    """Both encoders of a run.

    Attributes:
        image: The image encoder.
        text: The text encoder.
        tokenize: What makes a text into what enters it.
        logit_scale: What CLIP multiplies its cosine by; None where the two were not trained together.
        scratch: Whether the text encoder has no pretrained weights.
    """

    image: Encoder
    text: Encoder
    tokenize: Callable[[list[str]], Features]
    logit_scale: float | None
    scratch: bool

    def cuts(self, thaw: int | str) -> tuple[int, int]:
        """The image's and the text's cut.

        Raises:
            UserError: A tower has no such border.
        """
        return self.image.cut_for(thaw), 0 if self.scratch else self.text.cut_for(thaw)


def load_pretrained(settings: RunSettings) -> Pretrained:
    """Both encoders that `settings` name.

    Raises:
        UserError: Weights are absent, or an encoder is of another kind.
    """
    image = load_late(settings.encoder, settings.store.root)
    if settings.text is None:
        if not isinstance(image, ClipTowers):
            raise UserError(
                f"encoder '{encoder_name(settings)}' reads no text; use encoder=clip, or add encoder@text=minilm, "
                "or encoder@text=scratch, which is trained on the texts of the pairs"
            )
        return Pretrained(image.image, image.text, image.tokenize, image.logit_scale, scratch=False)
    text = load_late_text(settings.text, settings.store.root)
    tower = image.image if isinstance(image, ClipTowers) else image
    return Pretrained(tower, text.text, text.tokenize, None, scratch=Gift.WEIGHTS not in settings.text.gifts)


class PairRows:
    """Features of pairs: those of each pair's image and of its text, by the names of the towers."""

    def __init__(
        self,
        images: FeatureRows,
        texts: FeatureRows,
        image_of: NDArray[np.int64],
        text_of: NDArray[np.int64],
        ids: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> None:
        """Keep where each pair's are.

        Args:
            images: Features of each image.
            texts: Features of each text.
            image_of: The image of each pair, [pairs].
            text_of: The text of each pair, [pairs].
            ids: What images, and texts, count as the same by, each [pairs].
        """
        self._images, self._texts = images, texts
        self._image_of, self._text_of = image_of, text_of
        self._ids = ids

    def varied(self, augment: Augment, seeds: Sequence[int]) -> "PairRows":
        """The same pairs with their images' stored pixels augmented, each by the seed of its image."""
        return PairRows(
            AugmentedRows(self._images, augment, seeds), self._texts, self._image_of, self._text_of, self._ids
        )

    def __len__(self) -> int:
        return len(self._image_of)

    def __getitem__(self, indices: NDArray[np.int64]) -> Features:
        images, texts = self._images[self._image_of[indices]], self._texts[self._text_of[indices]]
        return {
            **{f"{IMAGE}{name}": tensor for name, tensor in images.items()},
            **{f"{TEXT}{name}": tensor for name, tensor in texts.items()},
            IMAGE_ID: torch.from_numpy(self._ids[0][indices]),
            TEXT_ID: torch.from_numpy(self._ids[1][indices]),
        }


@dataclass(frozen=True)
class Surveyed:
    """Pairs, and their images, that can be used.

    Attributes:
        checked: The pairs, with what was found of the others.
        survey: The images' facts and features.
        wanted: Which features these are.
    """

    checked: CheckedPairs
    survey: Survey[PhotoFacts]
    wanted: Wanted[PhotoFacts]

    def report(self) -> dict[str, Any]:
        """What the files hold, as plain JSON."""
        return pair_report(self.checked.table, self.checked.images, self.checked.texts)


def survey_pairs(runs: Sequence[RunSettings], pretrained: Pretrained, device: torch.device) -> Surveyed:
    """Read the pairs and bring their images to the thaw lines of `runs`, which differ only above these.

    Raises:
        UserError: The files can't be used.
    """
    first = runs[0]
    data = pairs_settings(first.data)
    table = read_table_of(data)
    found, wanted = survey_photos(listed_images(table), runs, pretrained.image, device)
    table = usable_pairs(table, found.facts)
    check_labels(table)
    return Surveyed(number_pairs(table, found.facts), found, wanted)


def encode_pairs(
    texts: Sequence[str], settings: RunSettings, pretrained: Pretrained, device: torch.device
) -> EncodedTexts:
    """The features of distinct `texts` at the text encoder's cut."""
    _, cut = pretrained.cuts(settings.cut)
    encoder = pretrained.text
    key = shelf_key(encoder.key(cut), None, cut=cut, dtype=settings.store.dtype, device=device.type)
    return encode_texts(
        texts,
        FeatureStore(settings.store.root),
        key,
        pretrained.tokenize,
        lambda: encoder.prefix(cut).to(device),
        entering=encoder.key(encoder.end),
        device=device,
        label=f"texts of {(settings.text or settings.encoder).name} at {encoder.borders[cut]}",
    )


def fill_match(runs: Sequence[RunSettings], device: torch.device, refusals: list[UserError]) -> Filled | None:
    """Compute what is missing of the features of images and texts at the thaw lines of `runs`.

    See `tasks.task.TaskFiller`.
    """
    pretrained = load_pretrained(runs[0])
    usable = [run for run in runs if _has_lines(pretrained, run, refusals)]
    if not usable:
        return None
    surveyed = survey_pairs(usable, pretrained, device)
    texts = list(dict.fromkeys(pair.text for pair in surveyed.checked.table.pairs))
    lines = {pretrained.cuts(run.cut)[1]: run for run in usable}
    encoded = [encode_pairs(texts, run, pretrained, device) for run in lines.values()]
    found = surveyed.survey
    return Filled(
        surveyed.report(),
        len({pair.image for pair in surveyed.checked.table.pairs}),
        found.computed + sum(one.computed for one in encoded),
        found.read + sum(one.read for one in encoded),
        found.opened,
        round(found.seconds, 2),
    )


def _has_lines(pretrained: Pretrained, run: RunSettings, refusals: list[UserError]) -> bool:
    try:
        pretrained.cuts(run.cut)
    except UserError as error:
        refusals.append(error)
        return False
    return True
