"""Thawline: adapt pretrained vision and audio networks to small collections."""

from typing import TYPE_CHECKING, Any

from thawline.version import __version__

if TYPE_CHECKING:
    from thawline.api import Run, Sweep, ensemble, evaluate, sample, sweep, train
    from thawline.errors import RunError, UserError
    from thawline.reports.notebook import compare
    from thawline.tasks.bundle.load import load_image
    from thawline.tasks.bundle.opening import load

__all__ = [
    "Run",
    "RunError",
    "Sweep",
    "UserError",
    "__version__",
    "compare",
    "ensemble",
    "evaluate",
    "load",
    "load_image",
    "sample",
    "sweep",
    "train",
]

# Where each is, imported when it is first used: the command line answers without torch.
_PLACES = {
    **dict.fromkeys(("Run", "Sweep", "ensemble", "evaluate", "sample", "sweep", "train"), "thawline.api"),
    **dict.fromkeys(("RunError", "UserError"), "thawline.errors"),
    "compare": "thawline.reports.notebook",
    "load": "thawline.tasks.bundle.opening",
    "load_image": "thawline.tasks.bundle.load",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'thawline' has no attribute '{name}'")
    import importlib

    from thawline.process import importing

    with importing():
        return getattr(importlib.import_module(_PLACES[name]), name)
