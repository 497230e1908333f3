"""
One timer for each child.
"""

import math

import pytest

from trio_run.supervision._rules import Rules
from trio_run.supervision._slot import Admission, Slot
from trio_run.supervision._timers import Timers


@pytest.fixture
def timers():
    """
    Timers, of which none is set.
    """
    return Timers()


def slot(name):
    """
    A child.
    """
    return Slot(name, Rules(), Admission.BOOT)


def rung(timers, now):
    """
    Whose timers ring until *now*.
    """
    return [each.name for each in timers.ring(now)]


def test_they_ring_in_the_order_of_time(timers):
    """
    The one that is due first comes first, and those of one moment as they were set.
    """
    for name, when in (("late", 2.0), ("one", 1.0), ("two", 1.0)):
        timers.set(slot(name), when)

    assert 1.0 == timers.next
    assert ["one", "two"] == rung(timers, 1.5)
    assert ["late"] == rung(timers, 2.0)
    assert math.inf == timers.next


@pytest.mark.parametrize("when", [1.0, 3.0])
def test_setting_a_timer_takes_the_place_of_the_one_before(timers, when):
    """
    Earlier or later, it rings once, when it was last set to.
    """
    db = slot("db")
    timers.set(db, 2.0)
    timers.set(db, when)

    assert when == timers.next
    assert [] == rung(timers, 0.9)
    assert ["db"] == rung(timers, 9.0)


def test_a_child_that_went_down_has_none(timers):
    """
    What was set for its life does not ring in the next.
    """
    db = slot("db")
    timers.set(db, 2.0)
    db.land()

    assert math.inf == timers.next
    assert [] == rung(timers, 9.0)
