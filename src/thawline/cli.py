"""`thawline VERB [PATH] [hydra overrides]`: dispatch, quoting of paths, help; nothing else.

Nothing heavy is imported here, so that `--help` answers at once.
"""

import difflib
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from thawline import output
from thawline.commands.line.quoting import quote
from thawline.commands.line.verbs import PATH_KEYS, TEXT_KEYS, VERBS
from thawline.data.datasets.settings import READER, is_hub_id
from thawline.errors import RunError, UserError
from thawline.files import printable
from thawline.plugins import KINDS, added
from thawline.process import end_at_once, importing, keep_freed_memory, keep_imports
from thawline.runs.signals import EXIT_STATUS, Stopped, signals_end_the_run
from thawline.tasks.verb import Positional, Verb
from thawline.version import __version__

_OVERRIDE = re.compile(r"^(~[A-Za-z_]|\+{0,2}[A-Za-z_][\w./@:-]*=)")
# Hydra's own options, and how many words each takes.
_HYDRA_OPTIONS = {
    **dict.fromkeys(("--cfg", "-c", "--package", "-p", "--info", "-i", "--config-dir", "-cd"), 1),
    **dict.fromkeys(("--multirun", "-m", "--run", "-r", "--resolve", "--hydra-help"), 0),
}
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
_SHOWN = {**dict.fromkeys(("--cfg", "-c"), ("job", "hydra", "all")), **dict.fromkeys(("--info", "-i"), _INFO)}
_COLUMNS = 80


def program() -> NoReturn:
    """Entry point of the command: `main` in a process of its own."""
    ended: list[int] = []
    end_at_once(lambda: ended[0] if ended else None)
    keep_freed_memory()
    keep_imports()
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
        words, form = output.options_of(sys.argv[1:] if argv is None else argv)
    except UserError as error:
        _end(error, f"thawline: {error}", 2)
    with output.opened(form) as document:
        try:
            with signals_end_the_run():
                _dispatch(words)
        except UserError as error:
            _end(error, f"thawline: {error}", 2, document)
        except RunError as error:
            _end(error, f"thawline: {error}", 1, document)
        except OSError as error:  # before a verb began; a verb's own come explained
            from thawline.runs.ends import explain_os_error  # late, as below

            _end(error, f"thawline: {explain_os_error(error)}", 2, document)
        except KeyboardInterrupt as end:
            _end(end, "thawline: interrupted", 130, document)
        except Stopped as end:
            _end(end, f"thawline: interrupted by {end.name}", EXIT_STATUS, document)
        except Exception as error:  # a defect: its traceback is for whoever reports it, secrets are not
            _end(error, traceback.format_exc(), 1, document)


def _end(error: BaseException, text: str, status: int, document: dict[str, Any] | None = None) -> NoReturn:
    from thawline.runs.secrets import without_secrets  # late: it takes as long to import as all of this

    if document is not None:
        sentence = text.strip().splitlines()[-1].removeprefix("thawline: ")
        document[output.ERROR] = without_secrets(sentence)
    if output.form().verbose and text.startswith("thawline: "):
        text = f"{''.join(traceback.format_exception(error))}{text}"
    print(without_secrets(text), file=sys.stderr)
    sys.exit(status)


def _dispatch(words: list[str]) -> None:
    asked = [word for word in words if word not in {"-h", "--help"}]
    if words[:1] == ["help"] or len(asked) < len(words) or not words:
        _print("help", _help(asked[1:] if words[:1] == ["help"] else asked))
        return
    if words[0] == "--version":
        _print("version", _version(verbose=output.form().verbose))
        return
    verb, rest = find_verb(words)
    if output.form().json and not verb.reports:
        raise UserError(f"'thawline {verb.name}' has no report that could be JSON; leave out --json")
    if verb.name == "completion":
        from thawline.commands.completion import completion  # late, as below

        completion(rest)
        return
    with output.aside(shows=verb.shows or any(word in _SHOWN for word in rest)):
        made = _do(verb, rest)
    if isinstance(made, Path):
        _tell(made, verb)


def _print(name: str, text: str) -> None:
    output.report(**{name: text})
    if not output.form().json:
        print(text)


def _do(verb: Verb, words: Sequence[str]) -> Any:
    """Do what a verb does; the directory or file that it wrote, if it says one."""
    if verb.config:
        return _run(verb, words)
    from thawline.commands.list_settings import list_settings  # late, as above

    list_settings(words)
    return None


def _tell(made: Path, verb: Verb) -> None:
    """Say what was written to whoever wants that alone."""
    if output.form().json:
        from thawline.commands.written import report_written  # late, as above

        report_written(made)
    elif output.form().quiet and not verb.shows:
        print(printable(str(made)))


def call(name: str, words: Sequence[str | os.PathLike[str]]) -> Any:
    """Do what `thawline NAME WORDS` does, and give what the verb's function gives: the directory that it wrote, if any.

    Raises:
        UserError: Wrong use or bad input.
        RunError: The run failed.
    """
    with output.keeping_loggers():
        return _run(VERBS[name], [os.fspath(word) for word in words])


def _run(verb: Verb, words: Sequence[str]) -> Any:
    arguments = to_overrides(verb, words)
    # onnxruntime looks up a host when it is imported, which Lightning does wherever it is installed.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with importing():
        from thawline.commands.app import run_verb  # late: Hydra takes 0.2 s to import

    return run_verb(verb.target, verb.config, arguments)


def find_verb(words: Sequence[str]) -> tuple[Verb, list[str]]:
    """The verb that `words` begin with, and the words after it.

    Raises:
        UserError: There is no such verb; the nearest one is named.
    """
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in VERBS:
            return VERBS[name], list(words[length:])
    if family := [name.split()[1] for name in VERBS if name.startswith(f"{words[0]} ")]:
        near = difflib.get_close_matches(words[1], family, n=1, cutoff=0.4) if len(words) > 1 else []
        said, missing = " ".join(words[:2]), f"'thawline {words[0]}' needs one of: {', '.join(family)}"
        if not near:
            raise UserError(missing)
        raise UserError(f"there is no verb '{said}'; did you mean 'thawline {words[0]} {near[0]}'?")
    near = difflib.get_close_matches(words[0], [*VERBS, "--version", "--help"], n=1, cutoff=0.4)
    hint = f"did you mean 'thawline {near[0]}'?" if near else "'thawline --help' lists the verbs"
    raise UserError(f"there is no verb '{words[0]}'; {hint}")


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
            raise UserError(_no_option(word, left))
        elif _OVERRIDE.match(word) and not (_room(verb, values) and _is_there(word)):
            passed.append(_quote_path_value(word))
        else:
            values.append(word)
    _check_shown(options)
    # Hydra's parser wants its options before the overrides.
    return [*options, *_bind(verb, values, passed), *passed]


def _no_option(word: str, left: Sequence[str]) -> str:
    """What to write in place of an option that there is not: `--cv 5`, `--cv=5`, `--multrun`."""
    name, _, value = word.partition("=")
    near = difflib.get_close_matches(name, [*_HYDRA_OPTIONS, *output.OPTIONS], n=1, cutoff=0.85)
    hint = f"did you mean {near[0]}?" if near else "settings are written key=value"
    if name.startswith("--") and not near:
        follows = bool(left) and not left[0].startswith("-") and not _OVERRIDE.match(left[0])
        value = value or (left[0] if follows else "VALUE")
        hint += f": {name[2:].replace('-', '_')}={value}"
    return f"there is no option '{name}'; {hint}"


def _check_shown(options: Sequence[str]) -> None:
    """Is what `--cfg` and `--info` are to show among what they can?"""
    for option, shown in zip(options, [*options[1:], ""], strict=False):
        choices = _SHOWN.get(option)
        if choices and shown not in choices:
            near = difflib.get_close_matches(shown, choices, n=1)
            hint = f"; did you mean {option} {near[0]}?" if near else ""
            raise UserError(f"{option} shows one of {', '.join(choices)}, not '{shown}'{hint}")


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
        if positional.path:
            taken = [
                value if _is_elsewhere(positional, value, passed) else str(Path(value).expanduser().absolute())
                for value in taken
            ]
            _refuse_bundles(verb, positional, taken)
        quoted = [quote(value) for value in taken]
        overrides.append(f"{positional.key}=" + (f"[{','.join(quoted)}]" if positional.many else quoted[0]))
    if left:
        again = f"; settings are written {left[0]}={left[1]}" if len(left) > 1 and left[0].isidentifier() else ""
        raise UserError(f"'thawline {verb.name}' can't use '{left[0]}'{again}; usage: {verb.usage}")
    return overrides


def _is_elsewhere(positional: Positional, value: str, passed: Sequence[str]) -> bool:
    """Whether a word is a URL, or a name on the Hub, and no path."""
    if f"data.reader={READER}" in passed and is_hub_id(value):
        return True
    return positional.url and "://" in value


def _refuse_bundles(verb: Verb, positional: Positional, paths: Sequence[str]) -> None:
    """A bundle is what comes out at the end; only some verbs begin with one."""
    for path in paths:
        if not positional.bundle and (Path(path) / "manifest.sha256").is_file():
            raise UserError(
                f"{path} is a bundle, which 'thawline {verb.name}' does not take; 'thawline predict {path} PATHS' asks "
                "it, and 'thawline train' and 'export' make another"
            )


def _is_there(word: str) -> bool:
    """Whether `word` names a file; what is longer than any name, such as the values of a sweep, names none."""
    try:
        return Path(word).expanduser().exists()
    except (OSError, RuntimeError):  # too long; ~ of a user that there is not
        return False


def _quote_path_value(word: str) -> str:
    """Quote the value of a key that holds a path, unless it is a sweep, or free text; what is quoted already stays."""
    key, _, value = word.partition("=")
    is_text = key.lstrip("+") in TEXT_KEYS
    is_sweep = "," in value and not is_text and not _is_there(value)
    if key.lstrip("+") not in PATH_KEYS | TEXT_KEYS or not value or value == "null" or value[0] in "'\"$" or is_sweep:
        return word
    return f"{key}={quote(value)}"


def _version(*, verbose: bool) -> str:
    """The version, with what installed packages add."""
    lines = [f"thawline {__version__}"]
    for kind in KINDS if verbose else ():
        lines += [f"  {kind}: {one.name}, of {one.package} {one.version}" for one in added(kind).values()]
    return "\n".join(lines)


def _help(words: Sequence[str]) -> str:
    """The help of the verb that `words` begin with, of a family such as `store`, or of all."""
    if not words:
        return _overview()
    if words[0] not in VERBS and " ".join(words[:2]) not in VERBS:
        family = [verb for name, verb in VERBS.items() if name.split()[0] == words[0]]
        if family and len(words) == 1:
            return "\n\n".join(map(_verb_help, family))
    return _verb_help(find_verb(words)[0])


def _overview() -> str:
    width = max(len(name) for name in VERBS) + 4
    verbs = "\n".join(
        textwrap.fill(
            verb.summary, _COLUMNS, initial_indent=f"  {verb.name}".ljust(width), subsequent_indent=" " * width
        )
        for verb in VERBS.values()
    )
    return (
        "thawline: adapt pretrained networks to a small collection of photos, of images\n"
        "with texts, or of music; what is frozen is computed once.\n\n"
        f"usage: thawline VERB [PATH] [key=value …]\n\nverbs:\n{verbs}\n\n"
        "options, with every verb:\n"
        "  --json         one JSON document on standard output in place of what is shown\n"
        "  -q, --quiet    nothing but what was asked for: what is wrong, a report, or the\n"
        "                 directory that was written\n"
        "  -v, --verbose  with the time, what libraries say, and what led to an error\n\n"
        "examples:\n"
        "  thawline sample events Sample\n"
        "  thawline train Sample encoder=tiny_clip\n"
        "  thawline train Photos experiment=events_linear cv=5\n\n"
        "'thawline VERB --help' shows a verb's words and examples,\n"
        "'thawline settings VERB' its settings."
    )


def _verb_help(verb: Verb) -> str:
    parts = [f"usage: {verb.usage}", f"\n{verb.summary[0].upper()}{verb.summary[1:]}."]
    if verb.examples:
        parts.append("\nexamples:\n" + "\n".join(f"  {example}" for example in verb.examples))
    if verb.notes:
        parts.append("\nsettings:\n" + "\n".join(f"  {note}" for note in verb.notes))
    if verb.config:
        parts.append(f"\n'thawline settings {verb.name}' lists all settings and what they mean.")
    if verb.reports:
        parts.append("With --json it gives JSON; -q says less, -v more.")
    return "\n".join(parts)


if __name__ == "__main__":
    program()
