"""What belongs to each occasion: places, light, things, people and how they behave.

Every weight and probability is a pair. The first holds in *textbook* scenes: an occasion in its usual place by good
light, with little going on. Only in their captions was the occasion named when the tiny CLIP was trained. The second
holds in *field* scenes, from which samples are made: there a birthday may be outdoors at night, and a campfire may burn
on a beach. That difference is why tuning on a sample has something to gain.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from thawline.samples.scenes import festive_things as festive
from thawline.samples.scenes import outdoor_things as outdoor
from thawline.samples.scenes.spot import Spot

Style = Literal["textbook", "field"]
Pair = tuple[float, float]
Slot = Literal["ground", "far", "high", "sky", "front"]


@dataclass(frozen=True)
class Thing:
    """One kind of thing: how it is drawn and where it goes.

    "far" is the far edge of the ground or the wall, "high" is well above that; "sky" fills the picture behind all that
    is on the ground, "front" before it.
    """

    draw: Callable[[Spot], None]
    slot: Slot = "ground"


# The names are the words of the captions.
THINGS: Mapping[str, Thing] = {
    "a parasol": Thing(outdoor.umbrella),
    "a towel": Thing(outdoor.towel),
    "a sandcastle": Thing(outdoor.sandcastle),
    "a beach ball": Thing(outdoor.beach_ball),
    "a palm tree": Thing(outdoor.palm_tree),
    "a surfboard": Thing(outdoor.surfboard),
    "a sailboat": Thing(outdoor.sailboat, "far"),
    "a deck chair": Thing(outdoor.deck_chair),
    "a campfire": Thing(outdoor.campfire),
    "a tent": Thing(outdoor.tent),
    "logs": Thing(outdoor.logs),
    "a guitar": Thing(outdoor.guitar),
    "a lantern": Thing(outdoor.lantern),
    "a snowman": Thing(outdoor.snowman),
    "a sled": Thing(outdoor.sled),
    "skis": Thing(outdoor.skis),
    "a goal": Thing(outdoor.goal, "far"),
    "a football": Thing(outdoor.football),
    "a corner flag": Thing(outdoor.corner_flag),
    "a scoreboard": Thing(outdoor.scoreboard, "high"),
    "floodlights": Thing(outdoor.floodlights, "sky"),
    "a dog": Thing(outdoor.dog),
    "a picnic blanket": Thing(outdoor.blanket),
    "a birthday cake": Thing(festive.birthday_cake),
    "a wedding cake": Thing(festive.wedding_cake),
    "balloons": Thing(festive.balloons),
    "presents": Thing(festive.presents),
    "a table of food": Thing(festive.table_of_food),
    "a decorated tree": Thing(festive.decorated_tree),
    "a fireplace": Thing(festive.fireplace, "far"),
    "a wreath": Thing(festive.wreath, "high"),
    "a flower arch": Thing(festive.flower_arch, "far"),
    "rows of chairs": Thing(festive.rows_of_chairs),
    "a marquee": Thing(festive.marquee, "far"),
    "a bouquet": Thing(festive.bouquet),
    "string lights": Thing(festive.string_lights, "front"),
    "bunting": Thing(festive.bunting, "front"),
    "paper lanterns": Thing(festive.paper_lanterns, "front"),
    "confetti": Thing(festive.confetti, "front"),
    "falling snow": Thing(festive.falling_snow, "front"),
    "fireworks": Thing(festive.fireworks, "sky"),
}
# What makes no sense within walls, and what makes none outside them.
NEVER_INDOORS = frozenset(
    {
        "a sailboat",
        "a campfire",
        "a palm tree",
        "a tent",
        "a goal",
        "a marquee",
        "a sled",
        "a snowman",
        "skis",
        "falling snow",
        "fireworks",
        "floodlights",
    }
)
NEVER_OUTDOORS = frozenset({"a fireplace", "a wreath"})


@dataclass(frozen=True)
class Occasion:
    """An occasion; see the module's text for the pairs.

    `people` is the most people in a picture, `clothes` and `poses` map each kind to its weight, `couple` is the
    probability of a bride and a groom.
    """

    places: Mapping[str, Pair]
    lights: Mapping[str, Pair]
    things: Mapping[str, Pair]
    people: int
    clothes: Mapping[str, float]
    poses: Mapping[str, float]
    couple: Pair = (0.0, 0.0)


_PARTY_INDOOR_LIGHT = {"daylight": (0.5, 0.3), "lamplight": (0.5, 0.4), "candlelight": (0.0, 0.3)}

OCCASIONS: Mapping[str, Occasion] = {
    "beach_day": Occasion(
        places={"shore": (1.0, 0.82), "lakeside": (0.0, 0.13), "park": (0.0, 0.05)},
        lights={"noon": (0.9, 0.45), "overcast": (0.1, 0.25), "sunset": (0.0, 0.30)},
        things={
            "a parasol": (0.24, 0.5),
            "a towel": (0.21, 0.5),
            "a sandcastle": (0.17, 0.35),
            "a beach ball": (0.17, 0.35),
            "a palm tree": (0.12, 0.2),
            "a surfboard": (0.1, 0.3),
            "a sailboat": (0.1, 0.2),
            "a deck chair": (0.14, 0.35),
            "a dog": (0.02, 0.12),
            "a picnic blanket": (0.02, 0.1),
            "a campfire": (0.0, 0.04),
            "a football": (0.0, 0.08),
            "a table of food": (0.0, 0.05),
            "a tent": (0.0, 0.05),
            "balloons": (0.0, 0.04),
            "a guitar": (0.0, 0.03),
        },
        people=6,
        clothes={"bather": 0.8, "casual": 0.2},
        poses={"stand": 0.45, "sit": 0.3, "cheer": 0.1, "run": 0.15},
    ),
    "birthday": Occasion(
        places={
            "living room": (1.0, 0.42),
            "garden": (0.0, 0.28),
            "hall": (0.0, 0.13),
            "park": (0.0, 0.12),
            "shore": (0.0, 0.05),
        },
        lights={
            "noon": (0.9, 0.4),
            "overcast": (0.1, 0.15),
            "sunset": (0.0, 0.2),
            "night": (0.0, 0.25),
            **_PARTY_INDOOR_LIGHT,
        },
        things={
            "a birthday cake": (0.28, 0.6),
            "balloons": (0.26, 0.6),
            "presents": (0.21, 0.5),
            "bunting": (0.17, 0.4),
            "a table of food": (0.07, 0.3),
            "confetti": (0.05, 0.12),
            "paper lanterns": (0.02, 0.15),
            "string lights": (0.0, 0.25),
            "a dog": (0.02, 0.1),
            "a picnic blanket": (0.0, 0.12),
            "a campfire": (0.0, 0.03),
            "a bouquet": (0.0, 0.06),
            "a football": (0.0, 0.04),
            "a marquee": (0.0, 0.04),
        },
        people=7,
        clothes={"party": 0.75, "casual": 0.25},
        poses={"stand": 0.6, "sit": 0.1, "cheer": 0.3},
    ),
    "campfire_night": Occasion(
        places={
            "forest": (1.0, 0.42),
            "lakeside": (0.0, 0.28),
            "shore": (0.0, 0.18),
            "park": (0.0, 0.07),
            "snowfield": (0.0, 0.05),
        },
        lights={"night": (1.0, 0.62), "sunset": (0.0, 0.38)},
        things={
            "a campfire": (0.33, 0.8),
            "a tent": (0.24, 0.5),
            "logs": (0.21, 0.5),
            "a guitar": (0.12, 0.3),
            "a lantern": (0.1, 0.4),
            "a dog": (0.02, 0.12),
            "string lights": (0.0, 0.12),
            "a deck chair": (0.0, 0.12),
            "a table of food": (0.0, 0.08),
            "a picnic blanket": (0.0, 0.08),
            "a towel": (0.0, 0.05),
            "paper lanterns": (0.0, 0.05),
            "a palm tree": (0.0, 0.05),
        },
        people=6,
        clothes={"camper": 0.8, "warm": 0.2},
        poses={"sit": 0.65, "stand": 0.35},
    ),
    "football_match": Occasion(
        places={
            "pitch": (1.0, 0.72),
            "park": (0.0, 0.16),
            "shore": (0.0, 0.05),
            "snowfield": (0.0, 0.04),
            "garden": (0.0, 0.03),
        },
        lights={"noon": (0.8, 0.38), "overcast": (0.2, 0.26), "sunset": (0.0, 0.14), "night": (0.0, 0.22)},
        things={
            "a football": (0.32, 0.75),
            "a goal": (0.23, 0.5),
            "a corner flag": (0.1, 0.3),
            "a scoreboard": (0.1, 0.25),
            "floodlights": (0.09, 0.4),
            "confetti": (0.0, 0.08),
            "a dog": (0.0, 0.06),
            "falling snow": (0.0, 0.04),
            "bunting": (0.0, 0.08),
            "a marquee": (0.0, 0.06),
            "fireworks": (0.0, 0.03),
        },
        people=11,
        clothes={"teams": 1.0},
        poses={"run": 0.7, "stand": 0.2, "cheer": 0.1},
    ),
    "wedding": Occasion(
        places={
            "churchyard": (1.0, 0.28),
            "garden": (0.0, 0.26),
            "hall": (0.0, 0.26),
            "shore": (0.0, 0.1),
            "park": (0.0, 0.1),
        },
        lights={
            "noon": (0.9, 0.38),
            "overcast": (0.1, 0.2),
            "sunset": (0.0, 0.22),
            "night": (0.0, 0.2),
            **_PARTY_INDOOR_LIGHT,
        },
        things={
            "a flower arch": (0.23, 0.5),
            "rows of chairs": (0.16, 0.4),
            "a wedding cake": (0.12, 0.35),
            "a bouquet": (0.16, 0.4),
            "confetti": (0.07, 0.16),
            "a marquee": (0.03, 0.16),
            "balloons": (0.0, 0.08),
            "string lights": (0.02, 0.24),
            "a table of food": (0.02, 0.26),
            "paper lanterns": (0.0, 0.14),
            "fireworks": (0.0, 0.04),
            "presents": (0.0, 0.06),
            "bunting": (0.0, 0.1),
            "a palm tree": (0.0, 0.04),
        },
        people=7,
        clothes={"formal": 1.0},
        poses={"stand": 0.8, "cheer": 0.2},
        couple=(0.3, 0.75),
    ),
    "winter_holiday": Occasion(
        places={
            "living room": (0.0, 0.4),
            "snowfield": (1.0, 0.5),
            "hall": (0.0, 0.06),
            "forest": (0.0, 0.04),
        },
        lights={
            "noon": (0.8, 0.3),
            "overcast": (0.2, 0.25),
            "sunset": (0.0, 0.15),
            "night": (0.0, 0.3),
            **_PARTY_INDOOR_LIGHT,
        },
        things={
            "a decorated tree": (0.24, 0.5),
            "a fireplace": (0.21, 0.45),
            "presents": (0.1, 0.36),
            "a snowman": (0.19, 0.42),
            "a sled": (0.12, 0.34),
            "skis": (0.09, 0.3),
            "falling snow": (0.14, 0.4),
            "a wreath": (0.14, 0.4),
            "string lights": (0.02, 0.28),
            "a table of food": (0.0, 0.14),
            "a dog": (0.02, 0.1),
            "a lantern": (0.0, 0.14),
            "fireworks": (0.0, 0.06),
            "balloons": (0.0, 0.04),
            "a campfire": (0.0, 0.03),
            "a tent": (0.0, 0.03),
        },
        people=5,
        clothes={"warm": 0.8, "casual": 0.2},
        poses={"stand": 0.6, "sit": 0.15, "cheer": 0.15, "run": 0.1},
    ),
}
