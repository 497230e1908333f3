"""
What the end of a life means: whether the child comes back, rests or is forgotten, and whether its supervisor goes on.

How a child is brought back is for `_restarts`, and what the end of all means for `_course`.

Laws: a life that had to end is no reason for anything. What is fatal ends the supervisor. Each life is judged once.
"""

from __future__ import annotations

import math

import attrs

from .._names import join
from ..errors import ChildCancelled, ChildReturned
from ._course import Course
from ._facts import Ending, Exited, Judged, Verdict
from ._policy import Restart
from ._rules import Decision, OnGiveUp
from ._slot import STARTING, UP, Admission, End, Slot


@attrs.define(eq=False)
class Judge:
    """
    Judges the lives of one run of a supervisor.
    """

    course: Course

    def exited(self, slot: Slot, fact: Exited, now: float) -> None:
        """
        Take in that a life is over.
        """
        doomed, told = slot.doomed, len(self.course.order.out)
        if slot.fault is not None and fact.ending is not Ending.FATAL:
            fact, doomed = _blame(fact, slot.fault), False
        by_itself = slot.phase is STARTING or slot.phase is UP
        self.course.order.landed(slot)
        if fact.ending is _FATAL:
            verdict = self._doom_all(slot, fact, End.FATAL, now)
        elif by_itself and fact.ending is not _FAILED and _is_over(slot, fact.ending):
            verdict, slot.proven = self._rest(slot, Verdict.RESTS), True
            if fact.ending is Ending.IGNORED:  # It has not ended, as it never was there.
                verdict = Verdict.IGNORED
        elif doomed:
            verdict = self._absorb(slot, fact)
        elif fact.ending is _AGAIN:
            self.course.restarts.renew(slot, fact, now)
            verdict = Verdict.RISES
        else:
            verdict = self._judge(slot, fact, now)
        slot.verdict = verdict
        history = slot.ledger.history if slot.ledger is not None and verdict is Verdict.PARKED else ()
        self.course.order.out.insert(told, Judged(fact, verdict, history))  # Told before what follows from it.
        self.course.place(slot)
        self.course.exit_rule.ended(slot, verdict)

    def _rest(self, slot: Slot, verdict: Verdict) -> Verdict:
        """
        Let a child stay down.
        """
        slot.wanted = False
        return Verdict.DROPPED if slot.rules.restart is Restart.NEVER else verdict

    def _absorb(self, slot: Slot, fact: Exited) -> Verdict:
        """
        Judge a life that had to end: how it did so is kept, but is no reason for anything.
        """
        if self.course.stopping and fact.ending is Ending.FAILED and fact.error is not None:
            self.course.errors.append(fact.error)
        return Verdict.RISES if slot.wanted else Verdict.STOPPED

    def _judge(self, slot: Slot, fact: Exited, now: float) -> Verdict:
        """
        Judge a life that ended of its own accord, and should not have.
        """
        if not slot.proven and slot.admission is Admission.BOOT and not self.course.order.booted:
            return self._doom_all(slot, fact, End.START_FAILED)
        if not slot.proven and slot.admission in _ASKED_FOR:
            slot.wanted, slot.leaving = False, slot.admission is not Admission.REPLACE
            return Verdict.REFUSED
        if slot.called:
            slot.wanted = slot.called = False
            return Verdict.REFUSED
        if fact.decision is _ESCALATE:
            return self._doom_all(slot, fact, End.GAVE_UP)
        if slot.rules.restart is _NEVER or fact.decision is _STOP:
            return self._rest(slot, Verdict.RESTS)
        return self._bring_back(slot, fact, now)

    def _bring_back(self, slot: Slot, fact: Exited, now: float) -> Verdict:
        """
        Give a child another life, if its failure is forgiven.
        """
        broken = self.course.restarts.charge(slot, fact, now)
        if broken is None:
            self.course.restarts.bring_back(slot, fact)
            return _RISES
        if broken is slot.ledger and slot.rules.on_give_up is not OnGiveUp.ESCALATE:
            slot.leaving = slot.rules.on_give_up is OnGiveUp.DROP
            return self._rest(slot, Verdict.DROPPED if slot.leaving else Verdict.PARKED)
        self.course.broken = broken
        return self._doom_all(slot, fact, End.GAVE_UP)

    def _doom_all(self, slot: Slot, fact: Exited, end: End, limit: float = math.inf) -> Verdict:
        """
        Stop the supervisor because of how a life ended; all children have to be gone by *limit*.
        """
        self.course.errors.append(_error_of(fact, join(self.course.path, slot.name)))
        self.course.culprit = self.course.culprit or slot.name
        self.course.stop(end, limit, f"{end.value}: {slot.name}")
        return Verdict.DOOMS


# Those that each failure needs: CPython 3.11 takes long to look up a member by its enum.
_FATAL, _FAILED, _AGAIN = Ending.FATAL, Ending.FAILED, Ending.AGAIN
_STOP, _ESCALATE, _NEVER, _RISES = Decision.STOP, Decision.ESCALATE, Restart.NEVER, Verdict.RISES
_ASKED_FOR = frozenset({Admission.CALL, Admission.PLAN, Admission.REPLACE})


def _is_over(slot: Slot, ending: Ending) -> bool:
    """
    Tell whether a child that ended so by itself has done all it was to do.
    """
    match ending:
        case Ending.FINISHED:
            return slot.rules.restart is not Restart.ALWAYS
        case Ending.AGAIN:
            return slot.rules.restart is Restart.NEVER
        case _:
            return ending is Ending.DONE or ending is Ending.IGNORED


def _blame(fact: Exited, fault: Exception) -> Exited:
    """
    Return the end of a life that was taken down because of a *fault*.
    """
    if fact.error is not None:
        fault.__context__ = fact.error
    return fact._replace(ending=Ending.UNHEALTHY, error=fault, decision=Decision.RESTART)


def _error_of(fact: Exited, path: str) -> BaseException:
    """
    Return what a life raised, or what stands for it where it ended without an error.
    """
    if fact.error is not None:
        return fact.error
    return ChildReturned(path) if fact.ending is Ending.FINISHED else ChildCancelled(path)
