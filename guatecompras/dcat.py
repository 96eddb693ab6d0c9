"""The catalog of all that is public, in DCAT 3 (https://www.w3.org/TR/vocab-dcat-3/) as JSON-LD: a function of the index.

It is published as `catalog.jsonld`, written anew after each switch of the index: it can be one commit behind when a run
died in between, and then says what was public before, whose files are there still; the next commit mends it. Its version
is the number of the commit that it tells of.
"""

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import orjson

from guatecompras import settings
from guatecompras.months import Month
from guatecompras.publication import MANIFEST, versions_of
from guatecompras.settings import Settings
from guatecompras.stores import Store

Json = dict[str, Any]

FILE = "catalog.jsonld"

_IRI, _SPANISH = {"@type": "@id"}, {"@language": "es"}
# Embedded, so that nobody needs the network to read the catalog.
CONTEXT: Json = {
    "@version": 1.1,
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "Agent": "foaf:Agent",
    "Catalog": "dcat:Catalog",
    "Checksum": "spdx:Checksum",
    "Dataset": "dcat:Dataset",
    "DatasetSeries": "dcat:DatasetSeries",
    "Distribution": "dcat:Distribution",
    "PeriodOfTime": "dct:PeriodOfTime",
    **{name: {"@id": f"dct:{name}", **_SPANISH} for name in ("title", "description")},
    **{name: {"@id": f"dct:{name}", **_IRI} for name in ("accrualPeriodicity", "conformsTo", "language", "license", "spatial")},
    **{name: {"@id": f"dct:{name}", "@type": "xsd:dateTime"} for name in ("issued", "modified")},
    **{name: {"@id": f"dct:{name}"} for name in ("identifier", "publisher", "temporal")},
    **{
        name: {"@id": f"dcat:{name}", **_IRI}
        for name in (
            "accessURL", "compressFormat", "downloadURL", "first", "inSeries", "last", "mediaType", "packageFormat",
            "prev", "previousVersion", "theme",
        )
    },
    **{name: {"@id": f"dcat:{name}", "@type": "xsd:date"} for name in ("startDate", "endDate")},
    **{name: {"@id": f"dcat:{name}"} for name in ("dataset", "distribution", "version")},
    "keyword": {"@id": "dcat:keyword", **_SPANISH},
    "byteSize": {"@id": "dcat:byteSize", "@type": "xsd:nonNegativeInteger"},
    "checksum": {"@id": "spdx:checksum"},
    "algorithm": {"@id": "spdx:algorithm", **_IRI},
    "checksumValue": {"@id": "spdx:checksumValue", "@type": "xsd:hexBinary"},
    "name": {"@id": "foaf:name"},
    "homepage": {"@id": "foaf:homepage", **_IRI},
}  # fmt: skip

_MEDIA = "https://www.iana.org/assignments/media-types/"
_ZIP, _GZIP = f"{_MEDIA}application/zip", f"{_MEDIA}application/gzip"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_JSON, _LINES, _PARQUET = "application/json", "application/x-ndjson", "application/vnd.apache.parquet"
# How a file's name ends -> what it is, its media type, how it is compressed and how packed. The first that fits counts.
_KINDS: tuple[tuple[str, str, str, Json], ...] = (
    ("_Guatecompras.json.zip", "Paquete de registros OCDS (JSON)", _JSON, {"compressFormat": _ZIP}),
    ("_releases.jsonl.gz", "Publicaciones (releases) OCDS, una por línea", _LINES, {"compressFormat": _GZIP}),
    ("_records.jsonl.gz", "Registros compilados OCDS, uno por línea", _LINES, {"compressFormat": _GZIP}),
    ("changes.jsonl.gz", "Cambios respecto de la versión anterior, uno por línea", _LINES, {"compressFormat": _GZIP}),
    ("changes.parquet", "Cambios respecto de la versión anterior (Parquet)", _PARQUET, {}),
    ("_reportes_xlsx.zip", "Reportes en Excel", _XLSX, {"packageFormat": _ZIP}),
    ("_reportes_csv.zip", "Reportes en CSV", "text/csv", {"packageFormat": _ZIP}),
    ("_reportes_xml.zip", "Reportes en XML, con sus esquemas", "application/xml", {"packageFormat": _ZIP}),
    ("_reportes_json.zip", "Reportes en JSON", _JSON, {"packageFormat": _ZIP}),
    ("_csv.zip", "Tablas en CSV", "text/csv", {"packageFormat": _ZIP}),
    (".xlsx", "Tablas en Excel", _XLSX, {}),
    ("_parquet.zip", "Tablas en Parquet", _PARQUET, {"packageFormat": _ZIP}),
    ("_rechazos.parquet", "Lo que no se publicó, y por qué (Parquet)", _PARQUET, {}),
    ("quality.html", "Informe de calidad", "text/html", {}),
    ("quality.json", "Informe de calidad, para programas", _JSON, {}),
    ("profile.zip", "Perfil: esquemas, listas de códigos y extensiones", _JSON, {"packageFormat": _ZIP}),
    ("datapackage.json", "Descripción de las tablas (Data Package)", _JSON, {}),
    (MANIFEST, "Manifiesto: archivos, huellas y conteos", _JSON, {}),
    (".parquet", "Tabla {stem} (Parquet)", _PARQUET, {}),
    (".csv", "Tabla {stem} (CSV)", "text/csv", {}),
    (".json", "Tabla {stem} (JSON)", _JSON, {}),
    (".jsonl.gz", "{stem}, una entrada por línea", _LINES, {"compressFormat": _GZIP}),
    (".arrow", "{stem}, para el buscador del portal", "application/vnd.apache.arrow.file", {}),
    ("", "{stem}", "application/octet-stream", {}),
)

_SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"
_OCDS = "https://standard.open-contracting.org/1.1/en/"
_MONTHLY, _IRREGULAR = "http://purl.org/cld/freq/monthly", "http://purl.org/cld/freq/irregular"
_TITLE = "Contrataciones públicas de Guatemala"


def catalog(index: Json, config: Settings) -> Json:
    """The catalog: a dataset series with one dataset for each month, the collections, and a distribution for each file.

    Of every month the current version, with a link to the one before; equal index and settings, equal catalog.
    """
    place = f"{config.base_url.rstrip('/')}/publication/"
    home = f"{place}{FILE}"
    about = _about(config)
    months = list(index["months"])
    entries = [entry for month in months for entry in versions_of(index, month)]
    shown = [*entries, *index["collections"].values()]
    dated = {
        "issued": min((entry["published"] for entry in shown), default=None),
        "modified": max((entry["published"] for entry in shown), default=None),
    }
    series = about | {
        "@id": f"{home}#meses",
        "@type": "DatasetSeries",
        "title": f"{_TITLE}, mes a mes",
        "description": "Un conjunto de datos por mes: los concursos (NOG) convocados en él, con toda su historia.",
        "accrualPeriodicity": _MONTHLY,
        "temporal": _period(Month.parse(months[0]), Month.parse(months[-1])) if months else None,
        "first": f"{home}#{months[0]}" if months else None,
        "last": f"{home}#{months[-1]}" if months else None,
        **dated,
    }
    datasets = [
        _month(index, month, before, place, about) for before, month in pairwise([None, *months]) if month is not None
    ]
    collections = [_collection(name, entry, place, about) for name, entry in sorted(index["collections"].items())]
    whole = about | {
        "@id": f"{home}#catalogo",
        "@type": "Catalog",
        "title": f"{_TITLE}: datos abiertos de Guatecompras",
        "description": f"Los procesos del {settings.SOURCE_NAME} (Guatecompras), en OCDS 1.1 y en tablas.",
        "homepage": config.base_url,
        "version": str(index["sequence"]),
        **dated,
        "dataset": [_filled(series), *datasets, *collections],
    }
    return {"@context": CONTEXT, **_filled(whole)}


def as_bytes(index: Json, config: Settings) -> bytes:
    """The catalog as it is published."""
    return orjson.dumps(catalog(index, config), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def publish(store: Store, config: Settings) -> None:
    """Write the catalog of what is public now, after a switch; nothing is written where it says so already."""
    store.derive(FILE, lambda index: as_bytes(index, config))


def _about(config: Settings) -> Json:
    """What is said of the catalog and of every dataset in it."""
    return {
        "publisher": {"@id": config.publisher_uri, "@type": "Agent", "name": config.publisher_name},
        "license": settings.LICENSE,
        "language": "http://id.loc.gov/vocabulary/iso639-1/es",
        "spatial": "http://publications.europa.eu/resource/authority/country/GTM",
        "keyword": ["contrataciones abiertas", "compras públicas", "Guatecompras", "OCDS"],
        "theme": "http://publications.europa.eu/resource/authority/data-theme/GOVE",
    }


def _month(index: Json, month: str, before: str | None, place: str, about: Json) -> Json:
    current, *earlier = versions_of(index, month)
    home, parsed = f"{place}{FILE}", Month.parse(month)
    return _filled(
        about
        | {
            "@id": f"{home}#{month}",
            "@type": "Dataset",
            "title": f"{_TITLE}: {parsed.in_spanish}",
            "description": f"Los {current['counts'].get('concursos', 0)} concursos (NOG) convocados en el mes en Guatecompras,"
            " con toda su historia hasta la fecha de los datos.",
            "identifier": month,
            "conformsTo": _OCDS,
            "accrualPeriodicity": _IRREGULAR,
            "temporal": _period(parsed, parsed),
            "issued": [current, *earlier][-1]["published"],
            "modified": current["published"],
            "version": current["version"],
            "previousVersion": f"{place}{earlier[0]['manifest']['path']}" if earlier else None,
            "inSeries": f"{home}#meses",
            "prev": f"{home}#{before}" if before else None,
            "distribution": _distributions(current["files"], current["published"], place, about),
        }
    )


# Kind of collection -> its title, with its year or month, and what it is.
_COLLECTIONS = {
    "years": ("año {}", "Los meses publicados, en una sola colección."),
    "history": ("todos los meses", "Los meses publicados, en una sola colección."),
    "red_flags": (
        "señales de integridad de todos los meses",
        "Indicadores de riesgo: cada señal es una pregunta para quien revisa, no una conclusión.",
    ),
    "integrity": (
        "señales de integridad de {}",
        "Indicadores de riesgo: cada señal es una pregunta para quien revisa, no una conclusión.",
    ),
    "audit": (
        "auditoría social",
        "Por entidad, departamento y municipio, año por año: gasto, modalidades, competencia, tiempos.",
    ),
    "datasets": ("concursos de {}", "Adjudicados, anulados, desiertos y demás, en las columnas de siempre."),
    "market": (
        "mercado por familia UNSPSC",
        "Tamaño, competencia, montos típicos, tiempos y estacionalidad de cada familia de productos.",
    ),
    "reports": ("reportes de {}", "Los reportes predefinidos del mes, sin filtros, en Excel, CSV, XML y JSON."),
}


def _collection(name: str, entry: Json, place: str, about: Json) -> Json:
    kind, _, year = name.partition("/")
    title, description = _COLLECTIONS[kind]
    month = Month.parse(year) if "-" in year else None
    # Every file of the history is one of a month's tables, which stand there; its manifest lists them all.
    files = [
        file
        for file in entry["files"]
        if kind not in ("history", "datasets", "integrity") or file["path"].endswith(f"/{MANIFEST}")
    ]
    return _filled(
        about
        | {
            "@id": f"{place}{FILE}#{name}",
            "@type": "Dataset",
            "title": f"{_TITLE}: {title.format(month.in_spanish if month else year)}",
            "description": description,
            "identifier": name,
            "conformsTo": _OCDS,
            "accrualPeriodicity": _MONTHLY,
            "temporal": _period(month or Month(int(year), 1), month or Month(int(year), 12)) if year else None,
            "modified": entry["published"],
            "version": entry["version"],
            "distribution": _distributions(files, entry["published"], place, about),
        }
    )


def _period(first: Month, last: Month) -> Json:
    """From the first day of one month to the last of another."""
    end = (last.end - timedelta(days=1)).date()
    return {"@type": "PeriodOfTime", "startDate": first.start.date().isoformat(), "endDate": end.isoformat()}


def _distributions(files: Iterable[Json], published: str, place: str, about: Json) -> list[Json]:
    return [_distribution(file, published, place, about) for file in files]


def _distribution(file: Json, published: str, place: str, about: Json) -> Json:
    name = file["path"].rpartition("/")[2]
    title, media, form = next((title, media, form) for end, title, media, form in _KINDS if name.endswith(end))
    address = f"{place}{file['path']}"
    return {
        "@id": f"{place}{FILE}#{file['path']}",
        "@type": "Distribution",
        "title": title.format(stem=name.partition(".")[0]),
        "accessURL": address,
        "downloadURL": address,
        "mediaType": f"{_MEDIA}{media}",
        **form,
        "byteSize": str(file["bytes"]),
        "checksum": {"@type": "Checksum", "algorithm": _SHA256, "checksumValue": file["sha256"]},
        "issued": published,
        "modified": published,
        "license": about["license"],
        "language": about["language"],
    }


def _filled(node: Json) -> Json:
    return {key: value for key, value in node.items() if value is not None}
