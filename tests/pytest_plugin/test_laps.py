"""
The laps of a test: what is kept from one to the next.
"""

import subprocess
import sys
import types

import pytest

from trio_run.pytest_plugin import _laps
from trio_run.pytest_plugin._collecting import PLAN
from trio_run.pytest_plugin._leaks import JUDGED, Judged
from trio_run.pytest_plugin._runs import AsItIs

FIXTURES = """
from pytest_trio.plugin import TrioFixture
from trio_run.pytest_plugin._fixtures import order_fixtures

order_fixtures()
rubbish = [bytearray(number) for number in {rubbish}]
fixtures = {{TrioFixture(name, None, {{}}) for name in "server database client nursery clock users".split()}}
print(*[fixture.name for fixture in fixtures])
"""


def test_the_report_says_how_long_all_of_it_took(monkeypatch):
    """
    The seconds of all laps are those of the last one's report, phase by phase.
    """
    phases = {"setup": 0.5, "call": 1.0, "teardown": 0.25}

    def run(_item, *, log, nextitem):
        del log, nextitem
        return [types.SimpleNamespace(when=when, duration=seconds) for when, seconds in phases.items()]

    monkeypatch.setattr(_laps, "runtestprotocol", run)
    item = types.SimpleNamespace(stash=pytest.Stash(), parent=None, _report_sections=[], user_properties=[])
    item.stash[PLAN], item.stash[JUDGED] = types.SimpleNamespace(stuck_after=None), Judged()
    laps = _laps.Laps(item, None)
    reports = [laps.once(AsItIs()).reports for _ in range(4)][-1]

    assert {when: 4 * seconds for when, seconds in phases.items()} == {each.when: each.duration for each in reports}


@pytest.mark.real
def test_the_same_test_has_its_fixtures_started_in_the_same_order():
    """
    It depends on their names alone: not on where they lie in memory, nor on the process.
    """
    orders = {
        subprocess.run(
            [sys.executable, "-c", FIXTURES.format(rubbish=rubbish)],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed, rubbish in enumerate(("range(0)", "range(5000)", "range(100, 900, 7)"))
    }

    assert 1 == len(orders)
