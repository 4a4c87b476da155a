"""Search in a library in its owner's words: terms that are learnt, a lexical and a dense index, and their fusion."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thawline.tasks.library.search.searcher import Searcher


def load(directory: Path) -> "Searcher":
    """The index of a library's directory, ready to be asked.

    Raises:
        UserError: There is none, or it is damaged.
    """
    from thawline.tasks.library.search import searcher  # late: bm25s and SciPy take a second to import

    return searcher.load(directory)
