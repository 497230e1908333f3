"""
The rules of one child: what is refused when they are written down, and what the core makes of them.
"""

import math

import pytest

import trio_run as tr
from tests.supervision.test_core import ALL, BOOM, REST, fails, gone, make_core, moves, only, up
from trio_run.supervision._core import Core
from trio_run.supervision._facts import Cancel, Ending, Exited, Forget, Judged, Ready, Scheduled, Start, Verdict
from trio_run.supervision._policy import Backoff, Budget, Ledger, Restart, Strategy
from trio_run.supervision._restarts import Restarts
from trio_run.supervision._rules import Decision, OnGiveUp, Rules, check_fit
from trio_run.supervision._slot import Admission, End, Phase


async def runner() -> None:
    """
    Something that can stand for a runner.
    """


def core_of(strategy: Strategy = Strategy.ONE_FOR_ONE, *, restarts: float = 10, **rules: Rules) -> Core:
    """
    A core whose children have rules of their own.
    """
    backoff = Backoff(first=1.0, factor=2.0, max=30.0, jitter=0.0)
    core = Core("top", Restarts(strategy, backoff, Ledger(Budget(restarts=restarts, per=60.0)), lambda: 0.0, 0.0))
    for name, rule in rules.items():
        core.add(name, rule, Admission.BOOT)
    return core


def ends(core: Core, name: str, ending: Ending, *, now: float = 0.0, **more: object) -> list:
    """
    Have a child end in some way, and return what follows.
    """
    error = BOOM if ending is Ending.FAILED else None
    core.take([Exited(name, core.slots[name].life, ending, error, **more)], now)
    return core.decide(now)


def verdicts(actions: list) -> list[Verdict]:
    """
    What was decided.
    """
    return [action.verdict for action in only(actions, Judged)]


class TestConstruction:
    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"backoff": 3}, "TypeError: A child takes a Backoff for backoff, not 3."),
            ({"budget": 3}, "TypeError: A child takes a Budget for budget, not 3."),
            ({"start_timeout": 0}, "ValueError: Child(start_timeout=0) is a number of seconds above 0."),
            ({"start_timeout": math.nan}, "ValueError: Child(start_timeout=nan) has to be at least 0."),
            ({"start_timeout": "3"}, "TypeError: Child(start_timeout=...) takes a number, not '3'."),
            (
                {"on_give_up": "shrug"},
                "ValueError: 'shrug' is no OnGiveUp. It can be 'escalate', 'park', 'drop', or a member",
            ),
            (
                {"on_give_up": "park"},
                "ValueError: A child with on_give_up='park' needs a budget of its own to spend: give it budget=Budget(...).",
            ),
            (
                {"on_give_up": "park", "budget": Budget(restarts=math.inf)},
                "ValueError: A child with on_give_up='park' needs a budget of its own to spend",
            ),
            (
                {"restart": "never", "budget": Budget()},
                "ValueError: A child with restart='never' has no use for a budget: it is never restarted.",
            ),
            ({"classify": runner}, "TypeError: classify takes a function that is not async, not <function runner"),
            ({"classify": 3}, "TypeError: classify takes a function that is not async, not 3."),
        ],
    )
    def test_what_is_refused(self, given, text):
        """
        Rules that are of no use are refused where the child is written down.
        """
        with pytest.raises((TypeError, ValueError)) as caught:
            tr.Child(runner, **given)

        assert f"{caught.type.__name__}: {caught.value}".startswith(text)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            (
                {"budget": Budget(restarts=9, per=1)},
                "The budget of the child 'runner' can never be spent: 9 restarts take at least ",
            ),
            (
                {"backoff": Backoff(first=60, max=60)},
                "The budget of the supervisor, for the child 'runner', can never be spent: 10 restarts take at least ",
            ),
            (
                {"budget": Budget(restarts=11, per=60), "on_give_up": "park"},
                (
                    "The child 'runner' could never be parked: its supervisor gives up after 10 restarts in 60 s, and it would "
                    "after 11 in 60 s. Give it a smaller budget, or the supervisor a larger one."
                ),
            ),
        ],
    )
    def test_a_budget_that_can_never_be_spent_is_refused(self, given, text):
        """
        The law holds for the child's own budget, and for its own backoff with the budget of the supervisor.
        """
        child = tr.Child(runner, **given)

        with pytest.raises(ValueError) as caught:
            tr.Supervisor("shop", child)

        assert str(caught.value).startswith(text)

    def test_a_child_that_is_added_is_checked_too(self):
        """
        The check is the same for a child that comes later.
        """
        rules = Rules(budget=Budget(restarts=11, per=60), on_give_up=OnGiveUp.PARK)

        check_fit("web", rules, Budget(restarts=11, per=60), Backoff(first=0.0))
        with pytest.raises(ValueError, match="could never be parked"):
            check_fit("web", rules, Budget(restarts=10, per=60), Backoff(first=0.0))
        check_fit("web", rules, Budget(restarts=10, per=59), Backoff(first=0.0))

    def test_a_budget_of_its_own_makes_up_for_that_of_the_supervisor(self):
        """
        A child with long delays is fine if it can spend a budget of its own.
        """
        tr.Supervisor("s", tr.Child(runner, backoff=Backoff(first=60, max=60), budget=Budget(restarts=3, per=600)))
        tr.Supervisor("s", tr.Child(runner, backoff=Backoff(first=60, max=60), budget=Budget(restarts=math.inf)))


class TestOwnRules:
    def test_each_child_has_its_own_backoff(self):
        """
        The delays of a child are those it was given, those of others the supervisor's.
        """
        core = up(core_of(a=Rules(backoff=Backoff(first=5.0, max=5.0, jitter=0.0)), b=Rules()))
        delays = []
        for name in ("a", "b", "a", "b"):
            delays += [action.delay for action in only(fails(core, name), Scheduled)]
            up(core)

        assert [0.0, 0.0, 5.0, 1.0] == delays

    def test_a_stable_life_is_as_long_as_the_childs_own_backoff_says(self):
        """
        What counts as stable belongs to the backoff, and so to the child.
        """
        core = up(core_of(a=Rules(backoff=Backoff(first=1.0, stable_after=2.0, jitter=0.0))))
        fails(core, "a")
        up(core)

        assert [0.0] == [action.delay for action in only(fails(core, "a", now=2.0), Scheduled)]

    def test_a_child_that_spent_its_own_budget_escalates(self):
        """
        The supervisor gives up over the child's budget, long before its own is spent.
        """
        core = up(core_of(a=Rules(budget=Budget(restarts=1, per=60)), b=Rules()))
        fails(core, "a")
        up(core)

        assert ["Cancel b"] == moves(fails(core, "a"))
        assert (End.GAVE_UP, "a") == (core.end, core.culprit)
        assert Budget(restarts=1, per=60) == core.broken.budget
        assert 2 == len(core.history)

    def test_what_the_child_forgives_still_counts_for_the_supervisor(self):
        """
        The two budgets are independent: both are charged for each failure.
        """
        core = up(core_of(restarts=1, a=Rules(budget=Budget(restarts=5, per=60))))
        fails(core, "a")
        up(core)
        fails(core, "a")

        assert End.GAVE_UP is core.end
        assert Budget(restarts=1, per=60.0) == core.broken.budget

    @pytest.mark.parametrize("strategy", Strategy)
    def test_a_parked_child_stays_down_and_its_siblings_live(self, strategy):
        """
        Under every strategy a child may be lost without taking anybody along.
        """
        parks = Rules(budget=Budget(restarts=0, per=60), on_give_up=OnGiveUp.PARK)
        core = up(core_of(strategy, a=Rules(), b=parks, c=Rules()))

        actions = fails(core, "b")

        assert [Verdict.PARKED] == verdicts(actions)
        assert [] == moves(actions)
        assert (Phase.DOWN, False, Verdict.PARKED) == (
            core.slots["b"].phase,
            core.slots["b"].wanted,
            core.slots["b"].verdict,
        )
        assert [Phase.UP] * 2 == [core.slots[name].phase for name in "ac"]
        assert not core.stopping
        assert 0 == core.restarts.ledger.spent

    @pytest.mark.parametrize("strategy", Strategy)
    def test_a_dropped_child_is_forgotten_and_its_siblings_live(self, strategy):
        """
        One whose place nobody needs leaves it, and its name is free.
        """
        drops = Rules(budget=Budget(restarts=1, per=60), on_give_up=OnGiveUp.DROP)
        core = up(core_of(strategy, a=Rules(), b=drops))
        fails(core, "b")
        up(core)

        actions = fails(core, "b")

        assert [Verdict.DROPPED] == verdicts(actions)
        assert [Forget("b")] == only(actions, Forget)
        assert ["a"] == list(core.slots)
        assert not core.stopping

    @pytest.mark.parametrize("strategy", [ALL, REST])
    def test_a_group_goes_on_without_a_member_that_was_parked(self, strategy):
        """
        Those that waited for it to start come up, and it stays down when the group restarts again.
        """
        parks = Rules(budget=Budget(restarts=0, per=60), on_give_up=OnGiveUp.PARK)
        core = up(core_of(strategy, a=Rules(), b=parks, c=Rules()))
        fails(core, "a")
        gone(core, "c")
        gone(core, "b")
        core.take([Ready("a", 2)], 0.0)

        assert ["Start b"] == moves(core.decide(0.0))
        assert ["Start c"] == moves(fails(core, "b"))

        up(core)

        assert ["Cancel c"] == moves(fails(core, "a"))
        core.decide(1.0)
        gone(core, "c", now=1.0)
        assert ["Start a"] == moves(core.decide(2.0))

        core.take([Ready("a", 3)], 2.0)

        assert ["Start c"] == moves(core.decide(2.0))

    def test_a_person_can_restart_a_parked_child(self):
        """
        It starts with a clean slate: its own budget is whole again.
        """
        core = up(core_of(a=Rules(budget=Budget(restarts=1, per=60), on_give_up=OnGiveUp.PARK)))
        fails(core, "a")
        up(core)
        assert [Verdict.PARKED] == verdicts(fails(core, "a"))

        core.restart_child("a", 0.0, "by hand")

        assert ["Start a"] == moves(core.decide(0.0))
        up(core)
        assert [Verdict.RISES] == verdicts(fails(core, "a"))

    def test_a_supervisor_may_never_give_up(self):
        """
        With a budget without end a child may fail for ever.
        """
        core = up(core_of(restarts=math.inf, a=Rules(backoff=Backoff(first=0.0))))
        for _ in range(100):
            fails(core, "a")
            up(core)

        assert Phase.UP is core.slots["a"].phase


class TestDecisions:
    @pytest.mark.parametrize("restart", Restart)
    def test_a_failure_no_restart_would_mend(self, restart):
        """
        A child whose error says stop is down for good, at no cost; one that runs once is forgotten.
        """
        core = up(core_of(a=Rules(restart=restart), b=Rules()))

        actions = ends(core, "a", Ending.FAILED, decision=Decision.STOP)

        never = restart is Restart.NEVER
        assert [Verdict.DROPPED if never else Verdict.RESTS] == verdicts(actions)
        assert [Forget("a")] * never == only(actions, Forget)
        assert [] == moves(actions)
        assert 0 == core.restarts.ledger.spent

    @pytest.mark.parametrize("restart", Restart)
    def test_an_error_that_escalates_ends_the_supervisor(self, restart):
        """
        No budget is asked.
        """
        core = up(core_of(a=Rules(restart=restart), b=Rules()))

        assert ["Cancel b"] == moves(ends(core, "a", Ending.FAILED, decision=Decision.ESCALATE))
        assert (End.GAVE_UP, "a", None, [BOOM]) == (core.end, core.culprit, core.broken, core.errors)

    @pytest.mark.parametrize("decision", Decision)
    def test_a_start_that_fails_at_boot_is_that_whatever_is_decided(self, decision):
        """
        Without the children of the start there is no supervisor.
        """
        core = core_of(a=Rules())
        core.decide(0.0)
        ends(core, "a", Ending.FAILED, decision=decision)

        assert End.START_FAILED is core.end


class TestDirectives:
    @pytest.mark.parametrize("restart", Restart)
    @pytest.mark.parametrize(("ending", "verdict"), [(Ending.DONE, Verdict.RESTS), (Ending.IGNORED, Verdict.IGNORED)])
    def test_who_says_so_is_not_run_again(self, restart, ending, verdict):
        """
        A child that is done, or has nothing to do, stays down even if it is to run always.
        """
        core = up(core_of(ALL, a=Rules(restart=restart), b=Rules()))

        actions = ends(core, "a", ending)

        dropped = restart is Restart.NEVER and ending is Ending.DONE

        assert [Verdict.DROPPED if dropped else verdict] == verdicts(actions)
        assert [] == moves(actions)
        assert ["Start b"] == moves(fails(core, "b"))

    def test_the_boot_goes_on_after_who_had_nothing_to_do(self):
        """
        A child that is ignored counts as started.
        """
        core = core_of(a=Rules(), b=Rules())
        core.decide(0.0)

        assert ["Start b"] == moves(ends(core, "a", Ending.IGNORED))

    @pytest.mark.parametrize("strategy", Strategy)
    def test_a_new_life_that_was_asked_for_costs_nothing(self, strategy):
        """
        It comes after the delay that the child named, to this child alone.
        """
        core = up(core_of(strategy, restarts=0, a=Rules(), b=Rules()))

        actions = ends(core, "a", Ending.AGAIN, delay=3.0)

        assert [Verdict.RISES] == verdicts(actions)
        assert [("a",)] == [action.members for action in only(actions, Scheduled)]
        assert [] == moves(actions)
        assert 3.0 == core.order.alarm
        assert ["Start a"] == moves(core.decide(3.0))
        assert (0, 0) == (core.slots["a"].failures, core.restarts.ledger.spent)

    def test_a_new_life_for_who_runs_once(self):
        """
        A child whose restart is NEVER has had its only life.
        """
        core = up(core_of(a=Rules(restart=Restart.NEVER)))

        assert [Verdict.DROPPED] == verdicts(ends(core, "a", Ending.AGAIN))

    def test_the_boot_waits_for_a_child_that_asks_for_another_try(self):
        """
        At boot, too, it is no failure; those after it wait.
        """
        core = core_of(a=Rules(), b=Rules())
        core.decide(0.0)

        assert [] == moves(ends(core, "a", Ending.AGAIN, delay=3.0))
        assert ["Start a"] == moves(core.decide(3.0))

        core.take([Ready("a", 2)], 3.0)

        assert ["Start b"] == moves(core.decide(3.0))

    def test_the_delay_of_one_does_not_take_that_of_another_away(self):
        """
        Two children of a group that wait, each for its own reason, each wait their time.
        """
        core = up(core_of(REST, a=Rules(), b=Rules()))
        fails(core, "b")
        up(core)
        fails(core, "b")
        assert [] == moves(ends(core, "a", Ending.AGAIN, delay=0.5))
        assert ["Start a"] == moves(core.decide(0.5))
        core.take([Ready("a", 2)], 0.5)

        assert [] == moves(core.decide(0.5))
        assert ["Start b"] == moves(core.decide(core.order.alarm))
        assert "b" in core.slots


class TestStartTimeout:
    def test_a_start_that_takes_too_long_is_cancelled_and_a_failed_attempt(self):
        """
        It is charged like a failed start, and tried again after its delay.
        """
        core = up(core_of(a=Rules(start_timeout=2.0)))
        fails(core, "a")

        assert 2.0 == core.order.alarm
        assert [Cancel("a", None, "not ready after 2 s")] == core.decide(2.0)

        actions = gone(core, "a", now=2.0)

        assert [(Verdict.RISES, Ending.UNHEALTHY)] == [(a.verdict, a.fact.ending) for a in only(actions, Judged)]
        assert [tr.StartTimedOut] == [type(action.fact.error) for action in only(actions, Judged)]
        assert [(1.0, 2)] == [(action.delay, action.failures) for action in only(actions, Scheduled)]

    def test_at_boot_it_ends_the_supervisor(self):
        """
        A child of the start that is not ready in time has not started.
        """
        core = core_of(a=Rules(start_timeout=2.0))
        core.decide(0.0)
        core.decide(2.0)
        gone(core, "a", now=2.0)

        assert End.START_FAILED is core.end
        assert ["top/a was not ready after 2 s"] == [str(error).partition(".")[0] for error in core.errors]

    def test_what_it_raises_on_the_way_out_is_kept(self):
        """
        The error of the cleanup stands behind the timeout.
        """
        core = core_of(a=Rules(start_timeout=2.0))
        core.decide(0.0)
        core.decide(2.0)
        fails(core, "a", now=2.0)

        assert BOOM is core.errors[0].__context__

    def test_ready_in_time(self):
        """
        A child that is ready is not looked at again.
        """
        core = up(core_of(a=Rules(start_timeout=2.0)))

        assert math.inf == core.order.alarm
        assert [] == core.decide(2.0)

    def test_ready_too_late(self):
        """
        One that becomes ready while it is cancelled has failed all the same.
        """
        core = core_of(a=Rules(start_timeout=2.0))
        core.decide(0.0)
        core.decide(2.0)
        core.take([Ready("a", 1)], 2.5)
        gone(core, "a", now=3.0)

        assert End.START_FAILED is core.end

    def test_an_order_overtakes_it(self):
        """
        A child that a person stops meanwhile has not failed.
        """
        core = up(core_of(a=Rules(start_timeout=2.0)))
        fails(core, "a")
        core.decide(2.0)
        core.stop_child("a", 2.0, "by hand")

        assert [Verdict.STOPPED] == verdicts(gone(core, "a", now=2.0))

    def test_it_is_no_news_when_the_child_has_to_go_anyway(self):
        """
        A start that waits for its turn to be stopped is left alone.
        """
        core = up(core_of(a=Rules(), b=Rules(start_timeout=2.0), c=Rules()))
        fails(core, "b")
        core.stop(End.ASKED, math.inf, "enough")
        core.decide(0.0)

        assert [] == core.decide(2.0)
        assert ["Cancel b"] == moves(gone(core, "c", now=3.0))


def test_make_core_and_ours_agree():
    """
    The two ways to make a core in these tests start the same children.
    """
    assert [Start("a", 1)] == make_core("a").decide(0.0) == core_of(a=Rules()).decide(0.0)
