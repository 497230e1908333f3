"""
Where the run of a supervisor stands among others: known to the life that it runs in for as long as it lasts.

Law: a run that is over has settled every handle and woken everybody who waited for something, however it ended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import cast

from .._stopping import Life
from ._shell import Shell


@contextlib.contextmanager
def standing(shell: Shell) -> Generator[None]:
    """
    Make *shell* known to the life that it runs in, and close it at the end.
    """
    above = shell.above
    if above is not None:
        above.below = [*(above.below or ()), shell]
    try:
        yield
    finally:
        for seat in shell.seats.values():
            seat.abandon()
        shell.over.set()
        if above is not None:
            above.below = [other for other in above.below or () if other is not shell]
            if above.path == shell.core.path:
                above.report = shell.stop_report


def below(life: Life | None) -> Generator[Shell]:
    """
    Yield the supervisors that run in *life*, in the order in which they began.
    """
    if life is not None:
        yield from cast("list[Shell]", life.below or [])  # Nobody else writes there.
