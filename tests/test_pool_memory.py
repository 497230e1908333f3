"""
What a pool keeps does not grow with the work that it does: counted in objects, not in time.
"""

import gc
import itertools

import pytest
import trio

import trio_run as tr
from trio_run._pool._job import Job


def jobs_alive():
    """
    How many jobs there are, of any pool.
    """
    gc.collect()
    return sum(type(each) is Job for each in gc.get_objects())


async def pass_turn():
    await trio.lowlevel.checkpoint()


class Things:
    """
    Inputs that know how many of them are alive.
    """

    alive = 0

    def __init__(self):
        type(self).alive += 1

    def __del__(self):
        type(self).alive -= 1


@pytest.fixture
def things():
    """
    A class of inputs of its own for each test.
    """
    return type("Mine", (Things,), {"alive": 0})


class TestMemory:
    @pytest.mark.parametrize("max_waiting", [0, 1, 10])
    async def test_queued_jobs_are_bounded_by_max_waiting(self, max_waiting):
        """
        However many are offered, there are never more than run, wait and are being offered.
        """
        before, most = jobs_alive(), 0
        async with tr.open_pool(2, max_waiting=max_waiting) as pool:
            for number in range(3000):
                await pool.submit(pass_turn)
                if number % 500 == 0:
                    most = max(most, jobs_alive() - before)

        assert most <= 2 + max_waiting + 2
        assert jobs_alive() <= before + 1  # The last offer, of this very frame.

    async def test_done_jobs_are_let_go(self):
        """
        A pool that has done thousands of jobs keeps none of them.
        """
        before = jobs_alive()
        async with tr.open_pool(2) as pool:
            for _ in range(20):
                for _ in range(200):
                    pool.start_soon(pass_turn)
                await pool.wait_idle()
                assert jobs_alive() <= before + 3  # What a worker did last, and the last offer.

    async def test_cancelled_jobs_are_let_go(self):
        """
        Jobs that are withdrawn from a paused pool leave nothing in its queue.
        """
        before = jobs_alive()
        async with tr.open_pool(0) as pool:
            for _ in range(2000):
                pool.start_soon(pass_turn).cancel("not needed")
            assert 0 == pool.statistics().waiting
            assert jobs_alive() <= before + 1

    async def test_a_group_keeps_no_member_that_is_over(self):
        """
        A group that is open for long keeps nothing of the jobs that it had.
        """
        before = jobs_alive()
        async with tr.open_group(limit=2) as group:
            for _ in range(20):
                for _ in range(100):
                    group.start_soon(pass_turn)
                await group.wait_idle()
                assert jobs_alive() <= before + 3

    @pytest.mark.parametrize("order", tr.Order)
    @pytest.mark.parametrize("window", [1, 7, None])
    async def test_a_map_keeps_no_more_than_its_window(self, things, order, window):
        """
        A map over any number of inputs holds as many as its window, and those in hand.
        """

        async def look(_):
            await trio.lowlevel.checkpoint()

        inputs, most = (things() for _ in itertools.repeat(None, 5000)), 0
        async with tr.open_pool(2) as pool, pool.map(look, inputs, order=order, window=window) as outcomes:
            async for outcome in outcomes:
                most = max(most, things.alive)
                del outcome

        assert most <= (window or 4) + 4  # One taken, one read, and what each worker did last.

    async def test_a_map_with_failures_keeps_no_more(self, things):
        """
        Tracebacks of failures keep no inputs alive once they were taken.
        """

        async def fail(thing):
            raise ValueError(thing)

        inputs, most = (things() for _ in itertools.repeat(None, 2000)), 0
        async with tr.open_pool(2) as pool, pool.map(fail, inputs) as outcomes:
            async for outcome in outcomes:
                if outcome.index % 400 == 0:
                    gc.collect()
                    most = max(most, things.alive)
                del outcome

        assert most <= 12

    async def test_a_pipeline_keeps_no_more_than_its_buffers(self, things):
        """
        Items that went through are let go.
        """
        most = 0

        async def look(item):
            nonlocal most
            await trio.lowlevel.checkpoint()
            most = max(most, things.alive)
            return item

        inputs = (things() for _ in itertools.repeat(None, 3000))
        middle = tr.stage(look, workers=3, ordered=True)
        await tr.Pipeline(tr.source(inputs), middle, tr.sink(look), buffer=2).run()

        # Two buffers of 2, three in hand, as many in line, and one with each of source, stage and sink, and the last of each.
        assert most <= 20

    async def test_a_coalescer_keeps_nothing_that_is_over(self, things):
        """
        Values and errors live with their callers only.
        """

        async def make():
            await trio.lowlevel.checkpoint()
            return things()

        async with tr.open_coalescer() as coalescer:
            for key in range(1000):
                await coalescer.coalesce(key, make)
            gc.collect()
            assert things.alive <= 1
