"""
Tasks that nothing can wake any more, and locks whose owners wait for each other.

To wake a task somebody needs a reference to it: an event, a channel, a lock or the kernel's side holds one for each task that
waits. So the search starts from all that can run or be reached (modules, threads, tasks that are about to run, wait for the
kernel or have a deadline), follows references from there, and leaves out what knows every task without ever waking one. A
blocked task that is not reached can be ended by a cancellation only. The idea is that of Go's goroutine leak profile.

Laws: a task that something reachable can wake is never suspected. Where trio's insides are not what they are taken for,
nothing is said. The search changes nothing.

What it cannot see: a task that something reachable could wake, and never will; a reference that only C code holds, which
makes it suspect a task that is fine.
"""

from __future__ import annotations

# pyright: reportPrivateUsage=false
# What `sys` has with an underscore is documented, and has no other name.
import contextlib
import gc
import signal
import sys
import types
from collections.abc import Generator, Iterator, Sequence

import attrs
import trio
from trio.lowlevel import Task

from .. import _trio_compat as compat
from .._pool import WORKERS
from .._tasks import all_tasks
from ._look import find_worker
from ._places import places_of
from ._report import ensure_known
from ._watch import present_births


@attrs.frozen(kw_only=True)
class LeakedTask:
    """
    Tasks that are suspected to be leaked, and are alike.
    """

    name: str
    """What they are called."""

    owner: str
    """The task that they are a child of; for a worker, the pool."""

    stands: tuple[str, ...]
    """Where they stand, as ``file:line function``, innermost last."""

    count: int = 1
    """How many are alike."""

    def __str__(self) -> str:
        times = f" ({self.count} times)" if self.count > 1 else ""
        return "\n".join(
            [
                f"suspected: nothing can wake {self.name}{times}",
                f"  of {self.owner}",
                "  stands at",
                *(f"    {place}" for place in reversed(self.stands)),
            ]
        )


@attrs.frozen(kw_only=True)
class LockWait:
    """
    One step of a cycle: a task that has a lock, and waits for another.
    """

    task: str
    """What it is called."""

    stands: tuple[str, ...]
    """Where it waits, innermost last."""

    waits_for: str
    """The task that has the lock it waits for."""

    def __str__(self) -> str:
        place = self.stands[-1] if self.stands else "an unknown place"
        return f"{self.task} waits at {place} for a lock of {self.waits_for}"


@attrs.frozen
class LockCycle:
    """
    Tasks each of which waits for a lock that the next one has, and the last one for one of the first.
    """

    waits: tuple[LockWait, ...]

    def __str__(self) -> str:
        return "\n".join(["suspected: a cycle of locks", *(f"  {wait}" for wait in self.waits)])


@attrs.frozen
class Suspects:
    """
    What `leaked_tasks` found: suspected, for no program can know for sure.
    """

    leaked: tuple[LeakedTask, ...]
    """Tasks that nothing reachable can wake."""

    asleep: tuple[LeakedTask, ...]
    """Tasks in `trio.sleep_forever`: nothing can wake them either, and that is what they asked for."""

    cycles: tuple[LockCycle, ...]
    """Locks whose owners wait for each other."""

    def __iter__(self) -> Iterator[LeakedTask]:
        return iter(self.leaked)

    def __len__(self) -> int:
        return sum(group.count for group in self.leaked)

    def __str__(self) -> str:
        return "\n\n".join(map(str, (*self.cycles, *self.leaked))) or "no task is suspected"


def leaked_tasks() -> Suspects:
    """
    Search for tasks of this run that nothing reachable can wake, and for cycles of locks.

    For production too, but on demand only: the run stands still meanwhile, for about 10 ms for each 10,000 objects in memory.

    Returns:
        What is suspected, equal tasks as one. Its length is the number of tasks.

    Raises:
        CannotTell: This trio's insides are not known.
        RuntimeError: This is not called from a task.
    """
    me = trio.lowlevel.current_task()
    ensure_known()
    leaked, asleep = Groups(), Groups()
    with _collector_paused():
        tasks = tuple(all_tasks())
        reached = _reached(tasks, me)
        for task in tasks:
            if id(task) not in reached:
                stack = list(task.iter_await_frames())
                (asleep if _sleeps_forever(stack) else leaked).add(task, stack)
    return Suspects(leaked.closed(), asleep.closed(), tuple(lock_cycles()))


@contextlib.contextmanager
def _collector_paused() -> Generator[None]:
    """
    Keep the garbage collector from going through the same heap at the same time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


Stack = list[tuple[types.FrameType, int]]


@attrs.define
class Groups:
    """
    Tasks that are alike, counted.
    """

    counts: dict[tuple[object, ...], int] = attrs.field(factory=dict[tuple[object, ...], int])
    firsts: dict[tuple[object, ...], LeakedTask] = attrs.field(factory=dict[tuple[object, ...], LeakedTask])
    owners: dict[tuple[object, ...], str] = attrs.field(factory=dict[tuple[object, ...], str])
    """By the nursery, and the code that its tasks begin with."""

    def add(self, task: Task, stack: Stack) -> None:
        """
        Add a task, with where it stands.
        """
        siblings = (task.parent_nursery, id(stack[0][0].f_code) if stack else 0)  # Code is slow to hash.
        owner = self.owners.get(siblings)
        if owner is None:
            owner = self.owners[siblings] = _owner_of(task)
        like = (task.name, owner, *[(id(frame.f_code), line) for frame, line in stack])
        if like not in self.counts:
            self.counts[like] = 0
            self.firsts[like] = LeakedTask(name=task.name, owner=owner, stands=places_of(stack))
        self.counts[like] += 1

    def closed(self) -> tuple[LeakedTask, ...]:
        """
        Return the groups.
        """
        return tuple(attrs.evolve(first, count=self.counts[like]) for like, first in self.firsts.items())


# The search.

AT_ONCE = 2000
"""
How many objects are looked at together: so few that the processor has them all at hand.
"""


def _reached(tasks: Sequence[Task], me: Task) -> set[int]:
    """
    Return the identities of the tasks that something reachable can wake.
    """
    reached: set[int] = set()
    live = [me, *filter(_can_go_on, tasks), *compat.with_deadline(tasks)]
    todo = [*_roots(), *live]
    # What this search holds itself proves nothing.
    seen = {id(each) for each in (tasks, reached, live, todo, *compat.tables(), *_onlookers())}
    seen.add(id(seen))
    opaque = frozenset({Task, *compat.structure()})
    see = seen.add
    while todo:
        some = todo[-AT_ONCE:]
        del todo[-AT_ONCE:]
        fresh = [
            thing
            for thing in filter(gc.is_tracked, some)  # Nothing else leads anywhere.
            if (identity := id(thing)) not in seen and not see(identity)
        ]
        todo += gc.get_referents(*[thing for thing in fresh if type(thing) not in opaque])
        for task in fresh:
            if type(task) is Task:
                reached.add(id(task))
                todo += _held_by(task)
    return reached


def _onlookers() -> Iterator[object]:
    """
    Yield what of this package knows of tasks, or of what they wait for, and wakes none.
    """
    yield WORKERS
    births = present_births()
    if births is not None:
        yield births.synchronizers.entries
        yield births.channels.entries


def _can_go_on(task: Task) -> bool:
    """
    Tell whether *task* goes on now, whatever the others do.
    """
    trios_own = task.parent_nursery is None or compat.is_trios_own(task)
    return trios_own or compat.is_scheduled(task)


def _held_by(task: Task) -> Iterator[object]:
    """
    Yield what *task* holds, and whom its end may wake.
    """
    yield task.coro
    yield task.context
    for nursery in (task.parent_nursery, task.eventual_parent_nursery):
        if nursery is not None:
            yield nursery.parent_task


def _roots() -> Iterator[object]:
    """
    Yield what is reachable whatever tasks do.
    """
    yield sys.modules
    yield from compat.wakers()
    for number in signal.valid_signals():
        try:
            yield signal.getsignal(number)
        except ValueError:
            continue  # Not a signal that Python knows.
    for running in sys._current_frames().values():  # noqa: SLF001 - the documented way to the stacks of threads
        frame: types.FrameType | None = running
        while frame is not None:
            if frame.f_code.co_filename != __file__:
                yield from frame.f_locals.values()  # Running frames tell the garbage collector nothing.
            frame = frame.f_back


def _sleeps_forever(stack: Stack) -> bool:
    return trio.sleep_forever.__code__ in [frame.f_code for frame, _ in stack[-3:]]


def _owner_of(task: Task) -> str:
    worker = find_worker(task)
    if worker is not None:
        return worker.crew.path
    return task.parent_nursery.parent_task.name if task.parent_nursery is not None else ""


# Locks.


def lock_cycles() -> Iterator[LockCycle]:
    """
    Yield each cycle of locks among the tasks of this run.
    """
    waits_for = {
        waiter: owner for owner, lots in compat.held_lots().items() for lot in lots for waiter in compat.parked_in(lot)
    }
    done: set[Task] = set()
    for start in waits_for:
        path: list[Task] = []
        task: Task | None = start
        while task is not None and task not in done:
            done.add(task)
            path.append(task)
            task = waits_for.get(task)
        if task in path:
            cycle = path[path.index(task) :]
            yield LockCycle(tuple(map(_as_wait, cycle, [*cycle[1:], cycle[0]])))


def _as_wait(task: Task, owner: Task) -> LockWait:
    return LockWait(task=task.name, stands=places_of(list(task.iter_await_frames())), waits_for=owner.name)
