"""
The calls of a supervisor for other threads.

A thread asks, and blocks until the answer is there. Where it was started by `trio.to_thread`, in the run of the supervisor, the
call is made by the task that waits for the thread, so that a cancellation of that task ends the call too; from any other
thread it is made by a task of its own, which ends with the run.

Laws: a call never outlasts the run. In the thread of the run, or of another, it is refused, since nothing could answer there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, TypeVarTuple, Unpack, cast, final

import attrs
import trio

from .._handle import Handle
from ..errors import SupervisorStopped
from ._calls import Calls
from ._changes import Changes
from ._exits import ChildExit, StopReport
from ._status import SupervisorSnapshot

T = TypeVar("T")
PosArgsT = TypeVarTuple("PosArgsT")


@final
@attrs.frozen
class FromThread:
    """
    A supervisor as other threads see it: each method blocks until the one of the same name has returned, and raises what it does.

    Besides, each raises:

    - `SupervisorNotRunning` where no run is active, and `SupervisorStopped` where it ends meanwhile;
    - `RuntimeError` in a thread in which trio runs: there, await the call of the supervisor itself;
    - ``trio.Cancelled`` in a thread that was started by ``trio.to_thread``, when that call was cancelled meanwhile.

    Handles that it returns are for trio's thread only.
    """

    _supervisor: Calls

    def start(self, runner: object, *args: object, name: str | None = None) -> Any:  # noqa: ANN401 - as in Supervisor.start
        """
        Start a child, and wait until it is ready.
        """

        async def call() -> Any:  # noqa: ANN401
            start = cast("Callable[..., Awaitable[Any]]", self._supervisor.start)
            return await (start(runner, *args) if name is None else start(runner, *args, name=name))

        return self._run(call)

    def stop(self, name: str) -> ChildExit:
        """
        Stop a child and keep it down, and wait until it is gone.
        """
        return self._run(self._supervisor.stop, name)

    def remove(self, name: str) -> ChildExit:
        """
        Stop a child and forget it, and wait until it is gone.
        """
        return self._run(self._supervisor.remove, name)

    def restart(self, name: str) -> Handle[Any]:
        """
        Give a child a new life, and wait until it is ready.
        """
        return self._run(self._supervisor.restart, name)

    def replace(self, name: str, child: object) -> Handle[Any]:
        """
        Put another child in the place of one, and wait until it is ready.
        """
        return self._run(self._supervisor.replace, name, child)

    def reconfigure(self, children: Iterable[object]) -> Changes:
        """
        Have other children from now on, and wait until it is so.
        """
        return self._run(self._supervisor.reconfigure, tuple(children))

    def wait_ready(self, name: str) -> Handle[Any]:
        """
        Wait until a child is ready.
        """
        return self._run(self._supervisor.wait_ready, name)

    def wait_exit(self, name: str) -> ChildExit:
        """
        Wait until a child is down for good.
        """
        return self._run(self._supervisor.wait_exit, name)

    def request_stop(self, reason: str = "asked to stop") -> None:
        """
        Ask the whole supervisor to stop. Does not wait until it has.
        """

        async def call() -> None:
            self._supervisor.request_stop(reason)
            await trio.lowlevel.checkpoint()

        self._run(call)

    def wait_stopped(self) -> StopReport:
        """
        Wait until the supervisor has stopped; return how each child ended.
        """
        try:
            return self._run(self._supervisor.wait_stopped)
        except SupervisorStopped:
            report = self._supervisor.stop_report
            if report is None:
                raise
            return report

    def snapshot(self) -> SupervisorSnapshot:
        """
        Return what the supervisor and all below it are doing; after the run, how it ended.
        """

        async def call() -> SupervisorSnapshot:
            await trio.lowlevel.checkpoint()
            return self._supervisor.snapshot()

        return self._run(call) if self._supervisor.token is not None else self._supervisor.snapshot()

    def _run(self, call: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT) -> T:
        """
        Have the thread of the run make a call, and wait for its answer.
        """
        supervisor, token = self._supervisor, self._supervisor.token
        if trio.lowlevel.in_trio_run():
            raise RuntimeError(
                f"{supervisor.path}: from_thread is for other threads, and trio runs in this one. Await the call of the "
                f"supervisor itself."
            )
        if token is None:
            raise supervisor.not_running()
        if _waits_for_us(token):
            return trio.from_thread.run(call, *args)
        try:
            return trio.from_thread.run(call, *args, trio_token=token)
        except (trio.Cancelled, trio.RunFinishedError):  # Nobody cancels it but the end of the run.
            raise SupervisorStopped(supervisor.path) from None


def _waits_for_us(token: trio.lowlevel.TrioToken) -> bool:
    """
    Tell whether a task of the run of *token* waits for this thread.
    """
    try:
        return trio.from_thread.run_sync(trio.lowlevel.current_trio_token) is token
    except RuntimeError:  # Trio knows nothing of this thread.
        return False
