"""
What users hold of a pipeline: a runner made of parts.

Law: asked to stop, a pipeline asks its sources and does what is under way to the end; cancelled, it drops what is under way.
"""

from __future__ import annotations

from typing import final

import trio

from .._names import checked, join
from .._sinks import current_stream
from .._stopping import Life, current_life
from ._flow import StageStatistics
from ._make import checked_middle
from ._parts import Middle, Plant, Sink, Source, join_all


@final
class Pipeline:
    """
    A source, stages and a sink, joined by bounded channels: a runner.

    Each part sends to the next and closes when it has no more, so the whole ends when the source has. A part that is slower than
    those before it holds them up: between two parts there are never more than *buffer* items.

    A pipeline can be run again, if its source can. `statistics` is safe from every task of the run; from other threads it goes
    through `trio.from_thread`.

    Args:
        *parts: From `source` or `fan_in`, then from `stage`, `spread`, `fan_out` and `broadcast`, and last from `sink`.
        buffer: How many items wait between two parts; 0 hands each over directly.
        name: What logs and trees call it.

    Raises:
        TypeError: A part is in a place that it does not fit.
        ValueError: *buffer* or *name* is out of range.

    Stages that close what they send to, and several workers that read from one channel, are the idea of the Go team's article
    on pipelines.
    """

    def __init__(self, *parts: object, buffer: int = 16, name: str = "pipeline") -> None:
        self.name: str = checked(name, "a pipeline")
        if isinstance(buffer, bool) or not isinstance(buffer, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"The buffer of {name} is a number of items, not {buffer!r}.")
        if buffer < 0:
            raise ValueError(f"The buffer of {name} is {buffer}, and has to be 0 items or more.")
        if len(parts) < 2 or not isinstance(parts[0], Source) or not isinstance(parts[-1], Sink):
            raise TypeError(
                f"{name} begins with a source() and ends in a sink(), with parts between that have both neighbours."
            )
        self._buffer = buffer
        self._source = parts[0]
        self._sink = parts[-1]
        self._middle: list[Middle] = [checked_middle(part, name) for part in parts[1:-1]]
        self._plant: Plant | None = None
        self._runs = False

    def __repr__(self) -> str:
        return f"<Pipeline {self.name}: {len(self._middle) + 2} parts, {'running' if self._runs else 'not running'}>"

    def statistics(self) -> tuple[StageStatistics, ...]:
        """
        Return what each part is doing, or has done in the last run; the source first. Empty before the first run.
        """
        plant = self._plant
        if plant is None:
            return ()
        source, sink, *middle = plant.flows
        return tuple(flow.statistics() for flow in (source, *middle, sink))

    async def run(self) -> None:
        """
        Run the pipeline until its source has no more and every item is done.

        Raises:
            ExceptionGroup: A part failed; each error has a note that says which.
            RuntimeError: It runs already.

        Cancellation:
            Everything is cancelled at once, and items under way are dropped. To lose none, ask the child that runs this to
            stop: sources stop, and the rest has the child's grace to finish.
        """
        if self._runs:
            raise RuntimeError(f"{self.name} runs already. Make another `Pipeline` for another run of it.")
        self._runs, life = True, current_life()
        try:
            async with trio.open_nursery() as nursery:
                self._plant = plant = self._open(nursery, life)
                if life is not None:
                    life.on_stop(self, plant.stop)
        finally:
            self._runs = False
            if life is not None:
                life.forget(self)
            if self._sink.closes is not None:
                self._sink.closes.close()

    def _open(self, nursery: trio.Nursery, life: Life | None) -> Plant:
        """
        Begin to work.
        """
        path = self.name if life is None else life.path if life.runner is self else join(life.path, self.name)
        plant = Plant(path, current_stream(), nursery, self._buffer)
        inlet, outlet = plant.channel()
        self._source.open(plant, inlet)
        if self._middle:
            last, end = plant.channel()
            self._sink.open(plant, end)
            join_all(plant, self._middle, outlet, last)
        else:
            self._sink.open(plant, outlet)
        return plant
