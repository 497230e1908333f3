"""
A supervisor for as long as a block lasts.
"""

import pytest
import trio
import trio.testing

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned, polite, steady

BOOM = OSError("boom")


async def test_the_block_begins_when_all_are_ready_and_ends_when_all_are_gone():
    """
    Entering waits for the start of the children, leaving for their end.
    """
    log = EventLog()
    async with tr.open_supervisor("shop", tr.Child(steady(log, "db", start=2, cleanup=3), name="db")):
        assert 2 == trio.current_time()

    assert 5 == trio.current_time()


async def test_leaving_the_block_gives_grace():
    """
    The end of the block is a request to stop, not a cancellation.
    """
    log = EventLog()
    async with tr.open_supervisor("shop", tr.Child(polite(log, "web", drain=3), name="web")):
        await trio.sleep(1)

    assert [(0, "web starts"), (1, "web drains"), (4, "web ends")] == log.notes


async def test_a_block_that_raises_cancels_in_order():
    """
    As with a nursery the exception leaves in a group, after the children went without grace, in reverse.
    """
    log = EventLog()
    children = [tr.Child(steady(log, name, cleanup=1), name=name) for name in "ab"]

    with pytest.RaisesGroup(ValueError):
        async with tr.open_supervisor("shop", *children):
            raise ValueError

    assert ["b ends", "a ends"] == log.lines[2:]
    assert 2 == trio.current_time()


async def test_a_block_that_is_cancelled_cancels_in_order():
    """
    A cancellation from outside takes the block and then the children, the last started first.
    """
    log = EventLog()
    children = [tr.Child(steady(log, name, cleanup=1), name=name) for name in "ab"]

    with trio.move_on_after(5) as scope:
        async with tr.open_supervisor("shop", *children):
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert ["b ends", "a ends"] == log.lines[2:]


async def test_a_verdict_of_the_supervisor_leaves_the_block_bare():
    """
    When the supervisor gives up the block is cancelled, and GaveUp comes without groups around it.
    """
    log = EventLog()
    web = Planned(log, "web", (1, BOOM))

    with pytest.raises(tr.GaveUp) as caught:
        async with tr.open_supervisor("shop", tr.Child(web), budget=tr.Budget(restarts=0)):
            await trio.sleep_forever()

    assert (BOOM,) == caught.value.exceptions


async def test_a_failed_start_comes_out_of_the_entry():
    """
    The block is never entered when a child given to it does not start.
    """
    entered = False
    with pytest.raises(tr.StartFailed):
        async with tr.open_supervisor("shop", Planned(EventLog(), "web", (1, BOOM), early=frozenset({1}))):
            entered = True

    assert not entered


async def test_both_the_block_and_the_children_may_fail():
    """
    Neither error hides the other.
    """
    log = EventLog()

    async def breaks() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError("late")

    with pytest.RaisesGroup(ValueError, KeyError, flatten_subgroups=True):
        async with tr.open_supervisor("shop", tr.Child(steady(log, "db"), name="db"), breaks):
            raise ValueError


async def test_a_supervisor_asked_to_stop_in_its_block_lets_the_block_go_on():
    """
    The block is not cancelled by a stop it asked for itself.
    """
    log = EventLog()
    async with tr.open_supervisor("shop", tr.Child(steady(log, "db"), name="db")) as shop:
        shop.request_stop("done early")
        await trio.sleep(5)

        assert ["db starts", "db ends"] == log.lines

    assert 5 == trio.current_time()


async def test_the_sinks_of_a_supervisor_are_those_in_use_when_it_is_opened():
    """
    A supervisor reports to the sinks of its opener, those below it too.
    """
    log, later = EventLog(), EventLog()
    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", tr.Supervisor("inner", tr.Child(steady(log, "db"), name="db"))):
            with tr.use_sinks(later):
                await trio.sleep(1)

    assert [] == later.events
    assert ["child.ready shop/inner/db#1", "child.ready shop/inner#1"] == log.story("child.ready")


async def test_in_a_child_that_is_stopped_the_children_drain_and_the_block_ends():
    """
    A block that does not listen is cancelled once the children of its supervisor are gone, well within its grace.
    """
    log = EventLog()

    async def hosts() -> None:
        try:
            async with tr.open_supervisor("files", tr.Child(polite(log, "file", drain=2), name="file")):
                await trio.sleep_forever()
        finally:
            log.note("block ends")

    with tr.use_sinks(log):
        async with tr.open_supervisor("app", tr.Child(hosts, grace=9)):
            await trio.sleep(1)

    assert [(0, "file starts"), (1, "file drains"), (3, "file ends"), (3, "block ends")] == log.notes
    assert ["drained"] == [event.how for event in log.named("child.stopped", "app/hosts")]


async def test_a_block_that_listens_ends_in_its_own_time():
    """
    What a child does after it heard of the stop is not cut short by the end of its supervisor.
    """
    log = EventLog()

    async def hosts() -> None:
        async with tr.open_supervisor("files"):
            await tr.wait_stopping()
            await trio.sleep(3)
            log.note("flushed")

    with tr.use_sinks(log):
        async with tr.open_supervisor("app", hosts):
            await trio.sleep(1)

    assert ["flushed"] == log.lines
    assert 4 == trio.current_time()


async def test_a_stop_that_comes_while_it_boots_cancels_the_block():
    """
    What is asked to stop before it is ready is taken down, and the block ends at its first checkpoint.
    """
    log = EventLog()

    async def hosts() -> None:
        async with tr.open_supervisor("files", tr.Child(polite_start, name="file")):
            log.note("block begins")
            await trio.sleep_forever()

    async def polite_start(*, task_status: trio.TaskStatus[None]) -> None:
        await tr.wait_stopping()
        log.note("file returns")

    with tr.use_sinks(log):
        async with tr.open_supervisor("app", tr.Child(hosts, grace=9)):
            await trio.sleep(1)

    assert [(0, "file returns"), (0, "block begins")] == log.notes
    assert 1 == trio.current_time()
    assert [] == log.named("child.failed") + log.named("child.lost") + log.named("child.overdue")


async def test_what_is_started_between_a_cancellation_and_the_next_checkpoint_is_cancelled_too():
    """
    As in a nursery that was cancelled from outside, start_soon does not raise in place of the Cancelled that is to come.
    """
    begun = []

    async def job() -> None:
        begun.append("job")

    with trio.CancelScope() as outer:
        async with tr.open_supervisor("shop") as shop:
            outer.cancel()
            with trio.CancelScope(shield=True):
                await trio.testing.wait_all_tasks_blocked()
            handle = shop.start_soon(job)

            assert (tr.State.CANCELLED, []) == (handle.state, begun)

            with pytest.raises(tr.JobCancelled, match="cancelled from outside"):
                _ = handle.value
            await trio.sleep(1)

    assert outer.cancelled_caught


async def test_a_stop_cut_short_is_nobodys_fault():
    """
    A child that had grace left when all was cancelled is not reported as overdue.
    """
    log = EventLog()
    with tr.use_sinks(log), trio.move_on_after(2):
        async with tr.open_supervisor("shop", tr.Child(polite(log, "web", drain=9), name="web", grace=20)):
            await trio.sleep(1)

    assert (2, "web ends") == log.notes[-1]
    assert [] == log.named("child.overdue")
