"""
The soft stop, heard from inside a child, inside a supervisor and outside of any.
"""

import math

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

import trio_run as tr
from trio_run._stopping import Life, begin_life, current_life


def make_life(**details):
    """
    A life as a supervisor makes it.
    """
    return Life("shop/db", 1, None, **details)


@pytest.fixture
def life():
    """
    A life that each test may begin.
    """
    return make_life()


class TestLifeAsk:
    def test_first_call(self, life):
        """
        Who is asked knows why, and until when.
        """
        assert (False, None, math.inf) == (life.asked, life.reason, life.deadline)

        life.ask("shutdown", 30.0)

        assert (True, "shutdown", 30.0) == (life.asked, life.reason, life.deadline)

    def test_second_call(self, life):
        """
        A second call can only move the deadline, and nobody is told again.
        """
        heard = []
        life.on_stop(1, heard.append)
        life.ask("shutdown", 30.0)
        life.ask("hurry", 10.0)

        assert ("shutdown", 10.0) == (life.reason, life.deadline)
        assert ["shutdown"] == heard

    def test_empty_reason(self, life):
        """
        A request without words is a request.
        """
        life.ask("", 1.0)

        assert life.asked


class TestLifeListen:
    def test_reported_once(self):
        """
        Whoever has to know that the runner listens is told the first time only, however it listens.
        """
        told = []
        life = make_life(listener=lambda: told.append("hears"))
        life.listen()
        life.listen()
        life.on_stop(1, str)

        assert ["hears"] == told

    def test_from_inside_the_report(self):
        """
        A listener that listens itself does not call itself for ever.
        """
        told = []
        life = make_life(listener=lambda: (told.append("hears"), life.listen()))
        life.listen()

        assert ["hears"] == told

    def test_nobody_has_to_know(self, life):
        """
        Without anybody to tell, listening is still fine.
        """
        life.listen()

        assert not life.asked


class TestLifeOnStop:
    def test_every_listener_is_told_once(self, life):
        """
        All that listen hear the reason, in the order they came.
        """
        heard = []
        for name in "abc":
            life.on_stop(name, lambda reason, name=name: heard.append(name + reason))
        life.ask("!", 1.0)
        life.ask("?", 2.0)

        assert ["a!", "b!", "c!"] == heard

    def test_asked_before(self, life):
        """
        Who comes late is told at once.
        """
        heard = []
        life.ask("shutdown", 1.0)
        life.on_stop(1, heard.append)
        life.ask("again", 1.0)

        assert ["shutdown"] == heard

    def test_forgotten(self, life):
        """
        What was taken back is not called; the others are.
        """
        heard = []
        life.on_stop(1, heard.append)
        life.on_stop(2, lambda reason: heard.append(reason + "!"))
        life.forget(1)
        life.forget("never there")
        life.ask("stop", 1.0)

        assert ["stop!"] == heard

    def test_forget_before_anybody_listened(self, life):
        """
        There may be nothing to take back.
        """
        life.forget(1)
        life.ask("stop", 1.0)

        assert life.asked

    def test_listeners_come_and_go_meanwhile(self, life):
        """
        One that is told may take back itself, or listen anew.
        """
        heard = []

        def turn(reason):
            life.forget(1)
            life.on_stop(2, heard.append)

        life.on_stop(1, turn)
        life.ask("stop", 1.0)

        assert ["stop"] == heard


class TestBeginLife:
    async def test_tasks_inherit_it(self, life):
        """
        All that a child starts belongs to its life, and nothing beside it does.
        """
        seen = []

        async def child():
            begin_life(life)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(grandchild)

        async def grandchild():
            seen.append(current_life())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)

        assert [life] == seen
        assert current_life() is None


class TestOutside:
    """
    Outside of any supervised child nothing is ever asked to stop.
    """

    def test_stopping_is_false(self):
        """
        The answer is False, even outside of trio.
        """
        assert not tr.stopping()

    async def test_wait_stopping_waits(self):
        """
        The wait lasts until it is cancelled.
        """
        with trio.move_on_after(1000) as scope:
            await tr.wait_stopping()

        assert scope.cancelled_caught

    async def test_cancel_on_stop_is_a_plain_scope(self):
        """
        The block runs to its end, and its scope can be cancelled by hand.
        """
        with tr.cancel_on_stop() as scope:
            await trio.sleep(1000)

        assert not scope.cancel_called
        with tr.cancel_on_stop() as scope:
            scope.cancel(reason="by hand")
            await trio.sleep_forever()
        assert scope.cancelled_caught

    async def test_errors_pass(self):
        """
        What the block raises leaves it as it is.
        """
        with pytest.raises(OSError, match="bare"):
            with tr.cancel_on_stop():
                raise OSError("bare")


class TestStopping:
    async def test_turns_true(self, life):
        """
        It turns true when the child is asked, and stays so.
        """
        begin_life(life)
        before = tr.stopping()
        life.ask("shutdown", 1.0)

        assert [False, True, True] == [before, tr.stopping(), tr.stopping()]

    async def test_counts_as_listening(self):
        """
        A child that only ever looks is a child that listens.
        """
        told = []
        begin_life(make_life(listener=lambda: told.append("hears")))
        tr.stopping()
        tr.stopping()

        assert ["hears"] == told


class TestWaitStopping:
    async def test_ends_when_asked(self, life):
        """
        Every task of the child that waits is woken, at the moment of the request.
        """
        woken = []

        async def wait():
            await tr.wait_stopping()
            woken.append(trio.current_time())

        begin_life(life)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            await trio.sleep(3)
            asked_at = trio.current_time()
            life.ask("shutdown", 1.0)

        assert [asked_at, asked_at] == woken

    async def test_is_a_checkpoint_when_asked_before(self, life):
        """
        It returns though the request is old, but not without a checkpoint.
        """
        begin_life(life)
        life.ask("shutdown", 1.0)
        with assert_checkpoints():
            await tr.wait_stopping()

    async def test_cancelled_when_asked_before(self, life):
        """
        A cancellation wins over an old request.
        """
        begin_life(life)
        life.ask("shutdown", 1.0)
        with trio.CancelScope() as scope:
            scope.cancel(reason="for the test")
            await tr.wait_stopping()

        assert scope.cancelled_caught

    async def test_cancelled_while_it_waits(self, life):
        """
        Cancelling the wait changes nothing: no trace is left, and the next wait works.
        """
        begin_life(life)
        with trio.move_on_after(1) as scope:
            await tr.wait_stopping()

        assert scope.cancelled_caught
        assert {} == life._calls
        life.ask("shutdown", 1.0)
        await tr.wait_stopping()

    async def test_counts_as_listening(self):
        """
        The supervisor learns of it when the wait begins, not when it ends.
        """
        told = []
        begin_life(make_life(listener=lambda: told.append("hears")))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tr.wait_stopping)
            await wait_all_tasks_blocked()
            heard_early = list(told)
            nursery.cancel_scope.cancel(reason="for the test")

        assert ["hears"] == heard_early


class TestCancelOnStop:
    async def test_cancels_only_the_block(self, life):
        """
        What follows the block is not cancelled: there is time to drain.
        """
        begin_life(life)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_later, life)
            with tr.cancel_on_stop() as scope:
                await trio.sleep_forever()
            await trio.sleep(10)

        assert scope.cancelled_caught
        assert not nursery.cancel_scope.cancel_called

    async def test_reason_is_handed_on(self, life):
        """
        The Cancelled inside the block has the reason of the request.
        """
        begin_life(life)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_later, life)
            with tr.cancel_on_stop():
                with pytest.raises(trio.Cancelled) as caught:
                    await trio.sleep_forever()
                raise caught.value

        assert "shutdown" == caught.value.reason

    async def test_asked_before(self, life):
        """
        A block that begins after the request ends at its first checkpoint.
        """
        passed = []
        begin_life(life)
        life.ask("shutdown", 1.0)
        with tr.cancel_on_stop() as scope:
            passed.append("before")
            await trio.lowlevel.checkpoint()
            passed.append("after")

        assert scope.cancelled_caught
        assert ["before"] == passed

    async def test_over_before_the_request(self, life):
        """
        A block that is left is out of reach, whether it ended well or not.
        """
        begin_life(life)
        with tr.cancel_on_stop() as first:
            pass
        with pytest.raises(OSError, match="bare"):
            with tr.cancel_on_stop() as second:
                raise OSError("bare")
        life.ask("shutdown", 1.0)

        assert [False, False] == [first.cancel_called, second.cancel_called]
        assert {} == life._calls

    async def test_nested(self, life):
        """
        Of blocks inside each other all are cancelled, and the outermost is where it ends.
        """
        begin_life(life)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_later, life)
            with tr.cancel_on_stop() as outer:
                with tr.cancel_on_stop() as inner:
                    await trio.sleep_forever()

        assert [True, True] == [outer.cancel_called, inner.cancel_called]
        assert outer.cancelled_caught

    async def test_cancelled_from_outside(self, life):
        """
        A cancellation that is not the child's request goes through the block.
        """
        begin_life(life)
        with trio.move_on_after(1) as outside:
            with tr.cancel_on_stop() as scope:
                await trio.sleep_forever()

        assert [True, False] == [outside.cancelled_caught, scope.cancelled_caught]
        assert {} == life._calls


async def ask_later(life):
    """
    Ask a life to stop after a second.
    """
    await trio.sleep(1)
    life.ask("shutdown", trio.current_time() + 5)


async def seconds_to_stop(runner, **rules):
    """
    How long it takes to stop a child.
    """
    async with tr.open_supervisor("shop", tr.Child(runner, name="it", **rules)) as shop:
        await trio.sleep(1)
        began = trio.current_time()
        await shop.stop("it")
        return trio.current_time() - began


class TestUnderASupervisor:
    """
    The laws of the module, end to end.
    """

    async def test_a_runner_that_does_not_listen_loses_no_time(self):
        """
        Who does not listen is cancelled at once, however long its grace.
        """
        assert 0 == await seconds_to_stop(trio.sleep_forever, grace=100)

    async def test_a_runner_hears_of_a_stop_only_if_it_listens(self):
        """
        Who listens may use its grace, and is not cancelled as long as it lasts.
        """

        async def drain(seconds):
            await tr.wait_stopping()
            await trio.sleep(seconds)

        async def drain_fast():
            await drain(7)

        async def drain_slowly():
            await drain(1000)

        assert 7 == await seconds_to_stop(drain_fast, grace=100)
        assert 100 == await seconds_to_stop(drain_slowly, grace=100)

    async def test_each_life_is_asked_for_itself(self):
        """
        A child that was restarted is not stopping, though its last life was asked to.
        """
        seen = []

        async def look():
            seen.append(tr.stopping())
            await tr.wait_stopping()
            seen.append(tr.stopping())

        async with tr.open_supervisor("shop", tr.Child(look)) as shop:
            await trio.sleep(1)
            await shop.restart("look")
            await trio.sleep(1)

        assert [False, True, False, True] == seen

    async def test_the_runner_can_run_by_itself(self):
        """
        What is written for a supervisor runs without one too.
        """

        async def accept():
            with tr.cancel_on_stop():
                while not tr.stopping():
                    await trio.sleep(1)
            return "drained"

        with trio.move_on_after(10) as scope:
            await accept()

        assert scope.cancelled_caught
