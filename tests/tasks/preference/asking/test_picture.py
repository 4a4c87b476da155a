from PIL import Image, ImageColor
from tests.tasks.preference.asking.test_judged import GOALS, LIKED, courses

from thawline.drawing import BLUE, GREY, ORANGE
from thawline.tasks.preference.asking.judged import judge_courses
from thawline.tasks.preference.asking.picture import draw_curves


def test_each_strategy_has_its_colour(tmp_path):
    curves = judge_courses(courses(badge=(20, 36, 38), diversity=(20, 28, 30), random=(20, 30, 32)), LIKED)
    draw_curves(curves, GOALS, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1296, 547)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(2**20)}
    assert {ImageColor.getrgb(colour) for colour in (BLUE, ORANGE, GREY)} <= colours
