"""Whom the audit is of: the whole country, a department, a municipality, an entity. How each is known and called."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from guatecompras.search import words

NOT_TOLD = "no-informado"
COUNTRY = "gt"


@dataclass(frozen=True)
class Level:
    """A kind of scope. `id`, `name`, `region`: of the columns of a concurso (`concursos.py`); `region`: the department that it is
    in, where it is a municipality."""

    one: str
    many: str
    id: pl.Expr
    name: pl.Expr
    region: pl.Expr


def slug(text: pl.Expr) -> pl.Expr:
    """A name as it stands in an address: without accents, case and signs. Ways to write one name give the same."""
    return (
        words.plain(text).str.replace_all(r"[^0-9a-z]+", "-").str.strip_chars("-").replace("", None).fill_null(NOT_TOLD)
    )


_NOBODY = pl.lit(None, pl.String)
LEVELS: Mapping[str, Level] = {
    "pais": Level("País", "Todo el país", pl.lit(COUNTRY), pl.lit("Guatemala, todo el país"), _NOBODY),
    "departamento": Level(
        "Departamento", "Departamentos", slug(pl.col("departamento")), pl.col("departamento"), _NOBODY
    ),
    "municipio": Level(
        "Municipio",
        "Municipios",
        pl.concat_str(slug(pl.col("departamento")), pl.lit("/"), slug(pl.col("municipio"))),
        pl.col("municipio"),
        pl.col("departamento"),
    ),
    "entidad": Level("Entidad", "Entidades", pl.col("entidad_id").fill_null(NOT_TOLD), pl.col("entidad"), _NOBODY),
}
