"""
Every test gets a leak check, and a leak fails the test that made it.
"""

import pytest

from tests.pytest_plugin.suites import Suite

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

SUITE = """
from trio import run
from trio_run.leaks import Ignore, Kind

kept = []
lock = trio.Lock()

def test_clean(): pass
async def test_clean_async(): await trio.sleep(0)

def test_socket(): kept.append(socket.socket())
async def test_socket_async(): kept.append(socket.socket())

async def spawn(): trio.lowlevel.spawn_system_task(trio.sleep_forever, name="poller")

async def test_task(): await spawn()
def test_own_run(): trio.run(spawn)
def test_own_run_by_another_name(): run(spawn)

async def test_two_failures():
    kept.append(os.pipe())
    assert not "this too"

def test_skipped():
    kept.append(os.pipe())
    pytest.skip("no")

async def test_lock(): await lock.acquire()
async def test_after_the_lock(): pass

@pytest.fixture(scope="module")
def of_module():
    with socket.socket() as sock:
        yield sock

def test_module_1(of_module): pass
async def test_module_2(of_module): pass

@pytest.fixture
def forgetful():
    kept.append(socket.socket())

def test_fixture(forgetful): pass

@pytest.fixture
def closed():
    found = []
    yield found.append
    for each in found:
        each.close()

async def test_closed_by_a_fixture(closed): closed(socket.socket())

@pytest.mark.leak_ignore(Ignore(kind=Kind.SOCKET))
def test_ignored(): kept.append(socket.socket())

@pytest.mark.leak_ignore(Ignore(kind=Kind.SOCKET))
def test_other_is_ignored(): kept.append(os.pipe())

@pytest.mark.leak_ignore("poll*")
async def test_ignored_by_pattern(): await spawn()

@pytest.mark.no_leak_check("on purpose")
def test_opt_out(): kept.append(os.pipe())

@pytest.mark.leak_check("warn")
def test_warned(): kept.append(os.pipe())
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """
    What came of the suite above.
    """
    return Suite(tmp_path_factory.mktemp("leaks")).write(SUITE).run()


class TestWhatLeaks:
    @pytest.mark.parametrize("test", ["test_socket", "test_socket_async"])
    def test_fails(self, ran, test):
        """
        A test that leaves a socket open fails, and the report says where it was made.
        """
        assert "failed" == ran.outcome(test)
        assert "open socket: AF_INET SOCK_STREAM socket" in ran.text(test)
        assert f" {test}\n" in ran.text(test) + "\n"

    @pytest.mark.parametrize("test", ["test_task", "test_own_run", "test_own_run_by_another_name"])
    def test_task(self, ran, test):
        """
        A task that outlives the test is a leak although trio ends it, in a run that the test begins by itself too.
        """
        assert "failed" == ran.outcome(test)
        assert "task: poller" in ran.text(test)

    @pytest.mark.parametrize("test", ["test_clean", "test_clean_async"])
    def test_clean(self, ran, test):
        """
        Tests that leave nothing behind pass.
        """
        assert "passed" == ran.outcome(test)

    def test_both_reported(self, ran):
        """
        A test that fails and leaks is reported with both.
        """
        assert "failed" == ran.outcome("test_two_failures")
        assert "assert not 'this too'" in ran.text("test_two_failures")
        assert "open pipe: open pipe (2 times)" in ran.text("test_two_failures")

    def test_skipped(self, ran):
        """
        A test that leaks before it is skipped fails.
        """
        assert "failed" == ran.outcome("test_skipped")

    def test_only_the_one(self, ran):
        """
        The test after a leak is not blamed for it, although it is still there.
        """
        assert "failed" == ran.outcome("test_lock")
        assert "passed" == ran.outcome("test_after_the_lock")


class TestFixtures:
    def test_of_the_module(self, ran):
        """
        What a fixture of the module opens is its own until the module ends, and no test is blamed.
        """
        assert ["passed", "passed"] == [ran.outcome("test_module_1"), ran.outcome("test_module_2")]

    def test_of_the_test(self, ran):
        """
        What a fixture of the test forgets to close fails the test.
        """
        assert "failed" == ran.outcome("test_fixture")
        assert " forgetful" in ran.text("test_fixture")

    def test_that_closes_for_the_test(self, ran):
        """
        What a test hands to a fixture to close is no leak.
        """
        assert "passed" == ran.outcome("test_closed_by_a_fixture")


class TestMarkers:
    @pytest.mark.parametrize("test", ["test_ignored", "test_ignored_by_pattern", "test_opt_out"])
    def test_excused(self, ran, test):
        """
        A rule or a reason on a test lets it leak.
        """
        assert "passed" == ran.outcome(test)

    def test_excused_for_something_else(self, ran):
        """
        A rule covers nothing but what it names.
        """
        assert "failed" == ran.outcome("test_other_is_ignored")

    def test_warned(self, ran):
        """
        A marker makes the leaks of one test a warning.
        """
        assert "passed" == ran.outcome("test_warned")
        assert "LeakWarning: 2 things were left behind" in ran.printed


class TestSettings:
    LEAKS = "kept = []\ndef test_leaks(): kept.append(socket.socket())"

    def test_off(self, suite):
        """
        With `--leak-check=off` nobody looks.
        """
        assert {"test_leaks": "passed"} == suite.write(self.LEAKS).run("--leak-check=off").outcomes()

    def test_warn_as_an_error(self, suite):
        """
        Where warnings are errors the warning fails the test.
        """
        assert {"test_leaks": "failed"} == suite.write(self.LEAKS).run("--leak-check=warn", "-Werror").outcomes()

    def test_ini(self, suite):
        """
        The file says it for all sessions, and the command line goes before it.
        """
        suite.write(self.LEAKS, ini="trio_run_leak_check = off\ntrio_run_leak_ignore =\n    nothing\n    *SOCK_STREAM*")

        assert {"test_leaks": "passed"} == suite.run().outcomes()
        assert {"test_leaks": "passed"} == suite.run("--leak-check=error").outcomes()
        assert {"test_leaks": "failed"} == suite.run("--leak-check=error", "-otrio_run_leak_ignore=nothing").outcomes()


class TestProof:
    BROKEN = "from trio_run.leaks import LeakCheck\nLeakCheck._judge = lambda *_: None"

    def test_a_check_that_cannot_fire(self, suite):
        """
        A session whose check misses what was planted does not begin, unless the check is switched off.
        """
        suite.write("def test(): pass", conftest=self.BROKEN)
        ran = suite.run()

        assert pytest.ExitCode.USAGE_ERROR == ran.code
        assert "The leak check does not work here: of what was left behind on purpose it missed" in ran.printed
        assert {"test": "passed"} == suite.run("--leak-check=off").outcomes()


class TestOtherPlugins:
    OTHER = """
    from _pytest.runner import runtestprotocol

    class Other:
        def pytest_runtest_protocol(self, item, nextitem):
            runtestprotocol(item, nextitem=nextitem)
            return True

    def pytest_configure(config):
        config.pluginmanager.register(Other(), "other")
    """

    def test_runs_the_tests(self, suite):
        """
        Where another plugin runs the tests, a leak is an error when the test is torn down.
        """
        ran = suite.write(TestSettings.LEAKS, conftest=self.OTHER).run()

        assert {"test_leaks": "passed, failed in teardown"} == ran.outcomes()
        assert "open socket" in ran.text("test_leaks")

    def test_xdist(self, suite):
        """
        Workers of pytest-xdist look as well.
        """
        ran = suite.write(TestSettings.LEAKS + "\ndef test_clean(): pass").run("-n2")

        assert {"test_clean": "passed", "test_leaks": "failed"} == ran.outcomes()
        assert "open socket" in ran.text("test_leaks")
