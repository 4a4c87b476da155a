"""Numbers as every surface shows them."""

from thawline.judging.intervals import Estimate
from thawline.screen import format_number

ALPHA = 0.05  # from which p-value on a difference is none
NOTHING = "-"  # where there is no number

# Figures that are no shares: of errors in the unit of the scores, or numbers of their own. They are shown as they are.
_PLAIN = ("mae", "rmse", "r2", "spearman")
# Figures of which the least is the best.
_LEAST = ("mae", "rmse", "log_loss")


def format_p(p_value: float) -> str:
    """A p-value as it is printed: "p = 0.031", "p = 0.0002", "p < 0.0001"; below 0.05 it is never printed as 0.050."""
    if p_value < 1e-4:
        return "p < 0.0001"
    if p_value < ALPHA and round(p_value, 3) == ALPHA:
        return "p < 0.050"
    return f"p = {p_value:.4f}" if p_value < 0.001 else f"p = {p_value:.3f}"


def format_points(share: float, sign: str = "-") -> str:
    """A difference in points as it is printed, "3.7"; what is not 0 never looks like it. Sign "+" shows a plus."""
    points = 100 * share
    return f"{points:{sign}.1f}" if abs(points) >= 0.05 or points == 0 else f"{points:{sign}.1g}"


def percent(estimate: Estimate | None, digits: int = 1, sign: str = "-") -> str:
    """An estimate in percent with its interval to `digits` digits: "92.5 [88.1, 95.3]"; sign "+": of a difference."""
    if estimate is None:
        return NOTHING
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    if sign == "+":
        return f"{format_points(estimate.value, '+')} [{format_points(estimate.low)}, {format_points(estimate.high)}]"
    return f"{value:.1f} [{low:.{digits}f}, {high:.{digits}f}]"


def is_share(figure: str) -> bool:
    """Whether the figure of that name is a share, which is shown in percent."""
    return figure not in _PLAIN


def goodness(figure: str, value: float) -> float:
    """The value of a figure as what is the greater the better: an error's is negative."""
    return -value if figure in _LEAST else value


def least_is_best(figure: str) -> bool:
    """Whether the figure of that name is an error or a loss."""
    return figure in _LEAST


def factor_of(figure: str) -> float:
    """By what the values of a figure are multiplied to be shown: 100 of a share, otherwise 1."""
    return 100.0 if is_share(figure) else 1.0


def with_unit(figure: str, value: float) -> str:
    """The value of a figure as it is printed: "92.5 %" of a share, otherwise "0.413"."""
    return f"{100 * value:.1f} %" if is_share(figure) else format_number(value)


def in_its_unit(figure: str, estimate: Estimate | None, digits: int = 1, sign: str = "-") -> str:
    """An estimate of a figure with its interval: of a share in percent, else "0.413 [0.391, 0.436]"; see `percent`."""
    if estimate is None or is_share(figure):
        return percent(estimate, digits, sign)
    most = max(abs(each) for each in (estimate.value, estimate.low, estimate.high))
    low, high = (format_number(each, most) for each in (estimate.low, estimate.high))
    return f"{format_number(estimate.value, most, sign)} [{low}, {high}]"
