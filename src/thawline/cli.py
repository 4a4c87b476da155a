"""`thawline VERB [PATH] [hydra overrides]`: dispatch, quoting of paths, help; nothing else.

Nothing heavy is imported here, so that `--help` answers at once.
"""

import difflib
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from thawline import __version__
from thawline.commands.quoting import quote
from thawline.commands.verbs import PATH_KEYS, VERBS, Verb
from thawline.errors import RunError, UserError
from thawline.process import end_at_once, keep_freed_memory
from thawline.runs.signals import EXIT_STATUS, Stopped, signals_end_the_run

_OVERRIDE = re.compile(r"^(~[A-Za-z_]|\+{0,2}[A-Za-z_][\w./@:-]*=)")
# Hydra's own options, and how many words each takes.
_HYDRA_OPTIONS = {
    **dict.fromkeys(("--cfg", "-c", "--package", "-p", "--info", "-i", "--config-dir", "-cd"), 1),
    **dict.fromkeys(("--multirun", "-m", "--run", "-r", "--resolve", "--hydra-help"), 0),
}


def program() -> NoReturn:
    """Entry point of the command: `main` in a process of its own."""
    ended: list[int] = []
    end_at_once(lambda: ended[0] if ended else None)
    keep_freed_memory()
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, int):
            ended.append(end.code)
        raise
    ended.append(0)
    sys.exit(0)


def main(argv: Sequence[str] | None = None) -> None:
    """Do what `argv` says, the process's own words if None.

    Exit status: 0 done, 1 a run failed, 2 wrong use or bad input, 130 Ctrl-C, 143 SIGTERM or SIGUSR1.
    """
    try:
        with signals_end_the_run():
            _dispatch(list(sys.argv[1:] if argv is None else argv))
    except UserError as error:
        _end(f"thawline: {error}", 2)
    except RunError as error:
        _end(f"thawline: {error}", 1)
    except KeyboardInterrupt:
        _end("thawline: interrupted", 130)
    except Stopped as end:
        _end(f"thawline: interrupted by {end.name}", EXIT_STATUS)
    except Exception:  # a defect: its traceback is for whoever reports it, secrets are not
        _end(traceback.format_exc(), 1)


def _end(text: str, status: int) -> NoReturn:
    from thawline.runs.secrets import without_secrets  # late: it takes as long to import as all of this

    print(without_secrets(text), file=sys.stderr)
    sys.exit(status)


def _dispatch(words: list[str]) -> None:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_overview())
        return
    if words[0] == "--version":
        print(f"thawline {__version__}")
        return
    family = [name for name in VERBS if name.split()[0] == words[0]]
    if len(words) > 1 and words[1] in {"-h", "--help"} and words[0] not in VERBS and family:
        print("\n\n".join(_verb_help(VERBS[name]) for name in family))
        return
    verb, rest = find_verb(words)
    if any(word in {"-h", "--help"} for word in rest):
        print(_verb_help(verb))
        return
    arguments = to_overrides(verb, rest)

    # onnxruntime looks up a host when it is imported, which Lightning does wherever it is installed.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from thawline.commands.app import run_verb  # late: Hydra takes 0.2 s to import

    run_verb(verb.target, verb.config, arguments)


def find_verb(words: Sequence[str]) -> tuple[Verb, list[str]]:
    """The verb that `words` begin with, and the words after it.

    Raises:
        UserError: There is no such verb; the nearest one is named.
    """
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in VERBS:
            return VERBS[name], list(words[length:])
    two_words = {name.split()[0] for name in VERBS if " " in name}
    said = " ".join(words[:2]) if words[0] in two_words else words[0]
    near = difflib.get_close_matches(said, VERBS, n=1, cutoff=0.4)
    hint = f"did you mean 'thawline {near[0]}'?" if near else "'thawline --help' lists the verbs"
    raise UserError(f"there is no verb '{said}'; {hint}")


def to_overrides(verb: Verb, words: Sequence[str]) -> list[str]:
    """Turn the words after a verb into Hydra's arguments: positionals become quoted overrides, the rest passes.

    Raises:
        UserError: A required word is missing, or there is one too many.
    """
    values: list[str] = []
    options: list[str] = []
    passed: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word in _HYDRA_OPTIONS:
            options += [word, *(left.pop(0) for _ in range(min(_HYDRA_OPTIONS[word], len(left))))]
        elif word.startswith("-") and word != "-":
            near = difflib.get_close_matches(word, _HYDRA_OPTIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else "settings are written key=value"
            raise UserError(f"there is no option '{word}'; {hint}")
        elif _OVERRIDE.match(word) and not (_room(verb, values) and Path(word).exists()):
            passed.append(_quote_path_value(word))
        else:
            values.append(word)
    # Hydra's parser wants its options before the overrides.
    return [*options, *_bind(verb, values, passed), *passed]


def _room(verb: Verb, values: list[str]) -> bool:
    """Whether the verb can take another word."""
    return len(values) < len(verb.positionals) or any(positional.many for positional in verb.positionals)


def _bind(verb: Verb, values: list[str], passed: list[str]) -> list[str]:
    """One override per positional."""
    overrides: list[str] = []
    left = list(values)
    for positional in verb.positionals:
        if not left:
            if positional.required and not any(word.partition("=")[0] == positional.instead for word in passed):
                raise UserError(f"'thawline {verb.name}' needs {positional.metavar}; usage: {verb.usage}")
            break
        taken = left if positional.many else left[:1]
        left = left[len(taken) :]
        quoted = [quote(str(Path(v).expanduser().absolute()) if positional.path else v) for v in taken]
        overrides.append(f"{positional.key}=" + (f"[{','.join(quoted)}]" if positional.many else quoted[0]))
    if left:
        raise UserError(f"'thawline {verb.name}' can't use '{left[0]}'; usage: {verb.usage}")
    return overrides


def _quote_path_value(word: str) -> str:
    """Quote the value of a key that holds a path, unless it is a sweep or quoted already."""
    key, _, value = word.partition("=")
    is_sweep = "," in value and not Path(value).expanduser().exists()
    if key.lstrip("+") not in PATH_KEYS or not value or value == "null" or value[0] in "'\"$" or is_sweep:
        return word
    return f"{key}={quote(value)}"


def _overview() -> str:
    width = max(len(name) for name in VERBS)
    verbs = "\n".join(f"  {verb.name:<{width}}  {verb.summary}" for verb in VERBS.values())
    return (
        "thawline: adapt pretrained vision networks to a small collection; what is frozen is computed once.\n\n"
        f"usage: thawline VERB [PATH] [key=value …]\n\nverbs:\n{verbs}\n\n"
        "examples:\n"
        "  thawline sample events Sample\n"
        "  thawline train Sample encoder=tiny_clip\n"
        "  thawline train Photos experiment=events_linear cv=5\n\n"
        "'thawline VERB --help' shows a verb's words, settings and examples."
    )


def _verb_help(verb: Verb) -> str:
    parts = [f"usage: {verb.usage}", f"\n{verb.summary[0].upper()}{verb.summary[1:]}."]
    if verb.examples:
        parts.append("\nexamples:\n" + "\n".join(f"  {example}" for example in verb.examples))
    if verb.notes:
        parts.append("\nsettings:\n" + "\n".join(f"  {note}" for note in verb.notes))
    parts.append(f"\nThe settings and what they mean are in conf/{verb.config}.yaml and the groups it names.")
    return "\n".join(parts)


if __name__ == "__main__":
    program()
