"""
What a person starts: who takes the failure, and in which order it stops.
"""

import contextlib

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned, polite, steady

pytestmark = pytest.mark.everywhere_allow("children fail on purpose", raises=(OSError, ValueError))


class TestRestart:
    @pytest.mark.parametrize("restart", ["always", "on_failure"])
    async def test_a_resting_child_that_does_not_start_rests_on(self, restart):
        """
        Whoever asked is told, nothing is tried again, and nothing counts: a supervisor that forgives nothing lives on.
        """
        log = EventLog()
        runner = Planned(log, "a", (0, None), (0, ValueError("no")), early=frozenset({2}))
        async with tr.open_supervisor("top", budget=tr.Budget(restarts=0)) as top:
            await top.start(tr.Child(runner, name="a", restart="on_failure"))
            await top.start(tr.Child(trio.sleep_forever, name="b", restart=restart))
            await trio.sleep(1)
            with pytest.raises(tr.StartFailed) as caught:
                await top.restart("a")
            await trio.sleep(100)

            assert isinstance(caught.value.__cause__, ValueError)
            assert 2 == runner.lives
            assert ["down", "up"] == [child.phase for child in top.statistics()]

            await top.restart("a")

            assert ["up", "up"] == [child.phase for child in top.statistics()]

    @pytest.mark.parametrize("idle", [tr.Ignore(), tr.Done()])
    async def test_so_does_one_that_had_nothing_to_do(self, idle):
        """
        It was never ready, but whoever asked for it first was served; so a later start that fails does not forget it.
        """
        runner = Planned(EventLog(), "a", (0, idle), (0, ValueError("no")), early=frozenset({1, 2}))
        async with tr.open_supervisor("top") as top:
            top.start_soon(tr.Child(trio.sleep_forever, name="b"))
            with contextlib.suppress(tr.StartFailed):
                await top.start(tr.Child(runner, name="a"))
            with pytest.raises(tr.StartFailed):
                await top.restart("a")

            assert ["b", "a"] == [child.name for child in top.statistics()]

            await top.restart("a")

            assert ["up", "up"] == [child.phase for child in top.statistics()]

    async def test_once_ready_it_is_kept_again(self):
        """
        A restart by hand that succeeds is a life like any other: its failure is mended.
        """
        log = EventLog()
        runner = Planned(log, "a", (0, None), (1, ValueError("later")))
        async with tr.open_supervisor("top") as top:
            await top.start(tr.Child(runner, name="a", restart="on_failure"))
            await trio.sleep(1)
            await top.restart("a")
            await trio.sleep(10)

            assert 3 == runner.lives
            assert "up" == top.statistics()[0].phase

    async def test_a_child_that_waits_for_its_restart_is_tried_again(self):
        """
        It was to be up before somebody asked, and still is.
        """
        log = EventLog()
        fails = (0, ValueError("no"))
        runner = Planned(log, "a", (0, ValueError("first")), fails, fails, early=frozenset({2, 3}))
        rules = {"backoff": tr.Backoff(first=5.0, jitter=0.0), "budget": tr.Budget(restarts=5, per=100.0)}
        async with tr.open_supervisor("top", **rules) as top:
            top.start_soon(tr.Child(runner, name="a"))
            await trio.sleep(1)
            await top.restart("a")

            assert 4 == runner.lives


class TestStopOrder:
    async def test_children_that_were_waited_for_stop_in_reverse(self):
        """
        Also those that run once: who waits until a child is ready, before starting the next, may count on the order.
        """
        log = EventLog()
        async with tr.open_supervisor("top") as top:
            for name in "abc":
                await top.start(tr.Child(polite(log, name, drain=1.0), name=name, restart="never"))

        assert [f"{name} {what}" for name in "cba" for what in ("drains", "ends")] == log.lines[3:]


async def test_a_child_that_passes_does_not_end_its_supervisor():
    """
    Though it is significant and runs once: it was never there.
    """

    async def passes(*, task_status):
        raise tr.Ignore

    log = EventLog()
    async with tr.open_supervisor(
        "top",
        tr.Child(passes, name="a", restart="never", significant=True),
        tr.Child(steady(log, "b"), name="b"),
        exit_when="any_significant",
    ) as top:
        await trio.sleep(10)

        assert ["b"] == [child.name for child in top.statistics()]
