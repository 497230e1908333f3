"""
The tree: what events make of it, and how it is drawn.
"""

import attrs
import pytest
import trio

import trio_run as tr
from tests.lines import lines_of
from trio_run import events
from trio_run._tree import Charset, Node, NodeState, TreeView, charset_for, draw_plan, draw_states, outlook, span
from trio_run.cli.events import RunEscalated, RunReady, RunStarted, RunStopping


class Story:
    """
    Makes events and hands them to a tree.
    """

    def __init__(self):
        self.view = TreeView()
        self.count = 0

    def tell(self, kind, path, life=1, time=0.0, **details):
        self.count += 1
        given = {each.name: each.default for each in attrs.fields(kind) if each.default is not attrs.NOTHING}
        self.view(kind(**(given | details | {"seq": self.count, "time": time, "path": path, "life": life})))
        return self

    def up(self, path, life=1, time=0.0):
        self.tell(events.ChildStarting, path, life, time)
        return self.tell(events.ChildReady, path, life, time, seconds=0.0)

    def boot(self, path, *children):
        return self.tell(events.SupervisorStarting, path, strategy="one_for_one", children=children)

    def state(self, path):
        return self.view.node(path).state


@pytest.fixture
def story():
    """
    A tree and what is told of it.
    """
    return Story()


class TestStates:
    def test_plan(self, story):
        """
        A supervisor that starts announces its children before any of them begins.
        """
        story.boot("shop", "db", "web")

        assert ["shop", "shop/db", "shop/web"] == [node.path for node in story.view.nodes()]
        assert NodeState.STARTING is story.state("shop")
        assert NodeState.PLANNED is story.state("shop/db")

    def test_up(self, story):
        """
        A life begins, and is ready.
        """
        story.tell(events.ChildStarting, "shop/db", time=1.0)
        before = story.state("shop/db")
        story.tell(events.ChildReady, "shop/db", time=2.0, seconds=1.0)

        assert NodeState.STARTING is before
        assert Node(path="shop/db", state=NodeState.UP, life=1, since=2.0) == story.view.node("shop/db")

    def test_backoff(self, story):
        """
        A child that failed waits for its next life, and keeps its error when that has begun.
        """
        story.up("shop/db").tell(events.ChildFailed, "shop/db", seconds=1.0, error=OSError("gone"))
        story.tell(
            events.ChildRestartScheduled, "shop/db", time=5.0, delay=3.0, failures=1, spent=1, restarts=10, per=60.0
        )
        waiting = story.view.node("shop/db")
        again = story.up("shop/db", life=2).view.node("shop/db")

        assert (NodeState.BACKOFF, 8.0, "OSError: gone") == (waiting.state, waiting.due, waiting.error)
        assert (NodeState.UP, 1, "OSError: gone") == (again.state, again.restarts, again.error)

    @pytest.mark.parametrize(
        ("kind", "details", "state"),
        [
            (events.ChildFinished, {"seconds": 1.0}, NodeState.DONE),
            (events.ChildLost, {"seconds": 1.0, "error": OSError()}, NodeState.FAILED),
            (events.ChildStopping, {"grace": 5.0, "reason": ""}, NodeState.STOPPING),
            (events.ChildStopping, {"grace": 0.0, "reason": ""}, NodeState.CANCELLED),
            (events.ChildOverdue, {"grace": 5.0}, NodeState.CANCELLED),
            (events.ChildStuck, {"seconds": 1.0, "stack": ()}, NodeState.STUCK),
            (events.ChildStopped, {"seconds": 1.0, "how": "drained"}, NodeState.STOPPED),
            (events.SupervisorReady, {"seconds": 1.0}, NodeState.UP),
            (events.SupervisorStopping, {"reason": ""}, NodeState.STOPPING),
            (events.SupervisorStopped, {"seconds": 1.0}, NodeState.STOPPED),
            (RunStarted, {"pid": 1}, NodeState.STARTING),
            (RunReady, {"seconds": 1.0}, NodeState.UP),
            (RunStopping, {"reason": "", "grace": 5.0, "alive": ()}, NodeState.STOPPING),
            (RunEscalated, {"reason": "", "alive": ()}, NodeState.CANCELLED),
        ],
    )
    def test_each_event(self, story, kind, details, state):
        """
        Each event leads to one state, where it is about a state at all.
        """
        story.up("shop").tell(kind, "shop", time=1.0, **details)

        assert state is story.state("shop")
        assert 1.0 == story.view.node("shop").since or state is NodeState.UP

    def test_a_supervisor_that_is_cancelled(self, story):
        """
        A cancelled supervisor stops its children and stays cancelled, since when it was.
        """
        story.tell(events.ChildStopping, "shop", time=1.0, grace=0.0, reason="")
        story.tell(events.SupervisorStopping, "shop", time=2.0, reason="")

        assert (NodeState.CANCELLED, 1.0) == (story.state("shop"), story.view.node("shop").since)

    def test_stuck_since_it_was_cancelled(self, story):
        """
        A child that is stuck is so from when it was cancelled, and says where.
        """
        story.tell(events.ChildOverdue, "shop", time=1.0, grace=5.0)
        story.tell(events.ChildStuck, "shop", time=11.0, seconds=10.0, stack=("outer", "shop.py:3 work"))

        assert (1.0, "shop.py:3 work") == (story.view.node("shop").since, story.view.node("shop").where)

    def test_error_on_the_way_out(self, story):
        """
        What a child raised while it was stopped is kept.
        """
        story.tell(events.ChildStopped, "shop", seconds=1.0, how="drained", error=KeyError("x"))

        assert "KeyError: 'x'" == story.view.node("shop").error

    def test_events_of_no_node(self, story):
        """
        What is about no life leaves the tree as it is.
        """
        story.tell(events.SinkDropped, "shop", sink="s", error=OSError())

        assert () == story.view.nodes()


class TestShape:
    def test_removed(self, story):
        """
        A child that is forgotten is gone with all below it, and its siblings stay.
        """
        story.boot("shop", "db", "workers").boot("shop/workers", "mailer").tell(events.ChildRemoved, "shop/workers")

        assert ["shop", "shop/db"] == [node.path for node in story.view.nodes()]

    def test_removed_unknown(self, story):
        """
        To forget a child that nobody told of changes nothing.
        """
        story.up("shop").tell(events.ChildRemoved, "shop/db")

        assert ["shop"] == [node.path for node in story.view.nodes()]

    def test_another_run(self, story):
        """
        A supervisor that starts anew has none of the children that were added to its last run.
        """
        story.boot("shop", "db").up("shop/guest").boot("shop", "db")

        assert ["shop", "shop/db"] == [node.path for node in story.view.nodes()]
        assert NodeState.PLANNED is story.state("shop/db")

    def test_several_tops(self, story):
        """
        Nodes whose parents nobody told of stand at the top.
        """
        story.up("a").up("b/c")

        assert ["a", "b/c"] == [node.path for node in story.view.nodes()]

    def test_depth_first(self, story):
        """
        Each node stands before those below it, and siblings in start order.
        """
        story.boot("s", "a", "b").boot("s/a", "x").boot("s/b", "y")

        assert ["s", "s/a", "s/a/x", "s/b", "s/b/y"] == [node.path for node in story.view.nodes()]

    def test_the_same_events_give_the_same_tree(self, story):
        """
        Told again, to another view, they make an equal tree.
        """
        told, again = [], TreeView()
        view, story.view = story.view, told.append
        story.boot("shop", "db", "web").up("shop/db").up("shop/web", 2, 3.0)
        story.tell(events.ChildFailed, "shop/db", seconds=1.0, error=OSError("gone"))
        for event in told:
            view(event)
            again(event)

        assert 3 == len(view.nodes())
        assert view.nodes() == again.nodes()

    def test_an_event_costs_the_nodes_it_moves_never_a_look_at_all_of_them(self):
        """
        With a hundred times as many siblings it runs the same number of lines.
        """

        def lines_for_an_event(siblings):
            story = Story().boot("shop", *map(str, range(siblings)))
            return lines_of(lambda: story.up("shop/50"))

        assert lines_for_an_event(100) == lines_for_an_event(10_000)

    def test_alive(self, story):
        """
        Those alive are the ones that wait for nobody below them, last started first.
        """
        story.boot("s", "a", "w", "z").up("s/a").boot("s/w", "x", "y").up("s/w/x")

        assert ["s/w/x", "s/a"] == [node.path for node in story.view.alive()]

    async def test_of_a_real_run(self):
        """
        A supervisor's own events make the tree of it.
        """
        view = TreeView()

        async def once(*, task_status):
            task_status.started()

        with tr.use_sinks(view):
            inner = tr.Supervisor("workers", tr.Child(trio.sleep_forever, name="mailer"))
            async with tr.open_supervisor("shop", inner, tr.Child(once, restart="on_failure")):
                await trio.testing.wait_all_tasks_blocked()
                text = draw_states(view.nodes(), 3.0)
            after = {node.state for node in view.nodes()}

        assert (
            "● shop          up    3.0 s\n"
            "├─ ● workers    up    3.0 s\n"
            "│  └─ ● mailer  up    3.0 s\n"
            "└─ ○ once       done  3.0 s"
        ) == text
        assert {NodeState.STOPPED, NodeState.DONE} == after


NODES = (
    Node(path="shop", state=NodeState.UP, rules=("one_for_one", "budget 10 in 60 s")),
    Node(path="shop/db", state=NodeState.STOPPING, since=1.0, due=7.0, rules=("always", "grace 10 s")),
    Node(path="shop/w", state=NodeState.BACKOFF, life=3, due=5.5, error="OSError: gone", rules=("one_for_all",)),
    Node(path="shop/w/m", state=NodeState.STUCK, since=2.0, where="m.py:3 f"),
)


class TestDraw:
    def test_plan(self):
        """
        A plan shows names and rules in columns.
        """
        assert (
            "shop   one_for_one  budget 10 in 60 s\n├─ db  always       grace 10 s\n└─ w   one_for_all\n   └─ m"
        ) == draw_plan(NODES)

    def test_states(self):
        """
        A running tree shows states, since when, and what is to be known of each.
        """
        assert (
            "● shop     up        4.0 s\n"
            "├─ ◌ db    stopping  3.0 s  cancelled in 3.0 s\n"
            "└─ ↻ w     backoff   4.0 s  next life in 1.5 s  life 3  last: OSError: gone\n"
            "   └─ ! m  stuck     2.0 s  at m.py:3 f"
        ) == draw_states(NODES, 4.0)

    def test_ascii(self):
        """
        Where no other characters can be written, ASCII does.
        """
        text = draw_states(NODES, 4.0, Charset.ASCII)

        assert text.isascii()
        assert "`- r w" in text

    def test_nothing(self):
        """
        No nodes make no lines.
        """
        assert "" == draw_plan([])

    @pytest.mark.parametrize(
        ("encoding", "charset"),
        [
            ("utf-8", Charset.UNICODE),
            ("ascii", Charset.ASCII),
            ("latin-1", Charset.ASCII),
            ("no such", Charset.ASCII),
            (None, Charset.ASCII),
        ],
    )
    def test_charset_for(self, encoding, charset):
        """
        The characters are those that the encoding has.
        """
        assert charset is charset_for(encoding)

    def test_a_word_for_each_state(self):
        """
        No state is told by its glyph alone.
        """
        words = {draw_states([Node(path="a", state=state)], 0.0).split()[2] for state in NodeState}

        assert len(NodeState) == len(words)


class TestOutlook:
    def test_due_in_the_past(self):
        """
        What is overdue is due now.
        """
        assert "next life in 0.0 s" == outlook(Node(path="a", state=NodeState.BACKOFF, due=1.0), 2.0)

    def test_none(self):
        """
        Where time alone brings nothing, nothing is said.
        """
        assert "" == outlook(Node(path="a", state=NodeState.UP), 2.0)


class TestSpan:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0.04, "0.0 s"),
            (59.94, "59.9 s"),
            (60, "1m00s"),
            (3599, "59m59s"),
            (3600, "1h00m"),
            (11520, "3h12m"),
            (190000, "2d04h"),
        ],
    )
    def test_units(self, seconds, text):
        """
        Seconds are written as people do.
        """
        assert text == span(seconds)
