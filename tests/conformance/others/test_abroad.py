"""
What pools and streams of other languages promise, told again: Rust's futures, Java's executors, JavaScript's p-limit and p-map,
and Elixir's streams.

Each test is named after what it is there.
"""

import contextlib
import itertools

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, clean_up, fail, nap


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


class TestRust:
    async def test_buffered_slow_first(self, gauge):
        """
        One that is slow holds up the order, and as much work as the window lets in.
        """

        async def work(number):
            return await gauge.nap(100 if number == 0 else 1, number)

        async with tr.open_pool(2) as pool, pool.map(work, range(50), window=6) as outcomes:
            assert 0 == (await anext(outcomes)).value
            assert list(range(6)) == sorted(gauge.began)

    async def test_buffer_unordered_slow_first(self, gauge):
        """
        In the order of completion, one that is slow holds up its slot only.
        """

        async def work(number):
            return await gauge.nap(100 if number == 0 else 1, number)

        async with tr.open_pool(2) as pool, pool.map(work, range(50), order="completion", window=3) as outcomes:
            assert [*range(1, 50), 0] == [outcome.value async for outcome in outcomes]

        assert 100 == trio.current_time()

    async def test_for_each_concurrent_without_a_limit(self, gauge):
        """
        None for a limit is infinity.
        """
        async with tr.open_group() as group:
            for _ in range(100):
                group.start_soon(gauge.nap, 1)

        assert (100, 1) == (gauge.most, trio.current_time())

    async def test_try_for_each(self, gauge):
        """
        The first error ends all, and is the one that is raised.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group(limit=2) as group:
                group.start_soon(fail, OSError(), 1)
                for _ in range(9):
                    group.start_soon(gauge.nap, 5)

        assert (1, 1) == (len(gauge.began), trio.current_time())

    async def test_a_dropped_stream(self):
        """
        To drop a stream ends its futures; here that is waited for.
        """
        log = []
        async with tr.open_pool(2) as pool:
            async with pool.map(lambda seconds: clean_up(seconds, log), [1, 2, 3]):
                await wait_all_tasks_blocked()

        assert [1, 2] == log

    async def test_join_set_abort_all(self, gauge):
        """
        All can be ended at once, and the set is gone then.
        """
        async with tr.open_group() as group:
            handles = [group.start_soon(gauge.nap, 9) for _ in range(3)]
            await wait_all_tasks_blocked()
            group.cancel("abort")

        assert ["abort"] * 3 == [handle.reason for handle in handles]

    async def test_semaphore_acquire_many_owned_across_tasks(self):
        """
        Tokens may be given back by another task than took them.
        """
        limiter = tr.WeightedLimiter(3)
        await limiter.acquire(3)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(limiter.acquire, 2)
            await wait_all_tasks_blocked()

            async def release():
                limiter.release(2)

            nursery.start_soon(release)

        assert 3 == limiter.statistics().held
        limiter.release(3)

    async def test_interval_missed_tick_skip(self):
        """
        Missed ticks are left out and the grid is kept, as with `MissedTickBehavior::Skip`.
        """
        ticks = tr.every(1)
        assert 0 == await anext(ticks)
        await trio.sleep(3.5)

        assert [(3, 3.5), (4, 4.0)] == [(await anext(ticks), trio.current_time()) for _ in range(2)]


class TestJava:
    async def test_invoke_all(self):
        """
        All are done, whichever fails, and each tells how it went.
        """
        async with tr.open_pool(2) as pool:
            handles = [pool.start_soon(nap, 1, 7), pool.start_soon(fail, OSError("boom"))]
            await pool.wait_idle()
            assert ["finished", "failed"] == [handle.state.value for handle in handles]

    async def test_invoke_any(self):
        """
        The first that succeeds counts; failures before it do not.
        """

        async def attempt(seconds):
            return await (fail(OSError(), seconds) if seconds == 1 else nap(seconds, seconds))

        async with tr.open_pool(9) as pool, pool.map(attempt, [5, 2, 1], order="completion") as outcomes:
            async for outcome in outcomes:
                if outcome.error is None:
                    break

        assert (2, 2) == (outcome.value, trio.current_time())

    async def test_shutdown_now_tells_what_never_commenced(self):
        """
        Which jobs never began is told by their handles before the pool is cancelled.
        """
        async with tr.open_pool(1) as pool:
            handles = [pool.start_soon(nap, 9, name=f"job-{number}") for number in range(3)]
            await wait_all_tasks_blocked()
            never = [handle.name for handle in handles if handle.state is tr.State.WAITING]
            pool.cancel("shutdown now")

        assert ["job-1", "job-2"] == never
        assert {tr.State.CANCELLED} == {handle.state for handle in handles}

    async def test_await_termination(self):
        """
        A wait for the end has a deadline of its own.
        """
        async with tr.open_pool(1) as pool:
            pool.start_soon(nap, 9)
            with trio.move_on_after(1) as scope:
                await pool.wait_idle()
            assert scope.cancelled_caught

        assert 9 == trio.current_time()

    async def test_abort_policy(self):
        """
        A full pool refuses.
        """
        async with tr.open_pool(1, max_waiting=0) as pool:
            pool.start_soon(nap, 1)
            with pytest.raises(trio.WouldBlock):
                pool.start_soon(nap, 1)

    async def test_caller_runs_policy(self, gauge):
        """
        A full pool may leave the work to who offers it.
        """
        async with tr.open_pool(1) as pool:
            for _ in range(3):
                try:
                    pool.submit_nowait(gauge.nap, 1)
                except trio.WouldBlock:
                    await gauge.nap(1)

        assert (3, 2, 2) == (len(gauge.began), gauge.most, trio.current_time())

    async def test_a_worker_survives_what_its_job_raises(self, gauge):
        """
        A hundred failures leave as many workers as there were.
        """
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(2) as pool:
                for _ in range(100):
                    pool.start_soon(fail, OSError())
                await pool.run(gauge.nap, 1)
                await pool.wait_idle()
                now = pool.statistics()

        assert (101, 100, True) == (now.done, now.failed, now.idle <= 2)

    async def test_keep_alive(self):
        """
        Workers that rest too long end, and new ones come.
        """
        async with tr.open_pool(2, idle_time=1) as pool:
            await pool.run(nap, 0)
            await trio.sleep(2)
            assert 0 == pool.statistics().idle
            assert 7 == await pool.run(nap, 0, 7)


class TestJavaScript:
    async def test_p_limit_active_and_pending_count(self):
        """
        How many run and how many wait is told.
        """
        async with tr.open_pool(2) as pool:
            for _ in range(5):
                pool.start_soon(nap, 1)
            await wait_all_tasks_blocked()
            assert (2, 3) == (pool.statistics().busy, pool.statistics().waiting)

    async def test_p_limit_clear_queue(self):
        """
        Jobs that wait can be withdrawn, and who waits for them is told; there they never settle.
        """
        async with tr.open_pool(1) as pool:
            pool.start_soon(nap, 5)
            waiting = pool.start_soon(nap, 1)
            waiting.cancel("cleared")
            with pytest.raises(tr.JobCancelled, match="cleared"):
                await waiting.wait()

    async def test_p_limit_concurrency_can_be_changed(self, gauge):
        """
        From 4 to 1: those that run may end, and then it is one at a time.
        """
        async with tr.open_pool(4) as pool:
            for _ in range(6):
                pool.start_soon(gauge.nap, 1)
            await trio.sleep(0.5)
            pool.limiter.total_tokens = 1

        assert (6, 3) == (len(gauge.began), trio.current_time())

    async def test_p_map_stop_on_error_false(self):
        """
        All are tried, and all errors come together.
        """
        with pytest.RaisesGroup(OSError, OSError):
            async with tr.open_group(limit=2, on_failure="collect") as group:
                handles = [
                    group.start_soon(nap, 1, 7) if number else group.start_soon(fail, OSError()) for number in (0, 1, 0)
                ]

        assert 7 == handles[1].value

    async def test_p_map_skip(self):
        """
        To leave some out is an `if` in the loop.
        """
        async with tr.open_pool(2) as pool, pool.map(lambda number: nap(0, number % 2 or None), range(6)) as outcomes:
            assert [1, 3, 5] == [outcome.item async for outcome in outcomes if outcome.value is not None]

    async def test_p_map_index(self):
        """
        The how-manieth input it was is told.
        """
        async with tr.open_pool(3) as pool, pool.map(nap, [3, 1, 2], order="completion") as outcomes:
            assert [1, 2, 0] == [outcome.index async for outcome in outcomes]

    async def test_p_map_infinite(self):
        """
        Inputs need not end.
        """
        async with tr.open_pool(3) as pool, pool.map(lambda number: nap(0, number), itertools.count()) as outcomes:
            assert [0, 1, 2] == [(await anext(outcomes)).value for _ in range(3)]

    async def test_p_map_abort_signal(self, gauge):
        """
        A scope around it all ends the inputs and what runs.
        """
        read = []

        async def inputs():
            for number in itertools.count():
                read.append(number)
                yield number

        with trio.move_on_after(2.5):
            async with tr.open_pool(1) as pool, pool.map(lambda _: gauge.nap(1), inputs(), window=1) as outcomes:
                taken = 0
                async for _ in outcomes:
                    taken += 1

        assert (0, 2, [0, 1, 2]) == (gauge.now, taken, read)

    async def test_p_queue_on_idle_and_on_size_less_than(self):
        """
        Who offers may wait until there is room, and until all is done.
        """
        async with tr.open_pool(1, max_waiting=2) as pool:
            for _ in range(5):
                await pool.submit(nap, 1)
            assert 2 == trio.current_time()
            await pool.wait_idle()
            assert 5 == trio.current_time()

    async def test_p_queue_pause(self, gauge):
        """
        A paused pool takes jobs and begins none.
        """
        async with tr.open_pool(0) as pool:
            pool.start_soon(gauge.nap, 1)
            await trio.sleep(9)
            assert ([], 1) == (gauge.began, pool.statistics().waiting)
            pool.limiter.total_tokens = 1

        assert 10 == trio.current_time()


class TestElixir:
    async def test_timeout_kills_one_task(self):
        """
        With ``on_timeout: :kill_task`` one that takes too long is an outcome, and the others go on; its input is known.
        """

        async def limited(seconds):
            with trio.move_on_after(2):
                return await nap(seconds, "done")

        async with tr.open_pool(4) as pool, pool.map(limited, [1, 9, 1]) as outcomes:
            assert [(1, "done"), (9, None), (1, "done")] == [(each.item, each.value) async for each in outcomes]

    async def test_one_outcome_is_cancelled(self):
        """
        An outcome of which nothing came is there all the same, and says why.
        """
        async with tr.open_pool(4) as pool:
            running = []

            async def work(seconds):
                running.append(seconds)
                await trio.sleep(seconds)

            async with pool.map(work, [1, 2]) as outcomes:
                with contextlib.suppress(tr.JobCancelled):
                    async for outcome in outcomes:
                        assert outcome.state is tr.State.FINISHED
                        assert outcome.value is None

        assert [1, 2] == sorted(running)

    async def test_consumed_in_another_task(self):
        """
        A map that is opened in one task may be taken from in another.
        """
        got = []
        async with tr.open_pool(2) as pool, pool.map(lambda number: nap(1, number), range(4)) as outcomes:

            async def take():
                got.extend([outcome.value async for outcome in outcomes])

            async with trio.open_nursery() as nursery:
                nursery.start_soon(take)

        assert [0, 1, 2, 3] == got

    async def test_nested_streams(self):
        """
        A map over a map: results of the first are inputs of the second, as they come.
        """
        async with tr.open_pool(2, name="a") as one, tr.open_pool(2, name="b") as two:

            async def first():
                async with one.map(lambda number: nap(1, number + 1), range(4)) as outcomes:
                    async for outcome in outcomes:
                        yield outcome.value

            async with (
                contextlib.aclosing(first()) as values,
                two.map(lambda number: nap(1, 10 * number), values) as last,
            ):
                assert [10, 20, 30, 40] == [outcome.value async for outcome in last]

        assert 3 == trio.current_time()
