"""Scenes: what a picture shows, decided from a seed, and the picture itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from thawline.samples.scenes.canvas import Canvas, Pixels, View
from thawline.samples.scenes.figures import KITS, any_looks, outfit, person
from thawline.samples.scenes.landscape import Ground
from thawline.samples.scenes.light import LIGHTS, OUTDOORS, Light, vary
from thawline.samples.scenes.occasions import NEVER_INDOORS, NEVER_OUTDOORS, OCCASIONS, THINGS, Occasion, Pair, Style
from thawline.samples.scenes.places import INDOOR_PLACES, PLACES
from thawline.samples.scenes.spot import Spot


@dataclass(frozen=True)
class Scene:
    """What a picture shows. Equal scenes give equal pictures.

    Attributes:
        occasion: A key of `OCCASIONS`.
        style: Which column of the occasions' tables it was drawn from.
        seed: Decides everything that the other attributes leave open: positions, colours, faces.
        place: A key of `PLACES`.
        light: A key of `LIGHTS`.
        things: Keys of `THINGS`.
        people: How many, the couple included.
        couple: Whether a bride and a groom are among them.
        close: Whether the camera is close to one thing or person rather than showing everything.
    """

    occasion: str
    style: Style
    seed: str
    place: str
    light: str
    things: tuple[str, ...]
    people: int
    couple: bool
    close: bool


@dataclass(frozen=True)
class Placed:
    """A thing or a person at its place on the ground: scene units, size factor, and the seed of its looks."""

    name: str
    x: float
    y: float
    size: float
    seed: str


def plan_scene(occasion: str, seed: str, style: Style = "field") -> Scene:
    """Decide what a scene of an occasion shows.

    Args:
        occasion: A key of `OCCASIONS`.
        seed: Any text; the same one gives the same scene.
        style: "field" for samples; "textbook" for scenes in whose captions the occasion may be named.
    """
    rng, spec, column = Random(f"plan {occasion} {style} {seed}"), OCCASIONS[occasion], int(style == "field")
    place = _choose(rng, spec.places, column)
    indoors = place in INDOOR_PLACES
    lights = {name: pair for name, pair in spec.lights.items() if (name in OUTDOORS) != indoors}
    light = _choose(rng, lights, column)
    impossible = NEVER_INDOORS if indoors else NEVER_OUTDOORS
    likely = {name: pair[column] for name, pair in spec.things.items() if name not in impossible}
    things = [name for name, probability in likely.items() if rng.random() < probability]
    while len(things) < (1, 3)[column]:  # something must say what it is
        things = list(dict.fromkeys([*things, *rng.choices(list(likely), list(likely.values()))]))
    rng.shuffle(things)
    couple = rng.random() < spec.couple[column]
    people = max(rng.randint(0, spec.people // (2, 1)[column]), 2 if couple or occasion == "football_match" else 0)
    close = rng.random() < (0.10, 0.15)[column]
    return Scene(occasion, style, seed, place, light, tuple(things[:5]), people, couple, close)


def _choose(rng: Random, weights: Mapping[str, Pair], column: int) -> str:
    return rng.choices(list(weights), [pair[column] for pair in weights.values()])[0]


def draw_scene(scene: Scene, width: int, height: int, *, shift: View | None = None, moment: int = 0) -> Pixels:
    """Draw a scene.

    Args:
        scene: What to show.
        width: Of the picture, px.
        height: Of the picture, px.
        shift: How the camera is held compared with the scene's own view: another shot from nearly the same place.
        moment: People move a little from one moment to the next.

    Returns:
        float32 [height, width, 3], about 0..1; highlights may exceed 1.
    """
    rng = Random(f"draw {scene.occasion} {scene.seed}")
    light = vary(LIGHTS[scene.light], rng)
    place_seed, layout_seed = rng.random(), rng.random()
    aspect = width / height
    # The ground's heights are known once the place is painted, the view once things are laid out: paint twice at worst.
    probe = PLACES[scene.place](Canvas(max(4, round(8 * aspect)), 8, oversampling=1), Random(place_seed), light)
    placed = _layout(scene, Random(layout_seed), probe, aspect, moment)
    canvas = Canvas(width, height, _view(scene, placed, aspect, shift or View()))
    ground = PLACES[scene.place](canvas, Random(place_seed), light)
    for slot in ("sky", "high", "far"):
        _draw_slot(canvas, scene, slot, ground, light)
    for item in placed:
        if item.name in THINGS:
            THINGS[item.name].draw(Spot(canvas, item.x, item.y, item.size, Random(item.seed), light))
        else:
            _draw_person(canvas, scene, item, light)
    _draw_slot(canvas, scene, "front", ground, light)
    return canvas.finish(light.ambient)


def _layout(scene: Scene, rng: Random, ground: Ground, aspect: float, moment: int) -> list[Placed]:
    """Everything that stands on the ground, far to near."""
    names = [name for name in scene.things if THINGS[name].slot == "ground"]
    people = [f"person {i}" for i in range(scene.people)]
    columns = list(range(max(1, len(names))))
    rng.shuffle(columns)
    wide = min(0.9 * aspect, 1.15)  # what matters is kept near the middle, as photographers do
    gathering = aspect / 2 + rng.uniform(-0.25, 0.25) * wide
    spread = rng.uniform(0.25, 0.6) * wide
    placed = []
    for i, name in enumerate([*names, *people]):
        if name in THINGS:
            x = aspect / 2 + wide * ((columns[i] + rng.uniform(0.25, 0.75)) / len(names) - 0.5)
            depth = rng.uniform(0.15, 0.85)
        elif scene.couple and name in ("person 0", "person 1"):
            x = gathering + (0.06 if name == "person 0" else -0.06)
            depth = 0.45 + 0.02 * (name == "person 0")
        else:
            x, depth = gathering + rng.uniform(-spread, spread), rng.uniform(0.05, 0.7)
            x = min(max(x, 0.02), aspect - 0.02)
        if name not in THINGS and moment:
            step = Random(f"{scene.seed} {name} {moment}")
            x, depth = x + step.uniform(-0.012, 0.012), depth + step.uniform(-0.008, 0.008)
        y = ground.far + (ground.near - ground.far) * depth
        placed.append(Placed(name, x, y, 0.5 + 0.75 * depth, f"{scene.seed} {name}"))
    return sorted(placed, key=lambda item: item.y)


def _view(scene: Scene, placed: list[Placed], aspect: float, shift: View) -> View:
    """The scene's own view, moved by `shift`."""
    rng = Random(f"view {scene.seed}")
    loose = scene.style == "field"
    roll = rng.gauss(0, 0.035 if loose else 0.01) + shift.roll
    if scene.close and placed:
        target = rng.choice(placed)
        zoom = rng.uniform(1.35, 2.1)
        # Keep the frame within what is painted below and above the scene.
        dx, dy = (target.x - aspect / 2) * 0.8, (target.y - 0.18 * target.size - 0.5) * 0.7
    else:
        zoom, dx, dy = rng.uniform(1.0, 1.25 if loose else 1.08), rng.gauss(0, 0.04), rng.gauss(0, 0.03)
    return View(zoom * shift.zoom, dx + shift.dx, dy + shift.dy, roll)


def _draw_slot(canvas: Canvas, scene: Scene, slot: str, ground: Ground, light: Light) -> None:
    for name in scene.things:
        if THINGS[name].slot != slot:
            continue
        rng = Random(f"{scene.seed} {name}")
        x, high = canvas.aspect / 2 + rng.uniform(-0.35, 0.35), max(ground.far - 0.33, 0.14)
        spots = {
            "far": Spot(canvas, x, ground.far, 0.8, rng, light),
            "high": Spot(canvas, x, high, 1.0, rng, light),
        }
        THINGS[name].draw(spots.get(slot, Spot(canvas, 0.0, 0.0, 1.0, rng, light)))


def _draw_person(canvas: Canvas, scene: Scene, item: Placed, light: Light) -> None:
    rng, spec = Random(item.seed), OCCASIONS[scene.occasion]
    kind = _clothes(scene, spec, item.name, rng)
    pose = rng.choices(list(spec.poses), list(spec.poses.values()))[0]
    if kind in ("bride", "groom"):
        pose = "stand"
    height = 0.40 * item.size * rng.choice((1.0, 1.0, 1.06, 0.94, 0.66))
    person(Spot(canvas, item.x, item.y, height, rng, light), any_looks(rng), outfit(kind, rng), pose)


def _clothes(scene: Scene, spec: Occasion, name: str, rng: Random) -> str:
    if scene.couple and name in ("person 0", "person 1"):
        return "bride" if name == "person 0" else "groom"
    kind = rng.choices(list(spec.clothes), list(spec.clothes.values()))[0]
    if kind != "teams":
        return kind
    teams = Random(f"teams {scene.seed}").sample([kit for kit in KITS if kit != "referee"], 2)
    return rng.choices([*teams, "referee"], [0.46, 0.46, 0.08])[0]
