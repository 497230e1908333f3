"""
What structured concurrency elsewhere promises, told again: Kotlin's scopes and flows, Java's StructuredTaskScope, Swift's task
groups, rayon's scopes, tokio's JoinSet, anyio's task groups.

Each test is named after what it is there.
"""

import contextvars
import itertools

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, cancel_after, clean_up, fail, handle_is_over, nap, states

VAR = contextvars.ContextVar("VAR", default="unset")


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


class Falsy(Exception):
    """
    An error that is not true.
    """

    def __bool__(self):
        return False


class TestKotlin:
    async def test_coroutine_scope_fails_with_its_child(self, gauge):
        """
        A child that fails takes its siblings and the block with it.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group() as group:
                group.start_soon(gauge.nap, 9)
                group.start_soon(fail, OSError(), 1)
                await trio.sleep_forever()

        assert (0, 1) == (gauge.now, trio.current_time())

    async def test_supervisor_scope_lets_siblings_be(self):
        """
        There a failure is one child's own affair.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group(on_failure="collect") as group:
                group.start_soon(fail, OSError(), 1)
                sibling = group.start_soon(nap, 3, "value")

        assert ("value", 3) == (sibling.value, trio.current_time())

    async def test_async_tells_on_await(self):
        """
        In a pool the error of a job waits in its handle until somebody asks.
        """
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1) as pool:
                deferred = pool.start_soon(fail, OSError("deferred"))
                await trio.sleep(5)
                for _ in range(2):
                    with pytest.raises(OSError, match="deferred"):
                        await deferred.wait()

    async def test_cancel_and_join(self):
        """
        To cancel is not to be gone: the wait for the handle is.
        """
        log = []
        async with tr.open_group() as group:
            job = group.start_soon(clean_up, 3, log)
            await trio.sleep(1)
            job.cancel("enough")
            assert not job.done
            await handle_is_over(job)
            assert 4 == trio.current_time()

    async def test_a_lazy_job_that_was_cancelled_never_begins(self, gauge):
        """
        On a pool a job that is cancelled before its turn has not begun.
        """
        async with tr.open_pool(1) as pool, tr.open_group(pool=pool) as group:
            group.start_soon(gauge.nap, 1, "first")
            group.start_soon(gauge.nap, 1, "second").cancel("not needed")

        assert ["first"] == gauge.began

    async def test_limited_parallelism_is_a_view(self, gauge):
        """
        Of one limiter several groups have a share, and together no more than it has.
        """
        limiter = trio.CapacityLimiter(3)
        async with tr.open_group(limit=limiter) as one, tr.open_group(limit=limiter) as other:
            for _ in range(5):
                one.start_soon(gauge.nap, 1)
                other.start_soon(gauge.nap, 1)

        assert (3, 0) == (gauge.most, limiter.borrowed_tokens)

    async def test_flow_take_ends_upstream(self):
        """
        Whoever has taken enough ends what is in front of it.
        """
        closed, seen = [], []

        async def numbers():
            try:
                for number in itertools.count():
                    yield number
            finally:
                closed.append("closed")

        async with tr.open_pool(2) as pool, pool.map(lambda number: nap(1, number), numbers()) as outcomes:
            async for outcome in outcomes:
                seen.append(outcome.value)
                if len(seen) == 3:
                    break

        assert ([0, 1, 2], ["closed"]) == (seen, closed)

    async def test_flat_map_merge(self):
        """
        Several items are spread at a time, and what comes of them is mixed.
        """
        out = []

        async def expand(item, send):
            for part in "ab":
                await trio.sleep(item)
                await send.send(f"{item}{part}")

        async def keep(item):
            out.append(item)

        await tr.Pipeline(tr.source([3, 1]), tr.spread(expand, workers=2), tr.sink(keep)).run()

        assert ["1a", "1b", "3a", "3b"] == out


class TestJava:
    async def test_shutdown_on_success(self, gauge):
        """
        The first that succeeds ends the others; those that failed before are no matter.
        """
        won = []
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(9) as pool:
                calls = [lambda: fail(OSError(), 0.5), lambda: gauge.nap(1, "won"), lambda: gauge.nap(9, "late")]
                async with pool.map(lambda call: call(), calls, order="completion") as outcomes:
                    async for outcome in outcomes:
                        if outcome.error is None:
                            won.append(outcome.value)
                            break

        assert (["won"], 1, 0) == (won, trio.current_time(), gauge.now)

    async def test_shutdown_on_success_where_none_does(self):
        """
        When all fail, all errors are there.
        """
        async with tr.open_pool(9) as pool:
            async with pool.map(lambda number: fail(OSError(number)), range(3)) as outcomes:
                errors = [str(outcome.error) async for outcome in outcomes]

        assert ["0", "1", "2"] == errors

    async def test_fork_after_shutdown(self, gauge):
        """
        What is started after a failure is refused with the failure, where it is forgotten there.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group() as group:
                group.start_soon(fail, OSError("first"))
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                    with pytest.raises(tr.Closed) as caught:
                        group.start_soon(gauge.nap, 1)

        assert ("first", []) == (str(caught.value.__cause__), gauge.began)

    async def test_join_until(self):
        """
        A deadline around a group cancels what is not done, and what is done keeps its value.
        """
        with trio.move_on_after(2) as scope:
            async with tr.open_group() as group:
                handles = [group.start_soon(nap, seconds, seconds) for seconds in (1, 5)]

        assert scope.cancelled_caught
        assert ["finished", "cancelled"] == states(handles)
        assert 1 == handles[0].value

    async def test_scoped_values(self):
        """
        A fork sees what was bound where it was forked, on a pool too, and what it binds is its own.
        """

        async def look():
            seen = VAR.get()
            VAR.set("changed")
            return seen

        async with tr.open_pool(1) as pool, tr.open_group(pool=pool) as group:
            VAR.set("one")
            first = group.start_soon(look)
            VAR.set("two")
            second = group.start_soon(look)

        assert ("one", "two", "two") == (first.value, second.value, VAR.get())


class TestSwift:
    async def test_next_is_as_completed(self):
        """
        Results come as children end.
        """
        async with tr.open_pool(3) as pool, pool.map(lambda n: nap(n, n), [3, 1, 2], order="completion") as outcomes:
            assert [1, 2, 3] == [outcome.value async for outcome in outcomes]

    async def test_add_task_unless_cancelled(self):
        """
        A group that was cancelled takes no more, and says so.
        """
        async with tr.open_group() as group:
            group.cancel("enough")
            with pytest.raises(tr.Closed):
                group.start_soon(nap, 1)

    async def test_cancel_all_lets_children_return(self):
        """
        Children may end with a value although all was cancelled.
        """

        async def last_words():
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                return "last words"

        async with tr.open_group() as group:
            child = group.start_soon(last_words)
            await wait_all_tasks_blocked()
            group.cancel("enough")

        assert "last words" == child.value

    async def test_discarding_task_group_keeps_nothing(self):
        """
        A group that lives long does not grow with what it has done.
        """
        async with tr.open_group() as group:
            for _ in range(100):
                await group.submit(nap, 0)
                await group.wait_idle()
            assert (0, 100) == (len(group._members.jobs), group.statistics().done)


class TestRayon:
    async def test_scope_panic_is_told_when_all_are_done(self, gauge):
        """
        With errors collected, the scope ends when everybody has.
        """
        with pytest.RaisesGroup(OSError, OSError):
            async with tr.open_group(on_failure="collect", limit=2) as group:
                for seconds in (1, 2):
                    group.start_soon(fail, OSError(), seconds)
                group.start_soon(gauge.nap, 5, "done")

        assert (["done"], 6) == (gauge.began, trio.current_time())

    async def test_install_nested(self):
        """
        To enter the pool from inside of it is found out where it cannot be done; there it would steal work.
        """
        async with tr.open_pool(2) as pool:
            assert "value" == await pool.run(pool.run, nap, 1, "value")
            with pytest.raises(tr.PoolWouldDeadlock):
                await pool.run(pool.run, pool.run, nap, 1)

    async def test_scope_fifo(self, gauge):
        """
        Jobs begin in the order of their spawning.
        """
        async with tr.open_group(limit=1) as group:
            for number in range(5):
                group.start_soon(gauge.nap, 1, number)

        assert list(range(5)) == gauge.began


class TestTokio:
    async def test_join_set_abort_tasks(self):
        """
        Of those that were aborted the outcome says so, and the others have values.
        """
        async with tr.open_pool(16) as pool:
            handles = [pool.start_soon(nap, 1 if number % 3 else 9, number) for number in range(9)]
            await wait_all_tasks_blocked()
            for handle in handles[::3]:
                handle.cancel("aborted")

        assert 6 == sum(handle.state is tr.State.FINISHED for handle in handles)
        assert {"aborted"} == {handle.reason for handle in handles[::3]}

    async def test_select_biased_to_cancellation(self):
        """
        A value that is ready when the scope is cancelled is not lost: it is in the handle.
        """
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(nap, 1, "value")
            with trio.move_on_after(1):
                await handle.wait()
            assert "value" == await handle.wait()

    async def test_semaphore_close_wakes_who_waits(self):
        """
        Who waits for room in a pool that is cancelled is told.
        """
        told = []

        async def offer(pool):
            with pytest.raises(tr.Closed):
                await pool.submit(nap, 1)
            told.append(trio.current_time())

        async with trio.open_nursery() as nursery:
            async with tr.open_pool(1, max_waiting=0) as pool:
                pool.start_soon(nap, 9)
                nursery.start_soon(offer, pool)
                nursery.start_soon(offer, pool)
                await cancel_after(1, pool)

        assert [1, 1] == told


class TestAnyio:
    async def test_start_exception_is_the_callers(self):
        """
        What fails before it is ready fails the call and not the group.
        """

        async def broken(task_status):
            await trio.sleep(1)
            raise OSError("broken")

        async with tr.open_group() as group:
            with pytest.raises(OSError, match="broken"):
                await group.start(broken)
            assert group.first_error is None
            assert "value" == await group.start_soon(nap, 1, "value").wait()

    async def test_start_cancelled(self):
        """
        A start that was given up leaves nothing.
        """

        async def never(task_status):
            await trio.sleep_forever()

        async with tr.open_group() as group:
            with trio.move_on_after(1):
                await group.start(never)
            assert (0, 0, 1) == (group.statistics().waiting, group.statistics().running, group.statistics().done)

    async def test_multi_error_children(self):
        """
        Errors of children that fail while they are cancelled are kept.
        """

        async def late(text):
            try:
                await trio.sleep_forever()
            finally:
                raise OSError(text)

        with pytest.RaisesGroup(ValueError, OSError, OSError):
            async with tr.open_group() as group:
                group.start_soon(late, "one")
                group.start_soon(late, "two")
                group.start_soon(fail, ValueError(), 1)

    async def test_host_exception_and_no_child(self):
        """
        An error of the block is in a group, as from any nursery.
        """
        with pytest.RaisesGroup(ValueError):
            async with tr.open_group():
                raise ValueError


class TestThreadPool:
    """
    From the tests of `concurrent.futures`.
    """

    async def test_falsey_exceptions(self):
        """
        An error that is not true is an error all the same.
        """
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1) as pool:
                with pytest.raises(Falsy):
                    await pool.run(fail, Falsy())
                with pytest.raises(Falsy):
                    await pool.start_soon(fail, Falsy()).wait()
                async with pool.map(fail, [Falsy()]) as outcomes:
                    assert ["failed"] == [outcome.state.value async for outcome in outcomes]
            for settings in ({}, {"limit": 1}, {"on_failure": "collect"}):
                with pytest.RaisesGroup(Falsy):
                    async with tr.open_group(**settings) as group:
                        group.start_soon(fail, Falsy())
            with pytest.RaisesGroup(Falsy):
                await tr.run_actors(tr.Actor(fail, Falsy()), trio.sleep_forever)
            with pytest.RaisesGroup(Falsy):
                await tr.Pipeline(tr.source([Falsy()]), tr.sink(fail)).run()

    async def test_idle_workers_are_used_again(self):
        """
        One after the other is done by one worker.
        """

        async def who():
            return trio.lowlevel.current_task()

        async with tr.open_pool(8) as pool:
            assert 1 == len({await pool.run(who) for _ in range(20)})

    async def test_saturation(self):
        """
        There are never more workers than slots, however many jobs.
        """
        async with tr.open_pool(4) as pool:
            for _ in range(60):
                pool.start_soon(nap, 1)
            await wait_all_tasks_blocked()
            assert 4 == pool.statistics().busy

    async def test_as_completed_with_what_is_done(self):
        """
        What is done already can be waited for, as often as one likes.
        """
        async with tr.open_pool(2) as pool:
            handle = pool.start_soon(nap, 1, "value")
            assert ["value"] * 3 == [await handle.wait() for _ in range(3)]

    async def test_two_that_wait_for_one(self):
        """
        All who wait are woken.
        """
        got = []

        async def wait(handle):
            got.append(await handle.wait())

        async with tr.open_group() as group, trio.open_nursery() as nursery:
            handle = group.start_soon(nap, 1, "value")
            for _ in range(3):
                nursery.start_soon(wait, handle)

        assert ["value"] * 3 == got

    async def test_submit_while_it_shuts_down(self, gauge):
        """
        A job may bring in others until all are over, and nobody after that.
        """

        async def again(pool, left):
            await gauge.nap(1, left)
            if left:
                pool.start_soon(again, pool, left - 1)

        async with tr.open_pool(1) as pool:
            pool.start_soon(again, pool, 3)
        with pytest.raises(tr.Closed):
            pool.start_soon(nap, 1)

        assert [3, 2, 1, 0] == gauge.began
