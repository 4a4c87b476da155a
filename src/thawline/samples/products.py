"""Products: what a catalogue would show, by kind, colour, finish and background, and what one would write under it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

from thawline.samples.scenes.canvas import Canvas, Colour, Pixels, View, mix
from thawline.samples.scenes.light import LIGHTS, vary
from thawline.samples.scenes.places import PLACES
from thawline.samples.scenes.spot import Spot

COLOURS: Mapping[str, Colour] = {
    "red": (214, 40, 48),
    "orange": (240, 132, 36),
    "yellow": (248, 210, 56),
    "green": (56, 160, 76),
    "blue": (36, 104, 206),
    "purple": (126, 70, 182),
    "pink": (240, 130, 176),
    "white": (244, 244, 240),
}
FINISHES = ("plain", "striped", "spotted")
# Where it stands -> what one writes.
BACKGROUNDS: Mapping[str, str] = {
    "shore": "by the sea",
    "park": "in a park",
    "snowfield": "in the snow",
    "living room": "in a living room",
}
_WOOD: Colour = (120, 84, 54)
_DARK: Colour = (44, 44, 50)
_TEMPLATES = (
    "a {finish} {colour} {kind} {place}",
    "a {colour} {kind}, {finish}, {place}",
    "a photo of a {colour} {finish} {kind} {place}",
    "a {kind} in {colour} with a {finish} finish {place}",
)


@dataclass(frozen=True)
class Product:
    """What a picture shows. `background` "" in a text leaves it open."""

    kind: str
    colour: str
    finish: str
    background: str


def describe(product: Product, rng: Random) -> str:
    """One text of at least five words that is true of pictures of the product."""
    text = rng.choice(_TEMPLATES).format(
        kind=product.kind,
        colour=product.colour,
        finish=product.finish,
        place=BACKGROUNDS[product.background] if product.background else "for sale",
    )
    return text.replace("a orange", "an orange")


def change_one(product: Product, rng: Random) -> Product:
    """A product that differs in one attribute that the text of this one names."""
    attribute = rng.choice(("kind", "colour", "colour", "finish", *(("background",) if product.background else ())))
    values: Mapping[str, tuple[str, ...]] = {
        "kind": tuple(KINDS),
        "colour": tuple(COLOURS),
        "finish": FINISHES,
        "background": tuple(BACKGROUNDS),
    }
    others = [value for value in values[attribute] if value != getattr(product, attribute)]
    return replace(product, **{attribute: rng.choice(others)})


def draw_product(product: Product, seed: str, side: int) -> Pixels:
    """A picture of a product, float32 [side, side, 3]; another seed gives another shot of it."""
    rng = Random(f"product {seed}")
    indoors = product.background == "living room"
    light = vary(LIGHTS[rng.choice(("daylight", "lamplight") if indoors else ("noon", "noon", "overcast"))], rng)
    canvas = Canvas(
        side, side, View(rng.uniform(1.0, 1.12), rng.gauss(0, 0.03), rng.gauss(0, 0.02), rng.gauss(0, 0.02))
    )
    ground = PLACES[product.background](canvas, Random(rng.random()), light)
    kind = KINDS[product.kind]
    # As large as a catalogue would show it.
    size = min(0.68 / kind.height, 0.4 / kind.half) * rng.uniform(0.9, 1.1)
    y = max(ground.far + 0.05, rng.uniform(0.82, 0.9))
    spot = Spot(canvas, rng.uniform(0.44, 0.56), y, size, rng, light)
    spot.ellipse(0, 0, 1.1 * kind.half, 0.02, (70, 66, 62))  # a shadow, so that it stands
    kind.draw(Cover(spot, COLOURS[product.colour], product.finish))
    return canvas.finish(light.ambient)


@dataclass(frozen=True)
class Cover:
    """What a product is covered with, and where it stands."""

    at: Spot
    colour: Colour
    finish: str

    @property
    def second(self) -> Colour:
        """The colour of stripes and spots."""
        return (70, 74, 84) if min(self.colour) > 200 else (250, 250, 248)

    def body(
        self, top: float, bottom: float, half: Callable[[float], float], *, lean: float = 0.0, x: float = 0.0
    ) -> None:
        """A shape by its half width at each height.

        Args:
            top: Height of its top, negative above the ground.
            bottom: Height of its bottom.
            half: From the height (0 top, 1 bottom) to the half width.
            lean: How far the top is to the right of the bottom.
            x: Its middle at the bottom.
        """
        slices, fine = 8, 3
        edges = [i / (slices * fine) for i in range(slices * fine + 1)]

        def corner(t: float, side: int) -> tuple[float, float]:
            return x + lean * (1 - t) + side * half(t), top + (bottom - top) * t

        for i in range(slices):
            own = edges[i * fine : (i + 1) * fine + 1]
            colour = self.second if self.finish == "striped" and i % 2 else self.colour
            self.at.polygon([*(corner(t, -1) for t in own), *(corner(t, 1) for t in reversed(own))], colour)
        if self.finish == "spotted":
            radius = min(0.14 * max(half(t) for t in edges), 0.09 * (bottom - top))
            for row, t in enumerate((0.2, 0.4, 0.6, 0.8)):
                for place in (-0.5, 0.1, 0.7) if row % 2 else (-0.75, -0.15, 0.45):
                    if half(t) > 2 * radius:
                        u, v = corner(t, 0)
                        self.at.disc(u + place * (half(t) - radius), v, radius, self.second)


def _round(width: float) -> Callable[[float], float]:
    return lambda t: width * math.sqrt(max(0.0, 1 - (2 * t - 1) ** 2))


def _parasol(c: Cover) -> None:
    c.at.line([(0, 0), (0, -0.5)], 0.016, (226, 222, 212))
    c.body(-0.56, -0.33, lambda t: 0.29 * math.sqrt(1 - (1 - t) ** 2))


def _surfboard(c: Cover) -> None:
    c.body(-0.66, 0, lambda t: 0.085 * math.sin(math.pi * t) ** 0.6, lean=c.at.rng.uniform(-0.08, 0.08))


def _tent(c: Cover) -> None:
    c.body(-0.42, 0, lambda t: 0.36 * t)
    c.at.polygon([(-0.07, 0), (0, -0.24), (0.07, 0)], _DARK)


def _deck_chair(c: Cover) -> None:
    side = c.at.rng.choice((-1, 1))
    c.at.line([(side * 0.16, 0), (-side * 0.1, -0.36)], 0.02, _WOOD)
    c.at.line([(-side * 0.16, 0), (side * 0.06, -0.16)], 0.02, _WOOD)
    c.body(-0.37, -0.08, lambda _: 0.12, lean=-side * 0.14, x=side * 0.04)


def _beach_ball(c: Cover) -> None:
    c.body(-0.3, 0, _round(0.15))


def _present(c: Cover) -> None:
    c.body(-0.28, 0, lambda _: 0.17)
    ribbon = mix(c.colour, _DARK, 0.55)
    c.at.rectangle(-0.018, -0.28, 0.036, 0.28, ribbon)
    c.at.ellipse(-0.05, -0.3, 0.05, 0.024, ribbon, angle=0.5)
    c.at.ellipse(0.05, -0.3, 0.05, 0.024, ribbon, angle=-0.5)


def _lantern(c: Cover) -> None:
    c.at.line([(-0.07, -0.34), (0, -0.44), (0.07, -0.34)], 0.014, _DARK)
    c.body(-0.34, -0.04, lambda t: 0.09 + 0.02 * t)
    c.at.rectangle(-0.1, -0.36, 0.2, 0.03, _DARK)
    c.at.rectangle(-0.12, -0.04, 0.24, 0.04, _DARK)
    c.at.ellipse(0, -0.18, 0.032, 0.06, (255, 226, 140), shine=1.0)


def _guitar(c: Cover) -> None:
    c.at.line([(0, -0.3), (0, -0.62)], 0.03, _WOOD)
    c.at.rectangle(-0.028, -0.68, 0.056, 0.07, _DARK)
    c.body(-0.36, 0, lambda t: (0.10 + 0.05 * t) * math.sqrt(max(0.0, 1 - (2 * t - 1) ** 4)) * (1 - 0.3 * _waist(t)))
    c.at.disc(0, -0.2, 0.034, _DARK)


def _waist(t: float) -> float:
    return math.exp(-(((t - 0.42) / 0.12) ** 2))


def _balloon(c: Cover) -> None:
    c.at.line([(0, 0), (0.02, -0.2), (0, -0.34)], 0.006, (220, 220, 220))
    c.body(-0.68, -0.33, lambda t: 0.15 * math.sin(math.pi * min(1.0, 0.04 + t)) ** 0.5)


def _mug(c: Cover) -> None:
    c.at.disc(0.13, -0.15, 0.085, mix(c.colour, _DARK, 0.15))
    c.at.disc(0.13, -0.15, 0.05, mix(c.colour, _DARK, 0.6))
    c.body(-0.28, 0, lambda t: 0.13 - 0.01 * t)
    c.at.ellipse(0, -0.28, 0.13, 0.025, (70, 46, 34))


@dataclass(frozen=True)
class Kind:
    """A kind of product: how it is drawn, its height and its half width in its own measure."""

    draw: Callable[[Cover], None]
    height: float
    half: float


# The names are the words of the texts.
KINDS: Mapping[str, Kind] = {
    "parasol": Kind(_parasol, 0.56, 0.29),
    "surfboard": Kind(_surfboard, 0.66, 0.09),
    "tent": Kind(_tent, 0.42, 0.36),
    "deck chair": Kind(_deck_chair, 0.37, 0.26),
    "beach ball": Kind(_beach_ball, 0.3, 0.15),
    "present": Kind(_present, 0.32, 0.17),
    "lantern": Kind(_lantern, 0.44, 0.12),
    "guitar": Kind(_guitar, 0.68, 0.15),
    "balloon": Kind(_balloon, 0.68, 0.15),
    "mug": Kind(_mug, 0.3, 0.2),
}
