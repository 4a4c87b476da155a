"""Tables as other programs write them."""

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.data.tables.cells import side_of, whole_number
from thawline.data.tables.reading import Columns, read_table
from thawline.errors import UserError

COLUMNS = Columns(("path", "split"), ("note",), row="sample")
ROWS = [("a/fête 1.jpg", "train"), ("b/2.jpg", "test")]


@pytest.fixture
def table(tmp_path):
    def table(data, columns=COLUMNS, name="t.csv"):
        (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_table(tmp_path / name, columns)

    return table


def rows(read):
    return [(record.values["path"], record.values["split"]) for record in read.records]


PLAIN = "path,split\r\na/fête 1.jpg,train\r\nb/2.jpg,test\r\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-16-be with a mark"]
)
def test_encodings_that_tell_what_they_are(table, encoding):
    mark = b"\xfe\xff" if "mark" in encoding else b""
    read = table(mark + PLAIN.encode(encoding.partition(" ")[0]))
    assert rows(read) == ROWS
    assert read.notes == ()


def test_windows_1252_is_read_and_said(table):
    read = table(PLAIN.encode("cp1252"))
    assert rows(read) == ROWS
    assert read.notes == (
        "t.csv is not in UTF-8 and was read as Windows-1252 (cp1252); if letters are wrong, save it as CSV UTF-8",
    )


def test_a_broken_byte_in_utf8_costs_its_row_alone(table):
    read = table("path,split\né.jpg,train\nà.jpg,test\nü.jpg,train\n".encode().replace("à".encode(), b"\xc3"))
    assert [(record.row, record.kind, record.problem) for record in read.records] == [
        (2, "", ""),
        (3, "broken row", "byte 0xc3 is not UTF-8"),
        (4, "", ""),
    ]
    assert read.notes == ()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04 and more", r"is a workbook \(.xlsx, .ods\) or an archive, not text; save it as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"is an old workbook \(.xls\), not text"),
        (b"\x1f\x8b\x08\0", "is compressed by gzip"),
        (b"\0\1\2\3" * 100, "is binary, not text"),
        (b"path,split\n\x02\xe9,train\n", r"is not in UTF-8 \(line 2: byte 0xe9\)"),
        ("path,split\n".encode("utf-16") + b"\0", "is in UTF-16 and breaks off or is damaged at byte 24"),
        (b"", "is empty; it needs the columns path,split and a row for each sample"),
        (b"# nothing but this\n\n", "is empty"),
        (b"path,split\n# and then nothing\n,,\n", "has a header and no rows; give each sample a row"),
        (b"a/1.jpg,train\nb/2.jpg,test\n", "has no column path and no column split; .* and names a/1.jpg,train"),
        (b"path,split,Split\na,b,c\n", "has the column split twice"),
        (b"path,split\0\na,b\n", "has no column split"),
    ],
)
def test_what_is_no_such_table_is_said_in_a_sentence(table, data, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        table(data)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\npath;split\r\na,1.jpg;train\r\n",
        '"sep=;"\r\npath;split\r\na,1.jpg;train\r\n',
        "SEP=\t\npath\tsplit\na,1.jpg\ttrain\n",
        "path;split\na,1.jpg;train\n",
        "path|split\na,1.jpg|train\n",
        "path\tsplit\r\na,1.jpg\ttrain\r\n",
        'sep=;\npath,split\n"a,1.jpg",train\n',  # what its first line says is not so
        ' Path , SPLIT \n"a,1.jpg", train\n',
        '"path","split"\n"a,1.jpg","train"\n',
        'path, split\n"a,1.jpg", "train"\n',
        ',path,split\n0,"a,1.jpg",train\n',
        '"",split,path\n0,train,"a,1.jpg"\n',
        'path,split,\n"a,1.jpg",train\n',
        'path,split\n"a,1.jpg",train,,\n',
        'path,split,"Notes, if any","Two\nlines"\n"a,1.jpg",train,x,"one,\ntwo"\n',
        'path,split,unit (5")\n"a,1.jpg",train,x\n',
        '# from a tool\n\npath,split\n# and a comment\n"a,1.jpg",train\n#\n',
        '\ufeffpath,split\r"a,1.jpg",train\r',
        'path,split\n"a,1.jpg",train\n\x1a',
    ],
)
def test_one_row_however_it_is_written(table, text):
    assert [(path, split.strip()) for path, split in rows(table(text))] == [("a,1.jpg", "train")]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(table):
    text = 'path,split,"Notes\n(optional)"\na,train,"one\n\ntwo"\r\n\nb\n# said by hand\rc,test,x,y\nd,test\n'
    assert [(record.row, record.kind) for record in table(text).records] == [
        (2, ""),
        (4, "ragged row"),
        (6, "ragged row"),
        (7, ""),
    ]
    # Excel takes the line that names the separator for itself.
    assert [record.row for record in table("sep=;\npath;split\na;b\n").records] == [2]


def test_a_row_that_looks_like_a_comment_and_is_whole_is_a_row(table):
    assert rows(table("path,split\n#1.jpg,train\n# 2.jpg,test\n")) == [("#1.jpg", "train"), ("# 2.jpg", "test")]


def test_columns_that_may_be_missing_may_end_early(table):
    read = table("path,split,note,other\na,train,hard,x\nb,test\n")
    assert [record.values["note"] for record in read.records] == ["hard", ""]


def test_names_of_columns_are_read_however_they_are_spelt(table):
    read = table("Image Path;PRICE-per 1000\n1.jpg;2,5\n", Columns(("image_path",), ("price_per_1000",)))
    assert read.records[0].values == {"image_path": "1.jpg", "price_per_1000": "2,5"}


def test_parquet_says_the_same(tmp_path):
    nan = float("nan")
    columns = {"Path": ["a", "b", None], "split": [1.0, nan, 3.0], "note": [True, False, None], "x": [[1], [], None]}
    pq.write_table(pa.table(columns), tmp_path / "t.pq")
    assert [dict(record.values) for record in read_table(tmp_path / "t.pq", COLUMNS).records] == [
        {"path": "a", "split": "1.0", "note": "True"},
        {"path": "b", "split": "", "note": "False"},
        {"path": "", "split": "3.0", "note": ""},
    ]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1a"), max_size=12)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
)
def test_whatever_the_csv_module_writes_is_read_back(tmp_path_factory, written, separator, encoding, quoted):
    text = io.StringIO(newline="")
    how = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=separator, quoting=how).writerows([("n", "path", "split"), *((7, *w) for w in written)])
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    # Blanks before a value are left out, as those around it are by whoever reads it.
    expected = [tuple(cell if quoted else cell.lstrip(" ") for cell in cells) for cells in written]
    read = read_table(path, COLUMNS)
    assert [record.row for record in read.records] == list(range(2, len(written) + 2))
    assert [tuple(cell.strip() for cell in cells) for cells in rows(read)] == [
        tuple(cell.strip() for cell in cells) for cells in expected
    ]


def test_what_cells_say():
    assert [side_of(cell) for cell in ("TRAIN", " Valid", "validation", "Test", "eval")] == [
        "train",
        "val",
        "val",
        "test",
        None,
    ]
    assert [whole_number(cell) for cell in ("3", "3.0", "12,0", "3.5", "", "x", "1e3")] == [
        3,
        3,
        12,
        None,
        None,
        None,
        None,
    ]
