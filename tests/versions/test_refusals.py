"""What can't be used, or refuses, is one sentence, and nothing that was written before is lost."""

import os
import re
import resource
import sqlite3
import sys

import pytest
import sqlalchemy as sa

from thawline.errors import UserError
from thawline.versions import database as module
from thawline.versions.database import open_database
from thawline.versions.feedback import add_item, record, unanswered
from thawline.versions.schema import Item

HIDDEN = "correct-horse"


@pytest.fixture
def file(tmp_path):
    """A database with one item."""
    path = tmp_path / "versions.sqlite3"
    with open_database(f"sqlite:///{path}") as database, database.session() as session:
        add_item(session, "/photos/a.jpg", "a")
    return path


def refusal(url, write=False):
    """What is said to who opens `url`, and writes where it is to be."""
    with pytest.raises(UserError) as caught:
        use(url, write)
    said = str(caught.value)
    assert "\n" not in said
    assert HIDDEN not in said
    return said


def use(url, write):
    with open_database(url) as database:
        if write:
            with database.session() as session:
                add_item(session, "/photos/b.jpg", "b")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "the database's URL can't be read; write sqlite:///FILE or postgresql+psycopg://"),
        (f"postgresql://me:{HIDDEN}@127.0.0.1:port/x", "the database's URL can't be read"),
        (f"mysql://me:{HIDDEN}@there/x", "'mysql' is no kind of database that is used here"),
        ("sqlite://", "a database in memory would keep nothing"),
        ("sqlite:///:memory:", "a database in memory would keep nothing"),
        (
            f"postgresql://me:{HIDDEN}@127.0.0.1:9/x",
            "postgresql+psycopg://me:***@127.0.0.1:9/x: connection failed:",
        ),
        (
            f"postgres://127.0.0.1:9/x?password={HIDDEN}",
            "the database postgresql+psycopg://127.0.0.1:9/x: connec",
        ),
    ],
)
def test_a_url_that_leads_nowhere(url, said):
    assert said in refusal(url)


def test_postgresql_without_its_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    said = refusal("postgresql://there/x")
    assert said == "PostgreSQL needs psycopg; run pip install 'thawline[postgres]'"


def test_a_place_that_can_hold_no_database(tmp_path):
    assert refusal(f"sqlite:///{tmp_path / 'none' / 'x.sqlite3'}").endswith(
        "none/x.sqlite3: its folder is not there; make the folder, or check its name"
    )
    assert refusal(f"sqlite:///{tmp_path}") == f"the database {tmp_path}: it is a folder; add the file's name"


def test_a_file_that_is_no_database_and_one_that_is_damaged(tmp_path, file):
    (tmp_path / "photo.jpg").write_bytes(b"this is a photo " * 1000)
    assert refusal(f"sqlite:///{tmp_path / 'photo.jpg'}").endswith(
        "photo.jpg: this is no database; choose another file"
    )
    content = bytearray(file.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\x99" * 64
    file.write_bytes(content)
    assert "versions.sqlite3: it is damaged; put a copy of it back" in refusal(f"sqlite:///{file}")


def test_another_programs_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "songs.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (name)")
    connection.close()
    before = path.read_bytes()
    assert f"{path} holds another program's tables (songs); choose another" in refusal(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_anothers_tables_do_no_harm_in_a_postgresql_database(postgresql):
    url = postgresql.new()
    name = sa.make_url(url).database
    postgresql.ask(name, "CREATE TABLE songs (name text)")
    use(url, write=True)
    url = postgresql.new()
    postgresql.ask(sa.make_url(url).database, "CREATE TABLE items (name text)")
    assert "holds another program's tables (items)" in refusal(url)


def test_tables_that_another_process_makes_meanwhile_are_no_other_programs(postgresql, monkeypatch):
    url, looked = postgresql.new(), module._revision
    opened = []

    def then_another_is_faster(connection):
        found = looked(connection)
        if len(opened) < 2:
            opened.append(found)
            if len(opened) == 2:  # the first is whether there is work; this one, whose tables these are
                monkeypatch.setattr(module, "_revision", looked)
                use(url, write=True)
        return found

    monkeypatch.setattr(module, "_revision", then_another_is_faster)
    use(url, write=False)
    assert opened == [None, None]


def test_a_database_of_a_newer_revision(database):
    with database.session() as session:
        session.execute(sa.text("UPDATE thawline_revision SET version_num = '0999'"))
    said = refusal(database.url)
    assert re.search(
        r"was made by a newer Thawline \(its revision is 0999, this one knows 0\d+\); update Thawline", said
    )


def test_a_file_that_may_not_be_written_can_be_read(file):
    with open_database(f"sqlite:///file:{file}?mode=ro&uri=true") as database, database.reading() as session:
        assert [item.path for item in unanswered(session)] == ["/photos/a.jpg"]
    said = refusal(f"sqlite:///file:{file}?mode=ro&uri=true", write=True)
    assert said.startswith(f"the database {file}: it may not be written; change the permissions")


@pytest.mark.skipif(not os.getuid(), reason="root may write everything")
def test_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "it can't be opened; see that the folder may be" in refusal(f"sqlite:///{tmp_path}/locked/x.sqlite3")


def test_a_file_that_another_process_keeps_locked(file, monkeypatch):
    monkeypatch.setattr(module, "WAIT", 0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said = f"the database {file}: another process keeps it locked; wait until that has ended, or end it, and try again"
    assert refusal(f"sqlite:///{file}", write=True) == said
    with open_database(f"sqlite:///{file}") as database, database.reading() as session:
        assert len(unanswered(session)) == 1
    other.execute("ROLLBACK")
    other.close()
    use(f"sqlite:///{file}", write=True)


def test_a_server_that_refuses(postgresql):
    url = sa.make_url(postgresql.new())
    assert 'role "nobody_here" does not exist; see that the server runs' in refusal(
        url.set(username="nobody_here").render_as_string(hide_password=False)
    )
    assert 'database "none" does not exist; see that' in refusal(url.set(database="none").render_as_string())
    use(url.render_as_string(), write=False)
    postgresql.ask("postgres", f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
    assert "it may not be written" in refusal(url.render_as_string(), write=True)


def test_a_server_that_was_restarted_is_found_again(postgresql):
    url = postgresql.new()
    with open_database(url) as database:
        stop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'thawline%'"
        with database.session() as session:
            add_item(session, "/photos/a.jpg", "a")
        postgresql.ask("postgres", stop)
        with database.session() as session:
            assert len(unanswered(session)) == 1

        def end_within():
            with database.session() as session:
                add_item(session, "/photos/b.jpg", "b")
                postgresql.ask("postgres", stop)

        with pytest.raises(UserError, match="the server is ending or starting; try again in a moment"):
            end_within()
        with database.reading() as session:
            assert len(unanswered(session)) == 1


def fill(database):
    """Answer until there is no room left: how many answers were acknowledged."""
    acknowledged = []

    def go_on():
        while len(acknowledged) < 5000:
            digest = f"{len(acknowledged):064x}"
            with database.session() as session:
                record(session, add_item(session, "/photos/a.jpg", digest), "yes")
            acknowledged.append(digest)

    with pytest.raises(UserError) as caught:
        go_on()
    mend = "there is no room left for it; free some space; what was written before is safe"
    assert str(caught.value) == f"the database {database.place}: {mend}"
    return len(acknowledged)


def kept(database):
    with database.reading() as session:
        return session.scalar(sa.select(sa.func.count(Item.id)))


def test_a_full_disk_loses_nothing(small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(200_000))
    with open_database(f"sqlite:///{small_disk / 'x.sqlite3'}") as database:
        written = fill(database)
        assert kept(database) == written
        filler.unlink()
        with database.session() as session:
            add_item(session, "/photos/more.jpg", "more")
    with open_database(f"sqlite:///{small_disk / 'x.sqlite3'}") as database:
        assert kept(database) == written + 1


def test_a_limit_on_the_size_of_files_loses_nothing(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_database(f"sqlite:///{tmp_path / 'x.sqlite3'}") as database:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
        try:
            written = fill(database)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert kept(database) == written
    with sqlite3.connect(tmp_path / "x.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_more_at_once_than_there_are_connections(file, monkeypatch):
    with open_database(f"sqlite:///{file}") as database:
        monkeypatch.setattr(database._engine.pool, "_timeout", 0.05)

        def ask():
            with database.reading() as session:
                session.scalar(sa.select(Item))
                ask()

        with pytest.raises(UserError, match="too many ask at once; try again in a moment"):
            ask()


def test_a_number_beyond_what_a_column_holds(database):
    def ask():
        with database.reading() as session:
            session.scalar(sa.select(Item).where(Item.group == 10**30))

    with pytest.raises(UserError, match="a number is larger than it holds"):
        ask()
