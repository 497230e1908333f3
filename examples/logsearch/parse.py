"""
Understands lines: when each was written, and how bad it is.

The first word of a line that names a level decides, as in ``INFO`` or ``[error]``; then a syslog priority, as in ``<3>``;
then the status of an HTTP request. Everything else is neither an error nor a warning. A line without a time keeps none.

Laws: every byte of a chunk ends up in exactly one line, whatever it holds. Bytes that are not UTF-8 are replaced. Only line
ends and NUL bytes, which pad files that were truncated, are left out.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import Final

import attrs
import trio

from .faults import Faults
from .lines import Batch, Chunk, Index, Question, Row
from .store import Store

LEVEL: Final = re.compile(
    r"(?<![\w-])(?:"
    r"(?P<errors>emerg|panic|fatal|alert|crit(?:ical)?|severe|err(?:or)?|(?-i:[A-Z]\w*(?:Error|Exception)))"
    r"|(?P<warnings>warn(?:ing)?)"
    r"|(?P<rest>notice|info|debug|trace)"
    r")(?![\w-])",
    re.IGNORECASE,
)
PRIORITY: Final = re.compile(r"<(\d{1,3})>")
STATUS: Final = re.compile(r' HTTP/[\d.]+" ([45])\d\d ')
BY_STATUS: Final = {"5": Index.ERRORS, "4": Index.WARNINGS}

TIME: Final = re.compile(
    r"(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?P<more>(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"  # Python, dpkg, journald
    r"|(?P<nginx>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)"  # nginx, what it says of errors
    r"|(?P<access>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})"  # nginx and Apache, what they say of requests
    r"|(?P<syslog>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"  # without a year
)
TIME_WITHIN: Final = 128  # A time further on in the line is not when it was written.


def parse(chunk: Chunk, today: dt.date) -> Batch:
    """
    Understand a chunk; *today* tells which year a time without one is from.
    """
    rows: dict[Index, list[Row]] = {index: [] for index in Index}
    at = chunk.start.offset
    pieces = chunk.data.split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    for piece in pieces:
        text = piece.decode(errors="replace").rstrip("\r").replace("\0", "")
        rows[index_of(text)].append((text, at, time_of(text, today)))
        at += len(piece) + 1
    return Batch(chunk, rows)


def index_of(line: str) -> Index:
    """
    Tell which index a line belongs to.
    """
    if level := LEVEL.search(line):
        return Index(level.lastgroup)
    if priority := PRIORITY.match(line):
        severity = int(priority[1]) & 7
        return Index.ERRORS if severity <= 3 else Index.WARNINGS if severity == 4 else Index.REST
    if status := STATUS.search(line):
        return BY_STATUS[status[1]]
    return Index.REST


def time_of(line: str, today: dt.date) -> str | None:
    """
    Return when a line says it was written, in the form of ISO 8601, or None if it does not say.
    """
    found = TIME.search(line, 0, TIME_WITHIN)
    if found is None:
        return None
    kind = "iso" if found["iso"] else str(found.lastgroup)
    time = _normal(kind, found[kind], today)
    return time and time + (found["more"] or "").replace(",", ".")


@functools.lru_cache(maxsize=4096)  # Neighbours are from the same second.
def _normal(kind: str, text: str, today: dt.date) -> str | None:
    try:
        match kind:
            case "iso" | "nginx":
                time = dt.datetime.fromisoformat(text.replace("/", "-"))
            case "access":
                time = dt.datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")
            case _:
                time = _latest(text, today)
    except ValueError:  # It looks like a time, and is none.
        return None
    return time.isoformat()


def _latest(text: str, today: dt.date) -> dt.datetime:
    """
    Read a time without a year: it is from the last twelve months, give or take a time zone.
    """
    for year in (today.year + 1, today.year):
        if not text.startswith("Feb 29") or year % 4 == 0:
            time = dt.datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S")  # noqa: DTZ007 - it names no zone
            if time.date() <= today + dt.timedelta(days=1):
                return time
    return dt.datetime.strptime(f"{today.year - 1} {text}", "%Y %b %d %H:%M:%S")  # noqa: DTZ007


@attrs.define(eq=False)
class Parse:
    """
    The stage between the followers and the store.
    """

    _store: Store
    _faults: Faults
    inbox: trio.MemorySendChannel[Chunk | Question] = attrs.field(init=False)
    """Where this life takes its work from. What waits there is lost with it, and read again."""

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Understand what comes in, and pass it on.
        """
        self.inbox, arrivals = trio.open_memory_channel[Chunk | Question](4)
        task_status.started()
        with self._faults.exposed("parse"):
            async for message in arrivals:
                today = dt.datetime.now().astimezone().date()
                await self._store.inbox.send(parse(message, today) if isinstance(message, Chunk) else message)
