"""
What is set makes sense, or the session ends with a usage error that says what does not.
"""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from trio_run.pytest_plugin._options import MARKERS as HELP
from trio_run.pytest_plugin._options import options_of
from trio_run.testing import cancel_everywhere, explore, fault_everywhere

pytestmark = pytest.mark.real

OPTIONS = {
    "--explore=0": "0 is below 1",
    "--explore=some": "--explore=some: ",
    "--explore-seed=x": "--explore-seed=x: ",
    "--explore-model=loose": "'loose' is no model of schedules",
    "--explore-slack=-1": "-1.0 is no time that can pass",
    "--explore-preemptions=-1": "-1 is below 0",
    "--explore-replay=cancel:x": "is no token of a point",
    "--fault-everywhere=tests/": "that is no exception",
    "--fault-everywhere=UnicodeDecodeError": "it cannot be made without arguments",
    "--everywhere-points=0": "0 is below 1",
    "--leak-check=maybe": "'maybe' is not a valid LeakMode",
    "--stuck-after=0": "0 s are over before a test begins",
}

MARKERS = {
    "explore(0)": "schedules",
    "explore(5, sed=3)": "@pytest.mark.explore does not take sed. It takes schedules=",
    "explore(5, 6)": "@pytest.mark.explore takes one value by place, not 2",
    "cancel_everywhere(max_points=0)": "schedules and max_points are at least 1",
    "cancel_everywhere(accept='nothing')": "'nothing' is not a valid Verdict",
    "no_explore()": "@pytest.mark.no_explore takes a reason and nothing else",
    "no_leak_check(True)": "@pytest.mark.no_leak_check takes a reason and nothing else",
    "everywhere_allow('why')": "everywhere_allow takes a reason and one or more classes of errors",
    "everywhere_allow('why', raises='OSError')": "everywhere_allow takes a reason and one or more classes of errors",
    "everywhere_allow(raises=OSError)": "everywhere_allow takes a reason and one or more classes of errors",
    "leak_check('maybe')": "'maybe' is not a valid LeakMode",
    "leak_check('off')": "no_leak_check",
    "leak_ignore()": "leak_ignore takes patterns or Ignore rules",
    "stuck_after(0)": "stuck_after takes a number of seconds, not 0",
}


@attrs.frozen
class Config:
    """
    As much of pytest's as is asked for what is set.
    """

    given: dict[str, str]
    written: dict[str, str]

    def getoption(self, key, default=None):
        """
        What stands on the command line.
        """
        return self.given.get(key, default)

    def getini(self, key):
        """
        What stands in the file.
        """
        return self.written.get(key, [] if key == "trio_run_leak_ignore" else "")


class TestOptions:
    @pytest.mark.parametrize("option", OPTIONS)
    def test_that_make_no_sense(self, option):
        """
        A value is told with the name of its option, or of its key in the file.
        """
        name, _equals, value = option.partition("=")
        key = "trio_run_" + name.removeprefix("--").replace("-", "_")
        with pytest.raises(pytest.UsageError) as on_the_line:
            options_of(Config({key: value}, {}))

        assert name.removeprefix("--") in str(on_the_line.value)
        assert OPTIONS[option] in str(on_the_line.value)

        if name == "--explore-replay":
            return  # Not for a file.
        with pytest.raises(pytest.UsageError) as in_the_file:
            options_of(Config({}, {key: value}))

        assert OPTIONS[option].removeprefix(option) in str(in_the_file.value)

    def test_end_the_session(self, suite):
        """
        No test is run.
        """
        ran = suite.write("def test(): pass").run("--everywhere-points=0")

        assert pytest.ExitCode.USAGE_ERROR == ran.code
        assert "--everywhere-points=0: 0 is below 1" in ran.printed
        assert {} == ran.found


class TestMarkers:
    def test_that_make_no_sense(self, suite):
        """
        All are told at once, each with its test.
        """
        code = "\n".join(
            f"@pytest.mark.{marker}\nasync def test_{number}(): pass\n" for number, marker in enumerate(MARKERS)
        )
        ran = suite.write(code).run()
        lines = [line.removeprefix("ERROR: ") for line in ran.printed.splitlines()]

        assert pytest.ExitCode.USAGE_ERROR == ran.code
        for number, (marker, text) in enumerate(MARKERS.items()):
            told = [line for line in lines if line.startswith(f"test_it.py::test_{number}: ")]

            assert [True] == [text in line for line in told], (marker, told)

    @pytest.mark.parametrize("tool", [explore, cancel_everywhere, fault_everywhere], ids=lambda tool: tool.__name__)
    def test_help_and_reference_name_what_each_takes(self, tool):
        """
        That is what the function of that name takes, but for those that are a run's own.
        """
        takes = set(inspect.signature(tool).parameters) - {"fn", "at", "ignore"}
        page = (Path(__file__).parents[2] / "docs/reference/pytest.md").read_text()

        for text in ("\n".join(HELP), page):
            (said,) = re.findall(rf"^(?:\| `)?{tool.__name__}\((.*?)\)(?::|` \|)", text, re.MULTILINE)
            named = [each.strip().partition("=")[0] for each in said.split(",")]

            assert takes == {"schedules" if name == "200" else name for name in named}


class TestImports:
    def test_trio_run_alone_never_imports_pytest(self):
        """
        Who installs trio_run to run it does not pay for the plugin.
        """
        code = (
            "import sys, trio_run, trio_run.leaks, trio_run.stacks, trio_run.cli; print('pytest' in sys.modules);"
            "sys.modules['pytest'] = None; import trio_run.testing"  # trio.testing asks for it itself, where it is there.
        )
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

        assert ("False\n", "", 0) == (ran.stdout, ran.stderr, ran.returncode)
