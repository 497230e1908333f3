"""
One run of a root: it is hosted, asked to stop, cancelled, and watched until it is gone.

What a signal means is decided here; how signals are counted, in `_signals`, and how the process ends, in `_exit`.

Laws: the root is never abandoned: however it was told to go, it is waited for. A stop lasts no longer than its grace before
the root is cancelled. While it is waited for, those that are still alive are named again and again.
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Sequence
from types import FrameType

import attrs
import trio

from .._sinks import Sink, Stream, current_stream, use_sinks
from .._step import without_cancelled
from .._stopping import Life, begin_life
from .._tree import Node, TreeView, outlook, span
from ..errors import EndedBeforeReady
from ..events import Event
from ..supervision._handle import Supervisor
from ._exit import Exit, exit_for
from ._load import Root
from ._signals import Ladder, place_of
from .events import RunEscalated, RunFailed, RunReady, RunStarted, RunStopped, RunStopping, RunWaiting

TELL_EVERY = 2.0
"""Seconds between two lines that say who is still alive."""

MOST_ALIVE = 8
"""Of more than this, only the number is said."""


@attrs.define(eq=False)
class Run:
    """
    One run of a root. Made before the loop, for its handlers of signals are.
    """

    root: Root
    grace: float
    view: TreeView
    ladder: Ladder = attrs.field(init=False)
    exit: Exit = attrs.field(factory=lambda: Exit(0))
    hears: bool = False
    ready: bool = False
    deadline: float = math.inf
    """When the root is cancelled, in seconds of `trio.current_time`."""

    stopping_since: float = math.inf
    cancelled: bool = False
    cause: int = 0
    _life: Life = attrs.field(init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _stream: Stream = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._life = Life(self.root.path, 1, self.root.runner, listener=self._listens)
        self.ladder = Ladder(_told, self._dying)

    async def main(self, *sinks: Sink) -> None:
        """
        Run the root, with its events going to *sinks*, and leave in `exit` what came of it.
        """
        began = trio.current_time()
        with use_sinks(*sinks):
            self._stream = current_stream()
            self.cause = self._send(RunStarted, pid=os.getpid())
            stopping = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, stopping, name="trio-run watch")
                self.ladder.attach(lambda: self._step(stopping))
                error = await self._host(_Status(self, began))
                nursery.cancel_scope.cancel(reason="the run is over")
            self.exit = exit_for(self.root.path, error, self.ladder.first)
            if error is not None and self.exit.lines:
                self.cause = self._send(RunFailed, error=error)
            self._send(RunStopped, seconds=trio.current_time() - began, code=self.exit.code)

    # The root.

    async def _host(self, status: _Status) -> BaseException | None:
        """
        Run the root to its end, and return what it raised.
        """
        begin_life(self._life)
        recipe = self.root.recipe
        try:
            with self._scope:
                if not recipe.takes_task_status:
                    status.started()
                return self._complaint(await recipe.begin(status))
        except BaseException as exc:  # It is what becomes of the process, unless it is not for the root.
            error = without_cancelled(exc, self.root.path)
            if error is None:
                raise
            return error
        return None

    def _complaint(self, value: object) -> Exception | None:
        """
        Tell what is wrong with how the root returned *value*, if anything is.
        """
        if isinstance(value, Supervisor):
            return TypeError(
                f"it returned {value!r}, which nobody has run. Make it a plain `def`, or run the supervisor."
            )
        if not self.ready and not self._life.asked:
            return EndedBeforeReady(self.root.path)
        return None

    def note_ready(self, seconds: float) -> None:
        """
        Note that the root is ready.
        """
        self.ready = True
        self._send(RunReady, seconds=seconds)

    def _listens(self) -> None:
        self.hears = True

    # The stop.

    def _step(self, stopping: trio.Event) -> None:
        """
        Do what the signals so far ask for.
        """
        if not stopping.is_set():
            stopping.set()
            self._stop(signal.Signals(self.ladder.first or signal.SIGTERM).name)
        if self.ladder.count > 1 and not self.cancelled:
            self._cancel("a second signal")

    def _stop(self, reason: str) -> None:
        self.stopping_since = trio.current_time()
        grace = self.grace if self.hears else 0.0
        self.deadline = self.stopping_since + grace
        self.cause = self._send(RunStopping, reason=reason, grace=grace, alive=self.alive())
        self._life.ask(reason, self.deadline)
        if not self.hears:  # It would not know, and nobody need wait.
            self._cancel_now(reason)

    def _cancel(self, reason: str) -> None:
        self.cause = self._send(RunEscalated, reason=reason, alive=self.alive())
        self._cancel_now(reason)

    def _cancel_now(self, reason: str) -> None:
        self.cancelled, self.deadline = True, math.inf
        self._scope.cancel(reason=reason)

    async def _watch(self, stopping: trio.Event) -> None:
        """
        From the first signal on, say who is still alive, and cancel the root when its grace is over.
        """
        await stopping.wait()
        tell_at = self.stopping_since + TELL_EVERY
        while True:
            await trio.sleep_until(min(tell_at, self.deadline))
            now = trio.current_time()
            if now >= self.deadline:
                self._cancel(f"the grace of {self.grace:g} s is over")
            elif now >= tell_at:
                self._send(RunWaiting, seconds=now - self.stopping_since, alive=self.alive())
            tell_at = now + TELL_EVERY

    def alive(self) -> tuple[str, ...]:
        """
        Say who is still there.
        """
        return alive_lines(self.view.alive(), trio.current_time())

    def _dying(self, frame: FrameType | None) -> str:
        place = place_of(frame)
        names = [node.path for node in self.view.alive()]
        return f"trio-run: killed{f' at {place}' if place else ''}; still alive: {', '.join(names[:MOST_ALIVE])}\n"

    def _send(self, kind: type[Event], **details: object) -> int:
        return self._stream.send(kind, self.root.path, 1, self.cause, **details)


@attrs.frozen
class _Status:
    """
    The task status that the root is given.
    """

    _run: Run
    _began: float

    def started(self, value: object = None) -> None:
        """
        Note that the root is ready.
        """
        del value
        if self._run.ready:
            raise RuntimeError(f"{self._run.root.path} called task_status.started() twice.")
        self._run.note_ready(trio.current_time() - self._began)


def _told(count: int) -> str:
    """
    Say what a signal does, to who sits at a terminal.
    """
    if not os.isatty(2):
        return ""
    text = "stopping… (again to cancel, a third time to kill)" if count == 1 else "cancelling… (again to kill)"
    return f"\r{text}\n"  # Over the ^C that the terminal has written.


def alive_lines(nodes: Sequence[Node], now: float) -> tuple[str, ...]:
    """
    Say of each node who it is, what it is doing and for how long; of many, how many there are besides the first.
    """
    lines = [
        ", ".join(filter(None, (f"{node.path} {node.state.value} {span(now - node.since)}", outlook(node, now))))
        for node in nodes[:MOST_ALIVE]
    ]
    if len(nodes) > MOST_ALIVE:
        lines.append(f"and {len(nodes) - MOST_ALIVE} more")
    return tuple(lines)
