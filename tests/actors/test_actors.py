"""
Actors end together: each is interrupted, none is lost, and every error is kept.
"""

import functools

import pytest
import trio

import trio_run as tr
from tests.jobs import stale_cancelled
from trio_run import events
from trio_run.testing import cancel_everywhere


async def sleep_for_ever():
    await trio.sleep_forever()


async def listen():
    """
    End when asked to.
    """
    await tr.wait_stopping()


async def fail_after(seconds, error):
    await trio.sleep(seconds)
    raise error


class Door:
    """
    Something to wait at until it opens.
    """

    def __init__(self):
        self.opened = trio.Event()
        self.causes = []

    async def wait(self):
        await self.opened.wait()

    def open(self, cause=None):
        self.causes.append(cause)
        self.opened.set()


def names(log, *kinds):
    """
    What happened, as names and last steps of paths.
    """
    return [f"{each.name} {each.path.rpartition('/')[2]}" for each in log if not kinds or isinstance(each, kinds)]


class TestTheFirstExit:
    async def test_none(self):
        """
        Without actors it is over at once, after a checkpoint.
        """
        with trio.CancelScope() as scope:
            scope.cancel()
            await tr.run_actors()
        await tr.run_actors()

        assert scope.cancelled_caught
        assert 0 == trio.current_time()

    async def test_return(self):
        """
        An actor that returns ends the others, and nothing is raised.
        """
        door = Door()
        await tr.run_actors(tr.Actor(door.wait, interrupt=door.open), tr.Actor(trio.sleep, 3))

        assert 3 == trio.current_time()
        assert [None] == door.causes

    async def test_failure(self):
        """
        An actor that raises ends the others; its error is raised in a group, and told to interrupts that ask for it.
        """
        door, error = Door(), KeyError("x")
        with pytest.RaisesGroup(KeyError) as caught:
            await tr.run_actors(tr.Actor(door.wait, interrupt=door.open), tr.Actor(fail_after, 3, error))

        assert [error] == door.causes
        assert error is caught.value.exceptions[0]
        assert "actors ended, as fail_after failed: KeyError: 'x'" in str(caught.value)

    async def test_every_actor_is_interrupted_in_order(self):
        """
        Interrupts are called in the order in which the actors were given, that of the first to end among them.
        """
        seen = []

        def actor(name, seconds):
            return tr.Actor(trio.sleep, seconds, name=name, interrupt=functools.partial(seen.append, name), grace=0)

        await tr.run_actors(actor("a", 9), actor("b", 1), actor("c", 9))

        assert ["a", "b", "c"] == seen

    async def test_optional(self):
        """
        An optional actor may return without ending the others, and may not raise.
        """
        await tr.run_actors(tr.Actor(trio.sleep, 1, on_exit="optional"), tr.Actor(trio.sleep, 5))
        after = trio.current_time()
        with pytest.RaisesGroup(KeyError):
            await tr.run_actors(tr.Actor(fail_after, 1, KeyError(), on_exit="optional"), tr.Actor(trio.sleep, 5))

        assert (5, 6) == (after, trio.current_time())

    async def test_optional_only(self):
        """
        When all optional actors have returned, all is over.
        """
        await tr.run_actors(*(tr.Actor(trio.sleep, n, name=f"n{n}", on_exit="optional") for n in range(4)))

        assert 3 == trio.current_time()

    async def test_daemon(self):
        """
        Nobody waits for a daemon; what it raised is raised in the end.
        """
        with pytest.RaisesGroup(KeyError):
            await tr.run_actors(
                tr.Actor(fail_after, 1, KeyError("early"), on_exit="daemon"),
                tr.Actor(sleep_for_ever, on_exit="daemon"),
                tr.Actor(trio.sleep, 5, on_exit="optional"),
            )

        assert 5 == trio.current_time()

    async def test_asked_to_stop(self):
        """
        Run as a child, actors end by their interrupts when the child is asked to stop.
        """
        door = Door()
        actors = tr.Actors(tr.Actor(door.wait, interrupt=door.open), listen, name="pair")
        log = []
        with tr.use_sinks(log.append):
            async with tr.open_supervisor("shop", actors) as shop:
                await trio.sleep(1)
                await shop.stop("pair")

        assert [None] == door.causes
        assert "drained" == next(each.how for each in log if each.name == "child.stopped")
        assert ["actor.stopped Door.wait", "actor.stopped listen"] == sorted(names(log, events.ActorStopped))

    async def test_cancelled_from_outside(self):
        """
        When the run is cancelled every interrupt is called all the same, and all ends at once.
        """
        seen = []

        async def interrupt_slowly():
            seen.append("begun")
            await trio.sleep(1)
            seen.append("done")

        with trio.move_on_after(2) as scope:
            await tr.run_actors(
                tr.Actor(sleep_for_ever, interrupt=functools.partial(seen.append, "called")),
                tr.Actor(sleep_for_ever, name="other", interrupt=interrupt_slowly),
            )

        assert scope.cancelled_caught
        assert 2 == trio.current_time()
        assert ["called", "begun"] == seen

    async def test_cancelled_with_errors(self):
        """
        What was raised before the run was cancelled goes with the cancellation.
        """
        with pytest.RaisesGroup(KeyError):
            with trio.move_on_after(2):
                await tr.run_actors(tr.Actor(fail_after, 1, KeyError(), on_exit="daemon"), sleep_for_ever)

    async def test_no_exception_is_held(self):
        """
        What is no `Exception` goes on its way at once, with the errors that were there.
        """
        with pytest.RaisesGroup(KeyError, pytest.RaisesGroup(SystemExit)):
            await tr.run_actors(
                tr.Actor(fail_after, 1, KeyError(), on_exit="daemon"),
                tr.Actor(fail_after, 2, SystemExit(3), name="exits"),
                sleep_for_ever,
            )

        assert 2 == trio.current_time()

    async def test_leaked_cancelled(self):
        """
        A Cancelled that nobody sent is a failure.
        """

        async def leak():
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.lowlevel.checkpoint()
                except trio.Cancelled as exc:
                    kept = exc
            raise kept

        with pytest.RaisesGroup(tr.LeakedCancelled):
            await tr.run_actors(leak, sleep_for_ever)


class TestInterrupts:
    async def test_asked_softly(self):
        """
        Without an interrupt an actor that listens has its grace, and one that does not is cancelled at once.
        """

        async def drain():
            await tr.wait_stopping()
            await trio.sleep(2)

        log = []
        with tr.use_sinks(log.append):
            await tr.run_actors(drain, sleep_for_ever, tr.Actor(trio.sleep, 1, name="first"))

        assert 3 == trio.current_time()
        assert [("sleep_for_ever", "cancelled", 0), ("drain", "drained", 2)] == [
            (each.path.rpartition("/")[2], each.how, each.seconds) for each in log if each.name == "actor.stopped"
        ]

    async def test_grace(self):
        """
        An actor that is still there when its grace is over is cancelled, and that is told.
        """
        log = []
        with tr.use_sinks(log.append):
            await tr.run_actors(
                tr.Actor(sleep_for_ever, interrupt=lambda: None, grace=7), tr.Actor(trio.sleep, 1, name="first")
            )

        assert 8 == trio.current_time()
        assert [
            "actor.starting sleep_for_ever",
            "actor.starting first",
            "actor.finished first",
            "actor.interrupted sleep_for_ever",
            "actor.overdue sleep_for_ever",
            "actor.stopped sleep_for_ever",
        ] == names(log)

    async def test_one_that_raises(self):
        """
        An interrupt that raises holds up no other, is told of at once, and its error is kept after the first.
        """
        door, log = Door(), []

        def interrupt():
            raise ValueError("sync")

        async def interrupt_async():
            raise ValueError("async")

        with tr.use_sinks(log.append), pytest.raises(ExceptionGroup) as caught:
            await tr.run_actors(
                tr.Actor(sleep_for_ever, name="a", interrupt=interrupt, grace=1),
                tr.Actor(sleep_for_ever, name="b", interrupt=interrupt_async, grace=1),
                tr.Actor(door.wait, interrupt=door.open),
                tr.Actor(fail_after, 1, KeyError("first")),
            )

        assert ["'first'", "sync", "async"] == list(map(str, caught.value.exceptions))
        assert 1 == len(door.causes)
        assert 2 == trio.current_time()
        assert ["a", "b"] == [each.path[-1] for each in log if isinstance(each, events.ActorInterruptFailed)]

    async def test_one_that_does_not_return(self):
        """
        An interrupt that hangs holds up no other, and is cancelled with its actor.
        """
        door = Door()
        with pytest.RaisesGroup(
            pytest.RaisesExc(trio.TooSlowError, match="interrupt of actors/a did not return in 2 s")
        ):
            await tr.run_actors(
                tr.Actor(sleep_for_ever, name="a", interrupt=sleep_for_ever, grace=2),
                tr.Actor(door.wait, interrupt=door.open),
                tr.Actor(trio.sleep, 1),
            )

        assert 1 == len(door.causes)
        assert 3 == trio.current_time()

    @pytest.mark.parametrize("is_async", [True, False])
    async def test_one_that_raises_what_nobody_holds(self, is_async):
        """
        The others are interrupted all the same, before it leaves.
        """
        log = []

        def interrupt():
            raise SystemExit(3)

        async def interrupt_later():
            interrupt()

        with pytest.RaisesGroup(SystemExit):
            await tr.run_actors(
                tr.Actor(trio.sleep, 1),
                tr.Actor(trio.sleep_forever, interrupt=interrupt_later if is_async else interrupt),
                tr.Actor(trio.sleep_forever, interrupt=lambda: log.append("interrupted")),
            )

        assert ["interrupted"] == log
        assert 1 == trio.current_time()

    @pytest.mark.parametrize("is_async", [True, False])
    async def test_one_that_raises_a_stale_cancelled(self, is_async):
        """
        A Cancelled that nobody sent is a failure, and cancels nobody.
        """
        stale = await stale_cancelled()

        def interrupt():
            raise stale

        async def interrupt_later():
            interrupt()

        with pytest.RaisesGroup(tr.LeakedCancelled), tr.use_sinks(lambda _: None):
            await tr.run_actors(
                tr.Actor(trio.sleep, 1),
                tr.Actor(trio.sleep_forever, interrupt=interrupt_later if is_async else interrupt, grace=2),
            )

        assert 3 == trio.current_time()

    async def test_late_errors_are_kept(self):
        """
        What actors raise on their way out comes after the first error, in the order of time.
        """

        async def fail_late(seconds):
            await tr.wait_stopping()
            await trio.sleep(seconds)
            raise ValueError(seconds)

        with pytest.raises(ExceptionGroup) as caught:
            await tr.run_actors(
                tr.Actor(fail_late, 2, name="a"), tr.Actor(fail_late, 1, name="b"), tr.Actor(fail_after, 1, KeyError())
            )

        assert [KeyError, ValueError, ValueError] == list(map(type, caught.value.exceptions))
        assert [(1,), (2,)] == [error.args for error in caught.value.exceptions[1:]]

    @pytest.mark.parametrize(
        ("interrupt", "words"),
        [
            (3, "is a function, to be called when the actor is to end, not 3"),
            (fail_after, "missing a required argument: 'seconds'.*functools.partial"),
        ],
    )
    def test_that_cannot_be_called(self, interrupt, words):
        """
        An interrupt that could not be called is refused when the actor is made.
        """
        with pytest.raises(TypeError, match=words):
            tr.Actor(sleep_for_ever, interrupt=interrupt)

    def test_a_coroutine(self):
        """
        An interrupt that was called already is refused.
        """
        with pytest.raises(TypeError, match="not <coroutine object"):
            tr.Actor(sleep_for_ever, interrupt=sleep_for_ever())

    @pytest.mark.parametrize(("grace", "kind"), [(-1, ValueError), (float("nan"), ValueError), ("5", TypeError)])
    def test_bad_grace(self, grace, kind):
        """
        A grace is a number of seconds from 0.
        """
        with pytest.raises(kind, match="grace of the actor 'sleep_for_ever'"):
            tr.Actor(sleep_for_ever, grace=grace)


class TestActors:
    async def test_add_while_running(self):
        """
        An actor that is added while the others run begins at once, and can end them.
        """
        actors = tr.Actors(sleep_for_ever)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(actors.run)
            await trio.sleep(1)
            added = actors.add(tr.Actor(trio.sleep, 1))

        assert 2 == trio.current_time()
        assert "sleep" == added.name

    async def test_add_while_ending(self):
        """
        An actor that would be interrupted before it began is refused, with the cause.
        """
        error = KeyError()

        async def drain():
            await tr.wait_stopping()
            with pytest.raises(tr.Closed) as caught:
                actors.add(sleep_for_ever)
            assert error is caught.value.__cause__

        actors = tr.Actors(drain, tr.Actor(fail_after, 1, error))
        with pytest.RaisesGroup(KeyError):
            await actors.run()

        assert "<Actors actors: drain, fail_after>" == repr(actors)

    async def test_runs_again(self):
        """
        Run again, all actors run again; run twice at a time is a mistake.
        """
        actors = tr.Actors(tr.Actor(trio.sleep, 1))
        await actors.run()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(actors.run)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError, match="run already"):
                await actors.run()

        assert 2 == trio.current_time()

    async def test_a_supervisor_is_an_actor(self):
        """
        A supervisor among actors is stopped in order when they end.
        """
        log = []
        shop = tr.Supervisor("shop", tr.Child(listen, name="db"), tr.Child(listen, name="web"))
        with tr.use_sinks(log.append):
            await tr.run_actors(shop, tr.Actor(trio.sleep, 1))

        assert ["actors/shop/web", "actors/shop/db"] == [each.path for each in log if each.name == "child.stopped"]

    @pytest.mark.everywhere_allow("its first life fails", raises=KeyError)
    async def test_an_actor_is_a_child(self):
        """
        An actor under a supervisor is ended by its interrupt, and restarted when it fails.
        """
        doors, log = [], []

        async def work():
            doors.append(Door())
            if len(doors) == 1:
                raise KeyError
            await doors[-1].wait()

        def open_last(cause):
            doors[-1].open(cause)

        with tr.use_sinks(log.append):
            async with tr.open_supervisor("shop", tr.Child(tr.Actor(work, interrupt=open_last))) as shop:
                await trio.sleep(1)
                await shop.stop("work")

        assert [KeyError, type(None)] == [type(cause) for door in doors for cause in door.causes]
        assert {"shop", "shop/work"} == {each.path for each in log}

    async def test_grace_of_all(self):
        """
        A child made of actors has the longest of their graces.
        """
        actors = tr.Actors(tr.Actor(listen, grace=3), tr.Actor(sleep_for_ever, grace=30))

        assert 30 == tr.Child(actors).grace

    def test_survives_cancellation_anywhere(self):
        """
        Cancelled at any point, actors end, call every interrupt once, and leave nothing behind.
        """

        async def main():
            calls = []
            door = Door()
            try:
                await tr.run_actors(
                    tr.Actor(door.wait, interrupt=door.open),
                    tr.Actor(sleep_for_ever, interrupt=functools.partial(calls.append, 1), grace=1),
                    tr.Actor(trio.sleep, 1),
                )
            finally:
                assert len(calls) == len(door.causes) <= 1

        assert [] == list(cancel_everywhere(main).findings)
