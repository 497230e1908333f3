"""
The tests of Go's oklog/run, told again for trio, and its known defects, which must not be ours.

===================================  ====================================================================
``TestSignalHandlerNil``             does not apply: nothing is passed by a channel in a context
``ExampleGroup_Add_listener``        is told of a listener in `tests/actors/test_made.py` as well
===================================  ====================================================================
"""

import functools
import os
import signal

import pytest
import trio

import trio_run as tr


class Actor:
    """
    An actor that waits until it is interrupted, and writes down what happens to it.
    """

    def __init__(self, name, log):
        self.name, self.log, self.cancel = name, log, trio.Event()

    async def execute(self):
        await self.cancel.wait()
        self.log.append(f"the {self.name} actor was canceled")

    def interrupt(self, cause):
        self.log.append(f"the {self.name} actor was interrupted with: {cause}")
        self.cancel.set()


async def test_zero():
    """
    TestZero: an empty group is done at once.
    """
    await tr.run_actors()

    assert 0 == trio.current_time()


async def test_one():
    """
    TestOne: what the only actor raises is raised.
    """
    error = ValueError("foobar")

    async def execute():
        raise error

    with pytest.RaisesGroup(ValueError) as caught:
        await tr.run_actors(tr.Actor(execute, interrupt=lambda: None))

    assert (error,) == caught.value.exceptions


async def test_many():
    """
    TestMany: an error interrupts the other actor, and is the one that is raised.
    """
    interrupted, error = trio.Event(), ValueError("interrupt")

    async def execute():
        raise error

    with pytest.RaisesGroup(ValueError) as caught:
        await tr.run_actors(
            tr.Actor(execute, interrupt=lambda: None), tr.Actor(interrupted.wait, interrupt=interrupted.set)
        )

    assert (error,) == caught.value.exceptions


async def test_context_handler():
    """
    TestContextHandler, but better: a cancellation from outside goes on as one, and is not taken for an error.
    """
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tr.run_actors, tr.scope_actor(trio.CancelScope()))
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()

    assert scope.cancelled_caught


@pytest.mark.real
async def test_signal_error():
    """
    TestSignalError: a signal ends the group with an error that says which one it was.
    """

    async def send():
        await trio.testing.wait_all_tasks_blocked()
        os.kill(os.getpid(), signal.SIGUSR1)
        await trio.sleep_forever()

    with pytest.RaisesGroup(tr.SignalReceived) as caught:
        await tr.run_actors(tr.signal_actor(signal.SIGUSR1), send)

    assert signal.SIGUSR1 is caught.value.exceptions[0].signal


async def test_example_group_add_basic():
    """
    ExampleGroup_Add_basic: the second returns, both are interrupted in order, the first is done, and the run is over.
    """
    log = []
    first = Actor("first", log)

    async def returns():
        log.append("the second actor is returning")

    def interrupt(cause):
        log.append(f"the second actor was interrupted with: {cause}")

    await tr.run_actors(
        tr.Actor(first.execute, interrupt=first.interrupt), tr.Actor(returns, interrupt=interrupt, name="second")
    )
    log.append("the group was terminated")

    assert [
        "the second actor is returning",
        "the first actor was interrupted with: None",
        "the second actor was interrupted with: None",
        "the first actor was canceled",
        "the group was terminated",
    ] == log


async def test_example_group_add_context():
    """
    ExampleGroup_Add_context: an actor with a scope ends when the scope is cancelled, and so do the others.
    """
    scope, log = trio.CancelScope(), []

    async def cancel():
        await trio.sleep(1)
        scope.cancel()
        await tr.wait_stopping()
        log.append("stopped")

    await tr.run_actors(tr.scope_actor(scope), cancel)

    assert ["stopped"] == log
    assert 1 == trio.current_time()


@pytest.mark.real
async def test_example_group_add_listener():
    """
    ExampleGroup_Add_listener: closing the listener is a way to interrupt a server.
    """
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def execute():
        try:
            await listener.accept()
        except trio.ClosedResourceError:
            pass
        else:
            pytest.fail("nobody has connected")

    await tr.run_actors(tr.Actor(execute, interrupt=listener.aclose), trio.testing.wait_all_tasks_blocked)

    assert -1 == listener.socket.fileno()


class TestDefects:
    """
    What oklog/run gets wrong.
    """

    async def test_a_blocking_interrupt_blocks_no_other(self):
        """
        There an interrupt that does not return holds up all later ones, and the run.
        """
        done = trio.Event()
        with pytest.RaisesGroup(trio.TooSlowError):
            await tr.run_actors(
                tr.Actor(trio.sleep_forever, interrupt=trio.sleep_forever, grace=1, name="blocks"),
                tr.Actor(done.wait, interrupt=done.set, name="waits"),
                functools.partial(trio.sleep, 0),
            )

        assert 1 == trio.current_time()

    async def test_a_raising_interrupt_skips_no_other(self):
        """
        There an interrupt that panics keeps the later ones from being called.
        """
        done = trio.Event()

        def interrupt():
            raise KeyError

        with pytest.RaisesGroup(KeyError):
            await tr.run_actors(
                tr.Actor(trio.sleep, 0, interrupt=interrupt), tr.Actor(done.wait, interrupt=done.set, name="waits")
            )

        assert done.is_set()

    async def test_late_errors_are_kept(self):
        """
        There every error but the first is lost.
        """

        async def flush():
            await tr.wait_stopping()
            raise OSError("flush failed")

        async def fail():
            raise ValueError

        with pytest.RaisesGroup(ValueError, OSError):
            await tr.run_actors(flush, fail)

    async def test_an_actor_added_late_is_run_or_refused(self):
        """
        There an actor that is added while the others run is never executed, but interrupted.
        """
        log = []
        actors = tr.Actors(tr.Actor(trio.sleep, 2))
        late = Actor("late", log)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(actors.run)
            await trio.sleep(1)
            actors.add(tr.Actor(late.execute, interrupt=late.interrupt))

        assert ["the late actor was interrupted with: None", "the late actor was canceled"] == log

    async def test_a_return_need_not_end_all(self):
        """
        There one actor that returns takes everything down.
        """
        await tr.run_actors(tr.Actor(trio.sleep, 1, on_exit=tr.OnExit.OPTIONAL), tr.Actor(trio.sleep, 3))

        assert 3 == trio.current_time()
