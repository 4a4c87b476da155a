"""No floor but `tasks/` and `samples/` knows a task: none imports its folder, none holds its name."""

import ast
from pathlib import Path

import pytest

import thawline
from thawline.data.pairs.labels import CLASSES
from thawline.tasks.task import task_names

ROOT = Path(thawline.__file__).parent
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).parts[0] not in ("tasks", "samples")]

# The one place where a task's name is another thing: what a pair can be.
LABELS = ROOT / "data" / "pairs" / "labels.py"


def imported(tree: ast.AST, package: list[str]) -> set[str]:
    """What a module of `package` imports, late imports and relative ones too, with the names that it takes from it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            begin = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*begin, *([node.module] if node.module else [])])
            found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return found


def knows(path: Path) -> set[str]:
    """The tasks whose folder the module imports, also by a name in a string, or whose name it holds."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    named = imported(tree, ["thawline", *path.relative_to(ROOT).parent.parts]) | texts
    if path == LABELS:
        texts -= {*CLASSES}
    folders = {name: f"thawline.tasks.{name}" for name in task_names()}
    return {
        name
        for name, folder in folders.items()
        if name in texts or any(text == folder or text.startswith((f"{folder}.", f"{folder}:")) for text in named)
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_floor_but_tasks_and_samples_knows_a_task(path):
    assert knows(path) == set()
