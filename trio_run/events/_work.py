"""
What happens to the jobs of groups and pools.
"""

from __future__ import annotations

import attrs

from ._event import Event, Level


@attrs.frozen(kw_only=True)
class JobFailed(Event):
    """
    A job of a group or pool raised. The error is in its handle too.
    """

    name = "job.failed"
    level = Level.WARNING

    error: BaseException
    """What it raised."""


@attrs.frozen(kw_only=True)
class WorkerFailed(Event):
    """
    What a worker of a pool had opened for itself could not be closed, or broke while no job used it.
    """

    name = "worker.failed"
    level = Level.WARNING

    error: BaseException
    """What was raised."""


@attrs.frozen(kw_only=True)
class PoolSaturated(Event):
    """
    There was no room for a job: it was refused, or waits in line. Not told again before the pool has recovered.
    """

    name = "pool.saturated"

    total: float
    """How many jobs may run at a time."""

    waiting: int
    """How many jobs had been taken, and waited."""


@attrs.frozen(kw_only=True)
class PoolRecovered(Event):
    """
    A pool that was saturated has room again: half of its places for waiting jobs are free, and nobody waits in line.
    """

    name = "pool.recovered"

    total: float
    """How many jobs may run at a time."""

    waiting: int
    """How many jobs had been taken, and waited."""
