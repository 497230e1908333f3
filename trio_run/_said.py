"""
An error in one line, for other errors, logs and people.

How much of an error is to be told, and to whom, is for whoever tells it.

Laws: whatever an exception holds, saying it does not raise. A group is said with all the errors in it.
"""

from __future__ import annotations

from typing import cast


def said(error: BaseException | None) -> str:
    """
    Say an error in one line: its type, its text, its notes, and of a group the errors in it.
    """
    if error is None:
        return "no reason was recorded"
    text = _text_of(error)
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    notes = getattr(error, "__notes__", None)
    if notes:
        line += f" ({' '.join(' '.join(map(str, notes)).split())})"
    inner = errors_in(error)
    return f"{line}: {'; '.join(map(said, inner))}" if inner else line


def errors_in(error: BaseException) -> tuple[BaseException, ...]:
    """
    Return the errors in a group, and none for any other error.
    """
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return group.exceptions
    return ()


def _text_of(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - it is somebody else's code, and must not take the place of what it describes
        return "(its text cannot be had)"
