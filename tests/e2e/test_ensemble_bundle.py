"""An ensemble of runs on tracks: exported, loaded, and asked about raw files."""

import csv
import json
import math
import shutil
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
import soundfile
import torch

from thawline import load
from thawline.bundles.manifest import MANIFEST, SEAL
from thawline.errors import UnusableError, UserError
from thawline.runs.predictions import read_predictions
from thawline.runs.split import read_split_rows
from thawline.samples.genre import make_genre
from thawline.tasks.genre.bundle.record import read_schema
from thawline.tasks.genre.heads.hints import hints_head
from thawline.tasks.genre.tables.hints import hinted
from thawline.tasks.genre.tables.instruments import audioset_labels

VIOLIN = audioset_labels().index("Violin, fiddle")
FLUTE = audioset_labels().index("Flute")


def plant(tagger, place, score):
    with torch.no_grad():
        tagger.dense.bias[place] = math.log(score / (1 - score))


def test_the_ensemble_says_of_files_what_the_run_said(joined):
    root, run, folder = joined
    judged = read_predictions(run / "predictions.parquet")
    bundle = load(folder, device="cpu")
    assert bundle.labels == judged.classes
    assert [member.weight for member in bundle.members] == pytest.approx([0.6, 0.2, 0.2])
    assert bundle.check() < 1e-5
    check = jsonschema.Draft202012Validator(read_schema())
    for path, wanted, record in zip(
        judged.paths, judged.probabilities, bundle.predict(root / path for path in judged.paths), strict=True
    ):
        check.validate(json.loads(json.dumps(record)))
        assert [record["all_scores"][name] for name in judged.classes] == pytest.approx(wanted, abs=1e-5)
        assert list(record["components"]) == ["mel_cnn", "trees", "hints"]
        assert [one["windows"] for one in record["components"].values()] == [2, 1, 3]
        assert record["method"] == "ensemble (60/20/20 weights)"
        assert (record["instruments_detected"], record["primary"]) == ([], None)
        assert (record["has_acoustic"], record["has_electronic"]) == (False, False)
        trees = load(folder / "members" / "trees", device="cpu")
        [alone] = trees.predict(root / path)
        assert 0 <= record["acousticness"] <= 1
        assert record["acousticness"] == alone["acousticness"]
        assert alone["instruments_detected"] is None
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["largest_difference"]["probabilities_of_raw_tracks"] < 1e-5
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == there - {MANIFEST, SEAL}


def test_samples_in_memory_get_the_answer_of_their_file(joined):
    """Alone and joined; 22,050 Hz is resampled for one member, and 44,100 for all."""
    root, run, folder = joined
    path = root / read_predictions(run / "predictions.parquet").paths[0]
    array, rate = soundfile.read(path, dtype="int16", always_2d=True)
    for bundle in (load(folder, device="cpu"), load(folder / "members" / "mel_cnn", device="cpu")):
        given = [(array, rate), path, (array[:, 0] / np.float32(2**15), rate), (array[:0], rate)]
        same, of_file, alike, empty = ({**one, "seconds": 0, "path": ""} for one in bundle.predict(given))
        assert same == of_file == alike
        assert empty["problem"] == "too short: 0.0 s, less than 0.1 s"
        [alone] = bundle.predict((array, rate))
        assert alone["path"] == f"array of {len(array)} x 1 at 22050 Hz"
        assert alone["all_scores"] == of_file["all_scores"]
        for wrong, sentence in (
            (
                array,
                "a track is a path or (array, rate), NumPy's samples and how many there are a second, and no ndarray",
            ),
            ((rate, array), "a track in memory is (array, rate), and not (rate, array)"),
            (
                (array.T, rate),
                f"would be 1 samples of {len(array)} channels; give [samples, channels], such as array.T",
            ),
        ):
            with pytest.raises(UserError) as refused:
                list(bundle.predict(wrong))
            assert sentence in str(refused.value)


def test_what_was_loaded_says_what_it_is(joined):
    _, _, folder = joined
    bundle = load(folder, device="cpu")
    classes = "3 classes: country, electronic, metal"
    assert repr(bundle) == f"EnsembleBundle({str(folder)!r}, 60% mel_cnn, 20% trees, 20% hints; {classes})"
    assert repr(bundle.members[1].bundle) == f"TrackBundle({str(folder / 'members' / 'trees')!r}, {classes})"


def digests(folder):
    """The files of a bundle that the run decides on, by the digests that its manifest gives."""
    files = json.loads((folder / MANIFEST).read_text())["files"]
    return {name: one for name, one in files.items() if not name.endswith(("README.md", MANIFEST, SEAL))}


def test_an_ensemble_whose_tracks_were_moved_is_exported_where_they_are_now(joined, thawline, tmp_path):
    root, run, folder = joined
    place = tmp_path / "elsewhere" / "Music"
    place.parent.mkdir()
    root.rename(place)
    try:
        said = " ".join(thawline("export", run, "out=without").split())
        for member in ("mel_cnn", "trees", "hints"):
            assert f"{member}: golden examples of the run's own samples: " in said
        assert (
            f"since the run's data (data.path) are not at {root / 'tracks.csv'} any more; say where: data.path" in said
        )
        manifest = json.loads((thawline.directory / "without" / MANIFEST).read_text())
        assert manifest["largest_difference"]["probabilities_of_raw_tracks"] is None

        said = thawline("export", run, f"data.path={place / 'tracks.csv'}", "out=moved")
        assert "golden examples" not in said
        assert "largest difference from the run's own probabilities, from raw tracks" in said
        assert digests(thawline.directory / "moved") == digests(folder)

        other = shutil.copytree(place, tmp_path / "other")
        for path in other.rglob("*.flac"):
            path.write_bytes(path.read_bytes()[:-100])
        refused = thawline.refused("export", run, f"data.path={other / 'tracks.csv'}", "out=wrong")
        assert "these are not the data of" in refused
        assert refused.endswith("has another content; give where they are now")
        assert not (thawline.directory / "wrong").exists()
    finally:
        place.rename(root)


def test_predict_and_golden_cases_take_it_from_the_command_line(joined, thawline):
    root, run, folder = joined
    tracks = [root / path for path in read_predictions(run / "predictions.parquet").paths]
    (thawline.directory / "not sound.wav").write_text("words")
    thawline("predict", folder, *tracks, "not sound.wav", "out=said.jsonl", "percent=true", "top=2")
    said = [json.loads(line) for line in (thawline.directory / "said.jsonl").read_text().splitlines()]
    assert len(said) == len(tracks) + 1
    assert sum(said[0]["all_scores"].values()) == pytest.approx(100)
    assert len(said[0]["predictions"]) == 2
    assert said[-1]["primary_genre"] is None
    assert said[-1]["problem"]
    heard = said[0]["acousticness"] / 100
    right = f"genre: {said[0]['primary_genre']}, acousticness: [{heard - 0.01:.4f}, {heard + 0.01:.4f}]"
    golden = thawline.directory / "golden.yaml"
    golden.write_text(f"- {{file: '{tracks[0]}', {right}}}\n", encoding="utf-8")
    assert "golden cases: 1 of 1 passed" in thawline("evaluate", folder, "golden=golden.yaml")
    golden.write_text(f"- {{file: '{tracks[0]}', {right}, instruments: [violin]}}\n", encoding="utf-8")
    assert "no violin" in thawline("evaluate", folder, "golden=golden.yaml", status=1)
    refused = thawline.refused("export", run, "format=onnx")
    assert refused == "format=onnx is for models of photos; leave it out for an ensemble of tracks"


def test_a_planted_fiddle_moves_country_up_by_exactly_what_the_table_says(joined):
    root, run, folder = joined
    bundle = load(folder, device="cpu")
    hints = bundle.members[2].bundle.classifier._head
    path = root / read_predictions(run / "predictions.parquet").paths[0]

    def said():
        [record] = bundle.predict(path)
        return record, np.array([record["all_scores"][name] for name in bundle.labels])

    _, before = said()
    plant(hints.tagger, FLUTE, 0.9)
    record, flute = said()
    assert np.array_equal(before, flute)  # the table has no flute
    assert record["primary"] == "flute"
    plant(hints.tagger, VIOLIN, 0.8)
    record, after = said()
    assert [one["instrument"] for one in record["instruments_detected"]] == ["flute", "violin"]
    assert record["instruments_detected"][1]["confidence"] == pytest.approx(0.8)
    assert (record["has_acoustic"], record["has_electronic"]) == (True, False)
    assert record["all_scores"]["country"] > flute[0]

    # A score of 1 would add .3 to country, and .4 to bluegrass, which is country where there is no bluegrass.
    def shares(violin):
        heard = {"Violin, fiddle": violin, "Synthesizer": 0.1, "Electric guitar": 0.1, "Acoustic guitar": 0.1}
        added = hinted(heard, bundle.labels) + 0.01
        return added / added.sum(), added

    assert shares(0.8)[1][0] - shares(0.1)[1][0] == pytest.approx(0.7 * (0.3 + 0.4))
    assert after - before == pytest.approx(0.2 * (shares(0.8)[0] - shares(0.1)[0]), abs=1e-6)


def test_a_member_that_cannot_read_a_track_is_left_out_and_named(joined, monkeypatch):
    root, run, folder = joined
    bundle = load(folder, device="cpu")
    path = root / read_predictions(run / "predictions.parquet").paths[0]
    [whole] = bundle.predict(path)

    def unreadable(path, windowing, starts):
        raise UnusableError("no sound at 0.0 s, where there was some before")

    monkeypatch.setattr("thawline.tasks.genre.bundle.ensemble.read_windows", unreadable)
    [record] = bundle.predict(path)  # the first member's windows came with the check of the file
    assert record["method"] == "ensemble (60/20/20 weights), without trees, without hints"
    assert record["all_scores"] == pytest.approx(whole["components"]["mel_cnn"]["scores"])
    assert [one["weight"] for one in record["components"].values()] == [1, 0, 0]
    assert record["components"]["hints"]["problem"] == "no sound at 0.0 s, where there was some before"
    assert (record["acousticness"], record["instruments_detected"]) == (None, None)


def test_hints_that_were_loaded_say_what_the_head_says(joined):
    classes = ["country", "electronic", "metal"]
    hints = load(joined[2] / "members" / "hints", device="cpu")
    assert hints.labels == tuple(classes)

    class Planted(torch.nn.Module):
        def forward(self, features):
            return features["planted"]

    head = hints_head(SimpleNamespace(family="planted", labels=audioset_labels(), classifier=Planted()), classes)
    logits = torch.full((2, 527), -30.0)
    logits[:, audioset_labels().index("Electric guitar")] = 0.0
    logits[1, VIOLIN] = math.log(0.8 / 0.2)
    added = torch.exp(head({"planted": logits})).double().numpy() - 0.01
    assert added[1] - added[0] == pytest.approx(0.8 * np.array([0.3 + 0.4, 0, 0]), abs=1e-6)
    assert added[0] == pytest.approx([0, 0, 0.5 * 0.3], abs=1e-6)
    assert torch.equal(head.beside["shares"], hints.classifier._head.beside["shares"])


def test_it_is_judged_by_new_tracks_of_other_artists(joined, thawline, tmp_path):
    root, run, folder = joined
    known = read_split_rows(run / "split.csv")[0]
    new = make_genre(tmp_path / "New songs", artists=2, tracks_per_artist=1, seconds=2, seed=5)
    with new.file.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in load(folder).labels]
    # Of these one is by an artist of theirs, in other letters; and there is a copy of a track of theirs.
    rows[0]["artist"] = f"  {known.artist.upper()}"
    shutil.copy(root / known.path, new.root / "copy.wav")
    copy = {**rows[1], "audio_path": "copy.wav", "artist": "somebody else"}
    with (new.root / "some.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows([*rows, copy])
    thawline("evaluate", folder, new.root / "some.csv", "logger=none")
    report = json.loads((thawline.runs("evaluate")[-1] / "data_report.json").read_text())
    assert {one["name"] for one in report["left_out"]} == {"copy.wav", rows[0]["audio_path"]}
    said = read_predictions(thawline.runs("evaluate")[-1] / "predictions.parquet")
    assert set(said.paths) == {row["audio_path"] for row in rows[1:]}
    facts = thawline.metrics("evaluate")
    assert facts["kind"] == "tracks"
    assert facts["method"] == json.loads((run / "metrics.json").read_text())["method"]
    assert facts["baseline"] == "majority class"
    records = load(folder, device="cpu").predict([new.root / path for path in said.paths])
    for answer, wanted, record in zip(said.said, said.probabilities, records, strict=True):
        assert record["primary_genre"] == said.classes[answer]
        assert [record["all_scores"][name] for name in said.classes] == pytest.approx(wanted, abs=1e-6)
    for member in sorted((folder / "members").iterdir()):
        held = (member / "trained.json").read_text()
        assert sorted(json.loads(held)["samples"]) == ["album", "artist", "digest", "phash"]
        assert known.artist not in held
    # Its weights and temperatures were fitted on what its members held out.
    with (tmp_path / "theirs.csv").open("w", newline="", encoding="utf-8") as file:
        theirs = ((str(root / row.path), row.label) for row in read_split_rows(run / "split.csv"))
        csv.writer(file).writerows([("audio_path", "label"), *theirs])
    assert "nothing is left to judge by" in thawline.refused("evaluate", folder, tmp_path / "theirs.csv", "logger=none")
