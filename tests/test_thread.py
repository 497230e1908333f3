"""
Calls from other threads are refused before they did anything.
"""

import pytest
import trio

import trio_run as tr


async def in_thread(call, *args):
    """
    Make a call that is refused in a thread, and return what it is told.
    """

    def refused():
        with pytest.raises(RuntimeError) as caught:
            call(*args)
        return str(caught.value)

    return await trio.to_thread.run_sync(refused)


class TestCheckThread:
    @pytest.mark.parametrize("verb", ["start_soon", "submit_nowait"])
    async def test_pool(self, verb):
        """
        A pool takes no job from another thread, whether its workers rest or are still to be hired, and works on.
        """
        async with tr.open_pool(2, name="shop") as pool:
            told = {await in_thread(getattr(pool, verb), trio.sleep_forever)}
            await pool.run(trio.lowlevel.checkpoint)
            told.add(await in_thread(getattr(pool, verb), trio.sleep_forever))

            assert 0 == pool.statistics().waiting

        assert {"shop runs in another thread. Offer the job through trio.from_thread.run_sync."} == told

    @pytest.mark.parametrize("verb", ["start_soon", "submit_nowait"])
    async def test_group(self, verb):
        """
        A group takes no job from another thread.
        """
        async with tr.open_group(name="shop") as group:
            told = await in_thread(getattr(group, verb), trio.sleep_forever)

        assert "shop runs in another thread. Offer the job through trio.from_thread.run_sync." == told

    async def test_supervisor(self):
        """
        A supervisor takes no order from another thread, and stops as ever.
        """
        async with tr.open_supervisor("shop") as shop:
            told = {await in_thread(shop.start_soon, trio.sleep_forever), await in_thread(shop.request_stop)}

            assert () == shop.snapshot().children
            shop.request_stop()

        assert {"shop runs in another thread. Ask it through its from_thread."} == told
