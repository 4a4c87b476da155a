"""Values whose key names a secret: kept out of whatever a run writes or prints."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from thawline.errors import UserError

MASK = "***"

# A key is read as its words: `WANDB_API_KEY`, `apiKey` and `api-key` say the same.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ALWAYS = re.compile(
    r"passwords?|passwd|passphrases?|pwd|secrets?|credentials?|bearer|(api|access|auth|private|secret)(keys?|tokens?)"
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
# Under these a key is the name of a class, and no setting's.
_NAMES = frozenset({("prompts", "classes")})
_SETTING = re.compile(r"""([\w.-]+)\s*[:=]\s*('[^']*'|"[^"]*"|[^\s,{}\[\]]+)""")
_ENTRY = re.compile(r"""(['"]([\w.-]+)['"]:\s*)('[^']*'|"[^"]*"|[^\s,}]+)""")
FROM_ENVIRONMENT = re.compile(r"\$\{oc\.env:[A-Za-z_]\w*\}")
_SHORTEST = 6  # characters of a value that is looked for in text; shorter ones stand in many words
_SHORTEST_VARIABLE = 12  # of an environment variable's, which may have nothing to do with the run

_known: set[str] = set()


def is_secret(key: str) -> bool:
    """Whether the last part of a dotted `key` says that its value is a secret."""
    words = [word.lower() for word in _WORD.findall(key.rpartition(".")[2])]
    if not words:
        return False
    before = words[-2] if len(words) > 1 else ""
    return (
        any(_ALWAYS.fullmatch(word) for word in words)
        or (words[-1] in _AT_END and before not in _OTHERS)
        or (words[-1] in _SEVERAL and before in _GUARDED)
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


def masked(config: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    """`config` resolved, as plain Python, each secret replaced by `MASK`.

    One that is given as `${oc.env:NAME}` stays that, so that the run can be resumed where the variable is set.
    """
    remember(config)
    given = OmegaConf.to_container(config) if isinstance(config, DictConfig) else config
    kept: dict[str, Any] = _masked(_plain(config), given, ())
    return kept


def masked_word(word: str) -> str:
    """A setting of the command line without its secrets."""
    key, equals, value = word.partition("=")
    if equals and is_secret(key) and not FROM_ENVIRONMENT.fullmatch(value.strip("'\"")):
        return f"{key}={MASK}"
    return without_secrets(word)


def without_secrets(text: str) -> str:
    """`text` with every value replaced that is known to be secret, or stands after a telling key in quotes."""
    for value in sorted(_known | {value for _, value in _variables()}, key=len, reverse=True):
        text = text.replace(value, MASK)
    return _ENTRY.sub(lambda found: f"{found[1]}{MASK}" if is_secret(found[2]) else found[0], text)


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


def _plain(config: DictConfig | Mapping[str, Any]) -> Any:
    return OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else config


def _secrets(plain: Any) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in _leaves(plain) if _in_secret(tuple(key.split("."))) and _can_be(value))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _in_secret(path: tuple[str, ...]) -> bool:
    """Whether any key of `path` names a secret."""
    return path[:2] not in _NAMES and any(is_secret(key) for key in path)


def _can_be(value: Any) -> bool:
    """Switches and what is not set are no secrets: a network's `class_token: true`."""
    return not isinstance(value, bool) and value not in (None, "", MASK)


def _masked(value: Any, given: Any, path: tuple[str, ...]) -> Any:
    """`value` without secrets, which was resolved from `given`."""
    if isinstance(value, Mapping):
        of = given if isinstance(given, Mapping) else {}
        return {key: _masked(inner, of.get(key), (*path, str(key))) for key, inner in value.items()}
    if isinstance(value, list):
        items = given if isinstance(given, list) else [None] * len(value)
        return [_masked(inner, one, (*path, str(i))) for i, (inner, one) in enumerate(zip(value, items, strict=True))]
    if _in_secret(path) and _can_be(value):
        variable = given if isinstance(given, str) else _by_variable(str(value))
        return variable if FROM_ENVIRONMENT.fullmatch(variable) else MASK
    return without_secrets(_by_variable(value)) if isinstance(value, str) else value


def _by_variable(text: str) -> str:
    """`text` with the values of secret environment variables replaced by what reads them again."""
    for name, value in _variables():
        text = text.replace(value, f"${{oc.env:{name}}}")
    return text


def _variables() -> list[tuple[str, str]]:
    """Environment variables whose names tell of a secret, those of long values first."""
    found = [(name, value) for name, value in os.environ.items() if is_secret(name)]
    return sorted((one for one in found if len(one[1]) >= _SHORTEST_VARIABLE), key=lambda one: -len(one[1]))
