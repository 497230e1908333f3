"""
What may be asked of a running supervisor, call by call.

Here is checked who may ask what; waiting until it is done is for `_orders`, and what follows from it for the core.

Laws: a call that cannot be carried out raises, in every phase of the supervisor's life. Cancelling who waits for an order does
not undo the order.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, TypeVarTuple, Unpack, overload

import trio

from .._handle import Handle
from .._names import called, join
from ._alike import alike
from ._changes import Changes
from ._child import Child, as_child, once
from ._core import Core
from ._exits import ChildExit
from ._orders import bring_down, restart, start, turned_away
from ._reconfigure import reconfigure, replace
from ._shell import Shell
from ._sight import Sight
from ._slot import Admission

T = TypeVar("T")
PosArgsT = TypeVarTuple("PosArgsT")


class Calls(Sight):
    """
    The calls about single children that a supervisor takes while it runs.
    """

    __slots__ = ()

    @overload
    def start_soon(self, runner: Child | Calls) -> Handle[Any]: ...

    @overload
    def start_soon(
        self, runner: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None
    ) -> Handle[T]: ...

    def start_soon(self, runner: Any, *args: Any, name: str | None = None) -> Handle[Any]:  # type: ignore[misc]  # mypy does not see that *args takes a TypeVarTuple
        """
        Have a child started, without waiting for it.

        Its lives begin in a copy of the context variables of this moment. If the supervisor was cancelled from outside just
        now, as the caller will find at its next checkpoint, the child is cancelled before it begins.

        Args:
            runner: A `Child` or `Supervisor`, which is kept by its rules; or a function, which runs once.
            *args: Arguments for a function.
            name: What to call a function; a number is added if the name is taken.

        Returns:
            The handle, whose outcome is that of the last life.

        Raises:
            DuplicateChild: The name of the `Child` is taken.
            SupervisorNotRunning: It does not run; `SupervisorStopping` or `SupervisorStopped` if it did.
            TypeError: *runner* cannot run, or *args* do not fit it.
        """
        if self._last is not None and self._last.cancelled:
            return turned_away(join(self._last.core.path, child_for(self._last, runner, args, name).name))
        shell = self._taking_orders()
        seat = shell.admit(child_for(shell, runner, args, name), Admission.QUEUE, contextvars.copy_context())
        handle = seat.open_handle()
        shell.act()
        return handle

    @overload
    async def start(self, runner: Child | Calls) -> Handle[Any]: ...

    @overload
    async def start(self, runner: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> Any: ...  # noqa: ANN401 - as in trio.Nursery.start

    async def start(self, runner: Any, *args: Any, name: str | None = None) -> Any:
        """
        Start a child and wait until it is ready.

        Args:
            runner: A `Child` or `Supervisor`, which is kept by its rules; or a function, which runs once.
            *args: Arguments for a function.
            name: What to call a function; a number is added if the name is taken.

        Returns:
            For a `Child` or `Supervisor`, the handle. For a function, as `trio.Nursery.start` does, what it gave to
            ``task_status.started()``.

        Raises:
            StartFailed: It ended before it was ready, and is not kept. The ``__cause__`` is its error.
            StartWouldDeadlock: The caller is not ready itself, and the new child has to wait for that.
            DuplicateChild: The name of the `Child` is taken.
            SupervisorNotRunning: It does not run; `SupervisorStopping` or `SupervisorStopped` if it did.
            TypeError: *runner* cannot run, or *args* do not fit it.

        Cancellation:
            Ends the wait only. The child goes on starting; stop it by name if it is not wanted.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        shell = self._taking_orders()
        handle = await start(shell, child_for(shell, runner, args, name))
        return handle if isinstance(runner, Child | Calls) else handle.ready_value

    async def stop(self, name: str) -> ChildExit:
        """
        Stop a child and keep it down, whatever its siblings do. A child that is down already stays so.

        Returns when the life that it meant is over. If somebody restarts the child meanwhile, the last order counts.

        Returns:
            How that life ended.

        Raises:
            ChildNotFound: There is no such child.
            SupervisorNotRunning: The supervisor does not run; `SupervisorStopping` or `SupervisorStopped` if it did.
            WouldDeadlock: The caller is that child, or lives below it.

        Cancellation:
            Ends the wait only; the child is stopped all the same.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        return await bring_down(self._taking_orders(), name, Core.stop_child, "stopped by request")

    async def remove(self, name: str) -> ChildExit:
        """
        Stop a child as `stop` does, and forget it; then the name is free again.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        return await bring_down(self._taking_orders(), name, Core.remove_child, "removed by request")

    async def restart(self, name: str) -> Handle[Any]:
        """
        Give a child a new life, whether it is up, waits for a restart, or rests; wait until it is ready.

        This never counts against the budget, and starts the row of its delays anew. Returns the handle of the child.

        Raises:
            ChildNotFound: There is no such child.
            StartFailed: It came to rest without being ready. The ``__cause__`` is its error.
            StartWouldDeadlock: The caller is not ready itself, and the child has to wait for that.
            SupervisorNotRunning: The supervisor does not run; `SupervisorStopping` or `SupervisorStopped` if it did.
            WouldDeadlock: The caller is that child, or lives below it.

        Cancellation:
            Ends the wait only; the child is restarted all the same.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        return await restart(self._taking_orders(), name)

    async def replace(self, name: str, child: object) -> Handle[Any]:
        """
        Put another child in the place of one: stop that as its own rules say, start the new one, and wait until it is ready.

        The place in the start order stays, and so does the handle. If the new child does not start, the place is kept and
        stays empty; restart or replace it by name. This never counts against the budget.

        Args:
            name: The child to replace, up or not.
            child: A `Child` of the same name; or a supervisor or plain runner, which is given that name.

        Returns:
            The handle of the child.

        Raises:
            ChildNotFound: There is no such child.
            StartFailed: The new child ended before it was ready. The ``__cause__`` is its error.
            StartWouldDeadlock: The caller is not ready itself, and the child has to wait for that.
            SupervisorNotRunning: The supervisor does not run; `SupervisorStopping` or `SupervisorStopped` if it did.
            TypeError: *child* cannot run.
            ValueError: It has another name.
            WouldDeadlock: The caller is that child, or lives below it.

        Cancellation:
            Ends the wait only; the child is replaced all the same.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        new = child if isinstance(child, Child) else Child(child, name=name)
        if new.name != name:
            raise ValueError(
                f"{new.name!r} cannot take the place of {name!r}: give it name={name!r}, or use reconfigure()."
            )
        return await replace(self._taking_orders(), new)

    async def reconfigure(self, children: Iterable[object]) -> Changes:
        """
        Have other children from now on, with the least that has to be done.

        A child whose name is not among the new ones is stopped and forgotten, one that is new is started, and one that is
        there but different is stopped and started anew; all others are left alone, also those that somebody has stopped.
        First all go down that have to, the last started first; then all come up in the order given, each once the one before
        is ready. That order is the start order from then on.

        A child is the same if its runner, its arguments and its rules are equal, and for a supervisor if its rules and its
        children are the same. What was started by `start` or `start_soon` to run once is not touched.

        Args:
            children: All that there are to be, in start order: children, supervisors, or plain runners.

        Returns:
            What was started, stopped, replaced and kept.

        Raises:
            DuplicateChild: A new name is that of a function which runs once.
            ExceptionGroup: Children did not start, and are not kept: a `StartFailed` for each. All else has been done.
            StartWouldDeadlock: The caller is not ready itself, and the new children have to wait for that.
            SupervisorNotRunning: The supervisor does not run; `SupervisorStopping` or `SupervisorStopped` if it did.
            TypeError: Something cannot run.
            ValueError: A name stands twice.
            WouldDeadlock: The caller is one of those that have to go, or lives below it.

        Cancellation:
            Ends the wait only; all of it is done all the same.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        shell, new = self._taking_orders(), tuple(map(as_child, children))
        check_names(self.name, new)
        return await reconfigure(shell, {child.name: child for child in new}, alike)


def check_names(name: str, children: Iterable[Child]) -> None:
    """
    Raise ValueError if a name stands twice among the *children* of the supervisor *name*.
    """
    seen: set[str] = set()
    for child in children:
        if child.name in seen:
            raise ValueError(f"Supervisor {name!r} has two children called {child.name!r}: give one another name=.")
        seen.add(child.name)


def child_for(shell: Shell, runner: object, args: tuple[object, ...], name: str | None) -> Child:
    """
    Return the child that a nursery-shaped call asks for.
    """
    if isinstance(runner, Child | Calls):
        if args or name is not None:
            raise TypeError(f"A {type(runner).__name__} brings its arguments and its name along; give them to it.")
        return as_child(runner)
    free = shell.seats.free_name(called(runner) if name is None else name)
    return once(runner, args, free)
