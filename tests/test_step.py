"""
One call, in a context of its own, and what it means when it raises.
"""

import contextvars
import functools
import types

import attrs
import pytest
import trio

from trio_run._step import Stepper, call, not_a_job, strip_cancelled, without_cancelled
from trio_run.errors import LeakedCancelled

VAR = contextvars.ContextVar("VAR", default="unset")


async def add(a, b):
    return a + b


async def set_and_get(value):
    """
    Set the variable, wait, and return what it holds then.
    """
    VAR.set(value)
    await trio.lowlevel.checkpoint()
    return VAR.get()


class Later:
    """
    Something that can be awaited and is no coroutine.
    """

    def __await__(self):
        return add(1, 2).__await__()


@attrs.frozen
class Call:
    fn: object
    args: tuple
    context: contextvars.Context


async def step(fn, args, context, stepper=None):
    """
    Make a call with a stepper, as a worker does.
    """
    stepper = stepper or Stepper()
    said = context.run(stepper.begin, Call(fn, args, context))
    if said is not stepper:
        await stepper.wait(context, said)
    return stepper.value


class TestStepper:
    async def test_it_returns_what_the_call_returns(self):
        """
        To await a step is to await the call.
        """
        assert 3 == await step(add, (1, 2), contextvars.copy_context())

    async def test_it_raises_what_the_call_raises(self):
        """
        Errors pass unchanged.
        """
        error = OSError("boom")

        async def fail():
            await trio.lowlevel.checkpoint()
            raise error

        with pytest.raises(OSError, match="boom") as caught:
            await step(fail, (), contextvars.copy_context())

        assert error is caught.value

    async def test_every_step_of_a_call_runs_in_the_context_it_was_given(self):
        """
        What a call sets it finds again after a wait, and nobody else does.
        """
        context = contextvars.copy_context()

        assert "mine" == await step(set_and_get, ("mine",), context)
        assert "unset" == VAR.get()
        assert "mine" == context[VAR]

    async def test_a_call_that_is_not_async_itself_runs_there_too(self):
        """
        What a wrapper does before there is a coroutine belongs to the call.
        """

        def wrapper():
            VAR.set("wrapped")
            return add(1, 2)

        assert 3 == await step(wrapper, (), contextvars.copy_context())
        assert "unset" == VAR.get()

    async def test_an_error_is_thrown_in_that_context(self):
        """
        Cleaning up after a cancellation, a call finds its own context as well.
        """
        context = contextvars.copy_context()
        seen = []

        async def clean_up():
            VAR.set("mine")
            try:
                await trio.sleep_forever()
            finally:
                seen.append(VAR.get())

        with trio.move_on_after(1):
            await step(clean_up, (), context)

        assert ["mine"] == seen

    async def test_it_knows_whether_the_call_gave_way(self):
        """
        A call that never waits does not reach the loop.
        """
        context = contextvars.copy_context()
        quick, slow = Stepper(), Stepper()
        said = [
            context.run(quick.begin, Call(add, (1, 2), context)),
            context.run(slow.begin, Call(set_and_get, ("x",), context)),
        ]
        await slow.wait(context, said[1])

        assert [True, False] == [quick is said[0], slow is said[1]]
        assert (3, "x") == (quick.value, slow.value)

    async def test_one_call_after_the_other(self):
        """
        One stepper serves for many calls, those that wait and those that do not.
        """
        stepper = Stepper()

        values = [
            await step(fn, args, contextvars.copy_context(), stepper)
            for fn, args in [(add, (1, 2)), (set_and_get, ("x",)), (set_and_get, ("y",)), (add, (3, 4))]
        ]

        assert [3, "x", "y", 7] == values

    def test_what_would_end_a_generator(self):
        """
        A function that is not async and raises StopIteration fails with that, as it would without.
        """
        context, stepper = contextvars.copy_context(), Stepper()
        said = context.run(stepper.begin, Call(lambda: next(iter(())), (), context))

        with pytest.raises(StopIteration):
            stepper.wait(context, said)

    async def test_a_stack_shows_the_frames_of_the_call(self):
        """
        Trio looks through a step, so that a stack of the task does not end there.
        """

        async def inner():
            await trio.sleep_forever()

        async def outer():
            await inner()

        async def drive():
            await step(outer, (), contextvars.copy_context())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drive)
            await trio.testing.wait_all_tasks_blocked()
            (task,) = nursery.child_tasks
            names = [frame.f_code.co_name for frame, _ in task.iter_await_frames()]
            nursery.cancel_scope.cancel()

        assert ["drive", "step", "outer", "inner", "sleep_forever"] == names[:5]

    async def test_a_keyboard_interrupt_strikes_the_call(self):
        """
        However well who drives it is protected, the call is not.
        """
        seen = []

        async def look():
            seen.append(trio.lowlevel.currently_ki_protected())
            await trio.lowlevel.checkpoint()
            seen.append(trio.lowlevel.currently_ki_protected())
            try:
                await trio.sleep_forever()
            finally:
                seen.append(trio.lowlevel.currently_ki_protected())

        @trio.lowlevel.enable_ki_protection
        async def drive():
            with trio.move_on_after(1):
                await step(look, (), contextvars.copy_context())
            seen.append(trio.lowlevel.currently_ki_protected())

        await drive()

        assert [False, False, False, True] == seen

    async def test_a_call_that_waits_for_another_loop(self):
        """
        Trio throws its complaint into the call, which may take it from there.
        """

        @types.coroutine
        def foreign():
            yield "something trio does not know"

        async def wait_there():
            VAR.set("mine")
            try:
                await foreign()
            except TypeError as exc:
                return str(exc), VAR.get()

        text, value = await step(wait_there, (), contextvars.copy_context())

        assert "received unrecognized yield message" in text
        assert "mine" == value

    async def test_closing_ends_the_call(self):
        """
        A call that was left where it stood is cleaned up.
        """
        seen = []

        async def clean_up():
            try:
                await trio.sleep_forever()
            finally:
                seen.append("closed")

        context, stepper = contextvars.copy_context(), Stepper()
        stepper.wait(context, context.run(stepper.begin, Call(clean_up, (), context)))
        next(stepper)
        stepper.end(context)
        stepper.end(context)

        assert ["closed"] == seen


class TestCall:
    async def test_a_coroutine_is_passed_on(self):
        """
        An async function gives what it always gives.
        """
        assert 3 == await call(add, (1, 2))

    async def test_partials_and_lambdas(self):
        """
        Whatever leads to a coroutine can be called.
        """
        assert 3 == await call(functools.partial(add, 1), (2,))
        assert 3 == await call(lambda: add(1, 2), ())

    async def test_other_awaitables(self):
        """
        So can what leads to something else that can be awaited.
        """
        assert 3 == await call(Later, ())

    def test_a_sync_function(self):
        """
        The error says what came back, and what to do.
        """

        def fetch():
            return 42

        with pytest.raises(TypeError) as caught:
            call(fetch, ())

        assert (
            "fetch is not async: it returned 42. A job is an async function: write `async def`. "
            "If it blocks, run it in a thread with trio.to_thread.run_sync."
        ) == str(caught.value)

    def test_an_async_generator_function(self):
        """
        The error says what makes it one.
        """

        async def fetch():
            yield 42

        with pytest.raises(TypeError, match="fetch has a `yield` in it, so it is an async generator function"):
            call(fetch, ())


class TestNotAJob:
    def test_a_coroutine(self):
        """
        The usual mistake is guessed, and Python does not warn on top.
        """
        coroutine = add(1, 2)
        shown = repr(coroutine)

        assert (
            f"A job is an async function, but this is what comes back when one is called: {shown}. "
            "Probably it says add(...) where it should say add, with the arguments after it."
        ) == str(not_a_job(coroutine))

    def test_anything_else(self):
        """
        What cannot be called is shown.
        """
        assert "A job is an async function, and 42 cannot be called." == str(not_a_job(42))


async def caught_in(scope):
    """
    The Cancelled that a scope sends, still in flight when it is returned.
    """
    scope.cancel()
    try:
        await trio.lowlevel.checkpoint()
    except trio.Cancelled as exc:
        return exc


async def stale_cancelled():
    """
    A Cancelled whose scope is long gone.
    """
    with trio.CancelScope() as scope:
        return await caught_in(scope)


class TestStripCancelled:
    def test_a_plain_error(self):
        """
        There is no cancellation in it.
        """
        error = OSError()

        assert error is strip_cancelled(error)

    @pytest.mark.no_cancel_everywhere("it looks at what is left of a Cancelled, and so catches it")
    async def test_cancelled(self):
        """
        There is nothing else in it.
        """
        cancelled = await stale_cancelled()

        assert None is strip_cancelled(cancelled)
        assert None is strip_cancelled(BaseExceptionGroup("", [cancelled]))

    @pytest.mark.no_cancel_everywhere("it looks at what is left of a Cancelled, and so catches it")
    async def test_a_mixture(self):
        """
        The rest is what counts.
        """
        error = OSError()

        rest = strip_cancelled(BaseExceptionGroup("", [await stale_cancelled(), error]))

        assert isinstance(rest, ExceptionGroup)
        assert (error,) == rest.exceptions


class TestWithoutCancelled:
    @pytest.mark.no_cancel_everywhere("it looks at what is left of a Cancelled, and so catches it")
    async def test_somebody_asked_for_it(self):
        """
        Cancellation on its way out is nobody's failure.
        """
        with trio.CancelScope() as scope:
            exc = await caught_in(scope)
            left = without_cancelled(exc, "pool/job")

        assert None is left

    @pytest.mark.no_cancel_everywhere("it looks at what is left of a Cancelled, and so catches it")
    async def test_a_cancelled_that_nobody_sent_is_a_failure(self):
        """
        It is wrapped, so that no scope takes it for its own.
        """
        cancelled = await stale_cancelled()
        leaked = without_cancelled(cancelled, "pool/job")

        assert isinstance(leaked, LeakedCancelled)
        assert "pool/job" == leaked.path
        assert cancelled is leaked.__cause__
