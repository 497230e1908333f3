"""
How many lines of Python something takes: what it costs, whatever else the machine does.
"""

import sys


def lines_of(call):
    """
    Call something, and count the lines that are run for it.
    """
    lines = 0

    def count(_frame, event, _arg):
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines
