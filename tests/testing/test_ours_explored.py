"""
Programs that use supervisors, pools, groups, pipelines, actors and coalescers hold on every schedule that is tried.

Both kinds of schedule are tried: those that trio makes today, and those in which I/O or a thread holds a task up.
"""

import pytest

from tests.testing.ours import SUPERVISORS
from tests.testing.ours_flows import FLOWS
from tests.testing.ours_harder import HARDER
from tests.testing.ours_jobs import JOBS
from trio_run.testing import explore

PROGRAMS = SUPERVISORS + HARDER + JOBS + FLOWS


def name_of(program):
    return program.__name__


class TestOurs:
    @pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
    def test_wide(self, program):
        """
        The program holds when tasks are held up.
        """
        explore(program, schedules=80, seed=1).raise_if_failed()

    @pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
    def test_time_passes(self, program):
        """
        The program holds when timers ring while tasks could run.
        """
        explore(program, schedules=30, seed=2, slack=0.2).raise_if_failed()

    @pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
    def test_strict(self, program):
        """
        The program holds on the schedules that trio makes today.
        """
        explore(program, schedules=30, seed=3, model="strict").raise_if_failed()

    @pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
    def test_one_preemption(self, program):
        """
        The program holds on every schedule in which one task is held up once: all of them were run.
        """
        result = explore(program, schedules=400, strategy="dfs", preemptions=1, seed=0)

        assert (None, True, None) == (result.failure, result.exhausted, result.diverged)
