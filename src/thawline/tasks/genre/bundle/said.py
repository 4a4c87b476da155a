"""What a bundle said of tracks, as JSON lines or a table; each line is written while tracks are read."""

import json
from collections.abc import Iterable
from typing import IO

from rich.cells import set_cell_size
from rich.console import Console

from thawline.data.listing import as_text
from thawline.screen import visible
from thawline.tasks.genre.bundle.record import Track
from thawline.tasks.tags.column import HEADING, tags_cell


def write_track_lines(said: Iterable[Track], file: IO[bytes]) -> None:
    """Write the record of each track, a line each, as soon as it is there."""
    for one in said:
        line = {**one, "path": as_text(one["path"])}
        file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        file.flush()


def print_tracks(said: Iterable[Track], console: Console, labels: Iterable[str], *, several: bool = False) -> None:
    """Print a line for each track as soon as it is there; the path comes last and is never cut.

    Where a track can have `several` labels, those that reach their thresholds stand behind the most probable one.
    """
    width = max(len("genre"), *(len(visible(label)) for label in labels))
    middle = f"{HEADING}  " if several else ""
    console.print(f"{set_cell_size('genre', width)}      %  {middle}track", highlight=False, markup=False)
    for one in said:
        path = visible(as_text(one["path"]))
        middle = f"{tags_cell(one.get('tags', ()))}  " if several else ""
        if one["primary_genre"] is None or one["confidence"] is None:
            text = f"{set_cell_size('-', width)}      -  {middle}{path}: {one['problem']}"
        else:
            share = one["confidence"] * (1 if one["unit"] == "percent" else 100)
            text = f"{set_cell_size(visible(one['primary_genre']), width)}  {share:5.1f}  {middle}{path}"
        console.print(text, highlight=False, markup=False, soft_wrap=True)
