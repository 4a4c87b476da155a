"""Runs in MLflow's own database, read back by MLflow's own client."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from thawline.errors import UserError
from thawline.files import read_json
from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.settings import LoggerSettings
from thawline.runs.signals import Stopped

mlflow = pytest.importorskip("mlflow")
SWEEP = "2026-11-29_10-00-00-000000"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Mirrors a run called `name`; nothing of the user's environment decides where."""
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(variable, raising=False)
    config = {"seed": 0, "paths": {"outputs": str(tmp_path / "outputs")}, "method": {"name": "mlp", "c": [0.1, 1]}}

    def start(name, *, group=None, verb="train", **settings):
        directory = tmp_path / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "metrics.json").write_text('{"accuracy": 0.75}')
        return mirrored(
            LoggerSettings("mlflow", **settings),
            directory,
            name=name,
            verb=verb,
            config=config,
            group=group,
            tags=["mlp", "thaw=2"],
        )

    return start


@pytest.fixture
def client(tmp_path):
    from mlflow import MlflowClient

    return lambda: MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")


def runs_of(client, experiment="thawline"):
    found = client.get_experiment_by_name(experiment)
    return {run.info.run_name: run for run in client.search_runs([found.experiment_id])}


def test_settings_epochs_results_and_artifacts_are_read_back_and_a_sweeps_trials_are_nested(mirror, client, tmp_path):
    with mirror(f"{SWEEP}/0", group=SWEEP) as run:
        for epoch in (0, 1):
            run.history({"fold0/epoch": epoch, "fold0/train_loss": 1 / (epoch + 2)})
        run.summary({"accuracy": 0.75, "accuracy/low": 0.5, "recall/a (b) ü": 1.0})
        run.confusion(np.array([[3, 1], [0, 4]]), ["a", "b"])
    with mirror(SWEEP, group=SWEEP, verb="sweep") as run:
        run.trials(["trial", "accuracy"], [["0", 0.75]], "<html></html>")
    told = client()
    runs = runs_of(told)
    assert set(runs) == {SWEEP, f"{SWEEP}/0"}
    trial, sweep = runs[f"{SWEEP}/0"], runs[SWEEP]
    assert trial.data.tags["mlflow.parentRunId"] == sweep.info.run_id
    assert "mlflow.parentRunId" not in sweep.data.tags
    assert (trial.data.tags["thawline.verb"], sweep.data.tags["thawline.verb"]) == ("train", "sweep")
    assert trial.data.tags["thawline.tags"] == "mlp, thaw=2"
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    for one in (trial, sweep):
        assert one.data.params["method.name"] == "mlp"
        assert one.data.params["method.c"] == "[0.1, 1]"
    course = told.get_metric_history(trial.info.run_id, "fold0/train_loss")
    assert [(one.step, one.value) for one in course] == [(0, 0.5), (1, pytest.approx(1 / 3))]
    assert trial.data.metrics["accuracy/low"] == 0.5
    assert trial.data.metrics["recall/a _b_ ü"] == 1.0
    names = {one.path for one in told.list_artifacts(trial.info.run_id)}
    assert names == {"confusion.json", "confusion.png", "metrics.json"}
    kept = told.download_artifacts(trial.info.run_id, "confusion.json", str(tmp_path))
    assert read_json(Path(kept)) == {"classes": ["a", "b"], "counts": [[3, 1], [0, 4]]}
    assert (tmp_path / "outputs" / "mlartifacts").is_dir()


def test_a_run_that_is_cut_off_goes_on_as_one(mirror, client):
    def cut_off():
        with mirror("r", project="mine") as run:
            run.history({"fold0/epoch": 0, "fold0/train_loss": 1.0})
            raise Stopped(15)

    with pytest.raises(Stopped):
        cut_off()
    assert runs_of(client(), "mine")["r"].info.status == "KILLED"
    with mirror("r", project="mine") as run:
        run.history({"fold0/epoch": 1, "fold0/train_loss": 0.5})
    told = client()
    (run,) = runs_of(told, "mine").values()
    assert run.info.status == "FINISHED"
    assert [one.step for one in told.get_metric_history(run.info.run_id, "fold0/train_loss")] == [0, 1]


def test_a_place_that_cannot_be_used_is_one_warning(mirror):
    with (
        pytest.warns(UserWarning, match="logger=mlflow is not available"),
        mirror("r", tracking_uri="nonsense://x") as run,
    ):
        assert run is None


def test_a_server_that_does_not_answer_is_asked_twice_and_after_that_mlflow_is_as_patient_as_ever(mirror):
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES as RETRIES

    asked, patience = [], RETRIES.get()

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.send_response(503)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        with pytest.warns(UserWarning, match="logger=mlflow is not available"), mirror("a", tracking_uri=place) as run:
            assert run is None
        server.shutdown()
    assert len(asked) == 2
    assert RETRIES.get() == patience > 2


def test_without_the_package_it_says_how_to_install_it(mirror, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with (
        pytest.raises(
            UserError, match=r"logger=mlflow needs the package mlflow-skinny; pip install 'thawline\[mlflow\]'"
        ),
        mirror("r"),
    ):
        pass


def test_mlflow_is_imported_only_where_it_is_chosen():
    code = "import sys; import thawline.runs.mirrors.loggers; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
