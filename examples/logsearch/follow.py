"""
Follows one file: reads what is written to it, chunk by chunk, and sends that on.

`Tail` reads, and knows nothing of trio. `Follower` decides when to read, and when it is over. Where to begin it asks the
store, in each life anew, through the pipe that it sends its chunks into: so nothing is on its way twice.

Laws: what is sent ends with a line end; but a line longer than a chunk is cut, and a file that is left gives up its last line
as it is. What stands before the offset is compared in the same read that fetches what follows it. A file that cannot be read
is tried again and again, and hurts nobody else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs
import structlog
import trio

from .faults import Faults
from .lines import Chunk, Place, Question

CHUNK: Final = 64 * 1024
"""Bytes read at a time, and the longest line that stays in one piece."""

log = structlog.get_logger("logsearch")


@attrs.frozen
class Pace:
    """
    How often to look, in seconds.
    """

    interval: float = 0.2
    """Between two looks at a file or folder."""

    linger: float = 5.0
    """How long a file that was renamed or removed is to have been quiet before it is left."""

    retry: float = 5.0
    """Between two attempts to read what cannot be read."""


@attrs.define(eq=False)
class Source:
    """
    What is known of a file that is followed. It outlives the lives of its follower.
    """

    key: str
    """Which file, as ``device:inode``."""

    name: str
    """What it was called when it was found."""

    path: Path
    """Where it is now, or was when it was last seen."""

    size: int = 0
    listed: bool = True
    """Whether it stands in the folder as a log. One that was renamed or removed is read to its end, and left."""

    place: Place | None = None
    """How far it was read; None where that is not known, or does not matter any more."""

    trouble: str | None = None
    """Why it cannot be read."""


@attrs.define(eq=False)
class Tail:
    """
    An open file, and how far it was read.
    """

    descriptor: int
    source: Source
    place: Place
    _seen: tuple[int, int] | None = None  # Size and time of change when there was nothing more to read.

    @classmethod
    def open(cls, source: Source, place: Place) -> Tail:
        """
        Open a file.

        Raises:
            FileNotFoundError: Another file, or none, goes by that path.
            OSError: It cannot be opened.
        """
        tail = cls(os.open(source.path, os.O_RDONLY | os.O_CLOEXEC), source, place)
        if key_of(os.fstat(tail.descriptor)) != source.key:
            tail.close()
            raise FileNotFoundError(f"{source.path} is another file by now.")
        return tail

    def close(self) -> None:
        """
        Close the file.
        """
        os.close(self.descriptor)

    def has_changed(self) -> bool:
        """
        Tell whether a read might find something new.
        """
        status = os.fstat(self.descriptor)
        self.source.size = status.st_size
        return (status.st_size, status.st_mtime_ns) != self._seen

    def read(self) -> Chunk | None:
        """
        Read the next whole lines; None if there are none yet.

        Raises:
            TornError: The file does not go on where it was left.
        """
        return self._read(_whole_lines)

    def read_rest(self) -> Chunk | None:
        """
        Read what is left, with or without a line end.

        Raises:
            TornError: The file does not go on where it was left.
        """
        return self._read(len)

    def _read(self, how_much: Callable[[bytes], int]) -> Chunk | None:
        status = os.fstat(self.descriptor)
        seam = self.place.seam
        data = os.pread(self.descriptor, len(seam) + CHUNK, self.place.offset - len(seam))
        if not data.startswith(seam):
            raise TornError
        data = data[len(seam) :]
        data = data[: how_much(data)]
        if not data:
            self._seen = (status.st_size, status.st_mtime_ns)
            return None
        chunk = Chunk(self.source.key, self.source.name, self.place, data)
        self.place = chunk.end
        return chunk


class TornError(Exception):
    """
    A file was emptied and filled anew, or is another one.
    """


def key_of(status: os.stat_result) -> str:
    """
    Return what a file is known by while it exists.
    """
    return f"{status.st_dev}:{status.st_ino}"


def _whole_lines(data: bytes) -> int:
    return data.rfind(b"\n") + 1 or (CHUNK if len(data) == CHUNK else 0)


@attrs.define(eq=False)
class Follower:
    """
    A child that follows one file.
    """

    name: str
    source: Source
    _inbox: trio.MemorySendChannel[Chunk | Question]
    _pace: Pace
    _faults: Faults

    async def run(self) -> None:
        """
        Follow the file until it is gone.
        """
        with self._faults.exposed(self.name):
            while True:
                try:
                    return await self._follow()
                except FileNotFoundError:
                    return None  # If it is somewhere else, whoever looks through the folder finds it.
                except OSError as exc:
                    self._complain(exc)
                await trio.sleep(self._pace.retry)

    async def _follow(self) -> None:
        question = Question(self.source.key)
        await self._inbox.send(question)
        await question.answered.wait()
        self.source.place = question.place
        tail = await trio.to_thread.run_sync(Tail.open, self.source, question.place)
        try:
            self.source.trouble = None
            log.info("file.following", file=self.name, offset=tail.place.offset, generation=tail.place.generation)
            await self._read_until_left(tail)
        finally:
            tail.close()

    async def _read_until_left(self, tail: Tail) -> None:
        quiet_since = trio.current_time()
        while True:
            try:
                if tail.has_changed():
                    quiet_since = trio.current_time()
                    await self._send_all(tail.read)
                elif not self.source.listed and trio.current_time() - quiet_since >= self._pace.linger:
                    await self._send_all(tail.read_rest)
                    log.info("file.left", file=self.name, offset=tail.place.offset)
                    return
            except TornError:
                if not self.source.listed:  # An inode that went on to a file that is no log.
                    self.source.place = None
                    return
                tail.place = tail.place.anew()
                log.info("file.begun_anew", file=self.name, generation=tail.place.generation)
            else:
                await trio.sleep(self._pace.interval)

    async def _send_all(self, read: Callable[[], Chunk | None]) -> None:
        while chunk := await trio.to_thread.run_sync(read):
            await self._inbox.send(chunk)
            self.source.place = chunk.end

    def _complain(self, exc: OSError) -> None:
        trouble = exc.strerror or str(exc)
        if trouble != self.source.trouble:
            self.source.trouble = trouble
            log.warning("file.unreadable", file=self.name, why=trouble, retry_in=self._pace.retry)
