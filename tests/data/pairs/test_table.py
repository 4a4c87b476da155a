"""Files of pairs are read as people write them, and whatever is wrong with a row is named with that row."""

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thawline.data.pairs.graph import image_ids, text_ids
from thawline.data.pairs.report import pair_report
from thawline.data.pairs.table import (
    balance_notes,
    check_labels,
    listed_images,
    note_long_texts,
    read_pairs,
    same_text,
    usable_pairs,
    write_pairs,
)
from thawline.data.photos.photo import PhotoFacts, read_photo
from thawline.errors import UserError
from thawline.tasks.match.settings import PairsSettings

TEXT = "a text of quite ordinary length"


@pytest.fixture
def folder(tmp_path, scene, encode):
    base = tmp_path / "shop"
    base.mkdir()
    for i in range(4):
        (base / f"{i}.jpg").write_bytes(encode(scene(i, (160, 120))))
    return base


def write(path, rows, header="image_path,text,label", separator=",", start=b""):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows([header.split(","), *rows])
    path.write_bytes(start + text.getvalue().encode())
    return path


def read(path, base=None, **given):
    return read_pairs([(path, None)], base, **given)


def seen(table):
    facts = {photo.name: read_photo(photo.path, None)[0] for photo in listed_images(table)}
    return usable_pairs(table, facts), facts


def found(table):
    return {finding.row: (finding.kind, finding.problem) for finding in table.findings}


def test_plain_rows_become_pairs(folder):
    path = write(folder / "pairs.csv", [["0.jpg", f" {TEXT} ", "1"], ["./1.jpg", "Two\nlines of a text, quoted", "0"]])
    table = read(path)
    assert table.findings == ()
    assert table.root == folder
    assert [(p.row, p.image, p.path, p.text, p.label, p.difficulty, p.side) for p in table.pairs] == [
        (2, "0.jpg", folder / "0.jpg", TEXT, 1, None, None),
        (3, "1.jpg", folder / "1.jpg", "Two\nlines of a text, quoted", 0, None, None),
    ]


@pytest.mark.parametrize(("separator", "start"), [(";", b"\xef\xbb\xbf"), ("\t", b""), (",", b"\xef\xbb\xbf")])
def test_a_byte_order_mark_and_other_separators_are_understood(folder, separator, start):
    rows = [["0.jpg", f"{TEXT}; and, more", "1", "hard", "train"], ["1.jpg", TEXT, "0", "", "Validation"]]
    header = "Image_Path,text,label,difficulty,split"
    table = read(write(folder / "p.csv", rows, header, separator, start))
    assert [(p.text, p.label, p.difficulty, p.side) for p in table.pairs] == [
        (f"{TEXT}; and, more", 1, "hard", "train"),
        (TEXT, 0, None, "val"),
    ]


def bad_rows(folder):
    """Row -> (kind, a part of the problem, the line), among good ones."""
    outside = folder.parent / "secret.jpg"
    outside.write_bytes((folder / "0.jpg").read_bytes())
    (folder / "link.jpg").symlink_to(outside)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_bytes(b"not a photo at all")
    (folder / "cut.jpg").write_bytes((folder / "0.jpg").read_bytes()[:2000])
    (folder / "folder.jpg").mkdir()
    (folder / "copy.jpg").write_bytes((folder / "3.jpg").read_bytes())
    return [
        (None, "", f"3.jpg,{TEXT},1"),
        ("empty image path", "image_path is empty", f",{TEXT},1"),
        ("empty text", "text is empty", "0.jpg,  ,1"),
        ("empty label", "label is empty", f"0.jpg,{TEXT},"),
        ("bad label", "label is '2'", f"0.jpg,{TEXT},2"),
        ("bad label", "label is 'yes'", f"0.jpg,{TEXT},yes"),
        ("bad label", "label is '0.5'", f"0.jpg,{TEXT},0.5"),
        ("absent image", "'nowhere.jpg' is no file; nothing is there", f"nowhere.jpg,{TEXT},1"),
        ("absent image", "'folder.jpg' is no file", f"folder.jpg,{TEXT},1"),
        ("absent image", "can't be opened: File name too long", f"{'x' * 300}.jpg,{TEXT},1"),
        ("unreadable image", "empty.jpg", f"empty.jpg,{TEXT},1"),
        ("unreadable image", "text.jpg", f"text.jpg,{TEXT},1"),
        ("unreadable image", "cut.jpg", f"cut.jpg,{TEXT},1"),
        ("url", "'https://example.org/a.jpg' is a URL", f"https://example.org/a.jpg,{TEXT},1"),
        ("url", "file:///etc/passwd", f"file:///etc/passwd,{TEXT},1"),
        ("outside image_base", "'../secret.jpg' leads out", f"../secret.jpg,{TEXT},1"),
        ("outside image_base", "'link.jpg' leads out", f"link.jpg,{TEXT},1"),
        ("outside image_base", "'/etc/passwd' leads out", f"/etc/passwd,{TEXT},1"),
        ("duplicate", "as in row 2", f"./3.jpg,{TEXT.upper()}!,1"),
        ("duplicate", "as in row 2", f"copy.jpg,{TEXT},1"),
        ("contradictory label", "label 1, but 0 in row 23", "1.jpg,said to be both of them,1"),
        ("contradictory label", "label 0, but 1 in row 22", '1.jpg,"Said to be, both of them.",0'),
        ("nul byte", "a NUL byte in text", f"0.jpg,{TEXT}\0,1"),
        ("ragged row", "2 values in a table of 3 columns", f"0.jpg,{TEXT}"),
        ("ragged row", "4 values in a table of 3 columns; quote", f"0.jpg,{TEXT}, unquoted,1"),
        ("broken row", "a value of more than 131,072 characters", f"0.jpg,{'y' * 140_000},1"),
        ("broken row", "a quote that is not closed", f'0.jpg,"{TEXT},1'),
        (None, "", f'2.jpg,"{TEXT}",0'),
        (None, "", f"2.jpg,{TEXT} in the last row,1,,"),
    ]


def test_each_bad_row_is_named_and_the_good_ones_go_on(folder):
    expected = bad_rows(folder)
    path = folder / "pairs.csv"
    path.write_text("\n".join(["image_path,text,label", *(line for *_, line in expected)]) + "\n", encoding="utf-8")
    table, _ = seen(read(path, folder))
    assert [pair.row for pair in table.pairs] == [row for row, (kind, *_) in enumerate(expected, 2) if kind is None]
    named = found(table)
    for row, (kind, part, _) in enumerate(expected, start=2):
        if kind is None:
            assert row not in named
        else:
            assert named[row][0] == kind, (row, named[row])
            assert part in named[row][1]
            assert "\0" not in named[row][1]
    assert table.dropped == len(expected) - 3
    assert sum(kind is not None for kind, *_ in expected) > 20


def test_a_quote_that_is_never_closed_costs_its_own_row_only(folder):
    lines = ["image_path,text,label", f'0.jpg,"{TEXT},1', *(f"{i}.jpg,{TEXT},0" for i in range(1, 4))]
    (folder / "p.csv").write_text("\n".join(lines), encoding="utf-8")
    table = read(folder / "p.csv")
    assert [pair.row for pair in table.pairs] == [3, 4, 5]
    assert found(table)[2][0] == "broken row"


def test_blank_lines_are_counted_as_a_spreadsheet_does(folder):
    (folder / "p.csv").write_text(
        f"\nimage_path,text,label\n\n0.jpg,{TEXT},1\n,,\n1.jpg,{TEXT},7\n\n", encoding="utf-8"
    )
    table = read(folder / "p.csv")
    assert [pair.row for pair in table.pairs] == [4]
    assert list(found(table)) == [6]


def test_without_image_base_paths_lead_anywhere_on_the_machine(folder):
    elsewhere = folder.parent / "other.jpg"
    elsewhere.write_bytes((folder / "0.jpg").read_bytes())
    path = write(
        folder / "p.csv", [["../other.jpg", TEXT, 1], [str(folder / "1.jpg"), TEXT, 0], ["a\\..\\2.jpg", TEXT, 1]]
    )
    table = read(path)
    assert [pair.image for pair in table.pairs] == [elsewhere.as_posix(), "1.jpg", "2.jpg"]
    assert [pair.path for pair in table.pairs] == [elsewhere, folder / "1.jpg", folder / "2.jpg"]


def test_image_base_is_where_paths_start(folder, tmp_path):
    path = write(tmp_path / "p.csv", [["0.jpg", TEXT, 1], ["./1.jpg", TEXT, 0]])
    assert [pair.image for pair in read(path, folder).pairs] == ["0.jpg", "1.jpg"]
    with pytest.raises(UserError, match=r"none of the 2 rows .* can be used; row 2: absent image"):
        read(path)
    with pytest.raises(UserError, match="is no folder"):
        read(path, tmp_path / "nowhere")


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("labels", [[1, 0], [1.0, 0.0], [True, False], ["1", "0"], pa.array([1, 0], pa.int8())])
def test_parquet_is_read_as_well(folder, labels):
    path = parquet(folder / "p.parquet", image_path=["0.jpg", "1.jpg"], text=[TEXT, TEXT], label=labels, other=[1.5, 2])
    assert [(pair.row, pair.label) for pair in read(path).pairs] == [(2, 1), (3, 0)]


def test_bad_rows_of_parquet_are_named(folder):
    columns = {"image_path": ["0.jpg", "1.jpg", None], "text": [TEXT, None, TEXT], "label": [1.0, 0.0, 1.0]}
    path = parquet(folder / "p.parquet", **columns | {"label": [1, 0, None]})
    assert found(read(path)) == {3: ("empty text", "text is empty"), 4: ("empty image path", "image_path is empty")}
    with pytest.raises(UserError, match=r"row 2: bad label \(label is '1.5'"):
        read(parquet(folder / "f.parquet", **columns | {"label": [1.5, None, None]}))
    (folder / "cut.parquet").write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="is not a whole Parquet file"):
        read(folder / "cut.parquet")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; it needs the columns image_path,text,label"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        (b"image_path,text,label\n", "has a header and no rows"),
        (b"image_path;text;label\n\n;;\n", "has a header and no rows"),
        (b"image,text\n0.jpg,a\n", "has no column image_path and no column label; .* and names image,text"),
        (b"image_path,text,label,text\n0.jpg,a,1,b\n", "has the column text twice"),
        (b"image_path,text,label\n0.jpg,\x81,1\n", r"is not in UTF-8 \(line 2: byte 0x81\); save it as CSV UTF-8"),
        (b"PK\x03\x04rest of a workbook", r"is a workbook \(.xlsx, .ods\) or an archive, not text; save it as CSV"),
        (b"\xff\xd8\xff\xe0 a photo", "is a photo, not text"),
    ],
)
def test_what_is_no_table_of_pairs_is_refused_in_a_sentence(folder, content, sentence):
    (folder / "p.csv").write_bytes(content)
    with pytest.raises(UserError, match=sentence) as error:
        read(folder / "p.csv")
    assert "\n" not in str(error.value)


def test_an_absent_file_and_a_folder_are_refused(folder):
    with pytest.raises(UserError, match="there is no file"):
        read(folder / "none.csv")
    with pytest.raises(UserError, match="is a folder"):
        read(folder)


def test_the_length_of_texts_is_noted_and_the_rows_are_kept(folder):
    texts = ["four words are short", "five words are just enough", " ".join(["word"] * 100), " ".join(["word"] * 101)]
    table = read(write(folder / "p.csv", [[f"{i}.jpg", text, 1] for i, text in enumerate(texts)]))
    assert {row: kind for row, (kind, _) in found(table).items()} == {2: "short text", 5: "long text"}
    assert len(table.pairs) == 4
    noted = note_long_texts(table, lambda asked: [len(text.split()) + 2 for text in asked], 77)
    long = [finding for finding in noted.findings if finding.kind == "text too long"]
    assert [(finding.row, finding.dropped) for finding in long] == [(4, False), (5, False)]
    assert long[0].problem == "102 tokens; the text encoder takes 77 and cuts off the rest"
    assert noted.pairs == table.pairs


def test_notes_on_a_row_that_is_dropped_later_are_dropped_with_it(folder):
    (folder / "0.jpg").write_bytes(b"broken")
    table, _ = seen(read(write(folder / "p.csv", [["0.jpg", "short", 1], ["1.jpg", "short", 0]])))
    assert [(finding.row, finding.kind) for finding in table.findings] == [(2, "unreadable image"), (3, "short text")]


def table_of(folder, matches, mismatches):
    labels = [1] * matches + [0] * mismatches
    return read(write(folder / "p.csv", [["0.jpg", f"{TEXT} number {i}", label] for i, label in enumerate(labels)]))


@pytest.mark.parametrize(
    ("matches", "mismatches", "notes"),
    [(50, 50, 0), (51, 49, 1), (49, 50, 1), (50, 250, 0), (50, 251, 1), (251, 50, 1), (10, 51, 2), (5, 0, 2)],
)
def test_small_and_lopsided_tables_are_warned_of(folder, matches, mismatches, notes):
    assert len(balance_notes(table_of(folder, matches, mismatches))) == notes


def test_one_label_only_is_refused(folder):
    with pytest.raises(UserError, match=r"has matches only .*'thawline data mismatches' makes mismatches"):
        check_labels(table_of(folder, 3, 0))
    with pytest.raises(UserError, match="has mismatches only"):
        check_labels(table_of(folder, 0, 3))
    check_labels(table_of(folder, 1, 1))


def test_without_labels_a_column_label_is_still_read(folder):
    path = write(folder / "p.csv", [["0.jpg", TEXT]], "image_path,text")
    assert [pair.label for pair in read(path, labels=False).pairs] == [None]
    path = write(folder / "p.csv", [["0.jpg", TEXT, 1], ["1.jpg", TEXT, ""]])
    table = read(path, labels=False)
    assert [pair.label for pair in table.pairs] == [1]
    assert found(table) == {3: ("empty label", "label is empty")}


def test_files_of_sides_and_what_their_findings_are_called(folder):
    train = write(folder / "train.csv", [["0.jpg", TEXT, 1], ["1.jpg", TEXT, 3]])
    (folder / "held").mkdir()
    test = write(folder / "held" / "train.csv", [["../2.jpg", TEXT, 0]])
    table = read_pairs([(train, "train"), (test, "test")], None)
    assert [(pair.image, pair.side) for pair in table.pairs] == [("0.jpg", "train"), ("2.jpg", "test")]
    assert [finding.file for finding in table.findings] == [str(train)]  # two files have one name
    assert [pair.file for pair in read_pairs([(train, "train")], None).pairs] == ["train.csv"]


def test_what_is_written_is_read_back(folder, tmp_path):
    rows = [["0.jpg", 'a text with "quotes", and more', 1, "", ""], ["1.jpg", f"{TEXT}\nin two lines", 0, "hard", ""]]
    table = read(write(folder / "p.csv", rows, "image_path,text,label,difficulty,other"))
    write_pairs(tmp_path / "out.csv", table.pairs, tmp_path)
    again = read(tmp_path / "out.csv")
    assert [(p.path, p.text, p.label, p.difficulty) for p in again.pairs] == [
        (p.path, p.text, p.label, p.difficulty) for p in table.pairs
    ]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("A red  Mug.", "a red mug", True),
        ("Caf\u00e9 “noir”", "cafe\u0301 noir", True),
        ("ﬁne STRASSE", "fine straße", True),
        ("a red mug", "a red mugs", False),
        ("!!!", "???", False),
        ("5 €", "5 $", False),
    ],
)
def test_near_same_texts(first, second, same):
    assert (same_text(first) == same_text(second)) == same
    assert len(set(text_ids([first, second]).tolist())) == (1 if same else 2)


def test_the_report_is_json_of_what_was_found(folder):
    (folder / "copy.jpg").write_bytes((folder / "1.jpg").read_bytes())
    rows = [["0.jpg", TEXT, 1, ""], ["1.jpg", TEXT, 0, "hard"], ["copy.jpg", "another text of that image", 1, ""]]
    table, facts = seen(
        read(write(folder / "p.csv", [*rows, ["2.jpg", "", 1, ""]], "image_path,text,label,difficulty"))
    )
    report = pair_report(table, image_ids(table.pairs, facts), text_ids([pair.text for pair in table.pairs]), extra=1)
    expected = {"pairs": 3, "matches": 2, "mismatches": 1, "dropped": 1, "images": 3, "extra": 1}
    assert {name: report[name] for name in expected} == expected
    assert (report["distinct_images"], report["texts"], report["distinct_texts"]) == (2, 2, 2)
    assert report["by_difficulty"] == {
        "not given": {"matches": 2, "mismatches": 0},
        "hard": {"matches": 0, "mismatches": 1},
    }
    assert report["findings"] == [
        {"file": "p.csv", "row": 5, "kind": "empty text", "problem": "text is empty", "dropped": True}
    ]
    assert len(report["warnings"]) == 2  # few pairs; one component holds them all


def test_a_table_is_not_emptied_silently(folder):
    table = read(write(folder / "p.csv", [["0.jpg", TEXT, 1]]))
    with pytest.raises(UserError, match=r"none of the 1 rows .* row 2: unreadable image"):
        usable_pairs(table, {"0.jpg": PhotoFacts("aa", problem="an empty file")})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "give one file of pairs, or data.train_csv and data.test_csv"),
        ({"train_csv": "a.csv"}, "give one file of pairs, or data.train_csv and data.test_csv"),
        ({"path": "a.csv", "test_csv": "b.csv"}, "not both"),
        ({"path": "a.csv", "classes": ["a"]}, "data.classes is for folders of photos"),
        ({"path": "a.csv", "split": "s.csv"}, "give pairs a column split"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given, sentence):
    with pytest.raises(UserError, match=sentence):
        PairsSettings(**given)


def test_settings_name_the_files_and_their_sides():
    assert [(p.name, side) for p, side in PairsSettings(path="a.csv").files] == [("a.csv", None)]
    three = PairsSettings(train_csv="a.csv", test_csv="c.csv", image_base="images")
    assert [(p.name, side) for p, side in three.files] == [("a.csv", "train"), ("c.csv", "test")]
    assert three.base is not None
