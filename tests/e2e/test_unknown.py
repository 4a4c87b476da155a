"""`export RUN max_error=`, and what a bundle that does not always answer says."""

import json

import numpy as np
import pytest
from tests.e2e.test_evaluate_bundle import reseal

from thawline.decisions.temperature import calibrated
from thawline.tasks.load import load_bundle

pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture
def unsure(thawline, tuned):
    """A bundle that answers from 0.999 on."""
    run, _ = tuned
    thawline("export", run, "out=unsure", "max_error=0.49")
    bundle = thawline.directory / "unsure"
    decision = json.loads((bundle / "decision.json").read_text())
    decision["abstention"]["threshold"] = 0.999
    (bundle / "decision.json").write_text(json.dumps(decision))
    reseal(bundle)
    return bundle


def test_below_its_probability_it_says_unknown_whatever_is_shown(thawline, unsure, sample):
    photos = sorted(sample.glob("*/*.jpg"))[::6]
    for words in ((), ("calibrated=true",)):
        thawline("predict", unsure, *photos, "out=said.jsonl", *words)
        lines = [json.loads(line) for line in (thawline.directory / "said.jsonl").read_text().splitlines()]
        said = [one for one in lines if one["problem"] is None]
        rows = np.array([list(one["probabilities"].values()) for one in said], dtype=np.float32)
        at = rows if words else calibrated(rows, load_bundle(unsure).temperature)
        names = list(said[0]["probabilities"])
        wanted = [names[row.argmax()] if row.max() >= 0.999 else "unknown" for row in at]
        assert [one["label"] for one in said] == wanted
        assert "unknown" in wanted
        assert len(set(wanted)) > 2
        assert [one["probability"] for one in said] == pytest.approx(rows.max(axis=1).tolist())


def test_evaluate_says_how_much_it_answers_and_how_much_of_that_is_wrong(thawline, unsure, sample):
    printed = thawline("evaluate", unsure, sample, "logger=none")
    (run,) = thawline.runs("evaluate")
    examined = json.loads((run / "metrics.json").read_text())["examined"]
    assert examined["answers_from"] == 0.999
    assert 0 < examined["answered"]["value"] < 1
    assert f"answers {100 * examined['answered']['value']:.1f} [" in " ".join(printed.split())
    assert (run / "coverage.png").stat().st_size > 0


def test_export_says_what_it_promises_or_what_it_could(thawline, tuned):
    run, _ = tuned
    printed = " ".join(thawline("export", run, "out=new", "max_error=0.49").split())
    assert "at most 49 % will be (with 95 % confidence)" in printed
    assert "At most 49.0% of its answers are wrong" in " ".join(
        (thawline.directory / "new" / "README.md").read_text().split()
    )
    refused = thawline.refused("export", run, "out=other", "max_error=0.01")
    assert "max_error=0.01 can't be promised by 25 inner samples in" in refused
    assert "could be, with" in refused
    assert "above 0 and below 0.5" in thawline.refused("export", run, "out=other", "max_error=5")
    assert not (thawline.directory / "other").exists()
