"""The pairs that a run judged, read again from its own file."""

from pathlib import Path

from omegaconf import OmegaConf

from thawline.data.pairs.names import pair_names, text_digest
from thawline.data.pairs.table import Pair, read_pairs
from thawline.data.settings import PairsSettings
from thawline.data.tables.places import comparable
from thawline.errors import UserError
from thawline.runs.directory import is_run_directory, read_config
from thawline.runs.split import by_name, read_split_rows
from thawline.tasks.settings import saved_settings


def pairs_of(run: Path) -> dict[str, Pair]:
    """The pairs of `run` by their names in one Unicode form; none where it judged no pairs, or its file is gone.

    A run directory keeps a digest of each text, never the text; one that is another by now is left out.
    """
    config = read_config(run)
    named = config.get("run") or next(iter(config.get("runs") or []), None)
    elsewhere = OmegaConf.select(config, "data.path") if named is not None else None
    source = run if named is None else Path(named)
    try:
        data = saved_settings(read_config(source)).data if is_run_directory(source) else None
        if not isinstance(data, PairsSettings):
            return {}
        data = data if elsewhere is None else data.at(elsewhere)
        table = read_pairs(data.files, data.base, labels=False)
        rows = by_name(read_split_rows(source / "split.csv")) if elsewhere is None else {}
    except (UserError, OSError, KeyError, ValueError):  # the page does without
        return {}
    return {
        name: pair
        for name, pair in zip(comparable(pair_names(table)), table.pairs, strict=True)
        if name not in rows or rows[name].text in ("", text_digest(pair.text))
    }
