"""
tricycle: a lock for readers and writers, nurseries for services, buffered streams, objects with tasks of their own.
"""

import trio
from tricycle import BackgroundObject, BufferedReceiveStream, RWLock, TreeVar, open_service_nursery


async def readers_and_writers():
    """
    Readers together, a writer alone.
    """
    lock, readers, writers = RWLock(), [], []

    async def read(name):
        async with lock.read_locked():
            readers.append(name)
            await trio.lowlevel.checkpoint()
            assert not writers
            readers.remove(name)

    async def write(name):
        async with lock.write_locked():
            writers.append(name)
            await trio.lowlevel.checkpoint()
            assert (readers, writers) == ([], [name])
            writers.remove(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, "a")
        nursery.start_soon(write, "b")
        nursery.start_soon(read, "c")
        nursery.start_soon(write, "d")
    assert lock.locked() == ""


async def service_nursery():
    """
    A service that outlives those who use it.
    """
    log = []

    async def serve():
        try:
            await trio.sleep_forever()
        finally:
            log.append("service")

    async with open_service_nursery() as nursery:
        nursery.start_soon(serve)
        try:
            await trio.sleep(1)
        finally:
            log.append("user")
        nursery.cancel_scope.cancel()
    assert log == ["user", "service"]


async def buffered_stream():
    """
    Bytes read in other pieces than they were sent in.
    """
    left, right = trio.testing.memory_stream_pair()
    async with left, BufferedReceiveStream(right) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(left.send_all, b"hello world")
        assert await stream.receive_exactly(5) == b"hello"
        assert await stream.receive_exactly(6) == b" world"


class Counter(BackgroundObject, daemon=True):
    """
    Counts in a task of its own.
    """

    def __init__(self):
        self.count = 0

    async def __open__(self):
        self.nursery.start_soon(self.run)

    async def run(self):
        """
        Count.
        """
        while True:
            self.count += 1
            await trio.sleep(1)


async def background_object():
    """
    An object whose task ends with its block.
    """
    async with Counter() as counter:
        await trio.sleep(2.5)
    assert counter.count == 3


async def tree_variable():
    """
    A variable that children inherit from their parents.
    """
    depth = TreeVar("depth", default=0)

    async def child():
        assert depth.get() == 1
        await trio.lowlevel.checkpoint()

    depth.set(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(child)
        nursery.start_soon(child)


SCENARIOS = (readers_and_writers, service_nursery, buffered_stream, background_object, tree_variable)
