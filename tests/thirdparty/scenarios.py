"""
Code of others, and what the tools find in it.

Each library has a file of scenarios; one that is not installed has none here. What is known to be found is listed below, so that
the tests fail when it is more and when it is less. The documentation says what it means.
"""

import importlib
from importlib.util import find_spec
from pathlib import Path

from trio_run.testing import Everywhere, Exploration, cancel_everywhere, explore, fault_everywhere

LIBRARIES = ("trio", "trio_util", "tricycle", "anyio", "trio_websocket", "hypercorn")
TOOLS = {"cancel_everywhere": cancel_everywhere, "fault_everywhere": fault_everywhere}

CHANNEL = ("leak", "task_group.py")
RESPONSE = {CHANNEL, ("wrong exception", "_state.py"), ("hang", "tcp_server.py")}

KNOWN = {
    ("trio_util", "value_transitions", "cancel_everywhere"): {("leak", "of_trio_util.py")},
    ("trio_util", "value_transitions", "fault_everywhere"): {("leak", "of_trio_util.py")},
    ("trio_util", "periodic_loop", "cancel_everywhere"): {("leak", "of_trio_util.py")},
    ("trio_util", "periodic_loop", "fault_everywhere"): {("leak", "of_trio_util.py")},
    ("trio_util", "zipped", "cancel_everywhere"): {("leak", "_async_itertools.py")},
    ("trio_websocket", "echo", "fault_everywhere"): {("wrong exception", "_impl.py"), ("hang", "_impl.py")},
    ("trio_websocket", "ping", "fault_everywhere"): {("wrong exception", "connection.py"), ("hang", "_impl.py")},
    ("trio_websocket", "closed_by_server", "fault_everywhere"): {("hang", "_impl.py")},
    ("hypercorn", "one_request", "cancel_everywhere"): {CHANNEL},
    ("hypercorn", "one_request", "fault_everywhere"): RESPONSE,
    ("hypercorn", "two_requests", "cancel_everywhere"): {CHANNEL},
    ("hypercorn", "two_requests", "fault_everywhere"): RESPONSE,
}
"""What is found: verdicts, each with the name of the file it is in."""


def installed() -> list[str]:
    """
    The libraries that are here.
    """
    return [library for library in LIBRARIES if find_spec(library) is not None]


def scenarios_of(library: str):
    """
    The scenarios of a library.
    """
    return importlib.import_module(f"tests.thirdparty.of_{library}").SCENARIOS


def explored(fn, seed=0) -> Exploration:
    """
    Search through schedules of a scenario.
    """
    return explore(fn, schedules=200, seed=seed)


def tried(fn, tool, at=None) -> Everywhere:
    """
    Cancel or fail a scenario everywhere, or at one point.
    """
    return TOOLS[tool](fn, at=at)


def kinds(report: Everywhere) -> set[tuple[str, str]]:
    """
    What a report comes down to.
    """
    return {(each.verdict.value, Path(each.file or "").name) for each in report.findings}
