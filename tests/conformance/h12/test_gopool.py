"""
The cases of h12.io/run, package gopool, for groups and pools, by the names they have there; then its defects, the other way round.

TestName is in tests/test_names.py. TestGroupRecoverPanic has a counterpart without a switch: an exception never takes the
process down.
"""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, fail, nap

BOOM = OSError("boom")


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


class TestGroup:
    @pytest.mark.parametrize("settings", [{}, {"limit": 3}])
    async def test_group_go_exactly_once(self, gauge, settings):
        """
        Each of ten runners runs once.
        """
        async with tr.open_group(**settings) as group:
            for number in range(10):
                group.start_soon(gauge.nap, 0, number)

        assert list(range(10)) == sorted(gauge.began)

    async def test_group_go_task_error(self):
        """
        The error of a runner is what the group ends with, and why it takes no other.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group() as group:
                group.start_soon(fail, BOOM)
                await trio.sleep(0)
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                with pytest.raises(tr.Closed) as caught:
                    group.start_soon(nap, 0)

        assert BOOM is caught.value.__cause__

    async def test_group_pool(self, gauge):
        """
        A group runs on a pool.
        """
        async with tr.open_pool(2) as pool, tr.open_group(pool=pool) as group:
            for _ in range(10):
                group.start_soon(gauge.nap, 1)

        assert (10, 2) == (len(gauge.began), gauge.most)

    async def test_group_log(self):
        """
        A group tells of what fails, once, before it ends; that a job begins and returns is told where children are.
        """
        told = []
        with tr.use_sinks(lambda event: told.append((event.name, event.path))), pytest.RaisesGroup(OSError):
            async with tr.open_group(name="crowd") as group:
                group.start_soon(fail, BOOM, name="runner")
        assert [("job.failed", "crowd/runner")] == told

        told.clear()
        with tr.use_sinks(lambda event: told.append((event.name, event.path))):
            async with tr.open_supervisor("shop") as shop:
                await shop.start_soon(nap, 1, name="runner").wait()
        assert ["child.starting", "child.finished"] == [
            name for name, path in told if path == "shop/runner" and name.endswith(("starting", "finished"))
        ]

    async def test_group_recover_panic(self):
        """
        What a runner raised is the very exception, with the runner in its traceback.
        """
        with pytest.raises(ExceptionGroup) as caught:
            async with tr.open_group() as group:
                group.start_soon(fail, BOOM)

        assert (BOOM,) == caught.value.exceptions
        assert "fail" in [entry.name for entry in pytest.ExceptionInfo.from_exception(BOOM).traceback]


class TestPool:
    async def test_pool_go_exactly_once(self, gauge):
        """
        Each of ten functions runs once.
        """
        async with tr.open_pool(3) as pool:
            for number in range(10):
                pool.start_soon(gauge.nap, 0, number)

        assert list(range(10)) == sorted(gauge.began)

    async def test_pool_go_concurrently(self, gauge):
        """
        Without a limit all begin.
        """
        async with tr.open_pool(float("inf")) as pool:
            for _ in range(10):
                pool.start_soon(gauge.nap, 1)
            await wait_all_tasks_blocked()
            assert 10 == gauge.now

    async def test_pool_num_goroutines(self, gauge):
        """
        There are as many workers as jobs at work, and none when the pool is closed.
        """
        before = trio.lowlevel.current_statistics().tasks_living
        async with tr.open_pool(10) as pool:
            for _ in range(10):
                pool.start_soon(gauge.nap, 1)
            await wait_all_tasks_blocked()
            assert 10 == trio.lowlevel.current_statistics().tasks_living - before
        assert before == trio.lowlevel.current_statistics().tasks_living

    async def test_pool_goroutine_reuse(self):
        """
        What comes later runs on the workers that were there.
        """
        tasks = []

        async def note():
            tasks.append(trio.lowlevel.current_task())
            await trio.sleep(1)

        async with tr.open_pool(5) as pool:
            for _ in range(2):
                for _ in range(5):
                    pool.start_soon(note)
                await pool.wait_idle()

        assert (10, 5) == (len(tasks), len(set(tasks)))

    async def test_pool_go_after_closed(self, gauge):
        """
        A closed pool refuses, and the function is never called.
        """
        async with tr.open_pool(1) as pool:
            pass
        with pytest.raises(tr.Closed):
            pool.start_soon(gauge.nap, 0)

        assert [] == gauge.began

    async def test_pool_multiple_close(self):
        """
        Ten tasks close it: none is told that another was first.
        """
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(nap, 5)
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as nursery:
                    for _ in range(10):
                        nursery.start_soon(trio.to_thread.run_sync, trio.from_thread.run_sync, pool.cancel)
        pool.cancel("once more")

        assert tr.State.CANCELLED is handle.state

    @pytest.mark.parametrize("seconds", [-1, 0, float("nan")])
    async def test_invalid_idle_time(self, seconds):
        """
        An idle time is more than nothing, or refused.
        """
        with pytest.raises(ValueError, match="idle_time"):
            async with tr.open_pool(1, idle_time=seconds):
                pass

    async def test_pool_idle_time(self):
        """
        Workers are gone when they have rested for that long.
        """
        async with tr.open_pool(3, idle_time=5) as pool:
            for _ in range(3):
                pool.start_soon(nap, 0)
            await trio.sleep(4)
            assert 3 == pool.statistics().idle
            await trio.sleep(2)
            assert 0 == pool.statistics().idle

    async def test_pool_max_size(self, gauge):
        """
        A call that waits for room can be given up, and leaves nothing behind.
        """
        async with tr.open_pool(1, max_waiting=0) as pool:
            await pool.submit(gauge.nap, 5)
            with trio.move_on_after(0.01) as scope:
                await pool.submit(gauge.nap, 5)

        assert scope.cancelled_caught
        assert (1, 0) == (len(gauge.began), pool.limiter.statistics().tasks_waiting)


class TestDefects:
    async def test_a_job_begins_when_a_worker_is_idle_not_when_it_is_gone(self):
        """
        The next job begins at the moment when a slot is free, however long workers rest.
        """
        async with tr.open_pool(1, idle_time=60) as pool:
            pool.start_soon(nap, 0.01)
            await pool.run(nap, 0)

            assert 0.01 == pytest.approx(trio.current_time())

    @pytest.mark.parametrize("settings", [{}, {"limit": 1}])
    async def test_a_runner_is_not_dropped_after_cancel(self, gauge, settings):
        """
        A cancelled group raises rather than dropping what it is given.
        """
        async with tr.open_group(**settings) as group:
            group.cancel("enough")
            with pytest.raises(tr.Closed):
                group.start_soon(gauge.nap, 0)
            with pytest.raises(tr.Closed):
                group.submit_nowait(gauge.nap, 0)

        assert [] == gauge.began

    async def test_offering_from_inside_after_a_cancel_does_not_hang(self):
        """
        A runner that offers to its cancelled group is refused at once.
        """
        refused = []

        async def runner():
            group.cancel("enough")
            try:
                group.start_soon(nap, 0)
            except tr.Closed as error:
                refused.append(error)

        async with tr.open_group() as group:
            group.start_soon(runner)

        assert 1 == len(refused)

    async def test_a_closed_pool_does_not_hang_the_group(self):
        """
        A group whose pool is over raises, and its block ends.
        """
        async with tr.open_pool(1) as pool:
            pass
        with pytest.RaisesGroup(tr.Closed):
            async with tr.open_group(pool=pool) as group:
                group.start_soon(nap, 0)

    async def test_who_waits_for_room_is_woken_when_the_pool_closes(self):
        """
        A blocked offer ends with the pool.
        """
        refused = []

        async def offer():
            with pytest.raises(tr.Closed) as caught:
                await pool.submit(nap, 0)
            refused.append(caught.value)

        async with trio.open_nursery() as nursery:
            async with tr.open_pool(1, max_waiting=0) as pool:
                pool.start_soon(nap, 5)
                nursery.start_soon(offer)
                await wait_all_tasks_blocked()
                pool.cancel("enough")

        assert 1 == len(refused)

    async def test_the_end_of_the_parent_is_no_success(self):
        """
        A scope around the group that ends it shows as cancelled, and the runner's handle as well.
        """
        with trio.move_on_after(1) as scope:
            async with tr.open_group() as group:
                handle = group.start_soon(nap, 5)

        assert scope.cancelled_caught
        assert tr.State.CANCELLED is handle.state

    async def test_a_log_that_raises_hurts_nobody(self):
        """
        A sink that fails neither ends the group nor hides the error.
        """

        def broken(event):
            raise ValueError(event)

        with tr.use_sinks(broken), pytest.RaisesGroup(OSError):
            async with tr.open_group() as group:
                group.start_soon(fail, BOOM)
