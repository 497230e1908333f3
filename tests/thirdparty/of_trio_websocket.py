"""
trio-websocket, over streams in memory.
"""

import contextlib

import trio
from trio_websocket import ConnectionClosed, wrap_client_stream, wrap_server_stream


async def serve(stream, handle):
    """
    Take one connection.
    """
    async with trio.open_nursery() as nursery:
        request = await wrap_server_stream(nursery, stream)
        async with await request.accept() as connection:
            with contextlib.suppress(ConnectionClosed):
                await handle(connection)
        nursery.cancel_scope.cancel()


async def talk(handle, ask):
    """
    Have a server and a client talk.
    """
    left, right = trio.testing.memory_stream_pair()
    async with left, right, trio.open_nursery() as nursery:
        nursery.start_soon(serve, right, handle)
        async with trio.open_nursery() as client:
            connection = await wrap_client_stream(client, left, "example.org", "/")
            async with connection:
                await ask(connection)
            client.cancel_scope.cancel()


async def echo():
    """
    A message there and back, closed by the client.
    """

    async def handle(connection):
        while True:
            await connection.send_message(await connection.get_message())

    async def ask(connection):
        await connection.send_message("hello")
        assert await connection.get_message() == "hello"

    await talk(handle, ask)


async def ping():
    """
    A ping is answered.
    """

    async def handle(connection):
        await connection.get_message()

    async def ask(connection):
        await connection.ping(b"1")

    await talk(handle, ask)


async def closed_by_server():
    """
    The server closes while the client waits for a message.
    """

    async def handle(connection):
        await connection.aclose(1001, "going away")

    async def ask(connection):
        with contextlib.suppress(ConnectionClosed):
            await connection.get_message()

    await talk(handle, ask)


SCENARIOS = (echo, ping, closed_by_server)
