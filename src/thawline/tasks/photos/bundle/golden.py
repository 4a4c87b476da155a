"""Photos whose class is known, held against what a bundle says."""

from pathlib import Path

from thawline.decisions.abstention import UNKNOWN
from thawline.tasks.bundle.golden import CaseResult, GoldenCase, GoldenForm, check_labels, label_failures, read_golden
from thawline.tasks.photos.bundle.photos import Bundle

_FORM = GoldenForm(("expected",), more=(), such_as="{file: a.jpg, expected: wedding}")


def judge_photos(bundle: Bundle, path: Path) -> list[CaseResult]:
    """Hold the cases of the file `path` against what `bundle` says; see `tasks.capabilities.GoldenJudge`."""
    cases = read_cases(path)
    check_labels(cases, (*bundle.labels, *([UNKNOWN] if bundle.reasons else [])), path)
    verdicts = []
    for case, said in zip(cases, bundle.predict([case.file for case in cases]), strict=True):
        expected = None if said.tags is None or case.label is None else said.probabilities.get(case.label)
        sure = said.probability if expected is None else expected
        verdicts.append(CaseResult(case, said.answers, sure, tuple(label_failures(case, said.answers, said.problem))))
    return verdicts


def read_cases(path: Path) -> list[GoldenCase]:
    """The cases of a YAML file, which have `file` and `expected`; see `read_golden`."""
    return read_golden(path, _FORM, lambda case, _given, _where: case)
