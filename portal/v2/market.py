"""The market by UNSPSC family: /api/v2/mercado."""

from typing import Annotated, Literal

import msgspec
import polars as pl
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from guatecompras.formats.csvs import as_csv
from guatecompras.market.columns import MONEY, TABLES
from portal.filters import once
from portal.http.answers import respond
from portal.http.errors import absent
from portal.http.requests import edition
from portal.market import Detail, Family, Market, Window, of_edition
from portal.v2 import described
from portal.v2.forms import MEDIA, Form, form_of, lines

router = APIRouter(prefix="/api/v2", tags=["Mercado"], dependencies=[Depends(once)])

Code = Annotated[str, Path(pattern=r"^\d{4}$", description="Familia UNSPSC: cuatro cifras", examples=["4213"])]


class Wanted(BaseModel):
    """Families."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(
        "",
        max_length=200,
        description="Comienzo del código, o palabras del segmento o de los renglones más frecuentes.",
        examples=["guantes"],
    )
    ventana: Window = Field("24m", description="`24m`: convocados en los últimos 24 meses; `todo`: todo lo publicado.")
    sort: Literal[
        "-concursos", "concursos", "-monto", "monto", "-mediana", "mediana", "-oferentes", "oferentes", "familia", "-familia"
    ] = Field("-concursos", description="Orden; con `-` de mayor a menor.")  # fmt: skip
    formato: Form | None = Field(None, description="Forma de la respuesta; va antes que el encabezado `Accept`.")


def _market(request: Request) -> Market:
    found = of_edition(edition(request))
    if found is None:
        raise absent("El mercado todavía no se ha calculado en esta publicación.")
    return found


_PAGE = {
    "type": "object",
    "required": ["version", "total", "results"],
    "properties": {
        "version": {"type": "string", "description": "Versión del mercado: cambia solo cuando cambian sus datos"},
        "total": {"type": "integer", "minimum": 0},
        "results": {"type": "array", "items": described.schema_of(Family)},
    },
}
_MONEY = [column.name for column in TABLES["familias"].columns if column.kind == MONEY]


@router.get(
    "/mercado",
    summary="El mercado por familia de productos",
    responses=described.listed(Family, "Las familias, todas de una vez")
    | {
        200: {
            "description": "Las familias, todas de una vez",
            "content": {
                "application/json": {"schema": _PAGE},
                "text/csv": {"schema": {"type": "string"}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        }
    },
)
def families(request: Request, asked: Annotated[Wanted, Query()]) -> Response:
    """Cuánto se compra de cada familia UNSPSC (los renglones por las primeras cuatro cifras de su código), quiénes compran y
    venden, cuántos compiten, por cuánto se adjudica y en cuánto tiempo. Las adjudicaciones son del concurso entero: los montos son
    de los concursos que solo compran de la familia; los demás van aparte, en `monto_compartido`. Donde hay pocos casos no hay
    mediana ni parte: cuántos hay lo dicen `con_monto`, `con_oferentes` y `con_dias`."""
    form = form_of(request, asked.formato)
    market = _market(request)
    found = market.families(asked.ventana, asked.q, asked.sort)
    headers = {"X-Total-Count": str(found.height)}
    if form == "csv":
        body = as_csv(found.with_columns(pl.col(_MONEY).cast(MONEY)))
    else:
        rows = [Family(**row) for row in found.iter_rows(named=True)]
        told = {"version": market.version, "total": found.height, "results": rows}
        body = lines(rows) if form == "jsonl" else msgspec.json.encode(told)
    return respond(request, body, MEDIA[form], modified=edition(request).modified, headers=headers)


@router.get(
    "/mercado/{familia}",
    summary="Una familia de productos",
    responses=described.one("Todo de la familia", described.schema_of(Detail)),
)
def family(request: Request, familia: Code) -> Response:
    """La familia en los últimos 24 meses y en todo lo publicado, por modalidad (por cuánto se adjudican concursos parecidos y
    cuántos ofertan), mes por mes, en qué meses del año se convoca, y quiénes compran y venden más. Las personas individuales van
    juntas."""
    found = _market(request).detail(familia)
    if found is None:
        raise absent(f"No hay concursos publicados con renglones de la familia {familia}.")
    return respond(request, msgspec.json.encode(found), MEDIA["json"], modified=edition(request).modified)
