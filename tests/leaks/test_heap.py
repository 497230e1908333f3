"""
Checks in a row: a frozen heap makes them cheap, and hides nothing.
"""

import gc

import pytest
import trio
from trio.testing import MockClock

from trio_run.leaks import Kind, LeakError, frozen_heap, leak_check

LOCK = trio.Lock()


async def takes():
    """
    Take a lock that was there before, and keep it.
    """
    await LOCK.acquire()


class TestFrozenHeap:
    def test_what_was_there_before(self):
        """
        A lock from before the freeze is seen all the same.
        """
        with frozen_heap(), pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            trio.run(takes, clock=MockClock(), instruments=[check])
        LOCK.__init__()

        assert [Kind.LOCK] == [leak.kind for leak in caught.value.leaks]

    def test_taken_back(self):
        """
        After the block the heap is as free as before, also when it fails.
        """
        with pytest.raises(KeyError), frozen_heap():
            frozen = gc.get_freeze_count()
            raise KeyError(1)

        assert frozen > 0
        assert 0 == gc.get_freeze_count()
