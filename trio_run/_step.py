"""
One call of an async function: in a context of its own, and what it means when it raises.

Groups and pools run with this what users give them. When, in which task and under which scope is for them.

Laws: every step of a call runs in the context it was given. A KeyboardInterrupt strikes the call, not whoever drives it. A
Cancelled that nobody sent is a failure.
"""

from __future__ import annotations

import contextvars
import inspect
import math
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Self, cast, final

import trio

from ._names import name_of
from .errors import LeakedCancelled


@final
class Step(Generator[Any, Any, Any]):
    """
    A call to be awaited, each step of which runs in the context of the call.

    A generator around the coroutine would do as well, but there a stack of the task would end. Trio looks through this one, at
    the frames of the call.
    """

    __slots__ = ("_coro", "_run", "slept")

    def __init__(self, fn: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context) -> None:
        self._run = context.run
        self._coro = cast("types.CoroutineType[Any, Any, Any]", context.run(call, fn, args))
        self.slept = False

    def __await__(self) -> Self:
        return self

    # What a coroutine and the loop say to each other is theirs alone, hence Any.

    @trio.lowlevel.disable_ki_protection
    def __next__(self) -> Any:  # noqa: ANN401
        return self._run(self._coro.send, None)

    @trio.lowlevel.disable_ki_protection
    def send(self, value: Any, /) -> Any:  # noqa: ANN401
        """
        Go on with a value.
        """
        self.slept = True
        return self._run(self._coro.send, value)

    @trio.lowlevel.disable_ki_protection
    def throw(self, *error: Any) -> Any:  # noqa: ANN401
        """
        Go on with an error.
        """
        self.slept = True
        return self._run(self._coro.throw, *error)

    def close(self) -> None:
        """
        End the call where it stands, if it is not over.
        """
        self._run(self._coro.close)

    @property
    def cr_frame(self) -> types.FrameType | None:
        """
        Where the call stands: so trio asks a coroutine.
        """
        return self._coro.cr_frame

    @property
    def cr_await(self) -> object:
        """
        What the call waits for: so trio asks a coroutine.
        """
        return self._coro.cr_await


@trio.lowlevel.disable_ki_protection
def call(fn: Callable[..., object], args: tuple[Any, ...]) -> Coroutine[Any, Any, Any]:
    """
    Call an async function and return the coroutine.

    Raises:
        TypeError: What it returned cannot be awaited.
    """
    result = fn(*args)
    if isinstance(result, types.CoroutineType):
        return cast("Coroutine[Any, Any, Any]", result)
    if isinstance(result, Awaitable):
        return _wait_for(cast("Awaitable[object]", result))
    raise TypeError(
        f"{name_of(fn)} is not async: it returned {result!r}. A job is an async function: write `async def`. "
        f"If it blocks, run it in a thread with trio.to_thread.run_sync."
    )


async def _wait_for(awaitable: Awaitable[object]) -> object:
    return await awaitable


def not_a_job(thing: object) -> TypeError:
    """
    Return the error for something that cannot be called, which guesses the mistake.
    """
    if not inspect.iscoroutine(thing):
        return TypeError(f"A job is an async function, and {thing!r} cannot be called.")
    thing.close()  # It will never be awaited, and Python need not warn of that on top.
    return TypeError(
        f"A job is an async function, but this is what comes back when one is called: {thing!r}. "
        f"Probably it says {thing.__name__}(...) where it should say {thing.__name__}, with the arguments after it."
    )


def strip_cancelled(exc: BaseException) -> BaseException | None:
    """
    Return what is left of an exception when cancellation is taken out of it; None if it is that alone.
    """
    if isinstance(exc, trio.Cancelled):
        return None
    if isinstance(exc, BaseExceptionGroup) and not isinstance(exc, Exception):
        return cast("BaseExceptionGroup[BaseException]", exc).split(trio.Cancelled)[1]
    return exc


def without_cancelled(exc: BaseException, path: str) -> BaseException | None:
    """
    Return what *exc*, which left a job, is to those who run it.

    To be asked where it was caught, outside of the scope that the job has for itself.

    Returns:
        None if it is cancellation alone, and somebody around asked for it: then it has to go on its way. If nobody did, a
        `LeakedCancelled` for *path*. Otherwise what is left without cancellation.
    """
    rest = strip_cancelled(exc)
    if rest is None and trio.current_effective_deadline() > -math.inf:
        rest = LeakedCancelled(path)
        rest.__cause__ = exc
    return rest
