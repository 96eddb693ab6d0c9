"""Tells what is new in saved searches: finds it, notes what is to be told, tells it, notes that it was told.

What is told is noted before it is posted, so that whatever happens in between, the same is posted again under the same id: each
concurso at least once, and never in two deliveries of a search.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import orjson

from guatecompras.errors import GuatecomprasError, NotTakenError
from portal.alerts.queries import Saved
from portal.alerts.state import Delivery, Entry, State
from portal.library import Library
from portal.market import Market, of_edition
from portal.publication import Publication
from portal.settings import Settings

ROWS = 100  # of a delivery
_AT_ONCE = 8


# Posts a delivery: to which search's webhook, its id, and the bytes. Raises NotTakenError.
Post = Callable[[Saved, str, bytes], None]


@dataclass(frozen=True)
class Outcome:
    """What became of a search. `marked`: what was there when it was first looked for and is not told; `fault`: why some waits."""

    name: str
    marked: int
    new: int
    delivered: int
    waiting: int
    fault: str


@dataclass(frozen=True)
class Public:
    """What is searched: the library and the market of an edition, its sequence, and the portal's addresses."""

    library: Library
    market: Market | None
    sequence: int
    settings: Settings

    @classmethod
    def of_store(cls, settings: Settings) -> "Public":
        """What is public now. Raises GuatecomprasError, also for a store in which nothing is: it may be the wrong one."""
        publication = Publication(settings.store, settings.cache_folder())
        edition = publication.now()
        if not edition.months:
            raise GuatecomprasError(f"nothing is public in {settings.store}")
        library = Library(edition, publication.cache, settings.base_url, None)
        return cls(library, of_edition(edition), edition.index["sequence"], settings)


def tell(
    public: Public, queries: Sequence[Saved], state: State, post: Post, now: datetime, *, existing: bool = False
) -> list[Outcome]:
    """Tell what is new of each search. `existing`: what is there when a search is first looked for is told, too.

    A search is looked for anew where it is written otherwise; one that is written no more is forgotten.
    """
    noted = {query.name: _noted(public, query, state.entries.get(query.name), now, existing) for query in queries}
    state.entries = {name: entry for name, (entry, _, _) in noted.items()}
    state.save()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = list(pool.map(lambda query: _delivered(query, state, post), queries))
    return [
        Outcome(query.name, *noted[query.name][1:], delivered, len(state.entries[query.name].waiting), fault)
        for query, (delivered, fault) in zip(queries, told, strict=True)
    ]


def _noted(public: Public, query: Saved, entry: Entry | None, now: datetime, existing: bool) -> tuple[Entry, int, int]:
    """The entry with what is new noted; how many were marked as there already, and how many are new."""
    rows = query.found(public.library, public.market, now)
    nogs = public.library.held.numbers["nog"][rows].tolist()
    if entry is None or entry.search != query.search:
        waiting = entry.waiting if entry else []
        if not existing:
            return Entry(query.search, set(nogs), waiting), len(nogs), 0
        entry = Entry(query.search, set(), waiting)
    new = [int(row) for row, nog in zip(rows.tolist(), nogs, strict=True) if nog not in entry.seen]
    waiting = entry.waiting + list(_deliveries(public, query, new, now))
    return Entry(query.search, entry.seen | set(nogs), waiting), 0, len(new)


def _deliveries(public: Public, query: Saved, rows: Sequence[int], now: datetime) -> Iterator[Delivery]:
    for first in range(0, len(rows), ROWS):
        told = public.library.rows(rows[first : first + ROWS])
        delivery = uuid.uuid4().hex
        body: dict[str, Any] = {
            "id": delivery,
            "created": now.isoformat(timespec="seconds"),
            "query": {"name": query.name, "search": query.search},
            "publication": {"sequence": public.sequence},
            "results": [
                msgspec.to_builtins(row) | {"url": public.settings.url(f"/concurso/{row.nog}")} for row in told
            ],
        }
        yield Delivery(delivery, msgspec.Raw(orjson.dumps(body)))


def _delivered(query: Saved, state: State, post: Post) -> tuple[int, str]:
    """How many of a search's deliveries were taken, and why not all. In their order: after one that was not, none is tried."""
    entry, count = state.entries[query.name], 0
    while entry.waiting:
        first = entry.waiting[0]
        try:
            post(query, first.id, bytes(first.body))
        except NotTakenError as error:
            return count, str(error)
        with state.turn:
            entry.waiting.pop(0)
            state.save()
        count += 1
    return count, ""
