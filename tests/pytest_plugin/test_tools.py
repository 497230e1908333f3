"""
Options and markers run a test on many schedules, and cancel or fail it at each of its points.
"""

import json

import pytest

from tests.pytest_plugin.suites import Suite

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

SUITE = """
from hypothesis import given, strategies
from trio_run.testing import QuietClock

made = []

async def race(counter):
    async def add():
        seen = counter[0]
        await trio.lowlevel.checkpoint()
        counter[0] = seen + 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(add)
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        nursery.start_soon(add)
    assert counter[0] == 2

@pytest.fixture
async def counter():
    await trio.lowlevel.checkpoint()
    return [0]

@pytest.fixture(scope="module")
def of_module():
    made.append("module")
    yield made
    made.append("module is over")

class TestRace:
    seen = 0

    @pytest.mark.explore(50)
    async def test_race(self, counter, of_module):
        self.seen += 1
        assert self.seen == 1, "another instance"
        await race(counter)

    async def test_module_fixture_stays(self, of_module):
        assert of_module == ["module"]

async def test_no_race(counter): await trio.sleep(1)

async def test_swallows():
    try:
        await trio.sleep(1)
    except trio.Cancelled:
        pass

@pytest.fixture
async def ending(counter):
    yield counter
    await trio.sleep(1)
    counter.append("closed in order")

@pytest.fixture
async def server(nursery):
    nursery.start_soon(trio.sleep_forever)
    await trio.sleep(1)
    yield
    await trio.sleep(1)

async def test_fixtures_are_not_touched(ending, server): await trio.sleep(1)

async def test_leaks_when_cancelled():
    reader, writer = os.pipe()
    await trio.sleep(1)
    os.close(reader)
    os.close(writer)

async def test_by_hand(mock_clock):
    await trio.lowlevel.checkpoint()
    mock_clock.jump(1)

async def test_autojump(autojump_clock): await trio.sleep(1)

def test_sync(): pass

@given(strategies.integers())
async def test_hypothesis(number): await trio.lowlevel.checkpoint()

@pytest.mark.xfail(strict=True)
async def test_expected_to_fail(): assert False

@pytest.mark.no_explore("it counts")
@pytest.mark.no_cancel_everywhere("it counts")
async def test_opted_out(): await trio.sleep(0)

async def test_skipped(): pytest.skip("no")

async def test_fails_anyway(): assert not "as it is"
"""

CLEAN = {
    "test_fixtures_are_not_touched",
    "test_no_race",
    "test_by_hand",
    "test_autojump",
    "test_sync",
    "test_opted_out",
}
CLEAN |= {"test_hypothesis", "TestRace::test_module_fixture_stays"}


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """
    What came of the suite above when it was explored.
    """
    return Suite(tmp_path_factory.mktemp("explored")).write(SUITE).run("--explore=10", "--explore-seed=7")


@pytest.fixture(scope="module")
def cancelled(tmp_path_factory):
    """
    What came of the suite above when it was cancelled everywhere.
    """
    return Suite(tmp_path_factory.mktemp("cancelled")).write(SUITE).run("--cancel-everywhere")


class TestExplore:
    def test_finds_a_race(self, explored):
        """
        A test that fails on a schedule fails, with the token, what runs it again, and the steps.
        """
        text = explored.text("TestRace::test_race")

        assert "failed" == explored.outcome("TestRace::test_race")
        assert "assert 1 == 2" in text
        assert "Its token is wide:" in text
        assert "Run it again: pytest test_it.py::TestRace::test_race --explore-replay=wide:" in text
        assert "* add " in text

    def test_passes_what_has_none(self, explored):
        """
        Tests that hold on all schedules pass, and others are as they are without it.
        """
        found = explored.outcomes()

        assert CLEAN == {test for test, outcome in found.items() if outcome == "passed"} - {
            "test_swallows",
            "test_leaks_when_cancelled",
        }
        assert ["skipped", "skipped"] == [found["test_skipped"], found["test_expected_to_fail"]]
        assert "failed" == found["test_fails_anyway"]
        assert "schedule" not in explored.text("test_fails_anyway")

    def test_tells_what_it_left_out(self, explored):
        """
        The end of the session says what was not explored, and why.
        """
        assert (
            "1 test left out of explore: a test by hypothesis, which chooses its examples itself." in explored.printed
        )
        assert "1 test left out of explore: no_explore." in explored.printed
        assert "1 test left out of explore: it moves a clock of its own." in explored.printed
        assert "1 test left out of explore: not async." in explored.printed
        assert "--explore-seed=7" in explored.printed

    def test_by_a_marker(self, suite):
        """
        A marker switches a test on by itself.
        """
        ran = suite.write(SUITE).run("-k", "race")

        assert {"TestRace::test_race": "failed", "test_no_race": "passed"} == {
            test: ran.outcome(test) for test in ("TestRace::test_race", "test_no_race")
        }
        assert "1 test ran on" in ran.printed


class TestTokens:
    STORE = ".pytest_cache/v/trio_run/tokens"

    RACE = """
    @pytest.mark.explore(60)
    async def test_race():
        counter = [0]
        async def add(fixed=FIXED):
            seen = counter[0]
            if not fixed:
                await trio.lowlevel.checkpoint()
            counter[0] = seen + 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(add)
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            nursery.start_soon(add)
        assert counter[0] == 2
    """

    def stored(self, suite):
        return json.loads((suite.folder / self.STORE).read_text())

    @pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "xdist"])
    def test_are_kept_and_tried_first(self, suite, workers):
        """
        What failed is tried first the next time, until it fails no more; the workers of pytest-xdist do it too.
        """
        suite.write(self.RACE.replace("FIXED", "False"))
        suite.run(*workers)
        (token,) = self.stored(suite)["test_it.py::test_race"]
        again = suite.run(*workers)

        assert "1 test ran on 1 schedule" in again.printed
        assert f"The schedule {token}:" in again.text("test_race")

        suite.write(self.RACE.replace("FIXED", "True"))

        assert {"test_race": "passed"} == suite.run(*workers).outcomes()
        assert {} == self.stored(suite)

    def test_nothing_is_written_by_two_at_once(self, suite):
        """
        Whichever worker found it, what each test failed with is kept.
        """
        race, names = self.RACE.replace("FIXED", "False"), [f"test_race_{number}" for number in range(4)]
        suite.write("\n".join(race.replace("test_race", name) for name in names))
        suite.run("-n2")

        assert {f"test_it.py::{name}" for name in names} == set(self.stored(suite))

    def test_can_be_replayed(self, suite):
        """
        The command that a failure prints runs the same schedule, and passes when the race is mended.
        """
        suite.write(self.RACE.replace("FIXED", "False"))
        text = suite.run().text("test_race")
        (option,) = {word for word in text.split() if word.startswith("--explore-replay=")}
        again = suite.run(option, "-pno:cacheprovider")

        assert {"test_race": "failed"} == again.outcomes()
        assert "assert 1 == 2" in again.text("test_race")
        assert "* add " in again.text("test_race")

        suite.write(self.RACE.replace("FIXED", "True"))
        mended = suite.run(option)

        assert {"test_race": "passed"} == mended.outcomes()
        assert "It does not fail." in mended.printed


class TestCancelEverywhere:
    def test_finds_a_swallowed_cancellation(self, cancelled):
        """
        A test that goes on when it is cancelled fails, with the place and what runs it again.
        """
        text = cancelled.text("test_swallows")

        assert "failed" == cancelled.outcome("test_swallows")
        assert "swallowed: test_it.py:" in text
        assert "Run it again: pytest test_it.py::test_swallows --explore-replay=cancel:" in text

    def test_finds_a_leak(self, cancelled):
        """
        A test that leaves something behind when it is cancelled fails.
        """
        assert "failed" == cancelled.outcome("test_leaks_when_cancelled")
        assert "leak: test_it.py:" in cancelled.text("test_leaks_when_cancelled")

    def test_stays_below_the_test(self, cancelled):
        """
        Fixtures are not cancelled, and end in order.
        """
        found = cancelled.outcomes()

        assert CLEAN <= {test for test, outcome in found.items() if outcome == "passed"}
        assert "1 test left out of cancel_everywhere: no_cancel_everywhere." in cancelled.printed

    def test_can_be_replayed(self, suite):
        """
        The command that a failure prints tries the one point again.
        """
        ran = suite.write(SUITE).run("-k", "swallows", "--explore-replay=cancel:1")

        assert {"test_swallows": "failed"} == ran.outcomes()
        assert "1 finding at 1 points" in ran.text("test_swallows")

    def test_checks(self, suite):
        """
        A marker takes what cancel_everywhere does: here a check that is called after each run.
        """
        ran = suite.write(
            """
            there = set()

            def is_tidy(_result):
                assert not there, "somebody is still there"

            @pytest.mark.cancel_everywhere(check=is_tidy)
            async def test_forgets():
                there.add(1)
                await trio.sleep(1)
                there.clear()
            """
        ).run()

        assert {"test_forgets": "failed"} == ran.outcomes()
        assert "invariant: test_it.py:" in ran.text("test_forgets")
        assert "somebody is still there" in ran.text("test_forgets")


class TestFaultEverywhere:
    FAULTY = """
    async def test_releases():
        lock = trio.Lock()
        async with lock:
            await trio.sleep(1)

    async def test_keeps():
        reader, writer = os.pipe()
        await trio.sleep(1)
        os.close(reader)
        os.close(writer)

    @pytest.mark.fault_everywhere(fault=OSError, tasks="*nobody*")
    async def test_marked():
        await trio.sleep(1)
    """

    @pytest.mark.parametrize("option", ["--fault-everywhere", "--fault-everywhere=OSError"])
    def test_fails_each_wait(self, suite, option):
        """
        A test that does not tidy up after a failure is found.
        """
        ran = suite.write(self.FAULTY).run(option)

        assert {"test_keeps": "failed", "test_marked": "passed", "test_releases": "passed"} == ran.outcomes()
        assert "leak: test_it.py:" in ran.text("test_keeps")
        assert "fault at test_it.py:" in ran.text("test_keeps")
        assert "--explore-replay=fault:0" in ran.text("test_keeps")

    def test_an_assertion_is_about_what_does_not_fail(self, suite):
        """
        A test that was not marked for it may find that not all went well; whoever marks one means it.
        """
        ran = suite.write(
            """
            async def attempt():
                try:
                    await trio.sleep(1)
                except Exception:
                    return "failed"
                raise OSError

            async def test_asserts():
                with pytest.raises(OSError):
                    assert "failed" != await attempt()

            @pytest.mark.fault_everywhere
            async def test_marked():
                with pytest.raises(OSError):
                    await attempt()
            """
        ).run("--fault-everywhere")

        assert {"test_asserts": "passed", "test_marked": "failed"} == ran.outcomes()


class TestHangs:
    def test_in_a_fixture_that_waits_for_the_test(self, suite):
        """
        A fixture that waits for what a cancelled test did not do is reported, and not waited for.
        """
        ran = suite.write(
            """
            @pytest.fixture
            async def event():
                event = trio.Event()
                yield event
                await event.wait()

            async def test_sets(event):
                await trio.sleep(1)
                event.set()
            """
        ).run("--cancel-everywhere")

        assert {"test_sets": "failed"} == ran.outcomes()
        assert "hang" in ran.text("test_sets")
