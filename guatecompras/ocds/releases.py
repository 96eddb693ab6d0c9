"""From the rows of some NOGs to their releases: one per event, the state that was public right after it.

Works by columns on batches of whole NOGs and yields JSON text; nothing here reads or writes files, and merging releases
into records is `merge.py`. The parts of a release are made by the modules named below. What each field means and where it
comes from is declared in `data/mapping.csv`, which the tests hold against what is built here.
"""

import polars as pl

from guatecompras import catalogs, settings
from guatecompras.ocds import calls, events, parties, visibility
from guatecompras.ocds.jsontext import gathered, literal, number, obj, select, stamp, string, whole
from guatecompras.ocds.parties import Directory
from guatecompras.ocds.wording import Rows, published_text, words

__all__ = ["RELEASE_COLUMNS", "Directory", "Rows", "build"]

RELEASE_COLUMNS = ("nog", "ocid", "id", "date", "publishedDate", "tag", "json", "covers")
# Arrays whose entries say the same in every release that has them, unless the history is an unusual one.
_ARRAYS = ("documents", "tenderers", "bids", "awards", "contracts")
_CHANGING = ("publishedDate", "status", "statusDetails", "numberOfTenderers")


def build(rows: Rows, directory: Directory, month: str, *, offers_known: bool = True) -> pl.DataFrame:
    """The releases of a batch of whole NOGs, in order of nog and date.

    `rows`: the contract's tables, typed; `month`: the cohort, `YYYY-MM`; `offers_known`: whether the source has `ofertas`,
    so that a NOG without offers had none. Returns RELEASE_COLUMNS: `json` is one whole release, `tag` a list, `covers`
    as in `_covers`.
    """
    rows = {name: published_text(name, frame) for name, frame in rows.items()}
    everyone = parties.everyone(rows, directory)
    references = parties.references(everyone)
    concursos = parties.with_buyers(rows["concursos"], everyone)
    history = events.in_order(rows, concursos)
    offers = visibility.offers(rows["ofertas"], history, references)
    awards = visibility.awards(rows["adjudicaciones"], history, references, concursos)
    documents = visibility.documents(rows["documentos"], history)
    contracts = visibility.contracts(rows["contratos"], awards, history, documents, concursos)
    shown = parties.shown(everyone, concursos, history, offers, awards)
    tenderers = offers.sort("nog", "seq", maintain_order=True).unique(
        ["nog", "seq", "proveedor"], keep="first", maintain_order=True
    )
    state = (
        history.join(
            calls.described(concursos, rows["renglones"], rows["caracteristicas"]), on="nog", maintain_order="left"
        )
        .pipe(_attach, "parties", shown)
        .pipe(_attach, "partyIds", shown, "id")
        .pipe(_attach, "documents", documents.filter(pl.col("contrato_id").is_null()))
        .pipe(_attach, "tenderers", tenderers.select("nog", "seq", json="reference"))
        .pipe(_attach, "bids", offers)
        .pipe(_attach, "awards", awards)
        .pipe(_attach, "contracts", contracts)
        .join(tenderers.group_by("nog", "seq").len("offered"), on=["nog", "seq"], how="left", maintain_order="left")
    )
    return _releases(state, month, rows["ofertas"], offers_known)


def _attach(state: pl.DataFrame, name: str, entries: pl.DataFrame, column: str = "json") -> pl.DataFrame:
    """Add a column with the JSON array of what each release's entries (nog, seq, json) have in `column`."""
    lists = entries.group_by("nog", "seq", maintain_order=True).agg(gathered(pl.col(column)).alias(name))
    return state.join(lists, on=["nog", "seq"], how="left", maintain_order="left")


def _number_of_tenderers(ofertas: pl.DataFrame, offers_known: bool) -> pl.Expr:
    """While offers are sealed nobody has offered as far as the public knows; then the offers count, if there are any."""
    has_offers = pl.col("nog").is_in(ofertas["nog"].unique().implode())
    counted = pl.when(has_offers).then(pl.col("offered").fill_null(0)).otherwise("numero_oferentes")
    return pl.when("opened").then(counted.fill_null(0) if offers_known else counted).otherwise(pl.lit(0))


def _releases(state: pl.DataFrame, month: str, ofertas: pl.DataFrame, offers_known: bool) -> pl.DataFrame:
    status = pl.col("estatus_concurso")
    tender_status = status.replace_strict(catalogs.mapping("estatus", "id", "tender_status"), default=None)
    state = events.tagged(state.with_columns(tender_status=tender_status)).with_columns(
        publishedDate=stamp(pl.col("fecha_registro")),
        status=string(pl.col("tender_status")),
        statusDetails=string(status.replace_strict(words("estatus", "id", "name"), default=None)),
        numberOfTenderers=number(_number_of_tenderers(ofertas, offers_known)),
    )
    tender = whole(
        {
            "id": string(pl.format("GT-NOG-{}", "nog")),
            "title": pl.col("title"),
            "status": pl.col("status"),
            "statusDetails": pl.col("statusDetails"),
            "datePublished": pl.col("published"),
            "procuringEntity": pl.col("procuring"),
            "procurementMethod": pl.col("method"),
            "procurementMethodDetails": pl.col("methodDetails"),
            "procurementMethodRationale": pl.col("rationale"),
            "mainProcurementCategory": pl.col("category"),
            "additionalProcurementCategories": pl.col("otherCategories"),
            "categories": pl.col("categories"),
            "tenderType": pl.col("tenderType"),
            "subMethod": pl.col("subMethod"),
            "submissionMethod": pl.col("submission"),
            "tenderPeriod": pl.col("period"),
            "value": pl.col("value"),
            "numberOfTenderers": pl.col("numberOfTenderers"),
            "tenderers": pl.col("tenderers"),
            "items": pl.col("items"),
            "documents": pl.col("documents"),
        }
    )
    ocid = pl.format(settings.OCID_PREFIX + "-{}", "nog")
    tag = pl.concat_str(pl.lit('["'), pl.col("tag").list.join('","'), pl.lit('"]'))
    release = whole(
        {
            "ocid": string(ocid),
            "id": string(pl.col("id")),
            "date": string(stamp(pl.col("fecha_evento"))),
            "publishedDate": string(pl.col("publishedDate")),
            "language": pl.lit('"es"'),
            "tag": tag,
            "initiationType": pl.lit('"tender"'),
            "parties": pl.col("parties"),
            "buyer": pl.col("buyer"),
            "tender": tender,
            "bids": obj({"details": pl.col("bids")}),
            "awards": pl.col("awards"),
            "contracts": pl.col("contracts"),
            "sources": literal([{"id": settings.SOURCE_ID, "name": settings.SOURCE_NAME, "url": settings.SOURCE_URL}]),
            "dataSegmentation": literal({"id": month, "criteria": list(settings.SEGMENT_CRITERIA)}),
        }
    )
    return select(
        state,
        "nog",
        ocid=ocid,
        id="id",
        date=stamp(pl.col("fecha_evento")),
        publishedDate="publishedDate",
        tag="tag",
        json=release,
        covers=_covers(),
    )


def _covers() -> pl.Expr:
    """Whether a NOG's last release says all that the ones before said, in the same order: then it is the compiled one.

    Releases are whole states, so nearly every last release does; to find that out by columns and merge only the others
    takes a tenth of merging them all. What else a release holds is the same through the whole history of its NOG.
    """

    def last(name: str) -> pl.Expr:
        return pl.col(name).last().over("nog")

    def grown(name: str) -> pl.Expr:
        """An array that only grows at its end starts, but for its bracket, with what it was."""
        return last(name).str.starts_with(pl.col(name).str.head(-1)).fill_null(False)

    # Of parties the ids: roles are replaced as a whole, and everything else of one stays as it is.
    kept = [pl.col(name).is_null() | grown(name) for name in ("partyIds", *_ARRAYS)]
    kept += [pl.col(name).is_null() | last(name).is_not_null() for name in _CHANGING]
    return (pl.col("seq") == last("seq")) & pl.all_horizontal(kept).all().over("nog")
