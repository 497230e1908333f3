"""
How children ended, and what a stop came to. Data only.

Law: every child that a supervisor had when it began to stop is in its report, once.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from .._said import said


@attrs.frozen(kw_only=True)
class ChildExit:
    """
    How a child ended.
    """

    path: str
    """The child, as in ``shop/db``."""

    life: int
    """Which of its lives this was, counted from 1; 0 if it had none."""

    how: str
    """``drained``: asked to stop, it ended by itself. ``cancelled``: by its supervisor, at once or when its grace was over.
    ``ended``: nobody had to ask."""

    seconds: float
    """From being asked or cancelled until it was gone; 0 if nobody had to ask."""

    error: BaseException | None = None
    """What it raised."""

    below: StopReport | None = None
    """For a supervisor, what its own stop came to."""

    def __str__(self) -> str:
        life = f"#{self.life}" if self.life else ""
        took = "" if self.how == "ended" else f" in {self.seconds:.3g} s"
        error = "" if self.error is None else f", {said(self.error)}"
        return f"{self.path}{life} {self.how}{took}{error}"


@attrs.frozen(kw_only=True)
class StopReport:
    """
    What the stop of a supervisor came to: how each child ended.

    ``str()`` makes a line for each.
    """

    path: str
    """The supervisor, as in ``shop/workers``."""

    reason: str
    """Why it stopped."""

    seconds: float
    """How long that took."""

    children: tuple[ChildExit, ...]
    """First those that had ended before, in start order; then the others as they went."""

    def __str__(self) -> str:
        head = f"{self.path} stopped in {self.seconds:.3g} s: {self.reason}"
        return "\n".join([head, *(f"  {each}" for each in self.walk())])

    def walk(self) -> Iterator[ChildExit]:
        """
        Yield the children of this supervisor and of all below it, each after those it had itself.
        """
        for each in self.children:
            if each.below is not None:
                yield from each.below.walk()
            yield each

    def count(self, how: str) -> int:
        """
        Return how many of its own children ended that way: ``drained``, ``cancelled`` or ``ended``.
        """
        return sum(each.how == how for each in self.children)
