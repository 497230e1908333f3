"""
Measuring turn by turn: every contender once a round, all in one process, and the medians of the rounds.

Machines change their pace while they measure. Whatever slows one contender down in a round most likely slows the others
too, so ratios of medians say more than times.

The garbage collector is off while the clock runs, as it is in `timeit`: when it passes, and for how long, depends on all that
is in the process, and it would charge one contender for what another left behind.
"""

from __future__ import annotations

import gc
import platform
import statistics
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata

import attrs
import trio

Contender = Callable[[int], Awaitable[Mapping[str, float]]]
"""Does its work on so many children, and returns the seconds that each phase took, per child."""


@attrs.frozen
class Row:
    """
    One number: what was measured, and its median.
    """

    case: str
    median_us: float


@attrs.frozen
class Result:
    """
    What one benchmark found.
    """

    name: str
    rows: tuple[Row, ...]
    ratios: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """
        The result as plain data.
        """
        return {
            "name": self.name,
            "rows": [attrs.asdict(row) for row in self.rows],
            "ratios": dict(self.ratios),
            "notes": list(self.notes),
            "versions": versions(),
        }


def take_turns(contenders: Mapping[str, Contender], size: int, rounds: int) -> dict[str, dict[str, float]]:
    """
    Run each contender once a round; return the median seconds of each of its phases.
    """
    taken: dict[str, dict[str, list[float]]] = {name: {} for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            for phase, seconds in _uncollected(contender, size).items():
                taken[name].setdefault(phase, []).append(seconds)
    return {
        name: {phase: statistics.median(values) for phase, values in phases.items()} for name, phases in taken.items()
    }


def _uncollected(contender: Contender, size: int) -> Mapping[str, float]:
    """
    Run a contender on a tidy heap, with the garbage collector off.
    """
    gc.collect()
    gc.disable()
    try:
        return trio.run(contender, size)
    finally:
        gc.enable()


def versions() -> dict[str, str]:
    """
    What the numbers were measured with.
    """
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": sys.platform}
    for package in ("trio", "trio-run", "triotp", "anyio", "aiojobs", "aiometer"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def text_of(result: Result) -> str:
    """
    The result as text for people.
    """
    width = max(len(row.case) for row in result.rows)
    lines = [f"{result.name}: " + ", ".join(f"{name} {version}" for name, version in versions().items()), ""]
    lines += [f"{row.case:{width}}  {row.median_us:12.2f}" for row in result.rows]
    lines += ["", *(f"{name:{width}}  {ratio:12.2f}" for name, ratio in result.ratios.items())]
    return "\n".join([*lines, *(f"\n{note}" for note in result.notes)])
