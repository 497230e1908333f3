"""
Whether a child that runs is well, and what is done if not.

A start may take so long, a child that has to beat may be silent for so long, and it may be up for so long. How it goes down
is for `_order`, and what follows when it is down for `_judge`.

Laws: only a child that is ready can be unhealthy. What has to go anyway is left alone. One that is recycled has not failed.
A late beat is looked at twice: if the loop was held up, the child may just not have had its turn.
"""

from __future__ import annotations

import math

import attrs

from .._names import join
from ..errors import StartTimedOut, Unhealthy
from ._course import Course
from ._facts import Unwell
from ._slot import Phase, Slot


@attrs.define(eq=False)
class Health:
    """
    Looks after the children of one run of a supervisor.
    """

    course: Course

    def ready(self, slot: Slot, now: float) -> None:
        """
        Note that a child is ready, and when to look after it.
        """
        rules = slot.rules
        if rules.beat < math.inf or rules.max_age is not None:
            slot.beaten_at, age = now, rules.max_age
            slot.recycled_at = math.inf if age is None else now + age.drawn(self.course.restarts.draw())
            self._look_again(slot)

    def check(self, slot: Slot, now: float) -> None:
        """
        Look after a child that runs, since its timer rang.
        """
        if slot.doomed:
            return  # It has to go anyway, in its turn.
        rules, path = slot.rules, join(self.course.path, slot.name)
        if slot.phase is Phase.STARTING:
            waited = now - slot.since
            slot.fault = StartTimedOut(path, waited)
            self.course.order.kill(slot, now, f"not ready after {waited:g} s")
        elif slot.beaten_at + rules.beat <= now:
            if slot.doubted == slot.beaten_at:
                self._fail(slot, now, f"no beat for {rules.beat:g} s")
            else:
                slot.doubted = slot.beaten_at
                self.course.order.ring_at(slot, math.nextafter(now, math.inf))
        elif slot.recycled_at <= now:
            self.course.order.dismiss(slot, now, f"recycled after {now - slot.ready_at:.0f} s")
        else:
            self._look_again(slot)

    def unwell(self, slot: Slot, fact: Unwell, now: float) -> None:
        """
        Take down a child that a probe has found unhealthy.
        """
        if slot.phase is Phase.UP and not slot.doomed:
            self._fail(slot, now, fact.reason).__cause__ = fact.error

    def _fail(self, slot: Slot, now: float, reason: str) -> Unhealthy:
        self.course.order.dismiss(slot, now, f"unhealthy: {reason}")
        slot.fault = fault = Unhealthy(join(self.course.path, slot.name), reason)
        return fault

    def _look_again(self, slot: Slot) -> None:
        self.course.order.ring_at(slot, min(slot.beaten_at + slot.rules.beat, slot.recycled_at))
