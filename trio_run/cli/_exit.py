"""
What the outcome of a run means to the world: the exit code, and the failure in lines for people.

Exceptions come as they left the root, in groups or not. Nothing is printed here, and no process ended.

Laws: a signal that led to a clean end is what the process dies of. A clean end that was none, since something failed on the
way out, is a failure.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import attrs

from .._said import errors_in, leaves, said
from ..errors import GaveUp, StartFailed

MOST_LINES = 8
"""Of more errors than this, only the number is told."""


@attrs.frozen
class Exit:
    """
    How the process is to end.
    """

    code: int
    """The exit code; with a signal, 128 and its number, as a shell has it."""

    signum: int | None = None
    """The signal to die of."""

    lines: tuple[str, ...] = ()
    """What is to be said of it."""


def by_signal(signum: int) -> Exit:
    """
    Return the end by a signal.
    """
    return Exit(128 + signum, signum)


def exit_for(path: str, error: BaseException | None, signum: int | None) -> Exit:
    """
    Return how a process ends whose root *path* raised *error*, after it was asked to stop by the signal *signum*.
    """
    if error is None:
        return Exit(0) if signum is None else by_signal(signum)
    lines = failure_lines(path, error)
    for leaf in leaves(error):
        if isinstance(leaf, SystemExit):
            wanted = exit_as(leaf)
            return Exit(wanted.code or min(len(lines), 1), lines=(*wanted.lines, *lines))
    if not lines:
        return by_signal(signal.SIGINT if signum is None else signum)
    return Exit(1, lines=lines)


def exit_as(error: BaseException) -> Exit:
    """
    Return the end that a SystemExit asks for, as Python has it.
    """
    code = getattr(error, "code", None)
    if code is None:
        return Exit(0)
    if isinstance(code, int):
        return Exit(code)
    return Exit(1, lines=(str(code),))


def failure_lines(path: str, error: BaseException) -> tuple[str, ...]:
    """
    Say in a line for each error who failed, and how. *path* is who, where the error itself does not say.

    A SystemExit or KeyboardInterrupt is no failure, and has no line.
    """
    lines = tuple(dict.fromkeys(_lines(path, error)))
    if len(lines) > MOST_LINES:
        lines = (*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES} errors more")
    return lines


def _lines(who: str, error: BaseException) -> Iterator[str]:
    inner = errors_in(error)
    if isinstance(error, StartFailed) and error.__cause__ is not None:
        yield from _lines(f"{error.path} did not start", error.__cause__)
    elif not inner and not isinstance(error, SystemExit | KeyboardInterrupt):
        yield f"{who}: {said(error)}"
    elif isinstance(error, GaveUp):
        who = f"{error.path} gave up on {error.child}{_why(error)}"
    elif isinstance(error, BaseExceptionGroup) and not error.message.startswith("Exceptions from Trio nursery"):
        who = error.message if who in error.message else f"{who}: {error.message}"
    for each in inner:
        yield from _lines(who, each)


def _why(verdict: GaveUp) -> str:
    """
    Say what was too much, where it was a budget that was spent.
    """
    if verdict.in_a_row is not None:
        return f" after more than {verdict.in_a_row} failures in a row"
    if verdict.per is None:
        return ", which said that no restart would help"
    return f" after {verdict.restarts} restarts in {verdict.per:g} s"
