"""What every asset says about itself: metadata, column schemas, lineage. The words come from the declared mapping."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from guatecompras import __version__, tables
from guatecompras.changes.table import SCHEMA
from guatecompras.contract import TABLES
from guatecompras.errors import GuatecomprasError
from guatecompras.month import Stage
from guatecompras.ocds import mapping

# In an asset's definition for who reads the code, in its materializations for the UI, which shows those.
LINEAGE = "dagster/column_lineage"
# Of a failure: the same may well succeed a little later.
TRANSIENT = "transient"
OWNERS = ["team:publicacion"]
_PREVIEW_ROWS, _PREVIEW_COLUMNS = 5, 8


@contextmanager
def one_line() -> Iterator[None]:
    """Errors that a person can act on fail the step with their one line, not with a traceback."""
    try:
        yield
    except GuatecomprasError as error:
        raise dg.Failure(str(error), metadata={TRANSIENT: error.transient}, allow_retries=error.transient) from error


def spec(
    key: Sequence[str],
    description: str,
    kinds: set[str],
    deps: Iterable[Sequence[str]] = (),
    metadata: Mapping[str, Any] | None = None,
    skippable: bool = False,
    freshness: dg.FreshnessPolicy | None = None,
) -> dg.AssetSpec:
    """The declaration of one asset: `key` is (layer, name), the layer is its group."""
    return dg.AssetSpec(
        dg.AssetKey(key),
        description=description,
        kinds=kinds,
        deps=[dg.AssetKey(dep) for dep in deps],
        group_name=key[0],
        owners=OWNERS,
        code_version=__version__,
        metadata=metadata,
        skippable=skippable,
        freshness_policy=freshness,
    )


def reported(key: Iterable[str], stage: Stage, name: str, **more: Any) -> dg.MaterializeResult[Any]:
    """What was materialized: path, bytes, sha256, rows, seconds and, for Parquet, a preview of the first rows."""
    entry = stage.files[name]
    path = Path(entry["path"])
    metadata: dict[str, Any] = {
        "dagster/row_count": entry["rows"],
        "dagster/partition_row_count": entry["rows"],
        "dagster/uri": path.as_uri(),
        "path": dg.MetadataValue.path(path),
        "bytes": entry["bytes"],
        "sha256": entry["sha256"],
        "seconds": round(stage.seconds, 2),
        "reused": stage.reused,
    }
    if path.suffix == ".parquet":
        metadata["preview"] = dg.MetadataValue.md(preview(path))
    return dg.MaterializeResult(asset_key=dg.AssetKey(list(key)), metadata=metadata | more)


def preview(path: Path) -> str:
    """The first rows and columns of a Parquet file as a Markdown table."""
    with pq.ParquetFile(path) as file:
        columns = file.schema_arrow.names[:_PREVIEW_COLUMNS]
        first = next(file.iter_batches(_PREVIEW_ROWS, columns=columns), None)
    return "(vacía)" if first is None else as_markdown(pl.DataFrame(first))


def as_markdown(frame: pl.DataFrame) -> str:
    """A small frame as a Markdown table."""

    def cell(value: object) -> str:
        return str("" if value is None else value).replace("|", "\\|").replace("\n", " ")[:60]

    rows = [[cell(value) for value in row] for row in frame.rows()]
    lines = [frame.columns, ["---"] * frame.width, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def source_columns(table: str) -> dg.TableSchema:
    """The contract's columns of a table."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name, str(column.dtype), constraints=dg.TableColumnConstraints(nullable=not column.essential)
            )
            for column in TABLES[table].columns
        ]
    )


def document_columns() -> dg.TableSchema:
    """The OCDS paths of a release or record."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(field.path, field.type, description=f"{field.title}. {field.description}")
            for field in mapping.fields()
        ]
    )


def table_schema(table: str) -> dg.TableSchema:
    """The columns of a flat table with their Spanish meaning."""
    return columns_of(tables.arrow_schema(table))


def columns_of(schema: pa.Schema) -> dg.TableSchema:
    """The columns of an Arrow schema whose fields say in Spanish what they mean."""

    def meaning(field: pa.Field) -> str:
        words = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        return ". ".join(words[key] for key in ("title", "description") if words.get(key))

    return dg.TableSchema(
        columns=[dg.TableColumn(field.name, str(field.type), description=meaning(field)) for field in schema]
    )


def releases_lineage() -> dg.TableColumnLineage:
    """OCDS paths from source columns."""
    return _lineage(
        {
            path: [(dg.AssetKey(["source", table]), column) for table, column in sources]
            for path, sources in mapping.releases_lineage().items()
        }
    )


def records_lineage() -> dg.TableColumnLineage:
    """OCDS paths of records from the same paths of releases."""
    releases = dg.AssetKey(["ocds", "releases"])
    return _lineage({field.path: [(releases, field.path)] for field in mapping.fields()})


def table_lineage(table: str) -> dg.TableColumnLineage:
    """Columns of a flat table from OCDS paths: of records, or of releases for the table of releases."""
    origin = dg.AssetKey(["ocds", "releases" if table == "releases" else "records"])
    columns = {}
    for field in tables.arrow_schema(table):
        columns[field.name] = [(origin, field.metadata[b"path"].decode())]
    return _lineage(columns)


def changes_lineage() -> dg.TableColumnLineage:
    """The columns of the changes: what differs between records, and the release that brought it."""
    releases, records = dg.AssetKey(["ocds", "releases"]), dg.AssetKey(["ocds", "records"])
    origins = {name: [(records, "ocid")] for name in SCHEMA.names} | {"release": [(releases, "id")]}
    return _lineage(origins)


def _lineage(columns: Mapping[str, list[tuple[dg.AssetKey, str]]]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        deps_by_column={
            name: [dg.TableColumnDep(asset_key=key, column_name=column) for key, column in origins]
            for name, origins in columns.items()
        }
    )
