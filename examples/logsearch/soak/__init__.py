"""
Puts logsearch under load, stops it in the middle, makes it fail, and checks that nothing was lost, doubled or misreported.

    python -m examples.logsearch.soak --lines 1000000 --faults 50

Writers fill and rotate files while the service runs, and clients search all the while. At the end what is in the database is
compared with what was written, and the log of the service with the faults that were asked for.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import attrs
import trio

from .ask import ask_for_ever, make_fail, open_client
from .record import Record
from .service import Service
from .verdict import judge_database, judge_logs
from .write import Writers

SECONDS_TO_CATCH_UP: Final = 120.0


@attrs.frozen(kw_only=True)
class Plan:
    """
    What is to be done.
    """

    lines: int = 1_000_000
    files: int = 5
    rate: float = 20_000.0
    """Lines written per second."""

    stops: int = 1
    """How often the service is stopped and started again while lines are written."""

    crashes: int = 1
    """And how often it is killed without notice."""

    faults: int = 50
    """How often the store and the server are made to fail, each."""

    clients: int = 3


@attrs.frozen
class Report:
    """
    What came of it.
    """

    record: Record
    lines: int
    """Lines in the database."""

    seconds: float
    """From the first line written to the last one found."""

    slowest_stop: float
    noise: list[str]


async def soak(plan: Plan) -> Report:
    """
    Carry out a plan in a folder of its own.
    """
    record = Record()
    with tempfile.TemporaryDirectory(prefix="logsearch-") as top:
        folder, database = Path(top, "logs"), Path(top, "logs.db")
        folder.mkdir()  # noqa: ASYNC240 - a local folder does not block
        service = Service(folder, database, record)
        try:
            async with trio.open_nursery() as nursery:
                await service.start(nursery)
                seconds = await _under_load(plan, service, nursery)
                await service.stop()
        finally:
            service.kill()
        judge_logs(service.logs, record)
        lines = await trio.to_thread.run_sync(judge_database, database, record)
    return Report(record, lines, seconds, service.slowest_stop, service.noise)


async def _under_load(plan: Plan, service: Service, nursery: trio.Nursery) -> float:
    record, began = service.record, trio.current_time()
    async with open_client(service, record) as client, trio.open_nursery() as load:

        async def is_found(number: int) -> bool:
            return bool(await client.is_found(number))

        for _ in range(plan.clients):
            load.start_soon(ask_for_ever, service, record)
        async with trio.open_nursery() as work:
            writers = Writers(service.folder, plan.lines, plan.files, plan.rate, record, is_found)
            work.start_soon(writers.run)
            work.start_soon(_stop_and_start, plan, service, nursery)
            work.start_soon(make_fail, service, record, plan.faults)
        if record.written != plan.lines:
            record.violate(f"{record.written} lines were written, and {plan.lines} were to be.")
        with trio.move_on_after(SECONDS_TO_CATCH_UP) as patience:
            while await client.lines() < record.written:  # noqa: ASYNC110 - another process has no Event
                await trio.sleep(0.1)
        if patience.cancelled_caught:
            record.violate(f"Not all lines were there {SECONDS_TO_CATCH_UP:g} s after the last one was written.")
        load.cancel_scope.cancel(reason="all is written down")
    return trio.current_time() - began


async def _stop_and_start(plan: Plan, service: Service, nursery: trio.Nursery) -> None:
    ends = [service.stop] * plan.stops + [service.crash] * plan.crashes
    for number, end in enumerate(ends, start=1):
        while service.record.written < plan.lines * number / (len(ends) + 1):  # noqa: ASYNC110 - a count has no Event
            await trio.sleep(0.02)
        async with service.record.shaking:
            await end()
            await service.start(nursery)
