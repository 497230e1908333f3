"""
The decisions of a supervisor: facts in, actions out.

The core is level-triggered. Each slot knows the phase its child is in and whether it is wanted up; orders and facts change
that, and `decide` names the moves that the difference asks for. Nothing here says "then", and there is no table of states
against events. What an ended life means is for `_judge`; in which order children move, for `_order`; how a move is carried
out, for `_shell`. Here is no task, clock or log: *now* is an argument, and luck is drawn by whoever made the core.

Laws: a fact costs the children it moves, never a look at all of them. What a person stopped stays down. What was completed is
not run again. Exits of one moment are taken in start order. Once stopping has begun, nothing is started.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs

from .._names import join
from ..errors import ChildNotFound, DuplicateChild, TooManyChildren
from ._course import Course
from ._exit_rule import check_significant
from ._facts import Action, Beat, Exited, Extended, Fact, Ready, Unwell, Verdict
from ._health import Health
from ._judge import Judge
from ._rules import Rules, check_fit
from ._slot import UP, Admission, End, Phase, Slot
from ._start_order import in_order

_RESTING = frozenset({Verdict.RESTS, Verdict.IGNORED, Verdict.PARKED})


@attrs.define(eq=False)
class Core(Course):
    """
    Decides what one run of a supervisor does next.
    """

    _judge: Judge = attrs.field(init=False)
    _health: Health = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        Course.__attrs_post_init__(self)
        self._judge, self._health = Judge(self), Health(self)

    def decide(self, now: float) -> list[Action]:
        """
        Return the moves that are missing *now*, and what is worth telling.
        """
        if self.order.alarm <= now:
            for slot in self.order.ring(now):
                if slot.phase is Phase.DOWN:
                    self.order.rise(slot)
                else:
                    self._health.check(slot, now)
        self._leave()
        actions = self.order.decide(now)
        return actions + self.order.decide(now) if self._leave() else actions  # It may have had to boot first.

    def restless(self) -> bool:
        """
        Whether `decide` may return anything before the next alarm.
        """
        return self.order.restless() or bool(self.exit_rule.due)

    # Orders: what people and parents ask for.

    def slot(self, name: str) -> Slot:
        """
        Return the slot of the child *name*.

        Raises:
            ChildNotFound: There is none.
            TypeError: *name* is no string.
        """
        try:
            return self.slots[name]
        except KeyError:
            if not isinstance(name, str):
                raise TypeError(
                    f"A child of {self.path} is meant by its name, a string, and not by {name!r}."
                ) from None
            raise ChildNotFound(join(self.path, name), list(self.slots)) from None

    def add(self, name: str, rules: Rules, admission: Admission) -> None:
        """
        Take in a child, last in start order.

        Raises:
            DuplicateChild: The name is taken.
            TooManyChildren: There is no room.
            ValueError: The rules make no sense below this supervisor.
        """
        if name in self.slots:
            raise DuplicateChild(join(self.path, name), self.slots[name].phase.value)
        if (
            len(self.slots) >= self.max_children and admission is not Admission.PLAN
        ):  # There, old ones may be on their way.
            raise TooManyChildren(self.path, self.max_children)
        self.check(name, rules)
        for other in rules.after or ():
            if other not in self.slots:
                raise ValueError(f"The child {name!r} is to come after {other!r}, and there is no such child.")
        slot = Slot(name, rules, admission)
        self.exit_rule.note(slot)
        self.order.admit(slot)

    def check(self, name: str, rules: Rules) -> None:
        """
        Raise ValueError if the *rules* of a child make no sense below this supervisor.
        """
        check_fit(name, rules, self.restarts.ledger.budget, self.restarts.backoff)
        check_significant(name, rules, self.exit_rule.when)

    def check_after(self, name: str, rules: Rules) -> None:
        """
        Raise ValueError if the child *name*, which is there, cannot come after those that its new *rules* name.
        """
        known = {
            slot.name: [each for each in slot.rules.after or () if each in self.slots] for slot in self.slots.values()
        }
        in_order({**known, name: rules.after or ()})

    def stop_child(self, name: str, now: float, reason: str) -> None:
        """
        Take a child down, and keep it down.
        """
        slot = self.slot(name)
        slot.wanted = False
        if slot.phase is Phase.DOWN:
            slot.verdict = slot.verdict if slot.verdict in _RESTING else Verdict.STOPPED
            self.place(slot)
        else:
            self.order.dismiss(slot, now, reason)

    def restart_child(self, name: str, now: float, reason: str) -> None:
        """
        Give a child a new life at once, whatever became of the last one.
        """
        slot = self.slot(name)
        slot.called = slot.phase is Phase.DOWN and not slot.wanted
        slot.wanted, slot.leaving = True, False
        slot.failures, slot.ledger, slot.pause, slot.due = 0, None, None, -math.inf
        if slot.phase is Phase.DOWN:
            self.place(slot)
        else:
            self.order.dismiss(slot, now, reason)

    def remove_child(self, name: str, now: float, reason: str) -> None:
        """
        Take a child down, and forget it.
        """
        self.slot(name).leaving = True
        self.stop_child(name, now, reason)

    def _leave(self) -> bool:
        """
        Stop if the children have ended that this supervisor is there for; tell whether that is so.
        """
        due = self.exit_rule.due
        if not due or self.stopping or not self.order.booted:
            return False
        self.stop(End.CHILDREN_ENDED, math.inf, due)
        return True

    # Facts: what happened to the children.

    def take(self, facts: Iterable[Fact], now: float) -> None:
        """
        Take in what happened in one moment.
        """
        exits: list[Exited] = []
        for fact in facts:
            slot = self.slots.get(fact.name)
            if slot is None or slot.life != fact.life:
                continue  # From a task that outlived its life, in a nursery of its own choosing.
            if isinstance(fact, Exited):
                exits.append(fact)
            elif isinstance(fact, Ready):
                slot.make_ready(now)
                if slot.phase is UP:
                    self._health.ready(slot, now)
                self.order.settled(slot)
            elif isinstance(fact, Beat):
                slot.beaten_at = now
            elif isinstance(fact, Extended):
                self.order.extend(slot, fact.seconds, now)
            elif isinstance(fact, Unwell):
                self._health.unwell(slot, fact, now)
            else:
                slot.hears = True
        if len(exits) > 1:  # Tasks that end together do so in no order that means anything.
            exits.sort(key=lambda fact: self.slots[fact.name].order)
        for fact in exits:
            self._judge.exited(self.slots[fact.name], fact, now)
