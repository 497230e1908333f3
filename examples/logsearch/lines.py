"""
What flows through the pipes: stretches of files, questions, and lines that were understood.

Data only. A stretch of a file is named by where it stands: in which file, in which generation of it, and from which byte to
which. That makes every line a thing that can be told from all others, and written down exactly once.

Laws: a chunk ends where a line ends, or where its follower cut it. A chunk begins where the one before it ended.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs
import trio

SEAM = 64
"""So many bytes before an offset are kept, to see later whether a file is still the one it was."""


class Index(enum.Enum):
    """
    The three indexes that lines are sorted into.
    """

    ERRORS = "errors"
    WARNINGS = "warnings"
    REST = "rest"


@attrs.frozen
class Place:
    """
    How far a file was read.

    A file is known by device and inode, as long as the bytes before the offset are the ones that were read there. When they
    are not, the file was emptied and filled anew, or its inode was given to another: its next generation begins.
    """

    generation: int = 1
    offset: int = 0
    seam: bytes = b""
    """The bytes before the offset, up to `SEAM` of them."""

    def after(self, data: bytes) -> Place:
        """
        Return the place that reading *data* leads to.
        """
        return Place(self.generation, self.offset + len(data), data[-SEAM:])

    def anew(self) -> Place:
        """
        Return the beginning of the next generation.
        """
        return Place(self.generation + 1)


@attrs.frozen
class Chunk:
    """
    A stretch of a file.
    """

    key: str
    """Which file, as ``device:inode``."""

    name: str
    """What it was called when it was found."""

    start: Place
    data: bytes = attrs.field(repr=False)

    @property
    def end(self) -> Place:
        """
        Where the next chunk begins.
        """
        return self.start.after(self.data)


@attrs.define(eq=False)
class Question:
    """
    How far is a file written down?

    It goes through the same pipes as the chunks. So when the answer comes, all chunks that were sent before are written
    down, or lost for good.
    """

    key: str
    answered: trio.Event = attrs.field(factory=trio.Event)
    place: Place = attrs.field(factory=Place)

    def answer(self, place: Place) -> None:
        """
        Let who asked go on.
        """
        self.place = place
        self.answered.set()


Row: TypeAlias = tuple[str, int, str | None]
"""One line: its text, the byte where it begins, and when it was written, if it says so."""


@attrs.frozen
class Batch:
    """
    A chunk whose lines were understood.
    """

    chunk: Chunk
    rows: dict[Index, list[Row]] = attrs.field(repr=False)
