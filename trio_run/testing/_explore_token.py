"""
The token of a schedule: all that is needed to run it again, as one word.

A schedule is the list of choices that were made, one for each moment at which more than one thing could happen. Choice 0 is
the default, so what follows the last other choice need not be told. What the choices are about is not known here.

Laws: a token read back is the token that was written. Choices that differ only in defaults at their end are one token.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Self

import attrs


class Model(enum.Enum):
    """
    Which schedules count as possible.
    """

    WIDE = "wide"
    """A task that could run may be held back while others take any number of steps, as I/O, timers and threads do it."""

    STRICT = "strict"
    """Only what trio does today: all tasks that can run take one step each, in any order, then the next."""

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise ValueError(f"{value!r} is no model of schedules. It can be 'wide' or 'strict'.")


def _check_choices(_instance: object, _attribute: attrs.Attribute[tuple[int, ...]], choices: tuple[int, ...]) -> None:
    if any(choice < 0 for choice in choices):
        raise ValueError(f"A choice is a number from 0 on, and {choices} has others.")


def _without_defaults_at_end(choices: Iterable[int]) -> tuple[int, ...]:
    kept = list(choices)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


@attrs.frozen
class Token:
    """
    A schedule, and the rules it was made by.
    """

    choices: tuple[int, ...] = attrs.field(converter=_without_defaults_at_end, validator=_check_choices)
    model: Model = Model.WIDE
    slack: float = 0.0

    def __str__(self) -> str:
        rules = self.model.value + (f"+{self.slack!r}" if self.slack else "")
        return f"{rules}:{'.'.join(_packed(self.choices)) or '0'}"

    @classmethod
    def read(cls, text: str) -> Self:
        """
        Return the token that *text* stands for.

        Raises:
            ValueError: *text* is no token.
        """
        rules, colon, choices = str(text).strip().partition(":")
        model, _plus, slack = rules.partition("+")
        try:
            if not colon:
                raise ValueError("it has no colon")  # noqa: TRY301 - what a reader has to know is the same for all
            token = cls(tuple(_unpacked(choices)), Model(model), float(slack or 0.0))
            if not 0 <= token.slack < math.inf:
                raise ValueError(f"a slack of {token.slack} seconds is none")  # noqa: TRY301
        except ValueError as exc:
            raise ValueError(
                f"{text!r} is no token of a schedule ({exc}). A token looks like 'wide:1.0x3.2' and stands in the report "
                f"of the exploration that found it."
            ) from None
        return token


def _packed(choices: Iterable[int]) -> Iterator[str]:
    """
    Write choices, with ``0x3`` for three defaults in a row.
    """
    for choice, row in itertools.groupby(choices):
        length = sum(1 for _ in row)
        if choice or length < 3:
            yield from [str(choice)] * length
        else:
            yield f"{choice}x{length}"


def _unpacked(text: str) -> Iterator[int]:
    """
    Read what `_packed` wrote.
    """
    for part in text.split("."):
        choice, times, length = part.partition("x")
        yield from [int(choice)] * (int(length) if times else 1)
