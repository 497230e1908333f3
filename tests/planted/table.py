"""
The tables of what was planted and what was found.

Each cell is counted, here and now. The page of the documentation has them between two comments.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.planted import corpus
from trio_run.leaks import frozen_heap

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "testing-tools.md"
BEGIN, END = "<!-- planted: begin -->\n", "<!-- planted: end -->\n"

Row = Sequence[object]


def measured() -> str:
    """
    Run everything, and return the tables.
    """
    with frozen_heap():
        return f"{races()}\n{everywhere()}\n{leaks()}"


def documented() -> str:
    """
    The tables in the documentation.
    """
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip("\n") + "\n"


def races() -> str:
    """
    Races: plain runs beside both models.
    """
    programs = [corpus.load("races", name) for name in corpus.names("races")]
    wrong = [program for program in programs if not corpus.is_deadlock(program)]
    dead = [program for program in programs if program not in wrong]
    head = ("races", "programs", "200 plain runs", "strict", "wide", "wide, in every seed", "mended twins reported")
    rows = [("wrong result", *_races(wrong)), ("deadlock: lock orders, lost wake-ups", *_races(dead))]
    return table(head, [*rows, _sum(rows)])


def _races(programs) -> Row:
    plain = sum(map(corpus.fails_in_plain_runs, programs))
    strict = [_seeds_that_find(each, "strict") for each in programs]
    wide = [_seeds_that_find(each, "wide") for each in programs]
    every = sum(len(found) == corpus.SEEDS for found in wide)
    return len(programs), plain, _some(strict), _some(wide), every, sum(map(_is_reported, programs))


def _some(found: Iterable[Sequence[int]]) -> int:
    return sum(map(bool, found))


def _seeds_that_find(program, model) -> list[int]:
    seeds = range(corpus.SEEDS)
    return [each for each in seeds if corpus.explored(program, program.broken, seed=each, model=model).failure]


def _is_reported(program) -> bool:
    ways = ((seed, model) for seed in range(corpus.SEEDS) for model in ("wide", "strict"))
    return any(corpus.explored(program, program.mended, seed=seed, model=model).failure for seed, model in ways)


def everywhere() -> str:
    """
    Bugs in clean-up: a test as one writes it beside both tools.
    """
    programs = [corpus.load("everywhere", name) for name in corpus.names("everywhere")]
    verdicts = sorted({verdict for program in programs for verdict in program.FINDS.values()})
    head = (
        "clean-up",
        "programs",
        "cancelled once, when idle",
        "cancel_everywhere",
        "fault_everywhere",
        "one of both",
        "mended twins reported",
    )
    rows = [(each, *_everywhere(of_verdict(programs, each))) for each in verdicts]
    return table(head, [*rows, _sum(rows)])


def of_verdict(programs, verdict):
    """
    The programs whose first verdict it is.
    """
    return [program for program in programs if next(iter(program.FINDS.values())) == verdict]


def _everywhere(programs) -> Row:
    idle = sum(map(corpus.is_found_when_idle, programs))
    by = {tool: [each for each in programs if _finds(each, tool)] for tool in corpus.TOOLS}
    either = [each for each in programs if any(each in found for found in by.values())]
    reported = [each for each in programs if any(corpus.tried(each, each.mended, tool).findings for tool in by)]
    return len(programs), idle, *map(len, by.values()), len(either), len(reported)


def _finds(program, tool) -> bool:
    return tool in program.FINDS and corpus.is_found_everywhere(program, tool)


def leaks() -> str:
    """
    Leaks by kind, and tasks that nothing can wake.
    """
    programs = [corpus.load("leaks", name) for name in corpus.names("leaks")]
    head = ("left behind", "programs", "found", "mended twins reported")
    rows = [
        (kind, *_leaks([each for each in programs if each.KIND == kind])) for kind in sorted({p.KIND for p in programs})
    ]
    stuck = [corpus.load("stuck", name) for name in corpus.names("stuck")]
    found = sum(map(corpus.is_found_stuck, stuck))
    reported = sum(bool(len(corpus.suspected(each.mended))) for each in stuck)
    rows.append(("task that nothing can wake, by leaked_tasks", len(stuck), found, reported))
    return table(head, [*rows, _sum(rows)])


def _leaks(programs) -> Row:
    found = sum(each.KIND in corpus.left_by(each.broken) for each in programs)
    return len(programs), found, sum(bool(corpus.left_by(each.mended)) for each in programs)


def _sum(rows: Sequence[Row]) -> Row:
    return ("all", *[sum(column) for column in list(zip(*rows, strict=True))[1:]])


def table(head: Row, rows: Iterable[Row]) -> str:
    """
    A table in Markdown.
    """
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
