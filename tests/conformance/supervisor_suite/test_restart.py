"""
The tests of OTP's supervisor_SUITE about restarts, trees and the end of all, told again for trio.

That every order of events does what OTP does is for `tests/conformance/otp`; here is one readable example of each.
"""

import pytest
import trio

import trio_run as tr
from tests.conformance.children import AT_ONCE, BOOM, PATIENT, fails, keep, kept, lives, phases
from tests.supervision.scripts import EventLog, Planned, steady


async def test_multiple_restarts():
    """
    multiple_restarts: one restart a second is forgiven, and a child that fails every 2.1 s is restarted for ever.
    """
    web = Planned(EventLog(), "web", *[(2.1, BOOM)] * 20)
    budget = tr.Budget(restarts=1, per=1)
    async with tr.open_supervisor("shop", tr.Child(web), budget=budget, backoff=AT_ONCE):
        await trio.sleep(43)

    assert 21 == web.lives


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_one", [("a", 1), ("web", 2), ("z", 1)]),
        ("one_for_all", [("a", 2), ("web", 2), ("z", 2)]),
        ("rest_for_one", [("a", 1), ("web", 2), ("z", 2)]),
    ],
)
async def test_strategies(strategy: str, expected: list[tuple[str, int]]):
    """
    one_for_one, one_for_all, rest_for_one, simple_one_for_one: who goes down with a child; the third failure of two that
    are forgiven ends all.
    """
    web = Planned(EventLog(), "web", (1, BOOM), (1, BOOM), (1, BOOM))
    a, z = kept("a", "z")
    seen = []
    with pytest.raises(tr.GaveUp):
        async with tr.open_supervisor(
            "shop", a, tr.Child(web), z, strategy=strategy, backoff=AT_ONCE, budget=tr.Budget(restarts=2)
        ) as shop:
            await trio.sleep(1.5)
            seen += lives(shop)
            await trio.sleep_forever()

    assert expected == seen
    assert 3 == web.lives


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_escalation(strategy: str):
    """
    one_for_all_escalation, rest_for_one_escalation: a sibling that does not start again in the group spends the budget too,
    and the verdict holds its error.
    """
    web = Planned(EventLog(), "web", (1, ValueError("first")))
    next_one = Planned(EventLog(), "z", (99, None), *[(0, BOOM)] * 9, early=frozenset(range(2, 12)))
    with pytest.raises(tr.GaveUp) as caught:
        await tr.Supervisor(
            "shop",
            tr.Child(web),
            tr.Child(next_one),
            strategy=strategy,
            backoff=AT_ONCE,
            budget=tr.Budget(restarts=3),
        ).run()

    assert ("z", (BOOM,)) == (caught.value.child, caught.value.exceptions)
    assert 4 == len(caught.value.history)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_all", [("a", 3), ("web", 3), ("z", 3)]),
        ("rest_for_one", [("a", 1), ("web", 2), ("z", 3)]),
    ],
)
async def test_other_child_fails_restart(strategy: str, expected: list[tuple[str, int]]):
    """
    one_for_all_other_child_fails_restart, rest_for_one_other_child_fails_restart: when a sibling does not start again, all
    are tried anew, or those from it on.
    """
    web = Planned(EventLog(), "web", (1, BOOM))
    z = Planned(EventLog(), "z", (99, None), (0, BOOM), early=frozenset({2}))
    async with tr.open_supervisor(
        "shop", *kept("a"), tr.Child(web), tr.Child(z), strategy=strategy, backoff=AT_ONCE
    ) as shop:
        await trio.sleep(2)

        assert expected == lives(shop)


async def test_simple_one_for_one_escalation():
    """
    simple_one_for_one_escalation: those that came as need be share the budget; one with a budget of its own can be lost alone.
    """
    log = EventLog()
    with pytest.raises(tr.GaveUp):
        async with tr.open_supervisor("shop", backoff=AT_ONCE, budget=tr.Budget(restarts=2)) as shop:
            for name in "abc":
                shop.start_soon(tr.Child(Planned(log, name, (1, BOOM)), name=name))
            await trio.sleep_forever()
    async with tr.open_supervisor("shop", backoff=AT_ONCE) as shop:
        own = tr.Budget(restarts=2)
        shop.start_soon(tr.Child(fails, budget=own, on_give_up="park"))
        shop.start_soon(tr.Child(keep))
        await trio.sleep(1)

        assert [("fails", "down"), ("keep", "up")] == phases(shop)


class TestTree:
    async def test_tree(self):
        """
        tree: a leaf is restarted alone; a supervisor that gives up is made anew, without what was added to it.
        """
        log = EventLog()
        leaf = Planned(log, "leaf", (1, BOOM), (9, BOOM))
        inner = tr.Supervisor("inner", tr.Child(leaf), *kept("b"), backoff=AT_ONCE, budget=tr.Budget(restarts=1))
        async with tr.open_supervisor("shop", *kept("a"), inner) as shop:
            await inner.start(tr.Child(keep, name="late"))
            await trio.sleep(2)
            assert ([("a", 1), ("inner", 1)], [("leaf", 2), ("b", 1), ("late", 1)]) == (lives(shop), lives(inner))
            await trio.sleep(10)

            assert ([("a", 1), ("inner", 2)], [("leaf", 1), ("b", 1)]) == (lives(shop), lives(inner))

    async def test_a_supervisor_that_was_stopped(self):
        """
        tree, but better: a supervisor that somebody stopped does not come back with its group.
        """
        inner = tr.Supervisor("inner", *kept("b"))
        web = Planned(EventLog(), "web", (5, BOOM))
        async with tr.open_supervisor(
            "shop", tr.Child(inner, restart="on_failure"), tr.Child(web), strategy="one_for_all"
        ) as shop:
            await shop.stop("inner")
            await trio.sleep(9)

            assert [("inner", 1), ("web", 2)] == lives(shop)
            assert "down" == phases(shop)[0][1]


class TestReports:
    async def test_format_log_1(self):
        """
        format_log_1: a child that fails is told with its error, its life, what follows, and what is left of the budget.
        """
        log = EventLog()
        web = Planned(log, "web", (1, BOOM))
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(web), backoff=AT_ONCE):
                await trio.sleep(2)

        (failed,), (scheduled,) = log.named("child.failed"), log.named("child.restart_scheduled")
        assert ("shop/web", 1, 1.0, BOOM) == (failed.path, failed.life, failed.seconds, failed.error)
        assert (0.0, 1, 1, 10, 60.0) == (
            scheduled.delay,
            scheduled.failures,
            scheduled.spent,
            scheduled.restarts,
            scheduled.per,
        )
        assert failed.seq == scheduled.cause

    async def test_format_log_2(self):
        """
        format_log_2: a start that fails, a stop that goes wrong and giving up are told as well.
        """
        log = EventLog()

        async def breaks() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("late")

        web = Planned(log, "web", (1, BOOM), (0, BOOM), early=frozenset({2}))
        with tr.use_sinks(log), pytest.raises(tr.GaveUp):
            await tr.Supervisor("shop", breaks, tr.Child(web), backoff=AT_ONCE, budget=tr.Budget(restarts=1)).run()

        assert ["KeyError('late')"] == [repr(each.error) for each in log.named("child.stopped")]
        assert ["web"] == [each.culprit for each in log.named("supervisor.gave_up")]
        assert 2 == len(log.named("supervisor.gave_up")[0].history)


SIGNIFICANT = {"significant": True, "restart": "on_failure"}


def ends(restart: str, *, significant: bool, outcome: object = None, name: str = "a") -> tr.Child:
    """
    A child that ends after a second.
    """
    return tr.Child(Planned(EventLog(), name, (1, outcome)), restart=restart, significant=significant, name=name)


class TestSignificant:
    @pytest.mark.parametrize("when", ["never", "any_significant", "all_significant"])
    @pytest.mark.parametrize("restart", ["never", "on_failure"])
    @pytest.mark.parametrize("how", ["returns", "fails", "is cancelled", "is stopped"])
    async def test_nonsignificant(self, when: str, restart: str, how: str):
        """
        nonsignificant_temporary, nonsignificant_transient: the end of a child that is not significant ends nobody else.
        """
        outcome = {"returns": None, "fails": BOOM}.get(how)
        child = ends(restart, significant=False, outcome=outcome)
        async with tr.open_supervisor("shop", *kept("b"), exit_when=when) as shop:
            handle = await shop.start(child)
            if how == "is cancelled":
                handle.cancel()
            if how == "is stopped":
                await shop.stop("a")
            await trio.sleep(5)

            assert ("b", "up") == phases(shop)[0]

        assert 5 == trio.current_time()

    @pytest.mark.parametrize(
        ("restart", "outcome", "over"),
        [("never", None, 1), ("never", BOOM, 1), ("on_failure", None, 1), ("on_failure", BOOM, 5)],
    )
    async def test_significant_any(self, restart: str, outcome: object, over: float):
        """
        significant_temporary, significant_transient: the first that ends for good ends all; one that is restarted does not.
        """
        children = [*kept("b"), ends(restart, significant=True, outcome=outcome)]
        with trio.move_on_after(5):
            await tr.Supervisor("shop", *children, exit_when="any_significant").run()

        assert over == trio.current_time()

    @pytest.mark.parametrize("restart", ["never", "on_failure"])
    async def test_significant_all(self, restart: str):
        """
        significant_temporary, significant_transient: or the last of them does; one that somebody stops ends nobody.
        """
        first, second = ends(restart, significant=True), ends(restart, significant=True, name="b")
        third = tr.Child(keep, name="c", restart=restart, significant=True)
        async with tr.open_supervisor("shop", first, second, third, exit_when="all_significant") as shop:
            await trio.sleep(2)
            await shop.stop("c")
            await trio.sleep(2)
            assert 4 == trio.current_time()
            await shop.start(ends(restart, significant=True, name="d"))
            await shop.wait_stopped()

        assert 5 == trio.current_time()

    async def test_significant_bystander(self):
        """
        significant_bystander: one that goes down with its group has not ended.
        """
        once = tr.Child(keep, name="once", restart="never", significant=True)
        web = Planned(EventLog(), "web", (1, BOOM))
        async with tr.open_supervisor(
            "shop", once, tr.Child(web), strategy="one_for_all", exit_when="any_significant"
        ) as shop:
            await trio.sleep(2)

            assert [("web", 2)] == lives(shop)

    @pytest.mark.parametrize(("cascades", "over"), [(True, 1), (False, 5)])
    async def test_significant_escalation(self, cascades: bool, over: float):
        """
        significant_escalation: the end goes up the tree through supervisors that are significant themselves, and no further.
        """
        inner = tr.Supervisor("inner", ends("on_failure", significant=True), exit_when="any_significant")
        child = tr.Child(inner, restart="on_failure", significant=cascades)
        with trio.move_on_after(5):
            await tr.Supervisor("outer", *kept("b"), child, exit_when="any_significant").run()

        assert over == trio.current_time()

    @pytest.mark.parametrize(
        ("before", "after", "over"),
        [
            pytest.param("never", "any_significant", 3, id="significant_upgrade_never_any"),
            pytest.param("any_significant", "never", None, id="significant_upgrade_any_never"),
            pytest.param("never", "all_significant", 4, id="significant_upgrade_never_all"),
            pytest.param("all_significant", "never", None, id="significant_upgrade_all_never"),
            pytest.param("any_significant", "all_significant", 4, id="significant_upgrade_any_all"),
            pytest.param("all_significant", "any_significant", 3, id="significant_upgrade_all_any"),
        ],
    )
    async def test_significant_upgrade(self, before: str, after: str, over: float | None):
        """
        significant_upgrade_never_any, significant_upgrade_any_never, significant_upgrade_never_all,
        significant_upgrade_all_never, significant_upgrade_any_all, significant_upgrade_all_any: another plan for the parent
        puts a supervisor with another rule in the place of the old, and that rule holds from then on.
        """
        log = EventLog()

        def inner(when: str, first: float) -> tr.Child:
            asked = when != "never"
            pair = [
                tr.Child(trio.sleep, seconds, name=str(seconds), restart="on_failure", significant=asked)
                for seconds in (first, first + 1)
            ]
            return tr.Child(tr.Supervisor("inner", *pair, exit_when=when), restart="on_failure")

        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", inner(before, 50)) as shop:
                await trio.sleep(1)
                await shop.reconfigure([inner(after, 2)])
                await trio.sleep(20)

                assert [("inner", "up" if over is None else "down")] == phases(shop)

        assert [] == log.named("child.failed")
        assert [over or 21] == [event.time for event in log.named("supervisor.stopped", "shop/inner")[1:]]

    async def test_significant_upgrade_child(self):
        """
        significant_upgrade_child: a child can become significant, or cease to be, where somebody asks for it.
        """
        first = tr.Child(trio.sleep, 3, name="a", restart="on_failure")
        async with tr.open_supervisor("shop", first, *kept("b"), exit_when="any_significant") as shop:
            await shop.replace("a", tr.Child(trio.sleep, 2, name="a", **SIGNIFICANT))
            await shop.wait_stopped()
        assert 2 == trio.current_time()
        async with tr.open_supervisor("shop", *kept("b")) as shop:
            with pytest.raises(ValueError, match="does not ask for it"):
                await shop.replace("b", tr.Child(keep, name="b", **SIGNIFICANT))

    async def test_significant_simple(self):
        """
        significant_simple, but better: one that came as need be may be significant too.
        """
        async with tr.open_supervisor("shop", exit_when="any_significant") as shop:
            shop.start_soon(ends("never", significant=True))
            await shop.wait_stopped()

        assert 1 == trio.current_time()


async def test_a_group_waits_for_who_cleans_up():
    """
    one_for_all: no child comes up before all of the group are gone, and the delay begins then.
    """
    log = EventLog()
    web = Planned(log, "web", (1, BOOM), (0, BOOM))
    async with tr.open_supervisor(
        "shop",
        tr.Child(steady(log, "db", cleanup=3), name="db"),
        tr.Child(web),
        strategy="one_for_all",
        backoff=PATIENT,
    ):
        await trio.sleep(20)

    assert [0, 4, 4 + 3 + 5] == [when for when, line in log.notes if line == "db starts"]
