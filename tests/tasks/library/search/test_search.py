"""What is learnt of a library's words, and search in it as it is typed."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.tasks.library.search.made import ANNA, entries

from thawline.cli import main
from thawline.errors import UserError
from thawline.runs.settings import PathsSettings
from thawline.tasks.library.patterns.tags import number_tags
from thawline.tasks.library.patterns.words import encode
from thawline.tasks.library.search.indexes.lexical import Lexical, expanded, first
from thawline.tasks.library.search.searcher import load
from thawline.tasks.library.search.settings import SearchSettings
from thawline.tasks.library.search.wording.said import CAPTION, DETAIL, TAG, say
from thawline.tasks.library.search.wording.stems import Stems, guess_language
from thawline.tasks.library.search.wording.terms import read_terms
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.train import train_library


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A library's directory, in which one of two people is called Anna."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "library.json").write_text(json.dumps(entries()), encoding="utf-8")
    (folder / "0.jpg").write_bytes(b"a photo")
    report = train_library(LibraryTrainSettings(file=str(folder / "library.json"), out=str(folder / "learnt")))
    people = json.loads((folder / "learnt" / "face_clusters.json").read_bytes())["people"]
    anna = next(one["id"] for one in people if "0#0" in one["faces"])
    assert main(["library", "name", str(folder / "learnt"), str(anna), "Anna"]) is None
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder / "learnt"


def test_what_is_said_in_the_same_place_of_the_same_photo_is_a_synonym_and_what_stands_beside_it_is_not(library):
    terms = read_terms(library)
    for word, other in [("sofa", "couch"), ("car", "automobile"), ("shore", "beach"), ("drives", "steers")]:
        assert other in terms.synonyms[word]
        assert word in terms.synonyms[other]
    assert not {"window", "dog", "man", "road"} & set(terms.synonyms)
    assert "window" in terms.related["dog"]
    assert "couch" not in terms.related["sofa"]
    assert "dog" in terms.broader["terrier"]
    assert "terrier" not in terms.broader.get("dog", [])
    written = json.loads((library / "search_index.json").read_bytes())
    assert list(written) == ["format", "language", "synonyms", "related", "broader"]
    assert written["language"] == "english"


def test_words_synonyms_and_names_find(library):
    searcher = load(library)
    found = searcher.search("couches", 60)
    assert {int(one.id) % 3 for one in found} == {0}
    assert found[0].by[0] == "word couch"
    assert "synonym sofa" in found[0].by
    assert [one.id for one in searcher.search("anna", 60)] == list(ANNA)
    first_ones = searcher.search("Anna in a car", 5)
    assert [(one.id, one.by[0]) for one in first_ones[:3]] == [
        ("4", "person Anna"),
        ("7", "person Anna"),
        ("0", "person Anna"),
    ]
    assert first_ones[3].by[:2] == ("word car", "synonym automobile")
    assert [one.score for one in first_ones] == sorted((one.score for one in first_ones), reverse=True)
    assert searcher.search("a zebra") == searcher.search("of the") == searcher.search("") == []


def test_tags_and_days_choose_what_may_be_found(library):
    searcher = load(library)
    day = next(one.created for one in searcher.entries if one.id == "27")
    assert {int(one.id) % 6 for one in searcher.search("dog", 60, tags=["TERRIER"])} == {3}
    assert [one.id for one in searcher.search("dog", 60, since=day)] == ["27"]


def test_search_as_typed(library, tmp_path, capsys):
    out = tmp_path / "found.csv"
    main(["library", "search", str(library), "a", "wild zebra by the windw", "sofa", "count=2", f"out={out}"])
    said = capsys.readouterr().out
    assert "no entry says 'zebra'\nno entry says 'windw', but window\n" in said
    assert max(map(len, said.splitlines()[:-1])) <= 80
    assert "marked with *: photos that are not where the library says, 2 of 2\n" in said
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["is_there"], row["tags"]) for row in rows] == [
        ("18", "False", "pet; indoors"),
        ("48", "False", "pet; indoors"),
    ]
    assert rows[0]["by"].startswith("word wild; word sofa; synonym couch")
    main(["library", "search", str(library), "pet", "count=1", f"out={tmp_path / 'found.jsonl'}"])
    line = json.loads((tmp_path / "found.jsonl").read_bytes())
    assert (line["id"], line["is_there"], line["created_at"]) == ("0", True, "2024-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([""], "nothing is searched for; give some words"),
        (["of", "the"], "'of the' says nothing that could be searched for"),
        (["wndow"], "nothing is found: no entry says 'wndow', but window"),
        (["dog", "since=2030-01-01"], "no entry that tags and since let through says so"),
        (["dog", "count=0"], "count=0 must be 1 to 10000"),
        (["dog", "out=found.txt"], "must be a file whose name ends in .jsonl or .csv"),
        (["dog", "since=soon"], "since=soon is no time"),
    ],
)
def test_what_finds_nothing_is_one_sentence(library, words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["library", "search", str(library), *words])
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_without_an_index_it_says_what_to_run(library, tmp_path):
    with pytest.raises(UserError, match="has no index to search yet; run thawline library train FILE out="):
        load(tmp_path)
    damaged = tmp_path / "damaged"
    shutil.copytree(library, damaged)
    (damaged / "search" / "lexical" / "data.csc.index.npy").write_bytes(b"x")
    with pytest.raises(UserError, match="is damaged"):
        load(damaged)
    for name in ("entries.jsonl", "words.json"):
        shutil.copytree(library / "search", damaged / "search", dirs_exist_ok=True)
        whole = (damaged / "search" / name).read_bytes()
        (damaged / "search" / name).write_bytes(b"{}" if name == "words.json" else whole[: len(whole) // 2])
        with pytest.raises(UserError, match="is damaged"):
            load(damaged)
    (damaged / "search_index.json").unlink()
    shutil.copytree(library / "search", damaged / "search", dirs_exist_ok=True)
    with pytest.raises(UserError, match="nothing can be searched there yet"):
        load(damaged)


def test_the_report_has_what_captions_that_are_held_out_find(library):
    report = json.loads((library.parent / "report.json").read_bytes())
    held = report["quality"]["search"]["held_out"]
    assert held["captions"] == 60
    assert 0 <= held["words"]["recall@10"]["low"] <= held["words"]["recall@10"]["value"] <= 1
    assert set(held["tests"]) == {"words against words_without_synonyms"}
    assert report["stages"]["search"]["entries"] == {"indexed": 60}


def test_a_second_training_makes_the_index_anew_only_where_something_changed(library, tmp_path):
    folder = tmp_path / "learnt"
    shutil.copytree(library, folder)
    given = LibraryTrainSettings(file=str(library.parent / "library.json"), out=str(folder))
    files = {path: path.read_bytes() for path in sorted((folder / "search").rglob("*")) if path.is_file()}
    times = {path: path.stat().st_mtime_ns for path in files}
    assert train_library(given)["stages"]["search"]["entries"] == {"new": 0}
    assert {path: path.stat().st_mtime_ns for path in files} == times
    (folder / "search_index.json").unlink()
    train_library(given)  # the same library gives the same bytes
    assert {path: path.read_bytes() for path in files} == files
    rows = [*entries()[:-1], {"id": "60", "image_path": "60.jpg", "description": "A zebra in the snow"}]
    (tmp_path / "library.json").write_text(json.dumps(rows), encoding="utf-8")
    train_library(LibraryTrainSettings(file=str(tmp_path / "library.json"), out=str(folder)))
    searcher = load(folder)
    assert [one.id for one in searcher.search("zebras")] == ["60"]
    assert "59" not in {one.id for one in searcher.search("wave", 60)}


def test_a_forgotten_name_finds_nobody_and_search_goes_on(library, tmp_path):
    folder = tmp_path / "learnt"
    shutil.copytree(library, folder)
    main(["library", "forget", str(folder), "Anna"])
    searcher = load(folder)
    assert searcher.understand("Anna").unknown == ("anna",)
    assert len(searcher.search("sofa", 60)) == 20


def test_a_library_without_any_text_can_be_learnt_and_says_that_nothing_is_found(tmp_path):
    (tmp_path / "library.json").write_text(json.dumps([{"id": 1, "image_path": "1.jpg"}]), encoding="utf-8")
    given = LibraryTrainSettings(file=str(tmp_path / "library.json"), out=str(tmp_path / "learnt"))
    for _ in range(2):
        train_library(given)
    assert load(tmp_path / "learnt").search("dog") == []


def test_what_is_said_is_counted_by_part():
    texts = encode([("Two dogs. A cat", "The dogs run"), ("", "Cats"), ("", "")])
    said = say(texts, number_tags([("hot dog",), (), ("Cat", "run")]))
    assert said.stems == ["cat", "dog", "hot", "run", "two"]
    assert said.shown == ["cat", "dogs", "hot", "run", "two"]
    shown = sorted(zip(said.rows.tolist(), said.kinds.tolist(), (said.stems[t] for t in said.terms), strict=True))
    assert shown == sorted(
        [
            (0, CAPTION, "two"),
            (0, CAPTION, "dog"),
            (0, CAPTION, "cat"),
            (0, DETAIL, "dog"),
            (0, DETAIL, "run"),
            (0, TAG, "hot"),
            (0, TAG, "dog"),
            (1, DETAIL, "cat"),
            (2, TAG, "cat"),
            (2, TAG, "run"),
        ]
    )
    in_parts = [set(said.parts[said.rows == row].tolist()) for row in range(3)]
    assert [len(own) for own in in_parts] == [4, 1, 1]
    assert not in_parts[0] & in_parts[1] | in_parts[1] & in_parts[2]
    assert said.of_entries()[2] == [0, 3]


def test_synonyms_count_less_and_the_first_are_in_order():
    texts = encode([("cat", ""), ("kitten", ""), ("cat kitten", ""), ("dog", ""), ("cat", "")])
    said = say(texts, number_tags([()] * 5), "none")
    index = Lexical.build(said)
    cat, kitten = index.terms["cat"], index.terms["kitten"]
    weights = expanded([cat], {cat: [kitten], kitten: [cat]}, 0.5)
    assert weights == {cat: 1.0, kitten: 0.5}
    assert expanded([cat], {cat: [kitten]}, 0) == {cat: 1.0}
    scores = index.scores(weights)
    np.testing.assert_allclose(scores, index.scores({cat: 1.0}) + 0.5 * index.scores({kitten: 1.0}), rtol=1e-6)
    assert first(scores, 3).tolist()[1:] == [0, 4] or first(scores, 3).tolist()[0] == 2
    assert first(index.scores({cat: 1.0}), 2).tolist() == [0, 4]
    assert first(index.scores({cat: 1.0}), 9, np.array([0, 1, 1, 1, 1], bool)).tolist() == [4, 2]
    assert index.says(cat, np.array([0, 1, 2, 3])).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the dog is on the beach with a boy and his ball", "english"),
        ("der Hund ist mit einem Jungen und seinem Ball am Strand", "german"),
        ("le chien est sur la plage avec un garçon et une balle", "french"),
        ("x1 qq zz yy", "none"),
    ],
)
def test_the_language_is_told_by_its_function_words(text, language):
    words = text.casefold().split()
    assert guess_language(words, np.ones(len(words), np.int64)) == language


def test_stems_leave_out_what_says_nothing():
    assert Stems("german").of(["die", "Hunde", "hunde", "12"]) == ["", "Hund", "hund", ""]
    assert Stems("none").of(["", "the", "dogs"]) == ["", "", "dogs"]
    with pytest.raises(UserError, match=r"search\.language=klingon has no stemmer; use auto, none, or one of arabic"):
        LibraryTrainSettings(
            file="x.json", search=SearchSettings(language="klingon"), paths=PathsSettings(outputs="o", run="r")
        )


def test_the_captions_of_people_find_their_photos_better_with_learnt_synonyms(shared_data: Path):
    from thawline.tasks.library.search.judging import judge_search

    rows = json.loads((shared_data / "library" / "images_metadata.json").read_bytes())
    texts = encode((row["description"], row["detailed_description"]) for row in rows)
    said = say(texts, number_tags([()] * len(rows)))
    figures = judge_search([str(row["id"]) for row in rows], said, most=800).figures
    with_, without = (figures[name]["recall@10"]["value"] for name in ("words", "words_without_synonyms"))
    assert with_ > without > 0.79
    assert figures["tests"]["words against words_without_synonyms"]["recall@10"]["p_value"] < 0.05


def test_a_thing_that_is_a_function_word_elsewhere_decides_no_language():
    words = ["dog", "on", "the", "a", "beach"]
    assert guess_language(words, np.array([40, 3, 2, 1, 9])) == "english"  # of these Danish has dog alone
    assert guess_language(words, np.array([4, 0, 0, 0, 90])) == "none"
