"""
Looks: what is there now, as snapshots.

Each function looks at one side of the world and returns `Thing`s. What the record knows of a thing is added; whether it is a
leak is not decided here.
"""

from __future__ import annotations

# pyright: reportPrivateUsage=false
# What `sys` has with an underscore is documented, and has no other name.
import io
import os
import re
import socket
import sys
import threading
import warnings
from collections.abc import Hashable, Iterable, Iterator, Sequence
from types import AsyncGeneratorType, CoroutineType, FrameType
from typing import Any, cast

import trio
from trio.lowlevel import Task

from .. import _trio_compat as compat
from .._pool import Worker
from .._tasks import all_tasks
from .._weighted import WeightedLimiter
from ._births import Birth, Births, Entry, HasFileno, Synchronizer, holders_of
from ._machine import Descriptor, descriptors, processes
from ._places import is_foreign, places_of, spelled, stack_of
from ._things import Kind, Snapshot, Thing
from ._watch import is_telling, kind_of

_OF_DESCRIPTORS = frozenset([Kind.FILE, Kind.PIPE, Kind.SOCKET, Kind.DESCRIPTOR])

_NOT_OURS: frozenset[int] = frozenset()


def _named(birth: Birth | None) -> dict[str, Any]:
    """
    Return the fields of a thing that its birth tells.
    """
    if birth is None:
        return {}
    return {"made": birth.made, "owner": birth.owner, "function": birth.function, "inside": birth.inside}


# The machine's side.


def at_machine(births: Births) -> Iterator[Thing]:
    """
    Look at descriptors, child processes and threads.
    """
    known = births.by_descriptor()
    for descriptor in descriptors():
        yield _of_descriptor(descriptor, known.get(descriptor.number), births)
    for process in processes(births.processes):
        command, birth = births.processes.get(process.number, (process.command, None))
        kind = Kind.ZOMBIE if process.ended else Kind.PROCESS
        key = (process.number, process.started)
        yield Thing(kind=kind, key=key, name=command, which=f"pid {process.number}", **_named(birth))
    yield from at_threads(births)


def note_open(before: Snapshot, births: Births) -> None:
    """
    Note which descriptors were open before the record was begun, unless somebody did.
    """
    if births.open_before is None:
        keys = [thing.key for thing in before.things if thing.kind in _OF_DESCRIPTORS]
        births.open_before = dict(cast("list[tuple[int, str]]", keys))


def _of_descriptor(descriptor: Descriptor, known: tuple[HasFileno, Birth] | None, births: Births) -> Thing:
    name, which, birth = descriptor.kind.value, f"fd {descriptor.number}", births.descriptors.get(descriptor.number)
    if known is not None:
        thing, birth = known
        if isinstance(thing, socket.socket):
            name, which = _spell_socket(thing), f"{which} {_address(thing)}".rstrip()
    elif descriptor.kind is Kind.FILE:
        name, birth = descriptor.target, _birth_of_file(births, descriptor.target)
    elif descriptor.kind is Kind.DESCRIPTOR:
        name = descriptor.target.removeprefix("anon_inode:")
    key = (descriptor.number, descriptor.target)
    return Thing(kind=descriptor.kind, key=key, name=name, which=which, **_named(birth))


def _birth_of_file(births: Births, target: str) -> Birth | None:
    birth = births.files.get(target)
    if birth is None:
        name = os.path.basename(target)  # noqa: PTH119 - paths are text here
        alike = (path for path in births.files if path.endswith(name) and os.path.realpath(path) == target)
        birth = births.files.get(next(alike, ""))
    if birth is None and target.endswith(" (deleted)"):
        birth = births.files.get(os.path.dirname(target))  # noqa: PTH120 - made in a folder, and without a name
    return birth


def _spell_socket(thing: socket.socket) -> str:
    family, kind = thing.family, thing.type
    return f"{getattr(family, 'name', family)} {getattr(kind, 'name', kind)} socket"


def _address(thing: socket.socket) -> str:
    try:
        return str(thing.getsockname() or "")
    except OSError:
        return ""


# Threads.


def at_threads(births: Births) -> Iterator[Thing]:
    """
    Look at threads: Python's own, calls in trio's, and those that no `threading.Thread` stands for.
    """
    frames = sys._current_frames()  # noqa: SLF001 - the documented way to the stacks of threads
    for number, job in tuple(births.jobs.items()):
        stands = _places(frames.get(job.thread)) if job.thread is not None else ()
        yield Thing(kind=Kind.THREAD, key=number, name=job.name, stands=stands, **_named(job.birth))
    listed = {thread.ident: thread for thread in threading.enumerate()}
    for ident, frame in frames.items():
        thread = listed.get(ident)
        if ident == threading.get_ident() or _is_of_trio(frame) or getattr(thread, "is_of_leak_check", False):
            continue
        full = "a thread that threading does not know" if thread is None else thread.name
        name = _without_number(full)
        yield Thing(
            kind=Kind.THREAD,
            key=(ident, id(thread)),
            name=name,
            which=full if full != name else "",
            stands=_places(frame),
            **_named(None if thread is None else births.threads.get(thread)),
        )


def _places(frame: FrameType | None) -> tuple[str, ...]:
    return places_of(list(stack_of(frame)))


def _is_of_trio(frame: FrameType | None) -> bool:
    """
    Tell whether this is a thread of trio's: its calls are seen by themselves, and between two calls it only waits.
    """
    loop = compat.thread_loop()
    while frame is not None:
        if frame.f_code is loop:
            return True
        frame = frame.f_back
    return False


def _without_number(name: str) -> str:
    """
    Return the name of a thread as threads alike have it: ``Thread-3 (work)`` is ``work``.
    """
    found = re.fullmatch(r"Thread-\d+(?: \((.*)\))?", name)
    return (found[1] or "Thread") if found else name


# trio's side.


def at_tasks(births: Births) -> Iterator[Thing]:
    """
    Look at the tasks of this run that were started under some check.
    """
    for task in all_tasks():
        birth = births.tasks.get(task)
        if birth is not None and not _is_spared(task):
            yield of_task(task, birth)


def _is_spared(task: Task) -> bool:
    """
    Tell whether *task* is a part of trio, or cleans up after what was found already.
    """
    return task.parent_nursery is None or task.name.startswith("close asyncgen ") or compat.is_trios_own(task)


def of_task(task: Task, birth: Birth) -> Thing:
    """
    Return the thing that a task is.
    """
    worker = find_worker(task)
    parent = task.parent_nursery.parent_task if task.parent_nursery is not None else None
    if parent is None:
        owner = ""
    elif compat.is_trios_own(parent):  # It is a system task, and the system did not ask for it.
        owner = birth.owner
    else:
        owner = parent.name
    return Thing(
        kind=Kind.TASK if worker is None else Kind.WORKER,
        key=id(task),
        name=task.name if worker is None or not worker.title else f"{task.name}, at work on {worker.title}",
        function=getattr(task.coro, "__qualname__", ""),
        owner=owner if worker is None else worker.crew.path,
        made=birth.made,
        stands=places_of(list(task.iter_await_frames())),
        inside=birth.inside,
    )


def find_worker(task: Task) -> Worker | None:
    """
    Return the worker of a pool that *task* is, if it is one.
    """
    frame = getattr(task.coro, "cr_frame", None)
    if frame is None or frame.f_code.co_varnames[:1] != ("self",):
        return None
    worker = frame.f_locals.get("self")
    return worker if isinstance(worker, Worker) else None


def at_generators(births: Births) -> Iterator[Thing]:
    """
    Look at async generators that are suspended at a ``yield``.
    """
    for ref, birth in tuple(births.generators.values()):
        generator: AsyncGeneratorType[Any, Any] | None = ref()
        if generator is not None and generator.ag_frame is not None and not generator.ag_running:
            yield Thing(
                kind=Kind.ASYNC_GENERATOR,
                key=id(generator),
                name=generator.__qualname__,
                function=generator.__qualname__,
                owner=birth.owner,
                made=birth.made,
                stands=places_of([(generator.ag_frame, generator.ag_frame.f_lineno)]),
                inside=birth.inside,
            )


# What is held, by whomever.


def at_held(births: Births) -> Iterator[Thing]:
    """
    Look at locks, tokens and channels that were made or taken under some check.
    """
    for entry in tuple(births.synchronizers.entries.values()):
        for number, holder in holders_of(entry.thing).items():
            if number not in entry.holders:
                yield from _of_synchronizer(entry, number, holder, births)
    for entry in tuple(births.channels.entries.values()):
        state, birth = entry.thing, entry.birth
        statistics = state.statistics()
        if statistics.open_send_channels and statistics.open_receive_channels:
            name = f"memory channel with {statistics.current_buffer_used} of {statistics.max_buffer_size} items in it"
            yield Thing(kind=Kind.CHANNEL, key=id(state), name=name, **_named(birth))


Loan = tuple[Kind, Hashable, str]
"""What was lent: its kind, what tells it apart, and its name."""


def _of_synchronizer(entry: Entry, number: int, holder: object, births: Births) -> Iterator[Thing]:
    thing: Synchronizer = entry.thing
    if isinstance(thing, WeightedLimiter):
        name = f"WeightedLimiter({thing.statistics().tokens})"
        yield Thing(kind=Kind.LOAN, key=(id(thing), number), name=name, **_named(entry.birth))
    elif not isinstance(thing, trio.CapacityLimiter):
        lock: Loan = (Kind.LOCK, id(compat.lot_of(thing)), f"trio.{type(thing).__name__}")
        yield _of_loan(lock, holder, entry.birth, births)
    elif not isinstance(holder, compat.thread_token()):  # A call in a thread speaks for itself.
        loan: Loan = (Kind.LOAN, (id(thing), number), f"trio.CapacityLimiter({thing.total_tokens})")
        yield _of_loan(loan, holder, entry.birth, births)


def _of_loan(loan: Loan, owner: object, birth: Birth | None, births: Births) -> Thing:
    inside = birth.inside if birth is not None else None
    stands: tuple[str, ...] = ()
    holder = repr(owner)
    if isinstance(owner, Task):
        holder, stands = owner.name, places_of(list(owner.iter_await_frames()))
        if birth is None and not _is_current(owner):
            borrower = births.tasks.get(owner)
            inside = borrower.inside if borrower is not None else _NOT_OURS
    elif isinstance(owner, Worker):
        holder = owner.crew.path
    return Thing(
        kind=loan[0],
        key=loan[1],
        name=loan[2],
        owner=holder,
        function=birth.function if birth is not None else "",
        made=birth.made if birth is not None else (),
        stands=stands,
        inside=inside,
    )


def _is_current(task: Task) -> bool:
    try:
        return task is trio.lowlevel.current_task()
    except RuntimeError:
        return False


# What was dropped.


def at_coroutines(coroutines: Iterable[CoroutineType[Any, Any, Any]]) -> Iterator[Thing]:
    """
    Look at coroutines that nobody awaits.
    """
    for coroutine in coroutines:
        yield _of_coroutine(coroutine)


def _of_coroutine(coroutine: CoroutineType[Any, Any, Any]) -> Thing:
    origin = coroutine.cr_origin or ()
    points = [point for point in origin if not is_foreign(point[0])] or list(origin[:1])
    name = coroutine.__qualname__
    return Thing(kind=Kind.COROUTINE, key=id(coroutine), name=name, function=name, made=spelled(points))


def at_warnings(log: Sequence[warnings.WarningMessage], births: Births) -> Iterator[Thing]:
    """
    Look at what Python warned of: things that were dropped before they were closed.
    """
    for number, warning in enumerate(log):
        if not is_telling(warning, births):
            continue
        source: Any = warning.source
        kind = kind_of(source)
        text = str(warning.message)
        if text.startswith("subprocess "):
            continue  # The process itself is seen.
        if kind is CoroutineType:
            yield _of_coroutine(source)
        elif kind is AsyncGeneratorType:
            name, birth = source.__qualname__, births.of(births.generators, source)
            yield Thing(
                kind=Kind.ASYNC_GENERATOR,
                key=("dropped", number),
                name=f"{name}, dropped before its end",
                **_named(birth),
            )
        else:
            yield _of_dropped(number, source, text, births)


def _of_dropped(number: int, source: object, text: str, births: Births) -> Thing:
    birth = births.of(births.sockets, source)
    if birth is None and isinstance(source, io.IOBase):
        birth = births.of_file(getattr(source, "name", None))
    name = re.sub(r" at 0x[0-9a-fA-F]+|fd=\d+, |, (?:l|r)addr=\([^)]*\)", "", text)
    return Thing(kind=Kind.RESOURCE, key=("dropped", number), name=name, **_named(birth))
