"""
The vocabulary of events is part of the interface, so it is frozen here.
"""

import inspect
import logging
import re

import attrs
import pytest
import trio

import trio_run as tr
from trio_run import events
from trio_run.events import Event, Level

FROZEN = {
    "child.starting": (Level.INFO, ()),
    "child.ready": (Level.INFO, ("seconds",)),
    "child.finished": (Level.INFO, ("seconds",)),
    "child.failed": (Level.WARNING, ("seconds", "error")),
    "child.lost": (Level.ERROR, ("seconds", "error")),
    "child.parked": (Level.ERROR, ("seconds", "error", "history")),
    "child.ignored": (Level.INFO, ("seconds",)),
    "child.restart_scheduled": (Level.INFO, ("delay", "failures", "spent", "restarts", "per", "in_a_row")),
    "child.stopping": (Level.DEBUG, ("grace", "reason")),
    "child.overdue": (Level.WARNING, ("grace",)),
    "child.stopped": (Level.INFO, ("seconds", "how", "error")),
    "child.stuck": (Level.ERROR, ("seconds", "stack")),
    "child.removed": (Level.DEBUG, ()),
    "supervisor.starting": (Level.DEBUG, ("strategy", "children")),
    "supervisor.ready": (Level.INFO, ("seconds",)),
    "supervisor.group_restarting": (Level.WARNING, ("culprit", "members")),
    "supervisor.gave_up": (Level.ERROR, ("culprit", "history")),
    "supervisor.stopping": (Level.INFO, ("reason",)),
    "supervisor.stopped": (Level.INFO, ("seconds", "drained", "cancelled", "ended")),
    "actor.starting": (Level.INFO, ()),
    "actor.finished": (Level.INFO, ("seconds",)),
    "actor.failed": (Level.ERROR, ("seconds", "error")),
    "actor.interrupted": (Level.DEBUG, ("grace", "reason")),
    "actor.interrupt_failed": (Level.ERROR, ("error",)),
    "actor.overdue": (Level.WARNING, ("grace",)),
    "actor.stopped": (Level.INFO, ("seconds", "how")),
    "stage.finished": (Level.DEBUG, ("done", "skipped")),
    "stage.skipped": (Level.WARNING, ("item", "error")),
    "stage.failed": (Level.ERROR, ("error",)),
    "job.failed": (Level.WARNING, ("error",)),
    "worker.failed": (Level.WARNING, ("error",)),
    "pool.saturated": (Level.INFO, ("total", "waiting")),
    "pool.recovered": (Level.INFO, ("total", "waiting")),
    "task.stuck": (Level.WARNING, ("tasks", "seconds", "waits_for", "stack")),
    "loop.blocked": (Level.WARNING, ("seconds", "stack")),
    "leak.suspected": (Level.WARNING, ("function", "tasks", "before", "rate")),
    "sink.dropped": (Level.ERROR, ("sink", "error")),
}
"""
Every event by its name: its level, and what it says beyond what all events say.
"""

COMMON = ("seq", "time", "path", "life", "cause")

KINDS = [
    kind for _, kind in inspect.getmembers(events, inspect.isclass) if issubclass(kind, Event) and kind is not Event
]


def example(kind, **details):
    """
    An event of a kind, with something in each field.
    """
    given = {field.name: "..." for field in attrs.fields(kind) if field.default is attrs.NOTHING}
    return kind(**(given | details))


class Unruly:
    """
    A runner that fails in as many ways as it is told to, and then waits.
    """

    def __init__(self, *errors):
        self.errors = list(errors)

    async def run(self):
        """
        Fail after a second, if there is an error left.
        """
        await trio.sleep(1)
        if self.errors:
            raise self.errors.pop(0)
        await tr.wait_stopping()


async def story_of(*children, **rules):
    """
    The events of a supervisor that gives up.
    """
    told = []
    with tr.use_sinks(told.append):
        with pytest.raises(tr.GaveUp):
            await tr.Supervisor("shop", *children, **rules).run()
    return told


class TestEveryEvent:
    def test_vocabulary(self):
        """
        No event appears, vanishes or is renamed, and none changes its level or its fields, without this test.
        """
        actual = {
            kind.name: (kind.level, tuple(field.name for field in attrs.fields(kind) if field.name not in COMMON))
            for kind in KINDS
        }

        assert FROZEN == actual
        assert len(KINDS) == len(actual)

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_name(self, kind):
        """
        A name is a noun and what became of it.
        """
        kinds = "actor|child|supervisor|job|worker|pool|task|loop|leak|sink|stage"

        assert re.fullmatch(rf"({kinds})\.[a-z]+(_[a-z]+)*", kind.name)

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_an_event_is_never_changed(self, kind):
        """
        No field can be set, and none can be added.
        """
        event = example(kind)
        for name in (*COMMON, *FROZEN[kind.name][1], "name", "level"):
            with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
                setattr(event, name, "another")
        with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
            event.remark = "new"

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_common_fields(self, kind):
        """
        Each says when and about whom; without a life or a cause these are 0.
        """
        event = example(kind, seq=1, time=2.0, path="shop")

        assert (1, 2.0, "shop", 0, 0) == tuple(getattr(event, name) for name in COMMON)

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_by_keyword_only(self, kind):
        """
        A field can be added between two others without breaking anybody.
        """
        with pytest.raises(TypeError):
            kind(1, 2.0, "shop")

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_equality(self, kind):
        """
        Events are values: two that say the same are equal.
        """
        assert example(kind) == example(kind)
        assert example(kind, seq=1) != example(kind, seq=2)


class TestLevel:
    def test_numbers_are_those_of_logging(self):
        """
        A level can be handed to `logging` as it is.
        """
        assert {each.name: each.value for each in Level} == {
            name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARNING", "ERROR")
        }


class TestStories:
    """
    What holds of the events of a tree, whatever they tell.
    """

    async def test_cause_is_an_earlier_event(self):
        """
        Numbers go up by one, and each cause is the number of an earlier event of the stream.
        """
        inner = tr.Supervisor("inner", tr.Child(Unruly(*[OSError(f"{i}") for i in range(5)]), name="u"))
        told = await story_of(
            inner,
            tr.Child(Unruly(ValueError("a"), ValueError("b")), name="v"),
            strategy="one_for_all",
            budget=tr.Budget(restarts=1, per=60),
        )

        assert list(range(1, len(told) + 1)) == [event.seq for event in told]
        assert [] == [event for event in told if not 0 <= event.cause < event.seq]

    async def test_an_error_stands_in_one_event_only(self):
        """
        An error is told once, however many levels it climbs.
        """
        errors = [OSError("first"), OSError("second"), OSError("third")]
        inner = tr.Supervisor("inner", tr.Child(Unruly(*errors), name="u"), budget=tr.Budget(restarts=1, per=60))
        told = await story_of(inner, budget=tr.Budget(restarts=0, per=60))
        seen = [event.error for event in told if getattr(event, "error", None) is not None]

        assert {*errors[:2]} == {error for error in seen if isinstance(error, OSError)}
        assert len(set(map(id, seen))) == len(seen)
