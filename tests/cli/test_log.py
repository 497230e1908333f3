"""
The log of a run, as far as no process is needed to see it.
"""

import io
import os
import sys

import pytest
import structlog

from trio_run import events
from trio_run._tree import TreeView
from trio_run.cli._log import RunLog, Style, Tracebacks, _wants_colours, say, style_for
from trio_run.cli.events import RunStopping, RunWaiting


class Stream(io.StringIO):
    """
    Something to write to, which is a terminal or is not.
    """

    def __init__(self, *, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


class TestStyleFor:
    @pytest.mark.parametrize(
        ("word", "terminal", "style"),
        [
            ("auto", True, Style.CONSOLE),
            ("auto", False, Style.JSON),
            ("json", True, Style.JSON),
            ("console", False, Style.CONSOLE),
        ],
    )
    def test_words(self, word, terminal, style):
        """
        Left to itself, the style is that of a person at a terminal, or of a machine.
        """
        assert style is style_for(word, Stream(terminal=terminal))


class TestColours:
    @pytest.mark.parametrize(
        ("terminal", "env", "wanted"),
        [
            (True, {}, True),
            (False, {}, False),
            (True, {"NO_COLOR": "1"}, False),
            (True, {"NO_COLOR": ""}, True),
            (True, {"TERM": "dumb"}, False),
        ],
    )
    def test_wanted(self, monkeypatch, terminal, env, wanted):
        """
        Colours are for terminals that have them, and people who want them.
        """
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        for name, value in env.items():
            monkeypatch.setenv(name, value)

        assert wanted == _wants_colours(Stream(terminal=terminal))


class TestRunLog:
    @pytest.fixture
    def lines(self):
        """
        What goes to structlog.
        """
        with structlog.testing.capture_logs() as lines:
            yield lines

    @pytest.mark.parametrize("style", Style)
    @pytest.mark.parametrize(
        ("alive", "text"), [(("a up 1 s", "b up 1 s"), "still alive: a up 1 s; b up 1 s\n"), ((), "")]
    )
    def test_alive(self, lines, capsys, style, alive, text):
        """
        For people those who are alive are named in a line of their own, for machines in a field.
        """
        log = RunLog(style, Tracebacks.UNEXPECTED, TreeView())
        log(RunStopping(seq=1, time=0.0, path="s", reason="r", grace=1.0, alive=alive))

        assert [("run.stopping", alive)] == [(line["event"], line["alive"]) for line in lines]
        assert (text if style is Style.CONSOLE else "") == capsys.readouterr().err

    @pytest.mark.parametrize(("style", "count"), [(Style.CONSOLE, 0), (Style.JSON, 1)])
    def test_waiting(self, lines, style, count):
        """
        That line is all that people see of a run that waits.
        """
        RunLog(style, Tracebacks.UNEXPECTED, TreeView())(
            RunWaiting(seq=1, time=0.0, path="s", seconds=2.0, alive=("a",))
        )

        assert count == len(lines)

    @pytest.mark.parametrize(
        ("style", "tracebacks", "ready", "shown"),
        [
            (Style.CONSOLE, Tracebacks.UNEXPECTED, False, False),
            (Style.CONSOLE, Tracebacks.UNEXPECTED, True, True),
            (Style.CONSOLE, Tracebacks.ALWAYS, False, True),
            (Style.JSON, Tracebacks.UNEXPECTED, False, True),
        ],
    )
    def test_tracebacks(self, lines, style, tracebacks, ready, shown):
        """
        People see where it was that something broke which had been running; machines see all, and people who ask.
        """
        view = TreeView()
        log = RunLog(style, tracebacks, view)
        view(events.SupervisorStarting(seq=1, time=0.0, path="s", life=1, strategy="", children=("a",)))
        view(events.ChildStarting(seq=2, time=0.0, path="s/a", life=1))
        if ready:
            view(events.SupervisorReady(seq=3, time=0.0, path="s", life=1, seconds=0.0))
        log(events.ChildLost(seq=4, time=0.0, path="s/a", life=1, seconds=0.0, error=KeyError("x")))

        assert shown == ("exc_info" in lines[0])


class TestSay:
    def test_nobody_listens(self, monkeypatch):
        """
        A line that nobody reads is no error, and neither is the next.
        """
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb", buffering=0) as raw:  # noqa: PTH123 - it has no path
            monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, write_through=True))
            say("a")
            say("b")
