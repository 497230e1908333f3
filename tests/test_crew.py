"""
Workers, their tokens and their turns.
"""

import collections
import contextvars
import gc
import weakref

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, nap, states
from trio_run import _step
from trio_run._pool._turn import MANY_JOBS
from trio_run.testing import cancel_everywhere

VAR = contextvars.ContextVar("VAR", default=None)


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


class TestLimiter:
    async def test_more_slots(self, gauge):
        """
        Jobs that wait begin as soon as there are.
        """
        async with tr.open_pool(1) as pool:
            for _ in range(10):
                pool.start_soon(gauge.nap, 10)
            await trio.sleep(1)
            pool.limiter.total_tokens = 5
            await wait_all_tasks_blocked()

            assert 5 == gauge.now

    async def test_fewer_slots(self, gauge):
        """
        Jobs that run go on, and no other begins until they are few enough.
        """
        counts = []
        async with tr.open_pool(4) as pool:
            for seconds in (1, 2, 3, 4, 4, 4):
                pool.start_soon(gauge.nap, seconds)
            await trio.sleep(0.5)
            pool.limiter.total_tokens = 2
            for _ in range(6):
                counts.append(gauge.now)
                await trio.sleep(1)

        assert [4, 3, 2, 2, 2, 2] == counts

    async def test_fewer_slots_by_a_job_that_never_waits(self):
        """
        Not even the next one begins.
        """
        async with tr.open_pool(1) as pool:

            async def pause():
                pool.limiter.total_tokens = 0

            handles = [pool.start_soon(pause), pool.start_soon(nap, 1)]
            await wait_all_tasks_blocked()
            assert ["finished", "waiting"] == states(handles)
            pool.limiter.total_tokens = 1

        assert ["finished", "finished"] == states(handles)

    async def test_a_pause(self, gauge):
        """
        With no slots nothing begins; when there are some again, all goes on.
        """
        async with tr.open_pool(0) as pool:
            for _ in range(4):
                pool.start_soon(gauge.nap, 1)
            await trio.sleep(5)
            assert [] == gauge.began
            pool.limiter.total_tokens = 2

        assert 7 == trio.current_time()

    async def test_a_pause_in_the_middle(self, gauge):
        """
        A pool may pause at work, too.
        """
        async with tr.open_pool(2) as pool:
            for _ in range(4):
                pool.start_soon(gauge.nap, 1)
            await trio.sleep(0.5)
            pool.limiter.total_tokens = 0
            await trio.sleep(4.5)
            assert 2 == len(gauge.began)
            pool.limiter.total_tokens = 1

        assert 7 == trio.current_time()

    async def test_a_token_that_comes_and_goes(self):
        """
        A slot that is gone before its worker noticed is not used.
        """
        limiter = trio.CapacityLimiter(1)
        async with tr.open_pool(limiter) as pool:
            async with limiter:
                handle = pool.start_soon(nap, 1)
                await wait_all_tasks_blocked()
            limiter.total_tokens = 0
            await trio.sleep(5)
            assert "waiting" == handle.state.value
            limiter.total_tokens = 1

        assert 6 == trio.current_time()

    async def test_shared_by_two_pools(self, gauge):
        """
        Both together run no more than there are tokens.
        """
        limiter = trio.CapacityLimiter(3)
        async with tr.open_pool(limiter) as one, tr.open_pool(limiter) as other:
            for pool in (one, other):
                for _ in range(6):
                    pool.start_soon(gauge.nap, 1)

        assert 3 == gauge.most
        assert 4 == trio.current_time()

    @pytest.mark.parametrize("seconds", [1, None])
    async def test_neither_of_two_pools_starves(self, seconds):
        """
        Jobs without end in one of them do not keep the other waiting, whether they take long or never wait.
        """
        limiter, began, late = trio.CapacityLimiter(1), [], []

        async def again():
            began.append(None)
            if seconds is not None:
                await trio.sleep(seconds)
            if states(late) in ([], ["waiting"]) and len(began) < 1_000_000:
                one.start_soon(again)

        async with tr.open_pool(limiter) as one, tr.open_pool(limiter) as other:
            for _ in range(100):
                one.start_soon(again)
            await trio.lowlevel.checkpoint()
            late.append(other.start_soon(which))

        assert len(began) < 1_000_000

    async def test_the_next_slot_is_for_who_waits_first(self):
        """
        Where a pool has got a token and its worker does not know that yet, or where that is still on its way into the line,
        another pool is not taken for that worker.
        """
        limiter = trio.CapacityLimiter(2)
        async with tr.open_pool(limiter) as one, tr.open_pool(limiter) as other:
            for _ in range(20):
                one.start_soon(nap, 1)
            await trio.sleep(3.5)
            await other.run(nap, 1)

            assert 5 == trio.current_time()

    async def test_nobody_starves_beside_many_workers(self):
        """
        Beside a hundred workers with jobs that never wait, whoever asks for a token gets one while there are jobs.
        """
        limiter, left = trio.CapacityLimiter(100), []

        async def work():
            """
            Return at once.
            """

        async with tr.open_pool(limiter) as pool:
            for _ in range(30_000):
                pool.start_soon(work)
            await trio.lowlevel.checkpoint()
            async with limiter:
                left.append(pool.statistics().waiting)

        assert left[0] > 10_000

    async def test_shared_with_others(self):
        """
        Who waits for a token without a pool gets one, though the pool is never short of jobs.
        """
        limiter = trio.CapacityLimiter(1)
        async with tr.open_pool(limiter) as pool:
            handles = [pool.start_soon(nap, 1) for _ in range(10)]
            await trio.sleep(0.5)
            async with limiter:
                assert 2 == states(handles).count("finished")

    async def test_while_others_hold_all_tokens(self):
        """
        Jobs wait for tokens that are used elsewhere.
        """
        limiter = trio.CapacityLimiter(1)
        async with tr.open_pool(limiter) as pool:
            async with limiter:
                handle = pool.start_soon(nap, 1)
                await trio.sleep(1)
                assert "waiting" == handle.state.value

        assert 2 == trio.current_time()


async def which():
    """
    The worker that runs this.
    """
    return trio.lowlevel.current_task()


class Steps(trio.abc.Instrument):
    """
    How often each task got to run.
    """

    def __init__(self):
        self.counts = collections.Counter()

    def before_task_step(self, task):
        self.counts[task] += 1


class TestWorkers:
    @pytest.mark.no_cancel_everywhere("it counts the workers of a pool that is cancelled")
    async def test_they_are_used_again(self):
        """
        Who rests is called before anybody is hired, the last one first.
        """
        async with tr.open_pool(3) as pool:
            for seconds in (1, 2, 3):
                pool.start_soon(nap, seconds)
            await trio.sleep(5)
            workers = [await pool.run(which) for _ in range(3)]
            assert 3 == pool.statistics().idle

        assert 1 == len(set(workers))

    async def test_they_end_after_a_rest(self):
        """
        Those that are not called for so many seconds, and only those.
        """
        idle = []
        async with tr.open_pool(2, idle_time=10) as pool:
            pool.start_soon(nap, 1)
            pool.start_soon(nap, 1)
            for _ in range(5):
                await trio.sleep(4)
                idle.append(pool.statistics().idle)
                await pool.run(nap, 0)

        assert [2, 2, 1, 1, 1] == idle

    async def test_each_for_itself(self):
        """
        Workers that began to rest at different times end at different times, each when it has rested for long enough.
        """
        async with tr.open_pool(3, idle_time=10) as pool:
            for seconds in (1, 2, 5):
                pool.start_soon(trio.sleep, seconds)
            await pool.wait_idle()
            found = []
            for moment in (10.5, 11.5, 14.5, 15.5):
                await trio.sleep_until(moment)
                found.append(pool.statistics().idle)

        assert [3, 2, 1, 0] == found

    async def test_nobody_stays_for_them(self):
        """
        Leaving the block does not wait until workers that rest have rested for long enough.
        """
        async with tr.open_pool(3, idle_time=10) as pool:
            pool.start_soon(trio.sleep, 1)
            await pool.wait_idle()
            await wait_all_tasks_blocked()

        assert 1 == trio.current_time()

    async def test_a_rest_before_does_not_shorten_a_job(self):
        """
        A worker that was called is not ended for having rested.
        """
        async with tr.open_pool(1, idle_time=10) as pool:
            await pool.run(nap, 1)
            await trio.sleep(9)
            assert "value" == await pool.run(nap, 100, "value")

    async def test_no_more_of_them_than_slots_are_kept(self):
        """
        Who lined up for nothing goes home.
        """
        async with tr.open_pool(2) as pool:
            for _ in range(10):
                pool.start_soon(nap, 1)
            await trio.sleep(10)

            assert 2 == pool.statistics().idle

    async def test_one_of_them_is_lined_up(self):
        """
        However many slots and jobs there are, a pool takes one place in the limiter's line.
        """
        limiter = trio.CapacityLimiter(4)
        places = []
        async with tr.open_pool(limiter) as one, tr.open_pool(limiter) as other:
            for pool in (one, other):
                for _ in range(20):
                    pool.start_soon(nap, 1)
            for _ in range(4):
                await trio.sleep(1)
                await wait_all_tasks_blocked()
                places.append(limiter.statistics().tasks_waiting)

        assert [2] * 4 == places

    async def test_fewer_slots_need_fewer_workers(self):
        """
        When the limiter is narrowed, they go as they get done.
        """
        async with tr.open_pool(5) as pool:
            for _ in range(5):
                pool.start_soon(nap, 1)
            await wait_all_tasks_blocked()
            pool.limiter.total_tokens = 2
            await trio.sleep(2)

            assert 2 == pool.statistics().idle

    async def test_a_cancelled_job_costs_no_worker(self):
        """
        The worker goes on with a new scope.
        """

        async def look_and_wait(seen):
            seen.append(trio.lowlevel.current_task())
            await trio.sleep_forever()

        seen = []
        async with tr.open_pool(1) as pool:
            for _ in range(3):
                handle = pool.start_soon(look_and_wait, seen)
                await wait_all_tasks_blocked()
                handle.cancel()
                await wait_all_tasks_blocked()

        assert 1 == len(set(seen))

    async def test_they_go_from_job_to_job_without_a_detour(self):
        """
        Jobs that never wait do not make the loop go round.
        """
        steps = Steps()
        async with tr.open_pool(1) as pool:
            for _ in range(20):
                pool.start_soon(which)
            worker = pool.start_soon(which)
            trio.lowlevel.add_instrument(steps)
            await trio.sleep(1)
            trio.lowlevel.remove_instrument(steps)

            assert 1 == steps.counts[worker.value]

    @pytest.mark.no_explore("it looks at what is alive, and a run that is watched keeps more")
    @pytest.mark.no_cancel_everywhere("it counts the workers of a pool that is cancelled")
    async def test_the_context_of_who_offers_is_not_kept(self):
        """
        A worker at rest keeps nothing of its last job alive: no arguments, no value, no context.
        """

        class Thing:
            pass

        async def give(thing):
            VAR.set(thing)
            await trio.lowlevel.checkpoint()
            return thing

        async def offer(pool):
            thing = Thing()
            VAR.set(thing)
            await pool.run(give, thing)
            pool.start_soon(give, thing)
            handle = pool.start_soon(give, thing)
            await handle.wait()
            return weakref.ref(thing)

        things = []

        async def offer_in_a_task(pool):
            things.append(await offer(pool))

        async with tr.open_pool(1) as pool:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(offer_in_a_task, pool)
            assert 1 == pool.statistics().idle
            gc.collect()

            assert [None] == [thing() for thing in things]

    async def test_a_handle_keeps_nothing_but_the_outcome(self):
        """
        Who keeps handles does not keep arguments.
        """

        class Thing:
            pass

        async def use(thing):
            await trio.lowlevel.checkpoint()

        thing = Thing()
        ref = weakref.ref(thing)
        async with tr.open_pool(1) as pool:
            handles = [pool.start_soon(use, thing), pool.start_soon(use, thing)]
            handles[1].cancel()
            del thing
        gc.collect()

        assert None is ref()

    async def test_a_stack_shows_what_the_job_does(self):
        """
        Whoever looks at the task of a worker sees the frames of its job.
        """
        async with tr.open_pool(1) as pool:
            worker = pool.start_soon(which)
            handle = pool.start_soon(nap, 5)
            await wait_all_tasks_blocked()
            names = [frame.f_code.co_name for frame, _ in worker.value.iter_await_frames()]
            handle.cancel()

        assert ["nap", "sleep"] == names[3:5]

    def test_a_worker_is_cancelled_when_its_job_was(self):
        """
        A worker that is cancelled with all else, while its job is cancelled anyway, does not go on as if it was not.
        """

        async def cancel_one():
            async with tr.open_pool(1) as pool:
                handle = pool.start_soon(nap, 5)
                await wait_all_tasks_blocked()
                handle.cancel()

        assert () == cancel_everywhere(cancel_one).findings

    async def test_an_interrupt_between_two_steps_closes_the_job(self, monkeypatch):
        """
        Where KeyboardInterrupt strikes before a job can notice, the job is ended all the same.
        """
        log = []

        async def note_the_end():
            try:
                await trio.lowlevel.checkpoint()
            finally:
                log.append("ended")

        def interrupted(self, value):
            raise KeyboardInterrupt

        monkeypatch.setattr(_step.Stepper, "send", interrupted)
        with pytest.RaisesGroup(KeyboardInterrupt):
            async with tr.open_pool(1) as pool:
                handle = pool.start_soon(note_the_end)

        assert ["ended"] == log
        assert tr.State.FAILED is handle.state


class TestNothingToDo:
    """
    A token is free at once where there is no job for it.
    """

    async def test_after_the_last_job(self):
        """
        Whoever saw its end finds the slot free.
        """
        async with tr.open_pool(1) as pool:
            handles = [pool.start_soon(nap, 1) for _ in range(2)]
            await handles[-1].wait()
            pool.submit_nowait(nap, 1)

    @pytest.mark.parametrize(("verb", "max_waiting"), [("submit", 0), ("run", 0), ("run", 5), ("start", 5)])
    async def test_after_a_wait_that_was_given_up(self, verb, max_waiting):
        """
        Nobody stands in line for a job that is gone.
        """
        limiter = trio.CapacityLimiter(1)
        async with tr.open_pool(limiter, max_waiting=max_waiting) as pool:
            async with limiter:
                with trio.move_on_after(1):
                    await getattr(pool, verb)(nap, 1)
                assert 0 == limiter.statistics().tasks_waiting

            assert 1 == limiter.available_tokens

    async def test_a_job_on_its_way_to_a_worker_was_withdrawn(self):
        """
        The worker does the next one instead, or none.
        """
        async with tr.open_pool(1) as pool:
            handles = [pool.start_soon(nap, 1) for _ in range(3)]
            handles[0].cancel()
            handles[1].cancel()
            assert (1, 0) == (pool.statistics().busy, pool.statistics().waiting)

            handles[2].cancel()
            assert (0, 1) == (pool.statistics().busy, pool.limiter.available_tokens)
            assert 7 == await pool.run(nap, 1, 7)

    async def test_a_job_on_its_way_when_slots_were_taken_away(self):
        """
        Then its token goes first.
        """
        async with tr.open_pool(2) as pool:
            handles = [pool.start_soon(nap, 1) for _ in range(3)]
            pool.limiter.total_tokens = 1
            handles[0].cancel()
            assert 0 == pool.limiter.available_tokens

        assert ["cancelled", "finished", "finished"] == states(handles)
        assert 2 == trio.current_time()

    @pytest.mark.no_cancel_everywhere("it counts the tokens of a pool that is cancelled")
    async def test_a_token_on_its_way_to_a_worker(self):
        """
        If its job is withdrawn it goes on to others.
        """
        limiter = trio.CapacityLimiter(1)
        async with tr.open_pool(limiter) as pool:
            async with limiter:
                handle = pool.start_soon(nap, 1)
                await wait_all_tasks_blocked()
            assert 0 == limiter.available_tokens

            handle.cancel()
            assert 1 == limiter.available_tokens
            assert 7 == await pool.run(nap, 1, 7)

    async def test_what_a_borrower_is_called(self):
        """
        The statistics of a limiter say which pool has its tokens, and for what.
        """
        async with tr.open_pool(1, name="fetchers") as pool:
            pool.start_soon(nap, 1)
            pool.start_soon(nap, 1)
            (before,) = map(repr, pool.limiter.statistics().borrowers)
            await wait_all_tasks_blocked()
            (after,) = map(repr, pool.limiter.statistics().borrowers)

        assert ("<worker of fetchers>", "<worker of fetchers: nap>") == (before, after)


class TestTurns:
    async def test_the_loop_goes_on(self):
        """
        Jobs that never wait do not keep other tasks from running: their worker gives way now and then.
        """
        steps = Steps()
        async with tr.open_pool(1) as pool:
            worker = pool.start_soon(which)
            for _ in range(4000):
                pool.start_soon(which)
            trio.lowlevel.add_instrument(steps)
            await pool.wait_idle()
            trio.lowlevel.remove_instrument(steps)

        assert steps.counts[worker.value] > 4000 // MANY_JOBS

    def test_jobs_that_take_time(self):
        """
        Jobs that compute for long and never wait do so for a millisecond or a few jobs at a time.
        """
        clock, began = MockClock(), []

        async def compute():
            began.append(None)
            clock.jump(0.0005)

        async def main():
            async with tr.open_pool(1) as pool:
                for _ in range(1000):
                    pool.start_soon(compute)
                await trio.lowlevel.checkpoint()
                return len(began)

        assert trio.run(main, clock=clock) <= 16

    async def test_jobs_that_bring_in_others(self):
        """
        Not even if there is no end to them.
        """

        async def again(pool):
            pool.start_soon(again, pool)

        with trio.move_on_after(1) as scope:
            async with tr.open_pool(1) as pool:
                pool.start_soon(again, pool)
                for _ in range(10):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

        assert scope.cancelled_caught
