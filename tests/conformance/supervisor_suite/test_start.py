"""
The tests of OTP's supervisor_SUITE about starting, told again for trio.
"""

import pytest
import trio

import trio_run as tr
from tests.conformance.children import AT_ONCE, BOOM, fails, ignores, keep, kept, phases, refuses
from tests.supervision.scripts import EventLog, Planned


async def test_sup_start_normal():
    """
    sup_start_normal: a supervisor without children starts, and stops when it is asked to.
    """
    async with tr.open_supervisor("shop") as shop:
        assert [] == phases(shop)

    assert (0, ()) == (trio.current_time(), shop.stop_report.children)


async def test_sup_start_ignore_child():
    """
    sup_start_ignore_child: a child that has nothing to do is kept, is not up, and the others come up.
    """
    async with tr.open_supervisor("shop", tr.Child(ignores), *kept("b")) as shop:
        assert [("ignores", "down"), ("b", "up")] == phases(shop)


async def test_sup_start_ignore_temporary_child():
    """
    sup_start_ignore_temporary_child: one that would run once at the most is forgotten, and the order of others stays.
    """
    first, second = kept("a", "b")
    async with tr.open_supervisor("shop", first, tr.Child(ignores, restart="never"), second) as shop:
        assert [("a", "up"), ("b", "up")] == phases(shop)


async def test_sup_start_ignore_temporary_child_start_child():
    """
    sup_start_ignore_temporary_child_start_child: that is no failure of the start, and it is forgotten.
    """
    async with tr.open_supervisor("shop", *kept("a")) as shop:
        handle = await shop.start(tr.Child(ignores, restart="never"))

        assert handle.done
        assert [("a", "up")] == phases(shop)


async def test_sup_start_ignore_temporary_child_start_child_simple():
    """
    sup_start_ignore_temporary_child_start_child_simple: so it is with a function that runs once.
    """
    async with tr.open_supervisor("shop") as shop:
        handle = shop.start_soon(ignores)
        await trio.sleep(1)

        assert (True, []) == (handle.done, phases(shop))


async def test_sup_start_ignore_permanent_child_start_child_simple():
    """
    sup_start_ignore_permanent_child_start_child_simple: one that would be kept rests, and the stop is clean.
    """
    async with tr.open_supervisor("shop") as shop:
        shop.start_soon(tr.Child(ignores))
        await trio.sleep(1)

        assert [("ignores", "down")] == phases(shop)

    assert "its block was left" == shop.stop_report.reason


@pytest.mark.parametrize("rubbish", [3, None, "mod", (keep, 1)])
def test_sup_start_error_return(rubbish: object):
    """
    sup_start_error_return: what is no child is refused where it is written down.
    """
    with pytest.raises(TypeError, match="cannot run"):
        tr.Supervisor("shop", rubbish)


async def test_sup_start_fail():
    """
    sup_start_fail: an error in the factory of a runner comes out of the start, and nothing is left.
    """

    class Web:
        def __init__(self) -> None:
            raise BOOM

        async def run(self) -> None:
            await trio.sleep_forever()

    with pytest.raises(tr.StartFailed) as caught:
        await tr.Supervisor("shop", Web).run()

    assert BOOM is caught.value.__cause__


async def test_sup_start_restart_child_returns_error():
    """
    sup_start_restart_child_returns_error: a restart by hand that fails is the caller's, and nobody tries again.
    """
    log = EventLog()
    web = Planned(log, "web", (99, None), (0, BOOM), early=frozenset({2}))
    async with tr.open_supervisor("shop", tr.Child(web)) as shop:
        await shop.stop("web")
        with pytest.raises(tr.StartFailed) as caught:
            await shop.restart("web")
        await trio.sleep(100)

        assert BOOM is caught.value.__cause__
        assert (2, [("web", "down")]) == (web.lives, phases(shop))


async def test_sup_start_child_returns_error():
    """
    sup_start_child_returns_error: the error is the cause of the caller's, and the child is not kept.
    """
    async with tr.open_supervisor("shop") as shop:
        with pytest.raises(tr.StartFailed) as caught:
            await shop.start(tr.Child(refuses))

        assert (BOOM, []) == (caught.value.__cause__, phases(shop))


async def test_sup_start_child_returns_error_simple():
    """
    sup_start_child_returns_error_simple: so it is with a function that runs once.
    """
    async with tr.open_supervisor("shop") as shop:
        with pytest.raises(tr.StartFailed) as caught:
            await shop.start(refuses)

        assert (BOOM, []) == (caught.value.__cause__, phases(shop))


async def test_sup_start_map():
    """
    sup_start_map: a child that says nothing is always kept, has 5 s to stop, and is found by its name.
    """
    async with tr.open_supervisor("shop", keep) as shop:
        (child,) = shop.children

        assert ("keep", tr.Restart.ALWAYS, 5.0, False) == (
            child.name,
            child.restart,
            child.grace,
            child.rules.significant,
        )
        assert "shop/keep" == shop.get("keep").name
        with pytest.raises(tr.ChildNotFound, match=r"There is no child shop/web\. The children are: keep"):
            shop.get("web")


async def test_sup_start_map_simple():
    """
    sup_start_map_simple: what was started as need be is found by the name that it got.
    """
    async with tr.open_supervisor("shop") as shop:
        handles = [shop.start_soon(keep) for _ in range(2)]

        assert ["shop/keep", "shop/keep-2"] == [handle.name for handle in handles]
        assert handles == [shop.get("keep"), shop.get("keep-2")]


@pytest.mark.parametrize("given", [{"restrat": "never"}, {"period": 5}, {"shutdown": 5}])
def test_sup_start_map_faulty_specs(given: dict[str, object]):
    """
    sup_start_map_faulty_specs, but better: an unknown field is refused, there it is ignored.
    """
    with pytest.raises(TypeError, match="unexpected keyword"):
        tr.Child(keep, **given)


async def test_extra_return():
    """
    extra_return: what a child says when it is ready is in its handle, after start, restart and a failure too.
    """
    numbers = iter(range(9))

    async def web(*, task_status: trio.TaskStatus[int]) -> None:
        task_status.started(next(numbers))
        await trio.sleep(5)
        raise BOOM

    async with tr.open_supervisor("shop") as shop:
        handle = await shop.start(tr.Child(web))
        assert 0 == handle.ready_value
        await shop.restart("web")
        assert 1 == handle.ready_value
        await trio.sleep(6)

        assert 2 == handle.ready_value


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"strategy": "none_for_one"}, "is no Strategy"),
        ({"strategy": 1}, "is no Strategy"),
        ({"budget": 1}, "is a Budget"),
        ({"max_children": -1}, "at least 0"),
        ({"grace": float("nan")}, "at least 0"),
        ({"exit_when": "any"}, "is no ExitWhen"),
        ({"period": 1}, "unexpected keyword"),
    ],
)
def test_sup_flags(given: dict[str, object], text: str):
    """
    sup_flags: rules that are none are refused, and so, unlike there, is an unknown one.
    """
    with pytest.raises((TypeError, ValueError), match=text):
        tr.Supervisor("shop", **given)


@pytest.mark.parametrize("given", [{"restarts": -1}, {"restarts": 1.5}, {"restarts": True}, {"per": 0}, {"per": "5"}])
def test_sup_flags_of_the_budget(given: dict[str, object]):
    """
    sup_flags: so are an intensity and a period that are no number, or out of range.
    """
    with pytest.raises((TypeError, ValueError), match="Budget"):
        tr.Budget(**given)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"name": 3}, "name"),
        ({"name": ""}, "name"),
        ({"restart": "prmanent"}, "is no Restart"),
        ({"restart": "permanent"}, "is no Restart"),
        ({"grace": -1}, "at least 0"),
        ({"grace": "infinity"}, "takes a number"),
        ({"significant": True}, "cannot be significant"),
        ({"after": "db"}, "names of children"),
    ],
)
def test_child_specs(given: dict[str, object], text: str):
    """
    child_specs, child_specs_map: each field that is wrong is refused by its name.
    """
    with pytest.raises((TypeError, ValueError), match=text):
        tr.Child(keep, **given)


def test_child_specs_together():
    """
    child_specs, child_specs_map: so are a name that stands twice, and a significant child where nobody asks.
    """
    with pytest.raises(ValueError, match="two children called 'a'"):
        tr.Supervisor("shop", *kept("a", "a"))
    with pytest.raises(ValueError, match="exit_when='never' does not ask for it"):
        tr.Supervisor("shop", tr.Child(keep, significant=True, restart="on_failure"))


async def test_external_start_no_progress_log():
    """
    external_start_no_progress_log, but better: a start by hand is told like any other.
    """
    log = EventLog()
    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", *kept("a")) as shop:
            await shop.start(tr.Child(keep, name="b"))
            await shop.restart("b")

    assert ["shop/a", "shop/b", "shop/b"] == [event.path for event in log.named("child.ready")]
    assert 1 == len({event.level for event in log.named("child.ready")})


async def test_faulty_application_shutdown():
    """
    faulty_application_shutdown: a failed start deep in the tree reaches who began it, with all between.
    """
    app = tr.Supervisor("app", *kept("a"), tr.Supervisor("below", refuses))

    with pytest.raises(tr.StartFailed) as caught:
        await app.run()

    below = caught.value.__cause__
    assert ("app/below", "app/below/refuses") == (caught.value.path, below.path)
    assert BOOM is below.__cause__
    assert "app/below did not start: StartFailed: app/below/refuses did not start: OSError: boom" == str(caught.value)


async def test_order_of_children():
    """
    order_of_children: they start as listed, and stop the other way round, whatever their names.
    """
    log = EventLog()
    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", *kept("b", "c", "a", "d"), backoff=AT_ONCE):
            pass

    assert [f"child.starting shop/{name}#1" for name in "bcad"] == log.story("child.starting")
    assert [f"child.stopped shop/{name}#1" for name in "dacb"] == log.story("child.stopped")


async def test_scale_start_stop_many_children():
    """
    scale_start_stop_many_children: ten times as many children are as many moves each; none is looked at twice.
    """
    async with tr.open_supervisor("shop") as shop:
        for number in range(2000):
            shop.start_soon(tr.Child(keep, name=str(number)))
        await trio.sleep(1)

        assert 2000 == sum(each.phase == "up" for each in shop.statistics())

    assert (1, 2000) == (trio.current_time(), shop.stop_report.count("cancelled"))


async def test_a_child_that_fails_at_once():
    """
    one_for_one_escalation: a child whose every life fails ends the supervisor, after exactly as many restarts as forgiven.
    """
    with pytest.raises(tr.GaveUp) as caught:
        await tr.Supervisor("shop", *kept("a"), fails, backoff=AT_ONCE, budget=tr.Budget(restarts=4)).run()

    assert (5, (BOOM,)) == (len(caught.value.history), caught.value.exceptions)
