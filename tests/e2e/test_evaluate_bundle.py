"""`thawline evaluate BUNDLE DATA` with a bundle of photos; with those of pairs and tracks see where these are made."""

import json
import shutil

import pytest
from PIL import Image

from thawline.bundles.manifest import MANIFEST, SEAL, TRAINED, seal
from thawline.commands.evaluation.bundle import NOT_TOLD, SEEN
from thawline.decisions.temperature import calibrated
from thawline.runs.predictions import read_predictions
from thawline.runs.split import read_split_rows
from thawline.samples.events import make_events

pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Photos that no run was trained on."""
    folder = tmp_path_factory.mktemp("others") / "New (2025)"
    make_events(folder, photos_per_class=4, seed=1)
    return folder


def judged(thawline):
    """What the newest evaluation said of each sample."""
    return read_predictions(thawline.runs("evaluate")[-1] / "predictions.parquet")


def left_out(thawline):
    """Names and reasons of what the newest evaluation left out."""
    report = json.loads((thawline.runs("evaluate")[-1] / "data_report.json").read_text())
    return {one["name"]: one["reason"] for one in report["left_out"]}


def reseal(bundle):
    """Seal a bundle again of which something was changed: an older export, or another program's."""
    facts = json.loads((bundle / MANIFEST).read_text())
    for name in (MANIFEST, SEAL):
        (bundle / name).unlink()
    seal(bundle, {key: value for key, value in facts.items() if key not in ("format", "files")})


def test_of_new_photos_it_says_what_the_run_says_at_its_own_temperature(thawline, tuned, others):
    run, bundle = tuned
    thawline("evaluate", run, others, "logger=none")
    by_run, run_facts = judged(thawline), thawline.metrics("evaluate")
    said = thawline("evaluate", bundle, others, "logger=none", "name=first")
    by_bundle, facts = judged(thawline), thawline.metrics("evaluate")
    assert by_bundle.paths == by_run.paths
    assert by_bundle.said.tolist() == by_run.said.tolist()
    assert by_bundle.groups.tolist() == by_run.groups.tolist()
    assert facts["judged"]["accuracy"] == run_facts["judged"]["accuracy"]
    temperature = json.loads((bundle / "decision.json").read_text())["temperature"]["value"]
    assert temperature != 1
    assert by_bundle.probabilities == pytest.approx(calibrated(by_run.probabilities, temperature), abs=1e-5)
    assert facts["judged"]["log_loss"] != run_facts["judged"]["log_loss"]
    assert {key: facts[key] for key in ("verb", "kind", "method", "encoder", "baseline")} == {
        "verb": "evaluate",
        "kind": "photos",
        "method": "linear",
        "encoder": run_facts["encoder"],
        "baseline": "majority class",
    }
    # Of what it was trained on most are of this class, whatever there is of the new ones.
    counts = json.loads((bundle / TRAINED).read_text())["counts"]
    assert {by_bundle.classes[i] for i in by_bundle.baseline} == {max(counts, key=counts.get)}
    assert "over baseline" in said
    [first] = [path for path in thawline.runs("evaluate") if path.name.startswith("first_")]
    for name in ("metrics.csv", "confusion.png", "recall.png", "reliability.png", "config.yaml", "data_report.json"):
        assert (first / name).stat().st_size

    thawline("evaluate", bundle, others, "logger=none", "name=second")
    [second] = [path for path in thawline.runs("evaluate") if path.name.startswith("second_")]
    assert (second / "predictions.parquet").read_bytes() == (first / "predictions.parquet").read_bytes()
    assert "linear" in thawline("compare", first, second)


def test_of_the_runs_own_photos_those_are_judged_that_it_held_out(thawline, tuned, sample):
    run, bundle = tuned
    thawline("evaluate", bundle, sample, "logger=none")
    again, before = judged(thawline), read_predictions(run / "predictions.parquet")
    assert again.paths == before.paths
    assert again.said.tolist() == before.said.tolist()
    then = json.loads((run / "metrics.json").read_text())
    assert thawline.metrics("evaluate")["judged"]["accuracy"] == then["judged"]["accuracy"]
    trained = {row.path for row in read_split_rows(run / "split.csv") if not row.fold}
    assert {name for name, reason in left_out(thawline).items() if reason == SEEN} == trained


def warnings(thawline):
    """What the newest evaluation's report warns of."""
    return json.loads((thawline.runs("evaluate")[-1] / "data_report.json").read_text())["warnings"]


def test_a_part_of_a_photo_is_left_out_where_the_store_knows_that_and_else_it_is_said(thawline, tuned, sample, others):
    run, bundle = tuned
    data = shutil.copytree(others, thawline.directory / "data")
    rows = [row for row in read_split_rows(run / "split.csv") if not row.fold]
    row = next(row for row in rows if row.label == "wedding")
    with Image.open(sample / row.path) as photo:
        width, height = photo.size
        photo.crop((0, 0, round(0.75 * width), round(0.75 * height))).save(data / "beach_day" / "corner.jpg")
    count = len({row.digest for row in rows})
    for name, judge in (("a", bundle), ("b", run)):
        thawline("evaluate", judge, data, "logger=none", f"store.dir={run.parents[2] / 'store'}", f"name={name}1")
        assert [name for name, reason in left_out(thawline).items() if name.endswith("corner.jpg")]
        assert not [one for one in warnings(thawline) if "feature store knows no parts" in one]
        said = thawline("evaluate", judge, data, "logger=none", "store.dir=elsewhere", f"name={name}2")
        assert "beach_day/corner.jpg" in judged(thawline).paths
        [warned] = [one for one in warnings(thawline) if "feature store knows no parts" in one]
        assert warned.startswith(f"Of {count} of the {count} photos that were trained on")
        assert warned in " ".join(said.split())


def test_a_near_copy_under_another_name_is_left_out_and_the_bundle_names_no_file(thawline, tuned, sample, others):
    run, bundle = tuned
    data = shutil.copytree(others, thawline.directory / "data")
    row = next(row for row in read_split_rows(run / "split.csv") if not row.fold and row.label == "wedding")
    with Image.open(sample / row.path) as photo:
        photo.resize((photo.width * 3 // 4, photo.height * 3 // 4)).save(data / "beach_day" / "holiday.jpg", quality=70)
    thawline("evaluate", bundle, data, "logger=none")
    assert [name for name, reason in left_out(thawline).items() if reason == SEEN] == ["beach_day/holiday.jpg"]
    assert len(judged(thawline).paths) == 24  # four of each class
    held = json.loads((bundle / TRAINED).read_text())
    trained = [row for row in read_split_rows(run / "split.csv") if not row.fold]
    assert sorted(held["samples"]) == ["digest", "phash"]
    assert held["samples"]["digest"] == sorted({row.digest for row in trained})
    assert sum(held["counts"].values()) == len(trained)
    alone = shutil.copytree(sample, thawline.directory / "alone")
    for row in read_split_rows(run / "split.csv"):
        if row.fold:
            (alone / row.path).unlink()
    assert "nothing is left to judge by" in thawline.refused("evaluate", bundle, alone, "logger=none")


def test_an_older_bundle_is_judged_on_all_and_says_that_it_cannot_tell(thawline, tuned, sample, others):
    bundle = shutil.copytree(tuned[1], thawline.directory / "older")
    (bundle / TRAINED).unlink()
    reseal(bundle)
    learnt = {row.label: row.path for row in read_split_rows(tuned[0] / "split.csv") if not row.fold}
    data = thawline.directory / "data"
    for path in learnt.values():
        (data / path).parent.mkdir(parents=True)
        shutil.copy(sample / path, data / path)
    said = thawline("evaluate", bundle, data, "logger=none")
    assert "export it again to leave them out" in " ".join(said.split())
    run = thawline.runs("evaluate")[-1]
    assert NOT_TOLD in json.loads((run / "data_report.json").read_text())["warnings"]
    assert set(judged(thawline).paths) == set(learnt.values())
    assert left_out(thawline) == {}
    assert set(judged(thawline).baseline) == {0}  # the first of equally many

    for held in ("{}", '{"counts":{},"samples":{"digest":["photo.jpg"]}}', '{"counts":{},"samples":[]}', "[1]"):
        (bundle / TRAINED).write_text(held)
        reseal(bundle)
        assert "trained.json does not tell" in thawline.refused("evaluate", bundle, others, "logger=none")
    (bundle / TRAINED).write_text(
        '{"counts":{},"samples":{"digest":["00"],"phash":["00000000"]}}'.replace('"00"', '""')
    )
    reseal(bundle)
    assert "trained.json holds what is known of other kinds" in thawline.refused(
        "evaluate", bundle, others, "logger=none"
    )


def test_what_cannot_be_judged_is_refused_in_one_sentence(thawline, tuned, others):
    run, bundle = tuned
    refused = thawline.refused("evaluate", bundle)
    assert refused == (
        f"{bundle} is a bundle, which holds no samples of its own; name labelled ones that it has not seen: thawline "
        f"evaluate {bundle} DATA"
    )
    assert "absent" in thawline.refused("evaluate", bundle, "absent")
    data = shutil.copytree(others, thawline.directory / "data")
    (data / "wedding").rename(data / "funeral")
    assert "the class 'funeral', which the model does not know" in thawline.refused("evaluate", bundle, data)
    (thawline.directory / "pairs.csv").write_text("image_path,text,label\na.jpg,a cat,1\n")
    refused = thawline.refused("evaluate", bundle, "pairs.csv")
    assert refused.endswith(f"pairs.csv is a table of pairs, and the bundle {bundle} judges photos")
    refused = thawline.refused("evaluate", bundle, others, "data.split=split.csv")
    assert refused == "data.split says nothing of new data, which are judged whole; give data.path"
    assert f"{run.parent} is not a run directory" in thawline.refused("evaluate", run.parent, others)

    damaged = shutil.copytree(bundle, thawline.directory / "damaged")
    (damaged / TRAINED).write_bytes((damaged / TRAINED).read_bytes().replace(b"wedding", b"Wedding"))
    assert f"{TRAINED} was changed since it was written" in thawline.refused("evaluate", damaged, others)
    (damaged / MANIFEST).unlink()
    assert f"{damaged} is no bundle" in thawline.refused("evaluate", damaged, others)
