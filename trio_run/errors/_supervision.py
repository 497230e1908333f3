"""
What goes wrong with children and their supervisors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from .._said import said
from ._base import TrioRunError


class StartFailed(TrioRunError):
    """
    A child ended before it was ready, and its start had been asked for.

    The child's own error is the ``__cause__``. Where a supervisor raises this from `Supervisor.run`, the children that had
    been started are stopped again.

    Attributes:
        path: The child, as in ``shop/db``.
    """

    def __init__(self, path: str) -> None:
        self.path: str = path
        super().__init__(path)

    def __str__(self) -> str:
        return f"{self.path} did not start: {said(self.__cause__)}"


class StartTimedOut(TrioRunError):
    """
    A child was not ready in time, and was cancelled.

    If it raised something else on the way out, that is the ``__context__``.

    Attributes:
        path: The child, as in ``shop/db``.
        seconds: How long it had.
    """

    def __init__(self, path: str, seconds: float) -> None:
        self.path: str = path
        self.seconds: float = seconds
        super().__init__(path, seconds)

    def __str__(self) -> str:
        return (
            f"{self.path} was not ready after {self.seconds:g} s. Look what it waits for before task_status.started(), "
            f"or give it more time with start_timeout=."
        )


class Unhealthy(TrioRunError):
    """
    A child was ready and not well, and was taken down.

    What a probe said last is the ``__cause__``; what the child raised on the way out, the ``__context__``.

    Attributes:
        path: The child, as in ``shop/db``.
        reason: What was wrong, as in ``no beat for 5 s``.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path: str = path
        self.reason: str = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"{self.path} was not well: {self.reason}. Look where it hung, or allow it more with beat= or probe=."


class EndedBeforeReady(TrioRunError):
    """
    A runner that takes ``task_status`` returned without calling ``task_status.started()``.

    Attributes:
        path: The child, as in ``shop/db``.
    """

    def __init__(self, path: str) -> None:
        self.path: str = path
        super().__init__(path)

    def __str__(self) -> str:
        return (
            f"{self.path} returned before it was ready. Call task_status.started() once it serves, "
            f"or leave the task_status parameter out."
        )


class ChildReturned(TrioRunError):
    """
    A child that is to run always has returned.

    Attributes:
        path: The child, as in ``shop/db``.
    """

    def __init__(self, path: str) -> None:
        self.path: str = path
        super().__init__(path)

    def __str__(self) -> str:
        return f"{self.path} returned, and its restart is ALWAYS. If it may finish, use restart=Restart.ON_FAILURE."


class ChildCancelled(TrioRunError):
    """
    A child was cancelled by something other than its supervisor, for example through its handle.

    Attributes:
        path: The child, as in ``shop/db``.
    """

    def __init__(self, path: str) -> None:
        self.path: str = path
        super().__init__(path)

    def __str__(self) -> str:
        return f"{self.path} was cancelled, but not by its supervisor. To end a child for good, stop it by name."


class ChildDown(TrioRunError):
    """
    A child is down, and its supervisor has no reason to start it.

    Attributes:
        path: The child, as in ``shop/db``.
    """

    def __init__(self, path: str) -> None:
        self.path: str = path
        super().__init__(path)

    def __str__(self) -> str:
        return f"{self.path} is down, and nothing is to start it. To bring it up, call restart() with its name."


class LeakedCancelled(TrioRunError):
    """
    A runner let a ``trio.Cancelled`` escape that nothing around it had asked for.

    It is a failure like any other; the stray exception is the ``__cause__``.

    Attributes:
        path: The child, as in ``shop/db``.
    """

    def __init__(self, path: str) -> None:
        self.path: str = path
        super().__init__(path)

    def __str__(self) -> str:
        return (
            f"{self.path} raised a trio.Cancelled that no cancel scope around it had sent. "
            f"Look for code that stores a Cancelled and raises it later."
        )


class GaveUp(ExceptionGroup[Exception], TrioRunError):
    """
    A supervisor spent a restart budget, or was told to give up, and has stopped all its children.

    A group, so that ``except*`` still finds the errors that led here: first the one that broke the budget, then what the
    other children raised while they were stopped. To catch the verdict itself use a plain ``except``, since Python does not
    let ``except*`` catch groups.

    Attributes:
        path: The supervisor, as in ``shop/workers``.
        child: The name of the child whose failure was one too many.
        restarts: How many restarts the budget forgives, that of the child or of the supervisor; None if it was not those,
            but a row of failures, or a child that raised `Escalate` or was classified so.
        per: In how many seconds; None likewise.
        in_a_row: How many failures in a row the budget forgives, if it was those; else None.
        history: A line for each failure that counted, oldest first. Text only, so that no frame is kept alive.
    """

    path: str
    child: str
    restarts: float | None
    per: float | None
    in_a_row: float | None
    history: tuple[str, ...]

    def __new__(
        cls,
        path: str,
        child: str,
        budget: tuple[float, float] | float | None,
        history: Sequence[str],
        errors: Sequence[Exception],
    ) -> Self:
        """
        Make the group; *budget* is the number of restarts forgiven and the seconds they were forgiven in, if those were
        spent, or the number of failures in a row.
        """
        in_a_row = None if isinstance(budget, tuple) else budget
        restarts, per = budget if isinstance(budget, tuple) else (None, None)
        if budget is None:
            message = f"{path} gave up, since {child} said that no restart would help. Mend the cause below"
        elif in_a_row is not None:
            message = (
                f"{path} gave up: {child} failed once more than the {in_a_row} times in a row that its budget forgives. Mend "
                f"the cause below, or raise the budget with Budget(in_a_row=...)"
            )
        else:
            message = (
                f"{path} gave up: {child} failed once more than the {restarts} restarts in {per:g} s that its budget "
                f"forgives. Mend the cause below, or raise the budget with Budget(restarts=..., per=...)"
            )
        self = super().__new__(cls, message, errors)
        self.path, self.child, self.history = path, child, tuple(history)
        self.restarts, self.per, self.in_a_row = restarts, per, in_a_row
        return self

    def __init__(
        self,
        path: str,
        child: str,
        budget: tuple[float, float] | float | None,
        history: Sequence[str],
        errors: Sequence[Exception],
    ) -> None:
        """
        Do nothing: the group was made by ``__new__``, and its attributes with it.
        """

    def derive(self, excs: Sequence[Exception]) -> ExceptionGroup[Exception]:  # type: ignore[override]
        """
        Make a plain group of a part of the errors: the verdict belongs to the whole only.
        """
        return ExceptionGroup(self.message, excs)

    def __reduce__(self) -> tuple[object, ...]:
        """
        Pickle by the arguments of ``__new__``, with the notes that were added.
        """
        budget = self.in_a_row if self.restarts is None or self.per is None else (self.restarts, self.per)
        return GaveUp, (self.path, self.child, budget, self.history, self.exceptions), self.__dict__


class DuplicateChild(TrioRunError):
    """
    A supervisor already has a child of that name.

    Attributes:
        path: The child that is there, as in ``shop/db``.
        state: What it is doing, as in ``up`` or ``down``.
    """

    def __init__(self, path: str, state: str) -> None:
        self.path: str = path
        self.state: str = state
        super().__init__(path, state)

    def __str__(self) -> str:
        return (
            f"{self.path} exists already, and is {self.state}. Give the new child another name, or remove the old one."
        )


class TooManyChildren(TrioRunError):
    """
    A supervisor has as many children as it may have, and took no other.

    Attributes:
        path: The supervisor, as in ``shop/sessions``.
        max_children: How many it may have, those that are down included.
    """

    def __init__(self, path: str, max_children: float) -> None:
        self.path: str = path
        self.max_children: float = max_children
        super().__init__(path, max_children)

    def __str__(self) -> str:
        return (
            f"{self.path} has {self.max_children} children and may have no more. Wait until one is gone, remove one that is "
            f"down, or raise max_children."
        )


class ChildNotFound(TrioRunError):
    """
    A supervisor has no child of that name.

    Attributes:
        path: The child that was asked for, as in ``shop/db``.
        names: The names of the children that there are.
    """

    def __init__(self, path: str, names: Sequence[str]) -> None:
        self.path: str = path
        self.names: tuple[str, ...] = tuple(names)
        super().__init__(path, self.names)

    def __str__(self) -> str:
        shown = ", ".join(self.names[:10]) or "none"
        more = f" and {len(self.names) - 10} more" if len(self.names) > 10 else ""
        return f"There is no child {self.path}. The children are: {shown}{more}."


class SupervisorNotRunning(TrioRunError):
    """
    A supervisor was given an order while it does not run.

    Where it did run, this is `SupervisorStopping` or `SupervisorStopped`.

    Attributes:
        path: The supervisor, as in ``shop/workers``.
    """

    def __init__(self, path: str) -> None:
        self.path: str = path
        super().__init__(path)

    def __str__(self) -> str:
        return f"The supervisor {self.path} is not running yet. Run it first, or use `async with open_supervisor(...)`."


class SupervisorStopping(SupervisorNotRunning):
    """
    A supervisor was given an order while it stops, or began to stop before the order was carried out.
    """

    def __str__(self) -> str:
        return f"The supervisor {self.path} is stopping: it takes no more orders."


class SupervisorStopped(SupervisorNotRunning):
    """
    A supervisor was given an order after its run.
    """

    def __str__(self) -> str:
        return f"The supervisor {self.path} has stopped: it takes no orders until it is run again."


class WouldDeadlock(TrioRunError):
    """
    A call would wait for the very task that makes it.

    Attributes:
        path: Who would be waited for, as in ``shop/db``.
        caller: Who called, as in ``shop/db/pool``.
    """

    def __init__(self, path: str, caller: str) -> None:
        self.path: str = path
        self.caller: str = caller
        super().__init__(path, caller)

    def __str__(self) -> str:
        return f"{self.caller} would wait for {self.path} to end, and so for itself. Return instead, or ask from another child."


class StartWouldDeadlock(WouldDeadlock):
    """
    A child that is not ready would wait for one that comes up only after it.

    Attributes:
        path: Who would be waited for, as in ``shop/web``.
        caller: Who called, as in ``shop/db``.
    """

    def __str__(self) -> str:
        return (
            f"{self.caller} would wait for {self.path} to be ready, which comes up only after {self.caller} is ready itself. "
            f"Call task_status.started() first, or use start_soon."
        )
