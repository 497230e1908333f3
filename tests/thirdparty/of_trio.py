"""
trio's own channels, locks and friends, used as a program would.
"""

import trio
from trio.lowlevel import checkpoint


async def channel_with_clones():
    """
    Two producers with an end each, two consumers with an end each; all that is sent arrives once.
    """
    send, receive = trio.open_memory_channel(1)
    got = []

    async def produce(send, numbers):
        async with send:
            for number in numbers:
                await send.send(number)

    async def consume(receive):
        async with receive:
            async for number in receive:
                got.append(number)  # noqa: PERF401 - one at a time, as they come

    async with trio.open_nursery() as nursery:
        async with send, receive:
            nursery.start_soon(produce, send.clone(), (1, 2))
            nursery.start_soon(produce, send.clone(), (3, 4))
            nursery.start_soon(consume, receive.clone())
            nursery.start_soon(consume, receive.clone())
    assert sorted(got) == [1, 2, 3, 4]


async def rendezvous():
    """
    A channel without a buffer, and a receiver that gives up.
    """
    send, receive = trio.open_memory_channel(0)

    async def give():
        async with send:
            with trio.move_on_after(1):
                await send.send("ware")

    async def take():
        async with receive:
            with trio.move_on_after(1):
                await receive.receive()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(give)
        nursery.start_soon(take)


async def lock():
    """
    Three tasks behind a lock, one at a time.
    """
    inside = []
    lock = trio.Lock()

    async def enter(name):
        async with lock:
            inside.append(name)
            await checkpoint()
            assert inside == [name]
            inside.remove(name)

    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(enter, name)
    assert not lock.locked()


async def condition():
    """
    A condition that is waited for in a loop.
    """
    goods, changed = [], trio.Condition()

    async def take():
        async with changed:
            while not goods:
                await changed.wait()
            goods.pop()

    async def put():
        for _ in range(2):
            async with changed:
                goods.append("ware")
                changed.notify()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        nursery.start_soon(take)
        nursery.start_soon(put)
    assert goods == []


async def semaphore_and_limiter():
    """
    Permits and tokens that are given back.
    """
    permits, limiter = trio.Semaphore(1), trio.CapacityLimiter(1)

    async def work():
        async with permits, limiter:
            await checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(work)
    assert (permits.value, limiter.borrowed_tokens) == (1, 0)


async def start_and_event():
    """
    A task that is started, and stopped by an event.
    """
    stop = trio.Event()

    async def serve(task_status):
        await checkpoint()
        task_status.started("port")
        await stop.wait()

    async with trio.open_nursery() as nursery:
        assert await nursery.start(serve) == "port"
        stop.set()


async def memory_streams():
    """
    Bytes there and back.
    """
    left, right = trio.testing.memory_stream_pair()

    async def echo():
        async with right:
            async for data in right:
                await right.send_all(data)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo)
        async with left:
            await left.send_all(b"hello")
            assert await left.receive_some() == b"hello"
            await left.send_eof()


SCENARIOS = (
    channel_with_clones,
    rendezvous,
    lock,
    condition,
    semaphore_and_limiter,
    start_and_event,
    memory_streams,
)
