"""`thawline compare RUN …`: finished runs side by side."""

from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.results import finished_run, judge_run
from thawline.commands.settings import to_settings
from thawline.errors import UserError
from thawline.reports.tables import Judged, print_comparison


def compare(config: DictConfig) -> None:
    """Print the runs, the best first, each each tested against its baseline.

    Raises:
        UserError: A directory holds no finished run, or the runs judged different samples.
    """
    paths = [Path(path) for path in to_settings(config).runs]
    runs = {path.name: finished_run(path) for path in paths}
    (first, (predictions, _)) = next(iter(runs.items()))
    for name, (other, _) in runs.items():
        if other.paths != predictions.paths or not np.array_equal(other.labels, predictions.labels):
            raise UserError(
                f"the runs {first} and {name} judged different photos, so they can't be compared; "
                "give runs on the same folder with the same cv and data.split"
            )
    console = Console()
    ranked = sorted(runs.items(), key=lambda run: -(run[1][0].said == run[1][0].labels).mean())
    rows, lines, baselines = [], [], {}
    for number, (name, (said, known)) in enumerate(ranked, start=1):
        judged, baselines[known["baseline"]], test = judge_run(said, f"{number} {known['method']}", known["baseline"])
        rows.append(Judged(f"{number} {known['method']}", judged, test))
        counts = "{computed} features computed, {read} read".format(**known["features"])
        lines.append(f"{number} {name}: {known['encoder']}, {counts}, {known['seconds']:.0f} s")
    print_comparison([*rows, *(Judged(name, baseline) for name, baseline in baselines.items())], console)
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
