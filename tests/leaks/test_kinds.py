"""
Each kind of leak is found, in a whole run and in a block, and its mended twin is not reported.
"""

import _thread
import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from fnmatch import fnmatchcase
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_run._pool import open_pool
from trio_run._weighted import WeightedLimiter
from trio_run.leaks import Kind, LeakError, assert_no_leaks, frozen_heap, leak_check

pytestmark = [pytest.mark.real, pytest.mark.no_leak_check("it leaks on purpose")]

LOCK = trio.Lock()
"""A lock that was there before anybody looked."""

PAIRS = {}


@attrs.define
class Pair:
    """
    A program that leaks, what it leaks, and its mended twin.
    """

    kinds: set[Kind]
    name: str
    leaky: object
    mended: object = None

    def mend(self, fn):
        """
        Take *fn* for the mended twin.
        """
        self.mended = fn
        return self


def leaks(*kinds, name):
    """
    Make a pair of a program that leaks things of these *kinds*, one of them called *name*.
    """
    return lambda fn: PAIRS.setdefault(fn.__name__, Pair(set(kinds), name, fn))


async def sleeper(task_status=trio.TASK_STATUS_IGNORED):
    """
    Run till cancelled.
    """
    task_status.started()
    await trio.sleep_forever()


# Each program gets an exit stack, which clears up after the check.


@leaks(Kind.TASK, name="*sleeper")
async def system_task(stack):
    trio.lowlevel.spawn_system_task(sleeper)


@system_task.mend
async def _(stack):
    done = trio.Event()

    async def ends():
        done.set()

    trio.lowlevel.spawn_system_task(ends)
    await done.wait()


@leaks(Kind.TASK, name="*sleeper")
async def child_of_system_task(stack):
    async def parent():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sleeper)
            await trio.sleep_forever()

    trio.lowlevel.spawn_system_task(parent)
    await trio.testing.wait_all_tasks_blocked()


@child_of_system_task.mend
async def _(stack):
    async with trio.open_nursery() as nursery:
        await nursery.start(sleeper)
        nursery.cancel_scope.cancel()


@leaks(Kind.TASK, name="*reader")
async def reader_of_a_channel(stack):
    send, receive = trio.open_memory_channel(0)

    async def reader():
        async with receive:
            async for _ in receive:
                pass

    trio.lowlevel.spawn_system_task(reader)
    await send.send(1)


@reader_of_a_channel.mend
async def _(stack):
    send, receive = trio.open_memory_channel(0)

    async def reader():
        async with receive:
            async for _ in receive:
                pass

    trio.lowlevel.spawn_system_task(reader)
    await send.send(1)
    send.close()  # The reader is about to end.


@leaks(Kind.WORKER, name="pool worker*")
async def pool(stack):
    async def opens():
        async with open_pool(2, name="pool") as jobs:
            jobs.start_soon(trio.sleep_forever)
            await trio.sleep_forever()

    trio.lowlevel.spawn_system_task(opens)
    await trio.testing.wait_all_tasks_blocked()


@pool.mend
async def _(stack):
    async with open_pool(2, name="pool") as jobs:
        jobs.start_soon(trio.lowlevel.checkpoint)


@leaks(Kind.THREAD, name="wait")
async def thread(stack):
    event = threading.Event()
    stack.callback(event.set)
    threading.Thread(target=event.wait).start()


@thread.mend
async def _(stack):
    threading.Thread(target=threading.Event().wait, args=(0.01,)).start()  # It is about to end.


@leaks(Kind.THREAD, name="wait from *")
async def abandoned_thread(stack):
    event, began = threading.Event(), trio.Event()
    stack.callback(event.set)

    def wait():
        trio.from_thread.run_sync(began.set)
        event.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: trio.to_thread.run_sync(wait, abandon_on_cancel=True))
        await began.wait()
        nursery.cancel_scope.cancel()


@abandoned_thread.mend
async def _(stack):
    began = trio.Event()

    def wait():
        trio.from_thread.run_sync(began.set)
        threading.Event().wait(0.01)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: trio.to_thread.run_sync(wait, abandon_on_cancel=True))
        await began.wait()
        nursery.cancel_scope.cancel()


@leaks(Kind.THREAD, name="*wait")
async def lent_thread(stack):
    event = threading.Event()
    stack.callback(event.set)
    trio.lowlevel.start_thread_soon(event.wait, lambda _: None)


@lent_thread.mend
async def _(stack):
    done = threading.Event()
    trio.lowlevel.start_thread_soon(list, lambda _: done.set())
    done.wait()


@leaks(Kind.THREAD, name="a thread that threading does not know")
async def bare_thread(stack):
    event, began = threading.Event(), threading.Event()
    stack.callback(event.set)

    def wait():
        began.set()
        event.wait()

    _thread.start_new_thread(wait, ())
    began.wait()


@bare_thread.mend
async def _(stack):
    began = threading.Event()
    _thread.start_new_thread(began.set, ())
    began.wait()


async def two():
    """
    An async generator that may be left in the middle.
    """
    yield 1
    yield 2


@leaks(Kind.ASYNC_GENERATOR, name="two")
async def generator(stack):
    left = two()
    await anext(left)
    stack.left = left


@generator.mend
async def _(stack):
    async with contextlib.aclosing(two()) as numbers:
        await anext(numbers)


@leaks(Kind.ASYNC_GENERATOR, name="two, dropped before its end")
async def dropped_generator(stack):
    async for _ in two():
        break


@dropped_generator.mend
async def _(stack):
    async for _ in two():
        pass


@leaks(Kind.SOCKET, name="open socket")
async def detached_socket(stack):
    stack.callback(os.close, socket.socket().detach())


@detached_socket.mend
async def _(stack):
    os.close(socket.socket().detach())


@leaks(Kind.ZOMBIE, name="a fork of this process")
async def fork(stack):
    pid = os.fork()
    if not pid:
        os._exit(0)
    stack.callback(os.waitpid, pid, 0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@fork.mend
async def _(stack):
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


@leaks(Kind.FILE, name="*")
async def file_without_a_name(stack):
    stack.push(tempfile.TemporaryFile())  # noqa: SIM115


@file_without_a_name.mend
async def _(stack):
    with tempfile.TemporaryFile():
        pass


@leaks(Kind.FILE, name="*/shop.db")
async def database(stack):
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    stack.enter_context(contextlib.closing(sqlite3.connect(f"{folder}/shop.db")))


@database.mend
async def _(stack):
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    with contextlib.closing(sqlite3.connect(f"{folder}/shop.db")):
        pass


@leaks(Kind.FILE, name="*/test_kinds.py")
async def file(stack):
    stack.push(Path(__file__).open())  # noqa: SIM115


@file.mend
async def _(stack):
    with Path(__file__).open():
        pass


@leaks(Kind.SOCKET, name="AF_INET SOCK_STREAM socket")
async def server_socket(stack):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    stack.callback(listener.socket.close)


@server_socket.mend
async def _(stack):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    await listener.aclose()


@leaks(Kind.RESOURCE, name="unclosed <socket.socket *")
async def dropped_socket(stack):
    socket.socket()


@dropped_socket.mend
async def _(stack):
    socket.socket().close()


@leaks(Kind.RESOURCE, name="unclosed file *")
async def dropped_file(stack):
    Path(__file__).open()  # noqa: SIM115


@dropped_file.mend
async def _(stack):
    (await trio.to_thread.run_sync(open, __file__)).close()


@leaks(Kind.RESOURCE, name="unclosed file *")
async def file_in_a_ring(stack):
    ring = [Path(__file__).open()]  # noqa: SIM115
    ring.append(ring)


@file_in_a_ring.mend
async def _(stack):
    ring = []
    ring.append(ring)


@leaks(Kind.PIPE, name="open pipe")
async def pipe(stack):
    for end in os.pipe():
        stack.callback(os.close, end)


@pipe.mend
async def _(stack):
    for end in os.pipe():
        os.close(end)


@leaks(Kind.PIPE, name="open pipe")
async def stream_on_a_pipe(stack):
    end, other = os.pipe()
    os.close(other)
    stream = trio.lowlevel.FdStream(end)
    stack.callback(stream.close)


@stream_on_a_pipe.mend
async def _(stack):
    end, other = os.pipe()
    os.close(other)
    await trio.lowlevel.FdStream(end).aclose()


@leaks(Kind.DESCRIPTOR, name="*eventfd*")
async def descriptor(stack):
    stack.callback(os.close, os.eventfd(0))


@descriptor.mend
async def _(stack):
    os.close(os.eventfd(0))


@leaks(Kind.PROCESS, Kind.DESCRIPTOR, Kind.PIPE, name=f"{sys.executable} -c *")
async def process(stack):
    child = await trio.lowlevel.open_process(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.push_async_callback(child.wait)
    stack.callback(child.kill)
    stack.callback(child.stdin.close)


@process.mend
async def _(stack):
    await trio.run_process([sys.executable, "-c", ""])


@leaks(Kind.ZOMBIE, name="true")
async def zombie(stack):
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    stack.callback(child.wait)


@zombie.mend
async def _(stack):
    subprocess.Popen(["true"]).wait()


@leaks(Kind.LOCK, name="trio.Lock")
async def lock(stack):
    await trio.Lock().acquire()


@lock.mend
async def _(stack):
    async with trio.Lock():
        pass


@leaks(Kind.LOCK, name="trio.StrictFIFOLock")
async def lock_of_a_dead_task(stack):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.StrictFIFOLock().acquire)


@lock_of_a_dead_task.mend
async def _(stack):
    lock = trio.StrictFIFOLock()

    async def borrows():
        async with lock:
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(borrows)


@leaks(Kind.LOCK, name="trio.Lock")
async def old_lock(stack):
    await LOCK.acquire()
    stack.callback(LOCK.__init__)


@old_lock.mend
async def _(stack):
    async with LOCK:
        pass


@leaks(Kind.LOAN, name="WeightedLimiter(8)")
async def weighted_limiter(stack):
    await WeightedLimiter(8).acquire(3)


@weighted_limiter.mend
async def _(stack):
    async with WeightedLimiter(8).hold(3):
        await trio.lowlevel.checkpoint()


@leaks(Kind.LOAN, name="trio.CapacityLimiter(2)")
async def token(stack):
    await trio.CapacityLimiter(2).acquire()


@token.mend
async def _(stack):
    async with trio.CapacityLimiter(2):
        pass


@leaks(Kind.CHANNEL, name="memory channel with 1 of 3 items in it")
async def channel(stack):
    send, _receive = trio.open_memory_channel(3)
    await send.send(1)


@channel.mend
async def _(stack):
    send, receive = trio.open_memory_channel(3)
    async with send, receive:
        await send.send(1)


@leaks(Kind.CHANNEL, name="memory channel with 0 of 0 items in it")
async def clone_of_a_channel(stack):
    send, _receive = trio.open_memory_channel(0)
    async with send:
        send.clone()


@clone_of_a_channel.mend
async def _(stack):
    send, _receive = trio.open_memory_channel(0)
    async with send.clone(), send:  # Who receives is told that there is no more.
        pass


async def forgotten():
    """
    A coroutine function that is called without await.
    """


@leaks(Kind.COROUTINE, name="forgotten")
async def coroutine(stack):
    forgotten()


@coroutine.mend
async def _(stack):
    await forgotten()


@leaks(Kind.COROUTINE, name="forgotten")
async def kept_coroutine(stack):
    kept = forgotten()
    stack.callback(kept.close)
    stack.kept = kept


@kept_coroutine.mend
async def _(stack):
    kept = forgotten()
    kept.close()


def in_run(program, stack):
    """
    Run *program* as the main task under `leak_check`.
    """
    with leak_check(grace=0.1 if program in LEAKY else 5) as check:
        trio.run(program, stack, instruments=[check])


def in_block(program, stack):
    """
    Run *program* in a block that may not leak.
    """

    async def main():
        async with assert_no_leaks(grace=0.1 if program in LEAKY else 5):
            await program(stack)

    trio.run(main)


def in_virtual_block(program, stack):
    """
    Run *program* in a block that may not leak, on a clock that jumps.
    """

    async def main():
        async with assert_no_leaks(grace=0.1 if program in LEAKY else 5):
            await program(stack)

    trio.run(main, clock=MockClock(autojump_threshold=0.01))


LEAKY = {pair.leaky for pair in PAIRS.values()}


@pytest.fixture(autouse=True, scope="module")
def cheap():
    """
    Many checks in a row.
    """
    with frozen_heap():
        yield


@pytest.fixture
def stack():
    """
    An exit stack that is left after the check.
    """
    stack = contextlib.AsyncExitStack()
    yield stack
    trio.run(stack.aclose)


@pytest.mark.parametrize("door", [in_run, in_block, in_virtual_block])
@pytest.mark.parametrize("name", PAIRS)
class TestKinds:
    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    def test_leak(self, stack, door, name):
        """
        The leak is found, with its name and the place where it was made.
        """
        pair = PAIRS[name]
        with pytest.raises(LeakError) as caught:
            door(pair.leaky, stack)
        (leak, *more) = [leak for leak in caught.value.leaks if fnmatchcase(leak.name, pair.name)]

        assert [] == more
        assert leak.kind in pair.kinds
        assert pair.kinds >= {leak.kind for leak in caught.value.leaks} - SIDE_EFFECTS.get(name, set())
        assert name in CANNOT_KNOW_WHERE or any("test_kinds.py" in place for place in leak.made)

    def test_mended(self, stack, door, name):
        """
        The mended twin is not reported.
        """
        door(PAIRS[name].mended, stack)


CANNOT_KNOW_WHERE = {"old_lock", "bare_thread"}

SIDE_EFFECTS = {
    "child_of_system_task": {Kind.TASK},
    "reader_of_a_channel": {Kind.CHANNEL},
    "pool": {Kind.TASK, Kind.LOAN, Kind.ASYNC_GENERATOR},
}
