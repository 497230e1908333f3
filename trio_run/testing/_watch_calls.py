"""
Whose an access is: the call that relies on what it read.

That is the one whose code it is, and where this is a method of what is watched, or of who holds a watched dict, whoever calls it as
well: ``account.set(account.get() + 1)`` reads and writes as ``account.balance += 1`` does. What else a function does is its own
affair.

Laws: a frame is kept for as long as its task stands in it, and no longer. Whoever calls a method again, as in a loop, does not rely
on what it did before.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from types import CodeType, FrameType

import attrs

Site = tuple[str, int]
"""A line: file and number."""

_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_CAN_WAIT = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE | _GENERATOR
_PART_OF_ITS_CALLER = frozenset({"<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>", "<lambda>"})
_THINGS = str(Path(__file__).with_name("_watch_things.py"))


@attrs.frozen(eq=False)
class _Level:
    """
    A call that may have done the access.
    """

    who: FrameType | tuple[int, CodeType]
    """Its frame; for a generator, which its task need not stand in, what tells it from others."""

    at: int
    """Which instruction it stands at."""

    site: Site
    itself: bool
    """Whether the access is in its own code."""


@attrs.frozen(eq=False)
class Call:
    """
    The calls that an access belongs to, innermost first.
    """

    levels: tuple[_Level, ...]

    @property
    def sites(self) -> tuple[Site, ...]:
        """
        Where they stand.
        """
        return tuple(level.site for level in self.levels)

    def basis(self, earlier: Call) -> Site | None:
        """
        Return where the *earlier* call has read what this one writes, for all that is known; None if it has not.
        """
        for read in earlier.levels:
            for write in self.levels:
                if read.who == write.who and ((read.itself and write.itself) or read.at < write.at):
                    return read.site
        return None

    def is_over(self, frames: set[FrameType]) -> bool:
        """
        Tell whether nothing can rely on it any more, since its task stands in these *frames* only.
        """
        return all(isinstance(level.who, FrameType) and level.who not in frames for level in self.levels)


def call_of(frame: FrameType, thing: object) -> Call:
    """
    Return the call that accesses *thing*, whose innermost frame is *frame*.
    """
    itself = True
    while (above := frame.f_back) is not None and not _can_wait(frame):
        if frame.f_code.co_name not in _PART_OF_ITS_CALLER and frame.f_code.co_filename != _THINGS:
            if not _is_method_of(frame, thing):
                break
            itself = False
        frame = above
    levels = [_level(frame, itself=itself)]
    if above is not None and _can_wait(frame) and _is_method_of(frame, thing):
        levels.append(_level(above, itself=False))
    return Call(tuple(levels))


def _level(frame: FrameType, *, itself: bool) -> _Level:
    code = frame.f_code
    who = (id(frame), code) if code.co_flags & _GENERATOR else frame
    return _Level(who, frame.f_lasti, (code.co_filename, frame.f_lineno), itself)


def _can_wait(frame: FrameType) -> bool:
    """
    Tell whether *frame* can be left and come back to.
    """
    return bool(frame.f_code.co_flags & _CAN_WAIT) and frame.f_code.co_name != "<genexpr>"


def _is_method_of(frame: FrameType, thing: object) -> bool:
    """
    Tell whether *frame* is of a method of *thing*, or of an object that holds it.
    """
    code = frame.f_code
    if not code.co_argcount:
        return False
    holder: object = frame.f_locals.get(code.co_varnames[0])
    if not any(code.co_qualname == f"{kind.__qualname__}.{code.co_name}" for kind in type(holder).__mro__):
        return False
    return holder is thing or any(each is thing for each in getattr(holder, "__dict__", {}).values())
