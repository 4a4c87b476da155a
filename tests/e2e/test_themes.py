"""Themes of lyrics from the CSV to a judged run, a bundle, an ensemble and what is predicted."""

import csv
import json
import math

import jsonschema
import numpy as np
import pytest
import soundfile

from thawline import load
from thawline.cli import main
from thawline.runs.predictions import read_predictions
from thawline.tasks.genre.bundle.record import read_schema
from thawline.tasks.genre.tables.themes import vocabulary

GENRES = ("country", "metal", "pop")
# What the lyrics of a genre are about here, whatever they sound like; one by an alias.
THEMES = {"country": "whiskey", "metal": "war", "pop": "dancing; lurve"}
RUN = ("task=genre", "trainer=cpu", "logger=none", "encoder=descriptors", "data.reference=null")
# Each tree sees all tracks and all columns, so that it finds what decides.
GREEDY = (
    "method.depth=[2]",
    "method.rounds=10",
    "method.folds=2",
    "method.rate=0.5",
    "method.share=1",
    "method.features=1",
)
TREES = (*RUN, "method=trees", *GREEDY)
RULES = (*RUN, "method=rules")


def write_table(path, rows, *columns):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("audio_path", *columns), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """42 tracks of the same kind of noise, whose genre follows from their themes alone: the tables' folder."""
    root = tmp_path_factory.mktemp("songs")
    rows = []
    for i in range(42):
        noise = np.random.default_rng(i).normal(0, 0.1, 8_000)
        soundfile.write(root / f"{i:02}.wav", noise, 16_000, subtype="FLOAT")
        label = GENRES[i % 3]
        row = {"audio_path": f"{i:02}.wav", "label": label, "artist": f"artist {i}", "themes": THEMES[label]}
        # Two tracks of each genre tell nothing.
        rows.append(row | ({"themes": ""} if i >= 36 else {}))
    write_table(root / "themes.csv", rows, "label", "artist", "themes")
    write_table(root / "plain.csv", rows, "label", "artist")
    write_table(root / "empty.csv", [row | {"themes": " "} for row in rows], "label", "artist", "themes")
    return root


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def shared_store(store, own_store, monkeypatch):
    monkeypatch.setenv("THAWLINE_STORE", str(store))


@pytest.fixture(scope="module")
def fitted(songs, store, tmp_path_factory):
    """Trees and rules with themes, rules by a table without, all by the same split, and their bundles, by name."""
    root = tmp_path_factory.mktemp("fitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("THAWLINE_STORE", str(store))
        for name, how, table in (("trees", TREES, "themes"), ("rules", RULES, "themes"), ("plain", RULES, "plain")):
            main(["train", str(songs / f"{table}.csv"), *how, f"paths.run={root / name}"])
            main(["export", str(root / name), f"out={root / 'bundles' / name}"])
    return root


def facts_of(run):
    return json.loads((run / "metrics.json").read_text())


def test_trees_learn_a_planted_theme_that_the_sound_does_not_have(fitted):
    facts = facts_of(fitted / "trees")
    assert facts["chosen"]["holdout"]["themes"] == list(vocabulary().names)
    judged = read_predictions(fitted / "trees" / "predictions.parquet")
    told = np.array([int(path[:2]) < 36 for path in judged.paths])
    assert (judged.said == judged.labels)[told].mean() == 1
    assert (judged.said == judged.labels)[~told].mean() < 1
    report = json.loads((fitted / "trees" / "data_report.json").read_text())
    assert report["themes"] == {
        "tracks": 36,
        "counts": {"drinking": 12, "dancing": 12, "war": 12},
        "unknown": {"lurve": 12},
    }


def test_an_empty_column_and_no_column_give_the_same_bytes(thawline, songs, tmp_path):
    for name in ("plain", "empty"):
        thawline("train", songs / f"{name}.csv", *TREES, f"paths.run={tmp_path / name}")
        thawline("export", tmp_path / name, f"out={tmp_path / name / 'bundle'}")
    files = [
        *("predictions.parquet", "split.csv", "folds/holdout/tail.safetensors", "folds/holdout/chosen.json"),
        *(f"bundle/{file}" for file in ("head.safetensors", "decision.json", "golden.json", "README.md")),
    ]
    for file in files:
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "empty" / file).read_bytes(), file
    assert "themes" not in (tmp_path / "plain" / "bundle" / "decision.json").read_text()
    bundle = load(tmp_path / "plain" / "bundle", device="cpu")
    assert bundle.themes == ()
    [record] = bundle.predict(songs / "00.wav", themes={songs / "00.wav": ["war"]})
    assert "themes" not in record


def test_what_is_told_of_a_track_moves_the_rules_by_what_the_table_says(fitted, songs):
    bundle = load(fitted / "bundles" / "rules", device="cpu")
    assert bundle.themes == vocabulary().names
    assert bundle.check() == 0
    track = songs / "00.wav"

    def odds(*told, key=str):
        [record] = bundle.predict(track, themes={key(track): told}, calibrated=False)
        jsonschema.validate(json.loads(json.dumps(record)), read_schema())
        return record, math.log(record["all_scores"]["country"] / record["all_scores"]["metal"])

    [untold] = bundle.predict([track], calibrated=False)
    plain = load(fitted / "bundles" / "plain", device="cpu")
    assert plain.themes == ()
    [alone] = plain.predict(track, calibrated=False)
    assert untold["all_scores"] == alone["all_scores"]
    assert untold["themes"] == []
    _, before = odds()
    record, after = odds("whiskey", "lurve", "Drinking")
    assert record["themes"] == ["drinking"]
    assert after - before == pytest.approx(8 * 0.2, abs=1e-4)
    record, after = odds("war", "heartbreak", key=type(track))
    assert record["themes"] == ["heartbreak", "war"]
    assert after - before == pytest.approx(8 * (0.15 - 0.15), abs=1e-4)
    _, after = odds("the occult")
    assert after - before == pytest.approx(-8 * 0.25, abs=1e-4)


def test_predict_takes_a_csv_and_says_what_it_left_out(thawline, fitted, songs, tmp_path):
    rows = [{"audio_path": "00.wav", "themes": themes} for themes in ("whiskey", "war;lurve", "dance floor", "")]
    table = write_table(songs / "asked.csv", [*rows[:1], {"audio_path": "gone.wav"}], "themes")
    trees = fitted / "bundles" / "trees"
    records = []
    for row in rows:
        write_table(table, [row, {"audio_path": "gone.wav"}], "themes")
        said = thawline("predict", trees, table, f"out={tmp_path / 'said.jsonl'}")
        first, gone = map(json.loads, (tmp_path / "said.jsonl").read_text().splitlines())
        assert (gone["primary_genre"], gone["problem"]) == (None, "row 3: nothing is there")
        assert ("themes that the bundle does not know were left out: 'lurve' (1)" in said) == ("lurve" in row["themes"])
        records.append(first)
    assert [record["primary_genre"] for record in records[:3]] == ["country", "metal", "pop"]
    assert [record["themes"] for record in records] == [["drinking"], ["war"], ["dancing"], []]
    [alone] = load(trees, device="cpu").predict(songs / "00.wav")
    assert records[3]["all_scores"] == pytest.approx(alone["all_scores"])
    write_table(table, rows[:1], "themes")
    said = thawline("predict", fitted / "bundles" / "plain", table, f"out={tmp_path / 'said.jsonl'}")
    assert "the bundle takes no themes; those that are told were left out" in said
    (songs / "no paths.csv").write_text("track\n00.wav\n")
    assert "has no column audio_path" in thawline("predict", trees, songs / "no paths.csv", status=1)


def test_a_run_is_evaluated_with_the_themes_that_it_was_fitted_with(thawline, fitted, songs, tmp_path):
    thawline("evaluate", fitted / "trees", "logger=none")
    assert thawline.metrics("evaluate")["judged"] == facts_of(fitted / "trees")["judged"]
    # Other tracks, with themes and with none told, by a run with themes and by one without.
    other = tmp_path / "other"
    other.mkdir()
    rows = []
    for i, label in enumerate(GENRES * 2):
        noise = np.random.default_rng(100 + i).normal(0, 0.1, 8_000)
        soundfile.write(other / f"{i}.wav", noise, 16_000, subtype="FLOAT")
        rows.append({"audio_path": f"{i}.wav", "label": label, "artist": f"new {i}", "themes": THEMES[label]})
    told = write_table(other / "told.csv", rows, "label", "artist", "themes")
    untold = write_table(other / "untold.csv", rows, "label", "artist")
    said = {}
    for run in ("trees", "rules", "plain"):
        for table in (told, untold):
            thawline("evaluate", fitted / run, table, "logger=none")
            judged = read_predictions(thawline.runs("evaluate")[-1] / "predictions.parquet")
            said[run, table] = judged.probabilities
            if (run, table) == ("trees", told):
                assert judged.said.tolist() == judged.labels.tolist()
    assert not np.array_equal(said["trees", told], said["trees", untold])
    assert np.array_equal(said["plain", told], said["plain", untold])
    assert np.array_equal(said["rules", untold], said["plain", untold])


def test_an_ensemble_tells_its_members_what_each_of_them_takes(thawline, fitted, songs, tmp_path):
    thawline("ensemble", fitted / "plain", fitted / "trees", "weights=50/50")
    said = thawline("export", thawline.runs("ensemble")[-1], f"out={tmp_path / 'bundle'}")
    assert "largest difference from the run's own probabilities, from raw tracks: " in said
    bundle = load(tmp_path / "bundle", device="cpu")
    assert bundle.themes == vocabulary().names
    track = str(songs / "00.wav")
    [untold] = bundle.predict(track)
    [told] = bundle.predict(track, themes={track: ["war"]})
    assert (untold["themes"], told["themes"]) == ([], ["war"])
    sound, themed = ([one["components"][name]["scores"] for one in (untold, told)] for name in ("rules", "trees"))
    assert sound[0] == sound[1]
    assert themed[0]["metal"] < themed[1]["metal"]
    assert told["all_scores"]["metal"] - untold["all_scores"]["metal"] == pytest.approx(
        (themed[1]["metal"] - themed[0]["metal"]) / 2
    )
    golden = thawline.directory / "golden.yaml"
    golden.write_text(f"- {{file: {track}, genre: metal, themes: [war]}}\n- {{file: {track}, genre: pop, themes: [x]}}")
    refused = thawline.refused("evaluate", tmp_path / "bundle", "golden=golden.yaml")
    assert "has the theme 'x' of 00.wav, which the bundle does not know; it knows love, " in refused
    golden.write_text(
        f"- {{file: {track}, genre: metal, themes: [war]}}\n- {{file: {track}, genre: pop, themes: [dancing]}}\n"
    )
    assert "golden cases: 2 of 2 passed" in thawline("evaluate", fitted / "bundles" / "trees", "golden=golden.yaml")
    refused = thawline.refused("evaluate", fitted / "bundles" / "plain", "golden=golden.yaml")
    assert refused.endswith("tells themes of 00.wav, and the bundle takes none; leave them out")


@pytest.mark.parametrize("how", [("logistic", "c=[1]"), ("linear", "lr=0.05")], ids=" ".join)
def test_other_fitted_methods_take_themes_too(thawline, songs, tmp_path, how):
    method, setting = how
    thawline(
        "train", songs / "themes.csv", *RUN, f"method={method}", f"method.{setting}", f"paths.run={tmp_path / 'run'}"
    )
    said = thawline("export", tmp_path / "run", f"out={tmp_path / 'bundle'}")
    assert "largest difference from the run's own probabilities, from raw tracks: " in said
    bundle = load(tmp_path / "bundle", device="cpu")
    assert bundle.check() < 1e-6
    by_theme = {
        theme: next(bundle.predict(songs / "40.wav", themes={songs / "40.wav": [theme]})) for theme in bundle.themes
    }
    assert by_theme["war"]["all_scores"]["metal"] > by_theme["drinking"]["all_scores"]["metal"]
    # One that no track was trained with says nothing.
    [untold] = bundle.predict(songs / "40.wav")
    assert by_theme["nature"]["all_scores"] == untold["all_scores"]


def test_themes_are_for_descriptors_alone_and_must_be_known(thawline, songs):
    wrong = ("task=genre", "logger=none", "encoder=mfcc", "method=logistic", "data.themes=[war]")
    assert "inputs of encoder=descriptors alone" in thawline.refused("train", songs / "themes.csv", *wrong)
    assert "'lurve', which is no theme" in thawline.refused(
        "train", songs / "themes.csv", *RULES, "data.themes=[lurve]"
    )
    said = thawline("data", "check", songs / "themes.csv", "task=genre")
    assert "Themes of the lyrics are told of 36 tracks: drinking 12, dancing 12, war 12" in said
    assert "'lurve' (12)" in said
