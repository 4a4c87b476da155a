"""People, drawn from simple shapes."""

from dataclasses import dataclass
from random import Random

from thawline.samples.scenes.canvas import Colour, mix
from thawline.samples.scenes.spot import Spot

SKINS: tuple[Colour, ...] = ((245, 214, 190), (226, 180, 148), (198, 142, 104), (150, 100, 70), (104, 68, 48))
HAIRS: tuple[Colour, ...] = ((30, 24, 22), (70, 46, 30), (120, 82, 46), (196, 160, 92), (150, 70, 36), (170, 168, 164))
BRIGHT: tuple[Colour, ...] = (
    (214, 48, 54), (238, 130, 40), (246, 206, 60), (70, 168, 84), (40, 130, 200), (120, 80, 180), (234, 110, 160),
    (60, 190, 190), (240, 240, 236),
)  # fmt: skip
MUTED: tuple[Colour, ...] = (
    (70, 84, 100), (96, 104, 84), (130, 92, 70), (150, 140, 120), (60, 60, 68), (110, 60, 60), (180, 172, 160),
)  # fmt: skip


@dataclass(frozen=True)
class Outfit:
    """What a person wears. `dress` covers the legs; `bare` shows the skin of torso, arms and legs."""

    top: Colour
    bottom: Colour
    dress: bool = False
    bare: bool = False
    hat: str = ""  # "", "party", "santa", "beanie", "sun", "veil"
    hat_colour: Colour = (240, 240, 240)


@dataclass(frozen=True)
class Looks:
    """What stays the same about a person whatever they wear."""

    skin: Colour
    hair: Colour
    long_hair: bool


def any_looks(rng: Random) -> Looks:
    """A random person."""
    return Looks(rng.choice(SKINS), rng.choice(HAIRS), rng.random() < 0.5)


def outfit(kind: str, rng: Random) -> Outfit:
    """What somebody at such an occasion wears.

    Args:
        kind: "bather", "party", "formal", "bride", "groom", "warm", "camper", "casual" or "red".."white" for a kit.
        rng: Source of the choices.
    """
    bright, muted, other = rng.choice(BRIGHT), rng.choice(MUTED), rng.choice(BRIGHT)
    woman = rng.random() < 0.5
    wears: dict[str, Outfit] = {
        "bather": Outfit(bright, bright, bare=True, hat=rng.choice(("", "", "sun")), hat_colour=(228, 206, 150)),
        "party": Outfit(bright, muted, dress=woman, hat=rng.choice(("party", "party", "")), hat_colour=other),
        "formal": Outfit(mix(bright, (255, 245, 240), 0.45), bright, dress=True) if woman else Outfit(
            rng.choice(((40, 44, 56), (64, 66, 72), (30, 40, 70), (110, 104, 98))), (44, 46, 54)),
        "bride": Outfit((250, 248, 244), (250, 248, 244), dress=True, hat="veil", hat_colour=(250, 250, 250)),
        "groom": Outfit(rng.choice(((26, 26, 32), (38, 44, 66), (80, 82, 88))), (30, 30, 36)),
        "warm": Outfit(bright, muted, hat=rng.choice(("beanie", "santa", "beanie", "")), hat_colour=other),
        "camper": Outfit(rng.choice((*MUTED, bright)), rng.choice(MUTED), hat=rng.choice(("", "", "beanie")),
                         hat_colour=muted),
        "casual": Outfit(rng.choice((bright, muted)), muted, dress=woman and rng.random() < 0.4),
    }  # fmt: skip
    if kind in wears:
        return wears[kind]
    colour, shorts = KITS[kind]
    return Outfit(colour, shorts)


KITS: dict[str, tuple[Colour, Colour]] = {
    "red kit": ((206, 36, 44), (240, 240, 240)),
    "blue kit": ((36, 74, 180), (30, 40, 110)),
    "yellow kit": ((246, 208, 40), (30, 100, 60)),
    "white kit": ((244, 244, 244), (34, 34, 40)),
    "green kit": ((24, 140, 74), (240, 240, 240)),
    "striped kit": ((120, 30, 90), (110, 190, 230)),
    "referee": ((20, 20, 22), (20, 20, 22)),
}


def person(at: Spot, looks: Looks, wears: Outfit, pose: str) -> None:
    """Draw somebody, as tall as the spot's size when standing.

    Args:
        at: Where the feet are.
        looks: Skin and hair.
        wears: Clothes.
        pose: "stand", "cheer" (arms up), "run" or "sit".
    """
    facing = at.rng.choice((-1, 1))
    if pose == "sit":
        at = at.moved(dy=0.04, scale=0.94)
        _seated_legs(at, looks, wears, facing)
        at = at.moved(dy=0.26)  # the body sinks to the ground
    else:
        _legs(at, looks, wears, pose, facing)
    _body(at, looks, wears, pose, facing)
    _head(at.moved(dy=-0.905, scale=0.072), looks, wears)


def _legs(at: Spot, looks: Looks, wears: Outfit, pose: str, facing: int) -> None:
    hip = -0.48
    if wears.dress:
        spread = 0.24 if wears.hat == "veil" else 0.16
        at.polygon([(-0.08, hip - 0.1), (0.08, hip - 0.1), (spread, -0.02), (-spread, -0.02)], wears.bottom)
        return
    stride = (0.20, -0.16) if pose == "run" else (0.06, -0.06)
    for i, step in enumerate(stride):
        foot = (facing * step, -(0.10 if pose == "run" and i == 1 else 0))
        knee = (facing * (step * 0.6 + 0.03), -0.25)
        start = ((0.035 if step > 0 else -0.035) * facing, hip)
        if wears.bare:
            at.line([start, knee, foot], 0.065, looks.skin)
            at.line([start, (knee[0], knee[1] - 0.1)], 0.085, wears.bottom)
        elif pose == "run":  # shorts and socks
            at.line([knee, foot], 0.06, wears.top)
            at.line([start, knee], 0.07, looks.skin)
            at.line([start, (start[0] * 0.4 + knee[0] * 0.6, knee[1] - 0.08)], 0.10, wears.bottom)
        else:
            at.line([start, knee, foot], 0.085, wears.bottom)


def _seated_legs(at: Spot, looks: Looks, wears: Outfit, facing: int) -> None:
    seat = -0.18
    colour = looks.skin if wears.bare else wears.bottom
    for lift in (0.0, 0.05):
        knee = (facing * (0.22 - lift), seat - 0.10)
        at.line([(0, seat), knee, (knee[0] + facing * 0.08, -lift)], 0.08, colour)


def _body(at: Spot, looks: Looks, wears: Outfit, pose: str, facing: int) -> None:
    shoulder, hip = -0.82, -0.46
    trunk = looks.skin if wears.bare and not looks.long_hair else wears.top
    if looks.long_hair:
        at.ellipse(0, -0.86, 0.075, 0.12, looks.hair)
    arm = looks.skin if wears.bare else mix(wears.top, (0, 0, 0), 0.12)
    for side in (-1, 1):
        start = (side * 0.095, shoulder + 0.03)
        if pose == "cheer":
            hand = (side * 0.22, shoulder - 0.22)
            elbow = (side * 0.19, shoulder - 0.04)
        elif pose == "run":
            elbow = (side * 0.17, shoulder + 0.15)
            hand = (elbow[0] + facing * 0.11, elbow[1] - 0.04)
        else:
            elbow = (side * 0.14, shoulder + 0.18)
            hand = (side * 0.12 + facing * 0.03, shoulder + 0.34)
        at.line([start, elbow, hand], 0.052, arm)
        at.disc(*hand, 0.027, looks.skin)
    at.polygon([(-0.115, shoulder), (0.115, shoulder), (0.085, hip), (-0.085, hip)], trunk)
    if wears.top[0] < 90 and not wears.dress and wears.bottom[0] < 60:  # a dark suit shows its shirt
        at.polygon([(-0.03, shoulder), (0.03, shoulder), (0, shoulder + 0.16)], (244, 244, 244))


def _head(at: Spot, looks: Looks, wears: Outfit) -> None:
    if wears.hat == "veil":
        at.polygon([(-1, -1), (1, -1), (2.6, 6), (-2.6, 6)], (236, 236, 240))
    at.disc(0, -0.18, 1.06, looks.hair)
    at.ellipse(0, 0.12, 0.86, 1, looks.skin)
    if wears.hat == "party":
        at.polygon([(-0.7, -0.7), (0.7, -0.7), (0, -2.9)], wears.hat_colour)
        at.disc(0, -2.9, 0.28, (250, 250, 250))
    elif wears.hat == "santa":
        at.polygon([(-1, -0.5), (1, -0.5), (1.2, -2.2)], (206, 32, 40))
        at.rectangle(-1.1, -0.75, 2.2, 0.45, (248, 248, 248))
        at.disc(1.2, -2.1, 0.35, (250, 250, 250))
    elif wears.hat == "beanie":
        at.ellipse(0, -0.6, 1.08, 0.8, wears.hat_colour)
        at.disc(0, -1.45, 0.32, mix(wears.hat_colour, (255, 255, 255), 0.4))
    elif wears.hat == "sun":
        at.ellipse(0, -0.6, 1.9, 0.4, wears.hat_colour)
        at.ellipse(0, -0.85, 0.95, 0.6, wears.hat_colour)
