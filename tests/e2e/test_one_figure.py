"""One figure, one place: whatever shows a run's figures shows those of its `metrics.json`, for each kind of run."""

import csv
import html
import json
import re

import numpy as np
import pytest
import soundfile
from tests.runs.readback import read_offline_runs

import thawline as library
from thawline.judging.intervals import Estimate
from thawline.judging.metrics import call
from thawline.judging.wording import percent
from thawline.runs.predictions import read_predictions
from thawline.samples.genre import make_genre
from thawline.samples.pairs import make_pairs

pytestmark = pytest.mark.usefixtures("shared_store")
CPU = ("trainer=cpu",)


def read_json(path):
    return json.loads(path.read_text())


def shown(figure, digits=1):
    """A figure of `metrics.json` as tables show it."""
    return percent(Estimate(**figure), digits=digits)


def figures_of(judged):
    """The score and what stands beside it, of all classes together."""
    names = [
        name for name, value in judged.items() if isinstance(value, dict) and set(value) == {"value", "low", "high"}
    ]
    return {name: judged[name] for name in names if name == judged["headline"] or name not in ("accuracy", "log_loss")}


def text_of(page):
    """A page's words with single blanks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


def check_files(run, printed):
    """Screen and `metrics.csv` say what `metrics.json` says, which this gives."""
    metrics = read_json(run / "metrics.json")
    judged, baseline = metrics["judged"], metrics["judged_baseline"]
    headline = judged["headline"]
    assert baseline["headline"] == headline
    lines = " ".join(printed.split())
    for one in (judged, baseline):
        assert shown(one[headline]) in lines
    assert metrics["test"]["summary"] in lines
    assert metrics["test"]["difference"]["value"] == pytest.approx(
        judged[headline]["value"] - baseline[headline]["value"]
    )
    rows = {row["name"]: row for row in csv.DictReader((run / "metrics.csv").open(newline=""))}
    for prefix, one in (("", judged), ("baseline/", baseline)):
        for name, figure in figures_of(one).items():
            assert {key: float(rows[prefix + name][key]) for key in figure} == figure
        for name, each in one["per_class"].items():
            for key, figure in each.items():
                if isinstance(figure, dict):
                    assert float(rows[f"{prefix}{key}/{name}"]["value"]) == figure["value"]
    for name, figure in figures_of(judged).items():
        if name != headline:
            assert re.search(rf"{call(name)}( of \w+)? {re.escape(shown(figure))}", lines)
    for name, one in judged["per_class"].items():
        cells = (shown(one[key], 0) if one[key] else "-" for key in ("precision", "recall", "f1"))
        assert f"{name} {one['support']} {' '.join(cells)}" in lines
    return metrics


def check_compared(thawline, run, metrics):
    """`compare` on screen, its page and its frame say the same; gives the page."""
    judged, headline = metrics["judged"], metrics["judged"]["headline"]
    printed = " ".join(thawline("compare", run, "out=page.html").split())
    page = (thawline.directory / "page.html").read_text()
    words = text_of(page)
    for place in (printed, words):
        assert shown(judged[headline]) in place.replace(" %", "")
        assert metrics["test"]["summary"].partition(" by ")[2] in place
    frame = library.compare(run).frame
    row = frame[frame["board"] == f"Judged {metrics['kind']}"].iloc[0]
    assert [row[headline], row["low"], row["high"]] == list(judged[headline].values())
    assert row["p_baseline"] == metrics["test"]["p_value"]
    for name, figure in figures_of(judged).items():
        if name != headline:
            assert [row[name + end] for end in ("", "_low", "_high")] == list(figure.values())
            assert re.search(rf"{call(name)}( of \w+)?: {re.escape(shown(figure).replace(' [', ' % ['))}", words)
    for name, one in judged["per_class"].items():
        cells = " ".join(shown(one[key]) if one[key] else "-" for key in ("precision", "recall", "f1"))
        assert re.search(rf"{re.escape(name)} ?{one['support']} ?{re.escape(cells).replace(' ', ' ?')}", words)
    if judged["confusion"] is None:
        assert "Confusion matrix" not in words
        assert not (run / "confusion.png").exists()
    else:
        table, *_ = re.findall(r'<table class="confusion">.*?<tbody>(.*?)</tbody>', page)
        rows = [re.findall(r"<td[^>]*>(\d*)</td>", row) for row in table.split("</tr>")[:-1]]
        assert [[int(cell or 0) for cell in row] for row in rows] == judged["confusion"]["counts"]
    return page


def check_mirrored(run, metrics):
    """W&B's summary says the same, and has a confusion matrix where there is one."""
    (read,) = read_offline_runs(run)
    for name, figure in figures_of(metrics["judged"]).items():
        assert [read.summary[name + end] for end in ("", "/low", "/high")] == list(figure.values())
    for name, one in metrics["judged"]["per_class"].items():
        assert read.summary[f"f1/{name}"] == one["f1"]["value"]
    assert any(key.startswith("confusion") for key in read.summary) == (metrics["judged"]["confusion"] is not None)


def check_card(thawline, run, metrics):
    """The card and the manifest of the exported bundle say the same."""
    thawline("export", run, "out=bundle")
    card = next((thawline.directory / "bundle").glob("README.md")).read_text()
    estimates = read_json(thawline.directory / "bundle" / "manifest.json")["metrics"]["estimates"]
    wanted = {**figures_of(metrics["judged"]), "log_loss": metrics["judged"]["log_loss"]}
    assert estimates == wanted
    for name, one in wanted.items():
        assert f"| {call(name)} | {one['value']:.3f} | {one['low']:.3f} to {one['high']:.3f} |" in card


def test_of_photos(thawline, sample):
    printed = thawline("train", sample, *CPU, "encoder=tiny_clip", "method=linear", "method.epochs=3")
    (run,) = thawline.runs()
    metrics = check_files(run, printed)
    assert metrics["judged"]["headline"] == "accuracy"
    check_compared(thawline, run, metrics)
    check_mirrored(run, metrics)
    check_card(thawline, run, metrics)


def test_of_pairs_by_the_threshold_and_not_by_the_most_probable_class(thawline, tmp_path):
    pairs = make_pairs(tmp_path / "pairs", pictures=40, seed=1).file
    printed = thawline(
        "train", pairs, *CPU, "task=match", "encoder=tiny_clip", "method.epochs=2", "decision.balance=precision"
    )
    (run,) = thawline.runs()
    metrics = check_files(run, printed)
    said = read_predictions(run / "predictions.parquet")
    assert said.decided is not None
    probable = np.mean(said.probabilities.argmax(axis=1) == said.labels)
    assert metrics["judged"]["accuracy"]["value"] == np.mean(said.decided == said.labels) != probable
    assert metrics["judged"]["roc_auc"] == metrics["examined"]["roc_auc"]
    # The bins of the reliability diagram hold the same answers.
    bins = metrics["judged"]["calibration"]["bins"]
    right = sum(one["samples"] * one["accuracy"]["value"] for one in bins) / len(said.labels)
    assert right == pytest.approx(metrics["judged"]["accuracy"]["value"])
    page = check_compared(thawline, run, metrics)
    check_mirrored(run, metrics)
    check_card(thawline, run, metrics)
    mistakes = text_of(page).partition("Worst mistakes")[2]
    wrong = np.flatnonzero(said.decided != said.labels)
    sure = said.probabilities[wrong, said.decided[wrong]]
    for i in wrong[np.argsort(-sure, kind="stable")][:8]:
        assert said.paths[i] in mistakes


def test_of_an_ensemble_of_pairs_by_its_own_threshold(thawline, tmp_path):
    pairs = make_pairs(tmp_path / "pairs", pictures=40, seed=1).file
    common = (*CPU, "task=match", "encoder=tiny_clip", "refit=false", "logger=csv", "decision.balance=precision")
    thawline("train", pairs, *common, "method.epochs=2", "cv=2")
    thawline("train", pairs, *common, "method=zero_shot", "cv=2")
    members = thawline.runs()
    printed = thawline("ensemble", *members)
    (joined,) = thawline.runs("ensemble")
    metrics = check_files(joined, printed)
    for one, member in zip(metrics["components"], members, strict=True):
        assert one["judged"]["accuracy"] == read_json(member / "metrics.json")["judged"]["accuracy"]
    said = read_predictions(joined / "predictions.parquet")
    assert {one["balance"] for one in (metrics["threshold"], *metrics["examined"]["thresholds"].values())} == {
        "precision"
    }
    edges = np.array([metrics["examined"]["thresholds"][fold]["value"] for fold in said.folds])
    assert np.array_equal(said.said, said.probabilities[:, 1] >= edges)
    probable = np.mean(said.probabilities.argmax(axis=1) == said.labels)
    assert metrics["judged"]["accuracy"]["value"] == np.mean(said.said == said.labels) != probable
    page = text_of(check_compared(thawline, joined, metrics))
    for fold, one in metrics["examined"]["thresholds"].items():
        assert f"{fold} a match from probability".replace(" a", ": a") in printed
        assert f"{one['value']:.3f}" in page
    assert "only an ensemble of tracks" in thawline.refused("export", joined)


PITCHES = {"violin": 1700.0, "drums": 140.0, "piano": 500.0}
SETS = ("violin", "drums|violin", "drums", "drums|piano", "piano")


@pytest.fixture(scope="module")
def instruments(tmp_path_factory):
    """Thirty tracks, of which each label is a tone of its own, not quite in tune, in noise."""
    folder = tmp_path_factory.mktemp("instruments")
    generator = np.random.default_rng(0)
    time = np.arange(11025) / 22050
    rows = [("audio_path", "label", "artist")]
    for i in range(30):
        labels = SETS[i % len(SETS)].split("|")
        tones = [np.sin(2 * np.pi * PITCHES[name] * generator.uniform(0.9, 1.1) * time) for name in labels]
        sound = 0.2 * np.sum(tones, axis=0) + 0.05 * generator.normal(size=len(time))
        soundfile.write(folder / f"{i:02}.wav", sound, 22050)
        rows.append((f"{i:02}.wav", "|".join(labels), f"artist {i}"))
    with (folder / "instruments.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "instruments.csv"


SEVERAL = ("task=genre", "data.labels=several", "encoder=mfcc", "method=linear", "data.holdout=0.4", "data.inner=0.4")


def test_of_several_labels(thawline, instruments):
    printed = thawline("train", instruments, *CPU, *SEVERAL, "method.epochs=8", "method.lr=0.02")
    (run,) = thawline.runs()
    metrics = check_files(run, printed)
    judged, examined = metrics["judged"], metrics["examined"]
    assert judged["headline"] == "overlap"
    assert set(figures_of(judged)) >= {"overlap", "micro_f1", "macro_f1", "mean_average_precision"}
    for name in ("micro_f1", "macro_f1", "mean_average_precision"):
        assert judged[name] == examined[name]
    said = read_predictions(run / "predictions.parquet")
    wrong = {path for path, one in zip(said.paths, said.tags.overlap, strict=True) if one < 1}
    assert 0 < len(wrong) < len(said.paths)
    page = check_compared(thawline, run, metrics)
    assert "average precision" in page
    mistakes = text_of(page).partition("Worst mistakes")[2]
    named = {path for path in said.paths if path in mistakes}
    assert len(named) == min(8, len(wrong))
    assert named <= wrong
    check_mirrored(run, metrics)
    check_card(thawline, run, metrics)


def test_of_tracks_and_an_ensemble_of_them(thawline, tmp_path):
    music = make_genre(tmp_path / "music", artists=4, tracks_per_artist=1, seconds=1, seed=0).file
    common = ("task=genre", "encoder=mfcc", "cv=2", "data.reference=null", *CPU)
    printed = thawline("train", music, *common, "method=linear", "method.epochs=20", "method.lr=0.01")
    (run,) = thawline.runs()
    metrics = check_files(run, printed)
    check_compared(thawline, run, metrics)
    check_mirrored(run, metrics)
    check_card(thawline, run, metrics)

    thawline("train", music, *common, "method=logistic", "logger=csv")
    members = thawline.runs()
    printed = thawline("ensemble", *members)
    (joined,) = thawline.runs("ensemble")
    metrics = check_files(joined, printed)
    for one, member in zip(metrics["components"], members, strict=True):
        assert one["judged"]["accuracy"] == read_json(member / "metrics.json")["judged"]["accuracy"]
        assert shown(one["judged"]["accuracy"]) in printed
    check_compared(thawline, joined, metrics)
    check_card(thawline, joined, metrics)


@pytest.mark.parametrize("kind", ["photos", "several labels"])
def test_of_a_sweep(thawline, sample, instruments, kind):
    several = kind == "several labels"
    words = (instruments, *SEVERAL) if several else (sample, "encoder=tiny_clip", "method=linear")
    rates = "method.lr=1e-5,0.05"
    printed = thawline("train", *words, *CPU, "method.epochs=6", rates, "-m", "logger=csv")
    (sweep,) = thawline.runs("sweep")
    metrics = check_files(sweep, printed)
    check_compared(thawline, sweep, metrics)
    headline = "overlap" if several else "accuracy"
    assert metrics["judged"]["headline"] == headline

    # The settings: each by its trial's inner figure.
    rows = list(csv.DictReader((sweep / "leaderboard.csv").open(newline="")))
    known = read_json(sweep / "sweep.json")["rows"]
    frame = library.compare(sweep).frame
    frame = frame[frame["board"] == f"Settings of the sweep {sweep.name}"]
    words = text_of((thawline.directory / "page.html").read_text())
    for row, same, (_, line) in zip(rows, known, frame.iterrows(), strict=True):
        inner = read_json(sweep / row["trials"] / "metrics.json")["inner"]
        assert [float(row[key]) for key in (headline, "low", "high")] == list(inner[headline].values())
        for name, figure in figures_of(inner).items():
            assert same[name] == figure
            if name != headline:
                assert [float(row[name + end]) for end in ("", "_low", "_high")] == list(figure.values())
        assert [line[headline], line["low"], line["high"]] == list(inner[headline].values())
        assert shown(inner[headline]) in words
        assert shown(inner[headline], 0) in " ".join(printed.split())
        assert f"trial {row['trials']}: inner {headline} {100 * inner[headline]['value']:.1f} %" in printed
    scores = [float(row[headline]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert int(rows[0]["trials"]) == read_json(sweep / "sweep.json")["winner"]
    assert float(rows[1]["over_best"]) == pytest.approx(scores[1] - scores[0])
