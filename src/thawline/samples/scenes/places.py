"""Where a scene is set: the ground, the walls and the sky behind everything else.

Each function paints one kind of place and returns the heights between which things and people stand.
"""

import math
from collections.abc import Callable
from random import Random

from thawline.samples.scenes.canvas import Canvas, Colour, mix
from thawline.samples.scenes.landscape import Ground, jitter, lawn, ridge, sky, speckle, trees
from thawline.samples.scenes.light import Light

Place = Callable[[Canvas, Random, Light], Ground]


def shore(c: Canvas, rng: Random, light: Light) -> Ground:
    """Sea, sand and sky."""
    horizon = rng.uniform(0.26, 0.46)
    sand_top = horizon + rng.uniform(0.10, 0.22)
    sky(c, rng, light, horizon)
    if rng.random() < 0.35:
        ridge(c, rng, horizon + 0.005, rng.uniform(0.03, 0.1), jitter((96, 116, 110), rng))
    sea = jitter(rng.choice(((26, 110, 150), (40, 150, 170), (60, 120, 160), (70, 110, 120))), rng)
    c.band(horizon, sand_top + 0.05, (mix(sea, light.sky[1], 0.35), sea), shine=0.35)
    for _ in range(rng.randint(6, 16)):
        x, y = rng.uniform(0, c.aspect), rng.uniform(horizon + 0.01, sand_top)
        c.line([(x, y), (x + rng.uniform(0.03, 0.12), y)], 0.003, mix(sea, (255, 255, 255), 0.5), shine=0.3)
    sand = jitter(rng.choice(((236, 212, 160), (222, 196, 150), (204, 180, 140), (240, 226, 190))), rng, 12)
    phase, slope = rng.uniform(0, 6), rng.uniform(-0.05, 0.05)
    edge = [(x / 10, sand_top + 0.012 * math.sin(x * 0.9 + phase) + slope * (x / 10 - 0.6)) for x in range(-6, 26)]
    c.polygon([*[(x, y - 0.014) for x, y in edge], (2.6, 1.6), (-0.6, 1.6)], (246, 248, 248))
    c.polygon([*edge, (2.6, 1.6), (-0.6, 1.6)], mix(sand, (110, 90, 70), 0.22))
    c.polygon([*[(x, y + 0.03) for x, y in edge], (2.6, 1.6), (-0.6, 1.6)], sand)
    speckle(c, rng, sand_top + 0.05, [mix(sand, (120, 90, 60), 0.3), mix(sand, (255, 255, 255), 0.3)], 60, 0.05)
    return Ground(sand_top + 0.06)


def lakeside(c: Canvas, rng: Random, light: Light) -> Ground:
    """A lake before hills, seen from a grassy or stony bank."""
    horizon = rng.uniform(0.34, 0.46)
    bank = horizon + rng.uniform(0.08, 0.16)
    sky(c, rng, light, horizon)
    ridge(c, rng, horizon, rng.uniform(0.12, 0.26), jitter((96, 110, 120), rng), 1.5)
    ridge(c, rng, horizon + 0.005, rng.uniform(0.04, 0.1), jitter((60, 92, 66), rng))
    water = jitter((70, 110, 130), rng)
    c.band(horizon, bank + 0.03, (mix(water, light.sky[1], 0.5), water), shine=0.35)
    for _ in range(10):
        x, y = rng.uniform(0, c.aspect), rng.uniform(horizon, bank)
        c.line([(x, y), (x + 0.1, y)], 0.003, mix(water, (255, 255, 255), 0.4), shine=0.2)
    ground = jitter(rng.choice(((108, 132, 70), (150, 140, 116), (126, 120, 80))), rng)
    ridge(c, rng, bank + 0.04, 0.03, ground)
    c.band(bank + 0.02, 1.6, (ground, mix(ground, (30, 30, 20), 0.25)))
    speckle(c, rng, bank + 0.03, [mix(ground, (30, 50, 20), 0.4), mix(ground, (230, 230, 190), 0.25)], 90, 0.05)
    return Ground(bank + 0.07)


def garden(c: Canvas, rng: Random, light: Light) -> Ground:
    """A lawn behind a house: fence or hedge, trees, sometimes the house itself."""
    horizon = rng.uniform(0.42, 0.58)
    sky(c, rng, light, horizon)
    leaves = jitter((70, 120, 58), rng)
    trees(c, rng, horizon, rng.uniform(0.3, 0.5), rng.randint(1, 5), leaves, firs=False)
    if rng.random() < 0.5:
        _house(c, rng, light, horizon)
    if rng.random() < 0.5:
        fence = jitter(rng.choice(((240, 238, 230), (150, 110, 76), (110, 90, 74))), rng)
        for i in range(-8, 40):
            c.rectangle(i * 0.06, horizon - 0.13, 0.042, 0.15, jitter(fence, rng, 7))
    else:
        hedge = jitter((52, 96, 48), rng)
        c.band(horizon - rng.uniform(0.08, 0.16), horizon + 0.02, (mix(hedge, (120, 160, 80), 0.3), hedge))
    lawn(c, rng, horizon, jitter((104, 158, 72), rng))
    return Ground(horizon + 0.07)


def _house(c: Canvas, rng: Random, light: Light, horizon: float) -> None:
    x, wide, tall = rng.uniform(-0.2, c.aspect - 0.3), rng.uniform(0.5, 0.9), rng.uniform(0.25, 0.4)
    wall = jitter(rng.choice(((206, 180, 150), (190, 110, 90), (228, 224, 214))), rng)
    c.rectangle(x, horizon - tall, wide, tall, wall)
    roof = jitter((120, 66, 54), rng)
    c.polygon(
        [(x - 0.05, horizon - tall), (x + wide + 0.05, horizon - tall), (x + wide / 2, horizon - tall - 0.2)], roof
    )
    lit = light.dark > 0.3
    for i in range(3):
        glass: Colour = (255, 214, 130) if lit else (150, 178, 200)
        c.rectangle(x + wide * (0.1 + 0.3 * i), horizon - tall * 0.75, wide * 0.16, tall * 0.35, glass, 0.9 * lit)


def park(c: Canvas, rng: Random, light: Light) -> Ground:
    """Open grass with a path, trees far away."""
    horizon = rng.uniform(0.36, 0.5)
    sky(c, rng, light, horizon)
    if rng.random() < 0.5:
        ridge(c, rng, horizon + 0.01, rng.uniform(0.05, 0.14), jitter((96, 130, 96), rng))
    leaves = rng.choice(((70, 124, 60), (96, 140, 60), (180, 120, 50)))
    trees(c, rng, horizon + 0.02, rng.uniform(0.2, 0.42), rng.randint(3, 9), leaves, firs=rng.random() < 0.2)
    lawn(c, rng, horizon, jitter((112, 160, 80), rng))
    if rng.random() < 0.5:
        x, bend = rng.uniform(0.2, c.aspect - 0.2), rng.uniform(-0.5, 0.5)
        far, near = 0.02, rng.uniform(0.1, 0.25)
        c.polygon([(x - far, horizon), (x + far, horizon), (x + bend + near, 1.6), (x + bend - near, 1.6)],
                  jitter((206, 190, 160), rng))  # fmt: skip
    return Ground(horizon + 0.08)


def forest(c: Canvas, rng: Random, light: Light) -> Ground:
    """A clearing among firs or broad-leaved trees."""
    horizon = rng.uniform(0.46, 0.6)
    sky(c, rng, light, horizon)
    if rng.random() < 0.4:
        ridge(c, rng, horizon, rng.uniform(0.15, 0.3), jitter((80, 96, 110), rng), 1.6)
    firs = rng.random() < 0.65
    leaves = jitter((44, 84, 56) if firs else (76, 110, 50), rng)
    trees(c, rng, horizon, rng.uniform(0.35, 0.5), rng.randint(7, 12), mix(leaves, (20, 30, 40), 0.35), firs=firs)
    soil = jitter(rng.choice(((110, 96, 66), (96, 110, 64), (130, 104, 76))), rng)
    c.band(horizon, 1.6, (mix(soil, (30, 40, 20), 0.25), soil))
    trees(c, rng, horizon + 0.03, rng.uniform(0.5, 0.75), rng.randint(3, 6), leaves, firs=firs)
    speckle(c, rng, horizon, [mix(soil, (50, 80, 30), 0.5), mix(soil, (20, 16, 10), 0.4)], 90, 0.045)
    return Ground(horizon + 0.08)


def snowfield(c: Canvas, rng: Random, light: Light) -> Ground:
    """Snow with mountains or firs, sometimes a cabin."""
    horizon = rng.uniform(0.42, 0.56)
    sky(c, rng, light, horizon)
    if rng.random() < 0.7:
        ridge(c, rng, horizon + 0.01, rng.uniform(0.18, 0.36), jitter((150, 164, 186), rng), 1.8)
        ridge(c, rng, horizon + 0.01, rng.uniform(0.08, 0.16), jitter((214, 222, 234), rng, 10), 1.4)
    trees(c, rng, horizon + 0.02, rng.uniform(0.2, 0.4), rng.randint(2, 9), jitter((64, 100, 84), rng), firs=True)
    if rng.random() < 0.35:
        _house(c, rng, light, horizon + 0.04)
    snow = jitter((236, 240, 248), rng, 8)
    c.band(horizon, 1.6, (snow, mix(snow, (170, 190, 220), 0.4)))
    ridge(c, rng, horizon + 0.06, 0.08, mix(snow, (200, 214, 236), 0.3))
    speckle(c, rng, horizon + 0.05, [mix(snow, (150, 175, 215), 0.5), (252, 252, 255)], 50, 0.08)
    return Ground(horizon + 0.1)


def pitch(c: Canvas, rng: Random, light: Light) -> Ground:
    """A football pitch with mown stripes, lines and stands or a fence behind it."""
    horizon = rng.uniform(0.28, 0.42)
    sky(c, rng, light, horizon)
    if rng.random() < 0.65:
        _stands(c, rng, horizon)
    else:
        trees(c, rng, horizon + 0.01, rng.uniform(0.12, 0.25), 12, jitter((66, 110, 60), rng), firs=rng.random() < 0.3)
    grass = jitter(rng.choice(((76, 150, 66), (96, 156, 70), (60, 128, 70))), rng)
    y, step = horizon, 0.035
    while y < 1.5:
        c.rectangle(
            -0.6, y, c.aspect + 1.2, step + 0.01, mix(grass, (24, 66, 24), 0.22) if round(y * 999) % 2 else grass
        )
        y, step, grass = y + step, step * 1.3, mix(grass, (40, 110, 40), 0.04)
    chalk: Colour = (238, 242, 236)
    side = horizon + rng.uniform(0.03, 0.08)
    c.line([(-0.6, side), (c.aspect + 0.6, side)], 0.007, chalk)
    middle, lean = rng.uniform(-0.1, c.aspect + 0.1), rng.uniform(-0.7, 0.7)
    c.line([(middle, side), (middle + lean, 1.5)], 0.009, chalk)
    if rng.random() < 0.6:
        ring = [
            (middle + lean * 0.35 + 0.42 * math.cos(i / 4), side + 0.25 + 0.13 * math.sin(i / 4)) for i in range(26)
        ]
        c.line(ring, 0.008, chalk)
    return Ground(side + 0.06)


def _stands(c: Canvas, rng: Random, horizon: float) -> None:
    tall = rng.uniform(0.12, 0.24)
    c.band(horizon - tall, horizon + 0.005, ((70, 76, 88), (100, 104, 112)))
    team = [(214, 48, 54), (40, 80, 190), (246, 206, 60), (240, 240, 240)]
    rng.shuffle(team)
    crowd = [*team[:2], (60, 60, 70), (200, 160, 130)]
    rows = 4
    for row in range(rows):
        y = horizon - tall * (0.9 - 0.8 * row / rows)
        for i in range(int((c.aspect + 0.4) / 0.035)):
            c.disc(-0.2 + i * 0.035 + rng.uniform(0, 0.015), y, 0.011, rng.choice(crowd))
    c.rectangle(-0.6, horizon - 0.02, c.aspect + 1.2, 0.03, jitter(rng.choice(team), rng))


def _floor(c: Canvas, rng: Random, top: float) -> None:
    wood = jitter(rng.choice(((170, 124, 84), (130, 92, 66), (196, 168, 132), (120, 116, 116), (150, 60, 56))), rng)
    c.band(top, 1.6, (mix(wood, (20, 14, 10), 0.18), wood))
    for i in range(-8, 14):
        x = c.aspect / 2 + i * 0.16
        c.line([(x, top), (c.aspect / 2 + i * 0.42, 1.5)], 0.003, mix(wood, (30, 20, 10), 0.3))
    c.rectangle(-0.6, top - 0.012, c.aspect + 1.2, 0.018, mix(wood, (255, 255, 255), 0.45))


def living_room(c: Canvas, rng: Random, light: Light) -> Ground:
    """A room at home: wall, floor, window, picture, sofa."""
    top = rng.uniform(0.58, 0.70)
    wall = jitter(rng.choice(((226, 214, 192), (176, 196, 200), (214, 190, 180), (190, 200, 170), (150, 96, 90))), rng)
    c.band(-0.6, top, (mix(wall, (255, 255, 255), 0.15), wall))
    if rng.random() < 0.3:
        for i in range(-4, 22):
            c.rectangle(i * 0.1, -0.6, 0.045, top + 0.6, mix(wall, (255, 255, 255), 0.28))
    if rng.random() < 0.6:
        x, y, w, h = rng.uniform(0, c.aspect - 0.3), rng.uniform(0.08, 0.18), rng.uniform(0.24, 0.4), 0.34
        c.rectangle(x - 0.02, y - 0.02, w + 0.04, h + 0.04, (240, 238, 232))
        c.rectangle(x, y, w, h, mix(*light.sky, 0.5), shine=0.9)
        c.rectangle(x + w / 2 - 0.008, y, 0.016, h, (240, 238, 232))
        curtain = jitter(rng.choice(((150, 60, 60), (90, 110, 140), (220, 200, 160))), rng)
        c.rectangle(x - 0.08, y - 0.04, 0.09, h + 0.18, curtain)
        c.rectangle(x + w - 0.01, y - 0.04, 0.09, h + 0.18, curtain)
    else:
        for _ in range(rng.randint(1, 3)):
            x, y, s = rng.uniform(0.05, c.aspect - 0.25), rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.2)
            c.rectangle(x - 0.012, y - 0.012, 1.3 * s + 0.024, s + 0.024, (90, 66, 46))
            c.rectangle(x, y, 1.3 * s, s, jitter((140, 160, 170), rng, 60))
    _floor(c, rng, top)
    if rng.random() < 0.5:
        x, colour = (
            rng.uniform(-0.2, c.aspect - 0.4),
            jitter(rng.choice(((90, 100, 120), (150, 70, 60), (120, 130, 90))), rng),
        )
        c.rectangle(x, top - 0.2, 0.62, 0.2, mix(colour, (0, 0, 0), 0.12))
        c.rectangle(x - 0.04, top - 0.11, 0.7, 0.16, colour)
    if rng.random() < 0.4:
        c.ellipse(c.aspect * rng.uniform(0.3, 0.7), (top + 1) / 2 + 0.04, 0.5, 0.1, jitter((170, 80, 80), rng, 60))
    return Ground(top + 0.05)


def hall(c: Canvas, rng: Random, light: Light) -> Ground:
    """A function room: tall windows or drapes, chandeliers."""
    top = rng.uniform(0.54, 0.66)
    wall = jitter(rng.choice(((230, 220, 204), (200, 186, 168), (120, 100, 110), (96, 104, 126), (214, 206, 214))), rng)
    c.band(-0.6, top, (mix(wall, (60, 50, 50), 0.18), wall))
    drape, tall = (
        jitter(rng.choice(((160, 40, 60), (240, 232, 220), (110, 90, 140), (196, 160, 90))), rng),
        rng.random() < 0.5,
    )
    for i in range(int(c.aspect / 0.36) + 2):
        x = i * 0.36 + 0.02
        if tall:
            c.rectangle(x, 0.08, 0.16, top - 0.16, mix(*light.sky, 0.6), shine=0.85)
            c.ellipse(x + 0.08, 0.08, 0.08, 0.08, mix(*light.sky, 0.4), shine=0.85)
        else:
            c.polygon([(x, -0.6), (x + 0.2, -0.6), (x + 0.24, top), (x - 0.03, top)], jitter(drape, rng, 10))
    _floor(c, rng, top)
    for _ in range(rng.randint(1, 3)):
        x, y = rng.uniform(0.1, c.aspect - 0.1), rng.uniform(0.06, 0.14)
        c.line([(x, -0.5), (x, y)], 0.005, (90, 80, 60))
        for i in range(5):
            c.disc(x + (i - 2) * 0.035, y + 0.02 - 0.008 * abs(i - 2), 0.012, (255, 240, 200), shine=1.0)
        c.lamp(x, y, 0.35, (255, 226, 170), 0.25)
    return Ground(top + 0.06)


def churchyard(c: Canvas, rng: Random, light: Light) -> Ground:
    """Grass and a path before a church."""
    horizon = rng.uniform(0.5, 0.6)
    sky(c, rng, light, horizon)
    trees(c, rng, horizon, rng.uniform(0.25, 0.4), rng.randint(1, 5), jitter((70, 116, 62), rng), firs=False)
    stone = jitter(rng.choice(((206, 200, 188), (236, 232, 224), (170, 140, 116))), rng)
    x, tall = rng.uniform(0.15, c.aspect - 0.6), rng.uniform(0.24, 0.32)
    c.rectangle(x, horizon - tall, 0.62, tall + 0.02, stone)
    eaves, top = horizon - tall, horizon - tall - 0.13
    c.polygon([(x - 0.03, eaves), (x + 0.65, eaves), (x + 0.6, top), (x + 0.05, top)], jitter((96, 76, 72), rng))
    c.rectangle(x - 0.02, eaves - 0.16, 0.18, tall + 0.18, mix(stone, (60, 50, 40), 0.12))
    c.polygon([(x - 0.03, eaves - 0.16), (x + 0.17, eaves - 0.16), (x + 0.07, eaves - 0.40)], (96, 84, 84))
    for i in range(3):
        c.ellipse(
            x + 0.27 + 0.13 * i,
            horizon - tall * 0.55,
            0.025,
            0.06,
            (90, 110, 150) if light.dark < 0.4 else (255, 210, 120),
            0.6,
        )
    c.rectangle(x + 0.035, horizon - 0.13, 0.075, 0.15, (96, 62, 44))
    lawn(c, rng, horizon, jitter((110, 150, 80), rng))
    c.polygon([(x + 0.03, horizon), (x + 0.12, horizon), (x + 0.4, 1.6), (x - 0.25, 1.6)], jitter((200, 188, 168), rng))
    return Ground(horizon + 0.08)


PLACES: dict[str, Place] = {
    "shore": shore,
    "lakeside": lakeside,
    "garden": garden,
    "park": park,
    "forest": forest,
    "snowfield": snowfield,
    "pitch": pitch,
    "churchyard": churchyard,
    "living room": living_room,
    "hall": hall,
}
INDOOR_PLACES = frozenset({"living room", "hall"})
