"""
Measure the tools on the corpus and print the tables that the documentation shows: `python -m tests.planted`.

Takes a minute or more.
"""

from tests.planted import table

print(table.measured())
