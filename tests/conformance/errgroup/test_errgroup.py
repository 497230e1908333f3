"""
The cases of golang.org/x/sync/errgroup, by the names they have there; then its defects, the other way round.

ExampleGroup_parallel and ExampleGroup_pipeline are programs here: tests/examples/test_google_search.py and test_md5all.py.

Not here: BenchmarkGo (benchmarks/pool.py); TestGoexit, since Python has nothing that ends a task without a trace; the use of one
group for several waits, since the end of a block is the only one.
"""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, clean_up, fail, nap

ONE, TWO = OSError("one"), ValueError("two")


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


class TestGroup:
    @pytest.mark.parametrize("errors", [[], [None], [ONE], [ONE, None], [ONE, None, TWO]])
    async def test_zero_group(self, errors):
        """
        Where failures are collected nobody is cancelled, the first one is known, and none is lost.
        """

        async def work(error):
            await trio.sleep(1)
            if error is not None:
                raise error

        failed = [error for error in errors if error is not None]
        group, caught = None, ()
        try:
            async with tr.open_group(on_failure="collect", limit=1) as group:
                handles = [group.start_soon(work, error) for error in errors]
        except ExceptionGroup as exc:
            caught = exc.exceptions

        assert set(failed) == set(caught)
        assert (failed[0] if failed else None) is group.first_error
        assert all(handle.state in {tr.State.FINISHED, tr.State.FAILED} for handle in handles)

    @pytest.mark.parametrize("errors", [[], [None], [ONE], [None, TWO]])
    async def test_with_context(self, errors):
        """
        A failure cancels the rest; without one nobody is.
        """

        async def work(error):
            if error is not None:
                raise error

        caught = ()
        try:
            async with tr.open_group() as group:
                other = group.start_soon(nap, 1)
                for error in errors:
                    group.start_soon(work, error)
        except ExceptionGroup as exc:
            caught = exc.exceptions

        failed = tuple(error for error in errors if error is not None)
        assert failed == caught
        assert ("cancelled" if failed else "finished") == other.state.value

    async def test_try_go(self):
        """
        42 fit, the 43rd does not; after they are done there is room again, as much as the limit says.
        """
        async with tr.open_group(limit=42) as group:
            for _ in range(42):
                group.submit_nowait(nap, 1)
            with pytest.raises(trio.WouldBlock):
                group.submit_nowait(nap, 1)
            await group.wait_idle()
            group.submit_nowait(nap, 1)
            await group.wait_idle()
            group.limiter.total_tokens = 1
            group.submit_nowait(nap, 1)
            with pytest.raises(trio.WouldBlock):
                group.submit_nowait(nap, 1)
            await group.wait_idle()
            group.limiter.total_tokens = 0
            for _ in range(10):
                with pytest.raises(trio.WouldBlock):
                    group.submit_nowait(nap, 1)

    async def test_go_limit(self, gauge):
        """
        Of 1025 never more than 10 are at it.
        """
        async with tr.open_group(limit=10) as group:
            for _ in range(1025):
                group.start_soon(gauge.nap, 1)

        assert (1025, 10) == (len(gauge.began), gauge.most)

    async def test_cancel_cause(self):
        """
        Why others were cancelled is at hand: the error itself in the group, its text with each of them.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group() as group:
                other = group.start_soon(nap, 5)
                group.start_soon(fail, ONE)

        assert ONE is group.first_error
        with pytest.raises(tr.JobCancelled, match="one"):
            await other.wait()

    async def test_example_group_just_errors(self):
        """
        ExampleGroup_justErrors: several fetches, of which the first that fails is heard of.
        """
        fetched = []

        async def fetch(url):
            await trio.sleep(len(url))
            if url == "bad":
                raise OSError(url)
            fetched.append(url)

        with pytest.RaisesGroup(OSError):
            async with tr.open_group() as group:
                for url in ("ab", "bad", "longer"):
                    group.start_soon(fetch, url)

        assert (["ab"], "bad") == (fetched, str(group.first_error))

    async def test_panic(self):
        """
        A crash is told when it happens, before others have ended, and its traceback has the function.
        """
        told = []
        with tr.use_sinks(told.append), pytest.RaisesGroup(OSError):
            async with tr.open_group() as group:
                group.start_soon(clean_up, 100, [])
                group.start_soon(fail, ONE, 1)

        assert [("job.failed", 1.0, ONE)] == [(event.name, event.time, event.error) for event in told]
        assert "fail" in [entry.name for entry in pytest.ExceptionInfo.from_exception(ONE).traceback]


class TestDefects:
    async def test_a_blocked_submit_can_be_cancelled(self, gauge):
        """
        Waiting for a slot hears of cancellation.
        """
        async with tr.open_group(limit=1, max_waiting=0) as group:
            await group.submit(gauge.nap, 5)
            with trio.move_on_after(1) as scope:
                await group.submit(gauge.nap, 5)
            assert (True, 1) == (scope.cancelled_caught, trio.current_time())

        assert 1 == len(gauge.began)

    async def test_nothing_runs_after_a_failure(self, gauge):
        """
        Work that is offered to a group that has failed is refused, with the cause.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group(limit=2) as group:
                group.start_soon(fail, ONE)
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                    with pytest.raises(tr.Closed) as caught:
                        await group.submit(gauge.nap, 1)

        assert (ONE, []) == (caught.value.__cause__, gauge.began)

    async def test_a_nested_submit_at_the_limit_is_found_out(self):
        """
        A member of a full group that waits for a slot of it is told, rather than left waiting.
        """

        async def member():
            await group.submit(nap, 1)

        with pytest.RaisesGroup(tr.PoolWouldDeadlock):  # The other one has its slot then.
            async with tr.open_group(limit=2, max_waiting=0, on_failure="collect") as group:
                group.start_soon(member)
                group.start_soon(member)
                await wait_all_tasks_blocked()

    @pytest.mark.parametrize(("before", "after"), [(float("inf"), 2), (5, 1), (1, 5), (3, float("inf"))])
    async def test_a_resize_while_active_does_not_hang(self, gauge, before, after):
        """
        Whatever the limit was and will be, all jobs are done and the group ends.
        """
        limiter = trio.CapacityLimiter(before)
        async with tr.open_pool(limiter) as pool, tr.open_group(pool=pool) as group:
            for _ in range(20):
                group.start_soon(gauge.nap, 1)
            await trio.sleep(0.5)
            limiter.total_tokens = after

        assert 20 == len(gauge.began)

    async def test_late_errors_are_kept(self):
        """
        What fails while the group is being cancelled is in the group as well.
        """

        async def fail_late():
            try:
                await trio.sleep_forever()
            finally:
                raise TWO

        with pytest.RaisesGroup(OSError, ValueError):
            async with tr.open_group(limit=2) as group:
                group.start_soon(fail, ONE)
                group.start_soon(fail_late)

        assert ONE is group.first_error
