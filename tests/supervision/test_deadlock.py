"""
Calls that would wait for themselves.
"""

from collections.abc import Awaitable, Callable

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, steady

pytestmark = pytest.mark.everywhere_allow(
    "a child asks its supervisor for what it may not have, and is told otherwise while that stops",
    raises=(tr.SupervisorStopping, tr.StartFailed),
)

CALLS = ("stop", "remove", "restart", "wait_exit")


async def tries(call: Callable[[str], Awaitable[object]], name: str, kind: type[Exception] = tr.WouldDeadlock) -> None:
    """
    Make a call that has to be refused.
    """
    with pytest.raises(kind):
        await call(name)


@pytest.mark.parametrize("verb", CALLS)
async def test_a_child_and_all_below_it(verb: str):
    """
    A child, its tasks, its groups, its jobs and the children of its own supervisors cannot wait for its end, at any level.
    """
    refused = []

    async def insist() -> None:
        for supervisor, name in ((inner, "a"), (outer, "inner"), (root, "outer")):
            await tries(getattr(supervisor, verb), name)
            refused.append(name)

    async def child() -> None:
        await insist()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(insist)
        async with tr.open_group() as group:
            group.start_soon(insist)
        await pool.run(insist)
        async with tr.open_group(pool=pool) as group:
            group.start_soon(insist)
        async with tr.open_supervisor("own", tr.Child(insist, restart="on_failure")) as own:
            await own.wait_exit("insist")
        await trio.to_thread.run_sync(trio.from_thread.run, insist)

    inner = tr.Supervisor("inner", tr.Child(child, name="a", restart="on_failure"))
    outer = tr.Supervisor("outer", inner)
    root = tr.Supervisor("root", outer)
    async with tr.open_pool(1) as pool, trio.open_nursery() as nursery:
        await nursery.start(root.run)
        await inner.wait_exit("a")
        root.request_stop()

    assert ["a", "inner", "outer"] * 7 == refused


async def test_through_handles():
    """
    Waiting for the handle of oneself, or of a supervisor above, is refused as well.
    """
    refused = []

    async def child() -> None:
        for handle in (outer.get("inner"), inner.get("a")):
            with pytest.raises(tr.WouldDeadlock) as caught:
                await handle.wait()
            refused.append(caught.value.path)

    inner = tr.Supervisor("inner", tr.Child(child, name="a", restart="on_failure"))
    async with tr.open_supervisor("outer") as outer:
        await outer.start(inner)
        await inner.wait_exit("a")

    assert ["outer/inner", "outer/inner/a"] == refused


async def test_the_stop_of_ones_own_supervisor():
    """
    A child may ask for it, but not wait for it; the block of the supervisor may do both.
    """
    refused = []

    async def child() -> None:
        shop.request_stop()
        with pytest.raises(tr.WouldDeadlock, match="shop/child would wait for shop to end"):
            await shop.wait_stopped()
        refused.append(True)
        await trio.sleep_forever()

    async with tr.open_supervisor("shop") as shop:
        shop.start_soon(child)
        report = await shop.wait_stopped()

    assert [True] == refused
    assert ["shop/child"] == [each.path for each in report.children]


async def test_what_a_child_started_elsewhere_is_no_part_of_it():
    """
    A task in a nursery that outlives the child may wait for its end.
    """
    async with trio.open_nursery() as elsewhere:

        async def child() -> None:
            elsewhere.start_soon(shop.stop, "child")
            await trio.sleep_forever()

        async with tr.open_supervisor("shop") as shop:
            shop.start_soon(tr.Child(child))

            assert "cancelled" == (await shop.wait_exit("child")).how


async def test_two_supervisors_of_one_name():
    """
    Who is meant is a matter of tasks, not of names.
    """
    stopped = []

    async def child() -> None:
        stopped.append(await second.stop("child"))

    async with tr.open_supervisor("shop") as first, tr.open_supervisor("shop") as second:
        second.start_soon(trio.sleep_forever, name="child")
        await first.start_soon(child).wait()

    assert ["shop/child"] == [each.path for each in stopped]


class TestBeforeReady:
    @pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
    async def test_a_sibling_that_comes_up_later(self, strategy: str):
        """
        Where all come up in a line, who is not ready cannot wait for one behind it, nor for a new one.
        """
        refused = []

        async def first(*, task_status: trio.TaskStatus[None]) -> None:
            await tries(shop.wait_ready, "second", tr.StartWouldDeadlock)
            await tries(shop.restart, "second", tr.StartWouldDeadlock)
            await tries(shop.wait_ready, "first", tr.StartWouldDeadlock)
            with pytest.raises(
                tr.StartWouldDeadlock, match="shop/third to be ready, which comes up only after shop/first"
            ):
                await shop.start(tr.Child(trio.sleep_forever, name="third"))
            refused.append(True)
            task_status.started()
            await shop.wait_ready("second")
            waited.set()
            await trio.sleep_forever()

        waited = trio.Event()

        log = EventLog()
        shop = tr.Supervisor("shop", tr.Child(first), tr.Child(steady(log, "second"), name="second"), strategy=strategy)
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            await waited.wait()
            shop.request_stop()

        assert [True] == refused

    async def test_one_for_one(self):
        """
        Children of the start come up in a line, all others at once.
        """
        log = EventLog()

        async def first(*, task_status: trio.TaskStatus[None]) -> None:
            await tries(shop.wait_ready, "second", tr.StartWouldDeadlock)
            await shop.start(tr.Child(steady(log, "third", start=1), name="third"))
            task_status.started()
            await trio.sleep_forever()

        shop = tr.Supervisor("shop", tr.Child(first), tr.Child(steady(log, "second"), name="second"))
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)

            assert ["third starts", "second starts"] == log.lines

            shop.request_stop()

    async def test_from_a_supervisor_that_starts(self):
        """
        What a supervisor below starts with keeps that one from being ready, and so all behind it.
        """
        refused = []

        async def child(*, task_status: trio.TaskStatus[None]) -> None:
            await tries(outer.wait_ready, "web", tr.StartWouldDeadlock)
            await tries(outer.wait_ready, "inner", tr.StartWouldDeadlock)
            refused.append(True)
            task_status.started()
            await trio.sleep_forever()

        inner = tr.Supervisor("inner", tr.Child(child))
        outer = tr.Supervisor("outer", inner, tr.Child(trio.sleep_forever, name="web"))
        async with trio.open_nursery() as nursery:
            await nursery.start(outer.run)
            outer.request_stop()

        assert [True] == refused

    async def test_what_a_block_waits_for(self):
        """
        A child of a supervisor that its parent opened, and that has begun, keeps nobody from being ready.
        """
        log = EventLog()

        async def first(*, task_status: trio.TaskStatus[None]) -> None:
            async with tr.open_supervisor("own") as own:
                own.start_soon(tr.Child(waits))
                await trio.sleep(1)
                task_status.started()
                await trio.sleep_forever()

        async def waits(*, task_status: trio.TaskStatus[None]) -> None:
            await shop.wait_ready("second")
            task_status.started()
            log.note("all are ready")
            await trio.sleep_forever()

        shop = tr.Supervisor("shop", tr.Child(first), tr.Child(steady(log, "second"), name="second"))
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            await trio.sleep(1)
            shop.request_stop()

        assert "all are ready" in log.lines

    async def test_a_task_beside_may_wait(self):
        """
        Another task of the child does not keep it from being ready.
        """
        log = EventLog()

        async def first(*, task_status: trio.TaskStatus[None]) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(shop.wait_ready, "second")
                nursery.start_soon(shop.wait_ready, "first")
                await trio.sleep(1)
                task_status.started()
            log.note("both are ready")
            await trio.sleep_forever()

        shop = tr.Supervisor("shop", tr.Child(first), tr.Child(steady(log, "second", start=2), name="second"))
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            await trio.sleep(1)
            shop.request_stop()

        assert (2, "both are ready") in log.notes
