"""
An executor of the standard library is made for one call, and never shut down.
"""

from concurrent.futures import ThreadPoolExecutor

KIND = "thread"


async def broken(after):
    executor = ThreadPoolExecutor(1)
    after.callback(executor.shutdown)
    executor.submit(len, "abc").result()


async def mended(_after):
    with ThreadPoolExecutor(1) as executor:
        executor.submit(len, "abc").result()
