"""
Following files: what is read of them, and which are followed.
"""

import contextlib
import os
from pathlib import Path

import pytest
import trio

import trio_run as tr
from examples.logsearch.database import Database
from examples.logsearch.faults import Faults
from examples.logsearch.follow import CHUNK, Pace, Source, Tail, TornError, key_of
from examples.logsearch.lines import Chunk, Place, Question
from examples.logsearch.watch import Watch, scan

START = Place()
QUICK = Pace(interval=0.005, linger=0.05, retry=0.005)


def source_of(path, **more):
    """
    What is known of the file at *path*.
    """
    return Source(key_of(path.stat()), path.name, path, **more)


@contextlib.contextmanager
def opened(path, place=START):
    """
    A tail of the file at *path*.
    """
    with contextlib.closing(Tail.open(source_of(path), place)) as tail:
        yield tail


class TestTail:
    def test_partial_line(self, tmp_path):
        """
        A line is read when its end is there, and not before.
        """
        path = tmp_path / "a.log"
        path.write_bytes(b"one\ntw")
        with opened(path) as tail:
            first, second = tail.read(), tail.read()
            seen = tail.has_changed()
            with path.open("ab") as file:
                file.write(b"o\n")
            changed, third = tail.has_changed(), tail.read()

        assert (b"one\n", None, b"two\n") == (first.data, second, third.data)
        assert (False, True) == (seen, changed)
        assert first.end == third.start

    def test_rest(self, tmp_path):
        """
        A file that is left gives up its last line as it is.
        """
        path = tmp_path / "a.log"
        path.write_bytes(b"one\ntw")
        with opened(path) as tail:
            tail.read()

            assert b"tw" == tail.read_rest().data
            assert tail.read_rest() is None

    def test_long_line(self, tmp_path):
        """
        A line longer than a chunk is cut, and nothing of it is lost.
        """
        path = tmp_path / "a.log"
        path.write_bytes(b"x" * (CHUNK + 10) + b"\nshort\n")
        with opened(path) as tail:
            chunks = [tail.read().data, tail.read().data]

        assert [b"x" * CHUNK, b"x" * 10 + b"\nshort\n"] == chunks

    def test_resumed(self, tmp_path):
        """
        A tail goes on from the place where another one left off.
        """
        path = tmp_path / "a.log"
        path.write_bytes(b"one\n")
        with opened(path) as tail:
            place = tail.read().end
        path.write_bytes(b"one\ntwo\n")
        with opened(path, place) as tail:
            assert b"two\n" == tail.read().data

    @pytest.mark.parametrize("data", [b"", b"other\n", b"others\nthat are longer\n"])
    def test_torn(self, tmp_path, data):
        """
        A file that does not go on where it was left is noticed, be it shorter or longer by now.
        """
        path = tmp_path / "a.log"
        path.write_bytes(b"one\ntwo\n")
        with opened(path) as tail:
            tail.read()
            path.write_bytes(data)
            with pytest.raises(TornError):
                tail.read()
            tail.place = tail.place.anew()
            chunk = tail.read()

        assert data == (chunk.data if chunk else b"")
        assert 2 == tail.place.generation

    def test_other_file(self, tmp_path):
        """
        A path that leads to another file by now is refused, and nothing stays open.
        """
        path = tmp_path / "a.log"
        path.write_bytes(b"one\n")
        source = source_of(path)
        path.rename(tmp_path / "a.log.1")
        path.write_bytes(b"two\n")
        before = len(list(Path("/dev/fd").iterdir()))
        with pytest.raises(FileNotFoundError):
            Tail.open(source, Place())

        assert before == len(list(Path("/dev/fd").iterdir()))


class TestScan:
    def test_what_is_there(self, tmp_path):
        """
        Folders and links to nowhere are left out, and a file of two names goes by that of a log.
        """
        (tmp_path / "folder.log").mkdir()
        (tmp_path / "dangling.log").symlink_to(tmp_path / "nowhere")
        (tmp_path / "a.log").write_bytes(b"x\n")
        (tmp_path / "0-name").hardlink_to(tmp_path / "a.log")
        (tmp_path / "b.log.1").write_bytes(b"")

        assert [("a.log", 2, True), ("b.log.1", 0, False)] == [
            (entry.path.name, entry.size, entry.is_log) for entry in scan(tmp_path).values()
        ]


class Pipe:
    """
    Stands for the stages behind the followers: takes what they send, and knows how far that is.
    """

    def __init__(self, folder, database):
        self.folder = folder
        self.inbox, self.arrivals = trio.open_memory_channel(0)
        self.faults = Faults()
        self.places = {}
        self.questions = []
        self.watch = Watch(folder, self, database, QUICK, self.faults)

    async def chunk(self):
        """
        The next chunk, as name, generation, offset and data.
        """
        while True:
            message = await self.arrivals.receive()
            if isinstance(message, Chunk):
                self.places[message.key] = message.end
                return message.name, message.start.generation, message.start.offset, message.data
            self.questions.append(message)
            message.answer(self.places.get(message.key, Place()))

    async def question(self):
        """
        The next question, without its answer.
        """
        message = await self.arrivals.receive()
        assert isinstance(message, Question)
        return message


@contextlib.asynccontextmanager
async def watched(tmp_path):
    """
    A folder that is watched, and the pipe into which what is in it goes.
    """
    folder, database = tmp_path / "logs", tmp_path / "logs.db"
    folder.mkdir(exist_ok=True)
    Database.open(database).close()
    pipe = Pipe(folder, database)
    with pipe.inbox, pipe.arrivals:
        async with tr.open_supervisor("test", tr.Child(pipe.watch, name="watch")):
            yield pipe


def append(path, data):
    """
    Write to the end of a file.
    """
    with path.open("ab") as file:
        file.write(data)


async def until(holds):
    """
    Let everything go on until *holds* is true; the test's own time limit is the only one.
    """
    while not holds():
        await trio.to_thread.run_sync(int)


@pytest.mark.real
class TestWatch:
    async def test_new_file(self, tmp_path):
        """
        A log that comes later is followed, and other files are not.
        """
        async with watched(tmp_path) as pipe:
            append(pipe.folder / "a.txt", b"no\n")
            append(pipe.folder / "a.log", b"one\n")
            assert ("a.log", 1, 0, b"one\n") == await pipe.chunk()
            append(pipe.folder / "b.log", b"two\n")
            assert ("b.log", 1, 0, b"two\n") == await pipe.chunk()

    async def test_renamed(self, tmp_path):
        """
        A log that is renamed is read to its end, and the new one of its name from the beginning.
        """
        async with watched(tmp_path) as pipe:
            path = pipe.folder / "a.log"
            append(path, b"one\n")
            await pipe.chunk()
            path.rename(pipe.folder / "a.log.1")
            append(pipe.folder / "a.log.1", b"two\n")
            assert ("a.log", 1, 4, b"two\n") == await pipe.chunk()
            append(path, b"three\n")
            assert ("a.log", 1, 0, b"three\n") == await pipe.chunk()
            await until(lambda: ["a.log"] == [source.path.name for source in pipe.watch.sources])

    async def test_renamed_and_left(self, tmp_path):
        """
        What is left is left with its last line, and taken up again where it grows after all.
        """
        async with watched(tmp_path) as pipe:
            path, aside = pipe.folder / "a.log", pipe.folder / "a.log.1"
            append(path, b"one\ntw")
            await pipe.chunk()
            path.rename(aside)
            assert ("a.log", 1, 4, b"tw") == await pipe.chunk()
            await until(lambda: not pipe.watch.sources)
            append(aside, b"o\n")
            assert ("a.log.1", 1, 6, b"o\n") == await pipe.chunk()

    async def test_renamed_while_nobody_looked(self, tmp_path):
        """
        A log that is known from before is continued under whatever name it has now.
        """
        folder = tmp_path / "logs"
        folder.mkdir()
        aside = folder / "a.log.1"
        append(aside, b"one\ntwo\n")
        append(folder / "b.log.1", b"never seen\n")
        key, place = key_of(aside.stat()), Place().after(b"one\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("examples.logsearch.watch._places", lambda _path: {key: place})
            async with watched(tmp_path) as pipe:
                pipe.places[key] = place
                assert ("a.log.1", 1, 4, b"two\n") == await pipe.chunk()

    async def test_copied_and_truncated(self, tmp_path):
        """
        A log that was emptied begins anew, and the copy of it is not read.
        """
        async with watched(tmp_path) as pipe:
            path = pipe.folder / "a.log"
            append(path, b"one\ntwo\n")
            await pipe.chunk()
            append(pipe.folder / "a.log.1", b"one\ntwo\n")
            path.write_bytes(b"three\n")
            assert ("a.log", 2, 0, b"three\n") == await pipe.chunk()

    async def test_inode_used_again(self, tmp_path):
        """
        A new log that has the inode of an old one begins anew.
        """
        async with watched(tmp_path) as pipe:
            path = pipe.folder / "a.log"
            append(path, b"new\n")
            pipe.places[key_of(path.stat())] = Place().after(b"what the old one had\n")
            assert ("a.log", 2, 0, b"new\n") == await pipe.chunk()

    async def test_inode_used_again_by_no_log(self, tmp_path):
        """
        A file that is no log, but has the inode of one, is looked at once and then left alone.
        """
        folder = tmp_path / "logs"
        folder.mkdir()
        append(folder / "a.gz", b"junk that is longer than what was there\n")
        key, place = key_of((folder / "a.gz").stat()), Place().after(b"one\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("examples.logsearch.watch._places", lambda _path: {key: place})
            async with watched(tmp_path) as pipe:
                (await pipe.question()).answer(place)
                await until(lambda: not pipe.watch.sources)
                append(folder / "b.log", b"next\n")
                assert ("b.log", 1, 0, b"next\n") == await pipe.chunk()
                assert 1 == len(pipe.questions)

    async def test_removed(self, tmp_path):
        """
        A log that is removed is read to its end, and its follower ends.
        """
        async with watched(tmp_path) as pipe:
            path = pipe.folder / "a.log"
            append(path, b"one\n")
            await pipe.chunk()
            with path.open("ab") as file:
                path.unlink()
                file.write(b"two")
            assert ("a.log", 1, 4, b"two") == await pipe.chunk()
            await until(lambda: not pipe.watch.sources)

    async def test_unreadable(self, tmp_path, monkeypatch):
        """
        A log that cannot be read is tried again, and says so meanwhile.
        """
        refused = []
        open_file = os.open

        def refuse_at_first(path, flags, *more):
            if str(path).endswith("a.log") and len(refused) < 3:
                refused.append(path)
                raise PermissionError(13, "Permission denied")
            return open_file(path, flags, *more)

        monkeypatch.setattr("examples.logsearch.follow.os.open", refuse_at_first)
        async with watched(tmp_path) as pipe:
            append(pipe.folder / "a.log", b"one\n")
            (await pipe.question()).answer(Place())
            await until(lambda: [source.trouble for source in pipe.watch.sources] == ["Permission denied"])
            assert ("a.log", 1, 0, b"one\n") == await pipe.chunk()
            assert [None] == [source.trouble for source in pipe.watch.sources]

    async def test_failed_follower(self, tmp_path):
        """
        A follower that fails is started again, asks where it was, and goes on from there.
        """
        async with watched(tmp_path) as pipe:
            path = pipe.folder / "a.log"
            append(path, b"one\n")
            await pipe.chunk()
            pipe.faults.strike("a.log")
            append(path, b"two\n")
            assert ("a.log", 1, 4, b"two\n") == await pipe.chunk()
            assert 2 == len(pipe.questions)

    async def test_folder_gone(self, tmp_path):
        """
        A folder that cannot be read for a while hurts nobody.
        """
        async with watched(tmp_path) as pipe:
            append(pipe.folder / "a.log", b"one\n")
            await pipe.chunk()
            pipe.folder.rename(tmp_path / "away")
            await until(lambda: pipe.watch._trouble == "No such file or directory")
            append(tmp_path / "away" / "a.log", b"two\n")
            assert ("a.log", 1, 4, b"two\n") == await pipe.chunk()
            (tmp_path / "away").rename(pipe.folder)
            append(pipe.folder / "b.log", b"three\n")
            assert ("b.log", 1, 0, b"three\n") == await pipe.chunk()

    async def test_cancelled(self, tmp_path):
        """
        A cancellation from outside ends it too, wherever it waits.
        """
        with trio.CancelScope() as scope:
            async with watched(tmp_path) as pipe:
                append(pipe.folder / "a.log", b"one\n")
                await pipe.question()
                scope.cancel(reason="test")

        assert scope.cancelled_caught
        assert [] == pipe.faults.names
