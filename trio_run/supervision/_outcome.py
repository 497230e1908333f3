"""
What an exception means: at the end of a life, and at the end of a run.

Trio has one kind of exception for cancellation, and groups for what happens at once; a supervisor has to tell its own doing
from a failure, and a failure from what it may not hold. What follows is for the core.

Laws: KeyboardInterrupt, SystemExit and their like always go on. A Cancelled that nobody sent is a failure. Nothing that a
child raised is lost.
"""

from __future__ import annotations

from .._names import join
from .._step import without_cancelled
from ..errors import GaveUp, StartFailed
from ._core import Core
from ._facts import Ending
from ._slot import End


def ending_of(exc: BaseException, path: str) -> tuple[Ending, BaseException | None]:
    """
    Tell what kind of end an exception is, and what is to be kept of it; None where it has to go on its way.
    """
    error = without_cancelled(exc, path)
    if error is None:
        return Ending.CANCELLED, None  # The fence is down; this belongs to somebody outside.
    return (Ending.FAILED if isinstance(error, Exception) else Ending.FATAL), error


def verdict_on(core: Core) -> BaseException | None:
    """
    Return what a run that is over has to raise, or None.
    """
    errors = core.errors
    if not errors:
        return None
    ordinary = [error for error in errors if isinstance(error, Exception)]
    if len(ordinary) < len(errors):
        return BaseExceptionGroup(f"{core.path} was stopped by what no supervisor may hold", errors)
    if core.end is End.GAVE_UP:
        budget = core.restarts.ledger.budget
        return GaveUp(core.path, core.culprit, (budget.restarts, budget.per), core.restarts.ledger.history, ordinary)
    if core.end is End.START_FAILED:
        first = StartFailed(join(core.path, core.culprit))
        first.__cause__ = ordinary[0]
        if len(ordinary) == 1:
            return first
        ordinary[0] = first
    return ExceptionGroup(f"children of {core.path} failed while they were stopped", ordinary)
