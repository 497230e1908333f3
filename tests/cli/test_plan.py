"""
The tree of a plan.
"""

import trio

import trio_run as tr
from trio_run._tree import draw_plan
from trio_run.cli._plan import plan_of


class TestPlanOf:
    def test_nested(self):
        """
        Every supervisor shows its strategy, budget and backoff, and every child its restart and grace.
        """
        workers = tr.Supervisor(
            "workers",
            tr.Child(trio.sleep_forever, name="mailer", restart="on_failure", grace=1.5),
            strategy="one_for_all",
            backoff=tr.Backoff(first=1, max=2),
            budget=tr.Budget(restarts=2, per=5.5),
            grace=20,
        )
        shop = tr.Supervisor(
            "shop",
            tr.Child(trio.sleep_forever, name="db", grace=float("inf")),
            tr.Child(workers, name="crew", restart="never"),
        )

        assert (
            "shop          one_for_one  budget 10 in 60 s  backoff 0.1 to 30 s\n"
            "├─ db         always       grace without end\n"
            "└─ crew       one_for_all  budget 2 in 5.5 s  backoff 1 to 2 s  grace 20 s  restart never\n"
            "   └─ mailer  on_failure   grace 1.5 s"
        ) == draw_plan(plan_of(shop))

    def test_what_is_not_as_usual_is_said(self):
        """
        A rule that most have not is shown with whoever has it, and no other is.
        """
        probe = tr.Probe(trio.lowlevel.checkpoint, every=1)
        shop = tr.Supervisor(
            "shop",
            tr.Child(trio.sleep_forever, name="db", start_timeout=5, beat=2, probe=probe, max_age=3600),
            tr.Child(
                trio.sleep_forever,
                name="ads",
                restart="on_failure",
                budget=tr.Budget(restarts=3, per=600, in_a_row=2),
                on_give_up="park",
                backoff=tr.Backoff(first=1, max=2),
                significant=True,
                after=["db"],
            ),
            tr.Child(trio.sleep_forever, name="log", after=[]),
            budget=tr.Budget(restarts=float("inf")),
            start_order="parallel",
            exit_when="any_significant",
            max_children=7,
        )

        assert [
            "one_for_one  budget without end  backoff 0.1 to 30 s  start parallel  exit when any_significant  at most 7",
            "always  grace 5 s  ready in 5 s  beat in 2 s  probe  age 3600 s",
            "on_failure  grace 5 s  budget 3 in 600 s, 2 in a row  then park  backoff 1 to 2 s  significant  after db",
            "always  grace 5 s",
        ] == ["  ".join(node.rules) for node in plan_of(shop)]

    def test_a_budget_that_counts_rows_alone(self):
        """
        Of a budget only what it counts is said.
        """
        shop = tr.Supervisor("shop", budget=tr.Budget(restarts=float("inf"), in_a_row=5))

        assert [("one_for_one", "budget 5 in a row", "backoff 0.1 to 30 s")] == [node.rules for node in plan_of(shop)]

    def test_partitions(self):
        """
        Partitions are a supervisor, and are drawn with what is below.
        """
        carts = tr.Partitions("carts", lambda number: tr.Child(trio.sleep_forever, grace=number), count=2)

        assert [
            ("shop", "backoff 0.1 to 30 s"),
            ("shop/carts", "backoff 0.1 to 30 s"),
            ("shop/carts/0", "grace 0 s"),
            ("shop/carts/1", "grace 1 s"),
        ] == [(node.path, node.rules[-1]) for node in plan_of(tr.Supervisor("shop", carts))]

    def test_a_supervisor_has_the_grace_of_the_child_that_it_is(self):
        """
        The shorter of the two counts: its own, and that of the child.
        """
        pairs = [(20, 3), (3, 20), (3, None)]
        shop = tr.Supervisor(
            "shop", *[tr.Child(tr.Supervisor(f"s{own}{given}", grace=own), grace=given) for own, given in pairs]
        )

        assert ["grace 3 s"] * 3 == [node.rules[-1] for node in plan_of(shop)][1:]

    def test_both_graces_of_a_supervisor(self):
        """
        One is what a request leaves it, the other what a cancellation does.
        """
        shop = tr.Supervisor("shop", grace=20, cancel_grace=3)

        assert [("grace 20 s", "cancel grace 3 s")] == [node.rules[-2:] for node in plan_of(shop)]
