"""Numbers as every surface shows them."""

from thawline.judging.intervals import Estimate

ALPHA = 0.05  # from which p-value on a difference is none
NOTHING = "-"  # where there is no number


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
