"""
A probe around one task: sees what trio sends in and what the task asks for.

It stands in for the task's coroutine. Whoever it reports to may answer a wait with an error, and may have the task ended where
it stands. Which task is probed, and why, is not known here.

Laws: a probe that is told nothing changes nothing. A task always has a place, if need be where its function begins.
A coroutine that was given up is never resumed, not even by the garbage collector, since it may not end.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Final, Protocol, Self, cast

import outcome
import trio

from ._everywhere_places import Place, code_of, place_of, place_of_code


class RunGivenUp(BaseException):
    """
    Ends what would not end by itself.
    """


class Observer(Protocol):
    """
    What a probe reports to.
    """

    given_up: bool
    """Whether no task is to be resumed any more."""

    def stepped(self) -> None:
        """
        Note that a task goes on.
        """

    def heard(self, probe: Probe, exc: BaseException) -> None:
        """
        Note that the wait of a task ended with an error; raise RunGivenUp to have the task end as well.
        """

    def screened(self, probe: Probe) -> outcome.Error | None:
        """
        Look at what the task waits for, and return what it is to get at once, or None to let it wait.
        """

    def ended(self, probe: Probe, exc: BaseException | None) -> None:
        """
        Note how a task ended.
        """


class Probe(Coroutine[Any, Any, Any]):
    """
    The coroutine of a task, under observation.
    """

    __slots__ = (
        "__weakref__",
        "begun",
        "coro",
        "heard_at",
        "interruptions",
        "is_inside",
        "message",
        "observer",
        "rested",
        "task",
    )

    def __init__(self, coro: Coroutine[Any, Any, Any], task: trio.lowlevel.Task, observer: Observer) -> None:
        self.coro: Final = coro
        self.task: Final = task
        self.observer: Final = observer
        self.begun = False
        self.message: Any = None  # What it yielded last.
        self.heard_at: list[Place | None] = []  # Where it stood when a cancellation of ours reached it.
        self.interruptions = 0  # How many of its waits ended so.
        self.is_inside = True  # Whether it belongs to the function, and not to the system.
        self.rested = False  # Whether it gave others their turn and asked for nothing else.

    @property
    def name(self) -> str:
        """
        What the task is called.
        """
        return self.task.name.rpartition(".")[2] or self.task.name

    @property
    def place(self) -> Place | None:
        """
        Where the task stands, or where it began if it is over.
        """
        code = code_of(self.coro)
        return place_of(self.coro) or (None if code is None else place_of_code(code))

    def send(self, value: Any) -> Any:  # noqa: ANN401 - as in Coroutine
        """
        Resume the task.
        """
        self.begun, observer = True, self.observer
        if observer.given_up:
            self.give_up()
        observer.stepped()
        if type(value) is outcome.Error:
            observer.heard(self, value.error)
        answer: Any = value
        while True:
            try:
                self.message = self.coro.send(answer)
            except StopIteration:
                observer.ended(self, None)
                raise
            except BaseException as exc:
                observer.ended(self, exc)
                raise
            answer = observer.screened(self)
            if answer is None:
                return self.message

    def give_up(self) -> None:
        """
        End the task where it stands, without another step of it.

        Raises:
            RunGivenUp: Always.
        """
        if self.message is None:
            self.coro.close()  # It never began.
        else:
            _keep_for_ever(self.coro)
        raise RunGivenUp

    def throw(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
        /,
    ) -> Any:  # noqa: ANN401 - as in Coroutine
        """
        Raise in the task; trio does so only where the task awaited something of another library.
        """
        del val, tb
        self.begun = True
        return self.coro.throw(typ if isinstance(typ, BaseException) else typ())

    def close(self) -> None:
        """
        End a task that will not go on.
        """
        self.coro.close()

    # To be awaited itself, where it stands around a part of a task.

    def __await__(self) -> Generator[Any, Any, Any]:
        return cast("Generator[Any, Any, Any]", self)  # It has all that a generator needs to be awaited.

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> object:
        return self.send(None)

    # To look like the coroutine: trio and inspect ask for its frame and state.

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the coroutine has
        return getattr(self.coro, name)


def _keep_for_ever(coro: object) -> None:
    """
    Have a coroutine never collected: Python would resume it to close it, and might not get it back.
    """
    if sys.implementation.name == "cpython":
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(coro))
    else:
        _KEPT.append(coro)


_KEPT: Final[list[object]] = []
