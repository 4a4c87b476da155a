"""Descriptions made where the owner's are missing, short, or those of many; and that nothing is learnt of these."""

import json
from pathlib import Path

import numpy as np
import pytest

from thawline.cli import main
from thawline.tasks.library.enhancing.corrections import Correction, add_corrections
from thawline.tasks.library.enhancing.making import PhotoFacts, make
from thawline.tasks.library.enhancing.parts import Join, Parts
from thawline.tasks.library.enhancing.wanting import GENERIC, MISSING, SHORTER, why
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.train import train_library

PARTS = Parts(
    {("black", "dog"): Join("", 9), ("dog", "beach"): Join("on the", 7), ("beach", "black"): Join("", 1)},
    {"sand": [("sea", 0.75)]},
)
CAPTIONS = ("A black dog runs on the beach", "The white cat sleeps in a basket", "Two children swim in the lake")
TAGS = (["dog", "black", "beach"], ["cat", "white", "basket"], ["children", "lake", "swim"])


def entries():
    rows = []
    for number in range(60):
        row = {"id": number, "image_path": f"images/{number}.jpg", "meta_tags": TAGS[number % 3]}
        row["description"] = f"{CAPTIONS[number % 3]} {number}"
        rows.append(row)
    rows[0] |= {"description": "", "face_encodings": [[1.0, 0.0]], "location": {"city": "Como", "lat": 46.0}}
    rows[0] |= {"created_at": "2021-07-14T10:00:00Z"}
    rows[1] |= {"description": "IMG_0001.JPG", "detailed_description": "Indoors. A white cat lies near the fire."}
    rows[2] |= {"description": "Swimming"}
    for number in range(3, 8):
        rows[number]["description"] = "All of us on holiday last summer"
    return rows


def train(folder, rows, **settings):
    path = folder / "library.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    report = train_library(LibraryTrainSettings(file=str(path), out=str(folder / "learnt"), **settings))
    assert json.loads(path.read_text(encoding="utf-8")) == rows
    return report


def improved(folder):
    return json.loads((folder / "learnt" / "improved_descriptions.json").read_bytes())


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    train(folder, entries())
    main(["library", "name", str(folder / "learnt"), "1", "Anna"])
    return folder, train(folder, entries())


def test_only_descriptions_that_want_it_are_improved_by_the_librarys_own_words(learnt):
    folder, report = learnt
    made = improved(folder)
    assert list(made) == ["0", "1", "2", "3", "4", "5", "6", "7"]
    assert made["0"] == {
        "old": "",
        "new": "Black dog, beach. Anna. Como, 2021-07-14.",
        "why": "it has no description that says anything; made of tags, people, place, time",
        "confidence": 1.0,
    }
    assert made["1"]["new"] == "A white cat lies near the fire. Basket."
    assert made["2"]["new"] == "Swimming. Children swim in the lake."
    assert made["3"]["new"] == "All of us on holiday last summer. Black dog, beach."
    assert made["3"]["why"] == "5 entries have its description; made of description, tags"
    said = report["stages"]["descriptions"]
    assert said["entries"] == {"new": 0, "changed": 1, "gone": 0, "kept": 7}  # one with a name now
    assert said["figures"]["reasons"] == {"generic": 5, "missing": 2, "short": 1}
    quality = report["quality"]["descriptions"]["quality"]
    assert quality["judged"] == quality["hidden_tags"] == 60
    # Of three tags that always come together one that is hidden is said, since the others bring it along.
    assert quality["tag_recall"]["value"] == quality["added_right"]["value"] == 1.0
    assert quality["tag_recall_of_the_tags_left"]["value"] == 0.0
    assert 0.5 < quality["tag_recall_of_the_owners"]["value"] < 1.0


def test_what_was_generated_is_not_learnt_from_when_it_comes_back(learnt, capsys):
    folder, _ = learnt
    before = {path.name: path.read_bytes() for path in (folder / "learnt").glob("*_*.json")}
    rows, made = entries(), improved(folder)
    for row in rows[:8]:
        row["description"] = made[str(row["id"])]["new"].upper()
    train(folder, rows)
    assert "8 entries have descriptions that were generated" in capsys.readouterr().err
    after = {path.name: path.read_bytes() for path in (folder / "learnt").glob("*_*.json")}
    reports = {name: value.pop("training_report.json") for name, value in (("before", before), ("after", after))}
    assert after == before  # what generated texts say changed nothing, and they are still known
    figures = [json.loads(report)["stages"]["descriptions"]["figures"] for report in reports.values()]
    assert figures[0] == figures[1]


def test_what_the_owner_says_counts_and_no_training_changes_it(tmp_path):
    train(tmp_path, entries())
    folder = tmp_path / "learnt"
    add_corrections(folder, {"0": Correction(description="Rex"), "2": Correction(tags=("otter",))})
    add_corrections(folder, {"3": Correction(description="A mistake"), "9": Correction(tags=("wrong",))})
    add_corrections(folder, {"3": None, "9": None})
    facts = (folder / "corrections.json").read_bytes()
    train(tmp_path, entries())
    assert (folder / "corrections.json").read_bytes() == facts
    made = improved(tmp_path)
    assert "0" not in made
    assert made["2"]["new"] == "Swimming. Otter."
    assert made["3"]["old"] == "All of us on holiday last summer"
    counts = dict(json.loads((folder / "category_patterns.json").read_bytes())["common_tags"])
    assert (counts["otter"], counts["lake"], "wrong" in counts) == (1, 19, False)
    assert "corrected by their owner: 2 of the entries" in (folder / "training.log").read_text(encoding="utf-8")


def test_a_person_forgotten_is_in_no_description(tmp_path):
    train(tmp_path, entries())
    folder = tmp_path / "learnt"
    main(["library", "name", str(folder), "1", "Zoë Q"])
    train(tmp_path, entries())
    assert "Zoë Q" in improved(tmp_path)["0"]["new"]
    add_corrections(folder, {"5": Correction(tags=("Zoë Q", "cat"), description="Here is Zoë Q.")})
    main(["library", "forget", str(folder), "Zoë Q"])
    train(tmp_path, entries())
    for path in filter(Path.is_file, folder.rglob("*")):
        assert "zoë q" not in path.read_bytes().decode("utf-8", "ignore").casefold(), path.name
    assert improved(tmp_path)["0"]["new"] == "Black dog, beach. Como, 2021-07-14."
    tags = dict(json.loads((folder / "category_patterns.json").read_bytes())["common_tags"])
    assert not any("forgotten" in tag for tag in tags)


def test_a_person_forgotten_leaves_no_name_of_before(tmp_path):
    train(tmp_path, entries())
    folder = tmp_path / "learnt"
    for name in ("Annegret", "Annegrit", ""):
        main(["library", "name", str(folder), "1", name])
        if name == "Annegret":
            train(tmp_path, entries())
    assert "Annegret" in improved(tmp_path)["0"]["new"]
    main(["library", "forget", str(folder), "1"])
    for path in filter(Path.is_file, folder.rglob("*")):
        assert b"annegr" not in path.read_bytes().lower(), path.name


def test_a_library_without_faces_is_learnt_twice(tmp_path):
    for _ in range(2):
        rows = [{"id": n, "image_path": f"{n}.jpg", "meta_tags": ["a tree"]} for n in range(3)]
        report = train(tmp_path, rows)
        assert report["status"] == "completed"
    assert report["stages"]["descriptions"]["entries"] == {"new": 0, "changed": 0, "gone": 0, "kept": 3}
    assert report["quality"]["descriptions"]["quality"] is None


@pytest.mark.parametrize(
    ("known", "text", "confidence"),
    [
        (PhotoFacts(["black", "beach", "dog"]), "Black dog on the beach.", 1.0),
        (PhotoFacts(["sand"]), "Sand, sea.", 0.875),
        (
            PhotoFacts(["dog"], ["Anna", "Ben", "Anna"], "Como", begin="Anna smiles!"),
            "Anna smiles! Dog. Ben. Como.",
            1.0,
        ),
        (PhotoFacts(["the", "1", "dog"]), "Dog.", 1.0),
        (PhotoFacts(), "", 0.0),
        (PhotoFacts([f"tag{chr(97 + n)}" for n in range(30)]), None, 1.0),
    ],
)
def test_a_description_is_made_of_what_is_known(known, text, confidence):
    made = make(known, PARTS)
    if text is None:
        assert made.text.count(",") == 11
    else:
        assert made.text == text
    assert made.confidence == confidence


@pytest.mark.parametrize(
    ("description", "times", "reason"),
    [
        ("", 9, MISSING),
        ("DSC_1234", 1, MISSING),
        ("holiday.jpeg", 1, MISSING),
        ("At the 2", 1, MISSING),
        ("rome sunset", 1, MISSING),  # its file's own name
        ("A dog", 1, SHORTER),
        ("Our dog swims over the lake", 5, ""),
        ("Our family in the summer holiday", 5, GENERIC),
        ("Our family in the summer holiday", 4, ""),
    ],
)
def test_what_wants_improving_is_told_by_what_it_says(description, times, reason):
    assert why(description, "photos/rome_sunset_12.jpg", ["dog", "lake"], times) == reason


def test_a_damaged_file_of_descriptions_is_made_anew_and_corrections_are_not_passed_over(tmp_path, capsys):
    rows = entries()[:12]
    train(tmp_path, rows)
    folder, whole = tmp_path / "learnt", improved(tmp_path)
    for name in ("improved_descriptions.json", "generated.npz", "description_parts.json"):
        (folder / name).write_bytes(b"{")
    (folder / "training_report.json").write_bytes(b"[1]")
    train(tmp_path, rows)
    assert improved(tmp_path) == whole
    assert np.load(folder / "generated.npz")["digests"].size == len(whole)
    (folder / "corrections.json").write_text('[{"id": 1}]', encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["library", "train", str(tmp_path / "library.json"), f"out={folder}"])
    assert ended.value.code == 2
    assert "corrections.json is damaged" in capsys.readouterr().err
