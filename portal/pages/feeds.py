"""What is read by machines that go through the site: Atom of published months, sitemap, robots; and the static files."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from xml.sax.saxutils import escape, quoteattr

import polars as pl
from fastapi import APIRouter, Request, Response

from guatecompras.months import Month
from portal.http.answers import respond
from portal.http.conditional import FOLLOWS, FOREVER
from portal.http.requests import edition
from portal.pages import offered
from portal.pages.site import MENU, STATIC, absolute, error, static_digest

router = APIRouter(include_in_schema=False)

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ENTRIES = 50  # publications that the feed tells of
_MEDIA = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}

# Filters can be put together without end, and the API is not for reading by search engines.
_NOT_FOR_CRAWLERS = ("/explorar?", "/alertas?", "/buscar", "/api/", "/release/", "/record/")
_SITEMAPS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_MOST_ADDRESSES = 45_000  # a sitemap may have 50,000


def _xml(request: Request, text: str, media: str, modified: datetime | None = None) -> Response:
    return respond(request, (_XML + text).encode(), media, modified=modified)


# Atom


def _entry(request: Request, month: str, version: offered.Earlier) -> str:
    name = Month.parse(month).in_spanish
    first = version.difference == offered.FIRST
    title = f"{name.capitalize()}: {'primera publicación' if first else 'nueva versión'}"
    told = f"Se publicó {name} por primera vez." if first else f"Nueva versión de {name}: {version.difference}."
    if version.rolled_back:
        told += f" Se volvió a publicar lo que decía la versión {version.rolled_back['to']}. Motivo: {version.rolled_back['why']}"
    links = (
        (absolute(request, f"/descarga-datos/{month}"), "alternate", "text/html"),
        (absolute(request, version.manifest), "related", "application/json"),
    )
    listed = "".join(
        f"<link rel={quoteattr(rel)} type={quoteattr(media)} href={quoteattr(href)}/>" for href, rel, media in links
    )
    return (
        f"<entry><id>{escape(absolute(request, version.manifest))}</id><title>{escape(title)}</title>"
        f"<updated>{version.published}</updated>{listed}<summary>{escape(told)}</summary></entry>"
    )


@router.get("/novedades.atom")
def news(request: Request) -> Response:
    """Each version of each month that became public, the newest first."""
    versions = [(month.name, version) for month in offered.months(edition(request).index) for version in month.versions]
    newest = sorted(versions, key=lambda pair: pair[1].published, reverse=True)[:_ENTRIES]
    here = absolute(request, "/novedades.atom")
    updated = newest[0][1].published if newest else "2020-01-01T00:00:00-06:00"
    entries = "\n".join(_entry(request, month, version) for month, version in newest)
    feed = (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="es"><id>{escape(here)}</id>'
        "<title>Guatecompras · Datos abiertos: meses publicados</title>"
        f"<updated>{updated}</updated><author><name>Ministerio de Finanzas Públicas - DGAE</name></author>"
        f'<link rel="self" href={quoteattr(here)}/><link rel="alternate" href={quoteattr(absolute(request, "/descarga-datos"))}/>'
        f"\n{entries}\n</feed>\n"
    )
    return _xml(
        request, feed, "application/atom+xml; charset=utf-8", datetime.fromisoformat(updated) if newest else None
    )


# Sitemap: an index of one map of pages and one or more for each month's concursos


def _addresses(addresses: Iterable[tuple[str, str]]) -> str:
    lines = "\n".join(
        f"<url><loc>{escape(loc)}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</url>" for loc, day in addresses
    )
    return f"<urlset {_SITEMAPS}>\n{lines}\n</urlset>\n"


def _parts(concursos: int) -> int:
    return max(1, -(-concursos // _MOST_ADDRESSES))


@router.get("/sitemap.xml")
def sitemap(request: Request) -> Response:
    maps = [("/sitemap/paginas.xml", "")]
    for month in offered.months(edition(request).index):
        parts = range(1, _parts(month.counts["concursos"]) + 1)
        maps += [(f"/sitemap/{month.name}-{part}.xml", month.published) for part in parts]
    listed = "\n".join(
        f"<sitemap><loc>{escape(absolute(request, path))}</loc>{f'<lastmod>{at}</lastmod>' if at else ''}</sitemap>"
        for path, at in maps
    )
    return _xml(request, f"<sitemapindex {_SITEMAPS}>\n{listed}\n</sitemapindex>\n", "application/xml")


@router.get("/sitemap/paginas.xml")
def sitemap_of_pages(request: Request) -> Response:
    months = offered.months(edition(request).index)
    paths = [("/", ""), *((address, "") for address, *_ in MENU)]
    paths += [(f"/{door}/{month.name}", month.published) for month in months for door in ("descarga-datos", "calidad")]
    return _xml(request, _addresses((absolute(request, path), day) for path, day in paths), "application/xml")


@router.get("/sitemap/{month}-{part}.xml")
def sitemap_of_month(request: Request, month: str, part: str) -> Response:
    found = edition(request)
    if (
        month not in found.months
        or not part.isascii()
        or not part.isdigit()
        or not 1 <= int(part) <= _parts(found.month(month)["counts"]["concursos"])
    ):
        return error(request, 404)
    start = absolute(request, "/concurso/")
    rows = pl.scan_parquet(found.local(month, "tables/records.parquet")).select("nog", "date").sort("nog")
    lines = (
        rows.slice((int(part) - 1) * _MOST_ADDRESSES, _MOST_ADDRESSES)
        .select(
            pl.format(
                "<url><loc>{}{}</loc><lastmod>{}</lastmod></url>",
                pl.lit(escape(start)), "nog", pl.col("date").dt.strftime("%Y-%m-%d"),
            )
        )
        .collect()
        .to_series()
    )  # fmt: skip
    text = "\n".join(lines)
    return _xml(request, f"<urlset {_SITEMAPS}>\n{text}\n</urlset>\n", "application/xml")


@router.get("/robots.txt")
def robots(request: Request) -> Response:
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in _NOT_FOR_CRAWLERS),
        f"Sitemap: {absolute(request, '/sitemap.xml')}",
    ]
    return respond(request, ("\n".join(lines) + "\n").encode(), "text/plain; charset=utf-8")


# Static files


@cache
def _static_names() -> frozenset[str]:
    return frozenset(path.name for path in STATIC.iterdir() if path.suffix in _MEDIA)


@cache
def _static(name: str) -> bytes:
    return (STATIC / name).read_bytes()


@router.get("/static/{name}")
def static(request: Request, name: str, v: str = "") -> Response:
    if name not in _static_names():
        return error(request, 404)
    digest = static_digest(name)
    media, cache = _MEDIA[name[name.rindex(".") :]], FOREVER if v == digest else FOLLOWS
    return respond(request, _static(name), media, etag=digest, cache=cache)


@router.get("/favicon.ico")
def favicon(request: Request) -> Response:
    return static(request, "favicon.svg")
