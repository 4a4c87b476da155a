"""Secrets, kept out of whatever a run writes or prints.

A setting is a secret by its own key. What is saved for later use goes by that alone, and may state a variable of the
environment in place of its value. In texts (messages, reasons, a mirror's files) the values of secrets are masked
wherever they stand; those of variables not within paths, since a variable may hold what is the name of a folder too.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from thawline.errors import UserError

MASK = "***"

# A key is read as its words: `WANDB_API_KEY`, `apiKey` and `api-key` say the same.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ALWAYS = re.compile(
    r"passwords?|passwd|passphrases?|pwd|secrets?|credentials?|bearer|authori[sz]ation|cookies?|dsn"
    r"|(api|access|auth|private|secret)(keys?|tokens?|headers?)"
)
# These are a secret's at the end of a key alone (`hf_token`, not `token_dim`), and not after words of other trades.
_AT_END = frozenset({"token", "key", "auth"})
_SEVERAL = frozenset({"tokens", "keys"})
_OTHERS = {
    *("class", "cls", "dist", "reg", "register", "pad", "eos", "bos", "unk", "mask", "sep", "prefix", "special"),
    *("sort", "primary", "foreign", "public", "group", "row", "column", "index"),
    *("image", "text", "patch", "query", "frame", "max", "min", "num"),
}
_GUARDED = {"api", "access", "auth", "private", "secret", "refresh", "session", "hub"}
_HEADERS = frozenset({"header", "headers"})
# Variables of shells, desktops and images of Python that hold no secret, whatever their names look like.
_WELL_KNOWN = re.compile(r"(OLD)?PWD|GPG_KEY|SSH_(AUTH_SOCK|AGENT_PID|ASKPASS)|SESSION_MANAGER|(XDG|DBUS|KDE|GNOME)_.*")
# Under these a key is the name of a class, and no setting's.
_NAMES = frozenset({("prompts", "classes")})
_SETTING = re.compile(r"""([\w.-]+)\s*[:=]\s*('[^']*'|"[^"]*"|[^\s,{}\[\]]+)""")
_ENTRY = re.compile(r"""(['"]([\w.-]+)['"]:\s*)('[^']*'|"[^"]*"|[^\s,}]+)""")
FROM_ENVIRONMENT = re.compile(r"\$\{oc\.env:([A-Za-z_]\w*)\}")
# What tells by itself: a header's token, and who logs in to an address.
_TELLING = re.compile(
    r"(?P<before>\bBearer\s+)(?=\S*[\d._~+/=-]|\S{16})[\w.~+/=-]{8,}|(?P<scheme>\b[A-Za-z][\w+.-]*://)[^\s/@'\"]+(?=@)"
)
# Settings whose values name files, folders or what lies in them.
_PATHS = frozenset(
    {
        *("path", "paths", "dir", "directory", "folder", "root", "outputs", "run", "runs", "out", "bundle"),
        *("file", "files", "csv", "split", "splits", "base", "weights", "separator", "golden", "others", "classes"),
        *("searchpath", "subdir", "corrections", "candidates"),
    }
)
_PATH_KEYS = frozenset({("encoder", "name"), ("text", "name"), ("task", "prompts")})
_ANCHOR = re.compile(r"(file:/)?/|~|\.{1,2}[/\\]|[A-Za-z]:[\\/]|\\\\")  # what a path begins with
_EDGE = " \t\n'\"=([{<,;"  # what a path in a text stands behind
_SHORTEST = 6  # characters of a value that is looked for in text; shorter ones stand in many words
_SHORTEST_VARIABLE = 12  # of an environment variable's, which may have nothing to do with the run

_Path = tuple[str, ...]  # a dotted key's parts
_Variables = list[tuple[str, str]]  # of the environment, by name
_known: set[str] = set()


@lru_cache(maxsize=4096)  # every text of a config is compared with every variable of the environment
def is_secret(key: str) -> bool:
    """Whether the last part of a dotted `key` says that its value is a secret."""
    words = [word.lower() for word in _WORD.findall(key.rpartition(".")[2])]
    if not words:
        return False
    before = words[-2] if len(words) > 1 else ""
    return (
        any(_ALWAYS.fullmatch(word) for word in words)
        or (words[-1] in _AT_END and before not in _OTHERS)
        or (words[-1] in _SEVERAL | _HEADERS and before in _GUARDED)
    )


def remember(config: DictConfig | Mapping[str, Any]) -> None:
    """Know the secrets of `config`, so that `without_secrets` finds them wherever they turn up."""
    for _, value in _secrets(_plain(config)):
        if len(str(value)) >= _SHORTEST:
            _known.add(str(value))


def remember_words(words: Sequence[str]) -> None:
    """Know the secrets of a command line, which may be wrong in any way."""
    for word in words:
        key, _, value = word.partition("=")
        found = _SETTING.findall(word)
        found += [(key, one) for one in (value, *value.split(","))]
        _known.update(text for name, one in found if is_secret(name) and len(text := one.strip(" '\"")) >= _SHORTEST)


def saved(config: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    """`config` resolved, as plain Python, to be read back later: without secrets, and otherwise as it is.

    A secret that is given as `${oc.env:NAME}` stays that, so that the run can be resumed where the variable is set, and
    so does the value of a secret variable within a text. Another is replaced by `MASK`, with the whole of its setting.
    """
    return _without(config, _saved_text)


def masked(config: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    """`config` resolved, as plain Python, to be looked at: each secret, and each text's part that is one, is masked."""
    return _without(config, _masked_text)


def saved_word(word: str) -> str:
    """A setting of the command line as `saved` has it."""
    key, equals, value = word.partition("=")
    if equals and is_secret(key):
        return word if FROM_ENVIRONMENT.fullmatch(value.strip("'\"")) else f"{key}={MASK}"
    return f"{key}={_saved_text(_path_of(key), value, _variables())}" if equals else word


def masked_word(word: str) -> str:
    """A setting of the command line, to be shown."""
    key, equals, value = word.partition("=")
    if equals and is_secret(key) and not FROM_ENVIRONMENT.fullmatch(value.strip("'\"")):
        return f"{key}={MASK}"
    return without_secrets(word)


def without_secrets(text: str) -> str:
    """`text` with what is known to be secret masked, what tells by itself, and what stands after a telling key."""
    return _masked_all(text, _variables())


def _masked_all(text: str, variables: _Variables) -> str:
    text = _without_known(text)
    for _, value in variables:
        if value in text:
            text = re.sub(re.escape(value), lambda found: found[0] if _in_path(found) else MASK, text)
    return _ENTRY.sub(lambda found: f"{found[1]}{MASK}" if is_secret(found[2]) else found[0], text)


def names_secret(given: str, made: str) -> bool:
    """Whether a place that was `given` in words and resolved to `made` would have a secret in a name that is new."""
    if any(is_secret(name) for name in FROM_ENVIRONMENT.findall(given)) or _without_known(made) != made:
        return True
    place = Path(made).expanduser()
    there = next((folder for folder in place.parents if folder.is_dir()), Path())
    new = "" if place.is_dir() else str(place.relative_to(there))
    return any(value in new for _, value in _variables())


def unmasked_words(saved: Sequence[str], given: Sequence[str]) -> list[str]:
    """Settings as they were saved, with the secrets among them given anew.

    Raises:
        UserError: One is not given, or something else is.
    """
    new = {word.partition("=")[0].lstrip("+"): word.partition("=")[2] for word in given}
    words = []
    for word in saved:
        key = word.partition("=")[0]
        if MASK in word:
            if key.lstrip("+") not in new:
                raise UserError(f"the setting '{key}' is a secret, which was not saved; give {key.lstrip('+')}=… again")
            word = f"{key}={new.pop(key.lstrip('+'))}"
        words.append(word)
    if new:
        raise UserError(f"it is resumed with the settings that it began with; leave out '{masked_word(given[0])}'")
    return words


def masked_keys(config: DictConfig) -> list[str]:
    """The dotted keys of a saved config whose values were not saved."""
    return [key for key, value in _leaves(OmegaConf.to_container(config)) if value == MASK]


def unset_variables(config: DictConfig) -> list[tuple[str, str]]:
    """The dotted keys of a saved config that take a variable from the environment which is not set, and its name."""
    leaves = _leaves(OmegaConf.to_container(config))
    found = [(key, name) for key, value in leaves for name in FROM_ENVIRONMENT.findall(str(value))]
    return [(key, name) for key, name in found if name not in os.environ]


def _plain(config: DictConfig | Mapping[str, Any]) -> Any:
    return OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else config


def _secrets(plain: Any) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in _leaves(plain) if _in_secret(_path_of(key)) and _can_be(value))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _path_of(key: str) -> _Path:
    return tuple(key.lstrip("+~").split("."))


def _in_secret(path: _Path) -> bool:
    """Whether any key of `path` names a secret."""
    return path[:2] not in _NAMES and any(is_secret(key) for key in path)


def _can_be(value: Any) -> bool:
    """Switches and what is not set are no secrets: a network's `class_token: true`."""
    return not isinstance(value, bool) and value not in (None, "", MASK)


def _without(config: DictConfig | Mapping[str, Any], text: Callable[[_Path, str, _Variables], str]) -> dict[str, Any]:
    """`config` resolved, without its secrets; `text` says what becomes of a text that is none by its key."""
    remember(config)
    variables = _variables()  # once: looking through the environment for each text takes longer than all else here

    def leaf(value: Any, given: Any, path: _Path) -> Any:
        if _in_secret(path) and _can_be(value):
            variable = given if isinstance(given, str) else _by_variable(str(value), variables)
            return variable if FROM_ENVIRONMENT.fullmatch(variable) else MASK
        return text(path, value, variables) if isinstance(value, str) else value

    given = OmegaConf.to_container(config) if isinstance(config, DictConfig) else config
    kept: dict[str, Any] = _mapped(_plain(config), given, (), leaf)
    return kept


def _mapped(value: Any, given: Any, path: _Path, leaf: Callable[[Any, Any, _Path], Any]) -> Any:
    """`value` with each value made by `leaf`, which is told what it was resolved from."""
    if isinstance(value, Mapping):
        of = given if isinstance(given, Mapping) else {}
        return {key: _mapped(inner, of.get(key), (*path, str(key)), leaf) for key, inner in value.items()}
    if isinstance(value, list):
        items = given if isinstance(given, list) else [None] * len(value)
        return [
            _mapped(inner, one, (*path, str(i)), leaf) for i, (inner, one) in enumerate(zip(value, items, strict=True))
        ]
    return leaf(value, given, path)


def _saved_text(path: _Path, value: str, variables: _Variables) -> str:
    if _is_place(path, value):
        return value
    value = _by_variable(value, variables)
    # A part that is masked would be taken for the setting's own when the run is read again.
    return value if _without_known(value) == value else MASK


def _masked_text(path: _Path, value: str, variables: _Variables) -> str:
    return _without_known(value) if _is_place(path, value) else _masked_all(value, variables)


def _is_place(path: _Path, value: str) -> bool:
    """Whether a setting's value names a file or a folder."""
    names = [key for key in path if not key.isdigit()]
    words = _WORD.findall(names[-1]) if names else []
    by_key = tuple(names[-2:]) in _PATH_KEYS or (words and words[-1].lower() in _PATHS)
    return bool(by_key or _ANCHOR.match(value.strip("'\"")))


def _without_known(text: str) -> str:
    """`text` without the values of secret settings, and without what tells by itself."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, MASK)
    return _TELLING.sub(lambda found: f"{found['before'] or found['scheme']}{MASK}", text)


def _by_variable(text: str, variables: _Variables) -> str:
    """`text` with the values of secret environment variables replaced by what reads them again."""
    for name, value in variables:
        text = text.replace(value, f"${{oc.env:{name}}}")
    return text


def _in_path(found: re.Match[str]) -> bool:
    """Whether what was found in a text is a part of a path there."""
    begun = max(found.string.rfind(edge, 0, found.start()) for edge in _EDGE) + 1
    return bool(_ANCHOR.match(found.string[begun : found.start()]))


def _variables() -> _Variables:
    """Environment variables whose names tell of a secret, those of long values first."""
    found = [
        (name, value)
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST_VARIABLE and is_secret(name) and not _WELL_KNOWN.fullmatch(name)
    ]
    return sorted((one for one in found if not _is_there(one[1])), key=lambda one: -len(one[1]))


def _is_there(value: str) -> bool:
    """Whether a variable holds the place of a file: `GOOGLE_APPLICATION_CREDENTIALS`. It may be yet to come."""
    place = Path(value)
    if not place.is_absolute():
        return False
    try:
        return place.exists() or (len(place.parts) > 2 and place.parent.exists())
    except OSError:  # too long a name
        return False
