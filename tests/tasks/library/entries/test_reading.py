"""Entries from files and databases, whatever these look like."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from thawline.errors import UserError
from thawline.tasks.library.entries import documents, pieces
from thawline.tasks.library.entries.documents import read_documents
from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import EntrySettings, check_entries
from thawline.tasks.library.entries.skipped import Skipped

THREE = [
    {
        "id": 1,
        "image_path": "images/a.jpg",
        "description": "A dog.",
        "detailed_description": "A black dog runs on the beach.",
        "meta_tags": ["dog", "beach"],
        "face_encodings": [[0.5, -0.5], [1, 0]],
        "created_at": "2024-03-01T10:00:00+01:00",
        "camera": {"make": "X"},
    },
    {"id": "b", "image_path": "images/b.jpg", "meta_tags": ["Cafe\u0301"], "created_at": "2024:05:01 08:00:00"},
    {"id": 3, "image_path": "c.jpg", "description": None, "meta_tags": None, "face_encodings": None},
]


def read(path, **settings):
    skipped = Skipped()
    return list(read_entries(path, EntrySettings(**settings), skipped)), skipped


def write(folder, content, name="library.json", encoding="utf-8"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding, "surrogatepass"))
    return path


def as_csv(rows, separator=","):
    out = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, names, delimiter=separator)
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in row.items()})
    return out.getvalue()


def as_lines(rows):
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def make_sqlite(path):
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("create table other (x int)"))
        connection.execute(
            text(
                "create table photos (id text, image_path text, description text, detailed_description text, "
                "meta_tags text, face_encodings text, created_at text, camera text)"
            )
        )
        for row in THREE:
            cells = {k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in row.items()}
            cells["id"] = str(row["id"])
            columns, values = ",".join(cells), ",".join(f":{name}" for name in cells)
            connection.execute(text(f"insert into photos ({columns}) values ({values})"), cells)  # noqa: S608
    engine.dispose()
    return f"sqlite:///{path}"


def make(folder, kind):
    """The three entries as a file of some kind."""
    match kind:
        case "list":
            return write(folder, json.dumps(THREE, indent=2))
        case "lines":
            return write(folder, as_lines(THREE).replace("\n", "\r\n\r\n"), "library.jsonl")
        case "lines by another name":
            return write(folder, "\n\n" + as_lines(THREE))
        case "one after the other":
            return write(folder, "\n".join(json.dumps(row, indent=1) for row in THREE))
        case "csv":
            return write(folder, as_csv(THREE), "library.csv")
        case "excel":
            return write(folder, "sep=;\r\n" + as_csv(THREE, ";"), "library.csv", "utf-8-sig")
        case "parquet":
            table = pa.Table.from_pylist([{**row, "id": str(row["id"])} for row in THREE])
            pq.write_table(table, folder / "library.parquet")
            return folder / "library.parquet"
        case "database":
            return make_sqlite(folder / "library.db")
        case encoding:
            return write(folder, json.dumps(THREE, ensure_ascii=False), encoding=encoding)


KINDS = ["list", "lines", "lines by another name", "one after the other", "csv", "excel", "parquet", "database"]


@pytest.mark.parametrize("kind", [*KINDS, "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_entries_are_the_same_whatever_holds_them(tmp_path, kind):
    entries, skipped = read(make(tmp_path, kind))
    assert skipped.listed == []
    assert (skipped.read, skipped.used) == (3, 3)
    by_id = {entry.id: entry for entry in entries}
    assert set(by_id) == {"1", "b", "3"}
    one = by_id["1"]
    assert one.image_path == "images/a.jpg"
    assert one.photo == tmp_path / "images" / "a.jpg"
    assert one.text == "A dog. A black dog runs on the beach."
    assert one.tags == ("dog", "beach")
    assert one.faces.dtype == np.float32
    assert one.faces.tolist() == [[0.5, -0.5], [1, 0]]
    assert one.created_at == datetime(2024, 3, 1, 9, tzinfo=UTC)
    assert one.further["camera"] in ({"make": "X"}, '{"make": "X"}')
    assert by_id["b"].tags == ("Caf\u00e9",)
    assert by_id["b"].created_at == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert by_id["b"].faces.shape[0] == 0
    assert (by_id["3"].description, by_id["3"].tags, by_id["3"].created_at) == ("", (), None)


def test_a_file_is_read_piece_by_piece_wherever_the_pieces_end(tmp_path, monkeypatch):
    rows = [
        {"id": n, "image_path": f"{n}.jpg", "description": 'é"\\ ,{ ' * (n % 5), "x": [n, 1.5e-7, float("nan"), True]}
        for n in range(40)
    ]
    for name, content in (("a.json", json.dumps(rows)), ("b.jsonl", as_lines(rows))):
        path = write(tmp_path, content, name)
        for size in (1, 2, 7, 100, 1 << 20):
            monkeypatch.setattr(pieces, "_PIECE", size)
            assert [json.dumps(found.value) for found in read_documents(path)] == [json.dumps(row) for row in rows]


def test_lines_are_named_by_their_number(tmp_path):
    path = write(tmp_path, '{"id": 1, "image_path": "a"}\n\n{"id": 2\n\n{"id": 3, "image_path": "c"}\n7\n', "l.jsonl")
    entries, skipped = read(path)
    assert [entry.id for entry in entries] == ["1", "3"]
    assert [skip.place for skip in skipped.listed] == ["line 3", "line 6"]


BROKEN = {
    "truncated in a text": ('[{"id": 1, "image_path": "a"}, {"id": 2, "image_path": "b', ["1"], "entry 2"),
    "truncated between": ('[{"id": 1, "image_path": "a"},', ["1"], "the list's end"),
    "no end of the list": ('[{"id": 1, "image_path": "a"}', ["1"], "the list's end"),
    "a name without quotes": ('[{"id": 1, image_path: "a"}, {"id": 2, "image_path": "b"}]', ["2"], "entry 1"),
    "single quotes": ('[{\'id\': 1}, {"id": 2, "image_path": "b"}]', ["2"], "entry 1"),
    "an open quote": (
        '[{"id": 1, "image_path": "a, "x": [1]}, {"id": 2, "image_path": "b"}, {"id": 3, "image_path": "c"}]',
        ["2", "3"],
        "entry 1",
    ),
    "a comma too many": ('[{"id": 1, "image_path": "a",}, {"id": 2, "image_path": "b"},]', ["2"], "entry 1"),
    "a comma too few": ('[{"id": 1, "image_path": "a"} {"id": 2, "image_path": "b"}]', ["1", "2"], None),
    "lists without end": (f'[{"[" * 100_000}, {{"id": 2, "image_path": "b"}}]', ["2"], "entry 1"),
    "a number without end": (f'[{{"id": {"9" * 5000}}}, {{"id": 2, "image_path": "b"}}]', ["2"], "entry 1"),
    "two lists": ('[{"id": 1, "image_path": "a"}][{"id": 2, "image_path": "b"}]', ["1", "2"], "the list's end"),
    "text after it": ('[{"id": 1, "image_path": "a"}] and so on', ["1"], "the list's end"),
    "newlines in texts": ('[{"id": 1, "image_path": "a", "description": "a\nb"}]', ["1"], None),
    "a number that ends": ('[{"id": 1, "image_path": "a"}, 12]', ["1"], "entry 2"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("size", [5, 1 << 20])
def test_what_is_whole_in_a_broken_file_is_read(tmp_path, monkeypatch, case, size):
    content, ids, place = BROKEN[case]
    monkeypatch.setattr(pieces, "_PIECE", size)
    entries, skipped = read(write(tmp_path, content))
    assert [entry.id for entry in entries] == ids
    assert [skip.place for skip in skipped.listed][:1] == ([place] if place else [])
    assert skipped.used == len(ids)


@settings(max_examples=30)
@given(cut=st.integers(1, 2_000), lines=st.booleans())
def test_a_file_that_breaks_off_gives_the_entries_before(tmp_path_factory, cut, lines):
    rows = [{"id": n, "image_path": "a", "x": "y" * n, "z": [1.5, None, {"a": "é"}]} for n in range(1, 30)]
    whole = as_lines(rows) if lines else json.dumps(rows)
    path = write(tmp_path_factory.mktemp("cut"), whole[:cut])
    found = list(read_documents(path))
    good = [one.value for one in found if not one.problem]
    assert good == rows[: len(good)]
    assert len(good) >= (whole[:cut].count("\n") if lines else whole[:cut].count("}, {"))


def test_an_entry_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MOST", 4000)
    monkeypatch.setattr(pieces, "_PIECE", 500)
    content = '[{"id": 1, "image_path": "' + "a" * 50_000 + '"}, {"id": 2, "image_path": "b"}]'
    entries, skipped = read(write(tmp_path, content))
    assert [entry.id for entry in entries] == ["2"]
    assert "characters" in skipped.listed[0].reason
    assert len(skipped.listed[0].found) <= 60


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("  \n ", "is empty"),
        ("[]", "has no entries"),
        ("null", "begins with 'n'"),
        ("<html>", "begins with '<'"),
        ('{"images": [{"id": 1, "image_path": "a"}]}', "holds one object.*those of 'images' may be meant"),
        ('{"1": {"image_path": "a"}}', "holds one object"),
        ('{"id": 1}', "none of the 1 entries.*no image_path"),
        ("[1, 2]", "none of the 2 entries.*entry 1: a number, not an object"),
        (b"\x1f\x8b\x08 and more", "compressed by gzip"),
        (b"PK\x03\x04 and more", "an archive"),
        (b"SQLite format 3\0", "a database"),
        (b"PAR1 and more", "not a whole Parquet file"),
        (bytes(5000), "binary"),
    ],
)
def test_what_is_no_library_is_refused_in_a_sentence(tmp_path, content, said):
    with pytest.raises(UserError, match=said):
        read(write(tmp_path, content))


def test_what_is_no_file_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        read(tmp_path / "none.json")
    write(tmp_path, "[]")
    with pytest.raises(UserError, match=r"is a folder; name the file.*library\.json"):
        read(tmp_path)
    with pytest.raises(UserError, match=r"NUL|null"):
        read(f"{tmp_path}/a\0b")


def test_a_table_without_the_columns_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no column image_path; .* it has id,path"):
        read(write(tmp_path, "id,path\n1,a\n", "l.csv"))
    pq.write_table(pa.table({"image_path": ["a"]}), tmp_path / "l.parquet")
    with pytest.raises(UserError, match="no column id"):
        read(tmp_path / "l.parquet")
    with pytest.raises(UserError, match="has the column id twice"):
        read(write(tmp_path, "id,image_path,ID\n1,a,2\n", "l.csv"))


def test_rows_of_a_csv_that_are_broken_are_passed_over(tmp_path):
    rows = 'id,image_path,description\n1,a,"x\n2,b,"two ""words"", and more"\n\n3,c,x,y,z\n4,d\n5,e,"one\ntwo"\n'
    entries, skipped = read(write(tmp_path, rows, "l.csv"))
    assert [(entry.id, entry.description) for entry in entries] == [
        ("2", 'two "words", and more'),
        ("4", ""),
        ("5", "one\ntwo"),
    ]
    assert [skip.place for skip in skipped.listed] == ["row 2", "row 5"]


def test_bytes_of_another_encoding_cost_the_text_that_holds_them(tmp_path):
    content = '[{"id": 1, "image_path": "a", "description": "caf\udce9", "detailed_description": "tea"}]'
    entries, skipped = read(write(tmp_path, content.encode("utf-8", "surrogateescape")))
    assert (entries[0].description, entries[0].detailed_description) == ("", "tea")
    assert skipped.listed[0].reason == "characters that are broken"


def test_a_database_is_named_by_its_url(tmp_path):
    url = make_sqlite(tmp_path / "photos.db")
    before = (tmp_path / "photos.db").read_bytes()
    assert len(read(url, table="photos")[0]) == 3
    assert (tmp_path / "photos.db").read_bytes() == before
    with pytest.raises(UserError, match="no table 'none'; there are: other, photos"):
        read(url, table="none")
    with pytest.raises(UserError, match=r"no column id and no column image_path"):
        read(url, table="other")
    with pytest.raises(UserError, match="there is no file"):
        read(f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(UserError, match="is no database that can be read"):
        read("nothing://here")
    with pytest.raises(UserError, match=r"can't be read") as refused:
        read("postgresql+psycopg://me:hidden@127.0.0.1:1/none")
    assert "hidden" not in str(refused.value)
    with pytest.raises(UserError, match="file is not a database"):
        read(f"sqlite:///{write(tmp_path, 'no database at all', 'text.db')}")


def test_entries_are_chosen_by_time_tags_and_number(tmp_path):
    path = make(tmp_path, "list")
    assert [entry.id for entry in read(path, limit=2)[0]] == ["1", "b"]
    assert [entry.id for entry in read(path, since="2024-03-01T09:00:00Z")[0]] == ["1", "b"]
    assert [entry.id for entry in read(path, since="2024-03-02")[0]] == ["b"]
    assert [entry.id for entry in read(path, tags=["CAF\u00c9", "x"])[0]] == ["b"]
    with pytest.raises(UserError, match=r"none of the 3 entries of .* is wanted"):
        read(path, tags=["cat"])


def test_a_limit_is_no_reason_to_read_on(tmp_path):
    path = write(tmp_path, as_lines(THREE[:1]) + as_lines([{"id": n, "image_path": "a"} for n in range(5, 5000)]))
    _, skipped = read(path, limit=2)
    assert skipped.read == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"limit": 0}, "library.limit=0 must be at least 1"),
        ({"since": "yesterday"}, "library.since=yesterday is no time"),
        ({"tags": [" "]}, "library.tags names none"),
    ],
)
def test_settings_out_of_their_range_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        check_entries(EntrySettings(**settings), "library.")
    check_entries(EntrySettings(limit=1, since="2024-01-01", tags=["a"]))


def test_photos_are_found_however_their_paths_are_written(tmp_path):
    folder = tmp_path / "Pictures"
    (folder / "trip").mkdir(parents=True)
    (folder / "trip" / "caf\u00e9.jpg").write_bytes(b"x")
    (folder / "trip" / "a.jpg").write_bytes(b"x")
    written = {
        "relative": "trip/a.jpg",
        "with a dot": "./trip//x/../a.jpg",
        "backslashes": "trip\\a.jpg",
        "windows": "C:\\Users\\me\\Pictures\\trip\\a.jpg",
        "absolute": str(folder / "trip" / "a.jpg"),
        "of another machine": "/home/me/Pictures/trip/a.jpg",
        "its folder's name before it": "Pictures\\trip\\a.jpg",
    }
    rows = [{"id": name, "image_path": path} for name, path in written.items()]
    rows.append({"id": "apart", "image_path": "trip/cafe\u0301.jpg"})
    rows.append({"id": "gone", "image_path": "/home/me/none.jpg"})
    rows += [
        {"id": name, "image_path": path}
        for name, path in {
            "out": "../../etc/passwd",
            "out again": "trip/../../x.jpg",
            "out of windows": "..\\..\\x.jpg",
            "url": "https://example.org/a.jpg",
            "data": "data:image/png;base64,xx",
            "nul": "a\0b",
            "none": ".",
            "folded": "a\u202egpj.exe",
        }.items()
    ]
    entries, skipped = read(write(tmp_path, json.dumps(rows)), images=str(folder))
    photos = {entry.id: entry.photo for entry in entries}
    assert photos.pop("apart") == folder / "trip" / "caf\u00e9.jpg"
    assert photos.pop("gone") == Path("/home/me/none.jpg")
    assert set(photos.values()) == {folder / "trip" / "a.jpg"}
    assert list(photos) == list(written)
    assert [entry.image_path for entry in entries[:3]] == list(written.values())[:3]
    assert [skip.place.partition("(")[2] for skip in skipped.listed] == [
        f"id {name})" for name in ("out", "out again", "out of windows", "url", "data", "nul", "none", "folded")
    ]


def test_the_shared_libraries_are_read_whole(shared_data):
    images, skipped = read(shared_data / "library" / "images_metadata.json", images=str(shared_data / "pairs"))
    assert (len(images), skipped.listed) == (800, [])
    assert sum(entry.photo.is_file() for entry in images) == 800
    faces, skipped = read(shared_data / "library" / "faces_metadata.json")
    assert {entry.faces.shape for entry in faces} == {(1, 128)}
    assert skipped.listed == []
