"""
One function over many inputs, on a pool.
"""

import contextvars
import gc

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, clean_up, fail
from trio_run.testing import cancel_everywhere

VAR = contextvars.ContextVar("VAR", default="unset")


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


async def nap(seconds):
    await trio.sleep(seconds)
    return seconds * 10


async def nap_or_fail(seconds):
    if seconds == 2:
        raise OSError("two")
    return await nap(seconds)


async def stream(items, log=None):
    """
    An async iterable, and a note when it is closed.
    """
    try:
        for item in items:
            await trio.lowlevel.checkpoint()
            yield item
    finally:
        if log is not None:
            log.append("closed")


async def note(outcomes, seen, what):
    """
    Loop over outcomes and note something of each, until the loop ends one way or the other.
    """
    async for outcome in outcomes:
        seen += [getattr(outcome, what)]


async def values(outcomes):
    return [outcome.value async for outcome in outcomes]


class TestOrder:
    async def test_as_the_inputs_came(self):
        """
        Outcomes come in the order of the inputs, however long each takes.
        """
        async with tr.open_pool(3) as pool, pool.map(nap, [3, 1, 2]) as outcomes:
            assert [30, 10, 20] == await values(outcomes)
            assert 3 == trio.current_time()

    @pytest.mark.parametrize("order", [tr.Order.COMPLETION, "completion"])
    async def test_as_they_are_completed(self, order):
        """
        Outcomes come as jobs end, and each knows its input.
        """
        async with tr.open_pool(3) as pool, pool.map(nap, [3, 1, 2], order=order) as outcomes:
            seen = [(outcome.index, outcome.item, outcome.value) async for outcome in outcomes]

        assert [(1, 1, 10), (2, 2, 20), (0, 3, 30)] == seen

    async def test_an_order_that_there_is_not(self):
        """
        A wrong word is refused at once, with the right ones.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(ValueError) as caught:
                pool.map(nap, [], order="random")

        assert "'random' is no Order. It can be 'input', 'completion', or a member of Order." == str(caught.value)


class TestInputs:
    @pytest.mark.parametrize("order", tr.Order)
    @pytest.mark.parametrize("size", [1, 3])
    async def test_none(self, size, order):
        """
        Nothing to do is done at once.
        """
        async with tr.open_pool(size) as pool, pool.map(nap, [], order=order) as outcomes:
            assert [] == await values(outcomes)

    async def test_an_async_iterable(self):
        """
        Inputs may have to be waited for.
        """
        async with tr.open_pool(2) as pool, pool.map(nap, stream([2, 1])) as outcomes:
            assert [20, 10] == await values(outcomes)

    async def test_a_channel(self):
        """
        What comes through a channel is passed on while the other end is open.
        """
        send, receive = trio.open_memory_channel(0)

        async def give():
            async with send:
                for item in (1, 2):
                    await send.send(item)
                    await trio.sleep(10)

        async with tr.open_pool(2) as pool, trio.open_nursery() as nursery:
            nursery.start_soon(give)
            async with receive, pool.map(nap, receive) as outcomes:
                times = [(outcome.value, trio.current_time()) async for outcome in outcomes]

        assert [(10, 1), (20, 12)] == times

    @pytest.mark.parametrize("items", [None, 3])
    async def test_what_cannot_be_looped_over(self, items):
        """
        A mistake is told where it was made.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(TypeError, match="goes over an iterable or async iterable"):
                pool.map(nap, items)

    async def test_a_coroutine(self):
        """
        Where an await was forgotten that is told, and Python does not warn on top.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(TypeError, match=r"is neither\. Await it first\."):
                pool.map(nap, nap(1))

    async def test_what_cannot_be_called(self):
        """
        A mistake is told where it was made.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(TypeError, match="A job is an async function"):
                pool.map("nap", [])

    @pytest.mark.parametrize("order", tr.Order)
    async def test_the_iterable_fails(self, order):
        """
        Its very error comes after the outcomes of what was read before.
        """
        error = OSError("no more")

        def broken():
            yield 1
            yield 2
            raise error

        seen = []
        async with tr.open_pool(2) as pool, pool.map(nap, broken(), order=order) as outcomes:
            with pytest.raises(OSError) as caught:
                await note(outcomes, seen, "value")

        assert error is caught.value
        assert [10, 20] == seen

    async def test_inputs_that_raise_the_end_of_a_loop(self):
        """
        Inputs that are looped over with ``for`` and raise StopAsyncIteration have failed; they did not end.
        """

        def inputs():
            yield 1
            raise StopAsyncIteration

        seen = []
        async with tr.open_pool(2) as pool, pool.map(nap, inputs()) as outcomes:
            with pytest.raises(RuntimeError, match="raised StopAsyncIteration") as caught:
                await note(outcomes, seen, "value")

        assert [10] == seen
        assert isinstance(caught.value.__cause__, StopAsyncIteration)

    async def test_an_async_generator_is_closed(self):
        """
        A generator that was made for the map ends with it.
        """
        log = []
        async with tr.open_pool(1) as pool, pool.map(nap, stream([1, 2, 3, 4, 5, 6], log)) as outcomes:
            await anext(outcomes)

        assert ["closed"] == log

    @pytest.mark.parametrize("how", ["leave", "cancel"])
    async def test_a_generator_with_a_nursery(self, how):
        """
        What a generator has opened is closed in the task that has read it, however the map ends.
        """
        log = []

        async def generate():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(clean_up, 1, log)
                for item in range(9):
                    yield item

        async with tr.open_pool(1) as pool, pool.map(nap, generate()) as outcomes:
            await anext(outcomes)
            if how == "cancel":
                pool.cancel("enough")

        assert [1] == log

    async def test_context(self):
        """
        Jobs run in the context of who opened the map.
        """

        async def look(_):
            return VAR.get()

        async with tr.open_pool(1) as pool:
            VAR.set("mine")
            async with pool.map(look, range(2)) as outcomes:
                assert ["mine", "mine"] == await values(outcomes)


class TestFailures:
    @pytest.mark.parametrize("order", tr.Order)
    async def test_they_are_outcomes(self, order):
        """
        One failure loses no result, and is told as the outcome of its input.
        """
        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(1) as pool, pool.map(nap_or_fail, [1, 2, 3], order=order) as outcomes:
                seen = [(outcome.item, outcome.state, str(outcome.error)) async for outcome in outcomes]

        assert [
            (1, tr.State.FINISHED, "None"),
            (2, tr.State.FAILED, "two"),
            (3, tr.State.FINISHED, "None"),
        ] == seen
        assert [] == events

    async def test_a_value_that_is_not_there(self):
        """
        Asking for the value raises the very error, and leaves the block as it is, in no group.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(OSError, match="two"):
                async with pool.map(nap_or_fail, [1, 2, 3]) as outcomes:
                    await values(outcomes)

            assert (0, 0) == (pool.statistics().busy, pool.statistics().waiting)

    async def test_a_deadline_for_each(self):
        """
        An item that takes too long is a failure of its own.
        """

        async def limited(seconds):
            with trio.fail_after(2):
                return await nap(seconds)

        async with tr.open_pool(3) as pool, pool.map(limited, [1, 5, 1]) as outcomes:
            states = [outcome.state.value async for outcome in outcomes]
            assert 2 == trio.current_time()

        assert ["finished", "failed", "finished"] == states


class TestWindow:
    @pytest.mark.parametrize("order", tr.Order)
    async def test_reading_waits_for_who_takes(self, order):
        """
        No more inputs are read than fit into the window, and one more for each outcome that is taken.
        """
        read = []

        def inputs():
            for number in range(100):
                read.append(number)
                yield 0

        async with tr.open_pool(2) as pool, pool.map(nap, inputs(), window=5, order=order) as outcomes:
            await wait_all_tasks_blocked()
            assert 5 == len(read)
            await anext(outcomes)
            await wait_all_tasks_blocked()
            assert 6 == len(read)

    async def test_by_default(self, gauge):
        """
        It is twice as wide as the pool, and follows it.
        """
        async with tr.open_pool(3) as pool, pool.map(gauge.nap, [1] * 100) as outcomes:
            await wait_all_tasks_blocked()
            assert (3, 3) == (pool.statistics().busy, pool.statistics().waiting)
            pool.limiter.total_tokens = 4
            assert 100 == len(await values(outcomes))

        assert 4 == gauge.most

    async def test_a_pool_without_end(self, gauge):
        """
        Where there are slots without end, the window has one.
        """
        async with tr.open_pool(float("inf")) as pool, pool.map(gauge.nap, [1] * 3000) as outcomes:
            assert 3000 == len(await values(outcomes))

        assert 1000 == gauge.most

    @pytest.mark.parametrize("max_waiting", [0, 1])
    async def test_little_room(self, gauge, max_waiting):
        """
        Where the pool has no room reading waits for it.
        """
        async with tr.open_pool(2, max_waiting=max_waiting) as pool, pool.map(gauge.nap, [1] * 7) as outcomes:
            assert 7 == len(await values(outcomes))

        assert 2 == gauge.most

    async def test_constant_memory(self):
        """
        What was taken is let go.
        """

        class Thing:
            pass

        def things():
            for _ in range(2000):
                yield Thing()

        async def look(_):
            pass

        async with tr.open_pool(2) as pool, pool.map(look, things()) as outcomes:
            most = 0
            async for outcome in outcomes:
                if outcome.index % 500 == 0:
                    gc.collect()
                    most = max(most, sum(isinstance(each, Thing) for each in gc.get_objects()))

        assert most <= 6

    @pytest.mark.parametrize(("window", "error"), [(0, ValueError), (True, TypeError), (2.5, TypeError)])
    async def test_what_is_no_window(self, window, error):
        """
        A window is a whole number, at least 1.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(error, match=r"map\(window=...\)"):
                pool.map(nap, [], window=window)


class TestLeaving:
    @pytest.mark.parametrize("order", tr.Order)
    async def test_early(self, gauge, order):
        """
        Whoever has seen enough leaves: the rest is cancelled, and nothing of it is left.
        """
        async with tr.open_pool(2) as pool:
            async with pool.map(gauge.nap, [1, 100, 1, 100], order=order) as outcomes:
                await anext(outcomes)
            assert (0, 0, 1) == (gauge.now, pool.statistics().waiting, trio.current_time())

    async def test_jobs_that_take_their_time_to_end(self):
        """
        Leaving waits until they are gone.
        """
        log = []

        async def take_time(_):
            await clean_up(3, log)

        async with tr.open_pool(2) as pool:
            async with pool.map(take_time, range(5)):
                await trio.sleep(1)

            assert [4, 4] == log

    @pytest.mark.no_cancel_everywhere("its inputs raise something else when they are cancelled")
    async def test_errors_that_nobody_has_taken(self):
        """
        What failed after all, or on its way out, is told by events; and so are the inputs.
        """

        async def work(item):
            if item == 1:
                raise OSError("untaken")
            try:
                await trio.sleep(item)
            finally:
                if item == 2:
                    raise OSError("on its way out")

        def inputs():
            try:
                yield from [0, 1, 2, 3, 3, 3]
            finally:
                raise OSError("of the inputs")

        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(4) as pool, pool.map(work, inputs(), window=4) as outcomes:
                await anext(outcomes)
                await trio.sleep(1)

        told = [(event.name, event.path, str(event.error)) for event in events]
        assert [("job.failed", "pool/work", text) for text in ("untaken", "on its way out", "of the inputs")] == told

    async def test_an_error_that_was_taken(self):
        """
        Nobody is told again of what the inputs raised.
        """

        def inputs():
            raise OSError("no inputs")
            yield

        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(1) as pool:
                with pytest.raises(OSError, match="no inputs"):
                    async with pool.map(nap, inputs()) as outcomes:
                        await values(outcomes)

        assert [] == events

    async def test_taking_after_it(self):
        """
        What was cancelled can still be looked at, but it is not as if that were all.
        """
        states = []
        async with tr.open_pool(1) as pool:
            async with pool.map(nap, range(1, 9)) as outcomes:
                await anext(outcomes)
            with pytest.raises(tr.Closed, match="pool/map nap is closed"):
                await note(outcomes, states, "state")

        assert {tr.State.CANCELLED} == set(states)

    async def test_cancelled_from_outside(self, gauge):
        """
        A scope around the map ends it, with all its jobs.
        """
        async with tr.open_pool(2) as pool:
            with trio.move_on_after(1.5) as scope:
                async with pool.map(gauge.nap, [1] * 10) as outcomes:
                    await values(outcomes)

            assert scope.cancelled_caught
            assert (0, 0) == (gauge.now, pool.statistics().waiting)

    async def test_an_error_in_the_block(self, gauge):
        """
        It leaves as it is.
        """
        async with tr.open_pool(2) as pool:
            with pytest.raises(OSError, match="mine"):
                async with pool.map(gauge.nap, [1] * 10):
                    await trio.sleep(0.5)
                    raise OSError("mine")

            assert 0 == gauge.now

    async def test_a_cancelled_wait_loses_nothing(self):
        """
        Who gave up waiting for an outcome gets it next time.
        """
        async with tr.open_pool(1) as pool, pool.map(nap, [3, 1]) as outcomes:
            with trio.move_on_after(1):
                await anext(outcomes)
            assert [30, 10] == await values(outcomes)

    def test_cancelled_with_its_pool(self):
        """
        Who loops hears of the cancellation, and not of the jobs that it took along.
        """

        async def loop():
            async with tr.open_pool(4) as pool, pool.map(nap, [1] * 9) as outcomes:
                return await values(outcomes)

        assert () == cancel_everywhere(loop, schedules=3).findings

    @pytest.mark.everywhere_allow("it loops on behind a shield, and asks for values", raises=tr.JobCancelled)
    async def test_the_pool_is_cancelled(self):
        """
        Who loops is told, rather than left with half of the outcomes.
        """
        async with tr.open_pool(1) as pool:
            with trio.CancelScope(shield=True):
                async with pool.map(nap, [1, 5, 5, 5, 5]) as outcomes:
                    assert 10 == (await anext(outcomes)).value
                    pool.cancel("enough")
                    states = []
                    with pytest.raises(tr.Closed):
                        await note(outcomes, states, "state")

        assert {tr.State.CANCELLED} == set(states)

    async def test_a_closed_pool(self):
        """
        There is no map on a pool that is over.
        """
        async with tr.open_pool(1) as pool:
            pass
        with pytest.raises(tr.Closed):
            async with pool.map(nap, [1]):
                pass

    async def test_twice(self):
        """
        A map is opened once.
        """
        async with tr.open_pool(1) as pool:
            outcomes = pool.map(nap, [1])
            with pytest.raises(RuntimeError, match="has to be opened"):
                await anext(outcomes)
            async with outcomes:
                with pytest.raises(RuntimeError, match="opened once"):
                    async with outcomes:
                        pass

    async def test_repr(self):
        """
        It says how far it is.
        """
        async with tr.open_pool(1) as pool, pool.map(nap, [1, 1]) as outcomes:
            await anext(outcomes)
            assert "<Map nap: 2 read, 1 not taken>" == repr(outcomes)

    async def test_it_always_checkpoints(self):
        """
        An outcome that is there does not come for nothing.
        """
        async with tr.open_pool(1) as pool, pool.map(nap, [0]) as outcomes:
            await trio.sleep(1)
            with assert_checkpoints():
                await anext(outcomes)
            with assert_checkpoints():
                assert None is await anext(outcomes, None)


class TestInsideOfAJob:
    @pytest.mark.parametrize("order", tr.Order)
    async def test_there_is_room(self, order):
        """
        A job may loop over a map on its own pool.
        """

        async def outer(pool):
            async with pool.map(nap, [1, 2], order=order) as outcomes:
                return await values(outcomes)

        async with tr.open_pool(2) as pool:
            assert [10, 20] == await pool.run(outer, pool)

    @pytest.mark.parametrize("order", tr.Order)
    async def test_there_is_none(self, order):
        """
        Where all slots are held by such as wait that is found out.
        """

        async def outer(pool):
            async with pool.map(nap, [1, 2], order=order) as outcomes:
                return await values(outcomes)

        async with tr.open_pool(1) as pool:
            with pytest.raises(tr.PoolWouldDeadlock):
                await pool.run(outer, pool)

            assert 7 == await pool.run(seven)

    @pytest.mark.parametrize("max_waiting", [0, 1])
    async def test_there_is_none_when_an_input_comes(self, max_waiting):
        """
        That is found out too if who takes waits already, also where there is no room for the job.
        """

        async def outer(pool):
            async with pool.map(nap, later()) as outcomes:
                return await values(outcomes)

        async def later():
            await trio.sleep(1)
            for item in (1, 2):
                yield item

        async with tr.open_pool(1, max_waiting=max_waiting) as pool:
            with pytest.raises(tr.PoolWouldDeadlock):
                await pool.run(outer, pool)

    async def test_nothing_to_do(self):
        """
        A map that needs no slot is no deadlock.
        """

        async def outer(pool):
            async with pool.map(nap, []) as outcomes:
                return await values(outcomes)

        async with tr.open_pool(1) as pool:
            assert [] == await pool.run(outer, pool)


async def seven():
    return 7


class TestWhatNoPoolMayHold:
    @pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
    async def test_it_ends_the_pool(self, error):
        """
        What is no Exception is more than an outcome that somebody may or may not look at.
        """
        with pytest.RaisesGroup(type(error)):
            async with tr.open_pool(1) as pool, pool.map(fail, [error, OSError()]) as outcomes:
                async for _ in outcomes:
                    pass
