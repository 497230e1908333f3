"""
What asyncio has beside a pool: each does so many jobs, so many at a time. What is measured with them is in `pool`.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any

Work = Callable[[], Awaitable[None]]


async def task_group(fn: Work, jobs: int, slots: int) -> None:
    """
    asyncio.TaskGroup without a limit.
    """
    del slots
    async with asyncio.TaskGroup() as group:
        for _ in range(jobs):
            group.create_task(fn())  # type: ignore[arg-type]  # all of them are coroutines


async def semaphore_tasks(fn: Work, jobs: int, slots: int) -> None:
    """
    An asyncio task for each, which waits for a semaphore: with a handle, a context, and to be cancelled alone.
    """
    slot = asyncio.Semaphore(slots)

    async def one() -> None:
        async with slot:
            await fn()

    async with asyncio.TaskGroup() as group:
        for _ in range(jobs):
            group.create_task(one())


async def queue_workers(fn: Work, jobs: int, slots: int) -> None:
    """
    Workers that share an asyncio.Queue.
    """
    queue: asyncio.Queue[Work] = asyncio.Queue(4 * slots)

    async def worker() -> None:
        while True:
            job = await queue.get()
            await job()
            queue.task_done()

    tasks = [asyncio.create_task(worker()) for _ in range(slots)]
    for _ in range(jobs):
        await queue.put(fn)
    await _dismiss(queue, tasks)


async def queue_tasks(fn: Work, jobs: int, slots: int) -> None:
    """
    Workers that share an asyncio.Queue and have a task for each job: with a handle, a context, and to be cancelled alone.
    """
    queue: asyncio.Queue[tuple[asyncio.Future[None], Work, contextvars.Context]] = asyncio.Queue(4 * slots)

    async def worker() -> None:
        while True:
            handle, job, context = await queue.get()
            task = asyncio.create_task(job(), context=context)  # type: ignore[arg-type]  # all of them are coroutines
            handle.add_done_callback(lambda handle, task=task: task.cancel() if handle.cancelled() else None)
            handle.set_result(await task)  # The jobs here do not fail.
            queue.task_done()

    tasks = [asyncio.create_task(worker()) for _ in range(slots)]
    make = asyncio.get_running_loop().create_future
    for _ in range(jobs):
        await queue.put((make(), fn, contextvars.copy_context()))
    await _dismiss(queue, tasks)


async def _dismiss(queue: asyncio.Queue[Any], tasks: list[asyncio.Task[None]]) -> None:
    """
    Let the workers of a queue finish what is in it, and end them.
    """
    await queue.join()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def by_aiojobs(fn: Work, jobs: int, slots: int) -> None:
    """
    An aiojobs scheduler with a limit.
    """
    import aiojobs  # noqa: PLC0415 - optional

    async with aiojobs.Scheduler(limit=slots, pending_limit=4 * slots, close_timeout=None) as scheduler:
        last = [await scheduler.spawn(fn()) for _ in range(jobs)]
        for job in last:
            await job.wait()


async def by_aiometer(fn: Work, jobs: int, slots: int) -> None:
    """
    aiometer, all at once.
    """
    import aiometer  # noqa: PLC0415 - optional

    await aiometer.run_all([fn] * jobs, max_at_once=slots)
