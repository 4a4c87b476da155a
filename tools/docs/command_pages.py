"""The reference of commands: what `thawline VERB --help` prints."""

import io
from contextlib import redirect_stdout

from settings_pages import FOLDER

from thawline.cli import main
from thawline.commands.line.verbs import VERBS

PAGE = "reference/commands.md"
_HEAD = """# Commands

What `thawline VERB --help` prints, for every verb. A word after the verb that is no `key=value` is a path or a name;
what stands in brackets can be left out.

| exit status | what |
| --- | --- |
| 0 | done |
| 1 | a run failed, or a gate was missed |
| 2 | wrong use, or input that can't be used |
| 130, 143 | ended by Ctrl-C; by SIGTERM or SIGUSR1 |
"""


def commands_page() -> str:
    """The page, with a section for each verb."""
    lines = [_HEAD]
    for verb in VERBS.values():
        place = "index.md" if verb.config == "train" else f"verbs.md#{verb.config}"
        link = f"[Its settings]({FOLDER.removeprefix('reference/')}/{place})." if verb.config else ""
        anchor = verb.name.replace(" ", "-")
        lines += [f"## `thawline {verb.name}` {{ #{anchor} }}", "", "```text", _help(verb.name), "```", "", link, ""]
    return "\n".join(lines)


def _help(name: str) -> str:
    with redirect_stdout(io.StringIO()) as printed:
        main([*name.split(), "--help"])
    return printed.getvalue().strip()
