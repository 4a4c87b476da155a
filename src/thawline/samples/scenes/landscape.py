"""What places are made of: sky, hills, trees, grass."""

import math
from dataclasses import dataclass
from random import Random

from thawline.samples.scenes.canvas import Canvas, Colour, Point, mix
from thawline.samples.scenes.light import Light


@dataclass(frozen=True)
class Ground:
    """Heights (scene units) at which the ground begins, far away, and ends, near the camera."""

    far: float
    near: float = 0.97


def jitter(colour: Colour, rng: Random, amount: int = 18) -> Colour:
    """A colour near `colour`."""
    red, green, blue = (min(255, max(0, channel + rng.randint(-amount, amount))) for channel in colour)
    return (red, green, blue)


def speckle(c: Canvas, rng: Random, top: float, colours: list[Colour], count: int, length: float) -> None:
    """Short strokes on the ground, smaller far away: grass, pebbles, ripples in sand."""
    for _ in range(count):
        depth = rng.random() ** 0.7
        x, y = rng.uniform(-0.3, c.aspect + 0.3), top + (1.25 - top) * depth
        reach = length * (0.25 + depth)
        c.line(
            [(x, y), (x + reach * rng.uniform(0.3, 1), y + reach * rng.uniform(-0.35, 0.1))], 0.004, rng.choice(colours)
        )


def sky(c: Canvas, rng: Random, light: Light, horizon: float) -> None:
    """The sky above the horizon: clouds and sun, or stars and perhaps a moon."""
    c.band(-0.6, horizon, light.sky, shine=1.0)
    if light.dark > 0.8:
        for _ in range(rng.randint(15, 70)):
            x, y = rng.uniform(-0.1, c.aspect + 0.1), rng.uniform(-0.1, horizon)
            c.disc(x, y, rng.uniform(0.001, 0.003), (235, 236, 250), shine=0.95)
        if rng.random() < 0.45:
            x, y, r = rng.uniform(0.1, c.aspect - 0.1), rng.uniform(0.06, 0.22), rng.uniform(0.025, 0.05)
            c.disc(x, y, r, (246, 242, 220), shine=1.0)
            if rng.random() < 0.6:
                c.disc(x + 0.4 * r, y - 0.2 * r, 0.85 * r, mix(*light.sky, 0.2), shine=1.0)
        return
    if light.dark > 0.3 or (light.dark == 0 and rng.random() < 0.35):
        y = horizon - rng.uniform(0.03, 0.12) if light.dark > 0.3 else rng.uniform(0.05, 0.2)
        c.disc(rng.uniform(0.1, c.aspect - 0.1), y, rng.uniform(0.03, 0.05), (255, 240, 190), shine=1.0)
    for _ in range(rng.randint(0, 5)):
        x, y, size = rng.uniform(0, c.aspect), rng.uniform(0.02, horizon * 0.7), rng.uniform(0.03, 0.08)
        colour = mix((255, 255, 255), light.sky[1], 0.25 + 0.3 * light.dark)
        for _ in range(rng.randint(3, 6)):
            c.ellipse(
                x + rng.uniform(-2, 2) * size, y + rng.uniform(-0.3, 0.3) * size, 1.3 * size, 0.55 * size, colour, 1.0
            )


def ridge(c: Canvas, rng: Random, y: float, height: float, colour: Colour, roughness: float = 1.0) -> None:
    """A line of hills or mountains standing on `y`."""
    phases = [(rng.uniform(1, 3), rng.uniform(0, 6.3), 0.6), (rng.uniform(4, 9), rng.uniform(0, 6.3), 0.3 * roughness)]
    points: list[Point] = [(-0.6, y + 0.02)]
    for i in range(29):
        x = -0.6 + i * (c.aspect + 1.2) / 28
        level = sum(share * (0.5 + 0.5 * math.sin(rate * x * 2 + phase)) for rate, phase, share in phases)
        points.append((x, y - height * (level + 0.12 * roughness * rng.random())))
    c.polygon([*points, (c.aspect + 0.6, y + 0.02)], colour)


def trees(c: Canvas, rng: Random, y: float, height: float, count: int, leaves: Colour, *, firs: bool) -> None:
    """A row of trees at the far end of the ground."""
    for _ in range(count):
        x, h = rng.uniform(-0.1, c.aspect + 0.1), height * rng.uniform(0.6, 1.1)
        colour = jitter(leaves, rng, 14)
        c.rectangle(x - 0.02 * h, y - 0.35 * h, 0.05 * h, 0.37 * h, (84, 62, 44))
        if firs:
            for i in range(3):
                wide, base = (0.30 - 0.07 * i) * h, y - (0.12 + 0.26 * i) * h
                c.polygon([(x - wide, base), (x + wide, base), (x, base - 0.42 * h)], colour)
        else:
            for _ in range(4):
                c.disc(
                    x + rng.uniform(-0.2, 0.2) * h, y - rng.uniform(0.5, 0.85) * h, rng.uniform(0.16, 0.25) * h, colour
                )


def lawn(c: Canvas, rng: Random, top: float, grass: Colour) -> None:
    """Grass from a height down."""
    c.band(top, 1.6, (mix(grass, (180, 200, 120), 0.15), mix(grass, (30, 60, 30), 0.25)))
    speckle(c, rng, top, [mix(grass, (30, 70, 20), 0.35), mix(grass, (220, 230, 140), 0.3)], 110, 0.04)
