"""XML: rows of a frame as elements, streamed, and the XSD that they validate against. What columns mean comes in as arguments.

`<reporte id titulo><acerca><dato nombre>…</dato></acerca><filas><fila><nog>1</nog>…</fila></filas></reporte>`: nothing is a missing
element; times have their offset; what XML 1.0 cannot hold is left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

import polars as pl

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_TIME = "%Y-%m-%dT%H:%M:%S%:z"
_FORBIDDEN = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_FORBIDDEN_HERE = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
_TYPES: Mapping[str, str] = {
    "texto": "xs:string",
    "entero": "xs:integer",
    "monto": "xs:decimal",
    "decimal": "xs:decimal",
    "momento": "xs:dateTime",
}


def plain(batch: pl.DataFrame, *, decimals: bool = True) -> pl.DataFrame:
    """Times as text with their offset; with `decimals` amounts as text with theirs, else as numbers."""
    changed = []
    for column in batch:
        if isinstance(column.dtype, pl.Datetime):
            changed.append(column.dt.strftime(_TIME))
        elif isinstance(column.dtype, pl.Decimal):
            changed.append(column.cast(pl.String) if decimals else column.cast(pl.Float64))
    return batch.with_columns(changed)


def document(
    frames: Iterable[pl.DataFrame], head: Mapping[str, str], about: Sequence[tuple[str, str]]
) -> Iterator[bytes]:
    """The document, piece by piece."""
    told = "".join(f"<dato nombre={quoteattr(_held(label))}>{escape(_held(value))}</dato>" for label, value in about)
    attributes = f"id={quoteattr(head['reporte'])} titulo={quoteattr(head['titulo'])}"
    yield f"{_HEAD}<reporte {attributes}>\n<acerca>{told}</acerca>\n<filas>\n".encode()
    for frame in frames:
        if frame.height:
            yield _rows(frame).encode()
    yield b"</filas>\n</reporte>\n"


def _held(text: str) -> str:
    return text.translate(_FORBIDDEN_HERE)


def _rows(frame: pl.DataFrame) -> str:
    cells = [_element(column) for column in plain(frame)]
    row = pl.concat_str(pl.lit("<fila>"), *cells, pl.lit("</fila>\n"))
    return "".join(plain(frame).select(row=row)["row"].to_list())


def _element(column: pl.Series) -> pl.Expr:
    value = pl.col(column.name)
    if column.dtype == pl.String:
        value = value.str.replace_all(_FORBIDDEN, "").str.replace_all("&", "&amp;", literal=True)
        value = value.str.replace_all("<", "&lt;", literal=True).str.replace_all(">", "&gt;", literal=True)
        # A parser makes a line feed of a carriage return, unless it is told what it is.
        value = value.str.replace_all("\r", "&#13;", literal=True)
    return pl.concat_str(pl.lit(f"<{column.name}>"), value, pl.lit(f"</{column.name}>")).fill_null("")


def schema(columns: Mapping[str, tuple[str, str]]) -> bytes:
    """The XSD of such a document, by its columns: name -> kind, meaning."""
    rows = "".join(
        f'<xs:element name="{name}" type="{_TYPES[kind]}" minOccurs="0"><xs:annotation><xs:documentation xml:lang="es">'
        f"{escape(meaning)}</xs:documentation></xs:annotation></xs:element>\n"
        for name, (kind, meaning) in columns.items()
    )
    return (
        f'{_HEAD}<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">\n'
        '<xs:element name="reporte"><xs:complexType><xs:sequence>\n'
        '<xs:element name="acerca"><xs:complexType><xs:sequence><xs:element name="dato" minOccurs="0" maxOccurs="unbounded">'
        '<xs:complexType><xs:simpleContent><xs:extension base="xs:string"><xs:attribute name="nombre" type="xs:string" '
        'use="required"/></xs:extension></xs:simpleContent></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>\n'
        '<xs:element name="filas"><xs:complexType><xs:sequence><xs:element name="fila" minOccurs="0" maxOccurs="unbounded">'
        f"<xs:complexType><xs:sequence>\n{rows}</xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>\n"
        '</xs:sequence><xs:attribute name="id" type="xs:string" use="required"/>'
        '<xs:attribute name="titulo" type="xs:string" use="required"/></xs:complexType></xs:element>\n</xs:schema>\n'
    ).encode()
