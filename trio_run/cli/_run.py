"""
``trio-run run``: load, build, and run or print, with each failure told in the way that fits it.
"""

from __future__ import annotations

import contextlib
import enum
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Generator

import attrs
import trio

from .._tree import Node, TreeView, charset_for, draw_plan
from ..stacks import dump_on_signal
from ._exit import Exit, by_signal
from ._launch import Run
from ._load import PLAIN, CannotLoad, FactoryFailed, Root, build, load
from ._log import RunLog, Style, Tracebacks, configure, say, style_for
from ._plan import plan_of, supervisor_in


class Mode(enum.Enum):
    """
    What is to be done with a root.
    """

    RUN = "run"
    """Run it."""

    CHECK = "check"
    """Print its tree."""


@attrs.frozen(kw_only=True)
class Options:
    """
    What the command line says.
    """

    target: str
    args: tuple[str, ...]
    mode: Mode
    log: str
    level: int
    grace: float
    tracebacks: Tracebacks


def run(options: Options) -> Exit:
    """
    Do what *options* say, and return how the process is to end.

    Raises:
        SystemExit: The user's module or factory ended the program.
    """
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]  # it is None where a process has no stderr
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 - kept to the end of the process
    style = style_for(options.log, sys.stderr)
    configure(style, options.level, sys.stderr)
    try:
        root = _built(options)
    except CannotLoad as exc:
        return _told(exc, 2, options.tracebacks)
    except FactoryFailed as exc:
        tracebacks = options.tracebacks if isinstance(exc.__cause__, PLAIN) else Tracebacks.ALWAYS
        return _told(exc, 2 if options.mode is Mode.CHECK else 1, tracebacks)
    except KeyboardInterrupt:
        return by_signal(signal.SIGINT)
    if options.mode is Mode.CHECK:
        print(_plan(root))
        return Exit(0)
    end = _launched(root, options, style)
    if style is Style.CONSOLE:
        _say(*end.lines)
    return end


def _built(options: Options) -> Root:
    """
    Import and build the root, with the command line as the program itself would see it.
    """
    sys.argv = [f"trio-run run {options.target} --", *options.args]
    return build(options.target, load(options.target), options.args)


def _launched(root: Root, options: Options, style: Style) -> Exit:
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # There may be no stderr to write to.
        faulthandler.enable()
    view = TreeView()
    one = Run(root, options.grace, view)
    log = RunLog(style, options.tracebacks, view)
    with one.ladder.installed(), _dumping():
        trio.run(one.main, log, view)  # The log sees the tree as it was before each event.
    return one.exit


@contextlib.contextmanager
def _dumping() -> Generator[None]:
    """
    Print where all tasks stand on SIGUSR1, where there is such a signal and a stderr to print to.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, RuntimeError):
            stack.enter_context(dump_on_signal())
        yield


def _told(error: Exception, code: int, tracebacks: Tracebacks) -> Exit:
    """
    Tell people why nothing ran.
    """
    if tracebacks is Tracebacks.ALWAYS and error.__cause__ is not None:
        say("".join(traceback.format_exception(error.__cause__)).rstrip())
    _say(str(error))
    return Exit(code)


def _say(*lines: str) -> None:
    for line in lines:
        say(f"trio-run: {line}")


def _plan(root: Root) -> str:
    """
    Draw what is known of a root before it runs.
    """
    charset = charset_for(sys.stdout.encoding)
    if (supervisor := supervisor_in(root.runner)) is not None:
        return draw_plan(plan_of(supervisor), charset)
    return draw_plan([Node(path=root.path, rules=("a runner, which says what it starts when it runs",))], charset)
