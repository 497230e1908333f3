"""
Supervisors, pools and groups lose no update of their own: all their objects are watched while programs use them.
"""

import enum
import functools
import random
import sys

import pytest

import trio_run
from tests.testing.ours import SUPERVISORS
from tests.testing.ours_harder import HARDER
from tests.testing.ours_jobs import JOBS
from trio_run.testing import LostUpdate, _watch, watch
from trio_run.testing._explore_choosers import ByChance
from trio_run.testing._explore_engine import ENGINE
from trio_run.testing._explore_run import Rules, run_once
from trio_run.testing._explore_token import Model

TOOLS = ("trio_run.testing", "trio_run.leaks", "trio_run.stacks", "trio_run.pytest_plugin", "trio_run.cli")


def classes():
    """
    The classes of trio_run whose objects change.
    """
    found = {
        kind
        for name, module in sys.modules.items()
        if name.startswith(trio_run.__name__) and not name.startswith(TOOLS)
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__.startswith(trio_run.__name__)
    }
    return [
        kind
        for kind in found
        if "__init__" in vars(kind)
        and kind.__setattr__ is object.__setattr__
        and not issubclass(kind, (enum.Enum, BaseException))
    ]


@pytest.fixture
def watched(monkeypatch):
    """
    The names of the classes whose objects are watched, once for each object.
    """
    names = []

    def watching(init):
        @functools.wraps(init)
        def begin(self, *args, **kwargs):
            init(self, *args, **kwargs)
            watch(self)
            names.append(type(self).__name__)

        return begin

    for kind in classes():
        monkeypatch.setattr(kind, "__init__", watching(kind.__init__))
    return names


@pytest.fixture
def lost(monkeypatch):
    """
    What was found, though a supervisor may have dealt with it.
    """
    found = []

    class Kept(LostUpdate):
        def __init__(self, *args):
            super().__init__(*args)
            found.append(str(self))

    monkeypatch.setattr(_watch, "LostUpdate", Kept)
    return found


class TestOurs:
    @pytest.mark.parametrize("program", SUPERVISORS + HARDER + JOBS, ids=lambda program: program.__name__)
    def test_no_update_is_lost(self, program, watched, lost):
        """
        On a few schedules no object of ours is written from what was read before a checkpoint while another task could write it.
        """
        for seed in range(2):
            random.seed(seed)
            run_once(program, ByChance(seed), Rules(Model.WIDE, 0.0, 20_000, ENGINE))

        assert [] == lost
        assert watched
