"""
What panjf2000/ants promises of its pools, and its defects the other way round.

Not here: Reboot, since a pool that was left is over, and another is opened; MultiPool; DisablePurge, which is an infinite idle time.
"""

import math

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import Gauge, fail, nap


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


async def test_running_free_waiting_cap():
    """
    A pool tells how many run, are free, wait, and may run.
    """
    async with tr.open_pool(2) as pool:
        for _ in range(5):
            pool.start_soon(nap, 1)
        await wait_all_tasks_blocked()
        now = pool.statistics()

    assert (2, 0, 3, 2) == (now.busy, now.total - now.busy, now.waiting, now.total)


@pytest.mark.parametrize("size", [1, 5])
async def test_tune(gauge, size):
    """
    A pool can be made larger or smaller while it runs.
    """
    async with tr.open_pool(3) as pool:
        for _ in range(30):
            pool.start_soon(gauge.nap, 1)
        await trio.sleep(0.5)
        pool.limiter.total_tokens = size
        await trio.sleep(0.75)
        assert size == gauge.now


async def test_max_blocking_tasks():
    """
    Where as many wait as may, one more is refused.
    """
    async with tr.open_pool(1, max_waiting=2) as pool:
        for _ in range(3):
            pool.start_soon(nap, 1)
        with pytest.raises(trio.WouldBlock):
            pool.start_soon(nap, 1)


async def test_nonblocking():
    """
    What cannot begin at once may be refused instead of waiting.
    """
    async with tr.open_pool(1) as pool:
        pool.submit_nowait(nap, 1)
        with pytest.raises(trio.WouldBlock):
            pool.submit_nowait(nap, 1)


async def test_panic_handler():
    """
    A job that fails is heard of, and neither ends a worker nor the pool.
    """
    events = []
    with tr.use_sinks(events.append):
        async with tr.open_pool(1) as pool:
            pool.start_soon(fail, OSError("boom"))
            assert 7 == await pool.run(nap, 0, 7)

    assert ["boom"] == [str(event.error) for event in events]


async def test_an_infinite_idle_time():
    """
    Workers may stay as long as the pool.
    """
    async with tr.open_pool(1, idle_time=math.inf) as pool:
        await pool.run(nap, 0)
        await trio.sleep(1e6)
        assert 1 == pool.statistics().idle


async def test_defect_release_waits():
    """
    Leaving a pool waits for all its jobs.
    """
    async with tr.open_pool(2) as pool:
        handles = [pool.start_soon(nap, 3) for _ in range(4)]

    assert (6, True) == (trio.current_time(), all(handle.done for handle in handles))


async def test_defect_nested_submit():
    """
    A job that waits for another in its own full pool is told.
    """
    async with tr.open_pool(1) as pool:
        with pytest.raises(tr.PoolWouldDeadlock):
            await pool.run(pool.run, nap, 1)


async def test_defect_results():
    """
    Each job has a handle, with its value or its error.
    """
    with tr.use_sinks(lambda _: None):
        async with tr.open_pool(2) as pool:
            good, bad = pool.start_soon(nap, 1, 7), pool.start_soon(fail, OSError("boom"))

    assert (7, "boom") == (good.value, str(bad.error))
