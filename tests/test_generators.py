"""
Generators that are closed by who has looped over them.
"""

import pytest
import trio

from trio_run._generators import close


async def numbers(error=None):
    """
    Give numbers from inside a nursery, and raise something on the way out.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        try:
            yield 1
        finally:
            if error is not None:
                raise error


class TestClose:
    async def test_with_a_nursery_inside(self):
        """
        The group that the nursery makes of GeneratorExit is no error.
        """
        generator = numbers()
        await anext(generator)
        await close(generator)

        assert [] == [number async for number in generator]

    async def test_what_it_raises(self):
        """
        An error of its own is one.
        """
        generator = numbers(OSError("stuck"))
        await anext(generator)

        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="stuck")):
            await close(generator)

    async def test_a_sync_one(self):
        """
        One that is not async ends in the same way.
        """
        generator = (number for number in range(3))
        next(generator)
        await close(generator)

        assert [] == list(generator)

    @pytest.mark.parametrize("thing", [[1], iter([1]), trio.open_memory_channel[int](1)[1]])
    async def test_anything_else(self, thing):
        """
        A list or a channel is left as it is.
        """
        await close(thing)

        assert not isinstance(thing, trio.MemoryReceiveChannel) or 0 == thing.statistics().current_buffer_used
