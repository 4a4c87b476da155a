"""`thawline export` from the command line: runs of several methods on the sample, and what is refused."""

import json
import re
import shlex
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

import thawline as package
from thawline.bundles.manifest import verify

FAST = ("encoder=tiny_clip", "trainer=cpu", "logger=none")
pytestmark = pytest.mark.usefixtures("shared_store")
METHODS = {
    "zero_shot": ("method=zero_shot",),
    "projection": ("method=projection", "method.epochs=2"),
    "contrastive": ("method=contrastive", "method.epochs=1", "method.lr=1e-3"),
    "clip_lora": ("method=clip_lora", "thaw=1", "method.steps=1", "method.epochs=1", "method.lr=1e-2"),
    "logistic": ("method=logistic",),
    "gda_zero_shot": ("method=gda_zero_shot",),
    "tip_adapter": ("method=tip_adapter",),
    "mlp": ("method=mlp", "method.epochs=2"),
    "finetune": ("method=finetune", "thaw=1", "method.epochs=2"),
}


def own_probabilities(run):
    """What `predictions.parquet` says, by path."""
    rows = pq.read_table(run / "predictions.parquet").to_pylist()
    return {
        row["path"]: {
            name.removeprefix("probability:"): p for name, p in row.items() if name.startswith("probability:")
        }
        for row in rows
    }


def largest_difference(bundle, photos, wanted):
    said = bundle.predict([photos / path for path in wanted])
    pairs = [
        (one.probabilities[name], p) for one, row in zip(said, wanted.values(), strict=True) for name, p in row.items()
    ]
    return max(abs(a - b) for a, b in pairs)


@pytest.mark.parametrize("method", METHODS)
def test_the_bundle_of_a_run_gives_the_runs_own_probabilities(thawline, sample, method):
    thawline("train", sample, *FAST, *METHODS[method])
    [run] = thawline.runs()
    out = thawline("export", run)
    assert f"bundle {run / 'bundle'}" in out
    assert "exported the fit without the held-out photos" in out
    here = run.relative_to(thawline.directory)
    assert f"next   thawline predict {here / 'bundle'} PATHS\n" in out
    assert f"       thawline evaluate {here / 'bundle'} NEWDATA\n       thawline train {here} refit=true\n" in out
    bundle = package.load(run / "bundle", device="cpu")
    assert largest_difference(bundle, sample, own_probabilities(run)) <= 1e-5
    decision = json.loads((run / "bundle" / "decision.json").read_text())
    assert decision["temperature"]["fitted_on"] == "inner"
    before, after = decision["temperature"]["log_loss"]
    assert after <= before
    assert (decision["prompts"] is None) == (method in ("logistic", "gda_zero_shot", "tip_adapter", "mlp", "finetune"))
    metrics = thawline.metrics()["judged"]
    assert bundle.manifest["metrics"]["estimates"]["accuracy"] == metrics["accuracy"]
    assert re.fullmatch("[0-9a-f]{64}", bundle.manifest["base"]["weights"])
    assert {key: value for key, value in bundle.manifest["base"].items() if key != "weights"} == {
        "name": "package:tiny_clip",
        "family": "clip",
        "model": None,
        "revision": None,
        "licence": "Apache-2.0",
    }
    assert bundle.manifest["largest_difference"]["probabilities_of_raw_photos"] <= 1e-5


def test_a_run_on_features_computed_in_bfloat16_is_exported_in_float32(thawline, sample):
    thawline("train", sample, *FAST, "encoder.precision=bfloat16", "method=linear", "thaw=head", "method.epochs=5")
    [run] = thawline.runs()
    thawline("export", run)
    bundle = package.load(run / "bundle", device="cpu")
    assert 1e-5 < largest_difference(bundle, sample, own_probabilities(run)) <= 5e-2
    assert "computed in bfloat16, and computes in float32" in (run / "bundle" / "README.md").read_text()


def test_a_cross_validated_run_exports_its_refit_and_fits_out_of_fold(thawline, photos):
    thawline("train", photos, *FAST, "method=logistic", "method.c=[1]", "cv=3")
    [run] = thawline.runs()
    shutil.rmtree(photos)  # nothing of it is needed any more
    out = thawline("export", run, "out=a folder/Model")
    model = thawline.directory / "a folder" / "Model"
    assert "exported the fit on all data" in out
    manifest = verify(model)
    assert manifest["run"] == {"name": run.name, "trial": None, "fit": "all", "method": "logistic"}
    temperature = json.loads((model / "decision.json").read_text())["temperature"]
    assert temperature["fitted_on"] == "out-of-fold"
    assert temperature["samples"] == len(own_probabilities(run))
    assert "each held out of a model fitted the same way" in (model / "README.md").read_text()


def test_without_its_photos_a_held_out_run_gets_no_temperature_and_says_so(thawline, photos):
    thawline("train", photos, *FAST, "method=logistic", "method.c=[1]")
    [run] = thawline.runs()
    shutil.rmtree(photos)
    assert (
        "temperature: NONE FITTED, calibrated=true changes nothing; what it would be fitted on can't be had ("
        in thawline("export", run)
    )
    decision = json.loads((run / "bundle" / "decision.json").read_text())
    assert decision["temperature"]["value"] == 1
    assert json.loads((run / "bundle" / "golden.json").read_text())["photos"] == []


def test_a_sweep_exports_its_winner(thawline, sample):
    thawline("train", sample, *FAST, "method=logistic,zero_shot", "-m")
    [sweep] = thawline.runs("sweep")
    winner = json.loads((sweep / "sweep.json").read_text())["winner"]
    assert f"of the winner, trial {winner}" in thawline("export", sweep)
    bundle = package.load(sweep / "bundle", device="cpu")
    assert largest_difference(bundle, sample, own_probabilities(sweep)) <= 1e-5
    assert bundle.manifest["run"]["trial"] == winner
    refused = thawline.refused("export", sweep / "0")
    assert (
        refused
        == f"{sweep / '0'} is a trial of a sweep, which judges its winner alone; 'thawline export {sweep}' takes that"
    )


def test_photos_that_changed_since_are_not_used(thawline, photos):
    thawline("train", photos, *FAST, "method=logistic", "method.c=[1]")
    [run] = thawline.runs()
    for path in sorted((photos / "wedding").iterdir())[:3]:
        path.unlink()
    assert (
        "changes nothing; what it would be fitted on can't be had (the samples are others than they were: "
        in thawline("export", run)
    )


@pytest.mark.usefixtures("shared_store")
def test_a_finished_run_is_fitted_on_all_data_afterwards(thawline, photos):
    thawline("train", photos, *FAST, "method=logistic", "method.c=[1]", "cv=2", "refit=false")
    thawline("train", photos, *FAST, "method=logistic", "method.c=[1]", "cv=2")
    run, whole = thawline.runs()
    command = thawline.refused("export", run).partition("which this fits: thawline ")[2]
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert f"refitted on all data: {run}" in thawline(*shlex.split(command))
    tails = [(one / "folds" / "all" / "tail.safetensors").read_bytes() for one in (run, whole)]
    assert tails[0] == tails[1]
    assert all(path.read_bytes() == data for path, data in before.items())
    assert "exported the fit on all data" in thawline("export", run)
    assert "leave out 'refit=false'" in thawline.refused("train", run, "refit=false")
    assert f"'thawline train {run} refit=true' fits all its data" in thawline.refused("train", run)
    next(iter(sorted((photos / "wedding").glob("*.jpg")))).unlink()
    shutil.rmtree(run / "folds" / "all")
    assert "its samples are not what they were" in thawline.refused("train", run, "refit=true")
    assert not (run / "folds" / "all").exists()


def test_what_is_refused(thawline, sample, tmp_path):
    thawline("train", sample, *FAST, "method=zero_shot", "cv=3", "refit=false")
    thawline("train", sample, *FAST, "method=zero_shot")
    folds, run = thawline.runs()
    assert thawline.refused("export", folds) == (
        f"the run {folds} has a model for each fold or seed and none of all data, which this fits: "
        f"thawline train {shlex.quote(str(folds))} refit=true"
    )
    thawline("evaluate", run, "logger=none")
    [again] = thawline.runs("evaluate")
    assert "is a run of 'thawline evaluate', which fits nothing" in thawline.refused("export", again)
    assert "there is no run directory" in thawline.refused("export", tmp_path / "absent")
    assert "is not a run directory" in thawline.refused("export", tmp_path)
    assert thawline.refused("export", run, "format=pickle") == "format=pickle is not known; use safetensors or onnx"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    assert "holds something else than a bundle" in thawline.refused("export", run, f"out={tmp_path / 'mine'}")
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({**status, "status": "failed", "reason": "it broke"}))
    assert "is failed (it broke), not finished" in thawline.refused("export", run)
    assert not (run / "bundle").exists()


def test_the_manifest_holds_the_hashes_of_config_split_and_data(thawline, sample):
    import hashlib

    thawline("train", sample, *FAST, "method=zero_shot")
    [run] = thawline.runs()
    thawline("export", run)
    hashes = verify(run / "bundle")["hashes"]
    for name, file in (("config", "config.yaml"), ("split", "split.csv")):
        assert hashes[name] == hashlib.sha256((run / file).read_bytes()).hexdigest()
    for path in (run / "bundle").iterdir():
        assert str(sample).encode() not in path.read_bytes()
        assert str(run).encode() not in path.read_bytes()
    golden = json.loads((run / "bundle" / "golden.json").read_text())
    assert len(golden["photos"]) == 8
    assert np.array(golden["made"]["logits"]).shape == (4, 6)
