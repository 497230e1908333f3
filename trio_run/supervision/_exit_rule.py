"""
When a supervisor ends because its children did.

A child has ended here if it came to rest by itself. One that somebody stopped has not, nor one that went down with its group;
so it is in OTP, where the rule is called auto_shutdown. That the supervisor then ends is for `_core`.

Laws: what a person stops ends nobody else. A child that will come back has not ended. An exit costs the child that ended,
never a look at all of them.
"""

from __future__ import annotations

import attrs

from .._word import Word
from ._facts import Verdict
from ._rules import Rules
from ._slot import Phase, Slot


class ExitWhen(Word):
    """
    When a supervisor ends since its children have ended: finished, or failed for good.
    """

    NEVER = "never"
    """It runs until it is stopped, with children or without."""

    FIRST_EXIT = "first_exit"
    """When any child has ended."""

    ANY_SIGNIFICANT = "any_significant"
    """When any child that is *significant* has ended."""

    ALL_SIGNIFICANT = "all_significant"
    """When a child that is *significant* has ended, and no other such is up or to come up."""

    ALL_DONE = "all_done"
    """When a child has ended, and no other is up or to come up."""


SIGNIFICANT = frozenset({ExitWhen.ANY_SIGNIFICANT, ExitWhen.ALL_SIGNIFICANT})
"""The rules that ask who is significant."""

_NEVER = ExitWhen.NEVER
_ENDED = frozenset({Verdict.RESTS, Verdict.PARKED, Verdict.DROPPED})


@attrs.define(eq=False)
class ExitRule:
    """
    The rule of one run of a supervisor, and who it waits for.
    """

    when: ExitWhen = ExitWhen.NEVER
    due: str = ""
    """Why the supervisor is to end; empty as long as it is not."""

    _awaited: set[str] = attrs.field(factory=set)

    def note(self, slot: Slot) -> None:
        """
        Note whether a child, whose wish or phase has changed, may still end.
        """
        if self.when is _NEVER:
            return
        if self.when is ExitWhen.ALL_DONE or (self.when is ExitWhen.ALL_SIGNIFICANT and slot.rules.significant):
            if slot.wanted or slot.phase is not Phase.DOWN:
                self._awaited.add(slot.name)
            else:
                self._awaited.discard(slot.name)

    def note_anew(self, slot: Slot) -> None:
        """
        Note a child that has other rules now.
        """
        self._awaited.discard(slot.name)
        self.note(slot)

    def ended(self, slot: Slot, verdict: Verdict) -> None:
        """
        Note how a life was judged, and what follows from it for the whole.
        """
        if self.when is _NEVER:
            return
        idle = self.when is ExitWhen.ALL_DONE and verdict is Verdict.IGNORED
        if not idle and verdict not in _ENDED:
            return
        if self.when in SIGNIFICANT and not slot.rules.significant:
            return
        if not self._awaited:
            self.due = f"{self.when.value}: {slot.name} ended"


def check_significant(name: str, rules: Rules, when: ExitWhen) -> None:
    """
    Refuse a significant child where nobody asks who is.

    Raises:
        ValueError: It is, and nobody does.
    """
    if rules.significant and when not in SIGNIFICANT:
        raise ValueError(
            f"The child {name!r} is significant, and exit_when={when.value!r} does not ask for it. "
            f"Use exit_when='any_significant' or 'all_significant'."
        )
