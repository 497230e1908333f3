"""
Pipelines, actors and coalescers that are cancelled, and failed, at each of their points: they end, and leave nothing behind.
"""

import pytest

from tests.testing.ours_flows import FLOWS, ordered_stage
from trio_run.pipelines._flow import Flow
from trio_run.testing import cancel_everywhere, fault_everywhere

THEIR_OWN = (OSError, ValueError, KeyError)
"""What the programs raise by themselves."""


@pytest.fixture(autouse=True)
def quiet(caplog):
    """
    Hundreds of failures are not worth a line each.
    """
    caplog.set_level("CRITICAL", logger="trio_run")


def name_of(program):
    return program.__name__


@pytest.mark.parametrize("program", FLOWS, ids=name_of)
def test_cancelled_everywhere(program):
    """
    Cancelled at any point, it ends, with all channels closed and no task left.
    """
    report = cancel_everywhere(program, allow=THEIR_OWN)
    report.raise_if_found()

    assert len(report.points) > 10


@pytest.mark.parametrize("program", FLOWS, ids=name_of)
def test_a_fault_everywhere(program):
    """
    Failing at any point, it ends likewise; what it states of its items need not hold any more.
    """
    report = fault_everywhere(program, tasks="*", allow=(*THEIR_OWN, AssertionError))
    report.raise_if_found()

    assert len(report.points) > 3


def test_the_tests_bite(monkeypatch):
    """
    Were a worker to go without closing its ends, nobody behind it would hear of the end, and that is found.
    """

    async def forgetful(_flow, work, args, _ends, _whole):
        await work(*args)

    monkeypatch.setattr(Flow, "hold", forgetful)
    report = cancel_everywhere(ordered_stage, patience=1)

    assert "hang" in {finding.verdict.value for finding in report.findings}
