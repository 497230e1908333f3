"""
Let a tree of 1,000 children live through chaos, and check the laws of supervision all along.

    python -m tests.chaos --events 100000 --seed 1

Writes what there was, each law that was broken, and last how many events there were and how many laws were broken. The exit code
is 0 if none was. The same seed gives the same run in each process, as the last line shows in a digest of all events; the numbers of
objects and megabytes are the machine's.
"""

from __future__ import annotations

import argparse
import sys

import trio

from .laws import Laws
from .season import ENDINGS, Season, resident, run_season

MOST_GROWTH = 1.02
"""
Python may hold so many times as many objects after the last season as after the second.
"""


def main(args: list[str] | None = None) -> int:
    """
    Run the seasons that *args* ask for, and return the exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Chaos in a tree of supervisors. The same seed gives the same run."
    )
    parser.add_argument("--events", type=int, default=100_000, help="how many events to check (default: %(default)s)")
    parser.add_argument("--children", type=int, default=1000, help="about how many there are (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what all chance is drawn from (default: %(default)s)")
    options = parser.parse_args(args)
    trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[attr-defined]
    laws, seasons = Laws(), []
    while laws.count < options.events:
        ending = ENDINGS[len(seasons) % len(ENDINGS)]
        share = max(1, min(options.events // 8, options.events - laws.count))
        seasons.append(run_season(laws, options.seed + len(seasons), ending, children=options.children, events=share))
        _show(seasons[-1], laws)
    check_flat(laws, seasons)
    for name, count in laws.kinds.most_common():
        print(f"{count:8} {name}")
    for line in laws.broken:
        print(line[:500])
    print(f"{laws.count} events, {len(laws.broken)} broken, digest {laws.digest}")
    return 1 if laws.broken else 0


def check_flat(laws: Laws, seasons: list[Season]) -> None:
    """
    Check that nothing piles up: seasons leave nothing behind, the first two aside, in which things are made that stay.
    """
    if len(seasons) > 2 and seasons[-1].objects > MOST_GROWTH * seasons[1].objects:
        laws.broke(
            "memory", f"{seasons[-1].objects} objects at the end, and {seasons[1].objects} after the second season"
        )


def _show(season: Season, laws: Laws) -> None:
    windows = ", ".join(f"{each:.0f}" for each in season.windows)
    print(
        f"{season.ending:9} {laws.count:8} events, {season.seconds:6.0f} s, up to {season.most} children, "
        f"{sum(season.answers.values())} orders; objects after it {season.objects}, per child on the way {windows}; "
        f"{resident():.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
