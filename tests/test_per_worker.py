"""
What each worker of a pool has for itself.
"""

import contextlib

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import fail, nap, states
from trio_run.events import WorkerFailed


class Shop:
    """
    Opens connections, and keeps a log of that.
    """

    def __init__(self):
        self.log = []
        self.count = 0
        self.broken = 0
        self.fail_to_close = False
        self.time_to_close = 0
        self.end = trio.Event()

    def break_all(self):
        """
        End those that are open.
        """
        end, self.end = self.end, trio.Event()
        end.set()

    async def listen(self):
        """
        Do what there is to do behind a connection.
        """
        await self.end.wait()
        raise OSError("no carrier")

    @contextlib.asynccontextmanager
    async def open(self, seconds=0):
        """
        Open one, after so many seconds.
        """
        await trio.sleep(seconds)
        if self.broken:
            self.broken -= 1
            raise OSError("no connection")
        self.count += 1
        number = self.count
        self.log.append(f"open {number}")
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.listen)
                yield number
                nursery.cancel_scope.cancel(reason="closed")
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(self.time_to_close)
            self.log.append(f"close {number}")
            if self.fail_to_close:
                raise ValueError("stuck")


async def nothing_but_yields():
    """
    Be no context manager.
    """
    yield


@pytest.fixture
def shop():
    """
    Where connections come from.
    """
    return Shop()


@pytest.fixture
def connection(shop):
    """
    One for each worker.
    """
    return tr.PerWorker(shop.open)


class TestGet:
    async def test_each_worker_has_its_own(self, connection):
        """
        Jobs of one worker share it one after the other, and jobs at the same time do not.
        """

        async def use():
            await trio.sleep(1)
            return connection.get()

        async with tr.open_pool(2, per_worker=connection) as pool:
            handles = [pool.start_soon(use) for _ in range(4)]

        assert [1, 1, 2, 2] == sorted(handle.value for handle in handles)

    async def test_tasks_of_a_job(self, connection):
        """
        What a job starts gets at it too.
        """
        seen = []

        async def look():
            seen.append(connection.get())

        async def use():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(look)

        async with tr.open_pool(1, per_worker=connection) as pool:
            await pool.run(use)

        assert [1] == seen

    async def test_in_a_group_and_a_map(self, connection):
        """
        It makes no difference by which way a job came.
        """

        async def use(_=None):
            return connection.get()

        async with tr.open_pool(1, per_worker=connection) as pool:
            async with tr.open_group(pool=pool) as group:
                handle = group.start_soon(use)
            async with pool.map(use, [1]) as outcomes:
                values = [outcome.value async for outcome in outcomes]

        assert (1, [1]) == (handle.value, values)

    async def test_elsewhere(self, connection):
        """
        Outside of such a job there is none.
        """
        with pytest.raises(tr.OutsidePool, match=r"There is no Shop\.open here"):
            connection.get()

        async def use():
            return connection.get()

        async with tr.open_pool(1) as pool:
            with pytest.raises(tr.OutsidePool):
                await pool.run(use)

    def test_repr(self, connection):
        """
        It says what it opens.
        """
        assert "<PerWorker Shop.open>" == repr(connection)

    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ((None,), "PerWorker takes a function"),
            ((nap, OSError()), None),
        ],
    )
    def test_settings(self, settings, text):
        """
        What cannot be is refused at once; arguments are for the function.
        """
        if text is None:
            tr.PerWorker(*settings)
        else:
            with pytest.raises(TypeError, match=text):
                tr.PerWorker(*settings)
        with pytest.raises(TypeError, match="broken_by"):
            tr.PerWorker(nap, broken_by="OSError")

    async def test_open_pool_takes_nothing_else(self, shop):
        """
        The mistake of giving the function itself is told.
        """
        with pytest.raises(TypeError, match="takes a PerWorker"):
            async with tr.open_pool(1, per_worker=shop.open):
                pass


class TestOpening:
    async def test_only_where_it_is_needed(self, shop, connection):
        """
        A pool without jobs opens nothing.
        """
        async with tr.open_pool(3, per_worker=connection):
            pass

        assert [] == shop.log

    async def test_closed_after_a_rest(self, shop, connection):
        """
        A worker that has rested for long closes what it had.
        """
        async with tr.open_pool(1, per_worker=connection, idle_time=5) as pool:
            await pool.run(nap, 0)
            await trio.sleep(4)
            assert ["open 1"] == shop.log
            await trio.sleep(2)
            assert ["open 1", "close 1"] == shop.log

    async def test_it_fails(self, shop, connection):
        """
        The job that it was for fails with the error, and the next one has better luck.
        """
        shop.broken = 1
        async with tr.open_pool(1, per_worker=connection) as pool:
            with pytest.raises(OSError, match="no connection"):
                await pool.run(nap, 0)
            assert 7 == await pool.run(nap, 0, 7)

    @pytest.mark.parametrize(
        ("open_", "text"),
        [
            (nothing_but_yields, "returned <async_generator .*put @contextlib.asynccontextmanager above it"),
            (nap, "returned <coroutine .*have it yield"),
            (contextlib.nullcontext().__enter__, "__enter__ returned None.$"),
        ],
    )
    async def test_with_what_opens_nothing(self, open_, text):
        """
        The job has an error that says what to do.
        """
        args = (0,) if open_ is nap else ()
        async with tr.open_pool(1, per_worker=tr.PerWorker(open_, *args)) as pool:
            with pytest.raises(TypeError, match=text):
                await pool.run(nap, 0)

    async def test_it_always_fails(self, shop, connection):
        """
        Many jobs fail one after the other, and the loop goes on.
        """
        shop.broken = 1000
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1, per_worker=connection) as pool:
                handles = [pool.start_soon(nap, 0) for _ in range(100)]

        assert {"failed"} == {handle.state.value for handle in handles}
        assert 900 == shop.broken

    async def test_the_job_is_cancelled_meanwhile(self, shop):
        """
        A job that was cancelled while its connection was opened never begins; another one uses it.
        """
        began = []

        async def use(number):
            began.append(number)

        async with tr.open_pool(1, per_worker=tr.PerWorker(shop.open, 5)) as pool:
            first, second = pool.start_soon(use, 1), pool.start_soon(use, 2)
            await trio.sleep(1)
            first.cancel()
            assert first.done
            await second.wait()

        assert [2] == began
        assert ["open 1", "close 1"] == shop.log

    async def test_the_pool_is_cancelled_meanwhile(self, shop):
        """
        The job it was for is cancelled as well.
        """
        async with tr.open_pool(1, per_worker=tr.PerWorker(shop.open, 5)) as pool:
            handles = [pool.start_soon(nap, 0), pool.start_soon(nap, 0)]
            await trio.sleep(1)
            pool.cancel("enough")

        assert ["cancelled", "cancelled"] == [handle.state.value for handle in handles]
        assert 0 == pool.limiter.borrowed_tokens

    async def test_a_pause_meanwhile(self, shop):
        """
        A job whose slot was taken away while its connection was opened does not begin before there is one again.
        """
        async with tr.open_pool(1, per_worker=tr.PerWorker(shop.open, 5)) as pool:
            handle = pool.start_soon(nap, 1)
            await trio.sleep(1)
            pool.limiter.total_tokens = 0
            await trio.sleep(9)
            assert ["waiting"] == states([handle])
            pool.limiter.total_tokens = 1
            await handle.wait()

        assert 11 == trio.current_time()
        assert ["open 1", "close 1"] == shop.log

    async def test_for_no_job(self, shop):
        """
        What is opened for a job that was cancelled is opened for the next, but keeps nobody waiting where there is none.
        """
        async with tr.open_pool(1, per_worker=tr.PerWorker(shop.open, 100)) as pool:
            handle = pool.start_soon(nap, 1)
            await trio.sleep(1)
            handle.cancel()
            await pool.wait_idle()
            with trio.move_on_after(5):
                await pool.run(nap, 1)
            assert 1 == pool.statistics().busy

        assert [] == shop.log
        assert 6 == trio.current_time()


class TestReplacing:
    async def test_after_a_failure(self, shop, connection):
        """
        What a job may have broken no other job gets.
        """

        async def use(error=None):
            number = connection.get()
            if error:
                raise error
            return number

        async with tr.open_pool(1, per_worker=connection) as pool:
            with pytest.raises(OSError):
                await pool.run(use, OSError())
            assert 2 == await pool.run(use)

        assert ["open 1", "close 1", "open 2", "close 2"] == shop.log

    async def test_after_other_errors(self, shop):
        """
        Some errors break nothing.
        """
        connection = tr.PerWorker(shop.open, broken_by=(OSError, EOFError))

        async def use(error):
            raise error

        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1, per_worker=connection) as pool:
                for error in (ValueError(), EOFError(), ValueError()):
                    pool.start_soon(use, error)

        assert ["open 1", "close 1", "open 2", "close 2"] == shop.log

    async def test_after_an_error_in_a_group(self, shop):
        """
        An error counts too where a nursery of the job has put a group around it.
        """
        connection = tr.PerWorker(shop.open, broken_by=OSError)

        async def use(error):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail, error)

        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1, per_worker=connection) as pool:
                for error in (ValueError(), OSError(), ValueError()):
                    pool.start_soon(use, error)

        assert ["open 1", "close 1", "open 2", "close 2"] == shop.log

    async def test_after_cancellation(self, shop, connection):
        """
        A job that was cut short leaves it in the middle of something.
        """
        async with tr.open_pool(1, per_worker=connection) as pool:
            handle = pool.start_soon(nap, 5)
            await wait_all_tasks_blocked()
            handle.cancel()
            await pool.run(nap, 0)

        assert ["open 1", "close 1", "open 2", "close 2"] == shop.log

    async def test_it_cannot_be_closed(self, shop, connection):
        """
        That is told by an event, and hurts nobody else.
        """
        events = []
        shop.fail_to_close = True
        with tr.use_sinks(events.append):
            async with tr.open_pool(1, per_worker=connection) as pool:
                assert 7 == await pool.run(nap, 0, 7)

        assert [(WorkerFailed, "pool/worker", "stuck")] == [
            (type(event), event.path, str(event.error)) for event in events
        ]

    async def test_it_cannot_be_closed_when_cancelled(self, shop, connection):
        """
        A cancellation goes on its way, although closing failed, and that is told.
        """
        events = []
        shop.fail_to_close = True
        with tr.use_sinks(events.append), trio.move_on_after(1) as scope:
            async with tr.open_pool(1, per_worker=connection) as pool:
                await pool.run(nap, 0)
                await trio.sleep(5)

        assert scope.cancelled_caught
        assert ["stuck"] == [str(event.error) for event in events]

    async def test_it_cannot_be_closed_after_what_no_worker_holds(self, shop, connection):
        """
        An error that ends the pool is not lost when closing fails as well.
        """

        async def leave():
            raise SystemExit(3)

        shop.fail_to_close = True
        with pytest.RaisesGroup(SystemExit):
            async with tr.open_pool(1, per_worker=connection) as pool:
                pool.start_soon(leave)


@pytest.mark.everywhere_allow("it is raised on purpose, in a task of what was opened", raises=OSError)
class TestBreaking:
    """
    What was opened may end by itself, and cancel what runs inside of it.
    """

    async def test_under_a_job(self, shop, connection):
        """
        That job fails with the error of what was opened, and the others get a new one.
        """
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1, per_worker=connection) as pool:
                first, *others = [pool.start_soon(nap, 2, number) for number in range(3)]
                await trio.sleep(1)
                shop.break_all()

        assert ["failed", "finished", "finished"] == states([first, *others])
        assert "no carrier" in str(first.error.exceptions[0])
        assert ["Shop.open, which its worker had opened, ended under it"] == first.error.__notes__
        assert ["open 1", "close 1", "open 2", "close 2"] == shop.log

    async def test_at_rest(self, shop, connection):
        """
        That is told by an event, and the next job gets a new one.
        """
        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(1, per_worker=connection) as pool:
                await pool.run(nap, 0)
                await trio.sleep(1)
                shop.break_all()
                await trio.sleep(1)
                assert ["open 1", "close 1"] == shop.log
                assert 7 == await pool.run(nap, 0, 7)

        assert [WorkerFailed] == [type(event) for event in events]
        assert 2 == trio.current_time()

    async def test_in_line(self, shop, connection):
        """
        If its worker waits for a slot no job is lost, nor does one wait for the closing.
        """
        limiter = trio.CapacityLimiter(1)
        shop.time_to_close = 5
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(limiter, per_worker=connection) as pool:
                await pool.run(nap, 1)
                async with limiter:
                    handle = pool.start_soon(nap, 1, 7)
                    await wait_all_tasks_blocked()
                    shop.break_all()
                    await wait_all_tasks_blocked()
                assert 7 == await handle.wait()
                assert 2 == trio.current_time()

    async def test_without_an_error(self):
        """
        Where it says nothing, as at the end of a lifetime, the job fails all the same: it was cut short, and nobody asked for that.
        """

        @contextlib.asynccontextmanager
        async def open_for_a_while():
            with trio.move_on_after(5):
                yield

        async with tr.open_pool(1, per_worker=tr.PerWorker(open_for_a_while)) as pool:
            with pytest.raises(tr.LeakedCancelled, match="Cancelled") as caught:
                await pool.run(nap, 10)
            assert 7 == await pool.run(nap, 1, 7)
            await trio.sleep(10)
            assert 8 == await pool.run(nap, 1, 8)

        assert ["open_for_a_while, which its worker had opened, ended under it"] == caught.value.__notes__

    async def test_a_job_that_is_cancelled_meanwhile(self, shop, connection):
        """
        Whoever cancels a job that was cut short, while what broke is closed, cancels nothing else.
        """
        shop.time_to_close = 5
        with tr.use_sinks(lambda _: None):
            async with tr.open_pool(1, per_worker=connection) as pool:
                first, second = pool.start_soon(nap, 2), pool.start_soon(nap, 2)
                await trio.sleep(1)
                shop.break_all()
                await trio.sleep(1)
                first.cancel()

        assert ["failed", "finished"] == states([first, second])

    async def test_in_the_moment_of_a_cancellation(self):
        """
        An error that comes along with the cancellation of the pool is told, and is none of the pool's.
        """

        async def fail_on_the_way():
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("no carrier")

        @contextlib.asynccontextmanager
        async def open_with_a_task():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail_on_the_way)
                yield

        events = []
        with tr.use_sinks(events.append):
            async with tr.open_pool(1, per_worker=tr.PerWorker(open_with_a_task)) as pool:
                handle = pool.start_soon(nap, 9)
                await trio.sleep(1)
                pool.cancel("enough")

        assert ["cancelled"] == states([handle])
        assert [WorkerFailed] == [type(event) for event in events]

    @pytest.mark.parametrize("moment", [0, 1])
    async def test_with_the_pool(self, shop, connection, moment):
        """
        Where the pool is cancelled as well its jobs are cancelled, and those that wait too.
        """
        shop.time_to_close = 5
        with tr.use_sinks(lambda _: None), trio.move_on_after(2 + moment) as scope:
            async with tr.open_pool(1, per_worker=connection) as pool:
                handles = [pool.start_soon(nap, 9), pool.start_soon(nap, 9)]
                await trio.sleep(2)
                shop.break_all()
                await trio.sleep_forever()

        assert scope.cancelled_caught
        assert ["cancelled", "cancelled"] == states(handles)
