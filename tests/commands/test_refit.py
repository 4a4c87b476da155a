"""The fit on all data: nothing is left to choose by, so it takes what the folds chose."""

import pytest
from tests.fitting.problems import Clusters, fitting

from thawline.files import read_json
from thawline.fitting.methods import FittedTail
from thawline.fitting.settings import GradientSettings
from thawline.tasks.planning import fit_everything

GRADIENT = GradientSettings(name="linear", head="linear", epochs=12, batch_size=45, lr=0.05, patience=3)


@pytest.mark.parametrize(("chosen", "epochs"), [((2, 3, 9), 3), ((9, 2, 2), 2), ((4,), 4)])
def test_a_refit_trains_for_the_median_of_the_folds_epochs(tmp_path, chosen, epochs):
    problem, how = Clusters(), fitting(GRADIENT, tmp_path)
    fit_everything(problem, [FittedTail({}, {"epochs": number}) for number in chosen], how)
    folder = tmp_path / "folds" / "all"
    assert read_json(folder / "chosen.json")["epochs"] == epochs
    assert len((folder / "history.csv").read_text().splitlines()) == 1 + epochs
