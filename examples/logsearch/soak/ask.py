"""
Asks the service all the while, checks each answer, and makes it fail.

Laws: an answer is right or it is a violation. A connection may be cut only while something is made to fail or stopped, and be
refused only while the service is stopped: while the server alone is down, connections wait.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncGenerator
from typing import Any

import attrs
import httpx
import trio

from .corpus import line_of
from .record import Record
from .service import Service

INDEXES = ("errors", "warnings", "rest")


@attrs.define(eq=False)
class Client:
    """
    One that asks.
    """

    service: Service
    record: Record
    http: httpx.AsyncClient
    _found: list[int] = attrs.field(factory=list)
    _most: int = 0

    async def ask_for_ever(self) -> None:
        """
        Ask this and that.
        """
        while True:
            for _ in range(8):
                await self.is_found(random.randrange(max(1, self.record.written)))  # noqa: S311
                if self._found:
                    number = random.choice(self._found)  # noqa: S311
                    if await self.is_found(number) is False:
                        self.record.violate(f"Line {number} was found before, and is not now.")
            await self._ask_for_all()
            await self._ask_for_health()
            refusal = await self._get("/search", q='"never closed')
            if refusal is not None and refusal.status_code != 400:
                self.record.violate(f"A query that is none was answered {refusal.status_code}.")

    async def is_found(self, number: int) -> bool | None:
        """
        Search for one line, check what is found, and tell whether it was; None if nobody answered.
        """
        response = await self._get("/search", q=f"n{number:09}")
        if response is None or not self._is_ok(response):
            return None
        hits = [(index, hit["line"]) for index in INDEXES for hit in response.json()[index]["hits"]]
        if hits not in ([], [line_of(number)]):
            self.record.violate(f"The search for line {number} gave {hits}.")
        if hits and len(self._found) < 1000:
            self._found.append(number)
        return bool(hits)

    async def lines(self) -> int:
        """
        Return how many lines the service says it has; 0 if it does not say.
        """
        response = await self._get("/healthz")
        return sum(response.json()["lines"].values()) if response is not None else 0

    async def is_well(self) -> bool:
        """
        Tell whether the service says that all is well.
        """
        response = await self._get("/healthz")
        return response is not None and response.status_code == 200

    async def strike(self, name: str) -> None:
        """
        Make a child fail, once it is up to do so.
        """
        while True:
            try:
                response = await self.http.post(f"/fault/{name}")
            except httpx.TransportError:
                self.record.counts[f"faults of {name} in doubt"] += 1
            else:
                if response.status_code == 202:
                    self.record.counts[f"faults of {name}"] += 1
                    return
            await trio.sleep(0.05)

    async def _ask_for_all(self) -> None:
        """
        Search for a word that is in every line: their number only grows.
        """
        response = await self._get("/search", q="order OR deploy OR shop", limit="3")
        if response is None or not self._is_ok(response):
            return
        total = sum(response.json()[index]["total"] for index in INDEXES)
        if total < self._most:
            self.record.violate(f"There were {self._most} lines, and now there are {total}.")
        self._most = total

    async def _ask_for_health(self) -> None:
        response = await self._get("/healthz")
        if response is not None:
            status = response.json()["status"]
            self.record.counts[f"healthz {response.status_code}"] += 1
            if (response.status_code == 200) != (status == "ok") or response.status_code not in {200, 503}:
                self.record.violate(f"GET /healthz was answered {response.status_code} {status!r}.")

    async def _get(self, path: str, **params: Any) -> httpx.Response | None:  # noqa: ANN401 - whatever can stand in a URL
        was_up, was_shaken = self.service.is_up, self.record.shaking.locked()
        try:
            response = await self.http.get(path, params=params)
        except httpx.TransportError as exc:
            is_refusal = isinstance(exc, httpx.ConnectError)
            self.record.counts["connections refused" if is_refusal else "connections cut"] += 1
            is_stopped = not (was_up and self.service.is_up)
            is_shaken = was_shaken or self.record.shaking.locked()
            if not is_stopped and (is_refusal or not is_shaken):
                self.record.violate(f"GET {path} {params} got {exc!r}, for no reason.")
            await trio.sleep(0.05)
            return None
        self.record.counts["answers"] += 1
        return response

    def _is_ok(self, response: httpx.Response) -> bool:
        if response.status_code != 200:
            self.record.violate(f"{response.url} was answered {response.status_code}: {response.text[:200]}")
        return response.status_code == 200


@contextlib.asynccontextmanager
async def open_client(service: Service, record: Record) -> AsyncGenerator[Client]:
    """
    Make a client with connections of its own.
    """
    async with httpx.AsyncClient(base_url=service.url, timeout=20) as http:
        yield Client(service, record, http)


async def ask_for_ever(service: Service, record: Record) -> None:
    """
    Ask as one client does.
    """
    async with open_client(service, record) as client:
        await client.ask_for_ever()


async def make_fail(service: Service, record: Record, times: int) -> None:
    """
    Make the store and the server fail, in turns, so many times each.
    """
    async with open_client(service, record) as client:
        for name in ("store", "http") * times:
            await trio.sleep(random.uniform(0.2, 0.6))  # noqa: S311
            async with record.shaking:
                await client.strike(name)
                await trio.sleep(0.05)
                while not await client.is_well():  # noqa: ASYNC110 - another process has no Event
                    await trio.sleep(0.02)
