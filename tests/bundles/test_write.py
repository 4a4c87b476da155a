"""What a bundle computes is what the run did, in this library and in those that its files belong to."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from tests.bundles.conftest import CLASSES, FACTS, KINDS, PROMPTS, Kind
from transformers import CLIPModel, CLIPProcessor, ViTForImageClassification, ViTImageProcessor, pipeline

import thawline
from thawline.bundles.manifest import verify
from thawline.bundles.write import Extras, KnownFile, write_bundle
from thawline.data.photos.photo import read_photo
from thawline.errors import RunError, UserError

PROJECTION, VIT, TIMM = (
    Kind("clip", "prompts", "projection"),
    Kind("vit", "linear", 2),
    Kind("timm:test_resnet", "linear", "all"),
)


def pixels_of(photos, how):
    return torch.stack([read_photo(path, how)[1] for path in photos])


def said_of(bundle, photos):
    return np.array([list(said.probabilities.values()) for said in bundle.predict(photos)])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_bundle_says_of_raw_photos_what_the_run_does(write, photos, kind):
    folder, fitted = write(kind)
    wanted = fitted.say(pixels_of(photos, fitted.preprocessing))
    said = said_of(thawline.load(folder, device="cpu"), photos)
    assert np.abs(said - wanted).max() <= 1e-5
    assert np.ptp(wanted, axis=0).max() > 1e-3  # the photos are told apart at all


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        (Kind("clip", "prompts", "projection"), "classes.safetensors"),
        (Kind("clip", "mlp", "all"), "head.safetensors"),
        (Kind("vit", "linear", 2), None),
        (Kind("vit", "mlp", "all"), "head.safetensors"),
        (Kind("timm:test_resnet", "linear", "all"), None),
        (Kind("torchvision:mobilenet_v2", "linear", "all"), None),
        (Kind("torchvision:squeezenet1_1", "linear", "head"), "head.safetensors"),
    ],
    ids=str,
)
def test_a_linear_head_is_in_the_networks_own_class_where_that_has_a_place(write, kind, file):
    folder, _ = write(kind)
    assert {path.name for path in folder.iterdir()} & {"classes.safetensors", "head.safetensors"} == {file} - {None}


@pytest.mark.parametrize(
    "kind",
    [
        Kind("clip", "prompts", "projection"),
        Kind("clip", "linear", "head"),
        Kind("clip", "mlp", "all"),
        Kind("vit", "mlp", "all"),
    ],
    ids=str,
)
def test_no_pipeline_answers_from_a_head_that_was_never_trained(write, photos, kind):
    folder, _ = write(kind)
    asked = pipeline("image-classification", model=str(folder))
    assert asked.model.config.num_labels == 0
    with pytest.raises(KeyError, match="0"):  # it has no label for anything
        asked(thawline.load_image(photos[0]))


@torch.no_grad()
def clip_probabilities(folder, photos):
    """As a service that has never heard of this library computes them, but for `load_image`."""
    model, processor = CLIPModel.from_pretrained(folder).eval(), CLIPProcessor.from_pretrained(folder)
    images = processor(images=[thawline.load_image(path) for path in photos], return_tensors="pt")
    seen = model.get_image_features(**images).pooler_output
    classes = []
    for prompts in PROMPTS.values():
        read = model.get_text_features(**processor(text=prompts, return_tensors="pt", padding=True)).pooler_output
        classes.append(torch.nn.functional.normalize(torch.nn.functional.normalize(read, dim=-1).sum(0), dim=0))
    logits = model.logit_scale.exp() * torch.nn.functional.normalize(seen, dim=-1) @ torch.stack(classes).T
    labels = json.loads((folder / "decision.json").read_text())["labels"]
    return logits.softmax(-1).numpy(), dict(enumerate(labels))


@torch.no_grad()
def vit_probabilities(folder, photos):
    model, processor = ViTForImageClassification.from_pretrained(folder), ViTImageProcessor.from_pretrained(folder)
    images = processor(images=[thawline.load_image(path) for path in photos], return_tensors="pt")
    return model.eval()(**images).logits.softmax(-1).numpy(), model.config.id2label


@torch.no_grad()
def timm_probabilities(folder, photos):
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    images = torch.stack([transform(thawline.load_image(path)) for path in photos])
    labels = json.loads((folder / "config.json").read_text())["label_names"]
    return model(images).softmax(-1).numpy(), dict(enumerate(labels))


# timm's transforms resize with Pillow, whose rounding is another than PyTorch's.
PLAIN = {
    "clip": (PROJECTION, clip_probabilities, 1e-4),
    "clip and its text": (Kind("clip", "prompts and text", "projection"), clip_probabilities, 1e-4),
    "vit": (VIT, vit_probabilities, 1e-4),
    "timm": (TIMM, timm_probabilities, 1e-2),
    "timm's vit": (Kind("timm:vit_tiny_patch16_224", "linear", 2), timm_probabilities, 1e-2),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_libraries_say_the_same_with_full_decoding(write, photos, name):
    kind, probabilities, tolerance = PLAIN[name]
    folder, _ = write(kind, "full")
    plain, labels = probabilities(folder, photos)
    assert np.abs(plain - said_of(thawline.load(folder), photos)).max() <= tolerance
    assert labels == dict(enumerate(CLASSES))


@pytest.mark.parametrize("name", PLAIN)
def test_plain_libraries_give_the_same_answer_with_reduced_decoding(write, photos, name):
    kind, probabilities, _ = PLAIN[name]
    folder, _ = write(kind)
    plain, said = probabilities(folder, photos)[0], said_of(thawline.load(folder), photos)
    best = np.sort(said, axis=1)
    clear = best[:, -1] - best[:, -2] > 0.1
    assert clear.any()
    assert (plain.argmax(axis=1) == said.argmax(axis=1))[clear].all()


def test_timms_own_preprocessing_on_the_bundles_pixels_is_the_bundle(write, photos):
    folder, fitted = write(TIMM)
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    pixels = pixels_of(photos[:5], fitted.preprocessing)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (fitted.preprocessing.mean, fitted.preprocessing.std))
    with torch.no_grad():
        plain = model((pixels / 255 - mean) / std).softmax(-1).numpy()
    assert np.abs(plain - fitted.say(pixels)).max() <= 1e-5


def test_what_decoding_changes_is_in_the_manifest_and_on_the_card(fit, photos, tmp_path):
    fitted = fit(PROJECTION)
    known = [KnownFile(path, read_photo(path, None)[0].digest, None) for path in photos]
    write_bundle(tmp_path / "bundle", fitted.tuned, Extras(known, 1e-5, FACTS))
    differences = verify(tmp_path / "bundle")["largest_difference"]
    full = fit(PROJECTION, "full")
    wanted = np.abs(
        fitted.say(pixels_of(photos, fitted.preprocessing)) - full.say(pixels_of(photos, full.preprocessing))
    )
    assert differences["probabilities_by_full_decoding"] == pytest.approx(wanted.max(), abs=1e-5)
    assert wanted.max() > 1e-4
    assert f"changed by {wanted.max():.1g} at most" in (tmp_path / "bundle" / "README.md").read_text()


def test_golden_photos_hold_their_digest_and_the_answer_alone(fit, photos, tmp_path):
    fitted = fit(PROJECTION)
    facts = [read_photo(path, None)[0] for path in photos]
    said = fitted.say(pixels_of(photos, fitted.preprocessing))
    known = [KnownFile(path, each.digest, row) for path, each, row in zip(photos, facts, said, strict=True)]
    gone = KnownFile(tmp_path / "gone.jpg", "0" * 64, said[0])
    changed = KnownFile(photos[0], "1" * 64, said[0])
    write_bundle(tmp_path / "bundle", fitted.tuned, Extras([*known, gone, changed], 1e-5, FACTS))
    golden = json.loads((tmp_path / "bundle" / "golden.json").read_text())["photos"]
    assert [photo["sha256"] for photo in golden] == [each.digest for each in facts]
    assert np.abs(np.array([photo["probabilities"] for photo in golden]) - said).max() <= 1e-5
    assert thawline.load(tmp_path / "bundle").check() == 0


def test_a_bundle_that_says_something_else_than_the_run_is_not_written(fit, photos, tmp_path):
    fitted = fit(PROJECTION)
    said = fitted.say(pixels_of(photos[:1], fitted.preprocessing))[0]
    known = KnownFile(photos[0], read_photo(photos[0], None)[0].digest, said[::-1].copy())
    with pytest.raises(RunError, match=rf"of {photos[0]} the run said .* and the bundle .*; nothing was written"):
        write_bundle(tmp_path / "bundle", fitted.tuned, Extras([known], 1e-4, FACTS))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "onnx"),
    [
        # The graphs of both towers, which the other long tests of graphs take too.
        pytest.param(Kind("clip", "prompts and text", "projection"), True, marks=pytest.mark.long),
        (Kind("clip", "prompts and text", "projection"), False),
        (VIT, False),
        (TIMM, True),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_no_file_of_a_bundle_tells_where_it_was_made(write, networks, kind, onnx):
    folder, _ = write(kind, onnx=onnx)
    assert bool(list(folder.glob("*.onnx"))) is onnx
    places = {str(folder.parent), str(Path.home()), str(Path(networks(kind.network).name).parent), "site-packages"}
    for path in folder.iterdir():
        content = path.read_bytes()
        told = [place for place in places if len(place) > 1 and place.encode() in content]
        assert not told, f"{path.name} tells {told}"


def test_a_target_that_holds_something_else_is_left_alone(fit, tmp_path):
    tuned, extras = fit(VIT).tuned, Extras((), 1e-5, FACTS)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name, reason in (("mine", "something else"), ("file", "no directory"), ("link", "no directory")):
        with pytest.raises(UserError, match=reason):
            write_bundle(tmp_path / name, tuned, extras)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_a_bundle_takes_the_place_of_an_older_one(fit, tmp_path):
    for kind in (VIT, PROJECTION):
        write_bundle(tmp_path / "bundle", fit(kind).tuned, Extras((), 1e-5, FACTS))
    assert thawline.load(tmp_path / "bundle").manifest["base"]["family"] == "clip"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "bundle").iterdir()} == {0o644}


KILL = """
import os, signal, sys
from pathlib import Path
from thawline.files import write_folder

target, after, renames = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
def fill(folder):
    for number in range(4):
        if number == after:
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / str(number)).write_text(sys.argv[4])
rename = Path.rename
def killed(path, to):
    global renames
    if renames == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    renames -= 1
    return rename(path, to)
Path.rename = killed
write_folder(target, fill)
"""


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(("after", "renames"), [(0, 9), (3, 9), (9, 0), (9, 1)])
def test_a_kill_leaves_the_whole_or_nothing_and_the_next_export_tidies_up(tmp_path, old, after, renames):
    target = tmp_path / "bundle"

    def write(content, *when):
        command = [sys.executable, "-c", KILL, str(target), *map(str, when), content]
        return subprocess.run(command, check=False, capture_output=True).returncode

    if old:
        assert write("old", 9, 9) == 0
    ended = write("new", after, renames)
    assert ended == (0 if not old and (after, renames) == (9, 1) else -signal.SIGKILL)
    if target.exists():
        assert sorted(path.name for path in target.iterdir()) == ["0", "1", "2", "3"]
        assert {path.read_text() for path in target.iterdir()} in ({"old"}, {"new"})
    assert write("newer", 9, 9) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert {path.read_text() for path in target.iterdir()} == {"newer"}


def test_another_process_that_writes_is_not_tidied_up(tmp_path):
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    theirs = tmp_path / f".bundle.{sleeper.pid}.tmp"
    theirs.mkdir()
    try:
        subprocess.run([sys.executable, "-c", KILL, str(tmp_path / "bundle"), "9", "9", "x"], check=True)
        assert theirs.exists()
    finally:
        sleeper.communicate(b"\n")
    assert (tmp_path / "bundle").is_dir()
