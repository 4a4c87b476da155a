"""What README.md and the pages in docs/ have a reader type is composed, not run: verbs and settings that there are."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from thawline.cli import find_verb, to_overrides
from thawline.commands.line.composing import compose
from thawline.commands.line.settings import register_settings
from thawline.errors import UserError
from thawline.output import options_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What packages have that a page tells how to write.
ELSEWHERE = ("encoder=quarters", "task=sharpness")


def typed(page):
    """The lines of a page's code that call the command, each without its comment."""
    found = []
    for block in re.findall(r"(?m)^ {4}.+\n(?:(?: {4}.*)?\n)*", page.read_text(encoding="utf-8") + "\n"):
        code = textwrap.dedent(block).replace("\\\n", " ")
        found += [re.sub(r"\s+# .*", "", line) for line in code.splitlines() if re.match(r"thawline \w", line)]
    return found


def single(override):
    """A setting with the first of its values; none of a space that is searched."""
    if override.startswith(("-", "sweep")):
        return override
    parsed = OverridesParser.create().parse_override(override)
    if not parsed.is_sweep_override():
        return override
    return None if parsed.is_interval_sweep() else f"{parsed.key_or_group}={next(parsed.sweep_iterator())}"


LINES = sorted({line for page in PAGES for line in typed(page) if not any(one in line for one in ELSEWHERE)})
TASKS = ("events", "match", "genre", "preference", "library")


def test_there_are_many():
    assert len(LINES) > 130
    assert all(len(typed(ROOT / "docs" / "tutorials" / f"{task}.md")) > 5 for task in TASKS)


@pytest.mark.long
def test_they_are_verbs_and_settings():
    register_settings()
    refused = {}
    for line in LINES:
        command = re.split(r" [|>] ", line)[0]  # what another program then does with it is not looked at
        verb, words = find_verb(options_of(shlex.split(command)[1:])[0])
        if verb.config:
            overrides = to_overrides(verb, [word for word in words if word != "…"])
            chosen = [one for one in map(single, overrides) if one and not one.startswith("-")]
            try:
                compose(verb.config, chosen)
            except (UserError, HydraException, OmegaConfBaseException) as error:
                refused[line] = str(error)
    assert refused == {}
