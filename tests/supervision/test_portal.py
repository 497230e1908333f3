"""
The calls of a supervisor from other threads.

Threads take real time, but nothing here waits for time to pass: each wait ends with an event of the loop or of a thread.
"""

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned

BOOM = OSError("boom")

pytestmark = pytest.mark.real


async def keep(*, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
    """
    Be ready, and run until cancelled.
    """
    task_status.started("ready")
    await trio.sleep_forever()


class Outsider:
    """
    A thread that trio did not start, and what came of its call.
    """

    def __init__(self, call: Callable[..., object], *args: object) -> None:
        self.answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._main, args=(call, args), daemon=True)
        self.thread.start()

    def _main(self, call: Callable[..., object], args: tuple[object, ...]) -> None:
        try:
            self.answers.put(call(*args))
        except BaseException as exc:  # noqa: BLE001 - it is the answer
            self.answers.put(exc)

    def answer(self) -> Any:
        """
        Wait for the end of the thread, and return what it got.
        """
        self.thread.join(10)
        assert not self.thread.is_alive(), "the call hangs"
        return self.answers.get_nowait()


async def from_outside(call: Callable[..., object], *args: object) -> Any:
    """
    Make a call in a thread that trio did not start, and return its answer.
    """
    return await trio.to_thread.run_sync(Outsider(call, *args).answer)


async def from_worker(call: Callable[..., object], *args: object) -> Any:
    """
    Make a call in a thread of trio's, and return its answer.
    """

    def work() -> object:
        try:
            return call(*args)
        except Exception as exc:  # noqa: BLE001 - it is the answer
            return exc

    return await trio.to_thread.run_sync(work)


THREADS = pytest.mark.parametrize("ask", [from_outside, from_worker])


@THREADS
async def test_every_call(ask):
    """
    A thread gets what the call of the same name returns.
    """
    async with tr.open_supervisor("shop", tr.Child(keep, name="db")) as shop:
        portal = shop.from_thread
        handle = await ask(portal.start, tr.Child(keep, name="web"))

        assert ("shop/web", "ready") == (handle.name, handle.ready_value)
        assert "ready" == await ask(portal.start, keep)
        assert ["db", "web", "keep"] == [child.name for child in (await ask(portal.snapshot)).children]
        assert handle is await ask(portal.restart, "web")
        assert handle is await ask(portal.wait_ready, "web")
        assert handle is await ask(portal.replace, "web", keep)
        assert ("cancelled", 3) == ((left := await ask(portal.stop, "web")).how, left.life)
        assert left == await ask(portal.wait_exit, "web")
        assert "shop/web" == (await ask(portal.remove, "web")).path
        assert ("db",) == (await ask(portal.reconfigure, [tr.Child(keep, name="other")])).stopped

        await ask(portal.request_stop, "a thread said so")

        assert "a thread said so" == (await ask(portal.wait_stopped)).reason

    assert "stopped" == (await ask(portal.snapshot)).phase


@THREADS
async def test_errors_come_through(ask):
    """
    What the call raises is raised in the thread.
    """
    log = EventLog()
    with tr.use_sinks(log):
        async with tr.open_supervisor("shop") as shop:
            assert isinstance(await ask(shop.from_thread.stop, "web"), tr.ChildNotFound)

            failed = await ask(shop.from_thread.start, tr.Child(Planned(log, "web", (0, BOOM), early=frozenset({1}))))

            assert (tr.StartFailed, BOOM) == (type(failed), failed.__cause__)

            shop.request_stop()

            assert isinstance(await ask(shop.from_thread.start, keep), tr.SupervisorNotRunning)


@THREADS
async def test_no_run(ask):
    """
    Before the run and after it the answer is an error that says which.
    """
    shop = tr.Supervisor("shop")

    assert tr.SupervisorNotRunning is type(await ask(shop.from_thread.start, keep))

    async with trio.open_nursery() as nursery:
        await nursery.start(shop.run)
        shop.request_stop()

    for call in ("start", "stop", "restart"):
        assert tr.SupervisorStopped is type(await ask(getattr(shop.from_thread, call), "web"))


async def test_in_the_thread_of_a_run():
    """
    Where trio runs, nobody could answer a call that blocks.
    """
    async with tr.open_supervisor("shop") as shop:
        with pytest.raises(RuntimeError, match="shop: from_thread is for other threads, and trio runs in this one"):
            shop.from_thread.stop("web")

        async def other_run() -> None:
            shop.from_thread.stop("web")

        answer = await from_outside(lambda: trio.run(other_run, clock=None))

        assert RuntimeError is type(answer)


async def test_a_child_that_waits_for_a_thread_that_would_stop_it():
    """
    It is found that the child waits for the thread, and so for itself.
    """
    answers = []

    async def child() -> None:
        answers.append(await from_worker(shop.from_thread.stop, "child"))

    async with tr.open_supervisor("shop") as shop:
        shop.start_soon(tr.Child(child, restart="on_failure"))
        await shop.wait_exit("child")

    assert [tr.WouldDeadlock] == [type(each) for each in answers]


async def test_a_child_that_waits_for_a_thread_that_starts_another():
    """
    When the supervisor stops, the call ends, and with it the thread and the child that waits for it.
    """
    answers = []
    begun = trio.Event()

    async def slow(*, task_status: trio.TaskStatus[None]) -> None:
        begun.set()
        await trio.sleep_forever()

    async def child() -> None:
        answers.append(await from_worker(shop.from_thread.start, tr.Child(slow)))

    async with tr.open_supervisor("shop") as shop:
        shop.start_soon(tr.Child(child))
        await begun.wait()

    assert [tr.SupervisorStopping] == [type(each) for each in answers]


def test_the_run_ends_meanwhile():
    """
    A thread whose call is under way when the run is over gets an error, and does not hang.
    """
    asked = []

    async def never_ready(*, task_status: trio.TaskStatus[None]) -> None:
        asked.append(Outsider(shop.from_thread.wait_stopped))
        shop_stops.set()
        await trio.sleep_forever()

    async def main() -> None:
        nonlocal shop_stops
        shop_stops = trio.Event()
        with trio.move_on_after(60) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(shop.run)
                await trio.testing.wait_all_tasks_blocked()
                asked.append(Outsider(shop.from_thread.start, tr.Child(never_ready)))
                await shop_stops.wait()
                scope.cancel()

    shop_stops: trio.Event
    shop = tr.Supervisor("shop")
    trio.run(main)

    assert [tr.SupervisorStopping, tr.StopReport] == [type(each.answer()) for each in asked]


def test_the_run_is_over_before_the_call():
    """
    A call that finds the run just gone is refused like one after it.
    """
    shop = tr.Supervisor("shop")

    async def main() -> trio.lowlevel.TrioToken:
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            shop.request_stop()
        return trio.lowlevel.current_trio_token()

    token = trio.run(main)

    class Late:
        """
        The supervisor as a thread has seen it a moment ago.
        """

        path = "shop"
        token: trio.lowlevel.TrioToken

        async def stop(self, name: str) -> None:
            raise AssertionError(name)

    late = Late()
    late.token = token

    with pytest.raises(tr.SupervisorStopped, match="shop has stopped"):
        tr.FromThread(late).stop("web")
