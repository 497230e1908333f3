"""
These tests are of other people's code, and are collected only where all of it is: `nox -s thirdparty`.
"""

from tests.thirdparty.scenarios import LIBRARIES, installed

collect_ignore = [] if set(LIBRARIES) == set(installed()) else ["test_thirdparty.py"]
