"""A spot in a scene, where one thing is drawn in its own measure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from thawline.samples.scenes.canvas import Canvas, Colour, Point
from thawline.samples.scenes.light import Light


@dataclass(frozen=True)
class Spot:
    """Where a thing goes. Its shapes are drawn relative to (`x`, `y`) and `size` times as large.

    Heights above the ground are negative, as on the canvas. What fills the whole picture gets the spot (0, 0) of
    size 1, so that its measure is the scene's own.

    Attributes:
        canvas: What is drawn on.
        x: Of the thing's middle, scene units.
        y: Of the ground below it, scene units.
        size: Of one unit of the thing, scene units.
        rng: Source of the thing's looks.
        light: Of the scene; lamps and windows are lit when it is dark.
    """

    canvas: Canvas
    x: float
    y: float
    size: float
    rng: Random
    light: Light

    @property
    def width(self) -> float:
        """Of the scene, scene units."""
        return self.canvas.aspect

    def moved(self, dx: float = 0.0, dy: float = 0.0, scale: float = 1.0) -> "Spot":
        """A spot beside this one, `scale` times its size."""
        return replace(self, x=self.x + dx * self.size, y=self.y + dy * self.size, size=self.size * scale)

    def polygon(self, points: Sequence[Point], colour: Colour, shine: float = 0.0) -> None:
        """As the canvas does it."""
        self.canvas.polygon([(self.x + u * self.size, self.y + v * self.size) for u, v in points], colour, shine)

    def rectangle(self, x: float, y: float, width: float, height: float, colour: Colour, shine: float = 0.0) -> None:
        """As the canvas does it."""
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour, shine)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, shine: float = 0.0, angle: float = 0.0
    ) -> None:
        """As the canvas does it."""
        at, s = self, self.size
        self.canvas.ellipse(at.x + x * s, at.y + y * s, rx * s, ry * s, colour, shine, angle)

    def disc(self, x: float, y: float, radius: float, colour: Colour, shine: float = 0.0) -> None:
        """As the canvas does it."""
        self.canvas.disc(self.x + x * self.size, self.y + y * self.size, radius * self.size, colour, shine)

    def line(self, points: Sequence[Point], width: float, colour: Colour, shine: float = 0.0) -> None:
        """As the canvas does it."""
        placed = [(self.x + u * self.size, self.y + v * self.size) for u, v in points]
        self.canvas.line(placed, width * self.size, colour, shine)

    def lamp(self, x: float, y: float, reach: float, colour: Colour, strength: float) -> None:
        """As the canvas does it."""
        self.canvas.lamp(self.x + x * self.size, self.y + y * self.size, reach * self.size, colour, strength)
