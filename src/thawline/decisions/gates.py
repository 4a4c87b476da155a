"""Gates: what a model's figures must reach, and whether they do, do not, or can't be told apart from it yet.

A gate by the interval's lower bound is met where the whole 95 % interval reaches it, missed where none of it does, and
undecidable in between. All intervals of shares here are Wilson's over an effective count of samples, and a Wilson bound
lies at `wanted` where (value - wanted)^2 = z^2 wanted (1 - wanted) / count (Wilson 1927). So the count that decides at
the same value is known without a search.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thawline.data.tables.yaml_files import read_yaml
from thawline.errors import UserError
from thawline.judging.intervals import Estimate, Z
from thawline.judging.metrics import call

GATES_FILE = "gates.json"
MET, MISSED, UNDECIDABLE = "met", "missed", "undecidable"
OVERALL = (
    *("accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "overlap", "mean_average_precision"),
    *("roc_auc", "average_precision"),
)
OF_A_CLASS = ("recall", "precision", "f1")
OF_SCORES = ("mae", "rmse", "r2", "spearman")
_BOUNDS = ("low", "value")
_MEND = "write, say, 'by: low', 'accuracy: 0.9' and 'recall: {NAME: 0.95}'"
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Gate:
    """One figure that must be reached.

    Attributes:
        figure: Its name in `metrics.json`.
        label: The class that it is of; None: of all together.
        wanted: What it must reach, a share.
    """

    figure: str
    label: str | None
    wanted: float

    @property
    def called(self) -> str:
        """As people read it: "recall of beach"."""
        return call(self.figure) + ("" if self.label is None else f" of {self.label}")


@dataclass(frozen=True)
class Gates:
    """What a file of gates asks for.

    Attributes:
        path: The file.
        by: What must reach it: `low`, the lower bound of the 95 % interval, or `value`, the figure itself.
        gates: In the file's order.
    """

    path: Path
    by: str
    gates: tuple[Gate, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether a gate is met.

    Attributes:
        gate: The gate.
        estimate: The figure with its interval; None where there is no sample to judge by.
        verdict: `met`, `missed` or `undecidable`.
        samples: How many samples the figure is of.
        enough: How many would decide at the same figure; None where it is decided, or where no number would.
    """

    gate: Gate
    estimate: Estimate | None
    verdict: str
    samples: int
    enough: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "figure": self.gate.figure,
            "class": self.gate.label,
            "wanted": self.gate.wanted,
            "reached": None if self.estimate is None else self.estimate.to_json(),
            "verdict": self.verdict,
            "samples": self.samples,
            "enough": self.enough,
        }


def read_gates(path: Path) -> Gates:
    """The gates of a YAML file: `by`, figures of all classes together, and figures of classes by their names.

    Raises:
        UserError: The file is absent or malformed; what is wrong in it is named.
    """
    given = read_yaml(path, _MEND)
    if not isinstance(given, dict):
        raise UserError(f"{path} holds no gates; {_MEND}")
    by = given.pop("by", "low")
    if by not in _BOUNDS:
        raise UserError(f"{path}: by: {by} is not known; use {' or '.join(_BOUNDS)}")
    gates = []
    for figure, wanted in given.items():
        if figure in OVERALL:
            gates.append(Gate(figure, None, _share(wanted, by, f"{path}: {figure}")))
        elif figure in OF_A_CLASS and isinstance(wanted, dict):
            gates += [
                Gate(figure, _name(label, path), _share(one, by, f"{path}: {figure} of {label}"))
                for label, one in wanted.items()
            ]
        elif figure in OF_A_CLASS:
            raise UserError(f"{path}: {figure} is of a class; write '{figure}: {{NAME: 0.95}}'")
        elif figure in OF_SCORES:
            raise UserError(f"{path}: {figure} is no share, and gates are shares alone: of scores there are none")
        else:
            known = ", ".join(["by", *OVERALL, *OF_A_CLASS])
            raise UserError(f"{path} has the key '{figure}', which is not known; it may have {known}")
    if not gates:
        raise UserError(f"{path} holds no gates; {_MEND}")
    return Gates(path, by, tuple(gates))


def check_classes(gates: Gates, classes: Sequence[str]) -> None:
    """Refuse gates of a class that there is not: a slip of the pen, not a miss; raises UserError."""
    for gate in gates.gates:
        if gate.label is not None and gate.label not in classes:
            near = difflib.get_close_matches(gate.label, classes, n=1)
            hint = f"did you mean {near[0]}" if near else f"there are {', '.join(classes)}"
            raise UserError(f"{gates.path}: {gate.figure} of {gate.label}: there is no class {gate.label}; {hint}")


def judge_gates(gates: Gates, judged: Mapping[str, Any]) -> list[Verdict]:
    """Hold a judgement, as `metrics.json` has it, against each gate.

    Raises:
        UserError: A gate is of a class or a figure that the judgement does not have.
    """
    check_classes(gates, judged["classes"])
    return [_judge(gate, gates, judged) for gate in gates.gates]


def _judge(gate: Gate, gates: Gates, judged: Mapping[str, Any]) -> Verdict:
    figures = judged if gate.label is None else judged["per_class"][gate.label]
    if gate.figure not in figures:
        if "mae" in figures:
            raise UserError(f"{gates.path}: these samples have scores, for which there are no gates; leave gates out")
        has = ", ".join(name for name in (OVERALL if gate.label is None else OF_A_CLASS) if name in figures)
        raise UserError(f"{gates.path}: {gate.figure} is no figure of these samples, which have {has}")
    counted = "samples" if gate.label is None else "predicted" if gate.figure == "precision" else "support"
    samples, found = int(figures[counted]), figures[gate.figure]
    if found is None:
        return Verdict(gate, None, UNDECIDABLE, samples)
    estimate = Estimate(**found)
    verdict = _verdict(estimate, gate.wanted, gates.by)
    return Verdict(
        gate, estimate, verdict, samples, _enough(gate, estimate, samples) if verdict == UNDECIDABLE else None
    )


def _verdict(estimate: Estimate, wanted: float, by: str) -> str:
    if by == "value":
        return MET if estimate.value >= wanted else MISSED
    if estimate.low >= wanted - _ROUNDING:
        return MET
    return MISSED if estimate.high < wanted - _ROUNDING else UNDECIDABLE


def _enough(gate: Gate, estimate: Estimate, samples: int) -> int | None:
    """How many samples would decide, if the figure stayed and they were grouped as these are."""
    if estimate.value == gate.wanted:
        return None
    deciding = count_at(estimate.value, gate.wanted)
    bound = estimate.low if 0 < estimate.low < estimate.value else estimate.high
    if not 0 < bound < 1:
        return None  # no interval of Wilson's
    needed = samples * deciding / count_at(estimate.value, bound)
    # On the bound itself a gate is met, and not yet missed.
    return math.ceil(needed - _ROUNDING) if estimate.value > gate.wanted else math.floor(needed) + 1


def count_at(value: float, bound: float) -> float:
    """The effective count of samples at which a bound of Wilson's interval around `value` lies at `bound`."""
    return Z**2 * bound * (1 - bound) / (value - bound) ** 2


def _share(wanted: Any, by: str, where: str) -> float:
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)) or not 0 < wanted <= 1:
        raise UserError(f"{where}: {wanted} is no share; write one above 0 and at most 1, 0.95 for 95 %")
    if by == "low" and wanted == 1:
        raise UserError(f"{where}: no number of samples has an interval that begins at 1; write less, or 'by: value'")
    return float(wanted)


def _name(label: Any, path: Path) -> str:
    if isinstance(label, bool) or label is None:
        raise UserError(f"{path}: YAML reads the class {label} as a word of its own; put its name in quotes")
    return str(label)
