"""
What each worker of a pool has for itself: a connection, a browser, a process.

This file says how jobs get at it, and when it is not to be trusted any more. When it is opened and closed is for the workers.

Laws: a worker opens it before the first job that needs it, and closes it before it ends. What a job broke, no other job gets.
What ends by itself ends no more than the job that uses it.
"""

from __future__ import annotations

import contextvars
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar, TypeVarTuple, Unpack, cast, final

import attrs

from .._names import name_of
from .._said import errors_in
from ..errors import OutsidePool

T = TypeVar("T")
PosArgsT = TypeVarTuple("PosArgsT")


@final
class PerWorker(Generic[T]):
    """
    Something that each worker of a pool opens for itself, and that its jobs use one after the other.

    Give it to `open_pool`, and ask it for what the worker of the present job has. A worker opens it for its first job, keeps
    it from job to job, and closes it when it ends, in one and the same task: so there may be nurseries and cancel scopes
    inside.

    After a job that was cancelled, or raised what is listed in *broken_by*, nobody knows in which state it is: then it is
    closed, and another one opened for the next job. If it cannot be opened, the job that it was for fails with that error; if
    it ends by itself, as when a task of its own fails, so does the job that uses it. If it cannot be closed, or ends while no job
    uses it, the event ``worker.failed`` tells.

    Args:
        open_: Returns an async context manager.
        *args: The arguments of *open_*.
        broken_by: After which errors of a job it is replaced, also where they come in a group.

    Raises:
        TypeError: *open_* cannot be called, or *broken_by* is no class of exceptions.

    That workers have a state is an idea of connection pools, such as Elixir's NimblePool.
    """

    def __init__(
        self,
        open_: Callable[[Unpack[PosArgsT]], AbstractAsyncContextManager[T]],
        *args: *PosArgsT,
        broken_by: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> None:
        if not callable(open_):
            raise TypeError(f"PerWorker takes a function that returns an async context manager, not {open_!r}.")
        classes: tuple[object, ...] = broken_by if isinstance(broken_by, tuple) else (broken_by,)
        if not all(isinstance(each, type) and issubclass(each, BaseException) for each in classes):
            raise TypeError(f"PerWorker(broken_by=...) takes a class of exceptions, or several, not {broken_by!r}.")
        self._broken_by = broken_by
        self._open: Callable[[], object] = lambda: open_(*args)
        self._name = name_of(open_)
        self._value: contextvars.ContextVar[T] = contextvars.ContextVar(f"trio_run per worker: {self._name}")

    def __repr__(self) -> str:
        return f"<PerWorker {self._name}>"

    def get(self) -> T:
        """
        Return what the worker of the present job has; the tasks that a job starts get it too.

        Raises:
            OutsidePool: This is no job of a pool that was opened with it.
        """
        try:
            return self._value.get()
        except LookupError:
            raise OutsidePool(self._name) from None

    def open(self) -> AbstractAsyncContextManager[T]:
        """
        Return a context manager for one more of them. Pools call this.

        Raises:
            TypeError: What is to open it returned something else.
        """
        opened = self._open()
        if isinstance(opened, AbstractAsyncContextManager):
            return cast("AbstractAsyncContextManager[T]", opened)
        hint = ""
        if isinstance(opened, AsyncGenerator):
            hint = " It is an async generator function: put @contextlib.asynccontextmanager above it."
        elif isinstance(opened, Coroutine):
            opened.close()  # It will never be awaited, and Python need not warn of that on top.
            hint = (
                " It is an async function that returns: have it yield, with @contextlib.asynccontextmanager above it."
            )
        raise TypeError(
            f"PerWorker takes a function that returns an async context manager, and {self._name} returned {opened!r}.{hint}"
        )

    def hold(self, value: T) -> Held:
        """
        Return what was opened as a worker holds it. Pools call this.
        """
        return Held(self._name, lambda context: context.run(self._value.set, value), self._broken_by)


@attrs.define(eq=False)
class Held:
    """
    What one worker has opened.
    """

    title: str
    """What it is called in errors."""

    show: Callable[[contextvars.Context], object]
    """Lets a job see it that runs in this context."""

    broken_by: type[Exception] | tuple[type[Exception], ...]
    worn: bool = False
    """Whether no other job is to get it."""

    def judge(self, error: BaseException | None) -> bool:
        """
        Tell whether it is worn after a job that raised; None stands for cancellation.
        """
        self.worn = self.worn or error is None or _found(error, self.broken_by)
        return self.worn


def _found(error: BaseException, classes: type[Exception] | tuple[type[Exception], ...]) -> bool:
    """
    Tell whether *error* is of one of these *classes*, or a group with one that is.
    """
    return isinstance(error, classes) or any(_found(each, classes) for each in errors_in(error))
