import re

from tests.reports.made import make_sweep

from thawline.reports.gather import gather
from thawline.reports.page.course import draw_course


def drawn_of(path, settings):
    [_, board] = gather([make_sweep(path, settings)]).boards
    return draw_course(board)


def test_the_best_so_far_is_a_stair_over_the_trials(tmp_path):
    settings = {"lr=1": 20, "lr=2": 10, "lr=3": 30, "lr=4": None, "lr=5": 25}
    drawn = drawn_of(tmp_path / "s", settings)
    stair, *_ = re.findall(r'<g class="c1"><path d="M(.*?)"', drawn)
    points = [tuple(map(float, point.split())) for point in stair.split("L")]
    dots = re.findall(r'<title>trial (\d), (lr=\d): (.*?)</title><circle cx="(.*?)" cy="(.*?)"', drawn)
    at = {int(number): (float(x), float(y)) for number, _, _, x, y in dots}
    # Level from trial 0 to 2, up there, and level to the last that finished.
    assert points == [at[0], (at[2][0], at[0][1]), at[2], (at[4][0], at[2][1])]
    assert [(number, said) for number, _, said, _, _ in sorted(dots)] == [
        ("0", "50.0 %"),
        ("1", "25.0 %"),
        ("2", "75.0 %"),
        ("3", "failed"),
        ("4", "62.5 %"),
    ]
    assert at[3][1] > max(y for number, (_, y) in at.items() if number != 3)  # at the foot
    assert re.findall(r"</span><bdi>(.*?)</bdi>", drawn) == ["the best so far", "a trial", "failed"]


def test_a_table_says_the_same(tmp_path):
    drawn = drawn_of(tmp_path / "s", {"lr=1": 20, "lr=<b>": None, "lr=3": 30})
    assert "All 3 trials" in drawn
    rows = [re.findall(r"<td.*?>(.*?)</td>", row) for row in re.findall(r"<tr><td.*?</tr>", drawn)]
    assert [[re.sub("<.*?>", "", cell) for cell in row] for row in rows] == [
        ["0", "lr=1", "finished", "50.0", "12.5", "-"],
        ["1", "lr=&lt;b&gt;", "failed", "-", "-", "-"],
        ["2", "lr=3", "finished", "75.0", "12.5", "-"],
    ]


def test_one_trial_has_no_history(tmp_path):
    assert drawn_of(tmp_path / "s", {"lr=1": 20, "lr=2": None}) is None
