"""
The handle keeps one outcome, and wakes who waits for it.
"""

import contextlib
import gc
import weakref

import pytest
import trio
from trio.testing import assert_checkpoints

import trio_run as tr
from trio_run._handle import (
    State,
    is_started,
    make_handle,
    note_ready,
    note_running,
    note_waiting,
    settle,
    wait_until,
)

OVER = [State.FINISHED, State.FAILED, State.CANCELLED, State.STOPPED]


@pytest.fixture
def reasons():
    """
    What the owner of the handle was asked to cancel it for.
    """
    return []


@pytest.fixture
def handle(reasons):
    """
    The handle of something that was not begun.
    """
    return make_handle("shop/db", reasons.append)


def outcome(state, error):
    """
    The arguments that go with a state.
    """
    return {State.FINISHED: {"value": 42}, State.FAILED: {"error": error}}.get(state, {})


class TestState:
    def test_vocabulary(self):
        """
        The states are part of the interface.
        """
        assert ["waiting", "running", "finished", "failed", "cancelled", "stopped"] == [each.value for each in State]

    @pytest.mark.parametrize("state", State)
    def test_done(self, state, handle):
        """
        Four of the states are final.
        """
        handle.state = state

        assert (state in OVER) == handle.done


class TestRepr:
    def test_repr(self, handle):
        """
        It says who, and what became of it.
        """
        note_running(handle)

        assert "<Handle shop/db running>" == repr(handle)


class TestSettle:
    @pytest.mark.parametrize("first", OVER)
    @pytest.mark.parametrize("second", OVER)
    def test_an_outcome_is_set_once(self, handle, first, second):
        """
        Setting it again is a mistake of the owner, and changes nothing.
        """
        settle(handle, first, **outcome(first, OSError()))
        with pytest.raises(tr.InternalError) as caught:
            settle(handle, second, value=7)

        assert f"The outcome of <Handle shop/db {first.value}> was to be set again, to {second.value}." == str(
            caught.value
        )
        assert first is handle.state

    @pytest.mark.parametrize("state", OVER)
    def test_a_value_or_an_error_but_never_both(self, handle, state):
        """
        What finished has a value and no error; all the others have no value.
        """
        error = OSError("no route")
        settle(handle, state, **outcome(state, error))

        if state is State.FINISHED:
            assert (42, None) == (handle.value, handle.error)
        else:
            with pytest.raises((OSError, tr.JobCancelled)):
                _ = handle.value
            assert (error if state is State.FAILED else None) is handle.error

    def test_stopped_with_an_error(self, handle):
        """
        What failed while it was stopped says so.
        """
        error = OSError("no route")
        settle(handle, State.STOPPED, error=error)

        with pytest.raises(OSError) as caught:
            _ = handle.value
        assert error is caught.value


class TestValue:
    @pytest.mark.parametrize("value", [None, 0, [], OSError("a value that looks like an error")], ids=repr)
    def test_any_value(self, handle, value):
        """
        Whatever was returned is the value, also if it looks like none.
        """
        settle(handle, State.FINISHED, value=value)

        assert value is handle.value

    @pytest.mark.parametrize(("note", "state"), [(note_waiting, "waiting"), (note_running, "running")])
    def test_not_done(self, handle, note, state):
        """
        There is no value before the end, and the error says where it stands.
        """
        note(handle)
        with pytest.raises(tr.NotDone) as caught:
            _ = handle.value

        assert ("shop/db", state) == (caught.value.name, caught.value.state)

    def test_failed(self, handle):
        """
        The very error is raised, each time that somebody asks.
        """
        error = OSError("no route")
        settle(handle, State.FAILED, error=error)
        for _ in range(2):
            with pytest.raises(OSError) as caught:
                _ = handle.value

            assert error is caught.value

    def test_cancelled(self, handle):
        """
        What was cancelled has no value, but a reason.
        """
        handle.cancel("too slow")
        settle(handle, State.CANCELLED)
        with pytest.raises(tr.JobCancelled) as caught:
            _ = handle.value

        assert ("shop/db", "too slow") == (caught.value.name, caught.value.reason)


class TestCancel:
    def test_owner_is_told(self, handle, reasons):
        """
        The owner gets the reason; the state is for the owner to change.
        """
        handle.cancel("too slow")
        handle.cancel()

        assert ["too slow", None] == reasons
        assert State.WAITING is handle.state

    def test_the_first_reason_counts(self, handle):
        """
        As with a cancel scope, a second call does not change why.
        """
        handle.cancel("too slow")
        handle.cancel("nobody waits any more")
        settle(handle, State.CANCELLED)

        assert "too slow" == reason_of(handle)

    @pytest.mark.parametrize(("asked", "told"), [(None, "the group failed"), ("too slow", "too slow")])
    def test_reason_of_the_owner(self, handle, asked, told):
        """
        Where nobody gave a reason by the handle, the owner knows one.
        """
        if asked is not None:
            handle.cancel(asked)
        settle(handle, State.CANCELLED, reason="the group failed")

        assert told == reason_of(handle)

    def test_nothing_is_kept_alive(self):
        """
        Once it is over, a handle holds nothing but the outcome.
        """

        class Owner:
            def cancel(self, _reason):
                pytest.fail("it is over")

        owner = Owner()
        seen, handle = weakref.ref(owner), make_handle("f", owner.cancel)
        settle(handle, State.FINISHED)
        del owner
        gc.collect()

        assert seen() is None

    @pytest.mark.parametrize("state", OVER)
    def test_too_late(self, handle, reasons, state):
        """
        What is over cannot be cancelled, and has no reason from later.
        """
        settle(handle, state, **outcome(state, OSError()))
        handle.cancel("too late")

        assert [] == reasons
        assert state is handle.state
        if state in {State.CANCELLED, State.STOPPED}:
            assert reason_of(handle) is None

    def test_another_life(self, handle):
        """
        The reason goes with the life that it ended.
        """
        note_running(handle)
        handle.cancel("hangs")
        note_waiting(handle)
        note_running(handle)
        settle(handle, State.STOPPED)

        assert reason_of(handle) is None


def reason_of(handle):
    """
    Why a handle has no value.
    """
    with pytest.raises(tr.JobCancelled) as caught:
        _ = handle.value
    return caught.value.reason


class TestWait:
    @pytest.mark.parametrize("state", OVER)
    async def test_waiting_is_always_a_checkpoint(self, handle, state):
        """
        Also where the outcome is there, and whatever it is.
        """
        settle(handle, state, **outcome(state, OSError()))
        with assert_checkpoints():
            with contextlib.suppress(OSError, tr.JobCancelled):
                await handle.wait()

    async def test_cancelled_though_it_is_over(self, handle):
        """
        A cancellation wins over an old outcome.
        """
        settle(handle, State.FINISHED, value=42)
        with trio.CancelScope() as scope:
            scope.cancel(reason="for the test")
            await handle.wait()

        assert scope.cancelled_caught

    async def test_all_that_wait_are_woken(self, handle):
        """
        Each gets the value, and neither starting nor readiness ends the wait.
        """
        got = []

        async def wait():
            got.append((await handle.wait(), trio.current_time() - began))

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            for note in (note_running, lambda handle: note_ready(handle, 8080), note_waiting):
                await trio.sleep(1)
                note(handle)
            await trio.sleep(1)
            settle(handle, State.FINISHED, value=42)

        assert [(42, 4), (42, 4)] == got

    async def test_cancelling_the_wait(self, handle, reasons):
        """
        It ends the wait, and leaves the job and the others that wait alone.
        """
        got = []

        async def wait():
            got.append(await handle.wait())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            with trio.move_on_after(1) as scope:
                await handle.wait()
            settle(handle, State.FINISHED, value=42)

        assert scope.cancelled_caught
        assert ([], [42]) == (reasons, got)

    async def test_failed(self, handle):
        """
        The very error is raised in all that wait.
        """
        error, caught = OSError("no route"), []

        async def wait():
            try:
                await handle.wait()
            except OSError as exc:
                caught.append(exc)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            await trio.sleep(1)
            settle(handle, State.FAILED, error=error)

        assert [error, error] == caught


class TestWaitStarted:
    @pytest.mark.parametrize(
        ("end", "lost"),
        [
            (lambda handle: note_ready(handle, 8080), False),
            (lambda handle: settle(handle, State.FAILED, error=OSError()), True),
            (lambda handle: settle(handle, State.STOPPED), True),
            (lambda handle: settle(handle, State.FINISHED), True),
        ],
    )
    async def test_ready_or_over(self, handle, end, lost):
        """
        It waits for whichever comes first, and the handle tells which it was.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_until, handle, is_started)
            await trio.sleep(1)
            note_running(handle)
            await trio.sleep(1)
            waits = len(nursery.child_tasks)
            end(handle)

        assert (1, lost) == (waits, handle.lost)

    async def test_is_a_checkpoint(self, handle):
        """
        Also where the child is ready.
        """
        note_ready(handle, None)
        with assert_checkpoints():
            await wait_until(handle, is_started)

    async def test_between_two_lives(self, handle):
        """
        A child that waits for its next life is not ready, but what it gave last is still there.
        """
        note_ready(handle, 8080)
        note_waiting(handle)
        with trio.move_on_after(1) as scope:
            await wait_until(handle, is_started)

        assert scope.cancelled_caught
        assert 8080 == handle.ready_value

    def test_lost_only_when_over(self, handle):
        """
        What is on its way is not lost, and what was ready never is.
        """
        lost = [handle.lost]
        note_ready(handle, None)
        lost.append(handle.lost)
        settle(handle, State.FAILED, error=OSError())

        assert [False, False, False] == [*lost, handle.lost]
