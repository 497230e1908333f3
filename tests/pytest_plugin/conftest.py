"""
What the tests of the plugin share.
"""

import pytest

from tests.pytest_plugin.suites import Suite


@pytest.fixture
def suite(tmp_path):
    """
    A suite that is written, and can be run.
    """
    return Suite(tmp_path)
