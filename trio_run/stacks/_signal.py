"""
Dumps on a signal: of a process that somebody else started, and whose loop may be stuck.

A signal finds the process in one of three places, and each is served. Between two instructions of Python, in the loop or in a
task that hogs it, Python's own handler prints the task dump. In a call of C code that does not return Python's handler has to
wait; so faulthandler's, which is C code itself, has printed the stacks of all threads before. And outside of a run there are only
threads.

Laws: the program goes on as if nothing had happened, also when the dump fails. The handler that was there before is put back.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
from collections.abc import Generator
from types import FrameType

import trio

from ._dump import task_dump

SIGUSR1 = int(getattr(signal, "SIGUSR1", 0))
"""The signal that is free for users; 0 on Windows, which has none."""


@contextlib.contextmanager
def dump_on_signal(signum: int = SIGUSR1, *, file: int = 2) -> Generator[None]:
    """
    Print where all threads and tasks stand each time that the process gets a signal, as long as the block lasts.

    ::

        with dump_on_signal():
            trio.run(main)

    Then ``kill -USR1 PID`` in a shell has the process print first the stacks of its threads, even if the loop is stuck in a call
    that does not return, and then the `task_dump` of the run in the main thread, as soon as that is at an instruction of
    Python. Costs nothing until then. To be entered in the main thread, outside of a run or in it; not inside of another for
    the same signal.

    Args:
        signum: Which signal; by default SIGUSR1.
        file: Descriptor to print to, past all buffers; by default that of stderr.

    Raises:
        RuntimeError: This is Windows, where processes do not get signals of this kind.
        ValueError: This is not the main thread, or the signal cannot be caught.
        OSError: *file* is not open.
    """
    if sys.platform == "win32" or not signum:
        raise RuntimeError("Windows has no signal for this. Call task_dump() in the program, and print it.")
    os.fstat(file)

    def dump(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as Python calls it
        _write(file, _text())

    before = signal.signal(signum, dump)
    try:
        faulthandler.register(signum, file=file, all_threads=True, chain=True)  # It calls Python's handler in the end.
        yield
    finally:
        faulthandler.unregister(signum)
        signal.signal(signum, before if before is not None else signal.SIG_DFL)


def _text() -> str:
    try:
        trio.lowlevel.current_root_task()
    except RuntimeError:
        return "\nNo run is under way in the main thread.\n"
    try:
        return f"\n{task_dump()}"
    except Exception as exc:  # noqa: BLE001 - a dump that fails is no reason for the program to
        return f"\nThe tasks could not be read: {exc!r}\n"


def _write(file: int, text: str) -> None:
    data = text.encode(errors="backslashreplace")
    with contextlib.suppress(OSError):  # Nobody reads it any more.
        while data:
            data = data[os.write(file, data) :]
