"""What a search goes through: settings with several values, in the grammar of Hydra's command line."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from thawline.errors import UserError

if TYPE_CHECKING:
    from optuna import Trial

LOG = "log"
_WITHIN = 0.381966  # of an interval
Applies = Callable[[Sequence[str], str], bool]


@dataclass(frozen=True)
class Dimension:
    """One setting of the space.

    Attributes:
        key: As it stands on the command line, with a `+` or a package where it has one.
        plain: Its dotted key, or the name of its group.
        values: What it can be, in words, in order; none: any number of the interval.
        low: Least number, of an interval or an even range.
        high: Greatest number.
        step: Between the numbers of a range; None: an interval.
        whole: Whether the numbers are whole.
        log: Whether it is even in the logarithm.
        only: Choices of groups under which alone it is set; none: under each.
    """

    key: str
    plain: str
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    whole: bool = False
    log: bool = False
    only: frozenset[str] = frozenset()

    @property
    def first(self) -> str:
        """One value that it has; of an interval one within, since a setting may take whole numbers alone."""
        if self.values or self.low is None or self.high is None:
            return self.values[0]
        return self._said(self.low + _WITHIN * (self.high - self.low))

    def suggest(self, trial: "Trial") -> str:
        """Ask the trial's sampler for a value, or for the one that the trial has already; gives it in words."""
        if self.low is None or self.high is None:
            return trial.suggest_categorical(self.plain, self.values)
        if self.whole:
            step = int(self.step or 1)
            return self._said(trial.suggest_int(self.plain, int(self.low), int(self.high), step=step, log=self.log))
        return self._said(trial.suggest_float(self.plain, self.low, self.high, step=self.step, log=self.log))

    def said(self, value: Any) -> str:
        """A value of a study's trial in words."""
        return str(value) if self.low is None else self._said(value)

    def _said(self, value: float | None) -> str:
        if value is None:
            raise TypeError("choices are words already")
        if self.values and self.low is not None and self.step:
            return self.values[round((value - self.low) / self.step)]
        return str(int(value)) if self.whole else f"{value:.6g}"


@dataclass(frozen=True)
class Space:
    """All settings of a search.

    Attributes:
        dimensions: The settings, choices of groups first: others may depend on these.
        groups: The names of the groups among them.
    """

    dimensions: tuple[Dimension, ...]
    groups: frozenset[str]

    def first(self, applies: Applies) -> list[str]:
        """One point in words: each setting's first value, as far as the first choices have it."""
        return self.ask(lambda dimension: dimension.first, applies)

    def ask(self, suggest: Callable[[Dimension], str], applies: Applies) -> list[str]:
        """A point in words.

        Args:
            suggest: The value of a setting, in words.
            applies: Whether a config with these choices of groups has the setting of this dotted key.
        """
        chosen: dict[str, str] = {}
        words: list[str] = []
        for dimension in self.dimensions:
            if dimension.only and not dimension.only & set(chosen.values()):
                continue
            is_group = dimension.plain in self.groups
            if not is_group and chosen and not applies([f"{k}={v}" for k, v in chosen.items()], dimension.plain):
                continue
            said = suggest(dimension)
            words.append(f"{dimension.key}={said}")
            if is_group:
                chosen[dimension.key] = said
        return words

    def point(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """The words of the trial that has these `params`."""
        return tuple(f"{d.key}={d.said(params[d.plain])}" for d in self.dimensions if d.plain in params)

    def signature(self, words: Sequence[str]) -> tuple[str, ...]:
        """What all points share whose configs can be composed or can't: choices, and whether numbers are whole."""
        continuous = {one.key for one in self.dimensions if one.low is not None}
        split = [word.partition("=") for word in words]
        return tuple(
            f"{key}={'.' in value or 'e' in value}" if key in continuous else f"{key}={value}"
            for key, _, value in split
        )


def read_space(
    given: Mapping[str, str], words: Iterable[str], groups: Iterable[str], loader: ConfigLoader | None = None
) -> Space:
    """The space of a search.

    Args:
        given: `sweep.space`: by key, as on the command line.
        words: The command line; of one that stands in both this one counts.
        groups: The names of all groups of the config.
        loader: What knows the files of the groups, for `glob(*)`.

    Raises:
        UserError: A setting can't be searched as it is asked for.
    """
    parser = OverridesParser.create(config_loader=loader)
    in_space = {str(key): parser.parse_override(f"{key}={value}") for key, value in given.items()}
    for key, override in in_space.items():
        if not override.is_sweep_override():
            raise UserError(
                f"sweep.space gives '{key}' one value ({given[key]}); give it choice(…), range(…) or interval(…), or "
                "set it outside of the space"
            )
    swept = [one for one in parser.parse_overrides(list(words)) if one.is_sweep_override()]
    fixed = {word.partition("=")[0].lstrip("+") for word in words} - {
        one.get_key_element().lstrip("+") for one in swept
    }
    overrides = {one.get_key_element(): one for one in in_space.values() if one.get_key_element() not in fixed}
    overrides |= {one.get_key_element(): one for one in swept}
    if not overrides:
        raise UserError(
            "the search has nothing to search; give a setting several values, method.lr=tag(log,interval(1e-5,1e-1)) "
            "say, or a file of conf/sweep/space: sweep/space=…"
        )
    known = frozenset(groups)
    dimensions = [_dimension(one) for one in overrides.values()]
    dimensions.sort(key=lambda one: one.plain not in known)  # stable: otherwise as they were given
    space = Space(tuple(dimensions), frozenset(one.plain for one in dimensions if one.plain in known))
    _check_conditions(space)
    return space


def _check_conditions(space: Space) -> None:
    choices = {value for one in space.dimensions if one.plain in space.groups for value in one.values}
    for dimension in space.dimensions:
        for name in sorted(dimension.only - choices):
            raise UserError(
                f"'{dimension.key}' is tagged '{name}', which is no choice that is searched; a tag is {LOG}, or a "
                "choice under which alone the setting is searched"
            )


def _dimension(override: Override) -> Dimension:
    value, key, plain = override.value(), override.get_key_element(), override.key_or_group
    only = frozenset(getattr(value, "tags", ())) - {LOG}
    log = LOG in getattr(value, "tags", ())
    if isinstance(value, IntervalSweep):
        low, high = value.start, value.end
        whole = all(isinstance(number, int) for number in (low, high))
        if low is None or high is None or not -math.inf < low < high < math.inf:
            raise UserError(f"'{key}': an interval goes from a number to a greater one: interval(1e-5,1e-1)")
        _check_log(key, low, log)
        return Dimension(key, plain, low=low, high=high, whole=whole, log=log, only=only)
    if isinstance(value, RangeSweep):
        numbers = sorted(value.range())
        if not numbers:
            raise UserError(f"'{key}': the range holds no number; range(1,4) is 1, 2 and 3")
        whole = all(isinstance(number, int) for number in numbers)
        step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
        _check_log(key, numbers[0], log)
        if log and not (whole and step == 1):
            raise UserError(f"'{key}': a range with a step is not even in the logarithm; use choice or interval")
        words = tuple(str(number) if whole else f"{number:.12g}" for number in numbers)  # 0.3, not 0.30000000000000004
        return Dimension(key, plain, words, numbers[0], numbers[-1], step, whole, log, only)
    if log:
        raise UserError(f"'{key}': choices have no logarithm; tag(log,…) is for interval and range")
    words = tuple(dict.fromkeys(override.sweep_string_iterator()))
    return Dimension(key, plain, words, only=only)


def _check_log(key: str, low: float, log: bool) -> None:
    if log and not low > 0:
        raise UserError(f"'{key}': what is even in the logarithm begins above 0")
