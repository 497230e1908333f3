"""
What users hold of actors that end together.
"""

from __future__ import annotations

from typing import final

from .._names import checked
from ._actor import Actor, as_actor
from ._show import Show, new_show


@final
class Actors:
    """
    Actors that end together: a runner, to which more can be added before and while it runs.

    `add` is safe from every task of the run; from other threads it goes through `trio.from_thread`.

    Args:
        *actors: Each an `Actor`, or what may stand for a runner.
        name: What logs and trees call them together.

    Raises:
        TypeError: Something cannot run.
        ValueError: *name* is no step of a path.
    """

    def __init__(self, *actors: object, name: str = "actors") -> None:
        self.name: str = checked(name, "a set of actors")
        self._actors = [as_actor(actor) for actor in actors]
        self._show: Show | None = None

    def __repr__(self) -> str:
        return f"<Actors {self.name}: {', '.join(actor.name for actor in self._actors)}>"

    @property
    def grace(self) -> float:
        """
        The longest grace of an actor, in seconds: so long they may take to end.
        """
        return max((actor.grace for actor in self._actors), default=0.0)

    def add(self, actor: object) -> Actor:
        """
        Add an actor. While the others run it begins at once.

        Args:
            actor: An `Actor`, or what may stand for a runner.

        Returns:
            The actor that was added.

        Raises:
            Closed: The actors are ending, so it would be interrupted before it began. The ``__cause__`` is the error that
                ended the first, if it was one.
            TypeError: *actor* cannot run.
        """
        actor = as_actor(actor)
        if self._show is not None:
            self._show.begin(actor)
        self._actors.append(actor)
        return actor

    async def run(self) -> None:
        """
        Run all actors until the first exit, then interrupt all and wait until they are gone.

        A request to stop, where this runs as a child or an actor, is such an exit too. Without actors it returns at once.

        Raises:
            ExceptionGroup: What actors and interrupts raised: all of it, in the order of time.
            BaseExceptionGroup: One of them raised what is no `Exception`.
            RuntimeError: It runs already.

        Cancellation:
            Every interrupt is called, with no time to wait for anything, and all actors are cancelled at once.
        """
        if self._show is not None:
            raise RuntimeError(f"The actors of {self.name} run already. Make another `Actors` for another run of them.")
        self._show = new_show(self.name, self)
        try:
            await self._show.run(tuple(self._actors))
        finally:
            self._show = None


async def run_actors(*actors: object, name: str = "actors") -> None:
    """
    Run actors that end together: the first exit, good or bad, interrupts the rest.

    Args:
        *actors: Each an `Actor`, or what may stand for a runner.
        name: What logs and trees call them together.

    Raises:
        TypeError: Something cannot run.
        ExceptionGroup: What actors and interrupts raised: all of it, in the order of time.
        BaseExceptionGroup: One of them raised what is no `Exception`.

    Cancellation:
        Every interrupt is called, with no time to wait for anything, and all actors are cancelled at once.
    """
    await Actors(*actors, name=name).run()
