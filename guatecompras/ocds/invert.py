"""Official OCDS back into the source contract: records, compiled releases and releases -> rows of the nine tables.

Pure: decoded JSON in, frames of text out. Nothing is judged here (arrival checks do that) and nothing is refused: what
has the wrong type becomes the text of the value. How files are found and read is `resources/sources/ocds.py`'s job.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import polars as pl
from ocdskit.util import (
    is_compiled_release,
    is_linked_release,
    is_record,
)

from guatecompras import catalogs
from guatecompras.contract import PLAUSIBLE_YEARS, TABLES
from guatecompras.months import UTC_OFFSET

Text = str | None
Row = tuple[Text, ...]
Rows = dict[str, list[Row]]
# Where a run of columns is found: the path of the object that holds them, and their keys in it.
Layout = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

OPEN, EVALUATION, AWARDED = "1", "2", "3"  # ids of the catalog estatus: Vigente, Evaluación, Adjudicado

SCHEMES = ("GT-CISP", "GT-GCUC", "GT-NIT", "GT-GCID")

# Statuses by the OCDS code, where a release does not give the literal.
_STATUS_OF_CODE = {"active": OPEN, "complete": AWARDED, "unsuccessful": "5", "withdrawn": "4", "cancelled": "4"}

# Tags that name the kind of event whatever came before; `tender`, `award` and `contract` depend on the order.
_KIND_OF_TAG = {
    "tenderAmendment": "modificacion",
    "tenderCancellation": "anulacion",
    "awardCancellation": "inhabilitacion",
    "awardUpdate": "adjudicacion",
    "contractUpdate": "contrato",
    "contractAmendment": "contrato",
}
_KIND_OF_FIRST = (("award", "adjudicacion"), ("contract", "contrato"))

# Linked releases have url, date and tag; the publisher may add its publishedDate.
_LINKED_PROPERTIES = 4
_JUNK_CHARACTERS = 1000

_NOG = re.compile(r"(?:^|-)(\d{1,18})$")
_TICKS = re.compile(r"-T(\d{15,19})$")
_SUFFIX = re.compile(r"\.([A-Za-z0-9]{1,5})(?:[?#].*)?$")
_EPOCH = datetime(1, 1, 1)  # noqa: DTZ001  # ticks count local time
_LOCAL_SUFFIX = "-06:00"

_CONCURSO: Layout = (
    (("tender",), ("title", "numberOfTenderers", "datePublished")),
    (("tender", "tenderPeriod"), ("endDate",)),
    (("tender", "value"), ("amount", "currency")),
    (("tender", "tenderType"), ("id",)),
    (("tender", "subMethod"), ("id",)),
)
_PARTE: Layout = (
    ((), ("name",)),
    (("memberOf",), ("id",)),
    (("address",), ("streetAddress", "locality", "region", "countryName")),
    (("contactPoint",), ("name", "email", "telephone", "faxNumber")),
    (("details", "type"), ("id", "description")),
    (("details", "entityType"), ("id", "description")),
    (("details", "level"), ("id", "description")),
    (("details", "legalEntityTypeDetail"), ("id", "description")),
)
_CONTACTO: Layout = (((), ("name", "email", "telephone")),)
_RENGLON: Layout = (
    ((), ("id", "description")),
    (("classification",), ("id",)),
    (("unit",), ("name",)),
    (("unit", "value"), ("amount", "currency")),
)
_CARACTERISTICA: Layout = (((), ("id", "name", "value")),)
_DOCUMENTO: Layout = (((), ("id", "documentTypeDetails", "documentType", "title", "url", "format", "datePublished")),)
_OFERTA: Layout = (((), ("id", "date", "status")), (("value",), ("amount", "currency")))
_ADJUDICACION: Layout = (((), ("id", "date", "status", "statusDetails")), (("value",), ("amount", "currency")))
_CONTRATO: Layout = (
    ((), ("id", "awardID", "contractNumber", "dateSigned", "status")),
    (("period",), ("startDate", "endDate")),
    (("value",), ("amount", "currency")),
)


@dataclass
class Process:
    """All that is known of one NOG.

    `compiled`: its compiled release, where there is one. `releases`: linked (url, date, tag) and embedded releases, in
    any order. `junk`: what stood in place of a record or release and is no object.
    """

    ocid: Text = None
    compiled: Any = None
    releases: list[Any] = field(default_factory=list)
    junk: list[Any] = field(default_factory=list)


def gather(units: Iterable[Any]) -> Process:
    """One NOG's records, compiled releases and releases (decoded JSON; the latest record last) as one process.

    Of several records the last gives the state and the linked releases; of releases with one id the last is taken.
    """
    process = Process()
    loose: list[Any] = []
    for unit in units:
        if not isinstance(unit, dict):
            process.junk.append(unit)
            continue
        process.ocid = text(unit.get("ocid")) or process.ocid
        if is_record(unit) or "compiledRelease" in unit:
            process.compiled = unit.get("compiledRelease")
            process.releases = _elements(unit.get("releases"))
        elif is_compiled_release(unit):
            process.compiled, process.releases = unit, []
        else:
            loose.append(unit)
    if loose:
        known = {_release_id(release): release for release in loose}
        process.releases = [release for release in process.releases if _release_id(release) not in known]
        process.releases += known.values()
    return process


def invert(processes: Iterable[Process]) -> dict[str, pl.DataFrame]:
    """Rows of the nine contract tables: for each a frame of its columns, all String, rows in the order given."""
    rows: Rows = {name: [] for name in TABLES}
    for process in processes:
        _invert_one(process, rows)
    return {name: _frame(name, found) for name, found in rows.items()}


def _frame(name: str, rows: list[Row]) -> pl.DataFrame:
    schema = dict.fromkeys(TABLES[name].schema, pl.String())
    values = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pl.DataFrame(dict(zip(schema, values, strict=True)), schema=schema)


def _invert_one(process: Process, rows: Rows) -> None:
    for junk in process.junk:
        rows["concursos"].append(_row("concursos", descripcion=_clip(junk)))
    if process.junk and not process.ocid and not process.compiled and not process.releases:
        return
    state = _state(process)
    nog = nog_of(process.ocid or state.get("ocid"), _at(state, "tender", "id"))
    parties = _Parties(state)
    events = list(_events(nog, process, state))
    rows["eventos"] += events
    rows["concursos"].append(_concurso(nog, process, state, parties))
    rows["partes"] += parties.rows(nog)
    _items(nog, state, rows)
    _bids(nog, state, parties, rows)
    _awards(nog, process, state, parties, rows)
    _contracts(nog, state, rows)
    for document in _objects(_at(state, "tender", "documents")):
        rows["documentos"].append(_document(nog, None, document))


# Values.


def text(value: Any) -> Text:
    """The text of a JSON value: strings as they are, null as None, objects and lists as JSON."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return msgspec.json.encode(value).decode()


def local_time(value: Any) -> Text:
    """A date-time as local wall-clock text without offset, other offsets converted; the unreadable as it came."""
    given = text(value)
    if given is None:
        return None
    if given.endswith(_LOCAL_SUFFIX) and len(given) >= 25 and given[10] == "T":
        return given[: -len(_LOCAL_SUFFIX)]
    try:
        moment = datetime.fromisoformat(given.strip())
        if moment.tzinfo is None:
            return given
        return moment.astimezone(UTC_OFFSET).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError):
        return given


def usable(local: Text) -> bool:
    """Whether local text is a readable time within PLAUSIBLE_YEARS, which a month can be told from."""
    if not local:
        return False
    try:
        return PLAUSIBLE_YEARS[0] <= datetime.fromisoformat(local.strip()).year <= PLAUSIBLE_YEARS[1]
    except ValueError:
        return False


def month_of(local: Text) -> Text:
    """`YYYY-MM` of a usable local time, else None."""
    return f"{datetime.fromisoformat(local.strip()):%Y-%m}" if local and usable(local) else None


def ticks_time(release_id: Text) -> Text:
    """The local time in a release id or its url (`...-T<ticks>`, 100 ns since year 1), all seven digits; else None."""
    match = _TICKS.search(release_id) if release_id else None
    if not match:
        return None
    seconds, fraction = divmod(int(match[1]), 10**7)
    try:
        return f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()}.{fraction:07d}"
    except OverflowError:
        return None


def nog_of(ocid: Any, tender_id: Any = None) -> Text:
    """The NOG that an ocid (`ocds-xqjsxa-<NOG>`) or else a tender id (`GT-NOG-<NOG>`) ends in; else the id as it came.

    What came is given so that the arrival checks can name it, marked where it would read as another number.
    """
    for given in (text(ocid), text(tender_id)):
        match = _NOG.search(given.strip()) if given else None
        if match:
            return str(int(match[1]))
    given = text(ocid) or text(tender_id)
    return f"ocid {given}" if given and _is_number(given) else given


def _is_number(given: str) -> bool:
    try:
        float(given)
    except ValueError:
        return False
    return True


def _clip(value: Any) -> Text:
    given = text(value)
    return given and given[:_JUNK_CHARACTERS]


def _at(node: Any, *path: str) -> Any:
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _elements(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; a lone object counts as a list of one, and what is no object as one with that id."""
    return [item if isinstance(item, dict) else {"id": item} for item in _elements(value) if item is not None]


def _texts(value: Any) -> list[str]:
    """The texts of a list, or of a lone value; empty ones left out."""
    return [found for found in map(text, _elements(value)) if found]


def _first(value: Any) -> dict[str, Any]:
    return next(iter(_objects(value)), {})


def _read(node: dict[str, Any], layout: Layout) -> list[Text]:
    """The texts of a layout's keys. A plain value in place of an object is read as the first of its keys."""
    values: list[Text] = []
    for path, keys in layout:
        here: Any = node
        for step in path:
            here = here.get(step) if isinstance(here, dict) else None
        if isinstance(here, list):
            here = next((entry for entry in here if isinstance(entry, dict)), here or None)
        if isinstance(here, dict):
            for key in keys:
                value = here.get(key)
                values.append(value if value is None or type(value) is str else text(value))
        else:
            values += [text(here), *[None] * (len(keys) - 1)]
    return values


def _row(table: str, **values: Text) -> Row:
    return tuple(values.get(name) for name in TABLES[table].schema)


# Codes. A literal that no catalog has is passed on as it came: the arrival checks reject it by name.


def _normal(literal: str) -> str:
    """Compared without white space and case: the publisher writes `(Art.43` where the policy has `(Art. 43`."""
    return re.sub(r"\s+", "", literal).casefold()


@cache
def _ids(catalog: str) -> dict[str, str]:
    """Ids of a catalog by its names and, before them, its published literals, normalised."""
    columns = [column for column in ("name", "literal") if column in catalogs.table(catalog).columns]
    pairs = [pair for column in columns for pair in catalogs.mapping(catalog, column, "id").items()]
    return {_normal(name): str(number) for name, number in pairs}


@cache
def _literals(catalog: str, tabla: Text = None) -> dict[str, str]:
    """Guatecompras' literals by OCDS code (of `estados`, one table's)."""
    rows = catalogs.table(catalog)
    if tabla:
        rows = rows.filter(pl.col("tabla") == tabla)
    return dict(zip(rows["code"].to_list(), rows["literal"].to_list(), strict=True))


@cache
def _document_literals() -> frozenset[str]:
    return frozenset(_normal(literal) for literal in catalogs.table("tipos_documento")["literal"].to_list())


def _id_of(catalog: str, literal: Text) -> Text:
    return _ids(catalog).get(_normal(literal), literal) if literal else None


def _status(release: dict[str, Any]) -> Text:
    """Catalog id of a release's status: of statusDetails, else of the OCDS code; None when it gives neither."""
    literal, code = text(_at(release, "tender", "statusDetails")), text(_at(release, "tender", "status"))
    return _id_of("estatus", literal) or (_STATUS_OF_CODE.get(code, code) if code else None)


# The state: what a NOG is now.


def fold(older: Any, newer: Any) -> Any:
    """Two snapshots as one: the newer value wins, list entries are matched by id, and nothing older is dropped."""
    if newer is None:
        return older
    if isinstance(older, dict) and isinstance(newer, dict):
        merged = dict(older)
        for key, value in newer.items():
            merged[key] = fold(merged.get(key), value)
        return merged
    if isinstance(older, list) and isinstance(newer, list):
        if not all(isinstance(item, dict) and item.get("id") is not None for item in [*older, *newer]):
            return newer or older
        entries = {text(item["id"]): item for item in older}
        for item in newer:
            entries[text(item["id"])] = fold(entries.get(text(item["id"])), item)
        return list(entries.values())
    return newer


def _embedded(release: Any) -> bool:
    return isinstance(release, dict) and not is_linked_release(release, _LINKED_PROPERTIES)


def _release_id(release: Any) -> Text:
    """`GT-NOG-<NOG>-T<ticks>`: an embedded release's id, or the end of a linked one's url."""
    if not isinstance(release, dict):
        return _clip(release)
    given = text(release.get("id"))
    address = text(release.get("url"))
    return given or (address.rstrip("/").rsplit("/", 1)[-1] if address else None)


def _when(release: Any) -> tuple[str, str, str]:
    """What releases are put in order by: date, registration, id."""
    happened = local_time(_at(release, "date")) or ""
    registered = ticks_time(_release_id(release)) or local_time(_at(release, "publishedDate")) or ""
    return happened, registered, _release_id(release) or ""


def _state(process: Process) -> dict[str, Any]:
    """The compiled release with the embedded releases after it folded in; without one, all embedded releases folded."""
    compiled = process.compiled
    embedded = sorted(filter(_embedded, process.releases), key=_when)
    if isinstance(compiled, dict):
        state = compiled
        embedded = [release for release in embedded if _when(release)[0] > _when(compiled)[0]]
    else:
        # What is no object cannot be read: its text stays visible as the title.
        state = {} if compiled is None else {"tender": {"title": _clip(compiled)}}
    for release in embedded:
        state = fold(state, release)
    return state


def last_change(dates: Iterable[Any]) -> Text:
    """The latest usable date of those given, local."""
    return max((date for date in map(local_time, dates) if date and usable(date)), default=None)


# Events.


def _events(nog: Text, process: Process, state: dict[str, Any]) -> Iterator[Row]:
    """One event per release, in order; without releases, the publication of the state as it is.

    An embedded release gives its own status. For linked ones only the last status is known (the compiled release's).
    Before it: Adjudicado from the first release tagged `award` on, else Evaluación after the close of offers, else
    Vigente.
    """
    releases = sorted(process.releases, key=_when)
    if not releases and state:
        releases = [{key: state.get(key) for key in ("id", "date", "publishedDate", "tender")}]
    closed = local_time(_at(state, "tender", "tenderPeriod", "endDate"))
    seen: set[str] = set()
    before: Text = None
    for position, release in enumerate(releases):
        tags = set(_texts(_at(release, "tag")))
        happened, registered, release_id = (part or None for part in _when(release))
        is_last = position == len(releases) - 1
        awarded = "award" in tags | seen
        own = _status(release) if _embedded(release) else None
        status = own or (_status(state) if is_last else None) or _guess(awarded, happened, closed)
        kind = _kind(tags, seen, changed=status != before) if position else "publicacion"
        if not registered:
            registered = (local_time(state.get("publishedDate")) if is_last else None) or happened
        yield _row(
            "eventos",
            evento_id=release_id or (f"{process.ocid}-{happened}" if happened else None),
            nog=nog,
            tipo=kind,
            estatus_concurso=status,
            fecha_evento=happened,
            fecha_registro=registered,
        )
        seen |= tags
        before = status


def _guess(awarded: bool, happened: Text, closed: Text) -> str:
    if awarded:
        return AWARDED
    return EVALUATION if happened and closed and happened > closed else OPEN


def _kind(tags: set[str], seen: set[str], changed: bool) -> str:
    """The kind of an event that is not the first."""
    for tag, kind in _KIND_OF_FIRST:
        if tag in tags and tag not in seen:
            return kind
    for tag, kind in _KIND_OF_TAG.items():
        if tag in tags:
            return kind
    return "cambio_estatus" if changed else "modificacion"


# The tables.


def _concurso(nog: Text, process: Process, state: dict[str, Any], parties: "_Parties") -> Row:
    title, tenderers, published, closed, amount, currency, kind, sub_method = _read(state, _CONCURSO)
    tender = state.get("tender")
    codes = _literals("objetos")
    main = text(_at(tender, "mainProcurementCategory"))
    others = [codes.get(other, other) for other in _texts(_at(tender, "additionalProcurementCategories"))]
    methods = _texts(_at(tender, "submissionMethod"))
    categories = [text(category.get("id")) or "" for category in _objects(_at(tender, "categories"))]
    dates = [state.get("date"), *(_at(release, "date") for release in process.releases)]
    entity, unit = parties.buyer_numbers()
    return _row(
        "concursos",
        nog=nog,
        descripcion=title,
        entidad_compradora=entity,
        unidad_compradora=unit,
        modalidad=_id_of("modalidades", text(_at(tender, "procurementMethodDetails"))),
        sub_modalidad=sub_method,
        tipo_concurso=kind,
        recepcion_ofertas=_literals("recepcion").get(methods[0], methods[0]) if methods else None,
        categorias=",".join(categories) or None,
        objeto=codes.get(main, main) if main else None,
        objetos_adicionales=",".join(others) or None,
        numero_oferentes=tenderers,
        valor_estimado=amount,
        moneda=currency,
        fecha_publicacion=local_time(published),
        fecha_cro=local_time(closed),
        estatus_concurso=_status(state),
        fecha_actualizacion=last_change(dates) or local_time(state.get("publishedDate")) or local_time(published),
    )


class _Parties:
    """The organisations of one state: their rows, and the references to them under the contract's party ids."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.parties = [(*_identity(party), party) for party in _objects(state.get("parties"))]
        # Ids as published -> `scheme-id`, the form that offers and awards use (OCDS 1.0 input has hashes for ids).
        self.names = {
            given: f"{scheme}-{identity}"
            for scheme, identity, party in self.parties
            if (given := text(party.get("id"))) and scheme in SCHEMES and identity
        }

    def reference(self, organisation: dict[str, Any]) -> Text:
        given = text(organisation.get("id"))
        return self.names.get(given, given) if given else None

    def buyer_numbers(self) -> tuple[Text, Text]:
        """Entity and unit numbers, from the unit's `GT-GCUC-<entity>-<unit>`; unit 0 is the entity itself."""
        number = self._buyer("GT-GCUC")
        entity, _, unit = (number or "").partition("-")
        return entity or None, unit or "0"

    def _buyer(self, wanted: str) -> Text:
        """Identifier of the party of a scheme that buys (by its role, else the first of the scheme)."""
        found = [(identity, party) for scheme, identity, party in self.parties if scheme == wanted]
        buying = [identity for identity, party in found if "buyer" in _elements(party.get("roles"))]
        return next(iter(buying), None) or next((identity for identity, _ in found), None)

    def rows(self, nog: Text) -> Iterator[Row]:
        entity = self._buyer("GT-CISP")
        buyer_scheme, buyer_id = _identity(_first(self.state.get("buyer")))
        known = {(scheme, identity) for scheme, identity, _ in self.parties}
        unlisted = buyer_id if buyer_scheme == "GT-NIT" and (buyer_scheme, buyer_id) not in known else None
        for scheme, identity, party in self.parties:
            others = map(_named, _objects(party.get("additionalIdentifiers")))
            nit = next((number for kind, number in others if kind == "GT-NIT"), None)
            if scheme == "GT-CISP" and identity == entity:
                nit = nit or unlisted
            yield _party_row(nog, scheme, identity, nit, party)
        for organisation in self._unlisted(with_buyer=entity is None):
            scheme, identity = _identity(organisation)
            if (scheme, identity) not in known and text(organisation.get("id")) not in self.names:
                known.add((scheme, identity))
                yield _party_row(nog, scheme, identity, None, organisation)

    def _unlisted(self, with_buyer: bool) -> Iterator[dict[str, Any]]:
        """Organisations that are referred to by name and may be missing from `parties`."""
        if with_buyer:
            yield from _objects(self.state.get("buyer"))
        yield from _objects(_at(self.state, "tender", "tenderers"))
        for bid in _objects(_at(self.state, "bids", "details")):
            yield from _objects(bid.get("tenderers"))
        for award in _objects(self.state.get("awards")):
            yield from _objects(award.get("suppliers"))


def _named(identifier: dict[str, Any]) -> tuple[Text, Text]:
    return text(identifier.get("scheme")), text(identifier.get("id"))


def _identity(party: dict[str, Any]) -> tuple[Text, Text]:
    """Scheme and identifier: as the party states them, else as its id (`GT-NIT-7894880`) implies."""
    scheme, identity = _named(_first(party.get("identifier")))
    given = text(party.get("id"))
    if not scheme or not identity:
        implied = next((known for known in SCHEMES if given and given.startswith(f"{known}-")), None)
        if implied and given:
            return implied, given[len(implied) + 1 :]
        return scheme, identity or given
    return scheme, identity


def _party_row(nog: Text, scheme: Text, identity: Text, nit: Text, party: dict[str, Any]) -> Row:
    name, member_of, *rest = _read(party, _PARTE)
    contacts = [
        dict(zip(("nombre", "correo", "telefono"), _read(contact, _CONTACTO), strict=True))
        for contact in _objects(party.get("additionalContactPoints"))
    ]
    listed = text(contacts) if contacts else None
    # Up to the contacts the layout is in the contract's order; so are the details after them.
    return (nog, scheme, identity, name, nit, member_of, *rest[:8], listed, *rest[8:])


def _items(nog: Text, state: dict[str, Any], rows: Rows) -> None:
    for position, item in enumerate(_objects(_at(state, "tender", "items")), 1):
        item_id, description, unspsc, *unit_and_price = _read(item, _RENGLON)
        row = (nog, item_id, str(position), description, unspsc, _quantity(item), *unit_and_price)
        rows["renglones"].append(row)
        for place, attribute in enumerate(_objects(item.get("attributes")), 1):
            attribute_id, name, value = _read(attribute, _CARACTERISTICA)
            rows["caracteristicas"].append((nog, item_id, attribute_id, str(place), name, value))


def _quantity(item: dict[str, Any]) -> Text:
    """The API's releases give a number or, in some versions, `{"source": "270.0", "parsedValue": 270}`."""
    given = item.get("quantity")
    if isinstance(given, dict):
        return text(given["source"] if given.get("source") is not None else given.get("parsedValue")) or text(given)
    return text(given)


def _bids(nog: Text, state: dict[str, Any], parties: _Parties, rows: Rows) -> None:
    words = _literals("estados", "ofertas")
    for bid in _objects(_at(state, "bids", "details")):
        bid_id, date, status, amount, currency = _read(bid, _OFERTA)
        word = words.get(status, status) if status else None
        # Officially one tenderer a bid; of more, the arrival checks keep one and name the others.
        for tenderer in _objects(bid.get("tenderers")) or [{}]:
            rows["ofertas"].append((nog, bid_id, parties.reference(tenderer), amount, currency, local_time(date), word))


def _awards(nog: Text, process: Process, state: dict[str, Any], parties: _Parties, rows: Rows) -> None:
    changes = _status_dates(process)
    for award in _objects(state.get("awards")):
        award_id, date, status, details, amount, currency = _read(award, _ADJUDICACION)
        word = _award_word(status, details)
        for supplier in _objects(award.get("suppliers")) or [{}]:
            proveedor, since = parties.reference(supplier), changes.get((award_id, word))
            rows["adjudicaciones"].append((nog, award_id, proveedor, amount, currency, local_time(date), word, since))


def _award_word(status: Text, details: Text) -> Text:
    words = _literals("estados", "adjudicaciones")
    if details and details.strip().lower() in words.values():
        return details.strip().lower()
    return (words.get(status, status) if status else None) or details


def _status_dates(process: Process) -> dict[tuple[Text, Text], Text]:
    """When an award (id, state) took on that state, where embedded releases show another one before it."""
    states: dict[Text, Text] = {}
    dates: dict[tuple[Text, Text], Text] = {}
    for release in sorted(filter(_embedded, process.releases), key=_when):
        for award in _objects(release.get("awards")):
            award_id, _, status, details, *_ = _read(award, _ADJUDICACION)
            word = _award_word(status, details)
            if award_id in states and states[award_id] != word:
                dates[award_id, word] = local_time(release.get("date"))
            states[award_id] = word
    return dates


def _contracts(nog: Text, state: dict[str, Any], rows: Rows) -> None:
    words = _literals("estados", "contratos")
    for contract in _objects(state.get("contracts")):
        contract_id, award, number, signed, status, start, end, amount, currency = _read(contract, _CONTRATO)
        rows["contratos"].append(
            _row(
                "contratos",
                nog=nog,
                contrato_id=contract_id,
                adjudicacion_id=award,
                numero_contrato=number,
                fecha_suscripcion=local_time(signed),
                vigencia_inicio=local_time(start),
                vigencia_fin=local_time(end),
                monto=amount,
                moneda=currency,
                estado=words.get(status, status) if status else None,
            )
        )
        for document in _objects(contract.get("documents")):
            rows["documentos"].append(_document(nog, contract_id, document))


def _document(nog: Text, contract: Text, document: dict[str, Any]) -> Row:
    document_id, details, kind, title, url, form, published = _read(document, _DOCUMENTO)
    # Documents of contracts come without details; their title is the literal that the catalog knows.
    if not details:
        details = title if title and _normal(title) in _document_literals() else kind
    return nog, document_id, contract, details, title, url, _extension(url, form), local_time(published)


def _extension(url: Text, form: Text) -> Text:
    match = _SUFFIX.search(url) if url else None
    if match:
        return match[1]
    return form.rsplit("/", 1)[-1] if form else None
