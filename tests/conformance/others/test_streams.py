"""
What streams and queues elsewhere promise, told again: p-queue, async.js and Bluebird, .NET's dataflow and Parallel, Elixir's
GenStage, Flow and Broadway, aiostream and aioitertools.

Each test is named after what it is there.
"""

import itertools
import random

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, fail, nap, states
from trio_run.events import PoolRecovered, PoolSaturated


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


def into(items):
    """
    A sink that keeps what comes.
    """

    async def keep(item):
        items.append(item)

    return tr.sink(keep)


class TestPQueue:
    async def test_add_after_idle(self, gauge):
        """
        A queue that was empty takes more, and is waited for anew.
        """
        async with tr.open_pool(2) as pool:
            for round_ in range(3):
                pool.start_soon(gauge.nap, 1, round_)
                await pool.wait_idle()
                assert round_ + 1 == trio.current_time()

    async def test_a_rejection_leaves_the_queue_going(self, gauge):
        """
        What fails ends neither the queue nor the wait for it to be idle.
        """
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1) as pool:
                pool.start_soon(fail, OSError(), 1)
                pool.start_soon(gauge.nap, 1, "after")
                await pool.wait_idle()

        assert ["after"] == gauge.began

    async def test_timeout_of_one_task(self):
        """
        A task that is too slow fails alone, from when it begins and not from when it was added.
        """

        async def timed(seconds):
            with trio.fail_after(2):
                return await nap(seconds, seconds)

        async with tr.open_pool(1) as pool, pool.map(timed, [1, 5, 1, 1]) as outcomes:
            got = [type(outcome.error) if outcome.error else outcome.value async for outcome in outcomes]

        assert ([1, trio.TooSlowError, 1, 1], 5) == (got, trio.current_time())

    async def test_abort_signal_of_one_task(self, gauge):
        """
        One scope may be handed to several tasks' callers, and ends just those.
        """
        async with tr.open_pool(3) as pool, trio.open_nursery() as nursery:
            other = pool.start_soon(gauge.nap, 3, "other")

            async def call_both():
                with trio.move_on_after(1):
                    async with trio.open_nursery() as calls:
                        for _ in range(2):
                            calls.start_soon(pool.run, gauge.nap, 9)

            nursery.start_soon(call_both)
            await trio.sleep(2)
            assert 1 == gauge.now

        assert "finished" == other.state.value

    async def test_two_queues_for_two_priorities(self, gauge):
        """
        Of two pools on one limiter each has its turn, so one that is never long is never kept waiting.
        """
        limiter = trio.CapacityLimiter(1)
        async with tr.open_pool(limiter) as ordinary, tr.open_pool(limiter) as urgent:
            for _ in range(20):
                ordinary.start_soon(gauge.nap, 1, "ordinary")
            await trio.sleep(0.5)
            await urgent.run(gauge.nap, 1, "urgent")
            assert trio.current_time() <= 3


class TestAsyncJs:
    async def test_saturated_and_unsaturated(self):
        """
        An event tells when a queue is full, and one when there is room.
        """
        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(1, max_waiting=2) as pool:
                for _ in range(6):
                    await pool.submit(nap, 1)

        assert [PoolSaturated, PoolRecovered] == [type(event) for event in events]

    async def test_cargo(self):
        """
        What has piled up is done in one go.
        """
        loads, (send, receive) = [], trio.open_memory_channel(99)

        async def carry(item):
            load = [item]
            while len(load) < 3:
                try:
                    load.append(receive.receive_nowait())
                except (trio.WouldBlock, trio.EndOfChannel):
                    break
            loads.append(load)
            await trio.sleep(1)

        async with send:
            for number in range(7):
                await send.send(number)
        await tr.Pipeline(tr.source(receive), tr.sink(carry), buffer=0).run()

        assert list(range(7)) == sorted(itertools.chain(*loads))

    async def test_map_limit_of_nothing(self):
        """
        Nothing in, nothing out, in each order.
        """
        for order in tr.Order:
            async with tr.open_pool(3) as pool, pool.map(nap, iter(()), order=order) as outcomes:
                assert [] == [outcome async for outcome in outcomes]

    async def test_each_of_limit_infinite_generator_with_break(self, gauge):
        """
        A generator without end is read no further than the window.
        """
        read = []

        def numbers():
            for number in itertools.count():
                read.append(number)
                yield number

        async with tr.open_pool(3) as pool:
            async with pool.map(lambda number: gauge.nap(1, number), numbers(), window=4) as outcomes:
                async for outcome in outcomes:
                    if outcome.value == 9:
                        break

        assert read[-1] <= 9 + 4 + 1
        assert 0 == gauge.now


class TestBluebird:
    async def test_some(self, gauge):
        """
        The first two of many, and the others are cancelled.
        """
        async with (
            tr.open_pool(9) as pool,
            pool.map(lambda n: gauge.nap(n, n), [4, 2, 3, 1], order="completion") as many,
        ):
            got = [(await anext(many)).value for _ in range(2)]

        assert ([1, 2], 2, 0) == (got, trio.current_time(), gauge.now)

    async def test_map_series(self, gauge):
        """
        One at a time is a pool of one.
        """
        async with tr.open_pool(1) as pool, pool.map(lambda n: gauge.nap(n, n), [3, 1, 2]) as outcomes:
            assert [3, 1, 2] == [outcome.value async for outcome in outcomes]

        assert (1, 6) == (gauge.most, trio.current_time())


class TestDotNet:
    async def test_parallel_for_each_stops_at_the_first_exception(self, gauge):
        """
        After a failure no further item is begun.
        """

        async def work(number):
            await gauge.nap(1, number)
            if number == 2:
                raise OSError

        with pytest.RaisesGroup(OSError):
            async with tr.open_group(limit=2, max_waiting=0) as group:
                for number in range(100):
                    await group.submit(work, number)

        assert len(gauge.began) <= 6

    async def test_dataflow_completion_goes_through(self):
        """
        The end of the source is that of each block in turn, with what was buffered done before.
        """
        out = []

        async def slow(item):
            await trio.sleep(3)
            return item

        await tr.Pipeline(
            tr.source(range(6)), tr.stage(nap_briefly, workers=3), tr.stage(slow, workers=2), into(out), buffer=100
        ).run()

        assert list(range(6)) == sorted(out)

    @pytest.mark.parametrize("seed", range(10))
    async def test_ensure_ordered(self, seed):
        """
        With any number of workers, and each item as slow as it likes, the order is kept.
        """
        chance, out = random.Random(seed), []

        async def work(item):
            await trio.sleep(chance.random())
            return item

        async def fail_sometimes(item):
            await trio.sleep(chance.random())
            if item % 5 == 0:
                raise OSError
            return item

        with tr.use_sinks(lambda _: None):
            await tr.Pipeline(
                tr.source(range(40)),
                tr.stage(work, workers=chance.randrange(2, 8), ordered=True),
                tr.stage(fail_sometimes, workers=chance.randrange(2, 8), ordered=True, on_error="skip"),
                into(out),
                buffer=chance.randrange(3),
            ).run()

        assert [number for number in range(40) if number % 5] == out

    async def test_bounded_capacity(self):
        """
        In front of a block there are never more than its buffer holds.
        """
        most = []

        async def slow(_):
            most.append(max(each.waiting for each in pipeline.statistics()))
            await trio.sleep(1)

        pipeline = tr.Pipeline(tr.source(range(20)), tr.stage(nap_briefly), tr.sink(slow), buffer=3)
        await pipeline.run()

        assert 3 == max(most)

    async def test_broadcast_block_gives_each_to_all(self):
        """
        Each branch has every item, the slowest too.
        """
        out = []

        async def quick(item):
            return "quick", item

        async def slow(item):
            await trio.sleep(1)
            return "slow", item

        await tr.Pipeline(tr.source(range(3)), tr.broadcast(tr.stage(quick), tr.stage(slow)), into(out)).run()

        assert sorted((name, item) for name in ("quick", "slow") for item in range(3)) == sorted(out)


async def nap_briefly(item):
    await trio.sleep(0.1)
    return item


class TestGenStage:
    async def test_demand_from_behind(self):
        """
        A producer is asked for no more than is wanted behind it.
        """
        made = []

        def produce():
            for number in itertools.count():
                made.append(number)
                yield number

        async def stop_at_ten(item):
            await trio.sleep(1)
            if item == 10:
                raise StopAsyncIteration

        with pytest.RaisesGroup(StopAsyncIteration, flatten_subgroups=True):
            await tr.Pipeline(tr.source(produce()), tr.sink(stop_at_ten), buffer=2).run()

        assert made[-1] <= 10 + 2 + 2

    async def test_flow_partition(self):
        """
        Items of one kind go to one worker, where their order is kept: a sink for each kind.
        """
        kept = {"a": [], "b": []}
        async with trio.open_nursery() as nursery:
            inlets = {}
            for kind, items in kept.items():
                inlets[kind], outlet = trio.open_memory_channel(1)
                nursery.start_soon(tr.Pipeline(tr.source(outlet), into(items), name=kind).run)

            async def sort_out(item):
                await inlets[item[0]].send(item)

            await tr.Pipeline(tr.source(["a1", "b1", "a2", "b2", "a3"]), tr.sink(sort_out)).run()
            for inlet in inlets.values():
                inlet.close()

        assert {"a": ["a1", "a2", "a3"], "b": ["b1", "b2"]} == kept

    async def test_broadway_failed_messages(self):
        """
        What fails goes to whoever looks after failures, with the error, and the rest goes on.
        """
        out, (failed, failures) = [], trio.open_memory_channel(99)

        async def handle(message):
            await trio.lowlevel.checkpoint()
            if message == "bad":
                raise ValueError(message)
            return message

        async with failed:
            stage = tr.stage(handle, workers=2, on_error=failed, name="handle")
            await tr.Pipeline(tr.source(["good", "bad", "fine", "bad"]), stage, into(out), name="broadway").run()
        letters = [letter async for letter in failures]

        assert ["fine", "good"] == sorted(out)
        assert [("broadway/handle", "bad", "bad")] * 2 == [(each.stage, each.item, str(each.error)) for each in letters]

    async def test_a_crash_restarts_the_pipeline(self):
        """
        Under a supervisor a pipeline that fails runs again, with counts of its own.
        """
        out, fails = [], iter([True, False])

        async def work(item):
            if item == 2 and next(fails):
                raise OSError
            return item

        pipeline = tr.Pipeline(tr.source([1, 2, 3]), tr.stage(work), into(out), name="flow")
        with tr.use_sinks(lambda _: None):
            await tr.Supervisor("shop", tr.Child(pipeline, restart="on_failure"), exit_when="all_done").run()

        assert [1, 2, 3] == out[-3:]
        assert [3, 3, 3] == [each.done for each in pipeline.statistics()]


class TestAiostream:
    async def test_merge_ends_with_the_last(self):
        """
        Of several async iterables, the longest decides.
        """
        out = []

        async def count_to(most, seconds):
            for number in range(most):
                await trio.sleep(seconds)
                yield number

        merged = tr.fan_in(tr.source(count_to(2, 1)), tr.source(count_to(3, 10)))
        await tr.Pipeline(merged, into(out)).run()

        assert ([0, 1, 0, 1, 2], 30) == (out, trio.current_time())

    async def test_merge_of_one_that_fails(self):
        """
        One that fails closes the others.
        """
        closed = []

        async def broken():
            await trio.sleep(1)
            raise OSError
            yield

        async def patient():
            try:
                while True:
                    yield 0
                    await trio.sleep(1)
            finally:
                closed.append("patient")

        with pytest.RaisesGroup(OSError):
            await tr.Pipeline(tr.fan_in(tr.source(patient()), tr.source(broken())), into([])).run()

        assert ["patient"] == closed

    async def test_map_with_task_limit_closes_its_source(self):
        """
        The source is closed before the block is over, also when the block raises.
        """
        closed = []

        async def numbers():
            try:
                for number in itertools.count():
                    yield number
            finally:
                closed.append("numbers")

        async with tr.open_pool(2) as pool:
            with pytest.raises(OSError, match="enough"):
                async with pool.map(nap, numbers()) as outcomes:
                    await anext(outcomes)
                    raise OSError("enough")
            assert ["numbers"] == closed

    async def test_two_maps_on_one_pool(self, gauge):
        """
        Maps side by side share the slots, and neither loses an item.
        """
        got = {}

        async def loop(pool, name):
            async with pool.map(lambda number: gauge.nap(1, number), range(10)) as outcomes:
                got[name] = [outcome.value async for outcome in outcomes]

        async with tr.open_pool(3) as pool, trio.open_nursery() as nursery:
            for name in "ab":
                nursery.start_soon(loop, pool, name)

        assert {"a": list(range(10)), "b": list(range(10))} == got
        assert 3 == gauge.most


class TestAioitertools:
    async def test_gather_limit(self, gauge):
        """
        Values are in the order of the calls, and no more run than the limit says.
        """
        async with tr.open_group(limit=2) as group:
            handles = [group.start_soon(gauge.nap, seconds, seconds) for seconds in (3, 1, 2, 1)]

        assert ([3, 1, 2, 1], 2) == ([handle.value for handle in handles], gauge.most)

    async def test_gather_cancels_what_waits(self, gauge):
        """
        A gather that is cancelled has nothing left that runs or waits.
        """
        with trio.move_on_after(1):
            async with tr.open_group(limit=1) as group:
                handles = [group.start_soon(gauge.nap, 9) for _ in range(3)]

        assert (["cancelled"] * 3, 0) == (states(handles), gauge.now)

    async def test_as_generated(self):
        """
        What several give, as it comes.
        """
        send, receive = trio.open_memory_channel(0)

        async def give(seconds):
            async with send.clone() as channel:
                for number in range(2):
                    await trio.sleep(seconds)
                    await channel.send((seconds, number))

        async with tr.open_group() as group:
            for seconds in (1, 5):
                group.start_soon(give, seconds)
            await wait_all_tasks_blocked()
            send.close()
            got = [each async for each in receive]

        assert [(1, 0), (1, 1), (5, 0), (5, 1)] == got
