"""
What the explorer is asked to do, looked at before anything is run.

Law: what cannot be explored is refused with the reason and the way out, and is not reported as a race.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable

import trio

from .._step import already_called


class NotAsync(TypeError):
    """
    What was to be explored returned nothing that can be awaited.
    """


def check_program(who: str, fn: object) -> None:
    """
    See whether *fn* can be called without arguments.

    Raises:
        TypeError: It cannot.
    """
    mistake = already_called(fn)
    if mistake is not None:
        raise TypeError(f"{who} calls an async function itself, many times, but {mistake}.")
    if not callable(fn):
        raise TypeError(f"{who} runs an async function without arguments, and {fn!r} cannot be called.")
    try:
        inspect.signature(fn).bind()
    except ValueError:
        pass  # It is written in C and does not say what it takes.
    except TypeError as exc:
        raise TypeError(
            f"{who} calls {_name(fn)} without arguments ({exc}). Bind them with functools.partial."
        ) from None


def awaitable_of(fn: object, result: object) -> Awaitable[object]:
    """
    Return the *result* of calling *fn*.

    Raises:
        NotAsync: It cannot be awaited.
    """
    if isinstance(result, Awaitable):
        return result  # pyright: ignore[reportUnknownVariableType]
    raise NotAsync(
        f"Schedules are those of an async function, and {_name(fn)} returned a {type(result).__name__}, which cannot be "
        f"awaited. Write async def, and no yield."
    )


def check_numbers(who: str, *, schedules: int, slack: float, max_steps: int, preemptions: int | None) -> None:
    """
    See whether numbers are in their range, and whether trio can be run here.

    Raises:
        RuntimeError: A run of trio is going on in this thread.
        TypeError: One is no number.
        ValueError: One is out of its range.
    """
    for name, value in (("schedules", schedules), ("max_steps", max_steps)):
        if _whole(who, name, value) < 1:
            raise ValueError(f"{who}({name}={value}): it is at least 1.")
    if preemptions is not None and _whole(who, "preemptions", preemptions) < 0:
        raise ValueError(f"{who}(preemptions={preemptions}): it is at least 0, or None.")
    if not 0 <= slack < math.inf:
        raise ValueError(f"{who}(slack={slack}): it is a number of seconds, at least 0 and finite.")
    if trio.lowlevel.in_trio_run():
        raise RuntimeError(
            f"{who} runs trio itself, so it cannot be called from inside a run: call it from a function that is not async."
        )


def _whole(who: str, name: str, value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{who}({name}={value!r}): it is a whole number.")
    return value


def checked_seed(who: str, seed: int) -> int:
    """
    Return *seed*.

    Raises:
        TypeError: It is no whole number.
    """
    return _whole(who, "seed", seed)


def _name(fn: object) -> str:
    return getattr(fn, "__qualname__", None) or repr(fn)
