import collections
import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.library.people.made import encodings_of, one_each

from thawline.errors import UnusableError, UserError
from thawline.tasks.library.people.convert import convert_pickle
from thawline.tasks.library.people.learn import learn_people
from thawline.tasks.library.people.pickled import read_pickle
from thawline.tasks.library.people.settings import PeopleSettings
from thawline.tasks.library.people.store import read_people, write_people

ROWS = encodings_of([2, 3], width=8)[0]
DOUBLES = ROWS.astype(np.float64)
OLD: dict[str, Any] = {
    "lists of arrays": {0: list(DOUBLES[:2]), 1: list(DOUBLES[2:])},
    "lists of lists": {"0": DOUBLES[:2].tolist(), "1": DOUBLES[2:].tolist()},
    "one array each": {np.int64(0): DOUBLES[:2], np.int64(1): np.asfortranarray(DOUBLES[2:])},
    "default dictionary": collections.defaultdict(list, {0: list(ROWS[:2]), 1: list(ROWS[2:])}),
    "encodings and labels": {"encodings": list(DOUBLES), "labels": np.array([0, 0, 1, 1, 1])},
    "big-endian": {0: DOUBLES[:2].astype(">f8"), 1: DOUBLES[2:].astype(">f8")},
    "entries": {0: [{"image": "a.jpg", "encoding": row} for row in DOUBLES[:2]], 1: {"encodings": list(DOUBLES[2:])}},
    "a list": [list(DOUBLES[:2]), list(DOUBLES[2:])],
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", OLD)
def test_old_pickles_become_people(tmp_path: Path, kind: str, protocol: int) -> None:
    path = tmp_path / "face_clusters.pkl"
    path.write_bytes(pickle.dumps(OLD[kind], protocol))
    people = convert_pickle(path)
    assert people.persons.tolist() == [1, 1, 2, 2, 2]
    np.testing.assert_allclose(people.faces.encodings, ROWS, rtol=1e-6)


def test_names_come_along_and_faces_are_known_again(tmp_path: Path) -> None:
    path = tmp_path / "face_clusters.pkl"
    rows = encodings_of([4, 4], width=16, noise=0.2)[0]
    path.write_bytes(pickle.dumps({"Anna": list(rows[:4].astype(np.float64)), "Bea": list(rows[4:])}))
    write_people(tmp_path / "library", convert_pickle(path))
    learn_people(tmp_path / "library", one_each(rows), PeopleSettings())
    people = read_people(tmp_path / "library")
    assert people.faces.keys == tuple(f"e{row:04d}#0" for row in range(8))
    assert [people.names[person].text for person in people.persons.tolist()] == ["Anna"] * 4 + ["Bea"] * 4


class _Runs:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self.made = (call, arguments)

    def __reduce__(self) -> Any:
        return self.made


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    for call in (
        _Runs(os.mkdir, str(proof)),
        _Runs(eval, f"open({str(proof)!r}, 'w')"),
        _Runs(os.system, f"touch {proof}"),
    ):
        for value in ({0: [call]}, {"Anna": call}, [call], call, {0: [[1.0, call]]}):
            for protocol in range(6):
                path = tmp_path / "face_clusters.pkl"
                path.write_bytes(pickle.dumps(value, protocol))
                with pytest.raises(UserError, match=r"can't be converted: it would call .*; nothing of it was run"):
                    convert_pickle(path)
    assert not proof.exists()


HOSTILE = {
    "a huge text": b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"x.",
    "huge bytes": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",
    "a huge memo": b"\x80\x04]r\xff\xff\xff\xff.",
    "deep nesting": b"\x80\x04" + b"](" * 20_000 + b"e" * 20_000 + b".",
    "laughs": b"\x80\x04" + b"K\x01" + b"".join(b"q%c(" % n + b"h%c" % n * 200 + b"l" for n in range(200)) + b".",
    "one list a million times": b"\x80\x04}K\x00](G?\xf0\0\0\0\0\0\0G?\xf0\0\0\0\0\0\0eq\x00]("
    + b"h\x00" * 50
    + b"es.",
    "itself": b"\x80\x04}q\x00K\x00h\x00s.",
    "cut off": pickle.dumps({0: [DOUBLES[0]]})[:-20],
    "a persistent name": b"\x80\x04Pname\n.",
    "an extension": b"\x80\x04\x82\x01.",
    "an instance": b"(i__main__\nx\n.",
    "no pickle": b"PK\x03\x04 an archive",
    "nothing": b"",
    "a number": pickle.dumps(3),
    "objects": pickle.dumps(np.array([{}, []], dtype=object)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_pickle_that_claims_too_much_is_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "face_clusters.pkl"
    path.write_bytes(HOSTILE[kind])
    tracemalloc.start()
    with pytest.raises(UserError, match=r"\A.* can't be converted: .*; nothing of it was run\Z"):
        convert_pickle(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


def test_an_array_has_the_bytes_that_it_declares() -> None:
    whole = pickle.dumps(np.zeros(2), 4)
    at = whole.index(b"K\x02\x85")
    with pytest.raises(UnusableError, match="another size than it has"):
        read_pickle(whole[:at] + b"K\xff\x85" + whole[at + 3 :])


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_no_bytes_do_anything_else(noise: bytes, at: int) -> None:
    whole = pickle.dumps(OLD["lists of arrays"], 4)
    for data in (noise, whole[:at] + noise[:3] + whole[at + 3 :]):
        try:
            read_pickle(data)
        except UnusableError:
            continue
        assert list(pickletools.genops(data))
