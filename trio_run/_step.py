"""
One call of an async function: in a context of its own, and what it means when it raises.

Groups and pools run with this what users give them. When, in which task and under which scope is for them.

Laws: every step of a call runs in the context it was given. A KeyboardInterrupt strikes the call, not whoever drives it. A
Cancelled that nobody sent is a failure.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol, Self, cast, final

import trio

from ._names import name_of
from .errors import LeakedCancelled


class Call(Protocol):
    """
    What is to be called, with what, and in which context.
    """

    fn: Callable[..., object]
    args: tuple[Any, ...]
    context: contextvars.Context


@final
class Stepper(Generator[Any, Any, Any]):
    """
    Makes calls, one after the other, and drives each in its context.

    A call that never gives way is over when `begin` returns. Otherwise this is to be awaited, and stands for the call: a
    generator around the coroutine would do as well, but there a stack of the task would end. Trio looks through this one, at
    the frames of the call.

    One generator serves all calls, for that is what makes them cheap: a generator has no context of its own, and what it
    awaits ends without an exception. It ends with the first call that raises; then there is to be a new stepper.
    """

    __slots__ = ("_first", "_run", "_steps", "begin", "value")

    def __init__(self) -> None:
        self._steps = _steps_of(self)
        next(self._steps)
        self.begin: Callable[[Call], object] = self._steps.send
        """Makes a call, in its context; returns this stepper where the call is over, and its value is here."""

        self.value: object = None
        """What the last call returned; whoever takes it has to leave None."""

    def wait(self, context: contextvars.Context, said: object) -> Self:
        """
        Take what `begin` returned, where this was not the end of it; what comes back is to be awaited.
        """
        if said is _STOPPED:  # No generator can raise this.
            raise cast("StopIteration", self.value)
        self._run, self._first = context.run, said
        return self

    def __await__(self) -> Self:
        return self

    # What a coroutine and the loop say to each other is theirs alone, hence Any.

    def __next__(self) -> Any:  # noqa: ANN401
        return self._first

    def send(self, value: Any, /) -> Any:  # noqa: ANN401
        """
        Go on with a value.
        """
        return self._on(self._run(self._steps.send, value))

    def throw(self, *error: Any) -> Any:  # noqa: ANN401
        """
        Go on with an error.
        """
        return self._on(self._run(self._steps.throw, *error))

    def _on(self, said: object) -> object:
        if said is self:
            del self._run, self._first  # Who rests keeps nothing alive.
            raise StopIteration
        return said

    def end(self, context: contextvars.Context) -> None:
        """
        End the call where it stands, if it is not over.
        """
        context.run(self._steps.close)

    @property
    def cr_frame(self) -> types.FrameType | None:
        """
        Where the call stands: so trio asks a coroutine.
        """
        return getattr(self._steps.gi_yieldfrom, "cr_frame", None)

    @property
    def cr_await(self) -> object:
        """
        What the call waits for: so trio asks a coroutine.
        """
        return getattr(self._steps.gi_yieldfrom, "cr_await", None)


_STOPPED = object()


def _steps(stepper: Stepper) -> Generator[Any, Any, None]:
    job: Call | None = yield
    while job is not None:
        try:
            coro = job.fn(*job.args)
            if type(coro) is not _plain:
                coro = awaitable(job.fn, coro)
        except StopIteration as exc:
            stepper.value = exc
            job = None
            yield _STOPPED
            return
        job = None  # Who rests keeps nothing alive.
        stepper.value = yield from cast("Generator[Any, Any, Any]", coro)
        coro = None
        job = yield stepper


_steps_of = cast(
    "Callable[[Stepper], types.GeneratorType[Any, Any, None]]",
    trio.lowlevel.disable_ki_protection(types.coroutine(_steps)),
)


@trio.lowlevel.disable_ki_protection
def call(fn: Callable[..., object], args: tuple[Any, ...]) -> Coroutine[Any, Any, Any]:
    """
    Call an async function and return the coroutine.

    Raises:
        TypeError: What it returned cannot be awaited.
    """
    return awaitable(fn, fn(*args))


def awaitable(fn: Callable[..., object], result: object) -> Coroutine[Any, Any, Any]:
    """
    Return what *fn* returned, as a coroutine.

    Raises:
        TypeError: It cannot be awaited.
    """
    if isinstance(result, AWAITABLE):
        return cast("Coroutine[Any, Any, Any]", around(coroutine_of(cast("Awaitable[object]", result))))
    if isinstance(result, AsyncGenerator):
        raise TypeError(
            f"{name_of(fn)} has a `yield` in it, so it is an async generator function and cannot be awaited. "
            f"A job is an async function that returns: write one around it that uses what it yields."
        )
    raise TypeError(
        f"{name_of(fn)} is not async: it returned {result!r}. A job is an async function: write `async def`. "
        f"If it blocks, run it in a thread with trio.to_thread.run_sync."
    )


AWAITABLE = (types.CoroutineType, Awaitable)
"""What can be awaited: the second alone would do, and is slow."""


def coroutine_of(called: Awaitable[object]) -> Coroutine[Any, Any, Any]:
    """
    Return a coroutine that is as good as *called*: itself, if it is one.
    """
    if isinstance(called, types.CoroutineType):
        return cast("Coroutine[Any, Any, Any]", called)
    return _wait_for(called)


async def _wait_for(called: Awaitable[object]) -> object:
    return await called


Around = Callable[[Awaitable[object]], Coroutine[Any, Any, Any]]
"""Puts something around what was called."""

_around: Around | None = None

_plain: type | None = types.CoroutineType
"""What a job may return that needs no second look; None while a test puts something around it."""


def around(called: Awaitable[object]) -> Awaitable[object]:
    """
    Return what is to be awaited in place of what a user's function returned: itself, but in a test that looks on.
    """
    return called if _around is None else _around(called)


def observed(thing: Any) -> Any:  # noqa: ANN401 - a function of any kind, or none
    """
    Return what is to be called in place of *thing*, many times and as fast as can be: itself, but in a test that looks on.

    What is no function stays what it is.
    """
    if _around is None or not callable(thing) or hasattr(thing, "__iter__") or hasattr(thing, "__aiter__"):
        return thing
    function = cast("Callable[..., Awaitable[object]]", thing)

    def call_observed(*args: Any) -> Awaitable[object]:  # noqa: ANN401 - as it takes
        return around(function(*args))

    return call_observed


@contextlib.contextmanager
def put_around(wrap: Around) -> Generator[None]:
    """
    Have *wrap* put something around all that is called for users, as long as the block lasts: for tests.
    """
    global _around, _plain
    before = _around, _plain
    _around, _plain = wrap, None
    try:
        yield
    finally:
        _around, _plain = before


def not_a_job(thing: object) -> TypeError:
    """
    Return the error for something that cannot be called, which guesses the mistake.
    """
    mistake = already_called(thing)
    if mistake is None:
        return TypeError(f"A job is an async function, and {thing!r} cannot be called.")
    return TypeError(f"A job is an async function, but {mistake}, with the arguments after it.")


def already_called(thing: object) -> str | None:
    """
    Say what the mistake is if *thing* can only be awaited, where the async function itself is wanted; None if it is not that.
    """
    if not isinstance(thing, Awaitable):
        return None
    if isinstance(thing, Coroutine):
        thing.close()  # It will never be awaited, and Python need not warn of that on top.
    name = name_of(cast("object", thing))
    return (
        f"this is what comes back when one is called: {thing!r}. "
        f"Probably it says {name}(...) where it should say {name}"
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
