"""Results by the very objects they were made of: what was computed from the same kept rows is not computed again.

The objects are held, so that no other one can take their place, and compared by identity: comparing a thousand rows
would cost what it saves.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Memo"]

T = TypeVar("T")


class Memo(Generic[T]):
    """The `most` results that were asked for last. It may be used on one event loop only."""

    def __init__(self, most: int = 128) -> None:
        self._most = most
        self._results: OrderedDict[Hashable, tuple[tuple[object, ...], T]] = OrderedDict()

    def of(self, objects: tuple[object, ...], options: Hashable, make: Callable[[], T]) -> T:
        """The result for these objects and options, made now where it is not here."""
        key = (*map(id, objects), options)
        if key in self._results:
            self._results.move_to_end(key)
            return self._results[key][1]
        result = make()
        self._results[key] = objects, result
        if len(self._results) > self._most:
            self._results.popitem(last=False)
        return result
