"""Seeded augmentation: its settings' ranges, and its laws."""

import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from torchvision.transforms import v2

from thawline.data.photos.augmentation import Augmentation, AugmentationSettings, view_seed
from thawline.errors import UserError

FULL = {"crop": [0.3, 1.0], "flip": 0.5, "jitter": [0.4, 0.4, 0.4, 0.1], "randaugment": [2, 9]}


def noise(size: int = 24, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, size, size), dtype=torch.uint8, generator=generator)


def augmentation(**changed: object) -> Augmentation:
    return Augmentation(AugmentationSettings(**(FULL | changed)))


@st.composite
def varied(draw: st.DrawFn) -> AugmentationSettings:
    """Any settings of which at least one varies pixels."""
    shares = sorted(draw(st.lists(st.floats(0.05, 1), min_size=2, max_size=2)))
    strengths = [*draw(st.lists(st.floats(0, 1), min_size=3, max_size=3)), draw(st.floats(0, 0.5))]
    chosen = {
        "crop": draw(st.sampled_from([None, shares])),
        "flip": draw(st.floats(0, 1)),
        "jitter": draw(st.sampled_from([None, strengths])),
        "randaugment": draw(st.sampled_from([None, [draw(st.integers(1, 3)), draw(st.integers(0, 30))]])),
    }
    return AugmentationSettings(**chosen)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(varied(), st.integers(0, 2**63 - 1), st.integers(4, 40))
def test_pixels_follow_from_pixels_and_seed_alone(chosen: AugmentationSettings, seed: int, size: int) -> None:
    pixels, before = noise(size), noise(size)
    state = torch.get_rng_state()
    first = Augmentation(chosen)(pixels, seed)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    copied = pickle.loads(pickle.dumps(Augmentation(chosen)))  # noqa: S301
    assert torch.equal(copied(pixels, seed), first)
    assert (first.dtype, first.shape) == (torch.uint8, pixels.shape)
    assert torch.equal(pixels, before)


def test_threads_do_not_disturb_each_other() -> None:
    augment, pixels = augmentation(), noise()
    alone = [augment(pixels, seed) for seed in range(64)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda seed: augmentation()(pixels, seed), range(64)))
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize("one", FULL)
def test_each_transform_varies_with_the_seed(one: str) -> None:
    nothing = {"crop": None, "flip": 0.0, "jitter": None, "randaugment": None}
    augment, pixels = augmentation(**(nothing | {one: FULL[one]})), noise()
    assert len({augment(pixels, seed).numpy().tobytes() for seed in range(20)}) > 1


def test_the_transforms_are_torchvisions() -> None:
    pixels, seed = noise(), 5
    expected = v2.Compose(
        [
            v2.RandomResizedCrop(24, scale=(0.3, 1.0), antialias=True),
            v2.RandomHorizontalFlip(0.5),
            v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
            v2.RandAugment(2, 9),
        ]
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        assert torch.equal(augmentation()(pixels, seed), expected(pixels))


def test_a_certain_flip_is_a_flip() -> None:
    pixels = noise()
    flip = Augmentation(AugmentationSettings(flip=1.0))
    assert torch.equal(flip(pixels, 3), pixels.flip(-1))
    assert torch.equal(Augmentation(AugmentationSettings())(pixels, 3), pixels)


def test_a_view_follows_from_the_content_and_its_number() -> None:
    augment, pixels = augmentation(), noise()
    digests = [hashlib.sha256(bytes([number])).hexdigest() for number in range(10)]
    assert torch.equal(augment.view(pixels, digests[0], 0), pixels)
    assert torch.equal(augment.view(pixels, digests[0], 2), augment(pixels, view_seed(digests[0], 2)))
    seeds = {view_seed(digest, view) for digest in digests for view in range(10)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**63 for seed in seeds)
    views = {augment.view(pixels, digest, view).numpy().tobytes() for digest in digests[:3] for view in range(4)}
    assert len(views) == 1 + 3 * 3


def test_the_seed_of_a_view_never_changes() -> None:
    """Stored views would otherwise be mixed with others; raise `VIEWS_VERSION` with it."""
    assert view_seed("00" * 32, 1) == 726170015714852267


def test_the_key_has_what_decides_pixels_and_nothing_else() -> None:
    plain = AugmentationSettings(**FULL).key()
    assert AugmentationSettings(**FULL, views=3, mixup=0.2, average=True, name="x").key() == plain
    assert AugmentationSettings(**(FULL | {"crop": [0.3, 1]})).key() == plain
    others = {"crop": [0.4, 1.0], "flip": 0.4, "jitter": [0.4, 0.4, 0.4, 0.2], "randaugment": [2, 8]}
    for name, value in others.items():
        assert AugmentationSettings(**(FULL | {name: value})).key() != plain
    assert AugmentationSettings(jitter=[0, 0, 0, 0]).key() == AugmentationSettings().key()


@pytest.mark.parametrize(
    ("chosen", "changes"),
    [
        ({}, False),
        ({"mixup": 0.2}, False),
        ({"jitter": [0, 0, 0, 0]}, False),
        *(({name: value}, True) for name, value in FULL.items()),
    ],
)
def test_what_changes_pixels(chosen: dict, changes: bool) -> None:
    assert AugmentationSettings(**chosen).changes_pixels is changes


NAN = float("nan")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"views": 4},
            r"augmentation\.views=4 but nothing varies; set augmentation\.crop, flip, jitter or randaugment",
        ),
        ({"views": 1, "jitter": [0, 0, 0, 0]}, "nothing varies"),
        ({"views": -1, "flip": 0.5}, "views=-1 must be 0 or more"),
        ({"average": True, "flip": 0.5}, r"augmentation\.average=true has no views to average over"),
        ({"mixup": -0.1}, "mixup=-0.1 must be 0 or more"),
        ({"mixup": NAN}, "mixup=nan must be"),
        ({"flip": 1.1}, "flip=1.1 is a probability; use 0 to 1"),
        ({"flip": NAN}, "flip=nan is a probability"),
        *(
            ({"crop": crop}, "crop=.* share of the area")
            for crop in ([], [0.5], [0, 1], [0.6, 0.5], [0.5, 1.1], [NAN, 1])
        ),
        *(
            ({"jitter": jitter}, r"jitter=.* hue \(0 to 0\.5\)")
            for jitter in ([0.1], [0.1, 0.1, 0.1, 0.6], [-0.1, 0, 0, 0], [NAN, 0, 0, 0])
        ),
        *(({"randaugment": given}, "magnitude .0 to 30.") for given in ([2], [0, 9], [2, 31], [2, -1])),
    ],
)
def test_what_cannot_be_is_refused(chosen: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        AugmentationSettings(**chosen)


def test_hydra_makes_typed_settings() -> None:
    given = OmegaConf.create({"name": "strong", "views": 2, "crop": [0.5, 1], "randaugment": [2, 9]})
    made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(AugmentationSettings), given))
    assert made == AugmentationSettings(name="strong", views=2, crop=[0.5, 1.0], randaugment=[2, 9])
