"""
The decisions of the core, without trio: facts in, actions out.
"""

import math
from typing import Any

import pytest

import trio_run as tr
from trio_run.supervision._core import Core
from trio_run.supervision._facts import (
    Ask,
    Booted,
    Cancel,
    Ending,
    Exited,
    Forget,
    Hears,
    Judged,
    Ready,
    Scheduled,
    Start,
    Stopping,
    Stuck,
    Verdict,
)
from trio_run.supervision._moves import STUCK_EVERY
from trio_run.supervision._policy import Backoff, Budget, Ledger, Restart, Strategy
from trio_run.supervision._restarts import Restarts
from trio_run.supervision._rules import Rules
from trio_run.supervision._slot import Admission, End, Phase

BOOM = ValueError("boom")
ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE


def make_core(
    *names: str,
    strategy: Strategy = ONE,
    restart: Restart = Restart.ALWAYS,
    restarts: int = 10,
    grace: float = 5.0,
    backoff: Backoff | None = None,
) -> Core:
    """
    A core whose children have not been started.
    """
    backoff = backoff or Backoff(first=1.0, factor=2.0, max=30.0, jitter=0.0)
    ledger = Ledger(Budget(restarts=restarts, per=60.0))
    core = Core("top", Restarts(strategy, backoff, ledger, lambda: 0.0, 0.0))
    for name in names:
        core.add(name, Rules(restart=restart, grace=grace), Admission.BOOT)
    return core


def up(core: Core, now: float = 0.0) -> Core:
    """
    Bring up all children of *core*, and drop what it said of it.
    """
    core.decide(now)
    while starting := [slot for slot in core.slots.values() if slot.phase is Phase.STARTING]:
        core.take([Ready(slot.name, slot.life) for slot in starting], now)
        core.decide(now)
    return core


def fails(core: Core, *names: str, now: float = 0.0, error: BaseException | None = BOOM) -> list[Any]:
    """
    Have children end in one moment, with *error* or by returning, and return what follows.
    """
    ending = Ending.FINISHED if error is None else Ending.FAILED
    core.take([Exited(name, core.slots[name].life, ending, error) for name in names], now)
    return core.decide(now)


def gone(core: Core, *names: str, now: float = 0.0) -> list[Any]:
    """
    Have cancelled children go, and return what follows.
    """
    core.take([Exited(name, core.slots[name].life, Ending.CANCELLED, None) for name in names], now)
    return core.decide(now)


def moves(actions: list[Any]) -> list[str]:
    """
    The actions that move a child, as words.
    """
    return [f"{type(action).__name__} {action.name}" for action in actions if isinstance(action, Start | Ask | Cancel)]


def only(actions: list[Any], kind: type) -> list[Any]:
    """
    The actions of one kind.
    """
    return [action for action in actions if isinstance(action, kind)]


class TestBoot:
    def test_starts_in_order_each_once_the_one_before_is_ready(self):
        """
        The second child is not started before the first is ready.
        """
        core = make_core("a", "b")

        assert [Start("a", 1)] == core.decide(0.0)
        assert [] == core.decide(0.0)

        core.take([Ready("a", 1)], 0.0)

        assert [Start("b", 1)] == core.decide(0.0)

        core.take([Ready("b", 1)], 0.0)

        assert [Booted()] == core.decide(0.0)

    def test_without_children_a_supervisor_is_ready_at_once(self):
        """
        An empty supervisor has booted with its first decision.
        """
        assert [Booted()] == make_core().decide(0.0)

    @pytest.mark.parametrize("strategy", Strategy)
    def test_a_failed_start_stops_what_was_started(self, strategy: Strategy):
        """
        Whatever the strategy and the restart rule, no child is tried twice during the boot.
        """
        core = make_core("a", "b", "c", strategy=strategy)
        core.decide(0.0)
        core.take([Ready("a", 1)], 0.0)
        core.decide(0.0)

        actions = fails(core, "b")

        assert [Cancel("a", None, "start_failed: b")] == only(actions, Cancel)
        assert [Verdict.DOOMS] == [action.verdict for action in only(actions, Judged)]
        assert not core.done
        assert [] == moves(gone(core, "a"))
        assert core.done
        assert (End.START_FAILED, "b", [BOOM]) == (core.end, core.culprit, core.errors)

    def test_a_ready_child_that_fails_during_the_boot_is_restarted(self):
        """
        What was ready once is not a failed start, and one_for_one does not hold up the boot for it.
        """
        core = make_core("a", "b")
        core.decide(0.0)
        core.take([Ready("a", 1)], 0.0)
        core.decide(0.0)

        actions = fails(core, "a")

        assert ["Start a"] == moves(actions)
        assert core.end is None

    def test_a_child_stopped_during_the_boot_is_passed_over(self):
        """
        The boot goes on with the next child when a person stops the one it waits for.
        """
        core = make_core("a", "b")
        core.decide(0.0)
        core.stop_child("a", 0.0, "not needed")

        assert ["Cancel a"] == moves(core.decide(0.0))
        assert ["Start b"] == moves(gone(core, "a"))


class TestRestart:
    @pytest.mark.parametrize(
        ("restart", "error", "verdict"),
        [
            (Restart.ALWAYS, None, Verdict.RISES),
            (Restart.ALWAYS, BOOM, Verdict.RISES),
            (Restart.ON_FAILURE, None, Verdict.RESTS),
            (Restart.ON_FAILURE, BOOM, Verdict.RISES),
            (Restart.NEVER, None, Verdict.DROPPED),
            (Restart.NEVER, BOOM, Verdict.DROPPED),
        ],
    )
    def test_the_table_of_restarts(self, restart: Restart, error: Exception | None, verdict: Verdict):
        """
        What becomes of a ready child, by its restart rule and how it ended.
        """
        core = up(make_core("a", restart=restart))

        actions = fails(core, "a", error=error)

        assert [verdict] == [action.verdict for action in only(actions, Judged)]
        assert (verdict is Verdict.RISES) == (["Start a"] == moves(actions))
        assert (verdict is Verdict.DROPPED) == ([Forget("a")] == only(actions, Forget))
        assert (verdict is Verdict.DROPPED) == ("a" not in core.slots)

    def test_the_first_restart_is_immediate_and_the_next_are_not(self):
        """
        Delays grow with each failure in a row, and run from the failure.
        """
        core = up(make_core("a"))

        delays = []
        now = 0.0
        for _ in range(4):
            delays += [action.delay for action in fails(core, "a", now=now) if isinstance(action, Scheduled)]
            now = max(now, core.order.alarm if core.order.alarm < math.inf else now)
            up(core, now)

        assert [0.0, 1.0, 2.0, 4.0] == delays
        assert 7.0 == now

    def test_a_stable_life_starts_the_row_anew(self):
        """
        A child that was ready for stable_after seconds is restarted at once, as after its first failure.
        """
        core = up(make_core("a"))
        fails(core, "a")
        up(core)
        fails(core, "a")
        up(core, 1.0)

        actions = fails(core, "a", now=31.0)

        assert [(0.0, 1)] == [(action.delay, action.failures) for action in only(actions, Scheduled)]

    def test_a_life_that_never_was_ready_is_not_stable(self):
        """
        However long a start took, its failure continues the row.
        """
        core = up(make_core("a"))
        fails(core, "a")

        actions = fails(core, "a", now=100.0)

        assert [(1.0, 2)] == [(action.delay, action.failures) for action in only(actions, Scheduled)]

    def test_a_stale_fact_is_ignored(self):
        """
        What a task says that outlived its life concerns nobody.
        """
        core = up(make_core("a"))
        fails(core, "a")

        core.take([Hears("a", 1), Exited("a", 1, Ending.FAILED, BOOM), Ready("never", 1)], 0.0)

        assert not core.slots["a"].hears
        assert 1 == core.slots["a"].failures

    def test_what_was_completed_is_not_run_again(self):
        """
        A group restart leaves out a child that has succeeded.
        """
        core = make_core(strategy=ALL)
        core.add("migrate", Rules(restart=Restart.ON_FAILURE, grace=5.0), Admission.BOOT)
        core.add("serve", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.BOOT)
        up(core)
        fails(core, "migrate", error=None)

        actions = fails(core, "serve")

        assert ["Start serve"] == moves(actions)

    def test_what_completes_while_its_group_goes_down_is_not_run_again(self):
        """
        A child that returns by itself before its turn to be stopped has succeeded all the same.
        """
        core = make_core(strategy=ALL)
        core.add("migrate", Rules(restart=Restart.ON_FAILURE, grace=5.0), Admission.BOOT)
        core.add("serve", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.BOOT)
        core.add("tail", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.BOOT)
        up(core)
        fails(core, "serve")
        core.take([Exited("migrate", 1, Ending.FINISHED, None)], 0.0)

        assert ["Start serve"] == moves(gone(core, "tail"))

    def test_what_a_person_stopped_stays_down(self):
        """
        A group restart leaves out a child that was stopped by hand.
        """
        core = up(make_core("a", "b", strategy=ALL))
        core.stop_child("a", 0.0, "by hand")
        core.decide(0.0)
        gone(core, "a")

        assert ["Start b"] == moves(fails(core, "b"))


class TestBudget:
    def test_one_failure_too_many_ends_the_supervisor(self):
        """
        So many restarts are forgiven, and the next failure stops all.
        """
        core = up(make_core("a", "b", restarts=2))
        now = 0.0
        for _ in range(2):
            fails(core, "b", now=now)
            now += 5.0
            up(core, now)

        actions = fails(core, "b", now=now)

        assert [Cancel("a", None, "gave_up: b")] == only(actions, Cancel)
        assert ["Judged", "Stopping", "Cancel"] == [type(action).__name__ for action in actions]
        assert (End.GAVE_UP, "b") == (core.end, core.culprit)
        assert ["after 0.000 s, b#1: ValueError: boom"] == list(core.restarts.ledger.history)[:1]

    def test_a_budget_of_zero_forgives_nothing(self):
        """
        With no restarts in the budget the first failure is the last.
        """
        core = up(make_core("a", restarts=0))

        fails(core, "a")

        assert core.done
        assert End.GAVE_UP is core.end

    def test_a_return_that_broke_the_budget_is_an_error(self):
        """
        A child that is to run always and returned too often leaves an error that says so.
        """
        core = up(make_core("a", restarts=0))

        fails(core, "a", error=None)

        assert [tr.ChildReturned] == [type(error) for error in core.errors]

    def test_a_group_restart_counts_once(self):
        """
        Members that die while their group goes down are not charged.
        """
        core = up(make_core("a", "b", "c", strategy=ALL, restarts=1))

        actions = fails(core, "c", "a", "b")

        assert ["Start a"] == moves(actions)
        assert 1 == core.restarts.ledger.spent

    def test_a_failed_attempt_to_start_counts_once(self):
        """
        A life that a restart began, and that was never ready, is charged like one that was.
        """
        core = up(make_core("a", restarts=1))
        fails(core, "a")

        assert Phase.STARTING is core.slots["a"].phase

        fails(core, "a")

        assert 2 == core.restarts.ledger.spent
        assert End.GAVE_UP is core.end

    def test_an_order_never_counts(self):
        """
        Restarting by hand leaves the budget alone and clears the row of failures.
        """
        core = up(make_core("a", restarts=1))
        fails(core, "a")
        up(core)

        for _ in range(5):
            core.restart_child("a", 0.0, "by hand")
            core.decide(0.0)
            gone(core, "a")
            core.take([Ready("a", core.slots["a"].life)], 0.0)

        assert 1 == core.restarts.ledger.spent
        assert 0 == core.slots["a"].failures


class TestStrategies:
    def test_one_for_one_leaves_siblings_alone(self):
        """
        Only the child that failed comes up again.
        """
        assert ["Start b"] == moves(fails(up(make_core("a", "b", "c")), "b"))

    def test_one_for_all_takes_all_down_in_reverse_and_up_in_order(self):
        """
        The last started goes first, one at a time, and nobody comes up before all are down.
        """
        core = up(make_core("a", "b", "c", strategy=ALL))

        assert ["Cancel c"] == moves(fails(core, "b"))
        assert ["Cancel a"] == moves(gone(core, "c"))
        assert ["Start a"] == moves(gone(core, "a"))

        core.take([Ready("a", 2)], 0.0)

        assert ["Start b"] == moves(core.decide(0.0))

    def test_rest_for_one_takes_down_what_was_started_later(self):
        """
        The siblings before the one that failed are untouched.
        """
        core = up(make_core("a", "b", "c", strategy=REST))

        assert ["Cancel c"] == moves(fails(core, "b"))
        assert ["Start b"] == moves(gone(core, "c"))

    def test_rest_for_one_goes_on_from_the_child_that_did_not_start(self):
        """
        A later child that fails to start is tried again without those that are up already.
        """
        core = up(make_core("a", "b", "c", strategy=REST))
        fails(core, "a")
        gone(core, "c")
        gone(core, "b")
        core.take([Ready("a", 2)], 0.0)
        core.decide(0.0)

        actions = fails(core, "b")

        assert [("b", ("b", "c"))] == [(action.culprit, action.members) for action in only(actions, Scheduled)]
        assert Phase.UP is core.slots["a"].phase

    def test_the_delay_begins_when_all_that_has_to_go_is_gone(self):
        """
        A group does not come up in the middle of a sibling's cleanup, and waits its whole delay after it.
        """
        core = up(make_core("a", "b", strategy=ALL))
        fails(core, "a")
        gone(core, "b")
        up(core)
        assert ["Cancel b"] == moves(fails(core, "a", now=10.0))
        assert [] == moves(gone(core, "b", now=13.0))
        assert 14.0 == core.order.alarm
        assert ["Start a"] == moves(core.decide(14.0))

    def test_a_failure_of_an_earlier_child_widens_the_group(self):
        """
        While a later part goes down, an earlier child fails: one group, and one order.
        """
        core = up(make_core("a", "b", "c", strategy=REST))
        fails(core, "b")
        fails(core, "a")

        assert ["Start a"] == moves(gone(core, "c"))

        core.take([Ready("a", 2)], 0.0)

        assert ["Start b"] == moves(core.decide(0.0))

    def test_a_failure_of_an_earlier_child_overtakes_the_delay_of_a_later_one(self):
        """
        Whoever waited for its backoff comes up with the group of the sibling it depends on.
        """
        core = up(make_core("a", "b", strategy=REST))
        fails(core, "b")
        up(core)
        fails(core, "b")

        assert ["Start a"] == moves(fails(core, "a"))

        core.take([Ready("a", 2)], 0.0)

        assert ["Start b"] == moves(core.decide(0.0))

    def test_a_child_that_runs_once_is_lost_with_its_group(self):
        """
        A bystander whose restart is NEVER goes down with the others and is forgotten.
        """
        core = make_core("a", strategy=ALL)
        core.add("once", Rules(restart=Restart.NEVER, grace=5.0), Admission.BOOT)
        up(core)

        assert ["Cancel once"] == moves(fails(core, "a"))

        actions = gone(core, "once")

        assert [Forget("once")] == only(actions, Forget)
        assert ["Start a"] == moves(actions)

    def test_exits_of_one_moment_are_taken_in_start_order(self):
        """
        The order in which tasks happened to be scheduled does not show.
        """
        one, other = (up(make_core("a", "b", "c", strategy=REST)) for _ in range(2))

        assert fails(one, "a", "c") == fails(other, "c", "a")
        assert 1 == one.restarts.ledger.spent

    def test_stopping_the_culprit_in_its_backoff_lets_the_rest_start(self):
        """
        Siblings that waited for a child do not stay down because a person stopped it.
        """
        core = up(make_core("a", "b", strategy=REST))
        fails(core, "a")
        gone(core, "b")
        up(core)
        fails(core, "a")
        gone(core, "b")

        assert Phase.DOWN is core.slots["a"].phase

        core.stop_child("a", 0.5, "by hand")

        assert ["Start b"] == moves(core.decide(0.5))

    def test_an_earlier_child_does_not_wait_for_the_delay_of_a_later_one(self):
        """
        A child restarted by hand comes up while a later sibling still backs off.
        """
        core = up(make_core("a", "b", strategy=REST))
        fails(core, "b")
        up(core)
        fails(core, "b")
        core.restart_child("a", 0.0, "by hand")
        core.decide(0.0)

        assert ["Start a"] == moves(gone(core, "a"))


class TestStop:
    def test_children_stop_in_reverse_order_one_at_a_time(self):
        """
        Nobody is asked before those started later are gone.
        """
        core = up(make_core("a", "b", "c"))
        core.stop(End.ASKED, math.inf, "enough")

        actions = core.decide(0.0)

        assert [Stopping("enough")] == only(actions, Stopping)
        assert ["Cancel c"] == moves(actions)
        assert ["Cancel b"] == moves(gone(core, "c"))
        assert ["Cancel a"] == moves(gone(core, "b"))
        assert not core.done
        assert [] == moves(gone(core, "a"))
        assert core.done

    def test_one_that_listens_is_asked_and_has_its_grace(self):
        """
        A child that hears of the stop is cancelled only when its grace is over.
        """
        core = up(make_core("a", grace=5.0))
        core.take([Hears("a", 1)], 0.0)
        core.stop(End.ASKED, math.inf, "enough")

        assert [Ask("a", 5.0, "enough")] == only(core.decide(0.0), Ask)
        assert 5.0 == core.order.alarm
        assert [Cancel("a", 5.0, "enough")] == core.decide(5.0)

    def test_one_that_does_not_listen_is_cancelled_at_once(self):
        """
        No time is lost on a child that would not hear the request.
        """
        core = up(make_core("a"))
        core.stop(End.ASKED, math.inf, "enough")

        assert [Cancel("a", None, "enough")] == only(core.decide(0.0), Cancel)

    def test_no_grace_goes_beyond_the_limit(self):
        """
        A child gets its own grace or what is left of the whole, whichever is less.
        """
        core = up(make_core("a", "b", grace=5.0))
        core.take([Hears("a", 1), Hears("b", 1)], 0.0)
        core.stop(End.ASKED, 7.0, "enough")

        assert [5.0] == [action.deadline for action in only(core.decide(0.0), Ask)]

        core.decide(5.0)

        assert [7.0] == [action.deadline for action in only(gone(core, "b", now=5.0), Ask)]

    def test_a_second_stop_can_only_shorten_the_first(self):
        """
        A later deadline changes nothing, an earlier one cuts the graces under way.
        """
        core = up(make_core("a"))
        core.take([Hears("a", 1)], 0.0)
        core.stop(End.ASKED, 4.0, "enough")
        core.decide(0.0)
        core.stop(End.ASKED, 60.0, "take your time")

        assert 4.0 == core.order.alarm

        core.stop(End.ASKED, 1.0, "hurry")

        assert [Cancel("a", None, "enough")] == core.decide(1.0)

    def test_once_stopping_has_begun_nothing_is_started(self):
        """
        Children in their backoff stay down, and failures on the way are kept and not restarted.
        """
        core = up(make_core("a", "b"))
        fails(core, "b")
        up(core)
        fails(core, "b")
        core.stop(End.ASKED, math.inf, "enough")
        core.decide(0.0)

        actions = fails(core, "a")

        assert [] == only(actions, Start)
        assert core.done
        assert [BOOM] == core.errors

    def test_what_is_fatal_stops_all_without_grace(self):
        """
        KeyboardInterrupt and the like leave no time to listen.
        """
        core = up(make_core("a", "b"))
        core.take([Hears("a", 1)], 0.0)
        fatal = SystemExit(3)
        core.take([Exited("b", 1, Ending.FATAL, fatal)], 1.0)

        assert ["Cancel a"] == moves(core.decide(1.0))
        assert [fatal] == core.errors

    def test_a_cancelled_child_that_stays_is_reported_again_and_again(self):
        """
        Being stuck is a state that is told, not a reason to abandon a task.
        """
        core = up(make_core("a"))
        core.stop(End.ASKED, math.inf, "enough")
        core.decide(0.0)

        assert [Stuck("a", STUCK_EVERY)] == core.decide(STUCK_EVERY)
        assert [Stuck("a", 2 * STUCK_EVERY)] == core.decide(2 * STUCK_EVERY)
        assert not core.done

    def test_those_that_come_and_go_stop_side_by_side(self):
        """
        A thousand sessions do not wait for one another; what was listed does.
        """
        core = up(make_core("db"))
        for name in ("one", "two", "three"):
            core.add(name, Rules(restart=Restart.NEVER, grace=5.0), Admission.QUEUE)
        up(core)
        core.stop(End.ASKED, math.inf, "enough")

        assert ["Cancel three", "Cancel two", "Cancel one"] == moves(core.decide(0.0))
        assert [] == moves(gone(core, "one", "three"))
        assert ["Cancel db"] == moves(gone(core, "two"))


class TestOrders:
    def test_a_name_can_be_taken_only_once(self):
        """
        The error says where the other one is and what it does.
        """
        core = up(make_core("a"))

        with pytest.raises(tr.DuplicateChild) as caught:
            core.add("a", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.QUEUE)

        assert ("top/a", "up") == (caught.value.path, caught.value.state)

    def test_an_unknown_name_is_an_error(self):
        """
        The error lists the names that there are.
        """
        with pytest.raises(tr.ChildNotFound) as caught:
            make_core("a", "b").slot("c")

        assert ("top/c", ("a", "b")) == (caught.value.path, caught.value.names)

    def test_a_failed_first_start_is_its_callers(self):
        """
        A child that somebody waits for is not kept if it does not start, and costs no budget.
        """
        core = up(make_core())
        core.add("a", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.CALL)
        core.decide(0.0)

        actions = fails(core, "a")

        assert [Verdict.REFUSED] == [action.verdict for action in only(actions, Judged)]
        assert [Forget("a")] == only(actions, Forget)
        assert 0 == core.restarts.ledger.spent

    def test_a_failed_first_start_that_nobody_waits_for_follows_the_policy(self):
        """
        A queued child is restarted as its rule says.
        """
        core = up(make_core())
        core.add("a", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.QUEUE)
        core.decide(0.0)

        assert ["Start a"] == moves(fails(core, "a"))

    def test_dynamic_children_do_not_wait_for_each_other(self):
        """
        Under one_for_one, two children added at once start at once.
        """
        core = up(make_core())
        core.add("a", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.CALL)
        core.add("b", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.CALL)

        assert ["Start a", "Start b"] == moves(core.decide(0.0))

    @pytest.mark.parametrize("strategy", [ALL, REST])
    def test_dynamic_children_of_a_group_come_up_in_turn(self, strategy: Strategy):
        """
        Where siblings depend on each other, one added waits for those before it.
        """
        core = up(make_core(strategy=strategy))
        core.add("a", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.CALL)
        core.add("b", Rules(restart=Restart.ALWAYS, grace=5.0), Admission.CALL)

        assert ["Start a"] == moves(core.decide(0.0))

        core.take([Ready("a", 1)], 0.0)

        assert ["Start b"] == moves(core.decide(0.0))

    def test_a_restart_by_hand_skips_the_delay(self):
        """
        A person does not wait for the backoff.
        """
        core = up(make_core("a"))
        fails(core, "a")
        up(core)

        assert [] == moves(fails(core, "a"))

        core.restart_child("a", 0.5, "by hand")

        assert ["Start a"] == moves(core.decide(0.5))

    def test_removing_frees_the_name(self):
        """
        A child that was removed is forgotten once it is down.
        """
        core = up(make_core("a"))
        core.remove_child("a", 0.0, "by hand")
        core.decide(0.0)

        assert [Forget("a")] == only(gone(core, "a"), Forget)
        assert {} == core.slots

    def test_removing_a_child_that_rests(self):
        """
        A child that is down is forgotten at once.
        """
        core = up(make_core("a", restart=Restart.ON_FAILURE))
        fails(core, "a", error=None)
        core.remove_child("a", 0.0, "by hand")

        assert [Forget("a")] == core.decide(0.0)
