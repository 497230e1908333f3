"""
Calls that want the same at the same time share the work, and nobody's cancellation is the others' loss.
"""

import contextvars

import pytest
import trio

import trio_run as tr
from trio_run.testing import cancel_everywhere, explore


class Work:
    """
    Work that is counted.
    """

    def __init__(self, seconds=1.0, error=None):
        self.seconds, self.error = seconds, error
        self.begun = self.done = self.cancelled = 0

    async def do(self, value="value"):
        self.begun += 1
        try:
            await trio.sleep(self.seconds)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        self.done += 1
        if self.error is not None:
            raise self.error
        return value


class TestCoalesce:
    async def test_shared(self):
        """
        Two calls with one key share the work; another key is other work.
        """
        work, got = Work(), []

        async def ask(key):
            got.append(await flights.coalesce(key, work.do, key))

        async with tr.open_coalescer() as flights, trio.open_nursery() as nursery:
            for key in "aab":
                nursery.start_soon(ask, key)

        assert ["a", "a", "b"] == sorted(got)
        assert 2 == work.done
        assert "<Coalescer coalescer: 0 under way>" == repr(flights)

    async def test_one_caller_leaves(self):
        """
        A caller that is cancelled, be it the first, leaves the work to the others.
        """
        work = Work()
        async with tr.open_coalescer() as flights:

            async def ask():
                assert "value" == await flights.coalesce("key", work.do)

            async with trio.open_nursery() as nursery:
                with trio.move_on_after(0.5):
                    nursery.start_soon(ask)
                    await flights.coalesce("key", work.do)

        assert (1, 1, 0) == (work.begun, work.done, work.cancelled)

    async def test_the_last_caller_leaves(self):
        """
        When the last caller is gone the work is cancelled, and the next call begins anew.
        """
        work = Work()
        async with tr.open_coalescer() as flights:
            with trio.move_on_after(0.5):
                await flights.coalesce("key", work.do)

            assert "value" == await flights.coalesce("key", work.do)

        assert (2, 1, 1) == (work.begun, work.done, work.cancelled)

    async def test_errors(self):
        """
        Each caller gets an error of its own, with the traceback of the work.
        """
        work, got = Work(error=KeyError("x")), []

        async def ask():
            with pytest.raises(KeyError) as caught:
                await flights.coalesce("key", work.do)
            got.append(caught)

        async with tr.open_coalescer() as flights, trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)

        assert 1 == work.done
        assert 3 == len({id(each.value) for each in got})
        assert {("x",)} == {each.value.args for each in got}
        assert all("do" in [entry.name for entry in each.traceback] for each in got)

    async def test_an_error_that_cannot_be_copied(self):
        """
        An error that cannot be copied is raised itself.
        """

        class Awkward(Exception):
            def __init__(self, one, two):
                super().__init__(one + two)

        error = Awkward("a", "b")
        async with tr.open_coalescer() as flights:
            with pytest.raises(Awkward) as caught:
                await flights.coalesce("key", Work(error=error).do)

        assert error is caught.value

    async def test_forget(self):
        """
        After a key is forgotten the next call begins anew, and the work under way goes on.
        """
        work = Work()

        async def ask():
            await flights.coalesce("key", work.do)

        async with tr.open_coalescer() as flights, trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(0.5)
            flights.forget("key")
            nursery.start_soon(ask)
            await trio.sleep(0.6)
            assert 1 == work.done

        assert (2, 2) == (work.begun, work.done)

    async def test_context(self):
        """
        The work runs in the context of the first caller.
        """
        variable = contextvars.ContextVar("variable")

        async def look():
            return variable.get()

        async with tr.open_coalescer() as flights:
            variable.set("mine")

            assert "mine" == await flights.coalesce("key", look)

    async def test_cancelled_from_outside(self):
        """
        When the block is cancelled, callers elsewhere are told that it is closed.
        """
        opened, flights = trio.Event(), []

        async def keep_open(scope):
            with scope:
                async with tr.open_coalescer() as coalescer:
                    flights.append(coalescer)
                    opened.set()
                    await trio.sleep_forever()

        async def ask():
            with pytest.raises(tr.Closed):
                await flights[0].coalesce("key", Work().do)

        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            nursery.start_soon(keep_open, scope)
            await opened.wait()
            nursery.start_soon(ask)
            await trio.sleep(0.5)
            scope.cancel()

    async def test_after_the_block(self):
        """
        When the block is over no call is taken.
        """
        async with tr.open_coalescer() as flights:
            pass
        with pytest.raises(tr.Closed, match="coalescer is closed and did not take"):
            await flights.coalesce("key", Work().do)

    async def test_leaked_cancelled(self):
        """
        A Cancelled that nobody sent is a failure.
        """

        async def leak():
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.lowlevel.checkpoint()
                except trio.Cancelled as exc:
                    kept = exc
            raise kept

        async with tr.open_coalescer() as flights:
            with pytest.raises(tr.LeakedCancelled):
                await flights.coalesce("key", leak)

    async def test_no_exception_is_held(self):
        """
        What is no `Exception` ends the block as well as the caller.
        """
        with pytest.RaisesGroup(SystemExit):
            async with tr.open_coalescer() as flights:
                with pytest.raises(SystemExit):
                    await flights.coalesce("key", Work(error=SystemExit(3)).do)
                await trio.sleep_forever()

    @pytest.mark.parametrize("aside", [False, True])
    async def test_work_that_waits_for_itself(self, aside):
        """
        A call from inside of the work for the same key is told, also one by a task of that work.
        """

        async def again():
            await coalescer.coalesce("key", again)

        async def work():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(again)

        async with tr.open_coalescer() as coalescer:
            with pytest.RaisesGroup(tr.WouldDeadlock, flatten_subgroups=True, allow_unwrapped=True):
                await coalescer.coalesce("key", work if aside else again)

    async def test_work_that_waits_for_itself_through_a_job(self):
        """
        A job on a pool is a part of the work that waits for it.
        """

        async def again():
            await coalescer.coalesce("key", again)

        async with tr.open_pool(1) as pool, tr.open_coalescer() as coalescer:
            with pytest.raises(tr.WouldDeadlock):
                await coalescer.coalesce("key", pool.run, again)

    async def test_work_that_waits_in_a_circle(self):
        """
        Of two that would wait for each other, the last to ask is told, and the other has its error.
        """
        told = []

        async def work(other):
            await trio.sleep(1)
            try:
                return await coalescer.coalesce(other, trio.sleep, 0)
            except tr.WouldDeadlock as error:
                told.append(error)
                return "told"

        async with tr.open_coalescer(name="flights") as coalescer, trio.open_nursery() as nursery:
            nursery.start_soon(coalescer.coalesce, "a", work, "b")
            assert "told" == await coalescer.coalesce("b", work, "a")

        assert 1 == len(told)
        assert "flights" in str(told[0])

    async def test_work_that_waits_for_other_work(self):
        """
        Work may wait for work of another key, also if somebody else began that.
        """

        async def inner():
            await trio.sleep(2)
            return "inner"

        async def outer():
            return await coalescer.coalesce("inner", inner)

        async with tr.open_coalescer() as coalescer, trio.open_nursery() as nursery:
            nursery.start_soon(coalescer.coalesce, "inner", inner)
            assert "inner" == await coalescer.coalesce("outer", outer)

        assert 2 == trio.current_time()

    async def test_a_call_that_is_cancelled_beforehand(self):
        """
        It begins no work.
        """
        work = Work()
        async with tr.open_coalescer() as coalescer:
            with trio.CancelScope() as scope:
                scope.cancel()
                await coalescer.coalesce("key", work.do)

        assert (True, 0) == (scope.cancelled_caught, work.begun)

    async def test_no_function(self):
        """
        What cannot be called is refused.
        """
        async with tr.open_coalescer() as flights:
            with pytest.raises(TypeError, match="3 cannot be called"):
                await flights.coalesce("key", 3)

    def test_at_every_point(self):
        """
        Cancelled anywhere, and in any order of tasks, nobody waits for ever and nothing is left.
        """

        async def main():
            async with tr.open_coalescer() as flights, trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(flights.coalesce, "key", Work().do)

        assert [] == list(cancel_everywhere(main).findings)
        assert None is explore(main, schedules=100, seed=0).failure
