"""
Errors name who, what and the way out, and survive being copied and pickled.
"""

import copy
import inspect
import pickle
import signal

import pytest

from trio_run import errors
from trio_run.errors import (
    ChildCancelled,
    ChildDown,
    ChildNotFound,
    ChildReturned,
    Closed,
    Directive,
    Done,
    DuplicateChild,
    EndedBeforeReady,
    Escalate,
    GaveUp,
    Ignore,
    InternalError,
    JobCancelled,
    LeakedCancelled,
    NotDone,
    OutsidePool,
    PoolWouldDeadlock,
    RestartAfter,
    SignalReceived,
    StartFailed,
    StartTimedOut,
    StartWouldDeadlock,
    SupervisorNotRunning,
    SupervisorStopped,
    SupervisorStopping,
    TooManyChildren,
    TrioRunError,
    Unhealthy,
    WouldDeadlock,
)


class SilentError(Exception):
    """
    An error that cannot be printed.
    """

    def __str__(self):
        raise RuntimeError


def because(error, cause):
    """
    The error, with a cause.
    """
    error.__cause__ = cause
    return error


def pickled(error):
    """
    What another process gets of an error.
    """
    return pickle.loads(pickle.dumps(error))  # noqa: S301 - our own


def gave_up(*errors):
    """
    A supervisor's last word.
    """
    return GaveUp("shop/workers", "mailer", (10, 60.0), ["first", "second"], errors or [OSError("no route")])


EXAMPLES = {
    InternalError("oh"): "oh",
    because(StartFailed("shop/db"), OSError("locked")): "shop/db did not start: OSError: locked",
    EndedBeforeReady("shop/db"): (
        "shop/db returned before it was ready. Call task_status.started() once it serves, or leave the task_status "
        "parameter out."
    ),
    StartTimedOut("shop/db", 3.0): (
        "shop/db was not ready after 3 s. Look what it waits for before task_status.started(), or give it more time with "
        "start_timeout=."
    ),
    Unhealthy("shop/db", "no beat for 5 s"): (
        "shop/db was not well: no beat for 5 s. Look where it hung, or allow it more with beat= or probe=."
    ),
    TooManyChildren("shop/sessions", 100): (
        "shop/sessions has 100 children and may have no more. Wait until one is gone, remove one that is down, or raise "
        "max_children."
    ),
    Directive("odd"): "odd",
    Done(): "the child is done, and need not be started again",
    Ignore(): "the child has nothing to do here; to be raised before it is ready",
    RestartAfter(5.0): "the child wants to be started again after 5 s",
    Escalate(): "the child is beyond what its supervisor can mend",
    ChildReturned("shop/db"): (
        "shop/db returned, and its restart is ALWAYS. If it may finish, use restart=Restart.ON_FAILURE."
    ),
    ChildCancelled("shop/db"): (
        "shop/db was cancelled, but not by its supervisor. To end a child for good, stop it by name."
    ),
    ChildDown("shop/db"): (
        "shop/db is down, and nothing is to start it. To bring it up, call restart() with its name."
    ),
    LeakedCancelled("shop/db"): (
        "shop/db raised a trio.Cancelled that no cancel scope around it had sent. Look for code that stores a Cancelled "
        "and raises it later."
    ),
    gave_up(): (
        "shop/workers gave up: mailer failed once more than the 10 restarts in 60 s that its budget forgives. "
        "Mend the cause below, or raise the budget with Budget(restarts=..., per=...) (1 sub-exception)"
    ),
    DuplicateChild("shop/db", "down"): (
        "shop/db exists already, and is down. Give the new child another name, or remove the old one."
    ),
    ChildNotFound("shop/db", ["web", "api"]): "There is no child shop/db. The children are: web, api.",
    SupervisorNotRunning("shop"): (
        "The supervisor shop is not running yet. Run it first, or use `async with open_supervisor(...)`."
    ),
    SupervisorStopping("shop"): "The supervisor shop is stopping: it takes no more orders.",
    SupervisorStopped("shop"): "The supervisor shop has stopped: it takes no orders until it is run again.",
    WouldDeadlock("shop/db", "shop/db/pool"): (
        "shop/db/pool would wait for shop/db to end, and so for itself. Return instead, or ask from another child."
    ),
    StartWouldDeadlock("shop/web", "shop/db"): (
        "shop/db would wait for shop/web to be ready, which comes up only after shop/db is ready itself. "
        "Call task_status.started() first, or use start_soon."
    ),
    PoolWouldDeadlock("shop/pool", "shop/pool/crawl", 8): (
        "shop/pool/crawl would wait for a slot of shop/pool for ever: all 8 are held by jobs that wait for one. Await the "
        "function itself instead, or use a second pool, with a limiter of its own, for what jobs wait for."
    ),
    GaveUp("shop", "db", 3, [], [OSError("x")]): (
        "shop gave up: db failed once more than the 3 times in a row that its budget forgives. Mend the cause below, or "
        "raise the budget with Budget(in_a_row=...) (1 sub-exception)"
    ),
    OutsidePool("connect"): (
        "There is no connect here: this is not a job of a pool that was opened with it. "
        "Offer the work to a pool from open_pool(..., per_worker=...), and ask inside of the job."
    ),
    NotDone("shop/db", "running"): "shop/db has no value yet: it is running. Use `await handle.wait()`.",
    JobCancelled("shop/db", "too slow"): "shop/db has no value: it was cancelled (too slow).",
    SignalReceived(signal.SIGTERM): "SIGTERM arrived. Catch it with `except* SignalReceived` around run_actors().",
    Closed("the pool", "fetch"): (
        "the pool is closed and did not take fetch. Offer work inside its `async with` block, or while its actors run."
    ),
}


def fields(error):
    """
    What an error says in a form for programs.
    """
    return {name: value for name, value in vars(error).items() if name != "__notes__"}


class TestEveryError:
    def test_has_an_example_here(self):
        """
        No error of the module is left out of the tests below.
        """
        defined = {
            kind
            for _, kind in inspect.getmembers(errors, inspect.isclass)
            if kind.__module__.startswith(errors.__name__)
        }

        assert defined - {TrioRunError} == set(map(type, EXAMPLES))

    @pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
    def test_can_be_caught_by_one_name(self, error):
        """
        All are a TrioRunError, and none can pass as a cancellation or an exit.
        """
        assert isinstance(error, TrioRunError)
        assert isinstance(error, Exception)

    @pytest.mark.parametrize(("error", "text"), EXAMPLES.items(), ids=lambda each: type(each).__name__)
    def test_text(self, error, text):
        """
        Each says who, what, and the way out.
        """
        assert text == str(error)

    @pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
    @pytest.mark.parametrize("transport", [copy.copy, pickled])
    def test_travels(self, error, transport):
        """
        A copy, or what another process gets, has the type, the fields, the text and the notes of the original.
        """
        original = because(copy.copy(error), None)
        original.add_note("seen by the test")
        arrived = transport(original)

        assert type(error) is type(arrived)
        assert fields(error) == fields(arrived)
        assert str(original) == str(arrived)
        assert ["seen by the test"] == arrived.__notes__


class TestStartFailed:
    @pytest.mark.parametrize(
        ("cause", "said"),
        [
            (None, "no reason was recorded"),
            (KeyError(), "KeyError"),
            (ValueError("  two\nlines\t "), "ValueError: two lines"),
            (StartFailed("shop/db/pool"), "StartFailed: shop/db/pool did not start: no reason was recorded"),
            (SilentError(), "SilentError: (its text cannot be had)"),
        ],
        ids=repr,
    )
    def test_says_the_cause_in_one_line(self, cause, said):
        """
        Whatever the cause has for a text, the error keeps to one line and can be printed.
        """
        assert f"shop/db did not start: {said}" == str(because(StartFailed("shop/db"), cause))


class TestChildNotFound:
    def test_no_children(self):
        """
        An empty supervisor says so.
        """
        assert "There is no child shop/db. The children are: none." == str(ChildNotFound("shop/db", []))

    @pytest.mark.parametrize(
        ("count", "end"), [(10, "c8, c9."), (11, "c8, c9 and 1 more."), (5000, "c9 and 4990 more.")]
    )
    def test_many_children(self, count, end):
        """
        Ten names are shown, and all are kept.
        """
        names = [f"c{number}" for number in range(count)]
        error = ChildNotFound("shop/db", names)

        assert str(error).endswith(end)
        assert tuple(names) == error.names


class TestJobCancelled:
    def test_no_reason(self):
        """
        Where nobody gave a reason, it says so.
        """
        assert "f has no value: it was cancelled (no reason given)." == str(JobCancelled("f", None))


class TestClosed:
    def test_failure(self):
        """
        The failure that closed the owner is part of the text.
        """
        assert (
            "the group is closed because of OSError: no route and did not take fetch. Offer work inside its `async with` "
            "block, or while its actors run."
        ) == str(because(Closed("the group", "fetch"), OSError("no route")))


class TestGaveUp:
    def test_fields(self):
        """
        Programs find who gave up, on whom, by which budget, and the history as text.
        """
        assert {
            "path": "shop/workers",
            "child": "mailer",
            "restarts": 10,
            "per": 60.0,
            "in_a_row": None,
            "history": ("first", "second"),
        } == fields(gave_up())

    def test_errors_are_found_inside(self):
        """
        `except*` still finds the errors that led here, also through the group of a nursery.
        """
        route, value = OSError("no route"), ValueError("no number")
        found = []
        try:
            raise ExceptionGroup("from a nursery", [gave_up(route, value)])
        except* OSError as group:
            found += group.exceptions[0].exceptions
        except* ValueError as group:
            found += group.exceptions[0].exceptions

        assert [route, value] == found

    def test_is_found_whole(self):
        """
        As a TrioRunError it is one error, in a group of a nursery as well.
        """
        verdict = gave_up(OSError("no route"), ValueError("no number"))
        found = []
        try:
            raise ExceptionGroup("from a nursery", [verdict])
        except* TrioRunError as group:
            found += group.exceptions

        assert [verdict] == found

    def test_a_part_is_no_verdict(self):
        """
        A part of the errors is a plain group with the same message: the verdict belongs to the whole.
        """
        verdict = gave_up(OSError("no route"), ValueError("no number"))
        part, rest = verdict.split(OSError)

        assert [ExceptionGroup, ExceptionGroup] == [type(part), type(rest)]
        assert {verdict.message} == {part.message, rest.message}

    def test_keeps_no_list_of_the_caller(self):
        """
        What the supervisor goes on writing does not change a verdict.
        """
        history = ["first"]
        verdict = GaveUp("shop", "db", (0, 0.5), history, [OSError()])
        history.append("second")

        assert ("first",) == verdict.history
        assert "more than the 0 restarts in 0.5 s" in str(verdict)


class TestFields:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (StartFailed("shop/db"), {"path": "shop/db"}),
            (DuplicateChild("shop/db", "up"), {"path": "shop/db", "state": "up"}),
            (ChildNotFound("shop/db", ["web"]), {"path": "shop/db", "names": ("web",)}),
            (WouldDeadlock("shop/db", "shop"), {"path": "shop/db", "caller": "shop"}),
            (NotDone("f", "running"), {"name": "f", "state": "running"}),
            (OutsidePool("connect"), {"name": "connect"}),
            (JobCancelled("f", None), {"name": "f", "reason": None}),
            (Closed("pool", "f"), {"owner": "pool", "job": "f"}),
        ],
        ids=lambda each: type(each).__name__,
    )
    def test_fields(self, error, expected):
        """
        What the text says is there for programs too.
        """
        assert expected == fields(error)
