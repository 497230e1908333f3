"""
The log: which fields events have in it, and when a traceback.
"""

import math
import traceback

import pytest
import structlog
import trio

import trio_run as tr
from trio_run import events
from trio_run.errors import GaveUp, InternalError, LeakedCancelled, StartFailed
from trio_run.logs import keep_traceback_out, log_events


@pytest.fixture
def log():
    """
    What is written, as dicts.
    """
    with structlog.testing.capture_logs() as lines:
        yield lines


def raised(error):
    """
    Return *error* with a traceback.
    """
    try:
        raise error
    except BaseException as exc:  # noqa: BLE001 - whatever it is
        return exc


def failed(error, path="shop/db", seq=1):
    """
    The event of a child that failed.
    """
    return events.ChildFailed(seq=seq, time=0.0, path=path, life=1, seconds=1.0, error=error)


class TestFields:
    def test_all(self, log):
        """
        An event is its name, its level, who and which life, its number, its cause, and its own fields.
        """
        log_events(events.ChildOverdue(seq=7, time=1.0, path="shop/db", life=2, cause=5, grace=5.00049))

        assert [
            {
                "event": "child.overdue",
                "log_level": "warning",
                "path": "shop/db",
                "life": 2,
                "seq": 7,
                "cause": 5,
                "grace": 5.0,
            }
        ] == log

    def test_what_is_not_there(self, log):
        """
        No life, no cause, no bound and no error are no fields.
        """
        log_events(events.ChildStopping(seq=1, time=0.0, path="a", grace=math.inf, reason="r"))
        log_events(events.ChildStopped(seq=2, time=0.0, path="a", seconds=0.0, how="drained"))

        assert {"event", "log_level", "path", "seq", "reason"} == log[0].keys()
        assert {"event", "log_level", "path", "seq", "seconds", "how"} == log[1].keys()

    @pytest.mark.parametrize(
        ("kind", "details"),
        [
            (events.ChildStarting, {}),
            (events.ChildReady, {"seconds": 1.0}),
            (events.ChildFailed, {"seconds": 1.0, "error": OSError()}),
            (events.ChildLost, {"seconds": 1.0, "error": OSError()}),
        ],
    )
    def test_levels(self, log, kind, details):
        """
        The level in the log is that of the event.
        """
        log_events(kind(seq=1, time=0.0, path="a", **details))

        assert kind.level.name.lower() == log[0]["log_level"]

    def test_error(self, log):
        """
        An error is a line, and its traceback the exception itself.
        """
        error = raised(OSError(98, "Address in use"))
        log_events(failed(error))

        assert "OSError: [Errno 98] Address in use" == log[0]["error"]
        assert (OSError, error) == log[0]["exc_info"][:2]

    async def test_as_a_sink(self, log):
        """
        What a supervisor does is in the log, each line with its cause.
        """
        with tr.use_sinks(log_events):
            async with tr.open_supervisor("shop", tr.Child(trio.sleep_forever, name="db")):
                pass

        assert ["supervisor.starting", "child.starting", "child.ready", "supervisor.ready"] == [
            line["event"] for line in log[:4]
        ]
        assert log[1]["seq"] == log[2]["cause"]
        assert "supervisor.stopped" == log[-1]["event"]


class TestTracebacks:
    def test_once(self, log):
        """
        An exception that is passed on, bare, in a group or as a cause, has its traceback written once.
        """
        error = raised(ValueError("x"))
        wrapped = StartFailed("shop/db")
        wrapped.__cause__ = error
        for each in (error, error, GaveUp("shop", "db", (1, 1.0), [], [error]), ExceptionGroup("g", [wrapped])):
            log_events(failed(each))

        assert ["exc_info" in line for line in log] == [True, False, False, False]

    def test_the_news_of_a_group(self, log):
        """
        Of a group only the exceptions that were not written before are shown.
        """
        old, new = raised(ValueError("old")), raised(KeyError("new"))
        log_events(failed(old))
        log_events(failed(ExceptionGroup("g", [old, ExceptionGroup("h", [new])])))

        assert "old" not in "".join(traceback.format_exception(*log[1]["exc_info"]))
        assert "KeyError: 'new'" in "".join(traceback.format_exception(*log[1]["exc_info"]))
        assert "ValueError: old" in log[1]["error"]

    @pytest.mark.parametrize(
        "error", [SystemExit(3), KeyboardInterrupt(), tr.EndedBeforeReady("a"), tr.ChildReturned("a")]
    )
    def test_none_needed(self, log, error):
        """
        What says enough by its text has no traceback.
        """
        log_events(failed(raised(error)))

        assert "exc_info" not in log[0]

    @pytest.mark.parametrize("error", [InternalError("x"), LeakedCancelled("a")])
    def test_of_ours(self, log, error):
        """
        Errors of trio_run that say less than their traceback have one.
        """
        log_events(failed(raised(error)))

        assert "exc_info" in log[0]

    def test_kept_out(self, log):
        """
        A traceback that is shown elsewhere can be kept out of the log, that of a cause too.
        """
        error = StartFailed("shop/db")
        error.__cause__ = raised(OSError("x"))
        keep_traceback_out(error)
        log_events(failed(error.__cause__))

        assert "exc_info" not in log[0]

    async def test_begins_at_the_runner(self, log):
        """
        The frames through which trio_run called the runner are left out.
        """

        async def broken():
            raise ValueError("x")

        with tr.use_sinks(log_events), pytest.raises(tr.GaveUp):
            await tr.Supervisor("shop", broken, budget=tr.Budget(restarts=0)).run()
        shown = [line["exc_info"] for line in log if "exc_info" in line]

        assert [["broken"]] == [[frame.name for frame in traceback.extract_tb(each[2])] for each in shown]


class TestConfiguration:
    def test_is_left_alone(self, log, monkeypatch):
        """
        To log does not configure structlog.
        """
        monkeypatch.setattr(structlog, "configure", None)
        monkeypatch.setattr(structlog, "configure_once", None)
        log_events(failed(OSError()))

        assert 1 == len(log)
