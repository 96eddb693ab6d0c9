"""What the pages say to search engines: schema.org's DataCatalog, Dataset and WebSite as JSON-LD.

The full catalog, in DCAT 3, is published as a file (`guatecompras/dcat.py`); pages link to it.
"""

from collections.abc import Iterable
from typing import Any

from fastapi import Request

from guatecompras.months import Month
from guatecompras.settings import LICENSE
from portal.pages.offered import Download, Offer
from portal.pages.site import GUATECOMPRAS, absolute

Json = dict[str, Any]

NAME = "Contrataciones públicas de Guatemala"
_PUBLISHER: Json = {
    "@type": "GovernmentOrganization",
    "name": "Ministerio de Finanzas Públicas, Dirección General de Adquisiciones del Estado",
    "url": GUATECOMPRAS,
}
_KEYWORDS = ["contrataciones abiertas", "compras públicas", "OCDS", "Guatecompras", "Guatemala"]
_ABOUT: Json = {
    "license": LICENSE,
    "inLanguage": "es",
    "isAccessibleForFree": True,
    "creator": _PUBLISHER,
    "publisher": _PUBLISHER,
    "spatialCoverage": {"@type": "Place", "name": "Guatemala"},
    "keywords": _KEYWORDS,
}


def site(request: Request) -> Json:
    """The site, with its search."""
    return {
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": "Guatecompras · Datos abiertos",
        "url": absolute(request, "/"),
        "inLanguage": "es-GT",
        "potentialAction": {
            "@type": "SearchAction",
            "target": absolute(request, "/buscar?q={q}"),
            "query-input": "required name=q",
        },
    }


def _distribution(request: Request, file: Download) -> Json:
    return {
        "@type": "DataDownload",
        "name": file.label,
        "encodingFormat": file.media,
        "contentUrl": absolute(request, file.url),
        "contentSize": f"{file.bytes} B",
        "sha256": file.sha256,
    }


def month(request: Request, shown: Offer) -> Json:
    """One month as a Dataset, its formats as distributions."""
    start, following = Month.parse(shown.name), Month.parse(shown.name).next()
    return {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "@id": absolute(request, f"/descarga-datos/{shown.name}"),
        "url": absolute(request, f"/descarga-datos/{shown.name}"),
        "name": f"{NAME}: {start.in_spanish}",
        "description": f"Los {shown.counts['concursos']:,} concursos (NOG) convocados en {start.in_spanish} en Guatecompras, "
        "con sus ofertas, adjudicaciones y contratos, según el estándar OCDS.",
        "version": shown.version,
        "dateModified": shown.published,
        "temporalCoverage": f"{start}-01/{following}-01",
        **_ABOUT,
        "includedInDataCatalog": {"@id": absolute(request, "/descarga-datos")},
        "distribution": [_distribution(request, file) for file in shown.formats],
    }


def catalog(request: Request, months: Iterable[Offer]) -> Json:
    """All months as a DataCatalog that names each; what a month's files are stands on the month's own page."""
    return {
        "@context": "https://schema.org",
        "@type": "DataCatalog",
        "@id": absolute(request, "/descarga-datos"),
        "url": absolute(request, "/descarga-datos"),
        "name": NAME,
        "description": "Los concursos de Guatecompras desde 2020, mes a mes, según el Estándar de Datos para las "
        "Contrataciones Abiertas (OCDS) 1.1: convocatoria, ofertas, adjudicación y contrato.",
        **_ABOUT,
        "sameAs": absolute(request, "/publication/catalog.jsonld"),
        "dataset": [
            {
                "@type": "Dataset",
                "@id": absolute(request, f"/descarga-datos/{one.name}"),
                "name": f"{NAME}: {Month.parse(one.name).in_spanish}",
                "description": f"Concursos convocados en {Month.parse(one.name).in_spanish} en Guatecompras (OCDS).",
                "license": LICENSE,
                "url": absolute(request, f"/descarga-datos/{one.name}"),
            }
            for one in months
        ],
    }
