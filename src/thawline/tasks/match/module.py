"""What gradient descent trains for the match task."""

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.tail import Tail
from thawline.tasks.match.fitted import measure
from thawline.tasks.match.losses import PairsModule
from thawline.tasks.match.problem import MatchProblem
from thawline.tasks.match.tail import PairTail
from thawline.tasks.planning import fresh_tail, gradient_of


class MatchModule(PairsModule):
    """Two towers and the scaled cosine between what they give."""

    def __init__(self, problem: MatchProblem, samples: FeatureSet, tail: Tail | None = None) -> None:
        """Measure on the pairs where the training begins: the scaling of new projections, or scale and bias.

        Args:
            problem: The task's data.
            samples: The pairs to train on.
            tail: What to fit; None: a fresh one.
        """
        settings = gradient_of(problem.settings)
        tail = tail or fresh_tail(problem)
        assert isinstance(tail, PairTail)  # noqa: S101  # the task's own
        strangers = max(1, settings.batch_size - 1) if settings.loss == "siglip" else 1
        measure(tail, samples, new_space=problem.pretrained.logit_scale is None, strangers=strangers)
        matches = problem.matches(samples.indices)
        super().__init__(tail, settings, samples=samples, matches=matches, seed=problem.settings.seed)
