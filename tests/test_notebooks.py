"""The notebooks run from top to bottom, where they have never been run before."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


@pytest.mark.long
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_it_runs_and_is_kept_without_outputs(path, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND")  # the kernel's own shows pictures
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert not [out for cell in cells for out in cell.outputs if out.output_type == "error"]
    tables = [out.data["text/plain"] for cell in cells for out in cell.outputs if "text/html" in out.get("data", {})]
    pictures = [out for cell in cells for out in cell.outputs if "image/png" in out.get("data", {})]
    assert len(tables) >= 2
    assert len(pictures) >= 2


def test_there_is_one():
    assert (NOTEBOOKS / "sweep.ipynb").exists()
