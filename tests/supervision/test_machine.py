"""
Nested supervisors with any rules, children that do what a script says, and orders at any time, watched by the laws of chaos.

The plan, the scripts, the steps and the end are drawn first and played after, so that what breaks a law shrinks to few of each.
Which orders come to what is for `test_handle_machine`; here is checked that no law breaks on the way there: those of
`tests.chaos.laws`, which are I1 to I11, I13 and I17 of the list of invariants; besides, that what no supervisor may hold leaves
the run and a stray Cancelled does not (I12, I16), that nothing hangs and whoever is wanted comes up (I14), and that the same steps
lead to the same events (I15). I18 is for the differential tests.
"""

from __future__ import annotations

import math
import random

import attrs
import pytest
import trio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import trio_run as tr
from tests.chaos.laws import Laws
from tests.chaos.season import look, run_tree
from tests.chaos.world import Fatal, World, stray
from trio_run.testing import QuietClock

LONG = 200.0
"""After so many seconds all is quiet: scripts have ended, and so has every delay."""


@attrs.frozen
class Life:
    """
    What a child does in one life: become ready after a while, or end before; and end some time later.
    """

    starts: float
    fails: str  # Before it is ready, with what; or not.
    lasts: float
    end: str


@attrs.frozen
class Script:
    """
    A child: its rules, its lives one after another, and how it goes. After the last of them it lives on.
    """

    lives: tuple[Life, ...]
    restart: str
    significant: bool
    listens: bool
    tidies: float
    messy: bool
    grace: float
    own: tuple[float, str] | None
    start_timeout: float


@attrs.frozen
class Plan:
    """
    A supervisor: its rules, and its children, some of which are supervisors.
    """

    children: tuple[Script | Plan, ...]
    strategy: str
    restarts: float
    exit_when: str
    restart: str
    grace: float
    start_order: str


@attrs.frozen
class Step:
    """
    An order, to any supervisor, about any child; for how long its answer is awaited, and how long before the next.
    """

    verb: str
    above: int
    who: int
    script: Script
    patience: float
    pause: float


@attrs.frozen
class Play:
    """
    All that is drawn: what there is, what happens, and when and how it ends.
    """

    plan: Plan
    steps: tuple[Step, ...]
    ending: str
    early: float | None  # In the middle of the steps.
    seed: int


SECONDS = st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.1, 6.0])
CRASHES = ["crash", "two", "return", "done", "again", "escalate", "stray", "order"]
LIVES = st.builds(
    Life,
    starts=st.sampled_from([0.0, 0.0, 0.1, 0.1, 0.3, 0.3, 0.3, 0.7]),
    fails=st.sampled_from([*[""] * 17, "crash", "ignore", "never"]),
    lasts=SECONDS,
    end=st.sampled_from(CRASHES),
)
SCRIPTS = st.builds(
    Script,
    lives=st.lists(LIVES, max_size=3).map(tuple),
    restart=st.sampled_from(["always", "always", "on_failure", "never"]),
    significant=st.booleans(),
    listens=st.booleans(),
    tidies=st.sampled_from([0.0, 0.0, 0.4, 15.0]),
    messy=st.sampled_from([False, False, False, True]),
    grace=st.sampled_from([0.0, 0.5, 5.0]),
    own=st.one_of(st.none(), st.tuples(st.sampled_from([0, 1]), st.sampled_from(["escalate", "park"]))),
    start_timeout=st.sampled_from([math.inf, math.inf, 0.5]),
)


def plans(children: st.SearchStrategy) -> st.SearchStrategy[Plan]:
    """
    Draw a supervisor of up to four *children*.
    """
    return st.builds(
        Plan,
        children=st.lists(children, min_size=1, max_size=4).map(tuple),
        strategy=st.sampled_from([each.value for each in tr.Strategy]),
        restarts=st.sampled_from([1, 3, 10]),
        exit_when=st.sampled_from(["never", "never", *(each.value for each in tr.ExitWhen)]),
        restart=st.sampled_from(["always", "on_failure", "never"]),
        grace=st.sampled_from([math.inf, 3.0]),
        start_order=st.sampled_from([each.value for each in tr.StartOrder]),
    )


VERBS = [
    *["start", "start_soon", "once", "stop", "restart", "restart", "remove", "replace", "reconfigure", "reconfigure"]
    * 2,
    *["wait_ready", "wait_exit", "cancel", "request_stop", "picture"],
]
STEPS = st.builds(
    Step,
    verb=st.sampled_from(VERBS),
    above=st.integers(0, 9),
    who=st.integers(0, 5),
    script=SCRIPTS,
    patience=st.sampled_from([0.0, 0.2, 1.0, LONG]),
    pause=SECONDS,
)
TIERS = plans(st.one_of(SCRIPTS, plans(st.one_of(SCRIPTS, SCRIPTS, plans(SCRIPTS)))))
PLAYS = st.builds(
    Play,
    plan=TIERS,
    steps=st.lists(STEPS, min_size=4, max_size=16).map(tuple),
    ending=st.sampled_from(["asked", "cancelled", "fatal"]),
    early=st.one_of(st.none(), st.none(), st.floats(0, 8)),
    seed=st.integers(0, 2**16),
)


@attrs.define(eq=False, repr=False)
class Stage(World):
    """
    A world in which nothing is left to chance.
    """

    surely_up: bool = False
    next_script: Script | None = None
    """What the next child that is ordered does."""

    lived: dict[tuple[str, float], int] = attrs.field(factory=dict)
    made: int = 0
    interrupt: trio.Event = attrs.field(factory=trio.Event)

    def build(self, path: str, plan: Plan) -> tr.Supervisor:
        """
        The supervisor of a plan, to run at *path*.
        """
        exit_when = plan.exit_when if "/" in path else "never"
        significant = exit_when in {"any_significant", "all_significant"}
        children = [
            self.scripted(f"{path}/c{number}", each, significant=significant)
            if isinstance(each, Script)
            else tr.Child(self.build(f"{path}/s{number}", each), restart=each.restart)
            for number, each in enumerate(plan.children)
        ]
        self.laws.plans[path] = self.plans[path] = tr.Supervisor(
            path.rpartition("/")[2],
            *children,
            strategy=plan.strategy,
            budget=tr.Budget(restarts=plan.restarts if "/" in path else math.inf, per=20.0),
            backoff=tr.Backoff(first=0.2, max=0.4, stable_after=3.0),
            exit_when=exit_when,
            grace=plan.grace,
            start_order=plan.start_order,
        )
        return self.plans[path]

    def scripted(self, path: str, script: Script, *, significant: bool = False, restart: str | None = None) -> tr.Child:
        """
        The child of a script, to run at *path*.
        """
        self.made += 1  # So that no two are the same.
        restart = restart or script.restart
        own, on_give_up = script.own or (None, "escalate")
        return tr.Child(
            self.play,
            path,
            self.made,
            script,
            name=path.rpartition("/")[2],
            restart=restart,
            grace=script.grace,
            budget=None if own is None or restart == "never" else tr.Budget(restarts=own, per=20.0),
            on_give_up="escalate" if restart == "never" else on_give_up,
            start_timeout=script.start_timeout,
            significant=significant and script.significant and restart != "always",
        )

    def child(self, above: str, name: str | None = None, *, once: bool = False, **_rules: object) -> tr.Child:
        """
        The child that an order is about.
        """
        self._numbers[above] += 1
        name = name or f"n{self._numbers[above]}"
        return self.scripted(f"{above}/{name}", self.next_script, restart="never" if once else None)

    async def play(self, path: str, number: int, script: Script, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Live the next of the lives of a script.
        """
        turn = self.lived[path, number] = self.lived.get((path, number), -1) + 1
        life = script.lives[turn] if turn < len(script.lives) else Life(0.1, "", math.inf, "")
        with self.living(path):
            try:
                await self.rise(path, life, task_status)
                with trio.move_on_after(life.lasts):
                    await (tr.wait_stopping() if script.listens else self.interrupted())
                    return
                await self.bow(path, life.end)
            except trio.Cancelled:
                with trio.CancelScope(shield=True):
                    await trio.sleep(script.tidies)
                if script.messy:
                    raise self.laws.crash(path) from None
                raise

    async def rise(self, path: str, life: Life, task_status: trio.TaskStatus[None]) -> None:
        """
        Become ready, or not.
        """
        await trio.sleep(life.starts)
        if life.fails == "crash":
            raise self.laws.crash(path)
        if life.fails == "ignore":
            raise tr.Ignore
        if life.fails == "never":
            return
        task_status.started()

    async def interrupted(self) -> None:
        """
        Wait for ever, or for what no supervisor may hold.
        """
        await self.interrupt.wait()
        if self.fatal is None:
            await trio.sleep_forever()
        fatal, self.fatal = self.fatal, None
        self.worst = fatal
        raise fatal

    async def bow(self, path: str, how: str) -> None:
        """
        End in the way of the script.
        """
        match how:
            case "crash":
                raise self.laws.crash(path)
            case "two":
                raise ExceptionGroup("two at once", [self.laws.crash(path), ValueError("and another")])
            case "done":
                self.laws.over.add(path)
                raise tr.Done
            case "again":
                self.laws.again.add(path)
                raise tr.RestartAfter(0.5)
            case "escalate":
                raise tr.Escalate(self.laws.crash(path))
            case "stray":
                raise await stray()
            case "order":  # About itself, which is refused, if not by a stop on the way.
                with trio.move_on_after(1.0):
                    await self.say("restart", *path.rsplit("/", 1))

    async def take(self, step: Step) -> None:
        """
        Give the order of a step, and wait for its answer for a while.
        """
        paths = list(self.plans)
        above = paths[step.above % len(paths)]
        names = [each.name for each in self.plans[above].statistics()]
        name = names[step.who % len(names)] if names and step.who else "nobody"
        if step.verb in {"remove", "replace"} and f"{above}/{name}" in self.plans:
            return  # Another of that name and with other children would be another supervisor.
        self.next_script = step.script
        self.random.seed(step.who)
        with trio.move_on_after(step.patience):
            await self.say(step.verb, above, name)


async def act(stage: Stage, tree: tr.Supervisor, play: Play) -> None:
    """
    Run the tree, take the steps, and end as the play has it.
    """
    season, leave, over = trio.CancelScope(), trio.Event(), trio.Event()
    async with trio.open_nursery() as people:
        people.start_soon(run_tree, stage, tree, season, leave, over)
        with trio.move_on_after(math.inf if play.early is None else play.early):
            for step in play.steps:
                people.start_soon(stage.take, step)
                await trio.sleep(step.pause)
            await trio.sleep(LONG)
            if not over.is_set():
                await look(stage.laws, tree, over)
        if play.ending == "cancelled":
            season.cancel(reason="enough")
        elif play.ending == "fatal":
            stage.fatal = [Fatal, KeyboardInterrupt, SystemExit][play.seed % 3]("enough")
            stage.interrupt.set()
        await trio.sleep(0 if play.seed % 2 else 0.2)  # And mostly in the middle of that.
        leave.set()
        with trio.fail_after(LONG):
            await over.wait()
        people.cancel_scope.cancel(reason="the play is over")


def perform(play: Play) -> Laws:
    """
    Give a play, and return what was seen.
    """
    laws = Laws()
    stage = Stage(random.Random(play.seed), laws)
    trio._core._run._r.seed(play.seed)
    random.seed(play.seed)
    tree = stage.build("top", play.plan)
    with tr.use_sinks(laws):
        trio.run(act, stage, tree, play, clock=QuietClock())
    laws.check_over()
    laws.broken += [f"{path}: its life is not over" for path in stage.running]
    return laws


def holds(play: Play) -> None:
    """
    Check that a play breaks no law.
    """
    laws = perform(play)

    assert [] == laws.broken


@given(play=PLAYS)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_order_and_no_failure_breaks_a_law(play: Play):
    """
    Whatever a tree is made of, whatever fails in it and whatever is ordered, cancelled or asked to stop, no law is broken.
    """
    holds(play)


@given(play=PLAYS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_the_same_steps_lead_to_the_same_events(play: Play):
    """
    With the same seed, the same steps lead to the same events at the same times.
    """
    first, second = perform(play), perform(play)

    assert first.digest == second.digest


@pytest.mark.slow
@pytest.mark.timeout(50)
@pytest.mark.parametrize("part", range(10))
@given(play=PLAYS)
@settings(
    max_examples=400,
    phases=[
        Phase.reuse,
        Phase.generate,
    ],  # To shrink may take minutes: run again what is printed, with @reproduce_failure.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_no_law_is_broken_in_many_plays(part: int, play: Play):
    """
    No law is broken in thousands of plays.
    """
    holds(play)
