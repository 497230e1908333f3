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
            "Await the function itself instead, or use a second pool, with a limiter of its own, for what jobs wait for."
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

    async def test_not_in_a_pause(self):
        """
        Where there are no slots for a while there may be more of them later.
        """
        async with tr.open_pool(1) as pool:
            outer = pool.start_soon(pool.run, nap, 1, "value")
            pool.limiter.total_tokens = 0
            await trio.sleep(5)
            pool.limiter.total_tokens = 2

        assert "value" == outer.value

    async def test_ready_was_all_that_was_waited_for(self):
        """
        Who has started a job that is ready goes on, though the job does too.
        """

        async def server(pool, task_status):
            task_status.started()
            await trio.sleep(5)
            return await pool.run(nap, 1)

        async def outer(pool):
            await pool.start(server, pool)
            await trio.sleep(7)

        failures = []
        with tr.use_sinks(failures.append):
            async with tr.open_pool(3) as pool:
                pool.start_soon(outer, pool)
                await trio.sleep(1)
                await pool.run(pool.run, nap, 5)

        assert [] == failures
        assert 13 == trio.current_time()


@pytest.fixture
async def shared():
    """
    Two pools on one limiter, of one slot.
    """
    limiter = trio.CapacityLimiter(1)
    async with tr.open_pool(limiter, name="one") as one, tr.open_pool(limiter, name="two") as two:
        yield one, two


async def loop_over(pool, order):
    async with pool.map(nap, [1, 2], order=order) as outcomes:
        return [outcome.value async for outcome in outcomes]


async def wait_for_handle(pool):
    return await pool.start_soon(nap, 1).wait()


async def wait_idle(pool):
    pool.start_soon(nap, 1)
    await pool.wait_idle()


async def open_a_group(pool):
    async with tr.open_group(pool=pool) as group:
        group.start_soon(nap, 1)


async def open_a_limited_group(pool):
    async with tr.open_group(limit=pool.limiter) as group:
        group.start_soon(nap, 1)
        await group.wait_idle()


class TestSharedLimiter:
    """
    Pools with one limiter have the same slots, so a wait for one is a wait for the other.
    """

    @pytest.mark.parametrize(
        "wait",
        [
            lambda pool: pool.run(nap, 1),
            lambda pool: pool.start(nap, 1),
            wait_for_handle,
            wait_idle,
            open_a_group,
            open_a_limited_group,
            lambda pool: loop_over(pool, "input"),
            lambda pool: loop_over(pool, "completion"),
        ],
    )
    async def test_a_wait_for_the_other(self, shared, wait):
        """
        A job of one that has the last slot cannot wait for the other, in whichever way.
        """
        one, two = shared
        with pytest.raises((tr.PoolWouldDeadlock, BaseExceptionGroup)) as caught:
            await one.run(wait, two)
        error = caught.value if isinstance(caught.value, tr.PoolWouldDeadlock) else caught.value.exceptions[0]

        assert isinstance(error, tr.PoolWouldDeadlock)
        assert error.caller.startswith("one/")

    async def test_from_both_sides(self):
        """
        It counts who waits in either of them.
        """

        async def outer(pool):
            await trio.sleep(1)
            await pool.run(nap, 1)

        limiter = trio.CapacityLimiter(2)
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(limiter) as one, tr.open_pool(limiter) as two:
                handles = [one.start_soon(outer, two), two.start_soon(outer, one)]

        assert ["failed", "finished"] == sorted(states(handles))

    async def test_somebody_else_has_a_token(self, shared):
        """
        A token that is held elsewhere comes back some day.
        """
        one, two = shared
        one.limiter.total_tokens = 2
        await one.limiter.acquire_on_behalf_of("somebody")
        try:
            outer = one.start_soon(two.run, nap, 1, "value")
            await trio.sleep(5)
        finally:
            one.limiter.release_on_behalf_of("somebody")

        assert "value" == await outer.wait()

    async def test_a_limiter_of_its_own(self, shared):
        """
        That is the way out.
        """
        one, _ = shared
        async with tr.open_pool(1) as other:
            assert "value" == await one.run(other.run, nap, 1, "value")


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
