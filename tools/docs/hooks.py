"""What mkdocs makes besides the pages in `docs/`: the reference, plots of figures, the list of decisions."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from command_pages import PAGE as COMMANDS
from command_pages import commands_page
from fences import fenced
from mkdocs.structure.files import File
from plots import FOLDER as DRAWN
from plots import PLOTS, drawn, with_plots
from settings_pages import FOLDER, settings_pages

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_DECISIONS = "decisions/"
_made: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Write the reference, and put its pages and the decisions into the navigation."""
    logging.getLogger("hydra").setLevel(logging.ERROR)
    if not _made:  # once, also where `mkdocs serve` builds again
        _made.update({COMMANDS: commands_page(), **settings_pages()})
    own = sorted(uri for uri in _made if uri.startswith(FOLDER))
    first = [f"{FOLDER}/index.md", f"{FOLDER}/verbs.md"]
    lists = {
        f"{FOLDER}/": [*first, *(uri for uri in own if uri not in first)],
        _DECISIONS: [f"{_DECISIONS}README.md", *_decisions(config)],
    }
    config.nav = _filled(config.nav, lists)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made."""
    for uri, content in _made.items():
        files.append(File.generated(config, uri, content=content))
    for plot in PLOTS:
        svg = drawn(plot, Path(config.docs_dir))
        files.append(File.generated(config, f"{DRAWN}/{plot.name}.svg", content=svg))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Fence code, put plots below their tables, and list the decisions on their first page."""
    uri = page.file.src_uri
    if uri in _made:
        return markdown
    markdown = fenced(markdown)
    if uri != f"{_DECISIONS}README.md":
        return with_plots(markdown, uri)
    decided = (f"- [{_title(config, one)}]({Path(one).name})" for one in _decisions(config))
    return "\n".join([markdown, "", *decided])


def _decisions(config: MkDocsConfig) -> list[str]:
    return [f"{_DECISIONS}{path.name}" for path in sorted((Path(config.docs_dir) / _DECISIONS).glob("[0-9]*.md"))]


def _title(config: MkDocsConfig, uri: str) -> str:
    first = (Path(config.docs_dir) / uri).read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ").replace(".", "\\.", 1)


def _filled(nav: Any, lists: dict[str, list[str]]) -> Any:
    """The navigation with the pages of a folder in place of its name."""
    if isinstance(nav, list):
        return [_filled(one, lists) for one in nav]
    if isinstance(nav, dict):
        return {title: _filled(one, lists) for title, one in nav.items()}
    return lists.get(nav, nav)
