"""The Guatecompras profile of OCDS 1.1 as JSON Schemas, codelists and extension definitions, made from the mapping.

Stricter than the standard: closed to unknown fields, no nulls, nothing empty, one time offset, codes checked. Only a
correction, the release that says what was edited without an event, may have nulls and entries cut short. Whatever
the official schema refuses this one refuses too, and lists merge by the same rules (both tested against the official
files). Checking documents against it is `validation.py`; what each field means and comes from is `mapping.py`.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from guatecompras import catalogs
from guatecompras.formats.archive import ZipWriter
from guatecompras.ocds.mapping import Field, fields

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-04/schema#"
EXTENSIONS = Path(__file__).parents[1] / "data" / "extensions"
OCID_PREFIX = "ocds-xqjsxa"

_NOG = "[1-9][0-9]*"
# All times carry Guatemala's offset: releases are put in order by comparing these texts. The years are those of
# contract.PLAUSIBLE_YEARS.
_TIME = r"(199[0-9]|20[0-9]{2})-[01][0-9]-[0-3][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?-06:00"
_PCHAR = r"[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}"
DATE_TIME_PATTERN = f"^{_TIME}$"
# Web addresses of RFC 3986 without user names; written out because format checkers differ at the edges.
URL_PATTERN = rf"^https?://[A-Za-z0-9._~-]+(:[0-9]{{1,5}})?(/({_PCHAR})*)?(\?({_PCHAR}|\?)*)?(#({_PCHAR}|\?)*)?$"

_FORMAT_PATTERNS = {"date-time": DATE_TIME_PATTERN, "uri": URL_PATTERN}
_PATTERNS = {
    "ocid": f"^{OCID_PREFIX}-{_NOG}$",
    "id": f"^GT-NOG-{_NOG}-T[0-9]{{18}}$",  # .NET ticks have 18 digits from year 317 to 3169
    "tender/id": f"^GT-NOG-{_NOG}$",
    "dataSegmentation/id": "^20[0-9]{2}-(0[1-9]|1[0-2])$",
}
_COMPILED_ID = f"^{OCID_PREFIX}-{_NOG}-{_TIME}$"

# How ocdsmerge treats a field where its default is not meant. Everything but tender/categories is as in the official
# schemas; that list is this project's own, and a category taken out of a concurso must leave the compiled release.
_MERGE = {
    "id": "omitWhenMerged",
    "date": "omitWhenMerged",
    "tag": "omitWhenMerged",
    "parties/additionalIdentifiers": "wholeListMerge",
    "parties/additionalContactPoints": "wholeListMerge",
    "tender/categories": "wholeListMerge",
}

_TAGS = (
    "planning",
    "planningUpdate",
    "tender",
    "tenderAmendment",
    "tenderUpdate",
    "tenderCancellation",
    "award",
    "awardUpdate",
    "awardCancellation",
    "contract",
    "contractUpdate",
    "contractAmendment",
    "implementation",
    "implementationUpdate",
    "contractTermination",
)
_CLOSED: dict[str, tuple[str, ...]] = {
    "releaseTag": _TAGS,
    "initiationType": ("tender",),
    "tenderStatus": ("planning", "planned", "active", "cancelled", "unsuccessful", "complete", "withdrawn"),
    "method": ("open", "selective", "limited", "direct"),
    "procurementCategory": ("goods", "works", "services"),
    "awardStatus": ("pending", "active", "cancelled", "unsuccessful"),
    "contractStatus": ("pending", "active", "cancelled", "terminated"),
    "bidStatus": ("invited", "pending", "valid", "disqualified", "withdrawn"),
}

_PARTY_ROLES = ("buyer", "procuringEntity", "tenderer", "supplier")
_BID_STATUS = ("Invitada", "Pendiente", "Válida", "Descalificada", "Retirada")
_PARTY_SCHEMES = (
    ("GT-CISP", "Entidad, según el Clasificador Institucional del Sector Público"),
    ("GT-GCUC", "Unidad compradora de Guatecompras"),
    ("GT-NIT", "Número de Identificación Tributaria"),
    ("GT-GCID", "Proveedor extranjero, según Guatecompras"),
)


@cache
def closed_codes() -> dict[str, tuple[str, ...]]:
    """Codelist -> the codes it allows, for the codelists that are closed."""
    return _CLOSED | {"currency": tuple(sorted(catalogs.codes("monedas")))}


# What a list's entry says of itself even where the rest of it is gone, as the standard demands.
_KEYS = frozenset({"id", "awardID"})
# What no correction takes away: what is said of the publication and not of the process, and what the official extension
# defines without null.
_STANDING = ("sources", "dataSegmentation", "contracts/contractNumber")


def _string(field: Field) -> Schema:
    if field.codelist in closed_codes():
        return {"type": "string", "enum": list(closed_codes()[field.codelist])}
    pattern = _PATTERNS.get(field.path) or _FORMAT_PATTERNS.get(field.format)
    schema: Schema = {"type": "string", "minLength": 1}
    if pattern:
        schema["pattern"] = pattern
    if field.format:
        schema["format"] = field.format
    return schema


def _object(children: list[Field], tree: dict[str, list[Field]], corrections: bool) -> Schema:
    schema: Schema = {"type": "object"}
    # The release itself always says which one it is.
    needed = {child.name for child in children if child.required and not (corrections and child.parent)}
    required = [child.name for child in children if child.name in needed | (_KEYS if child.required else set())]
    if required:
        schema["required"] = required
    else:
        schema["minProperties"] = 1
    schema["properties"] = {child.name: _node(child, tree, corrections) for child in children}
    schema["additionalProperties"] = False
    return schema


def _node(field: Field, tree: dict[str, list[Field]], corrections: bool) -> Schema:
    schema: Schema = {"title": field.title, "description": field.description}
    corrections = corrections and not field.path.startswith(_STANDING)
    if field.type == "object":
        schema |= _object(tree[field.path], tree, corrections)
    elif field.type == "array<object>":
        items = _object(tree[field.path], tree, corrections)
        schema |= {"type": "array", "minItems": 1, "uniqueItems": True, "items": items}
    elif field.type == "array<string>":
        schema |= {"type": "array", "minItems": 1, "items": _string(field)}
    elif field.type == "string":
        schema |= _string(field)
    else:
        schema |= {"type": field.type, "minimum": 0}
    if corrections and field.path in clearable():
        schema |= _nullable(schema)
    if field.codelist:
        schema |= {"codelist": f"{field.codelist}.csv", "openCodelist": field.codelist not in closed_codes()}
    if field.path in _MERGE:
        schema[_MERGE[field.path]] = True
    return schema


@cache
def clearable() -> frozenset[str]:
    """The paths of fields that a correction may set to null.

    Those of single values: null clears no object and no list of objects, which lose what they hold.
    """
    values = (field for field in fields() if field.parent and field.type not in ("object", "array<object>"))
    return frozenset(field.path for field in values if field.name not in _KEYS and not field.path.startswith(_STANDING))


def _nullable(schema: Schema) -> Schema:
    also = {"type": [schema["type"], "null"]}
    return also | {"enum": [*schema["enum"], None]} if "enum" in schema else also


def _root(corrections: bool = False) -> Schema:
    tree: dict[str, list[Field]] = defaultdict(list)
    for field in fields():
        tree[field.parent].append(field)
    return _object(tree[""], tree, corrections)


def release_schema(corrections: bool = False) -> Schema:
    """The profile of one release, JSON Schema draft 4 without references, titles and descriptions in Spanish.

    `corrections`: of any release, corrections included; else of those that are made from an event.
    """
    words = {
        "title": "Publicación (release) de Guatecompras",
        "description": "Estado público de un concurso de Guatecompras justo después de un hecho.",
    }
    return {"$schema": DRAFT} | words | _root(corrections)


def compiled_schema() -> Schema:
    """The profile of one compiled release: as `release_schema()`, with its own id and the only tag `compiled`."""
    words = {
        "title": "Publicación compilada (compiled release) de Guatecompras",
        "description": "Último estado público conocido de un concurso de Guatecompras.",
    }
    schema: Schema = {"$schema": DRAFT} | words | _root()
    schema["properties"]["id"]["pattern"] = _COMPILED_ID
    schema["properties"]["tag"]["items"]["enum"] = ["compiled"]
    return schema


def _text(title: str, description: str, **more: Any) -> Schema:
    return {"title": title, "description": description, "type": "string", "minLength": 1} | more


def _url(title: str, description: str) -> Schema:
    return _text(title, description, format="uri", pattern=URL_PATTERN)


def _time(title: str, description: str) -> Schema:
    return _text(title, description, format="date-time", pattern=DATE_TIME_PATTERN)


def _closed(properties: dict[str, Schema], optional: Iterable[str] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    rule: Schema = {"required": required} if required else {"minProperties": 1}
    return {"type": "object"} | rule | {"properties": properties, "additionalProperties": False}


def _package(title: str, description: str, name: str, content: Schema) -> Schema:
    publisher = _closed(
        {
            "name": _text("Nombre", "Nombre de quien publica."),
            "scheme": _text("Registro", "Registro que identifica a quien publica."),
            "uid": _text("Identificador", "Número de quien publica en ese registro."),
            "uri": _url("Página", "Página de quien publica."),
        },
        optional=("scheme", "uid", "uri"),
    )
    page = _closed(
        {"next": _url("Siguiente", "Página siguiente."), "prev": _url("Anterior", "Página anterior.")},
        optional=("next", "prev"),
    )
    body = _closed(
        {
            "uri": _url("Dirección", "Dirección de este paquete."),
            "version": _text("Versión del estándar", "Versión de OCDS.", pattern=r"^1\.1$"),
            "extensions": {
                "title": "Extensiones",
                "description": "Definiciones de los campos que amplían el estándar.",
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": _url("Extensión", "Dirección del archivo extension.json."),
            },
            "publishedDate": _time("Fecha del paquete", "Cuándo se hizo este paquete, en hora de Guatemala."),
            "publisher": {"title": "Publicador", "description": "Quién publica los datos."} | publisher,
            "license": _url("Licencia", "Licencia de uso de los datos."),
            "publicationPolicy": _url("Política de publicación", "Documento que explica la publicación."),
            "links": {"title": "Páginas", "description": "Otras páginas de la misma consulta a la API."} | page,
            name: content,
        },
        optional=("links",),
    )
    return {"$schema": DRAFT, "title": title, "description": description} | body


def release_package_schema() -> Schema:
    """The profile of a release package (one or more releases under their publisher)."""
    releases = {
        "title": "Publicaciones",
        "description": "Publicaciones (releases) del paquete.",
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {key: value for key, value in release_schema(corrections=True).items() if key != "$schema"},
    }
    words = "Paquete de publicaciones de Guatecompras", "Publicaciones (releases) con los datos de quien las publica."
    return _package(*words, "releases", releases)


def record_schema() -> Schema:
    """The profile of one record: linked releases (url, date, tag) and the compiled release."""
    tags = release_schema()["properties"]["tag"]
    link = _closed(
        {
            "url": _url("Enlace", "Dirección de la publicación."),
            "date": _time("Fecha del hecho", "Cuándo ocurrió el hecho, en hora de Guatemala."),
            "tag": {key: value for key, value in tags.items() if key != "omitWhenMerged"},
        }
    )
    return _closed(
        {
            "ocid": release_schema()["properties"]["ocid"],
            "releases": {
                "title": "Publicaciones del proceso",
                "description": "Enlaces a todas las publicaciones del proceso, de la primera a la última.",
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": link,
            },
            "compiledRelease": {key: value for key, value in compiled_schema().items() if key != "$schema"},
        }
    )


def record_package_schema() -> Schema:
    """The profile of a record package: a month's file, or one record from the API."""
    records = {
        "title": "Registros",
        "description": "Un registro por proceso de contratación.",
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": record_schema(),
    }
    words = "Paquete de registros de Guatecompras", "Registros (records) con los datos de quien los publica."
    return _package(*words, "records", records)


def _rows_of(catalog: str, code: str, title: str) -> list[tuple[str, str]]:
    rows = catalogs.table(catalog)
    titles: dict[str, str] = {}
    for key, value in zip(rows[code].to_list(), rows[title].to_list(), strict=True):
        titles.setdefault(str(key), value)  # an old and a new code may be published under one literal
    return list(titles.items())


def _own_codelists() -> dict[str, list[tuple[str, str]]]:
    return {
        "bidStatus": list(zip(_CLOSED["bidStatus"], _BID_STATUS, strict=True)),
        "categorias": _rows_of("categorias", "id", "name"),
        "estatus": _rows_of("estatus", "name", "name"),
        "modalidades": _rows_of("modalidades", "literal", "name"),
        "partyScheme": list(_PARTY_SCHEMES),
        "sub_modalidades": _rows_of("sub_modalidades", "id", "name"),
        "tipos_concurso": _rows_of("tipos_concurso", "id", "name"),
    }


@cache
def codelists() -> dict[str, str]:
    """This publication's own codelists: file name -> CSV text (`Code,Title`), titles in Spanish."""
    texts = {}
    for name, rows in _own_codelists().items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("Code", "Title"), *rows])
        texts[f"{name}.csv"] = text.getvalue()
    return texts


@cache
def open_codes() -> dict[str, frozenset[str]]:
    """Codelist -> the codes of it that this publication uses, for the codelists that are open."""
    own = {name: frozenset(code for code, _ in rows) for name, rows in _own_codelists().items()}
    return {name: codes for name, codes in own.items() if name not in closed_codes()} | {
        "documentType": _codes_of("tipos_documento", "document_type"),
        "extendedProcurementCategory": _codes_of("objetos", "code"),
        "itemClassificationScheme": frozenset({"UNSPSC"}),
        "mediaType": _codes_of("extensiones_archivo", "media_type"),
        "partyRole": frozenset(_PARTY_ROLES),
        "submissionMethod": _codes_of("recepcion", "code"),
    }


def _codes_of(catalog: str, column: str) -> frozenset[str]:
    return frozenset(catalogs.table(catalog)[column].drop_nulls().to_list())


@cache
def _extension_files() -> dict[str, tuple[str, str]]:
    folders = sorted(path for path in EXTENSIONS.iterdir() if path.is_dir())
    return {
        path.name: ((path / "extension.json").read_text("utf-8"), (path / "release-schema.json").read_text("utf-8"))
        for path in folders
    }


def extensions() -> list[dict[str, Any]]:
    """The extension definitions that this publication hosts, by name.

    Each has `name` (its folder), `extension` (extension.json), `release_schema` (the JSON Merge Patch of the official
    release schema) and `codelists` (file name -> CSV text).
    """
    found = []
    for name, (extension, patch) in _extension_files().items():
        meta = json.loads(extension)
        lists = {file: codelists()[file] for file in meta.get("codelists", [])}
        found.append({"name": name, "extension": meta, "release_schema": json.loads(patch), "codelists": lists})
    return found


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def profile_files() -> dict[str, str]:
    """Everything a month publishes about its own form: relative path (with `/`) -> text, always the same bytes."""
    files = {
        "release-schema.json": _json(release_schema(corrections=True)),
        "compiled-release-schema.json": _json(compiled_schema()),
        "release-package-schema.json": _json(release_package_schema()),
        "record-package-schema.json": _json(record_package_schema()),
    }
    files |= {f"codelists/{name}": text for name, text in codelists().items()}
    for extension in extensions():
        folder = f"extensions/{extension['name']}"
        files[f"{folder}/extension.json"] = _json(extension["extension"])
        files[f"{folder}/release-schema.json"] = _json(extension["release_schema"])
        files |= {f"{folder}/codelists/{name}": text for name, text in extension["codelists"].items()}
    return dict(sorted(files.items()))


def write_profile(path: Path) -> int:
    """Write `profile_files()` into one ZIP; returns how many they are."""
    texts = profile_files()
    with ZipWriter(path) as archive:
        for name, text in texts.items():
            with archive.entry(name) as stream:
                stream.write(text.encode())
    return len(texts)
