"""What a registry's folder holds, and what the bundle in a version's directory says of itself."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from thawline.bundles.ensemble_manifest import ENSEMBLE, is_ensemble
from thawline.bundles.manifest import DECISION, MANIFEST, check_bundle, read_manifest, refusal
from thawline.decisions.gates import MISSED
from thawline.errors import UserError
from thawline.files import read_json
from thawline.judging.intervals import Estimate
from thawline.judging.metrics import call
from thawline.judging.wording import percent
from thawline.versions.settings import SQLITE

FOLDER = re.compile(r"v\d{4,}")
LOCK, ADDING = ".registry.lock", ".adding"


def check_registry(root: Path, *, made: bool = False) -> None:
    """Can `root` be a registry, and, if it must be `made` already, is it one?

    Raises:
        UserError: It can't, or there is none.
    """
    if root.is_symlink() and not root.exists():
        raise UserError(f"{root} is a link that leads nowhere; mend it, or choose another folder (versions.dir=…)")
    if root.exists() and not root.is_dir():
        raise UserError(f"{root} is a file, and versions are kept in a folder; choose another (versions.dir=…)")
    names = [path.name for path in root.iterdir()] if root.is_dir() else []
    own = [name for name in names if name in (SQLITE, LOCK) or FOLDER.fullmatch(name)]
    if not own and any(not name.startswith(".") for name in names):
        raise UserError(f"{root} is no registry of versions, and holds something else; choose another (versions.dir=…)")
    if made and not own:
        raise UserError(f"there are no versions in {root} yet; 'thawline versions import BUNDLE' makes a first one")


def task_in(folder: Path) -> str:
    """The task that the bundle in `folder` answers.

    Raises:
        UserError: It is none, or damaged.
    """
    check_bundle(folder)
    name = ENSEMBLE if is_ensemble(folder) else DECISION
    try:
        return str(read_json(folder / name)["task"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise refusal(folder, f"{name} does not tell its task") from error


def kind_in(folder: Path) -> str:
    """The network that the bundle in `folder` is based on and the task that it was trained for, in words.

    Raises:
        UserError: It is no bundle, or damaged.
    """
    base, task = read_manifest(folder).get("base"), task_in(folder)
    if is_ensemble(folder) or not isinstance(base, Mapping):
        return f"an ensemble for task={task}"
    revision = f", revision {str(base['revision'])[:12]}" if base.get("revision") else ""
    return f"{base.get('model') or base.get('name')} ({base.get('family')}{revision}) for task={task}"


def weights_in(folder: Path) -> str | None:
    """Digest of the pretrained weights that the bundle in `folder` is based on; None: it does not tell.

    Raises:
        UserError: It is no bundle, or damaged.
    """
    base = read_manifest(folder).get("base")
    weights = base.get("weights") if isinstance(base, Mapping) else None
    return weights if isinstance(weights, str) else None


def metrics_in(folder: Path) -> dict[str, Any]:
    """What the bundle in `folder` says that it is worth.

    Raises:
        UserError: It is none, or damaged.
    """
    check_bundle(folder)
    metrics = read_manifest(folder).get("metrics")
    return dict(metrics) if isinstance(metrics, dict) else {}


def gates_missed_in(folder: Path) -> list[str]:
    """The gates that the run of the bundle in `folder` missed when it was exported all the same, in words.

    Raises:
        UserError: It is no bundle, or damaged.
    """
    gates = read_manifest(folder).get("gates", [])
    try:
        return [_missed(one) for one in gates if one["verdict"] == MISSED]
    except (KeyError, TypeError) as error:
        raise refusal(folder, f"{MANIFEST} does not tell which gates it meets") from error


def _missed(gate: Mapping[str, Any]) -> str:
    figure = call(gate["figure"]) + ("" if gate["class"] is None else f" of {gate['class']}")
    reached = None if gate["reached"] is None else Estimate(**gate["reached"])
    return f"{figure} is {percent(reached)}, wanted {100 * gate['wanted']:g}"


def headline(metrics: Mapping[str, Any]) -> tuple[str, Estimate] | None:
    """The figure of a version that tables show, by its name: what `headline` names, in a run's or a card's metrics."""
    figures = metrics.get("estimates") or metrics
    name = metrics.get("headline") or next((key for key, value in figures.items() if _is_estimate(value)), "")
    value = figures.get(name)
    return (str(name), Estimate(value["value"], value["low"], value["high"])) if _is_estimate(value) else None


def _is_estimate(value: Any) -> TypeGuard[Mapping[str, float]]:
    return isinstance(value, Mapping) and {"value", "low", "high"} <= value.keys()
