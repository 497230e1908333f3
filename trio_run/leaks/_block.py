"""
The leak check of a block inside of a run.

What counts is what was started or opened inside of the block, by the block itself or by a task that it started, however far
down: what others do meanwhile is theirs. Where nobody saw a thing made, as with a descriptor from C code, it counts.

Laws: the block is left at once if it left nothing behind. The check never hides how the block itself ended, and a
cancellation passes through. It looks at what is left under a shield that `grace` bounds.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable

import attrs
import trio

from .._tasks import all_tasks
from . import _look as look
from ._births import checks_around
from ._check import check_numbers, checked_grace
from ._heap import Unborn, collect, collect_all, note_told
from ._patience import Patience
from ._report import ensure_known, outcome_of
from ._things import Ignore, Kind, Leak, Rule, Snapshot, leaked, rules_from
from ._watch import Watch, begin, end, tap_generators


@contextlib.asynccontextmanager
async def assert_no_leaks(*, ignore: Iterable[Rule] = (), grace: float = 0.2) -> AsyncGenerator[None]:
    """
    Make sure that a block leaves nothing behind.

    ::

        async with assert_no_leaks():
            await serve_one_request()

    Sees what `leak_check` sees, for what was started or opened inside of the block. Safe in any task, and in many at once.

    Args:
        ignore: What may be left behind: `Ignore` rules, or patterns for a name, function or owner.
        grace: Seconds that what is about to end gets: of `trio.current_time` for tasks, on the clock on the wall for
            threads and child processes. Nobody waits where nothing is left.

    Raises:
        LeakError: Something was left behind. If the block raised as well, both are in a group.
        CannotTell: This trio's insides are not known.
        TypeError: A rule is neither an `Ignore` nor a pattern.
        ValueError: *grace* is negative, or a rule would fit nothing or everything.

    Cancellation:
        Passes through the block as without the check. What is left is looked at all the same, which may take *grace* seconds.
        A checkpoint at the end.
    """
    rules, grace = rules_from(ignore), checked_grace(grace)
    ensure_known()
    watch, number = begin(), next(check_numbers)
    start, error = len(watch.log), None
    untap = tap_generators()
    around = checks_around.set(checks_around.get() | {number})
    before = Snapshot((*look.at_machine(watch.births), *look.at_held(watch.births)))
    look.note_open(before, watch.births)
    try:
        try:
            yield
        except BaseException as exc:  # noqa: BLE001 - raised again below, alone or in company
            error = exc
        finally:
            checks_around.reset(around)
        owed = rules if error is None else (*rules, Ignore(kind=Kind.CHANNEL))
        leaks = await _last_look(View(watch, start, before, owed, number), grace)
    finally:
        untap()
        end()
    raised = outcome_of(leaks, error)
    if raised is not None:
        raise raised from None
    if error is not None:
        raise error
    await trio.lowlevel.checkpoint()


@attrs.frozen
class View:
    """
    What a block needs to tell what it left behind.
    """

    watch: Watch
    start: int
    """How many warnings there were before."""

    before: Snapshot
    rules: tuple[Rule, ...]
    number: int
    """The check, as births know it."""


def _look(view: View, unborn: Unborn) -> tuple[Leak, ...]:
    births = view.watch.births
    waiting = {id(task.coro) for task in all_tasks()}
    things = (
        *look.at_tasks(births),
        *look.at_generators(births),
        *look.at_machine(births),
        *look.at_held(births),
        *look.at_coroutines(coroutine for coroutine in unborn if id(coroutine) not in waiting),
        *look.at_warnings(view.watch.log[view.start :], births),
    )
    return leaked(view.before, Snapshot(things), view.rules, view.number)


async def _last_look(view: View, grace: float) -> tuple[Leak, ...]:
    """
    Return what is left after all that is about to end had its chance.
    """
    unborn = collect()
    leaks = _look(view, unborn)
    if leaks:
        await Patience(view.watch.births, grace).let_end(lambda: _look(view, unborn))
        unborn = collect_all()
        leaks = _look(view, unborn)
    note_told(unborn)
    return leaks
