"""
The tests of Elixir's Task.Supervisor, told again for trio.

A task that nobody would be harmed by is a function that a supervisor starts; one that belongs to its caller is a job of a group.
What is told of streams stands in `test_async_stream.py`.
"""

import contextvars

import pytest
import trio

import trio_run as tr
from tests.conformance.children import BOOM, fails, keep, kept, lives, phases
from tests.supervision.scripts import EventLog, Planned, polite

REQUEST = contextvars.ContextVar("request", default="none")


async def double(number: int) -> int:
    """
    Return twice the number, a second later.
    """
    await trio.sleep(1)
    return 2 * number


async def request() -> str:
    """
    Return the request that it belongs to.
    """
    await trio.lowlevel.checkpoint()
    return REQUEST.get()


class TestSupervised:
    async def test_can_be_supervised_directly(self):
        """
        can be supervised directly, multiple supervisors can be supervised and identified: by their names.
        """
        first, second = tr.Supervisor("first"), tr.Supervisor("second")
        async with tr.open_supervisor("shop", first, second) as shop:
            jobs = first.start_soon(double, 1), second.start_soon(double, 2)

            assert [("first", "up"), ("second", "up")] == phases(shop)
            assert ["shop/first/double", "shop/second/double"] == [job.name for job in jobs]
            assert [2, 4] == [await job.wait() for job in jobs]

    async def test_counts_and_returns_children(self):
        """
        counts and returns children: those that run, and no others.
        """
        async with tr.open_supervisor("tasks") as tasks:
            tasks.start_soon(double, 1)
            tasks.start_soon(keep)
            await trio.sleep(0.5)
            assert [("double", "up"), ("keep", "up")] == phases(tasks)
            await trio.sleep(1)

            assert [("keep", "up")] == phases(tasks)


class TestAsync:
    async def test_async(self):
        """
        async/1 spawns tasks under the supervisor, async/3 spawns tasks under the supervisor: the result comes with the handle.
        """
        async with tr.open_group() as group:
            job = group.start_soon(double, 21)

            assert 42 == await job.wait()

    async def test_async_is_linked(self):
        """
        async/1 spawns tasks under the supervisor: the failure of a task takes its caller down, and its siblings.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group() as group:
                sibling = group.start_soon(keep)
                group.start_soon(fails)
                await trio.sleep_forever()

        assert tr.State.CANCELLED is sibling.state

    async def test_async_goes_with_its_caller(self):
        """
        async/1 spawns tasks under the supervisor: and a caller that is cancelled takes its tasks along.
        """
        with trio.move_on_after(1):
            async with tr.open_group() as group:
                job = group.start_soon(keep)
                await trio.sleep_forever()

        assert (1, tr.State.CANCELLED) == (trio.current_time(), job.state)

    async def test_async_raises_when_full(self):
        """
        async/1 raises when max_children is reached: by a call that does not wait for a slot.
        """
        async with tr.open_group(limit=1) as group:
            group.submit_nowait(double, 1)
            with pytest.raises(trio.WouldBlock):
                group.submit_nowait(double, 2)

    async def test_async_with_callers(self):
        """
        async/1 with callers: a task knows the context that it was started in.
        """
        REQUEST.set("seven")
        async with tr.open_group() as group:
            assert "seven" == await group.start_soon(request).wait()


class TestAsyncNolink:
    async def test_async_nolink(self):
        """
        async_nolink/1 spawns tasks under the supervisor, async_nolink/3 spawns tasks under the supervisor: a failure is
        raised where somebody waits for it, and nowhere else.
        """
        async with tr.open_supervisor("tasks", *kept("a")) as tasks:
            good, bad = tasks.start_soon(double, 21), tasks.start_soon(fails)

            with pytest.raises(OSError, match="boom"):
                await bad.wait()
            assert 42 == await good.wait()
            assert [("a", "up")] == phases(tasks)

    async def test_async_nolink_with_custom_shutdown(self):
        """
        async_nolink/1 with custom shutdown, start_child with custom shutdown: a task has the grace that it was given.
        """
        log = EventLog()
        async with tr.open_supervisor("tasks") as tasks:
            tasks.start_soon(tr.Child(polite(log, "slow", drain=9), name="slow", restart="never", grace=2))
            await trio.sleep(1)

        assert [(3, "slow ends")] == log.notes[-1:]

    async def test_async_nolink_raises_when_full(self):
        """
        async_nolink/1 raises when max_children is reached: with the number in the error.
        """
        async with tr.open_supervisor("tasks", max_children=1) as tasks:
            tasks.start_soon(keep)
            with pytest.raises(tr.TooManyChildren, match="tasks has 1 children"):
                tasks.start_soon(keep)

    async def test_async_nolink_with_callers(self):
        """
        async_nolink/1 with callers, start_child with callers: a task knows the context that it was started in.
        """
        REQUEST.set("eight")
        async with tr.open_supervisor("tasks") as tasks:
            assert "eight" == await tasks.start_soon(request).wait()


class TestStartChild:
    async def test_start_child(self):
        """
        start_child/1, start_child/3: a function runs once, and is forgotten when it is over.
        """
        async with tr.open_supervisor("tasks") as tasks:
            job = tasks.start_soon(double, 4)
            await trio.sleep(2)

            assert (8, []) == (job.value, phases(tasks))

    async def test_start_child_with_custom_restart(self):
        """
        start_child with custom restart: a task that may be tried again is a child with such a rule.
        """
        async with tr.open_supervisor("tasks") as tasks:
            job = tasks.start_soon(tr.Child(Planned(EventLog(), "web", (1, BOOM), (1, "done")), restart="on_failure"))

            assert "done" == await job.wait()
            assert [("web", 2)] == lives(tasks)

    async def test_terminate_child(self):
        """
        terminate_child/2: a task is ended by its name, and then there is none of that name.
        """
        async with tr.open_supervisor("tasks") as tasks:
            tasks.start_soon(keep)
            await trio.sleep(1)
            await tasks.stop("keep")
            with pytest.raises(tr.ChildNotFound):
                await tasks.stop("keep")


class TestAwait:
    async def test_await_gives_up_after_a_while(self):
        """
        await/1 demonitors and demonitors on timeout: who stops waiting leaves the task alone, and can ask again.
        """
        async with tr.open_supervisor("tasks") as tasks:
            job = tasks.start_soon(double, 4)
            with trio.move_on_after(0.5):
                await job.wait()
            assert tr.State.RUNNING is job.state

            assert 8 == await job.wait()

    @pytest.mark.parametrize("error", [BOOM, ExceptionGroup("two", [BOOM, KeyError()])])
    async def test_await_raises(self, error: Exception):
        """
        await/1 exits on task throw, await/1 exits on task error, await/1 exits on task exit: the very error of the task
        is raised, as often as it is asked for.
        """

        async def breaks() -> None:
            await trio.lowlevel.checkpoint()
            raise error

        async with tr.open_supervisor("tasks") as tasks:
            job = tasks.start_soon(breaks)
            for _ in range(2):
                with pytest.raises(type(error)) as caught:
                    await job.wait()

                assert error is caught.value
