"""Things that stand about outdoors: at the sea, in a camp, in snow, on a pitch.

Every function draws one thing that stands on the ground of its spot.
"""

import math

from thawline.samples.scenes.canvas import Colour, mix
from thawline.samples.scenes.figures import BRIGHT, MUTED
from thawline.samples.scenes.spot import Spot

WHITE: Colour = (246, 246, 244)
WOOD: Colour = (120, 84, 54)


def umbrella(at: Spot) -> None:
    """A striped parasol."""
    first, second = at.rng.choice(BRIGHT), at.rng.choice((WHITE, at.rng.choice(BRIGHT)))
    lean, r, top = at.rng.uniform(-0.08, 0.08), 0.24, -0.40
    at.line([(0, 0), (lean, top)], 0.014, (230, 226, 216))
    for i in range(6):
        angles = [math.pi * (1 + (i + k / 3) / 6) for k in range(4)]
        rim = [(lean + r * math.cos(a), top + 0.72 * r * math.sin(a)) for a in angles]
        at.polygon([(lean, top - 0.72 * r), *rim], (first, second)[i % 2])


def towel(at: Spot) -> None:
    """A striped towel on the ground."""
    first, second = at.rng.choice(BRIGHT), at.rng.choice((WHITE, at.rng.choice(BRIGHT)))
    skew = at.rng.uniform(-0.15, 0.15)
    for i in range(6):
        x0, x1 = (i - 3) * 0.06, (i - 2) * 0.06
        at.polygon([(x0 + skew, -0.09), (x1 + skew, -0.09), (x1, 0), (x0, 0)], (first, second)[i % 2])


def sandcastle(at: Spot) -> None:
    """A castle of sand with a flag."""
    sand: Colour = (206, 172, 116)
    shade = mix(sand, (90, 60, 30), 0.3)
    at.polygon([(-0.17, 0), (0.17, 0), (0.13, -0.09), (-0.13, -0.09)], sand)
    for dx, tall in ((-0.1, 0.17), (0.1, 0.17), (0.0, 0.25)):
        left = dx - 0.04
        at.rectangle(left, -tall, 0.08, tall - 0.04, mix(sand, (255, 240, 200), 0.2))
        at.rectangle(left + 0.055, -tall, 0.025, tall - 0.04, shade)
        for k in range(3):
            at.rectangle(left + 0.03 * k, -(tall + 0.02), 0.018, 0.025, sand)
    at.line([(0, -0.26), (0, -0.36)], 0.006, WOOD)
    at.polygon([(0, -0.36), (0.07, -0.34), (0, -0.31)], at.rng.choice(BRIGHT))


def beach_ball(at: Spot) -> None:
    """An inflatable ball in bright segments."""
    r, turn = 0.075, at.rng.uniform(0, 6)
    at = at.moved(dy=-r - at.rng.choice((0.0, 0.0, 0.2)))
    at.disc(0, 0, r, WHITE)
    colours = at.rng.sample(BRIGHT[:7], 3)
    for i in range(3):
        a = turn + i * math.tau / 3
        arc = [(r * math.cos(a + k * 0.35), r * math.sin(a + k * 0.35)) for k in range(4)]
        at.polygon([(0, 0), *arc], colours[i])


def palm_tree(at: Spot) -> None:
    """A leaning palm."""
    lean, tall = at.rng.uniform(-0.2, 0.2), at.rng.uniform(0.55, 0.75)
    crown = (lean, -tall)
    at.line([(0, 0), (0.2 * lean, -0.5 * tall), crown], 0.035, (134, 104, 72))
    leaf: Colour = (56, 128, 62)
    for i in range(9):
        a, reach = math.pi * (0.9 + i * 0.15) + at.rng.uniform(-0.1, 0.1), 0.26
        tip = (crown[0] + reach * math.cos(a), crown[1] + reach * math.sin(a) * 0.6 + 0.10)
        middle = (crown[0] + 0.6 * reach * math.cos(a), crown[1] + 0.6 * reach * math.sin(a) - 0.03)
        below, above = (middle[0], middle[1] + 0.04), (middle[0], middle[1] - 0.02)
        at.polygon([crown, above, tip, below], mix(leaf, (20, 60, 30), i % 2 * 0.35))


def surfboard(at: Spot) -> None:
    """A surfboard stuck upright in the ground."""
    colour, angle = at.rng.choice(BRIGHT), at.rng.uniform(-0.2, 0.2)
    at.ellipse(0, -0.25, 0.055, 0.27, colour, angle=angle)
    at.ellipse(0, -0.25, 0.014, 0.25, WHITE, angle=angle)


def sailboat(at: Spot) -> None:
    """A boat with two sails, on the water behind the ground."""
    at = at.moved(dy=-0.14, scale=0.7)
    sail = at.rng.choice((WHITE, WHITE, at.rng.choice(BRIGHT)))
    at.polygon([(-0.1, -0.04), (0.12, -0.04), (0.08, 0), (-0.07, 0)], (150, 60, 50))
    at.polygon([(0, -0.05), (0, -0.3), (0.12, -0.06)], sail)
    at.polygon([(-0.01, -0.05), (-0.01, -0.26), (-0.09, -0.06)], mix(sail, (90, 90, 120), 0.2))


def deck_chair(at: Spot) -> None:
    """A folding chair of cloth."""
    cloth, side = at.rng.choice(BRIGHT), at.rng.choice((-1, 1))
    at.line([(-side * 0.12, 0), (side * 0.1, -0.27)], 0.014, WOOD)
    at.line([(side * 0.12, 0), (-side * 0.06, -0.12)], 0.014, WOOD)
    at.line([(-side * 0.1, -0.1), (0, -0.07), (side * 0.1, -0.26)], 0.045, cloth)


def campfire(at: Spot) -> None:
    """Burning logs within stones, which light what is around them."""
    for i in range(7):
        at.ellipse(0.17 * math.cos(i), -0.01 + 0.035 * math.sin(i), 0.035, 0.025, (104, 98, 94))
    for angle in (-0.35, 0.35, 0.0):
        dx, dy = 0.15 * math.cos(angle), 0.15 * math.sin(angle)
        at.line([(-dx, -dy - 0.03), (dx, dy - 0.03)], 0.035, (74, 50, 34))
    flames: tuple[tuple[Colour, float], ...] = (((226, 74, 20), 1.0), ((250, 150, 30), 0.7), ((255, 236, 150), 0.4))
    for colour, size in flames:
        for i in range(3):
            dx, tall = (i - 1) * 0.07 * size, at.rng.uniform(0.2, 0.34) * size * (1.25 if i == 1 else 0.8)
            wide = 0.055 * size
            tip = (dx + at.rng.uniform(-0.3, 0.3) * wide, -0.05 - tall)
            bend = (dx + wide * 0.5, -0.05 - 0.5 * tall)
            at.polygon([(dx - wide, -0.05), (dx + wide, -0.05), bend, tip], colour, shine=1.0)
    for _ in range(at.rng.randint(4, 14)):
        at.disc(at.rng.uniform(-0.15, 0.15), -at.rng.uniform(0.25, 0.7), 0.004, (255, 180, 80), shine=1.0)
    at.lamp(0, -0.12, 0.55, (255, 150, 60), 0.35 + 0.95 * at.light.dark)


def tent(at: Spot) -> None:
    """A ridge tent or a dome, sometimes lit from inside."""
    colour = at.rng.choice((*BRIGHT[:5], *MUTED[:4]))
    shine = 0.55 if at.light.dark > 0.4 and at.rng.random() < 0.4 else 0.0
    dark = mix(colour, (10, 10, 10), 0.4)
    if at.rng.random() < 0.5:
        at.polygon([(-0.3, 0), (-0.02, -0.34), (0.22, 0)], colour, shine)
        at.polygon([(-0.02, -0.34), (0.3, -0.28), (0.42, -0.02), (0.22, 0)], dark, shine)
        at.polygon([(-0.1, 0), (-0.025, -0.25), (0.05, 0)], (26, 22, 22))
    else:
        bow = [(math.cos(a / 8 * math.pi), -math.sin(a / 8 * math.pi)) for a in range(9)]
        at.polygon([(0.33 * u, 0.3 * v) for u, v in bow], colour, shine)
        at.polygon([(0.12 * u, 0.22 * v) for u, v in bow], dark, shine)


def logs(at: Spot) -> None:
    """Cut logs to sit on."""
    for dx, dy in ((-0.05, 0.0), (0.06, 0.0), (0.0, -0.06)):
        at.line([(dx - 0.14, dy - 0.03), (dx + 0.14, dy - 0.03)], 0.06, WOOD)
        at.ellipse(dx + 0.14, dy - 0.03, 0.02, 0.03, (206, 170, 120))


def guitar(at: Spot) -> None:
    """A guitar leaning."""
    lean, body = at.rng.uniform(-0.09, 0.09), at.rng.choice(((190, 120, 60), (150, 80, 40), (214, 170, 100)))
    at.line([(0, -0.1), (lean * 1.6, -0.36)], 0.02, (70, 46, 30))
    at.disc(0, -0.07, 0.07, body)
    at.disc(lean * 0.55, -0.15, 0.05, body)
    at.disc(lean * 0.2, -0.1, 0.02, (40, 26, 18))


def lantern(at: Spot) -> None:
    """A lantern on the ground."""
    at.rectangle(-0.035, -0.1, 0.07, 0.1, (50, 50, 54))
    at.rectangle(-0.024, -0.085, 0.048, 0.07, (255, 222, 140), shine=1.0)
    at.line([(-0.03, -0.1), (0, -0.14), (0.03, -0.1)], 0.008, (50, 50, 54))
    at.lamp(0, -0.05, 0.16, (255, 200, 110), 0.2 + 0.5 * at.light.dark)


def snowman(at: Spot) -> None:
    """Three balls of snow with scarf, hat and carrot."""
    snow: Colour = (244, 246, 252)
    for up, r in ((0.10, 0.13), (0.28, 0.095), (0.42, 0.068)):
        at.disc(0.012, -up, r, mix(snow, (120, 140, 180), 0.35))
        at.disc(0, -up, 0.94 * r, snow)
    scarf = at.rng.choice(BRIGHT[:7])
    at.line([(-0.07, -0.36), (0.07, -0.35)], 0.03, scarf)
    at.line([(0.05, -0.35), (0.07, -0.22)], 0.03, scarf)
    at.rectangle(-0.08, -0.48, 0.16, 0.02, (30, 30, 34))
    at.rectangle(-0.05, -0.58, 0.10, 0.11, (30, 30, 34))
    at.polygon([(0, -0.43), (0, -0.40), (0.09, -0.41)], (238, 120, 30))
    for dx in (-0.025, 0.025):
        at.disc(dx, -0.44, 0.009, (20, 20, 20))


def sled(at: Spot) -> None:
    """A wooden sled."""
    colour = at.rng.choice(((170, 110, 60), (200, 40, 40), (60, 90, 150)))
    at.line([(-0.18, 0), (0.14, 0), (0.2, -0.07)], 0.012, (60, 56, 56))
    at.polygon([(-0.17, -0.06), (0.17, -0.06), (0.13, -0.1), (-0.14, -0.1)], colour)
    for dx in (-0.12, 0.1):
        at.line([(dx, 0), (dx, -0.07)], 0.012, (60, 56, 56))


def skis(at: Spot) -> None:
    """A pair of skis upright in the snow."""
    colour = at.rng.choice(BRIGHT)
    for dx in (-0.03, 0.03):
        at.line([(dx, 0), (dx * 1.6, -0.42), (dx * 2.6, -0.46)], 0.02, colour)


def goal(at: Spot) -> None:
    """A goal with its net."""
    wide, tall = 0.48, 0.28
    mesh: Colour = (196, 202, 206)
    for i in range(9):
        u = -wide + 2 * wide * i / 8
        at.line([(u, -tall), (u * 0.9, -0.03)], 0.002, mesh)
    for i in range(6):
        v = -tall + (tall - 0.03) * i / 5
        at.line([(-wide, v), (wide, v)], 0.002, mesh)
    at.line([(-wide, 0), (-wide, -tall), (wide, -tall), (wide, 0)], 0.02, WHITE)


def football(at: Spot) -> None:
    """A white ball with black patches."""
    r = 0.045
    at = at.moved(dy=-r - at.rng.choice((0.0, 0.0, 0.12, 0.25)))
    at.disc(0, 0, r, (250, 250, 250))
    turn = at.rng.uniform(0, 6)
    at.disc(0, 0, 0.34 * r, (24, 24, 26))
    for i in range(5):
        at.disc(0.78 * r * math.cos(turn + i * 1.257), 0.78 * r * math.sin(turn + i * 1.257), 0.2 * r, (24, 24, 26))


def corner_flag(at: Spot) -> None:
    """A flag on a thin pole."""
    at.line([(0, 0), (0, -0.3)], 0.009, (240, 220, 80))
    at.polygon([(0, -0.3), (0.11, -0.26), (0, -0.21)], at.rng.choice(BRIGHT[:5]))


def scoreboard(at: Spot) -> None:
    """A board with two bright numbers, high at the back."""
    at.rectangle(-0.14, -0.07, 0.28, 0.14, (22, 24, 30))
    strokes = (
        (-0.03, -0.045, 0.06, 0.014),
        (0.016, -0.045, 0.014, 0.09),
        (-0.03, 0.03, 0.06, 0.014),
        (-0.03, -0.045, 0.014, 0.09),
    )
    for dx in (-0.075, 0.075):
        figure = at.rng.choice(((1, 1, 1, 1), (0, 1, 0, 1), (1, 0, 1, 1), (1, 1, 0, 1)))
        for on, (u, v, wide, tall) in zip(figure, strokes, strict=True):
            if on:
                at.rectangle(dx + u, v, wide, tall, (255, 190, 40), shine=1.0)


def floodlights(at: Spot) -> None:
    """Masts with lamps that light the whole ground when it is dark."""
    for side in (0.08, at.width - 0.08):
        top = at.rng.uniform(0.04, 0.12)
        at.line([(side, 0.42), (side, top)], 0.01, (120, 124, 130))
        at.rectangle(side - 0.07, top - 0.03, 0.14, 0.07, (70, 74, 80))
        for i in range(6):
            dot = (side - 0.05 + 0.05 * (i % 3), top - 0.012 + 0.034 * (i // 3))
            at.disc(*dot, 0.014, (255, 255, 240) if at.light.dark > 0.3 else (210, 216, 220), shine=1.0)
    at.lamp(at.width / 2, 0.6, 1.3, (250, 252, 255), 0.75 * at.light.dark)


def dog(at: Spot) -> None:
    """A dog, at home anywhere."""
    coat = at.rng.choice(((150, 104, 60), (60, 50, 46), (226, 206, 170), (240, 238, 232)))
    side = at.rng.choice((-1, 1))
    for dx in (-0.09, -0.05, 0.05, 0.09):
        at.line([(dx, 0), (dx, -0.09)], 0.02, coat)
    at.ellipse(0, -0.12, 0.13, 0.055, coat)
    at.disc(side * 0.14, -0.19, 0.05, coat)
    at.ellipse(side * 0.19, -0.18, 0.035, 0.024, mix(coat, (30, 20, 20), 0.3))
    at.line([(-side * 0.12, -0.14), (-side * 0.2, -0.23)], 0.018, coat)
    at.polygon([(side * 0.10, -0.23), (side * 0.13, -0.24), (side * 0.09, -0.15)], mix(coat, (0, 0, 0), 0.4))


def blanket(at: Spot) -> None:
    """A checked picnic blanket with a basket."""
    colour = at.rng.choice(BRIGHT[:6])
    at.polygon([(-0.2, -0.12), (0.22, -0.12), (0.28, 0), (-0.28, 0)], WHITE)
    for i in range(4):
        v = -0.12 + i * 0.032
        at.line([(-0.2 - 0.022 * i, v), (0.22 + 0.016 * i, v)], 0.012, colour)
        at.line([(-0.15 + 0.1 * i, -0.12), (-0.2 + 0.13 * i, 0)], 0.012, colour)
    at.rectangle(-0.05, -0.14, 0.12, 0.08, (166, 120, 70))
    at.line([(-0.04, -0.14), (0.01, -0.2), (0.06, -0.14)], 0.01, (140, 96, 54))
