"""
The heap: checks are cheap since they leave out what is old, and hide nothing by it.
"""

import gc
import os
import socket

import pytest
import trio
from trio.testing import MockClock

from trio_run._weighted import WeightedLimiter
from trio_run.leaks import Kind, LeakError, assert_no_leaks, frozen_heap, leak_check
from trio_run.leaks._heap import FEW

pytestmark = pytest.mark.no_leak_check("it leaks on purpose, and looks at how checks begin and end")

LOCK = trio.Lock()
LIMITER = trio.CapacityLimiter(2)
WEIGHTED = WeightedLimiter(8)


def run(main, check):
    """
    Run *main* in virtual time under *check*.
    """
    trio.run(main, clock=MockClock(autojump_threshold=0), instruments=[check])


async def takes():
    """
    Take a lock that was there before, and keep it.
    """
    await LOCK.acquire()


async def borrows():
    """
    Take a token of a limiter that was there before, and keep it.
    """
    LIMITER.acquire_on_behalf_of_nowait("somebody")


async def does_nothing():
    """
    Be good.
    """


class TestOldThings:
    def test_weighted(self):
        """
        Of a weighted limiter the tokens count that were taken besides those that were held before.
        """
        WEIGHTED.acquire_nowait(2)

        async def takes_more():
            WEIGHTED.acquire_nowait(4)
            WEIGHTED.release(1)

        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            run(takes_more, check)
        WEIGHTED.release(5)

        assert [(Kind.LOAN, 3)] == [(leak.kind, leak.count) for leak in caught.value.leaks]

    @pytest.mark.parametrize("kind", [Kind.LOCK, Kind.LOAN])
    def test_taken(self, kind):
        """
        A lock or limiter from before the check is seen if it is taken and kept.
        """
        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            run(takes if kind is Kind.LOCK else borrows, check)
        LOCK.__init__()
        LIMITER.__init__(2)

        assert [kind] == [leak.kind for leak in caught.value.leaks]

    async def test_held_before(self):
        """
        What the task that checks, or another one, held before is no leak, though somebody else takes of it meanwhile.
        """
        mine, another = trio.CapacityLimiter(2), trio.Lock()

        async def others():
            async with mine:
                with pytest.raises(trio.WouldBlock):
                    another.acquire_nowait()

        async with trio.open_nursery() as nursery, mine, another, assert_no_leaks(grace=0):
            nursery.start_soon(others)
            await trio.testing.wait_all_tasks_blocked()

    def test_garbage(self):
        """
        A socket that only garbage from before the check holds was dropped, and is told as such.
        """
        cycle = [[]]
        cycle.append(cycle)

        async def main():
            nonlocal cycle
            cycle[0].append(socket.socket())
            cycle = None

        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            run(main, check)

        assert [Kind.RESOURCE] == [leak.kind for leak in caught.value.leaks]

    def test_garbage_that_closes_itself(self):
        """
        What is closed with garbage from before the check, and without a warning, is no leak.
        """

        class Closer:
            def __del__(self):
                os.close(self.descriptor)

        cycle = [Closer()]
        cycle.append(cycle)

        async def main():
            nonlocal cycle
            cycle[0].descriptor = os.dup(1)
            cycle = None

        with leak_check(grace=0) as check:
            run(main, check)

        assert () == check.leaks

    @pytest.mark.parametrize("by", ["path", "descriptor"])
    @pytest.mark.no_leak_check("a file is dropped on purpose")
    def test_opened_before(self, by):
        """
        A file that was open before the check and is dropped during it is no leak of it, and Python's warning is given out.
        """
        kept = [open(os.devnull if by == "path" else os.open(os.devnull, os.O_RDONLY))]  # noqa: SIM115, PTH123

        async def main():
            kept.clear()

        with pytest.warns(ResourceWarning, match="unclosed file"), leak_check(grace=0) as check:
            run(main, check)

        assert () == check.leaks

    def test_wrapped_descriptor(self):
        """
        A file that was made from a descriptor and dropped is told with the line that made it.
        """

        async def main():
            open(os.open(os.devnull, os.O_RDONLY))  # noqa: SIM115, PTH123

        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            run(main, check)

        assert [Kind.RESOURCE] == [leak.kind for leak in caught.value.leaks]
        assert "main" in caught.value.leaks[0].made[-1]

    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    def test_dropped_before(self):
        """
        What was dropped before the check, and is collected during it, is not told.
        """
        cycle = [socket.socket()]
        cycle.append(cycle)
        cycle = None

        with leak_check() as check:
            run(does_nothing, check)
        gc.collect()

        assert () == check.leaks


class TestFreezing:
    def test_only_meanwhile(self):
        """
        What is old is left out of collections as long as somebody looks, and no longer.
        """
        frozen = []

        async def main():
            frozen.append(gc.get_freeze_count())

        with leak_check() as check:
            run(main, check)

        assert frozen[0] > FEW
        assert gc.get_freeze_count() < FEW

    def test_with_a_leak(self):
        """
        Who finds a leak has the whole heap gone through, and leaves it free.
        """
        with pytest.raises(LeakError), frozen_heap(), leak_check(grace=0) as check:
            run(takes, check)
        LOCK.__init__()

        assert gc.get_freeze_count() < FEW

    def test_after_a_leak(self):
        """
        Those who look meanwhile, and go on, count on short collections after it as before.
        """
        with frozen_heap():
            with pytest.raises(LeakError), leak_check(grace=0) as check:
                run(takes, check)
            frozen = gc.get_freeze_count()
        LOCK.__init__()

        assert frozen > FEW

    def test_more_leaks_of_a_series(self, monkeypatch):
        """
        In a series of runs the whole heap is gone through for the first leak only, and in the next series again.
        """
        thaws, unfreeze = [], gc.unfreeze
        monkeypatch.setattr(gc, "unfreeze", lambda: (thaws.append(None), unfreeze()))
        counts = []
        for _ in range(2):
            thaws.clear()
            with frozen_heap():
                for _ in range(3):
                    with pytest.raises(LeakError), leak_check(grace=0) as check:
                        run(takes, check)
                    LOCK.__init__()
                counts.append(len(thaws))

        assert [1, 1] == counts

    def test_of_somebody_else(self):
        """
        A heap that somebody else has frozen is left as it is.
        """
        gc.collect()
        gc.freeze()
        before = gc.get_freeze_count()
        try:
            with leak_check() as check:
                run(does_nothing, check)
            with pytest.raises(LeakError), leak_check(grace=0) as check:
                run(takes, check)
            after = gc.get_freeze_count()
        finally:
            gc.unfreeze()
        LOCK.__init__()

        assert abs(after - before) < before / 100  # Some of it was freed by counting its references.


class TestFrozenHeap:
    def test_taken_back(self):
        """
        After the block the heap is as free as before, also when it fails.
        """
        with pytest.raises(KeyError), frozen_heap():
            frozen = gc.get_freeze_count()
            raise KeyError(1)

        assert frozen > FEW
        assert gc.get_freeze_count() < FEW

    def test_nested(self):
        """
        Blocks nest, and the outermost one takes it back.
        """
        with frozen_heap():
            with frozen_heap():
                pass
            frozen = gc.get_freeze_count()

        assert frozen > FEW
        assert gc.get_freeze_count() < FEW
