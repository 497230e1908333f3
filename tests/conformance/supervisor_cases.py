"""
Every test of the other supervisors by its name, and why some of them are not told again here.

A test that tells one begins its docstring with the name, or with several between commas, before a colon.
`test_supervisor_cases.py` looks after it that no name is forgotten, and none is made up.
"""

from __future__ import annotations

SUPERVISOR_SUITE = """
    sup_start_normal
    sup_start_ignore_init
    sup_start_ignore_child
    sup_start_ignore_temporary_child
    sup_start_ignore_temporary_child_start_child
    sup_start_ignore_temporary_child_start_child_simple
    sup_start_ignore_permanent_child_start_child_simple
    sup_start_error_return
    sup_start_fail
    sup_start_restart_child_returns_error
    sup_start_child_returns_error
    sup_start_child_returns_error_simple
    sup_start_map
    sup_start_map_simple
    sup_start_map_faulty_specs
    sup_stop_infinity
    sup_stop_timeout
    sup_stop_timeout_dynamic
    sup_stop_brutal_kill
    sup_stop_brutal_kill_dynamic
    sup_stop_race
    sup_stop_non_shutdown_exit_dynamic
    child_adm
    child_adm_simple
    child_specs
    child_specs_map
    extra_return
    sup_flags
    external_start_no_progress_log
    permanent_normal
    permanent_shutdown
    permanent_abnormal
    transient_normal
    transient_shutdown
    transient_abnormal
    temporary_normal
    temporary_shutdown
    temporary_abnormal
    faulty_application_shutdown
    temporary_bystander
    multiple_restarts
    one_for_one
    one_for_one_escalation
    one_for_all
    one_for_all_escalation
    one_for_all_other_child_fails_restart
    simple_one_for_one
    simple_one_for_one_restart_ignore
    simple_one_for_one_shutdown
    simple_one_for_one_extra
    simple_one_for_one_corruption
    simple_one_for_one_escalation
    rest_for_one
    rest_for_one_escalation
    rest_for_one_other_child_fails_restart
    nonsignificant_temporary
    nonsignificant_transient
    significant_temporary
    significant_transient
    significant_simple
    significant_bystander
    significant_escalation
    significant_upgrade_never_any
    significant_upgrade_any_never
    significant_upgrade_never_all
    significant_upgrade_all_never
    significant_upgrade_any_all
    significant_upgrade_all_any
    significant_upgrade_child
    child_unlink
    tree
    count_children
    count_children_supervisor
    count_restarting_children
    get_callback_module
    do_not_save_start_parameters_for_temporary_children
    do_not_save_child_specs_for_temporary_children
    simple_one_for_one_scale_many_temporary_children
    simple_global_supervisor
    hanging_restart_loop
    hanging_restart_loop_rest_for_one
    hanging_restart_loop_simple
    code_change
    code_change_map
    code_change_simple
    code_change_simple_map
    order_of_children
    scale_start_stop_many_children
    format_log_1
    format_log_2
    already_started_outside_supervisor
"""

ELIXIR = """
    generates child_spec/1
    child_spec/2
    init/2
    init/2 with old and new child specs
    start_link/2 with via
    start_link/3 with global
    start_link/3 with local
    start_link/3
    start_link/2
    start_link/2 with old and new specs
    start_child/2 with old spec
    start_child/2 with a tuple
    start_child/2 with new spec
    start_child/2 with an invalid spec
    start_child/2 with a valid spec
    child life cycle
    can be supervised directly
    start with spawn_opt
    multiple supervisors can be supervised and identified
    counts and returns children
    async/1 spawns tasks under the supervisor
    async/1 with custom shutdown
    async/1 raises when max_children is reached
    async/1 with callers
    async/3 spawns tasks under the supervisor
    async_nolink/1 spawns tasks under the supervisor
    async_nolink/1 with custom shutdown
    async_nolink/1 raises when max_children is reached
    async_nolink/1 with callers
    async_nolink/3 spawns tasks under the supervisor
    start_child/1
    start_child/3
    start_child with custom shutdown
    start_child with custom restart
    start_child with callers
    terminate_child/2
    await/1 demonitors and demonitors on timeout
    await/1 exits on task throw
    await/1 exits on task error
    await/1 exits on task exit
    async_stream fun
    async_stream mfa
    async_stream without leaks
    async_stream slowest first keeps order
    async_stream exits
    async_stream unused tasks are shut down
    async_stream no leaked messages
    async_stream max_children error is clean
    async_stream with callers
    async_stream consumed elsewhere
    async_stream timeout with zip_input_on_exit
    async_stream outer halt with zip_input_on_exit
    async_stream invalid shutdown
"""

DYNAMIC_SUPERVISOR = """
    can be supervised directly
    multiple supervisors can be supervised and identified
    use/2 generates child_spec/1
    init/1 set default options
    start_link/3 with non-ok init
    start_link/3 with registered process
    start_link/3 with spawn_opt
    start_link/3 sets initial call
    code_change/3 with non-ok init
    code_change/3 with ok init
    start_child/2 supports old child spec
    start_child/2 supports new child spec as a tuple
    start_child/2 supports new child spec as a map
    start_child/2 supports extra arguments
    start_child/2 with invalid child spec
    start_child/2 with different returns
    start_child/2 with throw/error/exit
    start_child/2 with max_children
    start_child/2 with valid shutdown
    start_child/2 with invalid shutdown
    temporary child is not restarted regardless of reason
    transient child is restarted unless normal or shutdown
    permanent child is restarted regardless of reason
    child is restarted with different values
    restarting on init children counted in max_children
    restarting on exit children counted in max_children
    restarting a child with extra_arguments
    child is restarted when trying again
    child triggers maximum restarts
    child triggers maximum intensity when trying again
    terminates children with brutal kill
    terminates children with infinity shutdown
    terminates children with infinity shutdown and abnormal reason
    terminates children with integer shutdown
    terminates children with integer shutdown and abnormal reason
    terminates children with expired integer shutdown
    terminates children with permanent restart and normal reason
    terminates with mixed children
    terminate_child/2 terminates child with brutal kill shutdown
    terminate_child/2 terminates child with integer shutdown
    terminate_child/2 terminates restarting child
"""

PARTITION_SUPERVISOR = """
    child_spec/1 uses the name as id
    child_spec/1 can be given an id
    start_link/1 on success with atom name
    start_link/1 on success with via name
    start_link/1 with with_arguments
    start_link/1 routes keys
    start_link/1 raises without name
    start_link/1 raises without child_spec
    start_link/1 raises with bad partitions
    start_link/1 raises with bad with_arguments
    start_link/1 raises with bad auto_shutdown
    stop/1 is synchronous
    stop/3 is synchronous
    partitions/1 returns the count
    partitions/1 raises if not running
    resize!/2 resizes the number of children
    resize!/2 raises on lower or upper bound
    resize!/2 raises if not running
    which_children/1 returns children
    count_children/1 with workers
    count_children/1 with supervisors
    count_children/1 with restarting children
    count_children/1 after a resize
"""

SUTURE = """
    TestTheHappyCase
    TestAddingToRunningSupervisor
    TestFailures
    TestRunningAlreadyRunning
    TestFullConstruction
    TestCoverage
    TestDefaultLogging
    TestNestedSupervisors
    TestStoppingSupervisorStopsServices
    TestStoppingStillWorksWithHungServices
    TestRemovingHungService
    TestRemoveService
    TestServiceReport
    TestFailureToConstruct
    TestNilSupervisorAdd
    TestNilSupervisorPanicsAsExpected
    TestPassNoContextToSupervisor
    TestIssue11
    TestRemoveAndWait
    TestSupervisorManagementIssue35
    TestStopAfterRemoveAndWait
    TestServiceAndTreeTermination
    TestDoNotPropagate
    TestShim
    TestEverMultistarted
    TestAddAfterStopping
    TestIssue77
    ExampleNew_simple
    TestCompleteJob
"""

SUITES = {
    "supervisor_suite": SUPERVISOR_SUITE,
    "elixir": ELIXIR,
    "dynamic_supervisor": DYNAMIC_SUPERVISOR,
    "partition_supervisor": PARTITION_SUPERVISOR,
    "suture": SUTURE,
}
"""
The names by the folder of the tests that tell them again.
"""

_NAMES = "nothing is registered here: what has the supervisor at hand calls it"
_CALLBACK = "there is no callback module: a supervisor is a value"
_LINKS = "tasks live in nurseries, and have neither links nor mailboxes that could leak"
_NIL = "Python has no typed nil; what is no child is refused as in sup_start_error_return"
_GROUP = "a job of a group has no grace of its own; one that drains is a child, see async_nolink/1 with custom shutdown"

NOT_APPLICABLE = {
    "supervisor_suite": {
        "sup_start_ignore_init": f"{_CALLBACK}, so nothing can say that it has nothing to do",
        "get_callback_module": _CALLBACK,
        "already_started_outside_supervisor": "a runner cannot hand over a task that somebody else has started",
    },
    "elixir": {
        "start_link/2 with via": _NAMES,
        "start_link/3 with global": _NAMES,
        "start_link/3 with local": _NAMES,
        "start with spawn_opt": "there are no processes to set options of",
        "async/1 with custom shutdown": _GROUP,
        "async_stream no leaked messages": _LINKS,
        "async_stream with callers": "a map runs in the context of its block, as every task of a nursery does",
        "async_stream invalid shutdown": _GROUP,
        "async_stream max_children error is clean": "a map waits for a slot, and is never refused one",
        "async_stream mfa": "arguments beside the item go into a `functools.partial`",
    },
    "dynamic_supervisor": {
        "use/2 generates child_spec/1": _CALLBACK,
        "start_link/3 with registered process": _NAMES,
        "start_link/3 with spawn_opt": "there are no processes to set options of",
        "start_link/3 sets initial call": "tasks are named by path and life: `tests/supervision/test_handle.py`",
    },
    "partition_supervisor": {
        "start_link/1 on success with via name": _NAMES,
    },
    "suture": dict.fromkeys(
        [
            "TestFailureToConstruct",
            "TestNilSupervisorAdd",
            "TestNilSupervisorPanicsAsExpected",
            "TestPassNoContextToSupervisor",
        ],
        _NIL,
    ),
}
"""
The names that are not told again, each with the reason.
"""

ELSEWHERE = {
    "elixir": {
        "async_stream fun": "elixir/test_async_stream.py::test_streams_an_enumerable",
        "async_stream without leaks": "elixir/test_async_stream.py::test_halting_the_stream_early",
        "async_stream slowest first keeps order": "elixir/test_async_stream.py::test_streams_an_enumerable",
        "async_stream exits": "elixir/test_async_stream.py::test_the_stream_raises",
        "async_stream unused tasks are shut down": "elixir/test_async_stream.py::test_halting_the_stream_early",
        "async_stream consumed elsewhere": "elixir/test_async_stream.py::test_the_consumer_raises",
        "async_stream timeout with zip_input_on_exit": "elixir/test_async_stream.py::test_timeout_of_one",
        "async_stream outer halt with zip_input_on_exit": "elixir/test_async_stream.py::test_zip_input_on_exit",
    },
}
"""
The names that are told by a test that says them in other words.
"""
