"""No circle of imports, however late, no file that is too long to read, and a way through them that is told."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]


def circle_of(package):
    """Modules each of which imports the one before it, the first being the last; none where there is no circle.

    Imports within functions count, and those that are for type checkers alone.
    """
    graph = grimp.build_graph(package, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_nothing_is_imported_in_a_circle():
    assert circle_of("thawline") == []


def test_a_late_import_and_one_for_type_checkers_can_close_a_circle(tmp_path, monkeypatch):
    package = tmp_path / "rounds"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "a.py").write_text("from rounds import b\n")
    (package / "b.py").write_text("def late():\n    from rounds import c\n")
    (package / "c.py").write_text("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from rounds import a\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert set(circle_of("rounds")) == {"rounds.a", "rounds.b", "rounds.c"}


def test_no_file_is_over_400_lines():
    files = [path for folder in ("src", "tests", "tools") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 300
    assert {path.name: lines for path in files if (lines := len(path.read_text("utf-8").splitlines())) > 400} == {}


def test_the_way_of_a_training_is_told_in_ten_files_that_there_are():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    [told] = re.findall(r"## What happens in `thawline train DIR`\n(.*?)\n## ", text, re.DOTALL)
    files = re.findall(r"^\d+\. `([^`]+)`", told, re.MULTILINE)
    assert 5 < len(files) <= 10
    assert [name for name in files if not (ROOT / "src" / "thawline" / name).is_file()] == []
