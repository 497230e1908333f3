"""
What the tests told again from other supervisors share: children without arguments, and short ways to look at them.
"""

from __future__ import annotations

import trio

import trio_run as tr

BOOM = OSError("boom")

AT_ONCE = tr.Backoff(first=0.0)
"""No delay between restarts, as in OTP."""

PATIENT = tr.Backoff(first=5.0, max=5.0, jitter=0.0)
"""The first restart at once, each other after 5 s."""


async def keep(*args: object) -> None:
    """
    Run until cancelled.
    """
    del args
    await trio.sleep_forever()


async def fails() -> None:
    """
    Fail at once, when ready.
    """
    raise BOOM


async def refuses(*, task_status: trio.TaskStatus[None]) -> None:
    """
    Fail before being ready.
    """
    del task_status
    raise BOOM


async def ignores(*, task_status: trio.TaskStatus[None]) -> None:
    """
    Have nothing to do.
    """
    del task_status
    raise tr.Ignore


def kept(*names: str) -> list[tr.Child]:
    """
    A child for each name that runs until cancelled.
    """
    return [tr.Child(keep, name=name) for name in names]


def phases(supervisor: tr.Supervisor) -> list[tuple[str, str]]:
    """
    The children in start order, with what they are doing.
    """
    return [(each.name, each.phase) for each in supervisor.statistics()]


def lives(supervisor: tr.Supervisor) -> list[tuple[str, int]]:
    """
    The children in start order, with the number of lives each has had.
    """
    return [(each.name, each.life) for each in supervisor.statistics()]
