"""
Pools, as their users see them.
"""

import contextlib
import contextvars
import functools
import math
import random

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, cancel_after, clean_up, fail, handle_is_over, nap, stale_cancelled, states, swallow
from trio_run._pool._jobs import Jobs
from trio_run._said import errors_in
from trio_run.events import JobFailed

VAR = contextvars.ContextVar("VAR", default="unset")


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


class TestOpenPool:
    @pytest.mark.parametrize("size", [True, 2.5, "8", None, math.nan])
    async def test_a_size_of_the_wrong_type(self, size):
        """
        How many is a whole number, without end, or a limiter.
        """
        with pytest.raises(TypeError) as caught:
            async with tr.open_pool(size):
                pass

        assert f"open_pool(size) takes a whole number or math.inf, not {size!r}." == str(caught.value)

    async def test_a_size_out_of_range(self):
        """
        Less than none cannot run.
        """
        with pytest.raises(ValueError) as caught:
            async with tr.open_pool(-1):
                pass

        assert "open_pool(size) has to be at least 0, not -1." == str(caught.value)

    @pytest.mark.parametrize(
        ("settings", "error", "text"),
        [
            ({"max_waiting": 2.5}, TypeError, "open_pool(max_waiting) takes a whole number or math.inf, not 2.5."),
            ({"max_waiting": -1}, ValueError, "open_pool(max_waiting) has to be at least 0, not -1."),
            ({"idle_time": "1m"}, TypeError, "open_pool(idle_time=...) takes seconds, not '1m'."),
            ({"idle_time": True}, TypeError, "open_pool(idle_time=...) takes seconds, not True."),
            ({"idle_time": 0}, ValueError, "open_pool(idle_time=...) has to be more than 0 seconds, not 0."),
            ({"idle_time": math.nan}, ValueError, "open_pool(idle_time=...) has to be more than 0 seconds, not nan."),
            ({"name": 8}, TypeError, "The name of a pool has to be a string, not 8."),
        ],
    )
    async def test_other_settings(self, settings, error, text):
        """
        What cannot be is refused before anything runs.
        """
        with pytest.raises(error) as caught:
            async with tr.open_pool(1, **settings):
                pass

        assert text == str(caught.value)

    async def test_a_number_makes_a_limiter(self):
        """
        Whatever the size was, there is a limiter to change it.
        """
        async with tr.open_pool(3) as pool:
            assert 3 == pool.limiter.total_tokens

    async def test_a_limiter_is_used_as_it_is(self):
        """
        A limiter can come from elsewhere.
        """
        limiter = trio.CapacityLimiter(2)
        async with tr.open_pool(limiter) as pool:
            assert limiter is pool.limiter

    async def test_no_limit(self, gauge):
        """
        A pool without end runs everything at once.
        """
        async with tr.open_pool(math.inf) as pool:
            for _ in range(100):
                pool.start_soon(gauge.nap, 1)

        assert 100 == gauge.most

    async def test_a_pool_that_is_not_used(self):
        """
        It costs nothing, and ends at once.
        """
        before = trio.lowlevel.current_statistics().tasks_living
        async with tr.open_pool(8) as pool:
            assert before == trio.lowlevel.current_statistics().tasks_living
        assert "<Pool pool: 0 of 8 busy, 0 waiting>" == repr(pool)


class TestStartSoon:
    async def test_the_way_of_a_job(self):
        """
        It waits, runs, and leaves its value in the handle.
        """
        seen = []
        async with tr.open_pool(1) as pool:
            pool.start_soon(nap, 1)
            handle = pool.start_soon(nap, 1, "value")
            seen += states([handle])
            await trio.sleep(1.5)
            seen += states([handle])

        assert ["waiting", "running", "finished"] == [*seen, *states([handle])]
        assert "value" == handle.value

    async def test_never_more_than_there_are_slots(self, gauge):
        """
        As many run as may, and no more.
        """
        async with tr.open_pool(3) as pool:
            for _ in range(10):
                pool.start_soon(gauge.nap, 1)

        assert 3 == gauge.most
        assert 4 == trio.current_time()

    async def test_jobs_begin_in_the_order_in_which_they_were_offered(self, gauge):
        """
        First come, first served.
        """
        async with tr.open_pool(1) as pool:
            for name in range(20):
                pool.start_soon(gauge.nap, 1, name)

        assert list(range(20)) == gauge.began

    @pytest.mark.parametrize("max_waiting", [0, 1, 3])
    async def test_no_room(self, max_waiting):
        """
        So many jobs may wait; the next is refused, until one of them begins.
        """
        async with tr.open_pool(2, max_waiting=max_waiting) as pool:
            taken = [pool.start_soon(nap, 1) for _ in range(2 + max_waiting)]
            with pytest.raises(trio.WouldBlock):
                pool.start_soon(nap, 1)
            await trio.sleep(1.5)
            taken.append(pool.start_soon(nap, 1))

        assert {"finished"} == set(states(taken))

    async def test_a_name(self):
        """
        A job is called as its function, or as it is told.
        """
        async with tr.open_pool(1) as pool:
            handles = [pool.start_soon(nap, 0), pool.start_soon(nap, 0, name="siesta")]

        assert ["nap", "siesta"] == [handle.name for handle in handles]

    async def test_what_is_no_function(self):
        """
        A wrong job is refused where it is offered.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(TypeError, match="Probably it says nap"):
                pool.start_soon(nap(1))
            with pytest.raises(TypeError, match="None cannot be called"):
                pool.start_soon(None)

    async def test_a_sync_function(self):
        """
        A function that turns out not to be async is a failure of the job.
        """
        async with tr.open_pool(1) as pool:
            with tr.use_sinks(lambda _: None):
                handle = pool.start_soon(len, "abc")
                other = pool.start_soon(nap, 1)

        assert "len is not async" in str(handle.error)
        assert ["failed", "finished"] == states([handle, other])

    async def test_a_job_raises_what_ends_a_coroutine(self):
        """
        Even StopIteration of a plain function is an error like any other.
        """
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(lambda: next(iter([])))

        assert isinstance(handle.error, StopIteration)


class TestContext:
    async def test_a_job_runs_in_the_context_of_the_offer(self):
        """
        The variables are those of the moment when the job was offered.
        """

        async def look():
            await trio.lowlevel.checkpoint()
            return VAR.get()

        async with tr.open_pool(1) as pool:
            VAR.set("first")
            first = pool.start_soon(look)
            VAR.set("second")
            second = pool.start_soon(look)
            VAR.set("third")

        assert ["first", "second"] == [first.value, second.value]

    @pytest.mark.parametrize("checkpoint", [trio.lowlevel.checkpoint, functools.partial(trio.sleep, 1)])
    async def test_what_a_job_does_to_its_context_ends_with_it(self, checkpoint):
        """
        Neither the next job of the worker nor who offered it sees what a job has set.
        """

        async def look_and_set(value):
            before = VAR.get()
            VAR.set(value)
            await checkpoint()
            return before, VAR.get()

        async with tr.open_pool(1) as pool:
            handles = [pool.start_soon(look_and_set, value) for value in range(3)]

        assert [("unset", 0), ("unset", 1), ("unset", 2)] == [handle.value for handle in handles]
        assert "unset" == VAR.get()

    async def test_workers_keep_no_context_of_who_offers(self):
        """
        What starts within a job inherits from the job, on whichever worker it runs.
        """

        async def look():
            return VAR.get()

        async def start_inside():
            async with tr.open_group() as group:
                handle = group.start_soon(look)
            return handle.value

        async with tr.open_pool(1) as pool:
            VAR.set("first")
            assert "first" == await pool.run(start_inside)
            VAR.set("second")
            assert "second" == await pool.run(start_inside)


class TestSubmit:
    async def test_it_waits_for_room_only(self):
        """
        It returns as soon as the job may wait by itself.
        """
        times = []
        async with tr.open_pool(1, max_waiting=1) as pool:
            for _ in range(4):
                await pool.submit(nap, 1)
                times.append(trio.current_time())

        assert [0, 0, 1, 2] == times

    async def test_no_job_may_wait(self):
        """
        Where there is no queue at all, it waits for a slot.
        """
        times = []
        async with tr.open_pool(2, max_waiting=0) as pool:
            for _ in range(5):
                await pool.submit(nap, 1)
                times.append(trio.current_time())

        assert [0, 0, 1, 1, 2] == times

    @pytest.mark.parametrize("max_waiting", [0, 1, 2])
    async def test_who_waits_longest_is_served_first(self, gauge, max_waiting):
        """
        Jobs are taken, and begin, in the order in which they were offered.
        """
        async with tr.open_pool(1, max_waiting=max_waiting) as pool:
            async with trio.open_nursery() as nursery:
                for name in range(8):
                    nursery.start_soon(pool.submit, gauge.nap, 1, name)
                    await wait_all_tasks_blocked()

        assert list(range(8)) == gauge.began

    async def test_nobody_gets_in_front(self):
        """
        While others wait for room, there is none for who does not want to wait.
        """
        async with tr.open_pool(1, max_waiting=1) as pool:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(pool.submit, nap, 1)
                await wait_all_tasks_blocked()
                with pytest.raises(trio.WouldBlock):
                    pool.start_soon(nap, 1)
                with pytest.raises(trio.WouldBlock):
                    pool.submit_nowait(nap, 1)

    @pytest.mark.parametrize("max_waiting", [0, 1])
    async def test_cancelled_while_it_waits(self, gauge, max_waiting):
        """
        Then the job was not taken, and who came after moves up.
        """
        async with tr.open_pool(1, max_waiting=max_waiting) as pool:
            for _ in range(1 + max_waiting):
                await pool.submit(gauge.nap, 2)
            async with trio.open_nursery() as nursery:
                with trio.move_on_after(1):
                    nursery.start_soon(pool.submit, gauge.nap, 1, "after")
                    await pool.submit(gauge.nap, 1, "cancelled")

        assert "cancelled" not in gauge.began
        assert "after" in gauge.began
        assert 2 + max_waiting == pool.statistics().done

    async def test_cancelled_before(self):
        """
        Then the job is not taken though there is room.
        """
        async with tr.open_pool(1) as pool:
            with trio.CancelScope() as scope:
                scope.cancel()
                await pool.submit(nap, 1)

        assert scope.cancelled_caught
        assert 0 == pool.statistics().done

    async def test_a_job_that_was_withdrawn_makes_room(self):
        """
        Who waits for room gets that of a job that was cancelled.
        """
        async with tr.open_pool(1, max_waiting=1) as pool:
            pool.start_soon(nap, 3)
            waiting = pool.start_soon(nap, 3)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pool.submit, nap, 1)
                await wait_all_tasks_blocked()
                waiting.cancel("not needed")
            taken_at = trio.current_time()

        assert 0 == taken_at

    async def test_it_always_checkpoints(self):
        """
        Also when there is room.
        """
        async with tr.open_pool(1) as pool:
            with assert_checkpoints():
                await pool.submit(nap, 1)

    async def test_the_pool_is_cancelled_meanwhile(self):
        """
        Who waited for room is refused, for nobody else would tell.
        """
        refused = []

        async def offer(pool):
            try:
                await pool.submit(nap, 1)
            except tr.Closed as exc:
                refused.append(str(exc))

        async with trio.open_nursery() as nursery:
            async with tr.open_pool(1, max_waiting=0) as pool:
                pool.start_soon(nap, 10)
                nursery.start_soon(offer, pool)
                await wait_all_tasks_blocked()
                pool.cancel("enough")

        assert [
            "pool is closed and did not take nap. Offer work inside its `async with` block, or while its actors run."
        ] == refused

    async def test_the_block_is_left_meanwhile(self):
        """
        Who waited for room before the block was left still gets it.
        """
        async with trio.open_nursery() as nursery:
            async with tr.open_pool(1, max_waiting=0) as pool:
                pool.start_soon(nap, 1)
                nursery.start_soon(pool.submit, nap, 1)
                await wait_all_tasks_blocked()

            assert 2 == pool.statistics().done


class TestSubmitNowait:
    async def test_a_slot_is_free(self):
        """
        The job begins at once.
        """
        async with tr.open_pool(2) as pool:
            handles = [pool.submit_nowait(nap, 1), pool.submit_nowait(nap, 1)]
            await wait_all_tasks_blocked()

            assert ["running", "running"] == states(handles)

    async def test_no_slot_is_free(self):
        """
        Waiting is out of the question.
        """
        async with tr.open_pool(1) as pool:
            pool.start_soon(nap, 1)
            with pytest.raises(trio.WouldBlock):
                pool.submit_nowait(nap, 1)
            await trio.sleep(1.5)
            handle = pool.submit_nowait(nap, 1)

        assert "finished" == handle.state.value

    async def test_jobs_wait(self):
        """
        A slot that is free but wanted is not free.
        """
        async with tr.open_pool(1) as pool:
            pool.start_soon(nap, 1)
            pool.start_soon(nap, 1)
            await trio.sleep(1)
            with pytest.raises(trio.WouldBlock):
                pool.submit_nowait(nap, 1)


class TestRun:
    async def test_value(self):
        """
        It returns what the job returns.
        """
        async with tr.open_pool(1) as pool:
            assert "value" == await pool.run(nap, 1, "value")

    async def test_it_waits_for_a_slot(self):
        """
        In the same line as all others.
        """
        async with tr.open_pool(1, max_waiting=1) as pool:
            pool.start_soon(nap, 1)
            pool.start_soon(nap, 1)
            await pool.run(nap, 1)

            assert 3 == trio.current_time()

    async def test_error(self):
        """
        The very error of the job is raised, and told of nowhere else.
        """
        error = OSError("boom")
        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(1) as pool:
                with pytest.raises(OSError, match="boom") as caught:
                    await pool.run(fail, error, 1)

        assert error is caught.value
        assert [] == events
        assert 1 == pool.statistics().failed

    async def test_an_error_that_no_pool_may_hold(self):
        """
        Who waits for a job gets this too, and the pool goes on.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(SystemExit):
                await pool.run(fail, SystemExit(3))

            assert "value" == await pool.run(nap, 1, "value")

    async def test_cancelled_while_it_waits(self, gauge):
        """
        Then the job never runs.
        """
        async with tr.open_pool(1) as pool:
            pool.start_soon(gauge.nap, 5)
            with trio.move_on_after(1) as scope:
                await pool.run(gauge.nap, 1, "cancelled")

            assert scope.cancelled_caught
            assert 1 == trio.current_time()
            assert 0 == pool.statistics().waiting

        assert "cancelled" not in gauge.began

    async def test_cancelled_while_it_waits_for_room(self, gauge):
        """
        So it is where it was not even taken.
        """
        async with tr.open_pool(1, max_waiting=0) as pool:
            pool.start_soon(gauge.nap, 5)
            with trio.move_on_after(1) as scope:
                await pool.run(gauge.nap, 1, "cancelled")

            assert scope.cancelled_caught

        assert "cancelled" not in gauge.began

    async def test_cancelled_while_the_job_runs(self):
        """
        Then the job is cancelled, and gone when the call is over.
        """
        log = []
        async with tr.open_pool(1) as pool:
            with trio.move_on_after(1) as scope:
                await pool.run(clean_up, 3, log)
            log.append("after")

        assert scope.cancelled_caught
        assert [4, "after"] == log

    async def test_cancelled_before(self, gauge):
        """
        Then nothing is done.
        """
        async with tr.open_pool(1) as pool:
            with trio.CancelScope() as scope:
                scope.cancel()
                await pool.run(gauge.nap, 1)

        assert scope.cancelled_caught
        assert [] == gauge.began

    async def test_a_job_that_returns_although_cancelled(self):
        """
        A value that is there is not thrown away.
        """
        async with tr.open_pool(1) as pool:
            with trio.move_on_after(0.5):
                value = await pool.run(swallow, "value")

        assert "value" == value

    async def test_a_job_that_fails_when_cancelled(self):
        """
        An error is not thrown away either.
        """

        async def fail_in_cleanup():
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("boom")

        async with tr.open_pool(1) as pool:
            with pytest.raises(OSError, match="boom"):
                with trio.move_on_after(0.5):
                    await pool.run(fail_in_cleanup)

    @pytest.mark.parametrize("seconds", [0, 5])
    async def test_the_pool_is_cancelled(self, seconds):
        """
        Who calls from outside of the block is told so.
        """
        caught = []

        async def call(pool):
            try:
                await pool.run(nap, 10)
            except tr.JobCancelled as exc:
                caught.append(str(exc))

        async with trio.open_nursery() as nursery:
            async with tr.open_pool(1) as pool:
                if seconds:
                    pool.start_soon(nap, seconds)
                nursery.start_soon(call, pool)
                await trio.sleep(1)
                pool.cancel("enough")

        assert ["nap has no value: it was cancelled (enough)."] == caught

    async def test_the_pool_is_cancelled_before_there_was_room(self):
        """
        Then the job was never taken.
        """

        async def call(pool):
            with pytest.raises(tr.Closed):
                await pool.run(nap, 10)

        async with trio.open_nursery() as nursery:
            async with tr.open_pool(1, max_waiting=0) as pool:
                pool.start_soon(nap, 10)
                nursery.start_soon(call, pool)
                await wait_all_tasks_blocked()
                pool.cancel("enough")

    async def test_it_always_checkpoints(self):
        """
        Also for a job that never waits.
        """
        async with tr.open_pool(1) as pool:
            with assert_checkpoints():
                await pool.run(stale_cancelled)


class TestStart:
    async def test_ready(self):
        """
        It returns what the job says when it is ready, and the job goes on.
        """
        log = []

        async def serve(port, *, task_status):
            await trio.sleep(1)
            task_status.started(port + 1)
            await trio.sleep(2)
            log.append(trio.current_time())

        async with tr.open_pool(1) as pool:
            assert 8081 == await pool.start(serve, 8080)
            assert 1 == trio.current_time()

        assert [3] == log

    async def test_it_fails_before(self):
        """
        The error is for who asked for the start.
        """

        async def serve(*, task_status):
            raise OSError("boom")

        async with tr.open_pool(1) as pool:
            with pytest.raises(OSError, match="boom"):
                await pool.start(serve)

            assert "value" == await pool.run(nap, 1, "value")

    async def test_it_fails_afterwards(self):
        """
        From then on an error is that of any job.
        """
        error = OSError("boom")
        events = []

        async def serve(*, task_status):
            task_status.started()
            await fail(error, 1)

        with tr.use_sinks(events.append):
            async with tr.open_pool(1) as pool:
                await pool.start(serve)
                await trio.sleep(2)

        assert [("pool/serve", error)] == [(event.path, event.error) for event in events]

    async def test_it_returns_before(self):
        """
        As with a nursery, that is a mistake of the job.
        """

        async def serve(*, task_status):
            await trio.lowlevel.checkpoint()

        async with tr.open_pool(1) as pool:
            with pytest.raises(RuntimeError, match="without calling"):
                await pool.start(serve)

    async def test_cancelled(self):
        """
        A start that nobody waits for any more is undone.
        """
        log = []

        async def serve(*, task_status):
            await clean_up(1, log)

        async with tr.open_pool(1) as pool:
            with trio.move_on_after(1):
                await pool.start(serve)
            log.append("after")

        assert [2, "after"] == log

    async def test_refused(self):
        """
        A pool that is over starts nothing, and what is no function is not started either.
        """
        async with tr.open_pool(1) as pool:
            with pytest.raises(TypeError, match="42 cannot be called"):
                await pool.start(42)
        with pytest.raises(tr.Closed):
            await pool.start(nap)


class TestHandleCancel:
    async def test_a_job_that_waits(self, gauge):
        """
        It never runs, and others do.
        """
        async with tr.open_pool(1) as pool:
            first = pool.start_soon(gauge.nap, 1, "first")
            second = pool.start_soon(gauge.nap, 1, "second")
            third = pool.start_soon(gauge.nap, 1, "third")
            second.cancel("not needed")

            assert tr.State.CANCELLED is second.state

        assert ["first", "third"] == gauge.began
        assert ["finished", "cancelled", "finished"] == states([first, second, third])
        with pytest.raises(tr.JobCancelled, match="not needed"):
            await second.wait()

    async def test_a_job_on_its_way_to_a_worker(self, gauge):
        """
        One that has a worker, but was not begun, never will be.
        """
        async with tr.open_pool(1) as pool:
            first = pool.start_soon(gauge.nap, 1, "first")
            first.cancel()
            second = pool.start_soon(gauge.nap, 1, "second")
            await trio.sleep(5)
            third = pool.start_soon(gauge.nap, 1, "third")
            third.cancel()

        assert ["second"] == gauge.began
        assert ["cancelled", "finished", "cancelled"] == states([first, second, third])

    async def test_a_job_that_runs(self, gauge):
        """
        Only that one is cancelled, and its worker goes on with the next.
        """
        async with tr.open_pool(2) as pool:
            handles = [pool.start_soon(gauge.nap, 3, name) for name in range(3)]
            await trio.sleep(1)
            handles[0].cancel("not needed")
            await trio.sleep(1)

            assert ["cancelled", "running", "running"] == states(handles)

        assert 4 == trio.current_time()
        assert ["cancelled", "finished", "finished"] == states(handles)
        with pytest.raises(tr.JobCancelled, match="not needed"):
            await handles[0].wait()

    async def test_the_reason_reaches_the_job(self):
        """
        A job that is cancelled can see why.
        """
        seen = []

        async def look():
            try:
                await trio.sleep_forever()
            except trio.Cancelled as exc:
                seen.append(exc.reason)
                raise

        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(look)
            await trio.sleep(1)
            handle.cancel("not needed")

        assert ["not needed"] == seen

    async def test_a_cancellation_ends_with_its_job(self):
        """
        The next job of the worker is not touched, even if the cancelled one had nothing to notice it by.
        """

        async def cancel_itself(handles):
            handles[0].cancel()

        handles = []
        async with tr.open_pool(1) as pool:
            handles.append(pool.start_soon(cancel_itself, handles))
            handles += [pool.start_soon(nap, 1), pool.start_soon(nap, 1)]

        assert ["finished"] * 3 == states(handles)

    async def test_a_job_that_returns_all_the_same(self):
        """
        It has finished, and its value is there.
        """
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(swallow, "value")
            await trio.sleep(0.5)
            handle.cancel()
            after = pool.start_soon(nap, 1)

        assert ["finished", "finished"] == states([handle, after])
        assert "value" == handle.value

    async def test_a_job_that_fails_on_its_way_out(self):
        """
        It has failed: errors count more than cancellation.
        """
        error = OSError("boom")

        async def fail_in_cleanup():
            try:
                await trio.sleep_forever()
            finally:
                raise error

        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(fail_in_cleanup)
            await trio.sleep(1)
            handle.cancel()
            after = pool.start_soon(nap, 1)

        assert ["failed", "finished"] == states([handle, after])
        assert error is handle.error

    async def test_a_job_with_tasks_that_fail_on_their_way_out(self):
        """
        Of a group with both, the errors are kept.
        """
        error = OSError("boom")

        async def fail_in_cleanup():
            try:
                await trio.sleep_forever()
            finally:
                raise error

        async def work():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail_in_cleanup)
                nursery.start_soon(trio.sleep_forever)

        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(work)
            await trio.sleep(1)
            handle.cancel()
            after = pool.start_soon(nap, 1)

        assert ["failed", "finished"] == states([handle, after])
        assert (error,) == handle.error.exceptions

    async def test_twice(self):
        """
        To cancel again changes nothing.
        """
        log = []
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(clean_up, 1, log)
            await trio.sleep(1)
            handle.cancel()
            handle.cancel()
            await handle_is_over(handle)
            handle.cancel()

        assert [2] == log


class TestFailure:
    async def test_one_failure_loses_nothing(self):
        """
        The results of all others are there, and the workers too.
        """
        async with tr.open_pool(2) as pool:
            handles = [
                pool.start_soon(fail, OSError(n)) if n % 3 == 0 else pool.start_soon(nap, 1, n) for n in range(9)
            ]
            await trio.sleep(10)

            assert 2 == pool.statistics().idle

        assert [1, 2, 4, 5, 7, 8] == [handle.value for handle in handles if handle.error is None]
        assert [0, 3, 6] == [handle.error.args[0] for handle in handles if handle.error is not None]

    async def test_it_is_heard_of(self):
        """
        When it happens an event says so, to the sinks of who opened the pool.
        """
        events = []
        error = OSError("boom")
        with tr.use_sinks(events.append):
            async with tr.open_pool(1, name="mill") as pool:
                with tr.use_sinks(lambda _: pytest.fail("The sinks of who offers the job do not matter.")):
                    pool.start_soon(fail, error, 2)

        (event,) = events
        assert isinstance(event, JobFailed)
        assert ("mill/fail", 2, error) == (event.path, event.time, event.error)

    async def test_in_a_supervised_child(self):
        """
        Then the path starts with that of the child.
        """
        events = []

        async def child():
            async with tr.open_pool(1) as pool:
                pool.start_soon(fail, OSError("boom"))

        with tr.use_sinks(events.append):
            async with tr.open_supervisor("shop", tr.Child(child, name="web", restart="never")):
                await trio.sleep(1)

        assert ["shop/web/pool/fail"] == [event.path for event in events if event.name == "job.failed"]

    async def test_a_group_is_a_failure_too(self):
        """
        Whatever number of errors.
        """
        error = ExceptionGroup("both", [OSError(), ValueError()])
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(fail, error)

        assert error is handle.error

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), BaseException("odd")])
    async def test_what_no_pool_may_hold(self, error):
        """
        It leaves the block, in a group, and all other jobs are cancelled.
        """
        with pytest.raises(BaseExceptionGroup) as caught:
            async with tr.open_pool(2) as pool:
                handles = [pool.start_soon(fail, error, 1), pool.start_soon(nap, 5), pool.start_soon(nap, 5)]
                await trio.sleep_forever()

        assert (error,) == caught.value.exceptions
        assert ["failed", "cancelled", "cancelled"] == states(handles)
        assert error is handles[0].error
        with pytest.raises(tr.Closed) as refused:
            pool.start_soon(nap, 1)
        assert error is refused.value.__cause__

    @pytest.mark.parametrize("after", [0, 1])
    async def test_a_cancelled_that_nobody_sent(self, after):
        """
        It is a failure of the job, and not taken for a cancellation of the worker.
        """
        stale = await stale_cancelled()
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(fail, stale, after, name="leaky")
            after = pool.start_soon(nap, 1)

        assert ["failed", "finished"] == states([handle, after])
        assert isinstance(handle.error, tr.LeakedCancelled)
        assert "pool/leaky" == handle.error.path
        assert stale is handle.error.__cause__

    async def test_a_sink_that_raises(self):
        """
        It hurts nobody.
        """

        def broken(_):
            raise ValueError

        with tr.use_sinks(broken):
            async with tr.open_pool(1) as pool:
                handles = [pool.start_soon(fail, OSError()), pool.start_soon(nap, 1)]

        assert ["failed", "finished"] == states(handles)


class TestLeaving:
    async def test_it_waits_for_every_job(self):
        """
        Those that run, and those that wait.
        """
        async with tr.open_pool(1) as pool:
            handles = [pool.start_soon(nap, 1) for _ in range(3)]

        assert 3 == trio.current_time()
        assert ["finished"] * 3 == states(handles)

    async def test_jobs_may_bring_in_others(self):
        """
        As long as there are jobs the pool is there for them.
        """
        handles = []

        async def split(pool, number):
            await trio.sleep(1)
            handles.extend(pool.start_soon(split, pool, number - 1) for _ in range(number))

        async with tr.open_pool(2) as pool:
            pool.start_soon(split, pool, 3)

        assert ["finished"] * 15 == states(handles)

    async def test_no_job_after_that(self, gauge):
        """
        A pool that is over refuses, and says what it refused.
        """
        async with tr.open_pool(1, name="mill") as pool:
            pass
        for offer in (pool.start_soon, pool.submit_nowait):
            with pytest.raises(tr.Closed) as caught:
                offer(gauge.nap, 1)
            assert ("mill", "Gauge.nap") == (caught.value.owner, caught.value.job)
        for offer in (pool.submit, pool.run, pool.start):
            with pytest.raises(tr.Closed):
                await offer(gauge.nap, 1)

        assert [] == gauge.began

    async def test_it_leaves_nothing_behind(self):
        """
        All tokens are back, and no task is left.
        """
        limiter = trio.CapacityLimiter(4)
        before = trio.lowlevel.current_statistics().tasks_living
        async with tr.open_pool(limiter) as pool:
            for _ in range(10):
                pool.start_soon(nap, 1)

        assert 0 == limiter.borrowed_tokens
        assert before == trio.lowlevel.current_statistics().tasks_living

    @pytest.mark.parametrize(("verb", "max_waiting"), [("run", 5), ("run", 0), ("submit", 0)])
    async def test_the_last_offer_was_given_up(self, verb, max_waiting):
        """
        With no jobs left the pool ends, though its limiter never had a token to give.
        """

        async def give_up(pool):
            with trio.move_on_after(1):
                await getattr(pool, verb)(nap, 1)

        async with trio.open_nursery() as nursery:
            async with tr.open_pool(0, max_waiting=max_waiting) as pool:
                nursery.start_soon(give_up, pool)
                await wait_all_tasks_blocked()

            assert 1 == trio.current_time()

    async def test_the_last_job_was_cancelled(self):
        """
        So it is where the job was taken.
        """
        async with trio.open_nursery() as nursery:
            async with tr.open_pool(0) as pool:
                handle = pool.start_soon(nap, 1)
                nursery.start_soon(cancel_after, 1, handle)

            assert 1 == trio.current_time()

    async def test_the_limiter_is_closed_when_the_last_job_ends(self):
        """
        The same, where the limiter was set to none while the last job ran.
        """
        async with tr.open_pool(1) as pool:
            pool.start_soon(nap, 1)
            pool.start_soon(nap, 1)
            await trio.sleep(1.5)
            pool.limiter.total_tokens = 0

        assert 2 == trio.current_time()


class TestCancelling:
    """
    However a pool is cancelled, all jobs are, and gone when its block is over.
    """

    async def check(self, log, handles, pool, reason):
        """
        What holds in all cases.
        """
        assert [4] == log
        assert 4 == trio.current_time()
        assert ["cancelled"] * 3 == states(handles)
        assert 0 == pool.limiter.borrowed_tokens
        for handle in handles:
            with pytest.raises(tr.JobCancelled, match=reason):
                await handle.wait()

    def fill(self, pool, log):
        """
        A job that takes its time to end, one that does not, and one that waits.
        """
        return [pool.start_soon(clean_up, 3, log), pool.start_soon(nap, 10), pool.start_soon(nap, 10)]

    async def test_by_request(self):
        """
        The block is cancelled as well, and ends without an error.
        """
        log = []
        async with tr.open_pool(2) as pool:
            handles = self.fill(pool, log)
            await trio.sleep(1)
            pool.cancel("enough")
            assert tr.State.CANCELLED is handles[2].state
            with pytest.raises(tr.Closed):
                pool.start_soon(nap, 1)
            with pytest.raises(trio.Cancelled):
                await trio.sleep_forever()

        await self.check(log, handles, pool, "enough")

    @pytest.mark.parametrize("verb", ["submit", "run", "start"])
    async def test_by_request_while_the_block_waits_for_room(self, verb):
        """
        Who waits inside of the block is cancelled with it, and nothing is raised.
        """
        async with trio.open_nursery() as nursery:
            async with tr.open_pool(1, max_waiting=0) as pool:
                pool.start_soon(nap, 9)
                nursery.start_soon(cancel_after, 1, pool)
                await getattr(pool, verb)(nap, 1)

        assert 1 == trio.current_time()

    async def test_by_request_after_the_block(self):
        """
        It comes in time while the pool waits for its jobs.
        """
        log = []
        async with trio.open_nursery() as nursery:
            async with tr.open_pool(2) as pool:
                handles = self.fill(pool, log)
                nursery.start_soon(cancel_after, 1, pool)

        await self.check(log, handles, pool, "enough")

    @pytest.mark.parametrize("stay", [0, 10])
    async def test_from_outside(self, stay):
        """
        Whether the block is still there or has been left.
        """
        log = []
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_after, 1, scope)
                async with tr.open_pool(2) as pool:
                    handles = self.fill(pool, log)
                    await trio.sleep(stay)

        assert scope.cancelled_caught
        await self.check(log, handles, pool, "enough")
        with pytest.raises(tr.Closed):
            pool.start_soon(nap, 1)

    async def test_by_an_error_in_the_block(self):
        """
        The error leaves the block in a group, and is the cause why jobs are refused.
        """
        log = []
        error = OSError("boom")
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="boom")):
            async with tr.open_pool(2) as pool:
                handles = self.fill(pool, log)
                await trio.sleep(1)
                raise error

        await self.check(log, handles, pool, "boom")
        with pytest.raises(tr.Closed) as refused:
            pool.start_soon(nap, 1)
        assert error is refused.value.__cause__

    async def test_idle_workers(self):
        """
        A pool at rest is cancelled as well as one at work.
        """
        with trio.move_on_after(2) as scope:
            async with tr.open_pool(2) as pool:
                pool.start_soon(nap, 1)
                await trio.sleep_forever()

        assert scope.cancelled_caught
        assert 2 == trio.current_time()

    async def test_a_job_that_returns_all_the_same(self):
        """
        What is cancelled with the pool may finish too.
        """
        with trio.move_on_after(0.5):
            async with tr.open_pool(1) as pool:
                handles = [pool.start_soon(swallow, "value"), pool.start_soon(nap, 1)]

        assert ["finished", "cancelled"] == states(handles)

    async def test_jobs_offered_by_a_job_that_is_cancelled(self):
        """
        Nothing that was taken is forgotten, however late it came.
        """
        handles = []

        async def offer_in_cleanup(pool):
            try:
                await trio.sleep_forever()
            finally:
                handles.extend(pool.start_soon(nap, 1) for _ in range(3))

        with trio.move_on_after(1):
            async with tr.open_pool(1) as pool:
                pool.start_soon(offer_in_cleanup, pool)

        assert ["cancelled"] * 3 == states(handles)


class TestStatistics:
    async def test_counts(self):
        """
        Everything is counted that is there, and that was.
        """
        async with tr.open_pool(2) as pool:
            handles = [pool.start_soon(nap, 2) for _ in range(2)]
            handles += [pool.start_soon(fail, OSError()), pool.start_soon(nap, 5), pool.start_soon(nap, 5)]
            handles[4].cancel()
            await trio.sleep(1)
            now = pool.statistics()
            await trio.sleep(2)
            later = pool.statistics()

        assert tr.PoolStatistics(total=2, busy=2, idle=0, waiting=2, oldest_wait=1.0, done=1, failed=0) == now
        assert tr.PoolStatistics(total=2, busy=1, idle=1, waiting=0, oldest_wait=0.0, done=4, failed=1) == later
        assert (
            tr.PoolStatistics(total=2, busy=0, idle=0, waiting=0, oldest_wait=0.0, done=5, failed=1)
            == pool.statistics()
        )

    async def test_a_picture_of_one_moment(self):
        """
        It does not change afterwards.
        """
        async with tr.open_pool(2) as pool:
            with pytest.raises(AttributeError):
                pool.statistics().busy = 1

    async def test_the_oldest_wait(self):
        """
        It is that of the job that was offered first and has not begun, whether it was taken or stands in line.
        """
        async with tr.open_pool(1, max_waiting=1) as pool, trio.open_nursery() as nursery:
            pool.start_soon(nap, 10)
            await trio.sleep(1)
            first = pool.start_soon(nap, 1)
            await trio.sleep(1)
            nursery.start_soon(pool.submit, nap, 1)
            await trio.sleep(1)
            assert 2 == pool.statistics().oldest_wait
            first.cancel()
            assert 1 == pool.statistics().oldest_wait


class TestSaturation:
    async def test_a_pool_that_is_full_for_a_while(self):
        """
        It is told once when there is no room, and once when half of it is free again.
        """
        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(1, max_waiting=4) as pool:
                for _ in range(5):
                    pool.start_soon(nap, 1)
                for _ in range(2):
                    with pytest.raises(trio.WouldBlock):
                        pool.start_soon(nap, 1)
                await trio.sleep(1.5)
                pool.start_soon(nap, 1)

        assert [
            ("pool.saturated", "pool", 0, 1, 4),
            ("pool.recovered", "pool", 3, 1, 2),
        ] == [(event.name, event.path, event.time - events[0].time, event.total, event.waiting) for event in events]

    async def test_somebody_stands_in_line(self):
        """
        A call that has to wait for room tells as much as one that is refused.
        """
        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(1, max_waiting=0) as pool:
                await pool.submit(nap, 1)
                await pool.submit(nap, 1)

        assert ["pool.saturated", "pool.recovered"] == [event.name for event in events]


class TestWaitIdle:
    async def test_many_who_wait(self):
        """
        All are woken when the last job is over, and not before.
        """
        times = []

        async def wait():
            await pool.wait_idle()
            times.append(trio.current_time())

        async with tr.open_pool(2) as pool, trio.open_nursery() as nursery:
            for seconds in (1, 2, 3):
                pool.start_soon(nap, seconds)
            for _ in range(3):
                nursery.start_soon(wait)

        assert [4, 4, 4] == times

    async def test_nothing_to_wait_for(self):
        """
        It is a checkpoint all the same.
        """
        async with tr.open_pool(2) as pool:
            with assert_checkpoints():
                await pool.wait_idle()

    async def test_the_last_job_is_cancelled(self):
        """
        A job that never begins is over too.
        """
        async with tr.open_pool(0) as pool, trio.open_nursery() as nursery:
            handle = pool.start_soon(nap, 1)
            nursery.start_soon(pool.wait_idle)
            await wait_all_tasks_blocked()
            handle.cancel()

    async def test_from_inside_of_a_job(self):
        """
        A job would wait for itself, and is told.
        """
        async with tr.open_pool(2) as pool:
            with pytest.raises(tr.WouldDeadlock):
                await pool.run(pool.wait_idle)

    async def test_a_circle_through_a_handle(self):
        """
        A job that waits for another pool to be idle, where a job of that waits for it, is found out; slots are free.
        """

        async def wait_for_the_other():
            await other.wait_idle()

        async def wait_for(handle):
            await trio.sleep(1)
            await handle.wait()

        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(5, name="one") as one, tr.open_pool(5, name="other") as other:
                handles = [one.start_soon(wait_for_the_other)]
                handles.append(other.start_soon(wait_for, handles[0]))

        assert ["finished", "failed"] == states(handles)
        assert ("one/wait_for_the_other", "other/wait_for") == (handles[1].error.path, handles[1].error.caller)

    async def test_a_circle_of_idle_pools(self):
        """
        So are jobs of two pools each of which waits for the other pool.
        """

        async def wait_for(pool):
            await trio.lowlevel.checkpoint()
            await pool.wait_idle()

        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(5, name="one") as one, tr.open_pool(5, name="other") as other:
                handles = [one.start_soon(wait_for, other), other.start_soon(wait_for, one)]

        assert ["failed", "finished"] == sorted(states(handles))


class TestHandleWait:
    async def test_a_full_pool(self):
        """
        Waiting for a handle of its own full pool raises in a job, rather than for ever.
        """

        async def outer(pool):
            return await pool.start_soon(nap, 1, 7).wait()

        async with tr.open_pool(1) as pool:
            with pytest.raises(tr.PoolWouldDeadlock) as caught:
                await pool.run(outer, pool)

        assert ("pool/outer", 1) == (caught.value.caller, caught.value.slots)

    async def test_there_is_a_slot(self):
        """
        A job may wait for others where they have slots, also when those came free late.
        """

        async def outer(pool):
            return await pool.start_soon(nap, 1, 7).wait()

        async with tr.open_pool(2) as pool:
            pool.start_soon(nap, 3)
            assert 7 == await pool.run(outer, pool)
            assert 4 == trio.current_time()

    async def test_its_own_handle(self):
        """
        A job cannot wait for itself.
        """
        handles = []

        async def outer():
            await handles[0].wait()

        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(2) as pool:
                handles.append(pool.start_soon(outer))

        assert isinstance(handles[0].error, tr.WouldDeadlock)

    async def test_a_handle_of_who_waits_for_it(self):
        """
        Nor for one that waits for it, whatever else runs.
        """

        async def inner():
            await handles[0].wait()

        async def outer(pool):
            await trio.lowlevel.checkpoint()
            await pool.run(inner)

        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(5) as pool:
                handles = [pool.start_soon(outer, pool)]

        assert ("pool/outer", "pool/inner") == (handles[0].error.path, handles[0].error.caller)

    async def test_each_other(self):
        """
        Two jobs that wait for each other are found out.
        """
        handles = []

        async def outer(other):
            await trio.sleep(1)
            return await handles[other].wait()

        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(2) as pool:
                handles += [pool.start_soon(outer, 1), pool.start_soon(outer, 0)]

        assert handles[0].error is handles[1].error
        assert isinstance(handles[0].error, tr.WouldDeadlock)

    async def test_a_circle_beside_others(self):
        """
        Jobs that wait for each other in a circle are found out at once, whatever else runs, in tasks of theirs and in other pools too.
        """
        handles = []

        async def outer(other, pool):
            await trio.lowlevel.checkpoint()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(inner, other, pool)

        async def inner(other, pool):
            await pool.run(handles[other].wait)

        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(9, name="one") as one, tr.open_pool(9, name="two") as two:
                handles += [one.start_soon(outer, 1, two), two.start_soon(outer, 2, one), one.start_soon(outer, 0, one)]
                busy = one.start_soon(nap, 9)
                await trio.sleep(1)
                assert ["failed"] * 3 + ["running"] == states([*handles, busy])

        assert all(handle.error.split(tr.WouldDeadlock)[1] is None for handle in handles)

    @pytest.mark.parametrize("slots", [2, 3])
    async def test_a_circle_that_time_opens(self, slots):
        """
        Who gives up some day is in no circle.
        """
        handles = []

        async def impatient():
            with trio.move_on_after(2):
                await handles[1].wait()
            return "gave up"

        async def patient():
            return await handles[0].wait()

        async with tr.open_pool(slots) as pool:
            handles += [pool.start_soon(impatient), pool.start_soon(patient)]
            assert "gave up" == await handles[1].wait()

    async def test_a_wait_that_was_cancelled(self):
        """
        It does not count any more.
        """

        async def outer(pool):
            handle = pool.start_soon(nap, 1)
            with trio.move_on_after(1):
                await handle.wait()
            return "gave up"

        async with tr.open_pool(2) as pool:
            pool.start_soon(nap, 5)
            assert "gave up" == await pool.run(outer, pool)
            assert {} == pool._intake.jobs.askers.counts


class Odd(Exception):
    """
    What jobs of a storm raise.
    """


class Storm:
    """
    A pool under random load.
    """

    def __init__(self, chance):
        self.chance = chance
        self.pool = None
        self.limiter = trio.CapacityLimiter(chance.randrange(1, 5))
        self.allowed = self.limiter.total_tokens
        self.running = 0
        self.handles = []
        self.breaches = []
        self.began = 0
        self.per_worker = None
        self.open = 0

    @contextlib.asynccontextmanager
    async def connect(self):
        """
        Open something for a worker that may fail at each turn.
        """
        await self.pause()
        self.fail_at_times("it cannot be opened")
        self.open += 1
        try:
            with trio.move_on_after(self.chance.choice([1, math.inf, math.inf])):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.break_off, self.chance.choice([1, math.inf, math.inf]))
                    yield
                    nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await self.pause()
            self.fail_at_times("it cannot be closed")
        finally:
            self.open -= 1

    def fail_at_times(self, text):
        if self.chance.random() < 0.1:
            raise Odd(text)

    async def break_off(self, seconds):
        await trio.sleep(seconds)
        raise Odd("it broke")

    async def blow(self, how):
        """
        Open a pool, have it rage, and end it one way or the other.
        """
        max_waiting = self.chance.choice([0, 1, 5, math.inf, math.inf])
        idle_time = self.chance.choice([0.5, 60])
        with trio.move_on_after(self.chance.uniform(5, 20) if how == "outside" else math.inf):
            settings = {"max_waiting": max_waiting, "idle_time": idle_time, "per_worker": self.per_worker}
            async with tr.open_pool(self.limiter, **settings) as self.pool:
                async with trio.open_nursery() as nursery:
                    for _ in range(4):
                        nursery.start_soon(self.offer_many)
                    nursery.start_soon(self.resize_often)
                    nursery.start_soon(self.cancel_some)
                    if how in {"cancel", "error"}:
                        await trio.sleep(self.chance.uniform(5, 20))
                        if how == "error":
                            raise Odd("the block")
                        self.pool.cancel("enough")

    async def offer_many(self):
        """
        Offer jobs in every way there is.
        """
        for _ in range(40):
            await self.pause()
            with contextlib.suppress(trio.WouldBlock, tr.Closed):
                match self.chance.randrange(4):
                    case 0:
                        self.handles.append(self.pool.start_soon(self.job))
                    case 1:
                        self.handles.append(self.pool.submit_nowait(self.job))
                    case 2:
                        self.handles.append(await self.pool.submit(self.job))
                    case 3:
                        await self.call(self.chance.choice([0.2, 2, math.inf]))

    async def call(self, patience):
        """
        Wait for a job, but not too long.
        """
        with trio.move_on_after(patience):
            try:
                await self.pool.run(self.job)
            except* (Odd, tr.LeakedCancelled, tr.WouldDeadlock, tr.JobCancelled, tr.Closed):
                pass

    async def job(self):
        """
        Do something.
        """
        self.began += 1
        self.running += 1
        if self.running > min(self.limiter.borrowed_tokens, self.allowed):
            self.breaches.append((self.running, self.limiter.borrowed_tokens, self.allowed))
        try:
            await self.act()
        finally:
            self.running -= 1

    async def act(self):
        match self.chance.randrange(12):
            case 0 | 1 | 2:
                pass
            case 3 | 4:
                await trio.lowlevel.checkpoint()
            case 5 | 6:
                await trio.sleep(self.chance.uniform(0, 3))
            case 7:
                await self.pause()
                raise Odd("a job")
            case 8:
                raise await stale_cancelled()
            case 9:
                await swallow("value")
            case 10:
                await self.call(self.chance.choice([0.2, 2]))
            case 11 if len(self.handles) < 300:
                with contextlib.suppress(trio.WouldBlock, tr.Closed):
                    self.handles.append(self.pool.start_soon(self.job))

    async def pause(self):
        if self.chance.random() < 0.7:
            await trio.sleep(self.chance.uniform(0, 0.5))

    async def resize_often(self):
        """
        Have fewer slots, or more.
        """
        for size in [*(self.chance.randrange(5) for _ in range(15)), 2]:
            self.allowed = max(self.allowed, size)
            self.limiter.total_tokens = size
            for _ in range(3):  # A job that had a token before may begin after.
                await trio.lowlevel.checkpoint()
            self.allowed = size
            await trio.sleep(self.chance.uniform(0, 2))

    async def cancel_some(self):
        """
        Cancel a job here and there.
        """
        for _ in range(40):
            await self.pause()
            if self.handles:
                self.chance.choice(self.handles[-10:]).cancel("bad luck")


class TestLaws:
    """
    Whatever happens to a pool, its promises hold.
    """

    @pytest.mark.parametrize("how", ["leave", "cancel", "outside", "error"])
    @pytest.mark.parametrize("seed", range(25))
    @pytest.mark.parametrize("equipped", [False, True])
    async def test_nothing_is_lost_in_a_storm(self, equipped, seed, how, monkeypatch):
        """
        Every job is settled once, none runs without a token, and nothing is left behind; also where what workers open breaks.
        """
        events, settled = [], []
        for way in ("finish", "settle"):
            kept = getattr(Jobs, way)

            def note_and_settle(jobs, job, *args, kept=kept, **kwargs):
                settled.append(job)
                kept(jobs, job, *args, **kwargs)

            monkeypatch.setattr(Jobs, way, note_and_settle)
        storm = Storm(random.Random(seed))
        storm.per_worker = tr.PerWorker(storm.connect, broken_by=()) if equipped else None
        tasks = trio.lowlevel.current_statistics().tasks_living
        with tr.use_sinks(events.append):
            try:
                await storm.blow(how)
            except* Odd:
                assert "error" == how

        assert [] == storm.breaches
        assert storm.handles
        errors = [event.error for event in events if isinstance(event, JobFailed)]
        errors = [inner for error in errors for inner in errors_in(error) or (error,)]
        assert all(isinstance(error, (Odd, tr.LeakedCancelled, tr.WouldDeadlock)) for error in errors)
        assert all(handle.done for handle in storm.handles)
        assert len(set(map(id, settled))) == len(settled)
        assert {True} == {handle in settled for handle in storm.handles}
        assert (0, 0, 0) == (storm.running, storm.open, storm.limiter.borrowed_tokens)
        assert 0 == storm.limiter.statistics().tasks_waiting
        assert tasks == trio.lowlevel.current_statistics().tasks_living

    @pytest.mark.parametrize("how", ["leave", "cancel"])
    @pytest.mark.parametrize("seed", range(25))
    async def test_nor_in_two_on_one_limiter(self, seed, how):
        """
        Pools that share a limiter and run each other's jobs do not stand still, and give all tokens back.
        """
        storms = [Storm(random.Random(seed)), Storm(random.Random(100 + seed))]
        one, other = storms
        other.limiter, other.allowed, other.resize_often = one.limiter, math.inf, trio.lowlevel.checkpoint
        one.call, other.call = other.call, one.call  # Jobs of each wait for the other's.
        with tr.use_sinks(lambda _: None):
            async with trio.open_nursery() as nursery:
                for storm in storms:
                    nursery.start_soon(storm.blow, how)

        assert [] == one.breaches
        assert all(handle.done for storm in storms for handle in storm.handles)
        assert all(storm.handles for storm in storms)
        assert (0, 0) == (one.limiter.borrowed_tokens, one.limiter.statistics().tasks_waiting)
        assert {} == one.pool._intake.jobs.askers.counts
