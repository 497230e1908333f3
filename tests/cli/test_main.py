"""
The command line, and the end of the process, as far as no process is needed to see it.
"""

import importlib.metadata
import signal
import sys

import pytest

from trio_run.cli import _Farewell, _parted, _seconds, _version
from trio_run.cli._exit import Exit, by_signal
from trio_run.cli._signals import Ladder, place_of


class TestParted:
    @pytest.mark.parametrize(
        ("argv", "own", "args"),
        [
            ([], [], []),
            (["run", "a:b"], ["run", "a:b"], []),
            (["run", "a:b", "--"], ["run", "a:b"], []),
            (["run", "a:b", "--", "x", "--", "y"], ["run", "a:b"], ["x", "--", "y"]),
        ],
    )
    def test_at_the_first(self, argv, own, args):
        """
        What stands after the first two dashes is the program's, more dashes included.
        """
        assert (own, args) == _parted(argv)


class TestSeconds:
    @pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("1.5", 1.5), ("inf", float("inf"))])
    def test_right(self, text, seconds):
        """
        A number of seconds may be broken, and without bound.
        """
        assert seconds == _seconds(text)

    @pytest.mark.parametrize("text", ["-1", "nan", "soon"])
    def test_wrong(self, text):
        """
        It is a number, and not below 0.
        """
        with pytest.raises(ValueError, match=text):
            _seconds(text)


class TestVersion:
    def test_not_installed(self, monkeypatch):
        """
        From a source tree that is not installed the command works all the same.
        """

        def unknown(name):
            raise importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(importlib.metadata, "version", unknown)

        assert _version().startswith("trio-run (not installed), trio ")


class TestFarewell:
    @pytest.fixture
    def raised(self, monkeypatch):
        """
        The signals that were raised, in a process on which they have no effect.
        """
        raised = []
        monkeypatch.setattr(signal, "signal", lambda signum, handler: raised.append((signum, handler)))
        monkeypatch.setattr(signal, "raise_signal", raised.append)
        return raised

    def test_signal(self, raised):
        """
        The signal is raised with its default handler; where it has no effect, as on process 1, the exit code stands.
        """
        farewell = _Farewell()
        code = farewell.after(by_signal(signal.SIGTERM))
        farewell()

        assert [(signal.SIGTERM, signal.SIG_DFL), signal.SIGTERM] == raised
        assert 143 == code

    def test_no_signal(self, raised):
        """
        Any other end is left to Python.
        """
        farewell = _Farewell()
        code = farewell.after(Exit(3))
        farewell()

        assert ([], 3) == (raised, code)


class TestLadder:
    def test_handlers_are_put_back(self):
        """
        The handlers that were there before are there again.
        """
        before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
        with Ladder(lambda _count: "", lambda _frame: "").installed():
            during = signal.getsignal(signal.SIGINT)

        assert before == [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
        assert during not in before


class TestPlaceOf:
    def test_here(self):
        """
        The innermost frame that is the user's is where a program stood.
        """
        frame = sys._getframe()

        assert place_of(frame).endswith(f"test_main.py:{frame.f_lineno} test_here")

    def test_code_without_a_file(self):
        """
        Code that stands in no file is passed over.
        """
        frame = eval(compile("sys._getframe()", "<string>", "eval"))  # noqa: S307 - made here

        assert place_of(frame).endswith("test_code_without_a_file")

    def test_nowhere(self):
        """
        Without a frame nothing can be said.
        """
        assert "" == place_of(None)
