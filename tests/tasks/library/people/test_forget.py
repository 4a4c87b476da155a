import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.library.people.made import encodings_of, one_each

from thawline.errors import UserError
from thawline.files import write_json
from thawline.tasks.library.people.faces import Faces
from thawline.tasks.library.people.forget import forget_person, without_person
from thawline.tasks.library.people.learn import learn_people
from thawline.tasks.library.people.naming import find_person, name_person
from thawline.tasks.library.people.settings import PeopleSettings
from thawline.tasks.library.people.store import NUMBERS, WORDS, read_people, write_people

NAME = "Zoë Quartz"


@pytest.fixture
def faces() -> Faces:
    return one_each(encodings_of([5, 4, 3], noise=0.2, width=128)[0])


def named(directory: Path, faces: Faces) -> int:
    learn_people(directory, faces, PeopleSettings())
    people = read_people(directory)
    person = int(people.persons[0])
    write_people(directory, name_person(people, person, NAME))
    return person


def traces(directory: Path, faces: Faces) -> list[str]:
    """Files with a byte of the name or of a face."""
    found = []
    for path in directory.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        names = (NAME.encode(), NAME.casefold().encode(), json.dumps(NAME)[1:-1].encode(), NAME.encode("utf-16-le"))
        rows = [row[:4].tobytes() for kind in ("<f4", "<f8") for row in np.asarray(faces.encodings, kind)]
        digits = [repr(float(row[0])).encode() for row in faces.encodings]
        if any(trace in data for trace in (*names, *rows, *digits)):
            found.append(path.name)
    return sorted(found)


def test_forget_leaves_no_byte_and_training_brings_nothing_back(tmp_path: Path, faces: Faces) -> None:
    person = named(tmp_path, faces)
    (tmp_path / "training.log").write_text(f"12:00 person 1 is called {NAME.upper()}\n12:01 done\n")
    write_json(tmp_path / "improved.json", {"a": [f"{NAME} at the beach", {NAME: 1}], "b": faces.encodings[7].tolist()})
    (tmp_path / "escaped.json").write_text(json.dumps({"old": f"with {NAME}"}))
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / f"{NAME}.jpg").write_bytes(b"\xff\xd8")
    np.savez(tmp_path / "cache.npz", names=np.array([NAME]), rows=np.zeros(3))
    np.save(tmp_path / "features.npy", faces.units[3].astype(np.float64))
    write_json(tmp_path / "vectors.json", {"faces": [faces.encodings[0].tolist()]})
    (tmp_path / f".{WORDS}.999999999.tmp").write_text(NAME)
    (tmp_path / "others.json").write_text(json.dumps({"quartz watch": 1, "Zoë K": 2}))
    write_json(tmp_path / "words.json", ["dog", "zoë", {"quartz": ["ZOË"]}])
    write_json(tmp_path / "corrections.json", [{"id": "1", "at": "", "tags": ["quartz", NAME]}])
    np.savez(tmp_path / "listed.npz", words=np.frombuffer("dog\nzoë\n".encode(), np.uint8))
    np.savez(tmp_path / "other.npz", words=np.frombuffer("dog\nzoëtrope\n".encode(), np.uint8))
    own = faces.take(np.arange(5))
    assert len(traces(tmp_path, own)) > 5
    left, touched = forget_person(tmp_path, read_people(tmp_path), person)
    assert traces(tmp_path, own) == []
    assert touched == [
        "cache.npz", "corrections.json", "escaped.json", "features.npy", "improved.json", "listed.npz",
        f"page/{NAME}.jpg", "training.log", "vectors.json", "words.json",
    ]  # fmt: skip
    assert json.loads((tmp_path / "improved.json").read_text())["a"] == ["[forgotten] at the beach", {"[forgotten]": 1}]
    assert (tmp_path / "training.log").read_text() == "12:00 person 1 is called [forgotten]\n12:01 done\n"
    assert json.loads((tmp_path / "others.json").read_text()) == {"quartz watch": 1, "Zoë K": 2}
    gone = "[forgotten]"
    assert json.loads((tmp_path / "words.json").read_text()) == ["dog", gone, {gone: [gone]}]
    assert json.loads((tmp_path / "corrections.json").read_text())[0]["tags"] == ["quartz", gone]
    assert left.faces.keys == faces.keys[5:]
    # the library's own file has the faces still
    figures = learn_people(tmp_path, faces, PeopleSettings())
    assert (figures["faces"], figures["new_faces"]) == (7, 0)
    assert traces(tmp_path, own) == []
    # ... and under other ids
    learn_people(tmp_path, one_each(own.encodings, 500), PeopleSettings())
    assert traces(tmp_path, own) == []


@settings(max_examples=8)
@given(st.integers(0, 100), st.integers(0, 2))
def test_who_is_left_is_as_before(seed: int, which: int) -> None:
    from thawline.tasks.library.people.clustering import cluster
    from thawline.tasks.library.people.people import People

    faces = one_each(encodings_of([5, 4, 3], noise=0.2, seed=seed)[0])
    people = cluster(faces, People(), PeopleSettings())
    person = sorted(people.sizes)[min(which, len(people.sizes) - 1)]
    left = without_person(people, person)
    again = cluster(faces, left, PeopleSettings())
    assert person not in again.sizes
    assert set(again.faces.keys) == set(people.faces.keys) - set(people.keys_of(person))
    assert again.following >= people.following


def test_a_kill_between_both_files_brings_nobody_back(tmp_path: Path, faces: Faces) -> None:
    person = named(tmp_path, faces)
    numbers = (tmp_path / NUMBERS).read_bytes()
    forget_person(tmp_path, read_people(tmp_path), person)
    (tmp_path / NUMBERS).write_bytes(numbers)  # as if only the words had been written
    assert read_people(tmp_path).faces.keys == faces.keys[5:]


def test_what_is_written_is_read_and_the_same_bytes_each_time(tmp_path: Path, faces: Faces) -> None:
    person = named(tmp_path, faces)
    people = read_people(tmp_path)
    assert find_person(people, "zoë quartz") == find_person(people, str(person)) == person
    learn_people(tmp_path, faces, PeopleSettings())
    first = [(tmp_path / name).read_bytes() for name in (NUMBERS, WORDS)]
    learn_people(tmp_path, faces, PeopleSettings())
    assert [(tmp_path / name).read_bytes() for name in (NUMBERS, WORDS)] == first
    assert json.loads(first[1])["people"][0]["faces"] == [f"e{row:04d}#0" for row in range(5)]


@pytest.mark.parametrize("name", [NUMBERS, WORDS])
def test_damage_is_one_sentence(tmp_path: Path, faces: Faces, name: str) -> None:
    named(tmp_path, faces)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    with pytest.raises(UserError, match="is damaged"):
        read_people(tmp_path)


def test_names_that_are_none(tmp_path: Path, faces: Faces) -> None:
    person = named(tmp_path, faces)
    people = read_people(tmp_path)
    other = int(people.persons[-1])
    with pytest.raises(UserError, match=f"person {person} is called {NAME} already"):
        name_person(people, other, NAME.upper())
    for bad in ("12", "a\x1b[2J", "x" * 201, "\u202eabc"):
        with pytest.raises(UserError, match="a name has 1 to 200 characters"):
            name_person(people, other, bad)
    assert name_person(people, person, "").names == {}
    with pytest.raises(UserError, match="there is no person 'Nobody'"):
        find_person(people, "Nobody")
