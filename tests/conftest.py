"""
What every test of the suite can rely on.

- Time is virtual: an async test runs on a clock that moves when nothing can run, and only a test marked `real` sees the clock
  on the wall. A sync test that calls `trio.run` passes a clock itself (`test_house.py` looks after that).
- Chance is replayable: pytest-randomly prints a seed, and the same seed gives the same order of tests, the same `random` and
  the same scheduling inside trio.
- Our own pytest plugin is loaded: a test that leaves something behind fails, and one that hangs fails after the cap in
  `pyproject.toml`, with the stack of every trio task. It is cancelled first, so that the rest of the suite meets a tidy
  interpreter.
- SIGINT interrupts, also where the suite was started in the background of a shell, which has it ignored.
"""

import inspect
import random
import signal
from collections.abc import Awaitable, Callable, Sequence

import pytest
import trio
from hypothesis import HealthCheck, settings

from trio_run import pytest_plugin
from trio_run.testing import QuietClock

# Time is virtual, so how long an example takes says something about the machine only.
settings.register_profile("suite", deadline=None, print_blob=True)
settings.load_profile("suite")
# A mutant has the same tests, with the same examples, as the code that it is of; and they run again and again in one process.
settings.register_profile(
    "mutation", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.differing_executors]
)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """
    Load our plugin also where trio_run is on the path only, and not installed.
    """
    if pytest_plugin not in pluginmanager.get_plugins():
        pluginmanager.register(pytest_plugin, "trio_run")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Choose a clock for each async test, by the argument that pytest-trio's marker takes.
    """
    for item in items:
        if item.get_closest_marker("real") is not None:
            for tool in ("explore", "cancel_everywhere", "fault_everywhere"):
                item.add_marker(
                    getattr(pytest.mark, f"no_{tool}")("real: what is outside does not run again the same way")
                )
        elif inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.trio(run=run_in_virtual_time))


def run_in_virtual_time(
    main: Callable[[], Awaitable[object]],
    *,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> object:
    """
    What `trio.run` is to pytest-trio, on a clock that needs no waiting.
    """
    __tracebackhide__ = True
    return trio.run(main, clock=QuietClock() if clock is None else clock, instruments=instruments)


@pytest.fixture(autouse=True)
def replayable_scheduling() -> None:
    """
    Let trio shuffle its batches by the seed of this run.

    Importing hypothesis (above) makes trio sort each batch before it is shuffled, so this seed is
    all that the order depends on. pytest-randomly has reset `random` just before.
    """
    trio._core._run._r.seed(random.getrandbits(64))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """
    Print the seed also where the header is left out, as with `-q`.
    """
    seed = terminalreporter.config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.write_line(f"Seed of this run: --randomly-seed={seed}")
