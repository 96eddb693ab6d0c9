"""What the flat tables are, for programs: Data Package descriptions (Frictionless, version 2) of the Parquet and CSV files.

Columns and their words come from `data/mapping.csv` through `tables.py`; which codes are allowed is `ocds/profile.py`. The
keys are those that blocking checks of `quality/` hold every month to.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import orjson
import pyarrow as pa

from guatecompras import settings, tables
from guatecompras.months import Month
from guatecompras.ocds.mapping import Field, fields, table_columns
from guatecompras.ocds.profile import closed_codes
from guatecompras.publication import PublishedFile
from guatecompras.settings import Settings

Json = dict[str, Any]

FILE = "datapackage.json"

_SCHEMAS = "https://datapackage.org/profiles/2.0"

# Table -> its primary key (the check `identifiers`).
PRIMARY_KEYS: Mapping[str, tuple[str, ...]] = {
    "records": ("ocid",),
    "releases": ("id",),
    "parties": ("ocid", "id"),
    "items": ("ocid", "id"),
    "documents": ("ocid", "id"),
    "bids": ("ocid", "id"),
    "awards": ("ocid", "id"),
    "contracts": ("ocid", "id"),
}
# (table, column, table whose id it is), within one process (the check `references`). A column that may be empty is in no
# key: a key of two columns with one of them empty would refer to nothing.
REFERENCES: tuple[tuple[str, str, str], ...] = (
    ("records", "buyer_id", "parties"),
    ("records", "tender_procuringEntity_id", "parties"),
    ("award_suppliers", "id", "parties"),
    ("party_roles", "party_id", "parties"),
    ("contracts", "awardID", "awards"),
    ("award_suppliers", "award_id", "awards"),
    ("item_attributes", "item_id", "items"),
    ("contract_documents", "contract_id", "contracts"),
)
# Columns of the table of releases that every release has.
_RELEASE_NEEDS = frozenset({"id", "date", "tag", "url", "sha256"})


def of_parquet(month: str, version: str, dated: str, files: Iterable[PublishedFile], config: Settings) -> bytes:
    """The description of a version's tables as Parquet files, with bytes and sha256 of each. `dated`: RFC 3339, what the data
    are of; `files`: the version's, of which those in `tables/` are described."""
    listed = {file.path: file for file in files}
    resources = []
    for name in tables.NAMES:
        file = listed[f"tables/{name}.parquet"]
        kind = {"path": file.path, "format": "parquet", "mediatype": "application/vnd.apache.parquet"}
        resources.append(_resource(name, kind | {"bytes": file.bytes, "hash": f"sha256:{file.sha256}"}))
    return _document(month, version, dated, resources, config)


def of_csv(month: str, version: str, dated: str, config: Settings) -> bytes:
    """The description that lies in the ZIP of the tables as CSV files, so that the ZIP is a data package itself."""
    kinds = {name: {"path": f"{name}.csv", "format": "csv", "mediatype": "text/csv"} for name in tables.NAMES}
    resources = [_resource(name, kind | {"encoding": "utf-8"}) for name, kind in kinds.items()]
    return _document(month, version, dated, resources, config)


def _document(month: str, version: str, dated: str, resources: list[Json], config: Settings) -> bytes:
    parsed = Month.parse(month)
    package = {
        "$schema": f"{_SCHEMAS}/datapackage.json",
        "name": f"guatecompras-{month}",
        "title": f"Contrataciones públicas de Guatemala: {parsed.in_spanish}",
        "description": "Los concursos (NOG) convocados en el mes en Guatecompras, con toda su historia hasta la fecha de los"
        " datos, en doce tablas hechas de los registros OCDS.",
        "version": version,
        "created": dated,
        "homepage": config.base_url,
        "keywords": ["contrataciones abiertas", "OCDS", "Guatecompras", "Guatemala"],
        "licenses": [
            {"name": "CC-BY-4.0", "path": settings.LICENSE, "title": "Creative Commons Atribución 4.0 Internacional"}
        ],
        "contributors": [{"title": config.publisher_name, "path": config.publisher_uri, "roles": ["publisher"]}],
        "sources": [{"title": settings.SOURCE_NAME, "path": settings.SOURCE_URL}],
        "resources": resources,
    }
    return orjson.dumps(package, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _resource(table: str, kind: Json) -> Json:
    return {"name": table, "type": "table", "title": tables.SPECS[table].description, **kind, "schema": schema(table)}


@cache
def schema(table: str) -> Json:
    """The Table Schema of a flat table: its columns with Spanish titles, types, constraints and OCDS paths, and its keys."""
    needed, codes = _needed(table), _codes(table)
    described: Json = {
        "$schema": f"{_SCHEMAS}/tableschema.json",
        "fields": [
            _field(column, column.name in needed, codes.get(column.name)) for column in tables.arrow_schema(table)
        ],
    }
    if table in PRIMARY_KEYS:
        described["primaryKey"] = list(PRIMARY_KEYS[table])
    described["foreignKeys"] = list(_foreign_keys(table))
    return {key: value for key, value in described.items() if value}


def _field(column: pa.Field, needed: bool, codes: tuple[str, ...] | None) -> Json:
    said = {key.decode(): value.decode() for key, value in column.metadata.items()}
    constraints: Json = {"required": True} if needed else {}
    if codes:
        constraints["enum"] = list(codes)
    found: Json = {"name": column.name, "type": _type(column.type), "title": said["title"]}
    found |= {"description": said["description"]} if said["description"] else {}
    found |= {"constraints": constraints} if constraints else {}
    return found | {"ocdsPath": said["path"]}


def _type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_decimal(kind):
        return "number"
    return "integer" if pa.types.is_integer(kind) else "string"


def _foreign_keys(table: str) -> Iterable[Json]:
    if table != "records":
        yield {"fields": ["ocid"], "reference": {"resource": "records", "fields": ["ocid"]}}
    for referring, column, target in REFERENCES:
        if referring == table:
            yield {"fields": ["ocid", column], "reference": {"resource": target, "fields": ["ocid", "id"]}}


def _needed(table: str) -> set[str]:
    """The columns that no row lacks: keys, and what the profile demands all the way from the row down."""
    keys = {"ocid", "nog", *(column for _, column in tables.SPECS[table].parents)}
    if table == "releases":
        return keys | _RELEASE_NEEDS
    root = tables.SPECS[table].root
    return keys | {field.column for field in table_columns(table) if _demanded(field, root)}


def _demanded(field: Field, root: str) -> bool:
    """Whether the profile demands a field and all that holds it, up to the row at `root`."""
    by_path = {one.path: one for one in fields()}
    while field.path != root and field.required and field.parent not in (root, ""):
        field = by_path[field.parent]
    return field.path == root or field.required


def _codes(table: str) -> dict[str, tuple[str, ...]]:
    """Column -> the codes that it may hold, for closed codelists and columns of one code."""
    if table == "releases":
        return {}
    single = [field for field in table_columns(table) if field.type == "string"]
    return {field.column: closed_codes()[field.codelist] for field in single if field.codelist in closed_codes()}
