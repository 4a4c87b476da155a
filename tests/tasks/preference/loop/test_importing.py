"""Answers from a table into the database, and back."""

import csv
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from sqlalchemy import select

from thawline.errors import UserError
from thawline.files import digest_of
from thawline.tasks.preference.loop.exporting import export_answers
from thawline.tasks.preference.loop.importing import import_answers
from thawline.tasks.preference.loop.items import answer_item, remove_item
from thawline.versions.database import open_database
from thawline.versions.feedback import answered
from thawline.versions.schema import Feedback, Item

AT = datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Four files, a.jpg to d.jpg, of different contents."""
    folder = tmp_path_factory.mktemp("files")
    for name in "abcd":
        (folder / f"{name}.jpg").write_bytes(name.encode())
    return folder


def table(folder, *rows, header="path,feedback,at", name="answers.csv"):
    """A CSV beside the files."""
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def standing(database):
    """The answer that counts, by file name."""
    with database.reading() as session:
        return {one.item.path.rsplit("/", 1)[-1]: one.answer for one in answered(session)}


def test_usable_rows_are_added_once_and_the_others_named(database, files):
    path = table(
        files,
        "a.jpg,Super-Like,2026-11-01T10:00:00Z",
        f"{files / 'b.jpg'},LIKE,2026-11-01T12:00:00+02:00",
        "c.jpg,dislike",
        "gone.jpg,like",
        "d.jpg,lovely",
        "d.jpg,like,yesterday",
        ",like",
        "d.jpg,like,2026-11-01,x",
    )
    done = import_answers(path, database)
    assert (done.added, done.there, done.outdated) == (3, 0, 0)
    assert [(one.row, one.reason) for one in done.refused] == [
        (5, "gone.jpg is not there"),
        (6, "'lovely' is no answer; write dislike, like or super_like"),
        (7, "at='yesterday' is no time; write it as 2026-11-29T14:30:00Z"),
        (8, "the path is missing"),
        (9, "4 values in a table of 3 columns; quote a text that holds the separator"),
    ]
    assert standing(database) == {"a.jpg": "super_like", "b.jpg": "like", "c.jpg": "dislike"}
    with database.reading() as session:
        rows = {one.item.digest: one.at for one in answered(session)}
    assert rows[digest_of(files / "a.jpg")] == rows[digest_of(files / "b.jpg")] == AT
    again = import_answers(path, database)
    assert (again.added, again.there, len(again.refused)) == (0, 3, 5)


def test_a_table_of_no_usable_row_is_refused_by_its_first(database, files):
    path = table(files, "gone.jpg,like", "d.jpg,lovely")
    with pytest.raises(UserError, match=r"none of the 2 rows can be used; row 2: gone.jpg is not there"):
        import_answers(path, database)


def test_a_folder_is_no_table(database, files):
    with pytest.raises(UserError, match=r"is a folder; name a file of answers, .*preference add DIR"):
        import_answers(files, database)


def test_what_was_deleted_or_answered_later_is_not_undone_by_the_same_table(database, files):
    path = table(files, "a.jpg,like", "b.jpg,like", "c.jpg,like")
    import_answers(path, database)
    with database.session() as session:
        answer_item(session, str(files / "a.jpg"), "dislike")
        answer_item(session, str(files / "b.jpg"), None)
        remove_item(session, str(files / "c.jpg"))
    assert standing(database) == {"a.jpg": "dislike"}
    assert import_answers(path, database).added == 0
    assert standing(database) == {"a.jpg": "dislike"}
    older = table(files, "a.jpg,super_like,2026-01-01T00:00:00Z", name="older.csv")
    done = import_answers(older, database)
    assert (done.added, done.outdated) == (0, 1)
    assert standing(database) == {"a.jpg": "dislike"}


def test_of_one_item_the_newest_row_counts_in_whatever_order_the_rows_come(database, files):
    dated = table(files, "a.jpg,dislike,2026-11-02T00:00Z", "a.jpg,like,2026-11-01T00:00Z")
    assert import_answers(dated, database).added == 2
    undated = table(files, "b.jpg,like", "b.jpg,dislike", "b.jpg,like", name="undated.csv", header="path,feedback")
    done = import_answers(undated, database)
    assert (done.added, done.outdated) == (1, 2)
    assert standing(database) == {"a.jpg": "dislike", "b.jpg": "like"}
    with database.reading() as session:
        wanted = select(Feedback).join(Item).where(Item.path.endswith("a.jpg")).order_by(Feedback.id)
        first, second = session.scalars(wanted)
    assert second.corrects_id == first.id


def test_an_item_whose_file_is_gone_is_known_by_its_digest(database, files):
    digest = "ab" * 32
    path = table(
        files,
        f"gone.jpg,like,,{digest}",
        f"a.jpg,like,,{digest}",
        "other.jpg,like,,beef",
        header="path,feedback,at,digest",
    )
    done = import_answers(path, database)
    assert done.added == 1
    assert [one.reason for one in done.refused] == [
        "a.jpg is not the file that was judged: its content has changed",
        "other.jpg is not there",
    ]


def test_an_export_tells_what_counts_and_with_everything_all_that_was_said(database, files, tmp_path):
    import_answers(table(files, "a.jpg,like,2026-11-01T10:00Z", "b.jpg,dislike,2026-11-01T10:00Z"), database)
    with database.session() as session:
        answer_item(session, "1", "super_like")
        answer_item(session, "2", None)
    assert export_answers(database, tmp_path / "now.csv") == 1
    assert export_answers(database, tmp_path / "all.csv", everything=True) == 3
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["feedback"], row["corrects"], bool(row["retracted_at"])) for row in rows] == [
        ("like", "", False),
        ("dislike", "", True),
        ("super_like", "1", False),
    ]
    assert rows[0]["at"] == "2026-11-01T10:00:00+00:00"
    assert rows[0]["digest"] == digest_of(files / "a.jpg")
    with open_database(f"sqlite:///{tmp_path / 'other.sqlite3'}") as other:
        done = import_answers(tmp_path / "all.csv", other)
        assert (done.added, done.outdated) == (2, 1)
        assert standing(other) == standing(database) == {"a.jpg": "super_like"}


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from(("dislike", "like", "super_like")), st.none() | st.integers(0, 59)
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=6)
@given(rows=ROWS)
def test_whatever_a_table_says_twice_is_once_and_an_export_brings_it_back(rows, files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("databases")
    lines = [f"{name}.jpg,{said},{'' if at is None else f'2026-11-01T10:{at:02}:00Z'}" for name, said, at in rows]
    path = table(files, *lines, name="drawn.csv")
    with (
        open_database(f"sqlite:///{folder / 'one.sqlite3'}") as one,
        open_database(f"sqlite:///{folder / 'two.sqlite3'}") as two,
    ):
        first = import_answers(path, one)
        assert first.added + first.there + first.outdated == len(rows)
        said = standing(one)
        assert set(said) == {f"{name}.jpg" for name, _, _ in rows}
        assert import_answers(path, one).added == 0
        assert standing(one) == said
        export_answers(one, folder / "out.csv")
        import_answers(folder / "out.csv", two)
        assert standing(two) == said
