"""The call for tenders as it stands through the whole history of a NOG: who buys what, how and until when."""

from typing import Any

import orjson
import polars as pl

from guatecompras import catalogs
from guatecompras.ocds.jsontext import array, gathered, number, obj, select, stamp, string, value
from guatecompras.ocds.wording import coded, words


def described(concursos: pl.DataFrame, renglones: pl.DataFrame, caracteristicas: pl.DataFrame) -> pl.DataFrame:
    """nog, numero_oferentes, and as JSON text the buyer's and the unit's references and the pieces of the tender.

    `concursos`: with its buyers (`parties.with_buyers`).
    """
    joined = concursos.join(_items(renglones, caracteristicas), on="nog", how="left", maintain_order="left")
    ground = pl.coalesce(
        coded("sub_modalidad", words("sub_modalidades", "id", "rationale")),
        coded("modalidad", words("modalidades", "id", "rationale")),
    )
    published = string(stamp(pl.col("fecha_publicacion")))
    return select(
        joined,
        "nog",
        "numero_oferentes",
        buyer=obj({"id": string(pl.col("buyer_id")), "name": string(pl.col("buyer_name"))}),
        procuring=obj({"id": string(pl.col("unit_id")), "name": string(pl.col("unit_name"))}),
        title=string(pl.col("descripcion")),
        published=published,
        items="items",
        method=string(coded("modalidad", words("modalidades", "id", "method"))),
        methodDetails=string(coded("modalidad", words("modalidades", "id", "literal"))),
        rationale=string(ground),
        category=string(coded("objeto", catalogs.mapping("objetos", "literal", "code"))),
        otherCategories=_other_categories(),
        categories=_categories(),
        tenderType=obj(
            {
                "id": string(pl.col("tipo_concurso").cast(pl.String)),
                "description": string(coded("tipo_concurso", words("tipos_concurso", "id", "name"))),
            }
        ),
        subMethod=obj(
            {
                "id": string(pl.col("sub_modalidad").cast(pl.String)),
                "description": string(coded("sub_modalidad", words("sub_modalidades", "id", "name"))),
            }
        ),
        submission=array(string(coded("recepcion_ofertas", catalogs.mapping("recepcion", "literal", "code")))),
        period=obj({"startDate": published, "endDate": string(stamp(pl.col("fecha_cro")))}),
        value=value(pl.col("valor_estimado"), pl.col("moneda")),
    )


def _other_categories() -> pl.Expr:
    """The further objects of the purchase, each once and none that is the main one."""
    codes = catalogs.mapping("objetos", "literal", "code")
    others = pl.col("objetos_adicionales").str.replace_all(r"\s", "").str.split(",").list.unique(maintain_order=True)
    others = others.list.set_difference(pl.concat_list("objeto"))
    return _listed(others, {literal: f'"{code}"' for literal, code in codes.items()})


def _categories() -> pl.Expr:
    rows = catalogs.table("categorias").iter_rows(named=True)
    texts = {row["id"]: orjson.dumps({"id": str(row["id"]), "description": row["name"]}).decode() for row in rows}
    return _listed(pl.col("categorias").list.unique(maintain_order=True), texts)


def _listed(codes: pl.Expr, texts: dict[Any, str]) -> pl.Expr:
    """A JSON array of the texts of the codes that are known; null when there are none."""
    known = codes.list.eval(pl.element().replace_strict(texts, default=None, return_dtype=pl.String)).list.drop_nulls()
    return pl.when(known.list.len() > 0).then(pl.concat_str(pl.lit("["), known.list.join(","), pl.lit("]")))


def _items(renglones: pl.DataFrame, caracteristicas: pl.DataFrame) -> pl.DataFrame:
    """nog, items: the JSON array of a NOG's items with their attributes."""
    attribute = obj(
        {
            "id": string(pl.col("caracteristica_id")),
            "name": string(pl.col("nombre")),
            "value": string(pl.col("valor")),
        }
    )
    written = select(caracteristicas, "nog", "renglon_id", attribute=attribute)
    attributes = written.group_by("nog", "renglon_id", maintain_order=True).agg(
        attributes=gathered(pl.col("attribute"))
    )
    unspsc = pl.col("unspsc")
    item = obj(
        {
            "id": string(pl.col("renglon_id")),
            "description": string(pl.col("descripcion")),
            "classification": pl.concat_str(pl.lit('{"scheme":"UNSPSC","id":"'), unspsc, pl.lit('"}')),
            "quantity": number(pl.col("cantidad")),
            "unit": obj(
                {
                    "name": string(pl.col("unidad_medida")),
                    "value": value(pl.col("precio_unitario"), pl.col("moneda")),
                }
            ),
            "attributes": pl.col("attributes"),
        }
    )
    joined = renglones.join(attributes, on=["nog", "renglon_id"], how="left", maintain_order="left")
    return select(joined, "nog", item=item).group_by("nog", maintain_order=True).agg(items=gathered(pl.col("item")))
