"""
The meetings of tasks at which nobody waits: an event that is set already, a value in a buffer, a token that is there.

Trio tells of each wake-up, but of none of these. While anybody watches, its classes tell it: their methods that do not wait are
replaced, in this process, and put back when nobody watches any more. What it means is not known here.

Laws: while nobody watches trio is as it was. What a method returns or raises stays the same.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

import trio

from .. import _trio_compat as compat


class Meetings(Protocol):
    """
    Who is told.
    """

    def gives(self, place: object) -> None:
        """
        Note that the running task leaves something at *place*.
        """

    def takes(self, place: object) -> None:
        """
        Note that the running task takes something from *place*.
        """

    def frees(self, lot: trio.lowlevel.ParkingLot) -> None:
        """
        Note that the running task is about to release a lock.
        """


_here: Final = threading.local()
_lock: Final = threading.Lock()
_originals: dict[tuple[type, str], Any] = {}
_listeners = 0


def listen(meetings: Meetings) -> None:
    """
    Tell *meetings* of what happens in this thread, until `stop`.
    """
    global _listeners  # noqa: PLW0603 - trio has one set of classes
    _here.meetings = meetings
    with _lock:
        _listeners += 1
        if _listeners == 1:
            _replace()


def stop() -> None:
    """
    Tell nobody in this thread any more.
    """
    global _listeners  # noqa: PLW0603 - trio has one set of classes
    _here.meetings = None
    with _lock:
        _listeners -= 1
        if not _listeners:
            while _originals:
                (kind, name), original = _originals.popitem()
                setattr(kind, name, original)


def _replace() -> None:
    for table, wrap in ((_GIVE, _giving), (_TAKE, _taking), (_FREE, _freeing)):
        for kind, names in table.items():
            for name in names:
                home = next(base for base in kind.__mro__ if name in vars(base))
                if (home, name) not in _originals:
                    original = _originals[home, name] = vars(home)[name]
                    setattr(home, name, wrap(original))


def _giving(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def give(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as in trio
        meetings: Meetings | None = getattr(_here, "meetings", None)
        if meetings is not None:
            meetings.gives(_place(self))
        return original(self, *args, **kwargs)

    return give


def _taking(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def take(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as in trio
        meetings: Meetings | None = getattr(_here, "meetings", None)
        try:
            return original(self, *args, **kwargs)
        finally:
            if meetings is not None:
                meetings.takes(_place(self))

    return take


def _freeing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def free(self: Any) -> Any:  # noqa: ANN401 - as in trio
        meetings: Meetings | None = getattr(_here, "meetings", None)
        if meetings is not None:
            meetings.frees(compat.lot_of(self))
        return original(self)

    return free


def _place(thing: object) -> object:
    """
    Return what stands for both ends of a channel.
    """
    return compat.channel_state(cast("Any", thing)) if isinstance(thing, _CHANNELS) else thing


_CHANNELS: Final = (trio.MemorySendChannel, trio.MemoryReceiveChannel)

_GIVE: Final[dict[type, tuple[str, ...]]] = {
    trio.Event: ("set",),
    trio.MemorySendChannel: ("send_nowait", "close"),  # `send` calls it first.
    trio.Semaphore: ("release",),
    trio.CapacityLimiter: ("release_on_behalf_of",),
}

_TAKE: Final[dict[type, tuple[str, ...]]] = {
    trio.Event: ("is_set",),
    trio.MemoryReceiveChannel: ("receive_nowait",),  # `receive` calls it first.
    trio.Semaphore: ("acquire_nowait",),
    trio.CapacityLimiter: ("acquire_on_behalf_of_nowait",),
}

_FREE: Final[dict[type, tuple[str, ...]]] = {trio.Lock: ("release",), trio.StrictFIFOLock: ("release",)}
