"""
The core on random walks: a small world of tasks does what it is told, or what it likes, and the laws hold at each step.
"""

import math
import random

import attrs
import pytest

from tests.lines import lines_of
from trio_run.supervision._core import Core
from trio_run.supervision._facts import (
    Ask,
    Cancel,
    Ending,
    Exited,
    Forget,
    Hears,
    Judged,
    Ready,
    Scheduled,
    Start,
    Verdict,
)
from trio_run.supervision._policy import Backoff, Budget, Ledger, Restart, Strategy
from trio_run.supervision._restarts import Restarts
from trio_run.supervision._rules import Decision, OnGiveUp, Rules
from trio_run.supervision._slot import Admission, End, Phase
from trio_run.supervision._start_order import StartOrder

NAMES = "abcde"

ENDINGS = [Ending.FINISHED, Ending.FAILED, Ending.CANCELLED, Ending.DONE, Ending.IGNORED, Ending.AGAIN]


@attrs.define
class Task:
    """
    What there is of one life in the world.
    """

    life: int
    ready: bool = False
    asked: bool = False
    cancelled: bool = False
    by_hand: bool = False


class World:
    """
    Tasks, and a chronicle against which every action of the core is checked.
    """

    start_order = StartOrder.LISTED

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.strategy = self.random.choice(list(Strategy))
        self.budget = Budget(restarts=self.random.choice([0, 2, 5, 10, 100]), per=60.0)
        backoff = Backoff(first=1.0, factor=2.0, max=4.0, jitter=0.5, stable_after=20.0)
        restarts = Restarts(self.strategy, backoff, Ledger(self.budget), self.random.random, 0.0, self.start_order)
        self.core = Core("top", restarts)
        self.tasks: dict[str, Task] = {}
        self.judged = Ending.FINISHED
        self.charged: list[float] = []
        self.lives: dict[str, int] = {}
        self.barred: set[str] = set()
        self.not_before: dict[str, float] = {}
        self.stopped_by_us = False
        for name in NAMES[: self.random.randint(0, 4)]:
            self.core.add(name, self.rules(), Admission.BOOT)
        self.settle()

    def rules(self) -> Rules:
        """
        Rules for one child.
        """
        r = self.random
        restart = r.choice(list(Restart))
        own = r.random() < 0.3 and restart is not Restart.NEVER
        return Rules(
            restart=restart,
            grace=r.choice([0.0, 3.0]),
            budget=Budget(restarts=min(r.choice([0, 2, 5]), self.budget.restarts), per=60.0) if own else None,
            backoff=r.choice([None, None, Backoff(first=3.0, max=3.0, jitter=1.0)]),
            on_give_up=r.choice(list(OnGiveUp)) if own else OnGiveUp.ESCALATE,
            start_timeout=r.choice([2.0, math.inf, math.inf]),
        )

    # The world obeys.

    def settle(self) -> None:
        """
        Carry out all moves there are.
        """
        quiet = not self.core.restless() and self.core.order.alarm > self.now
        actions = self.core.decide(self.now)
        assert not (quiet and actions), actions  # Or the shell would sleep on, and nobody carry them out.
        for action in actions:
            match action:
                case Start(name, life):
                    self.check_start(name, life)
                    self.tasks[name] = Task(life)
                    self.lives[name] = life
                case Ask(name) | Cancel(name) if name not in self.tasks:
                    pass  # It went by itself, between the order and this.
                case Ask(name, deadline):
                    self.check_going(name)
                    assert not self.tasks[name].asked
                    assert self.now <= deadline
                    self.tasks[name].asked = True
                case Cancel(name, reason=reason):
                    assert not self.tasks[name].cancelled
                    self.tasks[name].by_hand |= reason.startswith("not ready after")  # Out of turn, too.
                    if not self.tasks[name].asked:
                        self.check_going(name)
                    self.tasks[name].cancelled = True
                case Scheduled(culprit=name, members=members, delay=delay):
                    for member in members:
                        self.not_before.pop(member, None)
                    self.not_before[name] = self.now + delay
                    self.check_charge(name, action.failures, delay)
                case Judged(fact, verdict):
                    self.judged = fact.ending
                    if verdict is Verdict.PARKED:
                        assert self.core.slots[fact.name].rules.on_give_up is OnGiveUp.PARK
                    if verdict in (Verdict.RESTS, Verdict.STOPPED, Verdict.IGNORED, Verdict.PARKED):
                        self.barred.add(fact.name)
                case Forget(name) if name not in self.core.slots:  # Else the name was given anew in between.
                    assert name not in self.tasks
                    self.lives.pop(name, None)
                    self.barred.discard(name)
        self.check_nothing_is_missing()

    def check_start(self, name: str, life: int) -> None:
        """
        A child starts only once at a time, only when it is wanted, and only in its turn.
        """
        assert name not in self.tasks
        assert self.lives.get(name, 0) + 1 == life
        assert not self.core.stopping
        assert name not in self.barred
        assert self.now >= self.not_before.pop(name, 0.0)
        if self.start_order is StartOrder.PARALLEL:
            self.check_turn(name)
        elif self.strategy is not Strategy.ONE_FOR_ONE:
            for other, slot in self.core.slots.items():
                if other == name:
                    break
                assert not slot.wanted or (other in self.tasks and self.tasks[other].ready), (other, name)
            assert not [other for other, task in self.tasks.items() if task.cancelled and not task.by_hand]

    def check_charge(self, name: str, failures: int, delay: float) -> None:
        """
        No window holds more restarts than the budget forgives, and no delay is longer or shorter than the backoff says.
        """
        if self.judged is Ending.AGAIN:
            return
        self.charged.append(self.now)
        inside = [when for when in self.charged if when >= self.now - self.budget.per]
        assert len(inside) <= self.budget.restarts
        backoff = self.core.slots[name].rules.backoff or self.core.restarts.backoff
        full = backoff.delay(failures, 0.0)
        assert full * (1 - backoff.jitter) <= delay <= full <= backoff.max

    def check_turn(self, name: str) -> None:
        """
        In a web of siblings that depend on each other, those that it comes after are up, or stay down.
        """
        for other in self.core.order._before[name] if self.strategy is not Strategy.ONE_FOR_ONE else ():
            slot = self.core.slots[other]
            assert not slot.wanted or (other in self.tasks and self.tasks[other].ready), (other, name)

    def check_going(self, name: str) -> None:
        """
        When all have to go, nobody goes before those started later are gone.
        """
        if self.start_order is StartOrder.PARALLEL:
            going = self.core.stopping and not self.tasks[name].by_hand
            assert not going or not (self.core.order._behind[name].keys() & set(self.tasks)), name
        elif self.core.stopping and not self.tasks[name].by_hand:
            mine = self.core.slots[name].rank
            assert all(self.core.slots[other].rank <= mine for other in self.tasks)

    def check_nothing_is_missing(self) -> None:
        """
        Whoever is wanted is up, coming up, has a timer, or waits for somebody.
        """
        assert {n for n, s in self.core.slots.items() if s.phase is not Phase.DOWN} == set(self.tasks)
        moving = any(t.cancelled or t.asked or not t.ready for t in self.tasks.values())
        if not moving and self.core.order.alarm == math.inf:
            assert all(slot.is_settled for slot in self.core.slots.values())

    # The world does as it likes.

    def step(self) -> None:
        """
        Let something happen.
        """
        if self.random.random() < 0.3:
            self.wait()
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):  # Several things may happen before the core is asked.
            self.random.choice([self.order, self.become_ready, self.hear])()
        if self.tasks and self.random.random() < 0.6:
            self.end()
        self.settle()

    def become_ready(self) -> None:
        """
        Some tasks become ready.
        """
        for name, task in self.tasks.items():
            if not task.ready and self.random.random() < 0.7:
                task.ready = True
                self.core.take([Ready(name, task.life)], self.now)

    def hear(self) -> None:
        """
        A task begins to listen.
        """
        name = self.random.choice([*self.tasks, "nobody"])
        if name in self.tasks:
            self.core.take([Hears(name, self.tasks[name].life)], self.now)

    def end(self) -> None:
        """
        Some tasks end in one moment.
        """
        names = self.random.sample(list(self.tasks), self.random.randint(1, min(3, len(self.tasks))))
        facts = []
        for name in names:
            task = self.tasks.pop(name)
            ending = self.random.choice([*ENDINGS, Ending.FAILED, Ending.FAILED, Ending.FINISHED, Ending.CANCELLED])
            weights = [8, 1, 1] if ending is Ending.FAILED else [1, 0, 0]
            (decision,) = self.random.choices(list(Decision), weights)
            delay = self.random.choice([0.0, 4.0]) if ending is Ending.AGAIN else 0.0
            if not task.ready and not task.cancelled and self.random.random() < 0.8:
                self.tasks[name] = task  # Most starts succeed.
                continue
            error = ValueError(name) if ending is Ending.FAILED else None
            facts.append(Exited(name, task.life, ending, error, decision, delay))
        self.core.take(facts, self.now)

    def wait(self) -> None:
        """
        Time passes, often to the very moment of the next timer.
        """
        alarm = self.core.order.alarm
        self.now = alarm if alarm < math.inf and self.random.random() < 0.7 else self.now + self.random.random() * 5

    def order(self) -> None:
        """
        A person asks for something.
        """
        if self.core.stopping:
            return
        name = self.random.choice(NAMES)
        if name not in self.core.slots:
            if self.random.random() < 0.5:
                admission = self.random.choice([Admission.CALL, Admission.QUEUE])
                self.lives.pop(name, None)
                self.not_before.pop(name, None)
                self.barred.discard(name)
                self.core.add(name, self.rules(), admission)
            return
        verb = self.random.choice(["stop", "restart", "restart", "remove"])
        if verb == "restart":
            self.barred.discard(name)
            self.not_before.pop(name, None)
            self.core.restart_child(name, self.now, "by hand")
        else:
            self.barred.add(name)
            (self.core.stop_child if verb == "stop" else self.core.remove_child)(name, self.now, "by hand")
        if name in self.tasks:
            self.tasks[name].by_hand = True

    def finish(self) -> None:
        """
        Stop the supervisor, let every task go that has to, and see that nothing is left.
        """
        self.core.stop(End.ASKED, self.now + self.random.choice([0.0, 2.0, math.inf]), "enough")
        self.settle()
        for _ in range(1000):
            if self.core.done:
                break
            leaving = [name for name, task in self.tasks.items() if task.cancelled or task.asked]
            assert leaving, "somebody has to go, but nobody was told"
            if self.random.random() < 0.3 and self.core.order.alarm < math.inf:
                self.now = self.core.order.alarm
            else:
                name = self.random.choice(leaving)
                self.core.take([Exited(name, self.tasks.pop(name).life, Ending.CANCELLED, None)], self.now)
            self.settle()
        assert self.core.done
        assert {} == self.tasks


@pytest.mark.parametrize("batch", range(20))
def test_the_laws_hold_on_random_walks(batch: int):
    """
    One life at a time, in order up and down, nothing against a person's wish, nothing missing, and always an end.
    """
    for seed in range(batch * 100, batch * 100 + 100):
        world = World(seed)
        for _ in range(60):
            if world.core.done:
                break
            world.step()
        world.finish()


def test_a_walk_can_find_a_broken_law(monkeypatch: pytest.MonkeyPatch):
    """
    The walks fail for a core whose group restarts forget what a person wished.
    """
    monkeypatch.setattr(Core, "stop_child", lambda core, name, now, reason: core.restart_child(name, now, reason))

    with pytest.raises(AssertionError):
        for seed in range(300):
            world = World(seed)
            for _ in range(60):
                world.step()


def test_a_fact_costs_the_children_it_moves_never_a_look_at_all_of_them():
    """
    With a hundred times as many siblings a failure runs the same number of lines.
    """
    assert lines_for_a_failure(100) == lines_for_a_failure(10_000)


def lines_for_a_failure(children: int, start_order: StartOrder = StartOrder.LISTED) -> int:
    """
    Count the lines of Python that one failure and restart take among so many *children*.
    """
    backoff = Backoff(jitter=0.0)
    core = Core("top", Restarts(Strategy.ONE_FOR_ONE, backoff, Ledger(Budget()), lambda: 0.0, 0.0, start_order))
    for number in range(children):
        core.add(f"child-{number}", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.QUEUE)
    for action in core.decide(0.0):
        if isinstance(action, Start):
            core.take([Ready(action.name, 1)], 0.0)

    def fail() -> None:
        core.take([Exited("child-50", 1, Ending.FAILED, ValueError())], 0.0)
        core.decide(0.0)

    return lines_of(fail)
