"""How a sweep goes through its settings, typed. Nothing heavy is imported here: each training composes it."""

from dataclasses import dataclass, field

from thawline.errors import UserError

GRID = "grid"
NEVER, MEDIAN, HYPERBAND, WILCOXON = "none", "median", "hyperband", "wilcoxon"
SIMPLEST, BEST = "simplest", "best"
SAMPLERS = ("random", "qmc", "tpe", "gp", "cmaes", "nsga2")
SCORE, SECONDS, BYTES = "score", "seconds", "bytes"


@dataclass
class SweepSettings:
    """What `-m` does with settings that have several values.

    Attributes:
        name: `grid`: all combinations; or which of Optuna's samplers asks for the next trials: `random`, `qmc`, `tpe`,
            `gp`, `cmaes` or `nsga2`. These take intervals too: `method.lr=tag(log,interval(1e-5,1e-1))`.
        trials: A search ends after this many, those that failed among them; null: `minutes` or `stop_when_flat` end it.
        minutes: A search begins no trial after this many minutes; null: no bound.
        stop_when_flat: A search ends when this many trials in a row were no better than the best; null: it does not.
        seed: Fixes which points a search asks for; null: the run's `seed`.
        storage: Where a search keeps its study: a URL that Optuna takes (`postgresql+psycopg://…`); null:
            `journal.log` in the sweep's directory.
        space: What a search goes through, by dotted key, as on the command line, where more can stand. Files of
            `conf/sweep/space` fill it: `sweep/space=events`.
        objectives: What a search is for: `score`, and with it few `seconds` (of a trial) or `bytes` (of its tail), or
            both. Several have no best trial but a front: those that no other beats in all.
        prune: Whether a search ends trials early: `median` (its best epoch is worse than the median of the others at
            this one, which is seldom after the first fold), `hyperband` (successive halving), `wilcoxon` (over folds
            worse than the best), or `none`.
        choose: `simplest`: of the settings that the leaderboard's test can't tell from the best, the one that thaws
            least, then that with the smallest tail, then that with the best score; `best`: the best score.
    """

    name: str = GRID
    trials: int | None = None
    minutes: float | None = None
    stop_when_flat: int | None = None
    seed: int | None = None
    storage: str | None = None
    space: dict[str, str] = field(default_factory=dict)
    objectives: list[str] = field(default_factory=lambda: [SCORE])
    prune: str = NEVER
    choose: str = SIMPLEST

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.name != GRID and self.name not in SAMPLERS:
            raise UserError(f"sweep.name={self.name} is not known; use sweep={GRID}, {', '.join(SAMPLERS)}")
        if self.choose not in (SIMPLEST, BEST):
            raise UserError(f"sweep.choose={self.choose} is not known; use {SIMPLEST} or {BEST}")
        bounds = ("trials", "minutes", "stop_when_flat")
        for key in bounds:
            value = getattr(self, key)
            if value is not None and not value > 0:
                raise UserError(f"sweep.{key}={value} must be above 0, or null")
        if self.seed is not None and not 0 <= self.seed < 2**32:
            raise UserError(f"sweep.seed={self.seed} must be 0 to {2**32 - 1}")
        self._check_objectives()
        self._check_pruning()
        if self.searches:
            if all(getattr(self, key) is None for key in bounds):
                raise UserError("the search has no end; give sweep.trials, sweep.minutes or sweep.stop_when_flat")
            return
        for key in (*bounds, "seed", "storage", "space"):
            if getattr(self, key):
                raise UserError(
                    f"sweep.{key} is for a search, and sweep={GRID} tries all combinations; add sweep=tpe, say"
                )

    def _check_objectives(self) -> None:
        known = self.objectives[:1] == [SCORE] and {*self.objectives} <= {SCORE, SECONDS, BYTES}
        if not known or len({*self.objectives}) < len(self.objectives):
            raise UserError(f"sweep.objectives={self.objectives} must be {SCORE}, then {SECONDS} or {BYTES} or both")
        if self.several and self.name in (GRID, "cmaes"):
            raise UserError(f"sweep={self.name} has one objective; for several use sweep=nsga2, tpe or gp")

    def _check_pruning(self) -> None:
        if self.prune not in (NEVER, MEDIAN, HYPERBAND, WILCOXON):
            raise UserError(f"sweep.prune={self.prune} is not known; use {MEDIAN}, {HYPERBAND}, {WILCOXON} or {NEVER}")
        if self.prune != NEVER and (self.several or not self.searches):
            what = "one objective alone" if self.several else "a search, and sweep=grid is none; add sweep=tpe, say"
            raise UserError(f"sweep.prune={self.prune} is for {what}")

    @property
    def several(self) -> bool:
        """Whether it is for more than the score."""
        return len(self.objectives) > 1

    @property
    def searches(self) -> bool:
        """Whether trials are asked for one after another, and not known beforehand."""
        return self.name != GRID
