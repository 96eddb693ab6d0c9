"""R003: a period for offers that is shorter than the law's minimum for the modality."""

import polars as pl

from guatecompras.integrity.base import COMPETITIVE, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at


def _calculate(base: Base, told: Parameters) -> Judged:
    after = pl.duration(days=1)
    rows = (
        base.now.filter(pl.col("method").is_in(COMPETITIVE) & pl.col("term").is_not_null())
        .with_columns(opened=pl.col("starts").dt.date(), closed=pl.col("closes").dt.date())
        # A close before the call has no length at all.
        .with_columns(closed=pl.when(pl.col("closed") >= pl.col("opened")).then("closed"))
    )
    days = (
        pl.when("working")
        .then(pl.business_day_count(pl.col("opened").fill_null(base.first) + after, pl.col("closed") + after))
        .otherwise((pl.col("closed") - pl.col("opened")).dt.total_days())
    )
    rows = rows.with_columns(
        days=days.cast(pl.Int64), least=pl.col("term").cast(pl.Int64) * told.whole("parte_del_plazo")
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("days") < pl.col("least"),
        value=pl.col("days"),
        threshold=pl.col("least"),
        evidence=at(
            pl.col("nog"), "tender/tenderPeriod={} a {} ({})", pl.col("opened"), pl.col("closed"), pl.col("article")
        ),
        population="el plazo de la ley para la modalidad",
        size=pl.lit(1),
        needs={"tender/tenderPeriod/endDate": pl.col("closed"), "tender/tenderPeriod/startDate": pl.col("opened")},
        nog=pl.col("nog"),
    )


INDICATOR = Indicator(
    id="R003",
    version=1,
    name="Plazo corto para ofertar",
    name_en="Short submission period",
    definition=(
        "Entre la convocatoria y el cierre de recepción de ofertas hay menos días de los que la ley fija para la "
        "modalidad."
    ),
    definition_en="From the call to the close of offers there are fewer days than the law's minimum for the modality.",
    level="concurso",
    topic="plazos",
    unit="días",
    fields=(
        "records/tender_procurementMethod",
        "records/tender_procurementMethodDetails",
        "records/tender_datePublished",
        "records/tender_tenderPeriod_startDate",
        "records/tender_tenderPeriod_endDate",
    ),
    calculate=_calculate,
    cardinal=True,
    differences=(
        "Cardinal usa un mismo mínimo (15 días) para todo; aquí vale el plazo de la ley por modalidad, en días "
        "de calendario o hábiles (lunes a viernes, sin feriados), y se incluyen los métodos abiertos y "
        "selectivos."
    ),
)
