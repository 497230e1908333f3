"""
The record of what was made: what it keeps alive, and what it does not.
"""

import gc
import os
import socket
import threading
import weakref

import pytest
import trio

from trio_run.leaks._watch import begin, end
from trio_run.testing import QuietClock

pytestmark = pytest.mark.no_leak_check("it looks at how a check works")


@pytest.fixture
def births():
    """
    A record that is being written.
    """
    yield begin().births
    end()


def a_socket():
    """
    Make a socket that is closed.
    """
    made = socket.socket()
    made.close()
    return made


def a_file():
    """
    Make a file that is closed.
    """
    made = open(os.devnull, "rb")  # noqa: PTH123, SIM115 - this is tapped
    made.close()
    return made


def a_thread():
    """
    Make a thread that is over.
    """
    made = threading.Thread(target=lambda: None)
    made.start()
    made.join()
    return made


def a_task():
    """
    Make a task that is over.
    """
    made = []

    async def main():
        made.append(trio.lowlevel.current_task())

    trio.run(main, clock=QuietClock())
    return made[0]


@pytest.mark.parametrize("make", [a_socket, a_file, a_thread, a_task])
def test_the_record_never_keeps_alive_what_closes_itself_when_it_is_dropped(births, make):
    """
    What nobody else has is gone, though it was noted.
    """
    known = len(births.sockets) + len(births.files) + len(births.threads) + len(births.tasks)
    made = make()
    assert len(births.sockets) + len(births.files) + len(births.threads) + len(births.tasks) > known

    kept = weakref.ref(made)
    del made
    gc.collect()

    assert kept() is None


async def test_locks_limiters_and_channels_are_kept_for_as_long_as_they_are_held_or_open(births):
    """
    Of many that nobody has any more most are let go; what is held or open is not, though nobody else has it.
    """
    lock = trio.Lock()
    await lock.acquire()
    ends = trio.open_memory_channel(0)
    held, opened = (set(each.entries) for each in (births.synchronizers, births.channels))
    for _ in range(5_000):
        trio.Lock()
        for each in trio.open_memory_channel(0):
            each.close()

    assert held
    assert held <= births.synchronizers.entries.keys()
    assert opened
    assert opened <= births.channels.entries.keys()
    assert len(births.synchronizers.entries) < 3_000
    assert len(births.channels.entries) < 3_000
    lock.release()
    for each in ends:
        each.close()
