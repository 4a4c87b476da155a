import json
import re

import pytest
from tests.reports.made import make_run, make_sweep, predictions

import thawline
from thawline.errors import UserError
from thawline.reports.gather import gather
from thawline.reports.page.pairs import MOST, draw_pairs


def test_each_two_of_a_board_have_the_sentence_of_their_test(tmp_path):
    [_, board] = gather([make_sweep(tmp_path / "s", {"a=1": 38, "a=</script>": 30, "a=3": 16})]).boards
    drawn = draw_pairs(1, board)
    assert drawn.count("</script>") == 1
    said = json.loads(re.search('id="pairs1">(.*?)</script>', drawn)[1])
    assert [len(one) for one in said] == [2, 1, 0]
    # Against the best it is the board's own test, the other way round.
    assert said[0][1].startswith("a=1 is better than a=3 by 55.0 points")
    assert said[1][0].startswith("a=</script> is better than a=3 by 35.0 points")
    assert said[0][0].startswith("a=1 and a=</script> cannot be told apart: the difference is +20.0 points")
    assert draw_pairs(0, gather([make_run(tmp_path / "run", predictions(30))]).boards[0]) is None


def test_of_many_the_first_are_there(tmp_path):
    [_, board] = gather([make_sweep(tmp_path / "s", {f"a={n}": 38 - n for n in range(MOST + 1)})]).boards
    drawn = draw_pairs(1, board)
    assert drawn.count("<option") == 2 * MOST
    assert f"Here are the first {MOST} of {MOST + 1}." in drawn


def test_in_a_notebook_any_two_are_named(tmp_path):
    sweep = make_sweep(tmp_path / "s", {"a=1": 38, "a=2": 30, "a=3": 16})
    run = make_run(tmp_path / "r", predictions(30, paths=[f"outer/{i:04}.jpg" for i in range(40)]))
    view = thawline.compare(sweep, run)
    test = view.difference("a=3", "a=2")
    assert test.difference.value == pytest.approx(-0.35)
    assert (test.only_a_right, test.only_b_right, test.samples) == (0, 14, 40)
    assert view.difference("s", "r").difference.value == pytest.approx(6 / 40)
    with pytest.raises(UserError, match="no board has both 'a=1' and 'r'; their names are in the frame's column"):
        view.difference("a=1", "r")


def test_settings_with_several_seeds_are_paired_cell_by_cell(tmp_path):
    """A seed that failed leaves a gap, and a sample is paired with itself under the same seed alone."""
    sweep = make_sweep(tmp_path / "s", {"a=1 seed=0": 40, "a=1 seed=1": 20, "a=2 seed=1": 10})
    about = json.loads((sweep / "sweep.json").read_text())
    for trial in about["trials"]:
        trial["setting"] = trial["setting"].partition(" ")[0]
    (sweep / "sweep.json").write_text(json.dumps(about))
    for number in (1, 2):
        metrics = json.loads((sweep / f"{number}/metrics.json").read_text())
        (sweep / f"{number}/metrics.json").write_text(json.dumps({**metrics, "seed": 1}))
    (sweep / "SHA256SUMS").unlink(missing_ok=True)
    for number in range(3):
        (sweep / f"{number}/SHA256SUMS").unlink(missing_ok=True)
    test = thawline.compare(sweep).difference("a=1", "a=2")
    assert (test.samples, test.only_a_right, test.only_b_right) == (40, 10, 0)
