"""
watch: the updates that get lost are told in one run, and those that cannot get lost are not.
"""

import contextlib
import copy
import functools
import pickle
import random

import attrs
import pytest
import trio
from trio.lowlevel import checkpoint

from tests.testing.test_explore import RACES, load
from trio_run.errors import InternalError
from trio_run.testing import LostUpdate, QuietClock, explore, watch
from trio_run.testing._explore_choosers import Told
from trio_run.testing._explore_engine import ENGINE
from trio_run.testing._explore_run import Rules, run_once
from trio_run.testing._explore_token import Model
from trio_run.testing._watch_order import Order


class Account:
    def __init__(self, balance=0):
        self.balance = balance
        self.note = ""

    @property
    def funds(self):
        return self.balance

    @funds.setter
    def funds(self, value):
        self.balance = value

    def get(self):
        return self.balance

    def put(self, value):
        self.balance = value

    async def load(self):
        await checkpoint()
        return self.balance

    async def store(self, value):
        await checkpoint()
        self.balance = value


class Rows:
    """
    Who holds a watched dict.
    """

    def __init__(self):
        self.rows = watch({"a": 1, "b": 2})

    def __getitem__(self, key):
        return self.rows[key]

    def __setitem__(self, key, value):
        self.rows[key] = value

    async def load(self, key):
        await checkpoint()
        return self.rows[key]

    async def save(self, key, value):
        await checkpoint()
        self.rows[key] = value


def first_found(program):
    """
    What is found in one run of *program*, on the default schedule: the first lost update, or None.
    """
    random.seed(0)
    error = run_once(program, Told(), Rules(Model.WIDE, 0.0, 10_000, ENGINE)).error
    found = next(leaves(error), None)
    if found is None and error is not None and not isinstance(error, (AssertionError, ExceptionGroup)):
        raise error
    return found


def leaves(error):
    """
    The lost updates in *error*.
    """
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    elif isinstance(error, LostUpdate):
        yield error


async def both(*programs):
    """
    Run them at the same time.
    """
    async with trio.open_nursery() as nursery:
        for program in programs:
            nursery.start_soon(program)


class Planted:
    """
    A planted program whose objects, and the dicts in them, are watched.
    """

    def __init__(self, path, monkeypatch):
        self.module = load(path)
        for kind in vars(self.module).values():
            if isinstance(kind, type) and kind.__module__ == self.module.__name__:
                monkeypatch.setattr(kind, "__init__", self.watching(kind.__init__))

    @staticmethod
    def watching(init):
        @functools.wraps(init)
        def watched(self, *args, **kwargs):
            init(self, *args, **kwargs)
            for name, value in getattr(self, "__dict__", {}).items():
                if type(value) is dict:
                    setattr(self, name, watch(value))
            watch(self)

        return watched


@pytest.mark.no_leak_check("the programs leave their channels open")
class TestPlanted:
    @pytest.mark.parametrize("path", RACES, ids=lambda path: path.stem)
    def test_mended(self, path, monkeypatch):
        """
        A program without a race is not reported.
        """
        assert None is first_found(Planted(path, monkeypatch).module.mended)

    @pytest.mark.parametrize(
        "name",
        ["barrier_used_again", "check_then_load", "double_close", "lost_update", "two_leaders", "two_reconnects"],
    )
    def test_found(self, name, monkeypatch):
        """
        What is lost or done twice is found in one run, without the assertion of the program.
        """
        (path,) = [path for path in RACES if path.stem == name]

        assert None is not first_found(Planted(path, monkeypatch).module.broken)


async def by_get(account):
    seen = account.get()
    await checkpoint()
    account.put(seen + 1)


async def by_property(account):
    seen = account.funds
    await checkpoint()
    account.funds = seen + 1


async def by_load(account):
    await account.store(await account.load() + 1)


async def by_item(rows):
    seen = rows["a"]
    await checkpoint()
    rows["a"] = seen + 1


async def by_row(rows):
    await rows.save("a", await rows.load("a") + 1)


async def by_sum(rows):
    total = sum(rows.rows[key] for key in "ab")
    await checkpoint()
    rows.rows["a"] = total


async def by_walk(rows):
    for key, value in rows.rows.items():
        await checkpoint()
        rows.rows[key] = value + 1


async def by_context(account):
    @contextlib.contextmanager
    def edited():
        seen = account.balance
        yield
        account.balance = seen + 1

    with edited():
        await checkpoint()


WAYS = {
    **{way.__name__: (lambda: watch(Account()), way) for way in (by_get, by_property, by_load, by_context)},
    **{way.__name__: (Rows, way) for way in (by_item, by_row, by_sum, by_walk)},
}
"""How a value is read and written, and of what."""


async def add(account, *, again=False):
    """
    Read, wait, and write what was read and one more; or wait once more and read again.
    """
    seen = account.balance
    await checkpoint()
    account.balance = (account.balance if again else seen) + 1


async def set_late(account):
    await checkpoint()
    await checkpoint()
    account.balance = 7


class TestSpans:
    def test_a_race_is_told_where_it_shows(self):
        """
        The error has the name, the three accesses with their stacks, and the way out.
        """

        async def main():
            account = watch(Account())
            await both(functools.partial(add, account), functools.partial(set_late, account))

        found = first_found(main)
        lines = str(found).splitlines()

        assert "Account.balance" == found.name
        assert ["add", "add", "set_late"] == [found.read.task, found.written.task, found.other.task]
        assert found.read.stack[-1].startswith("tests/testing/test_watch.py:")
        assert found.read.stack[-1].endswith(" add")
        assert found.read.stack != found.written.stack
        assert found.other.writes
        assert "set_late may write it in between" in lines[0]
        assert ["  add read it at", "  add wrote it at", "  set_late wrote it at"] == [
            line for line in lines if line.startswith("  ") and line.endswith(" at")
        ]
        assert "ignore=[...]" in lines[-1]

    def test_the_same_test(self):
        """
        Two tasks that may make the same test, and act on it, are told though the second came too late to.
        """

        async def close(account):
            if account.balance:
                await checkpoint()
                account.balance = 0

        async def main():
            account = watch(Account(1))

            async def later():
                for _ in range(5):
                    await checkpoint()
                await close(account)

            await both(functools.partial(close, account), later)

        found = first_found(main)

        assert not found.other.writes
        assert "later may make the same test, and act on it too, in between" in str(found)

    def test_read_again(self):
        """
        Who reads again after the checkpoint relies on nothing old.
        """

        async def main():
            account = watch(Account())
            await both(*[functools.partial(add, account, again=True)] * 2)

        assert None is first_found(main)

    def test_claimed(self):
        """
        Who writes in the step of the test has claimed the place, and may write it again later.
        """

        async def start(account):
            if account.note == "":
                account.note = "starting"
                await checkpoint()
                account.note = "started"

        async def main():
            account = watch(Account())
            await both(*[functools.partial(start, account)] * 2)

        assert None is first_found(main)

    def test_calls_do_not_belong_together(self):
        """
        What one call read and another one wrote is not taken to depend on each other.
        """

        async def step(account, write):
            if write:
                account.balance = 3
            else:
                account.note = str(account.balance)
            await checkpoint()

        async def steps(account):
            await step(account, write=False)
            await step(account, write=True)

        async def main():
            account = watch(Account(), ignore="note")
            await both(*[functools.partial(steps, account)] * 2)

        assert None is first_found(main)

    @pytest.mark.parametrize("locked", [False, True])
    @pytest.mark.parametrize("way", WAYS)
    def test_methods_are_a_part_of_who_calls_them(self, way, locked):
        """
        A value that is read and written through methods is lost as any other; a lock keeps it.
        """
        make, update = WAYS[way]

        async def main():
            thing, lock = make(), trio.Lock()

            async def change():
                async with lock if locked else contextlib.nullcontext():
                    await update(thing)

            await both(change, change)

        assert (None is first_found(main)) == locked

    def test_a_loop_is_no_update(self):
        """
        Who calls a method again does not rely on what it did before, and one loop round not on another.
        """

        async def handle(rows, message):
            if message is None:
                return await rows.load("a")
            return await rows.save("a", message)

        async def one(rows):
            for message in (None, 3, None, 4):
                await handle(rows, message)

        async def other(rows):
            for key, value in (("a", 1), ("b", 2), ("a", 3)):
                await rows.save(key, value)
                await rows.load(key)

        async def main():
            rows = Rows()
            await both(functools.partial(one, rows), functools.partial(one, rows), functools.partial(other, rows))

        assert None is first_found(main)

    def test_a_method_that_asks_is_no_test_of_who_writes(self):
        """
        Who only reads, by the same method as who reads and writes, does nothing to that.
        """

        async def main():
            account = watch(Account())

            async def write():
                seen = account.get()
                await checkpoint()
                account.put(seen + 1)

            async def read():
                for _ in range(3):
                    account.get()
                    await checkpoint()

            await both(write, read)

        assert None is first_found(main)

    def test_a_removal_needs_something_to_remove(self):
        """
        Who found nothing, and puts something there, is not disturbed by who can only remove it again; but by who puts it too.
        """

        async def main(again=False):
            found = watch({})

            async def load():
                if "key" not in found:
                    await checkpoint()
                    found["key"] = 1

            async def forget():
                for _ in range(5):
                    await checkpoint()
                del found["key"]
                if again:
                    found["key"] = 2

            await both(load, forget)

        assert None is first_found(main)
        assert None is not first_found(functools.partial(main, again=True))

    @pytest.mark.parametrize("kind", [trio.Lock, trio.StrictFIFOLock])
    def test_one_lock(self, kind):
        """
        A lock that is held from the read to the write keeps others out, if they hold it too.
        """

        async def locked(lock, fn):
            async with lock:
                await fn()

        async def main(own_locks=False):
            account, lock = watch(Account()), kind()
            await both(
                functools.partial(locked, lock, functools.partial(add, account)),
                functools.partial(locked, kind() if own_locks else lock, functools.partial(set_late, account)),
            )

        assert None is first_found(main)
        assert None is not first_found(functools.partial(main, own_locks=True))

    def test_two_sections_of_one_lock(self):
        """
        A lock that is given back between the read and the write keeps nobody out.
        """

        async def add_in_two(account, lock):
            async with lock:
                seen = account.balance
            async with lock:
                account.balance = seen + 1

        async def main():
            account, lock = watch(Account()), trio.Lock()
            await both(*[functools.partial(add_in_two, account, lock)] * 2)

        assert None is not first_found(main)

    def test_explored(self):
        """
        A race that the default schedule does not show is found by the explorer, with a token.
        """

        async def main():
            account = watch(Account())
            claimed = False

            async def first():
                nonlocal claimed
                await checkpoint()
                claimed = True
                await add(account)

            async def second():
                if not claimed:
                    await add(account)

            await both(first, second)

        assert None is first_found(main)
        result = explore(main, seed=0)
        assert None is not result.token
        assert 1 == len([*leaves(result.failure)])


class TestOrder:
    """
    The same two accesses, with and without what orders them.
    """

    @staticmethod
    def found(meet, *, joins=True):
        """
        What is found if a task that adds is followed by one that writes, and both meet, or not, before that.
        """

        async def main():
            account = watch(Account())
            give, take = meet()

            async def first():
                await add(account)
                await give()

            async def second():
                for _ in range(10):  # So that it need not wait.
                    await checkpoint()
                if joins:
                    await take()
                account.balance = 5

            await both(first, second)

        return first_found(main)

    @staticmethod
    def event():
        done = trio.Event()

        async def give():
            done.set()

        return give, done.wait

    @staticmethod
    def event_asked():
        done = trio.Event()

        async def give():
            done.set()

        async def take():
            assert done.is_set()

        return give, take

    @staticmethod
    def buffer():
        send, receive = trio.open_memory_channel(1)
        return functools.partial(send.send, 1), receive.receive

    @staticmethod
    def channel_that_waits():
        send, receive = trio.open_memory_channel(0)
        return functools.partial(send.send, 1), receive.receive

    @staticmethod
    def channel_that_ends():
        send, receive = trio.open_memory_channel(1)

        async def take():
            async for _ in receive:
                raise AssertionError

        return send.aclose, take

    @staticmethod
    def semaphore():
        semaphore = trio.Semaphore(0)

        async def give():
            semaphore.release()

        return give, semaphore.acquire

    @staticmethod
    def limiter():
        limiter = trio.CapacityLimiter(1)
        limiter.acquire_on_behalf_of_nowait("first")

        async def give():
            limiter.release_on_behalf_of("first")

        return give, limiter.acquire

    @pytest.mark.no_leak_check("the programs leave their channels open, and keep a token")
    @pytest.mark.parametrize(
        "name", ["event", "event_asked", "buffer", "channel_that_waits", "channel_that_ends", "semaphore", "limiter"]
    )
    def test_an_order_that_is_told_holds_without_a_wake_up(self, name):
        """
        Who comes late to where another one left something comes after it; who does not go there does not.
        """
        meet = getattr(self, name)

        assert None is self.found(meet)
        if name != "channel_that_waits":  # Nobody would take what is sent.
            assert None is not self.found(meet, joins=False)

    def test_end_of_a_nursery(self):
        """
        What stands after a nursery comes after its tasks, though they ended before their parent looked.
        """

        async def main(within=False):
            account = watch(Account())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(add, account)
                for _ in range(5):
                    await checkpoint()
                if within:
                    account.balance = 5
            account.balance = 6

        assert None is first_found(main)
        assert None is not first_found(functools.partial(main, within=True))

    def test_start_of_a_task(self):
        """
        What a task did before it started another one comes before all that one does.
        """

        async def main():
            account = watch(Account())
            await add(account)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(add, account)

        assert None is first_found(main)

    def test_timers_order_nothing(self):
        """
        That one sleeps longer than the other is luck.
        """

        async def main():
            account = watch(Account())

            async def later():
                await trio.sleep(10)
                account.balance = 5

            await both(functools.partial(add, account), later)

        assert None is not first_found(main)

    def test_while_nobody_watches_trio_is_as_it_was(self):
        """
        Its methods are exchanged from the first access of a run to its end only.
        """
        before = {kind: dict(vars(kind)) for kind in (trio.Event, trio.Semaphore, trio.MemorySendChannel)}
        during = []

        async def main():
            account = watch(Account())
            assert trio.Event.set is before[trio.Event]["set"]
            account.balance += 1
            during.append(trio.Event.set)

        trio.run(main, clock=QuietClock())

        assert during[0] is not before[trio.Event]["set"]
        assert before == {kind: dict(vars(kind)) for kind in before}

    def test_a_mistake_in_a_hook_is_raised(self, monkeypatch):
        """
        Trio would log it and go on without the instrument; here the next access tells.
        """
        monkeypatch.setattr(Order, "rests", lambda *_: 1 / 0)

        async def main():
            account = watch(Account())
            account.balance = 1
            await checkpoint()
            account.balance = 2

        with pytest.raises(InternalError) as caught:
            trio.run(main, clock=QuietClock())
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


class TestSuppression:
    def test_ignore(self):
        """
        What is named may be lost, by itself or as a pattern; the rest may not.
        """

        def found(*ignore):
            async def main():
                account = watch(Account(), ignore=ignore)
                await both(*[functools.partial(add, account)] * 2)

            return first_found(main)

        assert None is found("balance")
        assert None is found("bal*")
        assert None is not found("note")

    @pytest.mark.parametrize("at_read", [True, False])
    def test_comment(self, at_read):
        """
        A line of the read or of the write that says so is believed.
        """

        async def read_marked(account):
            seen = account.balance  # watch: may be lost
            await checkpoint()
            account.balance = seen + 1

        async def write_marked(account):
            seen = account.balance
            await checkpoint()
            account.balance = seen + 1  # watch: may be lost, since it is only a hint

        async def main():
            account = watch(Account())
            await both(*[functools.partial(read_marked if at_read else write_marked, account)] * 2)

        assert None is first_found(main)


class Slotted:
    __slots__ = ("value",)


@attrs.define
class Point:
    x: int = 0


def pickled(thing):
    """
    What comes out of a pickle.
    """
    return pickle.loads(pickle.dumps(thing))  # noqa: S301


class TestThings:
    def test_an_object_behaves_as_before(self):
        """
        It is the same one, is an instance of its class, equals what it equalled, and has its methods and properties.
        """

        class Shop(Account):
            rate = 2

            @property
            def worth(self):
                return self.balance * self.rate

            def grow(self):
                self.balance += 1

        shop = Shop(3)
        assert shop is watch(shop)
        assert shop is watch(shop)
        shop.grow()
        shop.rate = 3
        del shop.note

        assert isinstance(shop, Shop)
        assert Shop is shop.__class__
        assert 12 == shop.worth
        assert not hasattr(shop, "note")
        assert Point(1) == watch(Point(1))
        assert watch(Point(1)) == watch(Point(1))
        assert Point(1) == copy.copy(watch(Point(1)))

    @pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
    @pytest.mark.parametrize("thing", [Point(1), Account(1)], ids=["slots", "dict"])
    def test_copies(self, thing, duplicate):
        """
        A copy of a watched object is a plain one, which is not taken for it.
        """
        copied = duplicate(watch(copy.copy(thing)))

        assert type(thing) is type(copied)
        assert 1 == getattr(copied, "x", getattr(copied, "balance", None))

    def test_slots(self):
        """
        Objects with slots are watched like others.
        """

        async def main():
            slotted = watch(Slotted())
            slotted.value = 0

            async def add():
                seen = slotted.value
                await checkpoint()
                slotted.value = seen + 1

            await both(add, add)

        assert "Slotted.value" == first_found(main).name

    def test_a_dict_behaves_as_before(self):
        """
        A watched dict does what a dict does, and leaves the one that it was made of alone.
        """
        plain = {"a": 1}
        watched = watch(plain)
        assert watched is watch(watched)
        watched["b"] = 2
        watched.update({"c": 3}, d=4)
        watched |= {"e": 5}

        assert {"a": 1} == plain
        assert {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5} == watched
        assert ["a", "b", "c", "d", "e"] == list(watched)
        assert (1, 1, None, 9) == (watched["a"], watched.get("a"), watched.get("x"), watched.get("x", 9))
        assert (5, 6) == (watched.setdefault("e", 6), watched.setdefault("f", 6))
        assert "f" in watched
        assert (6, 0) == (watched.pop("f"), watched.pop("f", 0))
        assert ("e", 5) == watched.popitem()
        del watched["d"]
        assert {"a": 1, "b": 2, "c": 3} == copy.copy(watched) == copy.deepcopy(watched)
        assert {"a": 1, "b": 2, "c": 3} == pickled(watched)
        watched.clear()
        assert {} == watched
        with pytest.raises(KeyError):
            watched["a"]

    @pytest.mark.parametrize(
        "act",
        [
            lambda counts: counts.update(hits=1),
            lambda counts: counts.__setitem__("hits", 1),
            lambda counts: counts.__delitem__("hits"),
            lambda counts: counts.clear(),
            lambda counts: counts.pop("hits"),
            lambda counts: counts.popitem(),
            lambda counts: counts.__ior__({"hits": 1}),
        ],
    )
    def test_every_way_to_write(self, act):
        """
        Whatever writes a key loses what another task wrote there.
        """

        async def main():
            counts = watch({"hits": 0})

            async def write():
                act(counts)

            async def count():
                seen = counts["hits"]
                await checkpoint()
                counts["hits"] = seen + 1

            await both(count, write)

        assert "dict['hits']" == first_found(main).name

    @pytest.mark.parametrize("thing", [[1], {1}, 7, "text", Account, None], ids=repr)
    def test_what_cannot_be_watched(self, thing):
        """
        It is refused, with the way out.
        """
        with pytest.raises(TypeError, match="watch"):
            watch(thing)

    def test_outside_of_a_run(self):
        """
        Where there are no tasks there is nothing to find, and the object is as ever.
        """
        account = watch(Account())
        account.balance += 1

        assert 1 == account.balance

    def test_two_runs(self):
        """
        An object that outlives a run is watched in the next one as if nothing had been.
        """
        account = watch(Account())

        async def main():
            await add(account)

        for _ in range(2):
            trio.run(main, clock=QuietClock())

        assert 2 == account.balance

    def test_frames_are_let_go(self):
        """
        What a function call held is not kept longer than its step by who watches.
        """
        ends = []

        class Held:
            def __del__(self):
                ends.append("gone")

        async def look(account):
            held = Held()
            await checkpoint()
            return account.balance, held is None

        async def main():
            account = watch(Account())
            await look(account)
            await checkpoint()
            assert ["gone"] == ends

        trio.run(main, clock=QuietClock())
