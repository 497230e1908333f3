"""
Measure the tools on the corpus and print the tables that the documentation shows: `python -m tests.planted`.

Takes some minutes. With `--check` it compares them with those in the documentation.
"""

import sys

from tests.planted import table


def main() -> int:
    """
    Print the tables, or say whether the documentation has them.
    """
    text = table.measured()
    print(text)
    if sys.argv[1:] == ["--check"] and text != table.documented():
        print(f"{table.PAGE} has other tables.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
