"""
What a job costs on a pool, beside a limiter in a nursery, bare tasks, channel workers, and what asyncio has.

All do the same jobs, offered as fast as they are taken: all at once where that is how the peer is used, with backpressure where
it has some. All times are for one job, in microseconds, medians of the rounds.

- ``no-op``: returns at once; ``checkpoint``: gives others their turn once; ``work``: computes for some 100 µs; ``sleep``: sleeps for 1 ms.
- trio_run: a handle for each job, that can be cancelled alone, and a context of its own.
- asyncio runs on its own loop, without uvloop. Of its peers only tasks behind a semaphore, tasks of queue workers, and aiojobs give what
  a job of ours has.
- The memory of a run is the most blocks that Python had in use at a time, on top of those before.

With ``--full`` there are 100,000 no-op jobs a turn, and a million where memory is looked at.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import trio

import trio_run as tr

from . import _go
from ._asyncio_pools import Work, by_aiojobs, by_aiometer, queue_tasks, queue_workers, semaphore_tasks, task_group
from ._measure import Result, Row

SLOTS = (8, 1000)
JOBS = {"no-op": 20_000, "checkpoint": 10_000, "work": 500, "sleep": 2_000}
FULL_JOBS = {"no-op": 100_000, "checkpoint": 100_000, "work": 2_000, "sleep": 10_000}
GROWTH = (1_000, 10_000, 100_000, 1_000_000)
MANY, FULL_MANY = 100_000, 1_000_000
"""How many jobs or items are used to see that memory does not grow with them."""

TARGETS = {
    "limiter": 12,
    "bare": 4,
    "channel": 2,
    "task_group": 2,
    "semaphore_tasks": 2,
    "queue_workers": 2,
    "queue_tasks": 2,
    "by_aiojobs": 2,
    "by_aiometer": 2,
}
"""How many times as long as ours a no-op job should take, with each peer."""

Contender = Callable[[str, int, int], None]
"""Does so many jobs of some kind, so many at a time."""


def compute() -> None:
    """
    Keep the processor busy for some 100 µs.
    """
    sum(range(5_000))


async def no_op() -> None:
    """
    Do nothing.
    """


async def work() -> None:
    """
    Compute.
    """
    compute()


async def trio_sleep() -> None:
    """
    Sleep for a millisecond.
    """
    await trio.sleep(0.001)


async def asyncio_sleep() -> None:
    """
    Sleep for a millisecond.
    """
    await asyncio.sleep(0.001)


async def asyncio_checkpoint() -> None:
    """
    Give others their turn.
    """
    await asyncio.sleep(0)


TRIO: Mapping[str, Work] = {"no-op": no_op, "checkpoint": trio.lowlevel.checkpoint, "work": work, "sleep": trio_sleep}
ASYNCIO: Mapping[str, Work] = {"no-op": no_op, "checkpoint": asyncio_checkpoint, "work": work, "sleep": asyncio_sleep}


# trio.


async def ours(fn: Work, jobs: int, slots: int) -> None:
    """
    A pool, with all jobs in its queue.
    """
    async with tr.open_pool(slots) as pool:
        for _ in range(jobs):
            pool.start_soon(fn)


async def ours_submitting(fn: Work, jobs: int, slots: int) -> None:
    """
    A pool with little room, so that who offers waits.
    """
    async with tr.open_pool(slots, max_waiting=4 * slots) as pool:
        for _ in range(jobs):
            await pool.submit(fn)


async def ours_in_a_group(fn: Work, jobs: int, slots: int) -> None:
    """
    A group with a limit.
    """
    async with tr.open_group(limit=slots) as group:
        for _ in range(jobs):
            group.start_soon(fn)


async def ours_mapped(fn: Work, jobs: int, slots: int) -> None:
    """
    A map, whose outcomes are taken one by one.
    """

    async def one(_: int) -> None:
        await fn()

    async with tr.open_pool(slots) as pool, pool.map(one, range(jobs)) as outcomes:
        async for outcome in outcomes:
            outcome.value  # noqa: B018 - an error would be raised here


async def limiter(fn: Work, jobs: int, slots: int) -> None:
    """
    A task for each, which waits for a token.
    """
    tokens = trio.CapacityLimiter(slots)

    async def one() -> None:
        async with tokens:
            await fn()

    async with trio.open_nursery() as nursery:
        for _ in range(jobs):
            nursery.start_soon(one)


async def bare(fn: Work, jobs: int, slots: int) -> None:
    """
    A task for each, without a limit.
    """
    del slots
    async with trio.open_nursery() as nursery:
        for _ in range(jobs):
            nursery.start_soon(fn)


async def channel(fn: Work, jobs: int, slots: int) -> None:
    """
    Workers that share a memory channel.
    """
    send, receive = trio.open_memory_channel[Work](4 * slots)

    async def worker(mine: trio.MemoryReceiveChannel[Work]) -> None:
        async with mine:
            async for job in mine:
                await job()

    async with trio.open_nursery() as nursery, send:
        for _ in range(slots):
            nursery.start_soon(worker, receive.clone())
        receive.close()
        for _ in range(jobs):
            await send.send(fn)


async def anyio_limiter(fn: Work, jobs: int, slots: int) -> None:
    """
    Anyio on trio: a task for each, which waits for a token.
    """
    import anyio  # noqa: PLC0415 - optional

    tokens = anyio.CapacityLimiter(slots)

    async def one() -> None:
        async with tokens:
            await fn()

    async with anyio.create_task_group() as group:
        for _ in range(jobs):
            group.start_soon(one)


def contenders() -> dict[str, Contender]:
    """
    Return who is there to be measured.
    """
    of_trio = [ours, ours_submitting, ours_in_a_group, ours_mapped, limiter, bare, channel]
    of_asyncio = [task_group, semaphore_tasks, queue_workers, queue_tasks]
    optional = (
        ("anyio", anyio_limiter, of_trio),
        ("aiojobs", by_aiojobs, of_asyncio),
        ("aiometer", by_aiometer, of_asyncio),
    )
    for module, peer, runs in optional:
        if importlib.util.find_spec(module) is not None:
            runs.append(peer)

    def in_trio(fn: Callable[[Work, int, int], Awaitable[None]], kind: str, jobs: int, slots: int) -> None:
        trio.run(fn, TRIO[kind], jobs, slots)

    def in_asyncio(fn: Callable[[Work, int, int], Awaitable[None]], kind: str, jobs: int, slots: int) -> None:
        asyncio.run(fn(ASYNCIO[kind], jobs, slots))  # type: ignore[arg-type]  # all of them are coroutines

    found: dict[str, Contender] = {fn.__name__: partial(in_trio, fn) for fn in of_trio}
    return found | {fn.__name__: partial(in_asyncio, fn) for fn in of_asyncio}


def seconds_of(contender: Contender, kind: str, jobs: int, slots: int) -> float:
    """
    Return the seconds that each job took, on a tidy heap and with the garbage collector off.
    """
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        contender(kind, jobs, slots)
        return (time.perf_counter() - begin) / jobs
    finally:
        gc.enable()


def peak_of(fn: Callable[[Work, int, int], Awaitable[None]], jobs: int) -> int:
    """
    Return the most blocks of memory that were in use while *fn* did so many jobs, 8 at a time.
    """
    peak = done = 0

    async def look() -> None:
        nonlocal peak, done
        done += 1
        if done % 100 == 1:
            peak = max(peak, sys.getallocatedblocks())

    gc.collect()
    before = sys.getallocatedblocks()
    trio.run(fn, look, jobs, 8)
    return peak - before


def run(rounds: int) -> Result:
    """
    Measure all, and return rows and ratios.
    """
    return measure(rounds, JOBS, MANY)


def run_full(rounds: int) -> Result:
    """
    The same with more jobs.
    """
    return measure(rounds, FULL_JOBS, FULL_MANY)


def measure(rounds: int, jobs: Mapping[str, int], many: int) -> Result:
    """
    Measure so many jobs of each kind, and memory with *many*.
    """
    peers = contenders()
    medians = {
        f"{kind} {slots}": take_turns(peers, kind, count, slots, rounds)
        for kind, count in jobs.items()
        for slots in SLOTS
    }
    rows = [Row(f"{case} {name}", taken * 1e6) for case, found in medians.items() for name, taken in found.items()]
    ratios = {
        f"{case}: {name} / ours": taken / found["ours"]
        for case, found in medians.items()
        for name, taken in found.items()
        if not name.startswith("ours")
    }
    notes = misses(medians[f"no-op {SLOTS[0]}"])
    grown = {count: min(seconds_of(peers["ours"], "no-op", count, 8) for _ in range(rounds)) for count in GROWTH}
    rows += [Row(f"one of {count} no-op 8 ours", seconds * 1e6) for count, seconds in grown.items()]
    ratios[f"a job of {GROWTH[-1]} / a job of {GROWTH[0]}"] = grown[GROWTH[-1]] / grown[GROWTH[0]]
    for name, fn in (("submit, at most 32 waiting", ours_submitting), ("map", ours_mapped)):
        ratios[f"memory: {name}, {many} / {many // 10} jobs"] = peak_of(fn, many) / peak_of(fn, many // 10)
    missing = [name for name in ("anyio_limiter", "by_aiojobs", "by_aiometer") if name not in peers]
    notes += [f"Not installed, so there are no rows for it: {name}." for name in missing]
    of_go, said = _go.measure(jobs, SLOTS)
    return Result("pool", tuple(rows + of_go), ratios, tuple(notes + said))


def take_turns(peers: Mapping[str, Contender], kind: str, jobs: int, slots: int, rounds: int) -> dict[str, float]:
    """
    Have each do the jobs once a round; return the medians, in seconds for one job.
    """
    taken: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, contender in peers.items():
            taken[name].append(seconds_of(contender, kind, jobs, slots))
    return {name: statistics.median(values) for name, values in taken.items()}


def misses(no_op: Mapping[str, float]) -> list[str]:
    """
    Return which targets were missed, given the seconds of a no-op job.
    """
    return [
        f"Target missed: {name} takes {no_op[name] / no_op['ours']:.2f} times as long as ours, and should take {target}."
        for name, target in TARGETS.items()
        if name in no_op and no_op[name] < target * no_op["ours"]
    ]
