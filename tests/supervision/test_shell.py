"""
The laws of the shell, the host and the fence: what would make a supervisor hang.
"""

import gc
import signal
import weakref
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import trio_run as tr
from tests.supervision.scripts import EventLog, polite, steady
from trio_run.supervision._judge import Judge
from trio_run.supervision._shell import Shell
from trio_run.supervision._sleeper import Sleeper


@pytest.mark.parametrize("exc", [ValueError(), SystemExit(3), GeneratorExit(), BaseException("odd")])
async def test_every_exit_is_reported_whatever_ended_the_child(exc: BaseException):
    """
    No exception of any kind leaves the core waiting for a child that is gone.
    """

    async def quits() -> None:
        raise exc

    shop = tr.Supervisor("shop", tr.Child(steady(EventLog(), "db"), name="db"), quits, budget=tr.Budget(restarts=0))

    with pytest.RaisesGroup(type(exc), flatten_subgroups=True):
        await shop.run()


async def test_every_shield_is_lifted_in_a_finally(monkeypatch: pytest.MonkeyPatch):
    """
    With a bug in the core the children are cancelled by the nursery, and nothing hangs behind the fence.
    """
    log = EventLog()

    def broken(judge: Judge, *_args: object) -> None:
        raise ZeroDivisionError

    async def fails() -> None:
        await trio.sleep(1)
        raise ValueError

    monkeypatch.setattr(Judge, "exited", broken)
    shop = tr.Supervisor("shop", tr.Child(steady(log, "db", cleanup=2), name="db"), fails)

    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        await shop.run()

    assert (3, "db ends") == log.notes[-1]


async def test_an_error_in_the_control_loop_ends_the_supervisor_at_once(monkeypatch: pytest.MonkeyPatch):
    """
    The run does not go on with a shell that no longer listens; those that would drain are cancelled.
    """
    log = EventLog()

    def broken(shell: Shell, *_args: object) -> None:
        raise ZeroDivisionError

    shop = tr.Supervisor("shop", tr.Child(polite(log, "db", drain=100), name="db"))
    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            monkeypatch.setattr(Shell, "_perform", broken)
            shop.request_stop()

    assert [(0, "db starts"), (0, "db ends")] == log.notes


async def test_an_error_in_a_move_that_was_ordered_ends_the_supervisor_at_once(monkeypatch: pytest.MonkeyPatch):
    """
    Whoever gives an order that the shell cannot carry out does not get its error: the run ends with it.
    """
    log = EventLog()

    def broken(shell: Shell, *_args: object) -> None:
        raise ZeroDivisionError

    shop = tr.Supervisor("shop", tr.Child(polite(log, "db", drain=100), name="db"))
    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            await trio.testing.wait_all_tasks_blocked()
            monkeypatch.setattr(Shell, "_perform", broken)
            handle = shop.start_soon(trio.sleep_forever)

    assert [(0, "db starts"), (0, "db ends")] == log.notes
    assert tr.State.STOPPED is handle.state


async def test_an_order_takes_no_turn_of_the_loop(monkeypatch: pytest.MonkeyPatch):
    """
    A child is started by whoever asks for it, and nobody waits for another task.
    """
    turns: list[None] = []
    turn = Shell._turn

    def counted(shell: Shell) -> bool:
        turns.append(None)
        return turn(shell)

    async with tr.open_supervisor("shop") as shop:
        monkeypatch.setattr(Shell, "_turn", counted)
        await shop.start(tr.Child(trio.sleep_forever, name="db"))
        shop.start_soon(trio.sleep_forever)
        assert [] == turns


@pytest.mark.everywhere_allow("who is cancelled does not sleep", raises=AssertionError)
async def test_a_wake_while_nobody_sleeps_ends_the_next_sleep():
    """
    Nothing that happens while the loop is at work is overslept; what it was woken for before is not kept.
    """
    sleeper, woken = Sleeper(), []

    async def sleep_twice() -> None:
        for each in ("first", "second"):
            await sleeper.sleep()
            woken.append(each)

    async with trio.open_nursery() as nursery:
        sleeper.wake()
        nursery.start_soon(sleep_twice)
        await trio.testing.wait_all_tasks_blocked()
        assert (["first"], True) == (woken, sleeper.asleep)
        sleeper.wake()
        sleeper.wake()

    assert (["first", "second"], False) == (woken, sleeper.asleep)


@pytest.mark.parametrize("name", ["child.starting", "child.ready", "child.finished", "child.removed"])
async def test_a_sink_may_give_orders(name: str):
    """
    What is asked for while an event is told is carried out, though the loop is awake then.
    """
    began: list[float] = []

    async def heir() -> None:
        began.append(trio.current_time())

    async def dies() -> None:
        await trio.sleep(1)

    def inherits(event: tr.events.Event) -> None:
        if event.name == name and event.path == "shop/dies":
            shop.start_soon(heir)

    first = trio.current_time()
    with tr.use_sinks(inherits):
        async with tr.open_supervisor("shop") as shop:
            shop.start_soon(dies)
            await trio.sleep(5)

    assert [0 if name in {"child.starting", "child.ready"} else 1] == [when - first for when in began]


async def test_a_crash_takes_one_turn_of_the_loop(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch):
    """
    The loop brings the child back, and is not woken again because it is ready: nobody waits for that.
    """
    turns: list[float] = []
    turn = Shell._turn

    def counted(shell: Shell) -> bool:
        turns.append(trio.current_time())
        return turn(shell)

    async def crashes() -> None:
        await trio.sleep(1)
        raise ValueError

    async with tr.open_supervisor("shop", tr.Child(crashes, name="db"), backoff=tr.Backoff(first=0)):
        await trio.sleep(0.5)
        monkeypatch.setattr(Shell, "_turn", counted)
        begin = trio.current_time()
        await trio.sleep(3)
        assert [0.5, 1.5, 2.5] == [when - begin for when in turns]


@pytest.mark.parametrize("rules", [{"beat": 2}, {"max_age": tr.MaxAge(2, jitter=0)}])
async def test_a_child_that_is_ready_again_is_looked_after(autojump_clock: MockClock, rules: dict[str, Any]):
    """
    The loop hears of its readiness where something follows from it, however it slept.
    """
    began: list[float] = []

    async def silent(*, task_status: trio.TaskStatus[None]) -> None:
        began.append(trio.current_time())
        await trio.sleep(1)
        task_status.started()
        await trio.sleep_forever()

    first = trio.current_time()
    async with tr.open_supervisor("shop", tr.Child(silent, name="db", **rules), backoff=tr.Backoff(first=0)):
        await trio.sleep(7.5)

    assert [0, 3, 6] == [round(when - first, 6) for when in began]


@pytest.mark.no_explore("it looks at what is alive, and a run that is watched keeps more")
@pytest.mark.no_cancel_everywhere("as above")
async def test_a_child_that_is_up_keeps_nothing_of_its_past():
    """
    What a life raised is gone when the next one is ready, without the help of the garbage collector.
    """

    class Boom(Exception):
        def __init__(self) -> None:
            errors.append(weakref.ref(self))

    errors: list[weakref.ref[Boom]] = []
    again = trio.Event()

    async def crashes() -> None:
        if errors:
            again.set()
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        raise Boom

    gc.disable()
    try:
        with tr.use_sinks(lambda _event: None):  # What logs an error may keep it.
            async with tr.open_supervisor("shop", tr.Child(crashes, name="db")):
                await again.wait()
                await trio.testing.wait_all_tasks_blocked()

                assert [None] == [error() for error in errors]
    finally:
        gc.enable()


async def test_a_late_word_of_a_task_that_outlived_its_life_is_ignored():
    """
    A task in a nursery elsewhere may still listen for the stop of a life that is over.
    """
    log = EventLog()
    async with trio.open_nursery() as elsewhere:
        go = trio.Event()

        async def lingers() -> None:
            await go.wait()
            assert not tr.stopping()

        async def leaves() -> None:
            elsewhere.start_soon(lingers)

        with tr.use_sinks(log):
            async with tr.open_supervisor("shop") as shop:
                await shop.start_soon(leaves).wait()
                go.set()
                await trio.sleep(1)

    assert ["child.finished shop/leaves#1"] == log.story("child.finished", "child.failed", "child.lost")


def test_ctrl_c_stops_in_order_and_leaves():
    """
    A KeyboardInterrupt that arrives in the control loop takes the children down one by one, without grace.
    """
    log = EventLog()

    async def interrupts() -> None:
        await trio.sleep(1)
        signal.raise_signal(signal.SIGINT)

    shop = tr.Supervisor(
        "shop",
        tr.Child(steady(log, "db", cleanup=1), name="db"),
        tr.Child(polite(log, "web", drain=9), name="web"),
        tr.Child(interrupts, restart="never"),
    )

    async def main() -> None:
        with tr.use_sinks(log):
            await shop.run()

    with pytest.RaisesGroup(KeyboardInterrupt, flatten_subgroups=True):
        trio.run(main, clock=MockClock(autojump_threshold=0))

    assert [(1, "web ends"), (2, "db ends")] == log.notes[2:]


async def test_every_event_names_a_cause_that_came_before():
    """
    The story of a restart can be read backwards, from the new life to the failure.
    """
    log = EventLog()
    lives = []

    async def web(*, task_status: trio.TaskStatus[None]) -> None:
        lives.append(None)
        task_status.started()
        if len(lives) < 2:
            raise OSError("boom")
        await trio.sleep_forever()

    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", web, tr.Child(steady(log, "tail"), name="tail"), strategy="rest_for_one"):
            await trio.sleep(1)

    by_seq = {event.seq: event for event in log.events}
    assert all(event.cause < event.seq for event in log.events)
    chain = [next(event for event in log.events if event.name == "child.ready" and event.life == 2)]
    while chain[-1].cause:
        chain.append(by_seq[chain[-1].cause])
    assert [
        "child.ready",
        "child.starting",
        "supervisor.group_restarting",
        "child.restart_scheduled",
        "child.failed",
    ] == [event.name for event in chain]


async def test_every_life_is_in_the_log_from_start_to_end():
    """
    Each start, readiness, failure, restart and stop is an event, with path and life.
    """
    log = EventLog()

    async def web() -> None:
        await trio.sleep(1)
        if not log.named("child.failed"):
            raise OSError("boom")
        await trio.sleep_forever()

    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", web):
            await trio.sleep(3)

    assert [
        "supervisor.starting shop#1",
        "child.starting shop/web#1",
        "child.ready shop/web#1",
        "supervisor.ready shop#1",
        "child.failed shop/web#1",
        "child.restart_scheduled shop/web#1",
        "child.starting shop/web#2",
        "child.ready shop/web#2",
        "supervisor.stopping shop#1",
        "child.stopping shop/web#2",
        "child.stopped shop/web#2",
        "supervisor.stopped shop#1",
    ] == [f"{event.name} {event.path}#{event.life}" for event in log.events]


async def test_an_error_that_cannot_be_told_harms_nobody():
    """
    An exception whose text raises is counted and passed on like any other.
    """

    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    async def fails() -> None:
        raise UnspeakableError

    with pytest.raises(tr.GaveUp) as caught:
        await tr.Supervisor("shop", fails, budget=tr.Budget(restarts=1)).run()

    assert "fails#1: UnspeakableError: (its text cannot be had)" in caught.value.history[0]


async def test_a_constructor_that_raises_is_a_failed_start():
    """
    A class without task_status is ready once its object is made, and not before.
    """

    class Broken:
        def __init__(self) -> None:
            raise OSError("no disk")

        async def run(self) -> None:
            await trio.sleep_forever()

    with pytest.raises(tr.StartFailed, match="shop/Broken did not start: OSError: no disk"):
        await tr.Supervisor("shop", Broken).run()


async def test_a_supervisor_below_names_the_event_that_started_it():
    """
    The story can be read backwards across levels of the tree.
    """
    log = EventLog()
    with tr.use_sinks(log):
        async with tr.open_supervisor("outer", tr.Supervisor("inner")):
            pass

    (started,) = log.named("child.starting", "outer/inner")
    (inner,) = log.named("supervisor.starting", "outer/inner")
    assert started.seq == inner.cause
