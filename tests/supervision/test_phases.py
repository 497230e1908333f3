"""
Every call in every phase of a supervisor's life: it returns or raises, and never hangs.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, polite, steady
from trio_run.testing import cancel_everywhere

pytestmark = pytest.mark.everywhere_allow("children fail on purpose", raises=OSError)

OK = None


def db() -> tr.Child:
    """
    A child that takes its time, up and down.
    """
    return tr.Child(steady(EventLog(), "db", start=2, cleanup=2), name="db", grace=1)


async def fails() -> None:
    """
    Fail once there is something to stop.
    """
    await trio.sleep(1)
    raise OSError("boom")


@contextlib.asynccontextmanager
async def brought_to(phase: str) -> AsyncGenerator[tr.Supervisor]:
    """
    A supervisor in some phase of its life, that is ended behind it.
    """
    shop = tr.Supervisor(
        "shop", db(), *([tr.Child(fails)] if phase in {"giving up", "failed"} else []), budget=tr.Budget(restarts=0)
    )

    async def run() -> None:
        try:
            await shop.run()
        except* OSError:
            pass

    async with trio.open_nursery() as nursery:
        if phase != "not begun":
            nursery.start_soon(run)
            await trio.sleep({"starting": 1, "giving up": 4, "failed": 9}.get(phase, 3))
        if phase in {"stopping", "stopped"}:
            shop.request_stop()
        if phase == "cancelled":
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
                yield shop
            return
        if phase == "stopped":
            await shop.wait_stopped()
        yield shop
        nursery.cancel_scope.cancel()


async def sync(call: Callable[..., object], *args: object) -> None:
    """
    Make a call that does not wait.
    """
    await trio.lowlevel.checkpoint()
    call(*args)


CALLS: dict[str, Callable[[tr.Supervisor], Awaitable[object]]] = {
    "start": lambda shop: shop.start(tr.Child(trio.sleep_forever, name="new")),
    "start a function": lambda shop: shop.start(trio.sleep_forever),
    "start_soon": lambda shop: sync(shop.start_soon, trio.sleep_forever),
    "stop": lambda shop: shop.stop("db"),
    "remove": lambda shop: shop.remove("db"),
    "restart": lambda shop: shop.restart("db"),
    "replace": lambda shop: shop.replace("db", trio.sleep_forever),
    "reconfigure": lambda shop: shop.reconfigure([tr.Child(trio.sleep_forever, name="new")]),
    "wait_ready": lambda shop: shop.wait_ready("db"),
    "get": lambda shop: sync(shop.get, "db"),
    "request_stop": lambda shop: sync(shop.request_stop),
    "snapshot": lambda shop: sync(shop.snapshot),
    "statistics": lambda shop: sync(shop.statistics),
    "children": lambda shop: sync(lambda: shop.children),
}

REFUSALS = {
    "not begun": tr.SupervisorNotRunning,
    "starting": OK,
    "up": OK,
    "stopping": tr.SupervisorStopping,
    "giving up": tr.SupervisorStopping,
    "cancelled": tr.SupervisorStopping,
    "stopped": tr.SupervisorStopped,
    "failed": tr.SupervisorStopped,
}

LOOKS = {"snapshot", "statistics", "children"}
"""Calls that only look, and may always do so."""

LATE = {"get", "request_stop"}
"""Calls that a supervisor takes as long as it runs, also while it stops."""


def expected(call: str, phase: str) -> type[BaseException] | None:
    """
    What a call has to raise in a phase.
    """
    if call in LOOKS or (call in LATE and REFUSALS[phase] is tr.SupervisorStopping):
        return OK
    if call == "start_soon" and phase == "cancelled":
        return OK  # As in a nursery: the handle is there, and cancelled.
    return REFUSALS[phase]


@pytest.mark.parametrize("phase", REFUSALS)
@pytest.mark.parametrize("call", CALLS)
async def test_every_call_in_every_phase(call: str, phase: str):
    """
    Each returns, or raises the one error that says why it cannot be carried out, within the time that the children need.
    """
    outcome: type[BaseException] | None = OK
    async with brought_to(phase) as shop:
        with trio.fail_after(10):
            try:
                await CALLS[call](shop)
            except tr.TrioRunError as exc:
                outcome = type(exc)

    assert expected(call, phase) is outcome


@pytest.mark.parametrize("phase", REFUSALS)
@pytest.mark.parametrize("what", ["wait_exit", "wait_stopped"])
async def test_waits_in_every_phase(what: str, phase: str):
    """
    Who waits for an end gets it when it comes; where it was, or was never to be, they are told at once.
    """
    outcome = "waits"
    async with brought_to(phase) as shop:
        waits = {"wait_exit": lambda: shop.wait_exit("db"), "wait_stopped": shop.wait_stopped}
        with trio.move_on_after(5):
            try:
                await waits[what]()
                outcome = "returned"
            except tr.SupervisorNotRunning as exc:
                outcome = type(exc).__name__

    refused = "SupervisorStopped" if what == "wait_exit" else "returned"
    assert {
        "not begun": "SupervisorNotRunning",
        "starting": "waits",
        "up": "waits",
        "stopping": "returned",
        "giving up": "returned",
        "cancelled": "returned",
        "stopped": refused,
        "failed": refused,
    }[phase] == outcome


@pytest.mark.parametrize("verb", ["start", "restart", "replace", "reconfigure", "wait_ready"])
@pytest.mark.parametrize("cut", ["asked", "cancelled", "gave up"])
@pytest.mark.everywhere_allow("it may have ended before the call", raises=tr.SupervisorStopped)
async def test_a_call_that_is_under_way_when_it_ends(verb: str, cut: str):
    """
    A call that waits for a child to come up is told when the supervisor goes down first, however that comes about.
    """
    outcomes: list[str] = []
    log = EventLog()
    slow = tr.Child(steady(log, "slow", start=50), name="slow")
    shop = tr.Supervisor("shop", tr.Child(polite(log, "slow"), name="slow"), budget=tr.Budget(restarts=0))
    calls = {
        "start": lambda: shop.start(tr.Child(steady(log, "new", start=50), name="new")),
        "replace": lambda: shop.replace("slow", slow),
        "reconfigure": lambda: shop.reconfigure([slow]),
        "restart": lambda: shop.restart("slow"),
        "wait_ready": lambda: shop.wait_ready("slow"),
    }

    async def ask() -> None:
        try:
            await calls[verb]()
        except tr.TrioRunError as exc:
            outcomes.append(type(exc).__name__)

    async def run() -> None:
        with trio.CancelScope() as scope, contextlib.suppress(tr.GaveUp):
            scopes.append(scope)
            await shop.run()

    scopes: list[trio.CancelScope] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await trio.sleep(1)
        if verb in {"restart", "wait_ready"}:
            nursery.start_soon(swallow, shop.replace, "slow", slow)
            await trio.sleep(1)
        nursery.start_soon(ask)
        await trio.sleep(1)
        if cut == "asked":
            shop.request_stop()
        elif cut == "cancelled":
            scopes[0].cancel()
        else:
            await shop.start(tr.Child(fails, restart="always"))

    assert ["SupervisorStopping"] == outcomes


async def swallow(call: Callable[..., Awaitable[object]], *args: object) -> None:
    """
    Make a call whose refusal is none of our business.
    """
    with contextlib.suppress(tr.TrioRunError):
        await call(*args)


@pytest.mark.parametrize("call", ["start", "stop", "remove", "restart", "replace", "reconfigure", "wait_ready"])
def test_cancelled_at_every_point(call: str):
    """
    Wherever a call is cancelled, what it ordered is done all the same, and nothing is left.
    """

    async def run() -> None:
        async with tr.open_supervisor("shop", tr.Child(trio.sleep_forever, name="db")) as shop:
            await CALLS[call](shop)
            settled = [each.phase in {"up", "down"} for each in shop.statistics()]
            assert all(settled)

    assert 3 < len(cancel_everywhere(run).points)


@pytest.mark.parametrize("wait", ["wait_exit", "wait_stopped"])
def test_waits_cancelled_at_every_point(wait: str):
    """
    Wherever a wait for an end is cancelled, it changes nothing.
    """

    async def run() -> None:
        async with tr.open_supervisor("shop", tr.Child(trio.sleep, 1, name="db", restart="on_failure")) as shop:
            await shop.wait_exit("db")
            if wait == "wait_stopped":
                shop.request_stop()

                assert ["shop/db"] == [each.path for each in (await shop.wait_stopped()).children]

    assert 3 < len(cancel_everywhere(run).points)
