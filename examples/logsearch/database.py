"""
The database: three full-text indexes, and how far each file is written down.

SQLite, and nothing of trio: everything here blocks, and is called in a thread. `Database` writes; there is one of it. `Readers`
only read, any number of them at a time, and a write never keeps them waiting: SQLite's write-ahead log sees to that.

Laws: lines and the offset behind them are committed together or not at all. An offset moves on only from the very place where
the lines begin. A reader sees whole commits. No two processes write to one database.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import IO, Any, Final

import attrs

from .lines import Batch, Index, Place

LOCK_PATIENCE: Final = 2.0
"""So many seconds a write waits for somebody else's lock."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    generation INTEGER NOT NULL,
    name TEXT NOT NULL,
    offset INTEGER NOT NULL DEFAULT 0,
    seam BLOB NOT NULL DEFAULT x'',
    errors INTEGER NOT NULL DEFAULT 0,
    warnings INTEGER NOT NULL DEFAULT 0,
    rest INTEGER NOT NULL DEFAULT 0,
    UNIQUE (key, generation)
)
"""
INDEX: Final = "CREATE VIRTUAL TABLE IF NOT EXISTS {} USING fts5(line, file UNINDEXED, at UNINDEXED, time UNINDEXED)"

BEGIN_FILE: Final = "INSERT OR IGNORE INTO files (key, generation, name) VALUES (?, ?, ?)"
MOVE_ON: Final = """
UPDATE files SET offset = ?, seam = ?, errors = errors + ?, warnings = warnings + ?, rest = rest + ?
WHERE key = ? AND generation = ? AND offset = ?
RETURNING id
"""
# All lines of a transaction in one statement: the thread gives up Python's lock once for all of them. With a statement for
# each, it would ask for the lock again after every line, and wait for a busy loop each time: that is 100 times slower.
ADD_LINES: Final = """
INSERT INTO {} (line, file, at, time)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]')
FROM json_each(?)
"""

REFUSALS: Final = ("fts5:", "no such column:", "unknown special query:", "unterminated string")
"""How SQLite's errors about the words of a search begin; they have no code of their own."""


class DatabaseTrouble(OSError):
    """
    The database cannot be used. The message says why, and what can be done.
    """


class OutOfStep(Exception):
    """
    Lines came that do not begin where the database stands in their file.
    """


class BadQuery(ValueError):
    """
    A search was asked for in words that FTS5 does not understand.
    """


def check_sqlite() -> None:
    """
    Raise DatabaseTrouble if the SQLite of this Python lacks something.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(INDEX.format("probe"))
            connection.execute("CREATE TABLE t (x)")
            connection.execute("INSERT INTO t SELECT value FROM json_each('[1]') RETURNING x").fetchall()
        except sqlite3.OperationalError as exc:
            raise DatabaseTrouble(
                f"The SQLite {sqlite3.sqlite_version} of this Python cannot do what is needed ({exc}). "
                f"Use a Python whose SQLite is 3.35 or later, with FTS5 and JSON."
            ) from exc


@attrs.define(eq=False)
class Database:
    """
    The one that writes.
    """

    _connection: sqlite3.Connection
    _lock: IO[str]

    @classmethod
    def open(cls, path: Path) -> Database:
        """
        Open the database at *path*, or make one.

        Raises:
            DatabaseTrouble: It is in use, is something else, or cannot be written.
        """
        with contextlib.ExitStack() as on_failure:
            lock = on_failure.enter_context(_claim(path))
            connection = on_failure.enter_context(contextlib.closing(_connect(str(path), uri=False)))
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")  # Lines and offsets may be lost, but only together.
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    connection.execute(SCHEMA)
                    for index in Index:
                        connection.execute(INDEX.format(index.value))
            except sqlite3.Error as exc:
                raise _explained(exc, path) from exc
            on_failure.pop_all()
        return cls(connection, lock)

    def close(self) -> None:
        """
        Close the database, and let others have it.
        """
        self._connection.close()
        self._lock.close()

    def place(self, key: str) -> Place:
        """
        Return how far the latest generation of a file is written down; the beginning, if it is new.
        """
        row = self._connection.execute(
            "SELECT generation, offset, seam FROM files WHERE key = ? ORDER BY generation DESC LIMIT 1", (key,)
        ).fetchone()
        return Place(*row) if row else Place()

    def write(self, batches: Iterable[Batch]) -> None:
        """
        Write down lines and how far that gets in their files, in one transaction.

        Raises:
            OutOfStep: A batch does not begin where its file is written down to. Nothing was written.
            sqlite3.Error: The disk is full, or the like. Nothing was written.
        """
        lines: dict[Index, list[tuple[Any, ...]]] = {index: [] for index in Index}
        with _transaction(self._connection, "BEGIN IMMEDIATE"):
            for batch in batches:
                file = self._move_on(batch)
                for index, rows in batch.rows.items():
                    lines[index] += [(line, file, at, time) for line, at, time in rows]
            for index, rows_with_file in lines.items():
                if rows_with_file:
                    text = json.dumps(rows_with_file, ensure_ascii=False)
                    self._connection.execute(ADD_LINES.format(index.value), (text,))

    def _move_on(self, batch: Batch) -> int:
        chunk, end = batch.chunk, batch.chunk.end
        generation, start = chunk.start.generation, chunk.start.offset
        if start == 0:
            self._connection.execute(BEGIN_FILE, (chunk.key, generation, chunk.name))
        counts = (len(batch.rows[index]) for index in (Index.ERRORS, Index.WARNINGS, Index.REST))
        moved = self._connection.execute(
            MOVE_ON, (end.offset, end.seam, *counts, chunk.key, generation, start)
        ).fetchall()
        if not moved:
            raise OutOfStep(f"{chunk} does not begin where the database stands: {self.place(chunk.key)}.")
        return int(moved[0][0])


@attrs.define(eq=False)
class Readers:
    """
    Those that read. All calls are safe from every thread.
    """

    _path: Path
    _idle: list[sqlite3.Connection] = attrs.field(factory=list)

    def search(self, index: Index, query: str, limit: int) -> dict[str, object]:
        """
        Find lines, the newest first: those that were written down last.

        Returns:
            How many there are, and up to *limit* of them.

        Raises:
            BadQuery: FTS5 does not understand the *query*.
        """
        name = index.value
        with self._reading() as connection:
            try:
                (total,) = connection.execute(f"SELECT count(*) FROM {name} WHERE {name} MATCH ?", (query,)).fetchone()  # noqa: S608 - an enum
                hits = connection.execute(
                    f"SELECT (SELECT name FROM files WHERE id = file), at, time, line FROM {name} "  # noqa: S608
                    f"WHERE {name} MATCH ? ORDER BY rowid DESC LIMIT ?",
                    (query, limit),
                ).fetchall()
            except sqlite3.OperationalError as exc:
                if not str(exc).startswith(REFUSALS):
                    raise
                raise BadQuery(
                    f"{query!r} cannot be searched for: {exc}. A query is words, and AND, OR, NOT, prefix* or "
                    f'"a phrase"; put what has other signs in it into double quotes.'
                ) from exc
        return {"total": total, "hits": [dict(zip(("file", "at", "time", "line"), hit, strict=True)) for hit in hits]}

    def counts(self) -> dict[str, int]:
        """
        Return how many files and lines are written down.
        """
        with self._reading() as connection:
            counts = connection.execute(
                "SELECT count(*), total(errors), total(warnings), total(rest) FROM files"
            ).fetchone()
        return dict(zip(("files", "errors", "warnings", "rest"), map(int, counts), strict=True))

    def places(self) -> dict[str, Place]:
        """
        Return how far the latest generation of each file is written down.
        """
        with self._reading() as connection:
            rows = connection.execute("SELECT key, max(generation), offset, seam FROM files GROUP BY key").fetchall()
        return {key: Place(*place) for key, *place in rows}

    def close(self) -> None:
        """
        Close the connections that are kept for the next one who reads.
        """
        while self._idle:
            self._idle.pop().close()

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        """
        Lend a connection on which the database stands still.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(connection.close)
            with _transaction(connection, "BEGIN"):
                yield connection
            on_failure.pop_all()
        self._idle.append(connection)


def _connect(database: str, *, uri: bool) -> sqlite3.Connection:
    return sqlite3.connect(database, uri=uri, timeout=LOCK_PATIENCE, isolation_level=None, check_same_thread=False)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Generator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself.
            connection.execute("ROLLBACK")
        raise


def _claim(path: Path) -> IO[str]:
    """
    Take the lock that makes a process the only one to write; the system gives it back however the process ends.
    """
    lock_path = path.with_name(path.name + "-lock")
    try:
        lock = lock_path.open("a+")
    except OSError as exc:
        raise DatabaseTrouble(
            f"The database {path} cannot be written: {exc.strerror} ({lock_path}). Choose another place with --db."
        ) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        with lock:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
        raise DatabaseTrouble(
            f"The database {path} is locked by another logsearch (process {owner}). Stop that one, or use another --db."
        ) from exc
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _explained(exc: sqlite3.Error, path: Path) -> DatabaseTrouble:
    match getattr(exc, "sqlite_errorcode", None):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            why = f"is locked by another process, and was so for {LOCK_PATIENCE:g} s. Close what uses it"
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            why = f"is not a database, or a damaged one ({exc}). Move it away"
        case _:
            why = f"cannot be opened: {exc}. Mend that"
    return DatabaseTrouble(f"The database {path} {why}, or use another --db.")
