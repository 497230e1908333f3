"""
The rules of a child at work: what runners raise, what is made of it, and what is told.
"""

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned, polite, steady

pytestmark = pytest.mark.everywhere_allow("children fail on purpose", raises=OSError)

ENDS = ("child.finished", "child.failed", "child.lost", "child.parked", "child.ignored", "child.stopped")


def fast(**more: object) -> tr.Backoff:
    """
    No delays but those asked for.
    """
    return tr.Backoff(first=0.0, **more)


class TestClassify:
    @pytest.mark.parametrize(
        ("error", "end"),
        [
            (ConnectionError(), "child.failed"),
            (PermissionError(), "child.lost"),
            (ExceptionGroup("both", [ConnectionError(), PermissionError()]), "child.lost"),
        ],
    )
    async def test_the_gravest_answer_counts(self, error, end):
        """
        Of the errors in a group, the one that no restart would mend decides.
        """
        log, asked = EventLog(), []

        def classify(exc: Exception) -> str:
            asked.append(type(exc))
            return "stop" if isinstance(exc, PermissionError) else "restart"

        with tr.use_sinks(log):
            async with tr.open_supervisor(
                "shop", tr.Child(Planned(log, "web", (1, error)), name="web", classify=classify)
            ):
                await trio.sleep(2)

        assert [f"{end} shop/web#1"] == log.story(*ENDS)[:1]
        assert ExceptionGroup not in asked

    async def test_an_error_may_end_the_supervisor(self):
        """
        What is classified as beyond the supervisor leaves it at once, with the error inside.
        """
        boom = OSError("disk on fire")
        child = tr.Child(Planned(EventLog(), "web", (1, boom)), name="web", classify=lambda _: tr.Decision.ESCALATE)

        with pytest.raises(tr.GaveUp, match="shop gave up, since web said that no restart would help") as caught:
            await tr.Supervisor("shop", child).run()

        assert (boom,) == caught.value.exceptions
        assert (None, None, "web") == (caught.value.restarts, caught.value.per, caught.value.child)

    @pytest.mark.parametrize("answer", ["panic", None, ZeroDivisionError()])
    async def test_a_classify_that_fails_loses_nothing(self, answer):
        """
        Its own error is told together with the one that it was asked about, and that is a failure.
        """
        log, boom = EventLog(), OSError("boom")

        def classify(_exc: Exception) -> object:
            if isinstance(answer, Exception):
                raise answer
            return answer

        with tr.use_sinks(log):
            async with tr.open_supervisor(
                "shop", tr.Child(Planned(log, "web", (1, boom)), name="web", classify=classify)
            ):
                await trio.sleep(2)

        (failed,) = log.named("child.failed")
        assert boom is failed.error.exceptions[0]
        assert 2 == len(failed.error.exceptions)

    async def test_a_supervisor_that_gave_up_is_asked_about_as_a_whole(self):
        """
        The parent decides about the verdict, not about what led to it.
        """
        asked = []

        def classify(exc: Exception) -> str:
            asked.append(type(exc))
            return "stop"

        inner = tr.Supervisor("inner", Planned(EventLog(), "web", (1, OSError())), budget=tr.Budget(restarts=0))
        async with tr.open_supervisor("shop", tr.Child(inner, classify=classify)):
            await trio.sleep(2)

        assert [tr.GaveUp] == asked


class TestDirectives:
    @pytest.mark.parametrize("error", [tr.Done(), ExceptionGroup("in a nursery", [tr.Done()])])
    async def test_done(self, error):
        """
        A child that says it is done has finished, even if it is to run always, and from a nursery of its own too.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(Planned(log, "web", (1, error)), name="web")):
                await trio.sleep(2)

        assert ["child.finished shop/web#1"] == log.story(*ENDS)

    @pytest.mark.parametrize("error", [tr.Done(), tr.Ignore(), tr.RestartAfter(3)])
    async def test_an_error_besides_is_an_error(self, error):
        """
        In a group with another error a directive has no say.
        """
        log, group = EventLog(), ExceptionGroup("both", [error, OSError("boom")])
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(Planned(log, "web", (1, group)), name="web")):
                await trio.sleep(2)

        assert [group] == [event.error for event in log.named("child.failed")]

    async def test_ignore(self):
        """
        A child that has nothing to do is down, and whoever started it goes on.
        """
        log = EventLog()

        async def off() -> None:
            raise tr.Ignore

        async def off_before_ready(*, task_status: trio.TaskStatus[None]) -> None:
            del task_status
            raise tr.Ignore

        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", off, steady(log, "web")) as shop:
                handle = await shop.start(tr.Child(off_before_ready, name="more"))

        assert handle.done
        assert ["child.ignored shop/off#1", "child.ignored shop/more#1"] == log.story(*ENDS)[:2]

    async def test_ignore_when_it_is_too_late(self):
        """
        After the child was ready it is a failure like any other.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(Planned(log, "web", (1, tr.Ignore())), name="web")):
                await trio.sleep(2)

        assert ["child.failed shop/web#1"] == log.story(*ENDS)[:1]

    async def test_restart_after(self):
        """
        A child that wants a new life gets it after its delay, without a failure.
        """
        log = EventLog()
        web = Planned(log, "web", (1, tr.RestartAfter(5)), (1, tr.RestartAfter()))
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(web, name="web"), budget=tr.Budget(restarts=0)):
                await trio.sleep(10)

        assert [(0, "web starts"), (6, "web starts"), (7, "web starts")] == [
            note for note in log.notes if "starts" in note[1]
        ]
        assert ["child.finished shop/web#1", "child.finished shop/web#2"] == log.story(*ENDS)[:2]

    @pytest.mark.parametrize("delay", [-1, float("inf"), float("nan")])
    def test_a_delay_is_a_number_of_seconds(self, delay):
        """
        What cannot be waited for is refused where it is written.
        """
        with pytest.raises(ValueError, match="takes a finite number of seconds, at least 0"):
            tr.RestartAfter(delay)
        with pytest.raises(TypeError, match="takes a number of seconds, not '3'"):
            tr.RestartAfter("3")

    @pytest.mark.parametrize(
        ("raised", "leaves"),
        [
            (tr.Escalate(OSError("a")), ["OSError: a"]),
            (ExceptionGroup("g", [tr.Escalate(OSError("a")), ValueError("b")]), ["OSError: a", "ValueError: b"]),
            (ExceptionGroup("g", [tr.Escalate(OSError("a")), tr.Done()]), ["OSError: a"]),
        ],
    )
    async def test_escalate(self, raised, leaves):
        """
        It ends the supervisor whatever else was raised, and the errors are found by their types.
        """
        shop = tr.Supervisor("shop", tr.Child(Planned(EventLog(), "web", (1, raised)), name="web"))
        found = []
        try:
            await shop.run()
        except* (OSError, ValueError) as group:

            def collect(exc: BaseException) -> None:
                if isinstance(exc, BaseExceptionGroup):
                    for inner in exc.exceptions:
                        collect(inner)
                else:
                    found.append(f"{type(exc).__name__}: {exc}")

            collect(group)

        assert leaves == found

    async def test_escalate_without_an_error(self):
        """
        Then it stands for itself.
        """
        with pytest.raises(tr.GaveUp) as caught:
            await tr.Supervisor("shop", tr.Child(Planned(EventLog(), "web", (1, tr.Escalate())), name="web")).run()

        assert [tr.Escalate] == [type(error) for error in caught.value.exceptions]


class TestPark:
    def shop(self, log: EventLog, *plans: tuple[float, object]) -> tr.Supervisor:
        """
        A supervisor with a child that can be parked, and a sibling.
        """
        rules = {"budget": tr.Budget(restarts=1, per=60), "on_give_up": "park", "backoff": fast()}
        return tr.Supervisor(
            "shop", tr.Child(polite(log, "db"), name="db"), tr.Child(Planned(log, "web", *plans), name="web", **rules)
        )

    async def test_a_parked_child_is_told_and_can_be_restarted(self):
        """
        The event has the error and the failures that counted; the sibling never notices.
        """
        log = EventLog()
        shop = self.shop(log, (1, OSError("one")), (1, OSError("two")))
        with tr.use_sinks(log):
            async with trio.open_nursery() as nursery:
                await nursery.start(shop.run)
                await trio.sleep(3)
                (parked,) = log.named("child.parked")
                down = [(status.name, status.phase, status.wanted) for status in shop.statistics()]
                await shop.restart("web")
                shop.request_stop()

        assert "two" == str(parked.error)
        assert 2 == len(parked.history)
        assert [("db", "up", True), ("web", "down", False)] == down
        assert 1 == log.lines.count("db starts")
        assert 3 == log.lines.count("web starts")

    async def test_a_supervisor_with_a_parked_child_stops_when_asked(self):
        """
        What is down stays so, and nothing waits for it.
        """
        log = EventLog()
        shop = self.shop(log, (1, OSError("one")), (1, OSError("two")))
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            handle = shop.start_soon(tr.Child(steady(log, "more"), name="more"))
            await trio.sleep(3)
            shop.request_stop()

        assert tr.State.STOPPED is handle.state
        assert "db ends" == log.lines[-1]

    async def test_a_supervisor_with_a_parked_child_ends_when_cancelled(self):
        """
        Cancelled from outside it raises nothing of its own.
        """
        log = EventLog()
        with trio.move_on_after(3) as scope:
            await self.shop(log, (1, OSError("one")), (1, OSError("two"))).run()

        assert scope.cancelled_caught
        assert (3, "db ends") == log.notes[-1]


class TestStartTimeout:
    def slow(self, log: EventLog, *starts: float) -> tr.Child:
        """
        A child that takes its time to start, and to go.
        """
        lives = iter(starts)

        async def web(*, task_status: trio.TaskStatus[None]) -> None:
            log.note("web starts")
            try:
                await trio.sleep(next(lives))
                task_status.started()
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                log.note("web ends")

        return tr.Child(web, start_timeout=3, backoff=fast())

    async def test_a_slow_start_is_tried_again(self):
        """
        The next life begins when the last one is gone, and the caller waits for one that is ready.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop") as shop:
                handle = shop.start_soon(self.slow(log, 9, 9, 1))
                await trio.sleep(10)
                assert tr.State.RUNNING is handle.state

        assert [(0, "web starts"), (4, "web ends"), (4, "web starts"), (8, "web ends"), (8, "web starts")] == log.notes[
            :5
        ]
        assert [tr.StartTimedOut] * 2 == [type(event.error) for event in log.named("child.failed")]
        assert ["child.failed shop/web#1", "child.failed shop/web#2", "child.stopped shop/web#3"] == log.story(*ENDS)

    async def test_who_waits_for_it_is_told(self):
        """
        A start that was asked for and takes too long fails there.
        """
        async with tr.open_supervisor("shop") as shop:
            with pytest.raises(tr.StartFailed, match="shop/web was not ready after 3 s") as caught:
                await shop.start(self.slow(EventLog(), 9))

        assert isinstance(caught.value.__cause__, tr.StartTimedOut)

    async def test_asked_to_stop_while_a_slow_start_is_cancelled(self):
        """
        The supervisor ends when the child is gone, and raises nothing.
        """
        log = EventLog()
        async with trio.open_nursery() as nursery:
            async with tr.open_supervisor("shop") as shop:
                shop.start_soon(self.slow(log, 9))
                await trio.sleep(3.5)
                shop.request_stop()
            nursery.cancel_scope.cancel()

        assert [(0, "web starts"), (4, "web ends")] == log.notes

    async def test_cancelled_while_a_slow_start_is_cancelled(self):
        """
        A cancellation from outside takes nothing away from the cleanup, and adds nothing.
        """
        log = EventLog()
        with trio.move_on_after(3.5):
            async with tr.open_supervisor("shop") as shop:
                shop.start_soon(self.slow(log, 9))
                await trio.sleep_forever()

        assert [(0, "web starts"), (4, "web ends")] == log.notes
