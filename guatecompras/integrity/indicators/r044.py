"""R044: bidders of one concurso who share an address or a contact, as OCP's Cardinal defines it."""

import polars as pl

from guatecompras.integrity.base import CONTACTS, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, pieces


def _calculate(base: Base, told: Parameters) -> Judged:
    # Only where there are two bidders can they share anything.
    bidders = base.bidders.filter(pl.col("id").n_unique().over("nog") > 1)
    long = pl.concat(
        bidders.select("nog", "id", path=pl.lit(path), value=pl.col(column)) for column, path in CONTACTS.items()
    ).drop_nulls("value")
    same = (
        long.group_by("nog", "path", "value")
        .agg(who=pl.col("id").unique().sort(), bidders=pl.col("id").n_unique().cast(pl.Int64))
        .filter(pl.col("bidders") > 1)
        .sort("nog", "path", "value")
        .group_by("nog", maintain_order=True)
        .agg(
            most=pl.col("bidders").max(),
            # What they share may be personal: the path tells where to look, the value stays in the record.
            told=at(pl.col("nog"), "parties/{} ({})", pl.col("path"), pl.col("who").list.join(", ")),
        )
    )
    known = pl.any_horizontal(pl.col(column).is_not_null() for column in CONTACTS)
    rows = (
        bidders.group_by("nog", maintain_order=True)
        .agg(bidders=pl.col("id").n_unique(), known=known.sum())
        .join(same, on="nog", how="left")
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("most").is_not_null(),
        value=pl.col("most"),
        threshold=pl.lit(2),
        evidence=pieces(pl.col("told")),
        population="los oferentes del mismo concurso",
        size=pl.col("bidders"),
        needs={"parties/contactPoint": pl.when(pl.col("known") > 1).then(1)},
        lacking=base.without_bids(2),
        nog=pl.col("nog"),
    )


INDICATOR = Indicator(
    id="R044",
    version=1,
    name="Oferentes con los mismos datos de contacto",
    name_en="Business similarities between bidders",
    definition="Oferentes distintos del mismo concurso comparten dirección, teléfono, fax, correo o persona de contacto.",
    definition_en="Different bidders of the same process share an address, telephone, fax, e-mail or contact person.",
    level="concurso",
    topic="proveedores",
    unit="oferentes",
    fields=(
        "bids/tenderers_id",
        "parties/address_streetAddress",
        "parties/address_locality",
        "parties/contactPoint_name",
        "parties/contactPoint_email",
        "parties/contactPoint_telephone",
        "parties/contactPoint_faxNumber",
    ),
    calculate=_calculate,
    cardinal=True,
    differences=(
        "Mayúsculas, espacios y signos no distinguen; valores de relleno (un mismo carácter repetido o menos de "
        "seis) no cuentan. La dirección se compara junto con el municipio. Los oferentes se nombran en la "
        "evidencia y no reciben una señal propia."
    ),
)
