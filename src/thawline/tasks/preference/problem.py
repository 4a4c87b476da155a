"""What fitting and judging ask of feedback: answered photos at the thaw line, and a tail with one logit over them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.fitting.heads.head import DenseHead, PromptHead
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.preference.answers import CLASSES, LIKE, SUPER_LIKE, count_classes
from thawline.tasks.preference.report import feedback_report
from thawline.tasks.preference.settings import feedback_of
from thawline.tasks.preference.table import Feedback


@dataclass(frozen=True)
class PreferenceProblem(PhotosProblem):
    """Answered photos at the thaw line.

    Attributes:
        feedback: The answers.
    """

    feedback: Feedback

    @property
    def said(self) -> tuple[str, ...]:
        """The answer to each photo, [N]."""
        return self.feedback.answers(self.names)

    @property
    def counts(self) -> dict[str, int]:
        """How many answers make each class."""
        return count_classes(self.said)

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """How many answers each photo counts for in the training, [N]; None where none counts for more than one."""
        weight = feedback_of(self.settings.data).super_like
        super_liked = np.array([answer == SUPER_LIKE for answer in self.said])
        return np.where(super_liked, weight, 1.0) if super_liked.any() and weight != 1 else None

    def report(self) -> dict[str, Any]:
        """What the file holds, as plain JSON."""
        return feedback_report(self.collection, self.feedback)

    def _head(self, hidden: int | None, dropout: float) -> DenseHead:
        """One logit, that of a like; a linear one leans to what was said in words."""
        head = DenseHead(self.encoder.dim, len(CLASSES), hidden=hidden, dropout=dropout, one_logit=True)
        if hidden is None and self.prompts is not None:
            head.toward = self._taste()
        return head

    @torch.no_grad()
    def _taste(self) -> torch.Tensor:
        """The direction of the features in which the logit of a like rises by what was said in words, [dim]."""
        assert self.towers is not None  # noqa: S101  # where there are prompts there is an encoder with text
        assert self.prompts is not None  # noqa: S101
        head = PromptHead(self.prompts.features, self.prompts.class_of_prompt, self.towers.logit_scale)
        embeddings = head.class_embeddings() * head.logit_scale
        like = self.classes.index(LIKE)
        return embeddings[like] - embeddings[1 - like]
