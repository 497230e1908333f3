"""
The search for tasks that nothing can wake: each kind is found, and what is alive is left alone.
"""

import gc
import threading

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_run import _trio_check
from trio_run._pool import open_pool
from trio_run.leaks import CannotTell, leak_check, leaked_tasks
from trio_run.leaks._report import ensure_known
from trio_run.testing import QuietClock, Verdict, cancel_everywhere

pytestmark = pytest.mark.no_leak_check("it leaks on purpose")

STUCK = {}


def stuck(fn):
    """
    Note a function that starts tasks that nothing can wake.
    """
    STUCK[fn.__name__] = fn
    return fn


@stuck
async def event(nursery):
    nursery.start_soon(trio.Event().wait)
    return 1


@stuck
async def receiver(nursery):
    _send, receive = trio.open_memory_channel(0)

    async def receives():
        await receive.receive()

    nursery.start_soon(receives)
    return 1


@stuck
async def sender(nursery):
    send, _receive = trio.open_memory_channel(0)
    nursery.start_soon(send.send, 1)
    return 1


@stuck
async def semaphore(nursery):
    nursery.start_soon(trio.Semaphore(0).acquire)
    return 1


@stuck
async def waiter_for_a_lock(nursery):
    lock = trio.Lock()

    async def owns():
        async with lock:
            await trio.Event().wait()

    nursery.start_soon(owns)
    await wait_all_tasks_blocked()
    nursery.start_soon(lock.acquire)
    return 2


@stuck
async def limiter(nursery):
    limiter = trio.CapacityLimiter(1)
    limiter.acquire_on_behalf_of_nowait("somebody")
    nursery.start_soon(limiter.acquire)
    return 1


@stuck
async def job_of_a_pool(nursery):
    async def works():
        async with open_pool(1) as pool:
            pool.start_soon(trio.Event().wait)

    nursery.start_soon(works)
    return 2


@stuck
async def two_that_wait_for_each_other(nursery):
    one, two = trio.Event(), trio.Event()

    async def waits(first, second):
        await first.wait()
        second.set()

    nursery.start_soon(waits, one, two)
    nursery.start_soon(waits, two, one)
    return 2


@stuck
async def parent(nursery):
    async def waits():
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.Event().wait)

    nursery.start_soon(waits)
    return 2


class TestLeakedTasks:
    @pytest.mark.parametrize("count", [1, 20])
    @pytest.mark.parametrize("name", STUCK)
    async def test_stuck(self, name, count):
        """
        Tasks that only a cancellation can end are suspected, all of them and no others.
        """
        alive = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alive.wait)
            expected = sum([await STUCK[name](nursery) for _ in range(count)])
            await wait_all_tasks_blocked()
            found = leaked_tasks()
            nursery.cancel_scope.cancel(reason="end of the test")

        assert expected == len(found)
        assert "suspected" in str(found)
        assert () == found.asleep

    @pytest.mark.parametrize("name", STUCK)
    def test_looked_at_by_others(self, name):
        """
        A leak check, which knows of locks and channels, and who cancels everywhere, which knows of tasks, hide nothing.
        """
        found = []

        async def main():
            async with trio.open_nursery() as nursery:
                expected = await STUCK[name](nursery)
                await wait_all_tasks_blocked()
                found.append(len(leaked_tasks()) - expected)
                nursery.cancel_scope.cancel(reason="end of the test")

        with leak_check(ignore=["*"]) as check:
            trio.run(main, instruments=[check], clock=QuietClock())
        cancel_everywhere(main, accept=list(Verdict), max_points=1)

        assert {0} == set(found)

    async def test_grouped(self):
        """
        Equal tasks are one suspicion with a count, an owner and a place.
        """
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                await STUCK["receiver"](nursery)
            await wait_all_tasks_blocked()
            (group,) = leaked_tasks()
            nursery.cancel_scope.cancel(reason="end of the test")

        assert 5 == group.count
        assert group.stands[-1].endswith("receives")
        assert group.owner.endswith("test_grouped'>")

    async def test_name_like_those_of_trios_own_tasks(self):
        """
        A task that is called as pytest-trio calls its own is suspected like any other.
        """

        async def waits():
            await trio.Event().wait()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, name="<fixture 'stuck'>")
            await wait_all_tasks_blocked()
            found = leaked_tasks()
            nursery.cancel_scope.cancel(reason="end of the test")

        assert 1 == len(found)

    async def test_alive(self):
        """
        Who can be woken by a task, a deadline, the kernel, a thread or a module is not suspected.
        """
        global KEPT  # noqa: PLW0603 - a module that holds an event can set it
        KEPT = trio.Event()
        here, (send, receive) = trio.Event(), trio.open_memory_channel(0)
        release, began = threading.Event(), trio.Event()

        async def timed():
            with trio.move_on_after(100):
                await trio.Event().wait()

        def in_thread():
            trio.from_thread.run_sync(began.set)
            release.wait()

        async with trio.open_nursery() as nursery, send, receive:
            for fn in (here.wait, KEPT.wait, receive.receive, timed):
                nursery.start_soon(fn)
            nursery.start_soon(trio.to_thread.run_sync, in_thread)
            one, two = trio.socket.socketpair()
            nursery.start_soon(one.recv, 1)
            await began.wait()
            await wait_all_tasks_blocked()
            found = leaked_tasks()
            release.set()
            nursery.cancel_scope.cancel(reason="end of the test")
        one.close()
        two.close()

        assert [] == list(found)
        assert "no task is suspected" == str(found)

    async def test_pool_at_rest(self):
        """
        The workers of a pool that rest are not suspected.
        """
        async with open_pool(3) as pool:
            for _ in range(3):
                pool.start_soon(trio.lowlevel.checkpoint)
            await wait_all_tasks_blocked()

            assert [] == list(leaked_tasks())

    async def test_asleep(self):
        """
        Who sleeps for ever asked for it, and is listed apart.
        """

        async def sleeps():
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(sleeps)
            await wait_all_tasks_blocked()
            found = leaked_tasks()
            nursery.cancel_scope.cancel(reason="end of the test")

        assert 0 == len(found)
        assert [1] == [group.count for group in found.asleep]

    async def test_changes_nothing(self):
        """
        The garbage collector is on after the search if it was before, and off if not.
        """
        leaked_tasks()

        assert gc.isenabled()
        gc.disable()
        try:
            leaked_tasks()

            assert not gc.isenabled()
        finally:
            gc.enable()

    async def test_unknown_trio(self, monkeypatch):
        """
        Where trio's insides are not known nothing is said.
        """
        ensure_known.cache_clear()
        monkeypatch.setattr(_trio_check, "check_leaks", lambda: ("ParkingLot._parked",))
        with pytest.raises(CannotTell, match=r"ParkingLot\._parked"):
            leaked_tasks()
        ensure_known.cache_clear()

    def test_outside(self):
        """
        Outside of a run there are no tasks to search.
        """
        with pytest.raises(RuntimeError):
            leaked_tasks()


class TestLockCycles:
    @pytest.mark.parametrize("count", [2, 3])
    async def test_ring(self, count):
        """
        Each task of a ring is named, with the place where it waits and whose lock it waits for.
        """
        locks = [trio.Lock() for _ in range(count)]

        async def takes(first, second):
            async with first:
                await wait_all_tasks_blocked()
                async with second:
                    pass

        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(takes, locks[number], locks[number - 1], name=f"task {number}")
            await wait_all_tasks_blocked(0.1)
            (cycle,) = leaked_tasks().cycles
            nursery.cancel_scope.cancel(reason="end of the test")

        assert {f"task {number}": f"task {(number - 1) % count}" for number in range(count)} == {
            wait.task: wait.waits_for for wait in cycle.waits
        }
        assert "suspected: a cycle of locks" in str(cycle)
        assert all(wait.stands[-1].endswith("takes") for wait in cycle.waits)

    async def test_queue(self):
        """
        Tasks that wait for a lock whose owner goes on are no cycle.
        """
        lock = trio.Lock()
        async with trio.open_nursery() as nursery:
            async with lock:
                for _ in range(3):
                    nursery.start_soon(lock.acquire)
                await wait_all_tasks_blocked()

                assert () == leaked_tasks().cycles
            nursery.cancel_scope.cancel(reason="end of the test")
