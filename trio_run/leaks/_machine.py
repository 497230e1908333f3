"""
What the operating system says this process holds: file descriptors and child processes.

Linux tells all of it in ``/proc``. Elsewhere descriptors come from ``/dev/fd``, where they have kinds and no names, and child
processes are known only if they were started with `subprocess` while somebody looked.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from ._things import Kind


@attrs.frozen
class Descriptor:
    """
    An open file descriptor.
    """

    number: int
    target: str
    """What it leads to, as the system spells it; equal for two descriptors of one thing."""

    kind: Kind


@attrs.frozen
class Process:
    """
    A child process.
    """

    number: int
    started: str
    """What tells it from an earlier process of the same number."""

    command: str
    ended: bool


def descriptors() -> Iterator[Descriptor]:
    """
    Yield what is open now.
    """
    folder = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
    try:
        numbers = [int(name) for name in os.listdir(folder)]  # noqa: PTH208 - four times as fast as Path.iterdir
    except OSError:
        return  # No such folder, as on Windows.
    for number in numbers:
        try:
            target = os.readlink(f"{folder}/{number}") if sys.platform == "linux" else _spelled(number)  # noqa: PTH115
        except OSError:
            continue  # It was the one that listed the folder.
        yield Descriptor(number, target, _kind_of(target))


def _spelled(number: int) -> str:
    status = os.fstat(number)
    kinds = {stat.S_ISSOCK: "socket", stat.S_ISFIFO: "pipe", stat.S_ISREG: "/file"}
    kind = next((name for test, name in kinds.items() if test(status.st_mode)), "other")
    return f"{kind}:[{status.st_dev}:{status.st_ino}]"


def _kind_of(target: str) -> Kind:
    for start, kind in (("socket:", Kind.SOCKET), ("pipe:", Kind.PIPE), ("/", Kind.FILE)):
        if target.startswith(start):
            return kind
    return Kind.DESCRIPTOR


def processes(started: Iterable[int] = ()) -> Iterator[Process]:
    """
    Yield the child processes, ended or not; those *started* are looked for where the system keeps no list.
    """
    lists = list(_lists_of_children()) if sys.platform == "linux" else []
    if not lists:
        yield from _asked(started)
    for numbers in lists:
        yield from filter(None, map(_process, numbers.split()))


def _lists_of_children() -> Iterator[str]:
    """
    Yield the numbers of the child processes of each thread.
    """
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 - four times as fast as Path.iterdir
        # Where the kernel keeps no such list, or the thread has ended, there is none. `open` is tapped, and slower.
        with contextlib.suppress(OSError), io.FileIO(f"/proc/self/task/{thread}/children") as file:
            yield file.read().decode()


def _process(number: str) -> Process | None:
    try:
        command = Path(f"/proc/{number}/cmdline").read_text().replace("\0", " ").strip()
        name, _, rest = Path(f"/proc/{number}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return None  # It was waited for in the meantime.
    fields = rest.split()
    return Process(int(number), fields[19], command or name, fields[0] == "Z")


def _asked(started: Iterable[int]) -> Iterator[Process]:
    if sys.platform != "win32":
        for number in started:
            try:
                ended = os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            except OSError:
                continue  # It was waited for.
            yield Process(number, "", "", ended)


def wait_for_end(number: int, seconds: float) -> None:
    """
    Block until a child process has ended, or some seconds are over.
    """
    try:
        handle = os.pidfd_open(number)
    except (AttributeError, OSError):  # Not on this system, or it is gone.
        return
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll(seconds * 1000)
    finally:
        os.close(handle)
