"""
A probe: asks a child that is ready whether it is well, again and again.

What follows from the answer is for the core.

Laws: a probe that hangs is a probe that failed. It never outlives the life that it asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar, final

import attrs
import trio

from .._names import name_of
from .._runner import is_async
from .._step import strip_cancelled
from ._policy import check_number


@final
@attrs.frozen(init=False)
class Probe:
    """
    A question that tells whether a child is well.

    It is asked while the child is ready, in a task beside it. It fails if it raises, if it returns False, or if it takes too
    long; anything else is a good answer.

    Args:
        check: An async function that asks.
        *args: Arguments for it.
        every: Seconds from one answer to the next question, and from ready to the first.
        timeout: Seconds that the answer may take.
        failures: How many in a row make the child unhealthy.

    Raises:
        TypeError: *check* is not async, or something is not a number.
        ValueError: A number is out of its range.
    """

    check: Callable[..., Awaitable[object]] = attrs.field()
    args: tuple[object, ...]
    every: float = attrs.field(validator=check_number)
    timeout: float = attrs.field(validator=check_number)
    failures: int = attrs.field()
    __attrs_init__: ClassVar[Callable[..., None]]

    def __init__(
        self,
        check: Callable[..., Awaitable[object]],
        *args: object,
        every: float = 10.0,
        timeout: float = 1.0,
        failures: int = 3,
    ) -> None:
        if not callable(check) or not is_async(check):  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError(f"A probe asks with an async function, not with {check!r}.")
        if isinstance(failures, bool) or not isinstance(failures, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Probe(failures=...) takes a whole number, not {failures!r}.")
        if failures < 1 or every == 0 or timeout == 0:
            raise ValueError(
                f"Probe(every={every!r}, timeout={timeout!r}, failures={failures!r}) all have to be above 0."
            )
        self.__attrs_init__(check, args, every, timeout, failures)

    async def watch(self, tell: Callable[[Exception], None]) -> None:
        """
        Ask until the child is found unhealthy; tell why, once.

        Cancellation:
            Ends the asking.
        """
        failed = 0
        while failed < self.failures:
            await trio.sleep(self.every)
            error = await self._ask()
            failed = 0 if error is None else failed + 1
            if error is not None and failed == self.failures:
                tell(error)

    async def _ask(self) -> Exception | None:
        """
        Ask once; return what is wrong, or None.
        """
        answer: object = None
        with trio.move_on_after(self.timeout) as limit:
            try:
                answer = await self.check(*self.args)
            except BaseException as exc:
                error = strip_cancelled(exc)
                if isinstance(error, Exception):
                    return error
                raise
        if limit.cancelled_caught:
            return trio.TooSlowError(f"{name_of(self.check)} gave no answer within {self.timeout:g} s")
        return ValueError(f"{name_of(self.check)} returned False") if answer is False else None
