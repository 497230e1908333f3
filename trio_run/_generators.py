"""
How a generator is closed by who has looped over it.

Law: who was given a generator to read closes it, in the task that read it, and hears of what goes wrong; anything else that can
be looped over belongs to whoever made it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import cast


async def close(source: object) -> None:
    """
    Close *source*, if it is a generator, sync or async.

    Raises:
        BaseException: What it raised on its way out, but for GeneratorExit: around that, a nursery in there puts a group.
    """
    if isinstance(source, Generator):
        cast("Generator[object, object, object]", source).close()
    elif isinstance(source, AsyncGenerator):
        try:
            await source.aclose()
        except BaseExceptionGroup as exc:
            rest = exc.split(GeneratorExit)[1]
            if rest is not None:
                raise rest from exc.__cause__
