"""Variables of the environment, and of a file `.env` beside: what a container or a developer sets once."""

import os
import re
from pathlib import Path

from thawline.errors import UserError

TOKEN, MODEL_PATH = "THAWLINE_TOKEN", "CLIP_MODEL_PATH"  # a name, not a token
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""(["'])(.*)\1(?:\s+#.*)?""")


def read_variables(folder: Path) -> dict[str, str]:
    """The environment's variables, and those of `folder`'s `.env` that it does not have; empty ones are none.

    Raises:
        UserError: The file can't be read.
    """
    return {name: value for name, value in {**_read(folder / ".env"), **os.environ}.items() if value}


def _read(path: Path) -> dict[str, str]:
    """`NAME=value` line by line: blanks around, quotes around the value, `export` before it and `# …` don't count."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read ({type(error).__name__}); it is a text of lines NAME=value") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        said = _LINE.fullmatch(text)
        if said is None:
            raise UserError(f"{path}, line {number} is no NAME=value; begin it with '#' if it is a remark")
        quoted = _QUOTED.fullmatch(said[2])
        found[said[1]] = quoted[2] if quoted else re.split(r"(?:^|\s)#", said[2], maxsplit=1)[0].strip()
    return found
