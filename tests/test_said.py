"""
An error in one line.
"""

import pytest

from trio_run._said import leaves, said


class TestSaid:
    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (OSError(98, "Address in use"), "OSError: [Errno 98] Address in use"),
            (ValueError(), "ValueError"),
            (ValueError("two\n  lines"), "ValueError: two lines"),
            (
                ExceptionGroup("g", [KeyError("a"), ValueError("b")]),
                "ExceptionGroup: g (2 sub-exceptions): KeyError: 'a'; ValueError: b",
            ),
        ],
    )
    def test_one_line(self, error, text):
        """
        An error is one line, whatever it is made of.
        """
        assert text == said(error)

    def test_notes(self):
        """
        Notes are part of what an error says.
        """
        error = OSError("in use")
        error.add_note("port 80")

        assert "OSError: in use (port 80)" == said(error)

    def test_whatever_an_exception_holds_saying_it_does_not_raise(self):
        """
        An exception whose text raises is said by its type.
        """

        class UnspeakableError(Exception):
            def __str__(self) -> str:
                raise ZeroDivisionError

        assert "UnspeakableError: (its text cannot be had)" == said(UnspeakableError())

    @pytest.mark.parametrize("notes", [5, [ValueError, type("Unspeakable", (), {"__str__": None})()]])
    def test_notes_that_are_none(self, notes):
        """
        Nor does one whose notes are no text.
        """
        error = OSError("in use")
        error.__notes__ = notes

        assert "OSError: in use (its notes cannot be had)" == said(error)

    def test_nothing(self):
        """
        Where there is no error, that is said.
        """
        assert "no reason was recorded" == said(None)


def test_leaves():
    """
    The errors in a group, and in the groups in it, are told one by one; any other error is one.
    """
    one, two = ValueError("a"), OSError("b")

    assert [one, two] == list(leaves(ExceptionGroup("g", [ExceptionGroup("h", [one]), two])))
    assert [one] == list(leaves(one))
