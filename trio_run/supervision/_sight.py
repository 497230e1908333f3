"""
A supervisor as a whole: what is seen of it and waited for, and its stop.

What is seen is a picture of one moment; orders about single children are in `_calls`.

Laws: a wait ends when what it waits for is there, or can no longer come. Cancelling a wait changes nothing.
"""

from __future__ import annotations

import abc
from typing import Any

import trio

from .._handle import Handle
from .._names import join
from .._pool._waiters import check_outside
from .._thread import check_thread
from ..errors import SupervisorNotRunning, SupervisorStopped, SupervisorStopping
from ._child import Child
from ._exits import ChildExit, StopReport
from ._look import snapshot_of
from ._orders import wait_exit, wait_ready
from ._policy import Strategy
from ._shell import Shell
from ._status import ChildSnapshot, ChildStatus, SupervisorSnapshot

FROM_THREAD = "Ask it through its from_thread."


class Sight(abc.ABC):
    """
    A supervisor as a whole.
    """

    __slots__ = ()

    name: str
    strategy: Strategy
    grace: float
    plan: tuple[Child, ...]
    """What each run starts with."""

    _shell: Shell | None
    """Its run; None while there is none."""

    _last: Shell | None
    """The same, kept when the run is over."""

    def _taking_orders(self) -> Shell:
        """
        Return the shell if it takes orders.
        """
        shell = self._shell
        if shell is None:
            raise self.not_running()
        check_thread(shell.token, shell.core.path, FROM_THREAD)
        if shell.core.stopping:
            raise SupervisorStopping(shell.core.path)
        return shell

    @property
    def token(self) -> trio.lowlevel.TrioToken | None:
        """
        The run of trio that it runs in; None while it does not run.
        """
        shell = self._shell  # Once: this is asked by other threads as well.
        return None if shell is None else shell.token

    def not_running(self) -> SupervisorNotRunning:
        """
        Return the error that says why it takes no orders.
        """
        return SupervisorNotRunning(self.name) if self._last is None else SupervisorStopped(self._last.core.path)

    @property
    @abc.abstractmethod
    def rules(self) -> tuple[object, ...]:
        """
        All there is to it but the children.
        """

    @property
    def children(self) -> tuple[Child, ...]:
        """
        The children, in start order: those it has now while it runs, and those it starts with while it does not.
        """
        shell = self._shell
        return self.plan if shell is None else tuple(shell.seats[name].child for name in shell.core.slots)

    def request_stop(self, reason: str = "asked to stop") -> None:
        """
        Ask the whole supervisor to stop. Returns at once; `run` ends when all children are gone.

        Asking again changes nothing. Safe from every task, also from its own children.

        Args:
            reason: Why, for logs and for ``trio.Cancelled.reason``.

        Raises:
            SupervisorNotRunning: It does not run; `SupervisorStopped` if it did.
            RuntimeError: This is another thread.
        """
        shell = self._shell
        if shell is None:
            raise self.not_running()
        check_thread(shell.token, shell.core.path, FROM_THREAD)
        shell.stop(trio.current_time() + self.grace, reason)

    def snapshot(self) -> SupervisorSnapshot:
        """
        Return what the supervisor and all below it are doing: a value that goes into JSON by its ``as_dict()``.

        Only in trio's own thread; from another one, use ``from_thread.snapshot()``.

        Raises:
            RuntimeError: It runs, and this is another thread.
        """
        shell = self._last
        if shell is None:
            return _planned(self, self.name)
        if not shell.over.is_set():
            check_thread(shell.token, shell.core.path, FROM_THREAD)
        return snapshot_of(shell, self.name)

    async def wait_stopped(self) -> StopReport:
        """
        Wait until the supervisor has stopped, for whatever reason; at once if it has.

        Returns:
            How each child ended. An error that the run raised goes to whoever ran it.

        Raises:
            SupervisorNotRunning: It was never run.
            SupervisorStopped: The run broke down, and left no report.
            WouldDeadlock: The caller is a part of this supervisor.

        Cancellation:
            Ends the wait only.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        shell = self._last
        if shell is None:
            raise self.not_running()
        if not shell.over.is_set():
            check_outside(shell.task, shell.core.path)
        await shell.over.wait()
        if shell.stop_report is None:
            raise SupervisorStopped(shell.core.path)
        return shell.stop_report

    @property
    def stop_report(self) -> StopReport | None:
        """
        What the last stop came to; None before it is over.
        """
        return None if self._last is None else self._last.stop_report

    @property
    def path(self) -> str:
        """
        Where it stands in the tree, or stood last, as in ``shop/workers``; its name before the first run.
        """
        return self.name if self._last is None else self._last.core.path

    def statistics(self) -> tuple[ChildStatus, ...]:
        """
        Return what the children are doing, in start order; nothing if it does not run.
        """
        if self._shell is None:
            return ()
        slots = self._shell.core.slots.values()
        return tuple(ChildStatus(s.name, s.phase.value, s.wanted, s.life, s.failures) for s in slots)

    async def wait_ready(self, name: str) -> Handle[Any]:
        """
        Wait until a child is ready, in the present life or, if that fails, in a later one; at once if it is.

        Returns:
            The handle of the child, with what it gave to ``task_status.started()``.

        Raises:
            ChildNotFound: There is no such child.
            StartFailed: It is down, and nothing is to bring it up again. The ``__cause__`` is its error, or `ChildDown`.
            StartWouldDeadlock: The caller is not ready itself, and the child has to wait for that.
            SupervisorNotRunning: The supervisor does not run; `SupervisorStopping` or `SupervisorStopped` if it did.

        Cancellation:
            Ends the wait only.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        return await wait_ready(self._taking_orders(), name)

    async def wait_exit(self, name: str) -> ChildExit:
        """
        Wait until a child is down for good: what its supervisor starts again is not.

        It is down for good when it is done, was stopped by name, removed or refused, or when its supervisor stops.

        Returns:
            How its last life ended.

        Raises:
            ChildNotFound: There is no such child.
            SupervisorNotRunning: The supervisor does not run; `SupervisorStopped` if it did.
            WouldDeadlock: The caller is that child, or lives below it.

        Cancellation:
            Ends the wait only.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._shell is None:
            raise self.not_running()
        return await wait_exit(self._shell, name)

    def get(self, name: str) -> Handle[Any]:
        """
        Return the handle of a child.

        Raises:
            ChildNotFound: There is no such child.
            SupervisorNotRunning: The supervisor does not run; `SupervisorStopped` if it did.
        """
        if self._shell is None:
            raise self.not_running()
        self._shell.core.slot(name)
        return self._shell.seats[name].open_handle()


def _planned(plan: Sight, path: str) -> SupervisorSnapshot:
    """
    Return the picture of a supervisor that was never run, and is to stand at *path*.
    """
    children: list[ChildSnapshot] = []
    for child in plan.plan:
        where, runner = join(path, child.name), child.runner
        inner = (_planned(runner, where),) if isinstance(runner, Sight) else ()
        restart = child.restart.value
        children.append(
            ChildSnapshot(name=child.name, path=where, phase="down", wanted=False, restart=restart, supervisors=inner)
        )
    return SupervisorSnapshot(
        name=plan.name, path=path, phase="not running", strategy=plan.strategy.value, children=tuple(children)
    )
