"""
The tests of OTP's supervisor_SUITE about stopping, told again for trio.
"""

import math

import pytest
import trio

import trio_run as tr
from tests.conformance.children import BOOM, keep, phases
from tests.supervision.scripts import EventLog, polite, steady


async def test_sup_stop_infinity():
    """
    sup_stop_infinity: a child may have as long as it takes, as a supervisor has.
    """
    log = EventLog()
    inner = tr.Supervisor("inner", tr.Child(polite(log, "a", drain=500), name="a", grace=math.inf))
    async with tr.open_supervisor("shop", tr.Child(polite(log, "b", drain=500), name="b", grace=math.inf), inner):
        pass

    assert 1000 == trio.current_time()


async def test_sup_stop_timeout():
    """
    sup_stop_timeout: one that does not end in its grace is cancelled, and the next is asked.
    """
    log = EventLog()
    children = [
        tr.Child(polite(log, name, drain=drain), name=name, grace=2) for name, drain in [("a", 1), ("b", 99), ("c", 1)]
    ]
    async with tr.open_supervisor("shop", *children) as shop:
        await trio.sleep(1)

    assert [("c", "drained", 1), ("b", "cancelled", 2), ("a", "drained", 1)] == [
        (each.path[-1], each.how, each.seconds) for each in shop.stop_report.children
    ]


async def test_sup_stop_timeout_dynamic():
    """
    sup_stop_timeout_dynamic: children that came later have their graces too.
    """
    log = EventLog()
    async with tr.open_supervisor("shop") as shop:
        for name, drain in [("a", 1), ("b", 99)]:
            shop.start_soon(tr.Child(polite(log, name, drain=drain), name=name, grace=2, restart="never"))
        await trio.sleep(1)

    assert {("b", "cancelled"), ("a", "drained")} == {(each.path[-1], each.how) for each in shop.stop_report.children}
    assert 3 == trio.current_time()  # Side by side.


async def test_sup_stop_brutal_kill():
    """
    sup_stop_brutal_kill: one without a grace is cancelled at once, the other asked.
    """
    log = EventLog()
    async with tr.open_supervisor(
        "shop",
        tr.Child(polite(log, "a", drain=1), name="a"),
        tr.Child(polite(log, "b", drain=1), name="b", grace=0),
    ) as shop:
        await trio.sleep(1)

    assert [("b", "cancelled", 0), ("a", "drained", 1)] == [
        (each.path[-1], each.how, each.seconds) for each in shop.stop_report.children
    ]


async def test_sup_stop_brutal_kill_dynamic():
    """
    sup_stop_brutal_kill_dynamic: ten that came later are all cancelled at once.
    """
    log = EventLog()
    async with tr.open_supervisor("shop") as shop:
        for number in range(10):
            shop.start_soon(tr.Child(polite(log, "x", drain=9), name=str(number), grace=0))
        await trio.sleep(1)

    assert (1, 10) == (trio.current_time(), shop.stop_report.count("cancelled"))


@pytest.mark.parametrize("restart", tr.Restart)
@pytest.mark.parametrize("outcome", [None, BOOM, tr.Done("done"), tr.RestartAfter(0)])
async def test_sup_stop_race(restart: tr.Restart, outcome: BaseException | None):
    """
    sup_stop_race: a child that ends by itself while its turn to stop has not come is not restarted, and how it ended is kept.
    """
    log = EventLog()

    async def ends() -> None:
        log.note("starts")
        await trio.sleep(2)
        if outcome is not None:
            raise outcome

    shop = tr.Supervisor(
        "shop", tr.Child(ends, restart=restart), tr.Child(polite(log, "slow", drain=3), name="slow", grace=9)
    )
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            if outcome is BOOM:
                with pytest.RaisesGroup(OSError):
                    await shop.run()
            else:
                await shop.run()

        nursery.start_soon(run)
        await trio.sleep(1)
        shop.request_stop()

    assert 1 == log.lines.count("starts")
    ended = next(each for each in shop.stop_report.children if each.path == "shop/ends")
    assert ("ended", BOOM if outcome is BOOM else None) == (ended.how, ended.error)
    assert 4 == trio.current_time()


async def test_sup_stop_non_shutdown_exit_dynamic():
    """
    sup_stop_non_shutdown_exit_dynamic: what a child raises when it is asked to stop is reported, and raised in the end.
    """

    async def breaks() -> None:
        await tr.wait_stopping()
        raise BOOM

    with pytest.RaisesGroup(OSError, OSError, flatten_subgroups=True):
        async with tr.open_supervisor("shop") as shop:
            for name in "ab":
                shop.start_soon(tr.Child(breaks, name=name, restart="never"))
            await trio.sleep(1)

    assert [BOOM, BOOM] == [each.error for each in shop.stop_report.children]


async def test_child_unlink():
    """
    child_unlink: a child that cannot be cancelled is reported, and keeps no other call from being answered.
    """
    log = EventLog()
    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", tr.Child(steady(log, "a", cleanup=15), name="a")) as shop:
            with trio.move_on_after(1):
                await shop.stop("a")
            await shop.start(tr.Child(keep, name="b"))

            assert (1, [("a", "killing"), ("b", "up")]) == (trio.current_time(), phases(shop))

            await shop.stop("a")

    assert 15 == trio.current_time()
    assert ["shop/a"] == [event.path for event in log.named("child.stuck")]


async def test_simple_one_for_one_shutdown():
    """
    simple_one_for_one_shutdown: those that come and go stop side by side; it takes as long as the slowest.
    """
    log = EventLog()
    async with tr.open_supervisor("shop") as shop:
        for seconds in (1, 2, 3):
            shop.start_soon(polite(log, str(seconds), drain=seconds))
        await trio.sleep(1)

    assert 4 == trio.current_time()
