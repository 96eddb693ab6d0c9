"""From the rows of some NOGs to their releases: one per event, the state that was public right after it.

Works by columns on batches of whole NOGs and yields JSON text; nothing here reads or writes files, and merging releases
into records is `merge.py`. What each field means and where it comes from is declared in `data/mapping.csv`, which the tests
hold against what is built here.
"""

import re
from dataclasses import dataclass
from hashlib import md5
from urllib.parse import quote

import orjson
import polars as pl

from guatecompras import catalogs, settings
from guatecompras.contract import TABLES
from guatecompras.ocds.jsontext import array, clean, gathered, literal, number, obj, plain, stamp, string
from guatecompras.settings import Settings

Rows = dict[str, pl.DataFrame]

# .NET counts ticks of 100 ns from year 1, Polars nanoseconds from 1970.
_TICKS_AT_1970 = 621_355_968_000_000_000
_BUYING = ("GT-CISP", "GT-GCUC")
_SURNAMES_FIRST = r"^[^,]*,[^,]*,[^,]*(,[^,]*)+$"
_NOT_IN_URLS = r"[^A-Za-z0-9\-._~:/?#!$&'()*+,;=%]|%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)"

RELEASE_COLUMNS = ("nog", "ocid", "id", "date", "publishedDate", "tag", "json")


@dataclass(frozen=True)
class Directory:
    """Who the buyers of a month are, for the NOGs whose own rows lack them.

    `entities`: entidad_compradora -> a row of partes with scheme GT-CISP; `units`: identificador -> one with GT-GCUC.
    """

    entities: pl.DataFrame
    units: pl.DataFrame

    @classmethod
    def of(cls, concursos: pl.LazyFrame, partes: pl.LazyFrame) -> "Directory":
        """Read it from the month's tables; of several rows of one buyer the first by NOG counts."""
        entities = (
            partes.filter(pl.col("esquema") == "GT-CISP")
            .join(concursos.select("nog", "entidad_compradora"), on="nog")
            .drop_nulls("entidad_compradora")
            .sort("nog", "identificador")
            .unique("entidad_compradora", keep="first", maintain_order=True)
            .collect(engine="streaming")
        )
        units = (
            partes.filter(pl.col("esquema") == "GT-GCUC")
            .sort("nog")
            .unique("identificador", keep="first", maintain_order=True)
            .collect(engine="streaming")
        )
        return cls(entities, units)

    @classmethod
    def empty(cls) -> "Directory":
        schema = TABLES["partes"].schema
        return cls(pl.DataFrame(schema=schema | {"entidad_compradora": pl.Int64()}), pl.DataFrame(schema=schema))


def build(rows: Rows, directory: Directory, month: str, config: Settings, *, offers_known: bool = True) -> pl.DataFrame:
    """The releases of a batch of whole NOGs, in order of nog and date.

    `rows`: the contract's tables, typed; `month`: the cohort, `YYYY-MM`; `offers_known`: whether the source has `ofertas`,
    so that a NOG without offers had none. Returns RELEASE_COLUMNS: `json` is one whole release, `tag` a list.
    """
    concursos = rows["concursos"]
    names = _canonical_names(_all_parties(rows, concursos, directory))
    concursos = _with_buyers(concursos, names)
    events = _events(rows["eventos"], concursos)
    offers = _visible_offers(rows["ofertas"], events, names)
    awards = _visible_awards(rows["adjudicaciones"], events, names, concursos)
    documents = _documents(rows["documentos"], events)
    contracts = _visible_contracts(rows["contratos"], awards, events, documents, concursos)
    parties = _parties(names, concursos, events, offers, awards)
    tenderers = _per_release(
        _in_order(offers).unique(["nog", "seq", "proveedor"], keep="first", maintain_order=True), "reference"
    )
    state = (
        events.join(_calls(concursos, rows), on="nog", maintain_order="left")
        .pipe(_attach, "parties", _per_release(parties))
        .pipe(_attach, "documents", _per_release(documents.filter(pl.col("contrato_id").is_null())))
        .pipe(_attach, "tenderers", tenderers)
        .pipe(_attach, "bids", _per_release(offers))
        .pipe(_attach, "awards", _per_release(awards))
        .pipe(_attach, "contracts", _per_release(contracts))
        .join(_number_of_offers(offers), on=["nog", "seq"], how="left", maintain_order="left")
    )
    return _releases(state, month, config, rows["ofertas"], offers_known)


# Events: order, ids, status, tags.


def _events(eventos: pl.DataFrame, concursos: pl.DataFrame) -> pl.DataFrame:
    """One row a release: nog, seq, fecha_evento, fecha_registro, release id, status code, opened, tipo."""
    spoken = pl.concat([eventos, _silent(eventos, concursos)])
    date = pl.col("fecha_evento").dt.truncate("1s")
    ordered = spoken.sort("nog", date, "fecha_registro", "evento_id", maintain_order=True)
    ordered = ordered.with_columns(seq=pl.int_range(pl.len()).over("nog"))
    opened = catalogs.mapping("estatus", "id", "opened")
    status = pl.col("estatus_concurso").forward_fill().over("nog")
    return _with_ids(ordered).with_columns(
        estatus_concurso=status,
        opened=status.replace_strict(opened, default=0).cum_max().over("nog") == 1,
        last=pl.col("fecha_registro").max().over("nog"),
    )


def _silent(eventos: pl.DataFrame, concursos: pl.DataFrame) -> pl.DataFrame:
    """A NOG without any event is published as it stands, by its own dates."""
    silent = concursos.join(eventos.select("nog").unique(), on="nog", how="anti", maintain_order="left")
    registered = pl.coalesce("fecha_actualizacion", "fecha_publicacion")
    return silent.select(
        evento_id=pl.format("{}-publicacion", "nog"),
        nog="nog",
        tipo=pl.lit("publicacion"),
        estatus_concurso="estatus_concurso",
        fecha_evento="fecha_publicacion",
        fecha_registro=registered.cast(eventos.schema["fecha_registro"]),
    )


def _with_ids(events: pl.DataFrame) -> pl.DataFrame:
    """Add `id`: ticks of the registration; of events of a NOG with the same ticks the next ones take the next ticks."""
    ticks = pl.col("fecha_registro").dt.replace_time_zone(None).dt.timestamp("ns") // 100 + _TICKS_AT_1970
    rank = pl.int_range(pl.len()).over("nog")
    distinct = ((pl.col("ticks") - rank).cum_max().over("nog") + rank).alias("ticks")
    numbered = events.with_columns(ticks=ticks).sort("nog", "ticks", "evento_id").with_columns(distinct)
    named = numbered.with_columns(id=pl.format("GT-NOG-{}-T{}", "nog", "ticks"))
    return named.sort("nog", "seq").drop("ticks")


def _tags(has_awards: pl.Expr, has_contracts: pl.Expr) -> pl.Expr:
    """The release's tags by what the event is: an award tag needs an award in the release, a contract tag a contract."""
    kind = pl.col("tipo").fill_null("cambio_estatus")
    first = pl.int_range(pl.len()).over("nog", kind) == 0
    tag = (
        pl.when(first)
        .then(kind.replace_strict(catalogs.mapping("eventos", "tipo", "tag_first")))
        .otherwise(kind.replace_strict(catalogs.mapping("eventos", "tipo", "tag_again")))
    )
    unfounded = (tag.str.starts_with("award") & ~has_awards) | (tag.str.starts_with("contract") & ~has_contracts)
    cancelled = (kind == "cambio_estatus") & (pl.col("tender_status") == "cancelled")
    tag = (
        pl.when(unfounded)
        .then(pl.lit("tenderUpdate"))
        .when(cancelled)
        .then(pl.lit("tenderCancellation"))
        .otherwise(tag)
    )
    opening = (pl.col("seq") == 0) & (tag != "tender")
    later = (pl.col("seq") > 0) & (tag == "tender")
    return (
        pl.when(opening)
        .then(pl.concat_list(pl.lit("tender"), tag))
        .when(later)
        .then(pl.concat_list(pl.lit("tenderUpdate")))
        .otherwise(pl.concat_list(tag))
    )


# Parties.


def _all_parties(rows: Rows, concursos: pl.DataFrame, directory: Directory) -> pl.DataFrame:
    """The rows of partes with `id`, and a row for every buyer, unit or supplier that is referred to but has none."""
    parties = rows["partes"]
    schema = parties.schema
    entity = directory.entities.select(pl.exclude("nog"))
    without_entity = concursos.join(parties.filter(pl.col("esquema") == "GT-CISP").select("nog"), on="nog", how="anti")
    known = without_entity.select("nog", "entidad_compradora").join(entity, on="entidad_compradora", how="inner")
    unknown = without_entity.join(entity, on="entidad_compradora", how="anti").drop_nulls("entidad_compradora")
    unknown_entities = _bare(unknown.select("nog", id=pl.format("GT-GCUC-{}-0", "entidad_compradora")), schema)
    units = concursos.filter(pl.col("unidad_compradora") > 0).drop_nulls("entidad_compradora")
    units = units.select("nog", identificador=pl.format("{}-{}", "entidad_compradora", "unidad_compradora"))
    own_units = parties.filter(pl.col("esquema") == "GT-GCUC").select("nog", "identificador")
    lost_units = units.join(own_units, on=["nog", "identificador"], how="anti")
    known_units = lost_units.join(directory.units.select(pl.exclude("nog")), on="identificador", how="inner")
    bare_units = lost_units.join(directory.units, on="identificador", how="anti")
    unknown_units = _bare(bare_units.select("nog", id=pl.format("GT-GCUC-{}", "identificador")), schema)
    referred = pl.concat(
        [rows["ofertas"].select("nog", id="proveedor"), rows["adjudicaciones"].select("nog", id="proveedor")]
    )
    own = parties.select("nog", id=pl.concat_str("esquema", pl.lit("-"), "identificador"))
    suppliers = _bare(referred.unique(maintain_order=True).join(own, on=["nog", "id"], how="anti"), schema)
    frames = [
        parties,
        known.select(schema.names()),
        unknown_entities,
        known_units.select(schema.names()),
        unknown_units,
        suppliers,
    ]
    everyone = pl.concat(frames).with_columns(id=pl.concat_str("esquema", pl.lit("-"), "identificador"))
    return everyone.unique(["nog", "id"], keep="first", maintain_order=True).sort("nog", maintain_order=True)


def _bare(ids: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Rows of partes that hold nothing but who it is, from nog and id."""
    parts = ids.select(
        "nog",
        esquema=pl.col("id").str.extract("^(GT-[A-Z]+)-"),
        identificador=pl.col("id").str.extract("^GT-[A-Z]+-(.+)$"),
    )
    nulls = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in parts.columns]
    return parts.with_columns(nulls).select(schema.names())


def _canonical_names(parties: pl.DataFrame) -> pl.DataFrame:
    """Add `name` (clean; persons' given names first) and `legal_name` (as registered, where that differs)."""
    registered = clean(pl.col("nombre"))
    # Persons are registered as SURNAME,SURNAME,MARRIED NAME,GIVEN,GIVEN; companies write a space after a comma.
    person = pl.col("esquema").is_in(["GT-NIT", "GT-GCID"]) & registered.str.contains(_SURNAMES_FIRST)
    person = person & ~registered.str.contains(", ", literal=True)
    parts = registered.str.split(",")
    natural = pl.concat_list(parts.list.slice(3), parts.list.slice(0, 3)).list.join(" ").str.replace_all(" +", " ")
    name = pl.when(person).then(natural.str.strip_chars(" ")).otherwise(registered)
    return parties.with_columns(name=name).with_columns(
        legal_name=pl.when(pl.col("name") != registered).then(registered)
    )


def _with_buyers(concursos: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    """Add buyer_id, buyer_name, unit_id, unit_name: the entity's party and the purchasing unit's (or again the entity's)."""
    unit_id = pl.format("GT-GCUC-{}-{}", "entidad_compradora", "unidad_compradora")
    units = parties.filter(pl.col("esquema") == "GT-GCUC").select(
        "nog", unit_id="id", unit_name="name", owner="miembro_de"
    )
    entities = parties.filter(pl.col("esquema") == "GT-CISP")
    fallback = pl.format("GT-GCUC-{}-0", "entidad_compradora")
    named = concursos.with_columns(unit_id=unit_id, fallback=fallback).join(
        units, on=["nog", "unit_id"], how="left", maintain_order="left"
    )
    known = parties.select("nog", unit_id="id", found=pl.lit(True))
    named = named.join(known, on=["nog", "unit_id"], how="left", maintain_order="left")
    owned = entities.select("nog", owner="id", owner_name="name")
    first = entities.group_by("nog", maintain_order=True).agg(
        first_id=pl.col("id").first(), first_name=pl.col("name").first()
    )
    bare = parties.select("nog", fallback="id", fallback_name="name", has_fallback=pl.lit(True))
    named = named.join(owned, on=["nog", "owner"], how="left", maintain_order="left")
    named = named.join(first, on="nog", how="left", maintain_order="left")
    named = named.join(bare, on=["nog", "fallback"], how="left", maintain_order="left")
    own, other = pl.col("owner_name").is_not_null(), pl.col("first_id").is_not_null()
    named = named.with_columns(
        buyer_id=pl.when(own).then("owner").when(other).then("first_id").when(pl.col("has_fallback")).then("fallback"),
        buyer_name=pl.when(own).then("owner_name").when(other).then("first_name").otherwise("fallback_name"),
    )
    own_unit = pl.col("found").fill_null(False)
    return named.with_columns(
        unit_id=pl.when(own_unit).then("unit_id").otherwise("buyer_id"),
        unit_name=pl.when(own_unit).then("unit_name").otherwise("buyer_name"),
    )


def _parties(
    parties: pl.DataFrame, concursos: pl.DataFrame, events: pl.DataFrame, offers: pl.DataFrame, awards: pl.DataFrame
) -> pl.DataFrame:
    """One row a party and release (nog, seq, json): buyers always, suppliers from the release that shows their part."""
    bodies = _party_bodies(parties, concursos)
    buying = bodies.filter(pl.col("esquema").is_in(_BUYING)).join(events.select("nog", "seq"), on="nog")
    offering = offers.select("nog", "seq", id="proveedor").unique().with_columns(tenderer=pl.lit(True))
    winning = awards.select("nog", "seq", id="proveedor").unique().with_columns(supplier=pl.lit(True))
    part = offering.join(winning, on=["nog", "seq", "id"], how="full", coalesce=True)
    supplying = bodies.filter(~pl.col("esquema").is_in(_BUYING)).join(part.select("nog", "seq", "id"), on=["nog", "id"])
    shown = pl.concat([buying, supplying.select(buying.columns)]).join(part, on=["nog", "seq", "id"], how="left")
    buyer = (pl.col("id") == pl.col("buyer_id")).fill_null(False)
    unit = (pl.col("id") == pl.col("unit_id")).fill_null(False)
    known = buyer | unit | pl.col("tenderer").fill_null(False) | pl.col("supplier").fill_null(False)
    roles = array(
        pl.when(buyer | ~known).then(pl.lit('"buyer"')),
        pl.when(unit).then(pl.lit('"procuringEntity"')),
        pl.when(pl.col("tenderer")).then(pl.lit('"tenderer"')),
        pl.when(pl.col("supplier")).then(pl.lit('"supplier"')),
    )
    rank = pl.when(buyer).then(0).when(unit).then(1).when(pl.col("esquema").is_in(_BUYING)).then(2).otherwise(3)
    whole = pl.concat_str(pl.col("body").str.head(-1), pl.lit(',"roles":'), roles, pl.lit("}"))
    return shown.sort("nog", "seq", rank, "id").select("nog", "seq", json=whole)


def _party_bodies(parties: pl.DataFrame, concursos: pl.DataFrame) -> pl.DataFrame:
    """Everything of a party but its roles, as JSON text: nog, id, esquema, buyer_id, unit_id, body."""
    owners = parties.select("nog", miembro_de="id", owner_name="name")
    buyers = concursos.select("nog", "entidad_compradora", "buyer_id", "unit_id", "buyer_name")
    joined = parties.join(buyers, on="nog", maintain_order="left")
    # A unit belongs to the buyer when the source does not say whose it is.
    orphan = (pl.col("esquema") == "GT-GCUC") & pl.col("miembro_de").is_null() & (pl.col("id") != pl.col("buyer_id"))
    joined = joined.with_columns(miembro_de=pl.when(orphan).then("buyer_id").otherwise("miembro_de"))
    joined = joined.join(owners, on=["nog", "miembro_de"], how="left", maintain_order="left")
    owner_known = pl.col("miembro_de") == pl.coalesce(
        pl.when(pl.col("owner_name").is_not_null()).then("miembro_de"), "buyer_id"
    )
    code = pl.format("{}-0", "entidad_compradora")
    own_code = (pl.col("id") == pl.col("buyer_id")) & (pl.col("esquema") == "GT-CISP")
    nit = clean(pl.col("nit"))
    text = {name: string(clean(pl.col(name))) for name in ("direccion", "municipio", "departamento", "pais")}
    body = obj(
        {
            "id": string(pl.col("id")),
            "name": string(pl.col("name")),
            "identifier": obj(
                {
                    "scheme": plain(pl.col("esquema")),
                    "id": string(pl.col("identificador")),
                    "legalName": string(pl.col("legal_name")),
                }
            ),
            "additionalIdentifiers": array(
                obj({"scheme": pl.when(nit.is_not_null()).then(pl.lit('"GT-NIT"')), "id": string(nit)}),
                pl.when(own_code).then(obj({"scheme": pl.lit('"GT-GCUC"'), "id": plain(code)})),
            ),
            "memberOf": pl.when(owner_known).then(
                array(obj({"id": string(pl.col("miembro_de")), "name": string(pl.col("owner_name"))}))
            ),
            "address": obj(
                {
                    "streetAddress": text["direccion"],
                    "locality": text["municipio"],
                    "region": text["departamento"],
                    "countryName": text["pais"],
                }
            ),
            "contactPoint": obj(
                {
                    "name": string(clean(pl.col("contacto_nombre"))),
                    "email": string(clean(pl.col("contacto_correo"))),
                    "telephone": string(clean(pl.col("contacto_telefono"))),
                    "faxNumber": string(clean(pl.col("contacto_fax"))),
                }
            ),
            "additionalContactPoints": _contacts(),
            "details": obj(
                {
                    "type": _detail("tipo"),
                    "entityType": _detail("tipo_entidad"),
                    "level": _detail("nivel"),
                    "legalEntityTypeDetail": _detail("tipo_persona"),
                }
            ),
        }
    )
    return joined.select("nog", "id", "esquema", "buyer_id", "unit_id", body=body)


def _detail(name: str) -> pl.Expr:
    """A coded detail of a party; code 0 without a description says nothing."""
    code, words = clean(pl.col(f"{name}_id")), clean(pl.col(name))
    return pl.when(~((code == "0") & words.is_null()).fill_null(False)).then(
        obj({"id": string(code), "description": string(words)})
    )


def _contacts() -> pl.Expr:
    def of(name: str) -> pl.Expr:
        return string(clean(pl.element().struct.field(name)))

    one = obj({"name": of("nombre"), "email": of("correo"), "telephone": of("telefono")})
    joined = pl.col("contactos_adicionales").list.eval(one.drop_nulls()).list.join(",")
    return pl.when(joined != "").then(pl.concat_str(pl.lit("["), joined, pl.lit("]")))


# What was public after each event.


def _seen(children: pl.DataFrame, events: pl.DataFrame, own_date: str) -> pl.DataFrame:
    """Child rows x the releases that show them: from the first event registered at or after the row's own date."""
    joined = children.join(
        events.select("nog", "seq", "fecha_registro", "opened", "last"), on="nog", maintain_order="left"
    )
    return joined.filter((pl.col(own_date) <= pl.col("fecha_registro")).fill_null(True))


def _reference(parties: pl.DataFrame) -> pl.DataFrame:
    """Suppliers as organisations are referred to: nog, proveedor, reference."""
    return parties.select(
        "nog", proveedor="id", reference=obj({"id": string(pl.col("id")), "name": string(pl.col("name"))})
    )


def _value(amount: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """An amount with its currency (quetzales unless the source says otherwise); null without an amount."""
    return pl.when(amount.is_not_null()).then(
        obj({"amount": number(amount), "currency": plain(currency.fill_null("GTQ"))})
    )


def _states(table: str, column: str) -> pl.Expr:
    return pl.col("estado").replace_strict(_state_map(table, column), default=None, return_dtype=pl.String)


def _state_map(table: str, column: str) -> dict[str, str]:
    rows = catalogs.table("estados").filter(pl.col("tabla") == table)
    return dict(rows.select("literal", column).iter_rows())


def _visible_offers(ofertas: pl.DataFrame, events: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    """Offers stay sealed until a status past Vigente: nog, seq, proveedor, reference, json."""
    joined = ofertas.join(_reference(parties), on=["nog", "proveedor"], how="left", maintain_order="left")
    # Old data writes 0.00 for an amount that was not recorded.
    amount = pl.when(pl.col("monto") != 0).then("monto")
    joined = joined.with_columns(
        json=obj(
            {
                "id": string(pl.col("oferta_id")),
                "date": plain(stamp(pl.col("fecha"))),
                "status": plain(_states("ofertas", "code")),
                "tenderers": array(pl.col("reference")),
                "value": _value(amount, pl.col("moneda")),
            }
        )
    )
    return _seen(joined, events, "fecha").filter("opened").select("nog", "seq", "proveedor", "reference", "json")


def _number_of_offers(offers: pl.DataFrame) -> pl.DataFrame:
    return offers.group_by("nog", "seq").agg(offered=pl.col("proveedor").n_unique())


def _visible_awards(
    adjudicaciones: pl.DataFrame, events: pl.DataFrame, parties: pl.DataFrame, concursos: pl.DataFrame
) -> pl.DataFrame:
    """Awards by release: nog, seq, proveedor, adjudicacion_id, award_id, json.

    One that was disabled later is active in the releases before that: by its fecha_estado, else by the first event
    `inhabilitacion`. One without a date shows in the last release.
    """
    disabled = (
        events.filter(pl.col("tipo") == "inhabilitacion").group_by("nog").agg(disabled=pl.col("fecha_registro").min())
    )
    supplier = pl.col("proveedor").str.replace("^GT-[A-Z]+-", "")
    again = pl.int_range(pl.len()).over("nog", "proveedor")
    award_id = pl.concat_str(
        pl.format("GT-ADJ-{}-{}", "nog", supplier),
        pl.when(again > 0).then(pl.format("-{}", again + 1)).otherwise(pl.lit("")),
    )
    joined = (
        adjudicaciones.with_columns(award_id=award_id)
        .join(_reference(parties), on=["nog", "proveedor"], how="left", maintain_order="left")
        .join(
            concursos.select("nog", title=string(clean(pl.col("descripcion")))),
            on="nog",
            how="left",
            maintain_order="left",
        )
        .join(disabled, on="nog", how="left", maintain_order="left")
        .join(events.filter(pl.col("seq") == 0).select("nog", "last"), on="nog", how="left", maintain_order="left")
        .with_columns(
            own_date=pl.coalesce("fecha_adjudicacion", "last"), disabled=pl.coalesce("fecha_estado", "disabled")
        )
        .drop("last")
    )
    seen = _seen(joined, events, "own_date")
    still = (pl.col("estado") == "inhabilitado") & (pl.col("disabled") > pl.col("fecha_registro")).fill_null(False)
    seen = seen.with_columns(estado=pl.when(still).then(pl.lit("habilitado")).otherwise("estado"))
    award = obj(
        {
            "id": string(pl.col("award_id")),
            "title": pl.col("title"),
            "status": plain(_states("adjudicaciones", "code")),
            "statusDetails": string(_states("adjudicaciones", "details")),
            "date": plain(stamp(pl.col("fecha_adjudicacion"))),
            "value": _value(pl.col("monto"), pl.col("moneda")),
            "suppliers": array(pl.col("reference")),
        }
    )
    return seen.select("nog", "seq", "proveedor", "adjudicacion_id", "award_id", json=award)


def _visible_contracts(
    contratos: pl.DataFrame,
    awards: pl.DataFrame,
    events: pl.DataFrame,
    documents: pl.DataFrame,
    concursos: pl.DataFrame,
) -> pl.DataFrame:
    """Contracts by release, never without their award: nog, seq, json.

    A contract is terminated once its term is over, and annulled from the first event `anulacion` after it.
    """
    annulled = events.filter(pl.col("tipo") == "anulacion").group_by("nog").agg(annulled=pl.col("fecha_registro").min())
    owned = documents.filter(pl.col("contrato_id").is_not_null()).group_by(
        "nog", "seq", "contrato_id", maintain_order=True
    )
    shown = (
        contratos.join(annulled, on="nog", how="left", maintain_order="left")
        .join(
            concursos.select("nog", title=string(clean(pl.col("descripcion")))),
            on="nog",
            how="left",
            maintain_order="left",
        )
        .with_columns(own_date=pl.coalesce("fecha_registro", "fecha_suscripcion"), contract_id=_contract_ids(contratos))
        .drop("fecha_registro")
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
    before = (pl.col("estado") == "anulado") & (pl.col("annulled") > pl.col("fecha_registro")).fill_null(False)
    shown = shown.with_columns(estado=pl.when(running | before).then(pl.lit("vigente")).otherwise("estado"))
    contract = obj(
        {
            "id": string(pl.col("contract_id")),
            "awardID": string(pl.col("award_id")),
            "title": pl.col("title"),
            "contractNumber": string(clean(pl.col("numero_contrato"))),
            "status": plain(_states("contratos", "code")),
            "statusDetails": string(_states("contratos", "details")),
            "dateSigned": plain(stamp(pl.col("fecha_suscripcion"))),
            "period": obj(
                {
                    "startDate": plain(stamp(pl.col("vigencia_inicio"))),
                    "endDate": plain(stamp(pl.col("vigencia_fin"))),
                }
            ),
            "value": _value(pl.col("monto"), pl.col("moneda")),
            "documents": pl.col("documents"),
        }
    )
    return shown.select("nog", "seq", json=contract)


def _contract_ids(contratos: pl.DataFrame) -> pl.Series:
    """`NOG-<nog>-CON-<hash>`: kept where the source has it, else from the MD5 of the source's own id."""
    def published(nog: int, own: str) -> str:
        prefix = f"NOG-{nog}-CON-"
        return own if own.startswith(prefix) else prefix + md5(own.encode(), usedforsecurity=False).hexdigest().upper()

    ids = [published(nog, own) for nog, own in contratos.select("nog", "contrato_id").iter_rows()]
    return pl.Series("contract_id", ids, dtype=pl.String)


def _documents(documentos: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Documents by release: nog, seq, contrato_id, json."""
    kind = clean(pl.col("tipo"))
    types = catalogs.mapping("tipos_documento", "literal", "document_type")
    of_contract = pl.col("contrato_id").is_not_null()
    media = catalogs.mapping("extensiones_archivo", "extension", "media_type")
    extension = pl.coalesce("extension", pl.col("url").str.extract(r"\.([A-Za-z0-9]{2,4})$"))
    prepared = documentos.with_columns(
        json=obj(
            {
                "id": string(pl.col("documento_id")),
                "documentType": plain(
                    pl.when(of_contract)
                    .then(pl.lit("contractSigned"))
                    .otherwise(kind.replace_strict(types, default=None, return_dtype=pl.String))
                ),
                "documentTypeDetails": string(kind),
                "title": string(clean(pl.col("titulo"))),
                "url": plain(pl.lit(_urls(documentos["url"]))),
                "format": plain(
                    extension.str.strip_chars(" .")
                    .str.to_lowercase()
                    .replace_strict(media, default=None, return_dtype=pl.String)
                ),
                "language": pl.lit('"es"'),
                "datePublished": plain(stamp(pl.col("fecha_publicacion"))),
            }
        )
    )
    return _seen(prepared, events, "fecha_publicacion").select("nog", "seq", "contrato_id", "json")


def _urls(urls: pl.Series) -> pl.Series:
    """Addresses that resolve and are valid: https for Guatecompras' own, every odd character escaped."""
    text = urls.str.strip_chars().str.replace(r"(?i)^www\.", "https://www.")
    text = text.str.replace(r"(?i)^http://(www\.)?guatecompras\.gt\b", "https://www.guatecompras.gt")
    text = text.str.replace_all("@", "%40", literal=True).str.replace_all(" ", "%20", literal=True)
    odd = text.str.contains(_NOT_IN_URLS).fill_null(False)
    if not odd.any():
        return text
    return text.zip_with(~odd, text.filter(odd).map_elements(_quoted, return_dtype=pl.String).gather(_positions(odd)))


def _positions(mask: pl.Series) -> pl.Series:
    """For each row the place of its value among the masked ones (any place elsewhere)."""
    return (mask.cum_sum().cast(pl.Int64) - 1).clip(0)


def _quoted(url: str) -> str:
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", url), safe="-._~:/?#!$&'()*+,;=%")


# The call for tenders and the whole release.


def _calls(concursos: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """What does not change between the releases of a NOG: the buyer's reference and the pieces of the tender."""
    items = _items(rows["renglones"], rows["caracteristicas"])
    joined = concursos.join(items, on="nog", how="left", maintain_order="left")
    words = {name: catalogs.mapping("modalidades", "id", name) for name in ("literal", "method", "rationale")}
    sub_names = catalogs.mapping("sub_modalidades", "id", "name")
    sub_grounds = catalogs.mapping("sub_modalidades", "id", "rationale")
    types = catalogs.mapping("tipos_concurso", "id", "name")

    def coded(column: str, catalog: dict[int, str]) -> pl.Expr:
        return pl.col(column).replace_strict(catalog, default=None, return_dtype=pl.String)

    ground = pl.coalesce(coded("sub_modalidad", sub_grounds), coded("modalidad", words["rationale"]))
    published = plain(stamp(pl.col("fecha_publicacion")))
    return joined.select(
        "nog",
        "numero_oferentes",
        buyer=obj({"id": string(pl.col("buyer_id")), "name": string(pl.col("buyer_name"))}),
        procuring=obj({"id": string(pl.col("unit_id")), "name": string(pl.col("unit_name"))}),
        title=string(clean(pl.col("descripcion"))),
        published=published,
        items="items",
        method=plain(coded("modalidad", words["method"])),
        methodDetails=string(coded("modalidad", words["literal"])),
        rationale=string(ground),
        category=plain(coded("objeto", catalogs.mapping("objetos", "literal", "code"))),
        otherCategories=_other_categories(),
        categories=_categories(),
        tenderType=obj(
            {"id": plain(pl.col("tipo_concurso").cast(pl.String)), "description": string(coded("tipo_concurso", types))}
        ),
        subMethod=obj(
            {
                "id": plain(pl.col("sub_modalidad").cast(pl.String)),
                "description": string(coded("sub_modalidad", sub_names)),
            }
        ),
        submission=array(plain(coded("recepcion_ofertas", catalogs.mapping("recepcion", "literal", "code")))),
        period=obj({"startDate": published, "endDate": plain(stamp(pl.col("fecha_cro")))}),
        value=_value(pl.col("valor_estimado"), pl.col("moneda")),
    )


def _other_categories() -> pl.Expr:
    codes = catalogs.mapping("objetos", "literal", "code")
    words = pl.col("objetos_adicionales").str.replace_all(r"\s", "").str.split(",")
    texts = words.list.eval(
        pl.element().replace_strict({k: f'"{v}"' for k, v in codes.items()}, default=None)
    ).list.drop_nulls()
    return pl.when(texts.list.len() > 0).then(pl.concat_str(pl.lit("["), texts.list.join(","), pl.lit("]")))


def _categories() -> pl.Expr:
    rows = catalogs.table("categorias").iter_rows(named=True)
    texts = {row["id"]: orjson.dumps({"id": str(row["id"]), "description": row["name"]}).decode() for row in rows}
    known = pl.col("categorias").list.unique(maintain_order=True)
    pieces = known.list.eval(pl.element().replace_strict(texts, default=None, return_dtype=pl.String)).list.drop_nulls()
    return pl.when(pieces.list.len() > 0).then(pl.concat_str(pl.lit("["), pieces.list.join(","), pl.lit("]")))


def _items(renglones: pl.DataFrame, caracteristicas: pl.DataFrame) -> pl.DataFrame:
    """nog, items: the JSON array of a NOG's items with their attributes."""
    attribute = obj(
        {
            "id": string(pl.col("caracteristica_id")),
            "name": string(clean(pl.col("nombre"))),
            "value": string(clean(pl.col("valor"))),
        }
    )
    attributes = caracteristicas.group_by("nog", "renglon_id", maintain_order=True).agg(attributes=gathered(attribute))
    unspsc = pl.col("unspsc")
    item = obj(
        {
            "id": string(pl.col("renglon_id")),
            "description": string(clean(pl.col("descripcion"))),
            "classification": obj(
                {"scheme": pl.when(unspsc.is_not_null()).then(pl.lit('"UNSPSC"')), "id": plain(unspsc)}
            ),
            "quantity": number(pl.col("cantidad")),
            "unit": obj(
                {
                    "name": string(clean(pl.col("unidad_medida"))),
                    "value": _value(pl.col("precio_unitario"), pl.col("moneda")),
                }
            ),
            "attributes": pl.col("attributes"),
        }
    )
    joined = renglones.join(attributes, on=["nog", "renglon_id"], how="left", maintain_order="left")
    return joined.group_by("nog", maintain_order=True).agg(items=gathered(item))


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort("nog", "seq", maintain_order=True)


def _per_release(frame: pl.DataFrame, column: str = "json") -> pl.DataFrame:
    return frame.group_by("nog", "seq", maintain_order=True).agg(list=gathered(pl.col(column)))


def _attach(state: pl.DataFrame, name: str, lists: pl.DataFrame) -> pl.DataFrame:
    return state.join(lists.rename({"list": name}), on=["nog", "seq"], how="left", maintain_order="left")


def _releases(
    state: pl.DataFrame, month: str, config: Settings, ofertas: pl.DataFrame, offers_known: bool
) -> pl.DataFrame:
    status = pl.col("estatus_concurso")
    state = state.with_columns(
        tender_status=status.replace_strict(catalogs.mapping("estatus", "id", "tender_status"), default=None),
        has_offers=pl.col("nog").is_in(ofertas["nog"].unique().implode()),
    )
    state = state.with_columns(tag=_tags(pl.col("awards").is_not_null(), pl.col("contracts").is_not_null()))
    # While offers are sealed nobody has offered as far as the public knows; afterwards the offers count, if there are any.
    counted = pl.when(pl.col("has_offers")).then(pl.col("offered").fill_null(0)).otherwise("numero_oferentes")
    tenderers = pl.when("opened").then(counted.fill_null(0) if offers_known else counted).otherwise(pl.lit(0))
    tender = obj(
        {
            "id": plain(pl.format("GT-NOG-{}", "nog")),
            "title": pl.col("title"),
            "status": plain(pl.col("tender_status")),
            "statusDetails": string(status.replace_strict(catalogs.mapping("estatus", "id", "name"), default=None)),
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
            "numberOfTenderers": number(tenderers),
            "tenderers": pl.col("tenderers"),
            "items": pl.col("items"),
            "documents": pl.col("documents"),
        }
    )
    ocid = pl.format(settings.OCID_PREFIX + "-{}", "nog")
    tag = pl.concat_str(pl.lit('["'), pl.col("tag").list.join('","'), pl.lit('"]'))
    release = obj(
        {
            "ocid": plain(ocid),
            "id": plain(pl.col("id")),
            "date": plain(stamp(pl.col("fecha_evento"))),
            "publishedDate": plain(stamp(pl.col("fecha_registro"))),
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
    return state.select(
        "nog",
        ocid=ocid,
        id="id",
        date=stamp(pl.col("fecha_evento")),
        publishedDate=stamp(pl.col("fecha_registro")),
        tag="tag",
        json=release,
    )
