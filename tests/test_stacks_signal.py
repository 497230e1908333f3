"""
A dump on a signal: whatever the process is doing, and without a trace in what it does.
"""

import os
import signal
import threading

import pytest
import trio

from trio_run.stacks import _signal, dump_on_signal

pytestmark = pytest.mark.real


@pytest.fixture
def pipe():
    """
    Two ends of a pipe.
    """
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def shown(pipe):
    """
    Return what is in the pipe.
    """
    return os.read(pipe[0], 65536).decode()


class TestDumpOnSignal:
    async def test_in_a_task(self, pipe):
        """
        The task that runs is shown with the line it was interrupted at, and the others with what they wait for.
        """

        async def waits():
            await trio.Event().wait()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, name="waiter")
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            with dump_on_signal(file=pipe[1]):
                os.kill(os.getpid(), signal.SIGUSR1)
            nursery.cancel_scope.cancel(reason="seen")
        text = shown(pipe)

        assert "waiter: waits for Event.wait" in text
        assert ": running" in text
        assert text.index("Current thread") < text.index("waiter")
        assert "stacks/_signal.py" not in text.partition(" tasks at ")[2]

    def test_outside_of_a_run(self, pipe):
        """
        Where no run is under way, there are the threads, and a word that there are no tasks.
        """
        with dump_on_signal(file=pipe[1]):
            os.kill(os.getpid(), signal.SIGUSR1)
        text = shown(pipe)

        assert "Current thread" in text
        assert "No run is under way in the main thread." in text

    async def test_the_program_goes_on_also_when_the_dump_fails(self, pipe, monkeypatch):
        """
        That the tasks could not be read is told in the place of them.
        """

        def fails():
            raise ZeroDivisionError("no tasks")

        monkeypatch.setattr(_signal, "task_dump", fails)
        with dump_on_signal(file=pipe[1]):
            os.kill(os.getpid(), signal.SIGUSR1)
        text = shown(pipe)

        assert "Current thread" in text
        assert "The tasks could not be read: ZeroDivisionError('no tasks')" in text

    def test_handler_is_put_back(self, pipe):
        """
        After the block the signal does what it did before.
        """
        heard = []
        before = signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
        try:
            with dump_on_signal(file=pipe[1]):
                os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, before)

        assert [1] == heard

    def test_a_file_that_is_closed(self):
        """
        Where it cannot print it says so at once.
        """
        with pytest.raises(OSError, match="Bad file descriptor"), dump_on_signal(file=1000):
            pass

    def test_another_thread(self):
        """
        In another thread than the main one signals cannot be caught.
        """
        errors = []

        def enter():
            try:
                with dump_on_signal():
                    pass
            except ValueError as exc:
                errors.append(exc)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()

        assert 1 == len(errors)
