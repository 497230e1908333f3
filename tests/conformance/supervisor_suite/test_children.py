"""
The tests of OTP's supervisor_SUITE about single children and the calls about them, told again for trio.
"""

import gc
import weakref

import pytest
import trio

import trio_run as tr
from tests.conformance.children import AT_ONCE, BOOM, PATIENT, ignores, keep, kept, lives, phases, refuses
from tests.supervision.scripts import EventLog, Planned

UNKNOWN, RESTING, UP, BACKOFF = "unknown", "resting", "up", "backoff"


async def in_state(shop: tr.Supervisor, state: str) -> None:
    """
    Bring the child ``web`` of *shop* into a state.
    """
    if state == UNKNOWN:
        return
    plans = [(0, BOOM), (0, BOOM)] if state == BACKOFF else []
    shop.start_soon(tr.Child(Planned(EventLog(), "web", *plans)))
    await trio.sleep(1)
    if state == RESTING:
        await shop.stop("web")


class TestChildAdm:
    """
    Each cell of the table of calls and states.
    """

    @pytest.mark.parametrize(
        ("state", "error"),
        [(UNKNOWN, None), (RESTING, tr.DuplicateChild), (UP, tr.DuplicateChild), (BACKOFF, tr.DuplicateChild)],
    )
    async def test_start_child(self, state, error):
        """
        child_adm: a child is started last in order, unless its name is taken, and then the error says by what.
        """
        async with tr.open_supervisor("shop", *kept("a"), backoff=PATIENT) as shop:
            await in_state(shop, state)
            if error is None:
                await shop.start(tr.Child(keep, name="web"))

                assert [("a", "up"), ("web", "up")] == phases(shop)
            else:
                with pytest.raises(error, match="up" if state is UP else "down"):
                    await shop.start(tr.Child(keep, name="web"))

    @pytest.mark.parametrize("state", [RESTING, UP, BACKOFF])
    async def test_terminate_child(self, state):
        """
        child_adm: a child is stopped in every state, is kept, and no restart comes.
        """
        async with tr.open_supervisor("shop", backoff=PATIENT) as shop:
            await in_state(shop, state)
            await shop.stop("web")
            await trio.sleep(20)

            assert [("web", "down")] == phases(shop)

    @pytest.mark.parametrize("state", [RESTING, UP, BACKOFF])
    async def test_restart_child(self, state):
        """
        child_adm, but better: a child is restarted in every state; there one that runs, or waits for that, is refused.
        """
        async with tr.open_supervisor("shop", backoff=PATIENT) as shop:
            await in_state(shop, state)
            await shop.restart("web")

            assert [("web", "up")] == phases(shop)
            assert 1 == trio.current_time()

    @pytest.mark.parametrize("state", [RESTING, UP, BACKOFF])
    async def test_delete_child(self, state):
        """
        child_adm, but better: a child is removed in every state; there one that runs, or waits for a restart, is refused.
        """
        async with tr.open_supervisor("shop", backoff=PATIENT) as shop:
            await in_state(shop, state)
            await shop.remove("web")
            await trio.sleep(20)

            assert [] == phases(shop)

    async def test_unknown(self):
        """
        child_adm: no call knows a child that there is not.
        """
        async with tr.open_supervisor("shop", *kept("a")) as shop:
            for call in (shop.stop, shop.restart, shop.remove, shop.wait_ready, shop.wait_exit):
                with pytest.raises(tr.ChildNotFound, match="There is no child shop/web"):
                    await call("web")
            with pytest.raises(tr.ChildNotFound):
                shop.get("web")

    async def test_place_in_the_order(self):
        """
        child_adm: a restart keeps the place in the start order, and removing and starting again gives the last one.
        """
        async with tr.open_supervisor("shop", *kept("a", "b")) as shop:
            await shop.stop("a")
            await shop.restart("a")
            assert ["a", "b"] == [child.name for child in shop.children]
            await shop.remove("a")
            await shop.start(tr.Child(keep, name="a"))

            assert ["b", "a"] == [child.name for child in shop.children]


async def test_child_adm_simple():
    """
    child_adm_simple, but better: a function that runs once is stopped by its name, which is free when it is over.
    """
    async with tr.open_supervisor("shop") as shop:
        handle = shop.start_soon(keep)
        await trio.sleep(1)
        await shop.stop("keep")

        assert tr.State.STOPPED is handle.state
        with pytest.raises(tr.ChildNotFound):
            await shop.stop("keep")
        handle.cancel()  # That of one that is gone changes nothing.
        assert "shop/keep" == shop.start_soon(keep).name


@pytest.mark.parametrize("strategy", tr.Strategy)
async def test_temporary_bystander(strategy: tr.Strategy):
    """
    temporary_bystander: one that runs once and goes down with its group is gone for good.
    """
    log = EventLog()
    web = Planned(log, "web", (1, BOOM))
    async with tr.open_supervisor(
        "shop", tr.Child(web), tr.Child(keep, name="once", restart="never"), strategy=strategy
    ) as shop:
        await trio.sleep(2)

        alone = strategy is tr.Strategy.ONE_FOR_ONE
        assert [("web", 2), *[("once", 1)] * alone] == lives(shop)


class Big:
    """
    An argument that a weak reference can point at.
    """


@pytest.mark.parametrize("strategy", tr.Strategy)
@pytest.mark.parametrize("outcome", [None, BOOM])
async def test_do_not_save_start_parameters_for_temporary_children(strategy: tr.Strategy, outcome: object):
    """
    do_not_save_start_parameters_for_temporary_children, simple_one_for_one_corruption: the arguments of one that ran once
    are not kept alive.
    """

    async def use(big: Big) -> None:
        del big
        if outcome is not None:
            raise OSError

    def forget(_event: object) -> None:
        """
        Keep no error, as a log would.
        """

    shop = tr.Supervisor("shop", strategy=strategy)
    async with trio.open_nursery() as nursery:
        with tr.use_sinks(forget):
            await nursery.start(shop.run)
        bigs = [Big(), Big()]
        refs = [weakref.ref(big) for big in bigs]
        shop.start_soon(tr.Child(use, bigs.pop(), restart="never"))
        shop.start_soon(use, bigs.pop())
        await trio.sleep(1)
        gc.collect()

        assert [None, None] == [ref() for ref in refs]

        shop.request_stop()


@pytest.mark.parametrize("strategy", tr.Strategy)
@pytest.mark.parametrize("how", ["returns", "fails", "is cancelled", "is stopped"])
async def test_do_not_save_child_specs_for_temporary_children(strategy: tr.Strategy, how: str):
    """
    do_not_save_child_specs_for_temporary_children: one that ran once is forgotten, however it ended.
    """
    plans = {"returns": [(1, None)], "fails": [(1, BOOM)]}.get(how, [])
    async with tr.open_supervisor("shop", strategy=strategy) as shop:
        handle = await shop.start(tr.Child(Planned(EventLog(), "web", *plans), restart="never"))
        if how == "is cancelled":
            handle.cancel()
        if how == "is stopped":
            await shop.stop("web")
        await trio.sleep(2)

        assert [] == phases(shop)


@pytest.mark.parametrize(
    ("restart", "outcome", "expected"),
    [
        ("always", None, [("web", "up")]),
        ("always", tr.RestartAfter(0), [("web", "up")]),
        ("always", BOOM, [("web", "up")]),
        ("on_failure", None, [("web", "down")]),
        ("on_failure", tr.Done(), [("web", "down")]),
        ("on_failure", BOOM, [("web", "up")]),
        ("never", None, []),
        ("never", tr.Done(), []),
        ("never", BOOM, []),
    ],
)
async def test_who_is_restarted(restart: str, outcome: BaseException | None, expected: list[tuple[str, str]]):
    """
    permanent_normal, permanent_shutdown, permanent_abnormal, transient_normal, transient_shutdown, transient_abnormal,
    temporary_normal, temporary_shutdown, temporary_abnormal: the table of restarts.
    """
    web = Planned(EventLog(), "web", (1, outcome))
    async with tr.open_supervisor("shop", tr.Child(web, restart=restart)) as shop:
        await trio.sleep(2)

        assert expected == phases(shop)
        if expected:
            await shop.restart("web")
            assert [("web", "up")] == phases(shop)


async def test_count_children():
    """
    count_children, count_children_supervisor: a thousand of each kind are counted; those that are stopped count as down.
    """
    async with tr.open_supervisor("shop") as shop:
        for number in range(1000):
            shop.start_soon(tr.Child(keep, name=f"w{number}"))
            shop.start_soon(tr.Supervisor(f"s{number}"))
        await trio.sleep(1)
        await shop.stop("w7")
        await shop.stop("s7")

        ups = [each.name[0] for each in shop.statistics() if each.phase == "up"]
        assert (2000, 999, 999) == (len(shop.children), ups.count("w"), ups.count("s"))


async def test_count_restarting_children():
    """
    count_restarting_children: those that wait for a restart are children, and not up; one can be stopped meanwhile.
    """
    log = EventLog()
    async with tr.open_supervisor("shop", backoff=PATIENT) as shop:
        for name in "abc":
            shop.start_soon(tr.Child(Planned(log, name, (0, BOOM), (0, BOOM)), name=name))
        await trio.sleep(1)
        assert [(name, "down") for name in "abc"] == phases(shop)
        await shop.stop("b")
        await trio.sleep(9)

        assert [("a", "up"), ("b", "down"), ("c", "up")] == phases(shop)


async def returns() -> None:
    """
    Return at once.
    """


@pytest.mark.parametrize("call", ["start", "stop", "restart", "remove", "replace", "leave"])
async def test_hanging_restart_loop(call: str):
    """
    hanging_restart_loop, hanging_restart_loop_simple: while a child is restarted again and again every call is answered.
    """
    endless = tr.Budget(restarts=float("inf"))
    async with tr.open_supervisor("shop", returns, backoff=AT_ONCE, budget=endless) as shop:
        for _ in range(20):
            await trio.lowlevel.checkpoint()
        match call:
            case "start":
                with pytest.raises(tr.DuplicateChild):
                    await shop.start(tr.Child(returns))
            case "stop" | "remove":
                await getattr(shop, call)("returns")
            case "restart":
                await shop.restart("returns")
            case "replace":
                await shop.replace("returns", keep)
            case _:
                pass

    assert 0 == trio.current_time()


async def test_hanging_restart_loop_rest_for_one():
    """
    hanging_restart_loop_rest_for_one, but better: when the child that is restarted is stopped, those after it come up.
    """
    web = Planned(EventLog(), "web", *[(0.5, BOOM)] * 9, early=frozenset(range(2, 10)))
    a, z = kept("a", "z")
    async with tr.open_supervisor("shop", a, tr.Child(web), z, strategy="rest_for_one", backoff=PATIENT) as shop:
        await trio.sleep(2)
        assert [("a", "up"), ("web", "down"), ("z", "down")] == phases(shop)
        await shop.stop("web")
        await trio.sleep(1)

        assert [("a", "up"), ("web", "down"), ("z", "up")] == phases(shop)


async def test_simple_global_supervisor():
    """
    simple_global_supervisor: a supervisor that was cancelled, not stopped, comes back with its children.
    """
    inner = tr.Supervisor("inner", *kept("a", "b"))
    async with tr.open_supervisor("shop", inner) as shop:
        shop.get("inner").cancel("a whim")
        await trio.sleep(1)
        assert ([("inner", 2)], [("a", "up"), ("b", "up")]) == (lives(shop), phases(inner))
        inner.get("a").cancel("another")
        await trio.sleep(1)
        await inner.restart("b")

        assert [("a", 2), ("b", 2)] == lives(inner)


class TestCodeChange:
    async def test_code_change(self):
        """
        code_change, code_change_map, but better: new children are started, those that are no more are stopped, and only who
        changed is replaced; with a mistake in it nothing changes.
        """
        a, b, c = kept("a", "b", "c")
        async with tr.open_supervisor("shop", a, b, c) as shop:
            with pytest.raises(ValueError, match="two children"):
                await shop.reconfigure([a, a])
            with pytest.raises(TypeError, match="cannot run"):
                await shop.reconfigure([3])
            changes = await shop.reconfigure([tr.Child(keep, name="d"), tr.Child(keep, name="b", grace=1), a])

            assert (("d",), ("c",), ("b",), ("a",)) == (
                changes.started,
                changes.stopped,
                changes.replaced,
                changes.kept,
            )
            assert [("d", 1), ("b", 2), ("a", 1)] == lives(shop)

    async def test_code_change_simple(self):
        """
        code_change_simple, code_change_simple_map: what was started as need be is left alone by a new plan.
        """
        async with tr.open_supervisor("shop", *kept("a")) as shop:
            shop.start_soon(keep)
            await trio.sleep(1)
            await shop.reconfigure(kept("b"))

            assert [("b", 1), ("keep", 1)] == lives(shop)


async def test_simple_one_for_one_scale_many_temporary_children():
    """
    simple_one_for_one_scale_many_temporary_children: a thousand that run once are stopped one by one, and nothing is left.
    """
    async with tr.open_supervisor("shop") as shop:
        names = [shop.start_soon(keep).name.partition("/")[2] for _ in range(1000)]
        await trio.sleep(1)
        for name in names:
            await shop.stop(name)

        assert [] == phases(shop)


async def test_simple_one_for_one_extra():
    """
    simple_one_for_one_extra: what a child said when it was ready is renewed by its restart.
    """
    numbers = iter(range(9))

    async def web(*, task_status: trio.TaskStatus[int]) -> None:
        task_status.started(next(numbers))
        await trio.sleep(1)
        raise BOOM

    async with tr.open_supervisor("shop") as shop:
        handle = shop.start_soon(tr.Child(web))
        await trio.sleep(1.5)

        assert 1 == handle.ready_value


async def test_simple_one_for_one_restart_ignore():
    """
    simple_one_for_one_restart_ignore: one that has nothing to do when it is restarted is down, and the call is answered.
    """
    starts = [keep, ignores]

    async def web(*, task_status: trio.TaskStatus[None]) -> None:
        if len(starts) == 1:
            await ignores(task_status=task_status)
        starts.pop()
        task_status.started()
        await trio.sleep(1)
        raise BOOM

    async with tr.open_supervisor("shop") as shop:
        shop.start_soon(tr.Child(web))
        await trio.sleep(2)
        assert [("web", "down")] == phases(shop)
        await shop.remove("web")

        assert [] == phases(shop)


async def test_a_start_that_fails_keeps_nothing():
    """
    sup_start_child_returns_error: the name is free at once.
    """
    async with tr.open_supervisor("shop") as shop:
        with pytest.raises(tr.StartFailed):
            await shop.start(tr.Child(refuses, name="web"))
        await shop.start(tr.Child(keep, name="web"))

        assert [("web", "up")] == phases(shop)
