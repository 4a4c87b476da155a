"""What `--json` gives of a directory that a verb wrote: what its own files say, so that no figure is made twice."""

from pathlib import Path

from thawline.bundles.manifest import MANIFEST, is_bundle
from thawline.decisions.gates import GATES_FILE
from thawline.files import read_json
from thawline.output import report
from thawline.runs.directory import STATUS_FILE, SWEEP_FILE, is_run_directory
from thawline.runs.finished import METRICS_FILE

_OF_RUN = {"status": STATUS_FILE, "metrics": METRICS_FILE, "gates": GATES_FILE, "sweep": SWEEP_FILE}


def report_written(path: Path) -> None:
    """Give the place of a run, a sweep, a bundle or anything else, and of the first three what their files say."""
    files = _OF_RUN if is_run_directory(path) else {"manifest": MANIFEST} if is_bundle(path) else {}
    report(directory=path, **{name: read_json(path / file) for name, file in files.items() if (path / file).is_file()})
