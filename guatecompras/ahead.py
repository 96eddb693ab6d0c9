"""Making the next one while the last one is being used: an iterator that runs in a thread of its own, one step ahead."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

# Seconds after which a thread that holds the interpreter gives way to another (Python: 0.005). Polars asks for the
# interpreter hundreds of times a batch, for a moment each; beside a thread that never rests it would wait each time.
_GIVE_WAY = 0.0001


@contextmanager
def ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items; while one is used the next is made. For work that mostly leaves the interpreter alone, as Polars'."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_GIVE_WAY)
    try:
        with ThreadPoolExecutor(1, "ahead") as pool:
            yield _following(items, pool)
    finally:
        sys.setswitchinterval(before)


def _following(items: Iterator[T], pool: ThreadPoolExecutor) -> Iterator[T]:
    def step() -> list[T]:
        return list(islice(items, 1))

    coming: Future[list[T]] = pool.submit(step)
    while found := coming.result():
        coming = pool.submit(step)
        yield found.pop()
