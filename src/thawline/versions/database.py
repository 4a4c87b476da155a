"""One database of answers and versions: a SQLite file beside the versions, or PostgreSQL by its URL.

What a session has committed is on the disk: SQLite writes its log ahead (WAL) and syncs at each commit. A session that
writes has the SQLite file to itself from its first statement on, and others wait; readers never wait.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from thawline.errors import UserError
from thawline.files import printable
from thawline.runs.secrets import is_secret, remember
from thawline.versions.refusals import explain_refusal, is_busy, read_only_at
from thawline.versions.schema import Base

HEAD = "0002"  # the newest revision of the schema
WAIT = 30.0  # seconds that one waits for another who writes

_MIGRATIONS = Path(__file__).with_name("migrations")
_REVISION = "thawline_revision"  # the table that says which revision a database is at
_LOCK = 0x7468_6177  # PostgreSQL's name of the lock under which the schema changes
_EXAMPLES = "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
_READING = "thawline_reading"
# JSON has no NaN, and PostgreSQL refuses it.
_JSON: dict[str, Any] = {"json_serializer": partial(json.dumps, ensure_ascii=False, allow_nan=False)}


class Database:
    """An open database.

    Attributes:
        url: where it is, as it was given, password and all: for a process that opens it again.
        place: the same, to be shown.
        read_only: whether nothing there may be written: it lies on a file system, or in a folder, that is not ours.
    """

    def __init__(self, url: str, engine: Engine, *, read_only: bool = False) -> None:
        self.url, self.read_only = url, read_only
        self.place = _place(engine.url)
        self._engine = engine
        self._readers = engine.execution_options(**{_READING: True})

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session that is committed at its end, or rolled back by an error; its objects can be used on.

        Raises:
            UserError: The database refuses: it is full, locked, read-only, gone or damaged. Nothing was written.
        """
        if self.read_only:
            raise read_only_at(self.place)
        with self._explained(), Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads, and waits for nobody.

        Raises:
            UserError: The database refuses.
        """
        with self._explained(), Session(self._readers, expire_on_commit=False, autoflush=False) as session:
            yield session

    def close(self) -> None:
        """Give its connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self._engine.url):
            yield


def open_database(url: str) -> Database:
    """The database at `url`, made where there is none, and brought to the newest revision of the schema.

    A SQLite file that is at that revision and may not be written is read, as long as nobody writes it.

    Args:
        url: `sqlite:///FILE`, whose folder is there, or `postgresql+psycopg://…`.

    Raises:
        UserError: `url` is none, or what is there can't be used: what, where, and how to mend it.
    """
    parsed = _parse(url)
    engine = _engine(parsed)
    try:
        with explained(parsed):
            if _revision_of(engine) != HEAD:
                _make_ready(engine)
    except BaseException as error:
        engine.dispose()
        if isinstance(error, UserError) and (unwritten := _unwritten(parsed)) is not None:
            return Database(url, unwritten, read_only=True)
        raise
    return Database(url, engine)


def _unwritten(url: URL) -> Engine | None:
    """The SQLite file at `url`, read as one that nobody writes; None where that would not be all there is, or is none.

    A reader of a log that is written ahead writes too, to the file that readers share; where it may not, SQLite reads
    what is told to be immutable, without the log.
    """
    file = Path(url.database or "")
    if (
        url.get_backend_name() != "sqlite"
        or not file.is_file()
        or all(os.access(way, os.W_OK) for way in (file, file.parent))
    ):
        return None
    log = Path(f"{file}-wal")
    if log.is_file() and log.stat().st_size:
        return None
    place = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    # By its creator: SQLAlchemy would take the query of a URI apart.
    engine = create_engine(url, creator=partial(sqlite3.connect, place, uri=True, check_same_thread=False), **_JSON)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    try:
        found = _revision_of(engine)
    except (DBAPIError, sqlite3.Error):
        found = None
    if found == HEAD:
        return engine
    engine.dispose()
    return None


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """What the database at `url` refuses, as one sentence."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        if (refusal := explain_refusal(error, _place(url))) is None:
            raise
        raise refusal from error
    except PoolTimeout as error:
        raise UserError(f"the database {_place(url)}: too many ask at once; try again in a moment") from error
    except OverflowError as error:
        raise UserError(f"the database {_place(url)}: a number is larger than it holds; give a smaller one") from error


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to `revision`, within the transaction of `connection`."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": _REVISION})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, revision)


def _parse(written: str) -> URL:
    """A URL, with the driver that is used here."""
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):  # what is no port
        raise UserError(f"the database's URL can't be read; write {_EXAMPLES}") from None
    remember({"password": url.password or "", **url.query})
    kind = url.get_backend_name()
    if kind in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise UserError(f"'{kind}' is no kind of database that is used here; write {_EXAMPLES}")
    if not url.database or url.database == ":memory:":
        raise UserError("a database in memory would keep nothing; write sqlite:///FILE")
    return url.set(drivername="sqlite")


def _place(url: URL) -> str:
    """Where a database is, to be shown: a file, or an address without its password."""
    if url.get_backend_name() == "sqlite":
        return printable(str(url.database).removeprefix("file:"))
    return url.difference_update_query([key for key in url.query if is_secret(key)]).render_as_string()


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": WAIT}, **_JSON)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        # A server may have been restarted since the last question.
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10}, **_JSON)
    except ImportError as error:
        raise UserError("PostgreSQL needs psycopg; run pip install 'thawline[postgres]'") from error


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """Each connection: acknowledged is on the disk, and references lead somewhere."""
    connection.isolation_level = None  # Python's module begins no transaction by itself: `_begin_sqlite` does
    for setting in ("synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction. One that reads first and wrote later would be refused where another wrote in between."""
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _revision_of(engine: Engine) -> str | None:
    with engine.execution_options(**{_READING: True}).connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    """The revision of the schema that there is."""
    if not inspect(connection).has_table(_REVISION):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_REVISION}")).scalar()  # noqa: S608  # our own name


def _make_ready(engine: Engine) -> None:
    """Bring the schema to its newest revision, one process at a time."""
    with engine.execution_options(**{_READING: True}).connect() as connection:
        _refuse_others(connection)
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if _revision(connection) != HEAD:  # another process may have been faster
            upgrade(connection)


def _refuse_others(connection: Connection) -> None:
    """What a newer program made, or another one, is not touched."""
    # The tables first: another process may be making them, and commits them together with their revision.
    there = set(inspect(connection).get_table_names())
    place, revision = _place(connection.engine.url), _revision(connection)
    if revision is not None and revision > HEAD:
        raise UserError(
            f"the database {place} was made by a newer Thawline (its revision is {revision}, this one knows {HEAD}); "
            "update Thawline, or choose another database"
        )
    if connection.dialect.name == "postgresql":
        there &= set(Base.metadata.tables)
    if there and revision is None:
        names = ", ".join(sorted(there)[:3])
        raise UserError(f"the database {place} holds another program's tables ({names}); choose another database")


def _write_ahead(engine: Engine) -> None:
    """Have SQLite log what is written ahead of the file: a commit is one sync, and who reads never waits."""
    until = time.monotonic() + WAIT
    connection = engine.raw_connection()
    try:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL").close()
                return
            except sqlite3.OperationalError as error:
                # Here SQLite does not wait by itself.
                if not is_busy(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)
    finally:
        connection.close()
