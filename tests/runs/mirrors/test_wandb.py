import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import wandb
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from tests.runs.readback import read_offline_runs, write_telling_photo

from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.mirrors.mirror import MOST_CLASSES
from thawline.runs.mirrors.wandb import clean_tags, run_id
from thawline.runs.settings import LoggerSettings
from thawline.runs.signals import Stopped

ROWS = [{"fold0/epoch": epoch, "fold0/train_loss": 1 / (epoch + 3), "fold0/inner_loss": 0.5} for epoch in range(4)]
ROWS += [{"fold1/epoch": epoch, "fold1/train_loss": 0.1 + epoch} for epoch in range(2)]
CONFIG = {"seed": 0, "method": {"name": "mlp", "c": [0.1, 1], "penalty": None}, "data": {"path": "Photos, été"}}


def mirror(directory, settings=None, **changes):
    given = {"name": "run", "verb": "train", "config": CONFIG, "group": None, "tags": []} | changes
    return mirrored(settings or LoggerSettings("wandb"), directory, **given)


def test_an_offline_run_reads_back_as_it_was(tmp_path):
    settings = LoggerSettings("wandb", project="p", tags=["mine", "mlp"])
    with mirror(tmp_path, settings, name="2026-11-21_10/3", group="2026-11-21_10", tags=["mlp", "x" * 70]) as run:
        for row in ROWS:
            run.history(row)
        run.summary({"accuracy": 0.75, "f1": 2 / 3})
    (read,) = read_offline_runs(tmp_path)
    assert read.history == ROWS
    assert read.config == CONFIG
    assert read.summary == {**ROWS[3], **ROWS[5], "accuracy": 0.75, "f1": 2 / 3, "status": "finished"}
    assert (read.exit_code, read.preempting) == (0, False)
    about = {key: read.about[key] for key in ("project", "job_type", "run_group", "display_name", "tags")}
    assert about == {
        "project": "p",
        "job_type": "train",
        "run_group": "2026-11-21_10",
        "display_name": "2026-11-21_10/3",
        "tags": ["mine", "mlp", "x" * 64],
    }


def test_numbers_that_are_none_stay_in_their_rows(tmp_path):
    with mirror(tmp_path) as run:
        run.history({"all/epoch": 0, "all/train_loss": float("nan")})
        run.history({"all/epoch": 1, "all/train_loss": float("inf")})
    (read,) = read_offline_runs(tmp_path)
    assert [row["all/train_loss"] for row in read.history] == ["NaN", "Infinity"]


@pytest.mark.parametrize(
    ("error", "status", "exit_code"),
    [
        (RuntimeError(), "failed", 1),
        (SystemExit(), "failed", 1),
        (KeyboardInterrupt(), "interrupted", 143),
        (Stopped("SIGUSR1"), "interrupted", 143),
    ],
)
def test_a_failure_is_no_success_an_interruption_neither_and_what_was_logged_is_kept(
    tmp_path, error, status, exit_code
):
    def fail():
        with mirror(tmp_path) as run:
            run.history(ROWS[0])
            raise error

    with pytest.raises(type(error)):
        fail()
    (read,) = read_offline_runs(tmp_path)
    assert (read.exit_code, read.history, read.summary["status"]) == (exit_code, ROWS[:1], status)
    # By W&B's contract a run that was marked and does not end with 0 is preempted, others that do not are failed.
    assert read.preempting == (status == "interrupted")


def test_what_the_environment_says_holds_unless_a_setting_says_otherwise(tmp_path, monkeypatch):
    def about(folder, directory=None, **stated):
        with mirror(tmp_path / folder, LoggerSettings("wandb", **stated), group="sweep", name=folder):
            pass
        (read,) = read_offline_runs(tmp_path / (directory or folder))
        return read.about["project"], read.about["run_group"], read.about["run_id"]

    assert about("plain") == ("thawline", "sweep", "plain")
    for name, value in {"PROJECT": "p", "RUN_GROUP": "g", "MODE": "dryrun", "DIR": tmp_path / "own"}.items():
        monkeypatch.setenv(f"WANDB_{name}", str(value))
    monkeypatch.setenv("WANDB_RUN_ID", "one-for-all")  # which would make one run of a sweep's trials
    (tmp_path / "own").mkdir()
    assert about("a", "own") == ("p", "g", "a")
    assert not (tmp_path / "a").exists()
    monkeypatch.setenv("WANDB_DIR", "")
    assert about("b", project="mine", group="ours") == ("mine", "ours", "b")


@pytest.mark.parametrize(("stated", "environment"), [(None, "disabled"), ("disabled", "online"), ("disabled", None)])
def test_a_disabled_wandb_leaves_nothing(tmp_path, monkeypatch, stated, environment):
    monkeypatch.setenv("WANDB_MODE", environment or "")
    with mirror(tmp_path, LoggerSettings("wandb", mode=stated)) as run:
        assert run is None
    assert not list(tmp_path.iterdir())


def test_a_stated_mode_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with mirror(tmp_path, LoggerSettings("wandb", mode="offline")) as run:
        run.history(ROWS[0])
    (read,) = read_offline_runs(tmp_path)
    assert read.history == ROWS[:1]


def test_runs_of_one_process_are_apart_and_leave_the_users_own_alone(tmp_path):
    quiet = wandb.Settings(silent=True, console="off", x_disable_stats=True)
    with wandb.init(mode="offline", dir=tmp_path, settings=quiet, id="own") as own:
        for index in range(3):
            (tmp_path / f"trial{index}").mkdir()
            with mirror(tmp_path / f"trial{index}", name=f"sweep/{index}") as run:
                run.history(ROWS[index])
                own.log({"index": index})
        assert wandb.run is own
    reads = [read_offline_runs(tmp_path / f"trial{index}") for index in range(3)]
    assert [[run.history for run in runs] for runs in reads] == [[[row]] for row in ROWS[:3]]
    assert len({run.about["run_id"] for (run,) in reads}) == 3
    (read,) = read_offline_runs(tmp_path)
    assert read.history == [{"index": index} for index in range(3)]


def test_a_resumed_run_stays_one_wandb_run(tmp_path):
    for row in ROWS[:2]:
        with mirror(tmp_path) as run:
            run.history(row)
    first, second = read_offline_runs(tmp_path)
    assert (first.history, second.history) == (ROWS[:1], ROWS[1:2])
    assert first.about["run_id"] == second.about["run_id"] == "run"
    assert second.about["resume"] is True


def test_the_confusion_matrix_is_wandbs_own_chart_and_stays_in_the_run_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with mirror(tmp_path / "run") as run:
        run.history(ROWS[0])
        run.confusion(np.array([[1, 0, 0], [1, 1, 0], [0, 2, 0]]), ["a", "été", "$c"])
        run.summary({"accuracy": 0.5})
    (read,) = read_offline_runs(tmp_path / "run")
    row, media = read.history
    assert row == ROWS[0]
    assert {key.partition(".")[0] for key in media} == {"confusion_table"}
    panel = read.charts["confusion"]["panel_config"]
    assert panel["panelDefId"] == "wandb/confusion_matrix/v1"
    assert panel["fieldSettings"] == {key: key for key in ("Actual", "Predicted", "nPredictions")}
    assert read.summary["confusion_table.nrows"] == 9
    table = json.loads((read.folder / "files" / read.summary["confusion_table.path"]).read_text())
    counted = [row for row in table["data"] if row[2]]
    assert counted == [["a", "a", 1], ["été", "a", 1], ["été", "été", 1], ["$c", "été", 2]]
    assert not (tmp_path / "home" / "wandb").exists()
    assert "WANDB_DATA_DIR" not in os.environ


def test_a_confusion_matrix_too_large_for_wandb_is_left_out(tmp_path):
    with mirror(tmp_path) as run:
        run.confusion(np.eye(MOST_CLASSES + 1, dtype=np.int64), [str(i) for i in range(MOST_CLASSES + 1)])
        run.history(ROWS[0])
    (read,) = read_offline_runs(tmp_path)
    assert (read.history, read.summary) == (ROWS[:1], {**ROWS[0], "status": "finished"})


def test_a_sweeps_trials_are_a_table_beside_the_picture_of_its_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MY_TOKEN", "hush-hush-hush")
    rows = [[0, "finished", 0.5, "a"], [1, "failed", None, "hush-hush-hush"]]
    with mirror(tmp_path / "run") as run:
        run.trials(["trial", "status", "inner accuracy", "x"], rows, "<!doctype html>\n<p>hush-hush-hush é</p>")
        run.trials(["trial"], [[0]], None)
    (read,) = read_offline_runs(tmp_path / "run")
    first, second = read.history
    table = json.loads((read.folder / "files" / first["trials.path"]).read_text())
    assert table["columns"] == ["trial", "status", "inner accuracy", "x"]
    assert [row[:3] for row in table["data"]] == [row[:3] for row in rows]
    page = (read.folder / "files" / first["settings.path"]).read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "é" in page
    assert "hush" not in page + str(table)
    assert not [key for key in second if key.startswith("settings")]
    assert not (tmp_path / "home" / "wandb").exists()


def test_mistakes_are_small_upright_and_say_nothing_of_their_place(tmp_path):
    photo = write_telling_photo(tmp_path / "photo.jpg")
    with mirror(tmp_path) as run:
        run.history(ROWS[0])
        run.mistakes([(photo, "a, not b"), (photo, "b, not a")])
        run.mistakes([])
    (read,) = read_offline_runs(tmp_path)
    row, media = read.history
    assert row == ROWS[0]
    assert media["mistakes.captions"] == ["a, not b", "b, not a"]
    for name in media["mistakes.filenames"]:
        picture = read.folder / "files" / name
        assert b"Secretcam" not in picture.read_bytes()
        with Image.open(picture) as image:
            assert image.size == (128, 256)
            assert not image.getexif()


def test_a_killed_run_leaves_what_it_had_reached(tmp_path):
    code = (
        "import time\n"
        "from pathlib import Path\n"
        "from tests.runs.mirrors.test_wandb import ROWS, mirror\n"
        f"with mirror(Path({str(tmp_path)!r})) as run:\n"
        "    run.history(ROWS[0])\n"
        "    print('logged', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout.readline() == "logged\n"
            # W&B's own interval is 15 s: a shorter training would leave nothing.
            end = time.monotonic() + 10
            while not read_offline_runs(tmp_path)[0].history:
                assert time.monotonic() < end
                time.sleep(0.2)
        finally:
            process.kill()
    (read,) = read_offline_runs(tmp_path)
    assert (read.history, read.config, read.exit_code) == (ROWS[:1], CONFIG, None)


def test_a_run_that_was_killed_is_resumed_where_another_had_started_wandb_before(tmp_path):
    """Processes inherit W&B's address of the wandb-core that holds the ids of this process's runs."""
    with mirror(tmp_path, name="another"):
        pass
    assert "WANDB_SERVICE" in os.environ
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from thawline.runs.mirrors.loggers import mirrored\n"
        "from thawline.runs.settings import LoggerSettings\n"
        "about = dict(name='run', verb='train', config={}, group=None, tags=[])\n"
        "with mirrored(LoggerSettings('wandb'), Path(sys.argv[1]), **about) as run:\n"
        "    run.history({'a': 1})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert killed.returncode == -9
    with mirror(tmp_path) as run:
        run.history({"a": 2})
    resumed = read_offline_runs(tmp_path)[-1]  # of what was killed there may be no file yet
    assert (resumed.about["run_id"], resumed.history, resumed.exit_code) == ("run", [{"a": 2}], 0)


def environment(**changes):
    """This process's, without what would have its children share its wandb-core."""
    return {key: value for key, value in os.environ.items() if not key.startswith("WANDB")} | changes


def elsewhere(tmp_path, before, **changes):
    """Lines that a run prints in a process of its own, and what it warns of."""
    code = (
        f"{before}\n"
        "from pathlib import Path\n"
        "import os, signal, subprocess, sys\n"
        "import thawline.runs.mirrors.wandb\n"
        "from thawline.runs.mirrors.loggers import mirrored\n"
        "from thawline.runs.settings import LoggerSettings\n"
        "thawline.runs.mirrors.wandb.START_SECONDS = 2.0\n"
        "mode = os.environ.get('TEST_MODE', 'offline')\n"
        "about = dict(name='run', verb='train', config={}, group=None, tags=[])\n"
        f"with mirrored(LoggerSettings('wandb', mode=mode), Path({str(tmp_path)!r}), **about) as run:\n"
        "    print(run is None, 'wandb.sdk.launch' in sys.modules)\n"
        "    if run is not None:\n"
        "        run.history({'a': 1})\n"
        "        core = subprocess.run(['pgrep', '-P', str(os.getpid()), 'wandb-core'], capture_output=True).stdout\n"
        "        os.kill(int(core), signal.SIGKILL)\n"
        "        for step in range(200):\n"
        "            run.history({'a': step})\n"
        "        run.summary({'b': 1})\n"
        "print('went on')\n"
    )
    # In that home there is no key of W&B's. W&B's own limit for an answer of its server is 90 s.
    return subprocess.run(
        [sys.executable, "-W", "always::UserWarning", "-c", code],
        timeout=300,
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env=environment(HOME=str(tmp_path), WANDB_BASE_URL="http://127.0.0.1:9", **changes),
    )


@pytest.mark.parametrize(
    ("before", "changes", "reason"),
    [
        ("import sys; sys.modules['wandb'] = None", {}, "import of wandb halted"),
        ("", {"TEST_MODE": "online"}, "No API key configured"),
        ("", {"TEST_MODE": "online", "WANDB_API_KEY": "0" * 40}, "connection refused"),
    ],
)
def test_without_wandb_or_its_server_the_run_goes_on(tmp_path, before, changes, reason):
    done = elsewhere(tmp_path, before, **changes)
    assert done.stdout == "True False\nwent on\n"
    assert reason in done.stderr
    assert done.stderr.count("the run goes on without it") == 1


def test_when_wandb_dies_the_run_goes_on_with_one_warning(tmp_path):
    done = elsewhere(tmp_path, "")
    assert done.stdout == "False False\nwent on\n"
    assert done.stderr.count("the run goes on without it") == 1


@given(st.text(max_size=200))
@example("2026-11-21_10-00-00-000000/3")
@example("x" * 65)
@example(" a:b;c,d#e?f/g'")
def test_every_name_has_an_id_that_wandb_takes(name):
    assert len(wandb.Settings(run_id=run_id(name)).run_id) <= 64


def test_ids_are_told_apart():
    names = [f"2026-11-21_10-00-00-000000/{trial}" for trial in range(300)]
    names += ["a/b", "a-b", "a b", "a//b", "é", "è", "x" * 65, "x" * 66]
    assert len({run_id(name) for name in names}) == len(names)
    assert run_id("2026-11-21_10-00-00-000000") == "2026-11-21_10-00-00-000000"
    assert run_id("2026-11-21_10-00-00-000000/3").startswith("2026-11-21_10-00-00-000000-3-")


def test_tags_are_what_wandb_takes():
    assert clean_tags([" a ", "", "b" * 99, "a", "  ", "b" * 64]) == ["a", "b" * 64]
