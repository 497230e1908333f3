"""
What happens to the jobs of groups and pools.
"""

from __future__ import annotations

import attrs

from ._event import Event, Level


@attrs.frozen(kw_only=True)
class JobFailed(Event):
    """
    A job of a pool raised. The error is in its handle too.
    """

    name = "job.failed"
    level = Level.WARNING

    error: BaseException
    """What it raised."""
