"""
Objects and dicts that tell of each read and write of what they hold.

An object keeps its identity, and gets a class of its own for as long as it lives; a dict is copied, since dicts cannot be
changed in this way. Who listens is not known here.

Law: a watched thing behaves as before, but for ``type(thing)``.
"""

from __future__ import annotations

# ruff: noqa: ANN401, N807
# pyright: reportPrivateUsage=false
# The values are the user's, and the methods go into a class that is made; `sys._getframe` is documented.
import inspect
import itertools
import sys
import types
from collections.abc import Hashable, Iterable, Mapping
from fnmatch import fnmatchcase
from types import FrameType
from typing import Any, Final, Protocol

import attrs

from ._watch_races import Act


class Listener(Protocol):
    """
    What is told of accesses.
    """

    def told(self, thing: object, act: Act, place: Place, frame: FrameType, /) -> None:
        """
        Note what *frame* is about to do to *place* of *thing*.
        """


@attrs.frozen
class Place:
    """
    An attribute of an object, or a key of a dict.
    """

    number: int
    key: Hashable
    text: str = attrs.field(eq=False)


@attrs.frozen(eq=False)
class Tap:
    """
    What one watched thing tells, and to whom.
    """

    listener: Listener
    owner: str
    ignore: tuple[str, ...]
    number: int = attrs.field(init=False, factory=itertools.count().__next__)

    def tell(self, thing: object, act: Act, key: Hashable) -> None:
        """
        Tell what whoever called the caller does to *key*.
        """
        if not any(fnmatchcase(str(key), each) for each in self.ignore):
            text = f"{self.owner}[{key!r}]" if self.owner == "dict" else f"{self.owner}.{key}"
            self.listener.told(thing, act, Place(self.number, key, text), sys._getframe(2))  # noqa: SLF001


def watched_dict(content: Mapping[Any, Any], listener: Listener, ignore: tuple[str, ...]) -> WatchedDict:
    """
    Return a copy of *content* that is watched.
    """
    found = WatchedDict(content)
    found.tap = Tap(listener, "dict", ignore)
    return found


class WatchedDict(dict[Any, Any]):
    """
    A dict that tells of reads and writes of its keys; walking over these alone, a copy, and asking for its length are no
    reads of any.
    """

    __slots__ = ("tap",)

    tap: Tap

    def _read(self, key: object) -> Act:
        return Act.READ if super().__contains__(key) else Act.MISS

    def __getitem__(self, key: Any) -> Any:
        self.tap.tell(self, self._read(key), key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.tap.tell(self, self._read(key), key)
        return super().__contains__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """
        As in `dict`.
        """
        self.tap.tell(self, self._read(key), key)
        return super().get(key, default)

    def values(self) -> Any:
        """
        As in `dict`; a read of all that is there.
        """
        for key in super().__iter__():
            self.tap.tell(self, Act.READ, key)
        return super().values()

    def items(self) -> Any:
        """
        As in `dict`; a read of all that is there.
        """
        for key in super().__iter__():
            self.tap.tell(self, Act.READ, key)
        return super().items()

    def __setitem__(self, key: Any, value: Any) -> None:
        self.tap.tell(self, Act.WRITE, key)
        super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        self.tap.tell(self, Act.REMOVE, key)
        super().__delitem__(key)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """
        As in `dict`.
        """
        self.tap.tell(self, self._read(key), key)
        if not super().__contains__(key):
            self.tap.tell(self, Act.WRITE, key)
        return super().setdefault(key, default)

    def pop(self, key: Any, *default: Any) -> Any:
        """
        As in `dict`.
        """
        self.tap.tell(self, self._read(key), key)
        if super().__contains__(key):
            self.tap.tell(self, Act.REMOVE, key)
        return super().pop(key, *default)

    def popitem(self) -> tuple[Any, Any]:
        """
        As in `dict`.
        """
        if self:
            self.tap.tell(self, Act.REMOVE, next(reversed(self)))
        return super().popitem()

    def clear(self) -> None:
        """
        As in `dict`.
        """
        for key in self:
            self.tap.tell(self, Act.REMOVE, key)
        super().clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """
        As in `dict`.
        """
        new = dict(*args, **kwargs)
        for key in new:
            self.tap.tell(self, Act.WRITE, key)
        super().update(new)

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        new = dict(other)
        for key in new:
            self.tap.tell(self, Act.WRITE, key)
        return super().__ior__(new)

    def __copy__(self) -> dict[Any, Any]:
        return dict(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        del protocol
        return dict, (dict(self),)


def watch_object(thing: object, listener: Listener, ignore: tuple[str, ...]) -> None:
    """
    Have *thing* tell of reads and writes of its attributes from now on.

    Raises:
        TypeError: Its class cannot be exchanged.
    """
    kind = type(thing)
    namespace = _namespace(kind, Tap(listener, kind.__name__, ignore))
    try:
        new = types.new_class(kind.__name__, (kind,), exec_body=lambda body: body.update(namespace))
        thing.__class__ = new
    except TypeError as exc:
        raise TypeError(
            f"{thing!r} cannot be watched: {exc}. What can be are dicts, and objects of classes written in Python: watch the "
            f"one that holds it, or keep it in a dict."
        ) from exc


def is_watched(thing: object) -> bool:
    """
    Tell whether *thing* is watched already.
    """
    return isinstance(thing, WatchedDict) or _MARK in vars(type(thing))


_MARK: Final = "_trio_run_tap"


def _namespace(kind: Any, tap: Tap) -> dict[str, Any]:
    """
    Return what the class of a watched object has besides that of *kind*.
    """
    data: dict[str, bool] = {}

    def is_data(name: str) -> bool:
        known = data.get(name)
        if known is None:
            known = data[name] = not name.startswith("__") and _is_data(inspect.getattr_static(kind, name, None))
        return known

    def __getattribute__(self: Any, name: str) -> Any:
        if is_data(name):
            tap.tell(self, Act.READ, name)
        return kind.__getattribute__(self, name)

    def __setattr__(self: Any, name: str, value: Any) -> None:
        if is_data(name):
            tap.tell(self, Act.WRITE, name)
        kind.__setattr__(self, name, value)

    def __delattr__(self: Any, name: str) -> None:
        if is_data(name):
            tap.tell(self, Act.REMOVE, name)
        kind.__delattr__(self, name)

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        found: Any = kind.__reduce_ex__(self, protocol)
        if isinstance(found, str):
            return found
        make, args, *rest = found
        return make, tuple(kind if each is type(self) else each for each in args), *rest

    return {
        _MARK: tap,
        "__reduce_ex__": __reduce_ex__,
        "__slots__": (),
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "__class__": property(lambda _self: kind),  # What compares classes, as attrs does, sees no other.
        "__getattribute__": __getattribute__,
        "__setattr__": __setattr__,
        "__delattr__": __delattr__,
    }


def _is_data(found: object) -> bool:
    """
    Tell whether what a class has under a name leaves room for a value of each object.
    """
    return isinstance(found, types.MemberDescriptorType) or not hasattr(type(found), "__get__")


def patterns(ignore: Iterable[str]) -> tuple[str, ...]:
    """
    Return patterns of names; one by itself is taken for one, not for its letters.
    """
    return (ignore,) if isinstance(ignore, str) else tuple(ignore)
