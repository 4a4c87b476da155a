"""Stems from the command line: trained, exported, asked, joined with others, and refused where they make no sense."""

import json
import math
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.encoders import separators
from tests.encoders.hearers import save
from transformers import ASTForAudioClassification

from thawline import load
from thawline.bundles.manifest import MANIFEST, SEPARATOR, seal
from thawline.cli import main
from thawline.errors import UserError
from thawline.runs.predictions import read_predictions
from thawline.samples.genre import make_genre
from thawline.tasks.genre.tables.instruments import audioset_labels

pytestmark = pytest.mark.extra
TWO = "encoder.windows=2"
GENRE = ("task=genre", "trainer=cpu", "logger=none", "data.reference=null", "data.classes=[country,metal]")


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Two genres by three artists each, a short track an artist."""
    root = tmp_path_factory.mktemp("music")
    return make_genre(root / "Songs (2024)", artists=3, tracks_per_artist=1, seconds=2, seed=0)


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Words for a small AST that knows AudioSet's labels, and a small separator."""
    root = tmp_path_factory.mktemp("networks")
    names = dict(enumerate(audioset_labels()))
    network = save(root / "ast", "ast", num_labels=527, id2label=names, label2id={n: i for i, n in names.items()})
    separator = separators.save(root / "separator", samplerate=22_050)
    return (
        *("encoder=ast_stems", f"encoder.name={network}", "encoder.revision=null"),
        *(f"encoder.separator={separator}", "encoder.seconds=0.6"),
    )


@pytest.fixture(autouse=True, scope="module")
def one_store(tmp_path_factory):
    """Features are computed once for the module."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def shared_store(one_store, own_store, monkeypatch):
    monkeypatch.setenv("THAWLINE_STORE", str(one_store))


@pytest.fixture(scope="module")
def exported(music, heard, one_store, tmp_path_factory):
    """A run of hints on two stems, and its bundle: (run, bundle)."""
    root = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("THAWLINE_STORE", str(one_store))
        main(["train", str(music.file), *GENRE, *heard, TWO, "encoder.stems=2", "method=hints"])
        (run,) = (root / "outputs" / "train").iterdir()
        main(["export", str(run), f"out={root / 'bundle'}"])
    return run, root / "bundle"


def says_the_same(music, run, bundle):
    judged = read_predictions(run / "predictions.parquet")
    records = list(bundle.predict([music.root / path for path in judged.paths], calibrated=False))
    for record, wanted in zip(records, judged.probabilities, strict=True):
        assert [record["all_scores"][name] for name in judged.classes] == pytest.approx(wanted, abs=1e-5)
    return records


def test_hints_on_two_stems_to_a_bundle_that_says_the_same(music, exported, thawline, heard):
    run, folder = exported
    facts = json.loads((run / "metrics.json").read_text())
    assert facts["features"] == {"computed": 12, "read": 0}
    bundle = load(folder, device="cpu")
    assert (bundle.stems, bundle.hearing.windowing.rate) == (2, 22_050)
    assert bundle.check() < 1e-5
    records = says_the_same(music, run, bundle)
    assert all(record["instruments_detected"] is not None for record in records)
    assert all([span["start"] for span in record["timeline"]] == [0.0, 1.4] for record in records)
    # Plain transformers load the network that hears each stem.
    network = ASTForAudioClassification.from_pretrained(folder)
    assert network.config.id2label[0] == "Speech"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["base"]["stems"] == 2
    assert manifest["base"]["separator"] == {"name": "separator", "revision": None, "licence": "MIT"}
    assert manifest["versions"]["demucs"]
    assert SEPARATOR in manifest["files"]
    assert manifest["largest_difference"]["probabilities_of_raw_tracks"] <= 1e-5
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "separated into vocals and the rest by separator" in card
    assert "Licence of the separator's weights: MIT." in card
    # A second run has nothing to compute.
    said = thawline("train", music.file, *GENRE, *heard, TWO, "encoder.stems=2", "method=hints")
    assert "0 computed, 12 read" in said


def test_a_linear_head_on_four_stems_that_tells_several_labels(music, thawline, heard, tmp_path):
    tags = ("task=genre", "trainer=cpu", "logger=none", "data.labels=several", "data.reference=null")
    given = ("encoder.windows=1", "method=linear", "method.epochs=2", "data.holdout=0.5", "data.inner=0.4")
    thawline("train", music.instruments, *tags, *heard, *given)
    run = thawline.runs()[-1]
    assert thawline.metrics()["thaw"] == "head"
    thawline("export", run, f"out={tmp_path / 'bundle'}")
    bundle = load(tmp_path / "bundle", device="cpu")
    assert bundle.stems == 4
    manifest = json.loads((tmp_path / "bundle" / MANIFEST).read_text())
    assert manifest["largest_difference"]["probabilities_of_raw_tracks"] <= 1e-5
    head = load_file(tmp_path / "bundle" / "head.safetensors")
    assert any(tensor.shape[-1] == 4 * 48 for tensor in head.values() if tensor.ndim)
    [record] = bundle.predict(music.root / read_predictions(run / "predictions.parquet").paths[0])
    assert record["instruments_detected"] is not None


def test_hints_on_four_stems_are_joined_and_name_the_instruments(music, thawline, heard, tmp_path, monkeypatch):
    plain = ("encoder=ast", *heard[1:3], "encoder.seconds=0.6", "encoder.windows=1", "method=hints")
    thawline("train", music.file, *GENRE, *plain)
    thawline("train", music.file, *GENRE, *heard, "encoder.windows=1", "method=hints")
    runs = thawline.runs()
    thawline("export", runs[-1], f"out={tmp_path / 'alone'}")
    says_the_same(music, runs[-1], load(tmp_path / "alone", device="cpu"))
    thawline("ensemble", *runs, "weights=[0.5,0.5]")
    thawline("export", thawline.runs("ensemble")[-1], f"out={tmp_path / 'bundle'}")
    bundle = load(tmp_path / "bundle", device="cpu")
    assert [member.bundle.stems for member in bundle.members] == [None, 4]
    assert "BSD-3-Clause; of the separator's: MIT" in (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")
    for member, instrument in zip(bundle.members, ("Flute", "Violin, fiddle"), strict=True):
        head = member.bundle.classifier._head
        dense = (head.tagger if member.bundle.stems is None else head.tagger.classifier).dense
        with torch.no_grad():
            dense.weight.zero_()
            dense.bias.fill_(-5.0)
            dense.bias[audioset_labels().index(instrument)] = math.log(0.8 / 0.2)
    path = music.root / read_predictions(runs[0] / "predictions.parquet").paths[0]
    [record] = bundle.predict(path)
    assert [one["instrument"] for one in record["instruments_detected"]] == ["violin"], "not the plain member's flute"
    bundle.members = bundle.members[:1]
    [record] = bundle.predict(path)
    assert record["primary"] == "flute"
    monkeypatch.setitem(sys.modules, "demucs", None)
    with pytest.raises(UserError, match="stems need Demucs"):
        load(tmp_path / "bundle")


def test_what_has_no_place_for_stems_is_refused(music, thawline, heard):
    for method in ("own", "layers"):
        refused = thawline.refused("train", music.file, *GENRE, *heard, f"method={method}")
        assert f"method={method} has no place for several stems" in refused
    refused = thawline.refused("train", music.file, *GENRE, *heard, "method=linear", "thaw=1")
    assert refused == "thaw=1 can't be used with encoder.stems: only a head is fitted; use thaw=head"
    assert "use 2, 4, or null" in thawline.refused("train", music.file, *GENRE, *heard, "encoder.stems=3")
    assert "not for encoder.family=mel_cnn" in thawline.refused("train", music.file, *GENRE, "encoder.stems=4")


def test_without_demucs_one_sentence_names_what_to_install(music, thawline, heard, exported, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "demucs", None)
    wanted = "stems need Demucs, which is not installed; run: pip install 'thawline[stems]'"
    assert thawline.refused("train", music.file, *GENRE, *heard, TWO, "method=hints") == wanted
    assert thawline.refused("predict", exported[1], music.root, f"out={tmp_path / 'said.jsonl'}") == wanted
    with pytest.raises(UserError) as refused:
        load(exported[1])
    assert str(refused.value) == wanted


def test_a_bundle_whose_separator_was_exchanged_is_refused(exported, tmp_path):
    def refused(change, says):
        folder = shutil.copytree(exported[1], tmp_path / f"bundle{len(list(tmp_path.iterdir()))}")
        change(folder)
        with pytest.raises(UserError, match=f"the bundle {folder} is not used: .*{says}"):
            load(folder, device="cpu")

    def reseal(folder):
        facts = json.loads((folder / MANIFEST).read_text())
        for name in ("manifest.json", "manifest.sha256"):
            (folder / name).unlink()
        seal(folder, {name: value for name, value in facts.items() if name not in ("format", "files")})

    def another_class(folder):
        with safe_open(folder / SEPARATOR, "pt") as file:
            said = file.metadata()
        save_file(load_file(folder / SEPARATOR), folder / SEPARATOR, {**said, "klass": "os.system"})
        reseal(folder)

    def flipped(folder):
        content = bytearray((folder / SEPARATOR).read_bytes())
        content[-5] ^= 1
        (folder / SEPARATOR).write_bytes(content)

    def without(folder):
        (folder / SEPARATOR).unlink()
        reseal(folder)

    def told_of_no_stems(folder):
        said = json.loads((folder / "preprocessing.json").read_text())
        del said["stems"]
        (folder / "preprocessing.json").write_text(json.dumps(said))
        reseal(folder)

    refused(flipped, f"{SEPARATOR} was changed")
    refused(another_class, r"its class is 'os\.system'")
    refused(without, "holds no separator")
    refused(told_of_no_stems, "nothing says into how many stems")
    # Nothing is asked of the network or looked up elsewhere: what lies in the bundle is enough.
    folder = shutil.copytree(exported[1], tmp_path / "moved")
    assert np.isfinite(load(folder, device="cpu").check())
