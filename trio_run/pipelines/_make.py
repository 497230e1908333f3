"""
How users say what a pipeline is made of.

Law: what does not fit is refused here, before anything runs.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import cast

import trio

from .._names import checked, name_of
from .._runner import check_args, is_async, may_be_async
from .._step import already_called, call
from ._flow import OnError, Send
from ._parts import Branches, Broadcast, Middle, OrderedStage, Sink, Source, Spread, Stage


def source(
    origin: Callable[..., Awaitable[object]] | Iterable[object] | AsyncIterable[object],
    *args: object,
    name: str | None = None,
) -> Source:
    """
    Return where the items of a pipeline come from.

    When the pipeline is asked to stop, its source is: an iterable is not asked for more items, and a function is cancelled,
    but not while it waits in ``send``; and if it has an item in hand and comes to ``send`` it, that is sent all the same. What
    was sent is done to the end.

    Args:
        origin: An iterable or async iterable, such as a memory channel; or an async function, called with a channel to send to
            and *args*, which need not close it.
        *args: Arguments for the function.
        name: What logs and statistics call it.

    Returns:
        The source, for a `Pipeline` or a `fan_in`.

    Raises:
        TypeError: *origin* is none of these.
    """
    label = checked(name_of(origin) if name is None else name, "a source")
    if callable(origin):
        origin = _checked_function(origin, (_CHANNEL, *args), _SOURCE)
    elif not isinstance(origin, Iterable | AsyncIterable) or isinstance(origin, str | bytes):
        raise _wrong(_SOURCE, origin, "does neither")
    elif args:
        raise TypeError(f"source() takes arguments for a function, and {name_of(origin)} is not called.")
    return Source(label, ((origin, args),))


def fan_in(*sources: Source, name: str = "fan_in") -> Source:
    """
    Return the items of several sources as those of one, as they come.

    Args:
        *sources: Two or more, from `source` or `fan_in`.
        name: What logs and statistics call them together.

    Returns:
        The source.

    Raises:
        TypeError: Something is no source.
        ValueError: There are none.
    """
    if not sources:
        raise ValueError("fan_in() brings sources together: give one or more.")
    for each in sources:
        if not isinstance(each, Source):
            raise TypeError(f"fan_in() brings sources together, and {each!r} is none: make one with source().")
    return Source(checked(name, "a source"), tuple(origin for each in sources for origin in each.origins))


class _Stand:
    """
    Stands for an argument that there will be, in errors.
    """

    def __init__(self, title: str) -> None:
        self._title = title

    def __repr__(self) -> str:
        return self._title


_SOURCE = "A source is an async function or gives items one by one"
_ITEM, _CHANNEL = _Stand("an item"), _Stand("a channel")


def _checked_function(fn: object, args: tuple[object, ...], what: str) -> Callable[..., Awaitable[object]]:
    """
    Return *fn* as it is to be called, if it is async and takes *args*; *what* begins the error.
    """
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise TypeError(
            f"{what}, and {name_of(fn)} is a generator function. For a source, call it: source({name_of(fn)}()). "
            f"To make several items of one, send them: spread() takes a function of an item and a channel."
        )
    if not callable(fn) or not may_be_async(fn):
        raise _wrong(what, fn, "is no async function: write `async def`")
    function = cast("Callable[..., Awaitable[object]]", fn)
    check_args(function, args, (), "Other arguments go into a functools.partial.")
    return function if is_async(function) else lambda *given: call(function, given)


def _wrong(what: str, thing: object, how: str) -> TypeError:
    """
    Return the error for something that is no function, if no better mistake can be guessed.
    """
    mistake = already_called(thing)
    return TypeError(f"{what}, and {thing!r} {how}." if mistake is None else f"{what}, but {mistake}.")


def _checked_stage(
    name: str | None, fn: object, workers: int, on_error: OnError | str | Send
) -> tuple[str, int, OnError | Send]:
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise TypeError(f"The number of workers is a whole number, not {workers!r}.")
    if workers < 1:
        raise ValueError(f"A stage needs one worker or more, not {workers}.")
    if not isinstance(on_error, trio.MemorySendChannel):
        if not isinstance(on_error, OnError | str):
            raise TypeError(f"on_error takes 'fail', 'skip', or a channel to send dead letters to, not {on_error!r}.")
        on_error = OnError(on_error)
    return checked(name_of(fn) if name is None else name, "a stage"), workers, on_error


def stage(
    fn: Callable[..., Awaitable[object]],
    *,
    workers: int = 1,
    ordered: bool = False,  # A flag, since all else about the two kinds of stage is alike, and users change their minds.
    name: str | None = None,
    on_error: OnError | str | Send = OnError.FAIL,
) -> Stage:
    """
    Return a part that does something to each item, and passes on what comes of it.

    Args:
        fn: An async function of one item; what it returns is passed on, None as well.
        workers: How many items it has in hand at a time.
        ordered: Whether results are passed on in the order of the items; otherwise they are as they come. With one worker
            they are in order anyway.
        name: What logs and statistics call it.
        on_error: What becomes of an item over which *fn* raises: the pipeline fails, the item is skipped and told of in an
            event, or a `DeadLetter` is sent to the channel that is given here. The channel is not closed; if it is full the
            stage waits.

    Returns:
        The stage, for a `Pipeline` or a branch.

    Raises:
        TypeError: *fn* is no async function, or another argument has the wrong type.
        ValueError: An argument is out of range.
    """
    work = _checked_function(fn, (_ITEM,), "A stage does something async to each item")
    label, workers, on_error = _checked_stage(name, fn, workers, on_error)
    kind = OrderedStage if ordered else Stage
    return kind(label, work, workers, on_error)


def spread(
    fn: Callable[..., Awaitable[object]],
    *,
    workers: int = 1,
    name: str | None = None,
    on_error: OnError | str | Send = OnError.FAIL,
) -> Stage:
    """
    Return a part that makes none, one or many items of each: a filter, a parser, a batcher's other end.

    Args:
        fn: An async function of an item and a channel, which sends to the channel and does not close it.
        workers: How many items it has in hand at a time. With more than one, results mix.
        name: What logs and statistics call it.
        on_error: As for `stage`. What *fn* had sent before it raised has been passed on.

    Returns:
        The stage, for a `Pipeline` or a branch.

    Raises:
        TypeError: *fn* is no async function, or another argument has the wrong type.
        ValueError: An argument is out of range.
    """
    work = _checked_function(fn, (_ITEM, _CHANNEL), "A spread sends what it makes of each item")
    label, workers, on_error = _checked_stage(name, fn, workers, on_error)
    return Spread(label, work, workers, on_error)


def fan_out(*branches: Middle | Sequence[Middle], name: str = "fan_out") -> Branches:
    """
    Return branches that share the items: each item goes to the branch that is free for it. What comes of them is one stream again.

    Args:
        *branches: Each a part, or a list of parts that follow each other.
        name: What it is called in errors.

    Returns:
        The branches as one part, for a `Pipeline` or a branch.

    Raises:
        TypeError: Something is no part that takes items and passes results on.
        ValueError: There are no branches, or an empty one.
    """
    return Branches(name, _checked_branches(branches, name))


def broadcast(*branches: Middle | Sequence[Middle], name: str = "broadcast") -> Broadcast:
    """
    Return branches each of which gets every item. What comes of them is one stream again.

    The next item is given out when every branch has taken the last: the slowest sets the pace.

    Args:
        *branches: Each a part, or a list of parts that follow each other.
        name: What logs and statistics call it.

    Returns:
        The branches as one part, for a `Pipeline` or a branch.

    Raises:
        TypeError: Something is no part that takes items and passes results on.
        ValueError: There are no branches, or an empty one.
    """
    return Broadcast(checked(name, "a part"), _checked_branches(branches, name))


def sink(
    target: Callable[..., Awaitable[object]] | Send,
    *,
    workers: int = 1,
    name: str | None = None,
    on_error: OnError | str | Send = OnError.FAIL,
) -> Sink:
    """
    Return where the items of a pipeline end.

    Args:
        target: An async function of one item; or a channel to send the items to, which is closed when there are no more.
        workers: How many items it has in hand at a time.
        name: What logs and statistics call it.
        on_error: As for `stage`.

    Returns:
        The sink, for a `Pipeline`.

    Raises:
        TypeError: *target* is neither, or another argument has the wrong type.
        ValueError: An argument is out of range.
    """
    if isinstance(target, trio.MemorySendChannel):
        label, workers, on_error = _checked_stage("sink" if name is None else name, target, workers, on_error)
        return Sink(label, target.send, workers, on_error, target)
    work = _checked_function(target, (_ITEM,), "A sink is an async function of each item, or a channel to send to")
    label, workers, on_error = _checked_stage(name, target, workers, on_error)
    return Sink(label, work, workers, on_error)


def checked_middle(part: object, where: str) -> Middle:
    """
    Return *part* if it takes items and passes results on.

    Raises:
        TypeError: It does not.
    """
    if not isinstance(part, Stage | Branches):
        raise TypeError(
            f"{where} is made of stages and branches, from stage(), spread(), fan_out() and broadcast(), not {part!r}."
        )
    return part


def _checked_branches(branches: tuple[object, ...], name: str) -> tuple[tuple[Middle, ...], ...]:
    rows = [tuple(cast("Sequence[object]", each)) if isinstance(each, list | tuple) else (each,) for each in branches]
    if not rows or not all(rows):
        raise ValueError(f"{name} needs one branch or more, and a part in each.")
    return tuple(tuple(checked_middle(part, name) for part in row) for row in rows)
