"""
Scripted children: runners that do what a test wrote down, life by life.

A script is a runner, for a `Child` as much as for a plain nursery. It decides nothing, and draws nothing by chance: in virtual
time each life does the same in every run.

Law: whatever its script says, a child that is cancelled raises `trio.Cancelled` once its clean-up is over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import attrs
import trio

from .._stopping import wait_stopping


class Diary(Protocol):
    """
    Where scripts note what they do, as in `EventLog`.
    """

    def note(self, text: str, /) -> None:
        """
        Write a line.
        """


def _check_seconds(_instance: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{attribute.name} is a number of seconds from 0, not {value!r}.")


@attrs.frozen(kw_only=True)
class Life:
    """
    One life of a scripted child. By default it is ready at once and runs until it is cancelled.
    """

    start: float = attrs.field(default=0.0, validator=_check_seconds)
    """Seconds until it is ready; `math.inf` for never."""

    runs: float = attrs.field(default=math.inf, validator=_check_seconds)
    """Seconds it runs after that, unless it is stopped."""

    result: object = None
    """What it returns at the end; an exception, or a class of them, is raised instead."""

    drain: float | None = attrs.field(default=None, validator=attrs.validators.optional(_check_seconds))
    """Seconds it goes on after it was asked to stop; None if it does not listen, and has to be cancelled."""

    cleanup: float = attrs.field(default=0.0, validator=_check_seconds)
    """Seconds it needs to end once it is cancelled, shielded: more than its grace makes it stuck."""


def fails(error: BaseException | type[BaseException] = OSError, *, after: float = 0.0) -> Life:
    """
    Return a life that is ready at once and fails.

    Args:
        error: With what; a class makes a new error each time.
        after: So many seconds later.
    """
    return Life(runs=after, result=error)


def fails_to_start(error: BaseException | type[BaseException] = OSError, *, after: float = 0.0) -> Life:
    """
    Return a life that fails before it is ready.

    Args:
        error: With what; a class makes a new error each time.
        after: So many seconds after it began.
    """
    return Life(start=math.inf, runs=after, result=error)


def returns(value: object = None, *, after: float = 0.0) -> Life:
    """
    Return a life that is ready at once and returns.

    Args:
        value: What.
        after: So many seconds later.
    """
    return Life(runs=after, result=value)


def hangs() -> Life:
    """
    Return a life that is never ready.
    """
    return Life(start=math.inf)


class Script:
    """
    A runner that lives as it is told: ``Child(Script("db", fails(after=1), Life(start=2)))``.

    If it has a log it notes ``db starts``, ``db is ready``, ``db drains``, ``db is cancelled``, ``db fails``, ``db returns`` and
    ``db ends``.

    Attributes:
        name: What it is called in the notes, and the name of the child.
        lives: How many lives have begun.
        running: How many of them have not ended; more than 1 if it runs twice at the same time.
    """

    def __init__(
        self,
        name: str,
        *lives: Life,
        on: Mapping[int, Life] | None = None,
        rest: Life | None = None,
        log: Diary | None = None,
    ) -> None:
        """
        Plan the lives.

        Args:
            name: What it is called.
            lives: The first lives, in order.
            on: Lives by their number, from 1, as in ``on={3: fails()}``; they come before *lives*.
            rest: All other lives; None for one that runs until it is cancelled.
            log: Where it notes what it does.

        Raises:
            ValueError: A life has a number below 1.
        """
        planned = dict(enumerate(lives, 1)) | dict(on or {})
        if planned and min(planned) < 1:
            raise ValueError(f"The lives of {name} count from 1, and there is one with the number {min(planned)}.")
        self.name = name
        self.__name__ = name  # What a child is called that has no name of its own.
        self.lives: int = 0
        self.running: int = 0
        self._planned = planned
        self._rest = Life() if rest is None else rest
        self._log = log

    def __repr__(self) -> str:
        return f"<Script {self.name}, {self.lives} lives>"

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> object:
        """
        Live one life.

        Raises:
            BaseException: What the script says.

        Cancellation:
            Raised once clean-up is over.
        """
        self.lives += 1
        self.running += 1
        life = self._planned.get(self.lives, self._rest)
        self._note("starts")
        try:
            return await self._live(life, task_status)
        except trio.Cancelled:
            self._note("is cancelled")
            if life.cleanup:
                with trio.CancelScope(shield=True):
                    await trio.sleep(life.cleanup)
            raise
        finally:
            self.running -= 1
            self._note("ends")

    async def _live(self, life: Life, task_status: trio.TaskStatus[None]) -> object:
        if life.start == math.inf:
            await trio.sleep(life.runs)
        else:
            await trio.sleep(life.start)
            task_status.started()
            self._note("is ready")
            if life.drain is None:
                await trio.sleep(life.runs)
            elif await _is_asked_within(life.runs):
                self._note("drains")
                await trio.sleep(life.drain)
                return None
        error = _error(life.result)
        self._note("returns" if error is None else "fails")
        if error is not None:
            raise error
        return life.result

    def _note(self, what: str) -> None:
        if self._log is not None:
            self._log.note(f"{self.name} {what}")


def _error(result: object) -> BaseException | None:
    if isinstance(result, type) and issubclass(result, BaseException):
        return result()
    return result.with_traceback(None) if isinstance(result, BaseException) else None


async def _is_asked_within(seconds: float) -> bool:
    """
    Wait until a stop is asked for, but not longer, and tell whether it was.
    """
    with trio.move_on_after(seconds):
        await wait_stopping()
        return True
    return False
