"""Documents as they are published: their OCDS type, an address that resolves and is valid, an IANA media type."""

import re
from urllib.parse import quote

import polars as pl

from guatecompras import catalogs
from guatecompras.ocds.jsontext import obj, stamp, string
from guatecompras.texts import put

# What makes an address odd: a character that has to be escaped, a stray %, a second fragment, a scheme in capitals.
_ODD = r"[^A-Za-z0-9\-._~:/?#!$&'()*+,;=%]|%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)|#.*#|^[A-Za-z]*[A-Z][A-Za-z]*://"
_OWN_HTTP = r"(?i)^http://(?:www\.)?guatecompras\.gt(?::80)?([/?#]|$)"
_OWN = "https://www.guatecompras.gt"


def described(documentos: pl.DataFrame) -> pl.DataFrame:
    """Add `json`, the document as OCDS has it; text columns as `wording.published_text` gives them."""
    kind = pl.col("tipo")
    types = catalogs.mapping("tipos_documento", "literal", "document_type")
    by_kind = kind.replace_strict(types, default=None, return_dtype=pl.String)
    by_place = pl.when(pl.col("contrato_id").is_not_null()).then(pl.lit("contractSigned"))
    return documentos.with_columns(url=addresses(documentos["url"])).with_columns(
        json=obj(
            {
                "id": string(pl.col("documento_id")),
                "documentType": string(pl.coalesce(by_kind, by_place)),
                "documentTypeDetails": string(kind),
                "title": string(pl.col("titulo")),
                "url": string(pl.col("url")),
                "format": string(_media_type()),
                "language": pl.lit('"es"'),
                "datePublished": string(stamp(pl.col("fecha_publicacion"))),
            }
        )
    )


def _media_type() -> pl.Expr:
    """By the extension that the source gives, else by the address; null when neither is known."""
    media = catalogs.mapping("extensiones_archivo", "extension", "media_type")

    def known(extension: pl.Expr) -> pl.Expr:
        return extension.str.to_lowercase().replace_strict(media, default=None, return_dtype=pl.String)

    by_address = pl.col("url").str.extract(r"\.([A-Za-z0-9]{2,5})(?:[?#].*)?$")
    return pl.coalesce(known(pl.col("extension").str.strip_chars(" .")), known(by_address))


def addresses(urls: pl.Series) -> pl.Series:
    """Addresses that resolve and are valid: https for Guatecompras' own, every odd character escaped."""
    text = urls.str.strip_chars().str.replace(r"(?i)^www\.", "https://www.")
    text = text.str.replace(_OWN_HTTP, _OWN + "${1}")
    text = text.str.replace_all("@", "%40", literal=True).str.replace_all(" ", "%20", literal=True)
    cut_off = text.str.starts_with(_OWN) & text.str.contains("#", literal=True)
    odd = (text.str.contains(_ODD) | cut_off).fill_null(False)
    if not odd.any():
        return text
    return put(text, odd, text.filter(odd).map_elements(_quoted, return_dtype=pl.String))


def _quoted(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    address = scheme.lower() + separator + rest if separator else url
    address = quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", address), safe="-._~:/?#!$&'()*+,;=%")
    # Guatecompras names files by what was uploaded: a # is part of the name, and left as it is would cut it off.
    start, fragment, rest = address.partition("#")
    return start + ("%23" if address.startswith(_OWN) else fragment) + rest.replace("#", "%23") if fragment else start
