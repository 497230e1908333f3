"""
The check of a block: whose things count, and how it gets along with errors and cancellation.
"""

import os
import socket
import threading

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints

from trio_run.leaks import Kind, LeakError, assert_no_leaks

pytestmark = pytest.mark.no_leak_check("it leaks on purpose, and looks at how checks begin and end")


@pytest.fixture
def left():
    """
    What a test leaves behind on purpose; closed after it.
    """
    things = []
    yield things
    for thing in things:
        thing.close()


class TestWhose:
    async def test_of_others(self, left):
        """
        What others start and open meanwhile is theirs.
        """

        async def other():
            left.append(socket.socket())
            nursery.start_soon(trio.sleep_forever)
            await lock.acquire()
            opened.set()
            await trio.sleep_forever()

        lock, opened = trio.Lock(), trio.Event()
        async with trio.open_nursery() as nursery:
            begin = trio.Event()

            async def on_begin():
                await begin.wait()
                await other()

            nursery.start_soon(on_begin)
            async with assert_no_leaks(grace=0):
                begin.set()
                await opened.wait()
            nursery.cancel_scope.cancel(reason="end of the test")

    async def test_of_a_descendant(self, left):
        """
        What is opened by a system task of a task of the block is the block's.
        """
        done = trio.Event()

        async def grandchild():
            left.append(socket.socket())
            done.set()

        async def child():
            trio.lowlevel.spawn_system_task(grandchild)

        with pytest.raises(LeakError) as caught:
            async with assert_no_leaks(grace=0), trio.open_nursery() as nursery:
                nursery.start_soon(child)
                await done.wait()

        assert [Kind.SOCKET] == [leak.kind for leak in caught.value.leaks]

    async def test_task_in_an_outer_nursery(self):
        """
        A task that the block starts in a nursery around it is left behind, and named with that nursery's task.
        """
        async with trio.open_nursery() as nursery:
            with pytest.raises(LeakError) as caught:
                async with assert_no_leaks(grace=0):
                    nursery.start_soon(trio.sleep_forever, name="left")
            nursery.cancel_scope.cancel(reason="end of the test")

        (leak,) = caught.value.leaks

        assert "left" == leak.name
        assert leak.owner.endswith("test_task_in_an_outer_nursery'>")

    async def test_lock_held_before(self):
        """
        A lock that was held when the block began may be held when it ends.
        """
        lock = trio.Lock()
        async with lock:
            async with assert_no_leaks():
                pass

    async def test_old_lock(self):
        """
        A lock from outside that the block takes and keeps is found.
        """
        lock = trio.Lock()
        with pytest.raises(LeakError) as caught:
            async with assert_no_leaks(grace=0):
                await lock.acquire()
        lock.release()

        assert [Kind.LOCK] == [leak.kind for leak in caught.value.leaks]

    async def test_two_at_once(self):
        """
        Two blocks in two tasks each find their own leak, and only that.
        """
        found = {}

        async def block(name):
            with pytest.raises(LeakError) as caught:
                async with assert_no_leaks(grace=0):
                    outer.start_soon(trio.sleep_forever, name=name)
                    await trio.sleep(1)
            found[name] = [leak.name for leak in caught.value.leaks]

        async with trio.open_nursery() as outer:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(block, "one")
                nursery.start_soon(block, "two")
            outer.cancel_scope.cancel(reason="end of the test")

        assert {"one": ["one"], "two": ["two"]} == found

    async def test_nested(self):
        """
        What an inner block leaves behind the outer one does as well.
        """
        async with trio.open_nursery() as nursery:
            with pytest.raises(LeakError):
                async with assert_no_leaks(grace=0):
                    with pytest.raises(LeakError):
                        async with assert_no_leaks(grace=0):
                            nursery.start_soon(trio.sleep_forever)
            nursery.cancel_scope.cancel(reason="end of the test")


class TestOutcome:
    async def test_checkpoint(self):
        """
        A block without leaks ends with a checkpoint.
        """
        with assert_checkpoints():
            async with assert_no_leaks():
                pass

    async def test_error(self):
        """
        An error passes as it is where nothing leaks, and beside the leak otherwise.
        """
        with pytest.raises(KeyError):
            async with assert_no_leaks():
                raise KeyError(1)
        async with trio.open_nursery() as nursery:
            with pytest.raises(ExceptionGroup) as caught:
                async with assert_no_leaks(grace=0):
                    nursery.start_soon(trio.sleep_forever)
                    raise KeyError(1)
            nursery.cancel_scope.cancel(reason="end of the test")

        assert [KeyError, LeakError] == [type(error) for error in caught.value.exceptions]

    async def test_cancelled_from_outside(self):
        """
        A cancellation passes through a block that leaves nothing behind.
        """
        with trio.move_on_after(1) as scope:
            async with assert_no_leaks():
                await trio.sleep_forever()

        assert scope.cancelled_caught

    async def test_cancelled_and_leaky(self):
        """
        A cancelled block that leaks says so, and the cancellation still arrives.
        """
        async with trio.open_nursery() as nursery:
            with pytest.raises(ExceptionGroup) as caught, trio.move_on_after(1) as scope:
                async with assert_no_leaks(grace=0.5):
                    nursery.start_soon(trio.sleep_forever)
                    await trio.sleep_forever()
            nursery.cancel_scope.cancel(reason="end of the test")

        assert scope.cancel_called
        assert caught.group_contains(LeakError)
        assert not caught.group_contains(trio.Cancelled)

    async def test_cancelled_while_it_looks(self):
        """
        A cancellation that comes while the check waits is not lost, and the check takes no more than its grace.
        """
        async with trio.open_nursery() as nursery:
            start = trio.current_time()
            with pytest.raises(LeakError), trio.move_on_after(1) as scope:
                async with assert_no_leaks(grace=5):
                    nursery.start_soon(trio.sleep_forever)
            nursery.cancel_scope.cancel(reason="end of the test")

        assert scope.cancel_called
        assert trio.current_time() - start <= 5

    async def test_ignored(self):
        """
        What a rule names may stay.
        """
        async with trio.open_nursery() as nursery:
            async with assert_no_leaks(ignore=["kept*"]):
                nursery.start_soon(trio.sleep_forever, name="kept on")
            nursery.cancel_scope.cancel(reason="end of the test")

    async def test_mistakes(self):
        """
        A mistake is told before the block begins.
        """
        with pytest.raises(ValueError, match="grace"):
            async with assert_no_leaks(grace=-1):
                pytest.fail("begun")
        with pytest.raises(TypeError, match="list or tuple"):
            async with assert_no_leaks(ignore="x"):
                pytest.fail("begun")


class TestPatience:
    async def test_task_about_to_end(self):
        """
        A task that ends within the grace, in the time of the run, is no leak.
        """
        async with trio.open_nursery() as nursery:
            async with assert_no_leaks(grace=10):
                nursery.start_soon(trio.sleep, 9)

    async def test_the_time_of_the_run(self):
        """
        The wait is over when the time of the run is, however long that is on the wall.
        """
        async with trio.open_nursery() as nursery:
            with pytest.raises(LeakError):
                async with assert_no_leaks(grace=1000):
                    nursery.start_soon(trio.sleep, 2000)

            assert 1000 == trio.current_time()

    def test_nobody_waits_for_nothing(self):
        """
        Without leaks no time passes.
        """

        async def main():
            async with assert_no_leaks(grace=10):
                await trio.lowlevel.checkpoint()
            return trio.current_time()

        assert 0 == trio.run(main, clock=MockClock())

    def test_clock_that_stands_still(self):
        """
        A clock that never moves does not make the check hang.
        """

        async def main():
            async with trio.open_nursery() as nursery:
                with pytest.raises(LeakError):
                    async with assert_no_leaks(grace=0.01):
                        nursery.start_soon(trio.sleep_forever)
                nursery.cancel_scope.cancel(reason="end of the test")

        trio.run(main, clock=MockClock())

    @pytest.mark.real
    async def test_thread_that_calls_back(self):
        """
        A thread that needs the loop to end can end.
        """
        done = threading.Event()
        token = trio.lowlevel.current_trio_token()

        def work():
            trio.from_thread.run_sync(done.set, trio_token=token)

        async with assert_no_leaks(grace=10):
            threading.Thread(target=work).start()

        assert done.is_set()


class TestUnknownMaker:
    async def test_counts(self):
        """
        What nobody saw made counts: better to ask once too often.
        """
        kept = os.open
        with pytest.raises(LeakError) as caught:
            async with assert_no_leaks(grace=0):
                number = kept(os.devnull, os.O_RDONLY)
        os.close(number)

        assert [os.devnull] == [leak.name for leak in caught.value.leaks]
