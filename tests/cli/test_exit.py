"""
What the outcome of a run means to the world.
"""

import signal

import pytest

from trio_run.cli._exit import Exit, by_signal, exit_as, exit_for, failure_lines
from trio_run.errors import GaveUp, StartFailed


def start_failed(path, cause):
    """
    The error of a child that did not start.
    """
    error = StartFailed(path)
    error.__cause__ = cause
    return error


class TestExitFor:
    def test_done(self):
        """
        A root that returned is a success.
        """
        assert Exit(0) == exit_for("shop", None, None)

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
    def test_signal(self, signum):
        """
        A clean end after a signal is death by that signal.
        """
        assert Exit(128 + signum, signum) == exit_for("shop", None, signum)

    @pytest.mark.parametrize("signum", [None, signal.SIGTERM])
    def test_failed(self, signum):
        """
        An error is a failure, even where a signal had asked for the end.
        """
        assert Exit(1, lines=("shop: OSError: x",)) == exit_for("shop", OSError("x"), signum)

    @pytest.mark.parametrize("code", [0, 3])
    def test_system_exit(self, code):
        """
        SystemExit is found in groups, and gives the code it has.
        """
        error = BaseExceptionGroup("g", [BaseExceptionGroup("h", [SystemExit(code)])])

        assert Exit(code) == exit_for("shop", error, None)

    @pytest.mark.parametrize(("code", "result"), [(0, 1), (3, 3)])
    def test_system_exit_and_an_error(self, code, result):
        """
        An error beside a SystemExit turns a success into a failure, and is told.
        """
        error = BaseExceptionGroup("g", [SystemExit(code), OSError("x")])

        assert Exit(result, lines=("shop: g: OSError: x",)) == exit_for("shop", error, None)

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), BaseExceptionGroup("g", [KeyboardInterrupt()])])
    def test_keyboard_interrupt(self, error):
        """
        A KeyboardInterrupt is as good as a SIGINT.
        """
        assert by_signal(signal.SIGINT) == exit_for("shop", error, None)

    def test_keyboard_interrupt_and_an_error(self):
        """
        An error beside a KeyboardInterrupt makes a failure.
        """
        error = BaseExceptionGroup("g", [KeyboardInterrupt(), OSError("x")])

        assert 1 == exit_for("shop", error, None).code

    def test_what_is_no_exception(self):
        """
        Whatever else is raised is a failure.
        """
        assert 1 == exit_for("shop", GeneratorExit(), None).code


class TestExitAs:
    @pytest.mark.parametrize(
        ("code", "end"), [(None, Exit(0)), (0, Exit(0)), (7, Exit(7)), ("no disk", Exit(1, lines=("no disk",)))]
    )
    def test_codes(self, code, end):
        """
        None is a success, a number the code, and all else is told and is a failure: as in Python.
        """
        assert end == exit_as(SystemExit(code))


class TestFailureLines:
    def test_who_did_not_start(self):
        """
        Where supervisors are nested, the innermost child that did not start is named.
        """
        error = start_failed("shop/workers", start_failed("shop/workers/db", OSError("locked")))

        assert ("shop/workers/db did not start: OSError: locked",) == failure_lines("shop", error)

    def test_groups(self):
        """
        Each error of a nursery has its line, with the name of the child that has the nursery.
        """
        group = ExceptionGroup("Exceptions from Trio nursery", [OSError("a"), OSError("b")])

        assert ("web did not start: OSError: a", "web did not start: OSError: b") == failure_lines(
            "shop", start_failed("web", group)
        )

    def test_gave_up(self):
        """
        Who gave up is told with what the budget was.
        """
        error = GaveUp("shop", "db", (3, 60.0), ["..."], [OSError("x")])

        assert ("shop gave up on db after 3 restarts in 60 s: OSError: x",) == failure_lines("shop", error)

    @pytest.mark.parametrize(
        ("budget", "told"),
        [
            (3, "shop gave up on db after more than 3 failures in a row: OSError: x"),
            (None, "shop gave up on db, which said that no restart would help: OSError: x"),
        ],
    )
    def test_gave_up_otherwise(self, budget, told):
        """
        So is who gave up over a row of failures, or was told to.
        """
        assert (told,) == failure_lines("shop", GaveUp("shop", "db", budget, ["..."], [OSError("x")]))

    def test_the_message_of_a_group(self):
        """
        What a group says of itself is kept, and who it is about.
        """
        ours = ExceptionGroup("children of shop failed while they were stopped", [OSError("x")])
        theirs = ExceptionGroup("no luck", [OSError("x")])

        assert ("children of shop failed while they were stopped: OSError: x",) == failure_lines("shop", ours)
        assert ("shop: no luck: OSError: x",) == failure_lines("shop", theirs)

    def test_a_start_that_failed_for_no_reason(self):
        """
        A start without a cause is told as it is.
        """
        lines = failure_lines("shop", StartFailed("db"))

        assert ("shop: StartFailed: db did not start: no reason was recorded",) == lines

    def test_many(self):
        """
        Equal errors are told once, and of many the number.
        """
        alike = ExceptionGroup("shop", [OSError("a")] * 20)
        different = ExceptionGroup("shop", [OSError(f"{number}") for number in range(20)])

        assert ("shop: OSError: a",) == failure_lines("shop", alike)
        assert (9, "and 12 errors more") == (
            len(failure_lines("shop", different)),
            failure_lines("shop", different)[-1],
        )
