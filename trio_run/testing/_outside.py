"""
What is at work outside of trio's loop, so that a task that waits may yet be woken: threads, child processes, and who is at the
other end of a connection.

Here it is found out who is at work. What follows for time is decided by the clock.

The world is taken to be closed: threads and child processes count if they were started since the run began, and a connection
counts if its other end is not in this process. Nobody is taken to be about to knock at a listener. On Linux the kernel can be
asked for all of this; elsewhere whoever waits for I/O is taken to wait for the outside.

Law: when it cannot be known whether somebody is at work, somebody is.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import trio

from .. import _trio_compat
from ..stacks import WatchThread


@attrs.frozen
class Outside:
    """
    What was there when the run began, and does not count.
    """

    threads: frozenset[threading.Thread]
    children: frozenset[int]

    @classmethod
    def now(cls) -> Outside:
        """
        Look at what is there.
        """
        children = frozenset(_children() if _has_children() else ())
        return cls(frozenset(threading.enumerate()) - _trio_compat.idle_threads(), children)

    def at_work(self) -> str:
        """
        Return who is at work, for people to read; nothing if nobody is. Only inside of a run.
        """
        return _host() or self._thread() or self._child() or _partner()

    def _thread(self) -> str:
        if count := trio.testing.active_thread_count():
            return "a thread of trio.to_thread" if count == 1 else f"{count} threads of trio.to_thread"
        for thread in set(threading.enumerate()) - self.threads:
            if thread not in _trio_compat.idle_threads() and not isinstance(thread, WatchThread):
                return f"the thread {thread.name}"
        return ""

    def _child(self) -> str:
        if not _has_children():
            return ""
        for child in _children():
            if child not in self.children and not _is_zombie(child):
                return f"the child process {child}"
        return ""


def _host() -> str:
    return "the loop that trio is a guest of" if _trio_compat.is_guest() else ""


def _has_children() -> bool:
    """
    Tell whether this process has child processes, of any kind. It is asked often, and this is quick.
    """
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):  # Not every system has it.
        return False
    return True


def _children() -> Iterator[int]:
    """
    Yield the numbers of the child processes, where the kernel tells them.
    """
    for listed in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # The thread is gone by now.
            yield from map(int, listed.read_text().split())


def _is_zombie(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    return state.rpartition(")")[2].split()[0] in "ZX"


def _partner() -> str:
    """
    Return the other end of a file descriptor that a task waits for, if that is outside; else nothing.
    """
    waited = _trio_compat.waited_descriptors()
    if waited is None:
        return "I/O" if waits_for_io(trio.lowlevel.current_statistics()) else ""
    if not waited:
        return ""
    if sys.platform != "linux":
        return f"who is at the other end of file descriptor {waited[0]}"
    from ._ends import Ends  # noqa: PLC0415 - what it imports is not there on every system

    ends = Ends()
    return next((who for who in map(ends.beyond, waited) if who), "")


def waits_for_io(now: trio.lowlevel.RunStatistics) -> bool:
    """
    Tell whether a task waits for I/O, besides trio's own, which waits to be woken by threads.
    """
    counts: dict[str, int | str] = attrs.asdict(now.io_statistics)
    return sum(int(count) for name, count in counts.items() if name.startswith("tasks_waiting")) > 1
