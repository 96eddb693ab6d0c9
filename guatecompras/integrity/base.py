"""What indicators look at: the published tables of a month and of those before it, read once, in short columns.

Amounts are centavos of quetzales, null in other currencies; times are Guatemala's, without a zone. `ago`: 0 in the month that is
judged, 1 in the one before it, and so on. What is calculated of them is each indicator's business.
"""

from collections.abc import Callable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path

import polars as pl

from guatecompras import catalogs
from guatecompras.people import is_person

# Table -> columns that are read; `id` is the row's own.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "records": (
        "nog", "buyer_id", "tender_status", "tender_datePublished", "tender_procuringEntity_id",
        "tender_procurementMethod", "tender_procurementMethodDetails", "tender_tenderPeriod_startDate",
        "tender_tenderPeriod_endDate", "tender_numberOfTenderers",
    ),
    "parties": (
        "nog", "id", "name", "address_streetAddress", "address_locality", "address_region",
        "contactPoint_name", "contactPoint_email",
        "contactPoint_telephone", "contactPoint_faxNumber", "details_legalEntityTypeDetail_description",
    ),
    "items": ("nog", "classification_scheme", "classification_id"),
    "bids": ("nog", "id", "date", "status", "tenderers_id", "value_amount", "value_currency"),
    "awards": ("nog", "id", "status", "date", "value_amount", "value_currency"),
    "award_suppliers": ("nog", "award_id", "id", "name"),
    "contracts": ("nog", "id", "awardID", "dateSigned"),
}  # fmt: skip
HOME = "GTQ"
_LEGAL_KIND = "details_legalEntityTypeDetail_description"
SUBMITTED = ("pending", "valid", "disqualified")  # OCP's: what is invited or withdrawn was not submitted
COMPETITIVE = ("open", "selective")
# Codes of the catalog `modalidades`: bought directly under a ceiling; by juntas, after a public call; for want of offers.
DIRECT = (1, 8, 33)
FORMAL = (3, 4, 10, 11, 35, 36, 38)
ABSENCE = (2,)
# Months before the one judged that count as "twelve months" together with it.
YEAR = 11
# What bidders may have in common: column of `Base.parties` -> published field.
CONTACTS = {
    "email": "contactPoint/email",
    "telephone": "contactPoint/telephone",
    "fax": "contactPoint/faxNumber",
    "contact": "contactPoint/name",
    "address": "address/streetAddress",
}
# What `Base.prices` reads.
PRICE_FIELDS = (
    "bids/status",
    "bids/tenderers_id",
    "bids/value_amount",
    "bids/value_currency",
    "awards/status",
    "award_suppliers/id",
)
# More bidders than these make so many pairs that none of them says anything.
MOST_BIDDERS = 12

Tables = Callable[[str, int], pl.LazyFrame]  # table, months ago


def scan(folders: Mapping[int, Path]) -> Tables:
    """The tables of months by how long ago they are, in the folders of their versions."""
    return lambda table, ago: pl.scan_parquet(folders[ago] / "tables" / f"{table}.parquet")


class Base:
    """The tables of a month and of the months before it that are given (`agos`, 0 among them).

    `sanctions`: who was barred when (party id, from, to), or None where no list was given.
    """

    def __init__(
        self, month: str, tables: Tables, agos: tuple[int, ...], sanctions: pl.DataFrame | None = None
    ) -> None:
        self.month, self.agos, self.sanctions = month, tuple(sorted(agos)), sanctions
        self._tables = tables

    def _read(self, table: str, columns: tuple[str, ...] = (), agos: tuple[int, ...] | None = None) -> pl.LazyFrame:
        wanted = columns or COLUMNS[table]
        parts = [
            self._tables(table, ago).select(*wanted, ago=pl.lit(ago, dtype=pl.Int16))
            for ago in (self.agos if agos is None else agos)
        ]
        return pl.concat(parts)

    @property
    def first(self) -> date:
        """The first day of the month."""
        return date.fromisoformat(f"{self.month}-01")

    @cached_property
    def depth(self) -> int:
        """How many months before this one are there without a gap."""
        return next((ago for ago in range(1, len(self.agos) + 1) if ago not in self.agos), len(self.agos)) - 1

    @cached_property
    def concursos(self) -> pl.DataFrame:
        """One row a concurso of all months: who, how, when; `family` of its first item; what the law allows."""
        codes = catalogs.mapping("modalidades", "literal", "id")
        local = [pl.col(name).dt.replace_time_zone(None) for name in _TIMES]
        records = self._read("records").with_columns(local).select(
            "nog", "ago", "buyer_id",
            status="tender_status",
            unit="tender_procuringEntity_id",
            method="tender_procurementMethod",
            modality=pl.col("tender_procurementMethodDetails").replace_strict(codes, default=None, return_dtype=pl.Int64),
            published="tender_datePublished",
            starts=pl.coalesce("tender_tenderPeriod_startDate", "tender_datePublished"),
            closes="tender_tenderPeriod_endDate",
            tenderers="tender_numberOfTenderers",
        )  # fmt: skip
        found = records.join(self._goods, on="nog", how="left").collect()
        return found.join(_limits(found), on="nog", how="left", maintain_order="left")

    @property
    def _goods(self) -> pl.LazyFrame:
        """By concurso: the UNSPSC family of its first item."""
        items = self._read("items").filter(pl.col("classification_scheme") == "UNSPSC")
        code = pl.col("classification_id").first()
        return items.group_by("nog").agg(family=code.str.head(4))

    @cached_property
    def segments(self) -> pl.DataFrame:
        """By concurso of all months: each UNSPSC segment that it buys of, `nog` and `segment`."""
        items = self._read("items").filter(pl.col("classification_scheme") == "UNSPSC")
        return items.select("nog", segment=pl.col("classification_id").str.head(2)).unique().collect()

    @cached_property
    def now(self) -> pl.DataFrame:
        """The concursos of the month itself."""
        return self.concursos.filter(pl.col("ago") == 0)

    @cached_property
    def bids(self) -> pl.DataFrame:
        """Bids that were submitted, in all months; `rivals`: how many bidders its concurso has; `won`: whether its bidder has an
        award in force there."""
        bids = (
            self._read("bids")
            .filter(pl.col("status").is_in(SUBMITTED) & pl.col("tenderers_id").is_not_null())
            .select(
                "nog",
                "ago",
                "status",
                bid="id",
                supplier="tenderers_id",
                amount=_home("value"),
                date=pl.col("date").dt.replace_time_zone(None),
            )
            .collect()
        )
        winners = self.awards.select("nog", "supplier").unique().with_columns(won=pl.lit(True))
        rivals = bids.group_by("nog").agg(rivals=pl.col("supplier").n_unique().cast(pl.Int64))
        return (
            bids.join(rivals, on="nog", how="left")
            .join(winners, on=["nog", "supplier"], how="left")
            .with_columns(pl.col("won").fill_null(False))
            .sort("nog", "bid")
        )

    def without_bids(self, tenderers: int) -> tuple[str, pl.DataFrame]:
        """The month's concursos that had so many bidders at least, of which no bid is published: `nog`."""
        held = self.now.filter(pl.col("tenderers") >= tenderers).select("nog")
        return "bids/details", held.join(self.bids_now, on="nog", how="anti")

    @cached_property
    def bids_now(self) -> pl.DataFrame:
        return self.bids.filter(pl.col("ago") == 0)

    @cached_property
    def awards(self) -> pl.DataFrame:
        """Awards in force of all months, one row a supplier; an amount that several share is split evenly among them."""
        awards = self._read("awards").filter(pl.col("status") == "active")
        shared = self._read("award_suppliers").select("nog", "award_id", supplier="id")
        return (
            shared.join(
                awards.select(
                    "nog",
                    "ago",
                    award_id="id",
                    date=pl.col("date").dt.replace_time_zone(None),
                    whole=_home("value"),
                ),
                on=["nog", "award_id"],
            )
            .with_columns(several=pl.len().over("nog", "award_id").cast(pl.Int64))
            .with_columns(amount=pl.col("whole") // pl.col("several"))
            .sort("nog", "award_id", "supplier")
            .collect()
        )

    @cached_property
    def awards_now(self) -> pl.DataFrame:
        """Awards in force of the month, with what is known of their concurso."""
        return self.awards.filter(pl.col("ago") == 0).join(self.now.drop("ago"), on="nog", maintain_order="left")

    @cached_property
    def awarded(self) -> pl.DataFrame:
        """Awards in force of all months, with what is known of their concurso."""
        return self.awards.join(self.concursos.drop("ago"), on="nog", maintain_order="left")

    @cached_property
    def prices(self) -> pl.DataFrame:
        """Concursos of all months in which the only award is one supplier's, who made the lowest valid bid of at least two bidders:
        `lowest`, `second`, and `gap`, how much more the second asks. As Cardinal has it for R024 and R058."""
        valid = self.bids.filter((pl.col("status") == "valid") & pl.col("amount").is_not_null())
        single = (
            self.awards.group_by("nog")
            .agg(pl.len().alias("awards"), pl.col("supplier").first(), pl.col("ago").first())
            .filter(pl.col("awards") == 1)
        )
        ranked = (
            valid.sort("nog", "amount", "bid")
            .group_by("nog", maintain_order=True)
            .agg(
                pl.col("supplier").first().alias("cheapest"),
                lowest=pl.col("amount").first(),
                second=pl.col("amount").get(1, null_on_oob=True),
                lowest_bid=pl.col("bid").first(),
                second_bid=pl.col("bid").get(1, null_on_oob=True),
                bidders=pl.col("supplier").n_unique(),
            )
        )
        return (
            ranked.join(single, on="nog")
            .filter(
                (pl.col("bidders") > 1)
                & (pl.col("cheapest") == pl.col("supplier"))
                & pl.col("second").is_not_null()
                & (pl.col("lowest") > 0)
            )
            .with_columns(gap=(pl.col("second") - pl.col("lowest")) / pl.col("lowest"))
        )

    @cached_property
    def spread(self) -> pl.DataFrame:
        """Concursos of all months with at least three bids with an amount: `lowest`, `highest`, how far apart, and all
        amounts."""
        return (
            self.bids.filter(pl.col("amount") > 0)
            .group_by("nog", "ago")
            .agg(
                bids=pl.len().cast(pl.Int64),
                lowest=pl.col("amount").min(),
                highest=pl.col("amount").max(),
                amounts=pl.col("amount").sort(),
            )
            .filter(pl.col("bids") >= 3)
            .with_columns(width=(pl.col("highest") - pl.col("lowest")) / pl.col("lowest"))
        )

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """Pairs of bidders of one concurso, `a` before `b` by id, over all months: `nog`, `ago`, who won, who bid first."""
        contested = self.bids.filter(pl.col("rivals").is_between(2, MOST_BIDDERS)).unique(
            ["nog", "supplier"], keep="first", maintain_order=True
        )
        # Who bid in fewer contests than any pair has to have makes no pair that counts.
        busy = contested.filter(pl.len().over("supplier") >= FEWEST_TOGETHER)
        one = busy.select("nog", "ago", a="supplier", a_won="won", a_date="date")
        other = busy.select("nog", b="supplier", b_won="won", b_date="date")
        met = one.join(other, on="nog").filter(pl.col("a") < pl.col("b"))
        return met.filter(pl.len().over("a", "b") >= FEWEST_TOGETHER)

    @cached_property
    def parties(self) -> pl.DataFrame:
        """Who takes part in the month's concursos, with addresses and contacts."""
        return self._read("parties", agos=(0,)).select(
            "nog",
            "id",
            "name",
            individual=pl.when(pl.col(_LEGAL_KIND).is_not_null()).then(is_person(pl.col(_LEGAL_KIND))),
            region="address_region",
            contact=_known(pl.col("contactPoint_name").str.strip_chars().str.to_uppercase()),
            email=_known(pl.col("contactPoint_email").str.to_lowercase()),
            telephone=_known(pl.col("contactPoint_telephone").str.replace_all(r"\D", "")),
            fax=_known(pl.col("contactPoint_faxNumber").str.replace_all(r"\D", "")),
            address=_known(
                pl.concat_str(
                    pl.col("address_streetAddress").str.strip_chars().str.to_uppercase(),
                    pl.col("address_locality").str.strip_chars().str.to_uppercase(),
                    separator=", ",
                )
            ),
        ).collect()  # fmt: skip

    @cached_property
    def bidders(self) -> pl.DataFrame:
        """The month's bidders in each concurso, with addresses and contacts."""
        who = self.bids_now.select("nog", id="supplier").unique()
        return self.parties.join(who, on=["nog", "id"], how="semi")

    @cached_property
    def contracts(self) -> pl.DataFrame:
        """The month's contracts that say when they were signed."""
        return (
            self._read("contracts", agos=(0,))
            .select("nog", contract="id", award_id="awardID", signed=pl.col("dateSigned").dt.replace_time_zone(None))
            .collect()
        )

    @cached_property
    def described(self) -> pl.DataFrame:
        """The month's concursos as flags tell of them: `nog`, `ocid`, titles, names, where and when."""
        columns = ("nog", "ocid", "buyer_id", "buyer_name", "tender_title", "tender_procuringEntity_id",
                   "tender_procuringEntity_name", "tender_datePublished")  # fmt: skip
        rows = self._read("records", columns, agos=(0,)).select(
            "nog",
            "ocid",
            titulo="tender_title",
            convocado="tender_datePublished",
            comprador_id="buyer_id",
            comprador="buyer_name",
            unidad_compradora_id="tender_procuringEntity_id",
            unidad_compradora="tender_procuringEntity_name",
        )
        places = self.parties.select("nog", unidad_compradora_id="id", departamento="region")
        places = places.unique(["nog", "unidad_compradora_id"], keep="first")
        return rows.collect().join(places, on=["nog", "unidad_compradora_id"], how="left")

    @cached_property
    def regions(self) -> pl.DataFrame:
        """The department of each entity of the month: `buyer_id`, `buyer_region`."""
        found = self.parties.filter(pl.col("id").str.starts_with("GT-CISP-")).drop_nulls("region")
        return found.unique("id", keep="first", maintain_order=True).select(buyer_id="id", buyer_region="region")

    def names_of(self, ids: pl.Series) -> pl.DataFrame:
        """What those parties are called, and whether they are natural persons: `id`, `name`, `individual`. The newest name
        counts; the name of a person is left out."""
        columns = ("id", "name", _LEGAL_KIND)
        rows = self._read("parties", columns).filter(pl.col("id").is_in(ids.implode())).collect()
        individual = is_person(pl.col(_LEGAL_KIND))
        return rows.unique("id", keep="first", maintain_order=True).select(
            "id", name=pl.when(~individual).then("name"), individual=individual
        )


_TIMES = ("tender_datePublished", "tender_tenderPeriod_startDate", "tender_tenderPeriod_endDate")
# The fewest concursos in which a pair has to meet: any indicator of pairs asks for as many or more.
FEWEST_TOGETHER = 4


def _home(prefix: str) -> pl.Expr:
    """An amount in centavos, where it is in quetzales: whole numbers add up to the same in any order."""
    cents = (pl.col(f"{prefix}_amount").cast(pl.Float64) * 100).round().cast(pl.Int64)
    return pl.when(pl.col(f"{prefix}_currency") == HOME).then(cents)


def _known(text: pl.Expr) -> pl.Expr:
    """A contact that says something: not empty, not the same character over and over."""
    plain = text.str.replace_all(r"[\s,.\-_/]", "")
    return pl.when((plain.str.len_chars() >= 6) & (plain.str.strip_chars(plain.str.head(1)) != "")).then(text)


def _limits(concursos: pl.DataFrame) -> pl.DataFrame:
    """By concurso: the most its modalidad may cost by the law in force when it was called (centavos), and the term for offers."""
    called = concursos.select("nog", "modality", day=pl.col("published").dt.date())
    tops = catalogs.table("umbrales").select(
        pl.col("modalidad").alias("modality"),
        since=pl.col("desde").str.to_date(),
        until=pl.col("hasta").str.to_date().fill_null(date.max),
        top=(pl.col("maximo").cast(pl.Float64) * 100).round().cast(pl.Int64),
        law="ley",
    )
    terms = catalogs.table("plazos").select(
        pl.col("modalidad").alias("modality"),
        from_day=pl.col("desde").str.to_date(),
        term="dias",
        working=pl.col("clase") == "hábiles",
        article="ley",
    )
    known = called.join(tops, on="modality", how="left").filter(
        pl.col("day").is_between("since", "until") | pl.col("top").is_null()
    )
    timed = called.join(terms, on="modality", how="left").filter(pl.col("day") >= pl.col("from_day"))
    return (
        called.select("nog")
        .join(known.select("nog", "top", "law"), on="nog", how="left")
        .join(timed.select("nog", "term", "working", "article"), on="nog", how="left")
    )
