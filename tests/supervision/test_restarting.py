"""
One runner under one policy.
"""

import functools

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned, polite, steady
from trio_run.testing import cancel_everywhere

BOOM = OSError("boom")


class TestRestarting:
    async def test_until_it_returns(self):
        """
        A runner that fails is run again, from the first failure on, and what it returns in the end is the result.
        """
        log = EventLog()
        web = Planned(log, "web", (1, BOOM), (2, BOOM), (1, "done"), early=frozenset({1}))
        patient = tr.Backoff(first=5, max=5, jitter=0)

        with tr.use_sinks(log):
            assert "done" == await tr.restarting(web, backoff=patient)

        assert 1 + 2 + 5 + 1 == trio.current_time()
        assert ["child.failed web/runner#1", "child.failed web/runner#2"] == log.story("child.failed")

    async def test_arguments_and_types(self):
        """
        Positional arguments are for the runner, as in a nursery.
        """

        async def double(number: int) -> int:
            await trio.lowlevel.checkpoint()
            return number * 2

        value: int | None = await tr.restarting(double, 4, name="twice")

        assert 8 == value

    async def test_giving_up(self):
        """
        The verdict comes bare, with the errors in it.
        """
        web = Planned(EventLog(), "web", *[(0, BOOM)] * 9)
        with pytest.raises(
            tr.GaveUp, match="web gave up: runner failed once more than the 2 restarts in 60 s"
        ) as caught:
            await tr.restarting(web, budget=tr.Budget(restarts=2))

        assert (3, (BOOM,)) == (web.lives, caught.value.exceptions)

    async def test_always(self):
        """
        What is to be up always is run again also when it returns.
        """
        web = Planned(EventLog(), "web", (1, 1), (1, 2))
        with trio.move_on_after(10) as scope:
            await tr.restarting(web, restart="always")

        assert scope.cancelled_caught
        assert 3 == web.lives

    async def test_never(self):
        """
        What runs once raises its own error.
        """
        with pytest.raises(OSError, match="boom"):
            await tr.restarting(Planned(EventLog(), "web", (1, BOOM)), restart="never")

    async def test_never_and_not_even_ready(self):
        """
        Who waits for it to be ready is told what it raised.
        """
        web = Planned(EventLog(), "web", (1, BOOM), early=frozenset({1}))
        with pytest.RaisesGroup(OSError):
            async with trio.open_nursery() as nursery:
                await nursery.start(functools.partial(tr.restarting, restart="never"), web)

    async def test_as_part_of_a_child_that_is_asked_to_stop(self):
        """
        The runner hears of it, drains, and the call returns.
        """
        log = EventLog()

        async def child() -> None:
            log.note(f"returned {await tr.restarting(polite(log, 'feed', drain=2))}")

        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", child):
                await trio.sleep(1)

        assert [(0, "feed starts"), (1, "feed drains"), (3, "feed ends"), (3, "returned None")] == log.notes
        assert ["drained"] == [event.how for event in log.named("child.stopped", "shop/child")]

    async def test_cancelled_from_outside(self):
        """
        The runner is cancelled, and the call ends when it is gone.
        """
        log = EventLog()
        with trio.move_on_after(1) as scope:
            await tr.restarting(steady(log, "web", cleanup=2))

        assert scope.cancelled_caught
        assert (3, "web ends") == log.notes[-1]

    async def test_it_tells_when_it_is_ready(self):
        """
        nursery.start returns what the first life that became ready had to say.
        """
        lives = []

        async def serve(*, task_status: trio.TaskStatus[int]) -> None:
            lives.append(None)
            await trio.sleep(1)
            if len(lives) < 2:
                raise BOOM
            task_status.started(8080)
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            assert 8080 == await nursery.start(tr.restarting, serve)
            assert 2 == trio.current_time()

            nursery.cancel_scope.cancel()

    async def test_bad_input(self):
        """
        What cannot run, and a budget that could never be spent, are refused before anything runs.
        """
        with pytest.raises(TypeError, match="cannot run"):
            await tr.restarting(3)
        with pytest.raises(ValueError, match="can never be spent"):
            await tr.restarting(trio.sleep_forever, budget=tr.Budget(per=1))

    def test_cancelled_at_every_point(self):
        """
        Wherever the cancellation comes, nothing is left and nothing but Cancelled comes out.
        """
        log = EventLog()

        async def run() -> None:
            web = Planned(log, "web", (1, BOOM), (1, "done"))
            await tr.restarting(web, backoff=tr.Backoff(first=1, max=1, jitter=0))

        assert 4 < len(cancel_everywhere(run).points)

    def test_in_a_plan(self):
        """
        As a partial it is a runner itself.
        """
        child = tr.Child(functools.partial(tr.restarting, trio.sleep_forever, restart="always"), name="feed")

        assert "feed" == child.name
