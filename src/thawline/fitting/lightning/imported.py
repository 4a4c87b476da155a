"""Lightning and torchmetrics, imported without the libraries that torchmetrics would try, and without the compiler.

torchmetrics imports four seconds of SciPy's signals, transformers, torchvision, Matplotlib and onnxruntime, for metrics
that nothing here computes. Whoever needs either of the two takes it from here, so that this import of them is the
first.

It costs: to the end of the process torchmetrics takes these libraries for absent, and says so where a metric needs one
(`bert_score`, `Metric.plot`). Code of your own that needs such a metric imports torchmetrics before it trains: then
nothing is held back.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lightning_utilities.core import imports

from thawline.compiler import defer_compiler

_HELD_BACK = ("librosa", "matplotlib", "onnxruntime", "pandas", "scipy", "torchvision", "transformers")


@contextmanager
def _holding_back() -> Iterator[None]:
    """Within, Lightning's own ways of asking say that what is not needed here is not installed."""
    held_back = set(_HELD_BACK)
    asked, available = imports.RequirementCache.__bool__, imports.package_available

    def is_met(requirement: imports.RequirementCache) -> bool:
        name = re.match(r"[\w-]*", requirement.requirement or requirement.module or "")
        if name and name[0] in held_back and not hasattr(requirement, "available"):
            # For good: a module that was made without a library must not be told later on that it is there.
            requirement.available = False
            requirement.message = f"{name[0]} was held back; import torchmetrics before thawline.fitting.lightning"
        return asked(requirement)

    def is_available(name: str) -> bool:
        return name not in held_back and available(name)

    imports.RequirementCache.__bool__ = is_met  # type: ignore[assignment,method-assign]
    imports.package_available = is_available  # type: ignore[assignment]
    try:
        yield
    finally:
        imports.RequirementCache.__bool__ = asked  # type: ignore[method-assign]
        imports.package_available = available
        held_back.clear()  # modules that were imported within have `is_available` as theirs


defer_compiler()
with _holding_back():
    import lightning.pytorch as L
    import torchmetrics

__all__ = ["L", "torchmetrics"]
