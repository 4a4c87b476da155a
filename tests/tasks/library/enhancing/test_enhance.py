"""What is said of new entries by what a library taught; corrections as they are typed; when to train again."""

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import thawline
from thawline.cli import main
from thawline.errors import UserError
from thawline.tasks.library.enhancing.advice import News, advise
from thawline.tasks.library.entries.entry import Entry
from thawline.tasks.library.people.store import read_people
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.train import train_library

ANNA, BEN = [1.0, 0.0, 0.1], [0.0, 1.0, 0.1]


def rows():
    made = []
    for number in range(40):
        row = {"id": number, "image_path": f"{number}.jpg", "meta_tags": ["dog", "black", "beach"]}
        row |= {"description": f"A black dog runs on the beach at {number}"}
        if number % 2:
            row |= {"meta_tags": ["cat", "basket"], "description": f"The cat sleeps in a basket at {number}"}
        if number < 12:
            row["face_encodings"] = [[value + number / 1000 for value in (ANNA, BEN)[number % 2]]]
        made.append(row)
    return made


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    (folder / "library.json").write_text(json.dumps(rows()), encoding="utf-8")
    train_library(LibraryTrainSettings(file=str(folder / "library.json"), out=str(folder / "learnt")))
    person = read_people(folder / "learnt").persons[0]
    main(["library", "name", str(folder / "learnt"), str(person), "Anna"])
    return folder / "learnt"


def test_a_new_entry_is_described_tagged_and_its_people_are_known(learnt, caplog, monkeypatch):
    # A command that another test ran in this process silences all loggers that there are.
    monkeypatch.setattr(logging.getLogger("thawline.tasks.library.enhancing.enhancer"), "disabled", False)
    with caplog.at_level(logging.INFO, logger="thawline"):
        library = thawline.load(learnt)
    report = json.loads((learnt / "training_report.json").read_bytes())
    assert library.version.startswith(f"{report['timestamp']}-")
    assert caplog.messages == [f"Enhanced analysis module loaded - using learned patterns (version {library.version})"]
    entry = {"id": "n1", "image_path": "n1.jpg", "meta_tags": ["dog", "beach"], "city": "Como"}
    entry |= {"created_at": "2024-05-06", "face_encodings": np.array([ANNA, [0.5, 0.5, -5.0], ANNA])}
    said = library.enhance(entry)
    assert said["description"] == "Black dog, beach. Anna. Como, 2024-05-06."
    assert (said["description_by"], said["version"]) == ("generated", library.version)
    assert 0.9 <= said["confidence"] <= 1.0
    assert list(said["related"]) == ["synonyms", "related", "broader"]
    assert said["tags"][:2] == [{"tag": tag, "probability": 1.0, "by": ["owner"]} for tag in ("dog", "beach")]
    assert said["tags"][2]["tag"] == "black"
    assert [(one["face"], one["name"]) for one in said["people"]] == [(0, "Anna"), (1, None), (2, None)]
    assert said["people"][1]["person"] is None
    json.dumps(said, allow_nan=False)


def test_what_the_owner_wrote_stays(learnt):
    said = thawline.load(learnt).enhance({"description": "Our dog swims over the cold lake", "meta_tags": ["dog"]})
    assert (said["description"], said["description_by"]) == ("Our dog swims over the cold lake", "owner")
    assert said["id"] == "new"


@pytest.mark.parametrize(
    ("entry", "noted"),
    [
        ({"meta_tags": ["<b>x</b>", "dog"]}, "markup"),
        ({"face_encodings": [[float("nan"), 1.0]]}, "NaN"),
        ({"face_encodings": [[1.0, 2.0]]}, "two networks"),
        ({"description": 7}, "a number, not text"),
        ({"created_at": "soon"}, "no time"),
    ],
)
def test_what_cannot_be_used_of_an_entry_is_noted(learnt, entry, noted):
    said = thawline.load(learnt).enhance(entry)
    assert len(said["notes"]) == 1
    assert noted in said["notes"][0]


def test_an_entry_that_is_none_and_a_directory_without_a_training_are_sentences(learnt, tmp_path):
    with pytest.raises(UserError, match="an id that is a list"):
        thawline.load(learnt).enhance({"id": [1]})
    (tmp_path / "training_report.json").write_text("[", encoding="utf-8")
    with pytest.raises(UserError, match="is damaged; run thawline library train"):
        thawline.load(tmp_path)


def test_a_library_is_no_bundle_where_one_is_asked_for(learnt, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(learnt), "x.jpg"])
    assert ended.value.code == 2
    assert "is no bundle" in " ".join(capsys.readouterr().err.split())


def test_a_service_that_opens_a_library_needs_no_hydra_lightning_or_torch(learnt):
    code = (
        "import sys, thawline;"
        "thawline.load(sys.argv[1]).enhance({'face_encodings': [[1.0, 0, 0.1]], 'meta_tags': ['dog']});"
        "sys.exit(any(name.split('.')[0] in ('hydra', 'lightning', 'torch') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(learnt)], check=False).returncode == 0


def test_a_file_of_entries_is_enhanced_as_typed(learnt, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    new = [{"id": f"n{i}", "image_path": "x.jpg", "meta_tags": ["dog"], "face_encodings": [ANNA]} for i in range(3)]
    (tmp_path / "new.json").write_text(json.dumps([*new, 5]), encoding="utf-8")
    main(["library", "enhance", str(learnt), "new.json", "out=said here.json"])
    printed = capsys.readouterr().out
    assert "Enhanced analysis module loaded - using learned patterns (version" in " ".join(printed.split())
    assert "not used: entry 4: a number" in printed
    assert "3 entries: 3 descriptions made" in printed
    said = json.loads((tmp_path / "said here.json").read_bytes())
    assert [one["id"] for one in said] == ["n0", "n1", "n2"]
    assert said[0]["people"][0]["name"] == "Anna"
    with pytest.raises(SystemExit) as ended:
        main(["library", "enhance", str(learnt), "new.json", "out=new.json"])
    assert ended.value.code == 2
    assert json.loads((tmp_path / "new.json").read_bytes())[0] == new[0]


def test_corrections_as_typed_outweigh_what_is_generated(learnt, tmp_path, capsys):
    main(["library", "correct", str(learnt), "n7", "tags=[fox,den]"])
    main(["library", "correct", str(learnt), "n7", "description=A fox, at last: really"])
    assert "in no training yet: n7" in capsys.readouterr().out
    said = thawline.load(learnt).enhance({"id": "n7", "meta_tags": ["dog"]})
    assert (said["description"], said["description_by"]) == ("A fox, at last: really", "correction")
    assert said["tags"] == [{"tag": tag, "probability": 1.0, "by": ["correction"]} for tag in ("fox", "den")]
    capsys.readouterr()
    main(["library", "correct", str(learnt), "n7", "undo=true"])
    assert capsys.readouterr().out.startswith("entry n7 is as the library's file has it again\n")
    said = thawline.load(learnt).enhance({"id": "n7", "meta_tags": ["dog"]})
    assert (said["description_by"], said["tags"][0]["tag"]) == ("generated", "dog")
    table = tmp_path / "c.csv"
    table.write_text('id,tags,description\n1,"a;b",\nn8,,Said\n9,<b>x</b>,\n,x,\n', encoding="utf-8")
    main(["library", "correct", str(learnt), f"file={table}"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "not used: row 4: row 4 (id 9): meta_tags: a tag with markup" in printed
    assert "2 corrected" in printed
    assert thawline.load(learnt).enhance({"id": "n8"})["description"] == "Said"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1"], "say tags=[…]"),
        (["1", "undo=true", "tags=[a]"], "say tags=[…]"),
        ([], "name one entry by its ID"),
        (["1", "tags=['<b>a</b>']"], "markup"),
        (["file=none.csv"], "none.csv"),
        (["n9", "undo=true"], "nothing is corrected of entry n9"),
    ],
)
def test_a_correction_that_says_nothing_is_a_sentence(learnt, capsys, words, said):
    before = (learnt / "corrections.json").exists() and (learnt / "corrections.json").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(["library", "correct", str(learnt), *words])
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert ((learnt / "corrections.json").exists() and (learnt / "corrections.json").read_bytes()) == before


def test_it_says_when_to_train_again_and_why(tmp_path):
    now = datetime(2026, 5, 1, tzinfo=UTC)
    report = {"status": "completed", "timestamp": "2026-04-30T00:00:00Z"}
    news = News({"old"}, ["Dog"])
    assert advise(report, 49, news, now) == []
    for number in range(500):
        tags = ("dog", "Otter") if number < 10 else ("dog", "once") if number < 19 else ("dog",)
        for _ in range(2):  # an entry that is asked about twice is one
            news.see(Entry(str(number), "", tmp_path, tags=tags))
    news.see(Entry("old", "", tmp_path, tags=("Otter",)))
    assert advise(report, 50, news, now + timedelta(days=30)) == [
        "500 images are new",
        "50 entries were corrected since",
        "new categories: otter",
        "the last training was 31 days ago",
    ]
    assert advise({"status": "failed", "timestamp": report["timestamp"]}, 0, News((), ()), now) == [
        "the last training did not come to its end"
    ]


def test_advice_as_typed_counts_what_is_new_in_the_file(learnt, tmp_path, capsys):
    main(["library", "advice", str(learnt)])
    assert capsys.readouterr().out == "0 new entries\nthere is no need to train again\n"
    grown = [*rows(), *({"id": f"n{i}", "image_path": "x", "meta_tags": ["otter"]} for i in range(500))]
    (tmp_path / "grown.json").write_text(json.dumps(grown), encoding="utf-8")
    main(["library", "advice", str(learnt), str(tmp_path / "grown.json")])
    printed = " ".join(capsys.readouterr().out.split())
    assert "500 new entries train again: 500 images are new; new categories: otter next" in printed


def test_of_a_forgotten_person_no_word_is_left_and_nothing_is_said(tmp_path):
    made = rows()
    for row in made[::2]:
        row["meta_tags"] = ["dog", "Charles"]
        row["description"] += " with Charles and Charles's ball"
    (tmp_path / "library.json").write_text(json.dumps(made), encoding="utf-8")
    folder = tmp_path / "learnt"
    train_library(LibraryTrainSettings(file=str(tmp_path / "library.json"), out=str(folder)))
    person = str(read_people(folder).persons[0])
    main(["library", "name", str(folder), person, "Charles"])
    new = {"id": "n", "meta_tags": ["dog"]}
    said = thawline.load(folder).enhance(new)
    assert "Charles" in [one["tag"] for one in said["tags"]]
    assert "Charles" in said["description"]
    main(["library", "forget", str(folder), "charles"])
    left = [path for path in folder.rglob("*") if path.is_file() and b"charl" in path.read_bytes().lower()]
    assert left == []
    for text in (None, "A black dog runs with a ball"):
        assert "forgotten" not in json.dumps(thawline.load(folder).enhance(new | {"description": text}))
    main(["library", "search", str(folder), "dog"])
    train_library(LibraryTrainSettings(file=str(tmp_path / "library.json"), out=str(folder)))
    assert person not in map(str, read_people(folder).persons)
