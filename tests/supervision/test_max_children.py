"""
How many children a supervisor may have.
"""

import math

import pytest
import trio

import trio_run as tr

pytestmark = pytest.mark.everywhere_allow("children fail on purpose", raises=OSError)


async def fails() -> None:
    """
    A child that is restarted, with a delay.
    """
    raise OSError


class TestConstruction:
    @pytest.mark.parametrize(
        ("given", "error"),
        [(-1, ValueError), (1.5, TypeError), ("3", TypeError), (True, TypeError), (math.nan, TypeError)],
    )
    def test_what_is_no_number_of_children(self, given, error):
        """
        It is a whole number, or without end.
        """
        with pytest.raises(error):
            tr.Supervisor("shop", max_children=given)

    def test_more_than_that(self):
        """
        A supervisor that starts with too many is refused.
        """
        with pytest.raises(ValueError, match="Supervisor 'shop' has 1 children, and max_children=0"):
            tr.Supervisor("shop", fails, max_children=0)


class TestFull:
    async def test_one_more_is_refused(self):
        """
        By both ways to start, with the number in the error; when one is gone there is room again.
        """
        async with tr.open_supervisor("shop", max_children=2) as shop:
            first = shop.start_soon(trio.sleep_forever)
            shop.start_soon(trio.sleep_forever)
            with pytest.raises(tr.TooManyChildren, match="shop has 2 children and may have no more"):
                shop.start_soon(trio.sleep_forever)
            with pytest.raises(tr.TooManyChildren):
                await shop.start(trio.sleep_forever)
            first.cancel()
            with pytest.raises(tr.JobCancelled):
                await first.wait()
            shop.start_soon(trio.sleep_forever)

    async def test_one_that_waits_for_its_restart_has_its_place(self):
        """
        Otherwise there would be too many when it comes back.
        """
        async with tr.open_supervisor(
            "shop", max_children=1, backoff=tr.Backoff(first=5, max=5, jitter=0), budget=tr.Budget(restarts=5)
        ) as shop:
            shop.start_soon(tr.Child(fails))
            await trio.sleep(1)

            with pytest.raises(tr.TooManyChildren):
                shop.start_soon(trio.sleep_forever)

    async def test_one_that_was_stopped_has_its_place_until_it_is_removed(self):
        """
        It may be restarted at any time.
        """
        async with tr.open_supervisor("shop", tr.Child(trio.sleep_forever, name="a"), max_children=1) as shop:
            await shop.stop("a")
            with pytest.raises(tr.TooManyChildren):
                shop.start_soon(trio.sleep_forever)
            await shop.remove("a")
            shop.start_soon(trio.sleep_forever)

    async def test_another_set_of_children_may_take_the_place_of_the_old(self):
        """
        What counts is how many there are in the end.
        """
        async with tr.open_supervisor("shop", tr.Child(trio.sleep_forever, name="a"), max_children=1) as shop:
            await shop.reconfigure([tr.Child(trio.sleep_forever, name="b")])
            with pytest.raises(tr.TooManyChildren):
                await shop.reconfigure([tr.Child(trio.sleep_forever, name=name) for name in "bc"])

            assert ("b",) == tuple(child.name for child in shop.children)
