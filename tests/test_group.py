"""
Groups, as their users see them: with and without a pool.
"""

import contextlib
import contextvars
import functools
import math

import pytest
import trio
from trio.testing import assert_checkpoints, memory_stream_pair, wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, cancel_after, clean_up, fail, nap, stale_cancelled, states, swallow

VAR = contextvars.ContextVar("VAR", default="unset")
BOOM = OSError("boom")


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


@contextlib.asynccontextmanager
async def group_alone(name="group"):
    """
    A group whose jobs have tasks of their own.
    """
    async with tr.open_group(name=name) as group:
        yield group


@contextlib.asynccontextmanager
async def group_on_a_pool(name="group"):
    """
    A group whose jobs run on a pool that is large enough.
    """
    async with tr.open_pool(100) as pool:
        async with tr.open_group(name=name, pool=pool) as group:
            yield group


both = pytest.mark.parametrize("opened", [group_alone, group_on_a_pool])


def flat(error):
    """
    The errors inside of groups.
    """
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in flat(inner)]
    return [error]


class TestOpenGroup:
    @pytest.mark.parametrize(
        ("settings", "error", "text"),
        [
            ({"name": ""}, ValueError, "'' cannot be the name of a group"),
            ({"name": 8}, TypeError, "The name of a group has to be a string, not 8."),
            ({"pool": 8}, TypeError, "open_group(pool=...) takes a pool from open_pool, not 8."),
        ],
    )
    async def test_settings(self, settings, error, text):
        """
        What cannot be is refused before anything runs.
        """
        with pytest.raises(error) as caught:
            async with tr.open_group(**settings):
                pass

        assert str(caught.value).startswith(text)

    @both
    async def test_it_waits_for_every_job(self, opened):
        """
        When the block is over, so are all jobs.
        """
        async with opened() as group:
            handles = [group.start_soon(nap, seconds, seconds) for seconds in (1, 3, 2)]

        assert [1, 3, 2] == [handle.value for handle in handles]
        assert 3 == trio.current_time()

    @both
    async def test_jobs_may_bring_in_others(self, opened):
        """
        As long as there are jobs, the group is there for them.
        """
        handles = []

        async def split(group, number):
            await trio.sleep(1)
            handles.extend(group.start_soon(split, group, number - 1) for _ in range(number))

        async with opened() as group:
            group.start_soon(split, group, 3)

        assert ["finished"] * 15 == states(handles)

    async def test_repr(self):
        """
        It says what is going on.
        """
        async with tr.open_group(name="fetch") as group:
            group.start_soon(nap, 1)
            await wait_all_tasks_blocked()

            assert "<Group fetch: 1 running, 0 waiting>" == repr(group)


class TestStartSoon:
    @both
    async def test_the_way_of_a_job(self, opened):
        """
        It waits, runs, and leaves its value in the handle.
        """
        async with opened() as group:
            handle = group.start_soon(nap, 1, "value")
            seen = states([handle])
            await wait_all_tasks_blocked()
            seen += states([handle])

        assert ["waiting", "running", "finished"] == [*seen, *states([handle])]
        assert "value" == handle.value

    @both
    async def test_a_name(self, opened):
        """
        A job is called as its function, or as it is told.
        """
        async with opened() as group:
            handles = [group.start_soon(nap, 1), group.start_soon(nap, 1, name="siesta")]

        assert ["nap", "siesta"] == [handle.name for handle in handles]

    @both
    async def test_context(self, opened):
        """
        A job runs in a copy of the context of who offers it.
        """

        async def look_and_set():
            before = VAR.get()
            VAR.set("changed")
            return before

        async with opened() as group:
            VAR.set("first")
            first = group.start_soon(look_and_set)
            VAR.set("second")
            second = group.start_soon(look_and_set)
            VAR.set("third")

        assert ["first", "second"] == [first.value, second.value]

    @both
    async def test_what_is_no_function(self, opened):
        """
        A wrong job is refused where it is offered.
        """
        async with opened() as group:
            with pytest.raises(TypeError, match="Probably it says nap"):
                group.start_soon(nap(1))

    @both
    async def test_a_sync_function(self, opened):
        """
        A function that turns out not to be async is a failure of the job.
        """
        with pytest.RaisesGroup(pytest.RaisesExc(TypeError, match="len is not async"), flatten_subgroups=True):
            async with opened() as group:
                group.start_soon(len, "abc")

    async def test_in_place_of_a_nursery(self):
        """
        Trio's servers can start their handlers here.
        """
        pairs = [memory_stream_pair() for _ in range(3)]

        async with tr.open_group() as handlers:
            async with trio.open_nursery() as nursery:
                listener = Listener([server for _client, server in pairs])
                serve = functools.partial(trio.serve_listeners, shout, [listener], handler_nursery=handlers)
                nursery.start_soon(serve)
                answers = [await ask(client) for client, _server in pairs]
                nursery.cancel_scope.cancel()

        assert [b"HELLO"] * 3 == answers
        assert 3 == handlers.statistics().done

    @pytest.mark.real
    async def test_in_place_of_a_nursery_with_sockets(self):
        """
        So it is with real connections.
        """
        async with tr.open_group() as handlers, trio.open_nursery() as nursery:
            serve = functools.partial(trio.serve_tcp, shout, 0, host="127.0.0.1", handler_nursery=handlers)
            (listener,) = await nursery.start(serve)
            async with await trio.testing.open_stream_to_socket_listener(listener) as client:
                answer = await ask(client)
            nursery.cancel_scope.cancel()

        assert b"HELLO" == answer


class Listener(trio.abc.Listener):
    """
    Where connections wait that are there already.
    """

    def __init__(self, waiting):
        self.waiting = waiting

    async def accept(self):
        await trio.lowlevel.checkpoint()
        if not self.waiting:
            await trio.sleep_forever()
        return self.waiting.pop(0)

    async def aclose(self):
        await trio.lowlevel.checkpoint()


async def shout(stream):
    """
    Answer once, in capitals.
    """
    await stream.send_all((await stream.receive_some()).upper())


async def ask(stream):
    """
    Say hello, and return the answer.
    """
    await stream.send_all(b"hello")
    return await stream.receive_some()


class TestFailure:
    @both
    async def test_the_first_failure_cancels_the_rest(self, opened):
        """
        Jobs and block are cancelled, and the error leaves in a group.
        """
        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            async with opened() as group:
                handles = [group.start_soon(nap, 5), group.start_soon(fail, BOOM, 1), group.start_soon(nap, 5)]
                await trio.sleep_forever()

        assert 1 == trio.current_time()
        assert ["cancelled", "failed", "cancelled"] == states(handles)
        assert BOOM is handles[1].error

    async def test_one_strict_group(self):
        """
        It is one group, with the very errors that the jobs raised in it.
        """
        with pytest.raises(ExceptionGroup) as caught:
            async with tr.open_group() as group:
                group.start_soon(fail, BOOM)

        assert (BOOM,) == caught.value.exceptions

    async def test_the_same_on_a_pool(self):
        """
        Where a job runs makes no difference to its errors, and the pool is none the worse.
        """
        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(2) as pool:
                with pytest.raises(ExceptionGroup) as caught:
                    async with tr.open_group(pool=pool) as group:
                        group.start_soon(fail, BOOM)

                assert "value" == await pool.run(nap, 1, "value")

        assert (BOOM,) == caught.value.exceptions
        assert ["group/fail"] == [event.path for event in events]

    @both
    async def test_all_errors_are_kept(self, opened):
        """
        Also those that come while the rest is cancelled.
        """
        late = ValueError("late")

        async def fail_in_cleanup():
            try:
                await trio.sleep_forever()
            finally:
                raise late

        with pytest.raises(ExceptionGroup) as caught:
            async with opened() as group:
                group.start_soon(fail, BOOM, 1)
                handle = group.start_soon(fail_in_cleanup)

        assert {BOOM, late} == set(flat(caught.value))
        assert (tr.State.FAILED, late) == (handle.state, handle.error)
        assert BOOM is group.first_error

    @both
    async def test_the_first_error_is_known_before_anybody_is_cancelled_for_it(self, opened):
        """
        Who is cancelled can see why.
        """
        seen = []

        async def look(group):
            try:
                await trio.sleep_forever()
            finally:
                seen.append(group.first_error)

        with pytest.raises(ExceptionGroup):
            async with opened() as group:
                group.start_soon(look, group)
                await trio.sleep(1)
                assert None is group.first_error
                group.start_soon(fail, BOOM)

        assert [BOOM] == seen

    @both
    async def test_an_error_of_the_block(self, opened):
        """
        The block counts as a job.
        """
        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            async with opened() as group:
                handle = group.start_soon(nap, 5)
                await wait_all_tasks_blocked()
                raise BOOM

        assert BOOM is group.first_error
        assert "cancelled" == handle.state.value

    @both
    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
    async def test_what_is_no_exception(self, opened, error):
        """
        It is kept and passed on like any other error.
        """
        with pytest.raises(BaseExceptionGroup) as caught:
            async with opened() as group:
                handle = group.start_soon(fail, error, 1)

        assert [error] == flat(caught.value)
        assert error is handle.error

    @both
    async def test_a_cancelled_that_nobody_sent(self, opened):
        """
        It is a failure, where a nursery would end without a word.
        """
        stale = await stale_cancelled()
        with pytest.raises(ExceptionGroup) as caught:
            async with opened() as group:
                handle = group.start_soon(fail, stale, 1, name="leaky")
                await trio.sleep(5)

        (error,) = flat(caught.value)
        assert isinstance(error, tr.LeakedCancelled)
        assert error.path in {"group/leaky", "pool/leaky"}
        assert stale is error.__cause__
        assert error is handle.error
        assert error is group.first_error

    async def test_a_path_in_a_supervised_child(self):
        """
        Then what a job is called starts with the path of the child.
        """
        caught = []

        async def child():
            try:
                async with tr.open_group() as group:
                    group.start_soon(fail, await stale_cancelled(), name="leaky")
            except* tr.LeakedCancelled as errors:
                caught.extend(errors.exceptions)

        async with tr.open_supervisor("shop", tr.Child(child, name="web", restart="never")):
            await trio.sleep(1)

        assert ["shop/web/group/leaky"] == [error.path for error in caught]


class TestClosed:
    """
    Nothing that is offered too late is dropped in silence.
    """

    @both
    async def test_after_the_block(self, opened, gauge):
        """
        A group that is over refuses, and says what it refused.
        """
        async with opened("fetch") as group:
            pass
        with pytest.raises(tr.Closed) as caught:
            group.start_soon(gauge.nap, 1)
        with pytest.raises(tr.Closed):
            await group.start(gauge.nap, 1)

        assert ("fetch", "Gauge.nap", None) == (caught.value.owner, caught.value.job, caught.value.__cause__)
        assert [] == gauge.began

    @both
    async def test_after_a_failure(self, opened):
        """
        The first error is the cause, also for members that want to go on.
        """
        causes = []

        async def offer_in_cleanup(group):
            try:
                await trio.sleep_forever()
            finally:
                try:
                    group.start_soon(nap, 1)
                except tr.Closed as exc:
                    causes.append(exc.__cause__)

        with pytest.raises(ExceptionGroup):
            async with opened() as group:
                group.start_soon(offer_in_cleanup, group)
                group.start_soon(fail, BOOM, 1)
        with pytest.raises(tr.Closed) as caught:
            group.start_soon(nap, 1)

        assert [BOOM] == causes
        assert BOOM is caught.value.__cause__

    @both
    async def test_after_cancelling(self, opened):
        """
        At once, though there are jobs still.
        """
        async with opened() as group:
            group.start_soon(swallow, "value")
            await wait_all_tasks_blocked()
            group.cancel("enough")
            with pytest.raises(tr.Closed):
                group.start_soon(nap, 1)
            with pytest.raises(tr.Closed):
                await group.start(nap, 1)

    async def test_a_job_that_waits_is_enough(self):
        """
        A group is not over as long as it has a job, even if none has begun.
        """

        async def offer_later(group, pool):
            await trio.sleep(1)
            handles.append(group.start_soon(nap, 1))
            pool.limiter.total_tokens = 1

        handles = []
        async with tr.open_pool(0) as pool, trio.open_nursery() as nursery:
            async with tr.open_group(pool=pool) as group:
                handles.append(group.start_soon(nap, 1))
                nursery.start_soon(offer_later, group, pool)

        assert ["finished"] * 2 == states(handles)

    @pytest.mark.everywhere_allow("its job may be cancelled", raises=tr.JobCancelled)
    async def test_between_the_last_job_and_the_end(self):
        """
        The very moment in which the last job ends is too late.
        """
        refused = []

        async def offer_after(handle, group):
            await handle.wait()
            try:
                group.start_soon(nap, 1)
            except tr.Closed:
                refused.append(True)

        async with trio.open_nursery() as nursery:
            async with tr.open_group() as group:
                nursery.start_soon(offer_after, group.start_soon(nap, 1), group)

        assert [True] == refused


class TestCancelling:
    """
    However a group is cancelled, all jobs are, and gone when its block is over.
    """

    def fill(self, group, log):
        """
        A job that takes its time to end, and one that does not.
        """
        return [group.start_soon(clean_up, 3, log), group.start_soon(nap, 10)]

    async def check(self, log, handles, reason):
        """
        What holds in all cases.
        """
        assert [4] == log
        assert 4 == trio.current_time()
        assert ["cancelled"] * 2 == states(handles)
        for handle in handles:
            with pytest.raises(tr.JobCancelled, match=reason):
                await handle.wait()

    @both
    async def test_by_request(self, opened):
        """
        The block is cancelled as well, and ends without an error.
        """
        log = []
        async with opened() as group:
            handles = self.fill(group, log)
            await trio.sleep(1)
            group.cancel("enough")
            with pytest.raises(trio.Cancelled):
                await trio.sleep_forever()

        await self.check(log, handles, "enough")
        assert None is group.first_error

    @both
    @pytest.mark.parametrize("stay", [0, 10])
    async def test_from_outside(self, opened, stay):
        """
        Whether the block is still there or has been left.
        """
        log = []
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_after, 1, scope)
                async with opened() as group:
                    handles = self.fill(group, log)
                    await trio.sleep(stay)

        assert scope.cancelled_caught
        assert None is group.first_error
        await self.check(log, handles, "enough")

    @both
    async def test_by_a_failure(self, opened):
        """
        A failure elsewhere is waited out in the same way.
        """
        log = []
        with pytest.raises(ExceptionGroup):
            async with opened() as group:
                handles = self.fill(group, log)
                group.start_soon(fail, BOOM, 1)

        await self.check(log, handles, "boom")

    @both
    async def test_jobs_that_have_not_begun(self, opened):
        """
        They are cancelled too, and nothing is lost of them.
        """
        async with opened() as group:
            handles = [group.start_soon(nap, 1) for _ in range(3)]
            group.cancel("enough")

        assert ["cancelled"] * 3 == states(handles)


class TestHandleCancel:
    @both
    async def test_only_that_job(self, opened):
        """
        A job that is cancelled is no failure, and its siblings go on.
        """
        async with opened() as group:
            handles = [group.start_soon(nap, 2), group.start_soon(nap, 2)]
            await trio.sleep(1)
            handles[0].cancel("not needed")
            await trio.sleep(0.5)
            assert ["cancelled", "running"] == states(handles)

        assert ["cancelled", "finished"] == states(handles)
        assert None is group.first_error
        with pytest.raises(tr.JobCancelled, match="not needed"):
            await handles[0].wait()

    @both
    async def test_a_job_that_returns_all_the_same(self, opened):
        """
        It has finished, and its value is there.
        """
        async with opened() as group:
            handle = group.start_soon(swallow, "value")
            await trio.sleep(0.5)
            handle.cancel()

        assert "value" == handle.value

    @both
    async def test_a_job_that_fails_on_its_way_out(self, opened):
        """
        It has failed, and the group with it.
        """

        async def fail_in_cleanup():
            try:
                await trio.sleep_forever()
            finally:
                raise BOOM

        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            async with opened() as group:
                handle = group.start_soon(fail_in_cleanup)
                await trio.sleep(1)
                handle.cancel()

        assert BOOM is handle.error
        assert BOOM is group.first_error

    async def test_before_it_begins(self):
        """
        As in a nursery a job begins in any case, and gets as far as its first checkpoint.
        """
        log = []

        async def note_and_wait():
            log.append("began")
            await trio.lowlevel.checkpoint()
            log.append("went on")

        async with tr.open_group() as group:
            handle = group.start_soon(note_and_wait)
            handle.cancel("not needed")

        assert ["began"] == log
        assert "cancelled" == handle.state.value

    async def test_before_it_begins_on_a_pool(self, gauge):
        """
        On a pool, where its turn may come much later, it does not.
        """
        async with tr.open_pool(1) as pool:
            pool.start_soon(gauge.nap, 2)
            async with tr.open_group(pool=pool) as group:
                handle = group.start_soon(gauge.nap, 1, "cancelled")
                await trio.sleep(1)
                handle.cancel("not needed")

            assert 1 == trio.current_time()

        assert "cancelled" not in gauge.began
        assert "cancelled" == handle.state.value


class TestStart:
    @both
    async def test_ready(self, opened):
        """
        It returns what the job says when it is ready, and the job goes on in the group.
        """
        log = []

        async def serve(port, *, task_status):
            await trio.sleep(1)
            task_status.started(port + 1)
            await trio.sleep(2)
            log.append(trio.current_time())

        async with opened() as group:
            assert 8081 == await group.start(serve, 8080)
            assert 1 == trio.current_time()

        assert [3] == log

    @both
    async def test_it_fails_before(self, opened):
        """
        The error is for who asked for the start, and none of the group's.
        """

        async def serve(*, task_status):
            raise BOOM

        async with opened() as group:
            with pytest.raises(OSError, match="boom") as caught:
                await group.start(serve)
            group.start_soon(nap, 1)

        assert BOOM is caught.value
        assert None is group.first_error

    @both
    async def test_it_fails_afterwards(self, opened):
        """
        From then on it is a job of the group like any other.
        """

        async def serve(*, task_status):
            task_status.started()
            await fail(BOOM, 1)

        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            async with opened() as group:
                await group.start(serve)
                handle = group.start_soon(nap, 5)

        assert BOOM is group.first_error
        assert "cancelled" == handle.state.value

    @both
    async def test_it_returns_before(self, opened):
        """
        As with a nursery, that is a mistake of the job.
        """

        async def serve(*, task_status):
            await trio.lowlevel.checkpoint()

        async with opened() as group:
            with pytest.raises(RuntimeError, match="without calling"):
                await group.start(serve)

    @both
    async def test_cancelled(self, opened):
        """
        A start that nobody waits for any more is undone.
        """
        log = []

        async def serve(*, task_status):
            await clean_up(1, log)

        async with opened() as group:
            with trio.move_on_after(1):
                await group.start(serve)
            log.append("after")

        assert [2, "after"] == log
        assert 1 == group.statistics().done

    async def test_it_always_checkpoints(self):
        """
        Also for a job that is ready at once.
        """

        async def serve(*, task_status):
            task_status.started()

        async with tr.open_group() as group:
            with assert_checkpoints():
                await group.start(serve)


class TestOnAPool:
    async def test_the_limit_is_that_of_the_pool(self, gauge):
        """
        Several groups share its slots, and it outlives them.
        """
        async with tr.open_pool(3) as pool:
            async with tr.open_group(pool=pool) as one, tr.open_group(pool=pool) as other:
                for group in (one, other):
                    for _ in range(6):
                        group.start_soon(gauge.nap, 1)
            assert 4 == trio.current_time()
            await pool.run(gauge.nap, 1)

        assert 3 == gauge.most
        assert 13 == pool.statistics().done

    async def test_one_group_fails(self, gauge):
        """
        Its jobs leave the pool, and those of the other group go on.
        """
        async with tr.open_pool(2) as pool:
            async with tr.open_group(pool=pool) as other:
                with pytest.raises(ExceptionGroup):
                    async with tr.open_group(pool=pool) as group:
                        handles = [group.start_soon(nap, 5) for _ in range(3)]
                        await trio.sleep(1)
                        others = [other.start_soon(gauge.nap, 1) for _ in range(2)]
                        raise BOOM

                assert 1 == trio.current_time()

        assert 2 == trio.current_time()
        assert ["cancelled"] * 3 == states(handles)
        assert ["finished"] * 2 == states(others)

    async def test_room(self, gauge):
        """
        Where few jobs may wait in the pool, one more is refused or waits for room, and never dropped.
        """
        async with tr.open_pool(2, max_waiting=1) as pool:
            async with tr.open_group(pool=pool) as group:
                for _ in range(3):
                    group.start_soon(gauge.nap, 1)
                with pytest.raises(trio.WouldBlock):
                    group.start_soon(gauge.nap, 1)
                for _ in range(7):
                    await group.submit(gauge.nap, 1)

        assert (10, 5) == (len(gauge.began), trio.current_time())

    async def test_a_pool_that_is_over(self):
        """
        A group whose pool is closed fails, and does not wait for ever.
        """
        async with tr.open_pool(1) as pool:
            pass
        with pytest.RaisesGroup(tr.Closed):
            async with tr.open_group(pool=pool) as group:
                group.start_soon(nap, 1)
                await trio.sleep_forever()

    async def test_a_pool_that_is_cancelled(self):
        """
        A group that loses its jobs to the end of the pool fails too.
        """
        pools = []

        async def host(*, task_status):
            async with tr.open_pool(1) as pool:
                pools.append(pool)
                task_status.started()
                await trio.sleep(1)
                pool.cancel("enough")

        async with trio.open_nursery() as nursery:
            await nursery.start(host)
            with pytest.RaisesGroup(pytest.RaisesExc(tr.JobCancelled, match="enough")):
                async with tr.open_group(pool=pools[0]) as group:
                    handle = group.start_soon(nap, 5)

        assert "cancelled" == handle.state.value

    async def test_cancelled_with_its_pool(self):
        """
        A group that is cancelled together with the pool misses no job: nothing comes out but the cancellation.
        """

        async def host(*, task_status):
            async with tr.open_pool(2) as pool:
                task_status.started(pool)
                await trio.sleep_forever()

        with trio.move_on_after(1) as scope:
            async with trio.open_nursery() as nursery:
                pool = await nursery.start(host)
                async with tr.open_group(pool=pool) as group:
                    handles = [group.start_soon(nap, 5) for _ in range(3)]

        assert scope.cancelled_caught
        assert {"cancelled"} == {handle.state.value for handle in handles}

    async def test_inside_of_a_job_of_the_pool(self):
        """
        A job may open a group on its own pool, as long as there are slots; otherwise it is told.
        """

        async def outer(pool):
            async with tr.open_group(pool=pool) as group:
                handles = [group.start_soon(nap, 1, n) for n in range(3)]
            return [handle.value for handle in handles]

        async with tr.open_pool(2) as pool:
            assert [0, 1, 2] == await pool.run(outer, pool)
        async with tr.open_pool(1) as pool:
            with pytest.raises(ExceptionGroup) as caught:
                await pool.run(outer, pool)

        assert any(isinstance(error, tr.PoolWouldDeadlock) for error in flat(caught.value))

    async def test_a_member_that_was_over_at_once(self):
        """
        Who waited for room for a member that is over by then waits for it no more, and is in nobody's way.
        """

        async def first():
            async with tr.open_group(pool=pool) as group:
                await group.submit(nothing)
            await trio.sleep(5)

        async def nothing():
            """
            Return at once.
            """

        async def second():
            return await pool.run(nap, 1, 7)

        async with tr.open_pool(2, max_waiting=0) as pool:
            pool.start_soon(first)
            await pool.run(nap, 1)
            await trio.sleep(1)
            assert 7 == await pool.run(second)

        assert 7 == trio.current_time()

    async def test_a_member_that_waits_at_once(self):
        """
        A member that waits for a slot in its first step is told, if the other one is that of who waited for room for it.
        """

        async def outer():
            async with tr.open_group(pool=pool) as group:
                await group.submit(pool.run, nap, 1)

        async with tr.open_pool(2, max_waiting=0) as pool:
            pool.start_soon(nap, 1)
            with pytest.RaisesGroup(tr.PoolWouldDeadlock):
                await pool.run(outer)

    async def test_a_member_that_waits_at_once_where_there_was_room(self):
        """
        So is one that was submitted while a slot was free.
        """

        async def outer():
            async with tr.open_group(pool=pool) as group:
                await group.submit(pool.run, nap, 1)

        async with tr.open_pool(2) as pool:
            with pytest.RaisesGroup(tr.PoolWouldDeadlock):
                await pool.run(outer)


class TestStatistics:
    @both
    async def test_counts(self, opened):
        """
        Everything is counted that is there, and that was.
        """
        with pytest.raises(ExceptionGroup):
            async with opened() as group:
                group.start_soon(nap, 1)
                late = group.start_soon(nap, 5)
                first = group.statistics()
                late.cancel()
                await trio.sleep(2)
                group.start_soon(nap, 5)
                await wait_all_tasks_blocked()
                second = group.statistics()
                group.start_soon(fail, BOOM)

        assert tr.GroupStatistics(waiting=2, running=0, done=0, failed=0) == first
        assert tr.GroupStatistics(waiting=0, running=1, done=2, failed=0) == second
        assert tr.GroupStatistics(waiting=0, running=0, done=4, failed=1) == group.statistics()


class TestEvents:
    @both
    async def test_a_crash_is_told_when_it_happens(self, opened):
        """
        Who listens hears of it at once, although others take their time to end.
        """
        events, log = [], []
        with tr.use_sinks(events.append), pytest.raises(ExceptionGroup):
            async with opened() as group:
                group.start_soon(clean_up, 5, log)
                group.start_soon(fail, BOOM, 1)

        assert [("job.failed", "group/fail", 1, BOOM)] == [(e.name, e.path, e.time, e.error) for e in events]
        assert [6] == log


class TestCollect:
    @pytest.mark.parametrize("settings", [{}, {"limit": 10}])
    async def test_all_errors_in_the_end(self, settings):
        """
        A failure cancels nobody; all errors leave in one group, in the order in which they happened.
        """
        with pytest.raises(ExceptionGroup) as caught:
            async with tr.open_group(on_failure="collect", **settings) as group:
                handles = [group.start_soon(fail, OSError(n), n) for n in (2, 1)]
                other = group.start_soon(nap, 3, "value")
                await trio.sleep(1.5)
                late = group.start_soon(nap, 0, "late")

        assert {"1", "2"} == {str(error) for error in caught.value.exceptions}
        assert "1" == str(group.first_error)
        assert ["failed", "failed"] == states(handles)
        assert ("value", "late", 3) == (other.value, late.value, trio.current_time())

    @pytest.mark.parametrize("on_a_pool", [True, False])
    async def test_cancelled_from_outside(self, on_a_pool):
        """
        What failed before is not lost when all are cancelled.
        """
        log = []
        async with tr.open_pool(5) as pool:
            with pytest.RaisesGroup(OSError):
                with trio.move_on_after(2) as scope:
                    async with tr.open_group(on_failure="collect", pool=pool if on_a_pool else None) as group:
                        group.start_soon(fail, BOOM, 1)
                        group.start_soon(clean_up, 3, log)

        assert scope.cancel_called
        assert [5] == log

    async def test_what_is_no_exception(self):
        """
        That ends the group all the same.
        """
        with pytest.RaisesGroup(SystemExit):
            async with tr.open_group(on_failure=tr.OnFailure.COLLECT) as group:
                group.start_soon(fail, SystemExit(3), 1)
                group.start_soon(nap, 5)

        assert 1 == trio.current_time()

    async def test_no_failure(self):
        """
        Where nothing fails nothing is raised.
        """
        async with tr.open_group(on_failure="collect") as group:
            handle = group.start_soon(nap, 1, "value")

        assert ("value", None) == (handle.value, group.first_error)

    async def test_a_word_that_there_is_not(self):
        """
        A wrong word is refused at once, with the right ones.
        """
        with pytest.raises(ValueError, match="It can be 'cancel', 'collect'"):
            async with tr.open_group(on_failure="ignore"):
                pass


class TestLimit:
    async def test_a_limiter_of_no_limit_yet(self, gauge):
        """
        A limiter is the limit, also where it has one only later.
        """
        limiter = trio.CapacityLimiter(math.inf)
        async with tr.open_group(limit=limiter) as group:
            limiter.total_tokens = 1
            for _ in range(2):
                group.start_soon(gauge.nap, 1)

        assert (1, 2) == (gauge.most, trio.current_time())

    async def test_room_without_a_limit(self):
        """
        How many may wait is not said where none ever waits.
        """
        with pytest.raises(ValueError, match=r"max_waiting=\.\.\.\) needs a limit"):
            async with tr.open_group(max_waiting=1):
                pytest.fail("begun")

    async def test_so_many_at_a_time(self, gauge):
        """
        No more than that run, and nothing is left behind.
        """
        before = trio.lowlevel.current_statistics().tasks_living
        async with tr.open_group(limit=3) as group:
            for _ in range(10):
                group.start_soon(gauge.nap, 1)

        assert (3, 10, 4) == (gauge.most, len(gauge.began), trio.current_time())
        assert before == trio.lowlevel.current_statistics().tasks_living

    async def test_none(self):
        """
        A group has no limiter of its own where it has no limit.
        """
        async with tr.open_group() as group:
            assert None is group.limiter
            await group.submit(nap, 1)
            group.submit_nowait(nap, 1)

        assert 1 == trio.current_time()

    async def test_resized_while_it_runs(self, gauge):
        """
        The limit may be changed at any time, and 0 is a pause.
        """
        async with tr.open_group(limit=1) as group:
            for _ in range(6):
                group.start_soon(gauge.nap, 1)
            await trio.sleep(0.5)
            group.limiter.total_tokens = 0
            await trio.sleep(9.5)
            assert (1, 0) == (len(gauge.began), gauge.now)
            group.limiter.total_tokens = 5

        assert (5, 11) == (gauge.most, trio.current_time())

    async def test_no_slot(self):
        """
        What cannot begin at once is refused where that was asked for.
        """
        async with tr.open_group(limit=2) as group:
            for _ in range(2):
                group.submit_nowait(nap, 1)
            with pytest.raises(trio.WouldBlock):
                group.submit_nowait(nap, 1)
            await trio.sleep(2)
            group.submit_nowait(nap, 1)

    async def test_waiting_for_room_is_cancelled(self, gauge):
        """
        Who waits for room may give up; the job never begins then.
        """
        async with tr.open_group(limit=1, max_waiting=0) as group:
            await group.submit(gauge.nap, 5)
            with trio.move_on_after(1) as scope:
                await group.submit(gauge.nap, 5)

        assert scope.cancelled_caught
        assert (1, 5) == (len(gauge.began), trio.current_time())

    async def test_the_group_fails_meanwhile(self, gauge):
        """
        Who waits for room is told, with the cause.
        """
        caught = []

        async def offer():
            with pytest.raises(tr.Closed) as refusal:
                await group.submit(gauge.nap, 1)
            caught.append(refusal.value.__cause__)

        async with trio.open_nursery() as nursery:
            with pytest.RaisesGroup(OSError):
                async with tr.open_group(limit=1, max_waiting=0) as group:
                    group.start_soon(fail, BOOM, 1)
                    nursery.start_soon(offer)

        assert ([BOOM], []) == (caught, gauge.began)

    @pytest.mark.parametrize("on_a_pool", [True, False])
    async def test_the_group_fails_while_its_block_waits(self, on_a_pool):
        """
        Who is inside is cancelled with it: the errors are those of the jobs alone.
        """
        async with tr.open_pool(1, max_waiting=0) as pool:
            with pytest.RaisesGroup(OSError):
                async with tr.open_group(**({"pool": pool} if on_a_pool else {"limit": 1, "max_waiting": 0})) as group:
                    group.start_soon(fail, BOOM, 1)
                    await group.submit(nap, 1)

    async def test_from_inside_of_a_full_group(self):
        """
        A member that waits for room that there will never be is told.
        """

        async def member():
            await group.submit(nap, 1)

        with pytest.RaisesGroup(tr.PoolWouldDeadlock):
            async with tr.open_group(limit=1, max_waiting=0) as group:
                group.start_soon(member)

    async def test_a_failure_cancels_what_waits(self, gauge):
        """
        Nothing begins after a failure.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group(limit=1) as group:
                group.start_soon(fail, BOOM, 1)
                handles = [group.start_soon(gauge.nap, 1) for _ in range(3)]

        assert (["cancelled"] * 3, []) == (states(handles), gauge.began)

    async def test_not_with_a_pool(self):
        """
        There is one limit, not two.
        """
        async with tr.open_pool(2) as pool:
            with pytest.raises(TypeError, match="not both"):
                async with tr.open_group(pool=pool, limit=2):
                    pass


class TestWaitIdle:
    @pytest.mark.parametrize("settings", [{}, {"limit": 2}])
    async def test_many_who_wait(self, settings):
        """
        All are woken when the last job is over; the group goes on.
        """
        times = []

        async def wait():
            await group.wait_idle()
            times.append(trio.current_time())

        async with trio.open_nursery() as nursery, tr.open_group(**settings) as group:
            for seconds in (1, 2):
                group.start_soon(nap, seconds)
            for _ in range(3):
                nursery.start_soon(wait)
            await trio.sleep(3)
            group.start_soon(nap, 1)
            await group.wait_idle()
            assert 4 == trio.current_time()

        assert [2, 2, 2] == times

    @both
    async def test_from_inside(self, opened):
        """
        A member would wait for itself, and is told.
        """
        with pytest.RaisesGroup(pytest.RaisesExc(tr.WouldDeadlock, match="group/.*wait_idle"), flatten_subgroups=True):
            async with opened() as group:
                group.start_soon(group.wait_idle)

    @both
    async def test_from_inside_of_what_was_started(self, opened):
        """
        Nor can a job that was waited for until it was ready.
        """

        async def late(group, task_status):
            task_status.started()
            await group.wait_idle()

        with pytest.RaisesGroup(pytest.RaisesExc(tr.WouldDeadlock, match="group/.*late"), flatten_subgroups=True):
            async with opened() as group:
                await group.start(late, group)

    async def test_members_wait_for_the_slot_of_who_waits(self):
        """
        A job of the pool that has its last slot cannot wait for a group on it.
        """

        async def outer(group):
            group.start_soon(nap, 1)
            await group.wait_idle()

        async with tr.open_pool(1) as pool, tr.open_group(pool=pool) as group:
            with pytest.raises(tr.PoolWouldDeadlock):
                await pool.run(outer, group)


class TestHandleWait:
    @both
    async def test_its_own_handle(self, opened):
        """
        A job cannot wait for itself, nor can its tasks.
        """

        async def wait_for_itself():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(handles[0].wait)

        handles = []
        with pytest.RaisesGroup(
            pytest.RaisesExc(tr.WouldDeadlock, match="wait_for_itself would wait for|wait would wait for"),
            flatten_subgroups=True,
        ):
            async with opened() as group:
                handles.append(group.start_soon(wait_for_itself))

    async def test_room_was_waited_for_in_a_full_pool(self):
        """
        A group in a job of a full pool would wait for its members, also if there was room for them in the queue.
        """

        async def outer(pool):
            async with tr.open_group(pool=pool) as group:
                await group.submit(nap, 1)

        async with tr.open_pool(1) as pool:
            with pytest.RaisesGroup(tr.PoolWouldDeadlock, flatten_subgroups=True):
                await pool.run(outer, pool)
