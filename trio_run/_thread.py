"""
The run that a thing belongs to: a call from elsewhere that would wake one of its tasks is refused.

A task can be woken from its own thread only, and trio finds that out when it is asked to: too late for who has written down by
then what is wanted.

Law: a call that is refused has changed nothing.
"""

from __future__ import annotations

import trio


def check_thread(home: trio.lowlevel.TrioToken, path: str, way_out: str) -> None:
    """
    Raise if the present thread is not the one in which *path* lives, whose run is *home*.

    Raises:
        RuntimeError: It is another one; *way_out* says what helps there.
    """
    try:
        is_home = trio.lowlevel.current_trio_token() is home
    except RuntimeError:
        is_home = False
    if not is_home:
        raise RuntimeError(f"{path} runs in another thread. {way_out}")
