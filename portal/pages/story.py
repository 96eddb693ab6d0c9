"""What each release of a concurso brought, in words: the timeline of its page. A function of the releases, oldest first.

Each release tells the whole of what was public after its event, but for a correction, which tells what it corrects.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.pages.spanish import count, day, money, time_of

Json = dict[str, Any]

# A release's tag -> what happened; of several tags the last one says most.
_HAPPENED = {
    "tender": "Se publicó la convocatoria",
    "tenderAmendment": "Se modificó la convocatoria",
    "tenderUpdate": "Se actualizó el concurso",
    "tenderCancellation": "Se anuló el concurso",
    "award": "Se adjudicó",
    "awardUpdate": "Cambió la adjudicación",
    "awardCancellation": "Se anuló la adjudicación",
    "contract": "Se publicó el contrato",
    "contractUpdate": "Se actualizó el contrato",
    "contractAmendment": "Se modificó el contrato",
    "contractTermination": "Terminó el contrato",
}
_NAMED_DOCUMENTS = 3  # kinds of documents that a step names


@dataclass(frozen=True)
class Step:
    """One release: when, what happened, what came with it; `id` leads to the release itself."""

    id: str
    date: str
    title: str
    news: tuple[str, ...]


class _Public:
    """What is public up to a release: single values, and the entries of lists by their id."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.entries: dict[str, dict[str, Json]] = {name: {} for name in _LISTS}

    def next(self, release: Json) -> "_Public":
        """With what a release tells; what it does not name stays."""
        after = _Public()
        after.values = self.values | {name: told for name, get in _VALUES.items() if (told := get(release)) is not None}
        for name, get in _LISTS.items():
            after.entries[name] = self.entries[name] | {str(entry.get("id")): entry for entry in get(release)}
        return after


def _tender(release: Json) -> Json:
    return release.get("tender") or {}


_VALUES: Mapping[str, Callable[[Json], Any]] = {
    "status": lambda release: _tender(release).get("statusDetails"),
    "title": lambda release: _tender(release).get("title"),
    "closes": lambda release: (_tender(release).get("tenderPeriod") or {}).get("endDate"),
    "estimated": lambda release: (_tender(release).get("value") or {}).get("amount"),
}
_LISTS: Mapping[str, Callable[[Json], list[Json]]] = {
    "items": lambda release: _tender(release).get("items") or [],
    "documents": lambda release: _tender(release).get("documents") or [],
    "bids": lambda release: (release.get("bids") or {}).get("details") or [],
    "awards": lambda release: release.get("awards") or [],
    "contracts": lambda release: release.get("contracts") or [],
}


def names(parties: Iterable[Json]) -> str:
    return ", ".join(party.get("name") or party.get("id") or "" for party in parties)


def amount(entry: Json) -> str:
    """` por Q1.00` where the entry has a value, else nothing."""
    value = entry.get("value") or {}
    return f" por {money(value['amount'], value.get('currency'))}" if value.get("amount") is not None else ""


def _moved(before: _Public, after: _Public) -> list[str]:
    """Single values that are not what they were."""
    told = []
    if after.values.get("title") != before.values.get("title"):
        told.append("Cambió la descripción del concurso")
    old, new = before.values.get("closes"), after.values.get("closes")
    if new != old:
        moved = f"El cierre de ofertas pasó del {time_of(old)} al {time_of(new)}"
        told.append(moved if old else f"Cierre de ofertas: {time_of(new)}")
    if after.values.get("estimated") != before.values.get("estimated"):
        told.append(f"Monto estimado: {money(after.values['estimated'])}")
    return told


def _opened(first: Json, public: _Public) -> list[str]:
    """What the first release holds."""
    told = [count(len(public.entries["items"]), "renglón", "renglones")]
    if public.values.get("closes"):
        told.append(f"Ofertas hasta el {time_of(public.values['closes'])}")
    if public.values.get("estimated") is not None:
        told.append(
            f"Monto estimado: {money(public.values['estimated'], (_tender(first).get('value') or {}).get('currency'))}"
        )
    return told


def _documents(new: list[Json]) -> list[str]:
    if not new:
        return []
    kinds = list(dict.fromkeys(entry.get("documentTypeDetails") or entry.get("title") or "sin tipo" for entry in new))
    more = len(kinds) - _NAMED_DOCUMENTS
    listed = "; ".join(kinds[:_NAMED_DOCUMENTS]) + (f" y {count(more, 'tipo más', 'tipos más')}" if more > 0 else "")
    return [f"{count(len(new), 'documento nuevo', 'documentos nuevos')}: {listed}"]


def _bids(new: list[Json]) -> list[str]:
    if not new:
        return []
    amounts = [entry["value"]["amount"] for entry in new if (entry.get("value") or {}).get("amount") is not None]
    lowest = (
        f"; la menor, de {money(min(amounts))}" if len(amounts) > 1 else f", de {money(amounts[0])}" if amounts else ""
    )
    return [f"{count(len(new), 'oferta recibida', 'ofertas recibidas')}{lowest}"]


def _awards(new: list[Json], before: dict[str, Json]) -> list[str]:
    told = []
    for entry in new:
        known, who = before.get(str(entry.get("id"))), names(entry.get("suppliers") or [])
        if entry.get("status") == "cancelled":
            told.append(f"Se anuló la adjudicación a {who}{amount(entry)}")
        else:
            told.append(f"{'Cambió la adjudicación' if known else 'Adjudicado'} a {who}{amount(entry)}")
    return told


def _contracts(new: list[Json]) -> list[str]:
    told = []
    for entry in new:
        signed = f", firmado el {day(entry['dateSigned'])}" if entry.get("dateSigned") else ""
        told.append(f"Contrato {entry.get('contractNumber') or 'sin número informado'}{amount(entry)}{signed}")
    return told


def _news(release: Json, before: _Public | None, after: _Public) -> list[str]:
    def other(name: str) -> list[Json]:
        old = before.entries[name] if before else {}
        return [entry for key, entry in after.entries[name].items() if old.get(key) != entry]

    old_documents = before.entries["documents"] if before else {}
    fresh = [entry for entry in after.entries["documents"].values() if str(entry.get("id")) not in old_documents]
    old_bids = before.entries["bids"] if before else {}
    bids = [entry for entry in after.entries["bids"].values() if str(entry.get("id")) not in old_bids]
    return [
        *(_moved(before, after) if before else _opened(release, after)),
        *_documents(fresh),
        *_bids(bids),
        *_awards(other("awards"), before.entries["awards"] if before else {}),
        *_contracts(other("contracts")),
    ]


def _title(release: Json, before: _Public | None, after: _Public) -> str:
    tags = release.get("tag") or []
    happened = next((_HAPPENED[tag] for tag in reversed(tags) if tag in _HAPPENED), "Se publicó una novedad")
    old, new = (before.values.get("status") if before else None), after.values.get("status")
    if not old or old == new:
        return happened
    # That a concurso moved on says more than that it was updated.
    return f"Pasó de {old} a {new}" if happened == _HAPPENED["tenderUpdate"] else f"{happened}: pasó de {old} a {new}"


def steps(releases: Iterable[Json]) -> list[Step]:
    """The timeline, oldest first."""
    told, before = [], None
    for release in releases:
        after = (before or _Public()).next(release)
        news = tuple(_news(release, before, after))
        told.append(Step(release["id"], release["date"], _title(release, before, after), news))
        before = after
    return told
