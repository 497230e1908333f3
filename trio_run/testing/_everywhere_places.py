"""
Places in code: where a task stands, as a file and a line.

Frames of trio, of outcome and of this package are stepped over, since nobody looks there for a mistake of their own; but what
trio_run does for itself has a place in it. What the places are used for is not known here.

Law: where a task is in a line of a user's, the innermost of these is its place.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import traceback
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import attrs
import outcome
import trio

_STEPPED_OVER = tuple(str(Path(file).parent) + os.sep for file in (trio.__file__, outcome.__file__, __file__))

_TRIO_RUN = str(Path(__file__).parent.parent) + os.sep

_OURS = (_TRIO_RUN, contextlib.__file__, *_STEPPED_OVER)


@attrs.frozen
class Place:
    """
    A line of code.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{_short(self.file)}:{self.line} in {self.function}"


def place_of(coro: object) -> Place | None:
    """
    Return where a suspended coroutine stands: the innermost frame that is of a user, or else of this package, or else the
    outermost of all.
    """
    users = found = first = None
    for frame in await_frames(coro):
        first = first or frame
        if not frame.f_code.co_filename.startswith(_STEPPED_OVER):
            found = frame
            if not frame.f_code.co_filename.startswith(_OURS):
                users = frame
    stands = users or found or first
    return None if stands is None else _place_at(stands, stands.f_lineno)


def place_of_code(code: CodeType) -> Place:
    """
    Return where a function begins.
    """
    return Place(code.co_filename, code.co_firstlineno, code.co_qualname)


def place_of_caller(depth: int) -> Place:
    """
    Return where running code stands that is *depth* calls above the caller.
    """
    frame = inspect.currentframe()
    for _ in range(depth + 1):
        frame = frame.f_back if frame is not None else None
    return _place_at(frame, frame.f_lineno) if frame is not None else Place("", 0, "")


def _place_at(frame: FrameType, line: int) -> Place:
    return Place(frame.f_code.co_filename, line, frame.f_code.co_qualname)


def place_of_error(exc: BaseException) -> Place | None:
    """
    Return where an error was raised, or was let out of trio or of this package.
    """
    users = found = None
    for frame, line in traceback.walk_tb(exc.__traceback__):
        if not frame.f_code.co_filename.startswith(_STEPPED_OVER):
            found = _place_at(frame, line)
            if not frame.f_code.co_filename.startswith(_OURS):
                users = found
    return users or found


def place_from(text: str) -> Place:
    """
    Return the place that reads ``file:line function``.
    """
    where, _, function = text.partition(" ")
    file, _, line = where.rpartition(":")
    return Place(str(Path(file).absolute()), int(line), function)


def blamed(stack: Sequence[str]) -> Place:
    """
    Return the innermost of some places that is not of this package, or else the innermost of all.
    """
    places = [place_from(text) for text in reversed(stack)]
    return next(filter(is_of_a_user, places), places[0])


def is_of_a_user(place: Place | None) -> bool:
    """
    Tell whether a place is known, and neither in this package nor in trio.
    """
    return place is not None and not place.file.startswith(_OURS)


def code_of(coro: object) -> CodeType | None:
    """
    Return the code that a coroutine runs, where it has any.
    """
    code = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
    return code if isinstance(code, CodeType) else None


def await_frames(coro: object) -> Iterator[FrameType]:
    """
    Yield the frames of a suspended coroutine, the outermost first.

    As ``Task.iter_await_frames`` does, but from a coroutine: the task around it may be running.
    """
    while coro is not None:
        for frame, below in (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await")):
            if hasattr(coro, frame):
                if (found := getattr(coro, frame)) is not None:
                    yield found
                coro = getattr(coro, below)
                break
        else:
            coro = _generator_behind(coro)


def _generator_behind(step: object) -> object | None:
    """
    Return the async generator that is driven by *step*, which is what its ``asend`` and its like return.
    """
    if not type(step).__name__.startswith("async_generator_"):
        return None
    return next((each for each in gc.get_referents(step) if hasattr(each, "ag_frame")), None)


def is_pure_checkpoint(coro: Coroutine[Any, Any, Any]) -> bool:
    """
    Tell whether a suspended coroutine stands in ``trio.lowlevel.checkpoint``, where an error may come up as well as not.
    """
    return any(frame.f_code is _CHECKPOINT for frame in await_frames(coro))


def is_trio_runs_own(coro: object) -> bool:
    """
    Tell whether a suspended coroutine is one of this package, and at nothing that somebody else wrote.
    """
    files = [frame.f_code.co_filename for frame in await_frames(coro)]
    return bool(files) and files[0].startswith(_TRIO_RUN) and all(file.startswith(_OURS) for file in files)


_CHECKPOINT = trio.lowlevel.checkpoint.__code__


def _short(file: str) -> str:
    """
    Return *file* as seen from the current directory, where it lies below.
    """
    here = str(Path.cwd()) + os.sep
    return file.removeprefix(here)
