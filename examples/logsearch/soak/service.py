"""
The service as a process of its own, run by the very command that a user would type.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from .record import Record

SECONDS_TO_STOP: Final = 10.0
TOP: Final = Path(__file__).parents[3]
"""Where the command is run, so that it finds the examples."""


def free_port() -> int:
    """
    Return a port that nobody listens on.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@attrs.define(eq=False)
class Service:
    """
    A process that can be started and stopped again and again.
    """

    folder: Path
    database: Path
    record: Record
    port: int = attrs.field(factory=free_port)
    logs: list[list[dict[str, Any]]] = attrs.field(factory=list)
    """The log of each process, as far as it is JSON."""

    noise: list[str] = attrs.field(factory=list)
    """Lines on stderr that are not."""

    is_up: bool = False
    slowest_stop: float = 0.0
    _process: trio.Process | None = None
    _closed: trio.Event = attrs.field(factory=trio.Event)  # Its log is read to the end.

    @property
    def url(self) -> str:
        """
        Where it answers.
        """
        return f"http://127.0.0.1:{self.port}"

    async def start(self, nursery: trio.Nursery) -> None:
        """
        Start it, and wait until it is ready.
        """
        command = [sys.executable, "-m", "trio_run", "run", "examples.logsearch:app", "--"]
        command += [str(self.folder), "--db", str(self.database), "--port", str(self.port), "--faults"]
        path = os.pathsep.join(filter(None, [str(TOP), os.environ.get("PYTHONPATH")]))
        self._process = await trio.lowlevel.open_process(
            command, stderr=subprocess.PIPE, cwd=TOP, env={**os.environ, "PYTHONPATH": path}
        )
        self._closed = trio.Event()
        await nursery.start(self._read_log, self._process)
        self.is_up = True

    async def stop(self) -> None:
        """
        Send it SIGTERM, and wait until it is gone.
        """
        if self._process is None:
            raise RuntimeError("It was never started.")
        self.is_up, asked = False, trio.current_time()
        self._process.send_signal(signal.SIGTERM)
        with trio.move_on_after(SECONDS_TO_STOP) as patience:
            await self._process.wait()
        if patience.cancelled_caught:
            self.record.violate(f"It had not stopped {SECONDS_TO_STOP:g} s after SIGTERM.")
            self._process.kill()
            await self._process.wait()
        elif self._process.returncode != -signal.SIGTERM:
            self.record.violate(f"It ended with {self._process.returncode} after SIGTERM.")
        self.slowest_stop = max(self.slowest_stop, trio.current_time() - asked)
        self.record.counts["stops"] += 1
        await self._closed.wait()

    async def crash(self) -> None:
        """
        Kill it without notice, and wait until it is gone.
        """
        if self._process is None:
            raise RuntimeError("It was never started.")
        self.is_up = False
        self._process.kill()
        await self._process.wait()
        self.record.counts["crashes"] += 1
        await self._closed.wait()

    def kill(self) -> None:
        """
        Kill it, if it runs.
        """
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    async def _read_log(self, process: trio.Process, *, task_status: trio.TaskStatus[None]) -> None:
        log: list[dict[str, Any]] = []
        self.logs.append(log)
        rest = b""
        if process.stderr is None:
            raise RuntimeError("It has no stderr.")
        async with process.stderr:
            async for data in process.stderr:
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if not line.startswith(b"{"):
                        self.noise.append(line.decode(errors="replace"))
                        continue
                    log.append(json.loads(line))
                    if (log[-1]["event"], log[-1].get("path")) == ("supervisor.ready", "logsearch"):
                        task_status.started()
        self._closed.set()
