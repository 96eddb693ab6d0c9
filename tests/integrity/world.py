"""A few concursos as the published tables would have them, written by hand in the tests of the indicators. Nothing is calculated
here: what a test does not say has a plain value that raises nothing."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from guatecompras import catalogs
from guatecompras.integrity.base import COLUMNS, Base
from guatecompras.months import TIME_ZONE

MONTH = "2026-03"
_MOMENT = pl.Datetime("us", TIME_ZONE)
_KINDS = {
    "nog": pl.Int64,
    "tender_numberOfTenderers": pl.Int64,
    **dict.fromkeys(("tender_value_amount", "value_amount"), pl.Decimal(18, 2)),
    **dict.fromkeys(
        (
            "date",
            "dateSigned",
            "tender_datePublished",
            "tender_tenderPeriod_startDate",
            "tender_tenderPeriod_endDate",
        ),
        _MOMENT,
    ),
}
_EXTRA = {
    "records": ("ocid", "buyer_name", "tender_title", "tender_procuringEntity_name"),
}


def start(ago: int) -> datetime:
    """The morning of the second of the month so long ago."""
    month = 3 - ago
    return datetime(2026 + (month - 1) // 12, (month - 1) % 12 + 1, 2, 8)  # noqa: DTZ001


@dataclass
class World:
    """The tables by how many months ago."""

    rows: dict[int, dict[str, list[dict[str, Any]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    agos: int = 12
    count: int = 1000

    def concurso(
        self,
        *,
        bids: Iterable[tuple[Any, ...]] = (),
        awards: Iterable[tuple[Any, ...]] = (),
        ago: int = 0,
        modality: int = 1,
        buyer: str = "GT-CISP-1",
        unit: str = "GT-GCUC-1-1",
        families: tuple[str, ...] = ("51101500",),
        day: float = 0,
        open_days: float | None = 30,
        status: str = "complete",
        tenderers: int | None = -1,
        people: tuple[str, ...] = (),
        contacts: dict[str, dict[str, str]] | None = None,
        decided: float = 5,
        signed: float | None = None,
    ) -> int:
        """Add one; returns its NOG. `bids`: (supplier, amount or None, status, days after the close); `awards`: (supplier, amount,
        status); days count from the call (`open_days`, to the close), from the close (`decided`, bids) or from the award
        (`signed`)."""
        self.count += 1
        nog, tables = self.count, self.rows[ago]
        called = start(ago) + timedelta(days=day)
        closes = None if open_days is None else called + timedelta(days=open_days)
        offers = [(*bid, *("valid", -0.5)[len(bid) - 2 :]) for bid in bids]
        known = catalogs.table("modalidades").filter(pl.col("id") == modality).row(0, named=True)
        tables["records"].append(
            {
                "nog": nog,
                "ocid": f"ocds-xqjsxa-{nog}",
                "buyer_id": buyer,
                "buyer_name": f"Entidad {buyer}",
                "tender_title": f"Concurso {nog}",
                "tender_status": status,
                "tender_datePublished": called,
                "tender_procuringEntity_id": unit,
                "tender_procuringEntity_name": f"Unidad {unit}",
                "tender_procurementMethod": known["method"],
                "tender_procurementMethodDetails": known["literal"],
                "tender_tenderPeriod_startDate": called,
                "tender_tenderPeriod_endDate": closes,
                "tender_numberOfTenderers": len({one[0] for one in offers}) if tenderers == -1 else tenderers,
            }
        )
        tables["items"] += [
            {"nog": nog, "classification_scheme": "UNSPSC", "classification_id": one} for one in families
        ]
        base = closes or called
        for number, (supplier, amount, state, late) in enumerate(offers):
            tables["bids"].append(
                {
                    "nog": nog,
                    "id": f"{nog}-{number}",
                    "date": base + timedelta(days=late),
                    "status": state,
                    "tenderers_id": supplier,
                    "value_amount": amount,
                    "value_currency": "GTQ",
                }
            )
        for number, (supplier, amount, *state) in enumerate(awards):
            award = f"{nog}-A{number}"
            when = base + timedelta(days=decided)
            tables["awards"].append(
                {
                    "nog": nog,
                    "id": award,
                    "status": state[0] if state else "active",
                    "date": when,
                    "value_amount": amount,
                    "value_currency": "GTQ",
                }
            )
            tables["award_suppliers"].append(
                {"nog": nog, "award_id": award, "id": supplier, "name": f"Proveedor {supplier}"}
            )
            if signed is not None:
                tables["contracts"].append(
                    {
                        "nog": nog,
                        "id": f"{nog}-C{number}",
                        "awardID": award,
                        "dateSigned": when + timedelta(days=signed),
                    }
                )
        for who in {*(one[0] for one in offers), *(one[0] for one in awards), buyer, unit}:
            kind = None if who in (buyer, unit) else "INDIVIDUAL" if who in people else "SOCIEDAD ANÓNIMA"
            about = {
                "nog": nog,
                "id": who,
                "name": f"Nombre de {who}",
                "details_legalEntityTypeDetail_description": kind,
            }
            region = {"address_region": "GUATEMALA"} if who == unit else {}
            tables["parties"].append(about | region | (contacts or {}).get(who, {}))
        return nog

    def base(self, sanctions: pl.DataFrame | None = None) -> Base:
        return Base(MONTH, self._table, tuple(range(self.agos)), sanctions)

    def _table(self, table: str, ago: int) -> pl.LazyFrame:
        columns = (*COLUMNS[table], *_EXTRA.get(table, ()))
        kinds = {name: _KINDS.get(name, pl.String) for name in columns}
        rows = [{name: _zoned(row.get(name)) for name in columns} for row in self.rows[ago][table]]
        return pl.DataFrame(rows, schema=kinds, orient="row").lazy()


def _zoned(value: Any) -> Any:
    return pl.Series([value]).dt.replace_time_zone(TIME_ZONE)[0] if isinstance(value, datetime) else value
