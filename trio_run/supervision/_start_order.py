"""
In which order the children of a supervisor start, as users say it.

What follows from that for a child in a given moment is for `_order`.

Law: children that wait for each other, or for nobody there is, are refused.
"""

from __future__ import annotations

import graphlib
import heapq
from collections.abc import Mapping, Sequence

from .._word import Word


class StartOrder(Word):
    """
    How the children that a supervisor starts with come up.
    """

    LISTED = "listed"
    """One after another, as they are listed, but none before those in its *after*."""

    PARALLEL = "parallel"
    """Side by side, each once those in its *after* are ready."""


def in_order(after: Mapping[str, Sequence[str]]) -> list[str]:
    """
    Return the names in *after* so that each stands behind those that it is to come after, and otherwise as they were.

    Raises:
        ValueError: Somebody is to come after a child that there is not, or they wait for each other.
    """
    for name, others in after.items():
        for other in others:
            if other not in after:
                raise ValueError(f"The child {name!r} is to come after {other!r}, and there is no such child.")
    sorter = graphlib.TopologicalSorter(after)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        ring = " after ".join(repr(name) for name in reversed(error.args[1]))
        raise ValueError(
            f"These children would wait for each other: {ring}. Take one of them out of an after=."
        ) from None
    place = {name: number for number, name in enumerate(after)}
    names, result = list(after), list[str]()
    heap: list[int] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(heap, place[name])
        result.append(names[heapq.heappop(heap)])
        sorter.done(result[-1])
    return result
