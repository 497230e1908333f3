"""
The steps of a run as text, for people to read.

A run without end has as many steps as it was let, and nearly all of them are one round made again and again; so a round that
repeats is shown once. What a step is is not known here.

Laws: steps that are left out are counted. No choice other than the default is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from ._explore_steps import Record

MOST_LINES = 400
"""
How many lines are shown at the most, besides those with a choice other than the default.
"""

LONGEST_ROUND = 50
"""
How many lines a round may have to be noticed.
"""

FEWEST_ROUNDS = 3


def listing(steps: Iterable[Record]) -> str:
    """
    Show *steps* as lines, with what repeats counted.
    """
    rows = ((step, sum(1 for _ in row)) for step, row in itertools.groupby(steps))
    lines = [str(step) if times == 1 else f"{step}, {times} times" for step, times in rows]
    return "\n".join(_cut(list(_folded(lines))))


def _folded(lines: Sequence[str]) -> Iterator[str]:
    """
    Show a round of lines that comes again and again only once.
    """
    place = 0
    while place < len(lines):
        length, times = _round(lines, place)
        if times > 1:
            yield f"These {length} lines, {times} times in a row:"
        yield from lines[place : place + length]
        place += length * times


def _round(lines: Sequence[str], start: int) -> tuple[int, int]:
    """
    Return how many lines from *start* on come again and again, and how often.
    """
    for length in range(2, LONGEST_ROUND + 1):
        second = start + length
        if second < len(lines) and lines[second] == lines[start]:
            end = second
            while end < len(lines) and lines[end] == lines[end - length]:
                end += 1
            times = (end - start) // length
            if times >= FEWEST_ROUNDS:
                return length, times
    return 1, 1


def _cut(lines: list[str]) -> Iterator[str]:
    """
    Leave out what is in the middle of too many lines, but for choices other than the default.
    """
    half = MOST_LINES // 2
    middle = lines[half : max(half, len(lines) - half)]
    yield from lines[:half]
    for is_chosen, row in itertools.groupby(middle, key=lambda line: line.startswith("*")):
        found = list(row)
        yield from found if is_chosen else [f"... {len(found)} more lines"]
    yield from lines[half + len(middle) :]
