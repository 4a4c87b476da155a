"""What commands print: sentences are folded at words, and what is there to be copied (paths, commands) stays whole."""

import math
import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from thawline.files import printable

_DIGITS = 3


def say(console: Console, sentence: str, style: str = "") -> None:
    """Print text as it is, folded to the screen between words; a word that is longer, such as a path, stays whole.

    Control characters are shown, not obeyed: names of files may have any.
    """
    indent = " " * (len(sentence) - len(sentence.lstrip(" ")))
    folded = textwrap.fill(
        _shown(sentence), console.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    console.print(Text(folded, style=style), soft_wrap=True)


def say_whole(console: Console, *lines: str) -> None:
    """Print lines that hold a path or a command; none is folded."""
    for line in lines:
        console.print(Text(_shown(line)), soft_wrap=True)


def say_next(console: Console, commands: Sequence[str]) -> None:
    """Print what can be done next, a command a line."""
    for heading, command in zip(["next", *[""] * (len(commands) - 1)], commands, strict=True):
        say_whole(console, f"{heading:<6} {command}")


def as_word(path: Path) -> str:
    """A path as a word of the command line, from the working directory where it lies below that."""
    here = Path.cwd()
    path = path.absolute()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) and path != here else path))


def _shown(text: str) -> str:
    text = printable(text)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def visible(text: str) -> str:
    """`text` with what would steer the terminal written as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def format_number(value: float, beside: float = 0.0, sign: str = "-") -> str:
    """A number to three digits, "0.413", "12.3" or "24180", or to as many decimals as `beside` is given then.

    Sign "+" shows a plus. Numbers below a thousandth have an exponent.
    """
    size = max(abs(value), abs(beside))
    if size == 0 or not math.isfinite(size):
        return f"{value:{sign}.0f}"
    if size < 1e-3:
        return f"{value:{sign}.{_DIGITS}g}"
    return f"{value:{sign}.{max(0, _DIGITS - 1 - math.floor(math.log10(size)))}f}"
