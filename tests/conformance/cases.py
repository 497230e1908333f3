"""
The cases of Go's packages for groups, actors and pools, by the names that they have there: none may be missing here.
"""

CASES = {
    "h12": (
        "TestGroupGoExactlyOnce TestGroupGoTaskError TestGroupPool TestGroupLog TestGroupRecoverPanic TestName"
        " TestPoolGoExactlyOnce TestPoolGoConcurrently TestPoolNumGoroutines TestPoolGoroutineReuse TestPoolMultipleClose"
        " TestPoolGoAfterClosed TestPoolIdleTime TestInvalidIdleTime TestPoolMaxSize"
    ),
    "oklog": (
        "TestZero TestOne TestMany TestContextHandler TestSignalError TestSignalHandlerNil ExampleGroup_Add_basic"
        " ExampleGroup_Add_context ExampleGroup_Add_listener"
    ),
    "errgroup": (
        "TestZeroGroup TestWithContext TestTryGo TestGoLimit TestCancelCause ExampleGroup_justErrors ExampleGroup_parallel"
        " ExampleGroup_pipeline TestPanic TestGoexit BenchmarkGo"
    ),
    "tomb": (
        "TestNewTomb TestGo TestGoErr TestGoPanic TestKill TestKillf TestErrDying TestKillErrStillAlivePanic TestWithContext"
        " TestContextNoParent"
    ),
    "xsync": (
        "TestWaitGroup TestWaitGroupMisuse TestWaitGroupRace TestWeighted TestWeightedPanic TestWeightedTryAcquire"
        " TestWeightedAcquire TestWeightedDoesntBlockIfTooBig TestLargeAcquireDoesntStarve TestAllocCancelDoesntStarve"
        " TestWeightedAcquireCanceled TestDo TestDoErr TestDoDupSuppress TestForget TestDoChan TestPanicDo"
        " TestPanicErrorUnwrap TestGoexitDo TestPanicDoChan TestPanicDoSharedByDoChan"
    ),
}
