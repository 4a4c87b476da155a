"""A bundle in use."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tests.bundles.conftest import CLASSES, FACTS, KINDS, Kind

import thawline
from thawline.bundles.manifest import DECISION
from thawline.bundles.networks.classifier import load_parts
from thawline.bundles.write import Extras, write_bundle
from thawline.encoders.load import load as load_encoder
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.files import read_json

CLIP = Kind("clip", "prompts", "projection")


def test_pictures_in_memory_are_judged_as_files_are(write, photos):
    bundle = thawline.load(write(CLIP)[0])
    image = thawline.load_image(photos[1])
    array = np.asarray(image)
    grey = np.asarray(image.convert("L"))
    said = list(bundle.predict([photos[1], image, array, grey, grey[:, :, None], array[:, ::-1][:, ::-1]]))
    of_file = said[0].probabilities
    if bundle.preprocessing.decode == "full":
        assert said[1].probabilities == pytest.approx(of_file)
    assert said[2].probabilities == said[1].probabilities == said[5].probabilities  # views of any strides
    assert said[3].probabilities == said[4].probabilities != said[2].probabilities
    assert [one.path for one in said[1:3]] == [
        f"picture of {image.width} x {image.height}",
        f"array of {image.height} x {image.width} x 3",
    ]
    assert torch.equal(bundle.pixels(image), bundle.pixels(array))
    # A single one, and a batch.
    near = pytest.approx(said[2].probabilities, abs=1e-5)
    assert [one.probabilities for one in bundle.predict(array)] == [near]
    assert [one.probabilities for one in bundle.predict(np.stack([array, array]))] == [near, near]


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (np.zeros((8, 8, 3)), "an array of float64 is no picture; give uint8, 0 to 255"),
        (np.zeros((8, 8, 3), np.float32), "an array of float32 is no picture"),
        (np.zeros((3, 8, 8), np.uint8), "an array of shape [3, 8, 8] is no picture; give [height, width] in grey"),
        (np.zeros((8,), np.uint8), "an array of shape [8] is no picture"),
        (np.zeros((0, 8, 3), np.uint8), "an array of shape [0, 8, 3] has no pixels"),
        ([7], "a picture is a path, one of Pillow's images or a NumPy array, and no int"),
    ],
)
def test_what_is_no_picture_is_refused(write, picture, sentence):
    bundle = thawline.load(write(CLIP)[0])
    with pytest.raises(UserError) as error:
        list(bundle.predict(picture))
    assert str(error.value).startswith(sentence)


def test_a_bundle_says_what_it_is(write):
    folder = write(CLIP)[0]
    assert repr(thawline.load(folder)) == f"Bundle({str(folder)!r}, {len(CLASSES)} classes: {', '.join(CLASSES)})"


def test_files_that_cant_be_used_keep_their_place_and_tell_why(write, photos, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(photos[1].read_bytes()[:2000])
    (tmp_path / "empty.png").touch()
    paths = [photos[0], tmp_path / "broken.jpg", tmp_path / "absent.jpg", str(tmp_path / "empty.png"), photos[2]]
    bundle = thawline.load(write(CLIP)[0])
    said = list(bundle.predict(paths))
    assert [one.path for one in said] == [str(path) for path in paths]
    assert [one.label is None for one in said] == [False, True, True, True, False]
    assert "broken JPEG" in said[1].problem
    assert "No such file" in said[2].problem
    assert said[3].problem == "empty file"
    assert all(
        one.problem is None and sum(one.probabilities.values()) == pytest.approx(1) for one in (said[0], said[4])
    )
    assert said[0].probabilities[said[0].label] == max(said[0].probabilities.values())
    assert set(said[0].probabilities) == set(bundle.labels) == set(CLASSES)
    assert said[1].probabilities == {}


def test_an_answer_depends_on_what_is_asked_with_it_by_rounding_alone(write, photos):
    bundle = thawline.load(write(CLIP)[0])
    together = list(bundle.predict(photos))
    for one, among in zip(map(next, map(bundle.predict, ([path] for path in photos[:3]))), together, strict=False):
        assert (one.path, one.label) == (among.path, among.label)
        assert one.probabilities == pytest.approx(among.probabilities, abs=1e-5)


def test_a_few_files_do_not_go_through_the_network_in_a_whole_batch(write, photos):
    bundle = thawline.load(write(CLIP)[0])
    sizes = []
    bundle.classifier.stages.register_forward_hook(lambda _, given, __: sizes.append(len(given[0]["pixels"])))
    pixels = torch.stack([bundle.pixels(thawline.load_image(photos[1]))] * 19)
    bundle.classifier.logits(pixels[:1])
    bundle.classifier.logits(pixels[:3])
    bundle.classifier.logits(pixels)
    assert sizes == [1, 4, 16, 4]


def test_paths_are_drawn_as_they_are_needed(write, photos):
    drawn = []

    def endless():
        while True:
            drawn.append(photos[0])
            yield photos[0]

    said = thawline.load(write(CLIP)[0]).predict(endless())
    assert next(said).label in CLASSES
    assert len(drawn) < 200
    said.close()


def test_a_single_path_is_not_taken_for_a_list_of_letters(write, photos):
    bundle = thawline.load(write(CLIP)[0])
    assert list(bundle.predict(str(photos[0]))) == list(bundle.predict([photos[0]]))


def test_calibrated_probabilities_are_the_softmax_at_the_temperature(write, photos):
    bundle = thawline.load(write(CLIP)[0])
    assert bundle.temperature == 2.0
    plain, soft = (
        np.array([list(one.probabilities.values()) for one in bundle.predict(photos, calibrated=flag)])
        for flag in (False, True)
    )
    root = np.sqrt(plain)
    assert np.abs(soft - root / root.sum(axis=1, keepdims=True)).max() < 1e-6
    assert (soft.argmax(axis=1) == plain.argmax(axis=1)).all()


def test_a_bundle_that_was_moved_says_the_same(write, photos, tmp_path):
    folder, _ = write(CLIP)
    moved = shutil.copytree(folder, tmp_path / "a name with (brackets), é #1")
    bundle = thawline.load(moved)
    assert list(bundle.predict(photos[:2])) == list(thawline.load(folder).predict(photos[:2]))
    assert bundle.check() == 0


def test_load_image_is_upright_opaque_and_rgb(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (0, 0, 20, 20))
    picture.save(tmp_path / "side.png", exif=exif)
    upright = thawline.load_image(tmp_path / "side.png")
    assert (upright.size, upright.mode) == ((20, 40), "RGB")
    assert upright.getpixel((10, 5)) == (0, 0, 255)
    assert upright.getpixel((10, 35)) == (255, 0, 0)
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert thawline.load_image(str(tmp_path / "clear.png")).getpixel((0, 0)) == (255, 255, 255)


def test_load_image_says_why_a_file_cant_be_used(tmp_path):
    (tmp_path / "text.jpg").write_text("text")
    with pytest.raises(UserError, match=r"text\.jpg can't be used: not an image"):
        thawline.load_image(tmp_path / "text.jpg")
    with pytest.raises(UserError, match=r"absent\.jpg can't be used: cannot be read: No such file"):
        thawline.load_image(tmp_path / "absent.jpg")


def test_a_photo_beyond_the_limit_is_used_where_that_is_lifted(write, photos):
    bundle = thawline.load(write(CLIP)[0])
    limit = 0.9 * np.prod(thawline.load_image(photos[0]).size) / 1e6
    [said] = bundle.predict(photos[0])
    bundle.max_megapixels = limit
    [refused] = bundle.predict(photos[0])
    assert f"more than data.max_megapixels={limit:g}" in refused.problem
    for ask in (bundle.pixels, lambda path: thawline.load_image(path, max_megapixels=limit)):
        with pytest.raises(UserError, match="can't be used: too large: "):
            ask(photos[0])
    bundle.max_megapixels = 2 * limit
    assert list(bundle.predict(photos[0])) == [said]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.thaw == "head"], ids=lambda kind: kind.name)
def test_features_that_were_stored_for_the_training_are_those_of_the_bundles_network(kind, write, fit):
    bundle, fitted = write(kind)
    loaded = load_encoder(fitted.tuned.encoder)
    trained = loaded.image if isinstance(loaded, ClipTowers) else loaded
    encoder, _ = load_parts(bundle, read_json(bundle / DECISION))
    cut = len(encoder.stages)
    assert encoder.key(cut) == trained.key(cut)


def test_so_they_are_where_batch_norm_has_an_epsilon_of_its_own(fit, tmp_path):
    tuned = fit(Kind("timm:test_efficientnet", "linear", "head")).tuned
    tuned = dataclasses.replace(tuned, encoder=dataclasses.replace(tuned.encoder, bn_eps=1e-3))
    write_bundle(tmp_path / "bundle", tuned, Extras((), 1e-5, FACTS))
    encoder, _ = load_parts(tmp_path / "bundle", read_json(tmp_path / "bundle" / DECISION))
    trained = load_encoder(tuned.encoder)
    cut = len(encoder.stages)
    assert encoder.key(cut) == trained.key(cut)
