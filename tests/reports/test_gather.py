import json

import numpy as np
import pytest
from tests.reports.made import make_run, make_sweep, predictions

from thawline.errors import UserError
from thawline.judging.paired import compare
from thawline.reports.gather import gather
from thawline.reports.swept import split_setting
from thawline.runs.directory import STATUS_FILE


def test_runs_are_ranked_and_tested_against_the_best_and_the_baseline(tmp_path):
    good, bad = predictions(36), predictions(24)
    runs = [make_run(tmp_path / "a", bad, lr=0.1), make_run(tmp_path / "b", good, lr=0.2)]
    (board,) = gather(runs).boards
    first, second = board.lines
    assert [first.entry.name, second.entry.name] == ["b", "a"]
    assert [first.judgement.accuracy.value, second.judgement.accuracy.value] == [0.9, 0.6]
    assert first.against_best is None
    test = compare(bad.labels, bad.said, good.said, bad.groups, name_a="a", name_b="b")
    assert second.against_best == test
    assert first.against_baseline.difference.value == pytest.approx(0.9 - 0.5)
    assert first.baseline.accuracy.value == 0.5
    assert board.varied == {"method.lr": ["0.2", "0.1"]}
    assert (first.entry.seconds, first.entry.computed, first.entry.read) == (12.5, 30, 10)


def test_a_folder_has_a_board_for_each_set_of_photos_and_names_what_it_leaves_out(tmp_path):
    make_run(tmp_path / "train" / "a", predictions(36))
    make_run(tmp_path / "train" / "b", predictions(30, paths=[f"others/{i}.jpg" for i in range(40)]))
    make_run(tmp_path / "check" / "c", predictions(36), verb="check")
    cut = make_run(tmp_path / "train" / "d", predictions(36))
    (cut / STATUS_FILE).write_text(json.dumps({"status": "failed", "reason": "it burnt", "verb": "train"}))
    comparison = gather([tmp_path, tmp_path / "train"])
    assert [board.title for board in comparison.boards] == [f"Judged photos, set {i} of 2" for i in (1, 2)]
    assert [[line.entry.name for line in board.lines] for board in comparison.boards] == [["a"], ["b"]]
    assert comparison.left_out == (f"the run {cut} is failed (it burnt), not finished",)


def test_a_sweep_gives_what_it_chose_and_a_board_of_its_settings(tmp_path):
    sweep = make_sweep(tmp_path / "s", {"thaw=1 lr=0.1": 30, "thaw=2 lr=0.1": 38, "thaw=1 lr=9": None})
    judged, settings = gather([sweep]).boards
    (chosen,) = judged.lines
    assert chosen.entry.config["swept.thaw"] == "2"  # the winner's, not that of the sweep's command line
    assert chosen.entry.directories == (sweep / "1",)
    assert [line.entry.label for line in settings.lines] == ["thaw=2 lr=0.1", "thaw=1 lr=0.1"]
    assert [line.judgement.accuracy.value for line in settings.lines] == [0.95, 0.75]
    assert settings.varied == {"thaw": ["2", "1"]}
    for line in (*judged.lines, *settings.lines):
        assert (line.entry.seconds, line.entry.computed, line.entry.read) == (12.5, 30, 10)
    assert settings.failed == ("trial 2 (thaw=1 lr=9) failed: RuntimeError: the loss became nan",)
    with pytest.raises(UserError, match=r"is a trial of a sweep; 'thawline compare .*/s' shows it"):
        gather([sweep / "0"])


def test_a_run_that_was_judged_again_shows_the_photos_of_the_run_it_names(tmp_path):
    run = make_run(tmp_path / "a", predictions(36), photos=tmp_path / "photos")
    again = make_run(tmp_path / "b", predictions(36), verb="evaluate", run=str(run))
    config = (again / "config.yaml").read_text().replace("path: /photos", "path: null")
    (again / "config.yaml").write_text(config)
    (board,) = gather([run, again]).boards
    assert {line.entry.photos for line in board.lines} == {tmp_path / "photos"}


def test_names_are_as_short_as_they_can_be(tmp_path):
    runs = [make_run(tmp_path / name, predictions(36)) for name in ("x/a", "y/a", "y/b")]
    (board,) = gather(runs).boards
    assert sorted(line.entry.name for line in board.lines) == ["b", "x/a", "y/a"]


def test_what_can_not_be_compared_is_refused_in_a_sentence(tmp_path):
    run = make_run(tmp_path / "a", predictions(36))
    other = make_run(tmp_path / "b", predictions(30, paths=[f"others/{i}.jpg" for i in range(40)]))
    with pytest.raises(UserError, match="the runs a and b judged different photos"):
        gather([run, other])
    with pytest.raises(UserError, match=r"there is no run directory .*/c$"):
        gather([tmp_path / "c"])
    (tmp_path / "c").mkdir()
    with pytest.raises(UserError, match="is not a run directory and holds none"):
        gather([tmp_path / "c"])
    (run / "metrics.json").write_text("{}")
    with pytest.raises(UserError, match=r"a/metrics.json is damaged \(it lacks 'method'\); restore"):
        gather([run])
    (run / STATUS_FILE).write_text(json.dumps({"status": "running", "reason": None, "verb": "train"}))
    with pytest.raises(UserError, match=r"is running \(not yet done\), not finished"):
        gather([run])


def test_a_name_that_is_no_utf_8_can_be_read_and_printed(tmp_path):
    run = make_run(tmp_path / "run", predictions(36))
    strange = run.rename(tmp_path / "r\udcff")
    (board,) = gather([strange]).boards
    assert board.lines[0].entry.name == "r\\udcff"


def test_a_settings_values_may_hold_blanks():
    assert split_setting("encoder=a b +method.lr=0.1") == {"encoder": "a b", "method.lr": "0.1"}
    assert split_setting("as given") == {}


def test_equal_accuracies_are_ordered_by_log_loss(tmp_path):
    make_run(tmp_path / "a", predictions(36, sure=0.6))
    make_run(tmp_path / "b", predictions(36, sure=0.8))
    (board,) = gather([tmp_path]).boards
    assert [line.entry.name for line in board.lines] == ["b", "a"]
    assert np.isclose(board.lines[1].against_best.p_value, 1.0)
