"""A real sweep and a real run on the sample, compared on screen, as a page with photos, and as a frame."""

import re

import pytest

import thawline as package
from thawline.runs.predictions import read_predictions

pytestmark = pytest.mark.usefixtures("shared_store")
TINY = ("encoder=tiny_clip", "trainer=cpu", "logger=none")


def test_a_sweep_a_run_and_another_system_on_one_page(thawline, sample):
    thawline("train", sample, "-m", *TINY, "method=linear", "method.epochs=3", "method.lr=1e-3,1e-2")
    thawline("train", sample, *TINY, "method=logistic", "method.c=[1]")
    (run,) = thawline.runs()
    (sweep,) = (thawline.directory / "outputs" / "sweep").iterdir()

    frame = package.compare(sweep, run).frame
    assert sorted(frame["name"][:2]) == sorted([sweep.name, run.name])
    settings = frame[2:]
    assert set(settings["board"]) == {f"Settings of the sweep {sweep.name}"}
    assert sorted(settings["method.lr"]) == [0.001, 0.01]
    assert settings["accuracy"].is_monotonic_decreasing

    # Another system that says of the first ten photos what the run does.
    said = read_predictions(run / "predictions.parquet")
    rows = [f'"{said.paths[i]}",{said.classes[said.said[i]]},2' for i in range(10)]
    (thawline.directory / "api.csv").write_text("\n".join(["path,prediction,price_per_1000", *rows]))
    printed = thawline("compare", sweep, run, "others=[api.csv]", "out=page.html", "thumbnails=true")
    assert f"api.csv has no row for {len(said.paths) - 10} of {len(said.paths)} judged photos" in printed
    page = (thawline.directory / "page.html").read_text()
    assert re.findall(r"<figcaption><bdi>accuracy by (.*?)</bdi>", page)[-1] == "method.lr"
    wrong = [path for path, bad in zip(said.paths, said.said != said.labels, strict=True) if bad]
    assert wrong
    assert page.count("data:image/jpeg;base64,") >= len(wrong[:8])

    # The whole folder, without photos.
    printed = thawline("compare", thawline.directory / "outputs")
    assert printed.splitlines()[-1].endswith("outputs/compare.html")
    page = (thawline.directory / "outputs" / "compare.html").read_text()
    assert "data:image" not in page
    assert run.name in page
    assert sweep.name in page
