"""
anyio on trio: task groups, streams, events, limiters, blocking portals left aside.
"""

import anyio
import trio
from anyio.streams.stapled import StapledObjectStream


async def task_group_and_events():
    """
    Tasks that wait for each other.
    """
    ready, done = anyio.Event(), anyio.Event()

    async def work():
        await ready.wait()
        done.set()

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        ready.set()
        await done.wait()


async def object_streams():
    """
    Two senders and a receiver.
    """
    send, receive = anyio.create_memory_object_stream(1)
    got = []

    async def produce(send, number):
        async with send:
            await send.send(number)

    async with anyio.create_task_group() as group:
        async with send:
            for number in (1, 2):
                group.start_soon(produce, send.clone(), number)
        async with receive:
            async for number in receive:
                got.append(number)  # noqa: PERF401 - one at a time, as they come
    assert sorted(got) == [1, 2]


async def stapled_stream():
    """
    A stream made of two halves.
    """
    first_send, first_receive = anyio.create_memory_object_stream(1)
    second_send, second_receive = anyio.create_memory_object_stream(1)
    left, right = StapledObjectStream(first_send, second_receive), StapledObjectStream(second_send, first_receive)

    async def echo():
        await right.send(await right.receive())

    async with left, right, anyio.create_task_group() as group:
        group.start_soon(echo)
        await left.send("hello")
        assert await left.receive() == "hello"


async def locks():
    """
    Lock, condition, semaphore and limiter.
    """
    lock, permits, limiter = anyio.Lock(), anyio.Semaphore(1), anyio.CapacityLimiter(1)
    inside = []

    async def enter(name):
        async with lock, permits, limiter:
            inside.append(name)
            await trio.lowlevel.checkpoint()
            assert inside == [name]
            inside.remove(name)

    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(enter, name)


async def conditions():
    """
    A condition that is waited for in a loop.
    """
    goods, changed = [], anyio.Condition()

    async def take():
        async with changed:
            while not goods:
                await changed.wait()
            goods.pop()

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        async with changed:
            goods.append("ware")
            changed.notify_all()
    assert goods == []


async def time_limits():
    """
    Scopes within scopes.
    """
    with anyio.move_on_after(1):
        with anyio.CancelScope(shield=True), anyio.move_on_after(2):
            await anyio.sleep(5)
        await anyio.sleep(5)


SCENARIOS = (task_group_and_events, object_streams, stapled_stream, locks, conditions, time_limits)
