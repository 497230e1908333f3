"""
A poller in a thread of its own is not told to stop.
"""

import threading

KIND = "thread"


class Poller:
    def __init__(self):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.poll, daemon=True)
        self.thread.start()

    def poll(self):
        while not self.stop.wait(0.01):
            pass

    def close(self):
        self.stop.set()
        self.thread.join()


async def broken(after):
    poller = Poller()
    after.callback(poller.close)


async def mended(_after):
    Poller().close()
