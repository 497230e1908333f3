"""
The soft stop that a runner can hear.

Stopping a child is a ladder: it is asked, it has its grace, it is cancelled. This file is the first rung, seen from inside
the child. Who is asked, when, and how long the grace is, the supervisor decides.

Laws: a runner hears of a stop only if it listens, and one that does not listen loses no time by it. Outside of any supervised
child nothing is ever asked to stop, so a runner can be run by itself.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Callable, Generator
from typing import Protocol

import attrs
import trio


class Keeper(Protocol):
    """
    Whose children lives are of.
    """

    def extend(self, life: Life, seconds: float) -> None:
        """
        Give a life that starts, or was asked to stop, that many seconds from now.
        """


@attrs.define(eq=False)
class Life:
    """
    One run of a runner, as the tasks of that runner see it.
    """

    path: str
    number: int
    runner: object
    cause: int = 0
    """The event that led to it, as in `Event.cause`."""

    deadline: float = math.inf
    """When the life is cancelled if it is still there, in seconds of `trio.current_time`; set when it is asked to stop."""

    reason: str | None = None
    """Why it was asked to stop; None as long as it was not."""

    attended: bool = False
    """Whether the runner's own code has looked for a request to stop, and so will see to its end itself."""

    listener: Callable[[], None] | None = None
    """Called once, when the runner first listens."""

    owner: Keeper | None = None
    """Whose child this is a life of."""

    below: list[object] | None = None
    """The supervisors that run in it; for their own use, too."""

    report: object = None
    """What the stop of the supervisor that this is a life of came to."""

    pulse: Callable[[], None] | None = None
    """Called at each sign of life; None where nobody waits for one."""

    _calls: dict[object, Callable[[str], None]] | None = None

    @property
    def asked(self) -> bool:
        """
        Whether the life was asked to stop.
        """
        return self.reason is not None

    def ask(self, reason: str, deadline: float) -> None:
        """
        Ask the life to stop until *deadline*; a second call can only move the deadline.
        """
        self.deadline = deadline
        if self.reason is None:
            self.reason = reason
            for call in tuple((self._calls or {}).values()):
                call(reason)

    def listen(self) -> None:
        """
        Note that the runner listens, and tell who has to know.
        """
        listener, self.listener = self.listener, None
        if listener is not None:
            listener()

    def on_stop(self, key: object, call: Callable[[str], None]) -> None:
        """
        Have *call* called with the reason once the life is asked to stop: now, if it was already.
        """
        self.listen()
        if self.reason is not None:
            call(self.reason)
            return
        if self._calls is None:
            self._calls = {}
        self._calls[key] = call

    def forget(self, key: object) -> None:
        """
        Take back what `on_stop` was told under *key*.
        """
        if self._calls is not None:
            self._calls.pop(key, None)


_life: contextvars.ContextVar[Life | None] = contextvars.ContextVar("trio_run_life", default=None)


def current_life() -> Life | None:
    """
    Return the life that the current task belongs to, or None outside of any.
    """
    return _life.get()


def begin_life(life: Life) -> None:
    """
    Make *life* the one that the current task, and all it starts, belongs to.
    """
    _life.set(life)


def beat() -> None:
    """
    Give a sign of life: this child is well.

    A child with ``Child(beat=seconds)`` is unhealthy when it was ready and silent for that long; then it is stopped, and has
    failed. To be called from the loop that does the work, so that a loop that hangs is found out. Outside of a supervised
    child, and where no beat is asked for, it does nothing.

    Safe in every task of the child; not for other threads. Costs about as much as a function call.
    """
    life = _life.get()
    if life is not None and life.pulse is not None:
        life.pulse()


def extend(seconds: float) -> None:
    """
    Ask for more time: this child is about it.

    Until it is ready, a child with a ``start_timeout`` has *seconds* from now to become so. Once it was asked to stop it has
    *seconds* from now to end by itself, but no more than its supervisor has. Time that it has anyway is not taken away. To be
    called as work goes on, by a child that cannot know beforehand how long it takes. At other times, and outside of a
    supervised child, it does nothing.

    Safe in every task of the child; not for other threads.

    Args:
        seconds: How long from now.

    Raises:
        TypeError: *seconds* is no number.
        ValueError: It is not above 0 and finite.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"extend({seconds!r}) takes a number of seconds.")
    if not 0 < seconds < math.inf:
        raise ValueError(f"extend({seconds!r}) takes seconds above 0, and a finite number of them.")
    life = _life.get()
    if life is not None and life.owner is not None:
        life.owner.extend(life, seconds)


def stopping() -> bool:
    """
    Tell whether this child was asked to stop.

    A child that listens has its grace to end by itself; one that never calls this, `wait_stopping` or `cancel_on_stop` is
    cancelled at once when it is to stop. Outside of a supervised child the answer is always False.

    Safe in every task of the child; not for other threads.

    Returns:
        True once the child was asked.
    """
    life = _life.get()
    if life is None:
        return False
    life.attended = True
    life.listen()
    return life.asked


async def wait_stopping() -> None:
    """
    Wait until this child is asked to stop.

    Outside of a supervised child it waits until it is cancelled. Safe in every task of the child.

    Cancellation:
        A checkpoint even when the child was asked already; cancelling the wait changes nothing.
    """
    life = _life.get()
    if life is None:
        await trio.sleep_forever()
    life.attended = True
    asked, key = trio.Event(), object()
    life.on_stop(key, lambda _reason: asked.set())
    try:
        await asked.wait()
    finally:
        life.forget(key)


@contextlib.contextmanager
def cancel_on_stop() -> Generator[trio.CancelScope]:
    """
    Cancel the block when this child is asked to stop: the way out of an accept loop, before the draining.

    Outside of a supervised child it is a cancel scope that nobody cancels. Safe in every task of the child.

    Yields:
        The cancel scope around the block; its ``cancelled_caught`` tells afterwards what ended the block.

    Cancellation:
        Only the block is cancelled, not what follows it. The child as a whole is cancelled when its grace is over.
    """
    life = _life.get()
    with trio.CancelScope() as scope:
        if life is None:
            yield scope
            return
        life.attended = True
        life.on_stop(scope, lambda reason: scope.cancel(reason=reason))
        try:
            yield scope
        finally:
            life.forget(scope)
