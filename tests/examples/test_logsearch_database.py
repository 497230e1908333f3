"""
The database: lines and offsets together, one writer, many readers.
"""

import contextlib
import datetime as dt
import os
import sqlite3
import subprocess
import sys

import pytest

from examples.logsearch.database import BadQuery, Database, DatabaseTrouble, OutOfStep, Readers
from examples.logsearch.lines import Chunk, Index, Place
from examples.logsearch.parse import parse


def batch(start, data, key="1:2"):
    """
    A parsed chunk.
    """
    return parse(Chunk(key, "a.log", start, data), dt.date(2026, 1, 1))


@pytest.fixture
def path(tmp_path):
    """
    Where the database is.
    """
    return tmp_path / "logs.db"


@pytest.fixture
def database(path):
    """
    A database that is open.
    """
    with contextlib.closing(Database.open(path)) as database:
        yield database


@pytest.fixture
def readers(database, path):
    """
    Readers of the database.
    """
    with contextlib.closing(Readers(path)) as readers:
        yield readers


class TestWrite:
    def test_lines_and_offset(self, database, readers):
        """
        Lines go to their indexes, and the file has moved on by as much.
        """
        database.write([batch(Place(), b"info a\nerror b\n"), batch(Place().after(b"info a\nerror b\n"), b"warn c\n")])

        assert {"files": 1, "errors": 1, "warnings": 1, "rest": 1} == readers.counts()
        assert {"1:2": Place(1, 22, b"warn c\n")} == readers.places()
        assert Place(1, 22, b"warn c\n") == database.place("1:2")

    @pytest.mark.parametrize("start", [Place(), Place(1, 3, b""), Place(1, 50, b""), Place(2, 7, b"")])
    def test_out_of_step(self, database, readers, start):
        """
        Lines that do not begin where the file is written down to are refused, and with them the whole transaction.
        """
        first = batch(Place(), b"info a\n")
        database.write([first])
        with pytest.raises(OutOfStep):
            database.write([batch(Place(), b"info b\n", key="3:4"), batch(start, b"error c\n")])

        assert {"files": 1, "errors": 0, "warnings": 0, "rest": 1} == readers.counts()
        assert first.chunk.end == database.place("1:2")

    def test_next_generation(self, database, readers):
        """
        A file that begins anew has its lines beside the old ones.
        """
        first = batch(Place(), b"info a\n")
        database.write([first])
        database.write([batch(first.chunk.end.anew(), b"info b\n")])

        assert Place(2, 7, b"info b\n") == database.place("1:2")
        assert 2 == readers.counts()["rest"]

    def test_odd_text(self, database, readers):
        """
        Quotes, backslashes, signs beyond the first plane and control characters come back as they were.
        """
        text = "a \"quoted\" \\ 'line' \x01\x7f \U0001f600 \ufffd \u2028 end"
        database.write([batch(Place(), f"{text}\n".encode())])

        assert [text] == [hit["line"] for hit in readers.search(Index.REST, "quoted", 5)["hits"]]

    def test_failure_inside(self, database, readers, monkeypatch):
        """
        A failure between the offset and the lines leaves neither.
        """
        monkeypatch.setattr("examples.logsearch.database.ADD_LINES", "INSERT INTO nowhere VALUES ('{}', ?)")
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            database.write([batch(Place(), b"info a\n")])

        assert {"files": 0, "errors": 0, "warnings": 0, "rest": 0} == readers.counts()


class TestSearch:
    def test_newest_first(self, database, readers):
        """
        The newest lines come first, as many as asked for, with where they are from and how many there are.
        """
        database.write([batch(Place(), b"2026-01-01 00:00:00 one n1\n2026-01-01 00:00:01 one n2\nother\n")])

        assert {
            "total": 2,
            "hits": [{"file": "a.log", "at": 27, "time": "2026-01-01T00:00:01", "line": "2026-01-01 00:00:01 one n2"}],
        } == readers.search(Index.REST, "one", 1)
        assert {"total": 0, "hits": []} == readers.search(Index.ERRORS, "one", 1)

    @pytest.mark.parametrize("query", ['"open', "a.b", "AND", "x:y", "*", "NEAR(", "\0"])
    def test_bad_query(self, readers, query):
        """
        What FTS5 does not understand is said to be a bad query, and the connection stays good.
        """
        with pytest.raises(BadQuery, match="cannot be searched for"):
            readers.search(Index.REST, query, 5)

        assert {"total": 0, "hits": []} == readers.search(Index.REST, "fine", 5)

    def test_writer_does_not_wait(self, database, readers):
        """
        A writer is not kept waiting by one who reads, who goes on seeing what was there.
        """
        database.write([batch(Place(), b"info a\n")])
        with readers._reading() as connection:
            before = connection.execute("SELECT count(*) FROM rest").fetchone()
            database.write([batch(Place().after(b"info a\n"), b"info b\n")])
            after = connection.execute("SELECT count(*) FROM rest").fetchone()

        assert before == after == (1,)
        assert 2 == readers.counts()["rest"]

    def test_writer_is_gone(self, path):
        """
        What was committed can be read when nobody writes.
        """
        with contextlib.closing(Database.open(path)) as database:
            database.write([batch(Place(), b"info a\n")])
        with contextlib.closing(Readers(path)) as readers:
            assert 1 == readers.search(Index.REST, "a", 5)["total"]

    def test_readers_cannot_write(self, readers):
        """
        A connection for reading refuses to write.
        """
        with pytest.raises(sqlite3.OperationalError, match="readonly"), readers._reading() as connection:
            connection.execute("DELETE FROM files")


class TestOpen:
    def test_again(self, path):
        """
        A database that was closed can be opened again, and has what was in it.
        """
        for number in range(2):
            with contextlib.closing(Database.open(path)) as database:
                assert Place(1, 7 * number, b"info a\n" * number) == database.place("1:2")
                database.write([batch(database.place("1:2"), b"info a\n")])

    @pytest.mark.usefixtures("database")
    def test_in_use(self, path):
        """
        A second writer is told which process has the database.
        """
        with pytest.raises(DatabaseTrouble) as caught:
            Database.open(path)

        assert (
            f"The database {path} is locked by another logsearch (process {os.getpid()}). Stop that one, or use another --db."
            == str(caught.value)
        )

    @pytest.mark.real
    def test_in_use_by_a_process_that_died(self, path):
        """
        The lock of a process that was killed is free.
        """
        code = f"import os, pathlib; from examples.logsearch.database import Database; d = Database.open(pathlib.Path({str(path)!r})); os._exit(9)"
        assert 9 == subprocess.run([sys.executable, "-c", code], check=False).returncode
        Database.open(path).close()

    def test_locked(self, path, monkeypatch):
        """
        A database that something else keeps locked is not waited for without end.
        """
        monkeypatch.setattr("examples.logsearch.database.LOCK_PATIENCE", 0.0)
        Database.open(path).close()
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(DatabaseTrouble, match="is locked by another process"):
                Database.open(path)
            other.execute("ROLLBACK")
        Database.open(path).close()

    def test_no_database(self, path):
        """
        A file that is something else is left as it is.
        """
        path.write_bytes(b"Dear diary" * 100)
        with pytest.raises(DatabaseTrouble, match="is not a database"):
            Database.open(path)

        assert b"Dear diary" * 100 == path.read_bytes()

    def test_no_folder(self, tmp_path):
        """
        Where there is no folder there can be no database.
        """
        with pytest.raises(DatabaseTrouble, match="cannot be written: No such file or directory"):
            Database.open(tmp_path / "nowhere" / "logs.db")
