"""The pairs of a run, read and grouped, their images and texts brought to the thaw lines."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.data.pairs.graph import check_sides, find_grouping
from thawline.errors import UserError
from thawline.fitting.feature_set import FeatureRows
from thawline.tasks.match.features import PairRows, Surveyed, encode_pairs, load_pretrained, survey_pairs
from thawline.tasks.match.problem import MatchProblem
from thawline.tasks.settings import RunSettings


def read_match(
    settings: RunSettings,
    device: torch.device,
    classes: Sequence[str] | None = None,  # noqa: ARG001  # there are no others than these two
) -> MatchProblem:
    """Read the pairs of `settings.data` and bring their images and texts to the thaw lines.

    Args:
        settings: The run's settings.
        device: What the frozen parts are computed on.
        classes: Not used.

    Raises:
        UserError: The files, the encoders or the split can't be used.
    """
    pretrained = load_pretrained(settings)
    surveyed = survey_pairs([settings], pretrained, device)
    pairs = surveyed.checked.table.pairs
    labels = np.array([pair.label for pair in pairs], dtype=np.int64)
    images, image_of = _numbered([pair.image for pair in pairs])
    texts, text_of = _numbered([pair.text for pair in pairs])
    encoded = encode_pairs(texts, settings, pretrained, device)

    def rows(features: FeatureRows) -> PairRows:
        return PairRows(features, encoded.rows, image_of, text_of, (surveyed.checked.images, surveyed.checked.texts))

    plain, *views = (surveyed.survey.rows(images, target) for target in surveyed.wanted.targets)
    return MatchProblem(
        settings=settings,
        surveyed=surveyed,
        labels=labels,
        grouping=find_grouping(surveyed.checked.images, surveyed.checked.texts, labels),
        sides=_sides(surveyed),
        pretrained=pretrained,
        rows=rows(plain),
        views=tuple(rows(view) for view in views),
        computed=surveyed.survey.computed + encoded.computed,
        read=surveyed.survey.read + encoded.read,
    )


def _sides(surveyed: Surveyed) -> tuple[str, ...] | None:
    """The given split, after a check that no image and no text is on two sides."""
    pairs = surveyed.checked.table.pairs
    without = next((pair for pair in pairs if pair.side is None), None)
    if without is None:
        check_sides(pairs, surveyed.checked.images, surveyed.checked.texts)
        return tuple(str(pair.side) for pair in pairs)
    if any(pair.side for pair in pairs):
        raise UserError(
            f"row {without.row} of {without.file} has no split, and others have; fill the column, or drop it"
        )
    return None


def _numbered(values: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct values in the order of their first, and the number of each value."""
    number = {value: i for i, value in enumerate(dict.fromkeys(values))}
    return list(number), np.array([number[value] for value in values], dtype=np.int64)
