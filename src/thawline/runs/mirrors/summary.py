"""The numbers of `metrics.json` by flat names, as loggers take them."""

from collections.abc import Iterator, Mapping
from typing import Any

# Parts of the file, and what their numbers' names begin with. A trial has `inner` in place of `judged`.
_PARTS = {
    "judged": "",
    "judged_baseline": "baseline/",
    "test": "test/",
    "inner": "inner/",
    "inner_baseline": "inner/baseline/",
    "inner_test": "inner/test/",
    "examined": "",
}
_ESTIMATE = ("value", "low", "high")


def summarise(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Every number of a run: `accuracy`, `accuracy/low` and `accuracy/high`, `baseline/accuracy`, `test/p_value`, ….

    Figures of classes are called as in `metrics.csv`: `recall/beach`. Lists, such as the confusion matrix, are no
    numbers; what is null or a sentence is left out.
    """
    return {
        name: value
        for part, prefix in _PARTS.items()
        if isinstance(metrics.get(part), Mapping)
        for name, value in _numbers(metrics[part], prefix)
    }


def _numbers(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        if key == "per_class":
            for name, figures in value.items():
                yield from ((_of_class(one, name), number) for one, number in _numbers(figures, prefix))
        elif isinstance(value, Mapping) and set(value) == set(_ESTIMATE):
            yield f"{prefix}{key}", value["value"]
            yield from ((f"{prefix}{key}/{end}", value[end]) for end in _ESTIMATE[1:])
        elif isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{key}", value


def _of_class(figure: str, name: str) -> str:
    """`recall` and `recall/low` of class `name`: `recall/beach` and `recall/beach/low`."""
    stem, end = figure, ""
    for last in ("/low", "/high"):
        if figure.endswith(last):
            stem, end = figure.removesuffix(last), last
    return f"{stem}/{name}{end}"
