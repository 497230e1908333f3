"""
What pools, groups and iterators of Python promise, told again: asyncio, concurrent.futures, aiometer, aiojobs, anyio, trio-util.

Each test is named after what it is there. Not here: rates such as aiometer's ``max_per_second``, which are a loop over `every`
(below); threads, for which there is `trio.to_thread`.
"""

import contextlib
import itertools

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, fail, nap


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


async def double(number):
    await trio.sleep(1)
    if number < 0:
        raise ValueError(number)
    return 2 * number


class TestExecutor:
    """
    concurrent.futures.
    """

    async def test_map_raises_where_the_result_would_be(self):
        """
        Results before a failure come first; those after it are there all the same, which they are not there.
        """
        got = []
        async with tr.open_pool(2) as pool, pool.map(double, [1, -1, 2]) as outcomes:
            async for outcome in outcomes:
                try:
                    got.append(outcome.value)
                except ValueError as error:
                    got.append(error.args[0])

        assert [2, -1, 4] == got

    async def test_map_of_several_iterables(self):
        """
        Several arguments come as a tuple, and the shortest of the iterables ends it.
        """

        async def power(pair):
            base, exponent = pair
            return base**exponent

        async with (
            tr.open_pool(2) as pool,
            pool.map(power, zip([2, 3, 4], itertools.count(2), strict=False)) as outcomes,
        ):
            assert [4, 27, 256] == [outcome.value async for outcome in outcomes]

    async def test_shutdown_cancels_futures(self, gauge):
        """
        What has not begun can be cancelled alone, and what runs ends by itself.
        """
        async with tr.open_pool(2) as pool:
            handles = [pool.start_soon(gauge.nap, 1) for _ in range(6)]
            await wait_all_tasks_blocked()
            for handle in handles:
                if handle.state is tr.State.WAITING:
                    handle.cancel("shutdown")

        assert ["finished"] * 2 + ["cancelled"] * 4 == [handle.state.value for handle in handles]
        assert (2, 1) == (len(gauge.began), trio.current_time())

    async def test_future_exception(self):
        """
        The error is at hand without being raised, and is the same each time.
        """
        error = OSError("boom")
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(fail, error)

        assert error is handle.error
        for _ in range(2):
            with pytest.raises(OSError, match="boom"):
                _ = handle.value

    async def test_wait_first_completed(self):
        """
        Whoever waits for the first leaves the map after it.
        """
        async with tr.open_pool(3) as pool, pool.map(nap, [3, 1, 2], order="completion") as outcomes:
            assert 1 == (await anext(outcomes)).item

        assert 1 == trio.current_time()

    async def test_a_generator_is_closed(self):
        """
        Inputs that come from a generator are not left half-read.
        """
        closed = []

        def inputs():
            try:
                yield from itertools.count()
            finally:
                closed.append(trio.current_time())

        async with tr.open_pool(2) as pool:
            async with pool.map(double, inputs()) as outcomes:
                assert 0 == (await anext(outcomes)).value
            assert [1] == closed
            assert outcomes is not None


class TestAsyncio:
    """
    asyncio.TaskGroup, gather and as_completed.
    """

    async def test_task_group_body_and_task_fail(self):
        """
        What the block raised and what a task raised leave together.
        """

        async def fail_late():
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError

        with pytest.RaisesGroup(OSError, ValueError):
            async with tr.open_group() as group:
                group.start_soon(fail_late)
                await wait_all_tasks_blocked()
                raise OSError

    async def test_task_group_cancelled_task_is_no_failure(self):
        """
        A task that is cancelled alone ends nobody else.
        """
        async with tr.open_group() as group:
            group.start_soon(nap, 9).cancel("not needed")
            other = group.start_soon(nap, 1, "value")

        assert "value" == other.value

    async def test_gather_keeps_the_order(self):
        """
        Values in the order of the calls.
        """
        async with tr.open_group() as group:
            handles = [group.start_soon(nap, seconds, seconds) for seconds in (3, 1, 2)]

        assert [3, 1, 2] == [handle.value for handle in handles]

    async def test_gather_return_exceptions(self):
        """
        Errors may be taken as values.
        """
        async with tr.open_pool(3) as pool, pool.map(double, [1, -1]) as outcomes:
            got = [outcome.error or outcome.value async for outcome in outcomes]

        assert (2, ValueError) == (got[0], type(got[1]))

    async def test_gather_of_nothing(self):
        """
        Nothing to do is done at once, on any pool.
        """
        async with tr.open_pool(0) as pool, pool.map(double, []) as outcomes:
            assert [] == [outcome async for outcome in outcomes]

    async def test_as_completed_with_a_timeout(self):
        """
        A deadline over the loop leaves what was taken, and ends the rest.
        """
        got = []
        with trio.move_on_after(2.5):
            async with tr.open_pool(9) as pool, pool.map(nap, [4, 2, 1], order="completion") as outcomes:
                async for outcome in outcomes:
                    got.append(outcome.item)  # noqa: PERF401 - what was taken is kept when time is up

        assert ([1, 2], 2.5) == (got, trio.current_time())

    async def test_a_waiter_that_is_cancelled_leaves_the_task(self):
        """
        `wait_for` there cancels what it waits for; a wait for a handle does not.
        """
        async with tr.open_group() as group:
            handle = group.start_soon(nap, 3, "value")
            with trio.move_on_after(1):
                await handle.wait()
            assert not handle.done

        assert "value" == handle.value


class TestAiometer:
    async def test_run_on_each_stops_at_the_first_error(self, gauge):
        """
        To let a value raise ends the loop, and what is under way.
        """
        with pytest.RaisesGroup(ValueError):
            async with tr.open_pool(1) as pool, pool.map(double, [1, -1, 2, 3]) as outcomes:
                async for outcome in outcomes:
                    gauge.began.append(outcome.value)

        assert ([2], 2) == (gauge.began, trio.current_time())

    async def test_run_any(self):
        """
        The first value wins, and the rest is cancelled.
        """
        async with tr.open_group() as group:
            winner = []

            async def race(seconds):
                winner.append(await nap(seconds, seconds))
                group.cancel("there is a winner")

            for seconds in (3, 1, 2):
                group.start_soon(race, seconds)

        assert ([1], 1) == (winner, trio.current_time())

    async def test_max_per_second(self, gauge):
        """
        A rate is a ticker in front of the offers.
        """
        async with tr.open_pool(10) as pool:
            ticks = aiter(tr.every(0.5))
            for number in range(5):
                await anext(ticks)
                await pool.submit(gauge.nap, 0, number)

        assert (2.0, 5) == (trio.current_time(), len(gauge.began))

    async def test_amap_backpressure(self, gauge):
        """
        Who takes slowly holds up the reading, not for ever.
        """
        async with tr.open_pool(1) as pool, pool.map(gauge.nap, [1] * 9, window=2) as outcomes:
            async for outcome in outcomes:
                await trio.sleep(10)
                assert len(gauge.began) <= outcome.index + 3

        assert 9 == len(gauge.began)


class TestAiojobs:
    async def test_pending_limit(self):
        """
        Where enough wait, the next offer waits.
        """
        async with tr.open_pool(1, max_waiting=1) as pool:
            for _ in range(3):
                await pool.submit(nap, 1)
            assert 1 == trio.current_time()

    async def test_close_with_a_timeout(self):
        """
        A pool that is left with a deadline gives jobs that long.
        """
        with trio.move_on_after(5) as scope:
            async with tr.open_pool(2) as pool:
                short, long = pool.start_soon(nap, 3), pool.start_soon(nap, 9)

        assert scope.cancelled_caught
        assert (tr.State.FINISHED, tr.State.CANCELLED) == (short.state, long.state)

    async def test_job_wait_with_a_timeout(self):
        """
        A wait that is given up leaves the job.
        """
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(nap, 2)
            with pytest.raises(trio.TooSlowError), trio.fail_after(1):
                await handle.wait()
            assert tr.State.RUNNING is handle.state

    async def test_exception_handler(self):
        """
        Every failure of a job nobody waits for is heard of, once.
        """
        told = []
        with tr.use_sinks(lambda event: told.append(str(event.error))):
            async with tr.open_pool(2) as pool:
                for number in range(3):
                    pool.start_soon(fail, OSError(number))
                with contextlib.suppress(OSError):
                    await pool.run(fail, OSError("mine"))

        assert ["0", "1", "2"] == sorted(told)


class TestAnyio:
    async def test_a_larger_limit_wakes_who_waits(self, gauge):
        """
        More tokens are used at once.
        """
        async with tr.open_pool(1) as pool:
            for _ in range(4):
                pool.start_soon(gauge.nap, 1)
            await trio.sleep(0.5)
            pool.limiter.total_tokens = 4
            await wait_all_tasks_blocked()
            assert 4 == gauge.now

    async def test_start_value(self):
        """
        A task may say what it is ready with, and goes on.
        """

        async def serve(port, *, task_status):
            task_status.started(port + 1)
            await trio.sleep(5)

        async with tr.open_group() as group:
            assert 81 == await group.start(serve, 80)
            group.cancel("done")

        assert 0 == trio.current_time()

    async def test_start_that_is_never_ready(self):
        """
        A task that returns before it is ready is a mistake.
        """

        async def serve(*, task_status):
            pass

        with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError)):
            async with tr.open_group() as group:
                await group.start(serve)


class TestTrioUtil:
    async def test_periodic(self):
        """
        The first round is at once; a round that takes too long skips what it missed, and keeps the grid.
        """
        seen = []
        async for number in tr.every(10):
            seen.append((number, trio.current_time()))
            if number == 4:
                break
            await trio.sleep(25 if number == 0 else 1)

        assert [(0, 0), (2, 25), (3, 30), (4, 40)] == seen

    async def test_wait_any(self):
        """
        Several waits, of which the first ends the rest.
        """
        first, second = trio.Event(), trio.Event()
        async with tr.open_group() as group:

            async def wait(event):
                await event.wait()
                group.cancel("one is enough")

            group.start_soon(wait, first)
            group.start_soon(wait, second)
            await wait_all_tasks_blocked()
            second.set()

        assert not first.is_set()

    async def test_two_tasks_that_take_from_one_iterator(self):
        """
        A map is for one task: a second one that waits is told, and the first is not disturbed.
        """
        async with tr.open_pool(1) as pool, pool.map(double, [1, 2]) as outcomes:
            async with trio.open_nursery() as nursery:

                async def take():
                    with pytest.raises(trio.BusyResourceError, match="Another task"):
                        await anext(outcomes)

                async def first():
                    assert 2 == (await anext(outcomes)).value

                nursery.start_soon(first)
                await wait_all_tasks_blocked()
                nursery.start_soon(take)
            assert 4 == (await anext(outcomes)).value

    async def test_a_block_that_is_left_while_another_task_takes(self):
        """
        Who still waits for an outcome is told that there will be none.
        """
        ended = []
        async with tr.open_pool(1) as pool, trio.open_nursery() as nursery:
            async with pool.map(double, itertools.count()) as outcomes:

                async def take():
                    async for outcome in outcomes:
                        ended.append(outcome.state.value)  # noqa: PERF401 - as above
                    ended.append("end")

                async def take_to_the_end():
                    with contextlib.suppress(tr.Closed):
                        await take()
                    ended.append("over")

                nursery.start_soon(take_to_the_end)
                await trio.sleep(1.5)

        assert "over" == ended[-1]
        assert trio.current_time() < 3
