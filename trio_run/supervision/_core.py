"""
The decisions of a supervisor: facts in, actions out.

The core is level-triggered. Each slot knows the phase its child is in and whether it is wanted up; orders and facts change
that, and `decide` names the moves that the difference asks for. Nothing here says "then", and there is no table of states
against events. In which order children move is for `_order`; how a move is carried out, for `_shell`. Here is no task, clock
or log: *now* is an argument, and luck is drawn by whoever made the core.

Laws: a fact costs the children it moves, never a look at all of them. What a person stopped stays down. What was completed is
not run again. Exits of one moment are taken in start order. Once stopping has begun, nothing is started.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs

from .._names import join
from ..errors import ChildCancelled, ChildNotFound, ChildReturned, DuplicateChild
from ._facts import Action, Ending, Exited, Fact, Forget, Judged, Ready, Stopping, Verdict
from ._order import Order
from ._policy import Restart
from ._restarts import Restarts
from ._slot import Admission, End, Phase, Slot


@attrs.define(eq=False)
class Core:
    """
    Decides what one run of a supervisor does next.
    """

    path: str
    restarts: Restarts
    """How children are brought back."""

    end: End | None = None
    """Why the supervisor ends; None as long as it does not."""

    culprit: str = ""
    """The child that made it end."""

    errors: list[BaseException] = attrs.field(factory=list)
    """What made it end, and what children raised while it stopped."""

    order: Order = attrs.field(init=False)
    slots: dict[str, Slot] = attrs.field(init=False)
    """The children by name, in start order; the very dict of *order*."""

    def __attrs_post_init__(self) -> None:
        self.order = self.restarts.order
        self.slots = self.order.slots

    @property
    def stopping(self) -> bool:
        """
        Whether the supervisor is on its way out.
        """
        return self.end is not None

    @property
    def done(self) -> bool:
        """
        Whether it has stopped, and nothing is left.
        """
        return self.end is not None and self.order.live == 0

    def decide(self, now: float) -> list[Action]:
        """
        Return the moves that are missing *now*, and what is worth telling.
        """
        return self.order.decide(now)

    # Orders: what people and parents ask for.

    def slot(self, name: str) -> Slot:
        """
        Return the slot of the child *name*.

        Raises:
            ChildNotFound: There is none.
        """
        try:
            return self.slots[name]
        except KeyError:
            raise ChildNotFound(join(self.path, name), list(self.slots)) from None

    def add(self, name: str, restart: Restart, grace: float, admission: Admission) -> None:
        """
        Take in a child, last in start order.

        Raises:
            DuplicateChild: The name is taken.
        """
        if name in self.slots:
            raise DuplicateChild(join(self.path, name), self.slots[name].phase.value)
        self.order.admit(Slot(name, restart, grace, admission))

    def stop_child(self, name: str, now: float, reason: str) -> None:
        """
        Take a child down, and keep it down.
        """
        slot = self.slot(name)
        slot.wanted = False
        if slot.phase is Phase.DOWN:
            self._place(slot)
        else:
            self.order.dismiss(slot, now, reason)

    def restart_child(self, name: str, now: float, reason: str) -> None:
        """
        Give a child a new life at once, whatever became of the last one.
        """
        slot = self.slot(name)
        slot.wanted, slot.leaving = True, False
        slot.failures, slot.pause, slot.due = 0, None, -math.inf
        if slot.phase is Phase.DOWN:
            self._place(slot)
        else:
            self.order.dismiss(slot, now, reason)

    def remove_child(self, name: str, now: float, reason: str) -> None:
        """
        Take a child down, and forget it.
        """
        self.slot(name).leaving = True
        self.stop_child(name, now, reason)

    def stop(self, end: End, deadline: float, reason: str) -> None:
        """
        Stop all children, the last started first, until *deadline* at the latest; a second call can only shorten that.
        """
        self.order.shorten(deadline)
        if self.end is not None:
            return
        self.end = end
        self.order.closing = True
        self.order.out.append(Stopping(reason))
        for slot in reversed(self.slots.values()):
            slot.wanted = False
            if slot.phase is not Phase.DOWN:
                self.order.doom(slot, reason)

    def abort(self, error: BaseException, now: float) -> None:
        """
        Stop all children without grace, because of an *error* that is nobody's.
        """
        self.errors.append(error)
        self.stop(End.FATAL, now, f"{type(error).__name__} was raised")

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
            else:
                slot.hears = True
        if len(exits) > 1:  # Tasks that end together do so in no order that means anything.
            exits.sort(key=lambda fact: self.slots[fact.name].order)
        for fact in exits:
            self._exited(self.slots[fact.name], fact, now)

    def _exited(self, slot: Slot, fact: Exited, now: float) -> None:
        doomed, told = slot.doomed, len(self.order.out)
        by_itself = slot.phase is Phase.STARTING or slot.phase is Phase.UP
        self.order.landed(slot)
        if fact.ending is Ending.FATAL:
            verdict = self._doom_all(slot, fact, End.FATAL, now)
        elif by_itself and fact.ending is Ending.FINISHED and slot.restart is not Restart.ALWAYS:
            slot.wanted = False
            verdict = Verdict.DROPPED if slot.restart is Restart.NEVER else Verdict.RESTS
        elif doomed:
            verdict = self._absorb(slot, fact)
        else:
            verdict = self._judge(slot, fact, now)
        self.order.out.insert(told, Judged(fact, verdict))  # Told before what follows from it.
        self._place(slot)

    def _absorb(self, slot: Slot, fact: Exited) -> Verdict:
        """
        Judge a life that had to end: how it did so is kept, but is no reason for anything.
        """
        if self.stopping and fact.ending is Ending.FAILED and fact.error is not None:
            self.errors.append(fact.error)
        return Verdict.RISES if slot.wanted else Verdict.STOPPED

    def _judge(self, slot: Slot, fact: Exited, now: float) -> Verdict:
        """
        Judge a life that ended of its own accord, and should not have.
        """
        if not slot.proven and slot.admission is Admission.BOOT and not self.order.booted:
            return self._doom_all(slot, fact, End.START_FAILED, now)
        if not slot.proven and slot.admission is Admission.CALL:
            slot.wanted, slot.leaving = False, True
            return Verdict.REFUSED
        if slot.restart is Restart.NEVER:
            slot.wanted = False
            return Verdict.DROPPED
        if not self.restarts.bring_back(slot, fact, now):
            return self._doom_all(slot, fact, End.GAVE_UP, now)
        return Verdict.RISES

    def _doom_all(self, slot: Slot, fact: Exited, end: End, now: float) -> Verdict:
        """
        Stop the supervisor because of how a life ended.
        """
        self.errors.append(_error_of(fact, join(self.path, slot.name)))
        self.culprit = self.culprit or slot.name
        self.stop(end, now if end is End.FATAL else math.inf, f"{end.value}: {slot.name}")
        return Verdict.DOOMS

    def _place(self, slot: Slot) -> None:
        """
        Decide what to do with a child that is down: bring it up, keep it, or forget it.
        """
        if slot.wanted:
            self.order.queue(slot)
        elif not self.stopping and (slot.leaving or slot.restart is Restart.NEVER):
            del self.slots[slot.name]
            self.order.out.append(Forget(slot.name))


def _error_of(fact: Exited, path: str) -> BaseException:
    """
    Return what a life raised, or what stands for it where it ended without an error.
    """
    if fact.error is not None:
        return fact.error
    return ChildReturned(path) if fact.ending is Ending.FINISHED else ChildCancelled(path)
