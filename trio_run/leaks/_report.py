"""
What a check says in the end.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from .. import _trio_check
from ..errors import TrioRunError
from ._things import Leak


class LeakError(TrioRunError):
    """
    Something was left behind.

    Attributes:
        leaks: What, equal ones as one.
    """

    def __init__(self, leaks: Sequence[Leak]) -> None:
        self.leaks: tuple[Leak, ...] = tuple(leaks)
        super().__init__(self.leaks)

    def __str__(self) -> str:
        count = sum(leak.count for leak in self.leaks)
        things = "1 thing was" if count == 1 else f"{count} things were"
        return "\n\n".join(
            [
                (
                    f"{things} left behind. End, close or give back what is listed; "
                    f"what may stay, name in ignore=[Ignore(name=..., function=..., owner=...)]."
                ),
                *map(str, self.leaks),
            ]
        )


class CannotTell(TrioRunError):
    """
    This trio is not one whose insides are known here, so nothing is said rather than guessed.

    Attributes:
        missing: The private names that are not there, or are not what they were.
    """

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing: tuple[str, ...] = tuple(missing)
        super().__init__(self.missing)

    def __str__(self) -> str:
        return (
            f"The leak check does not know the insides of this trio: {', '.join(self.missing)} changed. "
            f"Use a trio that this trio_run was tried with, or a newer trio_run."
        )


class NotWatching(TrioRunError):
    """
    A `leak_check` saw tasks of a run that it was not among the instruments of, so it cannot tell whether they leaked.
    """

    def __str__(self) -> str:
        return "A run went by unseen. Give the check to it: with leak_check() as check: trio.run(main, instruments=[check])."


@functools.cache
def ensure_known() -> None:
    """
    Make sure once that trio's insides are what they are taken for; only inside of a run.

    Raises:
        CannotTell: They are not.
    """
    missing = _trio_check.check_leaks()
    if missing:
        raise CannotTell(missing)


def outcome_of(leaks: Sequence[Leak], error: BaseException | None) -> BaseException | None:
    """
    Return what a check has to raise when the code it watched ended with *error*, or without; None to let things be.
    """
    if not leaks:
        return None
    if error is None:
        return LeakError(leaks)
    return BaseExceptionGroup("the code failed, and leaked", [error, LeakError(leaks)])
