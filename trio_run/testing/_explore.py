"""
The explorer: runs an async function on many schedules, and tells which one makes it fail.

Trio moves all tasks in lockstep and runs each batch only forwards or backwards, so running a test again and again explores
almost nothing. Here every choice of who goes next is made on purpose, can be told by a token, and made again.

What a schedule is stands in `_explore_steering`, which ones are run in `_explore_search`, how in `_explore_engine`. This file is
the door: it puts them together.

Laws: the same function and token make the same steps. A failure is reported with the least schedule that was found for it.
`exhausted` is true only if no schedule within the bound was left out.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Generator
from typing import Final

import attrs

from ..leaks._watch import unwatched
from ._clock import Deadlock
from ._explore_asked import check_numbers, check_program, checked_seed
from ._explore_choosers import Told
from ._explore_course import Livelock
from ._explore_engine import ENGINE
from ._explore_listing import listing
from ._explore_run import Program, Rules, Run, run_once
from ._explore_search import Coverage, Strategy, plan_for
from ._explore_shrink import Choices, shrink
from ._explore_steering import Chooser
from ._explore_steps import Record
from ._explore_token import Model, Token

MAX_STEPS: Final = 100_000

ENOUGH_STEPS: Final = 5_000
"""
How many steps are seen of runs that are made many times, if no other run was longer.
"""


@attrs.frozen(eq=False, kw_only=True)
class Exploration:
    """
    What came of exploring a function.
    """

    runs: int
    """How many schedules were run, without those that only made the failing one smaller."""

    failure: BaseException | None = None
    """What the function raised; a `Deadlock` or `Livelock` if it could not end."""

    token: str | None = None
    """The failing schedule, for `replay`."""

    steps: tuple[Record, ...] = ()
    """What happened on the failing schedule, step by step."""

    exhausted: bool = False
    """Whether every schedule with at most *preemptions* preemptions was run."""

    preemptions: float = 0
    """The bound that was covered; infinite if there is no other schedule at all."""

    seed: int = 0
    """What chance depended on."""

    diverged: str | None = None
    """Where two runs on one schedule went different ways; None if they did not."""

    def raise_if_failed(self) -> None:
        """
        Raise the failure, with the token and the steps as a note.

        Raises:
            BaseException: What the function raised.
        """
        if self.failure is not None:
            self.failure.add_note(str(self))
            raise self.failure

    def __str__(self) -> str:
        lines = [f"{self.runs} {'schedule was' if self.runs == 1 else 'schedules were'} run (seed {self.seed})."]
        if self.failure is not None:
            lines += [
                f"One fails with {type(self.failure).__name__}: {self.failure}",
                f"Its token is {self.token}",
                listing(self.steps),
            ]
        elif self.exhausted and self.preemptions == math.inf:
            lines.append("None failed, and there are no others.")
        elif self.exhausted:
            lines.append(f"None failed, and there are no others with at most {self.preemptions:g} preemptions.")
        else:
            lines.append("None failed.")
        if self.diverged is not None:
            lines.append(self.diverged)
        return "\n".join(lines)


def explore(
    fn: Program,
    *,
    schedules: int = 200,
    seed: int | None = None,
    model: Model | str = Model.WIDE,
    strategy: Strategy | str = Strategy.COMBO,
    preemptions: int | None = None,
    slack: float = 0.0,
    max_steps: int = MAX_STEPS,
) -> Exploration:
    """
    Run *fn* on many schedules, in virtual time, until one fails.

    A run fails if *fn* raises, if every task waits and nothing can wake one, or if it does not end. The failing schedule is
    then made as small as possible. A thread or a child process could wake a task; but where no timer is set, it is waited for only
    some seconds longer than in the runs before.

    A call of `sometimes` is a choice as well: it may fail, and a failure counts as a preemption does.

    What *fn* does has to depend on the schedule alone: it makes its world afresh in each call. `random` is seeded for it; threads,
    sockets and processes make it go different ways, which is noticed and told, and makes tokens less worth.

    Not to be called from inside a run of trio, and by one thread at a time.

    Args:
        fn: An async function without arguments.
        schedules: How many schedules are run at the most.
        seed: What chance depends on; None for another one each time.
        model: ``"strict"`` has only schedules that trio can make today. ``"wide"`` has those too in which I/O, timers or
            threads hold up a task for a while, which are the ones that fail in production. A test that counts on being as
            quick as another task fails in the wide model, and that is no bug of the code it tests.
        strategy: How to look: ``"combo"`` (some of all, slow places, and all tasks in step), ``"dfs"`` (all schedules with one
            preemption, then with two...), ``"pct"`` or ``"random"``.
        preemptions: How many choices other than the default the bounded search makes at the most; None for two in a combo,
            and for no bound in ``"dfs"``.
        slack: Up to how many seconds may pass while tasks are held back, in the wide model. 0 if timers ring only when
            nobody can run.
        max_steps: A run with more steps is taken for one without end.

    Raises:
        RuntimeError: A run of trio is going on in this thread.
        TypeError: *fn* is no async function without arguments, or something is no number.
        ValueError: A number is out of its range, or a word is unknown.
    """
    check_program("explore", fn)
    check_numbers("explore", schedules=schedules, slack=slack, max_steps=max_steps, preemptions=preemptions)
    seed = random.randrange(2**32) if seed is None else checked_seed("explore", seed)  # noqa: S311 - no secret
    rules = Rules(Model(model), float(slack), max_steps, ENGINE)

    def drive(chooser: Chooser, trace: list[Record] | None, rules: Rules) -> Run:
        return run_once(fn, chooser, rules, trace)

    with chance_left_alone(), unwatched():
        return Exploring(drive, seed, rules).run(Strategy(strategy), schedules, preemptions)


def replay(fn: Program, token: str, *, max_steps: int = MAX_STEPS) -> Exploration:
    """
    Run *fn* on the schedule of *token*, and print its steps: ``*`` where the choice was not the default.

    Args:
        fn: The function that was explored.
        token: As an `Exploration` has it.
        max_steps: A run with more steps is taken for one without end.

    Raises:
        RuntimeError: A run of trio is going on in this thread.
        TypeError: *fn* is no async function without arguments, or *max_steps* is no number.
        ValueError: *token* is none, or *max_steps* is below 1.
    """
    check_program("replay", fn)
    read = Token.read(token)
    check_numbers("replay", schedules=1, slack=read.slack, max_steps=max_steps, preemptions=None)
    with chance_left_alone(), unwatched():
        run = run_once(fn, Told(read.choices), Rules(read.model, read.slack, max_steps, ENGINE), [])
    result = Exploration(runs=1, failure=run.error, token=str(read), steps=run.steps)
    verdict = "It does not fail." if run.error is None else f"It fails with {type(run.error).__name__}: {run.error}"
    print(listing(run.steps), verdict, sep="\n")  # noqa: T201 - what it is for
    return result


@contextlib.contextmanager
def chance_left_alone() -> Generator[None]:
    """
    Have the caller's `random` go on where it was.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@attrs.define(eq=False)
class Exploring:
    """
    An exploration that is under way.
    """

    drive: Callable[[Chooser, list[Record] | None, Rules], Run]
    """Makes one run, and writes its steps down if it is given a list."""

    seed: int
    rules: Rules
    runs: int = 0
    longest: int = 0
    """The most choices of a run that had an end."""

    diverged: str | None = None

    def run(self, strategy: Strategy, schedules: int, preemptions: int | None) -> Exploration:
        """
        Run so many schedules at the most, until one fails.
        """
        self.diverged = self._divergence()
        bound = _bound(strategy) if preemptions is None else preemptions
        coverage = Coverage()
        in_step = strategy is Strategy.COMBO and self.rules.model is Model.WIDE and schedules > 1
        searched = schedules - in_step
        plan = plan_for(strategy, searched, bound, self.seed, coverage)
        with contextlib.suppress(StopIteration):
            chooser = next(plan)
            while self.runs < searched:
                run = self._run(chooser, self.rules)
                if run.error is not None:
                    return self._failed(run)
                chooser = plan.send(run)
        if in_step and coverage.preemptions < math.inf:
            # Some runs go round for ever when all tasks go on in step, each in its turn, and have an end in any other way. That is
            # no schedule with few preemptions, but the default one of the strict model.
            run = self._run(Told(), attrs.evolve(self.rules, model=Model.STRICT))
            if run.error is not None:
                return self._failed(run)
        return Exploration(
            runs=self.runs,
            seed=self.seed,
            exhausted=coverage.preemptions >= bound and self.diverged is None,
            preemptions=max(coverage.preemptions, 0),
            diverged=self.diverged,
        )

    def _run(self, chooser: Chooser, rules: Rules) -> Run:
        run = self.drive(chooser, None, rules)
        self.runs += 1
        if run.error is None:
            self.longest = max(self.longest, len(run.choices))
        return run

    def _divergence(self) -> str | None:
        """
        Run the default schedule twice, and tell where the runs differ.
        """
        rules = self._short(self.rules)
        return _difference(self.drive(Told(), [], rules), self.drive(Told(), [], rules))

    def _short(self, rules: Rules) -> Rules:
        """
        Return *rules* by which a run is soon taken for one without end, for those who run it again and again.
        """
        return attrs.evolve(rules, max_steps=min(rules.max_steps, max(ENOUGH_STEPS, 10 * self.longest)))

    def _failed(self, run: Run) -> Exploration:
        """
        Report the failure of *run*, on the least schedule that is found for it.
        """
        kind, diverged = _kind(run.error), self.diverged
        in_vain = isinstance(run.error, Deadlock) and run.error.outside  # Each run takes seconds.
        rules = attrs.evolve(self.rules, model=run.token.model)
        least = self.drive(Told(run.choices), [], rules) if in_vain else self._least(run, kind)
        if _kind(least.error) != kind:
            diverged = diverged or "The schedule did not fail in the same way when it was run again."
            least = run
        return Exploration(
            runs=self.runs,
            failure=least.error,
            token=str(least.token),
            steps=least.steps,
            seed=self.seed,
            diverged=diverged,
        )

    def _least(self, run: Run, kind: list[str]) -> Run:
        """
        Run the least schedule that is found for the failure of *run*.
        """
        # Without an end each run takes as long as it is let, so what has an end after all is noticed only when it is let.
        rules = attrs.evolve(self.rules, model=run.token.model)
        least = run
        for short in (self._short(rules), rules) if kind == [Livelock.__qualname__] else (rules,):

            def fails(choices: Choices, rules: Rules = short) -> bool:
                return _kind(self.drive(Told(choices), None, rules).error) == kind

            least = self.drive(Told(shrink(run.choices, fails)), [], rules)
            if _kind(least.error) == kind:
                break
        return least


def _bound(strategy: Strategy) -> float:
    """
    Return how many preemptions the bounded search of *strategy* makes by itself.
    """
    return 2 if strategy is Strategy.COMBO else math.inf


_MORE: Final = (
    "So they depend on more than the schedule: a thread, a socket, a process, the order of a set, the time, chance other than that "
    "of `random`, or what an earlier run left behind. A token of such a program may not make the same run again."
)


def _difference(first: Run, second: Run) -> str | None:
    """
    Tell where two runs on one schedule went different ways.
    """
    pairs = zip(first.steps, second.steps, strict=False)
    for number, (one, other) in enumerate(pairs, 1):
        if one != other:
            return f"Two runs on one schedule differ at step {number}:\n{one}\n{other}\n{_MORE}"
    if len(first.steps) != len(second.steps):
        return f"Two runs on one schedule differ: one has {len(first.steps)} steps, and the other {len(second.steps)}.\n{_MORE}"
    if first.widths != second.widths:
        return f"Two runs on one schedule differ in who could have gone instead of who went.\n{_MORE}"
    return None


def _kind(error: BaseException | None) -> list[str]:
    """
    Return what kind of failure *error* is.
    """
    if isinstance(error, BaseExceptionGroup):
        leaves: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return sorted({kind for each in leaves for kind in _kind(each)})
    return [] if error is None else [type(error).__qualname__]
