"""
Who comes after whom: as listed, or as the children name each other, side by side where asked.
"""

import math
import random

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, steady
from tests.supervision.test_core import fails, gone, moves, up
from tests.supervision.test_core_walk import World, lines_for_a_failure
from tests.supervision.test_rules import ends
from trio_run.supervision._changes import replace_child
from trio_run.supervision._core import Core
from trio_run.supervision._facts import Booted, Ending, Ready
from trio_run.supervision._policy import Backoff, Budget, Ledger, Restart, Strategy
from trio_run.supervision._restarts import Restarts
from trio_run.supervision._rules import Rules
from trio_run.supervision._slot import Admission, End, Phase
from trio_run.supervision._start_order import StartOrder, in_order

ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE


def web_of(strategy: Strategy = ONE, **after: tuple[str, ...]) -> Core:
    """
    A core whose children come up side by side, each after those that it names.
    """
    restarts = Restarts(
        strategy, Backoff(first=1.0, jitter=0.0), Ledger(Budget()), lambda: 0.0, 0.0, StartOrder.PARALLEL
    )
    core = Core("top", restarts)
    for name, names in after.items():
        core.add(name, Rules(after=names), Admission.BOOT)
    return core


def ready(core: Core, *names: str, now: float = 0.0) -> list[str]:
    """
    Have children become ready, and return the moves that follow.
    """
    core.take([Ready(name, core.slots[name].life) for name in names], now)
    return moves(core.decide(now))


class TestInOrder:
    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            ({}, ""),
            ({"a": "", "b": "", "c": ""}, "abc"),
            ({"a": "c", "b": "", "c": ""}, "bca"),
            ({"a": "", "b": "d", "c": "", "d": "a"}, "acdb"),
            ({"d": "cb", "c": "b", "b": "a", "a": ""}, "abcd"),
        ],
    )
    def test_as_listed_but_for_what_is_named(self, after, expected):
        """
        Children stay where they are listed, unless they have to come after one listed later.
        """
        assert list(expected) == in_order({name: tuple(names) for name, names in after.items()})

    @pytest.mark.parametrize("seed", range(50))
    def test_everybody_comes_after_those_it_names(self, seed):
        """
        Whatever they name, as long as there is no ring.
        """
        r = random.Random(seed)
        names = list("abcdefgh")
        r.shuffle(names)
        after = {name: tuple(r.sample(names[:place], r.randint(0, min(place, 3)))) for place, name in enumerate(names)}
        listed = {name: after[name] for name in sorted(after)}

        order = in_order(listed)

        assert sorted(order) == sorted(names)
        assert all(order.index(other) < order.index(name) for name, others in after.items() for other in others)

    def test_a_ring_is_refused(self):
        """
        The error names those in it.
        """
        with pytest.raises(ValueError) as caught:
            tr.Supervisor(
                "shop",
                *(tr.Child(trio.sleep_forever, name=name, after=[other]) for name, other in ("ab", "bc", "ca")),
                tr.Child(trio.sleep_forever, name="d"),
            )

        assert (
            "These children would wait for each other: 'a' after 'b' after 'c' after 'a'. Take one of them out of an after=."
        ) == str(caught.value)

    def test_oneself_is_a_ring_too(self):
        """
        A child cannot come after itself.
        """
        with pytest.raises(ValueError, match="'a' after 'a'"):
            tr.Supervisor("shop", tr.Child(trio.sleep_forever, name="a", after=["a"]))

    async def test_an_unknown_name_is_refused(self):
        """
        At the start and later.
        """
        child = tr.Child(trio.sleep_forever, name="web", after=["db"])
        with pytest.raises(ValueError, match="The child 'web' is to come after 'db', and there is no such child"):
            tr.Supervisor("shop", child)
        async with tr.open_supervisor("shop", start_order="parallel") as shop:
            with pytest.raises(ValueError, match="The child 'web' is to come after 'db', and there is no such child"):
                shop.start_soon(child)

    @pytest.mark.parametrize("after", ["db", [3], b"db"])
    def test_what_is_no_list_of_names_is_refused(self, after):
        """
        A single name has to stand in a list, too.
        """
        with pytest.raises(TypeError, match="after takes the names of children in a list or tuple, not"):
            tr.Child(trio.sleep_forever, after=after)


class TestListed:
    async def test_one_after_another(self):
        """
        Sorted so that everybody comes after those it names, and stopped in reverse.
        """
        log = EventLog()
        async with tr.open_supervisor(
            "shop",
            tr.Child(steady(log, "web", start=1), name="web", after=["db", "cache"]),
            tr.Child(steady(log, "cache", start=1), name="cache"),
            tr.Child(steady(log, "db", start=1), name="db"),
        ) as shop:
            assert ("cache", "db", "web") == tuple(child.name for child in shop.children)

        assert ["cache starts", "db starts", "web starts", "web ends", "db ends", "cache ends"] == log.lines
        assert [0, 1, 2, 3, 3, 3] == [when for when, _ in log.notes]


class TestParallel:
    def test_the_boot(self):
        """
        Those that name nobody start at once, the others when all they name are ready; the boot is over with the last.
        """
        core = web_of(a=(), b=(), c=("a",), d=("b", "c"))

        assert ["Start a", "Start b"] == sorted(moves(core.decide(0.0)))
        assert [] == ready(core, "b")
        assert ["Start c"] == ready(core, "a")
        assert ["Start d"] == ready(core, "c")

        core.take([Ready("d", 1)], 0.0)

        assert [Booted()] == core.decide(0.0)

    def test_without_children_a_supervisor_is_ready_at_once(self):
        """
        Nobody has to be waited for.
        """
        assert [Booted()] == web_of().decide(0.0)

    def test_a_failed_start_stops_the_others(self):
        """
        Those still starting too.
        """
        core = web_of(a=(), b=(), c=("a",))
        core.decide(0.0)

        assert ["Cancel b"] == moves(fails(core, "a"))
        assert [] == moves(gone(core, "b"))
        assert core.done
        assert End.START_FAILED is core.end

    @pytest.mark.parametrize("ending", [Ending.IGNORED, Ending.DONE])
    def test_a_child_that_stays_down_is_not_waited_for(self, ending):
        """
        Whoever comes after it goes on.
        """
        core = web_of(a=(), b=("a",))
        core.decide(0.0)

        assert ["Start b"] == moves(ends(core, "a", ending))

    def test_a_child_stopped_during_the_boot_is_passed_over(self):
        """
        A person may take out the one that others wait for.
        """
        core = web_of(a=(), b=("a",))
        core.decide(0.0)
        core.stop_child("a", 0.0, "by hand")
        core.decide(0.0)

        assert ["Start b"] == moves(gone(core, "a"))

    @pytest.mark.parametrize("strategy", Strategy)
    def test_the_stop_is_the_start_backwards(self, strategy):
        """
        Those that nobody comes after go at once, each other when all that come after it are gone.
        """
        core = up(web_of(strategy, a=(), b=(), c=("a",), d=("b", "c")))
        core.stop(End.ASKED, math.inf, "enough")

        assert ["Cancel d"] == moves(core.decide(0.0))
        assert ["Cancel b", "Cancel c"] == sorted(moves(gone(core, "d")))
        assert ["Cancel a"] == moves(gone(core, "c"))
        assert [] == moves(gone(core, "a"))
        assert not core.done
        gone(core, "b")
        assert core.done

    def test_the_order_holds_across_one_that_is_down(self):
        """
        A child goes down before one that it comes after only by way of a third.
        """
        core = up(web_of(a=(), b=("a",), c=("b",)))
        core.stop_child("b", 0.0, "by hand")
        core.decide(0.0)
        gone(core, "b")
        core.stop(End.ASKED, math.inf, "enough")

        assert ["Cancel c"] == moves(core.decide(0.0))
        assert ["Cancel a"] == moves(gone(core, "c"))

    def test_rest_for_one_takes_those_that_come_after(self):
        """
        A sibling that names none of them is left alone, wherever it is listed.
        """
        core = up(web_of(REST, a=(), b=("a",), c=(), d=("b",)))

        assert ["Cancel d"] == moves(fails(core, "a"))
        assert ["Cancel b"] == moves(gone(core, "d"))
        assert ["Start a"] == moves(gone(core, "b"))
        assert ["Start b"] == ready(core, "a")
        assert ["Start d"] == ready(core, "b")
        assert 1 == core.slots["c"].life

    def test_two_branches_do_not_wait_for_each_other(self):
        """
        While one goes down slowly, the other restarts.
        """
        core = up(web_of(REST, a=(), b=("a",), c=(), d=("c",)))
        fails(core, "a")

        assert ["Cancel d"] == moves(fails(core, "c"))
        assert ["Start c"] == moves(gone(core, "d"))
        assert Phase.KILLING is core.slots["b"].phase

    def test_one_for_all_waits_until_all_are_down(self):
        """
        And for the delay of the one that failed, which begins then.
        """
        core = up(web_of(ALL, a=(), b=("a",), c=()))
        fails(core, "b")
        gone(core, "a")
        gone(core, "c")
        up(core)

        assert ["Cancel a", "Cancel c"] == sorted(moves(fails(core, "b", now=10.0)))
        assert [] == moves(gone(core, "a", now=11.0))
        assert [] == moves(gone(core, "c", now=13.0))
        assert 14.0 == core.order.alarm
        assert ["Start a", "Start c"] == sorted(moves(core.decide(14.0)))
        assert ["Start b"] == ready(core, "a", now=14.0)

    def test_stopping_the_culprit_in_its_backoff_lets_the_others_start(self):
        """
        Siblings that waited for it do not stay down.
        """
        core = up(web_of(ALL, a=(), b=()))
        fails(core, "a")
        gone(core, "b")
        up(core)
        fails(core, "a")
        gone(core, "b")
        core.stop_child("a", 0.5, "by hand")

        assert ["Start b"] == moves(core.decide(0.5))

    def test_restarting_the_culprit_in_its_backoff_starts_the_others_too(self):
        """
        Nobody waits for a delay that a person has cut short.
        """
        core = up(web_of(ALL, a=(), b=()))
        fails(core, "a")
        gone(core, "b")
        up(core)
        fails(core, "a")
        gone(core, "b")
        core.restart_child("a", 0.5, "by hand")

        assert ["Start a", "Start b"] == sorted(moves(core.decide(0.5)))

    def test_a_child_added_later_goes_down_before_those_of_the_start(self):
        """
        It may well use them, though it names none.
        """
        core = up(web_of(a=(), b=("a",)))
        for name in "xy":
            core.add(name, Rules(restart=Restart.NEVER), Admission.QUEUE)
        core.add("z", Rules(after=("a",)), Admission.QUEUE)
        up(core)
        core.stop(End.ASKED, math.inf, "enough")

        assert ["Cancel x", "Cancel y", "Cancel z"] == sorted(moves(core.decide(0.0)))
        assert [] == moves(gone(core, "x"))
        assert ["Cancel b"] == moves(gone(core, "y"))
        assert [] == moves(gone(core, "b"))
        assert ["Cancel a"] == moves(gone(core, "z"))

    def test_a_removed_child_is_out_of_the_order(self):
        """
        The name can be given anew, and come after others.
        """
        core = up(web_of(a=(), b=("a",), c=("b",)))
        core.remove_child("b", 0.0, "by hand")
        core.decide(0.0)
        gone(core, "b")
        core.add("b", Rules(after=("c",)), Admission.QUEUE)
        up(core)
        core.stop(End.ASKED, math.inf, "enough")

        assert ["Cancel b"] == moves(core.decide(0.0))
        assert ["Cancel c"] == moves(gone(core, "b"))
        assert ["Cancel a"] == moves(gone(core, "c"))

    async def test_it_takes_as_long_as_the_slowest(self):
        """
        Independent children start and stop side by side.
        """
        log = EventLog()
        began = trio.current_time()
        async with tr.open_supervisor(
            "shop",
            tr.Child(steady(log, "db", start=3, cleanup=3), name="db"),
            tr.Child(steady(log, "cache", start=2, cleanup=2), name="cache"),
            tr.Child(steady(log, "web", start=1, cleanup=1), name="web", after=["db", "cache"]),
            start_order="parallel",
        ):
            assert 4 == trio.current_time() - began

        assert [(5, "web ends"), (7, "cache ends"), (8, "db ends")] == log.notes[3:]

    async def test_cancelled_from_outside_the_order_holds(self):
        """
        Without grace, but nobody before those that come after it.
        """
        log = EventLog()
        with trio.move_on_after(9):
            await tr.Supervisor(
                "shop",
                tr.Child(steady(log, "db", cleanup=3), name="db"),
                tr.Child(steady(log, "cache", cleanup=2), name="cache"),
                tr.Child(steady(log, "web", cleanup=1), name="web", after=["db"]),
                start_order="parallel",
            ).run()

        assert [(10, "web ends"), (11, "cache ends"), (13, "db ends")] == log.notes[3:]


def test_a_fact_costs_the_children_it_moves_in_a_web_too():
    """
    With a hundred times as many siblings a failure runs the same number of lines.
    """
    few, many = (lines_for_a_failure(count, StartOrder.PARALLEL) for count in (100, 10_000))

    assert few == many


def test_a_wide_start_costs_in_proportion():
    """
    Ten times as many children that all come after one take about ten times as many moves, not a hundred.
    """
    for count in (100, 1000):
        core = web_of(hub=(), **{f"c{number}": ("hub",) for number in range(count)})
        core.decide(0.0)

        assert count == len(ready(core, "hub"))

        up(core)
        core.stop(End.ASKED, math.inf, "enough")
        names = [move.split()[1] for move in moves(core.decide(0.0))]

        assert count == len(names)
        assert ["Cancel hub"] == moves(gone(core, *names))


class Web(World):
    """
    The world of the walks, with children that name each other.
    """

    start_order = StartOrder.PARALLEL

    def rules(self) -> Rules:
        """
        Rules for one child, which comes after some of those there are.
        """
        rules = super().rules()
        there = list(self.core.slots)
        names = tuple(self.random.sample(there, self.random.randint(0, min(2, len(there)))))
        given = {name: getattr(rules, name) for name in ("restart", "grace", "budget", "backoff", "on_give_up")}
        return Rules(**given, start_timeout=rules.start_timeout, after=self.random.choice([names, names, None]))


@pytest.mark.parametrize("batch", range(20))
def test_the_laws_hold_on_random_walks(batch: int):
    """
    Up and down in the order that the children name, and always an end.
    """
    for seed in range(batch * 100, batch * 100 + 100):
        world = Web(seed)
        for _ in range(60):
            if world.core.done:
                break
            world.step()
        world.finish()


class TestRearranged:
    async def test_another_set_of_children_comes_in_its_own_order(self):
        """
        What is new may come after what was there, and the other way round.
        """
        log = EventLog()

        def child(name: str, *after: str) -> tr.Child:
            return tr.Child(steady(log, name), name=name, after=after)

        db = child("db")
        async with tr.open_supervisor("shop", db, child("old", "db"), start_order="parallel") as shop:
            await shop.reconfigure([child("web", "cache"), child("cache", "db"), db])

        assert ["web ends", "cache ends", "db ends"] == log.lines[-3:]

    def test_a_child_replaced_on_its_way_down_keeps_nobody_up(self):
        """
        One of the start that is going is replaced by one that counts as come later; at the end all the same all go.
        """
        core = web_of()
        core.add("a", Rules(), Admission.BOOT)
        core.add("b", Rules(), Admission.BOOT)
        core.decide(0.0)
        ready(core, "a", "b")
        core.order.doom(core.slot("b"), "reconfigured")
        core.decide(0.0)
        replace_child(core, "b", Rules(), 0.0)
        gone(core, "b", now=0.0)
        core.stop_child("b", 0.0, "stopped by request")
        gone(core, "b", now=0.0)

        core.stop(End.ASKED, math.inf, "enough")

        assert ["Cancel a"] == moves(core.decide(0.0))

    def test_a_replaced_child_that_others_come_after_goes_down_after_them(self):
        """
        One that counts as come later waits for those behind it, and they do not wait for it.
        """
        core = web_of()
        core.add("a", Rules(), Admission.BOOT)
        core.add("b", Rules(after=("a",)), Admission.BOOT)
        core.decide(0.0)
        ready(core, "a")
        ready(core, "b")
        replace_child(core, "a", Rules(), 0.0)
        gone(core, "a")
        ready(core, "a")

        core.stop(End.ASKED, math.inf, "enough")

        assert ["Cancel b"] == moves(core.decide(0.0))
        assert ["Cancel a"] == moves(gone(core, "b"))

    async def test_a_replaced_child_may_come_after_others_than_before(self):
        """
        But not in a ring, nor after nobody; then nothing is changed.
        """
        log = EventLog()

        def child(name: str, *after: str) -> tr.Child:
            return tr.Child(steady(log, name), name=name, after=after)

        async with tr.open_supervisor("shop", child("a"), child("b", "a"), child("c"), start_order="parallel") as shop:
            with pytest.raises(ValueError, match="wait for each other"):
                await shop.replace("a", child("a", "b"))
            with pytest.raises(ValueError, match="there is no such child"):
                await shop.replace("a", child("a", "z"))
            await shop.replace("a", child("a", "c"))

        assert ["b ends", "a ends", "c ends"] == log.lines[-3:]


class TestRearrangedDuringTheBoot:
    @pytest.mark.parametrize("strategy", Strategy)
    def test_who_is_ready_is_not_waited_for_again(self, strategy: Strategy):
        """
        A new order while some children still start takes back nothing: the supervisor is ready when the others are.
        """
        core = web_of(strategy, a=(), b=())
        core.decide(0.0)
        ready(core, "a")
        core.order.rearrange(["b", "a"])
        assert [] == core.decide(0.0)
        core.take([Ready("b", 1)], 0.0)

        assert [Booted()] == core.decide(0.0)

    async def test_it_becomes_ready(self):
        """
        One that is reconfigured while it starts comes up.
        """

        async def slow(*, task_status: trio.TaskStatus[None]) -> None:
            await trio.sleep(5)
            task_status.started()
            await trio.sleep_forever()

        fast, late = tr.Child(trio.sleep_forever, name="fast"), tr.Child(slow, name="late")
        shop = tr.Supervisor("shop", fast, late, start_order="parallel")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shop.run)
            await trio.sleep(1)
            await shop.reconfigure([late, fast])
            await trio.sleep(5)

            assert "up" == shop.snapshot().phase
            nursery.cancel_scope.cancel()


class TestTheSameInEachProcess:
    async def test_those_that_one_came_after_are_stopped_as_it_names_them(self):
        """
        When it is down, they are told to go side by side, in an order that does not hang on how Python hashes their names.
        """
        names = list("hcafbdge")
        log = EventLog()
        plan = [tr.Child(steady(log, name), name=name) for name in sorted(names)]
        shop = tr.Supervisor(
            "shop", *plan, tr.Child(steady(log, "last"), name="last", after=names), start_order="parallel"
        )
        with tr.use_sinks(log):
            async with trio.open_nursery() as nursery:
                await nursery.start(shop.run)
                shop.request_stop()

        assert ["last", *names] == [event.path.rpartition("/")[2] for event in log.named("child.stopping")]
