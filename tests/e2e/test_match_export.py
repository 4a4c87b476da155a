"""Runs of the match task and what is made of them: bundles, models of epochs, and the same on two processes."""

import csv
import importlib.util
import json
import re
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from tests.encoders.text.readers import PLAIN, save_sentences
from transformers import CLIPModel, CLIPProcessor

import thawline as package
from thawline.bundles.manifest import verify
from thawline.cli import main
from thawline.decisions.temperature import calibrated
from thawline.encoders.encoder import Normalise
from thawline.runs.predictions import read_predictions
from thawline.runs.split import read_split_rows
from thawline.samples.pairs import make_pairs

FAST = ("task=match", "encoder=tiny_clip", "trainer=cpu", "logger=none")
pytestmark = pytest.mark.usefixtures("shared_store")

METHODS = {
    "towers": ("method=pairs_towers", "thaw=1", "method.epochs=2", "method.lr=1e-4"),
    "zero_shot": ("method=zero_shot",),
    "siglip": ("method.loss=siglip", "method.epochs=2"),
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """The sample of pairs, small."""
    folder = tmp_path_factory.mktemp("pairs") / "Products (2024), été"
    return make_pairs(folder, pictures=40).file


@pytest.fixture(scope="module")
def kept(pairs, tmp_path_factory):
    """A run that trained projections and kept the model of each epoch; exported: its directory."""
    root = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("THAWLINE_STORE", str(root / "store"))
        words = ("method.epochs=3", "method.lr=3e-3", "data.decode=full", "trainer.save_models=true")
        main(["train", str(pairs), *FAST, *words])
        (run,) = (root / "outputs" / "train").iterdir()
        main(["export", str(run)])
    return run


def judged(run, pairs):
    """What the run says of each pair that it judged: file, text, probability of a match, is it a match."""
    with pairs.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    said = []
    for row in pq.read_table(run / "predictions.parquet").to_pylist():
        number = int(re.fullmatch(r".* \(row (\d+)\)", row["path"])[1])
        pair = rows[number - 2]  # the header is row 1
        assert row["path"] == f"{pair['image_path']} (row {number})"
        said.append((pairs.parent / pair["image_path"], pair["text"], row["probability:match"], row["prediction"]))
    return said


def check_against_run(bundle, run, pairs):
    """Every raw file and text: the probability within rounding, and the decision exactly."""
    wanted = judged(run, pairs)
    found = list(package.load(bundle, device="cpu").predict((path, text) for path, text, _, _ in wanted))
    assert max(abs(one.probability - p) for one, (_, _, p, _) in zip(found, wanted, strict=True)) <= 1e-5
    answers = ["mismatch" if one.is_mismatch else "match" for one in found]
    assert answers == [answer for _, _, _, answer in wanted]
    assert len(wanted) > 20
    return answers


def test_the_bundle_gives_the_runs_probabilities_and_decisions(kept, pairs):
    assert set(check_against_run(kept / "bundle", kept, pairs)) == {"match", "mismatch"}
    manifest = verify(kept / "bundle")
    metrics = json.loads((kept / "metrics.json").read_text())
    estimates = manifest["metrics"]["estimates"]
    assert estimates["accuracy"] == metrics["judged"]["accuracy"]
    assert estimates["roc_auc"] == metrics["examined"]["roc_auc"]
    assert estimates["average_precision"] == metrics["examined"]["average_precision"]
    assert "| ROC AUC | " in (kept / "bundle" / "README.md").read_text()
    assert manifest["base"]["licence"] == "Apache-2.0"
    assert manifest["run"] == {"name": kept.name, "trial": None, "fit": "holdout", "method": "pairs"}
    assert set(manifest["hashes"]) == {"config", "split", "data"}
    assert manifest["largest_difference"]["probabilities_of_raw_photos"] <= 1e-5
    decision = json.loads((kept / "bundle" / "decision.json").read_text())
    chosen = json.loads((kept / "folds" / "holdout" / "chosen.json").read_text())
    assert decision["thresholds"]["match"] == chosen["threshold"]
    assert len(json.loads((kept / "bundle" / "golden.json").read_text())["pairs"]) == 8
    for path in (kept / "bundle").iterdir():  # nothing of the user's own
        for private in (str(pairs.parent), str(kept), judged(kept, pairs)[0][1]):
            assert private.encode() not in path.read_bytes()


def test_predict_takes_a_table_and_decides_each_row(kept, pairs, thawline, tmp_path):
    wanted = judged(kept, pairs)
    table = tmp_path / "asked.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["text", "image_path"])
        writer.writerows([text, path] for path, text, _, _ in wanted)
        writer.writerows([["nothing", "absent.jpg"], ["", wanted[0][0]]])
    out = thawline("predict", kept / "bundle", table)
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert list(rows[0]) == [
        *("file", "row", "image_path", "text", "is_mismatch", "similarity", "probability", "threshold", "problem")
    ]
    assert [row["row"] for row in rows] == list(range(2, 2 + len(wanted) + 2))
    assert {row["file"] for row in rows} == {str(table)}
    for row, (path, text, probability, answer) in zip(rows, wanted, strict=False):
        assert (row["image_path"], row["text"], row["problem"]) == (str(path), text, None)
        assert row["probability"] == pytest.approx(probability, abs=1e-5)
        assert row["is_mismatch"] == (answer == "mismatch") == (row["probability"] < row["threshold"])
    assert [row["is_mismatch"] for row in rows[-2:]] == [None, None]
    assert "No such file" in rows[-2]["problem"]
    assert rows[-1]["problem"] == "text is empty"
    assert f"2 of {len(rows)} pairs can't be used" in out

    said = thawline("predict", kept / "bundle", table, "out=said.parquet", "calibrated=true")
    kept_rows = pq.read_table(thawline.directory / "said.parquet").to_pylist()
    assert [row["is_mismatch"] for row in kept_rows] == [row["is_mismatch"] for row in rows]
    assert kept_rows[0]["threshold"] != pytest.approx(rows[0]["threshold"], abs=1e-6)
    matches = sum(row["is_mismatch"] is False for row in rows)
    assert re.search(rf"^match +{matches}$", said, re.MULTILINE)

    matcher = package.load(kept / "bundle", device="cpu")
    assert repr(matcher) == f"PairBundle({str(kept / 'bundle')!r}, a match from probability {matcher.threshold:.3f} on)"
    image = package.load_image(wanted[0][0])
    assert matcher.detect_mismatch(np.asarray(image), "a chair") == matcher.detect_mismatch(image, "a chair")


def test_plain_transformers_gives_the_bundles_cosine(kept, pairs):
    folder = kept / "bundle"
    model, processor = CLIPModel.from_pretrained(folder), CLIPProcessor.from_pretrained(folder)
    matcher = package.load(folder, device="cpu")
    for path, text, _, _ in judged(kept, pairs)[::5]:
        inputs = processor(text=[text], images=[package.load_image(path)], return_tensors="pt", padding=True)
        with torch.no_grad():
            said = model(**inputs)
        cosine = float((said.image_embeds * said.text_embeds).sum())
        assert matcher.compute_similarity(path, text) == pytest.approx(cosine, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_bundles_do_too(thawline, pairs, method):
    thawline("train", pairs, *FAST, *METHODS[method])
    [run] = thawline.runs()
    out = thawline("export", run, "out=a folder/Model")
    assert "exported the fit without the held-out pairs" in out
    assert "a match from probability" in out
    check_against_run(thawline.directory / "a folder" / "Model", run, pairs)


def test_a_cross_validated_run_exports_its_refit_with_the_median_threshold(thawline, pairs):
    thawline("train", pairs, *FAST, "method.epochs=2", "cv=3")
    [run] = thawline.runs()
    out = thawline("export", run)
    assert "exported the fit on all data" in out
    folds = [path for path in (run / "folds").iterdir() if path.name != "all"]
    values = [json.loads((path / "chosen.json").read_text())["threshold"]["value"] for path in folds]
    decision = json.loads((run / "bundle" / "decision.json").read_text())
    assert len(set(values)) == 3
    assert decision["thresholds"]["match"]["value"] == np.median(values)
    assert decision["temperature"]["fitted_on"] == "out-of-fold"
    assert verify(run / "bundle")["run"]["fit"] == "all"
    assert "each held out of a model fitted the same way" in (run / "bundle" / "README.md").read_text()


def test_pairs_that_are_others_by_now_are_not_asked_about(kept, pairs, thawline, tmp_path):
    run = shutil.copytree(kept, tmp_path / "run")
    lines = pairs.read_text(encoding="utf-8").splitlines()
    changed = [lines[0], *reversed(lines[1:])]  # every row holds another pair
    try:
        pairs.write_text("\n".join(changed) + "\n", encoding="utf-8")
        out = thawline("export", run, f"out={tmp_path / 'bundle'}")
    finally:
        pairs.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert "temperature: NONE FITTED" in out
    assert verify(tmp_path / "bundle")["largest_difference"]["probabilities_of_raw_photos"] is None


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("onnxscript") is None, reason="thawline[onnx] is not installed")
def test_the_graphs_of_both_towers_give_the_cosine(kept, pairs, thawline):
    import onnxruntime

    thawline("export", kept, "out=Matcher", "format=onnx")
    folder = thawline.directory / "Matcher"
    differences = verify(folder)["largest_difference"]
    assert 0 <= max(differences["vision.onnx"], differences["text.onnx"]) <= 1e-3
    assert verify(folder)["versions"]["onnxruntime"] == onnxruntime.__version__
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "as `preprocessing.json` says, to `image_embeds`, [batch, dim], unit vectors. It differed" in card
    matcher, processor = package.load(folder, device="cpu"), CLIPProcessor.from_pretrained(folder)
    asked = [(path, text) for path, text, _, _ in judged(kept, pairs)][:5]
    pixels = torch.stack([matcher.pixels(path) for path, _ in asked])
    for part in (slice(0, 1), slice(0, 5)):  # batches and lengths that the graphs were not made with
        tokens = processor(text=[text for _, text in asked[part]], return_tensors="np", padding=True)
        values = {"pixel_values": Normalise(matcher.preprocessing)(pixels[part]).numpy()}
        texts = {name: tokens[name] for name in ("input_ids", "attention_mask")}
        units = []
        for name, output, given in (("vision", "image_embeds", values), ("text", "text_embeds", texts)):
            session = onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
            units += session.run([output], given)
        said = matcher.cosines(pixels[part], [text for _, text in asked[part]])
        assert np.abs((units[0] * units[1]).sum(axis=1) - said).max() <= 1e-3
        assert np.abs(np.linalg.norm(units, axis=2) - 1).max() <= 1e-5


def test_what_is_refused(kept, pairs, thawline, weights):
    bundle = kept / "bundle"
    assert "a bundle of pairs takes a table with the columns image_path,text" in thawline.refused(
        "predict", bundle, pairs.parent
    )
    assert "is a photo, not text" in thawline.refused("predict", bundle, judged(kept, pairs)[0][0])
    assert "top and percent are for bundles of tracks" in thawline.refused("predict", bundle, pairs, "top=1")
    scratch = ("encoder=mobilenetv2_035", f"encoder.weights={weights}", "encoder@text=scratch", "method.epochs=1")
    words = ("task=match", "trainer=cpu", "logger=none", *scratch)
    for more in (words, (*FAST, "trainer.devices=2"), (*FAST, "method=zero_shot"), FAST[1:]):
        said = thawline.refused("train", pairs, *more, "trainer.save_models=true")
        assert said.startswith("trainer.save_models=true writes a CLIP while it is trained, with task=match")


@pytest.mark.long
def test_two_networks_that_were_trained_apart_do_too(thawline, pairs, weights, tmp_path):
    seeing = ("task=match", "trainer=cpu", "logger=csv", "encoder=mobilenetv2_035", f"encoder.weights={weights}")
    words = (*seeing, "method.epochs=1", "data.decode=full")
    reader = save_sentences(tmp_path / "reader", modules=PLAIN)
    thawline("train", pairs, *words, "encoder@text=minilm", f"text.name={reader}", "method.loss=infonce")
    thawline("train", pairs, *words, "encoder@text=scratch", "encoder.size=64")
    for run in thawline.runs():
        thawline("export", run)
        check_against_run(run / "bundle", run, pairs)
    said = thawline("evaluate", run / "bundle", pairs, "logger=csv")
    assert "the bundle's model was trained on this sample or on one of its group" in said
    said = thawline("predict", thawline.runs()[0] / "bundle", pairs, "out=said.jsonl")
    assert "pairs can't be used" not in said
    thawline("train", pairs, *words, "encoder@text=clip", "text.name=package:tiny_clip", "text.revision=null")
    refusal = thawline.refused("export", thawline.runs()[-1])
    assert refusal.startswith("the text tower of package:tiny_clip can't be exported for task=match beside another")


def test_models_of_epochs_load_as_they_are(kept):
    fold = kept / "folds" / "holdout"
    epochs = {name: load_file(fold / f"checkpoint_epoch_{name}" / "model.safetensors") for name in (1, 2, 3)}
    best = load_file(fold / "best_model" / "model.safetensors")
    final = load_file(fold / "final_model" / "model.safetensors")
    for name in ("visual_projection.weight", "text_projection.weight"):
        assert not torch.equal(epochs[1][name], epochs[2][name])
        assert torch.equal(final[name], epochs[3][name])
    chosen = json.loads((fold / "chosen.json").read_text())["epochs"]
    bundle = load_file(kept / "bundle" / "model.safetensors")
    assert set(best) == set(bundle)
    assert all(torch.equal(best[name], bundle[name]) for name in best)
    assert all(torch.equal(best[name], epochs[chosen][name]) for name in best if name != "logit_scale")
    for name in ("checkpoint_epoch_1", "best_model", "final_model"):
        model, processor = CLIPModel.from_pretrained(fold / name), CLIPProcessor.from_pretrained(fold / name)
        weights = load_file(fold / name / "model.safetensors")
        assert all(torch.equal(tensor, weights[key]) for key, tensor in model.state_dict().items() if key in weights)
        assert processor(text=["a red chair"], return_tensors="pt")["input_ids"].shape[0] == 1


def test_training_continues_from_a_kept_model(kept, pairs, thawline):
    best = kept / "folds" / "holdout" / "best_model"
    words = ("task=match", "trainer=cpu", "logger=none", "encoder=clip", "encoder.revision=null", "data.decode=full")
    thawline("train", pairs, *words, f"encoder.name={best}", "method.epochs=1")
    [run] = thawline.runs()
    assert read_split_rows(run / "split.csv") == read_split_rows(kept / "split.csv")
    before, now = (json.loads((each / "metrics.json").read_text())["examined"] for each in (kept, run))
    # Its pretrained network is the tuned one: zero-shot is now as the run judged that to be.
    assert now["zero_shot"]["roc_auc"] == before["roc_auc"]
    assert now["zero_shot"]["average_precision"] == before["average_precision"]
    assert before["zero_shot"]["roc_auc"] != before["roc_auc"]


@pytest.mark.long
def test_two_processes_train_pairs_like_one(thawline, pairs):
    # No number of samples is even in every batch: 7 are shared as 4 and 3.
    words = ("method.epochs=3", "method.batch_size=7", "method.lr=1e-3", "logger=csv")
    courses = []
    for devices in (1, 2):
        thawline("train", pairs, *FAST, *words, f"trainer.devices={devices}")
        with (thawline.runs()[-1] / "folds" / "holdout" / "history.csv").open() as file:
            courses.append(list(csv.DictReader(file)))
    one, two = courses
    assert len(one) == len(two) == 3
    for here, there in zip(one, two, strict=True):
        for name in ("train_loss", "inner_loss"):
            assert float(there[name]) == pytest.approx(float(here[name]), abs=1e-4)


def test_a_bundle_is_judged_by_new_pairs_by_its_own_threshold(thawline, kept, pairs, tmp_path):
    new = make_pairs(tmp_path / "New products", pictures=12, seed=3).file
    for model in (kept, kept / "bundle"):
        thawline("evaluate", model, new, "logger=none")
    by_run, by_bundle = (read_predictions(run / "predictions.parquet") for run in thawline.runs("evaluate"))
    assert by_bundle.paths == by_run.paths
    assert by_bundle.said.tolist() == by_run.said.tolist()
    assert set(by_bundle.said) == {0, 1}
    decision = json.loads((kept / "bundle" / "decision.json").read_text())
    wanted = calibrated(by_run.probabilities, decision["temperature"]["value"])
    assert by_bundle.probabilities == pytest.approx(wanted, abs=1e-5)
    of_run, of_bundle = (json.loads((run / "metrics.json").read_text()) for run in thawline.runs("evaluate"))
    assert of_bundle["judged"]["accuracy"] == of_run["judged"]["accuracy"]
    assert (of_bundle["kind"], of_bundle["baseline"]) == ("pairs", "majority class")
    examined = of_bundle["examined"]
    assert list(examined) == list(of_run["examined"])
    for name in ("majority", "groups", "by_difficulty", "zero_shot", "retrieval"):
        assert examined[name] == of_run["examined"][name]
    assert set(examined["by_difficulty"]) == {"hard", "random"}
    page = thawline.directory / "page.html"
    thawline("compare", thawline.runs("evaluate")[1], f"out={page}")
    with new.open(newline="", encoding="utf-8") as file:
        texts = {row["text"] for row in csv.DictReader(file)}
    assert any(text in page.read_text() for text in texts)

    # Of the run's own pairs those are judged that share neither image nor text with one that was trained on.
    thawline("evaluate", kept / "bundle", pairs, "logger=none")
    again = read_predictions(thawline.runs("evaluate")[-1] / "predictions.parquet")
    assert again.paths == tuple(row.path for row in read_split_rows(kept / "split.csv") if row.fold)
    held = json.loads((kept / "bundle" / "trained.json").read_text())["samples"]
    assert sorted(held) == ["digest", "phash", "text"]
    assert "is a folder" in thawline.refused("evaluate", kept / "bundle", new.parent, "logger=none")
    assert "shows photos, not pairs" in thawline.refused(
        "evaluate", kept / "bundle", new, "logger=wandb", "logger.thumbnails=2"
    )
