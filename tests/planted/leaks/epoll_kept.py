"""
A descriptor that is neither file nor socket nor pipe.
"""

import select

KIND = "open file descriptor"


async def broken(after):
    poll = select.epoll()
    after.callback(poll.close)


async def mended(_after):
    with select.epoll():
        pass
