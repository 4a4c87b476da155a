"""Indented code of pages as fenced code, of which the site then knows the language, and breaks long lines."""

import re
import textwrap

_BLOCK = re.compile(r"(?<=\n\n)(?: {4}.*\n(?:\n+(?= {4}))?)+")
_PYTHON = re.compile(r"(?m)^(?:@|import|from|class|def|for|with|run|matcher|library|tagging)")
_YAML = re.compile(r"\w+:|# |- \{")


def fenced(markdown: str) -> str:
    """The page with a fence around each block of code."""
    return _BLOCK.sub(lambda block: _fence(textwrap.dedent(block[0])), f"{markdown}\n")


def _fence(code: str) -> str:
    return f"```{language_of(code)}\n{code.rstrip()}\n```\n"


def language_of(code: str) -> str:
    """By how its first line begins."""
    first = code.split(maxsplit=1)[0]
    if first in ("thawline", "make", "pip", "uv", "curl", "python", "export", "eval", "docker", "find", "…"):
        return "bash"
    if first.startswith("["):
        return "toml"
    if _PYTHON.match(code):
        return "python"
    return "yaml" if _YAML.match(code) else "text"
