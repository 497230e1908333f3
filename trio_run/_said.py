"""
An error in one line, for other errors, logs and people; and the errors that one is made of.

How much of an error is to be told, and to whom, is for whoever tells it.

Laws: whatever an exception holds, saying it does not raise. A group is said with all the errors in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast


def said(error: BaseException | None) -> str:
    """
    Say an error in one line: its type, its text, its notes, and of a group the errors in it.
    """
    if error is None:
        return "no reason was recorded"
    text = _text_of(error)
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    notes = _notes_of(error)
    if notes:
        line += f" ({notes})"
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


def leaves(error: BaseException) -> Iterator[BaseException]:
    """
    Yield the errors in a group, and in the groups in it; or else the error itself.
    """
    inner = errors_in(error)
    if not inner:
        yield error
    for each in inner:
        yield from leaves(each)


def _text_of(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - it is somebody else's code, and must not take the place of what it describes
        return "(its text cannot be had)"


def _notes_of(error: BaseException) -> str:
    try:
        return " ".join(" ".join(map(str, getattr(error, "__notes__", None) or ())).split())
    except Exception:  # noqa: BLE001 - as above
        return "its notes cannot be had"
