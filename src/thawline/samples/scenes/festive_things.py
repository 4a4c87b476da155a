"""Things of parties, weddings and winter holidays.

Every function draws one thing that stands on the ground of its spot; what hangs overhead or is in the air fills the
whole picture.
"""

import math
from itertools import pairwise

from thawline.samples.scenes.canvas import Colour, mix
from thawline.samples.scenes.figures import BRIGHT
from thawline.samples.scenes.spot import Spot

WHITE: Colour = (246, 246, 244)
PASTEL: tuple[Colour, ...] = ((250, 214, 220), (252, 240, 224), (226, 236, 246), (232, 222, 244), (244, 230, 190))
GREEN: Colour = (58, 110, 60)
FLOWERS: tuple[Colour, ...] = (
    (250, 250, 246),
    (240, 190, 204),
    (226, 110, 140),
    (250, 226, 150),
    (190, 150, 210),
    (200, 50, 70),
)


def _table(at: Spot, cloth: Colour, half: float) -> float:
    """A table under a cloth; returns the height of its top."""
    top = -0.26
    at.polygon([(-half, top), (half, top), (half + 0.02, 0), (-half - 0.02, 0)], mix(cloth, (60, 50, 70), 0.16))
    for i in range(6):
        u = -half + 2 * half * i / 5
        at.line([(u, top), (u, 0)], 0.006, mix(cloth, (60, 50, 70), 0.32))
    at.polygon([(-half, top), (half, top), (half - 0.05, top - 0.06), (0.05 - half, top - 0.06)], cloth)
    return top - 0.03


def birthday_cake(at: Spot) -> None:
    """A round cake with burning candles on a table."""
    top = _table(at, at.rng.choice((WHITE, *BRIGHT)), at.rng.uniform(0.2, 0.34))
    icing = at.rng.choice(((240, 150, 180), (110, 66, 44), (250, 244, 230), (130, 200, 230)))
    base = at.rng.choice(((236, 206, 150), (96, 58, 40)))
    at.rectangle(-0.13, top - 0.12, 0.26, 0.12, base)
    at.ellipse(0, top, 0.13, 0.025, base)
    at.ellipse(0, top - 0.12, 0.13, 0.028, icing)
    for i in range(6):
        at.rectangle(-0.13 + 0.045 * i, top - 0.12, 0.034, 0.03 + 0.02 * (i % 2), icing)
    for i in range(at.rng.randint(3, 7)):
        u = -0.09 + 0.03 * i
        at.line([(u, top - 0.12), (u, top - 0.19)], 0.011, at.rng.choice(BRIGHT))
        at.ellipse(u, top - 0.21, 0.010, 0.022, (255, 224, 120), shine=1.0)
    at.lamp(0, top - 0.2, 0.28, (255, 190, 90), 0.12 + 0.75 * at.light.dark)


def wedding_cake(at: Spot) -> None:
    """A white cake of three tiers with flowers, on a table."""
    top = _table(at, at.rng.choice((WHITE, *PASTEL)), 0.2)
    flower = at.rng.choice(((230, 120, 150), (240, 190, 200), (250, 220, 130), (200, 60, 80)))
    for half, tall in ((0.13, 0.1), (0.09, 0.1), (0.055, 0.09)):
        at.rectangle(-half, top - tall, 2 * half, tall, (250, 246, 240))
        at.rectangle(0.5 * half, top - tall, 0.5 * half, tall, (224, 216, 212))
        for i in range(4):
            at.disc(half * (-0.9 + 0.6 * i), top, 0.014, flower)
        top -= tall
    at.disc(0, top - 0.012, 0.022, flower)


def balloons(at: Spot) -> None:
    """A bunch of balloons on strings."""
    colours = at.rng.sample(BRIGHT, 4)
    for _ in range(at.rng.randint(4, 8)):
        u, v = at.rng.uniform(-0.16, 0.16), -at.rng.uniform(0.5, 0.78)
        colour = at.rng.choice(colours)
        at.line([(0, -0.1), (u, v)], 0.003, (200, 200, 200))
        at.ellipse(u, v, 0.058, 0.072, colour)
        at.ellipse(u - 0.018, v - 0.025, 0.014, 0.022, mix(colour, (255, 255, 255), 0.65))


def presents(at: Spot) -> None:
    """A few wrapped boxes with ribbons."""
    for _ in range(at.rng.randint(2, 4)):
        w, h, u = at.rng.uniform(0.1, 0.18), at.rng.uniform(0.08, 0.16), at.rng.uniform(-0.18, 0.18)
        paper, ribbon = at.rng.sample(BRIGHT, 2)
        at.rectangle(u - w / 2, -h, w, h, paper)
        at.rectangle(u - 0.012, -h, 0.024, h, ribbon)
        at.rectangle(u - w / 2, -0.6 * h, w, 0.02, ribbon)
        at.ellipse(u - 0.025, -h - 0.012, 0.026, 0.014, ribbon, angle=0.5)
        at.ellipse(u + 0.025, -h - 0.012, 0.026, 0.014, ribbon, angle=-0.5)


def table_of_food(at: Spot) -> None:
    """A laid table with plates, glasses and bowls."""
    top = _table(at, at.rng.choice((WHITE, WHITE, *BRIGHT, *PASTEL)), at.rng.uniform(0.3, 0.42))
    for i in range(4):
        u = -0.24 + 0.16 * i
        at.ellipse(u, top, 0.055, 0.014, (228, 230, 234))
        at.ellipse(u, top - 0.012, 0.035, 0.02, at.rng.choice(BRIGHT))
        at.rectangle(u + 0.06, top - 0.07, 0.022, 0.06, (200, 220, 226))


def decorated_tree(at: Spot) -> None:
    """A fir with baubles, lights and a star."""
    tall, needles = at.rng.uniform(0.6, 0.75), at.rng.choice(((36, 96, 56), (30, 80, 60), (60, 110, 70)))
    at.rectangle(-0.03, -0.08, 0.06, 0.08, (96, 66, 44))
    for i in range(4):
        half, base = 0.25 - 0.05 * i, -0.06 - tall * 0.22 * i
        at.polygon([(-half, base), (half, base), (0, base - 0.36 * tall)], mix(needles, (255, 255, 255), 0.04 * i))
    colours = at.rng.sample(BRIGHT, 3)
    for _ in range(22):
        up = at.rng.uniform(0.04, 0.82)
        u, v = at.rng.uniform(-0.23, 0.23) * (1 - up), -0.06 - up * tall
        if at.rng.random() < 0.5:
            at.disc(u, v, 0.015, at.rng.choice(colours))
        else:
            at.disc(u, v, 0.008, (255, 236, 160), shine=1.0)
    rays = [((0.05, 0.02)[i % 2], i * math.pi / 5) for i in range(10)]
    star = [(ray * math.sin(a), -1.02 * tall - 0.03 - ray * math.cos(a)) for ray, a in rays]
    at.polygon(star, (252, 214, 70), shine=0.9)
    at.lamp(0, -0.4 * tall, 0.3, (255, 214, 140), 0.08 + 0.35 * at.light.dark)


def fireplace(at: Spot) -> None:
    """A fireplace with stockings on its mantel."""
    stone = at.rng.choice(((150, 80, 64), (200, 190, 176), (120, 112, 110)))
    at.rectangle(-0.26, -0.46, 0.52, 0.46, stone)
    at.rectangle(-0.17, -0.28, 0.34, 0.28, (30, 22, 20))
    for colour, size in (((226, 84, 24), 1.0), ((252, 190, 60), 0.6)):
        for dx in (-0.08, 0.0, 0.08):
            tall = at.rng.uniform(0.12, 0.2) * size
            at.polygon([(dx - 0.04, -0.02), (dx + 0.04, -0.02), (dx, -0.02 - tall)], colour, shine=1.0)
    at.rectangle(-0.3, -0.5, 0.6, 0.05, (110, 74, 46))
    for dx in (-0.2, -0.07, 0.07, 0.2):
        colour = at.rng.choice(((206, 36, 40), (40, 120, 70), (240, 240, 240)))
        at.rectangle(dx - 0.02, -0.45, 0.045, 0.11, colour)
        at.rectangle(dx - 0.02, -0.37, 0.075, 0.04, colour)
    at.lamp(0, -0.1, 0.4, (255, 150, 60), 0.15 + 0.6 * at.light.dark)


def wreath(at: Spot) -> None:
    """A green ring with a red bow, high at the back."""
    for i in range(14):
        a = i * math.tau / 14
        at.disc(0.09 * math.cos(a), 0.09 * math.sin(a), 0.034, mix(GREEN, (20, 60, 30), 0.4 * (i % 2)))
        if i % 3 == 0:
            at.disc(0.09 * math.cos(a), 0.09 * math.sin(a), 0.012, (206, 30, 40))
    at.polygon([(0, 0.09), (-0.06, 0.06), (-0.05, 0.13)], (206, 30, 40))
    at.polygon([(0, 0.09), (0.06, 0.06), (0.05, 0.13)], (206, 30, 40))


def flower_arch(at: Spot) -> None:
    """An arch of leaves and flowers."""
    half, tall = 0.35, 0.68
    flowers = at.rng.sample(FLOWERS, 2)
    points = [(-half, -tall * 0.6 * i / 6) for i in range(6)]
    bow = [i * math.pi / 11 for i in range(12)]
    points += [(-half * math.cos(a), -tall * (0.6 + 0.4 * math.sin(a))) for a in bow]
    points += [(half, -tall * 0.6 * (6 - i) / 6) for i in range(1, 7)]
    at.line(points, 0.03, (226, 220, 206))
    for u, v in points:
        for _ in range(3):
            leaf = mix(GREEN, (150, 190, 130), at.rng.random())
            x, y, r = u + at.rng.uniform(-0.04, 0.04), v + at.rng.uniform(-0.04, 0.04), at.rng.uniform(0.02, 0.034)
            at.disc(x, y, r, at.rng.choice((*flowers, leaf)))


def rows_of_chairs(at: Spot) -> None:
    """White chairs on both sides of an aisle."""
    colour = at.rng.choice((WHITE, WHITE, (214, 180, 110), (150, 110, 76)))
    shade = mix(colour, (60, 60, 60), 0.3)
    for row in range(3):
        size = 0.5 + 0.25 * row
        for i in (-3, -2, -1, 1, 2, 3):
            seat = at.moved((i * 0.13 + (0.08 if i > 0 else -0.08)) * size, (row - 2) * 0.085, size)
            seat.rectangle(-0.035, -0.17, 0.07, 0.10, colour)
            seat.rectangle(-0.04, -0.08, 0.08, 0.02, shade)
            for dx in (-0.03, 0.03):
                seat.line([(dx, 0), (dx, -0.08)], 0.01, shade)


def marquee(at: Spot) -> None:
    """A large white tent at the back."""
    half, tall = at.rng.uniform(0.38, 0.52), at.rng.uniform(0.25, 0.35)
    cloth, lit = at.rng.choice((WHITE, (250, 240, 220), (236, 226, 236))), at.light.dark > 0.4
    at.rectangle(-half, -tall, 2 * half, tall, mix(cloth, (120, 110, 120), 0.2))
    for i in range(4):
        u = -half + half * 0.5 * i
        roof = [(u, -tall), (u + 0.5 * half, -tall), (u + 0.25 * half, -tall - 0.21)]
        at.polygon(roof, mix(cloth, (130, 120, 130), 0.12 * (i % 2)))
        at.line([(u, 0), (u, -tall)], 0.009, (200, 196, 196))
    inside = (255, 226, 160) if lit else (150, 140, 136)
    at.rectangle(-0.35 * half, -0.75 * tall, 0.7 * half, 0.75 * tall, inside, 0.8 * lit)
    if lit:
        at.lamp(0, -0.5 * tall, 0.38, (255, 210, 140), 0.4)


def bouquet(at: Spot) -> None:
    """Flowers in a tall vase."""
    at.polygon([(-0.04, 0), (0.04, 0), (0.055, -0.2), (-0.055, -0.2)], (216, 222, 226))
    flowers = at.rng.sample(FLOWERS, 2)
    for _ in range(12):
        u, v = at.rng.uniform(-0.11, 0.11), -at.rng.uniform(0.2, 0.38)
        at.disc(u, v, 0.03, at.rng.choice((*flowers, *flowers, (90, 140, 80))))


def _rope(at: Spot) -> list[tuple[float, float]]:
    """A hanging rope across the picture, as 25 points."""
    left, right, sag = at.rng.uniform(0.02, 0.2), at.rng.uniform(0.02, 0.2), at.rng.uniform(0.06, 0.18)
    swings, shares = at.rng.choice((1, 2)), [t / 24 for t in range(25)]
    heights = [left + (right - left) * share + sag * abs(math.sin(math.pi * swings * share)) for share in shares]
    return [(-0.2 + (at.width + 0.4) * share, height) for share, height in zip(shares, heights, strict=True)]


def string_lights(at: Spot) -> None:
    """Rows of small lamps overhead."""
    coloured = at.rng.random() < 0.35
    for _ in range(at.rng.randint(1, 3)):
        rope = _rope(at)
        at.line(rope, 0.004, (50, 46, 46))
        for u, v in rope:
            at.disc(u, v + 0.014, 0.013, at.rng.choice(BRIGHT) if coloured else (255, 234, 170), shine=1.0)
    at.lamp(at.width / 2, 0.2, 0.8, (255, 214, 140), 0.1 + 0.45 * at.light.dark)


def bunting(at: Spot) -> None:
    """Small triangular flags on a string."""
    colours = at.rng.sample(BRIGHT, 4)
    for _ in range(at.rng.randint(1, 2)):
        rope = _rope(at)
        at.line(rope, 0.004, (240, 240, 236))
        for (u, v), (p, q) in pairwise(rope):
            at.polygon([(u, v), (p, q), ((u + p) / 2, (v + q) / 2 + 0.075)], at.rng.choice(colours))


def paper_lanterns(at: Spot) -> None:
    """Round paper lanterns overhead."""
    colours = at.rng.sample((*BRIGHT, *PASTEL), 3)
    for _ in range(at.rng.randint(4, 8)):
        u, v, r = at.rng.uniform(0, at.width), at.rng.uniform(0.05, 0.26), at.rng.uniform(0.03, 0.055)
        at.line([(u, -0.4), (u, v)], 0.003, (120, 120, 120))
        at.ellipse(u, v, r, 0.88 * r, at.rng.choice(colours), shine=0.5)
    at.lamp(at.width / 2, 0.2, 0.6, (255, 214, 150), 0.3 * at.light.dark)


def confetti(at: Spot) -> None:
    """Bits of coloured paper in the air."""
    for _ in range(at.rng.randint(50, 110)):
        u, v, r = at.rng.uniform(0, at.width), at.rng.uniform(0, 1), at.rng.uniform(0.004, 0.011)
        at.rectangle(u, v, 1.6 * r, r, at.rng.choice(BRIGHT), shine=0.25)


def falling_snow(at: Spot) -> None:
    """Snowflakes in the air."""
    for _ in range(at.rng.randint(60, 150)):
        x, y = at.rng.uniform(0, at.width), at.rng.uniform(0, 1)
        at.disc(x, y, at.rng.uniform(0.002, 0.008), (246, 248, 255), shine=0.4)


def fireworks(at: Spot) -> None:
    """Bursts of light in the sky."""
    for _ in range(at.rng.randint(1, 3)):
        burst = at.moved(at.rng.uniform(0.1, at.width - 0.1), at.rng.uniform(0.06, 0.3))
        reach, colour = at.rng.uniform(0.07, 0.16), at.rng.choice(BRIGHT[:8])
        for i in range(16):
            a, r = i * math.tau / 16, reach * at.rng.uniform(0.7, 1)
            x, y = r * math.cos(a), r * math.sin(a)
            burst.line([(0.3 * x, 0.3 * y), (x, y)], 0.005, colour, 1.0)
        burst.lamp(0, 0, 0.25, colour, 0.4)
