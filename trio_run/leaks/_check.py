"""
The leak check of a whole run.

What lives inside of a run is looked at when its main task ends, before trio cancels what is left; all else after the run, with
some patience for what is about to end.

Laws: the check is silent on a run that leaves nothing behind. It never hides how the run itself ended.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Generator, Iterable, Sequence
from types import TracebackType
from typing import Self, final

import trio
from trio.lowlevel import Task

from . import _look as look
from ._births import Births
from ._heap import collect, collect_all, note_told
from ._patience import Patience
from ._report import NotWatching, ensure_known, outcome_of
from ._things import Ignore, Kind, Leak, Rule, Snapshot, Thing, leaked, rules_from
from ._watch import Watch, begin, end, tap_generators

check_numbers = itertools.count(1)


def leak_check(*, ignore: Iterable[Rule] = (), grace: float = 0.2) -> LeakCheck:
    """
    Check that a run leaves nothing behind.

    ::

        with leak_check() as check:
            trio.run(main, instruments=[check])

    Seen are tasks in the system nursery and wherever else they outlive the main task, workers of pools, threads, async
    generators, file descriptors, child processes, locks, tokens of limiters, memory channels with both sides open, and
    coroutines that were never awaited. The idea is that of Go's goleak.

    The check changes constructors of trio and of Python for as long as it is open, in the whole process; checks may nest
    and overlap. From other threads' runs it sees what is not a task. Costs a garbage collection of what the
    run has made.

    Args:
        ignore: What may be left behind: `Ignore` rules, or patterns for a name, function or owner.
        grace: Seconds, on the clock on the wall, that threads and child processes get to end.

    Returns:
        The check, a context manager and an instrument; its ``leaks`` are there when the block is over.

    Raises:
        LeakError: Something was left behind; raised at the end of the block. If the block raised as well, both are in a
            group.
        NotWatching: A run went by inside of the block without the check among its instruments.
        CannotTell: This trio's insides are not known.
        TypeError: A rule is neither an `Ignore` nor a pattern.
        ValueError: *grace* is negative, or a rule would fit nothing or everything.
    """
    return LeakCheck(rules_from(ignore), checked_grace(grace))


def checked_grace(grace: float) -> float:
    """
    Return *grace* if it can be waited for.

    Raises:
        ValueError: It is negative or without end.
    """
    if not 0 <= grace < float("inf"):
        raise ValueError(f"grace is a number of seconds that can be waited for, not {grace!r}.")
    return grace


@final
class LeakCheck(trio.abc.Instrument):
    """
    A check of one run or more, made by `leak_check`.
    """

    def __init__(self, rules: Sequence[Rule], grace: float) -> None:
        self.leaks: tuple[Leak, ...] = ()
        """What was left behind; known when the block is over."""

        self._rules = rules
        self._grace = grace
        self._number = next(check_numbers)
        self._watch: Watch | None = None
        self._before = Snapshot()
        self._start = 0
        self._thread = threading.get_ident()
        self._runs = 0
        self._left: list[Thing] = []
        self._expected = False
        self._main: Task | None = None
        self._over = trio.Event()
        self._broken: Exception | None = None

    def __enter__(self) -> Self:
        self._watch = begin()
        births = self._watch.births
        births.everywhere |= {self._number}
        self._start = len(self._watch.log)
        self._before = Snapshot(tuple(look.at_machine(births)))
        look.note_open(self._before, births)
        return self

    def follow(self) -> None:
        """
        Watch each run of this thread from now on, without being given to it; inside of the block only.
        """
        if self._watch is not None:
            self._watch.births.followers.append(self._join)

    @contextlib.contextmanager
    def looking_away(self) -> Generator[None]:
        """
        Take what is made meanwhile in this process for somebody else's.
        """
        watch = self._watch
        if watch is None:
            yield
            return
        births = watch.births
        known = Snapshot(tuple(look.at_machine(births))).keys
        births.everywhere -= {self._number}
        try:
            yield
        finally:
            births.everywhere |= {self._number}
            new = (thing for thing in look.at_machine(births) if thing.identity not in known)
            self._before = Snapshot((*self._before.things, *new))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        watch = self._watch
        if watch is None:
            return
        try:
            self._judge(watch, error)
        finally:
            watch.births.everywhere -= {self._number}
            with contextlib.suppress(ValueError):
                watch.births.followers.remove(self._join)
            self._watch = None
            end()
        if self._broken is not None:
            raise self._broken
        raised = outcome_of(self.leaks, error)
        if raised is not None:
            raise raised from None

    def _judge(self, watch: Watch, error: BaseException | None) -> None:
        if self._has_missed_a_run(watch.births):
            self._broken = self._broken or NotWatching()
        unborn = collect()
        # Who failed owes no closed channels: nobody is left to wait on them.
        rules = self._rules if error is None else (*self._rules, Ignore(kind=Kind.CHANNEL))

        def look_again() -> tuple[Leak, ...]:
            things = (
                *self._left,
                *look.at_machine(watch.births),
                *look.at_held(watch.births),
                *look.at_coroutines(unborn),
                *look.at_warnings(watch.log[self._start :], watch.births),
            )
            return leaked(self._before, Snapshot(things), rules, self._number)

        patience = Patience(watch.births, self._grace)
        self.leaks = look_again()
        if self.leaks:
            unborn = collect_all()
            self.leaks = look_again()
        while self.leaks and patience.waited_for(self.leaks):
            self.leaks = look_again()
        note_told(unborn)

    def _has_missed_a_run(self, births: Births) -> bool:
        runs = [root for root in births.roots if self._number in root.inside and root.thread == threading.get_ident()]
        return len(runs) > self._runs

    def _join(self) -> None:
        """
        Take part in the run that begins, unless it was given the check.
        """
        if not self._expected and threading.get_ident() == self._thread:
            self.before_run()
            trio.lowlevel.add_instrument(self)

    # What trio calls. It would drop an instrument that raises, and say so in a log only.

    def before_run(self) -> None:
        """
        Note that a run begins.
        """
        with self._kept():
            self._runs += 1
            self._expected = self._watch is not None
            tap_generators()

    def task_spawned(self, task: Task) -> None:
        """
        Have a task beside the main one, for when that is over: trio cancels what is left only after both.
        """
        if self._expected and task.parent_nursery is not None:
            with self._kept():
                self._expected, self._main, self._over = False, task, trio.Event()
                task.parent_nursery.start_soon(self._look_inside, self._over, name="<leak check>")

    def task_exited(self, task: Task) -> None:
        """
        Note that the main task has ended.
        """
        if task is self._main:
            with self._kept():
                self._over.set()

    async def _look_inside(self, over: trio.Event) -> None:
        await over.wait()
        watch = self._watch
        if watch is None:
            return
        with self._kept():
            ensure_known()
            await Patience(watch.births, self._grace).let_end(lambda: self._find_inside(watch.births))
            self._left += [*look.at_tasks(watch.births), *look.at_generators(watch.births)]

    def _find_inside(self, births: Births) -> tuple[Leak, ...]:
        things = (*look.at_tasks(births), *look.at_generators(births))
        return leaked(Snapshot(), Snapshot(things), self._rules, self._number)

    @contextlib.contextmanager
    def _kept(self) -> Generator[None]:
        try:
            yield
        except Exception as exc:  # noqa: BLE001 - raised at the end of the block
            self._broken = exc
