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
