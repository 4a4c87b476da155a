"""Scenes follow from their seeds, show what they say, and differ from one another."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from thawline.samples.scenes.canvas import Canvas, View
from thawline.samples.scenes.captions import OCCASION_NAMES, caption
from thawline.samples.scenes.occasions import NEVER_INDOORS, NEVER_OUTDOORS, OCCASIONS, THINGS
from thawline.samples.scenes.places import INDOOR_PLACES, PLACES
from thawline.samples.scenes.scene import draw_scene, plan_scene


@pytest.mark.parametrize("occasion", OCCASIONS)
@pytest.mark.parametrize("style", ["textbook", "field"])
def test_scenes_are_possible_and_drawable(occasion, style):
    for seed in range(40):
        scene = plan_scene(occasion, f"{seed}", style)
        indoors = scene.place in INDOOR_PLACES
        assert scene.things
        assert not set(scene.things) & (NEVER_INDOORS if indoors else NEVER_OUTDOORS)
        assert OCCASIONS[occasion].places[scene.place][style == "field"] > 0
        picture = draw_scene(scene, 48, 36)
        assert picture.shape == (36, 48, 3)
        assert picture.dtype == np.float32
        assert np.isfinite(picture).all()
        assert picture.std() > 0.01


def test_every_thing_and_place_is_used_by_some_occasion():
    assert {thing for spec in OCCASIONS.values() for thing in spec.things} == set(THINGS)
    assert {place for spec in OCCASIONS.values() for place in spec.places} == set(PLACES)


def test_every_place_has_a_light_in_both_styles():
    for spec in OCCASIONS.values():
        for place, weights in spec.places.items():
            lights = [
                pair for name, pair in spec.lights.items() if (name in _INDOOR_LIGHTS) == (place in INDOOR_PLACES)
            ]
            for column in (0, 1):
                assert weights[column] == 0 or sum(pair[column] for pair in lights) > 0


_INDOOR_LIGHTS = {"daylight", "lamplight", "candlelight"}


@pytest.mark.parametrize("name", THINGS)
def test_every_thing_can_be_seen(name):
    occasion = next(key for key, spec in OCCASIONS.items() if name in spec.things)
    bare = replace(
        plan_scene(occasion, "bare"), place="park", light="noon", things=(), people=0, couple=False, close=False
    )
    if name in NEVER_OUTDOORS:
        bare = replace(bare, place="hall", light="daylight")
    with_it = replace(bare, things=(name,))
    changed = np.abs(draw_scene(bare, 120, 90) - draw_scene(with_it, 120, 90)).max(-1) > 0.05
    assert changed.mean() > 0.0005


def test_equal_scenes_give_equal_pictures_and_others_do_not():
    scene = plan_scene("wedding", "7")
    assert scene == plan_scene("wedding", "7")
    assert np.array_equal(draw_scene(scene, 90, 60), draw_scene(scene, 90, 60))
    assert not np.array_equal(draw_scene(scene, 90, 60), draw_scene(plan_scene("wedding", "8"), 90, 60))


def test_another_moment_and_a_small_shift_change_little():
    scene = replace(plan_scene("football_match", "3"), close=False)
    first = draw_scene(scene, 90, 60)
    second = draw_scene(scene, 90, 60, shift=View(1.01, 0.004, 0.0, 0.002), moment=1)
    other = draw_scene(plan_scene("football_match", "4"), 90, 60)
    assert 0 < np.abs(first - second).mean() < 0.35 * np.abs(first - other).mean()


def test_night_is_darker_than_noon_and_a_campfire_lights_it():
    scene = replace(plan_scene("campfire_night", "1"), place="forest", things=(), people=0, couple=False, close=False)
    night, noon = replace(scene, light="night"), replace(scene, light="noon")
    fire = replace(night, things=("a campfire",))
    brightness = [draw_scene(item, 90, 60).mean() for item in (night, fire, noon)]
    assert brightness == sorted(brightness)
    assert brightness[0] < 0.6 * brightness[2]


def test_a_canvas_keeps_colours_under_white_light_and_lamps_only_add():
    canvas = Canvas(20, 10)
    canvas.rectangle(-1, -1, 5, 5, (51, 102, 204))
    plain = canvas.finish((1.0, 1.0, 1.0))
    assert np.allclose(plain, np.array([0.2, 0.4, 0.8]), atol=1e-6)
    assert np.allclose(canvas.finish((0.5, 0.5, 0.5)), plain / 2, atol=1e-6)
    canvas.lamp(1.0, 0.5, 0.3, (255, 255, 255), 1.0)
    lit = canvas.finish((0.5, 0.5, 0.5))
    assert (lit > plain / 2).all()
    assert lit[5, 10].sum() > 0.98 * lit.sum(-1).max()
    assert lit[0, 0].sum() < 0.6 * lit[5, 10].sum()


def test_what_shines_ignores_the_light():
    canvas = Canvas(8, 8)
    canvas.rectangle(-1, -1, 5, 5, (255, 255, 255), shine=1.0)
    assert np.allclose(canvas.finish((0.1, 0.1, 0.1)), 1.0)


def test_captions_name_the_occasion_only_when_asked():
    for seed in range(200):
        scene = plan_scene(list(OCCASIONS)[seed % 6], f"{seed}", "textbook")
        rng = Random(seed)
        named, unnamed = caption(scene, rng, occasion=True), caption(scene, rng, occasion=False)
        assert any(phrase in named for phrase in OCCASION_NAMES[scene.occasion])
        seen = unnamed.replace("a birthday cake", "").replace("a wedding cake", "")
        assert not any(phrase in seen for every in OCCASION_NAMES.values() for phrase in every)


def test_captions_mention_only_what_the_scene_has():
    for seed in range(100):
        scene = plan_scene("birthday", f"{seed}")
        text = caption(scene, Random(seed), occasion=False)
        assert not any(name in text for name in THINGS if name not in scene.things)
