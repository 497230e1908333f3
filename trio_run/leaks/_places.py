"""
Places in code, as people want to read them: ``file:line function``, innermost last.

Here it is decided which frames a report shows. Frames of trio, of the standard library, of pytest and of the watchers themselves
say nothing about who made a thing, so they are left out, unless there are no others.
"""

from __future__ import annotations

# pyright: reportPrivateUsage=false
# What `sys` has with an underscore is documented, and has no other name.
import functools
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from types import FrameType

import outcome
import trio

DEPTH = 8
"""How many frames a report shows at most."""

_HERE = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - compared as text, millions of times
_PLUGIN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "pytest_plugin") + os.sep  # noqa: PTH118, PTH120
_PYTEST = tuple(f"{os.sep}site-packages{os.sep}{name}{os.sep}" for name in ("_pytest", "pluggy", "pytest_trio"))
_STDLIB = sysconfig.get_paths()["stdlib"] + os.sep
_TRIO = os.path.dirname(trio.__file__) + os.sep  # noqa: PTH120
_OUTCOME = os.path.dirname(outcome.__file__) + os.sep  # noqa: PTH120


@functools.cache
def is_pytests(file: str) -> bool:
    """
    Tell whether a *file* belongs to what runs tests; further out there is nothing of the program.
    """
    return any(part in file for part in _PYTEST)


@functools.cache
def is_foreign(file: str) -> bool:
    """
    Tell whether a *file* belongs to trio, the standard library, pytest or this package.
    """
    return (
        file.startswith((_HERE, _PLUGIN, _TRIO, _OUTCOME, "<frozen", "<attrs"))
        or is_pytests(file)
        or (file.startswith(_STDLIB) and "site-packages" not in file)
        or file == "<string>"
    )


Point = tuple[str, int, str]
"""File, line and function."""


def caller_points() -> tuple[Point, ...]:
    """
    Return where the running code was called from, innermost first; made to be cheap.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the public name for it is slower
    points: list[Point] = []
    while frame is not None and len(points) < DEPTH:
        code = frame.f_code
        if not is_foreign(code.co_filename):
            points.append((code.co_filename, frame.f_lineno, code.co_qualname))
        elif points and is_pytests(code.co_filename):
            break
        frame = frame.f_back
    return tuple(points)


def spelled(points: Iterable[Point]) -> tuple[str, ...]:
    """
    Return points given innermost first as places, innermost last.
    """
    return tuple(
        f"{os.path.relpath(file) if _below_here(file) else file}:{line} {function}" for file, line, function in points
    )[::-1]


def _below_here(file: str) -> bool:
    return file.startswith(os.getcwd() + os.sep)  # noqa: PTH109


def places_of(frames: Iterable[tuple[FrameType, int]]) -> tuple[str, ...]:
    """
    Return where a stack stands; its *frames* come with their lines, outermost first.
    """
    points = [(frame.f_code.co_filename, line, frame.f_code.co_qualname) for frame, line in frames]
    ours = [point for point in points if not is_foreign(point[0])]
    return spelled(reversed((ours or points[-3:])[-DEPTH:]))


def stack_of(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    """
    Yield the frames of a running thread with their lines, outermost first.
    """
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    for each in reversed(frames):
        yield each, each.f_lineno
