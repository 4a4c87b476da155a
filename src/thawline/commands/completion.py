"""`thawline completion bash|zsh|fish`: a script by which a shell completes verbs, settings and their choices.

The script asks `thawline completion words LINE` at each press of the key. What a verb takes is read from `conf/` once
and kept in the user's cache, since composing a config takes a second.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.verbs import VERBS
from thawline.errors import UserError
from thawline.files import read_json, write_json
from thawline.output import OPTIONS
from thawline.plugins import conf_folders
from thawline.version import __version__

WORDS = "words"
# Where nothing fits, the shell goes on to complete files.
_SCRIPTS = {
    "bash": r"""# Bash completes thawline by this: eval "$(thawline completion bash)"
_thawline() {
    local line="${COMP_LINE:0:COMP_POINT}"
    local word="${line##* }"
    mapfile -t COMPREPLY < <(thawline completion words "$line" 2>/dev/null)
    # Bash takes = and : for ends of words, and only what follows them for what is completed.
    local before="${word%"${word##*[=:]}"}"
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *= ]] && compopt -o nospace
    return 0
}
complete -o default -o bashdefault -F _thawline thawline""",
    "zsh": r"""# Zsh completes thawline by this: eval "$(thawline completion zsh)", after compinit
_thawline() {
    local -a found
    found=("${(@f)$(thawline completion words "${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
    found=(${found:#})
    if (( ${#found} )); then
        compadd -Q -S '' -- "${(@M)found:#*=}"
        compadd -Q -- "${(@)found:#*=}"
    else
        _files
    fi
}
compdef _thawline thawline""",
    "fish": r"""# Fish completes thawline by this: thawline completion fish | source
complete -c thawline -a '(thawline completion words (commandline -cp) 2>/dev/null)'""",
}


def completion(words: Sequence[str]) -> None:
    """Print the script of a shell, or with `words LINE` what can stand at the end of a command line.

    Raises:
        UserError: The shell is none of these.
    """
    if len(words) == 2 and words[0] == WORDS:
        print("\n".join(complete(words[1])))
        return
    if len(words) != 1 or words[0] not in _SCRIPTS:
        raise UserError(f"'thawline completion' needs one of: {', '.join(_SCRIPTS)}")
    print(_SCRIPTS[words[0]])


def complete(line: str) -> list[str]:
    """The words that the last word of a command line can become; none where that is a file or free text.

    Args:
        line: The command line up to the cursor, `thawline` included.
    """
    *before, begun = line.split(" ")
    before = [word for word in before[1:] if word]
    verb = next((name for name in (" ".join(before[:2]), " ".join(before[:1])) if name in VERBS), None)
    if verb is None:
        parts = [name.split() for name in VERBS]
        found = dict.fromkeys(
            name[len(before)] for name in parts if len(name) > len(before) and name[: len(before)] == before
        )
        return [word for word in found if word.startswith(begun)]
    if begun.startswith("-"):
        return [option for option in OPTIONS if option.startswith(begun) and option not in before]
    if not VERBS[verb].config:
        return []
    return sorted(word for word in _possible(VERBS[verb].config, before, begun) if word.startswith(begun))


def _possible(config: str, before: Sequence[str], begun: str) -> Iterator[str]:
    takes = _takes(config, before)
    key, is_value, _ = begun.partition("=")
    if is_value:
        yield from (f"{key}={choice}" for choice in takes["choices"].get(key, ()))
        return
    yield from (f"{key}=" for key in takes["keys"])


def _takes(config: str, before: Sequence[str]) -> dict[str, Any]:
    """The settings of a verb and the choices of its groups, by those of them that were made on the line before.

    Other words are not looked at: they change nothing of this, and what is kept may hold none of the line's secrets.
    """
    cache = Path(platformdirs.user_cache_dir("thawline")) / "completion.json"
    state, kept = _state(), None
    with suppress(OSError, ValueError):  # there is none yet, or another program wrote it
        kept = read_json(cache)
    if not isinstance(kept, dict) or kept.get("state") != state:
        kept = {"state": state}
    takes = _kept(kept, cache, config, [])
    choices = takes["choices"]
    chosen = [word for word in before if (pair := word.partition("="))[2] in choices.get(pair[0], ())]
    return _kept(kept, cache, config, chosen) if chosen else takes


def _kept(kept: dict[str, Any], cache: Path, config: str, chosen: Sequence[str]) -> dict[str, Any]:
    """What is kept of a verb with these choices; it is read, and kept, where nothing is."""
    name = json.dumps([config, *sorted(chosen)])
    if name not in kept:
        kept[name] = _read(config, chosen)
        with suppress(OSError):  # a home that can't be written to
            cache.parent.mkdir(parents=True, exist_ok=True)
            write_json(cache, kept)
    takes: dict[str, Any] = kept[name]
    return takes


def _read(config: str, chosen: Sequence[str]) -> dict[str, Any]:
    from thawline.commands.line.settings import register_settings  # late: a second
    from thawline.commands.list_settings import settings_of

    register_settings(config)
    try:
        found = settings_of(config, chosen)
    except Exception:  # choices that don't go together, on a line that is being typed
        found = settings_of(config)
    choices = {one.key: [name for name, _ in one.choices] for one in found if one.choices}
    return {"keys": sorted({one.key for one in found}), "choices": choices}


def _state() -> list[Any]:
    """What decides what there is: this version, and the newest change in each folder of conf files."""
    places = (conf_directory(), *conf_folders(), Path.cwd() / "conf")
    newest = [
        max((path.stat().st_mtime_ns for path in place.rglob("*")), default=0) for place in places if place.is_dir()
    ]
    return [__version__, [str(place) for place in places], newest]
