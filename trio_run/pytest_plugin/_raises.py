"""
What `pytest.raises` and `pytest.RaisesGroup` make of a test that is cancelled, or that has a wait fail.

A test that expects an error may be cancelled while that error is on its way: then both come out, as a group that the test did
not expect. And one that expects anything would take the cancellation for it, and go on.

Laws: what was done to the test goes through, alone. What the test expected beside it is no finding; any other error is.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Final, cast
from unittest import mock

import pytest
import trio

from .._said import leaves
from ..testing._everywhere_fault import FaultZone
from ..testing._everywhere_zone import Zone

Exit = Callable[[Any, type[BaseException] | None, BaseException | None, TracebackType | None], bool]

_BLOCKS: Final = tuple(getattr(pytest, name) for name in ("RaisesExc", "RaisesGroup") if hasattr(pytest, name))
"""
What `pytest.raises` makes; the older versions of pytest have neither.
"""


@contextlib.contextmanager
def seen_through(zone: Zone) -> Generator[None]:
    """
    Have what is done in *zone* go through all blocks that expect errors.
    """
    with contextlib.ExitStack() as stack:
        for block in _BLOCKS:
            stack.enter_context(mock.patch.object(block, "__exit__", _with(block.__exit__, zone)))
        yield


def _with(leave: Exit, zone: Zone) -> Exit:
    @functools.wraps(leave)
    def leave_or_let_through(
        block: Any,  # noqa: ANN401 - one of two classes, which older versions of pytest do not have
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool:
        __tracebackhide__ = True
        if zone.point is None or exc is None or not any(_is_from(zone, each) for each in leaves(exc)):
            return leave(block, exc_type, exc, traceback)
        if isinstance(exc, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", exc)
            ours, others = group.split(lambda each: _is_from(zone, each))
            if ours is not None and others is not None and all(_expects(block, each) for each in leaves(others)):
                raise ours from None
        return False

    return leave_or_let_through


def _is_from(zone: Zone, exc: BaseException) -> bool:
    """
    Tell whether *exc* is what was done in *zone*.

    Once all of it is cancelled, no scope in it keeps a `trio.Cancelled` of its own.
    """
    return isinstance(exc, type(zone.fault) if isinstance(zone, FaultZone) else trio.Cancelled)


def _expects(block: Any, exc: BaseException) -> bool:  # noqa: ANN401 - as above
    """
    Tell whether *exc* is an error that *block* waits for, alone or in a group.
    """
    return any(
        isinstance(exc, each) or issubclass(each, BaseExceptionGroup) if isinstance(each, type) else each.matches(exc)
        for each in _expectations(block)
    )


def _expectations(block: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    if not isinstance(block, _BLOCKS[1:]):
        takes_groups = any(issubclass(each, BaseExceptionGroup) for each in block.expected_exceptions)
        yield BaseExceptionGroup if takes_groups else block
        return
    for each in block.expected_exceptions:
        if isinstance(each, type):
            yield each
        else:
            yield from _expectations(each)
