"""
Time on the quiet clock moves only when nothing can run, and when nothing ever will that is said.
"""

import functools
import math
import os
import queue
import socket
import subprocess
import sys
import threading
import time

import pytest
import trio

from trio_run.testing import Deadlock, QuietClock, _outside
from trio_run.testing._clock import LetGo
from trio_run.testing._ends import Ends

DAY = 86_400


def run(function, *args, **keywords):
    """
    Run on a new clock.
    """
    return trio.run(functools.partial(function, *args), clock=QuietClock(), **keywords)


def run_as_guest(function):
    """
    Run on a new clock, as a guest of a loop that does nothing else.
    """
    todo = queue.SimpleQueue()
    ended = []
    trio.lowlevel.start_guest_run(
        function, run_sync_soon_threadsafe=todo.put, done_callback=ended.append, clock=QuietClock()
    )
    while not ended:
        todo.get(timeout=10)()
    return ended[0].unwrap()


class Turns(trio.abc.Instrument):
    """
    Counts how often the loop had nothing to do, and lets something happen at the fifth time.
    """

    def __init__(self, act):
        self.act = act
        self.turns = 0

    def before_io_wait(self, timeout):
        """
        Count, if the loop is about to wait.
        """
        if timeout > 0:
            self.turns += 1
            if self.turns == 5:
                self.act()


class Slow:
    """
    Something at work outside of the loop, that is not done before the loop went idle a few times.
    """

    def __init__(self):
        self.done = threading.Event()
        self.turns = Turns(self.done.set)

    def work(self):
        """
        To be run in a thread.
        """
        assert self.done.wait(10)

    def run(self, function, *args):
        """
        Run *function*, and return at what time it ended.
        """

        async def main():
            with trio.fail_after(5):
                await function(*args)
            return trio.current_time()

        return run(main, instruments=[self.turns])


async def sleep_long():
    """
    Sleep for a thousand days.
    """
    for _ in range(1000):
        await trio.sleep(DAY)
    return trio.current_time()


class TestTime:
    def test_jumps(self):
        """
        A thousand days take no time, and not a second is lost on the way.
        """
        began = time.monotonic()

        assert 1000 * DAY == run(sleep_long)
        assert time.monotonic() - began < 10

    def test_is_exact(self):
        """
        A timer fires at its deadline, to the last bit.
        """

        async def main():
            await trio.sleep_until(0.1 + 0.2)
            return trio.current_time()

        assert 0.1 + 0.2 == run(main)

    def test_order(self):
        """
        Timers fire in the order of their deadlines, each at its own time.
        """
        seen = []

        async def note(seconds):
            await trio.sleep(seconds)
            seen.append((seconds, trio.current_time()))

        async def main():
            async with trio.open_nursery() as nursery:
                for seconds in (3, 1, 2):
                    nursery.start_soon(note, seconds)

        run(main)

        assert [(1, 1), (2, 2), (3, 3)] == seen

    def test_time_never_moves_while_something_can_run(self):
        """
        However long a task keeps itself busy, a timer does not fire before it waits.
        """

        async def main():
            with trio.move_on_after(0.001) as scope:
                for _ in range(1000):
                    await trio.lowlevel.checkpoint()
            return scope.cancelled_caught, trio.current_time()

        assert (False, 0) == run(main)

    @pytest.mark.parametrize("cushion", [0, 0.001])
    def test_tasks_that_wait_for_idle_go_first(self, cushion):
        """
        Who waits until all tasks are blocked sees the time before the jump.
        """

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, DAY)
                await trio.testing.wait_all_tasks_blocked(cushion)
                return trio.current_time(), nursery.cancel_scope.cancel(reason="seen")

        assert (0, None) == run(main)

    def test_what_a_callback_wakes_goes_first(self):
        """
        A callback that was handed to the loop runs before time moves.
        """

        async def main():
            event = trio.Event()
            trio.lowlevel.current_trio_token().run_sync_soon(event.set)
            with trio.fail_after(1):
                await event.wait()
            return trio.current_time()

        assert 0 == run(main)

    def test_jump(self):
        """
        A test may move time itself, and only forwards.
        """
        clock = QuietClock()

        async def main():
            clock.jump(2.5)
            with trio.move_on_at(2) as scope:
                await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            return scope.cancel_called, trio.current_time()

        assert (True, 2.5) == trio.run(main, clock=clock)
        assert "<QuietClock, time=2.5000000>" == repr(clock)
        for seconds in (-1, math.nan):
            with pytest.raises(ValueError, match="only goes forward"):
                clock.jump(seconds)

    def test_runs_add_up(self):
        """
        A clock can be used again, and goes on from where it was.
        """
        clock = QuietClock()
        trio.run(trio.sleep, 1, clock=clock)
        trio.run(trio.sleep, 2, clock=clock)

        assert 3 == clock.current_time()

    def test_is_cancelled_from_outside(self):
        """
        A deadline around everything ends a program that waits for ever, and is no deadlock.
        """

        async def main():
            with trio.move_on_after(7):
                await trio.sleep_forever()
            return trio.current_time()

        assert 7 == run(main)


async def sleep_a_day():
    """
    Sleep for a day, and say how long that took, rounded to a second.
    """
    before = trio.current_time()
    await trio.sleep(DAY)
    return round(trio.current_time() - before)


async def abandon(slow):
    """
    Start a thread, let go of it, and wait for what it brings.
    """
    event, token = trio.Event(), trio.lowlevel.current_trio_token()

    def bring():
        slow.work()
        token.run_sync_soon(event.set)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(trio.to_thread.run_sync, bring, abandon_on_cancel=True))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel(reason="enough")
    await event.wait()


async def start_a_thread(slow):
    """
    Wait for a thread that trio knows nothing of.
    """
    event, token = trio.Event(), trio.lowlevel.current_trio_token()

    def bring():
        slow.work()
        token.run_sync_soon(event.set)

    thread = threading.Thread(target=bring)
    thread.start()
    await event.wait()
    thread.join()


async def ask_in_a_loop(slow):
    """
    Look again and again whether a thread is done, which with time that jumps would be over before the thread begins.
    """
    thread = threading.Thread(target=slow.work)
    thread.start()
    while thread.is_alive():
        await trio.sleep(1)


async def limited(slow):
    """
    Wait for a thread under a limiter of one's own.
    """
    await trio.to_thread.run_sync(slow.work, limiter=trio.CapacityLimiter(1))


@pytest.mark.real
class TestThreads:
    @pytest.mark.parametrize("function", [abandon, start_a_thread, limited])
    def test_no_spurious_timeout(self, function):
        """
        While a thread is at work time does not jump, whoever started it.
        """
        slow = Slow()

        assert 0 < slow.run(function, slow) < 5
        assert slow.turns.turns >= 5

    def test_polled(self):
        """
        Who asks once a second is done after the first, however often the loop turned meanwhile.
        """

        slow = Slow()

        assert 1 == slow.run(ask_in_a_loop, slow)

    def test_a_timer_fires_after_as_long_on_the_wall(self):
        """
        A thread that takes too long is a timeout, after the seconds that the timer had.
        """
        over = threading.Event()

        async def main():
            with trio.move_on_after(0.05):
                await trio.to_thread.run_sync(over.wait, 10, abandon_on_cancel=True)
            over.set()
            return trio.current_time()

        began = time.perf_counter()

        assert 0.05 == run(main)
        assert 0.05 <= time.perf_counter() - began < 5

    def test_time_passes_only_while_the_loop_waits(self):
        """
        What tasks do themselves takes no time, also while a thread is at work.
        """
        slow = Slow()
        during = []

        async def work():
            for _ in range(5):
                await trio.to_thread.run_sync(int)
                before = trio.current_time()
                sum(range(100_000))
                during.append(trio.current_time() - before)

        slow.run(work)

        assert [0] * 5 == during

    def test_many_threads_one_after_the_other(self):
        """
        Each of many timeouts has all its time, however much the others before it took.
        """

        async def main():
            for _ in range(20):
                with trio.fail_after(0.5):
                    await trio.to_thread.run_sync(threading.Event().wait, 0.001)
            return trio.current_time()

        began = time.perf_counter()

        assert 0.02 <= run(main) <= time.perf_counter() - began

    def test_while_a_thread_hands_over(self, monkeypatch):
        """
        A thread that trio takes for idle is at work until it has handed over what it brings.
        """
        monkeypatch.setattr(_outside._trio_compat, "idle_threads", lambda: frozenset(threading.enumerate()))
        slow = Slow()

        assert 0 < slow.run(limited, slow) < 5

    def test_threads_that_were_there_do_not_count(self):
        """
        A thread that was there before the run, or that trio keeps for later, does not hold time up.
        """
        over = threading.Event()
        thread = threading.Thread(target=over.wait)
        thread.start()

        async def main():
            await trio.to_thread.run_sync(int)
            return await sleep_a_day()

        try:
            assert DAY == run(main)
        finally:
            over.set()
            thread.join()


HELLO = [sys.executable, "-S", "-c", "print('hello')"]
READ = [sys.executable, "-S", "-c", "input()"]


async def run_process():
    """
    Wait for a process, and for what it says.
    """
    result = await trio.run_process(HELLO, capture_stdout=True)
    assert b"hello\n" == result.stdout


async def poll_process():
    """
    Look again and again whether a process is done, of which trio does not know.
    """
    with subprocess.Popen(HELLO, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            await trio.sleep(1)


@pytest.mark.real
class TestGuest:
    def test_the_host_is_at_work(self):
        """
        In somebody else's loop time passes as on the wall, since nobody knows what that is about to do.
        """
        began = time.perf_counter()

        async def main():
            with trio.move_on_after(0.03):
                await trio.sleep_forever()
            return trio.current_time()

        assert 0.03 == run_as_guest(main)
        assert 0.03 <= time.perf_counter() - began


@pytest.mark.real
class TestProcesses:
    def test_no_spurious_timeout(self):
        """
        While a child process is at work time does not jump.
        """
        assert 0 < Slow().run(run_process) < 5

    def test_polled(self):
        """
        Who asks once a second is done after the first, however long the process took to begin.
        """
        assert 1 == Slow().run(poll_process)

    def test_a_process_that_was_there_does_not_count(self):
        """
        A child process from before the run does not hold time up, and neither does one that ended and was not reaped.
        """
        old = subprocess.Popen(READ, stdin=subprocess.PIPE)

        async def main():
            dead = subprocess.Popen(["true"])
            os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
            return await sleep_a_day(), dead.wait()

        assert (DAY, 0) == run(main)

        old.communicate(b"\n")


async def transfer(size):
    """
    Send *size* bytes to oneself over TCP.
    """
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]

    async def send(stream):
        async with stream:
            await stream.send_all(b"x" * size)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, send, listeners)
        received = 0
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            async for chunk in stream:
                received += len(chunk)
        nursery.cancel_scope.cancel(reason="all there")
    assert size == received


async def listen():
    """
    Offer something that nobody will ask for.
    """
    await trio.serve_tcp(trio.aclose_forcefully, 0, host="127.0.0.1")


async def listen_and_sleep():
    """
    Sleep beside a server that nobody talks to.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await trio.sleep(DAY)
        nursery.cancel_scope.cancel(reason="slept")
    return trio.current_time()


async def idle_pair(make):
    """
    Sleep while a task waits for the other end of a pair that is in this process.
    """
    one, other = make()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.lowlevel.wait_readable, one)
        await trio.sleep(DAY)
        nursery.cancel_scope.cancel(reason="slept")
    for end in (one, other):
        os.close(end) if isinstance(end, int) else end.close()
    return trio.current_time()


def tcp_pair():
    """
    Two ends of a connection.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        return one, server.accept()[0]


def udp_pair():
    """
    A datagram socket that knows where it sends to, and that one.
    """
    one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    other.bind(("127.0.0.1", 0))
    one.connect(other.getsockname())
    return one, other


@pytest.mark.real
class TestConnections:
    @pytest.mark.parametrize("size", [1, 200_000, 10_000_000])
    def test_no_spurious_timeout(self, size):
        """
        Bytes on their way through the kernel get there before any timer fires.
        """
        assert Slow().run(transfer, size) < 5

    def test_a_server_that_nobody_talks_to(self):
        """
        A listener does not hold time up.
        """
        assert DAY == run(listen_and_sleep)

    @pytest.mark.parametrize("make", [socket.socketpair, os.pipe, tcp_pair, udp_pair])
    def test_both_ends_in_this_process(self, make):
        """
        A connection of which this process has both ends does not hold time up.
        """
        assert DAY == run(idle_pair, make)

    def test_bytes_that_the_kernel_holds_back(self):
        """
        Bytes that wait in the kernel to be sent hold time up until they are there.
        """

        async def main():
            one, other = tcp_pair()
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            one.send(b"x")
            with one, other, trio.fail_after(5):
                await trio.lowlevel.wait_readable(other)
            return trio.current_time()

        assert 0 < run(main) < 5

    def test_backpressure(self):
        """
        A sender that nobody reads from waits for its timer, not for the kernel.
        """

        async def main():
            one, other = (trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in tcp_pair())
            async with one, other:
                with trio.move_on_after(DAY):
                    await one.send_all(b"x" * 50_000_000)
                return trio.current_time()

        assert DAY == run(main)


SERVE = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection = server.accept()[0]
input()
"""


CONNECT = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
input()
"""


@pytest.mark.real
class TestEnds:
    @pytest.fixture
    def stranger(self):
        """
        The connection of this process to another one.
        """
        command = [sys.executable, "-S", "-c", SERVE]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            with socket.create_connection(("127.0.0.1", int(process.stdout.readline()))) as connection:
                yield connection, process
                process.stdin.write(b"\n")
                process.stdin.flush()

    def test_a_connection_to_another_process(self, stranger):
        """
        The other end of a connection to another process is outside, and so are pipes to it.
        """
        connection, process = stranger
        there = connection.getpeername()

        assert f"{there[0]}:{there[1]}" == Ends().beyond(connection.fileno())
        assert f"who is at the other end of pipe {process.stdout.fileno()}" == Ends().beyond(process.stdout.fileno())

    def test_a_local_connection_to_another_process(self, tmp_path):
        """
        The other end of a Unix connection is outside if the process there is another one.
        """
        path = str(tmp_path / "socket")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            command = [sys.executable, "-S", "-c", CONNECT, path]
            with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
                with server.accept()[0] as connection:
                    who = Ends().beyond(connection.fileno())
                process.communicate(b"\n")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                ours = Ends().beyond(client.fileno())

        assert f"the process {process.pid}" == who
        assert "" == ours

    def test_bytes_on_their_way(self):
        """
        What was sent and is not there yet will come without anybody's doing.
        """
        one, other = tcp_pair()
        with one, other:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            one.send(b"x")
            before = [Ends().beyond(end.fileno()) for end in (one, other)]
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

            assert ["the kernel", "the kernel"] == before
            assert "" == Ends().beyond(other.fileno())

    def test_a_connection_that_was_not_accepted(self):
        """
        Who waits for an answer from its own process waits for nobody outside, even before it is accepted.
        """
        with socket.create_server(("", 0)) as server:
            with socket.create_connection(("127.0.0.1", server.getsockname()[1])) as connection:
                assert "" == Ends().beyond(connection.fileno())

    def test_datagrams(self):
        """
        A datagram socket that anybody can reach may hear from outside, one for this machine alone may not.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            assert "" == Ends().beyond(sock.fileno())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("", 0))
            assert f"whoever answers socket {sock.fileno()}" == Ends().beyond(sock.fileno())

    def test_when_it_cannot_be_known_somebody_is(self):
        """
        What is neither a socket nor a pipe is up to somebody else; a closed one is up to nobody.
        """
        one, other = os.openpty()

        assert f"what file descriptor {one} stands for" == Ends().beyond(one)

        os.close(one)
        os.close(other)

        assert "" == Ends().beyond(one)


async def wait_for_ever(*, shield=False):
    """
    Wait for what nobody will ever do.
    """
    with trio.CancelScope(shield=shield):
        await trio.Event().wait()


async def beside(function, *args):
    """
    Have something run in a task of its own, and wait for it.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(function, *args), name="the other")


INVINCIBLE = """
import trio
from trio_run.testing import QuietClock

async def main():
    for _ in range(5):
        try:
            await trio.sleep_forever()
        except BaseException:
            pass

trio.run(main, clock=QuietClock())
"""


class TestDeadlock:
    @pytest.mark.no_leak_check("it counts the tasks, and the check has one")
    def test_is_reported_at_once(self):
        """
        When nothing will ever run again, the main task is told, with where it stood.
        """
        with pytest.raises(Deadlock) as caught:
            run(wait_for_ever)

        (main,) = [task for task in caught.value.dump.tasks if task.name.endswith("wait_for_ever")]

        assert "Event.wait" == main.wait.primitive
        assert "wait_for_ever" == main.wait.at.function
        assert str(caught.value).startswith("Every task waits, and nothing is there to wake one")
        assert "waits for Event.wait" in str(caught.value)
        assert "<Deadlock of 3 tasks at 0.000 s>" == repr(caught.value)

    def test_after_the_last_timer(self):
        """
        Timers that are left fire first.
        """
        clock = QuietClock()

        async def main():
            await trio.sleep(5)
            await wait_for_ever()

        with pytest.raises(Deadlock):
            trio.run(main, clock=clock)

        assert 5 == clock.current_time()

    def test_has_the_stack_of_every_task(self):
        """
        The lock, its owner and who waits for it are all told.
        """
        lock = trio.Lock()

        async def hold():
            async with lock:
                await wait_for_ever()

        async def take():
            async with lock:
                pass

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hold, name="holder")
                await trio.lowlevel.checkpoint()
                await trio.lowlevel.checkpoint()
                nursery.start_soon(take, name="taker")

        with pytest.RaisesGroup(Deadlock) as caught:
            run(main)
        told = str(caught.value.exceptions[0])

        assert "holder: waits for Event.wait" in told
        assert "taker: waits for Lock.acquire (held by holder, 1 waiting)" in told

    def test_again(self):
        """
        A clock that met a deadlock can be used again, and is as polite as before.
        """
        clock = QuietClock()
        for _ in range(4):
            with pytest.raises(Deadlock):
                trio.run(wait_for_ever, clock=clock)

    def test_under_a_shield(self):
        """
        A shield keeps no deadlock in.
        """
        with pytest.raises(Deadlock):
            run(functools.partial(wait_for_ever, shield=True))

    def test_children_are_cancelled(self):
        """
        What the main task waits for is cancelled, and can clean up.
        """
        cleaned = []

        async def tidy():
            try:
                await wait_for_ever()
            finally:
                cleaned.append("up")

        with pytest.RaisesGroup(Deadlock):
            run(beside, tidy)

        assert ["up"] == cleaned

    def test_stubborn_child(self):
        """
        A child that withstands being cancelled is thrown out of its wait.
        """
        with pytest.RaisesGroup(Deadlock, LetGo):
            run(beside, functools.partial(wait_for_ever, shield=True))

    def test_stubborn_child_with_a_name_like_trios(self):
        """
        A task is not taken for one of trio's because of its name: those of pytest-trio look the same.
        """

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(functools.partial(wait_for_ever, shield=True), name="<test 'test_it'>")

        with pytest.RaisesGroup(Deadlock, LetGo):
            run(main)

    def test_stubborn_main_task(self):
        """
        A main task that takes the deadlock for an error to be got over is thrown out the next time.
        """

        async def main():
            while True:
                try:
                    await wait_for_ever()
                except Exception:  # noqa: BLE001, S112 - that is what is wrong with it
                    continue

        with pytest.raises(LetGo):
            run(main)

    @pytest.mark.real
    def test_stubborn_in_every_way(self):
        """
        What cannot be thrown out at all breaks the loop, so that the run ends.
        """
        ended = subprocess.run([sys.executable, "-c", INVINCIBLE], capture_output=True, text=True, check=False)

        assert 1 == ended.returncode
        assert "trio.TrioInternalError" in ended.stderr
        assert "Deadlock: Every task waits" in ended.stderr

    @pytest.mark.real
    def test_a_listener_is_no_hope(self):
        """
        A server that nobody can talk to is a deadlock too.
        """
        with pytest.RaisesGroup(Deadlock):
            run(beside, listen)

    @pytest.mark.real
    def test_not_while_a_thread_is_at_work(self):
        """
        As long as somebody outside is at work there is hope, and when they are done without a word there is none.
        """
        slow = Slow()

        async def main():
            thread = threading.Thread(target=slow.work)
            thread.start()
            try:
                await wait_for_ever()
            finally:
                assert not thread.is_alive()
                thread.join()

        with pytest.raises(Deadlock):
            run(main, instruments=[slow.turns])
