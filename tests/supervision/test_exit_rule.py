"""
When a supervisor ends because its children did: the table of OTP's auto_shutdown, and what we have beyond it.
"""

import itertools

import pytest
import trio

import trio_run as tr
from tests.lines import lines_of
from tests.supervision.scripts import EventLog, Planned, polite, steady
from tests.supervision.test_core import ALL, fails, gone, moves, only, up
from tests.supervision.test_rules import ends
from trio_run.supervision._core import Core
from trio_run.supervision._exit_rule import ExitRule, ExitWhen
from trio_run.supervision._facts import Ending, Stopping
from trio_run.supervision._policy import Backoff, Budget, Ledger, Restart, Strategy
from trio_run.supervision._restarts import Restarts
from trio_run.supervision._rules import Decision, OnGiveUp, Rules
from trio_run.supervision._slot import Admission, End

SIGNIFICANT = Rules(restart=Restart.ON_FAILURE, significant=True)
ONCE = Rules(restart=Restart.NEVER, significant=True)
PLAIN = Rules(restart=Restart.ON_FAILURE)


def core_of(when: ExitWhen, strategy: Strategy = Strategy.ONE_FOR_ONE, **rules: Rules) -> Core:
    """
    A core that has booted, and ends as *when* says.
    """
    restarts = Restarts(strategy, Backoff(first=1.0, jitter=0.0), Ledger(Budget()), lambda: 0.0, 0.0)
    core = Core("top", restarts, ExitRule(when))
    for name, rule in rules.items():
        core.add(name, rule, Admission.BOOT)
    return up(core)


class TestConstruction:
    @pytest.mark.parametrize(("restart", "refused"), [("always", True), ("on_failure", False), ("never", False)])
    def test_who_never_ends_cannot_be_significant(self, restart, refused):
        """
        It is a contradiction in one child.
        """
        if not refused:
            tr.Child(trio.sleep_forever, restart=restart, significant=True)
            return
        with pytest.raises(ValueError, match="so it cannot be significant"):
            tr.Child(trio.sleep_forever, restart=restart, significant=True)

    @pytest.mark.parametrize("when", ExitWhen)
    async def test_somebody_has_to_ask_who_is_significant(self, when):
        """
        Where nobody does, a significant child is refused, at the start and later.
        """
        child = tr.Child(trio.sleep_forever, restart="never", significant=True)
        if when in {ExitWhen.ANY_SIGNIFICANT, ExitWhen.ALL_SIGNIFICANT}:
            tr.Supervisor("shop", child, exit_when=when.value)
            return
        with pytest.raises(
            ValueError, match=f"'sleep_forever' is significant, and exit_when='{when.value}' does not ask"
        ):
            tr.Supervisor("shop", child, exit_when=when)
        async with tr.open_supervisor("shop", exit_when=when) as shop:
            with pytest.raises(ValueError, match="is significant"):
                shop.start_soon(child)


class TestTheRule:
    @pytest.mark.parametrize("when", ExitWhen)
    @pytest.mark.parametrize("restart", [Restart.ON_FAILURE, Restart.NEVER])
    @pytest.mark.parametrize("ending", [Ending.FINISHED, Ending.FAILED])
    def test_a_plain_child(self, when, restart, ending):
        """
        One that is not significant ends its supervisor only where any child does, and only if it does not come back.
        """
        core = core_of(when, a=Rules(restart=restart), b=PLAIN)

        ends(core, "a", ending)

        comes_back = restart is Restart.ON_FAILURE and ending is Ending.FAILED
        assert (when is ExitWhen.FIRST_EXIT and not comes_back) == core.stopping

    @pytest.mark.parametrize("when", [ExitWhen.ANY_SIGNIFICANT, ExitWhen.ALL_SIGNIFICANT])
    @pytest.mark.parametrize("rules", [SIGNIFICANT, ONCE])
    @pytest.mark.parametrize("ending", [Ending.FINISHED, Ending.FAILED, Ending.CANCELLED])
    def test_a_significant_child(self, when, rules, ending):
        """
        With any the first ends the supervisor, with all the last; one that comes back has not ended.
        """
        core = core_of(when, a=rules, b=rules, c=PLAIN)
        comes_back = rules is SIGNIFICANT and ending is not Ending.FINISHED

        ends(core, "a", ending)

        assert (when is ExitWhen.ANY_SIGNIFICANT and not comes_back) == core.stopping

        up(core)
        actions = ends(core, "b", Ending.FINISHED)

        assert (when is ExitWhen.ANY_SIGNIFICANT or not comes_back) == core.stopping
        if when is ExitWhen.ALL_SIGNIFICANT and not comes_back:
            assert [Stopping("all_significant: b ended")] == only(actions, Stopping)
            assert ["Cancel c"] == moves(actions)
            assert End.CHILDREN_ENDED is core.end
            assert [] == core.errors

    def test_one_in_its_backoff_is_waited_for(self):
        """
        Who is to come up again is not done.
        """
        core = core_of(ExitWhen.ALL_SIGNIFICANT, a=SIGNIFICANT, b=SIGNIFICANT)
        fails(core, "a")
        up(core)
        fails(core, "a")
        ends(core, "b", Ending.FINISHED)

        assert not core.stopping

        up(core, 1.0)
        ends(core, "a", Ending.FINISHED, now=1.0)

        assert core.stopping

    @pytest.mark.parametrize("when", [each for each in ExitWhen if each is not ExitWhen.NEVER])
    def test_what_a_person_stops_ends_nobody_else(self, when):
        """
        A stop by name is no exit, neither of one that is up nor of one that waits.
        """
        rules = SIGNIFICANT if "significant" in when.value else PLAIN
        core = core_of(when, a=rules, b=rules)
        for name in "ab":
            core.stop_child(name, 0.0, "by hand")
            core.decide(0.0)
            gone(core, name)

        assert not core.stopping

    def test_one_that_a_person_stopped_is_not_waited_for(self):
        """
        It counts as down; and started again by hand, it counts again.
        """
        core = core_of(ExitWhen.ALL_SIGNIFICANT, a=SIGNIFICANT, b=SIGNIFICANT)
        core.stop_child("a", 0.0, "by hand")
        core.decide(0.0)
        gone(core, "a")
        core.restart_child("a", 0.0, "by hand")
        up(core)
        ends(core, "b", Ending.FINISHED)
        assert not core.stopping
        core.stop_child("a", 0.0, "by hand")
        core.decide(0.0)
        gone(core, "a")
        core.restart_child("b", 0.0, "by hand")
        up(core)
        ends(core, "b", Ending.FINISHED)

        assert core.stopping

    def test_a_bystander_of_a_group_restart_ends_nobody(self):
        """
        A significant child that runs once, and goes down with its group, has not ended by itself.
        """
        core = core_of(ExitWhen.ANY_SIGNIFICANT, ALL, a=Rules(), b=ONCE)
        fails(core, "a")
        gone(core, "b")

        assert not core.stopping

    @pytest.mark.parametrize("when", [ExitWhen.FIRST_EXIT, ExitWhen.ANY_SIGNIFICANT, ExitWhen.ALL_SIGNIFICANT])
    def test_a_child_that_was_parked_has_ended(self, when):
        """
        It failed for good, whoever may restart it.
        """
        significant = when is not ExitWhen.FIRST_EXIT
        parks = Rules(
            restart=Restart.ON_FAILURE, significant=significant, budget=Budget(restarts=0), on_give_up=OnGiveUp.PARK
        )
        core = core_of(when, a=parks, b=PLAIN)
        fails(core, "a")

        assert core.stopping

    def test_first_exit_of_a_failure_that_no_restart_would_mend(self):
        """
        A child whose error says stop has ended, too.
        """
        core = core_of(ExitWhen.FIRST_EXIT, a=Rules(), b=Rules())
        ends(core, "a", Ending.FAILED, decision=Decision.STOP)

        assert core.stopping

    @pytest.mark.parametrize(("when", "expected"), [(ExitWhen.ALL_DONE, True), (ExitWhen.FIRST_EXIT, False)])
    def test_a_child_that_has_nothing_to_do(self, when, expected):
        """
        It is no exit, but if it was the last then all are done.
        """
        core = core_of(when, a=PLAIN)
        ends(core, "a", Ending.IGNORED)

        assert expected == core.stopping

    @pytest.mark.parametrize("order", list(itertools.permutations("abc")))
    def test_all_done(self, order):
        """
        The last one to end ends the supervisor, whichever it is.
        """
        core = core_of(ExitWhen.ALL_DONE, a=PLAIN, b=Rules(restart=Restart.NEVER), c=PLAIN)
        for name in order:
            assert not core.stopping
            ends(core, name, Ending.FINISHED)

        assert core.done

    def test_without_children_nothing_has_ended(self):
        """
        An empty supervisor waits for children to come.
        """
        assert not core_of(ExitWhen.ALL_DONE).stopping

    def test_the_boot_comes_first(self):
        """
        A child that ends while others still start does not cut the start short: who waits for it is told it succeeded.
        """
        core = core_of(ExitWhen.NEVER)
        core.exit_rule.when = ExitWhen.FIRST_EXIT
        core.order.booted = False
        core.add("a", PLAIN, Admission.BOOT)
        core.add("b", PLAIN, Admission.BOOT)
        core.decide(0.0)
        assert ["Start b"] == moves(ends(core, "a", Ending.FINISHED))
        assert not core.stopping

        up(core)

        assert core.stopping


class TestAtWork:
    async def test_migrate_once_then_end(self):
        """
        A supervisor of things that are to be done ends when they are, and says that it was not asked to.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop",
            tr.Child(Planned(log, "a", (1, None)), name="a", restart="on_failure"),
            tr.Child(Planned(log, "b", (1, OSError()), (1, None)), name="b", restart="on_failure"),
            exit_when="all_done",
        )
        with tr.use_sinks(log):
            report = await shop.run()

        assert "all_done: b ended" == report.reason
        assert shop.has_left
        assert (2, "b returns") == log.notes[-1]

    async def test_the_first_exit_ends_the_others_in_order(self):
        """
        As in oklog's run: the first to end takes the rest down, the last started first.
        """
        log = EventLog()
        await tr.Supervisor(
            "shop",
            tr.Child(polite(log, "db", drain=1), name="db"),
            tr.Child(steady(log, "web", cleanup=1), name="web"),
            tr.Child(Planned(log, "one", (5, None)), restart="never", name="one"),
            exit_when="first_exit",
        ).run()

        assert [(5, "one returns"), (6, "web ends"), (6, "db drains"), (7, "db ends")] == log.notes[3:]

    async def test_the_block_ends_with_it(self):
        """
        A block around a supervisor whose children have ended does not wait for ever.
        """
        log = EventLog()
        async with tr.open_supervisor(
            "shop", tr.Child(Planned(log, "one", (5, None)), restart="never"), exit_when="first_exit"
        ):
            await trio.sleep_forever()

        assert (5, "one returns") == log.notes[-1]

    async def test_above_it_is_a_return(self):
        """
        For the parent the supervisor has finished, and only a significant one cascades.
        """
        log = EventLog()
        inner = tr.Supervisor(
            "inner",
            tr.Child(Planned(log, "one", (5, None)), restart="never", significant=True),
            exit_when="any_significant",
        )
        outer = tr.Supervisor(
            "outer",
            tr.Child(steady(log, "db"), name="db"),
            tr.Child(inner, restart="on_failure", significant=True),
            exit_when="any_significant",
        )
        with tr.use_sinks(log):
            report = await outer.run()

        assert "any_significant: inner ended" == report.reason
        assert ["child.finished outer/inner#1"] == log.story("child.finished")[-1:]

    @pytest.mark.parametrize("when", [ExitWhen.ALL_DONE, ExitWhen.FIRST_EXIT])
    async def test_asked_to_stop_before(self, when):
        """
        Then that is the reason.
        """
        shop = tr.Supervisor("shop", tr.Child(trio.sleep_forever, restart="never"), exit_when=when)
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            shop.request_stop()

        assert not shop.has_left

    async def test_cancelled_while_the_others_are_stopped(self):
        """
        A cancellation from outside cuts the graces short.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop",
            tr.Child(polite(log, "db", drain=4), name="db"),
            tr.Child(Planned(log, "one", (5, None)), restart="never", name="one"),
            exit_when="first_exit",
        )
        with trio.move_on_after(6) as scope:
            await shop.run()

        assert scope.cancelled_caught
        assert (6, "db ends") == log.notes[-1]

    async def test_a_failure_on_the_way_out_is_raised(self):
        """
        What others raise while they are stopped is not lost because all was well before.
        """
        log = EventLog()

        async def clumsy() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("broken pipe")

        shop = tr.Supervisor(
            "shop", clumsy, tr.Child(Planned(log, "one", (5, None)), restart="never"), exit_when="first_exit"
        )

        with pytest.RaisesGroup(OSError):
            await shop.run()


@pytest.mark.parametrize("when", [ExitWhen.ALL_SIGNIFICANT, ExitWhen.ALL_DONE])
def test_an_exit_costs_the_child_that_ended_never_a_look_at_all_of_them(when):
    """
    With a hundred times as many siblings it runs the same number of lines.
    """

    def lines_for_an_exit(siblings):
        rules = SIGNIFICANT if when is ExitWhen.ALL_SIGNIFICANT else PLAIN
        core = core_of(when)
        for number in range(siblings):
            core.add(f"child-{number}", rules, Admission.QUEUE)
        up(core)
        return lines_of(lambda: fails(core, "child-50", error=None))

    assert lines_for_an_exit(100) == lines_for_an_exit(1_000)
