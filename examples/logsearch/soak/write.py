"""
Writes the lines, to several files at once, and rotates them.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
import trio

from .corpus import data_of
from .record import Record

BURST: Final = 400
"""Lines written at a time."""

ROTATIONS: Final = 3
"""How often each file is rotated."""


@attrs.define(eq=False)
class Writers:
    """
    All that write.
    """

    folder: Path
    lines: int
    files: int
    rate: float
    """Lines per second, all files together."""

    record: Record
    is_found: Callable[[int], Awaitable[bool]]
    """Tells whether a line can be found by its number."""

    _bursts: Iterator[range] = attrs.field(init=False)
    _numbers_aside: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        starts = range(0, self.lines, BURST)
        self._bursts = (range(start, min(start + BURST, self.lines)) for start in starts)

    async def run(self) -> None:
        """
        Write all lines.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, "shop.log", self._copy_and_truncate)
            for number in range(1, self.files):
                nursery.start_soon(self._write, f"web{number}.log", self._rename)

    async def _write(self, name: str, rotate: Callable[[Path, int, int], Awaitable[int]]) -> None:
        path = self.folder / name
        target, first = _open(path), -1
        every = max(1, self.lines // BURST // self.files // (ROTATIONS + 1))
        for turn, burst in enumerate(self._bursts, start=1):
            data = data_of(burst)
            cut = random.randrange(len(data))  # noqa: S311 - inside of a line, most of the time
            os.write(target, data[:cut])
            await trio.sleep(len(burst) * self.files / self.rate)
            os.write(target, data[cut:])
            self.record.written += len(burst)
            first = burst[0] if first < 0 else first
            if turn % every == 0:
                await self._wait_until_found(first)  # Of a log that was never seen under its name nobody knows.
                target, first = await rotate(path, target, burst[-1]), -1
                self.record.counts["rotations"] += 1
        os.close(target)

    async def _rename(self, path: Path, target: int, _last: int) -> int:
        """
        Rotate as most do: rename the file, and make a new one. A burst still goes to the old one, as it does with a program
        that has not noticed yet.
        """
        self._set_aside(path)
        for burst in itertools.islice(self._bursts, 1):
            os.write(target, data_of(burst))
            self.record.written += len(burst)
        os.close(target)
        await trio.lowlevel.checkpoint()
        return _open(path)

    async def _copy_and_truncate(self, path: Path, target: int, last: int) -> int:
        """
        Rotate by copying and emptying. What nobody has read by then is lost, in the nature of it; so wait until it was.
        """
        await self._wait_until_found(last)
        shutil.copy(path, self._aside(path))
        os.ftruncate(target, 0)
        return target

    async def _wait_until_found(self, number: int) -> None:
        while not await self.is_found(number):  # noqa: ASYNC110 - another process has no Event
            await trio.sleep(0.05)

    def _set_aside(self, path: Path) -> None:
        path.rename(self._aside(path))

    def _aside(self, path: Path) -> Path:
        return path.with_name(f"{path.name}.{next(self._numbers_aside)}")


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
