"""What one would write under a scene, from one short phrase to all that is in it."""

from random import Random

from thawline.samples.scenes.occasions import OCCASIONS
from thawline.samples.scenes.scene import Scene

_PLACES = {
    "shore": ("on the sand by the sea", "at the shore", "by the sea"),
    "lakeside": ("by a lake", "at the lakeside", "on the bank of a lake with hills behind"),
    "garden": ("in a garden", "on the lawn behind a house", "in a back yard"),
    "park": ("in a park", "on the grass", "in a meadow with trees"),
    "forest": ("in a forest", "in a clearing among trees", "in the woods"),
    "snowfield": ("in the snow", "on a snowy hill", "in a snowy landscape with firs"),
    "pitch": ("on a pitch", "on a green pitch with white lines", "in a stadium"),
    "churchyard": ("before a church", "outside a church", "at a church"),
    "living room": ("in a living room", "at home", "in a room with a wooden floor"),
    "hall": ("in a hall", "in a function room", "in a large room with chandeliers"),
}
_LIGHTS = {
    "noon": ("at noon", "on a sunny day", "under a blue sky"),
    "overcast": ("on a grey day", "under clouds", "in dull weather"),
    "sunset": ("at sunset", "in the evening", "at dusk"),
    "night": ("at night", "in the dark", "under a night sky"),
    "daylight": ("in daylight", "by day"),
    "lamplight": ("by lamplight", "in warm light"),
    "candlelight": ("by candlelight", "in dim light"),
}
_PEOPLE = {
    "bather": "people in swimwear",
    "party": "children and adults with party hats",
    "formal": "guests in suits and dresses",
    "teams": "players in football kits",
    "camper": "people sitting together",
    "warm": "people in warm clothes",
}
_OPENINGS = ("a photo of", "a picture of", "a snapshot of", "a close photo of", "")
OCCASION_NAMES = {
    "beach_day": ("a beach day", "a day at the beach"),
    "birthday": ("a birthday", "a birthday party"),
    "campfire_night": ("a campfire night", "a night at the campfire"),
    "football_match": ("a football match", "a game of football"),
    "wedding": ("a wedding", "a wedding celebration"),
    "winter_holiday": ("a winter holiday", "a winter holiday celebration"),
}


def caption(scene: Scene, rng: Random, *, occasion: bool) -> str:
    """One caption of a scene.

    Args:
        scene: What the picture shows.
        rng: Chooses what is mentioned and the wording.
        occasion: Whether the occasion is named; otherwise only what can be seen is.
    """
    place = rng.choice(_PLACES[scene.place]) if rng.random() < 0.8 else ""
    light = rng.choice(_LIGHTS[scene.light]) if rng.random() < 0.6 else ""
    if occasion:
        what = rng.choice(OCCASION_NAMES[scene.occasion])
        with_things = rng.random() < 0.3
        things = _listed(rng, scene.things, 2) if with_things else ""
        parts = [what, f"with {things}" if things else "", place if rng.random() < 0.4 else "", light]
    else:
        parts = [_listed(rng, (*scene.things, *_people(scene, rng)), 6), place, light]
    return " ".join(part for part in (rng.choice(_OPENINGS), *parts) if part)


def _people(scene: Scene, rng: Random) -> tuple[str, ...]:
    """Phrases for who is in the picture."""
    who: list[str] = ["a bride and a groom"] if scene.couple else []
    if scene.people > 2 * scene.couple:
        clothes = OCCASIONS[scene.occasion].clothes
        kind = max(clothes, key=lambda name: clothes[name])
        who.append(_PEOPLE[kind] if rng.random() < 0.6 else "a few people")
    return tuple(who)


def _listed(rng: Random, things: tuple[str, ...], most: int) -> str:
    """Some of the things, in any order: "a tent, logs and a guitar"."""
    chosen = rng.sample(things, min(len(things), rng.randint(1, most)))
    return " and ".join([", ".join(chosen[:-1]), chosen[-1]]) if len(chosen) > 1 else "".join(chosen)
