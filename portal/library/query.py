"""What can be asked of the library, and what it answers. How it finds that is `select.py`'s business."""

import base64
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
import orjson

# What results can be sorted by; a minus before it turns the order.
SORTS = ("called", "updated", "amount", "closes")
MOST = 1_000


class BadCursorError(ValueError):
    """A cursor that is none of ours, or of another sort."""


@dataclass(frozen=True)
class Query:
    """What a concurso has to be; all that is given holds. Days are Guatemala's, both ends included; amounts are quetzales.

    `text`: words that all have to be in the title or the items (the end of a word may be left out with `*`); `unspsc`:
    beginnings of codes; `buyer` and `unit`, `supplier` (of an award in force) and `bidder`: party ids; `open`: offers can still
    be made, or nobody says until when. Of each tuple one has to fit.
    """

    text: str = ""
    unspsc: tuple[str, ...] = ()
    amount_min: float | None = None
    amount_max: float | None = None
    buyer: str = ""
    unit: str = ""
    supplier: str = ""
    bidder: str = ""
    entidad: int | None = None
    unidad: int | None = None
    tipo_entidad: int | None = None
    sub_tipo_entidad: int | None = None
    modalidad: tuple[int, ...] = ()
    sub_modalidad: tuple[int, ...] = ()
    estatus: tuple[int, ...] = ()
    categoria: tuple[int, ...] = ()
    objeto: tuple[str, ...] = ()
    departamento: tuple[str, ...] = ()
    called_from: date | None = None
    called_to: date | None = None
    awarded_from: date | None = None
    awarded_to: date | None = None
    closes_from: date | None = None
    closes_to: date | None = None
    updated_since: datetime | None = None
    months: tuple[str, ...] = ()
    day: int | None = None  # of the month in which it was called
    open: bool = False


class Party(msgspec.Struct, frozen=True):
    """A party by its id."""

    id: str
    name: str


class Row(msgspec.Struct, frozen=True):
    """A concurso in a list. `amount`: of its awards in force, or else what was estimated; `awarded`: its last award."""

    nog: int
    ocid: str
    title: str
    status: str
    estatus: int
    estatus_name: str
    modalidad: int
    modalidad_name: str
    objeto: str
    buyer_id: str
    buyer: str
    unit_id: str
    unit: str
    departamento: str
    called: datetime
    closes: datetime | None
    awarded: datetime | None
    updated: datetime
    estimated: float | None
    awarded_amount: float | None
    amount: float | None
    currency: str
    tenderers: int | None
    items: int
    suppliers: tuple[Party, ...]
    month: str


@dataclass(frozen=True)
class Page:
    """Some of what was found: `total` is how much that is; `next` and `prev` are cursors."""

    rows: list[Row]
    total: int
    next: str | None
    prev: str | None


class Bucket(msgspec.Struct, frozen=True):
    """One value of a facet: how many concursos have it, and their amount (None where it cannot be split)."""

    value: str
    label: str
    concursos: int
    amount: float | None = None


def cursor(sort: str, key: list[float | str], *, back: bool = False) -> str:
    """An opaque place between results of one sort: `key` is that of the result beside it."""
    return base64.urlsafe_b64encode(orjson.dumps([sort, back, *key])).decode().rstrip("=")


def read_cursor(text: str, sort: str) -> tuple[bool, list[float | str]]:
    """Whether the cursor leads backwards, and its key. Raises BadCursorError."""
    try:
        told = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except ValueError as error:
        raise BadCursorError(text) from error
    if not isinstance(told, list) or len(told) != 4 or told[0] != sort or not isinstance(told[1], bool):
        raise BadCursorError(text)
    return told[1], told[2:]
