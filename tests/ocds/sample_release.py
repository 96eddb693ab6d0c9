"""A hand-made release that fills every path of the mapping, its compiled form, and ways to spoil a document."""

import copy
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
Steps = tuple[str | int, ...]

_TIME = "2026-05-01T12:03:14-06:00"


def _document(name: str, kind: str) -> Document:
    return {
        "id": "0A1B2C3D4E5F60718293A4B5C6D7E8F9",
        "documentType": kind,
        "documentTypeDetails": "Bases, especificaciones generales o términos de referencia",
        "title": name,
        "url": "https://www.guatecompras.gt/concursos/files/6020/30095980@Boleta%20de%20SNIP.pdf",
        "format": "application/pdf",
        "language": "es",
        "datePublished": "2026-05-01T12:03:11.1234567-06:00",
    }


def _party(scheme: str, number: str, name: str, *roles: str) -> Document:
    return {
        "id": f"{scheme}-{number}",
        "name": name,
        "identifier": {"scheme": scheme, "id": number, "legalName": name},
        "roles": list(roles),
    }


def release() -> Document:
    entity = _party("GT-CISP", "12101609", "MUNICIPALIDAD DE SAN PEDRO CARCHÁ", "buyer") | {
        "additionalIdentifiers": [{"scheme": "GT-NIT", "id": "4132726"}],
        "details": {
            "type": {"id": "1", "description": "Sector Público"},
            "entityType": {"id": "6", "description": "Gobiernos Locales"},
            "level": {"id": "59", "description": "Municipalidad"},
        },
    }
    unit = _party("GT-GCUC", "409-2", "DIRECCIÓN DE OBRAS", "procuringEntity") | {
        "memberOf": [{"id": "GT-CISP-12101609", "name": "MUNICIPALIDAD DE SAN PEDRO CARCHÁ"}],
        "address": {
            "streetAddress": "1a. calle 2-33, zona 1",
            "locality": "SAN PEDRO CARCHÁ",
            "region": "ALTA VERAPAZ",
            "countryName": "GUATEMALA",
        },
        "contactPoint": {
            "name": "Compras",
            "email": "compras@example.gt",
            "telephone": "7950 0000",
            "faxNumber": "7950 0001",
        },
        "additionalContactPoints": [{"name": "Obras", "email": "obras@example.gt", "telephone": "7950 0002"}],
    }
    supplier = _party("GT-NIT", "7894880", "CONSTRUCTORA, SOCIEDAD ANÓNIMA", "tenderer", "supplier") | {
        "details": {"legalEntityTypeDetail": {"id": "2", "description": "SOCIEDAD ANÓNIMA"}}
    }
    reference = {"id": "GT-NIT-7894880", "name": "CONSTRUCTORA, SOCIEDAD ANÓNIMA"}
    return {
        "ocid": "ocds-xqjsxa-30095980",
        "id": "GT-NOG-30095980-T639132804262184908",
        "date": _TIME,
        "publishedDate": "2026-05-02T01:00:26.218-06:00",
        "tag": ["contract"],
        "language": "es",
        "initiationType": "tender",
        "sources": [{"id": "GUATECOMPRAS", "name": "Sistema Guatecompras", "url": "https://www.guatecompras.gt"}],
        "dataSegmentation": {"id": "2026-05", "criteria": ["añoPublicaciónConvocatoria", "mesPublicaciónConvocatoria"]},
        "parties": [entity, unit, supplier],
        "buyer": {"id": "GT-CISP-12101609", "name": "MUNICIPALIDAD DE SAN PEDRO CARCHÁ"},
        "tender": {
            "id": "GT-NOG-30095980",
            "title": "MEJORAMIENTO DE CALLE",
            "status": "complete",
            "statusDetails": "Adjudicado",
            "datePublished": "2026-05-01T12:03:11-06:00",
            "procuringEntity": {"id": "GT-GCUC-409-2", "name": "DIRECCIÓN DE OBRAS"},
            "procurementMethod": "direct",
            "procurementMethodDetails": "Procedimientos Regulados por el artículo 44 LCE (Casos de Excepción)",
            "procurementMethodRationale": "Artículo 44 de la Ley de Contrataciones del Estado: casos de excepción",
            "mainProcurementCategory": "works",
            "additionalProcurementCategories": ["goods"],
            "categories": [{"id": "3", "description": "Construcción y materiales afines"}],
            "tenderType": {"id": "1", "description": "Público"},
            "subMethod": {"id": "22", "description": "Contratación de Servicios Básicos (Art. 44 inciso g)"},
            "submissionMethod": ["electronicSubmission"],
            "tenderPeriod": {"startDate": "2026-05-01T12:03:11-06:00", "endDate": "2026-05-12T10:00:00-06:00"},
            "value": {"amount": 90000.5, "currency": "GTQ"},
            "numberOfTenderers": 1,
            "tenderers": [reference],
            "items": [
                {
                    "id": "0123456789ABCDEF0123456789ABCDEF",
                    "description": "Concreto",
                    "classification": {"scheme": "UNSPSC", "id": "30111505"},
                    "quantity": 12.25,
                    "unit": {"name": "Metro cúbico", "value": {"amount": 850, "currency": "GTQ"}},
                    "attributes": [{"id": "FEDCBA9876543210", "name": "Resistencia", "value": "4000 psi"}],
                }
            ],
            "documents": [_document("Bases", "biddingDocuments")],
        },
        "bids": {
            "details": [
                {
                    "id": "AA00",
                    "date": "2026-05-12T09:00:00-06:00",
                    "status": "valid",
                    "tenderers": [reference],
                    "value": {"amount": 89960, "currency": "GTQ"},
                }
            ]
        },
        "awards": [
            {
                "id": "GT-ADJ-30095980-7894880",
                "title": "MEJORAMIENTO DE CALLE",
                "status": "active",
                "statusDetails": "Habilitado",
                "date": "2026-05-20T15:00:00-06:00",
                "value": {"amount": 89960, "currency": "GTQ"},
                "suppliers": [reference],
            }
        ],
        "contracts": [
            {
                "id": "NOG-30095980-CON-AA01",
                "awardID": "GT-ADJ-30095980-7894880",
                "title": "MEJORAMIENTO DE CALLE",
                "contractNumber": "DAJ-040-2026",
                "status": "active",
                "statusDetails": "Vigente",
                "dateSigned": "2026-06-01T00:00:00-06:00",
                "period": {"startDate": "2026-06-02T00:00:00-06:00", "endDate": "2026-12-31T23:59:59-06:00"},
                "value": {"amount": 89960, "currency": "GTQ"},
                "documents": [_document("Contrato", "contractSigned")],
            }
        ],
    }


def compiled() -> Document:
    return release() | {"id": f"ocds-xqjsxa-30095980-{_TIME}", "tag": ["compiled"]}


def nodes(value: Any, steps: Steps = ()) -> Iterator[Steps]:
    """Where each value in a document is, the document itself first."""
    yield steps
    if isinstance(value, dict):
        for key, child in value.items():
            yield from nodes(child, (*steps, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from nodes(child, (*steps, index))


def path(steps: Steps) -> str:
    """The mapping's path of a place: no array positions."""
    return "/".join(step for step in steps if isinstance(step, str))


def at(document: Any, steps: Steps) -> Any:
    for step in steps:
        document = document[step]
    return document


# What any value may be replaced by: nothing, other types, empty, near misses of dates, addresses, codes and numbers.
REPLACEMENTS: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.0,
    -0.5,
    10**25,
    1e308,
    "",
    " ",
    "x",
    "0",
    [],
    {},
    [None],
    [[]],
    [{}],
    [""],
    ["x"],
    [1],
    {"x": 1},
    {"id": "x"},
    {"id": None},
    [{"id": 1}],
)
DATES = (
    "2026-05-01",
    "2026-05-01T12:03:14",
    "2026-05-01T12:03:14Z",
    "2026-05-01T12:03:14-05:00",
    "2026-05-01t12:03:14-06:00",
    "2026-05-01 12:03:14-06:00",
    "2026-05-01T24:00:00-06:00",
    "2026-12-31T23:59:60-06:00",
    "2026-02-29T00:00:00-06:00",
    "2026-13-01T00:00:00-06:00",
    "2026-00-10T00:00:00-06:00",
    "2026-10-00T00:00:00-06:00",
    "2026-06-31T00:00:00-06:00",
    "0001-01-01T00:00:00-06:00",
    "0000-01-01T00:00:00-06:00",
    "2026-05-01T12:03:14.-06:00",
    "2026-05-01T12:03:14.1234567890-06:00",
    "2026-05-01T12:03:14-06:00\n",
    "２０２６-05-01T12:03:14-06:00",
)
URLS = (
    "no",
    "/a/b",
    "//example.gt/a",
    "http://",
    "http:///a",
    "http://example.gt/a b",
    "http://example.gt/ñ",
    "http://example.gt/%zz",
    "http://example.gt/<a>",
    "http://example.gt/[a]",
    "http://example.gt/a\n",
    "http://[::1",
    "http://user@example.gt/",
    "ftp://example.gt/a",
    "javascript:alert(1)",
    "http://example.gt:99999999/",
    "http://example.gt/#a#b",
    "http://example.gt/?a=[1]",
    "http://example.gt\\a",
    "http://example.gt/{a}|b^`c",
)


def mutations(document: Document) -> Iterator[tuple[Steps, Any]]:
    """The document spoilt (or just changed) in one place at a time, over every value in it: where, and the result."""
    for steps in nodes(document):
        if not steps:
            continue
        old = at(document, steps)
        new: list[Any] = [value for value in REPLACEMENTS if value != old or type(value) is not type(old)]
        if isinstance(old, str):
            new += [old + "\n", old.upper(), old.lower(), "\t" + old]
            new += DATES if "T" in old and old.endswith("-06:00") else ()
            new += URLS if old.startswith("http") else ()
        elif isinstance(old, list):
            new += [[*old, old[0]], [*old, None], [*old, 1], [*old, {}]]
        elif isinstance(old, dict):
            new += [old | {"nuevo": "x"}, old | {"title_es": "x"}, {}]
        else:
            new += [str(old), -old]
        for value in new:
            spoilt = copy.copy(document)
            _put(spoilt, steps, value)
            yield steps, spoilt
        spoilt = copy.copy(document)
        _put(spoilt, steps, _GONE)
        yield steps, spoilt


_GONE = object()


def _put(document: Document, steps: Steps, value: Any) -> None:
    """Set or take out one value, copying only the containers on the way there."""
    place: Any = document
    for step in steps[:-1]:
        place[step] = copy.copy(place[step])
        place = place[step]
    if value is _GONE:
        del place[steps[-1]]
    else:
        place[steps[-1]] = value
