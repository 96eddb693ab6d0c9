"""What the audit asks of each concurso and award, of a month's published tables: one row a concurso, one a supplier of an award.

The rows are those of the predefined reports (`reports/report.py`); what is counted of them is `indicators.py`'s business.
"""

from pathlib import Path

import polars as pl

from guatecompras import catalogs
from guatecompras.audit.fields import FIELDS
from guatecompras.audit.parameters import Parameters
from guatecompras.people import is_person
from guatecompras.reports.report import HOME, MONEY, NEEDED, Base, scan

TABLES = (*NEEDED, "documents")
_DAY = 24 * 60
_DESERTED = 5


def read(folder: Path, month: str, told: Parameters) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The concursos of a month, and who was awarded what in them, by the folder of the month's version."""
    base = Base(scan([folder]), lambda rows: rows, {})
    concursos, awarded = pl.collect_all([_concursos(base, told), _awarded(base)])
    return concursos.with_columns(mes=pl.lit(month)).sort("nog"), awarded.sort("nog", "proveedor")


def _awarded(base: Base) -> pl.LazyFrame:
    """Awards in force, one row a concurso and supplier. Amounts are exact, for sums must not depend on their order."""
    rows = base.awarded.with_columns(pl.col("monto").cast(MONEY), persona=is_person(pl.col("organizacion")))
    return rows.group_by("nog", "proveedor").agg(
        pl.col("nombre").max(), pl.col("monto").sum(), persona=pl.col("persona").any()
    )


def _concursos(base: Base, told: Parameters) -> pl.LazyFrame:
    joined = base.concursos
    for beside in (_records(base), _awards(base), _contracts(base), _items(base), _documents(base), _bids(base)):
        joined = joined.join(beside, on="nog", how="left")
    took = (pl.col("primera") - pl.col("fecha_publicacion")).dt.total_minutes() / _DAY
    estado = pl.col("estatus_id").replace_strict(
        catalogs.mapping("estatus", "id", "tender_status"), default=None, return_dtype=pl.String
    )
    open_, awarded = (pl.col("metodo") == "open").fill_null(value=False), pl.col("adjudicaciones") > 0
    named = joined.with_columns(
        entidad_id=pl.col("entidad_identificador"),
        estado=pl.coalesce("estado", estado),
        monto=pl.col("monto_adjudicado").fill_null(0),
        abierto=open_,
        adjudicado=awarded,
        desierto=(pl.col("estatus_id") == _DESERTED).fill_null(value=False),
        directa=pl.col("modalidad_id").is_in(told.direct),
        # Who was awarded had offered, so nobody having offered is something that was not told.
        oferentes=pl.when(pl.col("oferentes") > 0).then(pl.col("oferentes")),
        # Only a call that all may answer takes time that can be compared; an award before the call is a slip of the pen.
        dias=pl.when(open_ & awarded & (took >= 0)).then(took),
        contrato=pl.col("contratos").fill_null(0) > 0,
    )
    judged = named.with_columns(
        field.applies.fill_null(value=False).alias(f"pide_{field.id}") for field in FIELDS
    ).with_columns(
        (pl.col(f"pide_{field.id}") & field.holds.fill_null(value=False)).alias(f"tiene_{field.id}") for field in FIELDS
    )
    return judged.select(
        "nog", "entidad_id", "entidad", "departamento", "municipio", "modalidad", "metodo", "estado", "monto",
        "otra_moneda", "abierto", "adjudicado", "adjudicaciones", "desierto", "directa", "oferentes", "dias", "contrato",
        *(f"{word}_{field.id}" for word in ("pide", "tiene") for field in FIELDS),
    )  # fmt: skip


def _records(base: Base) -> pl.LazyFrame:
    return base.tables("records").select("nog", metodo="tender_procurementMethod", estado="tender_status")


def _awards(base: Base) -> pl.LazyFrame:
    named = _suppliers(base)
    active = base.tables("awards").filter(pl.col("status") == "active")
    foreign = (pl.col("value_currency") != HOME).fill_null(value=False)
    return (
        active.join(named, left_on=["nog", "id"], right_on=["nog", "award_id"], how="left")
        .group_by("nog")
        .agg(
            primera=pl.col("date").min(),
            otra_moneda=foreign.sum().cast(pl.Int64),
            con_valor=pl.col("value_amount").is_not_null().all(),
            con_fecha=pl.col("date").is_not_null().all(),
            con_proveedor=pl.col("conocido").fill_null(value=False).all(),
        )
    )


def _suppliers(base: Base) -> pl.LazyFrame:
    known = pl.col("id").is_not_null() & pl.col("name").is_not_null()
    return base.tables("award_suppliers").group_by("nog", "award_id").agg(conocido=known.all())


def _contracts(base: Base) -> pl.LazyFrame:
    whole = pl.all_horizontal(pl.col("dateSigned", "value_amount", "contractNumber").is_not_null())
    return base.tables("contracts").group_by("nog").agg(contratos=pl.len(), contrato_completo=whole.all())


def _items(base: Base) -> pl.LazyFrame:
    coded = pl.col("classification_id").is_not_null().all()
    return base.tables("items").group_by("nog").agg(renglones=pl.len(), clasificados=coded)


def _bids(base: Base) -> pl.LazyFrame:
    return base.tables("bids").group_by("nog").agg(ofertas=pl.col("value_amount").is_not_null().sum())


def _documents(base: Base) -> pl.LazyFrame:
    return base.tables("documents").group_by("nog").agg(documentos=pl.len())
