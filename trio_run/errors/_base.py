"""
What all errors of trio_run have in common.
"""

from __future__ import annotations


class TrioRunError(Exception):
    """
    Base of every exception that trio_run defines.
    """


class InternalError(TrioRunError):
    """
    A promise of trio_run's own code was broken. Please report it, with the traceback.
    """
