"""`thawline evaluate BUNDLE golden=FILE`: is the answer what it must be, for files whose answer is known?"""

from pathlib import Path

from rich.console import Console

from thawline.commands.line.settings import EvaluateSettings
from thawline.errors import RunError, UserError
from thawline.output import report
from thawline.reports.golden import print_golden
from thawline.tasks.bundle.load import load_bundle
from thawline.tasks.capabilities import GoldenJudge
from thawline.tasks.task import capability, find_task


def evaluate_golden(settings: EvaluateSettings, golden: str) -> None:
    """Judge the files that `golden` names by the bundle `settings.run`, and show a table.

    Raises:
        UserError: The bundle or the file of cases can't be used.
        RunError: A case failed.
    """
    if settings.data.path is not None:
        raise UserError(f"golden={golden} names its files itself; leave out the folder {settings.data.path}")
    if settings.gates is not None:
        raise UserError(
            f"golden={golden} asks about single files, which no gate is of; leave out gates={settings.gates}"
        )
    bundle = load_bundle(settings.run, device=settings.accelerator)
    task = find_task(bundle.task)
    if task.golden is None:
        raise UserError(f"{settings.run} judges {task.samples}, for which there are no golden cases")
    judge: GoldenJudge = capability(bundle.task, "golden")
    verdicts = judge(bundle, Path(golden))
    report(
        cases=[
            {
                "file": verdict.case.file,
                "expected": verdict.case.expected,
                "said": ", ".join(verdict.said) or None,
                "confidence": verdict.confidence,
                "passed": verdict.passed,
                "failures": verdict.failures,
            }
            for verdict in verdicts
        ]
    )
    print_golden(verdicts, Console())
    if failed := sum(not verdict.passed for verdict in verdicts):
        raise RunError(f"{failed} of {len(verdicts)} golden cases failed; the table says why")
