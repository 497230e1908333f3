"""
Who goes next: the tasks that can run, the choice among them, and a record of it.

An engine says what can run and asks who goes; a chooser answers the question wherever there is one. What a task is, and how it
is made to run, is not known here.

The candidates are always listed in one order, so that a choice can be told by its number: first the task that ran last, if it
can go on, then the others, longest waiting first. Choice 0 is thus to change nothing, and every other one is a preemption. From
CHESS (Musuvathi and Qadeer, 2007), which measured that most races need few of them.

Laws: the choices made are enough to make them again. Nobody is passed over more than `FAIR` times.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

FAIR = 200
"""
How often a task that can run may be passed over before it has to.
"""

T = TypeVar("T", bound=Hashable)


class Chooser(Protocol):
    """
    Answers the questions that make up a schedule.
    """

    def pick(self, candidates: Sequence[Hashable], /) -> int:
        """
        Return which of at least two candidates goes next, by its place.
        """
        ...

    def happens(self) -> bool:
        """
        Tell whether something happens that need not: time that passes before anybody goes, or a call that fails.
        """
        ...


@attrs.define(eq=False)
class Steering(Generic[T]):
    """
    The choices of one run.
    """

    chooser: Chooser
    choices: list[int] = attrs.field(factory=list)
    """What was chosen, at each moment with more than one candidate."""

    widths: list[int] = attrs.field(factory=list)
    """How many candidates there were."""

    steps: int = 0
    """How often somebody went."""

    preempted: bool = False
    """Whether the last choice was not the default."""

    is_open: bool = True
    """Whether anybody is still asked; otherwise every choice is the default one, and is not noted."""

    _queue: list[T] = attrs.field(factory=list)
    _since: list[int] = attrs.field(factory=list)
    _front: T | None = None
    _last: T | None = None
    _picks: int = 0

    @property
    def anyone(self) -> T | None:
        """
        Somebody who waits for a turn, or None.
        """
        if self._front is not None:
            return self._front
        return self._queue[0] if self._queue else None

    def admit(self, *tasks: T) -> None:
        """
        Take in tasks that can run from now on, in an order that is the same in every run.
        """
        for task in tasks:
            if task is self._last:
                self._front = task
            else:
                self._queue.append(task)
                self._since.append(self._picks)

    def take(self) -> T:
        """
        Return who goes next; there has to be somebody.
        """
        self.steps += 1
        self.preempted = False
        front, queue = self._front, self._queue
        if front is None:
            place = 0 if len(queue) == 1 else self._choose(queue, 0)
        else:
            place = self._choose([front, *queue], 1) - 1 if queue else -1
            self._front = None
            if place < 0:
                return front
        task = self._last = queue.pop(place)
        del self._since[place]
        if front is not None:  # Who ran last, and could have gone on, stands behind the others.
            queue.append(front)
            self._since.append(self._picks)
        return task

    def happens(self) -> bool:
        """
        Ask whether what need not happen does, and note the answer as one of the choices.
        """
        answer = self.chooser.happens()
        self.choices.append(int(answer))
        self.widths.append(2)
        return answer

    def _choose(self, candidates: Sequence[T], oldest: int) -> int:
        self._picks += 1
        if self._picks - self._since[0] > FAIR:
            return oldest
        if not self.is_open:
            return 0
        choice = self.chooser.pick(candidates)
        self.preempted = choice > 0
        self.choices.append(choice)
        self.widths.append(len(candidates))
        return choice
