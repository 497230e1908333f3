"""
The ladder of signals: the first stops, the second cancels, the third ends the process.

Python's own handlers are used, not trio's receiver, so that each signal counts for itself and the third works though the loop
stands still. What a step does to the run is for the run; here they are counted and handed on.

Laws: two quick signals are two. The third needs no loop. The handlers that were there before are put back.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Generator
from types import FrameType

import attrs
import trio

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_STDERR = 2


@attrs.define(eq=False)
class Ladder:
    """
    Counts the signals that ask a run to stop.
    """

    told: Callable[[int], str]
    """Says what a person at a terminal is to read at once, given how many signals there were; may be empty."""

    dying: Callable[[FrameType | None], str]
    """Says what is to be known before the process is ended."""

    count: int = 0
    first: int | None = None
    """The signal that began the stop."""

    _step: Callable[[], None] | None = None
    _token: trio.lowlevel.TrioToken | None = None

    @contextlib.contextmanager
    def installed(self) -> Generator[None]:
        """
        Handle the signals as long as the block lasts.
        """
        before = {signum: signal.signal(signum, self._handle) for signum in SIGNALS}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler if handler is not None else signal.SIG_DFL)

    def attach(self, step: Callable[[], None]) -> None:
        """
        Have *step* called in the loop of this moment after each signal, and for those that came before.
        """
        self._token, self._step = trio.lowlevel.current_trio_token(), step
        if self.count:
            step()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 2:
            shout(self.dying(frame))
            os._exit(128 + signum)
        self.first = self.first or signum
        shout(self.told(self.count))
        if self._token is not None and self._step is not None:
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._step)


def shout(text: str) -> None:
    """
    Write to stderr past all buffers: a handler may have interrupted who holds them.
    """
    with contextlib.suppress(OSError):  # Nobody reads it any more, and the signal still has to work.
        os.write(_STDERR, text.encode(errors="replace"))


def place_of(frame: FrameType | None) -> str:
    """
    Say where the program stood, or nothing if it waited in trio's loop.
    """
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("trio."):
            return ""
        if not module.startswith("trio_run.") and not frame.f_code.co_filename.startswith("<"):
            return f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
        frame = frame.f_back
    return ""
