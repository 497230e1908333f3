"""
What a task waits for, read off the frames of its await stack.

The frames of trio tell which primitive it is, and the innermost frame outside of trio is the user's line. How the tasks hang
together is not known here. Only names that are public in trio are looked at: functions, and their parameters.

Law: a wait that is not known is shown by the name of the function; nothing is guessed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import attrs
import trio

AwaitFrames = Sequence[tuple[FrameType, int]]
"""
Frames with the line that each is at, outermost first.
"""

_Describe = Callable[[dict[str, Any]], str]


@attrs.frozen
class Frame:
    """
    One line of a stack.
    """

    file: str
    """The whole path."""

    line: int

    function: str
    """With its class, as in ``Mailer.run``."""

    def __str__(self) -> str:
        return f"{_short(self.file)}:{self.line} {self.function}"


@attrs.frozen
class Wait:
    """
    What a task waits for.
    """

    primitive: str
    """The call that waits, as in ``Event.wait`` or ``sleep``; ``children`` at the end of a nursery."""

    at: Frame | None
    """The user's line; None in a task that has no line of a user's."""

    detail: str = ""
    """What else is known of what it waits for, as in ``held by shop/db#1``."""

    def __str__(self) -> str:
        return f"{self.primitive} ({self.detail})" if self.detail else self.primitive


@attrs.frozen
class Reading:
    """
    What all the tasks that stand at the same lines have in common.
    """

    stack: tuple[Frame, ...]
    """The lines outside of trio, outermost first."""

    index: int
    """Which of the frames, trio's included, knows what is waited for."""

    describe: _Describe | None
    """Makes the detail of a wait of the locals of that frame."""

    plain: Wait
    """The wait without a detail, one for all of them."""

    def wait(self, frames: AwaitFrames) -> Wait:
        """
        Return what the one task waits for whose *frames* these are.
        """
        if self.describe is None:
            return self.plain
        return Wait(self.plain.primitive, self.plain.at, self.describe(frames[self.index][0].f_locals))


def read(frames: AwaitFrames) -> Reading:
    """
    Read off what a task with these *frames* waits for.
    """
    user = inner = -1
    stack: list[Frame] = []
    for index, (frame, line) in enumerate(frames):
        root = _root(frame)
        if root not in _MACHINERY:
            stack.append(frame_of(frame.f_code, line))
            inner = index
            if root != "trio_run":
                user = index
    at = frame_of(frames[user][0].f_code, frames[user][1]) if user >= 0 else None
    primitive, index, describe = _primitive(frames, inner + 1)
    called = [frame.f_code.co_qualname for frame, _ in frames[user + 1 : inner + 1]] if user >= 0 else []
    ours = next((name for name in called if name in _OURS), None)
    if ours is not None:
        return Reading(tuple(stack), index, None, Wait(ours, at))
    return Reading(tuple(stack), index, describe, Wait(primitive, at))


def frame_of(code: CodeType, line: int) -> Frame:
    """
    Return *line* of *code* as it is shown.
    """
    return Frame(code.co_filename, line, code.co_qualname.replace(".<locals>", ""))


def is_machinery(frame: FrameType) -> bool:
    """
    Tell whether *frame* belongs to trio, or to what stands between trio and who uses it.
    """
    return _root(frame) in _MACHINERY


def _primitive(frames: AwaitFrames, start: int) -> tuple[str, int, _Describe | None]:
    """
    Return the primitive that the *frames* from *start* on wait in, the frame it is told by, and how.
    """
    call = ""
    for index in range(start, len(frames)):
        frame = frames[index][0]
        if _root(frame) != "trio":
            continue
        name = frame.f_code.co_qualname
        if name in _KNOWN:
            title, describe = _KNOWN[name]
            return title or call or name, index, describe
        if not call and not name.rpartition(".")[2].startswith("_"):
            call = name
    return call or "checkpoint", start, None


def _root(frame: FrameType) -> str:
    """
    Return the package that the code of *frame* belongs to.
    """
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


_MACHINERY: Final = frozenset({"trio", "outcome", "contextlib"})


def _short(file: str) -> str:
    """
    Leave out of a path what is the same for all files of a project.
    """
    for folder in (str(Path.cwd()), *sys.path):
        if folder and file.startswith(folder.rstrip(os.sep) + os.sep):
            return file[len(folder.rstrip(os.sep)) + 1 :]
    return file


def _lock(values: dict[str, Any]) -> str:
    found = values["self"].statistics()
    return f"held by {found.owner.name if found.owner else 'nobody'}, {found.tasks_waiting} waiting"


def _waiting(values: dict[str, Any]) -> str:
    return f"{values['self'].statistics().tasks_waiting} waiting"


def _limiter(values: dict[str, Any]) -> str:
    found = values["self"].statistics()
    return f"{found.borrowed_tokens} of {found.total_tokens} borrowed, {found.tasks_waiting} waiting"


def _channel(values: dict[str, Any]) -> str:
    found = values["self"].statistics()
    return (
        f"{found.current_buffer_used} of {found.max_buffer_size} buffered, "
        f"{found.open_send_channels} senders, {found.open_receive_channels} receivers"
    )


def _children(values: dict[str, Any]) -> str:
    return str(len(values["self"].child_tasks))


def _sleep(values: dict[str, Any]) -> str:
    return f"{max(0.0, values['deadline'] - trio.current_time()):.3g} s more"


def _thread(values: dict[str, Any]) -> str:
    function = values["sync_fn"]
    return str(getattr(function, "__qualname__", None) or function)


def _descriptor(values: dict[str, Any]) -> str:
    thing = values.get("fd", values.get("sock"))
    return f"file descriptor {thing if isinstance(thing, int) else thing.fileno()}" if thing is not None else ""


def _process(values: dict[str, Any]) -> str:
    return f"process {values['self'].pid}"


_OURS: Final = frozenset({"wait_stopping", "Handle.wait", "Pool.submit", "Pool.run", "Pool.start"})
"""
Calls of trio_run that users wait in, by their qualified names. They are what is waited for, not what they are made of.
"""

_KNOWN: Final[dict[str, tuple[str, _Describe | None]]] = {
    "Event.wait": ("Event.wait", None),
    "_LockImpl.acquire": ("Lock.acquire", _lock),
    "Condition.wait": ("Condition.wait", None),
    "Semaphore.acquire": ("Semaphore.acquire", _waiting),
    "CapacityLimiter.acquire_on_behalf_of": ("CapacityLimiter.acquire", _limiter),
    "MemorySendChannel.send": ("MemorySendChannel.send", _channel),
    "MemoryReceiveChannel.receive": ("MemoryReceiveChannel.receive", _channel),
    "Nursery.start": ("Nursery.start", None),
    "Nursery._nested_child_finished": ("children", _children),
    "SignalReceiver.__anext__": ("SignalReceiver", None),
    "sleep_until": ("sleep", _sleep),
    "sleep_forever": ("sleep_forever", None),
    "to_thread_run_sync": ("to_thread.run_sync", _thread),
    "Process.wait": ("Process.wait", _process),
    "wait_readable": ("", _descriptor),
    "wait_writable": ("", _descriptor),
}
"""
By the qualified name of a function of trio: how its wait is called, and what its locals tell. Where there is no name of its
own, it is called by the function of trio that the user called.
"""
