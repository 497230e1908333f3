"""
A stream is used and dropped.
"""

import trio

KIND = "resource that the garbage collector had to close"


async def serve(stream):
    async with stream:
        await stream.send_all(b"hello")


async def talk(close):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        stream = await trio.open_tcp_stream(*listener.socket.getsockname())
        assert await stream.receive_some() == b"hello"
        if close:
            await stream.aclose()
        nursery.cancel_scope.cancel()


async def broken(_after):
    await talk(close=False)


async def mended(_after):
    await talk(close=True)
