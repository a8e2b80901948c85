"""A PostgreSQL server of the tests' own: made in a temporary folder, on a free port of this machine alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

DEBIAN = Path("/usr/lib/postgresql")
USER, PASSWORD = "clerk", "s3cret/&@pass"
PATIENCE = 30.0  # seconds until a server must answer


class ServerMissingError(Exception):
    """There is no PostgreSQL server to start; the text says what is missing."""


@dataclass(frozen=True)
class Postgres:
    """A server that runs; its only way in is user and password."""

    host: str
    port: int

    def address(self, user: str = USER, password: str = PASSWORD, database: str = "postgres") -> str:
        """Return the address as SQLAlchemy reads it."""
        from sqlalchemy import URL

        url = URL.create("postgresql+psycopg", user, password, self.host, self.port, database)
        return url.render_as_string(hide_password=False)

    def run(self, *statements: str) -> None:
        """Execute statements as the owner of the database."""
        import psycopg

        with psycopg.connect(
            host=self.host, port=self.port, user=USER, password=PASSWORD, dbname="postgres"
        ) as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server with one user and an empty database; it is gone afterwards.

    Raises
    ------
    ServerMissingError
        Where PostgreSQL is not installed, or this is root and no other user can be.
    """
    initdb, postgres = _program("initdb"), _program("postgres")
    as_other, user = _as_another_user()
    with TemporaryDirectory(prefix="pg") as folder, socket.socket() as free:
        data = Path(folder) / "data"
        word = Path(folder) / "password"
        word.write_text(PASSWORD)
        if user:
            shutil.chown(folder, user)
            shutil.chown(word, user)
        made = ["--username", USER, "--pwfile", str(word), "--auth", "scram-sha-256", "--encoding", "UTF8"]
        subprocess.run(
            [*as_other, initdb, "-D", str(data), *made, "--no-sync", "--locale", "C"],
            check=True, capture_output=True, text=True, cwd=folder,
        )  # fmt: skip
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = ["-h", "127.0.0.1", "-p", str(port), "-c", "unix_socket_directories=", "-c", "fsync=off"]
        with (Path(folder) / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [*as_other, postgres, "-D", str(data), *options], stdout=log, stderr=log, cwd=folder
            )
        try:
            _wait_for(server, port)
            yield Postgres("127.0.0.1", port)
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _program(name: str) -> str:
    """Return where a program of the server is: on the path, or where Debian puts it."""
    found = shutil.which(name) or next(map(str, sorted(DEBIAN.glob(f"*/bin/{name}"), reverse=True)), None)
    if found is None:
        raise ServerMissingError(f"PostgreSQL's {name} is not installed: apt-get install postgresql")
    return found


def _as_another_user() -> tuple[list[str], str]:
    """Return how to start a program that refuses to run as root, and as whom."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return [], ""
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in ("postgres", "nobody") if name in names), None)
    setpriv = shutil.which("setpriv")
    if user is None or setpriv is None:
        raise ServerMissingError("PostgreSQL refuses to run as root, and there is no setpriv or other user")
    return [setpriv, f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", "--"], user


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    import psycopg

    end = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user=USER, password=PASSWORD, dbname="postgres"
            ).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
