"""
A sink that keeps what happened, for tests: it can be waited on, searched, and asked for an order.

What the events mean is not known here.

Laws: an event that came before anybody waited for it is found as well as one that comes later. A wait that is cancelled leaves
nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TypeVar

import attrs
import trio

from ..events import Event

E = TypeVar("E", bound=Event)


@attrs.frozen
class Note:
    """
    A line that a test or a script wrote.
    """

    time: float
    text: str

    def __str__(self) -> str:
        return self.text


@attrs.define(eq=False)
class EventLog:
    """
    A sink that keeps all events, and notes of tests between them: ``with use_sinks(log):``.

    One log is for one run. To be called in trio's thread only; every task may wait.
    """

    entries: list[Event | Note] = attrs.field(factory=list, init=False)
    """All that happened, in order."""

    _waiting: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    _zero: float | None = attrs.field(default=None, init=False)

    def __call__(self, event: Event) -> None:
        """
        Keep *event*.
        """
        self.entries.append(event)
        if self._waiting:
            self._waiting.unpark_all()

    def note(self, text: str) -> None:
        """
        Write a line among the events.
        """
        note = Note(trio.current_time(), text)
        self._zero = note.time if self._zero is None else self._zero
        self.entries.append(note)

    def clear(self) -> None:
        """
        Forget all that happened so far; the times of notes still count from the first one ever.
        """
        self.entries.clear()

    # What is there.

    @property
    def events(self) -> list[Event]:
        """
        The events.
        """
        return [each for each in self.entries if isinstance(each, Event)]

    @property
    def lines(self) -> list[str]:
        """
        The notes, without their times.
        """
        return [each.text for each in self.entries if isinstance(each, Note)]

    @property
    def notes(self) -> list[tuple[float, str]]:
        """
        The notes, with the seconds since the first one.
        """
        zero = 0.0 if self._zero is None else self._zero
        return [(round(each.time - zero, 6), each.text) for each in self.entries if isinstance(each, Note)]

    def story(self, *names: str) -> list[str]:
        """
        Return the events as lines such as ``child.ready shop/db#1``: all, or those with such *names*, with ``*`` for anything.
        """
        return [line_of(event) for event in self.events if not names or _matches(event.name, names)]

    def find(self, kind: type[E], /, **fields: object) -> list[E]:
        """
        Return the events of a *kind* whose *fields* are as given; text may have ``*`` for anything.

        Raises:
            AttributeError: Events of this kind have no such field.
        """
        return [each for each in self.entries if isinstance(each, kind) and _has(each, fields)]

    def one(self, kind: type[E], /, **fields: object) -> E:
        """
        Return the only event of a *kind* whose *fields* are as given.

        Raises:
            AssertionError: There is none, or more than one.
        """
        found = self.find(kind, **fields)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} events are {_wanted(kind, fields)}, and not 1:\n{self._listing()}")
        return found[0]

    async def wait_for(self, kind: type[E], /, *, count: int = 1, **fields: object) -> E:
        """
        Wait until *count* events of a *kind* with such *fields* have come, and return the last of them.

        What came before counts: ``count=2`` is for the second one, whenever it comes.

        Raises:
            ValueError: *count* is less than 1.

        Cancellation:
            Ends the wait, and leaves nothing behind. If it comes together with the event, the event stays in the log.
        """
        if count < 1:
            raise ValueError(f"count is at least 1, not {count!r}.")
        await trio.lowlevel.checkpoint()
        while len(found := self.find(kind, **fields)) < count:
            await self._waiting.park()
        return found[count - 1]

    def check_order(self, *lines: str) -> None:
        """
        Make sure that these *lines* are in the log in this order, with anything in between.

        A line is a note, or an event as `story` writes it, and may have ``*`` for anything.

        Raises:
            AssertionError: One is not there, or not in its place. The error shows the log, and how far it went well.
        """
        told = [_line(entry) for entry in self.entries]
        places: list[int] = []
        for line in lines:
            start = places[-1] + 1 if places else 0
            place = next((place for place in range(start, len(told)) if fnmatchcase(told[place], line)), None)
            if place is None:
                raise AssertionError(self._misplaced(line, lines[: len(places)], told, places))
            places.append(place)

    def _misplaced(self, line: str, before: tuple[str, ...], told: list[str], places: list[int]) -> str:
        earlier = [place for place, each in enumerate(told) if fnmatchcase(each, line)]
        where = f"comes earlier, in line {earlier[-1] + 1}" if earlier else "is not there"
        first = f"{line!r} {where}" + (f", and should come after {before[-1]!r}" if before else "")
        return f"{first}. What is marked was found, in this order:\n{self._listing(places)}\nexpected next: {line}"

    def _listing(self, marked: list[int] | None = None) -> str:
        return "\n".join(self._rows(marked or [])) or "(the log is empty)"

    def _rows(self, marked: list[int]) -> Iterator[str]:
        for place, entry in enumerate(self.entries):
            yield f"{'>' if place in marked else ' '} {place + 1:4} {entry.time:10.3f} s  {_line(entry)}"


def line_of(event: Event) -> str:
    """
    Return an event as one line: its name, who it is about, and which life of that.
    """
    return f"{event.name} {event.path}" + (f"#{event.life}" if event.life else "")


def _line(entry: Event | Note) -> str:
    return line_of(entry) if isinstance(entry, Event) else entry.text


def _has(event: Event, fields: dict[str, object]) -> bool:
    return all(_is(getattr(event, name), wanted) for name, wanted in fields.items())


def _is(found: object, wanted: object) -> bool:
    if isinstance(wanted, str) and isinstance(found, str):
        return fnmatchcase(found, wanted)
    return found == wanted


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, each) for each in patterns)


def _wanted(kind: type[Event], fields: dict[str, object]) -> str:
    return f"{kind.__name__}({', '.join(f'{name}={value!r}' for name, value in fields.items())})"
