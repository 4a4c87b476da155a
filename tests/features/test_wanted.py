"""Several cuts and views in one pass, and passes that go on from what is stored."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thawline.data.listing import Listed
from thawline.data.photos.augmentation import Augmentation, AugmentationSettings
from thawline.encoders.encoder import Encoder
from thawline.features.media import Photos
from thawline.features.passes.computing import CPU
from thawline.features.passes.filling import BATCH
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
from thawline.features.upkeep import list_shelves, verify
from thawline.features.wanted import Target, Wanted, wanted_features

MakePhotos = Callable[..., list[Listed]]
Want = Callable[..., Wanted]
AUGMENTATION = Augmentation(AugmentationSettings(crop=[0.3, 1.0], flip=0.5, jitter=[0.2, 0.2, 0.2, 0.05]))

_opened: list[str] = []
# What the interpreter itself reports; a hook cannot be taken away again.
sys.addaudithook(
    lambda event, args: _opened.append(str(args[0])) if event == "open" and "photos" in str(args[0]) else None
)


@pytest.fixture
def opened() -> Callable[[], list[str]]:
    """The photos that were opened since it was asked last, sorted."""

    def since() -> list[str]:
        found = sorted(path for path in _opened if path.endswith(".jpg"))
        _opened.clear()
        return found

    return since


@pytest.fixture
def want(encoder: Encoder, store: FeatureStore) -> Want:
    return partial(wanted_of, encoder, store)


def wanted_of(
    encoder: Encoder, store: FeatureStore, cuts: Sequence[int], views: int = 0, dtype: str = "float32"
) -> Wanted:
    return wanted_features(
        encoder,
        store,
        Photos(encoder.preprocessing),
        cuts=cuts,
        views=views,
        dtype=dtype,
        device=CPU,
        label="small",
        augment=AUGMENTATION.view,
        augmentation=AUGMENTATION.settings.key(),
    )


def given_to(encoder: Encoder) -> list[int]:
    """Samples that each stage was given, those that fill up batches included."""
    return [sum(stage.given) for stage in encoder.stages]


def forget(encoder: Encoder) -> None:
    for stage in encoder.stages:
        stage.given.clear()


def bits(found: Survey, photos: list[Listed], target: Target | None = None) -> dict[str, bytes]:
    rows = found.rows([photo.name for photo in photos], target)[:]
    return {name: tensor.contiguous().view(torch.uint8).numpy().tobytes() for name, tensor in rows.items()}


def alone(
    encoder: Encoder, root: Path, photos: list[Listed], target: Target, dtype: str = "float32"
) -> dict[str, bytes]:
    """The features of one target, computed at once in a store of its own."""
    store = FeatureStore(root / f"{target.cut} {target.view} {dtype}")
    wanted = wanted_of(encoder, store, [target.cut], views=target.view, dtype=dtype)
    found = survey(photos, store, replace(wanted, targets=(wanted.target(target.cut, target.view),)))
    assert found.computed == len(photos)
    return bits(found, photos)


def test_each_photo_is_opened_once_whatever_is_wanted(
    tmp_path: Path,
    store: FeatureStore,
    encoder: Encoder,
    want: Want,
    make_photos: MakePhotos,
    opened: Callable[[], list[str]],
) -> None:
    photos = make_photos(21)
    wanted = want([1, 2, 3], views=2)
    opened()
    found = survey(photos, store, wanted)
    assert opened() == [str(photo.path) for photo in photos]
    assert (found.opened, found.computed, found.read) == (21, 9 * 21, 0)
    assert {(counts.computed, counts.read) for counts in found.counts.values()} == {(21, 0)}
    assert given_to(encoder) == [3 * 2 * BATCH] * 3
    for target in wanted.targets:
        assert bits(found, photos, target) == alone(encoder, tmp_path / "other", photos, target)
    assert verify(store).problems == []
    forget(encoder)
    again = survey(photos, store, want([1, 2, 3], views=2))
    assert (again.opened, again.computed, again.read) == (0, 0, 9 * 21)
    assert given_to(encoder) == [0, 0, 0]


@pytest.mark.parametrize(("stored", "views"), [([0], 0), ([0], 2), ([1], 2), ([1, 2], 1), ([0, 2], 0)])
def test_what_is_stored_below_is_gone_on_from_without_the_files(
    tmp_path: Path,
    store: FeatureStore,
    encoder: Encoder,
    want: Want,
    make_photos: MakePhotos,
    opened: Callable[[], list[str]],
    stored: list[int],
    views: int,
) -> None:
    photos = make_photos(20)
    survey(photos, store, want(stored, views=views))
    forget(encoder)
    opened()
    wanted = want([3], views=views)
    found = survey(photos, store, wanted)
    assert (found.computed, found.read, found.opened, opened()) == (20 * (views + 1), 0, 0, [])
    computed = [number >= max(stored) for number in range(3)]
    assert given_to(encoder) == [2 * BATCH * (views + 1) * stage for stage in computed]
    assert len(found.counts) == views + 1
    for target in wanted.targets:
        assert bits(found, photos, target) == alone(encoder, tmp_path / "other", photos, target)


def test_rounded_features_are_no_start(
    tmp_path: Path, store: FeatureStore, encoder: Encoder, want: Want, make_photos: MakePhotos
) -> None:
    photos = make_photos(18)
    rounded = want([1], dtype="float16")
    survey(photos, store, rounded)
    wanted = want([2])
    assert wanted.sources == ()
    wanted = replace(wanted, sources=rounded.targets)
    found = survey(photos, store, wanted)
    assert (found.opened, found.computed) == (18, 18)
    assert bits(found, photos) == alone(encoder, tmp_path / "other", photos, wanted.targets[0])


def test_rounding_on_the_way_does_not_reach_what_lies_above(
    tmp_path: Path, store: FeatureStore, encoder: Encoder, want: Want, make_photos: MakePhotos
) -> None:
    photos = make_photos(18)
    wanted = want([1, 2, 3], dtype="bfloat16")
    survey(photos[:5], store, want([1, 3], dtype="bfloat16"))
    found = survey(photos, store, wanted)
    assert [found.counts[target].computed for target in wanted.targets] == [13, 18, 13]
    for target in wanted.targets:
        assert bits(found, photos, target) == alone(encoder, tmp_path / "other", photos, target, "bfloat16")


def test_exact_features_are_rounded_rather_than_computed_again(
    tmp_path: Path, store: FeatureStore, encoder: Encoder, want: Want, make_photos: MakePhotos
) -> None:
    photos = make_photos(18)
    survey(photos, store, want([2], views=1))
    forget(encoder)
    wanted = want([2], views=1, dtype="float16")
    found = survey(photos, store, wanted)
    assert (found.computed, found.opened, given_to(encoder)) == (36, 0, [0, 0, 0])
    for target in wanted.targets:
        assert bits(found, photos, target) == alone(encoder, tmp_path / "other", photos, target, "float16")


def test_a_stored_feature_between_two_that_lack_is_made_use_of(
    store: FeatureStore, encoder: Encoder, want: Want, make_photos: MakePhotos
) -> None:
    photos = make_photos(16)
    survey(photos, store, want([2]))
    forget(encoder)
    assert survey(photos, store, want([1, 3])).computed == 32
    assert given_to(encoder) == [16, 0, 16]


def test_a_moved_file_is_hashed_and_goes_on_from_the_store(
    store: FeatureStore, encoder: Encoder, want: Want, make_photos: MakePhotos
) -> None:
    photos = make_photos(3)
    survey(photos, store, want([1]))
    forget(encoder)
    moved = photos[0].path.rename(photos[0].path.with_name("moved.jpg"))
    found = survey([Listed(moved, "beach/moved.jpg", "beach", "", None), *photos[1:]], store, want([3]))
    assert (found.opened, found.computed, given_to(encoder)) == (1, 3, [0, 16, 16])


def test_a_content_is_computed_once_however_many_files_have_it(
    store: FeatureStore, encoder: Encoder, want: Want, make_photos: MakePhotos
) -> None:
    photos = make_photos(16)
    both = []
    for photo in photos:
        copy = photo.path.with_name(f"copy {photo.path.name}")
        copy.write_bytes(photo.path.read_bytes())
        both += [photo, Listed(copy, f"beach/{copy.name}", "beach", "", None)]
    found = survey(both, store, want([1, 3], views=1))
    assert {(counts.computed, counts.read) for counts in found.counts.values()} == {(16, 0)}
    assert given_to(encoder) == [32, 32, 32]


ALL = [(cut, view) for cut in (0, 1, 2, 3) for view in (0, 1) if cut or not view]


@settings(deadline=None, max_examples=8, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    passes=st.lists(
        st.tuples(
            st.lists(st.sampled_from(ALL), min_size=1, unique=True),
            st.sets(st.integers(0, 23), min_size=1),
            st.sampled_from(["float32", "float32", "float16"]),
        ),
        max_size=4,
    )
)
def test_bits_and_counts_do_not_depend_on_what_was_stored_before(
    tmp_path_factory: pytest.TempPathFactory,
    encoder: Encoder,
    make_photos: MakePhotos,
    expected: dict[tuple[int, int], dict[str, bytes]],
    passes: list[Any],
) -> None:
    """Whatever was computed by earlier passes over any of the photos, every feature is the same, and computed once."""
    photos = make_photos(24)
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    held: dict[str, int] = {}
    for places, numbers, dtype in passes:
        wanted = wanted_of(encoder, store, range(4), views=1, dtype=dtype)
        some = replace(wanted, targets=tuple(wanted.target(*place) for place in places))
        check_counts(survey([photos[number] for number in sorted(numbers)], store, some), len(numbers), held)
    forget(encoder)
    wanted = wanted_of(encoder, store, range(4), views=1)
    found = survey(photos, store, wanted)
    check_counts(found, len(photos), held)
    for stage in encoder.stages:
        assert set(stage.given) <= {BATCH}
    for target in wanted.targets:
        assert bits(found, photos, target) == expected[target.cut, target.view]
    assert verify(store).problems == []


def check_counts(found: Survey, photos: int, held: dict[str, int]) -> None:
    """Is what was computed what the shelves gained? `held` knows how many samples each had, and is told."""
    for target, counts in found.counts.items():
        now = len(target.shelf.digests())
        assert counts.computed == now - held.get(target.shelf.id, 0)
        assert counts.computed + counts.read == photos
        held[target.shelf.id] = now


@pytest.fixture
def expected(tmp_path: Path, encoder: Encoder, make_photos: MakePhotos) -> dict[tuple[int, int], dict[str, bytes]]:
    """Each feature of 24 photos, computed alone."""
    photos = make_photos(24)
    wanted = wanted_of(encoder, FeatureStore(tmp_path / "alone"), range(4), views=1)
    return {(t.cut, t.view): alone(encoder, tmp_path / "alone", photos, t) for t in wanted.targets}


def test_labels_and_places(store: FeatureStore, encoder: Encoder, want: Want, make_photos: MakePhotos) -> None:
    survey(make_photos(2), store, want([3, 0, 3], views=1))
    labels = {shelf.label: (shelf.cut, shelf.view, shelf.dtype) for shelf in list_shelves(store)}
    assert labels == {
        "small at pixels": (0, 0, None),
        "small at features": (3, 0, "float32"),
        "small at features, view 1": (3, 1, "float32"),
    }
    above = want([1, 2], views=2)
    assert [(target.cut, target.view) for target in above.targets] == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    assert [(source.cut, source.view) for source in above.sources] == [(0, 0)]
    assert [(source.cut, source.view) for source in want([3], views=2, dtype="float16").sources] == [
        (0, 0),
        (3, 0),
        (3, 1),
    ]


def test_the_pixels_are_shared_and_are_those_of_the_file(
    store: FeatureStore, want: Want, encoder: Encoder, make_photos: MakePhotos
) -> None:
    from thawline.data.photos.photo import read_photo

    photos = make_photos(3)
    wanted = want([0], dtype="float16")
    assert wanted.targets[0].shelf.id == want([0]).targets[0].shelf.id
    found = survey(photos, store, wanted)
    for photo in photos:
        assert torch.equal(found.rows([photo.name])[:]["pixels"][0], read_photo(photo.path, encoder.preprocessing)[1])


def test_which_rows_are_meant_must_be_said(store: FeatureStore, want: Want, make_photos: MakePhotos) -> None:
    photos = make_photos(1)
    wanted = want([1, 2])
    found = survey(photos, store, wanted)
    with pytest.raises(RuntimeError, match="asked for 2 features: which"):
        found.rows([photos[0].name])
    assert found.rows([photos[0].name], wanted.target(2)).shapes == {"hidden": (12, 8, 8)}
    with pytest.raises(KeyError):
        wanted.target(3)


def test_wrong_use_by_a_caller_raises(store: FeatureStore, encoder: Encoder, want: Want) -> None:
    wanted = want([1], views=1)
    target = wanted.targets[0]
    for changed, said in (
        ({"targets": ()}, "no targets"),
        ({"targets": (target, target)}, "one shelf"),
        ({"targets": (Target(target.shelf, 0, 1),)}, "pixels of augmented views"),
        ({"augment": None}, "need `augment`"),
    ):
        with pytest.raises(ValueError, match=said):
            replace(wanted, **changed)
    with pytest.raises(ValueError, match="views need"):
        wanted_features(
            encoder, store, Photos(encoder.preprocessing), cuts=[1], views=1, dtype="float32", device=CPU, label="small"
        )
