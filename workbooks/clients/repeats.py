"""Which ids and file names a client list of any length has used already."""

from __future__ import annotations

import sqlite3

from workbooks.clients.filenames import safe_file_name


class Repeats:
    """The ids and file names of the rows so far, most of them on disk: memory does not grow with the list."""

    def __init__(self) -> None:
        # A database without a name is SQLite's own temporary file, which goes when it is closed.
        self._taken = sqlite3.connect("", isolation_level=None)
        self._taken.execute("PRAGMA journal_mode = OFF")
        self._taken.execute("PRAGMA synchronous = OFF")
        self._taken.execute(
            "CREATE TABLE taken (key TEXT, what TEXT, row_number INTEGER, PRIMARY KEY (key, what))"
            " WITHOUT ROWID"
        )
        self._taken.execute("BEGIN")

    def of(self, client_id: str, row_number: int) -> str:
        """Return why a row may not have this id; nothing where it may, and has it from now on."""
        for what, key in (("is the client", client_id), ("shares the file", safe_file_name(client_id))):
            # Windows and macOS take names that differ only in case for one.
            named = (key.casefold(), what)
            added = self._taken.execute("INSERT OR IGNORE INTO taken VALUES (?, ?, ?)", (*named, row_number))
            if not added.rowcount:
                ((earlier,),) = self._taken.execute(
                    "SELECT row_number FROM taken WHERE key = ? AND what = ?", named
                )
                return f"{client_id} {what} of row {earlier} already: give it an id of its own"
        return ""

    def close(self) -> None:
        """Forget them all."""
        self._taken.close()
