"""
Chaos, in a size for every day; and that the laws are seen to be broken where they are.
"""

import pytest
import trio

from trio_run.supervision._policy import Ledger
from trio_run.supervision._restarts import Restarts

from .laws import Laws
from .season import ENDINGS, run_season


@pytest.fixture
def replayable(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Have trio order its tasks by nothing but the seed.
    """
    monkeypatch.setattr(trio._core._run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)


@pytest.mark.usefixtures("replayable")
class TestChaos:
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_the_laws_hold_until_the_end(self, ending):
        """
        A tree lives through chaos and ends in one of the ways there are: no law is broken, and nothing is left.
        """
        laws = Laws()
        run_season(laws, 7, ending, children=30, events=600)

        assert [] == laws.broken
        assert {"child.failed", "child.restart_scheduled", "supervisor.stopped"} <= set(laws.kinds)

    def test_a_budget_that_is_never_spent_is_found(self, monkeypatch):
        """
        The laws see it when a supervisor forgives more than its budget.
        """
        enter = Ledger.enter
        monkeypatch.setattr(Ledger, "enter", lambda *args: enter(*args) or True)

        assert self.finds("restarts in")

    def test_a_restart_against_a_wish_is_found(self, monkeypatch):
        """
        The laws see it when a group restart brings back who was stopped or is done.
        """

        def all_of_them(restarts, culprit):
            slots = list(restarts.order.slots.values())
            for slot in slots:
                slot.wanted = True
            return slots

        monkeypatch.setattr(Restarts, "_members", all_of_them)

        assert self.finds("not wanted", "among the members")

    def finds(self, *words: str) -> bool:
        """
        Whether one of the first seasons breaks a law that is told of with one of these *words*.
        """
        for seed in range(12):
            laws = Laws()
            run_season(laws, seed, "asked", children=60, events=1000)
            if any(each in told for each in words for told in laws.broken):
                return True
        return False
