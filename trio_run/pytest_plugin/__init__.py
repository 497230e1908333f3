"""
The pytest plugin: leak checks, schedules, cancellations and faults for the tests of a suite.

Installing trio_run is enough to load it. Every test gets a leak check; the rest is switched on by options and markers. Nobody
imports this package but pytest: it is what pytest finds the hooks in.
"""

from ._caps import pytest_timeout_cancel_timer as pytest_timeout_cancel_timer
from ._caps import pytest_timeout_set_timer as pytest_timeout_set_timer
from ._collecting import pytest_collection_modifyitems as pytest_collection_modifyitems
from ._leaks import LeakWarning as LeakWarning
from ._leaks import pytest_fixture_setup as pytest_fixture_setup
from ._leaks import pytest_runtest_makereport as pytest_runtest_makereport
from ._leaks import pytest_runtest_setup as pytest_runtest_setup
from ._leaks import pytest_runtest_teardown as pytest_runtest_teardown
from ._leaks import pytest_sessionstart as pytest_sessionstart
from ._options import pytest_addoption as pytest_addoption
from ._options import pytest_configure_node as pytest_configure_node
from ._protocol import pytest_runtest_call as pytest_runtest_call
from ._protocol import pytest_runtest_protocol as pytest_runtest_protocol
from ._summary import pytest_configure as pytest_configure
