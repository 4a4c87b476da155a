"""The notebooks run from top to bottom, where they have never been run before."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


# What each notebook gets in place of a kernel of its own: to start one and import the libraries takes most of the time.
AFRESH = """
%reset -f
import os, pandas
os.chdir({folder!r})
os.environ["THAWLINE_STORE"] = {store!r}
pandas.reset_option("all")
%reset -f
"""


@pytest.fixture(scope="module")
def kernel():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND")  # the kernel's own shows pictures
        manager, client = start_new_kernel()
    client.stop_channels()
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.long
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_it_runs_and_is_kept_without_outputs(path, tmp_path, kernel):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    afresh = AFRESH.format(folder=str(tmp_path), store=os.environ["THAWLINE_STORE"])
    notebook.cells.insert(0, nbformat.v4.new_code_cell(afresh))
    NotebookClient(notebook, km=kernel, timeout=300).execute()
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out for out in outputs if out.output_type == "error"]
    assert not [out.text for out in outputs if out.get("name") == "stderr"]  # warnings frighten who reads
    tables = [out for out in outputs if "text/html" in out.get("data", {})]
    pictures = [out for out in outputs if "image/png" in out.get("data", {})]
    assert len(tables) >= 2
    assert len(pictures) >= 2
    learned = cells[-1].outputs[-1].data["text/markdown"]
    assert 3 <= len(re.findall(r"[.:](?= [A-Z])|[.]$", learned)) <= 6, learned
    assert len(re.findall(r"\b\d+", learned)) >= 3, learned
    assert not re.search(r"\bnan\b|\bNone\b|\{", learned), learned


def test_each_is_in_the_readme_and_ends_in_what_was_learned():
    listed = re.findall(r"\((\w+\.ipynb)\)", (NOTEBOOKS / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    for name in listed:
        headings = [cell.source for cell in nbformat.read(NOTEBOOKS / name, as_version=4).cells[:-1]][-1]
        assert headings.startswith("## What you learned"), name
