"""Guatecompras' codes and what they are called in OCDS: one small CSV a catalog in `data/catalogs/`, read here.

Which code goes into which published field is `ocds/`'s business; what a source may deliver is `contract.py`'s.
"""

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

FOLDER = Path(__file__).parent / "data" / "catalogs"

NAMES: tuple[str, ...] = tuple(sorted(path.stem for path in FOLDER.glob("*.csv")))

# Everything else in the files is text.
_NUMBERS = {name: pl.Int64() for name in ("id", "modalidad", "opened", "legacy", "awarded", "dias")}

# The catalogs that the contract's `codes` name, with the column that holds the values allowed.
_CODES = {
    "modalidades": "id",
    "sub_modalidades": "id",
    "tipos_concurso": "id",
    "categorias": "id",
    "estatus": "id",
    "monedas": "code",
}


@cache
def table(name: str) -> pl.DataFrame:
    """A catalog as a frame: ids and flags (0, 1) Int64, the rest text, an empty cell null. KeyError: no such catalog.

    | catalog | columns |
    |---|---|
    | modalidades | id, name, literal (as published), method (OCDS), rationale (legal ground, if not open) |
    | sub_modalidades | id, modalidad, name, rationale |
    | estatus | id, name, tender_status (OCDS), opened (1: offers not sealed), group, legacy (1: name unknown), awarded |
    | categorias, tipos_concurso | id, name |
    | tipos_documento | literal (single spaces), document_type (OCDS; null where the codelist has none) |
    | monedas | code (ISO 4217) |
    | unspsc_segmentos | code (two digits), name: the segments of UNSPSC |
    | extensiones_archivo | extension (lower case), media_type (IANA) |
    | estados | tabla, literal, code (OCDS), details (as published) |
    | objetos, recepcion | literal, code (OCDS) |
    | eventos | tipo, tag_first (release tag of a NOG's first event of the kind), tag_again (of later ones) |
    | umbrales | id, modalidad, desde, hasta (null: in force), maximo (GTQ, by law), ley |
    | plazos | id, modalidad, desde, dias (at least, to make offers), clase (calendario, hábiles), ley (article) |

    estatus.awarded: 1 there is an award in force, 0 there is none, null both may be. The reforms of the thresholds are
    dated to the month by our sources: the months in which they changed are in no row of umbrales.
    """
    if name not in NAMES:
        raise KeyError(f"no catalog {name!r}: there are {', '.join(NAMES)}")
    text = pl.read_csv(FOLDER / f"{name}.csv", infer_schema=False)
    return text.cast({column: kind for column, kind in _NUMBERS.items() if column in text.columns})


def mapping(name: str, key: str, value: str) -> dict[Any, Any]:
    """One column of a catalog by another; rows where either is null are left out."""
    rows = table(name).select(key, value).drop_nulls()
    return dict(zip(rows[key].to_list(), rows[value].to_list(), strict=True))


@cache
def codes(name: str) -> frozenset[Any]:
    """The values that a contract column with `codes=name` may hold (int, currencies str). KeyError: no such catalog."""
    return frozenset(table(name)[_CODES[name]].to_list())
