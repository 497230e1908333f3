"""
Lines from files to the database, while things fail: each is there once.
"""

import contextlib
import random
import sqlite3

import pytest
import trio

import trio_run as tr
from examples.logsearch.database import Database, Readers
from examples.logsearch.faults import Faults
from examples.logsearch.follow import Pace
from examples.logsearch.parse import Parse
from examples.logsearch.store import Store
from examples.logsearch.watch import Watch
from trio_run.leaks import Ignore, Kind

pytestmark = pytest.mark.leak_ignore(Ignore(kind=Kind.CHANNEL))  # An inbox goes with the life of its stage.

EAGER = tr.Backoff(first=0.0, max=0.0)
FORGIVING = tr.Budget(restarts=1000, per=60.0)


class Index:
    """
    The index of logsearch over a folder, in one test.
    """

    def __init__(self, tmp_path):
        self.folder, self.path = tmp_path / "logs", tmp_path / "logs.db"
        self.folder.mkdir(exist_ok=True)
        Database.open(self.path).close()
        self.readers = Readers(self.path)
        self.faults = Faults()
        store = Store(self.path, self.faults)
        parse = Parse(store, self.faults)
        watch = Watch(self.folder, parse, self.path, Pace(interval=0.002, linger=0.02, retry=0.002), self.faults)
        self.supervisor = tr.Supervisor(
            "index",
            tr.Child(store, name="store"),
            tr.Child(parse, name="parse"),
            tr.Child(watch, name="watch"),
            strategy=tr.Strategy.REST_FOR_ONE,
            backoff=EAGER,
            budget=FORGIVING,
        )

    async def count(self):
        """
        How many lines are written down. Asking takes a moment, in which the others go on.
        """
        counts = await trio.to_thread.run_sync(self.readers.counts)
        return counts["errors"] + counts["warnings"] + counts["rest"]

    async def wait_for(self, lines):
        """
        Wait until so many lines are there.
        """
        while await self.count() < lines:
            pass

    def lines(self):
        """
        All lines that are written down.
        """
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            rows = [connection.execute(f"SELECT line FROM {name}") for name in ("errors", "warnings", "rest")]  # noqa: S608
            return [line for table in rows for (line,) in table]


@pytest.fixture
def index(tmp_path):
    """
    An index that does not run yet.
    """
    index = Index(tmp_path)
    yield index
    index.readers.close()


class Logs:
    """
    Writes numbered lines, at random, and rotates.
    """

    def __init__(self, folder):
        self.folder = folder
        self.written = 0
        self.aside = 0

    def write(self):
        """
        Write some lines to a file, the last of them in two pieces.
        """
        count = random.randrange(1, 300)
        level = random.choice(["ERROR", "WARNING", "INFO"])
        text = "".join(f"{level} line {number}\n" for number in range(self.written, self.written + count))
        self.written += count
        cut, path = random.randrange(len(text)), self.path
        for piece in (text[:cut], text[cut:]):
            with path.open("a") as file:
                file.write(piece)

    @property
    def path(self):
        """
        The file that is written to now.
        """
        return self.folder / f"{self.written % 3}.log"

    def rotate(self):
        """
        Rename a file.
        """
        self.aside += 1
        if self.path.exists():
            self.path.rename(self.folder / f"{self.path.name}.{self.aside}")


@pytest.mark.real
class TestExactlyOnce:
    @pytest.mark.parametrize("_run", range(6))
    async def test_whatever_fails(self, index, _run):
        """
        Children fail at random points, files are rotated, and each line is written down once.
        """
        logs = Logs(index.folder)
        async with trio.open_nursery() as nursery:
            await nursery.start(index.supervisor.run)
            for _ in range(40):
                if random.random() < 0.7 and index.faults.names:
                    index.faults.strike(random.choice(index.faults.names))
                logs.write()
                for _ in range(random.randrange(4)):
                    await index.count()
                if random.random() < 0.2:
                    await index.wait_for(logs.written)  # Otherwise a file may come and go unseen.
                    logs.rotate()
            logs.write()
            await index.wait_for(logs.written)
            index.supervisor.request_stop()

        assert list(range(logs.written)) == sorted(int(line.split()[2]) for line in index.lines())

    @pytest.mark.parametrize("end", ["asked", "cancelled"])
    async def test_stopped_again_and_again(self, index, end):
        """
        Stops and cancellations from outside, at random points, lose nothing and double nothing.
        """
        logs = Logs(index.folder)
        for _ in range(12):
            async with trio.open_nursery() as nursery:
                await nursery.start(index.supervisor.run)
                for _ in range(3):
                    logs.write()
                    for _ in range(random.randrange(8)):
                        await trio.lowlevel.checkpoint()
                if end == "asked":
                    index.supervisor.request_stop()
                else:
                    nursery.cancel_scope.cancel(reason="test")
        async with trio.open_nursery() as nursery:
            await nursery.start(index.supervisor.run)
            await index.wait_for(logs.written)
            index.supervisor.request_stop()

        assert list(range(logs.written)) == sorted(int(line.split()[2]) for line in index.lines())


@pytest.mark.real
class TestStore:
    async def test_failing_disk(self, index, monkeypatch):
        """
        A transaction that fails is tried again by the next life, from the file, and nothing is there twice.
        """
        write, failures = Database.write, []

        def fail_at_first(self, batches):
            if len(failures) == 1:
                write(self, batches)  # The second time it fails after the commit.
            if len(failures) < 2:
                failures.append(batches)
                raise sqlite3.OperationalError("disk I/O error")
            write(self, batches)

        monkeypatch.setattr(Database, "write", fail_at_first)
        with (index.folder / "a.log").open("a") as file:
            file.writelines(f"INFO line {number}\n" for number in range(500))
        async with trio.open_nursery() as nursery:
            await nursery.start(index.supervisor.run)
            while [3, 3, 3] != [child.life for child in index.supervisor.statistics()]:
                await index.count()
            index.supervisor.request_stop()

        assert 2 == len(failures)
        assert list(range(500)) == sorted(int(line.split()[2]) for line in index.lines())
