"""
Seasons: a tree grows, lives through chaos, and ends in one of the ways there are; then nothing may be left.
"""

from __future__ import annotations

import gc
import math
import random
from pathlib import Path

import attrs
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import trio_run as tr

from .laws import Laws, nodes_of
from .world import Fatal, World

ENDINGS = ("calm", "cancelled", "asked", "fatal")
"""How a season may end: in peace, cancelled from outside, asked to stop, and by what nobody may hold."""

PATIENCE = 500.0
"""After so many seconds somebody hangs."""


@attrs.frozen
class Season:
    """
    What there was of one season.
    """

    ending: str
    events: int
    most: int
    seconds: float
    answers: dict[str, int]
    objects: int
    """What Python holds when all is over."""

    windows: tuple[float, ...]
    """What Python held for each child alive, from time to time."""


def run_season(laws: Laws, seed: int, ending: str, *, children: int, events: int) -> Season:
    """
    Let a tree of that many *children* live for that many *events*.
    """
    chance = random.Random(seed)
    trio._core._run._r.seed(seed)
    random.seed(seed)
    world = World(chance, laws)
    windows: list[float] = []
    seconds = trio.run(_season, world, ending, children, events, windows, clock=MockClock(autojump_threshold=0))
    laws.check_over()
    for path in world.running:
        laws.broke(path, "its life is not over")
    laws.broken += world.hung
    laws.plans.clear()
    most, answers = world.most, dict(world.answers)
    del world
    gc.collect()
    return Season(ending, laws.count, most, seconds, answers, len(gc.get_objects()), tuple(windows))


async def _season(world: World, ending: str, children: int, events: int, windows: list[float]) -> float:
    laws, start = world.laws, trio.current_time()
    tree = world.tree("top", children)
    enough = laws.count + events
    laws.begin()
    with tr.use_sinks(laws):
        async with trio.open_nursery() as people:
            leave, over = trio.Event(), trio.Event()
            season = trio.CancelScope()
            people.start_soon(run_tree, world, tree, season, leave, over)
            for _ in range(5):
                people.start_soon(world.person, 0.5)
            await _until(world, enough, windows, over)
            if ending == "calm":
                people.start_soon(_calm_down, world, tree, leave)
            elif ending == "fatal":
                world.fatal = world.random.choice([Fatal, KeyboardInterrupt])("enough")
            elif ending == "cancelled":
                season.cancel(reason="enough")
            else:
                leave.set()
            with trio.move_on_after(PATIENCE):
                await over.wait()
            if not over.is_set():
                world.hung.append(f"the season did not end when it was {ending}: {tree.snapshot()}")
            people.cancel_scope.cancel(reason="the season is over")
    return trio.current_time() - start


async def _until(world: World, enough: int, windows: list[float], over: trio.Event) -> None:
    """
    Wait for the events to come, and look at the whole tree from time to time.
    """
    laws, tree = world.laws, world.plans["top"]
    first = laws.count
    look_at = [first + (enough - first) * part // 8 for part in range(1, 9)]
    quiet = (trio.current_time(), laws.count)
    while laws.count < enough and not over.is_set():
        await trio.sleep(1.0)
        world.young = "top" in laws.runs and not laws.runs["top"].ready
        if laws.count > quiet[1]:
            quiet = (trio.current_time(), laws.count)
        elif trio.current_time() - quiet[0] > PATIENCE:
            world.hung.append(f"nothing happens any more: {tree.snapshot().as_dict()}")
            return
        if laws.count >= look_at[0]:
            look_at = [each for each in look_at if each > laws.count] or [enough]
            await look(laws, tree, over)
            if not over.is_set():
                gc.collect()
                windows.append(len(gc.get_objects()) / max(1, len(world.running)))


async def look(laws: Laws, tree: tr.Supervisor, over: trio.Event) -> None:
    """
    Take two pictures of the tree, and note what is wrong in both.
    """
    flaws: set[str] | None = None
    for _ in range(2):
        await trio.sleep(0.003)
        await wait_all_tasks_blocked()
        if not over.is_set():
            found = set(laws.flaws(tree.snapshot()))
            flaws = found if flaws is None else flaws & found
    laws.broken += sorted(flaws or ())


async def run_tree(
    world: World, tree: tr.Supervisor, season: trio.CancelScope, leave: trio.Event, over: trio.Event
) -> None:
    """
    Run the tree, until it is asked to stop or cancelled.
    """

    async def ask() -> None:
        await leave.wait()
        tree.request_stop("the season is over")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        with season:
            try:
                await tree.run()
            except BaseException as exc:  # noqa: BLE001 - looked at, and a cancellation passed on
                world.laws.raised("top", exc)
                if season.cancel_called:
                    raise_cancelled(exc)
                _check_last_word(world, exc)
            else:
                world.laws.raised("top", None)
        nursery.cancel_scope.cancel(reason="the tree is gone")
    over.set()


def raise_cancelled(error: BaseException) -> None:
    """
    Raise what is cancellation in *error*.
    """
    if isinstance(error, trio.Cancelled):
        raise error
    if isinstance(error, BaseExceptionGroup):
        cancelled, _rest = error.split(trio.Cancelled)
        if cancelled is not None:
            raise cancelled


def _check_last_word(world: World, error: BaseException) -> None:
    """
    Check that what no supervisor may hold left the tree, where it was raised; and no Cancelled.
    """
    if [each for each in nodes_of(error) if each is world.worst] != ([world.worst] if world.worst else []):
        world.laws.broke("top", f"raised {error!r}, and {world.worst!r} was raised in it")
    if not isinstance(error, BaseExceptionGroup):
        if world.surely_up or not isinstance(error, tr.StartFailed):
            world.laws.broke("top", f"raised {error!r}")
        return
    if error.split(trio.Cancelled)[0] is not None:
        world.laws.broke("top", "a Cancelled left its run, and nobody cancelled it")


async def _calm_down(world: World, tree: tr.Supervisor, leave: trio.Event) -> None:
    """
    Let all behave, bring up who is down, and see that in the end whoever is wanted is up.
    """
    world.calm = True
    await trio.sleep(150.0)
    late: set[str] | None = None
    for _ in range(3):  # One that is recycled just now is up the next time.
        await trio.sleep(17.0)
        await look(world.laws, tree, trio.Event())
        down = {each.path for each in _all(tree.snapshot()) if each.wanted and each.phase != "up"}
        late = down if late is None else late & down
    for path in late or ():
        world.laws.broke(path, "all is calm, it is wanted, and it is not up")
    leave.set()


def _all(picture: tr.SupervisorSnapshot) -> list[tr.ChildSnapshot]:
    found = list(picture.children)
    for each in picture.children:
        for below in each.supervisors:
            found += _all(below)
    return found


def resident() -> float:
    """
    How many megabytes of memory this process takes, where that can be asked; else not a number.
    """
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
    except OSError:
        return math.nan
