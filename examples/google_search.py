"""
Google Search 2.0: ask three kinds of servers at once, three replicas of each, take the first answer of each kind, and take no
longer than a deadline.

    python -m examples.google_search golang

The servers are real ones, on ports of this machine; each takes a random time to answer, and some take too long. What Go's talk
on concurrency patterns builds in five steps from channels and select is here a group, a pool and a cancel scope.
"""

from __future__ import annotations

import argparse
import random
import socket
from collections.abc import Sequence

import attrs
import httpx
import trio
from hypercorn.config import Config, Sockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import trio_run as tr

KINDS = ("web", "image", "video")
REPLICAS = 3


@attrs.frozen
class Answer:
    """
    What came of one search.
    """

    results: tuple[str, ...]
    """The first answer of each kind, for as many kinds as answered in time."""

    seconds: float


class Search:
    """
    A search over kinds of servers, each kind with replicas.

    Args:
        client: Who asks.
        pool: How many questions are asked at a time, over all searches.
        replicas: The addresses of servers, by kind.
        deadline: Seconds for one search.
    """

    def __init__(
        self, client: httpx.AsyncClient, pool: tr.Pool, replicas: dict[str, list[str]], deadline: float
    ) -> None:
        self._client, self._pool, self._replicas, self._deadline = client, pool, replicas, deadline

    async def search(self, query: str) -> Answer:
        """
        Ask all kinds at once.
        """
        start = trio.current_time()
        hits: list[tr.Handle[str | None]] = []
        with trio.move_on_after(self._deadline):
            async with tr.open_group(name="kinds") as group:
                hits += [group.start_soon(self._first, kind, query) for kind in self._replicas]
        found = [hit.value for hit in hits if hit.state is tr.State.FINISHED]
        return Answer(tuple(each for each in found if each is not None), trio.current_time() - start)

    async def _first(self, kind: str, query: str) -> str | None:
        """
        Return the first answer of any replica; the others are told to stop.
        """
        first: str | None = None

        async def ask(address: str) -> None:
            nonlocal first
            response = await self._client.get(address, params={"q": query})
            response.raise_for_status()
            if first is None:
                first = response.text
            group.cancel(f"a replica of {kind} has answered")

        async with tr.open_group(name=kind, pool=self._pool) as group:
            for address in self._replicas[kind]:
                group.start_soon(ask, address)
        return first


def site(kind: str, slowest: float) -> Starlette:
    """
    Return an application that answers after a while, of up to *slowest* seconds.
    """

    async def answer(request: Request) -> PlainTextResponse:
        await trio.sleep(random.uniform(0, slowest))  # noqa: S311 - no secret
        return PlainTextResponse(f"{kind} result for {request.query_params['q']!r}")

    return Starlette(routes=[Route("/", answer)])


class Listening(Config):  # type: ignore[misc] # hypercorn has no types
    """
    What hypercorn is to do, on a socket that is there already.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__()
        self._listener = listener
        self.errorlog = None
        self.graceful_timeout = 0.1

    def create_sockets(self) -> Sockets:
        """
        Return the socket.
        """
        return Sockets([], [self._listener], [])


def listen() -> socket.socket:
    """
    Return a socket that listens on a free port.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0)
    return listener


async def search_all(queries: Sequence[str], deadline: float, slowest: float) -> list[Answer]:
    """
    Open the servers, search for each of *queries*, and close everything again.
    """
    replicas: dict[str, list[str]] = {kind: [] for kind in KINDS}
    async with tr.open_supervisor("servers") as servers:
        for kind in KINDS:
            for number in range(REPLICAS):
                listener = listen()
                server = tr.hypercorn_actor(site(kind, slowest), Listening(listener), name="http")
                servers.start_soon(tr.Child(server, name=f"{kind}-{number}"))
                replicas[kind].append("http://{}:{}/".format(*listener.getsockname()))
        async with httpx.AsyncClient() as client, tr.open_pool(len(KINDS) * REPLICAS) as pool:
            engine = Search(client, pool, replicas, deadline)
            answers = [await engine.search(query) for query in queries]
        servers.request_stop("all is found")
    return answers


def main() -> None:
    """
    Search for what the command line says.
    """
    parser = argparse.ArgumentParser(prog="python -m examples.google_search")
    parser.add_argument("queries", nargs="+", metavar="QUERY", help="what to search for")
    parser.add_argument("--deadline", type=float, default=0.080, help="seconds for each search (default: 0.08)")
    parser.add_argument("--slowest", type=float, default=0.100, help="seconds that a server may take (default: 0.1)")
    options = parser.parse_args()
    for answer in trio.run(search_all, options.queries, options.deadline, options.slowest):
        print(*answer.results, f"{answer.seconds * 1000:.0f} ms", sep="\n")


if __name__ == "__main__":
    main()
