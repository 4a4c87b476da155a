"""Entries in a table of a database, by its URL; nothing there is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from thawline.data.tables.reading import column_name
from thawline.errors import UserError
from thawline.runs.secrets import without_secrets
from thawline.tasks.library.entries.entry import ID, PATH
from thawline.tasks.library.entries.found import RawEntry
from thawline.tasks.library.entries.rows import as_row, check_columns

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, Table

_AT_ONCE = 1000  # rows
_SQLITE = "sqlite"


def read_database(url: str, table: str | None) -> Iterator[RawEntry]:
    """The rows of a table, in the order of its column `id`, as dictionaries by column.

    Raises:
        UserError: The database can't be read, or has no such table, or several that might be meant.
    """
    from sqlalchemy import select  # late: files need none of it
    from sqlalchemy.exc import SQLAlchemyError

    address = _address(url)
    place = address.render_as_string(hide_password=True)
    engine = _engine(address, place)
    try:
        with engine.connect() as connection:
            entries = _table(connection, table, place)
            columns = list(entries.columns)
            names = [column_name(column.name) for column in columns]
            check_columns(f"the table {entries.name} of {place}", names)
            ordered = select(entries).order_by(columns[names.index(ID)])
            rows = connection.execution_options(yield_per=_AT_ONCE).execute(ordered)
            for number, row in enumerate(rows, start=1):
                yield RawEntry(f"row {number}", as_row(names, row))
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).splitlines()
        why = f" ({without_secrets(said[0])})" if said else ""
        raise UserError(f"the database {place} can't be read{why}; check its URL, and that it runs") from None
    finally:
        engine.dispose()


def shown_url(url: str) -> str:
    """The URL without its password.

    Raises:
        UserError: It is no database's.
    """
    return _address(url).render_as_string(hide_password=True)


def folder_of(url: str) -> Path:
    """The folder that image paths start from: that of SQLite's file, else the working one."""
    address = _address(url)
    if address.get_backend_name() == _SQLITE and address.database:
        return Path(address.database).absolute().parent
    return Path.cwd()


def _address(url: str) -> "URL":
    from sqlalchemy import make_url  # late, as above
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(url)
        address.get_dialect()
    except (ArgumentError, ImportError, ValueError) as error:
        raise UserError(
            f"'{url.partition('://')[0]}://…' is no database that can be read ({str(error).splitlines()[0]}); write "
            "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        ) from None
    return address


def _engine(address: "URL", place: str) -> "Engine":
    from sqlalchemy import create_engine  # late, as above

    if address.get_backend_name() != _SQLITE or not address.database or address.database.startswith("file:"):
        try:
            return create_engine(address)
        except ImportError as error:
            raise UserError(
                f"the database {place} needs a driver that is not installed ({error}); for PostgreSQL install "
                "thawline[postgres]"
            ) from None
    path = Path(address.database).absolute()
    if not path.is_file():  # SQLite would make an empty one
        raise UserError(f"there is no file {path}; check the URL {place}")
    quoted = path.as_uri().removeprefix("file://")
    return create_engine(address.set(database=f"file:{quoted}", query={"mode": "ro", "uri": "true"}))


def _table(connection: "Connection", name: str | None, place: str) -> "Table":
    """The table that holds entries.

    Raises:
        UserError: There is none, or there are several.
    """
    from sqlalchemy import MetaData, Table, inspect  # late, as above

    inspector = inspect(connection)
    there = [*inspector.get_table_names(), *inspector.get_view_names()]
    if name is None:
        fit = [one for one in there if {ID, PATH} <= {column_name(c["name"]) for c in inspector.get_columns(one)}]
        if len(fit) != 1:
            what = (
                f"several tables with them ({', '.join(fit)})" if fit else f"none ({', '.join(there) or 'it is empty'})"
            )
            raise UserError(f"entries have columns {ID} and {PATH}, and {place} has {what}; name it by table=NAME")
        (name,) = fit
    elif name not in there:
        raise UserError(f"{place} has no table '{name}'; there are: {', '.join(there) or 'none'}")
    return Table(name, MetaData(), autoload_with=connection)
