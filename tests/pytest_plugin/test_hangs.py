"""
A test that takes too long is shown, cancelled, and ended; the suite goes on.
"""

import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]

HANGING = """
async def waits(*, shield=False):
    with trio.CancelScope(shield=shield):
        await trio.sleep_forever()

async def test_hangs():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits, name="the sleeper")

async def test_hangs_behind_a_shield():
    await waits(shield=True)

@pytest.mark.no_stuck_after("it takes its time")
async def test_has_no_limit(): await trio.sleep(0.4)

@pytest.mark.stuck_after(30)
async def test_has_a_limit_of_its_own(): await trio.sleep(0.4)

async def test_after(): pass

def test_hogs():
    import time
    time.sleep(60)
"""

IN_TIME = "not hangs and not hogs"


class TestStuckAfter:
    def test_plain(self, suite):
        """
        A test that hangs fails with the tree of its tasks, and the next one runs.
        """
        ran = suite.write(HANGING).run(
            "--stuck-after=0.2", "-k", "test_hangs or after", "--deselect=test_it.py::test_hogs"
        )

        assert "failed" == ran.outcome("test_hangs")
        assert "took too long and was ended" in ran.text("test_hangs")
        assert "the sleeper:" in ran.text("test_hangs")
        assert "passed" == ran.outcome("test_after")

    def test_behind_a_shield(self, suite):
        """
        Where cancelling does not help each wait is ended, and the next test runs.
        """
        ran = suite.write(HANGING).run("--stuck-after=0.2", "-k", "shield or after")

        assert {"test_after": "passed", "test_hangs_behind_a_shield": "failed"} == {
            test: outcome
            for test, outcome in ran.outcomes().items()
            if test in ("test_after", "test_hangs_behind_a_shield")
        }
        assert "test_it.py:" in ran.text("test_hangs_behind_a_shield")

    def test_of_a_test_itself(self, suite):
        """
        A marker gives a test another limit, or none.
        """
        ran = suite.write(HANGING).run("--stuck-after=0.2", "-k", "limit")

        assert {"test_has_a_limit_of_its_own": "passed", "test_has_no_limit": "passed"} == ran.outcomes()

    def test_a_loop_that_does_not_answer(self, suite):
        """
        A test that gives nobody a turn ends the session, which says where it stood.
        """
        ran = suite.write(HANGING).run("--stuck-after=0.2", "-k", "hogs")

        assert pytest.ExitCode.INTERRUPTED == ran.code
        assert "test_hogs took longer than 0.2 s and could not be cancelled." in ran.printed
        assert "time.sleep(60)" in ran.printed


class TestPytestTimeout:
    def test_method_thread(self, suite):
        """
        The tree of tasks is printed before pytest-timeout ends the process.
        """
        ran = suite.write(HANGING).run("-k", "test_hangs", "--timeout=0.5", "--timeout-method=thread")

        assert 1 == ran.code
        assert "the sleeper:" in ran.printed
        assert "Timeout" in ran.printed
