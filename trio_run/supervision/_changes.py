"""
From the children that a supervisor has to those that it should have: the least that has to be done.

Which children are the same is for whoever made them; here is what follows from it, and how it is ordered. The core decides
when it happens.

Laws: nothing is changed where nothing is different. What goes down goes in reverse start order, and what comes up waits for
that. A plan that is carried out leaves the children in its own order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import attrs

from ._core import Core
from ._rules import Rules
from ._slot import Admission, Phase, Slot


@attrs.frozen(kw_only=True)
class Changes:
    """
    What a new set of children came to, by name.
    """

    started: tuple[str, ...]
    """Those that are new, in start order."""

    stopped: tuple[str, ...]
    """Those that are no more, the last started first."""

    replaced: tuple[str, ...]
    """Those that were stopped and started again, since something about them is different; in start order."""

    kept: tuple[str, ...]
    """Those that were left alone, in start order."""


def changes_between(old: Iterable[str], new: Iterable[str], is_kept: Callable[[str], bool]) -> Changes:
    """
    Return what has to be done to get from *old* to *new*.

    Args:
        old: The names of those there are, in start order.
        new: The names of those there are to be, in start order.
        is_kept: Tells of a name that stands in both whether nothing about it is different.
    """
    before, after = list(old), list(new)
    both = [name for name in after if name in set(before)]
    kept = {name for name in both if is_kept(name)}
    return Changes(
        started=tuple(name for name in after if name not in set(before)),
        stopped=tuple(name for name in reversed(before) if name not in set(after)),
        replaced=tuple(name for name in both if name not in kept),
        kept=tuple(name for name in both if name in kept),
    )


def in_plans(core: Core) -> dict[str, Slot]:
    """
    Return the children that a plan is about: all but those that are started as need be and run once.
    """
    return {name: slot for name, slot in core.slots.items() if not slot.comes_and_goes}


def replace_child(core: Core, name: str, rules: Rules, now: float) -> None:
    """
    Give the child *name* other rules, and a new life at once.
    """
    slot = core.slot(name)
    place = slot.rules.after, slot.stops_beside
    if slot.phase is not Phase.DOWN:
        core.restart_child(name, now, "replaced by request")  # By its old rules, which is a matter of its grace.
    _renew(core, slot, rules, Admission.REPLACE)
    if slot.phase is Phase.DOWN:
        core.restart_child(name, now, "replaced by request")
    if place != (slot.rules.after, slot.stops_beside):
        core.order.rearrange(())


def take_down(core: Core, changes: Changes, rules: Mapping[str, Rules], now: float) -> None:
    """
    Have all go down that are stopped or replaced, the last started first.

    Args:
        core: Whose children they are.
        changes: What is to be done.
        rules: The new rules of those that are replaced.
        now: The present time.
    """
    reason = "reconfigured by request"
    to_go = {*changes.stopped, *changes.replaced}
    for slot in [slot for slot in reversed(core.slots.values()) if slot.name in to_go]:
        if slot.phase is not Phase.DOWN:
            core.order.doom(slot, reason)  # In its turn; what follows finds it on its way.
        if slot.name in rules:
            _renew(core, slot, rules[slot.name], Admission.PLAN)
            slot.alarm = math.inf if slot.phase is Phase.DOWN else slot.alarm
            core.restart_child(slot.name, now, reason)
        else:
            core.remove_child(slot.name, now, reason)


def _renew(core: Core, slot: Slot, rules: Rules, admission: Admission) -> None:
    slot.rules, slot.admission, slot.proven = rules, admission, False
    core.exit_rule.note_anew(slot)
