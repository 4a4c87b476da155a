"""Golden cases: files whose answer is known, read from `golden.yaml` and held against what a bundle says."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from thawline.data.tables.places import find_file
from thawline.data.tables.yaml_files import read_yaml
from thawline.errors import UserError


@dataclass(frozen=True)
class GoldenCase:
    """A file and what must be said of it; tasks whose bundles say more than a label add to it.

    Attributes:
        file: Where it is.
        label: The class; None where it does not matter.
    """

    file: Path
    label: str | None = None

    @property
    def expected(self) -> str:
        """What must be said, in words; "" where nothing must."""
        return self.label or ""


@dataclass(frozen=True)
class CaseResult:
    """What came of a case.

    Attributes:
        case: The case.
        said: The labels that were said: one, or where a file can have several any number; none where it can't be used.
        confidence: Of the label that is expected of several, otherwise of the one that was said; 0 to 1.
        failures: What is not as it must be, a phrase each; none: the case passes.
    """

    case: GoldenCase
    said: tuple[str, ...]
    confidence: float | None
    failures: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether all is as it must be."""
        return not self.failures


@dataclass(frozen=True)
class GoldenForm:
    """What the cases of a task have besides `file`.

    Attributes:
        names: The keys of which one has the label, the usual one first.
        more: Other keys.
        such_as: A case, for messages.
    """

    names: tuple[str, ...]
    more: tuple[str, ...]
    such_as: str


C = TypeVar("C", bound=GoldenCase)


def read_golden(path: Path, form: GoldenForm, more: Callable[[GoldenCase, Mapping[str, Any], str], C]) -> list[C]:
    """The cases of a YAML file: a list, each with `file` (relative to the YAML file) and what is expected.

    Args:
        path: The file.
        form: What a case may have.
        more: Gives a case what it has of `form.more`, by its entry and what that is called in messages.

    Raises:
        UserError: The file is absent or malformed; the case is named.
    """
    mend = f"write a list of cases such as {form.such_as}"
    cases = read_yaml(path, mend)
    if not isinstance(cases, list) or not cases:
        raise UserError(f"{path} holds no list of cases; {mend}")
    read = []
    for number, given in enumerate(cases, start=1):
        where = f"case {number} of {path}"
        if not isinstance(given, dict) or not isinstance(given.get("file"), str) or not given["file"]:
            raise UserError(f"{where} names no file; {mend}")
        case = more(_plain(given, where, path.parent, form), given, where)
        if not case.expected:
            raise UserError(f"{where} expects nothing of {given['file']}; add {form.names[0]}, say")
        read.append(case)
    return read


def _plain(given: Mapping[str, Any], where: str, folder: Path, form: GoldenForm) -> GoldenCase:
    """The file and the label of a case."""
    keys = ("file", *form.names, *form.more)
    if unknown := [str(key) for key in given if key not in keys]:
        raise UserError(f"{where} has the key '{unknown[0]}', which is not known; it may have {', '.join(keys)}")
    labels = [given[key] for key in form.names if key in given]
    if len(labels) > 1 or not all(isinstance(label, str) and label for label in labels):
        called = form.names[0] + "".join(f" (or {name})" for name in form.names[1:])
        raise UserError(f"{where} must have one name as its {called}")
    return GoldenCase(find_file(given["file"], folder.absolute()), labels[0] if labels else None)


def check_labels(cases: Sequence[GoldenCase], labels: Sequence[str], path: Path) -> None:
    """Refuse a name that the bundle can't say: a slip of the pen, not a failure; raises UserError."""
    for case in cases:
        if case.label is not None and case.label not in labels:
            near = difflib.get_close_matches(case.label, labels, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it knows {', '.join(labels)}"
            raise UserError(f"{path} expects '{case.label}' of {case.file.name}, which the bundle can't say; {hint}")


def label_failures(case: GoldenCase, said: Sequence[str], problem: str | None) -> list[str]:
    """What is not as it must be where `said` are the labels that were said, or the file has a `problem`."""
    if problem is not None:
        return [f"can't be used: {problem}"]
    return [] if case.label in (None, *said) else [f"{', '.join(said) or 'no label'} in place of {case.label}"]
