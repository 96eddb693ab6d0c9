"""What was made lately and may be asked for again, in this process's memory: so many things, or so many bytes, at the most."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """The things that were asked for last. `weigh`: what each takes of `most`. Threads may share it."""

    def __init__(self, most: int, weigh: Callable[[T], int] = lambda _: 1) -> None:
        self._most, self._weigh = most, weigh
        self._things: OrderedDict[Hashable, T] = OrderedDict()
        self._weight, self._turn = 0, threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Two who ask for the same at once may both make it: nobody waits for another one's reading."""
        with self._turn:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
        thing = make()
        with self._turn:
            if key not in self._things:
                self._things[key] = thing
                self._weight += self._weigh(thing)
            while self._weight > self._most and len(self._things) > 1:
                self._weight -= self._weigh(self._things.popitem(last=False)[1])
        return thing
