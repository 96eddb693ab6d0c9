"""From compiled records to flat tables: twelve of them, typed, each with `ocid`, `nog` and its parents' keys.

Which column holds which OCDS path is declared in `data/mapping.csv`; how the files are written is `formats/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.json as pj

from guatecompras.formats.atomic import sweep
from guatecompras.formats.parquets import TableWriter, batches
from guatecompras.months import TIME_ZONE
from guatecompras.ocds.mapping import Field, fields, table_columns

# Joins the values of a list that has no table of its own.
LIST_SEPARATOR = "; "
_JSON_BLOCK = 1 << 22

_TIME = pa.timestamp("us", TIME_ZONE)
# Documents state times six hours behind UTC always; the time zone had summer times, in 2006 last. What both have in
# common is the clock on the wall, so times are read with the one and kept with the other.
_READ_TIME = pa.timestamp("us", "Etc/GMT+6")
_OCID = ("ocid", pl.String(), "Identificador del proceso (OCID)")
_NOG = ("nog", pl.Int64(), "Número de Operación Guatecompras")


@dataclass(frozen=True)
class TableSpec:
    """A flat table: the array whose entries are its rows (empty: the record itself) and its parents' keys.

    `parents`: (array path, key column) from the outside in.
    """

    name: str
    root: str
    description: str
    parents: tuple[tuple[str, str], ...] = ()


SPECS: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        TableSpec("records", "", "Un proceso de contratación (NOG) por fila"),
        TableSpec("parties", "parties", "Entidades, unidades y proveedores de cada proceso"),
        TableSpec("party_roles", "parties/roles", "Papeles de cada participante", (("parties", "party_id"),)),
        TableSpec("items", "tender/items", "Renglones: lo que se compra"),
        TableSpec(
            "item_attributes",
            "tender/items/attributes",
            "Características de los renglones",
            (("tender/items", "item_id"),),
        ),
        TableSpec("documents", "tender/documents", "Documentos del concurso"),
        TableSpec("bids", "bids/details", "Ofertas recibidas"),
        TableSpec("awards", "awards", "Adjudicaciones"),
        TableSpec("award_suppliers", "awards/suppliers", "Proveedores de cada adjudicación", (("awards", "award_id"),)),
        TableSpec("contracts", "contracts", "Contratos"),
        TableSpec(
            "contract_documents", "contracts/documents", "Documentos de los contratos", (("contracts", "contract_id"),)
        ),
        TableSpec("releases", "", "Publicaciones (releases): la historia de cada proceso"),
    )
}
NAMES: tuple[str, ...] = tuple(SPECS)

# The table of releases is made from the releases themselves, before they are merged.
RELEASES_COLUMNS: tuple[tuple[str, pa.DataType, str, str], ...] = (
    ("id", pa.string(), "id", "Identificador de la publicación"),
    ("date", _TIME, "date", "Fecha del hecho"),
    ("publishedDate", _TIME, "publishedDate", "Fecha de registro público"),
    ("tag", pa.string(), "tag", "Tipo de publicación"),
    ("url", pa.string(), "id", "Dirección permanente de la publicación"),
    ("sha256", pa.string(), "id", "Huella sha256 de la publicación"),
)


@cache
def arrow_schema(table: str) -> pa.Schema:
    """Columns of a flat table with their types and, as field metadata, Spanish title, description and OCDS path."""
    keys = [
        _arrow_field("ocid", pa.string(), _OCID[2], "", "ocid"),
        _arrow_field("nog", pa.int64(), _NOG[2], "", "ocid"),
    ]
    if table == "releases":
        return pa.schema(
            keys + [_arrow_field(name, kind, title, "", path) for name, kind, path, title in RELEASES_COLUMNS]
        )
    spec = SPECS[table]
    keys += [_arrow_field(column, pa.string(), f"Clave en {path}", "", f"{path}/id") for path, column in spec.parents]
    own = [field for field in table_columns(table) if field.column != "ocid"]
    return pa.schema(keys + [_arrow_field(f.column, _column_type(f), f.title, f.description, f.path) for f in own])


def path_of(table: str, column: str) -> str:
    """The OCDS path that a column holds. Raises KeyError when the table has no such column."""
    return str(arrow_schema(table).field(column).metadata[b"path"], "utf-8")


def _arrow_field(name: str, kind: pa.DataType, title: str, description: str, path: str) -> pa.Field:
    return pa.field(name, kind, metadata={"title": title, "description": description, "path": path})


def _column_type(field: Field) -> pa.DataType:
    if field.type.startswith("array"):
        return pa.string()
    return _leaf_type(field)


def _leaf_type(field: Field, time: pa.DataType = _TIME) -> pa.DataType:
    if field.format == "date-time":
        return time
    if field.type == "number":
        return pa.decimal128(18, 4) if field.name == "quantity" else pa.decimal128(18, 2)
    return pa.int64() if field.type == "integer" else pa.string()


@cache
def document_schema() -> pa.Schema:
    """The Arrow schema of a compiled release, all its paths; JSON read with it gets exact decimals and wall-clock times."""
    return pa.schema(list(_struct_fields("")))


def _struct_fields(parent: str) -> Iterator[pa.Field]:
    for field in fields():
        if field.parent == parent:
            yield pa.field(field.name, _document_type(field))


def _document_type(field: Field) -> pa.DataType:
    if field.type == "array<string>":
        return pa.list_(pa.string())
    if field.type == "array<object>":
        return pa.list_(pa.struct(list(_struct_fields(field.path))))
    return pa.struct(list(_struct_fields(field.path))) if field.type == "object" else _leaf_type(field, _READ_TIME)


def read_documents(lines: Sequence[bytes]) -> pl.DataFrame:
    """Compiled releases (one JSON line each, as published) as a nested frame; none give an empty one."""
    text = b"\n".join(lines)
    if not text.strip():
        return _frame(document_schema().empty_table())
    # Blocks are read side by side; a document may reach into the next one, but no further.
    read = pj.ReadOptions(use_threads=True, block_size=max(_JSON_BLOCK, max(map(len, lines)) + 1))
    parse = pj.ParseOptions(explicit_schema=document_schema(), unexpected_field_behavior="ignore")
    return _frame(pj.read_json(BytesIO(text), read_options=read, parse_options=parse))


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def flatten(documents: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The flat tables of some compiled releases (all but `releases`), in the documents' order."""
    keyed = documents.with_columns(nog=pl.col("ocid").str.extract(r"(\d+)$").cast(pl.Int64))
    return {name: _table(keyed, spec) for name, spec in SPECS.items() if name != "releases"}


def _table(documents: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    frame = documents
    keys = ["ocid", "nog"]
    root = ""
    for path, column in spec.parents:
        frame = _explode(frame, root, path, keys).with_columns(pl.col("row").struct.field("id").alias(column))
        keys.append(column)
        root = path
    if spec.root:
        frame = _explode(frame, root, spec.root, keys)
    own = [field for field in table_columns(spec.name) if field.column != "ocid"]
    return frame.select(keys + [_value(field, spec.root) for field in own])


def _explode(frame: pl.DataFrame, root: str, path: str, keys: list[str]) -> pl.DataFrame:
    """One row (column `row`) for every entry of the array at `path`, read from the record or from the row at `root`."""
    entries = _step(path.removeprefix(root).strip("/"), start="row" if root else "")
    listed = frame.select(*keys, row=entries)
    return listed.filter(pl.col("row").list.len() > 0).explode("row", empty_as_null=False, keep_nulls=False)


def _step(relative: str, start: str) -> pl.Expr:
    parts = relative.split("/")
    expr = pl.col(start) if start else pl.col(parts.pop(0))
    for part in parts:
        expr = expr.struct.field(part)
    return expr


def _value(field: Field, root: str) -> pl.Expr:
    """One column: a leaf, the first entry of a list that has at most one, or the joined entries of a longer list."""
    relative = field.path.removeprefix(root).strip("/")
    expr: pl.Expr | None = pl.col("row") if root else None
    path = root
    for part in relative.split("/") if relative else []:
        expr = pl.col(part) if expr is None else expr.struct.field(part)
        path = f"{path}/{part}".strip("/")
        if _kind(path) == "array<object>" and path != field.path:
            expr = expr.list.first()
    assert expr is not None
    if field.format == "date-time":
        expr = _on_the_wall(expr)
    elif relative and field.type == "array<string>":
        expr = expr.list.join(LIST_SEPARATOR)
    elif field.type == "array<object>":
        names = [inner.name for inner in fields() if inner.parent == field.path]
        entry = pl.concat_str([pl.element().struct.field(name) for name in names], separator=" ", ignore_nulls=True)
        expr = expr.list.eval(entry).list.join(LIST_SEPARATOR)
        expr = pl.when(expr != "").then(expr)
    return expr.alias(field.column)


def _on_the_wall(time: pl.Expr) -> pl.Expr:
    """The same hour and minute in the local time zone."""
    return time.dt.replace_time_zone(TIME_ZONE, ambiguous="earliest", non_existent="null")


@cache
def _kinds() -> dict[str, str]:
    return {field.path: field.type for field in fields()}


def _kind(path: str) -> str:
    return _kinds()[path]


def mended(path: Path, fresh: pl.DataFrame, without: pl.Series) -> Iterator[pl.DataFrame]:
    """The rows of a flat table but for some NOGs (`without`), and of those other ones (`fresh`), all in order of nog."""
    left = fresh
    for batch in batches(path):
        cut = left["nog"].search_sorted(batch["nog"][-1], side="right")
        kept, put = batch.filter(~pl.col("nog").is_in(without.implode())), left.slice(0, cut)
        yield pl.concat([kept, put.select(kept.columns).cast(kept.schema)]).sort("nog", maintain_order=True)
        left = left.slice(cut)
    if left.height:
        yield left


def releases_table(releases: pl.DataFrame, base: str) -> pl.DataFrame:
    """The table `releases` of a batch (columns of `ocds.releases.RELEASE_COLUMNS`); `base` stands before an id in its URL.

    `sha256` is that of the release's line as published, without the line feed: whether one id still says the same.
    """

    def local(column: str) -> pl.Expr:
        return _on_the_wall(pl.col(column).str.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S"))

    return releases.select(
        "ocid",
        "nog",
        "id",
        local("date").alias("date"),
        local("publishedDate").alias("publishedDate"),
        pl.col("tag").list.join(LIST_SEPARATOR),
        pl.concat_str(pl.lit(base), "id").alias("url"),
        sha256=pl.Series([sha256(line).hexdigest() for line in releases["json"].cast(pl.Binary)], dtype=pl.String),
    )


class TableSet:
    """Writes the flat tables of a month batch by batch into a folder, `<table>.parquet` each; use it in a `with` statement.

    `rows`: rows written per table so far.
    """

    def __init__(self, folder: Path, names: Iterable[str] = NAMES) -> None:
        self._names = tuple(names)
        self.files = {name: folder / f"{name}.parquet" for name in self._names}
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> "TableSet":
        self._folder.mkdir(parents=True, exist_ok=True)
        sweep(self._folder)
        self._writers = {
            name: self._stack.enter_context(TableWriter(self.files[name], arrow_schema(name))) for name in self._names
        }
        return self

    def __exit__(self, *error: object) -> bool | None:
        return self._stack.__exit__(*error)  # type: ignore[arg-type]

    def write(self, tables: dict[str, pl.DataFrame]) -> None:
        for name, frame in tables.items():
            self._writers[name].write(frame)

    @property
    def rows(self) -> dict[str, int]:
        return {name: writer.rows for name, writer in self._writers.items()}
