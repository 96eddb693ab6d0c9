"""The invented country of the synthetic source: who buys, who sells, what is bought and in which words.

Built from the word lists in `data/demo/` and the seed alone, so every month of one seed shares it. Institutions are
real public ones or generic; persons, companies, NITs, addresses and telephones are made up. What happens in it is
`month`'s business.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from guatecompras import catalogs
from guatecompras.contract import TABLES
from guatecompras.demo.draws import Draws, Quantiles, weighted

_WORDS = Path(__file__).parents[1] / "data" / "demo"
_PARTY = {name: dtype for name, dtype in TABLES["partes"].schema.items() if name != "nog"}

_MUNICIPAL_WEIGHT = (5000.0, 32000.0)  # of all municipalities together: in small purchases, in formal ones
_ENTITY_TYPES = {
    4: "Administración Central",
    5: "Entidades Descentralizadas, Autónomas y de Seguridad Social",
    6: "Gobiernos Locales (Municipalidades, Mancomunidades, etc.)",
}

# Kinds of suppliers.
PERSON, COMPANY, COOPERATIVE, FOREIGN = range(4)
# Two bidders of one concurso never coincide: bidder k has its own place within a group of so many suppliers.
GROUP = 24


@dataclass(frozen=True)
class World:
    """Frames of parties (the columns of `partes` without nog) and tables to draw from, all indexed by row number."""

    entities: pl.DataFrame
    entity_number: pl.Series
    entity_kind: pl.Series  # tipo_entidad
    entity_level: pl.Series  # sub_tipo_entidad
    entity_health: pl.Series  # buys mostly for hospitals
    entity_igss: pl.Series
    entity_place: pl.Series
    entity_units: pl.Series  # how many units, at least 1
    entity_first_unit: pl.Series
    entity_slots: dict[str, pl.Series]  # `directa`, `formal`: weighted choice of an entity
    units: pl.DataFrame
    unit_number: pl.Series
    suppliers: pl.DataFrame
    supplier_id: pl.Series  # party id, for example GT-NIT-7894880
    lines: pl.DataFrame  # rubros
    line_first_group: pl.Series  # suppliers of a line: groups of GROUP
    line_slots: dict[str, pl.Series]  # `salud`, `otros`, `formal`
    goods: pl.DataFrame  # bienes, with `titulo` (upper case)
    line_first_good: pl.Series
    line_goods: pl.Series
    modalities: pl.DataFrame
    modality_slots: pl.Series  # row numbers of `modalities`
    period_days: Quantiles  # publication to close of reception, one row a modality
    award_days: Quantiles  # publication to award
    amount: Quantiles  # quetzales
    titles: pl.DataFrame
    title_first: pl.Series  # by objeto: 0 bienes, 1 servicios, 2 obras
    title_count: pl.Series
    features: pl.DataFrame  # ready texts of `Características`, by line
    features_per_line: int
    sentences: pl.Series  # ready texts of `Características Adicionales`
    documents: pl.DataFrame
    document_first: dict[str, int]  # class -> first row of `documents`
    extension_slots: pl.Series
    extensions: pl.Series


def nits(body: pl.Series) -> pl.Series:
    """NITs with their check character from bodies (Int64) of up to nine digits.

    Check = "0123456789K"[(-sum of digit * (place + 2)) mod 11], places from the right, starting at 0.
    """
    total = pl.zeros(len(body), pl.Int64, eager=True)
    for place in range(9):
        total += body // 10**place % 10 * (place + 2)
    check = pl.Series(list("0123456789K")).gather((11 - total % 11) % 11)
    return pl.select(pl.concat_str(body.cast(pl.String), check)).to_series()


@lru_cache(maxsize=2)
def world(seed: int) -> World:
    """The world of a seed, a few milliseconds to build."""
    draws = Draws(seed, "mundo")
    words = {name: _read(name) for name in ("rubros", "bienes", "modalidades", "titulos", "documentos", "extensiones")}
    lines, goods, modalities = words["rubros"], words["bienes"], words["modalidades"]
    methods = catalogs.mapping("modalidades", "id", "method")
    modalities = modalities.with_columns(metodo=pl.col("modalidad").replace_strict(methods, return_dtype=pl.String))
    entities, units = buyers(draws, _institutions())
    suppliers = _suppliers(draws, GROUP * int(lines["grupos"].sum()))
    counts = goods.group_by("rubro", maintain_order=True).len()["len"].cast(pl.Int64)
    titles = words["titulos"].with_columns(pl.col("inicio", "medio", "fin", "cierre").fill_null(""))
    title_counts = titles.group_by("objeto", maintain_order=True).len()["len"].cast(pl.Int64)
    documents = words["documentos"].with_row_index("fila")
    features, per_line = _features()
    return World(
        **buyer_fields(entities, units),
        entity_slots={
            name: weighted(range(len(entities)), entities[column].to_list())
            for name, column in (("directa", "peso"), ("formal", "peso_formal"))
        },
        **supplier_fields(suppliers),
        lines=lines,
        line_first_group=_starts(lines["grupos"]),
        line_slots={
            name: weighted(range(len(lines)), lines[f"peso_{name}"].to_list()) for name in ("salud", "otros", "formal")
        },
        goods=goods.with_columns(titulo=pl.col("descripcion").str.to_uppercase()),
        line_first_good=_starts(counts),
        line_goods=counts,
        modalities=modalities,
        modality_slots=weighted(range(len(modalities)), modalities["peso"].to_list()),
        period_days=_quantiles(modalities["plazo"]),
        award_days=_quantiles(modalities["adjudicacion"]),
        amount=_quantiles(modalities["monto"]),
        titles=titles,
        title_first=_starts(title_counts),
        title_count=title_counts,
        features=features,
        features_per_line=per_line,
        sentences=_sentences(draws),
        documents=documents,
        document_first=dict(documents.group_by("clase").agg(pl.col("fila").min()).rows()),
        extension_slots=weighted(range(len(words["extensiones"])), words["extensiones"]["peso"].to_list()),
        extensions=words["extensiones"]["extension"],
    )


def _read(name: str) -> pl.DataFrame:
    """One word list; empty cells are null."""
    return pl.read_csv(_WORDS / f"{name}.csv")


def _starts(counts: pl.Series) -> pl.Series:
    """Where each run starts when runs of these lengths follow each other."""
    return counts.cum_sum() - counts


def _quantiles(texts: pl.Series) -> Quantiles:
    return Quantiles([[float(word) for word in text.split()] for text in texts])


def _plain(text: str) -> str:
    """Lower-case ASCII letters and digits, for addresses of electronic mail."""
    letters = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in letters if letter.isascii() and letter.isalnum())


def _words(kind: str) -> pl.Series:
    return _read("palabras").filter(pl.col("clase") == kind)["palabra"]


def _street(draws: Draws, name: str, counter: pl.Series) -> pl.Series:
    """Addresses such as `7a. avenida 14-32 zona 9`."""
    numbers = (draws.below(f"{name}/{part}", counter, bound) + 1 for part, bound in enumerate((24, 40, 95, 21)))
    avenue, corner, door, zone = (number.cast(pl.String) for number in numbers)
    return pl.select(pl.format("{}a. avenida {}-{} zona {}", avenue, corner, door, zone)).to_series()


def _phone(draws: Draws, name: str, counter: pl.Series) -> pl.Series:
    return (draws.below(name, counter, 59_999_999) + 20_000_001).cast(pl.String)


def buyer_fields(entities: pl.DataFrame, units: pl.DataFrame) -> dict[str, Any]:
    """What a World keeps of `buyers`."""
    return {
        "entities": entities.select(*_PARTY),
        "entity_number": entities["entidad"],
        "entity_kind": entities["clase_entidad"],
        "entity_level": entities["nivel_id"].cast(pl.Int64),
        "entity_health": entities["salud"],
        "entity_igss": entities["igss"],
        "entity_place": entities["lugar"],
        "entity_units": entities["unidades"],
        "entity_first_unit": _starts(entities["unidades"]),
        "units": units.select(*_PARTY),
        "unit_number": units["unidad"],
    }


def supplier_fields(suppliers: pl.DataFrame) -> dict[str, Any]:
    """What a World keeps of suppliers; their ids are told by their scheme and number."""
    named = suppliers.select(pl.format("{}-{}", "esquema", "identificador")).to_series()
    return {"suppliers": suppliers.select(*_PARTY), "supplier_id": named}


def towns() -> pl.DataFrame:
    """The country's municipalities, `nombre` and `nombre_departamento` among the columns."""
    return _read("municipios")


def _institutions() -> list[dict[str, Any]]:
    """The entities that buy: those of the list and every municipality."""
    places = towns()
    capital = {"municipio": "GUATEMALA", "departamento": "GUATEMALA", "lugar": "GUATEMALA"}
    rows = [
        {**row, **capital, "salud": row["clase"] in ("igss", "salud"), "igss": row["clase"] == "igss"}
        for row in _read("entidades").iter_rows(named=True)
    ]
    shares = [weight / len(places) for weight in _MUNICIPAL_WEIGHT]
    for number, place in enumerate(places.iter_rows(named=True)):
        rows.append(
            {
                "entidad": 300 + number,
                "cisp": 12100000 + 100 * place["departamento"] + place["municipio"],
                "nombre": f"MUNICIPALIDAD DE {place['nombre']}, {place['nombre_departamento']}",
                "tipo_entidad": 6,
                "nivel_id": 59,
                "nivel": "Municipalidad",
                "peso": shares[0],
                "peso_formal": shares[1],
                "correo": f"muni{_plain(place['nombre'])}{place['departamento']}",
                "clase": "municipalidad",
                "municipio": place["nombre"],
                "departamento": place["nombre_departamento"],
                "lugar": f"{place['nombre']}, {place['nombre_departamento']}",
                "salud": False,
                "igss": False,
            }
        )
    return rows


def buyers(draws: Draws, rows: list[dict[str, Any]], first: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The entities, with weights and helper columns, and their purchasing units in the entities' order.

    `first`: the number that the first of them draws by, which keeps its NIT from those of others.
    """
    places = towns()
    base = pl.DataFrame(rows, infer_schema_length=None)
    units = _units(draws, rows, places)
    counter = pl.int_range(first, first + len(base), eager=True, dtype=pl.UInt64)
    entities = base.select(
        "entidad",
        "salud",
        "igss",
        "lugar",
        "peso",
        "peso_formal",
        pl.col("tipo_entidad").alias("clase_entidad"),
        units.group_by("dueño", maintain_order=True).len()["len"].cast(pl.Int64).alias("unidades"),
        esquema=pl.lit("GT-CISP"),
        identificador=pl.col("cisp").cast(pl.String),
        nombre="nombre",
        nit=nits(100_000 + counter.cast(pl.Int64) * 2_000 + draws.below("nit", counter, 2_000)),
        direccion=_street(draws, "calle", counter),
        municipio="municipio",
        departamento="departamento",
        pais=pl.lit("GUATEMALA"),
        contacto_nombre="nombre",
        contacto_correo=pl.format("compras@{}.example", "correo"),
        contacto_telefono=_phone(draws, "tel", counter),
        contacto_fax=pl.when(draws.chance("fax?", counter, 0.78)).then(_phone(draws, "fax", counter)),
        tipo_id=pl.when(pl.col("clase") == "otra").then(pl.lit("2")).otherwise(pl.lit("1")),
        tipo=pl.when(pl.col("clase") == "otra")
        .then(pl.lit("Fideicomisos y otras entidades"))
        .otherwise(pl.lit("Sector Público")),
        tipo_entidad_id=pl.col("tipo_entidad").cast(pl.String),
        tipo_entidad=pl.col("tipo_entidad").replace_strict(_ENTITY_TYPES, return_dtype=pl.String),
        nivel_id=pl.col("nivel_id").cast(pl.String),
        nivel="nivel",
    )
    return _party(entities), _party(units)


def _units(draws: Draws, entities: list[dict[str, Any]], places: pl.DataFrame) -> pl.DataFrame:
    """The purchasing units of each entity, numbered from 1; a pattern with `lugares` gives so many units, a town each.

    Below zero: a department each. `*` in a pattern is the entity's own town.
    """
    towns = list(zip(places["nombre"], places["nombre_departamento"], strict=True))
    regions = [(region, region) for region in places["nombre_departamento"].unique(maintain_order=True)]
    rows = []
    for owner, entity in enumerate(entities):
        number = 0
        for kind, pattern, count in _read_units():
            if kind != entity["clase"]:
                continue
            own = (str(entity["municipio"]), str(entity["departamento"]))
            names = regions if count < 0 else towns
            step = len(names) // max(abs(count), 1)
            for town, region in [names[(owner + step * place) % len(names)] for place in range(abs(count))] or [own]:
                number += 1
                name = pattern.replace("*", town) if "*" in pattern else pattern + (town if count else "")
                rows.append((owner, number, f"{entity['entidad']}-{number}", name, town, region))
    base = pl.DataFrame(
        rows, orient="row", schema=["dueño", "unidad", "identificador", "nombre", "municipio", "departamento"]
    )
    owners = pl.DataFrame(entities, infer_schema_length=None)[base["dueño"]]
    counter = pl.int_range(0, len(base), eager=True, dtype=pl.UInt64)
    ministry = (
        owners["tipo_entidad"] == 4
    )  # the official file gives units of about a tenth of the records type 0, unnamed
    private = owners["clase"] == "otra"
    return base.select(
        "dueño",
        "unidad",
        "identificador",
        "nombre",
        "municipio",
        "departamento",
        esquema=pl.lit("GT-GCUC"),
        miembro_de=pl.select(pl.format("GT-CISP-{}", owners["cisp"])).to_series(),
        direccion=_street(draws, "calle/unidad", counter),
        pais=pl.lit("GUATEMALA"),
        contacto_nombre="nombre",
        contacto_correo=pl.select(pl.format("compras{}@{}.example", base["unidad"], owners["correo"])).to_series(),
        contacto_telefono=_phone(draws, "tel/unidad", counter),
        contacto_fax=pl.when(draws.chance("fax?/unidad", counter, 0.7)).then(_phone(draws, "fax/unidad", counter)),
        tipo_id=pl.when(ministry).then(pl.lit("0")).when(private).then(pl.lit("2")).otherwise(pl.lit("1")),
        tipo=pl.when(ministry)
        .then(None)
        .when(private)
        .then(pl.lit("Fideicomisos y otras entidades"))
        .otherwise(pl.lit("Sector Público")),
        tipo_entidad_id=pl.when(ministry).then(pl.lit("0")).otherwise(owners["tipo_entidad"].cast(pl.String)),
        tipo_entidad=pl.when(~ministry).then(
            owners["tipo_entidad"].replace_strict(_ENTITY_TYPES, return_dtype=pl.String)
        ),
    )


@lru_cache(maxsize=1)
def _read_units() -> list[tuple[str, str, int]]:
    return _read("unidades").rows()


def _suppliers(draws: Draws, count: int) -> pl.DataFrame:
    """`count` suppliers: 44 % individuals, 1 % foreign, 1.5 % cooperatives, the rest companies."""
    counter = pl.int_range(0, count, eager=True, dtype=pl.UInt64)
    kind = draws.choice("clase", counter, weighted((PERSON, COMPANY, COOPERATIVE, FOREIGN), (44, 53.5, 1.5, 1)))
    body = 400_000 + counter.cast(pl.Int64) * 7919 % count * 1_300 + draws.below("nit/proveedor", counter, 1_300)
    return suppliers_of(draws, counter, kind, body)


def suppliers_of(draws: Draws, counter: pl.Series, kind: pl.Series, body: pl.Series) -> pl.DataFrame:
    """The suppliers that draw at the places `counter`; `body`: of their NITs, without the check character."""
    number = counter.cast(pl.Int64)
    person, cooperative, foreign = kind == PERSON, kind == COOPERATIVE, kind == FOREIGN
    surnames, names, lines, roots, tails = (_words(word) for word in ("apellido", "nombre", "giro", "raiz", "cola"))

    def pick(name: str, words: pl.Series) -> pl.Series:
        return words.gather(draws.below(name, counter, len(words)))

    mixed = number * 7919 % (len(lines) * len(roots) * len(tails))  # 7919 is prime: no two companies share a name
    root = roots.gather(mixed // len(lines) % len(roots))
    trade = pl.select(
        pl.format("{} {} {}", lines.gather(mixed % len(lines)), root, tails.gather(mixed // (len(lines) * len(roots))))
    ).to_series()
    natural = pl.select(
        pl.format("{},{},,{},{}", pick("a1", surnames), pick("a2", surnames), pick("n1", names), pick("n2", names))
    ).to_series()
    country = pick("pais", _words("pais"))
    foreign_id = pl.select(pl.format("{}-{}", country.str.slice(0, 2), draws.hex_ids("gcid", counter))).to_series()
    nit = nits(body)
    place = draws.below("lugar", counter, len(_read("municipios")))
    towns = _read("municipios")
    capital = draws.chance("capital?", counter, 0.6)
    host = pl.Series([_plain(word) for word in roots]).gather(mixed // len(lines) % len(roots))
    mail = (
        pl.when(person)
        .then(pl.format("proveedor{}@correo.example", number))
        .otherwise(pl.format("ventas{}@{}.example", number, host))
    )
    sales = pl.struct(
        nombre=natural, correo=pl.format("cobros{}@{}.example", number, host), telefono=_phone(draws, "t1", counter)
    )
    stock = pl.struct(
        nombre=natural.reverse(),
        correo=pl.format("bodega{}@{}.example", number, host),
        telefono=_phone(draws, "t2", counter),
    )
    contacts = draws.choice("contactos", counter, weighted((0, 1, 2), (83.5, 8, 8.5)))
    base = pl.select(
        esquema=pl.when(foreign).then(pl.lit("GT-GCID")).otherwise(pl.lit("GT-NIT")),
        identificador=pl.when(foreign).then(foreign_id).otherwise(nit),
        nombre=pl.when(person)
        .then(natural)
        .when(cooperative)
        .then(pl.format("COOPERATIVA INTEGRAL {}, RESPONSABILIDAD LIMITADA", trade))
        .when(foreign)
        .then(pl.format("{}, S.A.S.", trade))
        .otherwise(pl.format("{}, SOCIEDAD ANÓNIMA", trade)),
        direccion=_street(draws, "calle/proveedor", counter),
        municipio=pl.when(foreign)
        .then(country.str.slice(3))
        .when(capital)
        .then(pl.lit("GUATEMALA"))
        .otherwise(towns["nombre"].gather(place)),
        departamento=pl.when(foreign)
        .then(country.str.slice(3))
        .when(capital)
        .then(pl.lit("GUATEMALA"))
        .otherwise(towns["nombre_departamento"].gather(place)),
        pais=pl.when(foreign).then(country.str.slice(3)).otherwise(pl.lit("GUATEMALA")),
        contacto_nombre=natural,
        contacto_correo=pl.when(~draws.chance("correo?", counter, 0.009)).then(mail),
        contacto_telefono=pl.when(~draws.chance("tel?", counter, 0.002)).then(_phone(draws, "tel/proveedor", counter)),
        contacto_fax=pl.when(draws.chance("fax?/proveedor", counter, 0.08)).then(
            _phone(draws, "fax/proveedor", counter)
        ),
        contactos_adicionales=pl.when(contacts == 1)
        .then(pl.concat_list(sales))
        .when(contacts == 2)
        .then(pl.concat_list(sales, stock)),
        tipo_persona_id=pl.when(person).then(pl.lit("0")).when(cooperative).then(pl.lit("15")).otherwise(pl.lit("2")),
        tipo_persona=pl.when(person)
        .then(pl.lit("INDIVIDUAL"))
        .when(cooperative)
        .then(pl.lit("COOPERATIVA"))
        .otherwise(pl.lit("SOCIEDAD ANÓNIMA")),
    )
    return _party(base)


def _party(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column of `partes` (but nog) in the contract's type."""
    absent = [pl.lit(None).alias(name) for name in _PARTY if name not in frame.columns]
    return frame.with_columns(absent).with_columns(pl.col(name).cast(dtype) for name, dtype in _PARTY.items())


def _features() -> tuple[pl.DataFrame, int]:
    """The texts of `Características`, the same number for each line: runs of 1 to 4 phrases from every phrase."""
    longest, starts = 4, 8
    texts = []
    for _, group in _read("caracteristicas").group_by("rubro", maintain_order=True):
        phrases = group["frase"].to_list()
        for start in range(starts):
            for length in range(1, longest + 1):
                chosen = [phrases[(start + step) % len(phrases)] for step in range(min(length, len(phrases)))]
                texts.append(" " + "".join(f"{phrase}; " for phrase in chosen))
    return pl.DataFrame({"texto": texts}), longest * starts


def _sentences(draws: Draws) -> pl.Series:
    """A pool of 2,048 texts of 1 to 4 sentences, some set with `<br />` or double spaces as Guatecompras has them."""
    counter = pl.int_range(0, 2_048, eager=True, dtype=pl.UInt64)
    sentences = _read("frases")["frase"]
    parts = [sentences.gather(draws.below(f"frase/{part}", counter, len(sentences))) for part in range(4)]
    gap = pl.Series([" ", "<br />", "  ", " "]).gather(
        draws.choice("hueco", counter, weighted((0, 1, 2, 3), (80, 8, 7, 5)))
    )
    length = draws.choice("largo", counter, weighted((1, 2, 3, 4), (74, 19, 5, 2)))
    text = parts[0]
    for number, part in enumerate(parts[1:], start=1):
        text = pl.select(pl.when(length > number).then(pl.concat_str(text, gap, part)).otherwise(text)).to_series()
    return text
