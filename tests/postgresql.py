"""A real PostgreSQL server for tests, from Debian's binaries, on a socket of its own."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPTIONS = ("listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=40", "shared_buffers=16MB")


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, the newest of them; None where there is none."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb")
    places = [*([Path(found).resolve()] if found else []), *reversed(versions)]
    return next((place.parent for place in places if (place.parent / "pg_ctl").exists()), None)


class Server:
    """A running server; each call of `new` gives the URL of a fresh database."""

    def __init__(self, programs: Path, socket: Path) -> None:
        self._programs, self._socket, self._numbers = programs, socket, itertools.count(1)

    def new(self) -> str:
        """An empty database."""
        name = f"thawline_{next(self._numbers)}"
        self.ask("postgres", f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://thawline@/{name}?host={self._socket}"

    def ask(self, database: str, statement: str) -> None:
        """Run one statement as the server's owner."""
        import psycopg

        with psycopg.connect(host=str(self._socket), user="thawline", dbname=database, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_server() -> Iterator[Server | None]:
    """A server in a folder of its own; None where PostgreSQL is not installed or no user may run it."""
    programs, user = binaries(), _user()
    if programs is None or (os.getuid() == 0 and user is None):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path may have 107 characters
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)

    def run(program: str, *words: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *words]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **who)

    try:
        run("initdb", "--no-sync", "--auth=trust", "--username=thawline", "--encoding=UTF8", "--locale=C")
        settings = " ".join(f"-c {option}" for option in (*OPTIONS, f"unix_socket_directories={folder}"))
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", settings)
        try:
            yield Server(programs, folder)
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> pwd.struct_passwd | None:
    """Whom the server runs as: it refuses root."""
    if os.getuid():
        return None
    names = {user.pw_name: user for user in pwd.getpwall()}
    return names.get("postgres") or names.get("nobody")
