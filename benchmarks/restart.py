"""
Crash to ready again: one child, many restarts in the window, and many siblings.

Beside a loop by hand that opens a nursery and starts the child in it again, and beside triotp and OTP's own supervisor where
they are installed. Times are those of the processor, for one event, in microseconds: nothing here waits for anything else.

- ``crash``: a child that is up raises, and is ready again; at once, and for ever. Nobody listens, and nothing is logged.
- ``logged``: the same, and `logging` writes each failure down, with its traceback.
- ``no events``: the same as ``crash`` without the code that makes events: what is missing then is what they cost unheard.
- ``window``: the same as ``crash`` where the budget remembers so many restarts.
- ``crash among``, ``start and remove among``: one event where there are so many other children.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import math
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path
from unittest import mock

import trio

import trio_run as tr
from trio_run.supervision._report import Report

from ._measure import Contender, Result, Row, take_turns
from .supervise import served, start_bare, weigh

EVENTS = 2_000
WINDOWS = (0, 300, 14_000)
SIBLINGS = (100, 100_000)
WEIGHED = 1_000

_LOG = logging.getLogger("benchmarks.restart")
_OTP = Path(__file__).with_name("otp_restart.escript")


class Failing:
    """
    The child: ready at once, then at work; it fails as often as it is told to, and then stays.
    """

    def __init__(self) -> None:
        self.left = 0
        self.steady = trio.Event()
        self.again = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """
        Live one life.
        """
        task_status.started()
        if not self.left:
            self.steady.set()
            await self.again.wait()
        self.left -= 1
        await trio.lowlevel.checkpoint()
        raise ConnectionError("the other side has closed the connection")

    async def fail(self, times: int) -> float:
        """
        Fail so many times; return the seconds from one failure until it was ready again.
        """
        await self.steady.wait()
        if times == 0:
            return 0.0
        again, self.again, self.steady = self.again, trio.Event(), trio.Event()
        self.left = times
        begin = time.process_time()
        again.set()
        await self.steady.wait()
        return (time.process_time() - begin) / times

    async def fail_both_ways(self, times: int) -> Mapping[str, float]:
        """
        Fail with nothing logged, and with all.
        """
        taken = {"crash": await self.fail(times)}
        with logged_as(logging.WARNING):
            return taken | {"logged": await self.fail(max(1, times // 10))}


@contextlib.contextmanager
def logged_as(level: int) -> Generator[None]:
    """
    Log what is at least *level*, to nowhere.
    """
    root = logging.getLogger()
    handlers, before = root.handlers, root.level
    root.handlers = [logging.StreamHandler(io.StringIO())]
    root.setLevel(level)
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(before)


async def by_hand(events: int) -> Mapping[str, float]:
    """
    A loop around a nursery, as one writes it.
    """
    child = Failing()

    async def keep() -> None:
        while True:
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(child.run)
            except Exception as exc:  # noqa: BLE001 - as a supervisor does
                _LOG.warning("the child failed", exc_info=exc)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep)
        taken = await child.fail_both_ways(events)
        nursery.cancel_scope.cancel(reason="measured")
    return taken


@contextlib.asynccontextmanager
async def kept(child: Failing, *siblings: tr.Child, budget: float = math.inf) -> AsyncGenerator[tr.Supervisor]:
    """
    Run a supervisor that brings the child back at once.
    """
    backoff, budget_of_all = tr.Backoff(first=0), tr.Budget(restarts=budget, per=1e9)
    first = tr.Child(child, name="child")
    async with tr.open_supervisor("top", first, *siblings, backoff=backoff, budget=budget_of_all) as supervisor:
        yield supervisor


async def ours(events: int) -> Mapping[str, float]:
    """
    A supervisor.
    """
    child = Failing()
    async with kept(child):
        return await child.fail_both_ways(events)


class Silent(Report):
    """
    What is left of the events when their code is taken out.
    """

    def _nothing(self, *_details: object) -> int:
        return 0

    child_starting = child_ready = child_ended = scheduled = _nothing  # type: ignore[assignment]  # all that a crash calls


async def without_events(events: int) -> Mapping[str, float]:
    """
    A supervisor that makes no events.
    """
    child = Failing()
    with mock.patch("trio_run.supervision._handle.Report", Silent):
        async with kept(child):
            return {"crash": await child.fail(events)}


async def with_window(restarts: int, events: int) -> Mapping[str, float]:
    """
    A supervisor whose budget remembers so many restarts, and forgives them.
    """
    child = Failing()
    async with kept(child, budget=10**9):
        await child.fail(restarts)
        return {"crash": await child.fail(max(1, events // 10))}


async def among(siblings: int) -> Mapping[str, float]:
    """
    A supervisor with so many other children.
    """
    child, events = Failing(), max(1, EVENTS // 4)
    others = (tr.Child(served, name=str(index)) for index in range(siblings))
    async with kept(child, *others) as supervisor:
        taken = {"crash": await child.fail(events)}
        begin = time.process_time()
        for _ in range(events):
            await supervisor.start(tr.Child(served, name="guest"))
            await supervisor.remove("guest")
        return taken | {"start and remove": (time.process_time() - begin) / events}


def triotp_contender() -> Contender | None:
    """
    Return a run of triotp's supervisor, if it is installed.
    """
    try:
        from triotp import supervisor  # noqa: PLC0415 - optional
    except ImportError:
        return None

    async def triotp(events: int) -> Mapping[str, float]:
        child = Failing()
        specs = [supervisor.child_spec(id="child", task=child.run, args=[])]
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.start, specs, supervisor.options(max_restarts=10**9, max_seconds=10**9))
            taken = {"crash": await child.fail(events)}
            nursery.cancel_scope.cancel(reason="measured")
        return taken

    return triotp


def otp_windows() -> dict[int, float]:
    """
    Return the seconds that OTP's own supervisor takes with each window; nothing where Erlang is not installed.
    """
    escript = shutil.which("escript")
    if escript is None:
        return {}
    command = [escript, str(_OTP), str(max(1, EVENTS // 10)), *map(str, WINDOWS)]
    said = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout  # noqa: S603 - its own file
    return {int(window): float(taken) / 1e6 for window, taken in map(str.split, said.splitlines())}


async def start_crashed(nursery: trio.Nursery, size: int) -> None:
    """
    Start a supervisor with so many children in *nursery*, each in its second life.
    """
    failing = [Failing() for _ in range(size)]
    children = (tr.Child(child, name=str(index)) for index, child in enumerate(failing))
    budget, backoff = tr.Budget(restarts=10**9), tr.Backoff(first=0)
    await nursery.start(tr.Supervisor("top", *children, budget=budget, backoff=backoff).run)
    for child in failing:
        await child.fail(1)


def run(rounds: int) -> Result:
    """
    Measure all, and return rows and ratios.
    """
    with logged_as(logging.CRITICAL):
        rows, ratios = _crashes(rounds)
        for measure in (_windows, _siblings):
            more, found = measure(rounds)
            rows += more
            ratios |= found
        bare, crashed = (trio.run(weigh, start, WEIGHED) for start in (start_bare, start_crashed))
    ratios["memory after a crash: bytes a child above bare"] = crashed - bare
    notes = []
    if "crash triotp" not in {row.case for row in rows}:
        notes.append("triotp is not installed (it needs Python 3.13): no rows for it.")
    if shutil.which("escript") is None:
        notes.append("Erlang is not installed: no rows for OTP.")
    return Result("restart", tuple(rows), ratios, tuple(notes))


def _crashes(rounds: int) -> tuple[list[Row], dict[str, float]]:
    contenders: dict[str, Contender] = {"by hand": by_hand, "trio_run": ours, "no events": without_events}
    triotp = triotp_contender()
    if triotp is not None:
        contenders["triotp"] = triotp
    found = take_turns(contenders, EVENTS, rounds)
    rows = [Row(f"{phase} {name}", taken * 1e6) for name, each in found.items() for phase, taken in each.items()]
    mine = found["trio_run"]
    ratios = {f"{phase}: trio_run / by hand": mine[phase] / found["by hand"][phase] for phase in mine}
    ratios["crash: trio_run / no events"] = mine["crash"] / found["no events"]["crash"]
    if triotp is not None:
        ratios["crash: trio_run / triotp"] = mine["crash"] / found["triotp"]["crash"]
    return rows, ratios


def _windows(rounds: int) -> tuple[list[Row], dict[str, float]]:
    contenders: dict[str, Contender] = {str(size): functools.partial(with_window, size) for size in WINDOWS}
    found = take_turns(contenders, EVENTS, rounds)
    suppliers = {"trio_run": {size: found[str(size)]["crash"] for size in WINDOWS}, "OTP": otp_windows()}
    rows = [Row(f"window {size} {who}", taken * 1e6) for who, each in suppliers.items() for size, taken in each.items()]
    small, large = WINDOWS[0], WINDOWS[-1]
    ratios = {
        f"window: {large} / {small} restarts in it, {who}": each[large] / each[small]
        for who, each in suppliers.items()
        if each
    }
    return rows, ratios


def _siblings(rounds: int) -> tuple[list[Row], dict[str, float]]:
    found = {size: take_turns({"trio_run": among}, size, min(rounds, 3))["trio_run"] for size in SIBLINGS}
    rows = [Row(f"{event} among {size}", taken * 1e6) for size, each in found.items() for event, taken in each.items()]
    small, large = SIBLINGS
    ratios = {f"{event}: among {large} / {small}": found[large][event] / found[small][event] for event in found[small]}
    return rows, ratios
