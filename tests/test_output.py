"""`--json`, `-q` and `-v`: one document on stdout, nothing but what was asked for, and more."""

import json
import logging
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.reports.made import make_run, make_sweep, predictions

from thawline import output
from thawline.cli import main, to_overrides
from thawline.commands.completion import complete
from thawline.commands.line.verbs import VERBS
from thawline.commands.written import report_written
from thawline.errors import UserError
from thawline.files import read_json
from thawline.runs.predictions import read_predictions
from thawline.targets.predicted import judge_baseline, judge_said


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def given(capsys):
    """Run a command: its exit status, and what it printed."""

    def run(*words):
        code = 0
        try:
            main(list(words))
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_document_of_a_comparison_has_the_figures_of_the_runs_files(given, tmp_path):
    make_run(tmp_path / "runs" / "r", predictions(30))
    make_sweep(tmp_path / "runs" / "s", {"lr=0.1": 30, "lr=0.2": 38, "lr=9": None})
    code, out, err = given("compare", "runs", "--json")
    told = json.loads(out)
    lines = {line["name"]: line for board in told["boards"] for line in board["lines"]}
    said = read_predictions(tmp_path / "runs" / "r" / "predictions.parquet")
    assert (code, err, set(lines)) == (0, "", {"r", "s"})
    assert lines["r"]["judged"] == judge_said(said).to_json()
    assert lines["r"]["judged_baseline"] == judge_baseline(said).to_json()
    rows = [board["rows"] for board in told["boards"] if board["rows"]]
    assert [[row["setting"] for row in some] for some in rows] == [["lr=0.2", "lr=0.1"]]
    assert Path(told["written"]["page"]).is_file()


def test_the_document_of_a_directory_is_what_its_files_say(given, tmp_path):
    sweep = make_sweep(tmp_path / "s", {"lr=0.1": 30, "lr=0.2": 38})
    with output.opened(output.Form(json=True)) as document:
        report_written(sweep)
    assert document == {
        "directory": sweep,
        **{name: read_json(sweep / f"{name}.json") for name in ("status", "metrics", "sweep")},
    }


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["store", "list"], {"store", "shelves"}),
        (["store", "verify"], {"store", "shelves", "samples", "problems", "reclaimable", "outdated"}),
        (["settings", "method.lr"], {"settings"}),
        (["train", "X", "--cfg", "job"], {"shown"}),
        (["--version"], {"version"}),
        (["help", "store"], {"help"}),
    ],
)
def test_reports_are_one_document(given, words, keys):
    code, out, err = given(*words[:1], "--json", *words[1:])
    assert (code, err) == (0, "")
    assert json.loads(out).keys() == keys


def test_what_a_verb_says_that_does_something_goes_to_stderr(given):
    code, out, err = given("store", "prune", "all=true", "--json")
    assert (code, json.loads(out).keys()) == (0, {"store", "removed", "busy"})
    assert err.startswith("removed 0 shelves, 0 bytes\n")


def test_every_verb_that_has_a_report_makes_one_or_gives_what_it_wrote():
    sources = Path(output.__file__).parents[1]
    silent = []
    for name, verb in VERBS.items():
        source = sources.joinpath(*verb.target.partition(":")[0].split(".")).with_suffix(".py")
        if verb.reports and verb.config and not re.search(r"\breport\(|-> Path", source.read_text("utf-8")):
            silent.append(name)
    assert silent == []


def test_a_setting_as_json_is_what_the_help_says(given):
    _, out, _ = given("settings", "seed", "--json")
    (one,) = json.loads(out)["settings"]
    assert (one["key"], one["default"], one["choices"]) == ("seed", "0", [])
    assert one["meaning"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["tran"], 2, "there is no verb 'tran'; did you mean 'thawline train'?"),
        (["serve", "Model"], 2, "'thawline serve' has no report that could be JSON; leave out --json"),
        (["compare", "nowhere"], 2, None),
    ],
)
def test_an_error_is_a_sentence_on_stderr_and_a_key_of_the_document(given, words, code, sentence):
    ended, out, err = given(*words, "--json")
    assert ended == code
    assert list(told := json.loads(out)) == ["error"]
    assert err == f"thawline: {told['error']}\n"
    assert sentence in (None, told["error"])


def test_quiet_says_what_was_asked_for_and_shows_what_is_to_be_shown(given):
    code, out, err = given("store", "list", "--quiet")
    assert (code, out.splitlines()[0], err) == (0, "0 shelves, 0 bytes", "")
    assert given("store", "prune", "all=true", "-q") == (0, "", "")
    assert given("compare", "nowhere", "-q")[2].startswith("thawline: ")
    code, _, err = given("store", "list", "-q", "-v")
    assert (code, err) == (2, "thawline: -q says less and -v says more; leave one out\n")


def test_verbose_tells_the_time_what_libraries_say_and_the_cause_of_an_error(given, tmp_path, monkeypatch, caplog):
    # MLflow, once it is imported, keeps what Alembic says to itself and lets nothing but warnings through.
    caplog.set_level(logging.NOTSET, "alembic")
    monkeypatch.setattr(logging.getLogger("alembic"), "propagate", True)
    code, _, err = given("versions", "list", "versions.dir=V")
    assert (code, len(err.splitlines())) == (2, 1)
    # As Hydra leaves the loggers of a process that composed a config without -v.
    for name in ("thawline", "thawline.commands.app", "alembic.runtime.migration"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    code, _, told = given("versions", "list", "-v", "versions.dir=V")
    assert code == 2
    assert "\nTraceback (most recent call last):\n" in told
    assert err in told
    assert told.endswith(" s] thawline: done\n")
    assert " s] thawline.commands.app: thawline.commands.versions.showing is imported" in told
    assert " s] alembic.runtime.migration: " in given("preference", "export", "out=a.csv", "versions.dir=V", "-v")[2]
    assert given("preference", "export", "out=a.csv", "versions.dir=V", "-q") == (0, f"{tmp_path / 'a.csv'}\n", "")
    assert not any(isinstance(handler.formatter, output._Timed) for handler in logging.getLogger().handlers)


def test_what_a_process_prints_past_python_stays_out_of_the_document():
    code = (
        "import os, sys; from thawline import output\n"
        "with output.opened(output.Form(json=True)):\n"
        "    with output.aside(shows=False):\n"
        "        print('a note'); sys.stdout.flush(); os.system('echo of a child')\n"
        "        output.report(value=float('nan'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"value": None}
    assert done.stderr.splitlines() == ["a note", "of a child"]


def test_facts_become_json_as_they_are(capsys):
    @dataclass
    class Found:
        at: Path
        counts: tuple[int, ...]

    with output.opened(output.Form(json=True)):
        output.report(found=Found(Path("a"), (1, 2)), mean=np.float32(0.5), all=np.array([[1, 2]]), name="a\udcff")
        output.report(when=datetime(2026, 1, 2, tzinfo=UTC), mean=1.5)
    told = json.loads(capsys.readouterr().out)
    assert told.pop("when").startswith("2026-01-0")
    assert told == {"found": {"at": "a", "counts": [1, 2]}, "mean": 1.5, "all": [[1, 2]], "name": "a\\udcff"}


def test_options_are_completed_and_in_every_help(given):
    assert complete("thawline train Photos --") == ["--json", "--quiet", "--verbose"]
    assert complete("thawline store list -q --j") == ["--json"]
    assert complete("thawline store list --json --j") == []
    assert "  -q, --quiet " in given("--help")[1]
    for name, verb in VERBS.items():
        assert ("With --json it gives JSON" in given(*name.split(), "--help")[1]) == verb.reports
    with pytest.raises(UserError, match="did you mean --quiet"):
        to_overrides(VERBS["train"], ["X", "--quite"])
