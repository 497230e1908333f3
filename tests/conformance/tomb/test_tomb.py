"""
The cases of gopkg.in/tomb, v1 and v2, by the names they have there; then its defects, the other way round.

Alive, dying and dead are the states of a child: running, asked to stop, and over. Not here: TestKillErrStillAlivePanic, since no
value stands for "still alive" that could be given by mistake; v1's `Done`, since what runs is over when it returns.
"""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trio_run as tr
from tests.jobs import clean_up, fail, nap

ONE, TWO = OSError("one"), ValueError("two")


@pytest.fixture
async def shop():
    """
    A supervisor without children.
    """
    async with tr.open_supervisor("shop") as supervisor:
        yield supervisor


async def listen(log):
    """
    Run until asked to stop.
    """
    await tr.wait_stopping()
    log.append(tr.stopping())


async def test_new_tomb(shop):
    """
    What was started is alive: it has no outcome, and says so.
    """
    handle = shop.start_soon(tr.Child(trio.sleep_forever, name="tomb"))
    await wait_all_tasks_blocked()

    assert (tr.State.RUNNING, False, None) == (handle.state, handle.done, handle.error)
    with pytest.raises(tr.NotDone):
        _ = handle.value


async def test_go(shop):
    """
    While it is alive it may start others; asked to stop, all end, and none of it is an error.
    """
    log = []

    async def both():
        async with tr.open_group() as group:
            group.start_soon(listen, log)
            group.start_soon(listen, log)

    handle = shop.start_soon(tr.Child(both, name="tomb"))
    await wait_all_tasks_blocked()
    await shop.stop("tomb")

    assert ([True, True], tr.State.STOPPED, None) == (log, handle.state, handle.error)


async def test_go_err():
    """
    The error of the inner one is the reason, and a later one is kept beside it.
    """

    async def fail_late():
        try:
            await trio.sleep_forever()
        finally:
            raise TWO

    async def outer():
        group.start_soon(fail, ONE)
        await fail_late()

    with pytest.RaisesGroup(OSError, ValueError):
        async with tr.open_group() as group:
            group.start_soon(outer)

    assert ONE is group.first_error


async def test_go_panic():
    """
    What is over starts nothing, and says so.
    """
    async with tr.open_group() as group:
        group.start_soon(nap, 1)

    with pytest.raises(tr.Closed):
        group.start_soon(nap, 1)


async def test_kill():
    """
    An error after a request to stop is an error; those after it do not take its place.
    """

    async def stop_badly(error):
        await tr.wait_stopping()
        raise error

    shop = tr.Supervisor("shop", tr.Child(stop_badly, ONE, name="one"), tr.Child(stop_badly, TWO, name="two"))
    with pytest.RaisesGroup(ValueError, OSError, flatten_subgroups=True) as caught:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shop.run)
            await wait_all_tasks_blocked()
            shop.request_stop()

    (stopping,) = caught.value.exceptions
    assert (TWO, ONE) == stopping.exceptions  # They are stopped in reverse.


async def test_killf():
    """
    The reason that is given is kept, as it was given first.
    """
    async with tr.open_group() as group:
        handle = group.start_soon(clean_up, 1, [])
        await wait_all_tasks_blocked()
        handle.cancel(f"{'bo' * 2}m")
        handle.cancel("another")
        with pytest.raises(tr.JobCancelled, match="bobom"):
            await handle.wait()

    assert "bobom" == handle.reason


async def test_err_dying(shop):
    """
    To return because of a request to stop is no failure, and to return without one is none of these.
    """
    log = []
    asked = shop.start_soon(tr.Child(listen, log, name="asked"))
    unasked = shop.start_soon(tr.Child(nap, 1, name="unasked", restart="never"))
    await trio.sleep(2)
    await shop.stop("asked")

    assert (tr.State.STOPPED, tr.State.FINISHED) == (asked.state, unasked.state)


async def test_with_context(shop):
    """
    A request to stop cancels each scope that asked for it, and one that is opened later is cancelled from the start.
    """
    log = []

    async def scopes():
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(one)
            await tr.wait_stopping()
        await one()

    async def one():
        with tr.cancel_on_stop():
            await trio.sleep_forever()
        log.append(trio.current_time())

    shop.start_soon(tr.Child(scopes, name="tomb"))
    await trio.sleep(3)
    await shop.stop("tomb")

    assert [3, 3, 3] == log


async def test_context_no_parent(shop):
    """
    A scope of somebody else that is cancelled ends what is in it, and nothing besides.
    """
    other = trio.CancelScope()
    ended = []

    async def work():
        with other:
            await trio.sleep_forever()
        ended.append(trio.current_time())
        await trio.sleep_forever()

    handle = shop.start_soon(tr.Child(work, name="tomb"))
    await trio.sleep(1)
    other.cancel()
    await wait_all_tasks_blocked()

    assert ([1], tr.State.RUNNING) == (ended, handle.state)


class TestDefects:
    async def test_an_outcome_does_not_change_any_more(self):
        """
        What happens after the end changes neither outcome nor reason.
        """
        async with tr.open_group() as group:
            handle = group.start_soon(nap, 1, "value")
            await handle.wait()
            handle.cancel("too late")

        assert ("value", None, tr.State.FINISHED) == (handle.value, handle.reason, handle.state)

    async def test_a_stop_without_anything_started_does_not_hang(self):
        """
        A supervisor without children ends when it is asked to.
        """
        shop = tr.Supervisor("shop")
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            shop.request_stop()

        assert 0 == trio.current_time()

    async def test_the_last_to_end_does_not_end_the_group(self):
        """
        Between two jobs there may be none: the group is open as long as its block.
        """
        async with tr.open_group() as group:
            for _ in range(3):
                await group.start_soon(nap, 1).wait()
                await group.wait_idle()

        assert 3 == group.statistics().done

    async def test_waiting_for_what_never_began(self):
        """
        Who waits for a job that is withdrawn before it began is told.
        """
        async with tr.open_pool(0) as pool:
            handle = pool.start_soon(nap, 1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(told, handle)
                await wait_all_tasks_blocked()
                pool.cancel("closing")

        assert tr.State.CANCELLED is handle.state


async def told(handle):
    with trio.CancelScope(shield=True), pytest.raises(tr.JobCancelled):
        await handle.wait()
