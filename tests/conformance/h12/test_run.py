"""
Defects of h12.io/run, package run, the other way round: its small group, and closers of runners.
"""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, fail, nap


async def test_a_group_that_was_cancelled_runs_nothing():
    """
    There a runner that comes after the cancellation is run, with a context that is over.
    """
    gauge = Gauge()
    async with tr.open_group() as group:
        group.cancel("enough")
        with pytest.raises(tr.Closed):
            group.start_soon(gauge.nap, 1)

    assert [] == gauge.began


async def test_who_closes_a_runner_that_returned_is_told_so_each_time():
    """
    There the first to close a runner that returned nil is told that it was closed already.
    """
    async with tr.open_supervisor("shop") as shop:
        handle = shop.start_soon(nap, 1, "value")
        await trio.sleep(2)

        assert ["value", "value"] == [await handle.wait(), await handle.wait()]


async def test_an_error_is_there_for_all_who_close():
    """
    There the error of a runner is given to the first who closes it, and to nobody else.
    """
    async with tr.open_pool(1) as pool:
        handle = pool.start_soon(fail, OSError("boom"), 1)
        for _ in range(2):
            with pytest.raises(OSError, match="boom"):
                await handle.wait()

    assert "boom" == str(handle.error)


async def test_a_runner_ends_with_what_it_belongs_to():
    """
    There a runner with a closer belongs to nobody, and outlives who forgets to close it.
    """
    with trio.CancelScope() as scope:
        async with tr.open_pool(1) as pool:
            handle = pool.start_soon(trio.sleep_forever)
            await wait_all_tasks_blocked()
            scope.cancel()
            await trio.lowlevel.checkpoint()

    assert tr.State.CANCELLED is handle.state
