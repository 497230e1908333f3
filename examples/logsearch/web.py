"""
Answers over HTTP: searches, health, and failures on demand.

Two children. `Port` holds the listening socket; `Http` serves what comes in on it. When the server fails, the socket stays:
who connects meanwhile waits in its queue, and is served by the next life.

Laws: every answer is made of committed lines, whatever became of the store. The three indexes are asked at the same time, and
what one of them says is from one moment. A server that is stopped, or asked to fail, answers first what it was asked before.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from socket import AF_INET, AF_INET6, create_server, socket
from typing import Final

import attrs
import hypercorn.trio
import structlog
import trio
from hypercorn.config import Config, Sockets
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import trio_run as tr

from .database import BadQuery, Readers
from .faults import Fault, Faults
from .lines import Index
from .watch import Watch

QUERIES_AT_ONCE: Final = 6
MOST_HITS: Final = 1000
SECONDS_TO_DRAIN: Final = 4.0
"""How long requests in hand may take once the server is to stop."""

log = structlog.get_logger("logsearch")

COMPLAINTS: Final = logging.getLogger("logsearch.http")
"""Where hypercorn writes what goes wrong. Where it listens is in the log already."""

COMPLAINTS.setLevel(logging.WARNING)


class PortTrouble(OSError):
    """
    The port cannot be listened on. The message says why, and what can be done.
    """


@attrs.define(eq=False)
class Port:
    """
    A child that holds the listening socket.
    """

    _host: str
    _number: int
    listening: socket = attrs.field(init=False)

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Listen, and let others accept.

        Raises:
            PortTrouble: The port is in use, or is none.
        """
        with self._listen() as self.listening:
            host, number = self.listening.getsockname()[:2]
            log.info("http.listening", url=f"http://{f'[{host}]' if ':' in host else host}:{number}")
            task_status.started()
            await trio.sleep_forever()

    def _listen(self) -> socket:
        family = AF_INET6 if ":" in self._host else AF_INET
        try:
            return create_server((self._host, self._number), family=family, backlog=1024)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                why, way_out = "is in use", "Stop who uses it, or choose another --port; 0 takes one that is free"
            else:
                why, way_out = f"cannot be listened on: {exc.strerror}", "Choose another --port or --host"
            raise PortTrouble(f"Port {self._number} of {self._host} {why}. {way_out}.") from exc


class _Config(Config):
    """
    What hypercorn is to do, on a socket that is there already.
    """

    backlog = 1024
    graceful_timeout = SECONDS_TO_DRAIN + 1  # Not reached: `Http` is quicker.
    include_server_header = False
    errorlog = COMPLAINTS

    def __init__(self, listening: socket) -> None:
        super().__init__()
        self._listening = listening

    def create_sockets(self) -> Sockets:
        """
        Hand out the socket.
        """
        return Sockets(secure_sockets=[], insecure_sockets=[self._listening], quic_sockets=[])


@attrs.define(eq=False)
class Counter:
    """
    An ASGI application around another, which knows how many requests are in hand.
    """

    _app: Callable[..., Awaitable[None]]
    _in_hand: int = 0
    _idle: trio.Event = attrs.field(factory=trio.Event)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """
        Pass a request on.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._in_hand += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()

    async def wait_idle(self) -> None:
        """
        Wait until each request is answered.
        """
        await trio.lowlevel.checkpoint()
        while self._in_hand:
            self._idle = trio.Event()
            await self._idle.wait()


@attrs.define(eq=False)
class Http:
    """
    A child that serves.
    """

    _port: Port
    _path: Path
    _make_site: Callable[[tr.Pool, Readers], Site]
    _faults: Faults

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Serve until asked to stop, and then until what was asked is answered.
        """
        over = trio.Event()
        with contextlib.closing(Readers(self._path)) as readers, self._port.listening.dup() as listening:
            async with tr.open_pool(QUERIES_AT_ONCE) as pool, trio.open_nursery() as nursery:
                site = Counter(self._make_site(pool, readers).make_app())
                serve = functools.partial(hypercorn.trio.serve, site, _Config(listening), shutdown_trigger=over.wait)
                await nursery.start(serve)
                task_status.started()
                fault = await self._wait_until_over()
                over.set()  # No more is accepted.
                # Not left to hypercorn: once it shuts down it keeps a connection that had a request in hand until its
                # graceful_timeout, as its reader then waits for a next request that cannot come.
                with trio.move_on_after(SECONDS_TO_DRAIN):
                    await site.wait_idle()
                nursery.cancel_scope.cancel(reason="all that was asked is answered")
        if fault is not None:
            raise fault

    async def _wait_until_over(self) -> Fault | None:
        try:
            with self._faults.exposed("http"):
                await tr.wait_stopping()
        except Fault as exc:
            return exc
        return None


@attrs.define(eq=False)
class Site:
    """
    What can be asked.
    """

    _pool: tr.Pool
    _readers: Readers
    _watch: Watch
    _is_store_up: Callable[[], bool]
    _faults: Faults | None
    """Whom a request may make fail; None if that is not offered."""

    def make_app(self) -> Starlette:
        """
        Return what is to be served.
        """
        routes = [Route("/search", self.search), Route("/healthz", self.health)]
        if self._faults is not None:
            routes.append(Route("/fault/{name:path}", self.fault, methods=["POST"]))
        return Starlette(routes=routes)

    async def search(self, request: Request) -> JSONResponse:
        """
        ``GET /search?q=QUERY&limit=HITS``: ask the three indexes at once.
        """
        query, limit = request.query_params.get("q", "").strip(), request.query_params.get("limit", "20")
        if not query:
            return _bad_request("Say what to search for, as in /search?q=timeout.")
        if not limit.isdecimal() or not 0 <= int(limit) <= MOST_HITS:
            return _bad_request(f"limit={limit!r} is not a whole number from 0 to {MOST_HITS}.")
        answer: dict[str, object] = {"query": query}
        refusal = ""
        try:
            async with tr.open_group(pool=self._pool) as group:
                found = {index: group.start_soon(self._ask, index, query, int(limit)) for index in Index}
            answer |= {index.value: handle.value for index, handle in found.items()}
        except* BadQuery as errors:
            refusal = str(errors.exceptions[0])  # All three say the same.
        return _bad_request(refusal) if refusal else JSONResponse(answer)

    async def health(self, _request: Request) -> JSONResponse:
        """
        ``GET /healthz``: whether lines are being written down, and how many are.
        """
        status = "stopping" if tr.stopping() else "ok" if self._is_store_up() else "the store is down"
        counts = await trio.to_thread.run_sync(self._readers.counts)
        places = await trio.to_thread.run_sync(self._readers.places)
        lag = 0
        for source in self._watch.sources:
            here, written = source.place, places.get(source.key)
            is_same = here is not None and written is not None and here.generation == written.generation
            lag += max(0, source.size - (written.offset if is_same and written else 0))
        answer = {
            "status": status,
            "files": counts.pop("files"),
            "lines": counts,
            "followed": len(self._watch.sources),
            "lag_bytes": lag,
            "unreadable": {source.name: source.trouble for source in self._watch.sources if source.trouble},
        }
        return JSONResponse(answer, status_code=200 if status == "ok" else 503)

    async def fault(self, request: Request) -> JSONResponse:
        """
        ``POST /fault/NAME``: make a child raise.
        """
        name, faults = request.path_params["name"], self._faults
        if faults is None or name not in faults.names:
            names = ", ".join(faults.names) if faults is not None else ""
            return JSONResponse({"error": f"Nobody called {name!r} is up. There are: {names}."}, status_code=404)
        faults.strike(name)
        return JSONResponse({"failing": name}, status_code=202)

    async def _ask(self, index: Index, query: str, limit: int) -> dict[str, object]:
        return await trio.to_thread.run_sync(self._readers.search, index, query, limit)


def _bad_request(error: str) -> JSONResponse:
    return JSONResponse({"error": error}, status_code=400)
