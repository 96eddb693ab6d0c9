"""The organisations of some NOGs: who buys, who offers and who supplies, what is known of each, and the roles it has.

What a person's or a company's row is made of is the contract's table `partes`; which offers and awards a release shows is
`visibility.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from guatecompras.contract import TABLES
from guatecompras.ocds.jsontext import array, obj, select, string
from guatecompras.ocds.wording import Rows, published_text
from guatecompras.people import COMPANY

_BUYING = ("GT-CISP", "GT-GCUC")
# Persons are registered as SURNAME,SURNAME,MARRIED NAME,GIVEN,GIVEN (the second given name may be left out with its
# comma).
_SURNAMES_FIRST = r"^[^,]*,[^,]*,[^,]*(,[^,]*){1,2}$"
_INDIVIDUAL = "INDIVIDUAL"


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
        return cls(published_text("partes", entities), published_text("partes", units))

    @classmethod
    def in_files(cls, files: Mapping[str, Path]) -> "Directory":
        """That of a snapshot's files."""
        return cls.of(pl.scan_parquet(files["concursos"]), pl.scan_parquet(files["partes"]))

    def equals(self, other: "Directory") -> bool:
        return self.entities.equals(other.entities) and self.units.equals(other.units)

    @classmethod
    def empty(cls) -> "Directory":
        schema = TABLES["partes"].schema
        return cls(pl.DataFrame(schema=schema | {"entidad_compradora": pl.Int64()}), pl.DataFrame(schema=schema))


# Who there is.


def everyone(rows: Rows, directory: Directory) -> pl.DataFrame:
    """The rows of partes, and one for every buyer, unit or supplier that is referred to but has none.

    Adds `id`, `name` (persons' given names first), `legal_name` (as registered, where that differs) and `supplies`
    (it offers or wins, in whatever release). By nog.
    """
    parties, concursos = rows["partes"], rows["concursos"]
    referred = pl.concat(
        [rows["ofertas"].select("nog", id="proveedor"), rows["adjudicaciones"].select("nog", id="proveedor")]
    ).unique(maintain_order=True)
    own = parties.select("nog", id=_id())
    frames = [
        parties,
        *_missing_entities(parties, concursos, directory),
        *_missing_units(parties, concursos, directory),
        _named_by_nit(parties, concursos, referred, directory),
        _bare(referred.join(own, on=["nog", "id"], how="anti"), parties.schema),
    ]
    found = pl.concat(frame.select(parties.columns) for frame in frames).with_columns(id=_id())
    found = found.unique(["nog", "id"], keep="first", maintain_order=True).sort("nog", maintain_order=True)
    supplies = referred.with_columns(supplies=pl.lit(True))
    found = found.join(supplies, on=["nog", "id"], how="left", maintain_order="left")
    return _named(found.with_columns(pl.col("supplies").fill_null(False)))


def _id() -> pl.Expr:
    return pl.concat_str("esquema", pl.lit("-"), "identificador")


def _missing_entities(parties: pl.DataFrame, concursos: pl.DataFrame, directory: Directory) -> list[pl.DataFrame]:
    """The buying entities of the NOGs without one in their rows: as the month knows them, else nothing but their number."""
    entities = parties.filter(pl.col("esquema") == "GT-CISP")
    without = concursos.join(entities, on="nog", how="anti").select("nog", "entidad_compradora").drop_nulls()
    known = without.join(directory.entities.drop("nog"), on="entidad_compradora")
    unknown = without.join(directory.entities, on="entidad_compradora", how="anti")
    return [known, _bare(unknown.select("nog", id=pl.format("GT-GCUC-{}-0", "entidad_compradora")), parties.schema)]


def _missing_units(parties: pl.DataFrame, concursos: pl.DataFrame, directory: Directory) -> list[pl.DataFrame]:
    """The same for purchasing units; unit 0 is the entity itself."""
    units = concursos.filter(pl.col("unidad_compradora") > 0).drop_nulls("entidad_compradora")
    units = units.select("nog", identificador=pl.format("{}-{}", "entidad_compradora", "unidad_compradora"))
    own = parties.filter(pl.col("esquema") == "GT-GCUC").select("nog", "identificador")
    without = units.join(own, on=["nog", "identificador"], how="anti")
    known = without.join(directory.units.drop("nog"), on="identificador")
    unknown = without.join(directory.units, on="identificador", how="anti")
    return [known, _bare(unknown.select("nog", id=pl.format("GT-GCUC-{}", "identificador")), parties.schema)]


def _named_by_nit(
    parties: pl.DataFrame, concursos: pl.DataFrame, referred: pl.DataFrame, directory: Directory
) -> pl.DataFrame:
    """The entities of the NOGs that name their buyer by its NIT only, where the month knows whose NIT that is."""
    lost = concursos.filter(pl.col("entidad_compradora").is_null())
    lost = lost.join(parties.filter(pl.col("esquema").is_in(_BUYING)), on="nog", how="anti").select("nog")
    idle = parties.join(lost, on="nog", how="semi").with_columns(id=_id()).join(referred, on=["nog", "id"], how="anti")
    entities = directory.entities.drop("nog").drop_nulls("nit").unique("nit", keep="first", maintain_order=True)
    found = idle.filter(pl.col("esquema") == "GT-NIT").select("nog", nit="identificador").join(entities, on="nit")
    return found.select(parties.columns)


def _bare(ids: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Rows of partes that hold nothing but who it is, from nog and id."""
    parts = ids.select(
        "nog",
        esquema=pl.col("id").str.extract("^(GT-[A-Z]+)-"),
        identificador=pl.col("id").str.extract("^GT-[A-Z]+-(.+)$"),
    )
    nulls = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in parts.columns]
    return parts.with_columns(nulls).select(schema.names())


def _named(parties: pl.DataFrame) -> pl.DataFrame:
    registered = pl.col("nombre")
    person = pl.col("esquema").is_in(["GT-NIT", "GT-GCID"]) & registered.str.contains(_SURNAMES_FIRST)
    person = person & ~registered.str.contains(COMPANY)
    person = person & (pl.col("tipo_persona").str.to_uppercase() == _INDIVIDUAL).fill_null(True)
    parts = registered.str.split(",")
    natural = pl.concat_list(parts.list.slice(3), parts.list.slice(0, 3)).list.join(" ").str.replace_all(" +", " ")
    natural = natural.str.strip_chars(" ")
    turned = person & (natural != "")
    return parties.with_columns(
        name=pl.when(turned).then(natural).otherwise(registered), legal_name=pl.when(turned).then(registered)
    )


def references(parties: pl.DataFrame) -> pl.DataFrame:
    """Suppliers as organisations are referred to: nog, proveedor, reference (JSON)."""
    reference = obj({"id": string(pl.col("id")), "name": string(pl.col("name"))})
    return parties.filter("supplies").select("nog", proveedor="id", reference=reference)


# Who buys.


def with_buyers(concursos: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    """Add buyer_id, buyer_name, unit_id, unit_name: the entity's party and the purchasing unit's (or again the entity's).

    The entity is the one that the unit belongs to; else the NOG's first, or what stands for it (its number, a unit, a NIT).
    All four are null where there is nobody.
    """
    units = parties.select("nog", unit_id="id", unit_name="name", owner="miembro_de", found=pl.lit(True))
    named = concursos.with_columns(
        unit_id=pl.format("GT-GCUC-{}-{}", "entidad_compradora", "unidad_compradora"),
        entity_id=pl.format("GT-GCUC-{}-0", "entidad_compradora"),
    ).join(units, on=["nog", "unit_id"], how="left", maintain_order="left")
    scheme, own = pl.col("esquema"), pl.col("id")
    rank = (
        pl.when(own == pl.col("owner"), scheme == "GT-CISP")
        .then(0)
        .when(scheme == "GT-CISP", ~pl.col("supplies"))
        .then(1)
        .when(scheme == "GT-CISP")
        .then(2)
        .when(own == pl.col("entity_id"))
        .then(3)
        .when(pl.col("entidad_compradora").is_null(), scheme == "GT-GCUC")
        .then(4)
        .when(pl.col("entidad_compradora").is_null(), ~pl.col("supplies"))
        .then(5)
    )
    candidates = parties.select("nog", "id", "name", "esquema", "supplies").join(
        named.select("nog", "owner", "entity_id", "entidad_compradora"), on="nog", maintain_order="left"
    )
    candidates = candidates.select("nog", "id", "name", rank=rank).drop_nulls("rank")
    candidates = candidates.sort("nog", "rank", maintain_order=True)
    buyers = candidates.unique("nog", keep="first", maintain_order=True).select("nog", buyer_id="id", buyer_name="name")
    own_unit = pl.col("found").fill_null(False)
    return (
        named.join(buyers, on="nog", how="left", maintain_order="left")
        .with_columns(
            unit_id=pl.when(own_unit).then("unit_id").otherwise("buyer_id"),
            unit_name=pl.when(own_unit).then("unit_name").otherwise("buyer_name"),
        )
        .drop("entity_id", "owner", "found")
    )


# What a release says of them.


def shown(
    parties: pl.DataFrame, concursos: pl.DataFrame, events: pl.DataFrame, offers: pl.DataFrame, awards: pl.DataFrame
) -> pl.DataFrame:
    """One row a party and release (nog, seq, id as JSON, json): buyers always, suppliers from the release that shows their part."""
    bodies = _bodies(parties, concursos)
    standing = bodies.filter("standing").join(events.select("nog", "seq"), on="nog")
    offering = offers.select("nog", "seq", id="proveedor").unique().with_columns(tenderer=pl.lit(True))
    winning = awards.select("nog", "seq", id="proveedor").unique().with_columns(supplier=pl.lit(True))
    part = offering.join(winning, on=["nog", "seq", "id"], how="full", coalesce=True)
    supplying = bodies.filter(~pl.col("standing")).join(part.select("nog", "seq", "id"), on=["nog", "id"])
    present = pl.concat([standing, supplying.select(standing.columns)])
    present = present.join(part, on=["nog", "seq", "id"], how="left")
    buyer = (pl.col("id") == pl.col("buyer_id")).fill_null(False)
    unit = (pl.col("id") == pl.col("unit_id")).fill_null(False)
    known = buyer | unit | pl.col("tenderer").fill_null(False) | pl.col("supplier").fill_null(False)
    roles = array(
        pl.when(buyer | ~known).then(pl.lit('"buyer"')),
        pl.when(unit).then(pl.lit('"procuringEntity"')),
        pl.when(pl.col("tenderer")).then(pl.lit('"tenderer"')),
        pl.when(pl.col("supplier")).then(pl.lit('"supplier"')),
    )
    rank = pl.when(buyer).then(0).when(unit).then(1).when(pl.col("standing")).then(2).otherwise(3)
    whole = pl.concat_str(pl.col("body").str.head(-1), pl.lit(',"roles":'), roles, pl.lit("}"))
    return select(present.sort("nog", "seq", rank, "id"), "nog", "seq", id=string(pl.col("id")), json=whole)


def _bodies(parties: pl.DataFrame, concursos: pl.DataFrame) -> pl.DataFrame:
    """Everything of a party but its roles, as JSON text: nog, id, buyer_id, unit_id, standing, body.

    `standing`: in every release, because it buys; the others come and go with their part.
    """
    buyers = concursos.select("nog", "entidad_compradora", "buyer_id", "unit_id")
    joined = parties.join(buyers, on="nog", maintain_order="left")
    own, scheme = pl.col("id"), pl.col("esquema")
    buys = scheme.is_in(_BUYING) & ~pl.col("supplies")
    standing = (own == pl.col("buyer_id")).fill_null(False) | (own == pl.col("unit_id")).fill_null(False) | buys
    # A unit belongs to the buyer when the source does not say whose it is.
    orphan = (scheme == "GT-GCUC") & pl.col("miembro_de").is_null()
    joined = joined.with_columns(standing=standing, miembro_de=pl.when(orphan).then("buyer_id").otherwise("miembro_de"))
    # Only who is in every release can be referred to in every release.
    owners = joined.filter("standing").select("nog", miembro_de="id", owner_name="name", owner=pl.lit(True))
    joined = joined.join(owners, on=["nog", "miembro_de"], how="left", maintain_order="left")
    return select(joined, "nog", "id", "buyer_id", "unit_id", "standing", body=_body())


def _body() -> pl.Expr:
    nit = pl.when((pl.col("esquema") != "GT-NIT") | (pl.col("nit") != pl.col("identificador"))).then("nit")
    own_code = (pl.col("id") == pl.col("buyer_id")) & (pl.col("esquema") == "GT-CISP")
    code = pl.when(own_code).then(pl.format("{}-0", "entidad_compradora"))
    member = pl.when(pl.col("owner") & (pl.col("miembro_de") != pl.col("id")))
    return obj(
        {
            "id": string(pl.col("id")),
            "name": string(pl.col("name")),
            "identifier": obj(
                {
                    "scheme": string(pl.col("esquema")),
                    "id": string(pl.col("identificador")),
                    "legalName": string(pl.col("legal_name")),
                }
            ),
            "additionalIdentifiers": array(_identifier("GT-NIT", nit), _identifier("GT-GCUC", code)),
            "memberOf": member.then(
                array(obj({"id": string(pl.col("miembro_de")), "name": string(pl.col("owner_name"))}))
            ),
            "address": obj(
                {
                    "streetAddress": string(pl.col("direccion")),
                    "locality": string(pl.col("municipio")),
                    "region": string(pl.col("departamento")),
                    "countryName": string(pl.col("pais")),
                }
            ),
            "contactPoint": obj(
                {
                    "name": string(pl.col("contacto_nombre")),
                    "email": string(pl.col("contacto_correo")),
                    "telephone": string(pl.col("contacto_telefono")),
                    "faxNumber": string(pl.col("contacto_fax")),
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


def _identifier(scheme: str, number: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(f'{{"scheme":"{scheme}","id":"'), number, pl.lit('"}'))


def _detail(name: str) -> pl.Expr:
    """A coded detail of a party; code 0 without a description says nothing."""
    code, description = pl.col(f"{name}_id"), pl.col(name)
    return pl.when(~((code == "0") & description.is_null()).fill_null(False)).then(
        obj({"id": string(code), "description": string(description)})
    )


def _contacts() -> pl.Expr:
    def of(name: str) -> pl.Expr:
        return string(pl.element().struct.field(name))

    one = obj({"name": of("nombre"), "email": of("correo"), "telephone": of("telefono")})
    joined = pl.col("contactos_adicionales").list.eval(one.drop_nulls()).list.join(",")
    return pl.when(joined != "").then(pl.concat_str(pl.lit("["), joined, pl.lit("]")))
