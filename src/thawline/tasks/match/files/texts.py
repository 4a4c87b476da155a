"""The pairs that a run judged, read again from its own file."""

from pathlib import Path

from omegaconf import OmegaConf

from thawline.data.pairs.names import pair_names, text_digest
from thawline.data.pairs.table import Pair, read_pairs
from thawline.data.tables.places import comparable
from thawline.errors import UserError
from thawline.runs.directory import is_run_directory, read_config
from thawline.runs.split import by_name, read_split_rows
from thawline.runs.unpacked import report_of_dataset
from thawline.tasks.match.settings import PairsSettings
from thawline.tasks.settings import saved_settings


def judged_pairs(run: Path, source: Path) -> dict[str, Pair]:
    """The pairs of `run` by their names in one Unicode form; none where its file is gone.

    A run directory keeps a digest of each text, never the text; one that is another by now is left out.

    Args:
        run: What judged the pairs.
        source: The run whose pairs they are, unless it says where others are; itself, or one that it judged again. Or
            the bundle that it judged, which always was by others.
    """
    judged = read_config(run)
    elsewhere = OmegaConf.select(judged, "data.path") if source != run else None
    try:
        if (report := report_of_dataset(run, source)) is not None:
            data = PairsSettings(path=report["files"][0])
        elif is_run_directory(source):
            own = saved_settings(read_config(source)).data
            if not isinstance(own, PairsSettings):
                return {}
            data = own if elsewhere is None else own.at(elsewhere)
        else:
            data = PairsSettings(path=elsewhere or "", image_base=OmegaConf.select(judged, "data.image_base"))
        table = read_pairs(data.files, data.base, labels=False)
        rows = by_name(read_split_rows(source / "split.csv")) if elsewhere is None else {}
    except (UserError, OSError, KeyError, ValueError):  # the page does without
        return {}
    return {
        name: pair
        for name, pair in zip(comparable(pair_names(table)), table.pairs, strict=True)
        if name not in rows or rows[name].text in ("", text_digest(pair.text))
    }
