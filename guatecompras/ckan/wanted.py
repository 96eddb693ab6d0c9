"""What the portal should have of a publication: a dataset for each family and year, and one of the OCDS files of each year.

A year is what people look for, and twelve months in four formats are a list that a page can show; a dataset a month would be a
thousand, one for all years a page of four thousand resources. Each file is one resource, known by its own key (`guatecompras_key`)
whatever its name becomes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from guatecompras import settings
from guatecompras.datasets import monthly
from guatecompras.datasets.families import FAMILIES
from guatecompras.errors import StoreError
from guatecompras.months import Month
from guatecompras.publication import MANIFEST
from guatecompras.reports.report import Column
from guatecompras.stores import Store

Json = dict[str, Any]

KEY, LOADED = "guatecompras_key", "guatecompras_loaded"
LICENSE = "cc-by"
_FORMATS = {"csv": "CSV", "xlsx": "XLSX", "json": "JSON", "parquet": "Parquet"}
_OCDS = {
    "_Guatecompras.json.zip": ("JSON", "Paquete de registros OCDS"),
    "_Guatecompras.xlsx": ("XLSX", "Todas las tablas en Excel"),
    "_csv.zip": ("CSV", "Todas las tablas en CSV, en un ZIP"),
    "_parquet.zip": ("Parquet", "Todas las tablas en Parquet, en un ZIP"),
}
# What the datastore calls our kinds of columns.
TYPES = {"texto": "text", "entero": "int8", "monto": "numeric", "decimal": "numeric", "momento": "timestamptz"}


@dataclass(frozen=True)
class Table:
    """What the datastore is loaded with: the rows of a Parquet file, and the columns that are its key."""

    path: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """A file on the portal. `path`: in the publication; `url`: where the publication has it; `fields`: what is said of it."""

    key: str
    path: str
    url: str
    bytes: int
    sha256: str
    fields: Json
    table: Table | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset of the portal. `fields`: its metadata, without resources."""

    name: str
    fields: Json
    resources: list[Resource] = field(default_factory=list)


def wanted(
    index: Json, manifests: Mapping[str, Json], base_url: str, organization: str, months: Iterable[str]
) -> list[Dataset]:
    """What should be there of some months. `manifests`: of the collections `datasets/<month>`, by month; a month without one has
    only its OCDS files."""
    found: dict[str, Dataset] = {}
    for month in sorted(months):
        year = month[:4]
        if month in manifests:
            folder = f"{monthly.name_of(month)}/{manifests[month]['version']}"
            files = {file["path"]: file for file in manifests[month]["files"]}
            for family, report in FAMILIES.items():
                name = f"concursos-{family}-{year}"
                dataset = found.setdefault(
                    name, Dataset(name, _family(report.title, report.description, year, base_url, organization))
                )
                dataset.resources.extend(_of_family(family, month, folder, files, base_url))
        name = f"ocds-guatecompras-{year}"
        dataset = found.setdefault(name, Dataset(name, _ocds(year, base_url, organization)))
        dataset.resources.extend(_of_month(index["months"][month], month, base_url))
    return list(found.values())


def of_store(store: Store, base_url: str, organization: str, months: Collection[str] | None = None) -> list[Dataset]:
    """What should be there of a store's publication, all months or some. Raises StoreError for a month that is not public."""
    index = store.index()
    chosen = sorted(months or index["months"])
    if unknown := [month for month in chosen if month not in index["months"]]:
        raise StoreError(f"{unknown[0]} is not published in {store.uri}")
    manifests = {}
    for month in chosen:
        if entry := index["collections"].get(monthly.name_of(month)):
            folder = store.collection_folder(f"{monthly.name_of(month)}/{entry['version']}", [MANIFEST])
            manifests[month] = orjson.loads((folder / MANIFEST).read_bytes())
    return wanted(index, manifests, base_url.rstrip("/"), organization, chosen)


def file_of(store: Store) -> Callable[[str], Path]:
    """Where a file of a store's publication is, by its path."""

    def found(path: str) -> Path:
        kind, month, version, name = path.split("/", 3)
        if kind == "months":
            return store.version_folder(month, version, [name]) / name
        return store.collection_folder(f"{kind}/{month}/{version}", [name]) / name

    return found


def _of_family(family: str, month: str, folder: str, files: Mapping[str, Json], base_url: str) -> Iterable[Resource]:
    report, parquet = FAMILIES[family], monthly.file_name(family, month, "parquet")
    key = ("NO",) if family == "adjudicados" else ("NOG CONCURSO",)
    for form, label in _FORMATS.items():
        file = files[monthly.file_name(family, month, form)]
        path = f"{folder}/{file['path']}"
        fields = {
            "name": f"{report.title}, {Month.parse(month).in_spanish} ({label})",
            "description": f"{report.description} Concursos convocados en {Month.parse(month).in_spanish}.",
            "format": label,
        }
        table = Table(f"{folder}/{parquet}", report.columns, key) if form == "csv" else None
        yield Resource(
            f"{month}/{form}", path, f"{base_url}/publication/{path}", file["bytes"], file["sha256"], fields, table
        )


def _of_month(entry: Json, month: str, base_url: str) -> Iterable[Resource]:
    for file in entry["files"]:
        for ending, (label, told) in _OCDS.items():
            if file["path"].endswith(f"/{month}{ending}"):
                name = f"{told}, {Month.parse(month).in_spanish}"
                fields = {"name": name, "description": f"{told}: los concursos convocados en el mes.", "format": label}
                url = f"{base_url}/publication/{file['path']}"
                yield Resource(f"{month}/{label.lower()}", file["path"], url, file["bytes"], file["sha256"], fields)


def _family(title: str, description: str, year: str, base_url: str, organization: str) -> Json:
    told = f"{title} de Guatecompras, convocados en {year}, mes a mes. {description}"
    return _about(f"{title} {year}", told, year, base_url, organization)


def _ocds(year: str, base_url: str, organization: str) -> Json:
    told = (
        "Los procesos de Guatecompras en el Estándar de Datos para las Contrataciones Abiertas (OCDS 1.1), mes a mes."
    )
    return _about(f"Contrataciones abiertas (OCDS) {year}", told, year, base_url, organization)


def _about(title: str, notes: str, year: str, base_url: str, organization: str) -> Json:
    extras: Sequence[tuple[str, str]] = (
        ("conforms_to", "https://standard.open-contracting.org/1.1/"),
        ("frequency", "http://publications.europa.eu/resource/authority/frequency/MONTHLY"),
        ("language", "es"),
        ("publisher_name", settings.Settings().publisher_name),
        ("spatial", "Guatemala"),
        ("temporal_end", f"{year}-12-31"),
        ("temporal_start", f"{year}-01-01"),
        ("theme", "Contrataciones y adquisiciones"),
    )
    return {
        "title": title,
        "notes": notes,
        "url": base_url,
        "license_id": LICENSE,
        "owner_org": organization,
        "author": settings.SOURCE_NAME,
        "tags": [{"name": name} for name in ("compras públicas", "guatecompras", "ocds")],
        "extras": [{"key": key, "value": value} for key, value in extras],
    }
