"""
Taps: how the record comes to hear of what is made.

The constructors of trio's and Python's own classes are wrapped, and so are the functions that open files. Audit hooks would
hear of more files, but Python never forgets one, and calls it wherever a frame is looked at. Who looks, and when, is not known
here.

Law: nothing is touched before the first who needs the taps, or after the last.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import io
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any, cast

import attrs
import trio

from .. import _trio_compat as compat
from .._weighted import WeightedLimiter
from ._births import Births, Synchronizer, absolute

Undo = Callable[[], None]

_lock = threading.Lock()
_taps: Taps | None = None


@attrs.define(eq=False)
class Taps:
    """
    What is wrapped now, for as many as need it.
    """

    births: Births | None = None
    """Where it is written what is made, while somebody looks."""

    undo: contextlib.ExitStack = attrs.field(factory=contextlib.ExitStack)
    holders: int = 0


@contextlib.contextmanager
def held_taps() -> Generator[Taps]:
    """
    Keep the taps on, for a series of checks: to put them on and take them off for each takes a tenth of its time.
    """
    global _taps  # noqa: PLW0603 - constructors are of the whole process
    with _lock:
        if _taps is None:
            _taps = Taps()
            _put_on(_taps)
        taps = _taps
        taps.holders += 1
    try:
        yield taps
    finally:
        with _lock:
            taps.holders -= 1
            if not taps.holders:
                _taps = None
                taps.undo.close()


@contextlib.contextmanager
def written_to(births: Births) -> Generator[None]:
    """
    Have it written to *births* what is made inside of the block; one at a time.
    """
    with held_taps() as taps, contextlib.ExitStack() as undo:
        if "sqlite3" in sys.modules:  # Few need it, and it takes its time; a program may import it late.
            undo.callback(_replace(sys.modules["sqlite3"], "connect", functools.partial(_open_noted, taps)))
        taps.births = births
        try:
            yield
        finally:
            taps.births = None


def _put_on(taps: Taps) -> None:
    undo = taps.undo
    undo.callback(_after_init(trio.lowlevel.Task, taps, Births.note_task))
    for kind, take in (
        (trio.Lock, "acquire_nowait"),
        (trio.StrictFIFOLock, "acquire_nowait"),
        (trio.CapacityLimiter, "acquire_on_behalf_of_nowait"),
        (WeightedLimiter, "acquire_nowait"),
    ):
        undo.callback(_after_init(kind, taps, Births.note_synchronizer))
        undo.callback(_replace(kind, take, functools.partial(_take_noted, taps)))
    undo.callback(_after_init(trio.MemorySendChannel, taps, _note_channel))
    undo.callback(_after_init(socket.socket, taps, Births.note_socket))
    if sys.platform != "win32":
        undo.callback(_after_init(trio.lowlevel.FdStream, taps, Births.note_socket))
    undo.callback(_after_init(subprocess.Popen, taps, _note_process))
    undo.callback(_replace(threading.Thread, "start", functools.partial(_start_noted, taps)))
    undo.callback(_replace(compat.thread_cache(), "start_thread_soon", functools.partial(_lend_noted, taps)))
    for module in (builtins, io, os):
        undo.callback(_replace(module, "open", functools.partial(_open_noted, taps)))
    names = ("pipe", "pipe2", "dup", "eventfd", "memfd_create", "pidfd_open")
    for owner, name in (*((os, name) for name in names), (compat.processes(), "pidfd_open")):
        if hasattr(owner, name):
            undo.callback(_replace(owner, name, functools.partial(_call_noted, taps)))
    if hasattr(os, "fork"):
        undo.callback(_replace(os, "fork", functools.partial(_fork_noted, taps)))
    undo.callback(_replace(socket.socket, "detach", functools.partial(_detach_noted, taps)))


def _replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> Undo:  # noqa: ANN401 - a class or a module
    """
    Replace a function of a class or module by what *wrap* makes of it, until the returned function is called.
    """
    original = getattr(owner, name)
    inherited = name not in vars(owner)
    ours = functools.wraps(original)(wrap(original))
    setattr(owner, name, ours)

    def undo() -> None:
        if getattr(owner, name) is not ours:
            return  # Somebody else has wrapped it since, and now calls ours: it stays, and notes for nobody.
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, original)

    return undo


def _after_init(kind: type, taps: Taps, note: Callable[[Births, Any], object]) -> Undo:
    """
    Have *note* called with each new instance of *kind*.
    """

    def wrap(original: Callable[..., None]) -> Callable[..., None]:
        def init(self: object, *args: object, **kwargs: object) -> None:
            original(self, *args, **kwargs)
            if taps.births is not None:
                note(taps.births, self)

        return init

    return _replace(kind, "__init__", wrap)


def _note_channel(births: Births, channel: trio.MemorySendChannel[Any]) -> None:
    births.note_channel(compat.channel_state(channel))


def _take_noted(taps: Taps, original: Callable[..., None]) -> Callable[..., None]:
    def take(self: Synchronizer, *args: object) -> None:
        if taps.births is not None:
            taps.births.note_use(self)
        original(self, *args)

    return take


def _note_process(births: Births, process: subprocess.Popen[Any]) -> None:
    command = process.args
    words = [command] if isinstance(command, str | bytes | os.PathLike) else list(command)
    births.note_process(process.pid, " ".join(map(os.fsdecode, words)))


def _start_noted(taps: Taps, original: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    def start(self: threading.Thread) -> None:
        if taps.births is not None:
            taps.births.note_thread(self)
        original(self)

    return start


def _lend_noted(taps: Taps, original: Callable[..., None]) -> Callable[..., None]:
    def start_thread_soon(
        cache: object, fn: Callable[[], Any], deliver: Callable[..., object], *args: str | None
    ) -> None:
        births = taps.births
        if births is None:
            original(cache, fn, deliver, *args)
            return
        number, job = births.note_job(fn, args[0] if args else None)

        def noted_fn() -> Any:  # noqa: ANN401 - what it returns is for the caller
            job.thread = threading.get_ident()
            births.running[job.thread] = job
            try:
                return fn()
            finally:
                del births.jobs[number], births.running[job.thread]
                job.done.set()

        original(cache, noted_fn, deliver, *args)

    return start_thread_soon


def _call_noted(taps: Taps, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - as the original
        made = original(*args, **kwargs)
        if taps.births is not None:
            taps.births.note_descriptors(*(cast("tuple[int, ...]", made) if isinstance(made, tuple) else (made,)))
        return cast("object", made)

    return call


def _fork_noted(taps: Taps, original: Callable[[], int]) -> Callable[[], int]:
    def fork() -> int:
        pid = original()
        if pid and taps.births is not None:
            taps.births.note_process(pid, "a fork of this process")
        return pid

    return fork


def _detach_noted(taps: Taps, original: Callable[[socket.socket], int]) -> Callable[[socket.socket], int]:
    def detach(self: socket.socket) -> int:
        descriptor = original(self)
        if taps.births is not None:
            taps.births.note_descriptors(descriptor)
        return descriptor

    return detach


def _open_noted(taps: Taps, original: Callable[..., object]) -> Callable[..., object]:
    def open_(file: object, *args: object, **keywords: object) -> object:
        opened = original(file, *args, **keywords)
        if taps.births is not None and isinstance(file, int):
            taps.births.note_descriptors(file)
        elif taps.births is not None:  # The name was good enough to be opened.
            taps.births.note_file(absolute(cast("str | bytes | os.PathLike[str]", file)))
        return opened

    return open_
