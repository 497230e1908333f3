"""
The single moves of children: up, and down the ladder of a stop.

Ask, wait its grace, cancel, and report what is still there, again and again. Who moves, and when it is whose turn, is for
`_order`. Here is no task, clock or chance: *now* is an argument.

Laws: no stop goes beyond the limit of the whole, whatever the graces. A cancelled child is reported until it is gone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs

from ._facts import Action, Ask, Cancel, Start, Stuck
from ._slot import STARTING, Phase, Slot
from ._timers import Timers

STUCK_EVERY = 10.0
"""A child that was cancelled and is still there is reported every so many seconds."""


@attrs.define(eq=False)
class Moves:
    """
    The children of one run of a supervisor, and what they are told.
    """

    slots: dict[str, Slot] = attrs.field(factory=dict)
    limit: float = math.inf  # No stop lasts longer than this, whatever the graces.
    live: int = 0
    out: list[Action] = attrs.field(factory=list)
    _timers: Timers = attrs.field(factory=Timers)

    @property
    def alarm(self) -> float:
        """
        When `decide` has to be asked again, if nothing happens before.
        """
        return self._timers.next

    def ring(self, now: float) -> Iterator[Slot]:
        """
        Do what has become due until *now*, and yield those about whom there is something to decide.
        """
        for slot in self._timers.ring(now):
            if slot.phase is Phase.STOPPING:
                self._kill(slot, now, None if slot.hurried else now - slot.since)
            elif slot.phase is Phase.KILLING:
                self.out.append(Stuck(slot.name, now - slot.since))
                self._timers.set(slot, now + STUCK_EVERY)
            else:
                yield slot

    def ring_at(self, slot: Slot, when: float) -> None:
        """
        Have a child looked at when it is *when*.
        """
        self._timers.set(slot, when)

    def kill(self, slot: Slot, now: float, reason: str) -> None:
        """
        Have a child go down now, without grace.
        """
        slot.doomed, slot.reason = True, reason
        self._kill(slot, now, None)

    def shorten(self, limit: float) -> None:
        """
        Let no stop last longer than until *limit*, those under way included.
        """
        if limit >= self.limit:
            return
        self.limit = limit
        for slot in self.slots.values():
            if slot.phase is Phase.STOPPING and slot.deadline > limit:
                slot.deadline, slot.hurried = limit, True
                self._timers.set(slot, limit)

    def landed(self, slot: Slot) -> None:
        """
        Note that a life is over.
        """
        slot.land()
        self.live -= 1

    def is_due(self, slot: Slot, now: float) -> bool:
        """
        Tell whether the delay of *slot* is over, and set a timer if it is not.
        """
        if slot.pause is not None:  # It runs from when all that had to go down is down.
            slot.due, slot.pause = now + slot.pause, None
        if slot.due <= now:
            return True
        self._timers.set(slot, slot.due)
        return False

    def start(self, slot: Slot, now: float) -> None:
        """
        Begin a new life.
        """
        slot.phase, slot.since = STARTING, now
        slot.life += 1
        slot.ready_at, slot.due, slot.alarm = math.inf, -math.inf, math.inf
        slot.patience = slot.rules.grace
        self.live += 1
        self.out.append(Start(slot.name, slot.life))
        self._timers.set(slot, now + slot.rules.start_timeout)

    def extend(self, slot: Slot, seconds: float, now: float) -> None:
        """
        Let a child that starts, or was asked to stop, have *seconds* from *now*, if it does not have more anyway.
        """
        if slot.phase is STARTING and slot.alarm < math.inf:
            self._timers.set(slot, max(slot.alarm, now + seconds))
        elif slot.phase is Phase.STOPPING and (deadline := min(now + seconds, self.limit)) > slot.deadline:
            slot.deadline = deadline
            self._timers.set(slot, deadline)
            self.out.append(Ask(slot.name, deadline, slot.reason, again=True))

    def ask(self, slot: Slot, now: float) -> None:
        """
        Have a child go: ask it if it listens, and cancel it otherwise.
        """
        slot.since, slot.deadline, slot.hurried = now, min(now + slot.patience, self.limit), False
        if not slot.hears or slot.deadline <= now:
            self._kill(slot, now, None)
            return
        slot.phase = Phase.STOPPING
        self.out.append(Ask(slot.name, slot.deadline, slot.reason))
        self._timers.set(slot, slot.deadline)

    def _kill(self, slot: Slot, now: float, grace: float | None) -> None:
        slot.phase, slot.since = Phase.KILLING, now
        self.out.append(Cancel(slot.name, grace, slot.reason))
        self._timers.set(slot, now + STUCK_EVERY)
