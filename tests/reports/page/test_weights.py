import re
from dataclasses import replace

from tests.reports.made import make_sweep

from thawline.reports.gather import gather
from thawline.reports.importances import Importance
from thawline.reports.page.document import draw_page
from thawline.reports.page.weights import draw_importances


def test_each_setting_has_its_share_and_that_of_chance(tmp_path):
    comparison = gather([make_sweep(tmp_path / "s", {"a=1": 38, "a=2": 30, "a=3": 20})])
    [_, board] = comparison.boards
    assert "is said from 12 finished trials on; here are 3." in draw_importances(board)
    found = (Importance("method.lr", 0.5, 0.25), Importance("<b>", 0.1, 0.125))
    drawn = draw_importances(replace(board, importances=found))
    cells = [re.sub("<.*?>", "", one) for one in re.findall("<td.*?</td>", drawn)]
    assert cells == ["method.lr", "50.0", "", "25.0", "matters", "&lt;b&gt;", "10.0", "", "12.5", "no more than chance"]
    bars = re.findall(r'<line x1="0" x2="(.*?)".*?<line x1="(.*?)"', drawn)
    assert bars == [("66.0", "33.0"), ("13.2", "16.5")]
    # What to try next stands at the board's top.
    page = draw_page(comparison)
    assert list(board.advice) == [
        "1 of the 2 other settings cannot be told apart from the best, a=1.",
        "The best value of a (1, the smallest tried) lies at the end of what was tried: widen its range.",
    ]
    assert all(f"<li><bdi>{sentence}</bdi></li>" in page for sentence in board.advice)
    assert page.index("What to try next") < page.index("All settings at once")
