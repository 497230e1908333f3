"""
Ready-made actors end when they are interrupted, end the others when they are done, and close what they hold.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys

import hypercorn.config
import pytest
import trio

import trio_run as tr

SOON = tr.Actor(trio.sleep, 0, name="soon")


async def take(line):
    """
    Take a line, and forget it.
    """


async def echo(stream):
    """
    Send back what comes in.
    """
    async for chunk in stream:
        await stream.send_all(chunk)


class TestSignalActor:
    @pytest.mark.real
    async def test_signal(self):
        """
        A signal ends the others, and is raised with its number.
        """

        async def send():
            await trio.testing.wait_all_tasks_blocked()
            os.kill(os.getpid(), signal.SIGUSR2)
            await tr.wait_stopping()

        with pytest.raises(ExceptionGroup) as caught:
            await tr.run_actors(tr.signal_actor(signal.SIGUSR2, signal.SIGHUP), send)

        (error,) = caught.value.exceptions
        assert isinstance(error, tr.SignalReceived)
        assert signal.SIGUSR2 is error.signal
        assert str(error).startswith("SIGUSR2 arrived.")

    @pytest.mark.real
    async def test_interrupted(self):
        """
        Without a signal it ends with the others, and lets go of the signals.
        """
        before = signal.getsignal(signal.SIGUSR2)
        await tr.run_actors(tr.signal_actor(signal.SIGUSR2), SOON)

        assert before is signal.getsignal(signal.SIGUSR2)

    @pytest.mark.real
    async def test_cancelled_from_outside(self):
        """
        Cancelled, it lets go of the signals too.
        """
        before = signal.getsignal(signal.SIGUSR2)
        with trio.move_on_after(0):
            await tr.run_actors(tr.signal_actor(signal.SIGUSR2))

        assert before is signal.getsignal(signal.SIGUSR2)

    @pytest.mark.parametrize(
        ("signals", "kind", "words"),
        [
            ((), ValueError, "waits for no signal"),
            ((15,), TypeError, "15 is none"),
            ((signal.SIGKILL,), ValueError, "SIGKILL cannot be caught"),
        ],
    )
    def test_bad_signals(self, signals, kind, words):
        """
        What cannot be waited for is refused at once.
        """
        with pytest.raises(kind, match=words):
            tr.signal_actor(*signals)


class TestScopeActor:
    async def test_cancelled_scope_ends_the_others(self):
        """
        When somebody cancels the scope all end, without an error.
        """
        scope = trio.CancelScope(deadline=trio.current_time() + 3)
        await tr.run_actors(tr.scope_actor(scope), trio.sleep_forever)

        assert 3 == trio.current_time()

    async def test_interrupt_cancels_the_scope(self):
        """
        When another ends first, the scope is cancelled.
        """
        scope = trio.CancelScope()
        await tr.run_actors(tr.scope_actor(scope), SOON)

        assert scope.cancel_called

    async def test_cancelled_from_outside(self):
        """
        A cancellation from outside is none of the scope's.
        """
        scope = trio.CancelScope()
        with trio.move_on_after(1) as outer:
            await tr.run_actors(tr.scope_actor(scope))

        assert outer.cancelled_caught
        assert not scope.cancelled_caught

    def test_bad_scope(self):
        """
        Only a cancel scope will do.
        """
        with pytest.raises(TypeError, match=r"takes a trio\.CancelScope, not 3"):
            tr.scope_actor(3)


class TestListenerActor:
    @pytest.mark.real
    async def test_serves_and_drains(self):
        """
        It serves until it is interrupted, lets connections end, and closes the listeners.
        """
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        talking, served = trio.Event(), trio.Event()

        async def talk():
            stream = await trio.testing.open_stream_to_socket_listener(listeners[0])
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b"hello"
            talking.set()
            await tr.wait_stopping()
            await stream.send_all(b"late")
            assert await stream.receive_some() == b"late"
            await stream.aclose()
            served.set()

        await tr.run_actors(tr.listener_actor(echo, *listeners), tr.Actor(talk, on_exit="optional"), talking.wait)

        assert served.is_set()
        assert -1 == listeners[0].socket.fileno()

    @pytest.mark.real
    async def test_cancelled_from_outside(self):
        """
        Cancelled, it closes the listeners too.
        """
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        with trio.move_on_after(0):
            await tr.run_actors(tr.listener_actor(echo, *listeners))

        assert -1 == listeners[0].socket.fileno()

    @pytest.mark.parametrize(
        ("handler", "listeners", "kind", "words"),
        [
            (len, ["..."], TypeError, "is an async function that takes a stream"),
            (echo, [], ValueError, "has no listeners"),
            (echo, [[]], TypeError, r"one by one \(\*listeners\), and \[\] is none"),
        ],
    )
    def test_bad_arguments(self, handler, listeners, kind, words):
        """
        A handler has to be async, and there has to be something to listen at.
        """
        with pytest.raises(kind, match=words):
            tr.listener_actor(handler, *listeners)


class TestFileActor:
    @pytest.mark.real
    async def test_plain_file(self, tmp_path):
        """
        A file is read to its end line by line, the last one too if nothing ends it; then all end.
        """
        path, lines = tmp_path / "lines", []
        path.write_bytes(b"one\ntwo\nthr" + b"e" * 100_000 + b"\nlast")

        async def handle(line):
            lines.append(line)

        file = path.open("rb")
        await tr.run_actors(tr.file_actor(file, handle), trio.sleep_forever)

        assert [b"one\n", b"two\n", b"last"] == [line for line in lines if len(line) < 100]
        assert 4 == len(lines)
        assert file.closed

    @pytest.mark.real
    async def test_a_lambda(self, tmp_path):
        """
        What a handler needs besides the line can go into a lambda.
        """
        path, lines = tmp_path / "lines", []
        path.write_bytes(b"one\ntwo\n")

        async def keep(line, prefix):
            lines.append(prefix + line)

        await tr.file_actor(path.open("rb"), lambda line: keep(line, b"> ")).run()

        assert [b"> one\n", b"> two\n"] == lines

    async def test_pipe(self):
        """
        A pipe is read as it fills; interrupted, the reader drops no whole line and closes the pipe.
        """
        reader, writer = os.pipe()
        lines, seen = [], trio.Event()

        async def handle(line):
            lines.append(line)
            seen.set()

        async def write():
            os.write(writer, b"one\nhal")
            await seen.wait()

        try:
            await tr.run_actors(tr.file_actor(reader, handle), write)
            with pytest.raises(BrokenPipeError):
                os.write(writer, b"f\n")
        finally:
            os.close(writer)

        assert [b"one\n"] == lines

    @pytest.mark.real
    async def test_cancelled_from_outside(self):
        """
        Cancelled, it closes the file too.
        """
        reader, writer = os.pipe()
        with trio.move_on_after(0):
            await tr.run_actors(tr.file_actor(reader, take))
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"x")
        os.close(writer)

    @pytest.mark.parametrize(
        ("file", "handle", "words"), [(0, len, "async function"), ("path", take, "descriptor or an")]
    )
    def test_bad_arguments(self, file, handle, words):
        """
        Lines go to an async function, and come from a file that is open.
        """
        with pytest.raises(TypeError, match=words):
            tr.file_actor(file, handle)


async def app(scope, receive, send):
    """
    An application that says hello.
    """
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


class TestHypercornActor:
    @pytest.mark.real
    @pytest.mark.leak_ignore("memory channel *")  # Of hypercorn, which leaves its own to the garbage collector.
    async def test_serves_until_interrupted(self):
        """
        The application answers, and the server ends with the others.
        """
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        address = sock.getsockname()
        config = hypercorn.config.Config()
        config.bind = [f"fd://{os.dup(sock.fileno())}"]
        config.errorlog = None
        sock.close()
        answers = []

        async def ask():
            stream = await trio.open_tcp_stream(*address)
            async with stream:
                await stream.send_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
                answers.append(b"".join([chunk async for chunk in stream]))

        await tr.run_actors(tr.hypercorn_actor(app, config), ask)

        assert answers[0].endswith(b"hello")

    def test_grace(self):
        """
        It has as long as hypercorn itself gives to requests under way, and a little more.
        """
        config = hypercorn.config.Config()
        config.graceful_timeout = 9.0

        assert 10 == tr.hypercorn_actor(app, config).grace


def python(code):
    """
    A command that runs Python code.
    """
    return sys.executable, "-c", code


async def until(happened):
    """
    Look in a thread, so that the loop has nothing to do meanwhile, until something has happened.
    """
    while not await trio.to_thread.run_sync(happened):
        await trio.lowlevel.checkpoint()


class TestProcessActor:
    @pytest.mark.real
    async def test_done(self):
        """
        A command that is done ends the others.
        """
        await tr.run_actors(tr.process_actor(*python("")), trio.sleep_forever)

    @pytest.mark.real
    async def test_failed(self):
        """
        A command that fails is an error.
        """
        with pytest.raises(ExceptionGroup) as caught:
            await tr.run_actors(tr.process_actor(*python("raise SystemExit(3)")))

        (error,) = caught.value.exceptions
        assert isinstance(error, subprocess.CalledProcessError)
        assert 3 == error.returncode

    @pytest.mark.real
    async def test_interrupted(self):
        """
        Interrupted, it gets SIGTERM, which is no error.
        """
        await tr.run_actors(
            tr.process_actor(*python("import signal; signal.pause()")), trio.testing.wait_all_tasks_blocked
        )

    @pytest.mark.real
    async def test_that_ignores_sigterm(self, tmp_path):
        """
        One that does not end in its grace is killed.
        """
        up = tmp_path / "up"
        code = (
            "import signal, pathlib, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            f"pathlib.Path({str(up)!r}).touch(); signal.pause()"
        )
        log = []

        async def wait_for_it():
            await until(up.exists)

        with tr.use_sinks(log.append):
            await tr.run_actors(tr.process_actor(*python(code), name="deaf", grace=0.05), wait_for_it)

        assert ["actor.overdue", "actor.stopped"] == [each.name for each in log if each.path == "actors/deaf"][-2:]

    @pytest.mark.real
    async def test_cancelled_from_outside(self, tmp_path):
        """
        Cancelled, the command and all it has started are killed at once.
        """
        lock, up = tmp_path / "lock", tmp_path / "up"
        code = (
            f"import fcntl, os, pathlib, signal; file = open({str(lock)!r}, 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
            f"os.fork() or pathlib.Path({str(up)!r}).touch(); signal.pause()"
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tr.process_actor(*python(code)).run)
            await until(up.exists)
            nursery.cancel_scope.cancel()
        with lock.open() as file:
            await trio.to_thread.run_sync(fcntl.flock, file, fcntl.LOCK_EX)  # Free when nobody is left who holds it.

    def test_no_command(self):
        """
        There has to be something to run.
        """
        with pytest.raises(ValueError, match="runs a command"):
            tr.process_actor()

    def test_a_list(self):
        """
        Its words are given one by one.
        """
        with pytest.raises(TypeError, match=r"one by one \(\*command\), not \['ls', '-l'\]"):
            tr.process_actor(["ls", "-l"])
