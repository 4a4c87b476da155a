"""A small drawing surface: shapes in scene units, seen through a camera's view, then lit.

Scene units: y runs from 0 (top) to 1 (bottom), x from 0 to the aspect ratio (width / height). Whatever is drawn is
kept as colour without light; :meth:`Canvas.finish` applies the ambient light and the lamps, so that one drawing serves
noon, dusk and night.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
Pixels = npt.NDArray[np.float32]

_CIRCLE = [(math.cos(i * math.tau / 22), math.sin(i * math.tau / 22)) for i in range(22)]
_OUTSIDE = 0.6  # bands and floors reach this far beyond the frame, so that a panned or tilted view has no bare corner


@dataclass(frozen=True)
class View:
    """How the camera is held: zoom (1 shows the whole scene), shift in scene units, roll in radians."""

    zoom: float = 1.0
    dx: float = 0.0
    dy: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Lamp:
    """A light in the scene: where, how far it reaches (scene units), its colour (0..1 each) and strength."""

    x: float
    y: float
    reach: float
    colour: tuple[float, float, float]
    strength: float


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Colour `share` of the way from `a` to `b`."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


class Canvas:
    """Shapes in scene units on a picture of `width` x `height` px.

    Args:
        width: Of the finished picture, px.
        height: Of the finished picture, px.
        view: How the camera is held.
        oversampling: Shapes are drawn this much larger and averaged down, which smooths their edges.
    """

    def __init__(self, width: int, height: int, view: View | None = None, oversampling: int = 2) -> None:
        view = view or View()
        self.size = (width, height)
        self.aspect = width / height
        self.lamps: list[Lamp] = []
        self._scale = height * oversampling * view.zoom
        large = (width * oversampling, height * oversampling)
        self._colours = Image.new("RGB", large)
        # How far each pixel ignores the light of the scene: 255 for skies, flames and lamps, which shine by themselves.
        self._shining = Image.new("L", large)
        self._draw = ImageDraw.Draw(self._colours)
        self._draw_shining = ImageDraw.Draw(self._shining)
        cos, sin = math.cos(view.roll) * self._scale, math.sin(view.roll) * self._scale
        cx, cy = self.aspect / 2 + view.dx, 0.5 + view.dy
        self._affine = (cos, -sin, large[0] / 2 - cos * cx + sin * cy, sin, cos, large[1] / 2 - sin * cx - cos * cy)

    def _place(self, points: Sequence[Point]) -> list[Point]:
        a, b, c, d, e, f = self._affine
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]

    def polygon(self, points: Sequence[Point], colour: Colour, shine: float = 0.0) -> None:
        """Fill a polygon. `shine` is how far it ignores the light of the scene (0..1)."""
        placed = self._place(points)
        self._draw.polygon(placed, fill=colour)
        self._draw_shining.polygon(placed, fill=round(255 * shine))

    def rectangle(self, x: float, y: float, width: float, height: float, colour: Colour, shine: float = 0.0) -> None:
        """Fill a rectangle given by its upper left corner."""
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour, shine)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, shine: float = 0.0, angle: float = 0.0
    ) -> None:
        """Fill an ellipse given by its centre and half axes, turned by `angle` radians."""
        cos, sin = math.cos(angle), math.sin(angle)
        self.polygon(
            [(x + rx * u * cos - ry * v * sin, y + rx * u * sin + ry * v * cos) for u, v in _CIRCLE], colour, shine
        )

    def disc(self, x: float, y: float, radius: float, colour: Colour, shine: float = 0.0) -> None:
        """Fill a circle."""
        [(px, py)] = self._place([(x, y)])
        r = max(radius * self._scale, 0.5)
        box = (px - r, py - r, px + r, py + r)
        self._draw.ellipse(box, fill=colour)
        self._draw_shining.ellipse(box, fill=round(255 * shine))

    def line(self, points: Sequence[Point], width: float, colour: Colour, shine: float = 0.0) -> None:
        """Draw a line through the points, `width` scene units wide and at least one pixel."""
        placed = self._place(points)
        px = max(1, round(width * self._scale))
        self._draw.line(placed, fill=colour, width=px, joint="curve" if len(points) > 2 else None)
        self._draw_shining.line(placed, fill=round(255 * shine), width=px)

    def band(self, top: float, bottom: float, colours: tuple[Colour, Colour], shine: float = 0.0) -> None:
        """Fill the whole width between two heights with a gradient from the first colour to the second."""
        steps = max(1, min(32, round((bottom - top) * self.size[1] / 3)))
        for i in range(steps):
            y = top + (bottom - top) * i / steps
            colour = mix(colours[0], colours[1], (i + 0.5) / steps)
            # A little overlap keeps a tilted view free of hairlines between the steps.
            height = (bottom - top) / steps + 0.01
            self.rectangle(-_OUTSIDE, y, self.aspect + 2 * _OUTSIDE, height, colour, shine)

    def lamp(self, x: float, y: float, reach: float, colour: Colour, strength: float = 1.0) -> None:
        """Add a light that falls on what is drawn, before or after."""
        red, green, blue = colour
        self.lamps.append(Lamp(x, y, reach, (red / 255, green / 255, blue / 255), strength))

    def _falloff(self, lamp: Lamp) -> Pixels:
        """Light of one lamp on every fourth pixel, [height/4, width/4], 1 at the lamp itself."""
        width, height = self.size
        [(px, py)] = self._place([(lamp.x, lamp.y)])
        unit = self._colours.width / width
        reach = lamp.reach * self._scale / unit
        x = (np.arange(0, width, 4, dtype=np.float32) + 1.5 - px / unit) / reach
        y = (np.arange(0, height, 4, dtype=np.float32) + 1.5 - py / unit) / reach
        squared = x[None, :] ** 2 + y[:, None] ** 2
        return np.asarray(1 / (1 + squared) ** 2, np.float32)

    def _lamplight(self) -> Pixels:
        """Sum of all lamps, float32 [height, width, 3]."""
        width, height = self.size
        coarse = np.zeros((len(range(0, height, 4)), len(range(0, width, 4)), 3), np.float32)
        for lamp in self.lamps:
            coarse += self._falloff(lamp)[..., None] * (np.asarray(lamp.colour, np.float32) * lamp.strength)
        channels = [Image.fromarray(coarse[..., i]).resize(self.size, Image.Resampling.BILINEAR) for i in range(3)]
        return np.stack([np.asarray(channel) for channel in channels], axis=-1)

    def finish(self, ambient: tuple[float, float, float]) -> Pixels:
        """The lit picture, float32 [height, width, 3] in about 0..1 (highlights may exceed 1).

        Args:
            ambient: Light that falls everywhere, red, green and blue.
        """
        colours = np.asarray(self._colours.resize(self.size, Image.Resampling.BOX), np.float32) / 255
        shining = np.asarray(self._shining.resize(self.size, Image.Resampling.BOX), np.float32)[..., None] / 255
        light = np.asarray(ambient, np.float32)
        if not self.lamps:
            return np.asarray(colours * (shining + (1 - shining) * light), np.float32)
        lamplight = self._lamplight()
        # A lamp also veils what lies around it, which is what makes it read as bright.
        lit = colours * (shining + (1 - shining) * (light + lamplight)) + 0.10 * lamplight
        return np.asarray(lit, np.float32)
