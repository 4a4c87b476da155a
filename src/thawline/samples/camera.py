"""From a scene to a photo file: framing, exposure, noise, compression, EXIF."""

import io
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

import numpy as np
from PIL import Image, ImageFilter

from thawline.samples.scenes.canvas import Pixels, View
from thawline.samples.scenes.scene import Scene, draw_scene


@dataclass(frozen=True)
class Camera:
    """A camera: what it writes into EXIF and how its pictures come out.

    Attributes:
        make: EXIF maker; empty when it writes no EXIF.
        model: EXIF model.
        longest: Longest side, px.
        ratio: Long side / short side.
        quality: JPEG quality.
        noise: Standard deviation of its noise, of 0..1, in good light.
        warmth: Its white balance: > 0 reddish, < 0 bluish.
        naming: Pattern of its file names, with one number to fill in.
    """

    make: str
    model: str
    longest: int
    ratio: float
    quality: int
    noise: float
    warmth: float
    naming: str


CAMERAS: tuple[Camera, ...] = (
    Camera("Aldora", "A200", 400, 1.5, 92, 0.012, 0.00, "DSC_{:04d}.JPG"),
    Camera("Aldora", "A200 II", 400, 1.5, 90, 0.010, 0.03, "DSC_{:04d}.jpg"),
    Camera("Fennec", "Pocket 7", 360, 4 / 3, 84, 0.030, -0.05, "IMG_{:04d}.JPG"),
    Camera("Fennec", "Phone X", 384, 4 / 3, 88, 0.018, 0.05, "IMG_{:04d}.jpg"),
    Camera("Ostrava", "Click", 320, 1.0, 78, 0.040, 0.10, "P{:07d}.jpeg"),
    Camera("", "", 384, 16 / 9, 80, 0.022, -0.02, "photo-{:04d}.jpg"),
    Camera("", "", 256, 4 / 3, 72, 0.030, 0.02, "image{:03d}.jpg"),
)


@dataclass(frozen=True)
class Shot:
    """One press of the button: what differs between two photos of the same scene.

    Attributes:
        portrait: Held upright.
        shift: The camera's movement against the scene's own view.
        moment: Which moment; people move between moments.
        exposure: Factor on the light.
        warmth: White balance of this shot, added to the camera's.
        contrast: Factor about mid grey.
        saturation: 0 is black and white.
        blur: Radius in px of a picture 360 px wide.
        seed: Of the noise.
    """

    portrait: bool
    shift: View
    moment: int
    exposure: float
    warmth: float
    contrast: float
    saturation: float
    blur: float
    seed: str


def first_shot(rng: Random, seed: str) -> Shot:
    """A shot of a scene, as casually exposed and focused as most."""
    return Shot(
        portrait=rng.random() < 0.15,
        shift=View(),
        moment=0,
        exposure=2 ** rng.gauss(0, 0.22),
        warmth=rng.gauss(0, 0.05),
        contrast=1 + rng.uniform(-0.15, 0.15),
        saturation=0.0 if rng.random() < 0.02 else 1 + rng.uniform(-0.3, 0.2),
        blur=max(0.0, rng.gauss(0, 0.5)),
        seed=seed,
    )


def next_shot(shot: Shot, rng: Random, moment: int) -> Shot:
    """The same scene again within a burst: nearly the same view, exposure and sharpness."""
    shift = View(
        1 + rng.uniform(-0.015, 0.02), rng.uniform(-0.008, 0.008), rng.uniform(-0.006, 0.006), rng.gauss(0, 0.004)
    )
    return replace(
        shot,
        shift=shift,
        moment=moment,
        exposure=shot.exposure * 2 ** rng.gauss(0, 0.12),
        blur=max(0.0, shot.blur + rng.gauss(0, 0.2)),
        seed=f"{shot.seed} {moment}",
    )


def take(scene: Scene, camera: Camera, shot: Shot) -> Image.Image:
    """Photograph a scene: an RGB image, the camera's size."""
    long, short = camera.longest, round(camera.longest / camera.ratio)
    width, height = (short, long) if shot.portrait else (long, short)
    return develop(draw_scene(scene, width, height, shift=shot.shift, moment=shot.moment), camera, shot)


def develop(light: Pixels, camera: Camera, shot: Shot) -> Image.Image:
    """What the camera makes of the light [height, width, 3]: an 8-bit RGB image."""
    brightness = float(light.mean())
    # Automatic exposure goes part of the way; lifting a dark scene also lifts its noise.
    gain = shot.exposure * (0.42 / max(brightness, 0.02)) ** 0.35
    warmth = camera.warmth + shot.warmth
    balance = np.array([1 + warmth, 1.0, 1 - warmth], np.float32) * gain
    picture = (light * balance - 0.5) * shot.contrast + 0.5
    # Written out, since a matrix product's bits depend on the number of threads.
    grey = (0.299 * picture[..., 0] + 0.587 * picture[..., 1] + 0.114 * picture[..., 2])[..., None]
    picture = grey + (picture - grey) * shot.saturation
    if shot.blur > 0.3:
        picture = _blurred(picture, shot.blur * light.shape[1] / 360)
    height, width, _ = picture.shape
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    picture = picture * (1 - 0.09 * (x[None, :] ** 2 + y[:, None] ** 2))[..., None]
    noise = np.random.default_rng(Random(shot.seed).getrandbits(64)).standard_normal((height, width), np.float32)
    picture = picture + (noise * (camera.noise * gain))[..., None]
    return Image.fromarray((picture.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def _blurred(picture: Pixels, radius: float) -> Pixels:
    image = Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(np.asarray(image, np.float32) / 255, np.float32)


def encode(
    image: Image.Image, camera: Camera, taken: datetime | None, suffix: str, *, quality: int | None = None
) -> bytes:
    """The photo's file.

    Args:
        image: What was taken.
        camera: Its maker and model go into EXIF.
        taken: When; None writes no EXIF at all.
        suffix: Of the file name: ".png" and ".webp" decide the format, all else is JPEG.
        quality: Instead of the camera's own.
    """
    exif = Image.Exif()
    if taken is not None and camera.make:
        stamp = taken.strftime("%Y:%m:%d %H:%M:%S")
        exif[0x010F], exif[0x0110], exif[0x0132] = camera.make, camera.model, stamp
        exif.get_ifd(0x8769)[0x9003] = stamp  # DateTimeOriginal
        if image.height > image.width:  # such cameras store what the sensor saw and say how it was held
            exif[0x0112] = 6
            image = image.transpose(Image.Transpose.ROTATE_90)
    out = io.BytesIO()
    form = {".png": "PNG", ".webp": "WEBP"}.get(suffix.lower(), "JPEG")
    options = {} if form == "PNG" else {"quality": quality or camera.quality}
    image.save(out, form, exif=exif.tobytes() if len(exif) else b"", **options)
    return out.getvalue()
