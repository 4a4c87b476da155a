"""Who photographed what, when: the photos of one class before any of them is taken."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from thawline.samples.camera import CAMERAS, Camera, Shot, first_shot, next_shot
from thawline.samples.scenes.scene import Scene, plan_scene

_BURST_SIZES, _BURST_WEIGHTS = (1, 2, 3, 4), (0.62, 0.20, 0.12, 0.06)
_HOURS = {
    "noon": (10, 15),
    "overcast": (9, 16),
    "sunset": (19, 20),
    "night": (21, 23),
    "daylight": (10, 16),
    "lamplight": (17, 20),
    "candlelight": (19, 22),
}
# First day of the year and how many days follow.
_SEASONS = {"beach_day": (152, 92), "winter_holiday": (340, 45)}
_FIRST_YEAR, _YEARS = 2015, 9


@dataclass(frozen=True)
class Photo:
    """One photo to take.

    Attributes:
        name: Path relative to the sample's root, posix.
        scene: What it shows.
        camera: Which camera.
        shot: How it is taken.
        taken: When; None for cameras that write no EXIF.
        burst: Number of its burst, equal for photos of one scene; photos alone in their burst have one of their own.
    """

    name: str
    scene: Scene
    camera: Camera
    shot: Shot
    taken: datetime | None
    burst: int


class Photographers:
    """The people who took the photos of one sample: running numbers of files and bursts, and days already used.

    Args:
        seed: Of the sample.
    """

    def __init__(self, seed: int) -> None:
        self._rng = Random(f"photographers {seed}")
        self._seed = seed
        self._number = self._rng.randint(11, 900)
        self._burst = 0
        self._days: set[tuple[str, date]] = set()

    def photos(self, occasion: str, count: int) -> list[Photo]:
        """Plan `count` photos of one occasion: a few shoots in folders of their own, the rest single or in bursts."""
        photos: list[Photo] = []
        for _ in range(count // 25 or count // 10):
            photos += self._shoot(occasion, min(self._rng.randint(4, 6), count - len(photos)))
        while len(photos) < count:
            size = self._rng.choices(_BURST_SIZES, _BURST_WEIGHTS)[0]
            scene = self._scene(occasion)
            camera = self._rng.choice(CAMERAS)
            photos += self._frames(occasion, scene, camera, min(size, count - len(photos)))
        return photos

    def next_name(self, pattern: str) -> str:
        """A file name that no other file of the sample has, whatever its letters' case."""
        self._number += 1
        return pattern.format(self._number)

    def _scene(self, occasion: str) -> Scene:
        return plan_scene(occasion, f"{self._seed} {self._rng.getrandbits(48)}")

    def _shoot(self, occasion: str, count: int) -> list[Photo]:
        """Different scenes of one day and place, in a folder."""
        first, camera = self._scene(occasion), self._rng.choice(CAMERAS)
        taken = self._when(occasion, first, camera)
        folder = self._rng.choice((f"{taken:%Y-%m-%d}", f"{taken:%d %B %Y}", f"shoot {taken:%y%m%d}"))
        scenes = [first]
        for _ in range(400):
            if len(scenes) == count:
                break
            scene = self._scene(occasion)
            if (scene.place, scene.light) == (first.place, first.light):
                scenes.append(scene)
        photos = []
        for scene in scenes:
            photos += self._frames(occasion, scene, camera, 1, folder=folder, taken=taken)
            taken += timedelta(seconds=self._rng.randint(40, 700))
        return photos

    def _frames(
        self,
        occasion: str,
        scene: Scene,
        camera: Camera,
        count: int,
        *,
        folder: str = "",
        taken: datetime | None = None,
    ) -> list[Photo]:
        """One scene, photographed `count` times within minutes."""
        rng = self._rng
        taken = taken or self._when(occasion, scene, camera)
        self._burst += 1
        self._number += rng.randint(0, 6)
        shot = first_shot(rng, scene.seed)
        photos = []
        for moment in range(count):
            path = "/".join(part for part in (occasion, folder, self.next_name(camera.naming)) if part)
            frame = next_shot(shot, rng, moment) if moment else shot
            photos.append(Photo(path, scene, camera, frame, taken if camera.make else None, self._burst))
            taken += timedelta(seconds=rng.randint(2, 70))
        return photos

    def _when(self, occasion: str, scene: Scene, camera: Camera) -> datetime:
        """A time that suits occasion and light, on a day on which this camera was not used yet."""
        start, length = _SEASONS.get(occasion, (1, 364))
        for _ in range(1000):
            year = _FIRST_YEAR + self._rng.randrange(_YEARS)
            day = date(year, 1, 1) + timedelta(days=start - 1 + self._rng.randrange(length))
            if (camera.model, day) not in self._days:
                break
        self._days.add((camera.model, day))
        first, last = _HOURS[scene.light]
        return datetime(
            day.year,
            day.month,
            day.day,
            self._rng.randint(first, last),
            self._rng.randrange(60),
            self._rng.randrange(60),
        )
