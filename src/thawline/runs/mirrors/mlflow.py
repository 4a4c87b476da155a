"""MLflow as a mirror of the run directory: one MLflow run a run directory, a sweep's trials nested in the sweep's."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from thawline.errors import UserError
from thawline.runs.mirrors.mirror import MOST_CLASSES, Cell, draw_confusion, epoch_key, flat, thumbnail
from thawline.runs.settings import LoggerSettings

if TYPE_CHECKING:  # mlflow takes a second to import, and may be absent
    from mlflow import MlflowClient

EXPERIMENT = "thawline"
DATABASE, ARTIFACTS = "mlflow.db", "mlartifacts"  # in the folder of outputs
KEPT = ("config.yaml", "metrics.json")  # of the run directory, as artifacts
NAME, PARENT, _VERB = "thawline.run", "mlflow.parentRunId", "thawline.verb"
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_MOST = {"params": 100, "metrics": 1000}  # that its server takes at a time
# How often the first question is asked again, and how long, in seconds, each may take; the user's own come first.
_FIRST_ANSWER = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_LONGEST = 6000  # characters of a parameter


class MlflowMirror:
    """An MLflow run. Each method may raise whatever MLflow raises."""

    def __init__(self, client: MlflowClient, run: str, directory: Path) -> None:
        self._client = client
        self._run = run
        self._directory = directory

    def history(self, row: Mapping[str, float]) -> None:
        """Add the scalars of an epoch, which is their step."""
        axis = epoch_key(row)
        step = 0 if axis is None else int(row[axis])
        self._log({key: value for key, value in row.items() if key != axis}, step)

    def summary(self, values: Mapping[str, float]) -> None:
        """State the end results."""
        self._log(values, 0)

    def confusion(self, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
        """Keep the confusion matrix as a picture and as a table."""
        told = {"classes": list(classes), "counts": counts.tolist()}
        self._client.log_dict(self._run, told, "confusion.json")
        if len(classes) <= MOST_CLASSES:
            self._client.log_image(self._run, draw_confusion(counts, classes), "confusion.png")

    def mistakes(self, pictures: Sequence[tuple[Path, str]]) -> None:
        """Keep the thumbnails, and their captions as a text."""
        for index, (path, _) in enumerate(pictures):
            self._client.log_image(self._run, np.asarray(thumbnail(path)), f"mistakes/{index}.png")
        if pictures:
            captions = "".join(f"{index}: {caption}\n" for index, (_, caption) in enumerate(pictures))
            self._client.log_text(self._run, captions, "mistakes/captions.txt")

    def trials(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], picture: str | None) -> None:
        """Keep the table, and the page that draws it."""
        self._client.log_dict(self._run, {"columns": list(columns), "data": [list(row) for row in rows]}, "trials.json")
        if picture is not None:
            self._client.log_text(self._run, picture, "settings.html")

    def finish(self, status: str) -> None:
        """Keep what the run directory says of the settings and the results, and end the MLflow run."""
        for name in KEPT:
            if (self._directory / name).is_file():
                self._client.log_artifact(self._run, str(self._directory / name))
        self._client.set_terminated(self._run, _STATUS[status])

    def _log(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(_allowed(key), float(value), now, step) for key, value in values.items()]
        for at in range(0, len(metrics), _MOST["metrics"]):
            self._client.log_batch(self._run, metrics=metrics[at : at + _MOST["metrics"]])


def start_mlflow(
    settings: LoggerSettings,
    directory: Path,
    *,
    name: str,
    verb: str,
    config: Mapping[str, Any],
    group: str | None,
    tags: Sequence[str],
) -> MlflowMirror:
    """Begin the MLflow run `name`, or go on with it; within that of the sweep `group`, if it is not itself that.

    Raises:
        UserError: The package `mlflow-skinny` is not installed.
    """
    client = _client(settings, config)
    experiment = _experiment(client, settings, config)
    about = {_VERB: verb, "thawline.tags": ", ".join(dict.fromkeys([*settings.tags, *tags]))}
    group = settings.group or group
    parent = None if group in (None, name) else _run_of(client, experiment, str(group), {_VERB: "sweep"}, None)[0]
    run, is_new = _run_of(client, experiment, name, about, parent)
    if is_new or group == name:  # the trials began the sweep's run, without its settings
        _keep_settings(client, run, config)
    client.set_tag(run, "thawline.directory", str(directory))
    return MlflowMirror(client, run, directory)


def _client(settings: LoggerSettings, config: Mapping[str, Any]) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before the import, which would report itself
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise UserError("logger=mlflow needs the package mlflow-skinny; pip install 'thawline[mlflow]'") from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # of the tables that it makes
    place = settings.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not place:
        outputs = _outputs(config)
        outputs.mkdir(parents=True, exist_ok=True)
        place = f"sqlite:///{outputs / DATABASE}"
    with _alone(place), _impatient():  # two processes at once would both make the tables
        client = MlflowClient(tracking_uri=place)
        client.search_experiments(max_results=1)
    return client


@contextmanager
def _impatient() -> Iterator[None]:
    """Within, a server that does not answer is given up after seconds: MLflow would try for minutes without a word.

    Once it has answered, MLflow's patience is right: what a run says is worth waiting for.
    """
    own = {key: value for key, value in _FIRST_ANSWER.items() if key not in os.environ}
    os.environ.update(own)
    try:
        yield
    finally:
        for key in own:
            os.environ.pop(key, None)


def _outputs(config: Mapping[str, Any]) -> Path:
    """The folder of outputs, absolute."""
    return Path(config["paths"]["outputs"]).expanduser().absolute()


def _experiment(client: MlflowClient, settings: LoggerSettings, config: Mapping[str, Any]) -> str:
    """The id of the experiment, which is made where there is none."""
    name = settings.project or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    local = client.tracking_uri.startswith("sqlite:")
    with _alone(f"{client.tracking_uri} {name}"):
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        # Left to itself it would put artifacts into the working directory of whoever comes first.
        place = (_outputs(config) / ARTIFACTS / _allowed(name)).as_uri() if local else None
        return str(client.create_experiment(name, artifact_location=place))


def _run_of(
    client: MlflowClient, experiment: str, name: str, tags: Mapping[str, str], parent: str | None
) -> tuple[str, bool]:
    """The id of the run called `name`, and whether it is new. Those that were cut off go on under their name."""
    wanted = f"tags.`{NAME}` = '{_quoted(name)}'"
    with _alone(f"{client.tracking_uri} {experiment} {name}"):
        found = client.search_runs([experiment], wanted, max_results=1)
        if found:
            run = str(found[0].info.run_id)
            client.update_run(run, status="RUNNING")
            for key, value in tags.items():
                client.set_tag(run, key, value)
            return run, False
        within = {} if parent is None else {PARENT: parent}
        made = client.create_run(experiment, run_name=name, tags={NAME: _quoted(name), **within, **tags})
        return str(made.info.run_id), True


def _keep_settings(client: MlflowClient, run: str, config: Mapping[str, Any]) -> None:
    """Every setting as a parameter; those that are there already can't be changed, and stay."""
    from mlflow.entities import Param

    there = client.get_run(run).data.params
    values = {_allowed(key): str(value)[:_LONGEST] for key, value in flat(config).items()}
    params = [Param(key, value) for key, value in values.items() if key not in there]
    for at in range(0, len(params), _MOST["params"]):
        client.log_batch(run, params=params[at : at + _MOST["params"]])


def _alone(what: str) -> FileLock:
    """While held, no other process of this machine does the same."""
    digest = hashlib.sha256(what.encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"thawline-mlflow-{digest}.lock")


def _allowed(name: str) -> str:
    """A name as MLflow takes it: it has a law of which characters there may be."""
    return re.sub(r"[^\w./ -]", "_", name).strip("/") or "_"


def _quoted(name: str) -> str:
    """A name without what would end a text in MLflow's language of filters."""
    return name.replace("'", "_")
