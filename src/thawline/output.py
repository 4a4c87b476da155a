"""What a command gives, and to whom: tables to people, or with `--json` one JSON document to programs.

A verb says by `report` what it found, besides showing it. What it prints for people it prints as ever: this has it go
to the screen, aside or nowhere.
"""

import json
import logging
import math
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from datetime import datetime
from typing import Any, TextIO

from thawline.errors import UserError
from thawline.files import printable

# What every verb takes: each option, with what it switches on.
OPTIONS = {"--json": "json", "-q": "quiet", "--quiet": "quiet", "-v": "verbose", "--verbose": "verbose"}

ERROR = "error"  # the key that says why a command failed


@dataclass(frozen=True)
class Form:
    """What the options say.

    Attributes:
        json: One JSON document stands in the place of tables.
        quiet: Nothing is said but what was asked for.
        verbose: Libraries are heard too, with the time, and errors tell their causes.
    """

    json: bool = False
    quiet: bool = False
    verbose: bool = False


@dataclass
class _Output:
    """What the command that runs gives."""

    form: Form = Form()
    facts: dict[str, Any] = field(default_factory=dict)


_running = [_Output()]  # the last one counts; the first is what Python callers have, who are given no options


def form() -> Form:
    """The options of the command that runs."""
    return _running[-1].form


def report(**facts: Any) -> None:
    """What a verb found, for `--json`; a later call adds to it, or puts something else in its place.

    Args:
        facts: What JSON can hold, or dataclasses, paths, times and NumPy's numbers, which are written as such. What is
            neither finite nor a text becomes null.
    """
    if form().json:
        _running[-1].facts.update(facts)


def options_of(words: Iterable[str]) -> tuple[list[str], Form]:
    """The words that are none of `OPTIONS`, which may stand anywhere, and what those say.

    Raises:
        UserError: They contradict each other.
    """
    left, chosen = [], Form()
    for word in words:
        if word in OPTIONS:
            chosen = replace(chosen, **{OPTIONS[word]: True})
        else:
            left.append(word)
    if chosen.quiet and chosen.verbose:
        raise UserError("-q says less and -v says more; leave one out")
    return left, chosen


@contextmanager
def opened(chosen: Form) -> Iterator[dict[str, Any]]:
    """Within, a command runs in the form that was chosen; its document is written at the end, however it ends.

    Yields:
        The document, to which an error can be added.
    """
    out = _Output(chosen)
    _running.append(out)
    try:
        with _heard() if chosen.verbose else _unheard() if chosen.quiet else ExitStack():
            yield out.facts
    finally:
        _running.remove(out)
        if chosen.json:
            sys.stdout.write(json.dumps(_plain(out.facts), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
            sys.stdout.flush()


@contextmanager
def aside(*, shows: bool) -> Iterator[None]:
    """Within, what is printed for people goes where the options want it.

    Args:
        shows: Whether that is what the verb is for. Then `-q` leaves it, and `--json` stands in its place. What a verb
            says that does something goes nowhere with `-q`, and with `--json` to stderr.
    """
    now = form()
    if not now.json and (shows or not now.quiet):
        yield
        return
    with ExitStack() as stack:
        place: TextIO = sys.stderr
        if shows or now.quiet:
            place = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123  # it is no path
        with _stdout_to(place):
            yield


@contextmanager
def _stdout_to(place: TextIO) -> Iterator[None]:
    """Within, standard output goes to `place`, that of child processes too where this process has a real one."""
    stream: TextIO = sys.stdout
    own = _descriptor(stream) if stream is sys.__stdout__ else None
    if own is None:
        with redirect_stdout(place):
            yield
        return
    stream.flush()
    kept = os.dup(own)
    os.dup2(place.fileno(), own)
    try:
        yield
    finally:
        with suppress(OSError):
            stream.flush()
        os.dup2(kept, own)
        os.close(kept)


def _descriptor(stream: TextIO) -> int | None:
    with suppress(OSError, ValueError):
        return stream.fileno()
    return None


@contextmanager
def _unheard() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _heard() -> Iterator[None]:
    """Libraries' messages go to stderr, each with the seconds since the start."""
    began, root, before = time.perf_counter(), logging.getLogger(), logging.getLogger().level
    handler = logging.StreamHandler()
    handler.setFormatter(_Timed(began))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for logger in _loggers():
        logger.disabled = False  # it was silenced if this process ran a command without -v before
    try:
        yield
    finally:
        logging.getLogger("thawline").info("done")
        root.removeHandler(handler)
        root.setLevel(before)


def silence_libraries() -> None:
    """From now on libraries that are imported say errors alone, unless `-v` asks to hear them."""
    if form().verbose:
        return
    logging.getLogger().setLevel(logging.ERROR)
    for logger in _loggers():
        logger.disabled = True


@contextmanager
def keeping_loggers() -> Iterator[None]:
    """Within, libraries may be silenced; afterwards whoever called us, a script say, has its loggers as they were."""
    root = logging.getLogger()
    level, disabled = root.level, {logger for logger in _loggers() if logger.disabled}
    try:
        yield
    finally:
        root.setLevel(level)
        for logger in _loggers():
            logger.disabled = logger in disabled


def _loggers() -> list[logging.Logger]:
    return [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]


class _Timed(logging.Formatter):
    """As `[  3.21 s] name: message`."""

    def __init__(self, began: float) -> None:
        super().__init__("%(name)s: %(message)s")
        self._began = began

    def format(self, record: logging.LogRecord) -> str:
        return f"[{time.perf_counter() - self._began:6.2f} s] {super().format(record)}"


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return printable(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {printable(str(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone().isoformat(timespec="seconds")
    if hasattr(value, "tolist"):  # NumPy's
        return _plain(value.tolist())
    return printable(str(value))  # a path
