"""The light of a scene: what falls on it and what the sky looks like."""

from dataclasses import dataclass
from random import Random

from thawline.samples.scenes.canvas import Colour


@dataclass(frozen=True)
class Light:
    """Ambient light (red, green, blue factors), the sky's upper and lower colour, how dark it is (0..1)."""

    ambient: tuple[float, float, float]
    sky: tuple[Colour, Colour]
    dark: float


OUTDOORS: dict[str, Light] = {
    "noon": Light((1.0, 0.99, 0.96), ((72, 142, 222), (188, 218, 244)), 0.0),
    "overcast": Light((0.80, 0.83, 0.86), ((150, 160, 172), (206, 210, 212)), 0.1),
    "sunset": Light((0.88, 0.62, 0.50), ((84, 84, 150), (252, 152, 84)), 0.45),
    "night": Light((0.27, 0.31, 0.47), ((8, 12, 34), (30, 40, 78)), 1.0),
}
INDOORS: dict[str, Light] = {
    "daylight": Light((0.93, 0.95, 0.98), ((150, 190, 235), (214, 230, 244)), 0.0),
    "lamplight": Light((0.78, 0.64, 0.48), ((40, 50, 90), (60, 66, 100)), 0.4),
    "candlelight": Light((0.40, 0.33, 0.34), ((10, 14, 36), (24, 30, 60)), 0.9),
}
LIGHTS: dict[str, Light] = {**OUTDOORS, **INDOORS}


def vary(light: Light, rng: Random) -> Light:
    """The same kind of light on another day: a little brighter or darker, warmer or cooler."""
    level, warmth = rng.uniform(0.85, 1.12), rng.uniform(-0.06, 0.06)
    red, green, blue = light.ambient
    shift = rng.randint(-22, 22)

    def tint(colour: Colour) -> Colour:
        r, g, b = (min(255, max(0, channel + shift)) for channel in colour)
        return (r, g, b)

    return Light(
        (level * red * (1 + warmth), level * green, level * blue * (1 - warmth)),
        (tint(light.sky[0]), tint(light.sky[1])),
        light.dark,
    )
