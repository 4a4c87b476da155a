import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from tests.tasks.library.people.made import encodings_of, one_each

from thawline.errors import UserError
from thawline.tasks.library.faces.found import LOOKS
from thawline.tasks.library.people.clustering import cluster
from thawline.tasks.library.people.faces import Faces, faces_of
from thawline.tasks.library.people.judging import figures_of, judge, stability
from thawline.tasks.library.people.learn import learn_people
from thawline.tasks.library.people.naming import merge_people, name_person, split_person
from thawline.tasks.library.people.people import People
from thawline.tasks.library.people.settings import METHODS, PeopleSettings
from thawline.tasks.library.people.store import NUMBERS, WORDS, read_people, write_people

PLAIN = PeopleSettings()


def people_of(faces: Faces, before: People | None = None, setup: PeopleSettings = PLAIN) -> People:
    return cluster(faces, before or People(), setup)


def together_in(people: People) -> set[frozenset[str]]:
    return {frozenset(people.keys_of(person)) for person in people.sizes}


@pytest.mark.parametrize("method", METHODS)
def test_each_method_finds_people_who_are_apart(method: str) -> None:
    encodings, who = encodings_of([8, 6, 5, 2, 1, 4], noise=0.2, seed=3)
    people = people_of(one_each(encodings), setup=PeopleSettings(method=method))
    assert adjusted_rand_score(who, people.persons) == 1


@pytest.mark.parametrize("scale", [1.0, 1.38, 0.01])
def test_lengths_of_encodings_change_nobody(scale: float) -> None:
    encodings, who = encodings_of([8, 6, 5, 2, 1, 4], noise=0.2)
    assert adjusted_rand_score(who, people_of(one_each(encodings * np.float32(scale))).persons) == 1


def test_people_of_a_real_library(shared_data: Path) -> None:
    library = shared_data / "library"
    entries = json.loads((library / "faces_metadata.json").read_text())
    identities = json.loads((library / "faces_identities.json").read_text())

    def faces(some: list[dict[str, object]]) -> Faces:
        return faces_of([str(one["id"]) for one in some], [np.array(one["face_encodings"], np.float32) for one in some])

    people = people_of(faces(entries))
    figures = judge(people, identities)
    assert figures is not None
    assert figures["pairwise_precision"] >= 0.95
    assert figures["pairwise_f1"] >= 0.9
    order = np.random.default_rng(0).permutation(len(entries))
    grown = People()
    for part in np.array_split(order, 3):
        grown = people_of(faces([entries[place] for place in part.tolist()]), grown)
    assert grown.faces.keys == people.faces.keys
    assert adjusted_rand_score(grown.persons, people.persons) == 1


@settings(max_examples=10)
@given(st.permutations(range(24)), st.integers(1, 23))
def test_the_order_in_which_faces_come_changes_nothing(order: list[int], cut: int) -> None:
    encodings, _ = encodings_of([6, 5, 4, 4, 3, 1, 1], noise=0.5, seed=1)
    faces = one_each(encodings)
    at_once = people_of(faces)
    first = people_of(faces.take(np.array(order[:cut])))
    assert together_in(people_of(faces.take(np.array(order[cut:])), first)) == together_in(at_once)


@settings(max_examples=10)
@given(st.integers(0, 1000), st.integers(1, 19))
def test_numbers_stay_and_none_is_given_twice(seed: int, cut: int) -> None:
    encodings, _ = encodings_of([7, 6, 4, 3], noise=0.4, seed=seed)
    faces = one_each(encodings)
    first = people_of(faces.take(np.arange(cut)))
    grown = people_of(faces, first)
    assert people_of(faces, grown).persons.tolist() == grown.persons.tolist()
    assert all(person < grown.following for person in grown.sizes)
    before = dict(zip(first.faces.keys, first.persons.tolist(), strict=True))
    for person in grown.sizes:
        was = {before[key] for key in grown.keys_of(person) if key in before}
        assert not was or person in was  # of people who became one, one number is left


def test_two_faces_of_one_photo_are_two_people_unless_a_setting_or_the_owner_says_otherwise() -> None:
    encodings, _ = encodings_of([9, 9], noise=0.2)
    faces = faces_of(["a", *(f"b{row}" for row in range(16))], [encodings[:2], *(row[None] for row in encodings[2:])])
    people = people_of(faces)
    first, second = people.persons[:2].tolist()
    assert first != second
    assert len(set(people_of(faces, setup=PeopleSettings(one_a_photo=False)).persons[:2].tolist())) == 1
    merged = people_of(faces, merge_people(people, first, second))
    assert merged.persons[0] == merged.persons[1] == first


def test_what_the_owner_said_holds_at_every_later_training() -> None:
    encodings, _ = encodings_of([6, 6, 6], noise=0.2)
    faces = one_each(encodings)
    people = people_of(faces)
    a, b, c = people.persons[[0, 6, 12]].tolist()
    people = name_person(people, a, "Anna")
    people = merge_people(people, c, b)
    people, new = split_person(people, a, ["e0000", "e0001#0"])
    later, _ = encodings_of([8, 8, 8], noise=0.2, seed=9)
    grown = people_of(one_each(later, 100), people_of(faces, people))
    row = {key: place for place, key in enumerate(grown.faces.keys)}
    whose = [int(grown.persons[row[f"e{place:04d}#0"]]) for place in range(18)]
    assert whose == [new] * 2 + [a] * 4 + [c] * 12
    assert grown.names[a].text == "Anna"


def test_the_last_word_counts() -> None:
    encodings, _ = encodings_of([6, 6], noise=0.2)
    faces = one_each(encodings)
    people = people_of(faces)
    a, b = people.persons[[0, 6]].tolist()
    parted, new = split_person(merge_people(people, a, b), a, ["e0006", "e0007", "e0008"])
    parted = people_of(faces, parted)
    assert parted.persons.tolist()[6:9] == [new] * 3
    joined = people_of(faces, merge_people(parted, a, new))
    assert set(joined.persons.tolist()) == {a}


def test_people_with_two_names_never_become_one() -> None:
    encodings, _ = encodings_of([3, 3], noise=0.1)
    people = people_of(one_each(encodings))
    a, b = people.persons[[0, 3]].tolist()
    people = name_person(name_person(people, a, "Anna"), b, "Bea")
    alike = people_of(one_each(np.tile(encodings[:1], (6, 1)) + encodings * np.float32(0.01), 50), people)
    assert {name.text for name in alike.names.values()} == {"Anna", "Bea"}
    assert {a, b} <= set(alike.persons.tolist())


def test_twins_stay_two_and_are_pointed_out() -> None:
    random = np.random.default_rng(7)
    encodings, who = encodings_of([12, *[6] * 12], noise=0.3, width=64)
    twin = encodings[:12].mean(0) + 0.75 * random.normal(size=64) / 8
    others = twin + 0.3 * random.normal(size=(12, 64)) / 8
    rows = np.concatenate([encodings, others / np.linalg.norm(others, axis=1, keepdims=True)]).astype(np.float32)
    people = people_of(one_each(rows))
    a, b = int(people.persons[0]), int(people.persons[-1])
    assert a != b
    assert [(pair.first, pair.second, pair.why) for pair in people.unsure if pair.why == "twins"] == [(a, b, "twins")]
    assert figures_of(np.append(who, [99] * 12), people.persons)["pairwise_precision"] == 1


def test_what_cannot_be_a_face_is_left_out_and_two_widths_are_refused() -> None:
    rows = [np.zeros((1, 4), np.float32), np.array([[np.nan, 1, 0, 0]], np.float32), np.eye(4, dtype=np.float32)[:1]]
    assert faces_of(["a", "b", "c"], rows).keys == ("c#0",)
    with pytest.raises(UserError, match="entry b has a face of 3 numbers and entry a one of 4"):
        faces_of(["a", "b"], [np.ones((1, 4), np.float32), np.ones((1, 3), np.float32)])
    with pytest.raises(UserError, match="have 3 numbers, and those learnt before 4"):
        people_of(
            faces_of(["b"], [np.ones((1, 3), np.float32)]), people_of(faces_of(["a"], [np.ones((1, 4), np.float32)]))
        )


@pytest.mark.parametrize("counts", [[], [1], [2], [1, 1], [3, 1], [12]])
def test_few_faces(counts: list[int]) -> None:
    encodings, who = encodings_of(counts, noise=0.3)
    people = people_of(one_each(encodings))
    assert len(people.sizes) == len(set(who.tolist()))


def test_faces_of_an_entry_that_changed_or_is_gone() -> None:
    encodings, _ = encodings_of([3, 3], noise=0.1)
    people = people_of(one_each(encodings))
    changed = cluster(one_each(encodings[3:4]), people, PLAIN, seen=["e0000", "e0001"])
    assert changed.faces.keys == tuple(f"e{row:04d}#0" for row in (0, 2, 3, 4, 5))
    assert changed.persons[0] == people.persons[3]
    dropped = cluster(one_each(encodings[:2]), people, PeopleSettings(gone="drop"))
    assert dropped.faces.keys == ("e0000#0", "e0001#0")


def test_figures_by_hand() -> None:
    figures = figures_of(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert figures["pairwise_precision"] == 1 / 2
    assert figures["pairwise_recall"] == 1 / 3
    assert figures["pairwise_f1"] == pytest.approx(0.4)
    # B-cubed precision (1 + 1 + 1/2 + 1/2) / 4, recall (2/3 + 2/3 + 1/3 + 1) / 4
    assert figures["bcubed_f1"] == pytest.approx(2 * 0.75 * (2 / 3) / (0.75 + 2 / 3))
    assert stability(one_each(encodings_of([6, 6], noise=0.1)[0]), PLAIN) == 1


def test_faces_of_low_quality_join_people_and_decide_on_none() -> None:
    """Blurred faces look like each other: without the rule they chain two people."""
    encodings, who = encodings_of([8, 6, 5, 7], noise=0.2)
    first, second = (encodings[who == person].mean(0) for person in (0, 1))
    between = [first * share + second * (1 - share) for share in np.linspace(0.1, 0.9, 24)]
    blurred = np.array([one / np.linalg.norm(one) for one in between], np.float32)
    faces = one_each(np.concatenate([encodings, blurred]))
    looks = np.full((len(faces), len(LOOKS)), 0.9, np.float32)
    looks[len(encodings) :, LOOKS.index("quality")] = 0.3
    clear = people_of(one_each(encodings))
    seen = Faces(faces.entries, faces.numbers, faces.encodings, looks)
    found = people_of(seen)
    assert (found.persons[: len(who)] == clear.persons).all()
    assert found.least == clear.least
    ends = found.persons[[len(who), -1]]  # what is nearly a person's is hers all the same
    assert ends.tolist() == [clear.persons[who == 1][0], clear.persons[who == 0][0]]
    one = people_of(seen, merge_people(found, *(int(clear.persons[who == person][0]) for person in (0, 1))))
    assert len(set(one.persons[: len(who)][who < 2].tolist())) == 1
    assert people_of(faces).least != clear.least


def test_the_same_faces_and_words_are_taken_over_and_what_differs_is_grouped_anew(tmp_path: Path) -> None:
    encodings, _ = encodings_of([8, 6, 5, 7], noise=0.2)
    more = one_each(encodings)
    faces = more.take(np.arange(len(more) - 1))

    def learnt(some: Faces = faces, setup: PeopleSettings = PLAIN) -> tuple[bool, tuple[bytes, ...]]:
        figures = learn_people(tmp_path, some, setup, some.entries)
        return figures["taken_over"], tuple((tmp_path / name).read_bytes() for name in (WORDS, NUMBERS))

    first = learnt()
    assert first[0] is False
    assert read_people(tmp_path).stability == stability(faces, PLAIN) == 1
    assert learnt(faces.take(np.arange(len(faces))[::-1])) == (True, first[1])
    assert learnt(setup=PeopleSettings(neighbours=16))[0] is False
    assert learnt()[0] is False
    assert learnt(more)[0] is False
    write_people(tmp_path, name_person(read_people(tmp_path), 1, "Anna"))
    assert learnt()[0] is False  # whoever was named is one person from the first
    assert learnt()[0] is True
    write_people(tmp_path, split_person(read_people(tmp_path), 1, ["e0000"])[0])
    assert learnt()[0] is False
    assert len(read_people(tmp_path).sizes) == 5
    assert learnt()[0] is True


@pytest.mark.parametrize(("people", "odd", "joins"), [(12, True, True), (5, True, False), (12, False, False)])
def test_a_face_far_from_its_own_person_joins_where_that_stands_out_and_people_have_such_photos(
    people: int, odd: bool, joins: bool
) -> None:
    plain, who = encodings_of([6] * people, noise=0.2, width=128)
    encodings = plain.copy()
    if odd:
        encodings[::3] = encodings_of([6] * people, noise=1.2, width=128)[0][::3]
    own = plain[who == 0].mean(0)
    aside = np.linalg.svd(encodings)[2][-1]  # away from all faces there are
    before = people_of(one_each(encodings))
    assert adjusted_rand_score(who, before.persons) == 1
    assert before.least is not None

    def with_a_face(cosine: float) -> People:
        last = (cosine * own / np.linalg.norm(own) + np.sqrt(1 - cosine**2) * aside).astype(np.float32)
        assert float((encodings[who == 0] @ last).max()) <= cosine + 1e-6
        return people_of(one_each(np.concatenate([encodings, last[None]])))

    found = with_a_face(before.least - 0.02)
    assert (found.persons[-1] == found.persons[0]) == joins
    assert len(with_a_face(before.least / 4).sizes) == people + 1  # there is a limit to it
