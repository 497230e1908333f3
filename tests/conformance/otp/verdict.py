"""
Whether our supervisor does what a recording says.

A recording in which no deviation makes a difference has to be equalled event for event. Any other has to be equalled by the
model with the deviations on. In both cases the model with all off has to tell what the recording does: else what is known of
OTP does not cover it, and there would be nothing to compare with.
"""

from __future__ import annotations

import functools
import json
import traceback
from collections.abc import Callable, Iterator
from itertools import zip_longest

import attrs

from . import model, player
from .comparable import comparable
from .deviation import ALL, Deviation
from .model import Story
from .recording import Event, Recording, Scenario

CONTEXT = 4
"""How many events are shown before the first that differs."""


@attrs.frozen
class Verdict:
    """
    What a recording showed.
    """

    deviations: frozenset[Deviation]
    """Those that make a difference in it."""

    complaint: str
    """What is wrong, in lines; empty if nothing is."""


def judge(recording: Recording, play: Callable[[Scenario], Story] = player.play) -> Verdict:
    """
    Compare *recording* with our supervisor, as *play* plays it.
    """
    scenario = recording.scenario
    fair = functools.partial(comparable, scenario=scenario, recorded=story_of(recording))
    recorded, otp, ours = fair(story_of(recording)), fair(model.play(scenario)), fair(model.play(scenario, ALL))
    if difference := differ(recorded, otp):
        return Verdict(frozenset(), f"The model does not know what OTP does here:\n{difference('recorded', 'model')}")
    deviations = frozenset[Deviation]() if differ(otp, ours) is None else needed(scenario, ours, fair)
    expected, whose = (ours, "model") if deviations else (recorded, "recorded")
    try:
        played = fair(play(scenario))
    except Exception:  # noqa: BLE001 - whatever breaks, the recording was not equalled, and the next one may be
        return Verdict(deviations, f"It could not be played:\n{traceback.format_exc()}")
    difference = differ(expected, played)
    return Verdict(deviations, difference(whose, "played") if difference else "")


def needed(scenario: Scenario, ours: Story, fair: Callable[[Story], Story]) -> frozenset[Deviation]:
    """
    Return the deviations without which the story would be another; of those that do the same, all.
    """
    single = frozenset(each for each in ours.met if differ(fair(model.play(scenario, ALL - {each})), ours))
    return single if differ(fair(model.play(scenario, single)), ours) is None else ours.met


def story_of(recording: Recording) -> Story:
    """
    Return what was recorded; the answers to calls that were held come when they come, so they are taken apart.
    """
    events = [event for event in recording.events if event["e"] != "held_op"]
    held = sorted((event["op"], event["res"]) for event in recording.events if event["e"] == "held_op")
    return Story(events, held, frozenset())


def differ(expected: Story, actual: Story) -> Callable[[str, str], str] | None:
    """
    Return a function that writes down how two stories differ, or None if they don't.
    """
    if expected.events == actual.events and expected.held == actual.held:
        return None
    return lambda one, other: "\n".join(_difference(expected, actual, one, other))


def _difference(expected: Story, actual: Story, one: str, other: str) -> Iterator[str]:
    width = max(len(one), len(other))
    for number, (left, right) in enumerate(zip_longest(expected.events, actual.events)):
        if left != right:
            for event in expected.events[max(0, number - CONTEXT) : number]:
                yield f"  {'':{width}}  {_line(event)}"
            yield f"  {one:{width}}  {_line(left)}"
            yield f"  {other:{width}}  {_line(right)}"
            break
    if expected.held != actual.held:
        yield f"  {one:{width}}  calls during a start: {expected.held}"
        yield f"  {other:{width}}  calls during a start: {actual.held}"


def _line(event: Event | None) -> str:
    return "nothing more" if event is None else json.dumps(event)
