"""What was public after each event: offers, awards, contracts and documents by release, as JSON text.

A row belongs to a release when its own date is not later than the event's registration. Offers are sealed until a status
past Vigente; what was disabled, ended or annulled later stands as it was before.
"""

from hashlib import md5

import polars as pl

from guatecompras import catalogs
from guatecompras.ocds.documents import described
from guatecompras.ocds.jsontext import array, gathered, obj, select, stamp, string, value


def _seen(children: pl.DataFrame, events: pl.DataFrame, own_date: str) -> pl.DataFrame:
    """Child rows x the releases that show them; one without a date of its own shows in all."""
    joined = children.join(events.select("nog", "seq", "fecha_registro", "opened"), on="nog", maintain_order="left")
    return joined.filter((pl.col(own_date) <= pl.col("fecha_registro")).fill_null(True))


def _first_after(children: pl.DataFrame, events: pl.DataFrame, kind: str, key: str, own_date: str) -> pl.DataFrame:
    """nog, the children's key, `ended`: when the first event of a kind was registered that is not before the child."""
    those = events.filter(pl.col("tipo") == kind).select("nog", ended="fecha_registro")
    later = children.select("nog", key, own_date).join(those, on="nog")
    later = later.filter((pl.col("ended") >= pl.col(own_date)).fill_null(True))
    return later.group_by("nog", key).agg(pl.col("ended").min())


def _state(table: str, column: str) -> pl.Expr:
    rows = catalogs.table("estados").filter(pl.col("tabla") == table)
    texts = dict(rows.select("literal", column).iter_rows())
    return pl.col("estado").replace_strict(texts, default=None, return_dtype=pl.String)


def _titles(concursos: pl.DataFrame) -> pl.DataFrame:
    return concursos.select("nog", title=string(pl.col("descripcion")))


def offers(ofertas: pl.DataFrame, events: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Offers by release, from the first status past Vigente on: nog, seq, proveedor, reference, json."""
    joined = ofertas.join(references, on=["nog", "proveedor"], how="left", maintain_order="left")
    # Old data writes 0.00 for an amount that was not recorded.
    amount = pl.when(pl.col("monto") != 0).then("monto")
    offer = obj(
        {
            "id": string(pl.col("oferta_id")),
            "date": string(stamp(pl.col("fecha"))),
            "status": string(_state("ofertas", "code")),
            "tenderers": array(pl.col("reference")),
            "value": value(amount, pl.col("moneda")),
        }
    )
    shown = _seen(joined.with_columns(json=offer), events, "fecha").filter("opened")
    return shown.select("nog", "seq", "proveedor", "reference", "json")


def awards(
    adjudicaciones: pl.DataFrame, events: pl.DataFrame, references: pl.DataFrame, concursos: pl.DataFrame
) -> pl.DataFrame:
    """Awards by release: nog, seq, proveedor, adjudicacion_id, award_id, json.

    One that was disabled later is active in the releases before that: by its fecha_estado, else by the first event
    `inhabilitacion` after it. One without a date shows in the last release.
    """
    last = events.filter(pl.col("seq") == 0).select("nog", "last")
    dated = (
        adjudicaciones.with_columns(award_id=_award_ids(adjudicaciones))
        .join(references, on=["nog", "proveedor"], how="left", maintain_order="left")
        .join(_titles(concursos), on="nog", how="left", maintain_order="left")
        .join(last, on="nog", how="left", maintain_order="left")
        .with_columns(own_date=pl.coalesce("fecha_adjudicacion", "last"))
    )
    disabled = _first_after(dated, events, "inhabilitacion", "award_id", "own_date")
    dated = dated.join(disabled, on=["nog", "award_id"], how="left", maintain_order="left")
    shown = _seen(dated, events, "own_date")
    ended = pl.coalesce("fecha_estado", "ended")
    still = (pl.col("estado") == "inhabilitado") & (ended > pl.col("fecha_registro")).fill_null(False)
    shown = shown.with_columns(estado=pl.when(still).then(pl.lit("habilitado")).otherwise("estado"))
    award = obj(
        {
            "id": string(pl.col("award_id")),
            "title": pl.col("title"),
            "status": string(_state("adjudicaciones", "code")),
            "statusDetails": string(_state("adjudicaciones", "details")),
            "date": string(stamp(pl.col("fecha_adjudicacion"))),
            "value": value(pl.col("monto"), pl.col("moneda")),
            "suppliers": array(pl.col("reference")),
        }
    )
    return select(shown, "nog", "seq", "proveedor", "adjudicacion_id", "award_id", json=award)


def _award_ids(adjudicaciones: pl.DataFrame) -> pl.Series:
    """`GT-ADJ-<nog>-<supplier>`; what a supplier wins again in a NOG is numbered `-2`, `-3`, in the rows' order."""
    supplier = pl.col("proveedor").str.replace("^GT-[A-Z]+-", "")
    ids = adjudicaciones.select(id=pl.format("GT-ADJ-{}-{}", "nog", supplier))
    again = pl.int_range(pl.len()).over("id")
    # More than once where an id that was numbered is another supplier's.
    while ids["id"].is_duplicated().any():
        ids = ids.with_columns(id=pl.when(again > 0).then(pl.format("{}-{}", "id", again + 1)).otherwise("id"))
    return ids["id"]


def contracts(
    contratos: pl.DataFrame,
    awards: pl.DataFrame,
    events: pl.DataFrame,
    documents: pl.DataFrame,
    concursos: pl.DataFrame,
) -> pl.DataFrame:
    """Contracts by release, never without their award: nog, seq, json.

    A contract is terminated once its term is over, and annulled from the first event `anulacion` after it.
    """
    dated = contratos.with_columns(
        own_date=pl.coalesce("fecha_registro", "fecha_suscripcion"), contract_id=_contract_ids(contratos)
    ).drop("fecha_registro")
    annulled = _first_after(dated, events, "anulacion", "contract_id", "own_date")
    owned = documents.filter(pl.col("contrato_id").is_not_null()).group_by(
        "nog", "seq", "contrato_id", maintain_order=True
    )
    shown = (
        dated.join(annulled, on=["nog", "contract_id"], how="left", maintain_order="left")
        .join(_titles(concursos), on="nog", how="left", maintain_order="left")
        .pipe(_seen, events, "own_date")
        .join(
            awards.select("nog", "seq", "adjudicacion_id", "award_id"),
            on=["nog", "seq", "adjudicacion_id"],
            maintain_order="left",
        )
        .join(
            owned.agg(documents=gathered(pl.col("json"))),
            on=["nog", "seq", "contrato_id"],
            how="left",
            maintain_order="left",
        )
    )
    running = (pl.col("estado") == "terminado") & (pl.col("vigencia_fin") > pl.col("fecha_registro")).fill_null(False)
    before = (pl.col("estado") == "anulado") & (pl.col("ended") > pl.col("fecha_registro")).fill_null(False)
    shown = shown.with_columns(estado=pl.when(running | before).then(pl.lit("vigente")).otherwise("estado"))
    contract = obj(
        {
            "id": string(pl.col("contract_id")),
            "awardID": string(pl.col("award_id")),
            "title": pl.col("title"),
            "contractNumber": string(pl.col("numero_contrato")),
            "status": string(_state("contratos", "code")),
            "statusDetails": string(_state("contratos", "details")),
            "dateSigned": string(stamp(pl.col("fecha_suscripcion"))),
            "period": obj(
                {
                    "startDate": string(stamp(pl.col("vigencia_inicio"))),
                    "endDate": string(stamp(pl.col("vigencia_fin"))),
                }
            ),
            "value": value(pl.col("monto"), pl.col("moneda")),
            "documents": pl.col("documents"),
        }
    )
    return select(shown, "nog", "seq", json=contract)


def _contract_ids(contratos: pl.DataFrame) -> pl.Series:
    """`NOG-<nog>-CON-<hash>`: kept where the source has it, else from the MD5 of the source's own id."""

    def published(nog: int, own: str) -> str:
        prefix = f"NOG-{nog}-CON-"
        return own if own.startswith(prefix) else prefix + md5(own.encode(), usedforsecurity=False).hexdigest().upper()

    ids = [published(nog, own) for nog, own in contratos.select("nog", "contrato_id").iter_rows()]
    return pl.Series("contract_id", ids, dtype=pl.String)


def documents(documentos: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Documents by release: nog, seq, contrato_id (null: the tender's), json."""
    shown = _seen(described(documentos), events, "fecha_publicacion")
    return shown.select("nog", "seq", "contrato_id", "json")
