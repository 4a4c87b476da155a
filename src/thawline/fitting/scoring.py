"""What a sweep ranks by: a method's predictions for inner samples, none of them seen by what is judged later."""

from dataclasses import replace

from thawline.fitting.fit import Fitting, fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.methods import Fit
from thawline.fitting.predict import predict_fold
from thawline.fitting.problem import Problem
from thawline.fitting.settings import GradientSettings
from thawline.runs.predictions import Predictions


def score_fold(problem: Problem, fold: Fold, how: Fitting) -> tuple[Predictions, Fit]:
    """Fit without `fold`'s inner samples and say what they are. The samples that `fold` judges are not touched.

    Gradient descent holds its inner samples out anyway, so the tail that is scored is the one that `fit_fold` gives.
    Any other method is fitted on less than it is when it is judged, and kept under a name of its own.

    Raises:
        UserError: A class has too few groups to be on both sides.
    """
    inner = how.inner_fold(problem, fold)
    if isinstance(how.method, GradientSettings):
        fit = fit_fold(problem, fold, how)
    else:
        fit = fit_fold(problem, replace(inner, name=f"{fold.name}-inner", inner=None), how)
    return predict_fold(problem, inner, fit, how.device), fit
