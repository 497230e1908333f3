"""
What the tools cost that find leaks, races and stuck tasks: while they look, and when nobody uses them.

All of it in a process that has as many other objects as a test session, and with the garbage collector on, as there. Times are
those of the processor, for nobody waits here, and other programs do not count then.

- ``leak check``: a run of five tasks under `leak_check`, and the same run bare; ``block``: one task under `assert_no_leaks`.
- ``explore``: one schedule of a test of three tasks, and of 50 tasks with 40 steps each, beside one bare run.
- ``cancel everywhere``: one run of a test of three tasks.
- ``leaked_tasks``, ``task_dump``: one call, among as many tasks as the row says.
- ``watched``: a step under `StuckWatch`, and a task under `TaskCounter`, beside bare ones.
- ``off``: steps, tasks, locks and files in a process that has never used a tool, and in one that has used them all.
"""

from __future__ import annotations

import functools
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from trio_run.leaks import assert_no_leaks, leak_check, leaked_tasks
from trio_run.stacks import StuckWatch, TaskCounter, task_dump
from trio_run.testing import QuietClock, cancel_everywhere, explore, sometimes

from ._measure import Result, Row


@attrs.frozen
class Sizes:
    """
    How much of everything there is.
    """

    others: int = 50_000
    """Other objects in the process."""

    checks: int = 50
    schedules: int = 400
    big_tasks: int = 50
    big_steps: int = 40
    leaked: int = 15_000
    dumped: int = 10_000
    steps: int = 20_000


SIZES = Sizes()

AsyncFunction = Callable[[], Awaitable[object]]


def run(rounds: int) -> Result:
    """
    Measure all, and return rows and ratios.
    """
    others = [[number] for number in range(SIZES.others)]
    taken: dict[str, float] = {}
    for measure in (checks, schedules, cancelled_runs, looks, watched):
        found: dict[str, list[float]] = {}
        for _ in range(rounds):
            gc.collect()
            for case, seconds in measure().items():
                found.setdefault(case, []).append(seconds)
        taken |= {case: statistics.median(values) for case, values in found.items()}
    taken |= off(rounds)
    assert len(others) == SIZES.others
    rows = tuple(Row(case, seconds * 1e6) for case, seconds in taken.items())
    return Result("tools", rows, _ratios(taken))


def _ratios(taken: Mapping[str, float]) -> dict[str, float]:
    big = f"{SIZES.big_tasks} tasks x {SIZES.big_steps} steps"
    found = {
        "milliseconds of a leak check (limit 4)": 1e3 * (taken["leak check"] - taken["bare run"]),
        "schedules a second, 3 tasks (limit 1000)": 1 / taken["explore 3 tasks"],
        f"schedules a second, {big} (limit 60)": 1 / taken[f"explore {big}"],
        "milliseconds of a run of cancel_everywhere (limit 2.5)": 1e3 * taken["cancel everywhere"],
        f"milliseconds of leaked_tasks, {SIZES.leaked} tasks (limit 200)": 1e3 * taken[f"leaked_tasks {SIZES.leaked}"],
        f"milliseconds of task_dump, {SIZES.dumped} tasks (limit 100)": 1e3 * taken[f"task_dump {SIZES.dumped}"],
        "watched: a step with StuckWatch / bare": taken["watched step"] / taken["watched step bare"],
        "watched: a task with TaskCounter / bare": taken["watched task"] / taken["watched task bare"],
    }
    for case in ("step", "task", "lock", "file"):
        found[f"off: a {case} after all tools / before"] = taken[f"off {case} after"] / taken[f"off {case} before"]
    return found


def timed(fn: Callable[[], object]) -> float:
    """
    Return the seconds that *fn* took.
    """
    begin = time.process_time()
    fn()
    return time.process_time() - begin


# What they cost while they look.


async def five_tasks() -> None:
    """
    A test that is small and clean.
    """
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(trio.sleep, 1)


def checked(fn: AsyncFunction) -> None:
    """
    Run *fn* in virtual time under a leak check.
    """
    with leak_check() as check:
        trio.run(fn, clock=QuietClock(), instruments=[check])


def bare(fn: AsyncFunction) -> None:
    """
    Run *fn* in virtual time.
    """
    trio.run(fn, clock=QuietClock())


def checks() -> dict[str, float]:
    """
    Measure leak checks.
    """

    async def blocks() -> float:
        begin = time.process_time()
        for _ in range(SIZES.checks):
            async with assert_no_leaks(), trio.open_nursery() as nursery:
                nursery.start_soon(trio.lowlevel.checkpoint)
        return (time.process_time() - begin) / SIZES.checks

    seconds = {"leak check": 0.0, "bare run": 0.0}
    for _ in range(SIZES.checks):
        seconds["leak check"] += timed(lambda: checked(five_tasks)) / SIZES.checks
        seconds["bare run"] += timed(lambda: bare(five_tasks)) / SIZES.checks
    return {**seconds, "block": trio.run(blocks)}


async def three_tasks() -> None:
    """
    A test for the explorer: a lock, and steps in between.
    """
    lock = trio.Lock()

    async def works() -> None:
        for _ in range(3):
            async with lock:
                await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(works)


async def many_tasks() -> None:
    """
    A test with much going on.
    """

    async def works() -> None:
        for _ in range(SIZES.big_steps):
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(SIZES.big_tasks):
            nursery.start_soon(works)


def schedules() -> dict[str, float]:
    """
    Measure the explorer.
    """
    big = f"{SIZES.big_tasks} tasks x {SIZES.big_steps} steps"
    seconds: dict[str, float] = {}
    for case, fn, share in (("3 tasks", three_tasks, 1), (big, many_tasks, 8)):
        wanted = max(1, SIZES.schedules // share)
        begin = time.process_time()
        found = explore(fn, schedules=wanted, seed=1)
        seconds[f"explore {case}"] = (time.process_time() - begin) / found.runs
        assert found.failure is None
        seconds[f"explore {case} bare"] = timed(functools.partial(bare, fn))
    return seconds


def cancelled_runs() -> dict[str, float]:
    """
    Measure runs that are cancelled somewhere.
    """
    begin = time.process_time()
    found = cancel_everywhere(three_tasks)
    seconds = time.process_time() - begin
    assert not found.findings
    return {"cancel everywhere": seconds / (len(found.points) + 1)}  # One run only counts the points.


def looks() -> dict[str, float]:
    """
    Measure what looks at all tasks at once.
    """
    return {**trio.run(_search), **trio.run(_dump)}


async def _search() -> dict[str, float]:
    lost, kept = SIZES.leaked // 3, list[object]()

    async def receives(channel: trio.MemoryReceiveChannel[None]) -> None:
        await channel.receive()

    async with trio.open_nursery() as nursery:
        for _ in range(lost):
            nursery.start_soon(trio.Event().wait)
            event, (send, receive) = trio.Event(), trio.open_memory_channel[None](0)
            nursery.start_soon(event.wait)
            nursery.start_soon(receives, receive)
            kept += [event, send]
        await wait_all_tasks_blocked()
        begin = time.process_time()
        found = leaked_tasks()
        seconds = time.process_time() - begin
        assert len(found) == lost
        nursery.cancel_scope.cancel(reason="measured")
    return {f"leaked_tasks {SIZES.leaked}": seconds}


async def _dump() -> dict[str, float]:
    async def parent() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)

    async with trio.open_nursery() as nursery:
        for _ in range(SIZES.dumped // 4):
            nursery.start_soon(trio.Event().wait)
            nursery.start_soon(trio.sleep, 1000)
            nursery.start_soon(parent)
        await wait_all_tasks_blocked()
        begin = time.process_time()
        found = task_dump()
        seconds = time.process_time() - begin
        assert len(found.tasks) >= SIZES.dumped // 4 * 4
        spelled = timed(lambda: str(found))
        nursery.cancel_scope.cancel(reason="measured")
    return {f"task_dump {SIZES.dumped}": seconds, f"task_dump {SIZES.dumped} as text": spelled}


def watched() -> dict[str, float]:
    """
    Measure what watches in production.
    """

    async def measure() -> dict[str, float]:
        found = {"watched step bare": await _step(), "watched task bare": await _task()}
        async with StuckWatch(after=1000):
            found["watched step"] = await _step()
        with TaskCounter():
            found["watched task"] = await _task()
        return found

    return trio.run(measure)


# What they cost when nobody uses them.


async def _step() -> float:
    begin = time.process_time()
    for _ in range(SIZES.steps):
        await trio.lowlevel.checkpoint()
    return (time.process_time() - begin) / SIZES.steps


async def _task() -> float:
    begin = time.process_time()
    for _ in range(SIZES.steps // 100):
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(trio.lowlevel.checkpoint)
    return (time.process_time() - begin) / (SIZES.steps // 100 * 10)


async def _lock() -> float:
    lock = trio.Lock()
    begin = time.process_time()
    for _ in range(SIZES.steps):
        lock.acquire_nowait()
        lock.release()
    return (time.process_time() - begin) / SIZES.steps


async def _file() -> float:
    count = SIZES.steps // 10
    begin = time.process_time()
    for _ in range(count):
        with open(__file__, "rb"):  # noqa: ASYNC230, PTH123 - that is what is measured
            pass
    return (time.process_time() - begin) / count


def off(rounds: int) -> dict[str, float]:
    """
    Measure in processes of their own, turn by turn: what a process has imported and used cannot be taken back.
    """
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for when in ("before", "after"):
            words = [sys.executable, "-m", "benchmarks.tools", when, str(SIZES.steps)]
            answer = subprocess.run(words, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own
            for case, seconds in json.loads(answer).items():
                found.setdefault(f"off {case} {when}", []).append(seconds)
    return {case: statistics.median(values) for case, values in found.items()}


def use_all() -> None:
    """
    Use each tool once.
    """

    async def uses() -> None:
        async with assert_no_leaks(), StuckWatch():
            with TaskCounter():
                await three_tasks()
        leaked_tasks()
        task_dump()

    checked(three_tasks)
    trio.run(uses)
    explore(three_tasks, schedules=20, seed=1)
    cancel_everywhere(three_tasks)
    assert not sometimes("a fault")


async def small_things() -> dict[str, float]:
    """
    Measure what trio does all the time.
    """
    await _step()  # To get warm.
    return {"step": await _step(), "task": await _task(), "lock": await _lock(), "file": await _file()}


if __name__ == "__main__":
    SIZES = Sizes(steps=int(sys.argv[2]))
    if sys.argv[1] == "after":
        use_all()
    gc.collect()
    gc.disable()
    print(json.dumps(trio.run(small_things)))
