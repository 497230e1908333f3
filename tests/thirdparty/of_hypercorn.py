"""
hypercorn's trio worker: one connection, over a stream in memory that looks like one of a socket.
"""

import socket

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.utils import wrap_app


class Address:
    """
    What the server asks of a socket.
    """

    family = socket.AF_INET

    def getpeername(self):
        """
        Who is there.
        """
        return ("127.0.0.1", 1)

    getsockname = getpeername


async def app(scope, receive, send):
    """
    Answer each request with its body.
    """
    if scope["type"] == "http":
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})


async def talk(*requests):
    """
    Send requests over one connection, and return all that comes back.
    """
    left, right = trio.testing.memory_stream_pair()
    right.socket = Address()
    config = Config()
    config.errorlog = None
    server = TCPServer(wrap_app(app, config.wsgi_max_body_size, "asgi"), config, WorkerContext(None), {}, right)
    answer = b""
    async with left, right, trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        for request in requests:
            await left.send_all(request)
        async for data in left:
            answer += data
    return answer


async def one_request():
    """
    A request, and the connection is closed.
    """
    answer = await talk(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nconnection: close\r\n\r\n", b"hi")
    assert answer.endswith(b"hi")


async def two_requests():
    """
    Two requests over one connection.
    """
    answer = await talk(
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    assert answer.count(b"200") == 2


async def bad_request():
    """
    What is no HTTP is answered, and the connection is closed.
    """
    assert b"400" in await talk(b"\x00\x00 nonsense\r\n\r\n")


SCENARIOS = (one_request, two_requests, bad_request)
