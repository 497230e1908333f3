"""
The command ``trio-run``: its arguments, and how the process ends.

What each subcommand does is in files of its own.

Laws: a mistake in the command line is told in one line, with exit code 2 and without a traceback. A stop by a signal ends in
death by that signal, after everything else in the process had its end.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import importlib.metadata
import math
import os
import platform
import signal
import sys
from collections.abc import Sequence

import attrs
import trio

from ._exit import Exit
from ._log import LEVELS, Tracebacks
from ._run import Mode, Options, run

_RUN_HELP = """\
Runs what MODULE:ATTR names, as in shop.main:app: a Supervisor, an async function, an object with
`async def run()` or a class of such objects. A plain function is a factory: it gets the list of
ARGS and returns one of these. An async function or a class gets ARGS one by one, as strings.
The working directory comes first on the path.
"""

_RUN_EPILOG = """\
signals:
  the first SIGINT or SIGTERM stops everything, last started first; the second cancels what is
  left; the third ends the process at once. Until it is gone, who is still alive is named.
  SIGUSR1 prints where all threads and tasks stand, also when the loop is stuck.

exit codes:
  0 done, 1 failed, 2 wrong usage, n after SystemExit(n); after a clean stop by a signal the
  process dies of that signal.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    Args:
        argv: Its arguments, without its name; by default, those of the process.

    Returns:
        The exit code. After a stop by a signal it is 128 and the number of the signal, and the process dies of the signal when
        it comes to its end.

    Raises:
        SystemExit: The arguments make no sense, or help was asked for; or a factory ended the program.
    """
    farewell = _Farewell()
    atexit.register(farewell)  # What is registered first is called last.
    own, args = _parted(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options, unknown = parser.parse_known_args(own)
    if unknown:
        parser.error(
            f"unrecognized arguments: {' '.join(unknown)}. What is meant for {options.target} stands after --, "
            f"as in: trio-run run {options.target} -- {' '.join(unknown)}"
        )
    return farewell.after(run(_options(options, args)))


@attrs.define(eq=False)
class _Farewell:
    """
    Ends the process by a signal, if that is how it has to end, when all else has had its end.
    """

    signum: int | None = None

    def after(self, end: Exit) -> int:
        """
        Note what the process is to die of, and return the exit code for where it can't.
        """
        self.signum = end.signum
        return end.code

    def __call__(self) -> None:
        _let_go_of_stderr()
        if self.signum is not None:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            signal.signal(self.signum, signal.SIG_DFL)
            signal.raise_signal(self.signum)  # As process 1 it has no effect, and the exit code stands.


def _let_go_of_stderr() -> None:
    """
    Drop what nobody reads any more: otherwise Python tries once more to write it, and makes the exit code 120.
    """
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    except (AttributeError, ValueError):
        pass  # There is none, or it is closed.


def _parted(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """
    Part the arguments at the first ``--`` into ours and those of the program.
    """
    if "--" not in argv:
        return list(argv), []
    where = list(argv).index("--")
    return list(argv[:where]), list(argv[where + 1 :])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trio-run", description="Keeps long-lived trio services running.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    running = commands.add_parser(
        "run",
        help="run a supervisor, an async function, or what a factory makes",
        usage="trio-run run MODULE:ATTR [options] [-- ARGS...]",
        description=_RUN_HELP,
        epilog=_RUN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    running.add_argument("target", metavar="MODULE:ATTR", help="what to run, and the module it is in")
    running.add_argument("--check", action="store_true", help="print the tree that would run, and do not run it")
    running.add_argument(
        "--log",
        choices=("auto", "console", "json"),
        default="auto",
        help="how the log on stderr looks; auto is console on a terminal and json elsewhere",
    )
    running.add_argument(
        "--log-level", choices=tuple(LEVELS), default="info", help="the least level that is logged (info)"
    )
    running.add_argument(
        "--grace",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="how long a stop may take before everything is cancelled (30)",
    )
    running.add_argument(
        "--traceback", action="store_true", help="show where an error was raised also where a line says enough"
    )
    running.add_argument("--version", action="version", version=_version())
    return parser


def _options(parsed: argparse.Namespace, args: list[str]) -> Options:
    return Options(
        target=parsed.target,
        args=tuple(args),
        mode=Mode.CHECK if parsed.check else Mode.RUN,
        log=parsed.log,
        level=LEVELS[parsed.log_level],
        grace=parsed.grace,
        tracebacks=Tracebacks.ALWAYS if parsed.traceback else Tracebacks.UNEXPECTED,
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if math.isnan(seconds) or seconds < 0:
        raise ValueError(text)
    return seconds


def _version() -> str:
    try:
        version = importlib.metadata.version("trio-run")
    except importlib.metadata.PackageNotFoundError:
        version = "(not installed)"
    return f"trio-run {version}, trio {trio.__version__}, Python {platform.python_version()}"
