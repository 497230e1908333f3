"""
What happens to the stages of a pipeline.
"""

from __future__ import annotations

import attrs

from ._event import Event, Level


@attrs.frozen(kw_only=True)
class StageFinished(Event):
    """
    A stage has had its last item.
    """

    name = "stage.finished"
    level = Level.DEBUG

    done: int
    """Items that it passed on."""

    skipped: int
    """Items that it could not do, and left out."""


@attrs.frozen(kw_only=True)
class StageSkipped(Event):
    """
    A stage could not do an item, and left it out.
    """

    name = "stage.skipped"
    level = Level.WARNING

    item: str
    """The item, as its `repr`, cut where that is long."""

    error: BaseException
    """What was raised over it."""


@attrs.frozen(kw_only=True)
class StageFailed(Event):
    """
    A stage failed, and the pipeline with it.
    """

    name = "stage.failed"
    level = Level.ERROR

    error: BaseException
    """What it raised."""
