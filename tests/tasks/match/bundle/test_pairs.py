"""A matcher's bundle: asked about files and pictures in memory, damaged, and made by someone hostile."""

import hashlib
import json
import math
import random
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image
from tests.bundles.conftest import FACTS, KINDS
from tests.bundles.test_manifest import change, reseal
from tests.serving.conftest import files, running
from tests.serving.test_refusals import refused
from transformers import CLIPModel, CLIPProcessor

import thawline
from thawline.bundles.manifest import DECISION, verify
from thawline.bundles.write import Extras, write_bundle
from thawline.cli import main
from thawline.decisions.temperature import Temperature
from thawline.decisions.threshold import Threshold
from thawline.encoders.load import load
from thawline.errors import RunError, UserError
from thawline.serving.source import FixedSource
from thawline.tasks.bundle.serving import Served
from thawline.tasks.match.bundle.pairs import PairBundle
from thawline.tasks.match.bundle.write import KnownPair, TunedPairs

TEXTS = ["a birthday cake with candles", "snow", "a bride and a groom"]
SCALE, BIAS, THRESHOLD = 7.5, 2.75, 0.4

BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"lightning", "pytorch_lightning", "lightning_fabric", "torchmetrics", "hydra"}:
            raise ImportError(f"{name} may not be imported")

sys.meta_path.insert(0, Block())
import thawline
assert "torch" not in sys.modules
photo, matcher, *classifiers = sys.argv[1:]
for folder in classifiers:
    [said] = thawline.load(folder, device="cpu").predict([photo])
    assert said.label is not None, said
    print(said.label)
print(thawline.load(matcher, device="cpu").detect_mismatch(photo, "snow")["is_mismatch"])
from thawline.cli import main
assert not {"lightning", "hydra", "torchmetrics"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def tuned(networks):
    """A CLIP both of whose projections, and last blocks, were moved."""

    def make(decode="full", **changes):
        settings = networks("clip")
        towers = load(settings, fresh=True)
        torch.manual_seed(1)
        tails = []
        for tower in (towers.image, towers.text):
            cut = tower.cut_for(1)
            tail = tower.tail(cut)
            with torch.no_grad():
                for parameter in tail.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
            tails.append((cut, tail.state_dict()))
        given = {
            "task": "match",
            "encoder": settings,
            "decode": decode,
            "tails": tails,
            "scale": SCALE,
            "bias": BIAS,
            "threshold": Threshold(THRESHOLD, "f1", 0.8),
            "temperature": Temperature(2.0, "inner", 10, (0.5, 0.4)),
        }
        return TunedPairs(**{**given, **changes})

    return make


@pytest.fixture(scope="module")
def folder(tuned, tmp_path_factory):
    target = tmp_path_factory.mktemp("matcher") / "bundle"
    write_bundle(target, tuned(), Extras((), 1e-5, FACTS, ["A note of the run."]))
    return target


@pytest.fixture(scope="module")
def matcher(folder):
    return thawline.load(folder, device="cpu")


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def sigmoid(score):
    return 1 / (1 + math.exp(-score))


def test_the_answer_follows_from_the_cosine_of_plain_transformers(folder, matcher, photos):
    model, processor = CLIPModel.from_pretrained(folder), CLIPProcessor.from_pretrained(folder)
    assert float(model.logit_scale.detach().exp()) == pytest.approx(SCALE)
    answers = set()
    for path in (photos[0], photos[-1], photos[5]):
        for text in TEXTS:
            inputs = processor(text=[text], images=[thawline.load_image(path)], return_tensors="pt", padding=True)
            with torch.no_grad():
                said = model(**inputs)
            cosine = float((said.image_embeds * said.text_embeds).sum())
            assert matcher.compute_similarity(path, text) == pytest.approx(cosine, abs=1e-4)
            own = matcher.detect_mismatch(path, text)
            assert list(own) == ["is_mismatch", "similarity", "probability", "threshold"]
            assert own["similarity"] == pytest.approx(cosine, abs=1e-4)
            assert own["probability"] == pytest.approx(sigmoid(SCALE * own["similarity"] + BIAS), abs=1e-6)
            assert own["threshold"] == THRESHOLD
            assert own["is_mismatch"] is (own["probability"] < THRESHOLD)
            answers.add(own["is_mismatch"])
    assert answers == {True, False}


def test_the_threshold_itself_is_a_match_in_double_precision(tuned, tmp_path, photos):
    # Half-way between two neighbouring float32 it would round to one of them.
    plain = thawline.load(write(tmp_path / "a", tuned()), device="cpu").detect_mismatch(photos[0], "snow")
    probability = np.float32(plain["probability"])
    above, below = ((float(probability) + float(np.nextafter(probability, np.float32(to)))) / 2 for to in (1, 0))
    for value, wanted in ((float(probability), False), (above, True), (below, False)):
        bundle = write(tmp_path / f"{value}", tuned(threshold=Threshold(value, "f1", 0.8)))
        assert thawline.load(bundle, device="cpu").detect_mismatch(photos[0], "snow")["is_mismatch"] is wanted


def write(target, tuned):
    write_bundle(target, tuned, Extras((), 1e-5, FACTS))
    return target


@pytest.mark.parametrize("name", ["large0.jpg", "side6.jpg", "side7.jpg", "transparent.png", "grey.jpg", "small.webp"])
def test_a_picture_in_memory_gives_what_its_file_does(matcher, photos, name):
    [path] = [path for path in photos if path.name == name]
    of_file = matcher.pixels(path)
    with Image.open(path) as opened:  # not turned upright, not RGB
        assert torch.equal(matcher.pixels(opened), of_file)
    assert torch.equal(matcher.pixels(thawline.load_image(path)), of_file)
    assert matcher.detect_mismatch(thawline.load_image(path), "snow") == matcher.detect_mismatch(path, "snow")


def test_an_answer_does_not_depend_on_what_it_is_asked_with(matcher, photos):
    pairs = [(path, TEXTS[i % 3]) for i, path in enumerate(photos)]  # more than a batch
    together = list(matcher.predict(pairs))
    assert [one.image for one in together] == [str(path) for path in photos]
    for i in (0, 3, len(pairs) - 1):
        [alone] = matcher.predict([pairs[i]])
        assert alone.similarity == pytest.approx(together[i].similarity, abs=1e-6)
        assert alone.is_mismatch == together[i].is_mismatch


def test_files_that_cant_be_used_keep_their_place_and_tell_why(matcher, photos, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(photos[1].read_bytes()[:2000])
    paths = [photos[0], tmp_path / "broken.jpg", tmp_path / "absent.jpg", photos[2]]
    said = list(matcher.predict((path, "snow") for path in paths))
    assert [one.image for one in said] == [str(path) for path in paths]
    assert [one.is_mismatch is None for one in said] == [False, True, True, False]
    assert said[1].problem.startswith("broken JPEG")
    assert "No such file" in said[2].problem
    assert (said[1].similarity, said[1].probability, said[0].problem) == (None, None, None)
    [broken] = matcher.predict([(tmp_path / "broken.jpg", "snow")])  # none of the batch can be used
    assert broken == said[1]
    with pytest.raises(UserError, match=r"broken\.jpg can't be used: broken JPEG"):
        matcher.detect_mismatch(tmp_path / "broken.jpg", "snow")
    with pytest.raises(UserError, match=r"absent\.jpg can't be used: cannot be read: No such file"):
        matcher.compute_similarity(tmp_path / "absent.jpg", "snow")
    with pytest.raises(UserError, match="can't be used: empty picture"):
        matcher.compute_similarity(Image.new("RGB", (0, 4)), "snow")
    opened = Image.open(tmp_path / "broken.jpg")
    with pytest.raises(UserError, match="can't be used: broken JPEG"):
        matcher.compute_similarity(opened, "snow")


def test_calibrated_moves_probability_and_threshold_and_keeps_the_answer(matcher, photos):
    assert matcher.temperature == 2.0
    pairs = [(path, text) for path in photos[:8] for text in TEXTS]
    plain, soft = (list(matcher.predict(pairs, calibrated=flag)) for flag in (False, True))
    assert {one.is_mismatch for one in plain} == {True, False}
    for before, after in zip(plain, soft, strict=True):
        assert after.is_mismatch == before.is_mismatch
        assert after.similarity == before.similarity
        assert after.probability == pytest.approx(sigmoid((SCALE * before.similarity + BIAS) / 2), abs=1e-6)
        assert after.threshold == pytest.approx(sigmoid(math.log(THRESHOLD / (1 - THRESHOLD)) / 2), abs=1e-6)
        assert after.is_mismatch == (after.probability < after.threshold)
    alone = matcher.detect_mismatch(*pairs[0], calibrated=True)
    assert alone["probability"] == pytest.approx(soft[0].probability, abs=1e-6)


def test_a_threshold_above_every_probability_loads_and_matches_nothing(tuned, tmp_path, photos):
    value = float(np.nextafter(np.float32(1), np.float32(2)))  # what `accuracy` may choose
    bundle = thawline.load(write(tmp_path / "a", tuned(threshold=Threshold(value, "accuracy", 0.6))), device="cpu")
    for flag in (False, True):
        said = bundle.detect_mismatch(photos[0], "snow", calibrated=flag)
        assert said["is_mismatch"] is True
        assert said["probability"] < said["threshold"]


def test_golden_inputs_give_the_same_cosines_and_another_network_others(matcher, copy):
    assert matcher.check() == 0
    golden = json.loads((copy / "golden.json").read_text())
    golden["made"]["cosines"][0] += 0.25
    (copy / "golden.json").write_text(json.dumps(golden))
    reseal(copy)
    assert thawline.load(copy, device="cpu").check() == pytest.approx(0.25, abs=1e-6)


def test_a_matcher_has_no_golden_cases(folder, tmp_path, capsys):
    (tmp_path / "golden.yaml").write_text("[]")
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", str(folder), f"golden={tmp_path / 'golden.yaml'}"])
    said = " ".join(capsys.readouterr().err.split())
    assert said.endswith("judges pairs, for which there are no golden cases"), said


@pytest.mark.long
def test_loading_any_bundle_needs_neither_lightning_nor_hydra(folder, photos, write_classifier):
    kinds = {kind.network.partition(":")[0]: kind for kind in KINDS}
    classifiers = [write_classifier(kind)[0] for kind in kinds.values()]
    command = [sys.executable, "-c", BLOCKED, *map(str, (photos[0], folder, *classifiers))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *labels, mismatch = done.stdout.split()
    assert len(labels) == len(kinds) == (8 if find_spec("open_clip") else 7)
    assert mismatch in ("True", "False")


def test_card_and_manifest_say_where_it_comes_from(folder):
    card = (folder / "README.md").read_text()
    assert "| accuracy | 0.750 | 0.400 to 0.900 |" in card
    assert "A pair is a match from probability 0.4000 on, fitted for the best F1" in card
    assert "Licence of its weights: MIT." in card
    assert "A note of the run." in card
    manifest = verify(folder)
    assert manifest["base"]["licence"] == "MIT"
    assert manifest["metrics"] == FACTS["metrics"]
    assert manifest["hashes"] == FACTS["hashes"]


def test_flipped_bits_are_refused_by_name(folder, copy):
    draw = random.Random(0)
    names = sorted(path.name for path in folder.iterdir())
    for name in [*names, *draw.choices(names, k=20)]:
        data = bytearray((folder / name).read_bytes())
        bit = draw.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        (copy / name).write_bytes(data)
        with pytest.raises(UserError) as refused:
            thawline.load(copy)
        said = str(refused.value)
        assert name in said or name.startswith("manifest.")
        assert said.startswith(f"the bundle {copy} is not used: ")
        (copy / name).write_bytes((folder / name).read_bytes())
    thawline.load(copy)


HOSTILE = {
    "an infinite scale": ({"cosine": {"scale": math.inf, "bias": 0.0}}, "'cosine.scale' as inf"),
    "a negative scale": ({"cosine": {"scale": -1.0, "bias": 0.0}}, "numbers out of their range"),
    "a bias that is no number": ({"cosine": {"scale": 1.0, "bias": math.nan}}, "'cosine.bias' as nan"),
    "no scale": ({"cosine": {"bias": 0.0}}, "'scale'"),
    "a threshold of 2": ({"thresholds": {"match": {"value": 2}}}, "numbers out of their range"),
    "a threshold that is no number": (
        {"thresholds": {"match": {"value": math.nan}}},
        "match.value' as nan",
    ),
    "no threshold": ({"thresholds": None}, "NoneType"),
    "a temperature of 0": ({"temperature": {"value": 0.0}}, "numbers out of their range"),
    "an infinite temperature": ({"temperature": {"value": math.inf}}, "'temperature.value' as inf"),
    "another family": ({"family": "timm"}, "a matcher is a CLIP, and not of the family 'timm'"),
    "code": ({"_target_": "os.system"}, "decision.json names code to run ('_target_')"),
    "another task": ({"task": "events"}, "is not known"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_decision_is_refused(copy, what):
    values, reason = HOSTILE[what]
    change(copy / DECISION, **values)
    reseal(copy)
    with pytest.raises(UserError) as refused:
        thawline.load(copy)
    assert reason in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_what_the_run_did_not_say_is_not_written(tuned, folder, photos, tmp_path):
    def known(path, probability, digest=None):
        digest = digest or hashlib.sha256(path.read_bytes()).hexdigest()
        return KnownPair(path, digest, np.array([probability], dtype=np.float32), "snow")

    matcher = thawline.load(folder, device="cpu")
    said = matcher.detect_mismatch(photos[0], "snow")["probability"]
    target = tmp_path / "bundle"
    gone = KnownPair(tmp_path / "gone.jpg", "0" * 64, np.array([0.5]), "snow")
    changed = known(photos[1], 0.123, digest="1" * 64)  # its file is another one now: not asked
    manifest = write_bundle(target, tuned(), Extras([known(photos[0], said), gone, changed], 1e-5, FACTS))
    assert manifest["largest_difference"]["probabilities_of_raw_photos"] <= 1e-7
    [pair] = json.loads((target / "golden.json").read_text())["pairs"]
    assert pair["text_sha256"] == hashlib.sha256(b"snow").hexdigest()
    assert pair["probability"] == pytest.approx(said, abs=1e-7)
    before = verify(target)
    with pytest.raises(RunError, match="nothing was written"):
        write_bundle(target, tuned(bias=BIAS + 1), Extras([known(photos[0], said)], 1e-5, FACTS))
    assert verify(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert isinstance(thawline.load(target), PairBundle)


def test_it_is_written_over_an_older_bundle_and_nothing_else(tuned, copy, tmp_path):
    write(copy, tuned(bias=0.5))
    assert json.loads((copy / DECISION).read_text())["cosine"]["bias"] == 0.5
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(UserError, match="holds something else than a bundle"):
        write(tmp_path / "mine", tuned())


def test_a_service_says_the_same_of_files_and_texts(matcher, photos):
    sent, texts = [photos[0], photos[-1], photos[5]], [TEXTS[0], TEXTS[1], TEXTS[0]]
    wanted = list(matcher.predict(zip(sent, texts, strict=True)))
    with running(FixedSource(Served(matcher, "Matcher"), [])) as client:
        said = client.post("/predict", files=files(sent), data={"text": texts}).json()["results"]
        for one, text, answer in zip(said, texts, wanted, strict=True):
            assert one["probabilities"]["match"] == pytest.approx(answer.probability, abs=1e-5)
            assert one["label"] == ("mismatch" if answer.is_mismatch else "match")
            assert one["details"]["text"] == text
        for path, text, answer in zip(sent, texts, wanted, strict=True):
            one = client.post("/clip/analyze", files={"file": files([path])[0][1]}, data={"text": text}).json()
            assert one["similarity"] == pytest.approx(answer.similarity, abs=1e-5)
            assert one["probability"] == pytest.approx(answer.probability, abs=1e-5)
            assert (one["is_mismatch"], one["threshold"]) == (answer.is_mismatch, answer.threshold)
        missing = client.post("/predict", files=files(sent[:1]))
        assert refused(missing, 422) == f"'{sent[0].name}' can't be used: no text was sent along with it"
        note = client.post("/clip/analyze", files={"file": ("note.jpg", b"hello")}, data={"text": "a bride"})
        assert "not an image" in refused(note, 422)
