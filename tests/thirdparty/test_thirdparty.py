"""
The tools on code of others: what they find is what the documentation reports.
"""

import pytest

from tests.thirdparty import scenarios

SCENARIOS = [(library, fn) for library in scenarios.installed() for fn in scenarios.scenarios_of(library)]
each_scenario = pytest.mark.parametrize(
    ("library", "fn"), SCENARIOS, ids=[f"{library}-{fn.__name__}" for library, fn in SCENARIOS]
)


# Loops that are left early drop their generators; `test_everywhere` has them told as leaks.
@pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")
@each_scenario
def test_explored(library, fn):
    """
    No schedule fails.
    """
    result = scenarios.explored(fn)

    assert (None, None) == (result.failure, result.diverged)


@each_scenario
@pytest.mark.parametrize("tool", scenarios.TOOLS)
def test_everywhere(library, fn, tool):
    """
    What is found is what is known, no more and no less.
    """
    report = scenarios.tried(fn, tool)

    assert scenarios.KNOWN.get((library, fn.__name__, tool), set()) == scenarios.kinds(report), str(report)
