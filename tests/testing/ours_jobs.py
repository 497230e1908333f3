"""
Small programs that use groups and pools, to be run on many schedules: each states what holds whatever the order.
"""

import contextlib
from functools import partial

import trio

from trio_run import Closed, JobCancelled, PerWorker, PoolWouldDeadlock, State
from trio_run._group import open_group
from trio_run._pool import open_pool


class Work:
    """
    Jobs that know how many of them run at a time, and complain if they are too many.
    """

    def __init__(self, most):
        self.most, self.running, self.began, self.ended = most, 0, 0, 0

    async def __call__(self, value=None, *, steps=1):
        self.began += 1
        self.running += 1
        assert self.running <= self.most, "too many at a time"
        try:
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            return value
        finally:
            self.running -= 1
            self.ended += 1


async def pool_keeps_its_size():
    """
    Jobs are offered in every way from several tasks: never too many run, none is lost, and all tokens are back.
    """
    work = Work(2)
    async with open_pool(2) as pool:
        handles = []

        async def offer():
            handles.append(pool.start_soon(work, 1))
            handles.append(await pool.submit(work, 2))
            assert await pool.run(work, 3) == 3

        async with trio.open_nursery() as nursery:
            nursery.start_soon(offer)
            nursery.start_soon(offer)
    assert (work.began, work.ended, work.running) == (6, 6, 0)
    assert sorted(handle.value for handle in handles) == [1, 1, 2, 2]
    assert pool.limiter.borrowed_tokens == 0


async def pool_with_little_room():
    """
    There is room for one job only: whoever submits has to wait, and all are done in the end.
    """
    work = Work(1)
    async with open_pool(1, max_waiting=1) as pool:

        async def offer():
            await pool.submit(work)

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(offer)
    assert work.ended == 4
    assert pool.limiter.borrowed_tokens == 0


async def submit_is_cancelled():
    """
    Who waits for room is cancelled at any moment: the job was taken and is done, or was not and never begins.
    """
    work = Work(1)
    taken = []
    async with open_pool(1, max_waiting=0) as pool:

        async def offer(scope):
            with scope:
                taken.append(await pool.submit(work))

        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            nursery.start_soon(offer, trio.CancelScope())
            nursery.start_soon(offer, scope)
            await trio.lowlevel.checkpoint()
            scope.cancel(reason="the test")
    assert work.ended == len(taken)
    assert all(handle.state is State.FINISHED for handle in taken)
    assert pool.limiter.borrowed_tokens == 0


async def run_is_cancelled():
    """
    Who waits for a job's result is cancelled at any moment: the job is gone then, and its token is back.
    """
    work = Work(1)
    async with open_pool(1) as pool:

        async def wait(scope):
            with scope:
                await pool.run(work)
                return

        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            nursery.start_soon(wait, scope)
            nursery.start_soon(wait, trio.CancelScope())
            await trio.lowlevel.checkpoint()
            scope.cancel(reason="the test")
        assert work.running == 0
    assert pool.limiter.borrowed_tokens == 0


async def handle_is_cancelled_as_it_begins():
    """
    A job is cancelled by its handle at any moment: it ends one way, and the others are not touched.
    """
    work = Work(1)
    async with open_pool(1) as pool:
        first, second, third = (pool.start_soon(work, number) for number in range(3))

        async def cancel():
            await trio.lowlevel.checkpoint()
            second.cancel("enough")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel)
            assert await first.wait() == 0
            assert await third.wait() == 2
    assert second.done
    assert second.state in {State.CANCELLED, State.FINISHED}
    assert pool.limiter.borrowed_tokens == 0


async def pool_is_paused():
    """
    The size of a pool is set to 0 and back while jobs are offered: all are done in the end.
    """
    work = Work(2)
    async with open_pool(1) as pool:

        async def offer():
            assert await pool.run(work, 7) == 7

        async def pause():
            pool.limiter.total_tokens = 0
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            pool.limiter.total_tokens = 2

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(offer)
            nursery.start_soon(pause)
    assert work.ended == 3
    assert pool.limiter.borrowed_tokens == 0


async def limiter_is_shared():
    """
    Two pools and somebody else share a limiter of one token: all get their turn.
    """
    limiter, work = trio.CapacityLimiter(1), Work(1)
    async with open_pool(limiter, name="a") as one, open_pool(limiter, name="b") as two:

        async def borrow():
            async with limiter:
                await work()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.run, work)
            nursery.start_soon(two.run, work)
            nursery.start_soon(borrow)
            nursery.start_soon(one.run, work)
    assert work.ended == 4
    assert limiter.borrowed_tokens == 0


async def pool_is_cancelled():
    """
    A pool is cancelled while jobs run, wait and are offered: every handle has an outcome, and no token is out.
    """
    work = Work(1)
    handles = []
    async with open_pool(1, max_waiting=2) as pool:

        async def offer():
            with contextlib.suppress(Closed, trio.WouldBlock):
                for _ in range(2):
                    handles.append(pool.start_soon(partial(work, steps=3)))
                    await trio.lowlevel.checkpoint()

        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(offer)
                nursery.start_soon(offer)
                await trio.lowlevel.checkpoint()
                pool.cancel("enough")
    assert all(handle.done for handle in handles)
    assert work.began == work.ended
    assert pool.limiter.borrowed_tokens == 0


async def job_brings_job():
    """
    The block is left while jobs bring in others: the pool waits for all of them.
    """
    work = Work(2)
    async with open_pool(2) as pool:

        async def bring(left):
            await work()
            if left:
                pool.start_soon(bring, left - 1)

        pool.start_soon(bring, 2)
        pool.start_soon(bring, 1)
    assert work.ended == 5
    assert pool.limiter.borrowed_tokens == 0


async def group_fails():
    """
    Two jobs of a group fail at one moment: both are heard of, and every handle has an outcome.
    """
    handles = []

    async def fail(error):
        await trio.lowlevel.checkpoint()
        raise error

    caught = None
    try:
        async with open_group() as group:
            handles.append(group.start_soon(fail, OSError()))
            handles.append(group.start_soon(fail, ValueError()))
            handles.append(group.start_soon(trio.sleep_forever))
    except ExceptionGroup as error:
        caught = error
    assert group.first_error in caught.exceptions
    assert all(handle.done for handle in handles)
    assert {handles[2].state} == {State.CANCELLED}


async def group_on_a_pool():
    """
    Two groups share a pool, and one of them is cancelled: its jobs end, and the other's are done.
    """
    work = Work(2)
    async with open_pool(2) as pool:
        done = []

        async def keep():
            async with open_group(pool=pool) as group:
                done.extend(group.start_soon(work, number) for number in range(3))

        async def drop():
            async with open_group(pool=pool) as group:
                for number in range(3):
                    group.start_soon(work, number, name=f"dropped-{number}")
                await trio.lowlevel.checkpoint()
                group.cancel("enough")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep)
            nursery.start_soon(drop)
    assert [handle.value for handle in done] == [0, 1, 2]
    assert work.began == work.ended
    assert pool.limiter.borrowed_tokens == 0


async def group_is_left_as_jobs_come():
    """
    The block of a group is left while another task adds a job: it is done, or was refused.
    """
    work = Work(2)
    told = []
    async with trio.open_nursery() as nursery:
        async with open_group() as group:

            async def add():
                await trio.lowlevel.checkpoint()
                try:
                    told.append(group.start_soon(work))
                except Closed:
                    told.append(None)

            nursery.start_soon(add)
            group.start_soon(work)
    assert len(told) == 1
    assert told[0] is None or told[0].state is State.FINISHED
    assert work.ended == 1 + (told[0] is not None)


async def several_wait():
    """
    Several tasks wait for one job, which is cancelled: all of them are told, and one that is cancelled itself is not.
    """
    told = []
    async with open_group() as group:
        handle = group.start_soon(trio.sleep_forever)

        async def wait():
            try:
                await handle.wait()
            except JobCancelled:
                told.append("cancelled")

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(wait)
            await trio.lowlevel.checkpoint()
            handle.cancel("enough")
    assert told == ["cancelled"] * 3


async def map_takes_all():
    """
    A map as wide as may be, on a pool with little room: each input has its outcome, in order.
    """
    work = Work(2)
    async with open_pool(2, max_waiting=1) as pool:
        async with pool.map(work, range(5), window=3) as outcomes:
            assert [outcome.value async for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert work.began == work.ended == 5
    assert pool.limiter.borrowed_tokens == 0


async def map_is_left():
    """
    Whoever loops over a map leaves it after one outcome, while others use the pool: nothing of it is left then.
    """
    work, other = Work(2), Work(2)
    async with open_pool(2, max_waiting=1) as pool:

        async def use():
            assert await pool.run(other, 1) == 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(use)
            async with pool.map(partial(work, steps=2), range(5), order="completion") as outcomes:
                await anext(outcomes)
            assert work.running == 0
            nursery.start_soon(use)
    assert (work.began, other.ended) == (work.ended, 2)
    assert pool.limiter.borrowed_tokens == 0


async def workers_with_something():
    """
    Each worker opens what its jobs need; a job that fails or is cancelled has it replaced; all of it is closed in the end.
    """
    opened = []

    @contextlib.asynccontextmanager
    async def open_one():
        await trio.lowlevel.checkpoint()
        opened.append("open")
        try:
            yield len(opened)
        finally:
            opened.append("closed")

    thing = PerWorker(open_one)
    handles = []

    async def use(number):
        first = thing.get()
        await trio.lowlevel.checkpoint()
        assert thing.get() == first
        if number == 1:
            raise OSError

    async with open_pool(2, per_worker=thing) as pool:
        handles += [pool.start_soon(use, number) for number in range(4)]
        await trio.lowlevel.checkpoint()
        handles[2].cancel("enough")
    assert all(handle.done for handle in handles)
    assert handles[1].state is State.FAILED
    assert opened.count("open") == opened.count("closed")
    assert pool.limiter.borrowed_tokens == 0


async def waiting_for_idle():
    """
    Who waits until a pool is idle is woken when no job is left, and no earlier.
    """
    work = Work(2)
    async with open_pool(2) as pool:

        async def bring(left):
            await work()
            if left:
                pool.start_soon(bring, left - 1)

        pool.start_soon(bring, 2)
        pool.start_soon(work)
        await pool.wait_idle()
        assert work.ended == 4


async def jobs_wait_for_each_other():
    """
    Two jobs wait for handles of their own pool: each has what it waited for, or is told that it never would.
    """
    told = []
    async with open_pool(2) as pool:

        async def wait():
            try:
                await pool.start_soon(trio.lowlevel.checkpoint).wait()
                told.append("done")
            except PoolWouldDeadlock:
                told.append("told")

        pool.start_soon(wait)
        pool.start_soon(wait)
    assert sorted(told) in (["done", "done"], ["done", "told"])
    assert pool.limiter.borrowed_tokens == 0


async def group_with_a_limit():
    """
    A group with room for little is offered jobs in every way, and resized meanwhile: none is lost, never too many run.
    """
    work = Work(2)
    async with open_group(limit=1, max_waiting=1) as group:

        async def offer():
            await group.submit(work)
            await group.submit(work)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(offer)
            nursery.start_soon(offer)
            await trio.lowlevel.checkpoint()
            group.limiter.total_tokens = 0
            await trio.lowlevel.checkpoint()
            group.limiter.total_tokens = 2
        await group.wait_idle()
        assert work.ended == 4
    assert group.limiter.borrowed_tokens == 0


async def group_collects():
    """
    Two jobs fail while a third goes on and a fourth is offered: all errors are raised in the end, and nothing is cancelled.
    """
    work = Work(2)
    errors = [OSError(), ValueError()]

    async def fail(error):
        await trio.lowlevel.checkpoint()
        raise error

    caught = None
    try:
        async with open_group(on_failure="collect", limit=2) as group:
            for error in errors:
                group.start_soon(fail, error)
            handle = group.start_soon(partial(work, 7, steps=3))
            await trio.lowlevel.checkpoint()
            late = group.start_soon(work, 8)
    except ExceptionGroup as error:
        caught = error
    assert set(caught.exceptions) == set(errors)
    assert (handle.value, late.value) == (7, 8)


async def limited_group_fails():
    """
    A group with a limit fails while jobs run, wait and are submitted: each is over or refused, and nothing is left.
    """
    work = Work(2)
    told, handles = [], []

    async def fail():
        await trio.lowlevel.checkpoint()
        raise OSError

    async with trio.open_nursery() as nursery:
        with contextlib.suppress(ExceptionGroup):
            async with open_group(limit=2, max_waiting=1) as group:

                async def offer():
                    try:
                        handles.append(await group.submit(partial(work, steps=2)))
                    except Closed as refusal:
                        told.append(refusal.__cause__)

                handles.append(group.start_soon(fail))
                for _ in range(3):
                    nursery.start_soon(offer)
                await trio.sleep_forever()
    assert len(handles) + len(told) == 4
    assert all(handle.done for handle in handles)
    assert all(isinstance(cause, OSError) for cause in told)
    assert work.began == work.ended
    assert group.limiter.borrowed_tokens == 0


JOBS = [
    group_with_a_limit,
    group_collects,
    limited_group_fails,
    map_takes_all,
    map_is_left,
    workers_with_something,
    waiting_for_idle,
    jobs_wait_for_each_other,
    pool_keeps_its_size,
    pool_with_little_room,
    submit_is_cancelled,
    run_is_cancelled,
    handle_is_cancelled_as_it_begins,
    pool_is_paused,
    limiter_is_shared,
    pool_is_cancelled,
    job_brings_job,
    group_fails,
    group_on_a_pool,
    group_is_left_as_jobs_come,
    several_wait,
]
