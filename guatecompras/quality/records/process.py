"""What the checks of this room share: rows beside their process, dates in order, amounts, what stands. No check itself."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import polars as pl

from guatecompras import catalogs
from guatecompras.errors import GuatecomprasError
from guatecompras.quality.check import Finding, Month, joined, judge

MOMENT = "%Y-%m-%dT%H:%M:%S%:z"
DAY = "%Y-%m-%d"

# Every amount that is published: the path of its value, its table, the columns of the amount and of its currency.
AMOUNTS: tuple[tuple[str, str, str, str], ...] = (
    ("tender/value", "records", "tender_value_amount", "tender_value_currency"),
    ("tender/items/unit/value", "items", "unit_value_amount", "unit_value_currency"),
    ("bids/details/value", "bids", "value_amount", "value_currency"),
    ("awards/value", "awards", "value_amount", "value_currency"),
    ("contracts/value", "contracts", "value_amount", "value_currency"),
)


def beside(month: Month, table: str, columns: Sequence[str], **record: str) -> pl.LazyFrame:
    """`nog` and columns of a table and, under other names, columns of the row's record."""
    of_record = month.scan("records").select("nog", **{name: pl.col(column) for name, column in record.items()})
    return month.scan(table).select("nog", *columns).join(of_record, on="nog", how="left")


def in_order(rows: pl.LazyFrame, orders: Iterable[tuple[str, str, str]], form: str = MOMENT) -> Finding:
    """Judge pairs of times: path, the earlier column, the later one; a row applies where both are there.

    `form`: MOMENT compares to the second, DAY the local days.
    """
    frame = rows.collect().lazy()

    def at(column: str) -> pl.Expr:
        return pl.col(column).dt.date() if form == DAY else pl.col(column)

    return joined(
        judge(
            frame,
            at(earlier) > at(later),
            path,
            pl.concat_str(pl.col(later).dt.to_string(form), pl.lit(" < "), pl.col(earlier).dt.to_string(form)),
            pl.col(earlier).is_not_null() & pl.col(later).is_not_null(),
        )
        for path, earlier, later in orders
    )


def awards_in_force(month: Month) -> pl.LazyFrame:
    return month.scan("awards").filter(pl.col("status") == "active")


def contracts_in_force(month: Month) -> pl.LazyFrame:
    """Those that were not annulled: what is terminated was in force."""
    return month.scan("contracts").filter(pl.col("status").is_in(["active", "terminated"]))


def awarded() -> pl.Expr:
    """What `tender_statusDetails` says of awards in force: 1 there is one, 0 there is none, null nothing."""
    return pl.col("tender_statusDetails").replace_strict(_awarded(), default=None, return_dtype=pl.Int64)


@cache
def _awarded() -> dict[str, int]:
    return catalogs.mapping("estatus", "name", "awarded")


def modality() -> pl.Expr:
    """The code of the modality that `tender_procurementMethodDetails` names; of codes with one name the newest."""
    codes = catalogs.mapping("modalidades", "literal", "id")
    return pl.col("tender_procurementMethodDetails").replace_strict(codes, default=None, return_dtype=pl.Int64)


def pair(left: str, right: str) -> pl.Expr:
    """Two columns as a failure shows them; what is absent as a dash."""
    return pl.concat_str(*(pl.col(column).cast(pl.String).fill_null("-") for column in (left, right)), separator=" / ")


def number(month: Month, check: str, name: str) -> float:
    """A parameter of a check's rule. GuatecomprasError: it is no number."""
    value = month.parameters(check).get(name)
    if not isinstance(value, float | int):
        raise GuatecomprasError(f"rule of {check}: parameter {name} must be a number")
    return value


def judged_amounts(month: Month, fails: Callable[[pl.Expr], pl.Expr]) -> Finding:
    """Every amount of AMOUNTS that is there, by `fails` of its column."""
    return joined(
        judge(
            month.scan(table).select("nog", amount),
            fails(pl.col(amount)),
            f"{path}/amount",
            amount,
            pl.col(amount).is_not_null(),
        )
        for path, table, amount, _ in AMOUNTS
    )


AMOUNT_PATHS = tuple(f"{path}/amount" for path, *_ in AMOUNTS)
