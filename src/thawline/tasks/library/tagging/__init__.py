"""Tags suggested for an entry: by its text, by the tags it has, by its photo, and by all of these together."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thawline.tasks.library.tagging.suggesting import Suggester


def load(directory: Path) -> "Suggester":
    """What `thawline library train` learnt of tags in `directory`.

    Raises:
        UserError: Nothing was learnt there, or its files are damaged.
    """
    from thawline.tasks.library.tagging.store import read_suggester  # late: scikit-learn takes a second to import

    return read_suggester(directory)
