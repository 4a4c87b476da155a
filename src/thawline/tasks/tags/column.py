"""The column of labels that a table on the screen has, where a sample can have several."""

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from thawline.screen import visible

WIDTH = 32  # columns of the screen
HEADING = set_cell_size("tags", WIDTH)


def tags_cell(tags: Iterable[str]) -> str:
    """The labels in the width that there is for them; "-" where there is none."""
    text = visible(", ".join(tags)) or "-"
    return set_cell_size(text if cell_len(text) <= WIDTH else f"{set_cell_size(text, WIDTH - 1)}…", WIDTH)
