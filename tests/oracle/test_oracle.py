"""
The supervisor and its oracle tell the same story of the same random scenarios.
"""

import math
import random
from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
from trio.testing import MockClock

import trio_run as tr
from tests.oracle.composed import OutOfBudgetError, leaves, supervise


@attrs.frozen
class Life:
    """
    What a child does in one of its lives.
    """

    start: float
    run: float
    how: str
    """How it ends: ``fails``, ``returns``, ``done`` or ``again``."""

    cleanup: float


@attrs.frozen
class Scenario:
    """
    Children with their lives, and the rules they are kept by.
    """

    strategy: tr.Strategy
    restarts: dict[str, tr.Restart]
    lives: dict[str, list[Life]]
    own: dict[str, dict[str, object]]
    """Rules that a child has besides."""

    budget: int
    in_a_row: float
    until: float


def random_scenario(seed: int) -> Scenario:
    """
    A scenario of one to three children whose times never coincide.
    """
    r = random.Random(seed)
    names = "abc"[: r.randint(1, 3)]

    strategy = r.choice(list(tr.Strategy))
    alone = strategy is tr.Strategy.ONE_FOR_ONE  # In a group others wait for a child that wants to wait.

    def life(number: int) -> Life:
        how = r.choice(["fails"] * 6 + ["returns"] * 3 + ["done"] + ["again"] * alone)
        return Life(r.uniform(0, 2 if number else 1), r.uniform(0, 8), how, r.choice([0, 0, r.uniform(0, 1)]))

    def own(restart: tr.Restart) -> dict[str, object]:
        rules: dict[str, object] = {}
        if r.random() < 0.3:
            rules["backoff"] = tr.Backoff(first=3.0, max=3.0, jitter=0.0, stable_after=1e9)
        if r.random() < 0.3 and restart is not tr.Restart.NEVER:
            row = r.choice([math.inf, 0, 1, 2])
            rules["budget"] = tr.Budget(restarts=r.choice([0, 1, 2, 3, math.inf]), per=60.0, in_a_row=row)
        if r.random() < 0.3 and alone:
            rules["start_timeout"] = 1.5
        return rules

    restarts = {name: r.choice(list(tr.Restart)) for name in names}

    return Scenario(
        strategy=strategy,
        restarts=restarts,
        lives={name: [life(number) for number in range(r.randint(0, 4))] for name in names},
        own={name: own(restart) for name, restart in restarts.items()},
        budget=r.randint(1, 4),
        in_a_row=r.choice([math.inf, math.inf, r.randint(0, 3)]),
        until=r.uniform(5, 40),
    )


Story = list[tuple[float, str, str]]


def make_child(name: str, scenario: Scenario, story: Story) -> tr.Child:
    """
    A child that lives as planned, then for ever, and writes down what it does.
    """
    lives = iter(scenario.lives[name])

    def note(what: str) -> None:
        story.append((round(trio.current_time(), 6), name, what))

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        life = next(lives, Life(0, 1e6, "returns", 0))
        note("starts")
        try:
            await trio.sleep(life.start)
            task_status.started()
            note("is ready")
            await trio.sleep(life.run)
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await trio.sleep(life.cleanup)
            note("is gone")
            raise
        note("fails" if life.how == "fails" else "returns")
        raised = {"fails": ValueError(name), "done": tr.Done(), "again": tr.RestartAfter(2.0)}.get(life.how)
        if raised is not None:
            raise raised

    return tr.Child(run, name=name, restart=scenario.restarts[name], **scenario.own[name])


def play(run: Callable[[tr.Supervisor], Awaitable[None]], scenario: Scenario) -> Story:
    """
    Run a scenario and return its story, up to the moment when it is cancelled.
    """
    story: Story = []
    plan = tr.Supervisor(
        "top",
        *(make_child(name, scenario, story) for name in scenario.lives),
        strategy=scenario.strategy,
        budget=tr.Budget(restarts=scenario.budget, per=60.0, in_a_row=scenario.in_a_row),
        backoff=tr.Backoff(first=1.0, factor=2.0, max=8.0, jitter=0.0, stable_after=1e9),
    )

    async def main() -> None:
        with trio.move_on_after(scenario.until) as scope:
            try:
                await run(plan)
            except Exception as exc:
                gave_up = isinstance(exc, tr.GaveUp) or any(isinstance(e, OutOfBudgetError) for e in leaves(exc))
                if not gave_up and not scope.cancel_called:
                    raise
                story.append((round(trio.current_time(), 6), "*", "gives up"))
            except BaseExceptionGroup as group:
                _cancelled, rest = group.split(trio.Cancelled)
                if rest is not None and not scope.cancel_called:
                    raise

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return [line for line in story if line[0] < round(scenario.until, 6)]


def overlaps(scenario: Scenario, story: Story) -> bool:
    """
    Whether a second child ended before the first one's group was down: then whom to charge is a choice, and ours is another.

    The supervisor charges the child that ended first, and takes the rest as part of its going; in the oracle all that end
    before the nursery closes are one failure, of the earliest of them.
    """
    if scenario.strategy is tr.Strategy.ONE_FOR_ONE:
        return False
    ended = False
    for _when, _name, what in story:
        if what in {"fails", "returns"}:
            if ended:
                return True
            ended = True
        elif what == "starts":
            ended = False
    return False


@pytest.mark.parametrize("batch", range(4))
def test_supervisor_and_oracle_agree(batch: int):
    """
    Children start, become ready, fail and go at the same times in the same order, up to giving up.
    """
    assert [] == [seed for seed in range(batch * 250, batch * 250 + 250) if differ(seed)]


@pytest.mark.slow
@pytest.mark.timeout(50)
@pytest.mark.parametrize("batch", range(20))
def test_supervisor_and_oracle_agree_at_length(batch: int):
    """
    They do so in twenty thousand scenarios.
    """
    assert [] == [seed for seed in range(batch * 1000, batch * 1000 + 1000) if differ(seed)]


def differ(seed: int) -> bool:
    """
    Whether supervisor and oracle tell different stories of a random scenario, where they should not.
    """
    scenario = random_scenario(seed)
    ours, theirs = play(tr.Supervisor.run, scenario), play(supervise, scenario)
    return ours != theirs and not overlaps(scenario, ours)


def test_the_comparison_can_fail():
    """
    A supervisor with another strategy than the oracle's is found out within a few scenarios.
    """

    async def wrong(plan: tr.Supervisor) -> None:
        plan.strategy = tr.Strategy.ONE_FOR_ONE
        await plan.run()

    assert any(play(wrong, random_scenario(seed)) != play(supervise, random_scenario(seed)) for seed in range(50))
