"""
The vocabulary of a run of the command is part of the interface, so it is frozen here.
"""

import inspect

import attrs

from trio_run.cli import events
from trio_run.events import Event, Level

FROZEN = {
    "run.started": (Level.INFO, ("pid",)),
    "run.ready": (Level.INFO, ("seconds",)),
    "run.stopping": (Level.INFO, ("reason", "grace", "alive")),
    "run.waiting": (Level.INFO, ("seconds", "alive")),
    "run.escalated": (Level.WARNING, ("reason", "alive")),
    "run.failed": (Level.ERROR, ("error",)),
    "run.stopped": (Level.INFO, ("seconds", "code")),
}


class TestVocabulary:
    def test_frozen(self):
        """
        No name, level or field changes by accident.
        """
        kinds = [
            kind
            for _, kind in inspect.getmembers(events, inspect.isclass)
            if issubclass(kind, Event) and kind is not Event
        ]
        common = attrs.fields_dict(Event).keys()
        found = {
            kind.name: (kind.level, tuple(name for name in attrs.fields_dict(kind) if name not in common))
            for kind in kinds
        }

        assert FROZEN == found
