"""
A server is stopped, and the socket it listened on is not closed.
"""

import trio

KIND = "open socket"


async def broken(after):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    after.callback(listener.socket._sock.close)


async def mended(_after):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    await listener.aclose()
