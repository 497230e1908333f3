"""
The cases of Go's sync.WaitGroup, for groups: waiting until nothing is left. Then a defect of it, the other way round.
"""

import pytest
import trio

import trio_run as tr
from tests.jobs import fail, nap


async def test_wait_group():
    """
    TestWaitGroup: all who wait are released, and not before the last job is over; eight times with one group.
    """
    async with tr.open_group() as group:
        for number in range(8):
            for seconds in range(1, 17):
                group.start_soon(nap, seconds)
            released = []

            async def wait(log=released):
                await group.wait_idle()
                log.append(trio.current_time())

            async with trio.open_nursery() as nursery:
                for _ in range(16):
                    nursery.start_soon(wait)

            assert [16 * (number + 1)] * 16 == released


async def test_wait_group_misuse():
    """
    TestWaitGroupMisuse: nobody counts by hand, so nobody can count below zero; tokens given back twice are found.
    """
    limiter = tr.WeightedLimiter(2)
    await limiter.acquire()
    limiter.release()
    with pytest.raises(RuntimeError):
        limiter.release()

    assert 0 == limiter.statistics().held


async def test_wait_group_race():
    """
    TestWaitGroupRace: who waited sees all that the jobs have written.
    """
    for _ in range(100):
        written = 0

        async def write():
            nonlocal written
            await trio.lowlevel.checkpoint()
            written += 1

        async with tr.open_group() as group:
            group.start_soon(write)
            group.start_soon(write)
            await group.wait_idle()
            assert 2 == written


async def test_an_empty_one_does_not_wait():
    """
    Where there is nothing to wait for, nobody waits.
    """
    async with tr.open_group() as group:
        await group.wait_idle()

    assert 0 == trio.current_time()


async def test_defect_nobody_is_told_that_all_is_well_before_a_crash_is_told():
    """
    There the wait may end, and the process exit with 0, before a crash is seen.
    """
    told = []
    with tr.use_sinks(lambda event: told.append(event.name)), pytest.RaisesGroup(OSError):
        async with tr.open_group(on_failure="collect") as group:
            group.start_soon(fail, OSError("crash"), 1)
            await group.wait_idle()
            told.append("idle")

    assert ["job.failed", "idle"] == told


async def test_defect_a_wait_can_be_given_up():
    """
    There a wait has no deadline, and nothing tells how many are left.
    """
    async with tr.open_group() as group:
        group.start_soon(nap, 10)
        with trio.move_on_after(1) as scope:
            await group.wait_idle()

        assert (True, 1) == (scope.cancelled_caught, group.statistics().running)
