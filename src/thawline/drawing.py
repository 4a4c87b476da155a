"""Pictures as PNG: what every one of them has in common.

The same numbers give the same bytes (one release of matplotlib). Names are drawn as they are: a "$" starts no formula.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from thawline.files import write_atomically
from thawline.process import importing

if TYPE_CHECKING:  # matplotlib takes half a second to import
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 144
BLUE, ORANGE, GREY = "#2a6f97", "#e07a1f", "#8a8a8a"
FALLBACK_FONTS = ("Noto Sans CJK JP", "Noto Sans Devanagari", "Noto Sans Arabic", "Arial Unicode MS")


@contextmanager
def drawing(width: float, height: float, path: Path) -> Iterator[Figure]:
    """A figure of so many inches, written to `path` at the end. No window system and no global state take part."""
    with importing():
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

    with mpl.rc_context({"text.parse_math": False, "font.family": _fonts()}), warnings.catch_warnings():
        # A script that no installed font has is drawn as boxes; that is no news to whoever started the run.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        layout = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08)
        figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
        yield figure
        # `figure.savefig` would draw it twice: once for the layout.
        layout.execute(figure)
        figure.set_layout_engine("none")
        canvas = FigureCanvasAgg(figure)
        # Without the release's name in it, only the drawing decides the bytes.
        write_atomically(path, lambda beside: canvas.print_png(beside, metadata={"Software": None}))  # type: ignore[no-untyped-call]


def _fonts() -> list[str]:
    """Fonts by preference, those that are installed: DejaVu comes with matplotlib, others know more scripts."""
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return ["DejaVu Sans", *(name for name in FALLBACK_FONTS if name in installed)]


def plain(axes: Axes, grid: str) -> None:
    """Thin and quiet: no box, a faint grid along `grid` (x, y or both)."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#e5e5e5", linewidth=0.7)  # type: ignore[arg-type]  # a literal in the stubs
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
