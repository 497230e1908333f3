"""
Whole traces of random trees: all that their events say, as text.

    python -m tests.supervision.traced FIRST LAST

Times are whole seconds, so that much happens in one moment; delays are drawn by chance.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import attrs
import trio
from trio.testing import MockClock

import trio_run as tr
from trio_run import _trio_compat


@attrs.define
class Life:
    """
    A child that is ready after some seconds, and ends after some more.
    """

    plans: list[tuple[int, int, str]]

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Live as the next plan says, and at last for ever.
        """
        start, seconds, how = self.plans.pop(0) if self.plans else (0, 10**6, "returns")
        await trio.sleep(start)
        if how == "does not start":
            raise ValueError(how)
        task_status.started()
        with tr.cancel_on_stop() as asked:
            await trio.sleep(seconds)
        if asked.cancelled_caught:
            await trio.sleep(1)
        elif how == "fails":
            raise ValueError(how)


def tree(r: random.Random, depth: int = 2) -> tr.Supervisor:
    """
    Make a supervisor with children of all kinds.
    """

    def child(name: str) -> tr.Child | tr.Supervisor:
        if depth and r.random() < 0.3:
            inner = tree(r, depth - 1)
            inner.name = name
            return inner
        ends = ["fails", "fails", "fails", "returns", "does not start"]
        plans = [(0, r.randint(1, 3), "fails"), *((r.randint(0, 1), r.randint(0, 3), r.choice(ends)) for _ in range(4))]
        return tr.Child(Life(plans).run, name=name, restart=r.choice(list(tr.Restart)), grace=r.choice([0.0, 0.5, 5.0]))

    return tr.Supervisor(
        "top",
        *(child(name) for name in "abcd"[: r.randint(2, 4)]),
        strategy=r.choice(list(tr.Strategy)),
        budget=tr.Budget(restarts=r.choice([3, 20]), per=60.0),
        backoff=tr.Backoff(first=1.0, factor=2.0, max=4.0, jitter=0.5),
    )


def events_of(plan: tr.Supervisor, seed: int, schedule: random.Random) -> list[tr.events.Event]:
    """
    Run *plan* until it ends or is cancelled, in the order that *schedule* gives to tasks of one moment.
    """
    seen: list[tr.events.Event] = []

    async def main() -> None:
        with trio.move_on_after(30), tr.use_sinks(seen.append):
            try:
                await plan.run()
            except* (ValueError, tr.ChildReturned, tr.StartFailed):
                pass  # Children that failed when all had to go; the events have them.

    random.seed(seed)
    with _trio_compat.batches_shuffled_by(schedule):
        trio.run(main, clock=MockClock(autojump_threshold=0))
    return seen


def trace_of(seed: int) -> list[str]:
    """
    Write down the events of a tree, to the last field.
    """
    events = events_of(tree(random.Random(seed)), seed, random.Random(seed))
    return [f"{type(each).__name__} {fields(each)!r}" for each in events]


def fields(event: tr.events.Event) -> dict[str, Any]:
    """
    All that an event says; errors by what they are.
    """
    return attrs.asdict(event, recurse=False, value_serializer=lambda _event, _field, value: plain(value))


def plain(value: Any) -> Any:
    """
    Put errors and what holds them in words.
    """
    return value if isinstance(value, int | float | str) else repr(value)


def main(first: int, last: int) -> None:
    """
    Write the traces of some seeds.
    """
    for seed in range(first, last):
        sys.stdout.writelines(f"{line}\n" for line in trace_of(seed))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
