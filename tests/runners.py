"""
Whatever may stand for a runner, and some things that may not.
"""

import functools
from typing import Generic, Self, TypeVar

import trio

T = TypeVar("T")


async def echo(*args, **keywords):
    """
    Return what it was called with.
    """
    await trio.lowlevel.checkpoint()
    return args, keywords


async def serve(port, *, host="::", task_status=trio.TASK_STATUS_IGNORED):
    """
    A function that says when it is ready.
    """
    task_status.started(port)
    await trio.lowlevel.checkpoint()
    return port, host


async def generate(port):
    """
    Look like a runner, and yield.
    """
    yield port


def block(port):
    """
    Look like a runner, and be none.
    """


class Server:
    """
    A runner that knows how many objects there were.
    """

    made = 0

    def __init__(self, port, *, host="::"):
        type(self).made += 1
        self.number, self.port, self.host = self.made, port, host

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED):
        """
        Be ready, and return what it is.
        """
        task_status.started()
        await trio.lowlevel.checkpoint()
        return self.port, self.host

    @classmethod
    def locally(cls, port) -> Self:
        """
        Make one.
        """
        return cls(port, host="::1")

    @classmethod
    async def audit(cls, port):
        """
        A runner that belongs to the class.
        """
        await trio.lowlevel.checkpoint()
        return cls.__name__, port

    @staticmethod
    async def check(port):
        """
        A runner that just lives here.
        """
        await trio.lowlevel.checkpoint()
        return port

    def block(self):
        """
        No runner.
        """


class Quiet:
    """
    A runner that does not say when it is ready.
    """

    async def run(self):
        """
        Return the object that ran.
        """
        await trio.lowlevel.checkpoint()
        return self


class Box(Generic[T]):
    """
    A runner of a generic class.
    """

    def __init__(self, content):
        self.content = content

    async def run(self):
        """
        Return what is inside.
        """
        await trio.lowlevel.checkpoint()
        return self.content


class Caller:
    """
    An object that can be called.
    """

    async def __call__(self, port, *, task_status=trio.TASK_STATUS_IGNORED):
        """
        Be ready, and return the port.
        """
        task_status.started()
        await trio.lowlevel.checkpoint()
        return port


class Blocking:
    """
    An object whose run is not async.
    """

    def run(self):
        """
        Block.
        """


class Demanding:
    """
    A class whose run cannot go without arguments.
    """

    async def run(self, port, *, task_status):
        """
        Wait for a port that nobody gives.
        """


class Yielding:
    """
    An object whose run yields.
    """

    async def run(self):
        """
        Yield once.
        """
        yield 1


def make_quiet() -> Quiet:
    """
    A factory that says what it makes.
    """
    return Quiet()


def make_server(settings: "NotImportedHere", port=1) -> "Server":  # noqa: F821
    """
    A factory that says it in a string, beside a name that cannot be looked up.
    """
    return Server(port)


def make_box() -> Box[int]:
    """
    A factory that makes an object of a generic class.
    """
    return Box(7)


def make_secret():
    """
    A factory that does not say what it makes.
    """
    return Quiet()


def make_nothing() -> Quiet:
    """
    A factory that lies.
    """
    return 5


def make_blocking() -> Quiet:
    """
    A factory whose product is not what it says.
    """
    return Blocking()


def make_number() -> int:
    """
    A function that makes something else.
    """
    return 5


def logged(function):
    """
    Decorate an async function with a sync wrapper, as many libraries do.
    """

    @functools.wraps(function)
    def wrapper(*args, **keywords):
        return function(*args, **keywords)

    return wrapper


class Decorated:
    """
    A decorator that is a class.
    """

    def __init__(self, function):
        functools.update_wrapper(self, function)

    def __call__(self, *args, **keywords):
        return self.__wrapped__(*args, **keywords)


class LoggedRun:
    """
    A runner whose run is decorated.
    """

    @logged
    async def run(self, *, task_status):
        """
        Be ready.
        """
        task_status.started()


class LoggedCall:
    """
    A callable object whose call is decorated.
    """

    @logged
    async def __call__(self):
        """
        Return something.
        """
        return "called"


class StaticRun:
    """
    A runner whose run needs no object.
    """

    @staticmethod
    async def run():
        """
        Return something.
        """
        return "static"


class ClassRun:
    """
    A runner whose run needs the class only.
    """

    @classmethod
    async def run(cls, *, task_status):
        """
        Be ready, and return something.
        """
        task_status.started()
        return cls.__name__


class PartialRun:
    """
    A runner that has somebody else's function for its run.
    """

    def __init__(self):
        self.run = functools.partial(serve, 7)


class BorrowedRun:
    """
    A runner that has somebody else's object for its run.
    """

    run = LoggedCall()


class AwaitableRunner(Quiet):
    """
    A runner that can be awaited too, say to wait for its end.
    """

    def __await__(self):
        raise NotImplementedError


class BoxedStatic:
    """
    Where a static method can be had before it is bound.
    """

    @staticmethod
    async def check(port):
        """
        Return the port.
        """
        return port

    unbound = check
