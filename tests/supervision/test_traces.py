"""
Equal seeds give equal traces, and which task happens to run first in a moment decides nothing.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import trio_run as tr
from tests.supervision.traced import Life, events_of, trace_of

SEEDS = range(40)


def test_equal_seeds_equal_traces():
    """
    All that is said is said again, word for word: order, times, delays, causes and errors.
    """
    first, second = ([trace_of(seed) for seed in SEEDS] for _ in range(2))

    assert first == second
    assert len(SEEDS) == len(set(map(tuple, first)))
    assert 500 < sum(map(len, first))


@pytest.mark.real
@pytest.mark.parametrize("hash_seed", ["0", "1", "2"])
def test_hash_seeds(hash_seed: str):
    """
    So it is in another process, whatever its hash seed.
    """
    expected = [line for seed in range(10) for line in trace_of(seed)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.supervision.traced", "0", "10"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=True,
        text=True,
    )

    assert expected == done.stdout.splitlines()


def siblings(r: random.Random) -> tr.Supervisor:
    """
    Children that end at whole seconds, often together, and nothing else does: no grace is over then, and no delay.
    """
    hows = ["fails", "fails", "returns"]
    return tr.Supervisor(
        "top",
        *(
            tr.Child(
                Life([(0, r.randint(1, 3), r.choice(hows)) for _ in range(5)]).run,
                name=name,
                restart=r.choice(list(tr.Restart)),
                grace=0.0,
            )
            for name in "abcd"
        ),
        strategy=r.choice(list(tr.Strategy)),
        budget=tr.Budget(restarts=r.choice([3, 20]), per=60.0),
        backoff=tr.Backoff(first=1.0, factor=2.0, max=4.0, jitter=0.5),
    )


def decisions(seed: int, schedule: int) -> list[tuple[object, ...]]:
    """
    What the supervisor did, in its order; when a child says that it is ready is up to the child.
    """
    events = events_of(siblings(random.Random(seed)), seed, random.Random(f"{seed} {schedule}"))
    return [
        (each.time, each.name, each.path, each.life) for each in events if not isinstance(each, tr.events.ChildReady)
    ]


@pytest.mark.parametrize("batch", range(4))
def test_who_runs_first_in_a_moment_decides_nothing(batch: int):
    """
    Children that end together are told of, and brought back, in start order, whichever of their tasks ran first.
    """
    for seed in range(batch * 10, batch * 10 + 10):
        first, *others = (decisions(seed, schedule) for schedule in range(4))

        assert [first] * len(others) == others, seed
