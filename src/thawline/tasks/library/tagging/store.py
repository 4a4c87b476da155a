"""What was learnt of tags, in files: `tagger.npz` and `tagger.json`. No pickle is written or run."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import sparse

from thawline.errors import UserError
from thawline.files import read_json, write_atomically, write_json
from thawline.tasks.library.patterns.suggesting import Together
from thawline.tasks.library.tagging.fusing import Weights
from thawline.tasks.library.tagging.photos import look_in
from thawline.tasks.library.tagging.suggesting import Learnt, Suggester
from thawline.tasks.library.tagging.text import ByText

FILE: Final = "tagger.json"
ARRAYS: Final = "tagger.npz"
_EDITION = 1  # raised when they are of another form


def write_learnt(folder: Path, learnt: Learnt, state: str, figures: dict[str, Any]) -> None:
    """Write it, complete or not at all.

    Args:
        folder: The library's directory.
        learnt: What was learnt.
        state: Of what, a digest.
        figures: What it is worth.
    """
    comes = learnt.together.comes
    arrays: dict[str, Any] = {
        "state": np.frombuffer(state.encode(), np.uint8),
        "prior": learnt.prior,
        "thresholds": learnt.thresholds,
        "idf": learnt.text.idf,
        "weights": learnt.text.weights,
        "bias": learnt.text.bias,
        "frequency": learnt.together.prior,
        "lacks": learnt.together.lacks,
        "comes": comes.data,
        "comes_columns": comes.indices,
        "comes_ends": comes.indptr,
    }

    def save(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    write_atomically(folder / ARRAYS, save)
    write_json(
        folder / FILE,
        {
            "edition": _EDITION,
            "state": state,
            "tags": list(learnt.names),
            "told": learnt.told,
            "words": list(learnt.text.words),
            "weights": [one.to_json() for one in learnt.weights],
            "named": learnt.named,
            "figures": figures,
        },
    )


def read_figures(folder: Path, state: str) -> dict[str, Any] | None:
    """What was measured of the same entries before; None: they were others, or its files are not whole."""
    try:
        _read(folder)
        about = read_json(folder / FILE)
        figures: dict[str, Any] = about["figures"]
    except Exception:  # whatever damaged files make their readers say; all is learnt anew then
        return None
    return figures if about["state"] == state else None


def read_suggester(folder: Path) -> Suggester:
    """What suggests tags by what was learnt in `folder`.

    Raises:
        UserError: Nothing was learnt there, or its files are damaged.
    """
    folder = Path(folder)
    if not (folder / FILE).is_file():
        raise UserError(f"nothing was learnt of tags in {folder}; run thawline library train FILE out={folder}")
    try:
        learnt = _read(folder)
    except Exception as error:  # as above
        said = str(error).splitlines() or [type(error).__name__]
        raise UserError(
            f"{folder / FILE} or {ARRAYS} beside it can't be read ({said[0]}); delete both and run thawline library "
            "train again"
        ) from None
    return Suggester(learnt, look_in(folder))


def _read(folder: Path) -> Learnt:
    about = json.loads((folder / FILE).read_bytes())
    if about["edition"] != _EDITION:
        raise ValueError("another release wrote it")
    names = tuple(map(str, about["tags"]))
    with np.load(folder / ARRAYS, allow_pickle=False) as file:
        if bytes(file["state"]).decode() != about["state"]:
            raise ValueError("the two are not of one training")
        comes = (file["comes"], file["comes_columns"], file["comes_ends"])
        together = Together(file["frequency"], file["lacks"], sparse.csr_array(comes, shape=(len(names), len(names))))
        text = ByText(tuple(map(str, about["words"])), file["idf"], file["weights"], file["bias"])
        learnt = Learnt(
            names,
            int(about["told"]),
            file["prior"],
            text,
            together,
            tuple(map(Weights.of_json, about["weights"])),
            file["thresholds"],
            float(about["named"]),
        )
    _check(learnt)
    return learnt


def _check(learnt: Learnt) -> None:
    """Do its parts fit each other?

    Raises:
        ValueError: They don't.
    """
    words, told, names = len(learnt.text.words), learnt.told, len(learnt.names)
    shapes: list[tuple[Any, tuple[int, ...]]] = [
        (learnt.text.weights, (words, told)),
        (learnt.text.idf, (words,)),
        *((each, (told,)) for each in (learnt.text.bias, learnt.prior, learnt.thresholds)),
        *((each, (names,)) for each in (learnt.together.prior, learnt.together.lacks)),
    ]
    if any(array.shape != shape for array, shape in shapes):
        raise ValueError("its parts do not fit each other")
