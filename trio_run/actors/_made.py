"""
Ready-made actors: signals, scopes, listeners, files, a web server, a process.

Each is an ordinary `Actor`; how actors end together is in `_show`.

Laws: one that was interrupted ends without an error. What it opened, it closes; what it was given to read or serve, it closes
too.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

import trio

from .._runner import may_be_async
from .._stopping import cancel_on_stop, wait_stopping
from ..errors import SignalReceived
from ._actor import Actor

S = TypeVar("S", bound=trio.abc.Stream)

SECONDS_TO_DIE = 5.0
"""
How long a process that was killed may take to be gone.
"""

_CHUNK = 65536


def signal_actor(*signals: signal.Signals, name: str = "signals") -> Actor:
    """
    Return an actor that fails when one of *signals* arrives, so that the others end.

    When the actors end it lets go of the signals; a second one does then what it does by default. Not for programs run by
    ``trio-run``, which looks after signals itself.

    Args:
        *signals: One or more, as in ``signal.SIGTERM``.
        name: What logs call it.

    Returns:
        The actor. It raises `SignalReceived`, and runs in the main thread only.

    Raises:
        ValueError: There are no signals, or one cannot be caught.
        TypeError: Something is no signal.
    """
    if not signals:
        raise ValueError("signal_actor() waits for no signal: name one or more, as in signal_actor(signal.SIGTERM).")
    for each in signals:
        if not isinstance(each, signal.Signals):
            raise TypeError(f"A signal is one of signal.Signals, as in signal.SIGTERM, and {each!r} is none.")
        if each.name in {"SIGKILL", "SIGSTOP"}:
            raise ValueError(f"{each.name} cannot be caught; nobody hears of it but the kernel.")

    async def wait_for_signal() -> None:
        with trio.open_signal_receiver(*signals) as arriving, cancel_on_stop():
            async for number in arriving:
                raise SignalReceived(signal.Signals(number))

    return Actor(wait_for_signal, name=name)


def scope_actor(scope: trio.CancelScope, *, name: str = "scope") -> Actor:
    """
    Return an actor that ends when *scope* is cancelled, by whoever has it or by its deadline.

    The interrupt cancels the scope. To be run once, since a scope can be entered only once.

    Args:
        scope: A scope that nobody has entered.
        name: What logs call it.

    Returns:
        The actor. It ends without an error.

    Raises:
        TypeError: *scope* is no cancel scope.
    """
    if not isinstance(scope, trio.CancelScope):
        raise TypeError(f"scope_actor() takes a trio.CancelScope, not {scope!r}.")

    async def wait_in_scope() -> None:
        with scope:
            await trio.sleep_forever()

    return Actor(wait_in_scope, interrupt=lambda: scope.cancel(reason=f"{name} was interrupted"), name=name)


def listener_actor(
    handler: Callable[[S], Awaitable[object]],
    *listeners: trio.abc.Listener[S],
    name: str = "listener",
    grace: float = 5.0,
) -> Actor:
    """
    Return an actor that serves what comes in at *listeners*, each connection in a task of its own.

    When it is interrupted it accepts no more and closes the listeners; connections under way have the grace to end. To be run
    once, since it closes the listeners.

    Args:
        handler: An async function that is given each connection. What it raises ends the actor with that error.
        *listeners: One or more, as from `trio.open_tcp_listeners`.
        name: What logs call it.
        grace: Seconds between the interrupt and the cancellation of what is still under way.

    Returns:
        The actor.

    Raises:
        TypeError: *handler* is not async, or something is no listener.
        ValueError: There are no listeners.
    """
    if not callable(handler) or not may_be_async(handler):
        raise TypeError(f"The handler of {name} is an async function that takes a stream, not {handler!r}.")
    if not listeners:
        raise ValueError(f"{name} has no listeners: give one or more, as from trio.open_tcp_listeners.")
    for each in listeners:
        if not isinstance(each, trio.abc.Listener):
            raise TypeError(f"{name} listens at trio listeners, given one by one (*listeners), and {each!r} is none.")

    async def serve() -> None:
        async with trio.open_nursery() as connections:
            with cancel_on_stop():
                await trio.serve_listeners(handler, list(listeners), handler_nursery=connections)

    return Actor(serve, name=name, grace=grace)


def file_actor(
    file: io.IOBase | int,
    handle: Callable[[bytes], Awaitable[object]],
    *,
    name: str = "file",
    grace: float = 5.0,
) -> Actor:
    """
    Return an actor that reads *file* line by line until its end: a pipe, a terminal, a socket, or a file on a disk.

    When it is interrupted it reads no more and closes the file; lines that it has read are handled within the grace. To be run
    once, since it closes the file.

    Args:
        file: A file descriptor, or a file object that nobody has read from.
        handle: An async function that is given each line as bytes, with its line end.
        name: What logs call it.
        grace: Seconds between the interrupt and being cancelled.

    Returns:
        The actor. It returns at the end of the file, and so ends the others; see `OnExit` if it should not.

    Raises:
        TypeError: *handle* is not async, or *file* is no file.
    """
    if not callable(handle) or not may_be_async(handle):
        raise TypeError(f"{name} hands each line to an async function, and {handle!r} is none.")
    if not isinstance(file, io.IOBase | int) or isinstance(file, bool):
        raise TypeError(f"{name} reads a file descriptor or an open file, and {file!r} is neither.")

    async def read() -> None:
        async with _reading(file) as receive:
            rest = b""
            while True:
                chunk = b""
                with cancel_on_stop() as reading:
                    chunk = await receive()
                if not chunk:
                    break
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    await handle(line + b"\n")
            if rest and not reading.cancelled_caught:  # Interrupted, it may be one half of a line.
                await handle(rest)

    return Actor(read, name=name, grace=grace)


@contextlib.asynccontextmanager
async def _reading(file: io.IOBase | int) -> AsyncGenerator[Callable[[], Awaitable[bytes]]]:
    """
    Give a function that receives the next bytes of *file*, and close it in the end.
    """
    descriptor = file if isinstance(file, int) else file.fileno()
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode) or sys.platform == "win32":
            async with trio.wrap_file(os.fdopen(os.dup(descriptor), "rb", buffering=0)) as plain:
                yield lambda: plain.read(_CHUNK)
        else:
            async with trio.lowlevel.FdStream(os.dup(descriptor)) as stream:
                yield lambda: stream.receive_some(_CHUNK)
    finally:
        if isinstance(file, int):
            os.close(file)
        else:
            file.close()


def hypercorn_actor(app: object, config: object, *, name: str = "http", grace: float | None = None) -> Actor:
    """
    Return an actor that serves an ASGI or WSGI application with hypercorn's trio worker.

    When it is interrupted it accepts no more; requests under way have hypercorn's ``graceful_timeout``.

    Args:
        app: The application.
        config: A ``hypercorn.config.Config``.
        name: What logs call it.
        grace: Seconds between the interrupt and being cancelled. The default is the config's ``graceful_timeout``, and one
            second more.

    Returns:
        The actor.

    Raises:
        ImportError: hypercorn is not installed.
    """
    serve: Any = importlib.import_module("hypercorn.trio").serve
    if grace is None:
        grace = float(getattr(config, "graceful_timeout", 4.0)) + 1.0

    async def serve_http() -> None:
        await serve(app, config, shutdown_trigger=wait_stopping)

    return Actor(serve_http, name=name, grace=grace)


def process_actor(
    *command: str | os.PathLike[str],
    name: str | None = None,
    grace: float = 5.0,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Actor:
    """
    Return an actor that runs a command, in a session of its own.

    When it is interrupted the command and all it has started get SIGTERM, and SIGKILL when the grace is over.

    Args:
        *command: The program and its arguments.
        name: What logs call it. The default is the program's name.
        grace: Seconds between the interrupt and SIGKILL.
        cwd: The folder to run it in.
        env: Its environment.

    Returns:
        The actor. It raises `subprocess.CalledProcessError` if the command ends with a status other than 0, and, once it was
        interrupted, with one other than SIGTERM's.

    Raises:
        ValueError: There is no command.
        TypeError: A part of it is no string or path.
    """
    if not command:
        raise ValueError("process_actor() runs a command: name the program and its arguments.")
    for word in command:
        if not isinstance(word, str | os.PathLike):
            raise TypeError(f"process_actor() takes a program and its arguments one by one (*command), not {word!r}.")
    words = [os.fspath(word) for word in command]

    async def run_command() -> None:
        process = await trio.lowlevel.open_process(
            words, stdin=subprocess.DEVNULL, cwd=cwd, env=env, start_new_session=True
        )
        clean = {0}
        try:
            with cancel_on_stop():
                await process.wait()
            if process.returncode is None:
                _signal_all(process, signal.SIGTERM)
                clean |= {-signal.SIGTERM, 128 + signal.SIGTERM}
                await process.wait()
        finally:
            await _end(process)
        if process.returncode not in clean:
            raise subprocess.CalledProcessError(cast("int", process.returncode), words)

    return Actor(run_command, name=os.path.basename(words[0]) if name is None else name, grace=grace)  # noqa: PTH119


async def _end(process: trio.Process) -> None:
    """
    Kill what is left of a command.
    """
    if process.returncode is not None:
        return
    _signal_all(process, signal.SIGKILL)
    with trio.CancelScope(deadline=trio.current_time() + SECONDS_TO_DIE, shield=True):
        await process.wait()
    if process.returncode is None:
        raise trio.TooSlowError(f"Process {process.pid} was sent SIGKILL {SECONDS_TO_DIE:g} s ago, and is still there.")


def _signal_all(process: trio.Process, number: signal.Signals) -> None:
    """
    Send a signal to a command and to what it has started.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
