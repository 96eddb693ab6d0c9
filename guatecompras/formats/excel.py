"""Excel: the flat tables as one workbook, written row by row in bounded memory. Texts about them come in as arguments.

The rows of a batch are built as SpreadsheetML text by Polars, column by column, and streamed into the archive. Texts
are inline and in cells of the format "text" (@): an identifier keeps its zeros, a formula stays a text, even edited.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from guatecompras.formats.archive import Writable, ZipWriter
from guatecompras.formats.deflating import Blocks
from guatecompras.formats.parquets import batches, schema_of

ABOUT_TITLE = "Acerca de"
MAX_ROWS = 1_048_575  # data rows a sheet holds under its header
MAX_TEXT = 32_767  # UTF-16 units a cell holds

_CELLS = 150_000  # built at once: more is not faster, only larger
_WIDTHS = (8, 60)  # characters
_WIDTH_SAMPLE = 200  # rows
_ABOUT_WIDTHS = [32, 90, 14]
_HEIGHT = 15  # points a line
_EXACT_INTEGER = 10**15  # from here on a spreadsheet's 15 digits are not enough
_MICROSECONDS_A_DAY = 86_400_000_000
_EPOCH = 25_569  # 1970-01-01 in Excel's days
_FIRST_TRUE_DAY = 61  # 1900-03-01: before it Excel counts a 29 February 1900 that never was

# Cell formats, by their place in cellXfs of _STYLES.
_PLAIN, _TEXT, _HEADER, _TIME, _MONEY, _QUANTITY, _LABEL, _WRAPPED, _COUNT = range(9)

_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MARGINS = '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

_STYLES = (
    f'{_XML}<styleSheet xmlns="{_NAMESPACE}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
    '<numFmt numFmtId="165" formatCode="#,##0.00##"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFDDE6F2"/></patternFill></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="9"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1">'
    '<alignment vertical="top"/></xf>'
    '<xf numFmtId="49" fontId="1" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" '
    'applyAlignment="1"><alignment vertical="top"/></xf>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1">'
    '<alignment vertical="top" wrapText="1"/></xf>'
    '<xf numFmtId="3" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1">'
    '<alignment horizontal="left" vertical="top"/></xf></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_CORE = (
    f'{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
    'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<dcterms:created xsi:type="dcterms:W3CDTF">1980-01-01T00:00:00Z</dcterms:created>'
    '<dcterms:modified xsi:type="dcterms:W3CDTF">1980-01-01T00:00:00Z</dcterms:modified></cp:coreProperties>'
)


@dataclass(frozen=True)
class SheetInfo:
    """How a table shows: `title` names its sheet (up to 31 characters, none of `[]:*?/\\`); both in Spanish."""

    title: str
    description: str = ""


class Written(dict[str, int]):
    """Rows written, by table; `cut`: the cells whose text was too long for Excel and lost its end, by table."""

    def __init__(self, rows: Mapping[str, int], cut: Mapping[str, int]) -> None:
        super().__init__(rows)
        self.cut = dict(cut)


@dataclass(frozen=True)
class _Table:
    name: str
    path: Path
    schema: pl.Schema
    rows: int
    description: str
    sheets: list[tuple[str, int]]  # titles and rows, in order

    @property
    def titles(self) -> list[str]:
        return [title for title, _ in self.sheets]


def write_workbook(
    tables: Mapping[str, Path],
    out: Path,
    about: Sequence[tuple[str, str | int]],
    sheets: Mapping[str, SheetInfo] | None = None,
    rows_per_sheet: int = MAX_ROWS,
    blocks: Blocks | None = None,
) -> Written:
    """Write the Parquet files as sheets of one workbook, after a sheet "Acerca de"; atomically.

    `about`: labels and values in Spanish, shown first, before the list of sheets. A table without an entry in `sheets`
    goes under its own name; one with more than `rows_per_sheet` rows goes on in "<title> (2)" and so on. Text is cut at
    32,767 characters with "…"; control characters that XML cannot hold are left out; integers past 15 digits and times
    before March 1900 become text. Raises ValueError for a title Excel refuses, GuatecomprasError for a table that
    cannot be read, StoreError when the workbook cannot be written.
    """
    known = sheets or {}
    plan = [_planned(name, path, known.get(name, SheetInfo(name)), rows_per_sheet) for name, path in tables.items()]
    titles = [ABOUT_TITLE, *(title for table in plan for title in table.titles)]
    _check_titles(titles)
    cut = {}
    with ZipWriter(out, blocks=blocks) as archive:
        for name, text in _parts(plan, titles).items():
            with archive.entry(name) as stream:
                stream.write(text.encode())
        number = 2
        for table in plan:
            cut[table.name] = _write_table(archive, table, number, rows_per_sheet)
            number += len(table.titles)
        # Last, because only now it is known what had to be cut.
        with archive.entry(_sheet_path(1)) as stream:
            stream.write(_about_sheet(about, plan, sum(cut.values())).encode())
    return Written({table.name: table.rows for table in plan}, cut)


def _planned(name: str, path: Path, info: SheetInfo, limit: int) -> _Table:
    schema, rows = schema_of(path)
    starts = range(0, max(rows, 1), limit)
    sheets = [(_continued(info.title, place), min(limit, rows - start)) for place, start in enumerate(starts, start=1)]
    return _Table(name, path, schema, rows, info.description, sheets)


def _continued(title: str, number: int) -> str:
    suffix = f" ({number})" if number > 1 else ""
    return title[: 31 - len(suffix)] + suffix if suffix else title


def _check_titles(titles: list[str]) -> None:
    for title in titles:
        if not 0 < len(title.encode("utf-16-le")) // 2 <= 31 or re.search(r"[\[\]:*?/\\\x00-\x1f]|^'|'$", title):
            raise ValueError(f"'{title}' cannot name a sheet of a workbook")
    if len({title.casefold() for title in titles}) < len(titles):
        raise ValueError("two sheets of the workbook would have the same name")


# The sheets of the tables.


def _write_table(archive: ZipWriter, table: _Table, number: int, limit: int) -> int:
    """Write one table into its sheets, the first being `number`; returns the cells cut."""
    source = batches(table.path, max(1, _CELLS // max(1, len(table.schema))))
    first = next(source, pl.DataFrame(schema=table.schema))
    widths = _widths(first.head(_WIDTH_SAMPLE))
    cut = 0
    for sheet, frames in groupby(_by_sheet(chain([first], source), limit), key=lambda piece: piece[0]):
        rows = table.sheets[sheet][1]
        with archive.entry(_sheet_path(number + sheet)) as stream:
            stream.write(_sheet_head(table, rows, widths).encode())
            cut += _write_rows(stream, (frame for _, frame in frames))
            stream.write(_sheet_foot(table, rows).encode())
    return cut


def _by_sheet(frames: Iterator[pl.DataFrame], limit: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Each frame with the number (from 0) of the sheet it belongs to, cut where one sheet ends."""
    sheet, room = 0, limit
    for frame in frames:
        rest = frame
        while rest.height > room:
            if room:
                yield sheet, rest.head(room)
            rest = rest.slice(room)
            sheet, room = sheet + 1, limit
        yield sheet, rest
        room -= rest.height


def _write_rows(stream: Writable, frames: Iterator[pl.DataFrame]) -> int:
    row, cut = 2, 0
    for frame in frames:
        if frame.height:
            xml, cells = _rows_xml(frame, row)
            stream.write(xml)
            row, cut = row + frame.height, cut + cells
    return cut


def _rows_xml(frame: pl.DataFrame, first_row: int) -> tuple[bytes, int]:
    """The `<row>` elements of a batch, and how many of its cells were cut. Empty cells are left out."""
    cut = 0
    columns: list[pl.Series] = []
    cells: list[pl.Expr] = []
    for index, column in enumerate(frame):
        cell = f'<c r="{_letters(index)}'
        held, shortened = _cut(column) if column.dtype == pl.String else (column, 0)
        values, expression = _cell(held.alias(f"c{index}"), cell)
        cut += shortened
        columns += values
        cells.append(expression)
    last = first_row + frame.height
    columns.append(pl.int_range(first_row, last, eager=True).cast(pl.String).alias("row"))
    row = pl.concat_str(pl.lit('<row r="'), "row", pl.lit('">'), *cells, pl.lit("</row>"), ignore_nulls=True)
    return pl.DataFrame(columns).select(row.str.join("")).item().encode(), cut


def _cell(column: pl.Series, cell: str) -> tuple[list[pl.Series], pl.Expr]:
    """A column as the texts its cells need, and the expression that makes XML of them (null where a cell is empty)."""
    dtype, name = column.dtype, column.name
    if isinstance(dtype, pl.Datetime):
        return _time_cell(column, cell)
    if dtype == pl.Boolean:
        return [column.cast(pl.Int8).cast(pl.String)], _element(cell, '" t="b"><v>', name, "</v></c>")
    if isinstance(dtype, pl.Decimal):
        style = _MONEY if dtype.scale == 2 else _QUANTITY
        return [column.cast(pl.String)], _element(cell, f'" s="{style}"><v>', name, "</v></c>")
    if dtype.is_integer():
        large = (column >= _EXACT_INTEGER) | (column <= -_EXACT_INTEGER)
        return _number_or_text(column.cast(pl.String), column.cast(pl.String), large, cell, _PLAIN)
    if dtype.is_float():
        return [column.cast(pl.String)], _element(cell, '"><v>', name, "</v></c>")
    return _text_cell(column.cast(pl.String), cell)


def _element(cell: str, opening: str, value: str, closing: str) -> pl.Expr:
    return pl.concat_str(pl.lit(cell), "row", pl.lit(opening), value, pl.lit(closing))


def _text_element(cell: str, value: str) -> pl.Expr:
    return _element(cell, f'" s="{_TEXT}" t="inlineStr"><is><t>', value, "</t></is></c>")


def _text_cell(column: pl.Series, cell: str) -> tuple[list[pl.Series], pl.Expr]:
    name = column.name
    if not column.str.contains(_SPECIAL).any():
        return [column], _text_element(cell, name)
    edge = column.str.contains(r"^\s|\s$")
    column = _escaped(column)
    if not edge.any():
        return [column], _text_element(cell, name)
    kept = _element(cell, f'" s="{_TEXT}" t="inlineStr"><is><t xml:space="preserve">', name, "</t></is></c>")
    flag = f"{name}_edge"
    return [column, edge.alias(flag)], pl.when(flag).then(kept).otherwise(_text_element(cell, name))


def _time_cell(column: pl.Series, cell: str) -> tuple[list[pl.Series], pl.Expr]:
    local = column.dt.replace_time_zone(None).dt.cast_time_unit("us")
    # Ten decimals of a day are 9 microseconds: finer than the thousandths that Excel shows, and the shortest text.
    days = (local.cast(pl.Int64) / _MICROSECONDS_A_DAY + _EPOCH).round(10)
    text = column.dt.strftime("%Y-%m-%d %H:%M:%S")
    return _number_or_text(days.cast(pl.String), text, days < _FIRST_TRUE_DAY, cell, _TIME)


def _number_or_text(
    number: pl.Series, text: pl.Series, as_text: pl.Series, cell: str, style: int
) -> tuple[list[pl.Series], pl.Expr]:
    """A number cell, or a text where Excel's numbers would say something else."""
    name = number.name
    plain = _element(cell, f'" s="{style}"><v>' if style else '"><v>', name, "</v></c>")
    if not as_text.any():
        return [number], plain
    columns = [number, text.alias(f"{name}_text"), as_text.alias(f"{name}_flag")]
    return columns, pl.when(f"{name}_flag").then(_text_element(cell, f"{name}_text")).otherwise(plain)


# Texts in XML. Excel reads _x0041_ in a text as "A", so what looks like that is escaped (_x005F_ is the underscore).

_ILLEGAL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_CODED = r"_x[0-9A-Fa-f]{4}_"
_SPECIAL = rf"[&<>\r]|{_ILLEGAL}|{_CODED}|^\s|\s$"
# A line end is one line feed, as an XML reader would have it anyway.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r\n": "\n", "\r": "\n"}


def _escaped(column: pl.Series) -> pl.Series:
    value = pl.col("v").str.replace_all(_ILLEGAL, "")
    coded = value.str.replace_all("_x", "_x005F_x", literal=True)
    value = pl.when(value.str.contains(_CODED)).then(coded).otherwise(value)
    value = value.str.replace_many(list(_ENTITIES), list(_ENTITIES.values()), leftmost=True)
    return pl.DataFrame({"v": column}).select(value).to_series().alias(column.name)


def _cut(column: pl.Series) -> tuple[pl.Series, int]:
    """Shorten the texts that no cell can hold; returns how many. Bytes are looked at first: few texts have so many."""
    suspects = column.str.len_bytes() > MAX_TEXT
    if not suspects.any():
        return column, 0
    texts = {text: _shortened(text) for text in column.filter(suspects).unique().to_list()}
    changed = {old: new for old, new in texts.items() if new != old}
    if not changed:
        return column, 0
    hits = int(column.is_in(list(changed)).sum())
    return column.replace(changed), hits


def _shortened(text: str) -> str:
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_TEXT:
        return text
    return units[: 2 * (MAX_TEXT - 1)].decode("utf-16-le", errors="ignore") + "…"


# The rest of a sheet.


def _widths(sample: pl.DataFrame) -> list[int]:
    """Column widths in characters, from the first rows and the heading (with room for the filter's button)."""
    low, high = _WIDTHS
    return [min(high, max(low, len(column.name) + 4, 2 + _longest(column))) for column in sample]


def _longest(column: pl.Series) -> int:
    if isinstance(column.dtype, pl.Datetime):
        return len("2026-05-01 12:03:11")
    longest: int = max(column.cast(pl.String).str.len_chars().drop_nulls().to_list(), default=0)
    # A third more for the separators of thousands.
    return longest * 4 // 3 if isinstance(column.dtype, pl.Decimal) else longest


def _sheet_head(table: _Table, rows: int, widths: list[int]) -> str:
    header = "".join(_plain_cell(f"{_letters(index)}1", name, _HEADER) for index, name in enumerate(table.schema))
    return (
        f'{_XML}<worksheet xmlns="{_NAMESPACE}"><dimension ref="{_range(table, rows)}"/>'
        '<sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="{_HEIGHT}"/>{_columns(widths)}<sheetData><row r="1">{header}</row>'
    )


def _columns(widths: list[int]) -> str:
    # Excel adds five pixels of padding to the characters: 5/7 of a character, in steps of 1/256.
    each = "".join(
        f'<col min="{number}" max="{number}" width="{width}.7109375" customWidth="1"/>'
        for number, width in enumerate(widths, start=1)
    )
    return f"<cols>{each}</cols>"


def _sheet_foot(table: _Table, rows: int) -> str:
    area = _range(table, rows)
    return (
        f'</sheetData><autoFilter ref="{area}"/>{_MARGINS}'
        f'<ignoredErrors><ignoredError sqref="{area}" numberStoredAsText="1"/></ignoredErrors></worksheet>'
    )


def _about_sheet(about: Sequence[tuple[str, str | int]], plan: list[_Table], cut: int) -> str:
    lines: list[list[tuple[str | int, int]]] = [
        [(label, _LABEL), (value, _COUNT if isinstance(value, int) else _WRAPPED)] for label, value in about
    ]
    lines += [[], [(heading, _HEADER) for heading in ("Hoja", "Contenido", "Filas")]]
    lines += [[(table.titles[0], _LABEL), (table.description, _WRAPPED), (table.rows, _COUNT)] for table in plan]
    notes = [
        f"La hoja «{table.titles[0]}» continúa en: {', '.join(f'«{title}»' for title in table.titles[1:])}."
        for table in plan
        if len(table.titles) > 1
    ]
    if cut:
        notes.append(
            f"Textos recortados por el límite de Excel (32,767 caracteres por celda): {cut}. "
            "Terminan en «…» y están completos en los otros formatos."
        )
    lines += [[]] * bool(notes) + [[("Nota", _LABEL), (note, _WRAPPED)] for note in notes]
    rows = "".join(
        f'<row r="{number}" ht="{_HEIGHT * _lines(line)}" customHeight="1">'
        + "".join(_plain_cell(f"{_letters(index)}{number}", *cell) for index, cell in enumerate(line))
        + "</row>"
        for number, line in enumerate(lines, start=1)
    )
    return (
        f'{_XML}<worksheet xmlns="{_NAMESPACE}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<dimension ref="A1:C{len(lines)}"/>'
        '<sheetViews><sheetView showGridLines="0" tabSelected="1" workbookViewId="0"/></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="{_HEIGHT}"/>{_columns(_ABOUT_WIDTHS)}<sheetData>{rows}</sheetData>{_MARGINS}'
        '<pageSetup orientation="landscape" fitToHeight="0"/></worksheet>'
    )


def _lines(cells: list[tuple[str | int, int]]) -> int:
    """How many lines the cells of a row wrap to, roughly; not every program finds out for itself."""
    texts = [(str(value), width * 9 // 10) for (value, _), width in zip(cells, _ABOUT_WIDTHS, strict=False)]
    return max((sum(1 + len(part) // width for part in text.split("\n")) for text, width in texts), default=1)


def _plain_cell(reference: str, value: str | int, style: int) -> str:
    if isinstance(value, int):
        return f'<c r="{reference}" s="{style}"><v>{value}</v></c>'
    text = _escaped(pl.Series([_shortened(value)])).item()
    return f'<c r="{reference}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _letters(index: int) -> str:
    """The letters of a column, counted from 0: A … Z, AA …"""
    letters, number = "", index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _range(table: _Table, rows: int) -> str:
    return f"A1:{_letters(max(0, len(table.schema) - 1))}{rows + 1}"


# The parts of the package that do not depend on the rows.


def _sheet_path(number: int) -> str:
    return f"xl/worksheets/sheet{number}.xml"


def _parts(plan: list[_Table], titles: list[str]) -> dict[str, str]:
    return {
        "[Content_Types].xml": _content_types(len(titles)),
        "_rels/.rels": _relations(
            [
                (f"{_RELATIONS}/officeDocument", "xl/workbook.xml"),
                (f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
            ]
        ),
        "docProps/core.xml": _CORE,
        "xl/workbook.xml": _workbook(plan, titles),
        "xl/_rels/workbook.xml.rels": _relations(
            [(f"{_RELATIONS}/worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(titles) + 1)]
            + [(f"{_RELATIONS}/styles", "styles.xml")]
        ),
        "xl/styles.xml": _STYLES,
    }


def _content_types(sheets: int) -> str:
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    overrides = {"/xl/workbook.xml": f"{main}.sheet.main+xml", "/xl/styles.xml": f"{main}.styles+xml"}
    overrides["/docProps/core.xml"] = "application/vnd.openxmlformats-package.core-properties+xml"
    overrides |= {f"/{_sheet_path(number)}": f"{main}.worksheet+xml" for number in range(1, sheets + 1)}
    return (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        + "".join(f'<Override PartName="{part}" ContentType="{kind}"/>' for part, kind in overrides.items())
        + "</Types>"
    )


def _relations(relations: list[tuple[str, str]]) -> str:
    return (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'
            for number, (kind, target) in enumerate(relations, start=1)
        )
        + "</Relationships>"
    )


def _workbook(plan: list[_Table], titles: list[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(title)} sheetId="{number}" r:id="rId{number}"/>'
        for number, title in enumerate(titles, start=1)
    )
    # Excel keeps each filter's area under a hidden name, and repairs the workbook when it is not there.
    names = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{index}" hidden="1">{escape(area)}</definedName>'
        for index, area in enumerate(_filter_areas(plan), start=1)
    )
    filters = f"<definedNames>{names}</definedNames>" if names else ""
    return (
        f'{_XML}<workbook xmlns="{_NAMESPACE}" xmlns:r="{_RELATIONS}">'
        f'<bookViews><workbookView activeTab="0"/></bookViews><sheets>{sheets}</sheets>{filters}</workbook>'
    )


def _filter_areas(plan: list[_Table]) -> Iterator[str]:
    for table in plan:
        for title, rows in table.sheets:
            quoted = title.replace("'", "''")
            yield f"'{quoted}'!$A$1:${_letters(len(table.schema) - 1)}${rows + 1}"
