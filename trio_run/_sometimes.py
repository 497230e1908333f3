"""
Faults at named places.

Code that knows how it can fail says so with `sometimes`, and a test makes it so. What decides in a test is not known here.

Laws: outside of a test the answer is False, and costs one comparison. One test decides at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

_decide: Callable[[str], bool] | None = None


def sometimes(name: str) -> bool:
    """
    Tell whether to fail on purpose here. Always False, unless a test drives it.

    For failures that do not come from a wait, such as a full disk or half a message::

        if sometimes("disk full"):
            raise OSError(errno.ENOSPC, "no space left")

    `trio_run.testing.fault_everywhere` tries each call once. To `trio_run.testing.explore` each call is a choice like those of
    who goes next: searched, replayed by the token, and left out where the failure does not need it. The idea is that of BUGGIFY
    in FoundationDB.

    Safe in every task and thread.

    Args:
        name: What happens, for reports.

    Returns:
        True if this call is the one to fail.
    """
    return _decide is not None and _decide(name)


@contextlib.contextmanager
def drive_sometimes(decide: Callable[[str], bool]) -> Generator[None]:
    """
    Have *decide* answer all calls of `sometimes`, in every task and thread, for as long as the block lasts.

    Raises:
        RuntimeError: Somebody else does already.
    """
    global _decide  # noqa: PLW0603 - production code must not pay for more
    if _decide is not None:
        raise RuntimeError("`sometimes` is driven already: one test at a time.")
    _decide = decide
    try:
        yield
    finally:
        _decide = None
