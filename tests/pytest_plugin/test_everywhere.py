"""
What tests expect, allow and leave out when they are cancelled or failed everywhere.
"""

import pytest

from tests.pytest_plugin.suites import Suite

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

RAISES = """
import contextlib

async def late(error):
    try:
        await trio.sleep(0.01)
    finally:
        raise error

async def test_group():
    with pytest.RaisesGroup(OSError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(late, OSError("group"))

async def test_nested_groups():
    with pytest.RaisesGroup(pytest.RaisesGroup(pytest.RaisesExc(OSError, match="nested"))):
        async with trio.open_nursery() as outer:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(late, OSError("nested"))

async def test_any_group():
    with pytest.raises(BaseExceptionGroup):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(late, OSError("any"))
            nursery.start_soon(trio.sleep_forever)

async def test_anything():
    with pytest.raises(BaseException):
        await trio.sleep(0.01)
        raise OSError("alone")

async def test_expects_something_else():
    with pytest.RaisesGroup(OSError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(breaks_when_cancelled)

async def breaks_when_cancelled():
    try:
        await trio.sleep(0.01)
    except trio.Cancelled:
        raise KeyError("clean-up") from None
    raise OSError

async def test_own_scope():
    with trio.CancelScope() as outer:
        with pytest.raises(trio.Cancelled) as caught:
            outer.cancel()
            await trio.sleep(0.01)
        raise caught.value

@pytest.mark.everywhere_allow("on purpose", raises=KeyError)
async def test_allows():
    await breaks_when_cancelled_alone()

@pytest.mark.everywhere_allow("on purpose", raises=(OSError, ValueError))
async def test_allows_something_else():
    await breaks_when_cancelled_alone()

async def breaks_when_cancelled_alone():
    with contextlib.suppress(OSError):
        await breaks_when_cancelled()
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """
    What came of the suite above.
    """
    return Suite(tmp_path_factory.mktemp("raises")).write(RAISES).run("--cancel-everywhere")


class TestPytestRaises:
    @pytest.mark.parametrize("test", ["test_group", "test_nested_groups", "test_any_group", "test_anything"])
    def test_is_seen_through(self, ran, test):
        """
        A cancellation goes through a block that expects an error, and what it expected beside it is no finding.
        """
        assert "passed" == ran.outcome(test)

    def test_hides_nothing(self, ran):
        """
        An error that the block does not expect is a finding.
        """
        assert "failed" == ran.outcome("test_expects_something_else")
        assert "`KeyError()` is not an instance of `OSError`" in ran.text("test_expects_something_else")

    def test_of_a_cancellation_of_the_test(self, ran):
        """
        A test that expects to be cancelled by itself is as it was, until it is cancelled from outside as well.
        """
        assert "passed" == ran.outcome("test_own_scope")


class TestAllowed:
    def test_what_is_raised_on_purpose(self, ran):
        """
        A marker says what may come out, and covers nothing else.
        """
        assert "passed" == ran.outcome("test_allows")
        assert "failed" == ran.outcome("test_allows_something_else")

    def test_switches_nothing_on(self, suite):
        """
        A test that only says what it allows is run once.
        """
        ran = suite.write(RAISES).run("-k", "test_allows_something_else")

        assert {"test_allows_something_else": "passed"} == ran.outcomes()
        assert "Something was done" not in ran.printed


class TestPoints:
    LONG = """
    tried = []

    async def test_long():
        tried.append(0)
        for _ in range(40):
            await trio.lowlevel.checkpoint()
            tried[-1] += 1

    def test_what_was_tried():
        print(sorted(tried))
        assert len(tried) == 2 + 5  # as it is, to count the points, and at each
        assert max(tried[2:]) > 10
    """

    def test_drawn_by_the_seed(self, suite):
        """
        Of a test with more points so many are drawn, from all over it, and the session says by what seed.
        """
        suite.write(self.LONG)
        ran = suite.run("--cancel-everywhere", "--everywhere-points=5", "--explore-seed=3", "-s")
        again = suite.run("--cancel-everywhere", "--everywhere-points=5", "--explore-seed=3", "-s")

        assert {"test_long": "passed", "test_what_was_tried": "passed"} == ran.outcomes()
        assert "Something was done to 1 test at 5 points." in ran.printed
        assert "--explore-seed=3" in ran.printed
        (tried,) = {line for line in ran.printed.splitlines() if line.startswith((".[", "["))}
        assert tried in again.printed
