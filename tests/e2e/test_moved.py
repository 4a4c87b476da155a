"""A run whose data were moved, alone or together with it: a setting says where they are now, or none is needed."""

import csv
import json
import shutil
import unicodedata

import pytest
from omegaconf import OmegaConf

from thawline.runs.split import read_split_rows
from thawline.samples.pairs import make_pairs

LOGISTIC = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=logistic", "method.c=[1]")
TEMPERATURE = "temperature "

pytestmark = pytest.mark.usefixtures("shared_store")


def cut_off(run):
    """Have a run look as one that was killed after its folds were fitted."""
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({**status, "status": "interrupted", "reason": "SIGTERM"}))
    (run / "predictions.parquet").unlink(missing_ok=True)
    (run / "metrics.json").unlink(missing_ok=True)


@pytest.fixture
def named(photos):
    """The photos, one of them with a name that Unicode's forms spell in two ways, taken apart."""
    first = sorted((photos / "wedding").rglob("*.jpg"))[0]
    first.rename(first.with_name(unicodedata.normalize("NFD", "fête.jpg")))
    return photos


def named_now(photos, path):
    """What the photo `path` of the sample is called among `named`."""
    if (photos / path).exists():
        return path
    (renamed,) = photos.rglob(unicodedata.normalize("NFD", "fête.jpg"))
    return renamed.relative_to(photos).as_posix()


def respell(photos):
    """Spell that name as other systems do."""
    (path,) = photos.rglob(unicodedata.normalize("NFD", "fête.jpg"))
    path.rename(path.with_name(unicodedata.normalize("NFC", path.name)))


def test_a_run_is_resumed_judged_and_exported_where_its_data_are_now(thawline, named, tuned, tmp_path):
    split = tmp_path / "split.csv"
    rows = [(row.path, "Test" if row.fold else "TRAIN") for row in read_split_rows(tuned[0] / "split.csv")]
    rows = [(named_now(named, path).replace("/", "\\"), side) for path, side in rows]
    with split.open("w", newline="", encoding="utf-16") as file:
        csv.writer(file, delimiter="\t").writerows([("path", "split"), *rows])
    thawline("train", named, *LOGISTIC, f"data.split={split}")
    (run,) = thawline.runs()
    said = thawline("export", run, f"out={tmp_path / 'before'}")
    predictions = (run / "predictions.parquet").read_bytes()
    cut_off(run)

    place = tmp_path / "elsewhere" / "Photos"
    place.parent.mkdir()
    named.rename(place)
    split.rename(place.parent / "split.csv")
    (tmp_path / "other").mkdir()
    other = shutil.copytree(place, tmp_path / "other" / "Photos")
    next((other / "birthday").rglob("*.jpg")).unlink()
    config = (run / "config.yaml").read_bytes()

    assert thawline.refused("train", run) == (
        f"the run's data (data.path) are not at {named} any more; say where: thawline train {run} data.path=NEW"
    )
    shutil.copy(place.parent / "split.csv", tmp_path / "other" / "split.csv")
    refused = thawline.refused("train", run, f"data.path={other}")
    assert "its samples are not what they were (" in refused
    assert (run / "config.yaml").read_bytes() == config
    assert "leave out 'cv=3'" in thawline.refused("train", run, f"data.path={place}", "cv=3")
    assert "has no setting 'data.image_base'" in thawline.refused("train", run, "data.image_base=x")

    thawline("train", run, f"data.path={place}")
    assert (run / "predictions.parquet").read_bytes() == predictions
    data = OmegaConf.load(run / "config.yaml").data
    assert (data.path, data.split) == (str(place), str(place.parent / "split.csv"))

    place = place.rename(tmp_path / "again")
    respell(place)
    refused = thawline.refused("evaluate", run)
    assert refused.endswith(f"say where: thawline evaluate {run} data.path=NEW")
    assert "say where: data.path=NEW" in thawline("export", run, f"out={tmp_path / 'without'}")
    split = f"data.split={tmp_path / 'elsewhere' / 'split.csv'}"
    assert "the run's own samples, moved" in thawline("evaluate", run, f"data.path={place}", split, "logger=none")
    assert thawline.metrics("evaluate")["judged"] == json.loads((run / "metrics.json").read_text())["judged"]
    again = thawline("export", run, f"data.path={place}", split, f"out={tmp_path / 'after'}")
    assert line(again, TEMPERATURE) == line(said, TEMPERATURE)
    assert (tmp_path / "after" / "golden.json").read_bytes() == (tmp_path / "before" / "golden.json").read_bytes()
    refused = thawline.refused("export", run, f"data.path={tmp_path / 'other'}", split, f"out={tmp_path / 'wrong'}")
    assert refused.startswith(f"these are not the data of {run}: ")
    assert not (tmp_path / "wrong").exists()


def line(said, start):
    return next(line for line in said.splitlines() if line.startswith(start))


def test_a_run_that_was_moved_together_with_its_data_needs_no_setting(thawline, sample, tmp_path):
    one = tmp_path / "one"
    photos = shutil.copytree(sample, one / "Photos")
    thawline("train", photos, *LOGISTIC, f"paths.outputs={one / 'outputs'}")
    (run,) = (one / "outputs" / "train").iterdir()
    predictions = (run / "predictions.parquet").read_bytes()
    cut_off(run)
    one.rename(tmp_path / "two")
    run = tmp_path / "two" / run.relative_to(one)
    thawline("train", run)
    assert (run / "predictions.parquet").read_bytes() == predictions
    (tmp_path / "two").rename(tmp_path / "three")
    run = tmp_path / "three" / run.relative_to(tmp_path / "two")
    thawline("evaluate", run, "logger=none")
    assert "golden examples" not in thawline("export", run)


def test_a_sweep_goes_on_where_its_data_are_now(thawline, photos, tmp_path):
    thawline("train", photos, "-m", *LOGISTIC, "method.folds=2,3")
    (sweep,) = (thawline.directory / "outputs" / "sweep").iterdir()
    predictions = (sweep / "predictions.parquet").read_bytes()
    cut_off(sweep)
    shutil.rmtree(sweep / "1")
    place = photos.rename(tmp_path / "elsewhere")
    other = shutil.copytree(place, tmp_path / "other")
    next((other / "birthday").rglob("*.jpg")).unlink()
    assert "its samples are not what they were (" in thawline.refused("train", sweep, f"data.path={other}")
    sweep = sweep.rename(sweep.with_name("moved"))
    thawline("train", sweep, f"data.path={place}")
    assert (sweep / "predictions.parquet").read_bytes() == predictions
    assert [OmegaConf.load(sweep / name / "config.yaml").data.path for name in ("", "0", "1")] == [str(place)] * 3
    assert sorted(path.name for path in sweep.parent.iterdir()) == ["moved"]
    place.rename(tmp_path / "again")
    assert f"thawline evaluate {sweep} data.path=NEW" in thawline.refused("evaluate", sweep)
    thawline("evaluate", sweep, f"data.path={tmp_path / 'again'}", "logger=none")


def test_pairs_in_files_of_sides_have_settings_of_their_own(thawline, tmp_path):
    shop = make_pairs(tmp_path / "shop", pictures=24, seed=1).file.parent
    thawline("data", "split", shop / "pairs.csv", f"out={tmp_path / 'parts'}", f"data.image_base={shop}")
    files = [f"data.{side}_csv={tmp_path / 'parts' / side}.csv" for side in ("train", "val", "test")]
    words = ("task=match", "encoder=tiny_clip", "trainer=cpu", "logger=none", "method=zero_shot")
    thawline("train", *files, *words, f"data.image_base={shop}")
    (run,) = thawline.runs()
    predictions = (run / "predictions.parquet").read_bytes()
    (tmp_path / "parts").rename(tmp_path / "files")
    shop = shop.rename(tmp_path / "store")
    moved = [word.replace("/parts/", "/files/") for word in files]
    assert "data.image_base=NEW" in thawline.refused("evaluate", run, *moved)
    thawline("evaluate", run, *moved, f"data.image_base={shop}", "logger=none")
    (again,) = thawline.runs("evaluate")
    assert (again / "predictions.parquet").read_bytes() == predictions
    cut_off(run)
    thawline("train", run, *moved, f"data.image_base={shop}")
    assert (run / "predictions.parquet").read_bytes() == predictions


def test_what_is_no_run_can_not_be_gone_on_with(thawline, photos, tmp_path):
    run = tmp_path / "run"
    assert thawline.refused("train", run, f"data.path={photos}", *LOGISTIC) == (
        f"{run} is no run to go on with, and data.path={photos} names the data again; leave one of them out"
    )
