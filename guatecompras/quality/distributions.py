"""What a month is like, in numbers that other months can be compared with: counts by method, status and category, amounts.

Whether a month differs too much is for the checks in `months/` and `versions/` to say. What is measured is published
with the month, so that a later month need not open this one's tables: names and categories are a promise.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from guatecompras import months
from guatecompras.quality.check import Distributions, Month
from guatecompras.tables import NAMES

ABSENT = "-"  # the category of what has no value
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
# A coverage is said of tables that have at least so many rows: of fewer it says nothing.
COVERED_ROWS = 100
# Tenderers from here on are counted as one category.
_MANY_TENDERERS = 5

# name -> table and the column whose values are counted
_CODES: Mapping[str, tuple[str, str]] = {
    "methods": ("records", "tender_procurementMethodDetails"),
    "statuses": ("records", "tender_statusDetails"),
    "categories": ("records", "tender_mainProcurementCategory"),
    "awardStatuses": ("awards", "statusDetails"),
    "documentTypes": ("documents", "documentTypeDetails"),
}
# name -> table and where its amounts stand
_AMOUNTS: Mapping[str, tuple[str, str]] = {
    "estimatedValues": ("records", "tender_value"),
    "awardValues": ("awards", "value"),
    "contractValues": ("contracts", "value"),
}


def measure(month: Month) -> Distributions:
    """The distributions of a month: name -> category -> number.

    | name | categories | number |
    |---|---|---|
    | age | days | from the month's end to its newest release (negative: the month is running) |
    | rows | tables | rows |
    | methods, statuses, categories, awardStatuses, documentTypes | values as published, `-`: none | rows |
    | tenderers | 1, 2, 3, 4, 5+ | concursos with so many |
    | estimatedValues, awardValues, contractValues | count, total, p10 to p99 | quetzales; only amounts above zero |
    | buyers | count, largest | buyers; concursos of the one that has most |
    | coverage | table.column | share of the rows that have a value |
    """
    queries = {
        **{name: _codes(month.scan(table), column) for name, (table, column) in _CODES.items()},
        "tenderers": _tenderers(month.scan("records")),
        **{name: _amounts(month.scan(table), column) for name, (table, column) in _AMOUNTS.items()},
        "buyers": _buyers(month.scan("records")),
        "age": month.scan("releases").select(category=pl.lit("days"), number=_age(month.month)),
    }
    found = dict(zip(queries, pl.collect_all(queries.values()), strict=True))
    filled = {table: filled_rows(month.tables[table]) for table in NAMES}
    return {
        **{name: _numbers(frame) for name, frame in found.items()},
        "rows": {table: float(rows) for table, (rows, _) in filled.items()},
        "coverage": {
            f"{table}.{column}": number / rows
            for table, (rows, columns) in filled.items()
            if rows >= COVERED_ROWS
            for column, number in columns.items()
        },
    }


def _numbers(frame: pl.DataFrame) -> dict[str, float]:
    """Categories in order, so that the same month gives the same text."""
    rows = frame.drop_nulls("number").sort("category").select("category", pl.col("number").cast(pl.Float64)).rows()
    return dict(rows)


def _codes(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return rows.group_by(category=pl.col(column).fill_null(ABSENT)).agg(number=pl.len())


def _tenderers(records: pl.LazyFrame) -> pl.LazyFrame:
    number = pl.col("tender_numberOfTenderers")
    many = pl.when(number >= _MANY_TENDERERS).then(pl.lit(f"{_MANY_TENDERERS}+")).otherwise(number.cast(pl.String))
    return records.filter(number > 0).group_by(category=many).agg(number=pl.len())


def _amounts(rows: pl.LazyFrame, value: str) -> pl.LazyFrame:
    """One currency: amounts of another would move the quantiles by its rate. Zero is how the source says 'not known'."""
    amount = pl.col(f"{value}_amount").cast(pl.Float64)
    measured = rows.filter((pl.col(f"{value}_currency") == "GTQ") & (amount > 0)).select(
        pl.len().cast(pl.Float64).alias("count"),
        # Added up as decimals: a sum of floats depends on how many threads there were.
        pl.col(f"{value}_amount").sum().cast(pl.Float64).alias("total"),
        *(amount.quantile(share).alias(f"p{share * 100:.0f}") for share in QUANTILES),
    )
    return measured.unpivot(variable_name="category", value_name="number")


def _buyers(records: pl.LazyFrame) -> pl.LazyFrame:
    sizes = records.group_by("buyer_id").len()
    measured = sizes.select(count=pl.len().cast(pl.Float64), largest=pl.col("len").max().cast(pl.Float64))
    return measured.unpivot(variable_name="category", value_name="number")


def _age(month: str) -> pl.Expr:
    end = months.Month.parse(month).end
    newest = pl.max_horizontal("date", "publishedDate").max().dt.replace_time_zone(None)
    return (newest - end) / timedelta(days=1)


def filled_rows(path: Path) -> tuple[int, dict[str, int]]:
    """Rows of a table, and how many of them have a value in each column: as the Parquet file itself says, unread."""
    with pq.ParquetFile(path) as file:
        said, names = file.metadata, file.schema_arrow.names
        nulls = dict.fromkeys(names, 0)
        for group in range(said.num_row_groups):
            for place, name in enumerate(names):
                statistics = said.row_group(group).column(place).statistics
                if statistics is None or not statistics.has_null_count:
                    return _counted(path)
                nulls[name] += statistics.null_count
        return said.num_rows, {name: said.num_rows - number for name, number in nulls.items()}


def _counted(path: Path) -> tuple[int, dict[str, int]]:
    """The same for a file that does not say: some writers leave statistics out."""
    frame = pl.scan_parquet(path).select(pl.len().alias(""), pl.all().count()).collect()
    counts = {name: int(number) for name, number in frame.row(0, named=True).items()}
    return counts.pop(""), counts
