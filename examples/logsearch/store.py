"""
The stage that writes lines down. It owns the database.

Each life opens the database and an inbox of its own. When the store fails, what waits in the inbox is lost on purpose: all who
send to it are started again after it, ask how far their files are written down, and send again from there.

Laws: a thread is waited for, never abandoned, so that a stop at any point leaves whole transactions. A question is answered
after everything that came in before it is written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

from .database import Database
from .faults import Faults
from .lines import Batch, Place, Question

BATCHES_AT_ONCE: Final = 32
"""At most so many batches are written in one transaction."""

SECONDS_TO_CLOSE: Final = 5.0


@attrs.define(eq=False)
class Store:
    """
    The only child that writes to the database.
    """

    _path: Path
    _faults: Faults
    _writer: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))
    inbox: trio.MemorySendChannel[Batch | Question] = attrs.field(init=False)
    """Where this life takes its work from."""

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Write down what comes in. Ready when the database is open.

        Raises:
            DatabaseTrouble: The database cannot be opened.
            OutOfStep: A follower is not where the database is. The next life sets that right.
            sqlite3.Error: The disk is full, or the like.

        Cancellation:
            A transaction that has begun is finished first.
        """
        database = await trio.to_thread.run_sync(Database.open, self._path, limiter=self._writer)
        try:
            self.inbox, arrivals = trio.open_memory_channel[Batch | Question](BATCHES_AT_ONCE)
            task_status.started()
            with self._faults.exposed("store"):
                while True:
                    await self._take(database, await _gather(arrivals))
        finally:
            with trio.move_on_after(SECONDS_TO_CLOSE, shield=True):
                await trio.to_thread.run_sync(database.close, limiter=self._writer)

    async def _take(self, database: Database, messages: Sequence[Batch | Question]) -> None:
        questions = [message for message in messages if isinstance(message, Question)]
        batches = [message for message in messages if isinstance(message, Batch)]
        places = await trio.to_thread.run_sync(_write_and_look, database, batches, questions, limiter=self._writer)
        for question, place in zip(questions, places, strict=True):
            question.answer(place)


async def _gather(arrivals: trio.MemoryReceiveChannel[Batch | Question]) -> list[Batch | Question]:
    """
    Wait for one message, and take along what else is there.
    """
    messages = [await arrivals.receive()]
    while len(messages) < BATCHES_AT_ONCE:
        try:
            messages.append(arrivals.receive_nowait())
        except trio.WouldBlock:
            break
    return messages


def _write_and_look(database: Database, batches: Sequence[Batch], questions: Sequence[Question]) -> list[Place]:
    if batches:
        database.write(batches)
    return [database.place(question.key) for question in questions]
