"""
The first of several mirrors to answer wins, unless a second one answers before it could be told to stop.
"""

import trio
from trio.lowlevel import checkpoint


async def mirror(send, name, steps):
    for _ in range(steps):
        await checkpoint()
    send.send_nowait(name)


async def ask_all(take):
    async with trio.open_nursery() as nursery:
        for name, steps in (("near", 1), ("far", 4)):
            send, receive = trio.open_memory_channel(1)
            nursery.start_soon(mirror, send, name, steps)
            nursery.start_soon(take, receive, nursery.cancel_scope)


async def broken():
    answers = []

    async def take(receive, scope):
        answers.append(await receive.receive())
        scope.cancel()

    await ask_all(take)
    (answer,) = answers
    assert answer


async def mended():
    answers = []

    async def take(receive, scope):
        answer = await receive.receive()
        if not answers:
            answers.append(answer)
            scope.cancel()

    await ask_all(take)
    (answer,) = answers
    assert answer
