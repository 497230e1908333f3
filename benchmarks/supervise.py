"""
Start-to-ready, stop and restart of many children, and what each of them weighs.

Beside bare trio (``nursery.start`` with a cancel scope for each child, and an event that says that it is gone) and beside
triotp where it is installed. All times are for one child, in microseconds; memory is in bytes.

- ``start``: until all are ready, one after another.
- ``stop``: one after another in reverse, each once the one before is gone; ``stop at once`` cancels all together, which
  keeps no order, and is what triotp does.
- ``restart``: a child is told to go, and is ready again.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping

import trio

import trio_run as tr

from ._measure import Contender, Result, Row, take_turns

SIZES = (1_000, 50_000)
RESTARTS = 500


async def served(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """
    The child: ready at once, and there until it is cancelled.
    """
    task_status.started()
    await trio.sleep_forever()


class BareChild:
    """
    What one writes by hand to be able to stop one task and to know that it is gone.
    """

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.gone = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Run the child in its scope.
        """
        try:
            with self.scope:
                await served(task_status=task_status)
        finally:
            self.gone.set()


async def bare(size: int) -> Mapping[str, float]:
    """
    Bare trio, with all that an ordered stop needs.
    """
    async with trio.open_nursery() as nursery:
        begin = time.perf_counter()
        children = []
        for _ in range(size):
            child = BareChild()
            await nursery.start(child.run)
            children.append(child)
        ready = time.perf_counter()
        restarts = min(size, RESTARTS)
        for index in range(restarts):
            children[index].scope.cancel()
            await children[index].gone.wait()
            children[index] = BareChild()
            await nursery.start(children[index].run)
        stopping = time.perf_counter()
        for child in reversed(children):
            child.scope.cancel()
            await child.gone.wait()
        end = time.perf_counter()
    return _per_child(size, begin, ready, stopping, end)


async def bare_at_once(size: int) -> Mapping[str, float]:
    """
    Bare trio, all cancelled together.
    """
    async with trio.open_nursery() as nursery:
        for _ in range(size):
            await nursery.start(BareChild().run)
        begin = time.perf_counter()
        nursery.cancel_scope.cancel()
    return {"stop at once": (time.perf_counter() - begin) / size}


async def ours(size: int) -> Mapping[str, float]:
    """
    A supervisor that is given its children.
    """
    children = [tr.Child(served, name=str(index)) for index in range(size)]
    begin = time.perf_counter()
    async with tr.open_supervisor("top", *children) as supervisor:
        ready = time.perf_counter()
        for index in range(min(size, RESTARTS)):
            await supervisor.restart(str(index))
        stopping = time.perf_counter()
    return _per_child(size, begin, ready, stopping, time.perf_counter())


async def ours_dynamic(size: int) -> Mapping[str, float]:
    """
    A supervisor that is told to start each child, the child being made on the spot.
    """
    async with tr.open_supervisor("top") as supervisor:
        begin = time.perf_counter()
        for index in range(size):
            await supervisor.start(tr.Child(served, name=str(index)))
        ready = time.perf_counter()
    return {"start dynamic": (ready - begin) / size}


def triotp_contender() -> Contender | None:
    """
    Return a run of triotp's supervisor, if it is installed; its children say nothing when they are ready, so they are counted.
    """
    try:
        from triotp import supervisor  # noqa: PLC0415 - optional
    except ImportError:
        return None

    async def triotp(size: int) -> Mapping[str, float]:
        up, all_up = 0, trio.Event()

        async def child() -> None:
            nonlocal up
            up += 1
            if up == size:
                all_up.set()
            await trio.sleep_forever()

        specs = [supervisor.child_spec(id=str(index), task=child, args=[]) for index in range(size)]
        async with trio.open_nursery() as nursery:
            begin = time.perf_counter()
            await nursery.start(supervisor.start, specs, supervisor.options())
            await all_up.wait()
            ready = time.perf_counter()
            nursery.cancel_scope.cancel()
        return {"start": (ready - begin) / size, "stop at once": (time.perf_counter() - ready) / size}

    return triotp


def _per_child(size: int, begin: float, ready: float, stopping: float, end: float) -> Mapping[str, float]:
    return {
        "start": (ready - begin) / size,
        "restart": (stopping - ready) / min(size, RESTARTS),
        "stop": (end - stopping) / size,
    }


async def weigh(start: Callable[[trio.Nursery, int], Awaitable[None]], size: int) -> float:
    """
    Return the bytes that each of *size* running children weighs, when *start* has started them.
    """
    gc.collect()
    tracemalloc.start()
    try:
        async with trio.open_nursery() as nursery:
            before, _peak = tracemalloc.get_traced_memory()
            await start(nursery, size)
            gc.collect()
            after, _peak = tracemalloc.get_traced_memory()
            nursery.cancel_scope.cancel()
    finally:
        tracemalloc.stop()
    return (after - before) / size


async def start_bare(nursery: trio.Nursery, size: int) -> None:
    """
    Start bare children in *nursery*.
    """
    for _ in range(size):
        await nursery.start(BareChild().run)


async def start_ours(nursery: trio.Nursery, size: int) -> None:
    """
    Start a supervisor with so many children in *nursery*.
    """
    await nursery.start(tr.Supervisor("top", *(tr.Child(served, name=str(index)) for index in range(size))).run)


def run(rounds: int) -> Result:
    """
    Measure all, and return rows and ratios.
    """
    contenders: dict[str, Contender] = {
        "bare": bare,
        "bare at once": bare_at_once,
        "trio_run": ours,
        "trio_run dynamic": ours_dynamic,
    }
    triotp = triotp_contender()
    if triotp is not None:
        contenders["triotp"] = triotp
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    per_child: dict[tuple[str, int], float] = {}
    for size in SIZES:
        found = take_turns(contenders, size, rounds)
        for name, phases in found.items():
            for phase, seconds in phases.items():
                rows.append(Row(f"{phase} {size} {name}", seconds * 1e6))
                per_child[f"{name} {phase}", size] = seconds
        mine, floor = found["trio_run"], found["bare"]
        for phase in ("start", "restart", "stop"):
            ratios[f"{phase} {size}: trio_run / bare"] = mine[phase] / floor[phase]
        ratios[f"start {size}: dynamic / bare"] = found["trio_run dynamic"]["start dynamic"] / floor["start"]
        ratios[f"stop {size}: trio_run / bare at once"] = mine["stop"] / found["bare at once"]["stop at once"]
        if triotp is not None:
            ratios[f"start {size}: trio_run / triotp"] = mine["start"] / found["triotp"]["start"]
            ratios[f"stop {size}: trio_run / triotp"] = mine["stop"] / found["triotp"]["stop at once"]
    small, large = SIZES
    for phase in ("start", "restart", "stop"):
        growth = per_child[f"trio_run {phase}", large] / per_child[f"trio_run {phase}", small]
        ratios[f"{phase}: a child of {large} / a child of {small}"] = growth
    weights = {name: trio.run(weigh, start, small) for name, start in (("bare", start_bare), ("trio_run", start_ours))}
    ratios |= {f"memory {small}: bytes a child, {name}": weight for name, weight in weights.items()}
    ratios[f"memory {small}: bytes a child above bare"] = weights["trio_run"] - weights["bare"]
    notes = () if triotp is not None else ("triotp is not installed (it needs Python 3.13): no rows for it.",)
    return Result("supervise", tuple(rows), ratios, notes)
