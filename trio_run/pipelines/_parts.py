"""
What a pipeline is made of: a source, stages, branches, a sink.

Values that say what is done and how; joining them with channels is their part too, doing the work is in `_flow`.

Law: every part closes what it sends to, and a part that has several senders in front of it ends when the last of them has
closed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import attrs
import trio

from .._names import join
from .._sinks import Stream
from ._flow import End, Flow, OnError, Receive, Send, Work
from ._taps import Tap


@attrs.define(eq=False)
class Plant:
    """
    One run of a pipeline: where its tasks live, and what there is to see of it.
    """

    path: str
    stream: Stream
    nursery: trio.Nursery
    buffer: int
    taps: list[Tap] = attrs.field(factory=list)
    flows: list[Flow] = attrs.field(factory=list)

    def flow(self, name: str, on_error: OnError | Send = OnError.FAIL, inlet: Receive | None = None) -> Flow:
        """
        Return a new flow, to be seen in the statistics.
        """
        flow = Flow(join(self.path, name), name, self.stream, on_error, inlet)
        self.flows.append(flow)
        return flow

    def start(self, flow: Flow, work: Work, *args: object, ends: tuple[End, ...]) -> None:
        """
        Have one more worker at a flow, who has *ends* of channels for himself.
        """
        flow.workers += 1
        self.nursery.start_soon(flow.hold, work, args, ends, self.nursery.cancel_scope, name=flow.path)

    def stop(self, reason: str) -> None:
        """
        Ask all sources to stop.
        """
        for tap in self.taps:
            tap.stop(reason)

    def channel(self) -> tuple[Send, Receive]:
        """
        Return a channel to join two parts.
        """
        return trio.open_memory_channel[Any](self.buffer)


class Middle(Protocol):
    """
    A part that takes items and passes results on.
    """

    def join(self, plant: Plant, receive: Receive, send: Send) -> None:
        """
        Begin to work between two channels, the ends of which it closes.
        """


@attrs.frozen
class Source:
    """
    Where items come from. Made by `source` and `fan_in`.
    """

    name: str
    origins: tuple[tuple[object, tuple[object, ...]], ...]

    def open(self, plant: Plant, send: Send) -> None:
        """
        Begin to send.
        """
        flow = plant.flow(self.name)
        with send:
            for origin, args in self.origins:
                tap = Tap(flow, send.clone(), plant.start)
                plant.taps.append(tap)
                plant.start(flow, tap.run, origin, args, ends=(tap.channel,))


@attrs.frozen
class Stage:
    """
    Something that is done to each item. Made by `stage` and `spread`.
    """

    name: str
    fn: Callable[..., Awaitable[object]]
    workers: int
    on_error: OnError | Send

    def join(self, plant: Plant, receive: Receive, send: Send) -> None:
        """
        Begin to work: several items at a time, whichever is done first going first.
        """
        flow = plant.flow(self.name, self.on_error, receive)
        with receive, send:
            for _ in range(self.workers):
                ends = receive.clone(), send.clone()
                plant.start(flow, flow.relay, self.fn, *ends, ends=ends)


@attrs.frozen
class OrderedStage(Stage):
    """
    A stage the results of which are in the order of the items.
    """

    def join(self, plant: Plant, receive: Receive, send: Send) -> None:
        """
        Begin to work.
        """
        flow = plant.flow(self.name, self.on_error, receive)
        if self.workers == 1:
            plant.start(flow, flow.relay, self.fn, receive, send, ends=(receive, send))
            return
        line, results = trio.open_memory_channel[Any](self.workers)
        plant.start(flow, flow.pass_on, results, send, ends=(results, send))
        with receive, line:
            turn = trio.Lock()
            for _ in range(self.workers):
                ends = receive.clone(), line.clone()
                plant.start(flow, flow.relay_in_order, self.fn, ends[0], turn, ends[1], ends=ends)


@attrs.frozen
class Spread(Stage):
    """
    A stage that makes any number of results of an item.
    """

    def join(self, plant: Plant, receive: Receive, send: Send) -> None:
        """
        Begin to work.
        """
        flow = plant.flow(self.name, self.on_error, receive)
        with receive, send:
            for _ in range(self.workers):
                ends = receive.clone(), send.clone()
                plant.start(flow, flow.spread, self.fn, *ends, ends=ends)


@attrs.frozen
class Branches:
    """
    Parts side by side, whose results are brought together. Made by `fan_out` and `broadcast`.
    """

    name: str
    branches: tuple[tuple[Middle, ...], ...]

    def join(self, plant: Plant, receive: Receive, send: Send) -> None:
        """
        Begin to work: each item goes to the branch that takes it first.
        """
        with receive, send:
            for branch in self.branches:
                join_all(plant, branch, receive.clone(), send.clone())


@attrs.frozen
class Broadcast(Branches):
    """
    Branches each of which gets every item.
    """

    def join(self, plant: Plant, receive: Receive, send: Send) -> None:
        """
        Begin to work: an item goes to all branches before the next is looked at.
        """
        inlets: list[Send] = []
        with send:
            for branch in self.branches:
                inlet, outlet = plant.channel()
                inlets.append(inlet)
                join_all(plant, branch, outlet, send.clone())
        flow = plant.flow(self.name, inlet=receive)

        async def give_to_all(item: object) -> None:
            for inlet in inlets:
                await inlet.send(item)

        plant.start(flow, flow.drain, give_to_all, receive, ends=(receive, *inlets))


def join_all(plant: Plant, parts: Sequence[Middle], receive: Receive, send: Send) -> None:
    """
    Join *parts* one after the other, between two channels.
    """
    *most, last = parts
    for part in most:
        inlet, outlet = plant.channel()
        part.join(plant, receive, inlet)
        receive = outlet
    last.join(plant, receive, send)


@attrs.frozen
class Sink:
    """
    Where items end. Made by `sink`.
    """

    name: str
    fn: Callable[..., Awaitable[object]]
    workers: int
    on_error: OnError | Send
    closes: Send | None = None

    def open(self, plant: Plant, receive: Receive) -> None:
        """
        Begin to take items.
        """
        flow = plant.flow(self.name, self.on_error, receive)
        with receive:
            for _ in range(self.workers):
                end = receive.clone()
                plant.start(flow, flow.drain, self.fn, end, ends=(end,))
