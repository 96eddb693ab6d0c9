"""Check: ids of awards and contracts, and numbers of entities, units and foreign suppliers, have their form.

NITs are judged by `nit_check_digit`, ids of processes and releases by `process_identifier`.
"""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.fields.cells import Column, judged
from guatecompras.quality.fields.identifiers import is_not_of_nog

_REST = "^[0-9A-Za-z-]+$"
_OF_NOG: tuple[tuple[Column, str], ...] = (
    (Column("awards", "id", "awards/id"), "GT-ADJ-{}-"),
    (Column("contracts", "id", "contracts/id"), "NOG-{}-CON-"),
)
_NUMBERS: tuple[tuple[str, str], ...] = (
    ("GT-CISP", "^[0-9]+$"),
    ("GT-GCUC", "^[0-9]+-[0-9]+$"),
    ("GT-GCID", "^[A-Z]{2}-[0-9A-Za-z]+$"),
)


def _find(month: Month) -> Finding:
    made = judged(month, ((column, is_not_of_nog(column.name, form, _REST)) for column, form in _OF_NOG))
    parties, number = month.scan("parties"), pl.col("identifier_id")
    of_scheme = [
        judge(
            parties,
            ~number.str.contains(form),
            "parties/identifier/id",
            number,
            (pl.col("identifier_scheme") == scheme) & number.is_not_null(),
        )
        for scheme, form in _NUMBERS
    ]
    return joined((made, *of_scheme))


CHECK = Check(
    id="identifier_format",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/parties",
    paths=("parties/identifier/id", *(column.path for column, _ in _OF_NOG)),
    meaning="Los identificadores de adjudicaciones, contratos, entidades, unidades y proveedores extranjeros tienen su forma.",
    description="Ids of awards and contracts, and numbers of entities, units and foreign suppliers have their form.",
    find=_find,
)
