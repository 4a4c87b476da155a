"""A search's study on disk: the same points whenever it is cut off, none twice, each by one process."""

import json
import subprocess
import sys

import pytest

from thawline.commands.sweeps.search import claims
from thawline.commands.sweeps.search import study as study_module
from thawline.commands.sweeps.search.settings import SweepSettings
from thawline.commands.sweeps.search.space import read_space
from thawline.commands.sweeps.search.study import Study
from thawline.errors import UserError
from thawline.runs.directory import mark_failed
from thawline.runs.sweep import read_trial

WORDS = ["method=linear,mlp", "method.lr=tag(log,interval(1e-4,1e-1))", "method.hidden=tag(mlp,range(32,129,32))"]


@pytest.fixture(autouse=True)
def nothing_held():
    yield
    claims.drop_all()


def open_study(sweep, words=WORDS, **settings):
    sweep.mkdir(exist_ok=True)
    wanted = SweepSettings(**{"name": "tpe", "trials": 12, **settings})
    return Study(sweep, "sweep", wanted, 0, read_space({}, words, ("method",)), lambda *_: True)


def finish(sweep, asked, score):
    """What a trial leaves that says of its inner samples that `score` of them are right."""
    directory = sweep / str(asked.number)
    directory.mkdir(exist_ok=True)
    assert not (directory / "metrics.json").exists()  # no result is ever overwritten
    inner = {"headline": "accuracy", "accuracy": {"value": score}, "log_loss": {"value": 1.0}, "samples": 50}
    facts = {"inner": inner, "seconds": 0.5, "tail_bytes": 1000 + asked.number}
    (directory / "metrics.json").write_text(json.dumps(facts))
    status = {"status": "finished", "reason": None, "verb": "train"}
    (directory / "status.json").write_text(json.dumps(status))


def score_of(words):
    settings = dict(word.split("=") for word in words)
    return round(1 - abs(float(settings.get("method.lr", 0)) - 0.01) ** 0.5, 2)


def go_on(sweep, most=1, **settings):
    """Run the search to its end, and give its points."""
    study = open_study(sweep, **settings)
    points = {}
    while asked := study.take(most):
        for one in asked:
            points[one.number] = one.words
            if one.number % 5 == 3:
                mark_failed(sweep / str(one.number), "the loss became nan")
            else:
                finish(sweep, one, score_of(one.words))
            study.tell(one)
    return points


@pytest.mark.parametrize("name", ["random", "qmc", "tpe", "gp", "cmaes", "nsga2"])
def test_the_same_seed_asks_for_the_same_points(tmp_path, name):
    words = WORDS if name != "cmaes" else ["method.lr=tag(log,interval(1e-4,1e-1))", "method.hidden=range(32,129,32)"]
    first = go_on(tmp_path / "a", name=name, words=words)
    assert list(first) == list(range(12))
    assert len(set(first.values())) == 12
    assert go_on(tmp_path / "b", name=name, words=words) == first
    other = open_study(tmp_path / "c", name=name, words=words)
    other._seed = 1
    assert other.take(3)[0].words != first[0]


def test_several_objectives_are_told_each_its_own_way(tmp_path):
    points = go_on(tmp_path / "s", name="nsga2", trials=4, objectives=["score", "seconds", "bytes"])
    study = open_study(tmp_path / "s", name="nsga2", trials=4, objectives=["score", "seconds", "bytes"])
    assert [direction.name for direction in study._study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    values = [trial.values for trial in study._trials() if trial.values]
    assert [each[1:] for each in values] == [[0.5, 1000.0 + number] for number in points if number % 5 != 3]
    with pytest.raises(UserError, match="sweep=cmaes has one objective"):
        open_study(tmp_path / "t", name="cmaes", objectives=["score", "bytes"])
    with pytest.raises(UserError, match="must be score, then"):
        open_study(tmp_path / "t", objectives=["seconds"])


def test_cut_off_at_any_line_of_its_journal_a_search_goes_on_with_the_same_points(tmp_path):
    whole = go_on(tmp_path / "whole", trials=4)
    lines = (tmp_path / "whole/journal.log").read_bytes().splitlines(keepends=True)
    for count in range(1, len(lines)):
        sweep = tmp_path / str(count)
        sweep.mkdir()
        kept = lines[:count]
        told = [json.loads(line)["trial_id"] for line in kept if json.loads(line)["op_code"] == 6]
        for number in told:  # what was told had been written before
            (tmp_path / "whole" / str(number)).rename(sweep / str(number))
        # The next line was being written.
        (sweep / "journal.log").write_bytes(b"".join(kept) + lines[count][: len(lines[count]) // 2])
        points = go_on(sweep, trials=4)
        assert {**{number: whole[number] for number in told}, **points} == whole
        assert not set(points) & set(told)
        for number in told:
            (sweep / str(number)).rename(tmp_path / "whole" / str(number))


def test_a_trial_that_ended_before_the_study_was_told_is_not_run_again(tmp_path):
    study = open_study(tmp_path)
    [asked] = study.take(1)
    finish(tmp_path, asked, 0.5)
    claims.drop_all()  # the process was killed
    study = open_study(tmp_path)
    assert [one.number for one in study.take(1)] == [1]
    assert study._trials()[0].value == pytest.approx(0.5 - 0.5 / 100)


def test_a_trial_that_lacked_memory_is_run_again_in_its_directory_when_the_search_goes_on(tmp_path):
    study = open_study(tmp_path, trials=2)
    first, second = study.take(2)
    finish(tmp_path, first, 0.5)
    mark_failed(tmp_path / "1", "out of memory", again=True)
    study.tell(first), study.tell(second)
    assert study.take(1) == []

    status = json.loads((tmp_path / "1/status.json").read_text())
    (tmp_path / "1/status.json").write_text(json.dumps({**status, "status": "interrupted"}))
    study = open_study(tmp_path, trials=2)
    [again] = study.take(2)
    assert (again.number, again.words) == (1, second.words)
    finish(tmp_path, again, 0.75)
    study.tell(again)
    assert study.take(1) == []
    known = [(t.user_attrs["directory"], t.state.name, t.user_attrs.get("reason")) for t in study._trials()]
    assert known == [(0, "COMPLETE", None), (1, "FAIL", "out of memory"), (1, "COMPLETE", None)]


def test_a_trial_that_never_began_or_whose_process_was_killed_failed(tmp_path):
    study = open_study(tmp_path)
    first, second = study.take(2)
    (tmp_path / "1").mkdir()
    (tmp_path / "1/status.json").write_text('{"status": "running", "reason": null, "verb": "train"}')
    study.tell(first), study.tell(second)
    assert [read_trial(tmp_path, n).reason for n in (0, 1)] == ["it never began", "the process that ran it was killed"]
    assert [t.state.name for t in study._trials()] == ["FAIL", "FAIL"]


def test_no_point_is_run_twice_and_a_space_has_an_end(tmp_path):
    points = go_on(tmp_path / "s", words=["thaw=head,1", "method.hidden=range(1,4)"], name="random", trials=50, most=2)
    assert list(points) == list(range(6))
    assert len(set(points.values())) == 6
    study = open_study(tmp_path / "s", words=["thaw=head,1", "method.hidden=range(1,4)"], name="random", trials=50)
    assert study.take(1) == []
    known = len(study._trials())
    assert study.take(1) == []  # as it is asked each second while another process has trials to end
    assert len(study._trials()) == known


def test_a_search_ends_by_its_trials_when_it_is_flat_or_when_its_minutes_are_over(tmp_path):
    study = open_study(tmp_path / "flat", trials=None, stop_when_flat=3)
    for score in (0.5, 0.6, 0.1, 0.1, 0.1):
        [asked] = study.take(1)
        finish(tmp_path / "flat", asked, score)
        study.tell(asked)
    assert study.take(1) == []
    study = open_study(tmp_path / "minutes", trials=None, minutes=10)
    [asked] = study.take(1)
    study._begun -= 700
    finish(tmp_path / "minutes", asked, 0.5)
    study.tell(asked)
    assert study.take(1) == []
    assert open_study(tmp_path / "minutes", trials=None, minutes=10).take(1) == []  # also in another process
    assert len(open_study(tmp_path / "minutes", trials=None, minutes=20).take(1)) == 1


_HELPER = """
import sys
from pathlib import Path
from tests.commands.sweeps.test_study import open_study
study = open_study(Path(sys.argv[1]))
print([one.number for one in study.take(2)], flush=True)
sys.stdin.read()
"""


def test_two_processes_take_different_trials_and_one_takes_up_what_a_killed_one_left(tmp_path):
    study = open_study(tmp_path)
    [mine] = study.take(1)
    helper = subprocess.Popen([sys.executable, "-c", _HELPER, tmp_path], stdin=-1, stdout=-1, text=True)
    assert helper.stdout.readline() == "[1, 2]\n"
    assert mine.number == 0
    assert study.is_waited_for()
    finish(tmp_path, mine, 0.5)
    study.tell(mine)
    [new] = study.take(1)
    assert new.number == 3
    finish(tmp_path, new, 0.5)
    study.tell(new)
    helper.kill()
    helper.communicate()
    assert not study.is_waited_for()
    assert [one.number for one in study.take(3)] == [1, 2, 4]


_OTHER = """
import sys
from pathlib import Path
from tests.commands.sweeps.test_study import finish, open_study
sweep = Path(sys.argv[1])
study = open_study(sweep, trials=1)
[again] = study.take(1)
print(again.number, flush=True)
sys.stdin.readline()
finish(sweep, again, 0.75)
study.tell(again)
print("told", flush=True)
"""


def test_a_trial_that_another_process_runs_again_and_ends_at_that_very_moment_is_told_once(tmp_path, monkeypatch):
    study = open_study(tmp_path, trials=1)
    [first] = study.take(1)
    mark_failed(tmp_path / "0", "out of memory", again=True)
    study.tell(first)
    status = json.loads((tmp_path / "0/status.json").read_text())
    (tmp_path / "0/status.json").write_text(json.dumps({**status, "status": "interrupted"}))
    other = subprocess.Popen([sys.executable, "-c", _OTHER, tmp_path], stdin=-1, stdout=-1, text=True)
    assert other.stdout.readline() == "0\n"
    take = study_module.take

    def take_late(sweep, number):
        other.communicate("go on\n")  # it ends between what was read of the trial and the claim on it
        return take(sweep, number)

    monkeypatch.setattr(study_module, "take", take_late)
    study = open_study(tmp_path, trials=1)
    assert study.take(1) == []
    assert [trial.state.name for trial in study._trials()] == ["FAIL", "COMPLETE"]


def test_a_trial_that_does_not_say_what_was_searched_for_stops_no_search(tmp_path):
    wanted = {"name": "nsga2", "trials": 2, "objectives": ["score", "bytes"]}
    study = open_study(tmp_path, **wanted)
    old, new = study.take(2)
    for one in (old, new):
        finish(tmp_path, one, 0.5)
    facts = json.loads((tmp_path / "0/metrics.json").read_text())
    del facts["tail_bytes"]  # as an earlier version left it
    (tmp_path / "0/metrics.json").write_text(json.dumps(facts))
    study.tell(old), study.tell(new)
    assert [trial.state.name for trial in study._trials()] == ["FAIL", "COMPLETE"]


def test_a_study_is_kept_in_postgresql_as_well(tmp_path, postgresql):
    here = go_on(tmp_path / "journal", trials=3)
    assert go_on(tmp_path / "database", trials=3, storage=postgresql.new()) == here
    assert not (tmp_path / "database/journal.log").exists()
