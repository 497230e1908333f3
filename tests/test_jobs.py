"""
Jobs in line, and who waits for them.
"""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, nap, states


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


class TestDeadlock:
    async def test_a_job_that_runs_another(self):
        """
        A job may wait for others of its pool as long as there is a slot for them.
        """
        async with tr.open_pool(2) as pool:
            assert "value" == await pool.run(pool.run, nap, 1, "value")

    async def test_all_slots_are_held_by_jobs_that_wait(self):
        """
        The job that would make the pool stand still for ever gets an error instead.
        """
        errors = []

        async def outer(pool):
            try:
                await pool.run(nap, 1, name="inner")
            except tr.WouldDeadlock as exc:
                errors.append(exc)

        async with tr.open_pool(2) as pool:
            outers = [pool.start_soon(outer, pool) for _ in range(2)]

        assert ["finished", "finished"] == states(outers)
        (error,) = errors
        assert ("pool", "pool/outer", 2) == (error.path, error.caller, error.slots)
        assert (
            "pool/outer would wait for a slot of pool for ever: all 2 are held by jobs that wait for one. "
            "Await the function itself instead, or use a second pool for what jobs wait for."
        ) == str(error)
        assert 3 == pool.statistics().done - 1

    async def test_somebody_else_is_still_at_work(self):
        """
        As long as one slot will be free some day, waiting is all right.
        """
        async with tr.open_pool(2) as pool:
            pool.start_soon(nap, 5)
            outer = pool.start_soon(pool.run, nap, 1, "value")

        assert "value" == outer.value
        assert 6 == trio.current_time()

    async def test_what_jobs_wait_for_is_at_work(self):
        """
        A slot that is held by an inner job will be free some day.
        """

        async def outer(pool):
            return await pool.run(nap, 1, "value")

        async with tr.open_pool(3) as pool:
            handles = [pool.start_soon(outer, pool) for _ in range(2)]

        assert ["value", "value"] == [handle.value for handle in handles]

    async def test_a_task_of_a_job(self):
        """
        A job waits for its tasks, so what they wait for counts.
        """

        async def outer(pool):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pool.run, nap, 1)
                await trio.sleep(5)

        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(outer, pool)

        assert handle.error is not None
        assert isinstance(handle.error.exceptions[0], tr.PoolWouldDeadlock)

    async def test_a_task_that_is_none_of_the_job(self):
        """
        What a job starts elsewhere may wait, for the job does not.
        """

        async def outer(nursery, pool):
            nursery.start_soon(pool.run, nap, 1)
            await trio.sleep(1)

        async with tr.open_pool(1) as pool:
            async with trio.open_nursery() as nursery:
                await pool.run(outer, nursery, pool)

        assert 2 == trio.current_time()

    async def test_through_another_pool(self):
        """
        Two pools whose jobs wait for each other are seen through.
        """

        async def ask_back(first):
            await first.run(nap, 1)

        async def outer(first, second):
            await second.run(ask_back, first)

        async with tr.open_pool(1) as second, tr.open_pool(1) as first:
            handle = first.start_soon(outer, first, second)

        assert isinstance(handle.error, tr.PoolWouldDeadlock)

    async def test_waiting_for_room(self):
        """
        A job that submits another when there is no room is the same case.
        """

        async def outer(pool):
            await pool.submit(nap, 1)
            await pool.submit(nap, 1)

        async with tr.open_pool(1, max_waiting=1) as pool:
            handle = pool.start_soon(outer, pool)

        assert isinstance(handle.error, tr.PoolWouldDeadlock)
        assert 2 == pool.statistics().done

    async def test_a_chain_of_jobs(self):
        """
        A job that runs is no help if it waits itself.
        """

        async def chain(pool, length):
            await trio.sleep(1)
            if length > 1:
                await pool.run(chain, pool, length - 1)

        async with tr.open_pool(3) as pool:
            enough = pool.start_soon(chain, pool, 3)
        async with tr.open_pool(2) as pool:
            short = pool.start_soon(chain, pool, 3)

        assert "finished" == enough.state.value
        assert isinstance(short.error, tr.PoolWouldDeadlock)

    async def test_a_wait_that_is_over_does_not_count(self):
        """
        Whoever has what he waited for can go on.
        """

        async def outer(pool):
            await pool.run(nap, 1)
            await trio.sleep(3)

        async with tr.open_pool(2) as pool:
            outers = [pool.start_soon(outer, pool)]
            await trio.sleep(1)
            outers.append(pool.start_soon(outer, pool))

        assert ["finished", "finished"] == states(outers)

    @pytest.mark.parametrize(("max_waiting", "verb"), [(5, "run"), (0, "run"), (0, "submit")])
    async def test_a_wait_that_was_cancelled_does_not_count(self, max_waiting, verb):
        """
        Nor does who has given up, wherever the job was.
        """

        async def outer(pool):
            with trio.move_on_after(1):
                await getattr(pool, verb)(nap, 1)
            await trio.sleep(4)

        async with tr.open_pool(2, max_waiting=max_waiting) as pool:
            pool.start_soon(nap, 2)
            handles = [pool.start_soon(outer, pool)]
            await trio.sleep(2.5)
            handles.append(pool.start_soon(outer, pool))

        assert ["finished", "finished"] == states(handles)
        assert 7.5 == trio.current_time()

    async def test_room_was_all_that_was_waited_for(self):
        """
        A job that was taken goes its own way.
        """

        async def outer(pool):
            await pool.submit(nap, 1)
            await trio.sleep(4)

        async with tr.open_pool(2, max_waiting=1) as pool:
            pool.start_soon(nap, 1)
            handles = [pool.start_soon(outer, pool)]
            pool.start_soon(nap, 1)
            await trio.sleep(3.5)
            handles.append(pool.start_soon(pool.run, nap, 1))

        assert ["finished", "finished"] == states(handles)
        assert 6 == trio.current_time()


class TestOrder:
    @pytest.mark.no_cancel_everywhere("it counts on the slots being taken, in a pool that is cancelled")
    async def test_nobody_gets_in_front_of_who_waits_for_room(self, gauge):
        """
        Not even in the moment when the limiter is widened.
        """
        async with tr.open_pool(1, max_waiting=1) as pool:
            pool.start_soon(gauge.nap, 5, 0)
            pool.start_soon(gauge.nap, 5, 1)
            async with trio.open_nursery() as nursery:
                for name in (2, 3):
                    nursery.start_soon(pool.submit, gauge.nap, 5, name)
                    await wait_all_tasks_blocked()
                pool.limiter.total_tokens = 8
                with pytest.raises(trio.WouldBlock):
                    pool.start_soon(gauge.nap, 5)
                with pytest.raises(trio.WouldBlock):
                    pool.submit_nowait(gauge.nap, 5)
            pool.submit_nowait(gauge.nap, 5, 4)

        assert list(range(5)) == sorted(gauge.began)

    async def test_a_slot_that_is_wanted_is_not_free(self):
        """
        Those who wait for a slot come first.
        """
        async with tr.open_pool(1) as pool:
            handles = [pool.start_soon(nap, 5) for _ in range(3)]
            await wait_all_tasks_blocked()
            pool.limiter.total_tokens = 8
            with pytest.raises(trio.WouldBlock):
                pool.submit_nowait(nap, 5)
            await wait_all_tasks_blocked()
            handles.append(pool.submit_nowait(nap, 5))

        assert 5 == trio.current_time()
        assert ["finished"] * 4 == states(handles)
