"""R018: one bidder only in a competitive procedure, as OCP's Cardinal defines it."""

import polars as pl

from guatecompras.integrity.base import COMPETITIVE, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at


def _calculate(base: Base, told: Parameters) -> Judged:
    # Before the opening nobody knows how many there are: the count is 0 or missing.
    closed = base.now.filter(pl.col("method").is_in(COMPETITIVE) & (pl.col("status") != "active"))
    return Judged(
        closed,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("tenderers").is_between(1, told.whole("oferentes")),
        value=pl.col("tenderers"),
        threshold=pl.lit(told.whole("oferentes")),
        evidence=at(pl.col("nog"), "tender/numberOfTenderers={}", pl.col("tenderers")),
        population="los concursos competitivos del mes ya cerrados",
        size=pl.lit(closed.height),
        needs={"tender/numberOfTenderers": pl.col("tenderers")},
        nog=pl.col("nog"),
    )


INDICATOR = Indicator(
    id="R018",
    version=1,
    name="Un solo oferente",
    name_en="Single bid received",
    definition="En un procedimiento competitivo (abierto o selectivo) hubo un solo oferente.",
    definition_en="In a competitive procedure (open or selective) there was one bidder only.",
    level="concurso",
    topic="competencia",
    unit="oferentes",
    fields=("records/tender_procurementMethod", "records/tender_numberOfTenderers", "records/tender_status"),
    calculate=_calculate,
    cardinal=True,
    differences="Los concursos todavía activos no se evalúan: sus ofertas están selladas.",
)
