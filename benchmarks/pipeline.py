"""
Three stages between a source and a sink, beside channels joined by hand.

By hand means what one writes with `trio.open_memory_channel`: a task for each worker that iterates one channel, sends to the
next, and closes it. All times are for one item that goes through the whole, in microseconds.

- ``no-op``: stages return what they are given.
- ``checkpoint``: each gives others their turn once.
- ``workers``: four workers to a stage, that share the channels.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio

import trio_run as tr

from ._measure import Contender, Result, Row, take_turns

ITEMS = 20_000
STAGES = 3

Work = Callable[[int], Awaitable[int]]


async def no_op(item: int) -> int:
    """
    Do nothing.
    """
    return item


async def checkpoint(item: int) -> int:
    """
    Give others their turn.
    """
    await trio.lowlevel.checkpoint()
    return item


async def by_hand(items: int, work: Work, workers: int, buffer: int) -> int:
    """
    The same, as one writes it without a library.
    """
    total = 0

    async def produce(send: trio.MemorySendChannel[Any]) -> None:
        async with send:
            for item in range(items):
                await send.send(item)

    async def relay(receive: trio.MemoryReceiveChannel[Any], send: trio.MemorySendChannel[Any]) -> None:
        async with receive, send:
            async for item in receive:
                await send.send(await work(item))

    async def consume(receive: trio.MemoryReceiveChannel[Any]) -> None:
        nonlocal total
        async with receive:
            async for _item in receive:
                total += 1

    async with trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[Any](buffer)
        nursery.start_soon(produce, send)
        for _ in range(STAGES):
            send, following = trio.open_memory_channel[Any](buffer)
            async with receive, send:
                for _ in range(workers):
                    nursery.start_soon(relay, receive.clone(), send.clone())
            receive = following
        nursery.start_soon(consume, receive)
    return total


async def with_pipeline(items: int, work: Work, workers: int, buffer: int) -> int:
    """
    The same with a pipeline.
    """
    total = 0

    async def count(_item: int) -> None:
        nonlocal total
        total += 1

    stages = [tr.stage(work, workers=workers) for _ in range(STAGES)]
    await tr.Pipeline(tr.source(range(items)), *stages, tr.sink(count), buffer=buffer).run()
    return total


def timed(run: Callable[[int, Work, int, int], Awaitable[int]]) -> Contender:
    """
    Return a contender that has every case measured.
    """

    async def measure(items: int) -> Mapping[str, float]:
        cases = {
            "no-op, buffer 0": (no_op, 1, 0),
            "no-op, buffer 16": (no_op, 1, 16),
            "checkpoint, buffer 16": (checkpoint, 1, 16),
            "no-op, workers 4": (no_op, 4, 16),
            "checkpoint, workers 4": (checkpoint, 4, 16),
        }
        taken = {}
        for case, (work, workers, buffer) in cases.items():
            begin = time.perf_counter()
            assert items == await run(items, work, workers, buffer)
            taken[case] = (time.perf_counter() - begin) / items
        return taken

    return measure


def run(rounds: int) -> Result:
    """
    Measure it.
    """
    contenders = {"by hand": timed(by_hand), "trio_run": timed(with_pipeline)}
    medians = take_turns(contenders, ITEMS, rounds)
    rows = [
        Row(f"{case} {name}", seconds * 1e6) for name, phases in medians.items() for case, seconds in phases.items()
    ]
    ratios = {
        f"{case}: trio_run / by hand": medians["trio_run"][case] / seconds
        for case, seconds in medians["by hand"].items()
    }
    return Result("pipeline", tuple(rows), ratios)
