"""
What further pools of Go promise, told again: pond, gammazero's workerpool, tunny, conc's iterators, and the Go team's article on
pipelines.

Each test is named after what it is there.
"""

import itertools

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, fail, nap, states


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


class TestPond:
    async def test_stop_and_wait(self, gauge):
        """
        To leave a pool is to stop it and wait: all that was submitted is done.
        """
        async with tr.open_pool(3) as pool:
            for number in range(30):
                await pool.submit(gauge.nap, 1, number)

        assert list(range(30)) == sorted(gauge.began)
        assert 10 == trio.current_time()

    async def test_pool_with_context_canceled(self, gauge):
        """
        When what is around it is cancelled, nothing of the queue begins.
        """
        with trio.move_on_after(1.5):
            async with tr.open_pool(1) as pool:
                handles = [pool.start_soon(gauge.nap, 1, number) for number in range(5)]

        assert [0, 1] == gauge.began
        assert ["finished", *["cancelled"] * 4] == states(handles)

    async def test_submit_with_panic(self):
        """
        A task that fails tells who waits for it, and the pool goes on.
        """
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1) as pool:
                with pytest.raises(OSError, match="panic"):
                    await pool.start_soon(fail, OSError("panic")).wait()
                assert 7 == await pool.run(nap, 1, 7)

            assert (2, 1) == (pool.statistics().done, pool.statistics().failed)

    async def test_queue_full(self):
        """
        A pool of two with room for three takes five.
        """
        async with tr.open_pool(2, max_waiting=3) as pool:
            for _ in range(5):
                pool.start_soon(nap, 1)
            with pytest.raises(trio.WouldBlock):
                pool.start_soon(nap, 1)

    async def test_resize_while_full(self, gauge):
        """
        More slots are used at once, and fewer as soon as jobs end.
        """
        async with tr.open_pool(1) as pool:
            for _ in range(12):
                pool.start_soon(gauge.nap, 2)
            await trio.sleep(1)
            pool.limiter.total_tokens = 5
            await wait_all_tasks_blocked()
            assert 5 == gauge.now
            pool.limiter.total_tokens = 2
            await trio.sleep(3)
            assert 2 == gauge.now

    async def test_subpool(self, gauge):
        """
        A pool that runs its jobs on another has its own limit within the other's.
        """
        part = Gauge()

        async def both(seconds):
            await part.nap(0)
            return await gauge.nap(seconds)

        async with tr.open_pool(4) as pool, tr.open_pool(2) as subpool:
            for _ in range(8):
                subpool.start_soon(pool.run, both, 1)
                pool.start_soon(gauge.nap, 1)
            await wait_all_tasks_blocked()
            assert 2 == subpool.statistics().busy

        assert (4, 8) == (gauge.most, len(part.began))

    async def test_group_of_results(self):
        """
        Results of a group on a pool are in the order of submission, whichever was first.
        """
        async with tr.open_pool(5) as pool, tr.open_group(pool=pool) as group:
            handles = [await group.submit(nap, seconds, seconds) for seconds in (3, 1, 2)]

        assert [3, 1, 2] == [handle.value for handle in handles]

    async def test_group_stops_on_first_error(self, gauge):
        """
        An error of a group cancels it, and leaves the pool and other groups on it alone.
        """
        async with tr.open_pool(5) as pool, tr.open_group(pool=pool) as other:
            calm = other.start_soon(gauge.nap, 3, "calm")
            with pytest.RaisesGroup(OSError):
                async with tr.open_group(pool=pool) as group:
                    group.start_soon(gauge.nap, 9)
                    group.start_soon(fail, OSError(), 1)
            assert 1 == trio.current_time()

        assert "calm" == calm.value


class TestWorkerpool:
    async def test_stop_abandons_what_waits(self, gauge):
        """
        `Stop` there lets tasks that run come to their end, and forgets those that wait: here those are cancelled one by one.
        """
        async with tr.open_pool(2) as pool:
            handles = [pool.start_soon(gauge.nap, 1) for _ in range(10)]
            await wait_all_tasks_blocked()
            for handle in handles:
                if handle.state is tr.State.WAITING:
                    handle.cancel("stop")
            assert 0 == pool.statistics().waiting

        assert [*["finished"] * 2, *["cancelled"] * 8] == states(handles)
        assert 1 == trio.current_time()

    async def test_pause(self, gauge):
        """
        A paused pool takes tasks and begins none until it goes on.
        """
        async with tr.open_pool(3) as pool:
            pool.limiter.total_tokens = 0
            handles = [pool.start_soon(gauge.nap, 1) for _ in range(3)]
            await trio.sleep(10)
            assert ([], 3) == (gauge.began, pool.statistics().waiting)
            pool.limiter.total_tokens = 3
            await handles[-1].wait()
            assert 11 == trio.current_time()

    async def test_pause_and_stop(self):
        """
        A paused pool can be cancelled.
        """
        async with tr.open_pool(0) as pool:
            handle = pool.start_soon(nap, 1)
            await wait_all_tasks_blocked()
            pool.cancel("stop")

        assert ("cancelled", "stop") == (handle.state.value, handle.reason)

    async def test_submit_wait(self):
        """
        To submit and wait for the task are one call.
        """
        async with tr.open_pool(1) as pool:
            pool.start_soon(nap, 2)
            assert 7 == await pool.run(nap, 1, 7)
            assert 3 == trio.current_time()

    async def test_overflow(self):
        """
        What is more than the workers can do waits, and is counted.
        """
        async with tr.open_pool(2) as pool:
            for _ in range(64):
                pool.start_soon(nap, 1)
            await wait_all_tasks_blocked()
            now = pool.statistics()

        assert (2, 62, 0) == (now.busy, now.waiting, now.idle)

    async def test_worker_leak(self):
        """
        A pool that was used and left has no task left.
        """
        before = trio.lowlevel.current_statistics().tasks_living
        async with tr.open_pool(8) as pool:
            for _ in range(100):
                pool.start_soon(nap, 0)

        assert before == trio.lowlevel.current_statistics().tasks_living


class TestTunny:
    async def test_process_timed(self):
        """
        A call with a deadline ends then, whether its job waits or runs, and its slot is free.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(trio.TooSlowError), trio.fail_after(1):
                await pool.run(nap, 5)
            pool.start_soon(nap, 3)
            with pytest.raises(trio.TooSlowError), trio.fail_after(1):
                await pool.run(nap, 0)
            assert (2, 0) == (trio.current_time(), pool.statistics().waiting)

    async def test_workers_with_state(self):
        """
        Each worker has what it was made with, and it is closed with the worker.
        """
        opened, closed = itertools.count(1), []

        class Connection:
            def __init__(self):
                self.number = next(opened)

            async def __aenter__(self):
                return self.number

            async def __aexit__(self, *_):
                closed.append(self.number)

        connection = tr.PerWorker(Connection)

        async def work():
            await trio.sleep(1)
            return connection.get()

        async with tr.open_pool(2, per_worker=connection) as pool:
            handles = [pool.start_soon(work) for _ in range(6)]

        assert ({1, 2}, [1, 2]) == ({handle.value for handle in handles}, sorted(closed))


class TestConcIter:
    async def test_map_err_joins_all_errors(self):
        """
        All errors can be had, and all values with them.
        """

        async def invert(number):
            return 1 / number

        async with tr.open_pool(2) as pool, pool.map(invert, [1, 0, 2, 0]) as outcomes:
            got = [outcome async for outcome in outcomes]

        assert [1.0, 0.5] == [outcome.value for outcome in got if outcome.error is None]
        assert [1, 3] == [outcome.index for outcome in got if isinstance(outcome.error, ZeroDivisionError)]

    @pytest.mark.parametrize("size", [1, 3, 100])
    async def test_for_each_idx_never_more_than_there_are(self, gauge, size):
        """
        Each index is visited once, and no more at a time than the limit says.
        """
        async with tr.open_pool(size) as pool, pool.map(lambda item: gauge.nap(1, item), range(10)) as outcomes:
            seen = [(outcome.index, outcome.value) async for outcome in outcomes]

        assert [(number, number) for number in range(10)] == seen
        assert min(size, 10) == gauge.most

    async def test_stream_callbacks_in_order(self):
        """
        Work is done side by side, and what follows on it in order.
        """
        out = []

        async def work(item):
            await trio.sleep(10 - item)
            return item

        async def callback(item):
            out.append(item)

        await tr.Pipeline(
            tr.source(range(10)), tr.stage(work, workers=4, ordered=True), tr.sink(callback), buffer=0
        ).run()

        assert list(range(10)) == out


class TestPipelinesArticle:
    async def test_squaring_numbers(self):
        """
        The stages of the article's first example can be put together twice, as they have the same type on both sides.
        """
        out = []

        async def square(number):
            return number * number

        async def keep(number):
            out.append(number)

        await tr.Pipeline(tr.source([2, 3]), tr.stage(square), tr.stage(square, name="again"), tr.sink(keep)).run()

        assert [16, 81] == out

    async def test_merge(self):
        """
        Several sources are one, which ends with the last of them.
        """
        out = []

        async def send_late(send, number):
            await trio.sleep(number)
            await send.send(number)

        async def keep(number):
            out.append((number, trio.current_time()))

        merged = tr.fan_in(*(tr.source(send_late, number) for number in (3, 1, 2)))
        await tr.Pipeline(merged, tr.sink(keep)).run()

        assert [(1, 1), (2, 2), (3, 3)] == out

    async def test_explicit_cancellation(self):
        """
        When the last part has had enough, no sender is stuck.
        """

        class EnoughError(Exception):
            pass

        async def first_only(item):
            raise EnoughError(item)

        with pytest.RaisesGroup(EnoughError):
            await tr.Pipeline(tr.source(itertools.count()), tr.sink(first_only), buffer=0).run()
