"""
Another child in the place of one, and another set of children.
"""

import functools

import attrs
import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned, polite, steady

pytestmark = pytest.mark.everywhere_allow("children fail on purpose", raises=(OSError, tr.SupervisorStopping))

BOOM = OSError("boom")


async def keep(number: int = 0) -> None:
    """
    Run until cancelled.
    """
    del number
    await trio.sleep_forever()


def phases(supervisor: tr.Supervisor) -> list[tuple[str, str, int]]:
    """
    The children in start order, with what they do and how many lives they had.
    """
    return [(each.name, each.phase, each.life) for each in supervisor.statistics()]


class TestChildren:
    async def test_of_a_plan_and_of_a_run(self):
        """
        They are those it starts with, and while it runs those it has.
        """
        shop = tr.Supervisor("shop", tr.Child(keep, name="a"))
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            await shop.start(tr.Child(keep, name="b"))

            assert ["a", "b"] == [child.name for child in shop.children]

            shop.request_stop()
            await shop.wait_stopped()

        assert ["a"] == [child.name for child in shop.children]


class TestReplace:
    async def test_stops_the_old_and_starts_the_new_in_its_place(self):
        """
        The old one goes by its own rules, the new one is ready when the call returns, and the order stays.
        """
        log = EventLog()
        async with tr.open_supervisor(
            "shop",
            tr.Child(polite(log, "old", drain=2), name="a", grace=3),
            tr.Child(keep, name="b"),
        ) as shop:
            before = shop.get("a")
            handle = await shop.replace("a", tr.Child(steady(log, "new", start=1), name="a", grace=0))

            assert [(0, "old starts"), (0, "old drains"), (2, "old ends"), (2, "new starts")] == log.notes
            assert 3 == trio.current_time()
            assert before is handle
            assert [("a", "up", 2), ("b", "up", 1)] == phases(shop)

    @pytest.mark.parametrize("early", [True, False])
    async def test_a_replacement_that_does_not_start(self, early: bool):
        """
        The caller is told, the place is kept, and another child can have it; the budget is not touched.
        """
        log = EventLog()
        rules = {"budget": tr.Budget(restarts=0)} if early else {}
        async with tr.open_supervisor("shop", tr.Child(keep, name="a"), tr.Child(keep, name="b"), **rules) as shop:
            with pytest.raises(tr.StartFailed) as caught:
                await shop.replace("a", Planned(log, "a", (1, BOOM), early=frozenset({1})))

            assert BOOM is caught.value.__cause__
            assert [("a", "down", 2), ("b", "up", 1)] == phases(shop)

            await shop.replace("a", keep)

            assert [("a", "up", 3), ("b", "up", 1)] == phases(shop)

    async def test_a_child_that_rests(self):
        """
        One that was stopped, or waits for a restart, comes up at once with the new rules.
        """
        log = EventLog()
        web = Planned(log, "web", *[(0, BOOM)] * 9)
        patient = tr.Backoff(first=5, max=5, jitter=0)
        async with tr.open_supervisor("shop", tr.Child(web), tr.Child(keep, name="b"), backoff=patient) as shop:
            await trio.sleep(1)
            await shop.replace("web", keep)
            await shop.stop("b")
            await shop.replace("b", keep)
            await trio.sleep(20)

            assert [("web", "up", 3), ("b", "up", 2)] == phases(shop)

    async def test_in_a_group(self):
        """
        Siblings are left alone, and the next group restart goes by the new rules.
        """
        log = EventLog()
        web = Planned(log, "web", (5, BOOM))
        async with tr.open_supervisor("shop", tr.Child(keep, name="a"), tr.Child(web), strategy="one_for_all") as shop:
            await shop.replace("a", tr.Child(keep, name="a", restart="never"))

            assert [("a", "up", 2), ("web", "up", 1)] == phases(shop)

            await trio.sleep(6)

            assert [("web", "up", 2)] == phases(shop)

    async def test_while_the_old_one_stops(self):
        """
        A stop that is under way ends the old life; the new one comes up all the same.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "a", cleanup=3), name="a")) as shop:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(shop.remove, "a")
                await trio.sleep(1)
                await shop.replace("a", keep)

            assert (3, [("a", "up", 2)]) == (trio.current_time(), phases(shop))

    async def test_cancelling_the_wait_does_not_undo_it(self):
        """
        The new child is up in its time.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "a", cleanup=3), name="a")) as shop:
            with trio.move_on_after(1):
                await shop.replace("a", keep)
            await trio.sleep(5)

            assert [("a", "up", 2)] == phases(shop)

    async def test_what_ran_once_and_is_kept_now_stops_in_its_turn(self):
        """
        Functions that run once stop side by side; a child that took the place of one goes when those behind it are gone.
        """
        log = EventLog()
        async with tr.open_supervisor("shop") as shop:
            for name in ("a", "b", "c"):
                shop.start_soon(steady(log, name, cleanup=1), name=name)
            await trio.sleep(1)
            await shop.replace("b", tr.Child(steady(log, "new b", cleanup=1), name="b"))

        assert [(3, "c ends"), (4, "new b ends"), (5, "a ends")] == log.notes[-3:]

    async def test_another_name_is_refused(self):
        """
        A child brings its own name along, so it has to be the right one; nothing is changed.
        """
        async with tr.open_supervisor("shop", tr.Child(keep, name="a")) as shop:
            with pytest.raises(ValueError, match="'b' cannot take the place of 'a': give it name='a'"):
                await shop.replace("a", tr.Child(keep, name="b"))
            with pytest.raises(TypeError, match="cannot run"):
                await shop.replace("a", 3)
            with pytest.raises(tr.ChildNotFound):
                await shop.replace("b", keep)

            assert [("a", "up", 1)] == phases(shop)

    async def test_a_child_cannot_replace_itself(self):
        """
        It would wait for its own end.
        """
        refused = []

        async def child() -> None:
            with pytest.raises(tr.WouldDeadlock):
                await shop.replace("child", keep)
            refused.append(True)

        async with tr.open_supervisor("shop") as shop:
            shop.start_soon(tr.Child(child, restart="on_failure"))
            await shop.wait_exit("child")

        assert [True] == refused


class TestReconfigure:
    async def test_does_the_least_there_is_to_do(self):
        """
        What is the same is kept; stops come first and in reverse, then starts, in order, each when the one before is ready.
        """
        log = EventLog()

        def child(name: str, text: str) -> tr.Child:
            return tr.Child(steady(log, f"{name} {text}", start=1, cleanup=1), name=name)

        a, b, c, d = (child(name, "old") for name in "abcd")
        async with tr.open_supervisor("shop", a, b, c, d) as shop:
            log.clear()
            changes = await shop.reconfigure([child("e", "new"), a, child("c", "new"), child("f", "new")])

            assert ("e", "f") == changes.started
            assert ("d", "b") == changes.stopped
            assert ("c",) == changes.replaced
            assert ("a",) == changes.kept
            assert [
                (5, "d old ends"),
                (6, "c old ends"),
                (7, "b old ends"),
                (7, "e new starts"),
                (8, "c new starts"),
                (9, "f new starts"),
            ] == log.notes
            assert 10 == trio.current_time()
            assert [("e", "up", 1), ("a", "up", 1), ("c", "up", 2), ("f", "up", 1)] == phases(shop)
            log.clear()

        assert ["f new ends", "c new ends", "a old ends", "e new ends"] == log.lines

    async def test_the_new_order_is_that_of_the_strategy(self):
        """
        Who goes down with a child goes by the order of the last plan.
        """
        log = EventLog()
        web = tr.Child(Planned(log, "web", (3, BOOM)))
        a, b = (tr.Child(Planned(log, name)) for name in "ab")
        async with tr.open_supervisor("shop", a, web, b, strategy="rest_for_one") as shop:
            await shop.reconfigure([b, web, a])
            await trio.sleep(4)

            assert [("b", "up", 1), ("web", "up", 2), ("a", "up", 2)] == phases(shop)

    async def test_what_is_the_same(self):
        """
        Runner, arguments and rules are compared; partials by what they hold, supervisors by their rules and children.
        """

        @attrs.frozen
        class Feed:
            currency: str

            async def run(self) -> None:
                await trio.sleep_forever()

        def plan(*, seconds: int = 5, strategy: str = "one_for_one", number: int = 1, currency: str = "eur"):
            return [
                tr.Child(keep, number, name="function"),
                tr.Child(functools.partial(keep, number=1), name="partial", grace=seconds),
                tr.Child(Feed(currency), name="object"),
                tr.Supervisor("deep", tr.Supervisor("deeper", tr.Child(keep, number)), strategy=strategy),
            ]

        async with tr.open_supervisor("shop", *plan()) as shop:
            assert () == (await shop.reconfigure(plan())).replaced
            assert ("partial",) == (await shop.reconfigure(plan(seconds=6))).replaced
            assert ("deep",) == (await shop.reconfigure(plan(seconds=6, strategy="one_for_all"))).replaced
            assert ("function", "deep") == (await shop.reconfigure(plan(seconds=6, number=2))).replaced
            assert ("object",) == (await shop.reconfigure(plan(seconds=6, number=2, currency="chf"))).replaced

    async def test_what_cannot_be_compared_is_different(self):
        """
        An argument whose comparison raises, as that of an array does, is no reason to fail.
        """

        class Array:
            __hash__ = None

            def __eq__(self, other: object) -> bool:
                raise ValueError("The truth value of an array is ambiguous.")

        async with tr.open_supervisor("shop", tr.Child(keep, Array())) as shop:
            assert ("keep",) == (await shop.reconfigure([tr.Child(keep, Array())])).replaced

    async def test_what_was_stopped_by_hand_stays_so(self):
        """
        A child that is the same is left alone, whatever it does.
        """
        children = [tr.Child(keep, name=name) for name in "ab"]
        async with tr.open_supervisor("shop", *children) as shop:
            await shop.stop("a")
            await shop.reconfigure(children)

            assert [("a", "down", 1), ("b", "up", 1)] == phases(shop)

    async def test_functions_that_run_once_are_not_touched(self):
        """
        Sessions live on; a plan that would take the name of one is refused.
        """
        async with tr.open_supervisor("shop", tr.Child(keep, name="a")) as shop:
            shop.start_soon(trio.sleep_forever, name="session")
            await shop.wait_ready("session")
            with pytest.raises(tr.DuplicateChild):
                await shop.reconfigure([tr.Child(keep, name="session")])

            changes = await shop.reconfigure([])

            assert ("a",) == changes.stopped
            assert [("session", "up", 1)] == phases(shop)

    async def test_children_that_do_not_start(self):
        """
        All else is done; those that failed are told of together, and are not kept.
        """
        log = EventLog()

        def broken(name: str) -> tr.Child:
            return tr.Child(Planned(log, name, (1, BOOM), early=frozenset({1})))

        async with tr.open_supervisor("shop", tr.Child(keep, name="a"), tr.Child(keep, name="b")) as shop:
            with pytest.RaisesGroup(
                pytest.RaisesExc(tr.StartFailed, match="shop/a did not start"),
                pytest.RaisesExc(tr.StartFailed, match="shop/c did not start"),
            ):
                await shop.reconfigure([broken("a"), broken("c"), tr.Child(keep, name="d")])

            assert [("d", "up", 1)] == phases(shop)

    async def test_cancelling_the_wait_does_not_undo_it(self):
        """
        All of it is done in its time.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "a", cleanup=2), name="a")) as shop:
            with trio.move_on_after(1):
                await shop.reconfigure([tr.Child(steady(log, name, start=1), name=name) for name in "bc"])
            await trio.sleep(9)

            assert [("b", "up", 1), ("c", "up", 1)] == phases(shop)

    async def test_bad_plans_change_nothing(self):
        """
        Everything is checked before anything is ordered.
        """
        async with tr.open_supervisor("shop", tr.Child(keep, name="a")) as shop:
            with pytest.raises(ValueError, match="two children called 'b'"):
                await shop.reconfigure([tr.Child(keep, name="b"), tr.Child(keep, name="b")])
            with pytest.raises(TypeError, match="cannot run"):
                await shop.reconfigure([tr.Child(keep, name="b"), 3])
            slow = tr.Child(keep, name="b", backoff=tr.Backoff(first=60, max=60))
            with pytest.raises(ValueError, match="can never be spent"):
                await shop.reconfigure([slow])
            with pytest.raises(ValueError, match="can never be spent"):
                await shop.replace("a", tr.Child(keep, name="a", backoff=tr.Backoff(first=60, max=60)))

            assert [("a", "up", 1)] == phases(shop)

    async def test_who_would_go_cannot_ask_for_it(self):
        """
        A child may change its siblings, but not what would end or replace itself.
        """
        log = EventLog()

        async def child() -> None:
            with pytest.raises(tr.WouldDeadlock):
                await shop.reconfigure([tr.Child(keep, name="a")])
            with pytest.raises(tr.WouldDeadlock):
                await shop.reconfigure([tr.Child(keep, name="child")])
            await shop.reconfigure([own, tr.Child(keep, name="b")])
            log.note("done")
            await trio.sleep_forever()

        own = tr.Child(child)
        async with tr.open_supervisor("shop", tr.Child(keep, name="a")) as shop:
            shop.start_soon(own)
            await trio.sleep(1)

            assert ["done"] == log.lines
            assert [("child", "up", 1), ("b", "up", 1)] == phases(shop)

    async def test_who_is_significant_may_change(self):
        """
        What ends the supervisor goes by the children that it has now.
        """
        children = [tr.Child(keep, name=name, significant=True, restart="on_failure") for name in "ab"]
        async with tr.open_supervisor("shop", *children, exit_when="all_significant") as shop:
            await shop.reconfigure([children[0], tr.Child(keep, name="b", restart="on_failure")])
            await shop.replace("a", tr.Child(trio.sleep, 2, name="a", significant=True, restart="on_failure"))
            await shop.wait_stopped()

            assert 2 == trio.current_time()

    async def test_while_it_starts(self):
        """
        Children of the start that did not come up yet can be taken away; who starts and asks is told that it would wait.
        """
        log = EventLog()

        async def asks(*, task_status: trio.TaskStatus[None]) -> None:
            with pytest.raises(tr.StartWouldDeadlock, match="would wait for shop to be ready"):
                await shop.reconfigure([*shop.children, tr.Child(keep, name="new")])
            task_status.started()
            await trio.sleep_forever()

        first, second = tr.Child(asks), tr.Child(steady(log, "slow", start=9), name="slow")
        shop = tr.Supervisor("shop", first, second, tr.Child(steady(log, "never"), name="never"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shop.run)
            await trio.sleep(1)
            changes = await shop.reconfigure([first, tr.Child(keep, name="new")])

            assert ("never", "slow") == changes.stopped
            assert ["slow starts", "slow ends"] == log.lines
            assert [("asks", "up", 1), ("new", "up", 1)] == phases(shop)

            shop.request_stop()

    async def test_during_a_group_restart(self):
        """
        A plan that comes while a group goes down and up again is carried out, and the delay is kept.
        """
        log = EventLog()
        web = tr.Child(Planned(log, "web", (1, BOOM), (0, BOOM)))
        a, b = (tr.Child(steady(log, name, cleanup=2), name=name) for name in "ab")
        patient = tr.Backoff(first=5, max=5, jitter=0)
        async with tr.open_supervisor("shop", a, web, b, strategy="one_for_all", backoff=patient) as shop:
            await trio.sleep(2)
            await shop.reconfigure([b, web, tr.Child(keep, name="c")])
            await trio.sleep(30)

            assert [("b", "up"), ("web", "up"), ("c", "up")] == [each[:2] for each in phases(shop)]

    async def test_when_the_supervisor_stops_meanwhile(self):
        """
        Who waits is told that it stops.
        """
        log = EventLog()
        async with tr.open_supervisor("shop") as shop, trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(tr.SupervisorStopping):
                    await shop.reconfigure([tr.Child(steady(log, name, start=5), name=name) for name in "ab"])

            nursery.start_soon(ask)
            await trio.sleep(1)
            shop.request_stop()
