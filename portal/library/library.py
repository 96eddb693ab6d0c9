"""The library of one edition: what the portal asks for concursos, documents, buyers and suppliers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
import polars as pl

from guatecompras import catalogs
from guatecompras.months import UTC_OFFSET
from guatecompras.settings import OCID_PREFIX
from portal.library import parties, select
from portal.library.documents import Documents
from portal.library.holdings import Holdings, Pairs
from portal.library.parties import Field, Parties, Profile, Role, Total
from portal.library.query import MOST, SORTS, BadCursorError, Bucket, Page, Party, Query, Row, cursor, read_cursor
from portal.library.shelf import Ints, Places, Shelf, open_shelf

_RELEASE = re.compile(r"GT-NOG-(\d{1,12})-T\d+")
_OCID = re.compile(rf"{OCID_PREFIX}-(\d{{1,12}})")
# What a row is made of, beside its suppliers.
_SHOWN = (
    "nog", "title", "status", "estatus", "modalidad", "objeto", "buyer", "buyer_name", "unit", "unit_name",
    "departamento", "called", "closes", "awarded", "recorded", "estimated", "awarded_amount", "currency", "tenderers",
    "items",
)  # fmt: skip
_BUCKETS = 50
FACETS = ("month", "year", "estatus", "modalidad", "categoria", "objeto", "departamento", "buyer", "unspsc", "supplier")
_CATALOGS = {"estatus": "estatus", "modalidad": "modalidades", "categoria": "categorias"}


class Source(Places, Protocol):
    """An edition of the publication, as far as the library reads it."""

    @property
    def months(self) -> Sequence[str]: ...

    def range(self, path: str, start: int, end: int) -> bytes: ...


class Library:
    """What can be found in an edition. `base_url`: what stands before /release/…; all is read-only, from any thread.

    Raises GuatecomprasError when a month's files are not what they should be.
    """

    def __init__(self, edition: Source, cache: Path, base_url: str, earlier: "Library | None" = None) -> None:
        known = {(shelf.month, shelf.version): shelf for shelf in earlier.held.shelves} if earlier else {}
        self.held: Holdings = Holdings(
            [
                known.get((month, edition.month(month)["version"])) or open_shelf(edition, month, cache)
                for month in edition.months
            ]
        )
        self._documents = Documents(edition.range)
        self._base_url = base_url.rstrip("/")
        self.parties = Parties(self.held)

    def warm(self) -> None:
        """Find what else would be found when it is asked for first."""
        self.count(Query(text="a"))
        for name in set(select.COLUMNS.values()):
            self.held.order(name)
        for role in parties.ROLES:
            self.totals(role)
        self.held.categories, self.held.families, self.held.awarded, self.held.gone  # noqa: B018 – they are kept

    # Concursos.

    def search(
        self,
        query: Query,
        sort: str = "-called",
        after: str | None = None,
        limit: int = 50,
        now: datetime | None = None,
    ) -> Page:
        """A page of what is found. `sort`: one of SORTS, a minus turns it. Raises BadCursorError, and ValueError for a sort that
        is none or a limit out of 1 to MOST."""
        name, down = sort.removeprefix("-"), sort.startswith("-")
        if name not in SORTS or not 1 <= limit <= MOST:
            raise ValueError(f"sort {sort!r}, limit {limit}")
        found = select.rows(self.held, query, now or datetime.now(UTC))
        back, start = self._start(after, sort, down=down)
        # One more says whether there is more.
        rows = select.page(self.held, found, name, start, limit + 1, down=down != back)
        more, rows = len(rows) > limit, rows[:limit]
        if back:
            rows = rows[::-1]
        before, beyond = (more, True) if back else (after is not None, more)
        ends = (rows[0], rows[-1]) if len(rows) else None
        return Page(
            self.rows(rows),
            len(found),
            cursor(sort, select.key_of(self.held, ends[1], name)) if ends and beyond else None,
            cursor(sort, select.key_of(self.held, ends[0], name), back=True) if ends and before else None,
        )

    def _start(self, after: str | None, sort: str, *, down: bool) -> tuple[bool, int | None]:
        """Whether to go backwards, and the place from which on."""
        if after is None:
            return False, None
        back, (value, nog) = read_cursor(after, sort)
        if not (isinstance(value, (int, float)) and isinstance(nog, str) and nog.isascii() and nog.isdigit()):
            raise BadCursorError(after)
        if not (abs(value) < 2**53 and len(nog) < 16) or (sort.endswith("called") and not 0 <= value < 2**32):
            raise BadCursorError(after)
        # Up the order we go on after that row, down it before it.
        return back, select.rank_of(self.held, sort.removeprefix("-"), value, int(nog) + (down == back))

    def numbered(self, query: Query, first: int, limit: int, *, down: bool) -> tuple[Ints, int]:
        """Rows by their place in the order of the call, from place `first` on, and how many there are."""
        found = select.rows(self.held, query, datetime.now(UTC))
        ordered = found[::-1] if down else found
        return ordered[first : first + limit], len(found)

    def ordered(self, query: Query, sort: str, now: datetime | None = None) -> Ints:
        """All rows that are found, in the order of a sort."""
        found = select.rows(self.held, query, now or datetime.now(UTC))
        name = sort.removeprefix("-")
        return select.page(self.held, found, name, None, max(1, len(found)), down=sort.startswith("-"))

    def count(self, query: Query, now: datetime | None = None) -> int:
        return len(select.rows(self.held, query, now or datetime.now(UTC)))

    def row(self, nog: int) -> Row | None:
        """One concurso as in a list."""
        row = self.held.row(nog)
        return None if row is None else self.rows([row])[0]

    def gone(self, nog: int) -> bool:
        """Whether a concurso was public and is no more."""
        return nog in self.held.gone and self.held.row(nog) is None

    def rows(self, rows: Sequence[int] | Ints) -> list[Row]:
        """Rows as they are listed, in the order given."""
        wanted = np.asarray(rows, np.int64)
        months = self.held.months.codes[wanted]
        told: list[Row | None] = [None] * len(wanted)
        for month in np.unique(months).tolist():
            places = np.flatnonzero(months == month)
            shelf = self.held.shelves[month]
            local = wanted[places] - self.held.starts[month]
            for place, row in zip(places.tolist(), _listed(shelf, local), strict=True):
                told[place] = row
        return [row for row in told if row is not None]

    # How they are spread.

    def facets(self, query: Query, names: Sequence[str], now: datetime | None = None) -> dict[str, list[Bucket]]:
        """Of each name of FACETS: its values with the most concursos; months and years all of them, in order."""
        found = select.rows(self.held, query, now or datetime.now(UTC))
        return {name: list(self._facet(name, found)) for name in names}

    def _facet(self, name: str, found: Ints) -> Iterator[Bucket]:
        held = self.held
        if name in ("categoria", "unspsc"):
            pairs = held.categories if name == "categoria" else held.families
            return self._of_pairs(name, pairs, found)
        if name == "supplier":
            pairs, paid = held.awarded
            return self._of_pairs(name, pairs, found, paid)
        amount = np.nan_to_num(held.numbers["amount"][found])
        if name in ("month", "year"):
            return self._of_time(name, found, amount)
        if name in ("estatus", "modalidad"):
            codes = held.numbers[name][found].astype(np.int64) + 1
            values = [str(code) for code in range(-1, int(codes.max(initial=0)))]
        else:
            coded = held.names[name]
            codes, values = coded.codes[found].astype(np.int64), coded.values
        return self._buckets(name, codes, values, amount)

    def _of_pairs(self, name: str, pairs: Pairs, found: Ints, weights: Any = None) -> Iterator[Bucket]:
        among = np.zeros(self.held.size, np.bool_)
        among[found] = True
        held = among[pairs.rows]
        return self._buckets(name, pairs.codes[held], pairs.values, None if weights is None else weights[held])

    def _of_time(self, name: str, found: Ints, amount: Any) -> Iterator[Bucket]:
        months = self.held.months
        counts = np.bincount(months.codes[found], minlength=len(months.values))
        sums = np.bincount(months.codes[found], weights=amount, minlength=len(months.values))
        told: dict[str, list[float]] = {}
        for month, count, total in zip(months.values, counts.tolist(), sums.tolist(), strict=True):
            one = told.setdefault(month if name == "month" else month[:4], [0, 0.0])
            one[0] += count
            one[1] += total
        for value, (count, total) in told.items():
            yield Bucket(value, value, int(count), round(total, 2))

    def _buckets(self, name: str, codes: Any, values: Sequence[str], amount: Any) -> Iterator[Bucket]:
        counts = np.bincount(codes, minlength=len(values))
        sums = None if amount is None else np.bincount(codes, weights=amount, minlength=len(values))
        for code in np.argsort(-counts, kind="stable")[:_BUCKETS].tolist():
            if counts[code] and values[code] not in ("", "-1"):
                total = None if sums is None else round(float(sums[code]), 2)
                yield Bucket(values[code], self._label(name, code, values[code]), int(counts[code]), total)

    def _label(self, name: str, code: int, value: str) -> str:
        if name in _CATALOGS:
            return _names(_CATALOGS[name]).get(int(value), value)
        if name == "unspsc":
            segment = _names("unspsc_segmentos", "code").get(value[:2], "")
            return f"{value} · {segment}"
        if name == "supplier":
            return self.held.party_names[code]
        return self.parties.buyer_names.get(value, value) if name == "buyer" else value

    # Documents.

    def nog_of(self, text: str) -> int | None:
        """The NOG of an OCID."""
        found = _OCID.fullmatch(text)
        return int(found[1]) if found else None

    def record(self, nog: int) -> bytes | None:
        """A record: ocid, its releases linked, and the compiled release as published."""
        row = self.held.row(nog)
        if row is None:
            return None
        shelf, local = self.held.place(row)
        place = [shelf.concursos[name][local].as_py() for name in ("block", "offset", "length")]
        compiled = self._documents.get(shelf, "records", *place)
        linked = [
            {"url": f"{self._base_url}/release/{one['id']}", "date": one["date"], "tag": one["tag"].split("; ")}
            for one in self._listed_releases(shelf, local, ["id", "date", "tag"])
        ]
        ocid = f"{OCID_PREFIX}-{nog}".encode()
        return b'{"ocid":"%s","releases":%s,"compiledRelease":%s}' % (ocid, orjson.dumps(linked), compiled)

    def compiled(self, nog: int) -> bytes | None:
        """The compiled release alone, as published."""
        row = self.held.row(nog)
        if row is None:
            return None
        shelf, local = self.held.place(row)
        return self._documents.get(
            shelf, "records", *(shelf.concursos[name][local].as_py() for name in ("block", "offset", "length"))
        )

    def releases(self, nog: int) -> list[bytes]:
        """The releases of a concurso, oldest first; none where there is no such concurso."""
        row = self.held.row(nog)
        if row is None:
            return []
        shelf, local = self.held.place(row)
        listed = self._listed_releases(shelf, local, ["block", "offset", "length"])
        return [self._documents.get(shelf, "releases", *one.values()) for one in listed]

    def last_release(self, row: int) -> bytes:
        """The newest release of a row."""
        shelf, local = self.held.place(row)
        *_, last = self._listed_releases(shelf, local, ["block", "offset", "length"])
        return self._documents.get(shelf, "releases", *last.values())

    def release(self, id: str) -> bytes | None:
        """A release by its id."""
        found = _RELEASE.fullmatch(id)
        row = self.held.row(int(found[1])) if found else None
        if row is None:
            return None
        shelf, local = self.held.place(row)
        for one in self._listed_releases(shelf, local, ["id", "block", "offset", "length"]):
            if one.pop("id") == id:
                return self._documents.get(shelf, "releases", *one.values())
        return None

    def gone_release(self, id: str) -> bool:
        """Whether a release's id is of a concurso that was public and is no more."""
        found = _RELEASE.fullmatch(id)
        return found is not None and self.gone(int(found[1]))

    def _listed_releases(self, shelf: Shelf, local: int, names: list[str]) -> list[dict[str, Any]]:
        first, count = (int(shelf.concursos[name][local].as_py()) for name in ("first_release", "releases"))
        found: list[dict[str, Any]] = shelf.releases.slice(first, count).select(names).to_pylist()
        return found

    # Parties.

    def totals(self, role: Role, text: str = "", sort: str = "-amount") -> pl.DataFrame:
        """Buyers, units or suppliers, as `parties.Total`, in order."""
        return self.parties.find(role, text, sort)

    def total(self, id: str, role: Role) -> Total | None:
        return self.parties.total(id, role)

    def profile(self, id: str, role: Role) -> Profile | None:
        return self.parties.profile(id, role)

    def fields(self, supplier: str) -> dict[str, list[Field]]:
        return self.parties.fields(supplier)


as_totals = parties.as_totals


@cache
def _names(catalog: str, key: str = "id") -> Mapping[Any, str]:
    return catalogs.mapping(catalog, key, "name")


def _listed(shelf: Shelf, local: Any) -> Iterator[Row]:
    table = shelf.concursos.select(_SHOWN).take(local)
    estatus, modalidades = _names("estatus"), _names("modalidades")
    for row, suppliers in zip(table.to_pylist(), _suppliers(shelf, local), strict=True):
        paid = row["awarded_amount"] is not None
        yield Row(
            nog=row["nog"],
            ocid=f"{OCID_PREFIX}-{row['nog']}",
            title=row["title"] or "",
            status=row["status"],
            estatus=row["estatus"],
            estatus_name=estatus.get(row["estatus"], ""),
            modalidad=row["modalidad"],
            modalidad_name=modalidades.get(row["modalidad"], ""),
            objeto=row["objeto"],
            buyer_id=row["buyer"],
            buyer=row["buyer_name"],
            unit_id=row["unit"],
            unit=row["unit_name"],
            departamento=row["departamento"],
            called=_time(row["called"]) or datetime.fromtimestamp(0, UTC_OFFSET),
            closes=_time(row["closes"]),
            awarded=_time(row["awarded"]),
            updated=_time(row["recorded"]) or datetime.fromtimestamp(0, UTC_OFFSET),
            estimated=row["estimated"],
            awarded_amount=row["awarded_amount"],
            amount=row["awarded_amount"] if paid else row["estimated"],
            currency=row["currency"],
            tenderers=None if row["tenderers"] < 0 else row["tenderers"],
            items=row["items"],
            suppliers=suppliers,
            month=shelf.month,
        )


def _time(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC_OFFSET) if seconds else None


def _suppliers(shelf: Shelf, local: Any) -> Iterator[tuple[Party, ...]]:
    """Of each row of a month, those it was awarded to."""
    rows, awards, parties = (shelf.deals[name].to_numpy() for name in ("row", "awards", "party"))
    first, last = (np.searchsorted(rows, local, side=side) for side in ("left", "right"))
    spans = zip(first.tolist(), last.tolist(), strict=True)
    codes = [parties[start:end][awards[start:end] > 0] for start, end in spans]
    found = shelf.parties.take(np.concatenate([np.zeros(0, np.int32), *codes]))
    names = zip(found["id"].to_pylist(), found["name"].to_pylist(), strict=True)
    for own in codes:
        yield tuple(Party(known, name or "") for known, name in islice(names, len(own)))
