"""
What an exception means: at the end of a life, and at the end of a run.

Trio has one kind of exception for cancellation, and groups for what happens at once; a supervisor has to tell its own doing
from a failure, a failure from what it may not hold, and either from what a child said on purpose. What follows is for the
core.

Laws: KeyboardInterrupt, SystemExit and their like always go on. A Cancelled that nobody sent is a failure. Nothing that a
child raised is lost. Of what is in a group, the gravest counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from .._names import join
from .._said import leaves
from .._step import without_cancelled
from ..errors import Directive, Done, Escalate, GaveUp, RestartAfter, StartFailed
from ._core import Core
from ._facts import Ending
from ._rules import Decision
from ._slot import End

Classify: TypeAlias = Callable[[Exception], Decision | str]

_MORE = (Directive, ExceptionGroup)  # Made once, since each failure is compared with it.
_FAILED = Ending.FAILED  # CPython 3.11 takes long to look up a member by its enum.


class Outcome(NamedTuple):
    """
    What the exception that ended a life means.
    """

    ending: Ending
    error: BaseException | None = None
    decision: Decision = Decision.RESTART
    delay: float = 0.0


def outcome_of(exc: BaseException, path: str, classify: Classify | None) -> Outcome | None:
    """
    Tell what an exception that left a runner means; None where it is cancellation from outside, and has to go on its way.

    Args:
        exc: What left the runner.
        path: The child.
        classify: Is asked what ordinary exceptions mean.
    """
    # No Exception is cancellation, or holds it.
    error = exc if isinstance(exc, Exception) else without_cancelled(exc, path)
    if error is None:
        return None
    if not isinstance(error, Exception):
        return Outcome(Ending.FATAL, error)
    if classify is None and not _is_more_than_an_error(error):
        return Outcome(_FAILED, error)
    parts = tuple(leaves(error))
    told = [leaf for leaf in parts if isinstance(leaf, Directive)]
    if told:
        said = _told(told, parts)
        if said is not None:
            return said
    return Outcome(Ending.FAILED, *_classified(error, parts, classify, path))


def _is_more_than_an_error(error: Exception) -> bool:
    # In a function, since a type checker would take it for one of the two from then on.
    return isinstance(error, _MORE)


def _told(told: list[Directive], parts: tuple[BaseException, ...]) -> Outcome | None:
    """
    Return what directives say, if they have a say: Escalate always, the others where there is no error besides.
    """
    grave = next((leaf for leaf in told if isinstance(leaf, Escalate)), None)
    if grave is not None:
        others = [leaf for leaf in parts if isinstance(leaf, Exception) and not isinstance(leaf, Directive)]
        errors = [grave.error or grave, *others]
        error = errors[0] if len(errors) == 1 else ExceptionGroup("a child escalated", errors)
        return Outcome(Ending.FAILED, error, Decision.ESCALATE)
    if len(told) < len(parts):
        return None
    for leaf in told:
        if isinstance(leaf, RestartAfter):
            return Outcome(Ending.AGAIN, delay=leaf.delay)
    return Outcome(Ending.DONE if any(isinstance(leaf, Done) for leaf in told) else Ending.IGNORED)


def _classified(
    error: Exception, parts: tuple[BaseException, ...], classify: Classify | None, path: str
) -> tuple[Exception, Decision]:
    """
    Return *error* with the gravest decision on what is in it; with what broke besides, where *classify* itself fails.
    """
    if classify is None:
        return error, Decision.RESTART
    asked = (error,) if isinstance(error, GaveUp) else parts
    try:
        decisions = {Decision(classify(leaf)) for leaf in asked if isinstance(leaf, Exception)}
    except Exception as exc:  # noqa: BLE001 - somebody else's code, and the error that it was asked about must not be lost
        return ExceptionGroup(f"the classify of {path} failed", [error, exc]), Decision.RESTART
    for decision in (Decision.ESCALATE, Decision.STOP):
        if decision in decisions:
            return error, decision
    return error, Decision.RESTART


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
        broken = core.broken
        budget: tuple[float, float] | float | None = None
        if broken is not None:
            whole = broken.budget
            budget = whole.in_a_row if broken.row_is_spent else (whole.restarts, whole.per)
        return GaveUp(core.path, core.culprit, budget, core.history, ordinary)
    if core.end is End.START_FAILED:
        first = StartFailed(join(core.path, core.culprit))
        first.__cause__ = ordinary[0]
        if len(ordinary) == 1:
            return first
        ordinary[0] = first
    return ExceptionGroup(f"children of {core.path} failed while they were stopped", ordinary)
