"""
What the core does at its edges: found by changing it, and seeing that no test minded.
"""

import math

import pytest

import trio_run as tr
from tests.supervision.test_core import ALL, BOOM, REST, fails, gone, make_core, moves, only, up
from tests.supervision.test_rules import core_of, ends, verdicts
from trio_run.supervision._core import Core
from trio_run.supervision._exit_rule import ExitRule, ExitWhen
from trio_run.supervision._facts import Booted, Ending, Exited, Judged, Ready, Scheduled, Stopping, Unwell, Verdict
from trio_run.supervision._policy import Backoff, Budget, Ledger, Restart, Strategy
from trio_run.supervision._restarts import Restarts
from trio_run.supervision._rules import Decision, OnGiveUp, Rules
from trio_run.supervision._slot import Admission, End, Phase

ONCE = Rules(restart=Restart.ON_FAILURE, significant=True)


def significant_core(**children: Rules) -> Core:
    """
    A core that ends with any significant child.
    """
    restarts = Restarts(Strategy.ONE_FOR_ONE, Backoff(), Ledger(Budget()), lambda: 0.0, 0.0)
    core = Core("top", restarts, ExitRule(ExitWhen.ANY_SIGNIFICANT))
    for name, rules in children.items():
        core.add(name, rules, Admission.BOOT)
    return core


class TestDecide:
    def test_the_decision_that_ends_the_boot_may_end_all(self):
        """
        A child that is over when the last one is ready ends the supervisor in the same moment, and that is told.
        """
        core = significant_core(a=ONCE, b=Rules())
        core.decide(0.0)
        core.take([Ready("a", 1)], 0.0)
        core.decide(0.0)
        core.take([Exited("a", 1, Ending.FINISHED, None)], 0.0)
        assert [] == only(core.decide(0.0), Stopping)
        core.take([Ready("b", 1)], 0.0)

        assert [Stopping("any_significant: a ended")] == only(actions := core.decide(0.0), Stopping)
        assert ["Cancel b"] == moves(actions)
        assert [] == core.decide(0.0)


class TestAdd:
    def test_errors_name_the_child(self):
        """
        Rules that make no sense here are refused with the name of the child that has them.
        """
        core = make_core()
        with pytest.raises(ValueError, match="for the child 'web', can never be spent"):
            core.add("web", Rules(backoff=Backoff(first=60, max=60)), Admission.QUEUE)
        with pytest.raises(ValueError, match="The child 'web' is significant"):
            core.add("web", ONCE, Admission.QUEUE)

    def test_a_ring_by_new_rules(self):
        """
        A child cannot be made to come after one that comes after it.
        """
        core = core_of(b=Rules(), a=Rules(after=("b",)))
        core.check_after("a", Rules())
        with pytest.raises(ValueError, match="wait"):
            core.check_after("b", Rules(after=("a",)))


class TestSlot:
    def test_a_name_that_is_no_string(self):
        """
        Whoever means a child by anything else is told how it is meant.
        """
        with pytest.raises(TypeError, match=r"^A child of top is meant by its name, a string, and not by 3\.$"):
            significant_core().slot(3)


class TestStopChild:
    @pytest.mark.parametrize(
        ("ending", "verdict"), [(Ending.FINISHED, Verdict.RESTS), (Ending.IGNORED, Verdict.IGNORED)]
    )
    def test_who_rests_is_left_as_it_is(self, ending: Ending, verdict: Verdict):
        """
        How a child came to rest stays known when somebody stops it afterwards.
        """
        core = up(core_of(a=Rules(restart=Restart.ON_FAILURE)))
        ends(core, "a", ending)
        core.stop_child("a", 1.0, "by hand")

        assert (verdict, False) == (core.slots["a"].verdict, core.slots["a"].wanted)

    def test_in_the_backoff_it_is_stopped(self):
        """
        A child that waits for its restart was stopped when somebody stops it then.
        """
        core = up(make_core("a"))
        fails(core, "a")
        up(core)
        fails(core, "a")
        core.stop_child("a", 0.5, "by hand")

        assert (Verdict.STOPPED, False) == (core.slots["a"].verdict, core.slots["a"].wanted)


class TestRestartChild:
    def test_of_one_that_rests_a_failed_start_is_the_callers(self):
        """
        Nobody tries again.
        """
        core = up(core_of(a=Rules(restart=Restart.ON_FAILURE)))
        ends(core, "a", Ending.FINISHED)
        core.restart_child("a", 1.0, "by hand")
        assert ["Start a"] == moves(core.decide(1.0))

        assert [Verdict.REFUSED] == verdicts(fails(core, "a", now=1.0))
        assert (Phase.DOWN, False) == (core.slots["a"].phase, core.slots["a"].wanted)

    def test_of_one_that_waits_a_failed_start_follows_its_rules(self):
        """
        It was on its way up anyway.
        """
        core = up(make_core("a"))
        fails(core, "a")
        up(core)
        fails(core, "a")
        core.restart_child("a", 0.5, "by hand")
        assert ["Start a"] == moves(core.decide(0.5))

        assert [Verdict.RISES] == verdicts(fails(core, "a", now=0.5))


class TestTake:
    def test_a_stale_fact_hides_no_other(self):
        """
        What comes after it in the same moment is taken in.
        """
        core = up(make_core("a", "b"))
        core.take([Ready("never", 1), Ready("a", 7), Exited("b", 1, Ending.FAILED, BOOM)], 0.0)

        assert [Verdict.RISES] == verdicts(core.decide(0.0))

    def test_start_order_is_not_that_of_names(self):
        """
        Exits of one moment are judged as the children were started, whatever they are called.
        """
        core = up(make_core("b", "a", "c"))

        assert ["b", "a", "c"] == [each.fact.name for each in only(fails(core, "c", "a", "b"), Judged)]


class TestHold:
    """
    A group waits for the delay of the child that failed, also those of it that come up before that child.
    """

    def test_those_before_the_culprit_wait_too(self):
        """
        The first of the group starts when the delay is over, and not before.
        """
        core = up(make_core("a", "b", strategy=ALL))
        fails(core, "b")
        gone(core, "a")
        up(core)
        fails(core, "b")

        assert [] == moves(gone(core, "a"))
        assert 1.0 == core.order.alarm
        assert ["Start a"] == moves(core.decide(1.0))

    def test_in_another_order(self):
        """
        The same group waits when the order is changed meanwhile.
        """
        core = up(make_core("a", "b", "c", strategy=ALL))
        fails(core, "b")
        gone(core, "c")
        gone(core, "a")
        up(core)
        fails(core, "b")
        core.order.rearrange(["a", "b", "c"])
        gone(core, "c")

        assert [] == moves(gone(core, "a"))
        assert ["Start a"] == moves(core.decide(1.0))

    def test_who_does_not_belong_to_it_does_not_wait(self):
        """
        Nor when the order is changed meanwhile.
        """
        core = up(make_core("a", "b", "c", strategy=REST))
        fails(core, "b")
        gone(core, "c")
        up(core)
        fails(core, "b")
        gone(core, "c")
        core.order.rearrange(["a", "b", "c"])
        core.restart_child("a", 0.5, "by hand")
        core.decide(0.5)

        assert ["Start a"] == moves(gone(core, "a", now=0.5))

    def test_without_children(self):
        """
        There is nothing to rearrange.
        """
        core = make_core()
        core.order.rearrange([])

        assert {} == core.slots


class TestJudge:
    def test_what_an_unhealthy_child_raises_on_the_way_out_decides_nothing(self):
        """
        It is restarted for its health, whatever its error would have meant.
        """
        core = up(make_core("a"))
        core.take([Unwell("a", 1, "odd", ValueError())], 1.0)
        core.decide(1.0)

        actions = ends(core, "a", Ending.FAILED, decision=Decision.ESCALATE)

        assert [(Verdict.RISES, Decision.RESTART)] == [(a.verdict, a.fact.decision) for a in only(actions, Judged)]

    def test_a_life_that_was_asked_for_is_told(self):
        """
        With the life that asked, its delay, and what was spent before.
        """
        core = up(make_core("a"))
        fails(core, "a")
        up(core)

        assert [Scheduled("a", 2, ("a",), 3.0, 1, 1)] == only(ends(core, "a", Ending.AGAIN, delay=3.0), Scheduled)

    def test_an_error_that_is_nobodys_is_named(self):
        """
        As the reason of the stop.
        """
        core = up(make_core("a"))
        core.abort(KeyError("lost"), 1.0)

        assert [Stopping("KeyError was raised")] == only(core.decide(1.0), Stopping)

    def test_a_restart_tells_what_was_spent(self):
        """
        This one included.
        """
        core = up(make_core("a"))

        assert [Scheduled("a", 1, ("a",), 0.0, 1, 1)] == only(fails(core, "a"), Scheduled)

    def test_who_fails_when_it_is_stopped_ends_nobody_else(self):
        """
        Its error is kept as one of the supervisor's only while that stops.
        """
        core = up(make_core("a"))
        core.stop_child("a", 0.0, "by hand")
        core.decide(0.0)
        fails(core, "a")

        assert [] == core.errors

    @pytest.mark.parametrize(
        ("ending", "kind"), [(Ending.FINISHED, tr.ChildReturned), (Ending.CANCELLED, tr.ChildCancelled)]
    )
    def test_an_end_without_an_error_has_one_that_names_the_child(self, ending: Ending, kind: type[Exception]):
        """
        What broke the budget is an error in any case.
        """
        core = up(make_core("a", restarts=0))
        core.take([Exited("a", 1, ending, None)], 0.0)

        assert [(kind, "top/a")] == [(type(error), error.path) for error in core.errors]


class TestOwnBudget:
    def core(self) -> Core:
        """
        A core that began at 100 and forgives all, with a child that has a budget of one restart.
        """
        forgiving = Ledger(Budget(restarts=math.inf))
        core = Core("top", Restarts(Strategy.ONE_FOR_ONE, Backoff(), forgiving, lambda: 0.0, 100.0))
        core.add("a", Rules(budget=Budget(restarts=1, per=60), on_give_up=OnGiveUp.PARK), Admission.BOOT)
        return up(core, 100.0)

    def test_who_is_parked_has_its_history(self):
        """
        It tells how each life ended, counted from when the supervisor began, also where that itself forgives all.
        """
        core = self.core()
        assert [()] == [each.history for each in only(fails(core, "a", now=101.5, error=None), Judged)]
        up(core, 101.5)
        (judged,) = only(fails(core, "a", now=103.0), Judged)

        assert Verdict.PARKED is judged.verdict
        assert ("after 1.500 s, a#1: finished", "after 3.000 s, a#2: ValueError: boom") == judged.history


class TestRow:
    """
    A budget for failures in a row.
    """

    BACKOFF = Backoff(first=0, max=0, stable_after=5.0)

    @pytest.mark.parametrize("whose", ["supervisor", "child"])
    def test_a_slow_crash_is_not_forgiven_for_ever(self, whose: str):
        """
        A child that fails every minute, and was never stable, spends a row, of its own or of the supervisor.
        """
        row = Budget(restarts=math.inf, in_a_row=2)
        ledger = Ledger(row if whose == "supervisor" else Budget(restarts=math.inf))
        core = Core("top", Restarts(Strategy.ONE_FOR_ONE, self.BACKOFF, ledger, lambda: 0.0, 0.0))
        core.add("a", Rules(budget=row if whose == "child" else None), Admission.BOOT)
        for minute in range(3):
            core.decide(60.0 * minute)
            core.take([Ready("a", minute + 1)], 60.0 * minute + 59)
            fails(core, "a", now=60.0 * minute + 60)

        assert core.end is End.GAVE_UP
        assert core.broken is not None
        assert core.broken.row_is_spent
        assert 3 == len(core.history)

    def test_a_stable_life_begins_a_new_row(self):
        """
        What failed before a life that was stable is no part of the row.
        """
        ledger = Ledger(Budget(restarts=math.inf, in_a_row=1))
        core = Core("top", Restarts(Strategy.ONE_FOR_ONE, self.BACKOFF, ledger, lambda: 0.0, 0.0))
        core.add("a", Rules(), Admission.BOOT)
        for number in range(9):
            up(core, 5.0 * number)
            fails(core, "a", now=5.0 * number + 5.0)

        assert core.end is None


class TestOrder:
    def test_one_that_passed_was_there(self):
        """
        A child that passed when somebody started it, and fails when somebody restarts it, stays known.
        """
        core = core_of()
        core.add("a", Rules(), Admission.CALL)
        core.decide(0.0)
        ends(core, "a", Ending.IGNORED)
        core.restart_child("a", 0.0, "again")
        core.decide(0.0)
        ends(core, "a", Ending.FAILED)

        assert "a" in core.slots

    def test_one_that_went_and_was_forgotten_before_its_turn_holds_up_nobody(self):
        """
        A child that runs once ends while its group goes down, before it is asked: the others go, and come back.
        """
        core = up(core_of(ALL, a=Rules(), b=Rules(restart=Restart.NEVER), c=Rules()))
        fails(core, "a")
        ends(core, "b", Ending.FINISHED)

        assert ["Start a"] == moves(gone(core, "c"))
        assert ["a", "c"] == list(core.slots)

    def test_nobody_waits_for_itself_or_for_who_comes_later(self):
        """
        Who waits for whom is a matter of start order.
        """
        core = core_of(REST, a=Rules(), b=Rules())
        a, b = core.slots.values()

        assert core.order.waits_for(b, a)
        assert not core.order.waits_for(a, b)
        assert not core.order.waits_for(a, a)

    def test_restless(self):
        """
        There is something to do when something is to be told, somebody is to come up or to go down, or it has not booted.
        """
        core = up(core_of(REST, a=Rules(), b=Rules()))
        order = core.order
        assert not order.restless()

        order.out.append(Booted())
        assert order.restless()
        core.decide(0.0)
        assert not order.restless()

        fails(core, "a", "b")
        assert order.restless()
        up(core)
        assert not order.restless()

        order.doom(core.slots["b"], "enough")
        assert order.restless()

        alone = up(core_of(a=Rules()))
        assert not alone.restless()
        alone.order.queue(alone.slots["a"])
        assert alone.restless()
        assert core_of().restless()


class TestStop:
    def test_what_stops_in_its_boot_was_never_ready(self):
        """
        Nobody is told that it is, and nobody is wanted any more.
        """
        core = make_core("a", "b")
        core.decide(0.0)
        core.stop(End.ASKED, math.inf, "enough")
        actions = core.decide(0.0) + gone(core, "a")

        assert [] == only(actions, Booted)
        assert [False, False] == [slot.wanted for slot in core.slots.values()]
        assert core.done
