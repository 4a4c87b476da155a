"""Is a promised error held by photos that had no part in the promise?

python tools/promise_errors.py RUN [--errors 0.02 0.05 0.1] [--splits 100]

RUN is a run with cv=5, say. What it said of held-out samples is parted in two by groups, again and again: on one half
temperature and abstention are fitted, as `thawline export RUN max_error=…` does, and on the other the answers are
counted. Printed is in how many of the splits where an error could be promised the others had no more.
"""

import argparse
from pathlib import Path

import numpy as np

from thawline.decisions.abstention import fit_abstention
from thawline.decisions.temperature import calibrated, fit_temperature
from thawline.errors import UserError
from thawline.runs.finished import finished_run


def main() -> None:
    """Print a line for each error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--errors", type=float, nargs="+", default=(0.02, 0.05, 0.1))
    parser.add_argument("--splits", type=int, default=100)
    arguments = parser.parse_args()
    said, _ = finished_run(arguments.run)
    for error in arguments.errors:
        held, wrong, answered = [], [], []
        for seed in range(arguments.splits):
            groups = np.unique(said.groups)
            first = np.random.default_rng(seed).permutation(groups)[: len(groups) // 2]
            fitting = np.isin(said.groups, first)
            temperature = fit_temperature(said.labels[fitting], said.probabilities[fitting], "out-of-fold").value
            sure = calibrated(said.probabilities, temperature).max(axis=1).astype(np.float64)
            try:
                promise = fit_abstention(said.right[fitting], sure[fitting], said.groups[fitting], error, "out-of-fold")
            except UserError:
                continue
            given = ~fitting & (sure >= promise.threshold)
            wrong.append((~said.right[given]).mean())
            answered.append(given.sum() / (~fitting).sum())
            held.append(wrong[-1] <= error)
        print(
            f"at most {error:g}: promised in {len(held)} of {arguments.splits} splits, held in {sum(held)}"
            + (f"; {np.mean(answered):.0%} answered, {np.mean(wrong):.2%} of these wrongly" if held else "")
        )


if __name__ == "__main__":
    main()
