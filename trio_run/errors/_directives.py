"""
What a runner may raise to say what is to become of it.
"""

from __future__ import annotations

import math

from ._base import TrioRunError


class Directive(TrioRunError):
    """
    Base of what a child raises to tell its supervisor what to do, where returning and failing do not say it.

    It counts when it leaves the runner, alone or in groups with no other error in them. Outside of a supervisor it is an
    exception like any other.
    """


class Done(Directive):
    """
    The child is not needed any more: it ends as if it had returned, and stays down even if its restart is ALWAYS.
    """

    def __str__(self) -> str:
        return "the child is done, and need not be started again"


class Ignore(Directive):
    """
    There is nothing to do for this child here, for example since it is switched off. To be raised before it is ready.

    Whoever waits for the start goes on as if it had succeeded, and the child stays down. From OTP. After the child was
    ready this is a failure like any other.
    """

    def __str__(self) -> str:
        return "the child has nothing to do here; to be raised before it is ready"


class RestartAfter(Directive):
    """
    The child wants a new life: this is planned, costs no budget and has no part in the backoff.

    Its siblings stay as they are. A child whose restart is NEVER has had its only life.

    Attributes:
        delay: For how many seconds it stays down first.

    Raises:
        TypeError: *delay* is not a number.
        ValueError: It is below 0, or without end.
    """

    def __init__(self, delay: float = 0.0) -> None:
        if isinstance(delay, bool) or not isinstance(delay, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"RestartAfter takes a number of seconds, not {delay!r}.")
        if not 0 <= delay < math.inf:
            raise ValueError(f"RestartAfter({delay!r}) takes a finite number of seconds, at least 0.")
        self.delay: float = delay
        super().__init__(delay)

    def __str__(self) -> str:
        return f"the child wants to be started again after {self.delay:g} s"


class Escalate(Directive):
    """
    This is beyond the supervisor: it stops all its children and gives up, whatever its budget says.

    Attributes:
        error: What is wrong; it stands in the `GaveUp` of the supervisor. None for this exception itself.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.error: Exception | None = error
        super().__init__(error)

    def __str__(self) -> str:
        return "the child is beyond what its supervisor can mend"
