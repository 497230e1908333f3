"""
Small suites for the tests of the plugin, each run by a pytest in a process of its own.
"""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import attrs

CONFTEST = """
import json
import pytest
from trio_run import pytest_plugin

found = {}


def pytest_addoption(parser, pluginmanager):
    if pytest_plugin not in pluginmanager.get_plugins():
        pluginmanager.register(pytest_plugin, "trio_run")  # It is not installed, or was before it had a plugin.


def pytest_runtest_logreport(report):
    text = "\\n".join([report.longreprtext, *(f"{title}\\n{each}" for title, each in report.sections)])
    found.setdefault(report.nodeid.partition("::")[2], []).append([report.when, report.outcome, text])


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        with open("found.json", "w") as file:
            json.dump(found, file)
"""

HEAD = """
import os
import socket

import pytest
import trio
from trio.testing import MockClock

"""

TOP = Path(__file__).parent.parent.parent


@attrs.frozen
class Ran:
    """
    What came of a suite.
    """

    code: int
    printed: str
    found: dict[str, list[list[str]]]

    def outcomes(self):
        """
        How each test ended.
        """
        return {test: self.outcome(test) for test in sorted(self.found)}

    def outcome(self, test):
        """
        How a test ended: with what went wrong, or else with what became of the call.
        """
        phases = {when: outcome for when, outcome, _text in self.found[test]}
        wrong = [f"failed in {when}" for when, outcome in phases.items() if outcome == "failed" and when != "call"]
        return ", ".join([*([phases["call"]] if "call" in phases else [*phases.values()][:1]), *wrong])

    def text(self, test):
        """
        All that is reported of a test.
        """
        return "\n".join(text for _when, _outcome, text in self.found[test])


@attrs.frozen
class Suite:
    """
    A folder with a suite.
    """

    folder: Path

    def write(self, code, *, ini="", conftest=""):
        """
        Write the one file of tests, and what pytest is to know.
        """
        (self.folder / "pytest.ini").write_text(f"[pytest]\ntrio_mode = true\naddopts = --strict-markers\n{ini}\n")
        (self.folder / "conftest.py").write_text(CONFTEST + textwrap.dedent(conftest))
        (self.folder / "test_it.py").write_text(HEAD + textwrap.dedent(code))
        return self

    def run(self, *args):
        """
        Run the suite.
        """
        (self.folder / "found.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:anyio", "-p", "no:randomly", *args]
        ran = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(TOP)}
        )
        file = self.folder / "found.json"
        return Ran(ran.returncode, ran.stdout + ran.stderr, json.loads(file.read_text()) if file.exists() else {})
